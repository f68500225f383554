"""N1, R16: whatever happens after a bar, the features of that bar stay the same, bit for bit."""

import numpy as np
import pytest

from quant_lib.features import FEATURES, Feature, compute_features

CUTS = 200


def scrambled(bars, later, rng):
    """The same bars, but noise of another scale where `later`."""
    spoiled = bars.copy()
    n = int(later.sum())
    middle = rng.lognormal(0, 3, n)
    spoiled.loc[later, "close"] = middle
    spoiled.loc[later, "high"] = middle * (1 + rng.random(n))
    spoiled.loc[later, "low"] = middle / (1 + rng.random(n))
    spoiled.loc[later, "volume"] = np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(0, 5, n))
    return spoiled


def leaks(bars, segments, features, cuts, seed=0):
    """Names of the features that change when everything after a cut does; how many cuts each was judged by."""
    rng = np.random.default_rng(seed)
    names = [feature.name for feature in features]
    honest = compute_features(bars, segments, names=features, threads=1)
    days = np.sort(bars["date"].unique())
    caught, judged = set(), dict.fromkeys(names, 0)
    for cut in days[rng.integers(0, len(days), cuts)]:
        later = (bars["date"] > cut).to_numpy()
        numbers = segments.where(~later, segments + rng.integers(0, 2))
        again = compute_features(scrambled(bars, later, rng), numbers, names=features, threads=1)
        for name in names:
            same = np.array_equal(
                honest[name].to_numpy(float)[~later].view(np.int64), again[name].to_numpy(float)[~later].view(np.int64)
            )
            judged[name] += 1
            if not same:
                caught.add(name)
    return caught, judged


@pytest.fixture(scope="module")
def history(bars, segments):
    kept = bars["symbol"].isin(["BINANCE:S00USDT", "BINANCE:S01USDT"])
    return bars[kept].reset_index(drop=True), segments[kept].reset_index(drop=True)


def test_no_registered_feature_looks_ahead(history):
    caught, judged = leaks(*history, FEATURES, CUTS)
    assert caught == set()
    assert judged == {feature.name: CUTS for feature in FEATURES}  # all of the registry, no feature left out


def _whole_mean(block):
    return block.close - block.close.mean()


def _next_bar(block):
    return np.r_[block.close[1:], np.nan]


def _share_of_all_time_high(block):
    return block.close / np.maximum.reduceat(block.high, block.offsets[:-1]).repeat(np.diff(block.offsets))


def _filled_backwards(block):
    volume = block.volume.copy()
    for row in range(volume.size - 2, -1, -1):
        if np.isnan(volume[row]):
            volume[row] = volume[row + 1]
    return volume


PLANTS = {f.__name__: f for f in (_whole_mean, _next_bar, _share_of_all_time_high, _filled_backwards)}


@pytest.mark.parametrize("name", list(PLANTS))
def test_a_planted_leak_is_caught(name, history):
    planted = Feature(name, "A leak", "", ("close",), PLANTS[name], 1, 1, "planted")
    caught, judged = leaks(*history, (*FEATURES[:2], planted), CUTS)
    assert caught == {name}
    assert judged[name] == CUTS


def test_features_of_a_day_are_the_same_before_the_next_day_exists(history):
    bars, segments = history
    names = [feature.name for feature in FEATURES]
    full = compute_features(bars, segments, names=names)
    for cut in np.sort(bars["date"].unique())[[0, 1, 60, 205, 300]]:
        known = bars["date"] <= cut
        then = compute_features(bars[known], segments[known], names=names)
        now = full[full["date"] <= cut].reset_index(drop=True)
        for name in names:
            np.testing.assert_array_equal(then[name].to_numpy(), now[name].to_numpy(), err_msg=name)
