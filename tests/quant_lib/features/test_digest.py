"""Fingerprints: a change of a bar changes those of that bar and later ones of its segment, and no other."""

import numpy as np
import pandas as pd
import pytest

from quant_lib.features import bar_digests, compute_features, find_stale


def digests(bars, segments, **options):
    return bar_digests(bars, segments, **options).set_index(["symbol", "date"])["bars_digest"]


def test_rows_of_features_carry_them(bars, segments):
    made = compute_features(bars, segments, names=["close"])
    pd.testing.assert_series_equal(
        made.set_index(["symbol", "date"])["bars_digest"], digests(bars, segments), check_exact=True
    )
    assert made["bars_digest"].is_unique


@pytest.mark.parametrize("column", ["high", "low", "close", "volume"])
def test_one_bar_changes_its_own_and_later_ones_of_the_segment(column, bars, segments):
    before = digests(bars, segments)
    row = np.flatnonzero(bars["symbol"] == "BINANCE:S01USDT")[120]  # in the second of three segments, bars 90 to 199
    changed = bars.copy()
    changed.loc[row, column] *= 1.0 + (1e-15 if column == "close" else 1e-3) * (-1 if column == "low" else 1)
    changed.loc[row, "close"] = min(max(changed.loc[row, "close"], changed.loc[row, "low"]), changed.loc[row, "high"])
    after = digests(changed, segments)
    moved = before.index[before != after]
    if changed.loc[row].equals(bars.loc[row]):
        pytest.skip("the change is below a price's precision")
    rows = np.flatnonzero(bars["symbol"] == "BINANCE:S01USDT")
    expected = bars.loc[rows[120:200], "date"]
    assert set(moved.get_level_values("symbol")) == {"BINANCE:S01USDT"}
    assert sorted(moved.get_level_values("date")) == sorted(expected)


def test_an_unknown_volume_is_not_zero(bars, segments):
    row = 50
    zero, unknown = bars.copy(), bars.copy()
    zero.loc[row, "volume"], unknown.loc[row, "volume"] = 0.0, np.nan
    assert (digests(zero, segments) != digests(unknown, segments)).any()
    negative = bars.assign(volume=bars["volume"].where(bars["volume"] != 0.0, -0.0))
    pd.testing.assert_series_equal(digests(negative, segments), digests(bars, segments))


def test_segments_closes_and_sessions_are_part_of_it(bars, segments):
    before = digests(bars, segments)
    assert (before != digests(bars, segments, ann=252.0)).all()
    assert (before != digests(bars, segments + 1)).all()
    later = bars.assign(close_time=bars["date"].dt.tz_localize("UTC") + pd.Timedelta(hours=21))
    assert (before != digests(later, segments)).all()


def test_swapped_bars_are_found(bars, segments):
    first = np.flatnonzero(bars["symbol"] == "BINANCE:S00USDT")[[10, 11]]
    swapped = bars.copy()
    columns = ["open", "high", "low", "close", "volume"]
    swapped.loc[first, columns] = bars.loc[first[::-1], columns].to_numpy()
    before, after = digests(bars, segments), digests(swapped, segments)
    mine = before.index.get_level_values("symbol") == "BINANCE:S00USDT"
    assert (before[mine] != after[mine]).sum() == mine.sum() - 10


def test_stale_rows_are_found_in_any_order(bars, segments):
    current = bar_digests(bars, segments)
    stored = current.sample(frac=1.0, random_state=1).reset_index(drop=True)
    found = find_stale(current, stored)
    assert not found.missing.any()
    assert not found.gone.any()
    lost = stored.drop(index=[3, 4]).reset_index(drop=True)
    stranger = pd.DataFrame({"date": [pd.Timestamp("1999-01-01")], "symbol": ["BINANCE:OLD"], "bars_digest": [1]})
    other = pd.concat([lost.assign(bars_digest=lost["bars_digest"].where(lost.index != 7, 0)), stranger])
    found = find_stale(current, other.reset_index(drop=True))
    hit = current.loc[found.missing, ["symbol", "date"]].apply(tuple, axis=1)
    expected = [*stored.loc[[3, 4]].itertuples(), *lost.loc[[7]].itertuples()]
    assert set(hit) == {(row.symbol, row.date) for row in expected}
    assert other.reset_index(drop=True).loc[found.gone, "symbol"].tolist() == ["BINANCE:OLD"]
    assert find_stale(current, current.head(0)).missing.all()
