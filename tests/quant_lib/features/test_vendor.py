"""The vendor's figures beside ours: joined without storing, compared only where both closed the same bar."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.features.vendor import MIN_SYMBOLS, VENDOR_COLUMNS, judge_parity, with_vendor

N = MIN_SYMBOLS + 10
PRICES = ("open", "high", "low", "close")


@pytest.fixture
def ours() -> pd.DataFrame:
    rng = np.random.default_rng(42)
    rows = pd.DataFrame({name: rng.uniform(-0.9, 0.9, N) for name in VENDOR_COLUMNS})
    for price in PRICES:
        rows[price] = rng.uniform(10.0, 20.0, N)
    return rows.assign(date=pd.Timestamp("2026-01-05"), symbol=[f"X:S{n:02d}" for n in range(N)])


@pytest.fixture
def theirs(ours: pd.DataFrame) -> pd.DataFrame:
    told = {column: ours[feature] for feature, column in VENDOR_COLUMNS.items()}
    told |= {f"{price}_1d": ours[price] for price in PRICES}
    return ours[["date", "symbol"]].assign(fetched_at=pd.Timestamp("2026-01-06", tz="UTC"), **told)


def judged(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    return judge_parity(with_vendor(ours, theirs)).set_index("feature")


def test_equal_figures_hold_for_every_feature(ours, theirs):
    table = judged(ours, theirs)
    assert list(table.index) == list(VENDOR_COLUMNS)
    assert (table["n"] == N).all()
    assert (table["holds"] == 1.0).all()
    assert (table["mae"] == 0.0).all()


def test_a_running_bar_is_not_compared_even_where_it_stands_at_the_last_close(ours, theirs):
    running = theirs.index[:4]
    for price in ("open_1d", "high_1d", "low_1d"):
        theirs.loc[running, price] = theirs.loc[running, "close_1d"]
    theirs.loc[running, "change_1d"] = 0.0
    theirs.loc[running, "volume_1d"] /= 7.0
    table = judged(ours, theirs)
    assert (table["n"] == N - 4).all()
    assert (table["holds"] == 1.0).all()


def test_symbols_without_a_snapshot_stay_and_are_not_compared(ours, theirs):
    joined = with_vendor(ours, theirs.iloc[3:])
    assert len(joined) == N
    assert joined["tv_close"].isna().sum() == 3
    assert (judge_parity(joined)["n"] == N - 3).all()


@pytest.mark.parametrize(
    ("feature", "change"),
    [
        ("recommend_all", lambda values: values + 0.06),
        ("recommend_ma", lambda values: values.mask(values.index == 0, -values)),
        ("rsi_14", lambda values: values.sample(frac=1.0, random_state=1).to_numpy()),
    ],
    ids=["mean error over 0.05", "one sign turned", "correlation lost"],
)
def test_a_feature_outside_the_envelope_is_named_and_the_others_hold(ours, theirs, feature, change):
    theirs[VENDOR_COLUMNS[feature]] = change(theirs[VENDOR_COLUMNS[feature]])
    holds = judged(ours, theirs)["holds"]
    assert holds[feature] == 0.0
    assert (holds.drop(feature) == 1.0).all()


def test_too_few_symbols_are_no_verdict(ours, theirs):
    table = judged(ours.head(MIN_SYMBOLS - 1), theirs)
    assert table["holds"].isna().all()
    assert (table["n"] == MIN_SYMBOLS - 1).all()
