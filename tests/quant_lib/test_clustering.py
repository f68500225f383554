from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.clustering import (
    ClusteringError,
    cluster_returns,
    cluster_stability,
    correlation_distance,
    pairwise_correlation,
)


def blocks(sizes: tuple[int, ...], sessions: int = 250, seed: int = 0, noise: float = 0.3) -> pd.DataFrame:
    """Groups that share a factor each; columns ``g<group>_<member>``."""
    rng = np.random.default_rng(seed)
    columns = {}
    for group, size in enumerate(sizes):
        factor = rng.standard_normal(sessions)
        for member in range(size):
            columns[f"g{group}_{member}"] = 0.02 * (factor + noise * rng.standard_normal(sessions))
    return pd.DataFrame(columns, index=pd.date_range("2021-01-01", periods=sessions))


def partition(labels: pd.Series) -> set[frozenset[str]]:
    return {frozenset(members.index) for _, members in labels.groupby(labels)}


def test_blocks_are_found_and_labelled_by_size_then_name() -> None:
    returns = blocks((2, 4, 2, 1))
    labels = cluster_returns(returns)
    assert labels.dtype == "int64"
    assert labels.groupby(labels.index.str[:2]).agg(["nunique", "first"]).to_dict() == {
        "nunique": {"g0": 1, "g1": 1, "g2": 1, "g3": 1},
        "first": {"g0": 1, "g1": 0, "g2": 2, "g3": 3},
    }


def slow_distance(returns: pd.DataFrame, lookbacks: tuple[int, ...], shrink: float) -> np.ndarray:
    total = np.zeros((returns.shape[1],) * 2)
    for lookback in lookbacks:
        window = returns.iloc[-min(lookback, len(returns)) :]
        rho = window.corr(min_periods=int(np.ceil(min(20, 0.8 * len(window))))).fillna(0.0).to_numpy() * (1 - shrink)
        total += np.sqrt(0.5 * (1.0 - rho))
    total /= len(lookbacks)
    np.fill_diagonal(total, 0.0)
    return total


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("lookbacks", [(60, 120, 200), (25,), (60, 500, 900)])
def test_distance_equals_pandas(lookbacks: tuple[int, ...], missing: float) -> None:
    returns = blocks((3, 3), noise=1.0)
    returns = returns.mask(np.random.default_rng(1).random(returns.shape) < missing)
    have = correlation_distance(returns.to_numpy(), lookbacks=lookbacks, shrink=0.01)
    np.testing.assert_allclose(have, slow_distance(returns, lookbacks, 0.01), atol=1e-12)


def test_distance_by_hand() -> None:
    x = np.tile([0.01, -0.01], 15)
    y = np.repeat([0.01, -0.01], 15)[:30]
    returns = np.column_stack([x, x, -x, np.tile([0.01, 0.01, -0.01, -0.01], 8)[:30]])
    have = correlation_distance(returns, lookbacks=(30,), shrink=0.01)
    assert have[0, 1] == pytest.approx(np.sqrt(0.5 * (1 - 0.99)))
    assert have[0, 2] == pytest.approx(np.sqrt(0.5 * (1 + 0.99)))
    assert len(y) == 30


def test_zero_is_a_return() -> None:
    # Flat on the same days and moving together on the others: dropping the zeros would leave 18 sessions,
    # too few to be anything but uncorrelated.
    rng = np.random.default_rng(0)
    moves = np.zeros(60)
    moves[:18] = rng.standard_normal(18)
    returns = pd.DataFrame({"a": moves, "b": moves * 2.0, "c": rng.standard_normal(60)})
    assert partition(cluster_returns(returns, lookbacks=(60,))) == {frozenset("ab"), frozenset("c")}


def test_too_little_overlap_is_uncorrelated() -> None:
    x = np.random.default_rng(0).standard_normal(60)
    a, b = x.copy(), x.copy()
    a[:25], b[44:] = np.nan, np.nan  # 19 in common
    rho = pairwise_correlation(np.column_stack([a, b]), min_overlap=20)
    assert rho[0, 1] == 0.0
    a[24] = x[24]
    assert pairwise_correlation(np.column_stack([a, b]), min_overlap=20)[0, 1] == pytest.approx(1.0)


def test_a_window_of_twenty_needs_sixteen_in_common() -> None:
    x = np.random.default_rng(0).standard_normal(20)
    for common, together in ((16, 2), (15, 3)):
        a, b = x.copy(), x.copy()
        b[common:] = np.nan
        far = np.random.default_rng(1).standard_normal(20)
        labels = cluster_returns(pd.DataFrame({"a": a, "b": b, "c": far}), lookbacks=(20,))
        assert labels.nunique() == together


def test_constant_stream_is_uncorrelated_with_everything() -> None:
    x = np.random.default_rng(0).standard_normal(60) * 0.01
    rho = pairwise_correlation(np.column_stack([x, np.full(60, 0.1), np.zeros(60)]), min_overlap=20)
    np.testing.assert_allclose(rho[1:], 0.0)
    np.testing.assert_allclose(rho[0], [1.0, 0.0, 0.0])


