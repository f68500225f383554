"""Probabilities and Log-MPS against closed forms, scipy and a product written out."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from quant_lib.selection import (
    ENGINES,
    METHODS,
    MISSING,
    WEIGHT_SETS,
    ContradictoryRulesError,
    InvalidUniverseError,
    UnknownSignalError,
    engine_named,
    probability,
    score,
)

SCORE_FEATURES = ENGINES["v4"].features
NAMES = [feature.name for feature in SCORE_FEATURES]

FINITE = st.floats(-1e6, 1e6, allow_nan=False)
FIGURES = st.lists(FINITE, min_size=2, max_size=30)
DIRECTIONAL = {feature.name for feature in SCORE_FEATURES if feature.directional}

PUBLISHED = """
momentum rank 1.7469 1.5
stability rank 0.0458 1.0
liquidity cdf 0.2946 0.5
antifragility rank 0.6263 0.5
survival cdf 1.4 1.0
efficiency cdf 1.5348 0.5
entropy rank_desc 0.0322 1.0
trendiness rank 0.3485 0.5
adx cdf 1.0 1.0
recommend_all rank 1.0 1.0
recommend_ma rank 1.0 1.0
skew rank_desc 0.5 0.5
kurtosis rank_desc 0.5 1.0
cvar cdf 1.0 1.0
"""


def test_the_table_of_semantics_5_4_is_complete():
    rows = [line.split() for line in PUBLISHED.split("\n") if line]
    assert [
        (f.name, f.method.split("_a")[0].split("_rel")[0], f.weight, WEIGHT_SETS["flat"][f.name])
        for f in SCORE_FEATURES
    ] == [(name, method, float(weight), float(fallback)) for name, method, weight, fallback in rows]
    assert {"momentum", "recommend_all", "recommend_ma"} == DIRECTIONAL
    assert engine_named("v4", weight_set="flat").version == "log-mps-v4/2+flat"
    assert engine_named("v4", overrides={"adx": 2.0}).version == "log-mps-v4/2+custom"


@given(FIGURES)
def test_rank_is_the_average_rank_on_a_line(figures):
    n = len(figures)
    ranks = stats.rankdata(figures)
    assert probability(figures, "rank") == pytest.approx(0.01 + 0.99 * (ranks - 1) / (n - 1))
    assert probability(figures, "rank_desc") == pytest.approx(1 - 0.99 * (ranks - 1) / (n - 1))


@given(FIGURES)
def test_relative_methods_are_functions_of_the_z_score(figures):
    x = np.array(figures)
    z = (x - x.mean()) / (x.std(ddof=1) + 1e-9)
    assert probability(x, "logistic") == pytest.approx(1 / (1 + np.exp(-z)))
    assert probability(x, "zscore") == pytest.approx((np.clip(z, -3, 3) + 3) / 6)
    assert probability(x, "zscore", sigma=3.49) == pytest.approx((np.clip(z, -3.49, 3.49) + 3.49) / 6.98)
    assert probability(x, "cdf_relative") == pytest.approx(np.clip(stats.norm.cdf(z), 0.001, 1.0))


def test_worked_values():
    x = [3.0, 1.0, 2.0, 2.0]
    assert probability(x, "rank") == pytest.approx([1.0, 0.01, 0.505, 0.505])
    assert probability(x, "rank_desc") == pytest.approx([0.01, 1.0, 0.505, 0.505])
    assert probability(x, "minmax") == pytest.approx([1.0, 0.0, 0.5, 0.5])
    assert probability([-1.0, 0.0, 0.4, 7.0], "cdf_absolute") == pytest.approx([0.001, 0.001, 0.4, 1.0])
    assert probability([5.0, 5.0], "minmax").tolist() == [0.5, 0.5]
    assert probability([5.0, 5.0], "cdf_relative").tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("method", "alone"),
    [("rank", 0.01), ("rank_desc", 0.01), ("logistic", 0.5), ("zscore", 0.5), ("minmax", 0.5), ("cdf_relative", 0.5)],
)
def test_one_asset_has_no_rank_to_speak_of(method, alone):
    assert probability([42.0], method).tolist() == [alone]


@pytest.mark.parametrize("method", METHODS)
def test_the_unknown_gets_a_hundredth_and_leaves_the_others_alone(method):
    known = probability([0.3, 0.1, 0.9], method)
    assert probability([0.3, np.nan, 0.1, 0.9], method) == pytest.approx([known[0], MISSING, known[1], known[2]])
    assert probability([np.nan, np.nan], method).tolist() == [MISSING, MISSING]
    assert probability([], method).tolist() == []


@given(FIGURES, st.sampled_from(sorted(METHODS)))
def test_probabilities_are_probabilities_and_monotone(figures, method):
    p = probability(figures, method)
    assert ((p >= 0) & (p <= 1)).all()
    sign = -1 if method == "rank_desc" else 1
    order = np.argsort(np.array(figures), kind="stable")
    assert (np.diff(sign * p[order]) >= -1e-12).all()


def test_the_scale_of_a_method_is_declared_not_guessed():
    """A day on which every ADX is at most 1 is judged like any other day (flaw of 5.3)."""
    quiet = np.array([0.2, 0.5, 0.9])
    assert probability(quiet, "cdf_relative") == pytest.approx(probability(quiet * 50, "cdf_relative"), abs=1e-6)
    assert probability(quiet, "cdf_absolute") == pytest.approx(quiet)


def test_infinity_and_unknown_methods_are_errors():
    with pytest.raises(InvalidUniverseError, match="infinite"):
        probability([1.0, math.inf], "rank")
    with pytest.raises(UnknownSignalError, match="softmax"):
        probability([1.0], "softmax")


def log_mps(frame, directions, **options):
    return score(engine_named("v4", **options), frame, directions)


def score_weights(**options):
    return {f.name: f.weight for f in engine_named("v4", **options).features}


def matrix(n=9, seed=1, columns=NAMES):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: rng.uniform(0.05, 1, n) for name in columns}, index=[f"S{i}" for i in range(n)])


def sides(frame, side="LONG"):
    return pd.Series(side, index=frame.index)


def test_the_score_is_the_product_written_out():
    frame = matrix()
    found = log_mps(frame, sides(frame))
    for name in frame.index:
        product = 1.0
        for feature in SCORE_FEATURES:
            p = probability(frame[feature.name], feature.method)[frame.index.get_loc(name)]
            product *= p**feature.weight
        assert found.alpha[name] == pytest.approx(product, rel=1e-12)
    assert found.weights == score_weights()
    assert found.missing == {}


def test_a_feature_the_matrix_does_not_have_is_an_error():
    frame = matrix().drop(columns=["survival", "entropy"])
    with pytest.raises(InvalidUniverseError, match="v4 reads entropy, survival"):
        log_mps(frame, sides(frame))


def test_a_missing_figure_counts_a_hundredth():
    frame = matrix()
    frame.loc["S3", "recommend_all"] = np.nan
    found = log_mps(frame, sides(frame))
    assert found.probabilities.loc["S3", "recommend_all"] == MISSING
    assert found.missing == {"recommend_all": 1}


def test_short_is_long_of_the_opposite_market():
    """D49: what argues for holding argues against shorting, and the rest is the same."""
    frame = matrix()
    mirrored = frame.assign(**{name: -frame[name] for name in DIRECTIONAL & set(frame)})
    long, short = log_mps(frame, sides(frame)), log_mps(mirrored, sides(frame, "SHORT"))
    pd.testing.assert_series_equal(long.alpha, short.alpha)
    pd.testing.assert_frame_equal(long.probabilities, short.probabilities)


def test_the_most_bearish_asset_is_the_best_short():
    frame = matrix().assign(**dict.fromkeys(set(NAMES) - DIRECTIONAL, 0.5))
    for name in DIRECTIONAL & set(frame):
        frame[name] = np.linspace(-1, 1, len(frame))
    assert log_mps(frame, sides(frame, "SHORT")).alpha.idxmax() == "S0"
    assert log_mps(frame, sides(frame, "LONG")).alpha.idxmax() == "S8"


def test_sides_mix_in_one_universe():
    frame = matrix()
    mixed = sides(frame)
    mixed[["S1", "S4"]] = "SHORT"
    found = log_mps(frame, mixed)
    long, short = log_mps(frame, sides(frame)), log_mps(frame, sides(frame, "SHORT"))
    assert found.alpha.equals(long.alpha.where(mixed == "LONG", short.alpha))


@given(
    st.lists(st.lists(st.one_of(st.none(), FINITE), min_size=14, max_size=14), min_size=1, max_size=12), st.randoms()
)
def test_scores_are_in_the_unit_interval_and_do_not_depend_on_order(rows, random):
    frame = pd.DataFrame(rows, columns=NAMES, dtype="float64")
    found = log_mps(frame, sides(frame))
    assert ((found.alpha > 0) & (found.alpha <= 1)).all()
    shuffled = frame.sample(frac=1.0, random_state=random.randrange(2**16))
    again = log_mps(shuffled, sides(shuffled))
    np.testing.assert_allclose(again.alpha.reindex(frame.index), found.alpha, rtol=1e-9)


def test_equal_rows_score_equal_to_the_last_bit():
    frame = pd.concat([matrix(7)] * 5, ignore_index=True)
    alpha = log_mps(frame, sides(frame)).alpha.to_numpy().reshape(5, 7)
    assert (alpha == alpha[0]).all()


def test_overrides_and_the_dominant_signal():
    weights = score_weights(overrides={"adx": 0.0, "momentum": 9.0}, dominant_signal="recommend_ma")
    assert (weights["adx"], weights["recommend_ma"], weights["momentum"]) == (0.0, 3.0, 0.5)
    assert score_weights(dominant_signal="momentum", dominant_weight=4.0)["momentum"] == 4.0
    assert score_weights()["momentum"] == 1.7469
    frame = matrix()
    frame["recommend_ma"] = np.linspace(0, 1, len(frame))
    plain = log_mps(frame, sides(frame))
    led = log_mps(frame, sides(frame), dominant_signal="recommend_ma")
    p = plain.probabilities
    np.testing.assert_allclose(
        led.alpha, plain.alpha * p["recommend_ma"] ** 2.0 * p["momentum"] ** (0.5 - 1.7469), rtol=1e-12
    )


def test_a_weight_of_zero_switches_a_feature_off():
    frame = matrix()
    off = {name: 0.0 for name in frame if name != "adx"}
    found = log_mps(frame, sides(frame), overrides=off)
    np.testing.assert_allclose(found.alpha, found.probabilities["adx"])


@pytest.mark.parametrize("name", ["recommend_other", "recomend_all", "roc"])
def test_an_unknown_signal_is_never_ignored(name):
    frame = matrix()
    for options in ({"dominant_signal": name}, {"overrides": {name: 1.0}}):
        with pytest.raises(UnknownSignalError, match=name):
            log_mps(frame, sides(frame), **options)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf, 21.0])
def test_a_weight_out_of_range_is_refused(weight):
    with pytest.raises(ContradictoryRulesError, match="weight of adx"):
        score_weights(overrides={"adx": weight})


def test_the_poorest_score_is_still_positive():
    frame = pd.DataFrame({name: [0.0, 1.0] for name in NAMES})
    heavy = dict.fromkeys(["momentum", "survival", "efficiency"], 20.0)
    alpha = log_mps(frame, sides(frame), overrides={**heavy}).alpha
    assert 0 < alpha[0] < alpha[1] <= 1


@pytest.mark.parametrize("side", ["long", None, "DISCOVERY"])
def test_every_row_needs_a_side(side):
    frame = matrix()
    with pytest.raises(InvalidUniverseError, match="neither LONG nor SHORT"):
        log_mps(frame, sides(frame).where(frame.index != "S2", side))


def everything(n=8, seed=3):
    """A column for whatever any engine reads."""
    names = sorted({name for engine in ENGINES.values() for name in engine.reads})
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: rng.uniform(0.05, 1, n) for name in names}, index=[f"S{i}" for i in range(n)])


def ranks(x):
    return 0.01 + 0.99 * (stats.rankdata(x) - 1) / (len(x) - 1)


def scored(name, frame, **options):
    clusters = pd.Series(np.arange(len(frame)) % 3, index=frame.index)
    fit = pd.Series(np.linspace(-1, 1, len(frame)), index=frame.index)
    return score(engine_named(name, **options), frame, sides(frame), clusters=clusters, regime_fit=fit).alpha.to_numpy()


def test_cars_2_0_subtracts_fragility():
    frame = everything()
    by_hand = (
        0.4 * ranks(frame["momentum"])
        + 0.2 * ranks(frame["stability"])
        + 0.2 * ranks(frame["antifragility"])
        + 0.2 * ranks(frame["liquidity"])
        - 0.1 * ranks(frame["fragility"])
    )
    np.testing.assert_allclose(scored("v2", frame), by_hand)


def test_nothing_is_discounted_where_nothing_is_fragile():
    name = min(name for name, engine in ENGINES.items() if engine.fragility_discount)
    sound = everything().assign(fragility=0.0)
    half = scored(name, sound.assign(fragility=[1.0] * len(sound)))
    np.testing.assert_allclose(scored(name, sound), 2.0 * half)


@pytest.mark.parametrize("name", ["v2.0", "legacy"])
def test_cars_2_0_legacy_compares_within_the_cluster(name):
    frame = everything(n=12)
    by_hand = np.empty(len(frame))
    for first in (0, 1, 2):
        own = frame.iloc[first::3]
        unit = (own - own.min()) / (own.max() - own.min())
        parts = 0.3 * unit["momentum"] + 0.2 * unit["inverse_volatility"] + 0.2 * unit["antifragility"]
        by_hand[first::3] = parts + 0.3 * unit["liquidity"]
    np.testing.assert_allclose(scored(name, frame), by_hand)
    with pytest.raises(InvalidUniverseError, match="clusters"):
        score(engine_named(name), frame, sides(frame))
    with pytest.raises(InvalidUniverseError, match="S11 is in none"):
        score(engine_named(name), frame, sides(frame), clusters=pd.Series(0, index=frame.index[:-1]))


def test_cars_2_1_is_a_weighted_sum_of_its_own_mappings():
    frame = everything()
    z = (frame - frame.mean()) / (frame.std(ddof=1) + 1e-9)
    logistic, wide = 1 / (1 + np.exp(-z)), (z.clip(-3.49, 3.49) + 3.49) / 6.98
    by_hand = (
        0.2055 * logistic["momentum"]
        + 0.0882 * logistic["stability"]
        + 0.1697 * wide["liquidity"]
        + 0.0988 * ranks(frame["antifragility"])
        + 0.2273 * ranks(frame["survival"])
        + 0.1027 * ranks(frame["efficiency"])
        + 0.0060 * wide["entropy_order"]
        + 0.1018 * wide["trendiness"]
    )
    np.testing.assert_allclose(scored("v2.1", frame), by_hand)
    assert sum(f.weight for f in ENGINES["v2.1"].features) == pytest.approx(1.0)


def test_v3_is_the_unweighted_product_times_the_regime():
    frame = everything()
    used = [f for f in SCORE_FEATURES if f.name not in ("efficiency", "entropy", "trendiness")]
    product = np.prod([probability(frame[f.name], f.method) for f in used], axis=0)
    factor = np.maximum(0.1, 1 + np.linspace(-1, 1, len(frame)))
    np.testing.assert_allclose(scored("v3", frame), product * factor)
    np.testing.assert_allclose(scored("v3.1", frame), product * factor)
    assert (ENGINES["v3"].hurdle, ENGINES["v3.1"].hurdle, ENGINES["v3"].seats) == (0.02, 0.005, 5)
    with pytest.raises(InvalidUniverseError, match="regime"):
        score(engine_named("v3"), frame, sides(frame))


@pytest.mark.parametrize("name", ["v3.2", "v3.4"])
def test_v3_2_weighs_and_discounts_fragility(name):
    frame = everything()
    frame.loc["S2", "cvar"] = np.nan
    frame.loc["S5", "fragility"] = np.nan
    used = [f for f in SCORE_FEATURES if f.name not in ("efficiency", "entropy", "trendiness")]
    product = np.prod([probability(frame[f.name], f.method, missing=0.5) ** f.weight for f in used], axis=0)
    fragility = (frame["fragility"] / frame["fragility"].max()).fillna(1.0).to_numpy()
    factor = np.maximum(0.1, 1 + np.linspace(-1, 1, len(frame)))
    np.testing.assert_allclose(scored(name, frame), product * (1 - 0.5 * fragility) * factor)
    assert ENGINES[name].relaxes is (name == "v3.4")


def test_the_simple_engines():
    frame = everything()
    assert set(scored("baseline", frame)) == {1.0}
    assert list(np.argsort(scored("liquid_htr", frame))) == list(np.argsort(frame["turnover"]))
    assert ENGINES["liquid_htr"].relaxes
    assert not ENGINES["baseline"].relaxes


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_every_engine_has_a_version_and_takes_both_sides(name):
    frame = everything()
    assert ENGINES[name].version.rsplit("/", 1)[1].isdigit()
    assert np.isfinite(scored(name, frame)).all()
    directional = [f.name for f in ENGINES[name].features if f.directional]
    assert ("momentum" in directional) == ("momentum" in ENGINES[name].names)
