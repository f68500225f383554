"""No window, average or return crosses a segment boundary."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.features import FEATURES, compute_features

NAMES = [feature.name for feature in FEATURES if feature.name != "segment" and not feature.cross_section]


def test_a_segment_is_computed_as_if_nothing_were_before_it(bars, segments):
    together = compute_features(bars, segments, names=[*NAMES, "segment"])
    for (_, number), rows in bars.groupby([bars["symbol"], segments]).groups.items():
        alone = compute_features(bars.loc[rows], names=NAMES)
        kept = together.loc[rows].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept[NAMES], alone[NAMES], check_exact=True)
        assert (kept["segment"] == number).all()
        assert kept["n_bars"].tolist() == list(range(1, len(rows) + 1))


def test_a_break_hides_the_jump_across_it(bars):
    mine = bars[bars["symbol"] == "BINANCE:S00USDT"].reset_index(drop=True)
    jumped = mine.copy()
    prices = ["open", "high", "low", "close"]
    jumped.loc[150:, prices] *= 1294.0
    number = pd.Series(np.repeat([0, 1], [150, len(mine) - 150]))
    whole, cut = compute_features(jumped), compute_features(jumped, number)
    assert whole["change"].max() > 100_000.0
    assert cut["change"].max() == pytest.approx(compute_features(mine, number)["change"].max(), rel=1e-9)
    assert np.isnan(cut.loc[150, "change"])
    assert cut.loc[150:269, "momentum"].isna().all()