def test_short_lookbacks_are_skipped_not_averaged_in() -> None:
    returns = blocks((3, 3))
    long = correlation_distance(returns.to_numpy(), lookbacks=(60, 120))
    np.testing.assert_array_equal(correlation_distance(returns.to_numpy(), lookbacks=(5, 19, 60, 120)), long)


def test_half_life_weights_recent_sessions_more() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal(200)
    b = np.concatenate([rng.standard_normal(150), a[150:]])
    window = np.column_stack([a, b])
    equal = pairwise_correlation(window, min_overlap=20)[0, 1]
    recent = pairwise_correlation(window, min_overlap=20, half_life=20.0)[0, 1]
    assert recent > equal + 0.3
    v = 0.5 ** (np.arange(199, -1, -1) / 20.0)
    c = np.cov(window, rowvar=False, aweights=v)
    assert recent == pytest.approx(c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]), abs=1e-12)


def test_threshold_zero_separates_even_copies() -> None:
    returns = blocks((3, 3))
    returns["copy"] = returns["g0_0"]
    assert cluster_returns(returns, threshold=0.0).nunique() == 7
    assert cluster_returns(returns, threshold=100.0).nunique() == 1


@pytest.mark.parametrize("max_clusters", [1, 2, 5])
def test_number_of_clusters_is_bounded(max_clusters: int) -> None:
    assert 1 <= cluster_returns(blocks((4, 4, 4)), threshold=0.0, max_clusters=max_clusters).nunique() <= max_clusters


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_order_of_columns_and_rows_changes_nothing(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    returns = blocks(tuple(sizes), seed=seed, noise=1.0)
    returns["twin"] = returns.iloc[:, 0]
    base = cluster_returns(returns)
    shuffled = returns.iloc[rng.permutation(len(returns)), rng.permutation(returns.shape[1])]
    pd.testing.assert_series_equal(cluster_returns(shuffled), base)
    assert sorted(base.unique()) == list(range(base.nunique()))
    sizes_by_label = base.value_counts().sort_index()
    assert sizes_by_label.is_monotonic_decreasing
    assert base["twin"] == base[returns.columns[0]]


def test_none_and_one() -> None:
    empty = cluster_returns(pd.DataFrame(index=pd.RangeIndex(3)))
    assert empty.empty
    assert empty.dtype == "int64"
    assert cluster_returns(pd.DataFrame({"a": [0.1]})).to_dict() == {"a": 0}


def test_history_too_short_is_an_error() -> None:
    with pytest.raises(ClusteringError, match="19 sessions"):
        cluster_returns(blocks((2, 2)).iloc[:19])
    assert cluster_returns(blocks((2, 2)).iloc[:20]).nunique() >= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lookbacks": ()}, "lookbacks"),
        ({"threshold": float("nan")}, "threshold"),
        ({"max_clusters": 0}, "max_clusters"),
        ({"shrink": 1.0}, "shrink"),
        ({"half_life": 0.0}, "half_life"),
    ],
)
def test_parameters_out_of_range(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ClusteringError, match=message):
        cluster_returns(blocks((2, 2)), **changes)  # type: ignore[arg-type]


def test_repeated_names_and_infinite_returns_are_named() -> None:
    returns = blocks((2, 2))
    with pytest.raises(ClusteringError, match="repeat: g0_0"):
        cluster_returns(pd.concat([returns, returns[["g0_0"]]], axis=1))
    returns.iloc[0, 2] = np.inf
    with pytest.raises(ClusteringError, match="g1_0"):
        cluster_returns(returns)


def test_complete_windows_take_a_short_cut_to_the_same_correlations():
    rng = np.random.default_rng(5)
    window = rng.normal(size=(60, 7))
    window[:, 3] = 0.01  # no variance
    for half_life in (None, 20.0):
        short = pairwise_correlation(window, min_overlap=20, half_life=half_life)
        # The same asset list with one more that has a gap: nothing is complete any more.
        gap = np.column_stack([window, rng.normal(size=60)])
        gap[0, 7] = np.nan
        full = pairwise_correlation(gap, min_overlap=20, half_life=half_life)[:7, :7]
        np.testing.assert_allclose(short, full, atol=1e-12)


def test_stability_is_the_adjusted_rand_index():
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(1)
    names = [f"S{i:02d}" for i in range(30)]
    for k in (1, 3, 30):
        before = pd.Series(rng.integers(0, k, 30), index=names)
        after = pd.Series(rng.integers(0, 4, 30), index=names).sample(frac=1.0, random_state=k)
        expected = adjusted_rand_score(before, after.reindex(names))
        assert cluster_stability(before, after) == pytest.approx(expected, abs=1e-12)
    relabelled = before.map({label: 99 - label for label in range(30)})
    assert cluster_stability(before, relabelled) == 1.0
    assert cluster_stability(before, after.rename(lambda name: f"X{name}")) is None
    assert cluster_stability(before.iloc[:5], before.iloc[3:]) == 1.0
