"""The history a walk-forward reads, at the pinned versions."""

from __future__ import annotations

import pandas as pd

from quant_assets.alpha.reading import PinnedLake
from quant_lib.decision import History, SleeveRules, features_read
from quant_lib.health import segment_bars


def segmented_bars(pinned: PinnedLake, rules: SleeveRules, **options: object) -> pd.DataFrame:
    """Bars up to the decision date, each with the segment it belongs to."""
    bars = pinned.past("ohlcv", columns=["symbol", "date", "open", "high", "low", "close", "volume"], **options)
    bars = bars.sort_values(["symbol", "date"], kind="stable").reset_index(drop=True)
    segments: pd.Series = segment_bars(bars, rules.health, pinned.calendars())
    return bars.assign(segment=segments)


def pinned_history(pinned: PinnedLake, rules: SleeveRules) -> History:
    """Bars with their segments, the features that the sleeve reads and the catalogue, up to the decision date."""
    features = pinned.past("features", columns=features_read(rules))
    return History.of(segmented_bars(pinned, rules), features, pinned.today("instruments"), rules.health)
