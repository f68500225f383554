"""N3: every feature declares how much history it needs, and means it."""

import numpy as np
import pytest

from quant_lib.features import FEATURES, compute_features

SETTLED = [feature for feature in FEATURES if feature.settle is not None]


@pytest.fixture(scope="module")
def long_history(market):
    return market(symbols=1, days=4200, seed=11, volume_gap=False)


@pytest.fixture(scope="module")
def full(long_history):
    return compute_features(long_history, names=[feature.name for feature in FEATURES])


@pytest.mark.parametrize("settle", sorted({feature.settle for feature in SETTLED}))
def test_settled_history_gives_the_value_of_all_history(settle, long_history, full):
    features = [feature for feature in SETTLED if feature.settle == settle]
    names = [feature.name for feature in features]
    rng = np.random.default_rng(settle)
    for end in rng.integers(3100, len(long_history), 4):
        short = compute_features(long_history.iloc[end - settle + 1 : end + 1], names=names).iloc[-1]
        for feature in features:
            expected = full.loc[end, feature.name]
            if feature.unbounded:
                assert short[feature.name] == pytest.approx(expected, rel=feature.tolerance, abs=0.0), feature.name
            else:  # a window knows nothing older than itself: not one bit differs
                np.testing.assert_array_equal(short[feature.name], expected, err_msg=feature.name)


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.warmup > 1], ids=lambda f: f.name)
def test_the_first_value_comes_with_the_declared_bar(feature, full):
    known = full[feature.name].notna().to_numpy()
    assert known.argmax() == feature.warmup - 1
    if feature.name != "volume_change_pct":  # a bar without volume gives the next one nothing to compare with
        assert known[feature.warmup :].all()


def test_what_counts_the_whole_segment_says_so():
    counted = {"n_bars", "segment", "trend_duration", "survival", "antifragility"}
    assert {feature.name for feature in FEATURES if feature.settle is None} == counted
