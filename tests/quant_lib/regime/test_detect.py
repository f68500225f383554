import numpy as np
import pandas as pd
import pytest
from scipy.stats import f

from quant_lib.regime import (
    TERM_WEIGHTS,
    HmmState,
    Quadrant,
    RegimeInputError,
    RegimeRules,
    detect_regime,
    last_percentile,
    measure_terms,
    noise_bounds,
    regimes_over,
)
from quant_lib.regime._detect import composite_score, label_of, quadrant_of

RULES = RegimeRules()


def dated(values, start="2018-01-01"):
    return pd.Series(np.asarray(values, dtype="float64"), index=pd.date_range(start, periods=len(values)))


def same(one, other):
    assert one.regime == other.regime
    assert one.terms == other.terms
    assert one.percentiles == other.percentiles
    assert (one.growth, one.growth_errors, one.n_returns) == (other.growth, other.growth_errors, other.n_returns)
    assert one.hmm.probability.tobytes() == other.hmm.probability.tobytes()


def test_a_year_is_needed_and_nothing_is_assumed_before(garch):
    short = detect_regime(garch[:251])
    assert not short.regime.known
    assert short.regime.label == "UNKNOWN"
    assert short.reason == "251 returns of the market proxy, 252 needed"
    enough = detect_regime(garch[:252])
    assert enough.regime.known
    assert enough.n_returns == 252


def test_a_longer_minimum_is_kept(garch):
    rules = RegimeRules(min_history=400)
    assert not detect_regime(garch[:399], rules).regime.known
    assert detect_regime(garch[:400], rules).regime.known


def test_only_the_newest_sessions_count(garch):
    rules = RegimeRules(history=300)
    same(detect_regime(garch, rules), detect_regime(garch[-rules.span :], rules))
    changed = garch.copy()
    changed.iloc[: -rules.span] = 0.5
    same(detect_regime(garch, rules), detect_regime(changed, rules))


def test_every_day_is_measured_as_it_would_be_alone(garch):
    readings = regimes_over(garch[:330], RegimeRules(history=260))
    assert [readings[day].regime.known for day in garch.index[[0, 250, 251]]] == [False, False, True]
    for day in garch.index[[251, 280, 329]]:
        same(readings[day], detect_regime(garch[:day], RegimeRules(history=260)))


def test_what_comes_later_changes_nothing(garch):
    noise = garch.copy()
    noise.iloc[600:] = np.random.default_rng(0).normal(0.0, 0.4, 300)
    readings = regimes_over(noise[:602]), regimes_over(garch[:602])
    same(readings[0][garch.index[599]], readings[1][garch.index[599]])


def test_terms_are_what_they_say(garch):
    r = garch.to_numpy()[:400]
    terms = measure_terms(r, RULES).iloc[-1]
    size = np.abs(r[-126:])
    assert terms["vol_ratio"] == pytest.approx(np.std(r[-10:], ddof=1) / np.std(r[-126:], ddof=1))
    blocks = r[-64:].reshape(8, 8).sum(axis=1)
    assert terms["turbulence"] == pytest.approx(1.0 - np.sum(blocks**2) / 8.0 / np.sum(r[-64:] ** 2))
    z = r[-126:] - r[-126:].mean()
    assert terms["fat_tail"] == pytest.approx(abs(np.mean(z**4) / np.mean(z**2) ** 2 - 3.0))
    lagged = pd.Series(size).autocorr()
    assert terms["clustering"] == pytest.approx(max(0.0, lagged), abs=0.02)
    assert terms["stress"] == pytest.approx(0.7 * terms["vol_ratio"] + 0.6 * terms["turbulence"])
    patterns = pd.Series([tuple(np.argsort(r[-64:][i : i + 3], kind="stable")) for i in range(62)])
    share = patterns.value_counts(normalize=True).to_numpy()
    assert terms["entropy"] == pytest.approx(-np.sum(share * np.log(share)) / np.log(6.0), abs=1e-9)
    assert 0.0 <= terms["stationarity"] <= 1.0
    assert terms["hurst"] >= 0.0


def test_a_percentile_counts_equals_half_and_holes_not():
    assert last_percentile(np.array([1.0, 2.0, 3.0, 2.0])) == pytest.approx((1 + 0.5 * 2) / 4)
    assert last_percentile(np.array([np.nan, 1.0, 5.0])) == pytest.approx(1.5 / 2)
    assert np.isnan(last_percentile(np.array([1.0, np.nan])))


def test_the_score_is_the_weighted_mean_of_percentiles():
    half = dict.fromkeys(TERM_WEIGHTS, 0.5)
    assert composite_score(half, 1.0, RULES) == pytest.approx(0.5)
    assert composite_score(half | {"vol_ratio": 1.0}, 1.0, RULES) == pytest.approx(0.5 + 0.5 * 0.35 / 1.15)
    assert composite_score(dict.fromkeys(TERM_WEIGHTS, 0.9), 0.49, RULES) < RULES.quiet


def test_noise_bounds_are_those_of_the_f_distribution():
    wide, rare = noise_bounds(10, 126)
    assert f.sf(wide**2, 9, 125) == pytest.approx(0.05)
    assert f.sf(rare**2, 9, 125) == pytest.approx(0.01)


WIDE, RARE = noise_bounds(10, 126)


@pytest.mark.parametrize(
    ("score", "vol_ratio", "quadrant", "state", "label"),
    [
        (0.60, RARE, "NORMAL", "NORMAL", "CRISIS"),
        (0.59, RARE, "NORMAL", "NORMAL", "TURBULENT"),
        (0.99, RARE - 0.01, "NORMAL", "QUIET", "TURBULENT"),
        (0.50, WIDE, "CRISIS", "NORMAL", "CRISIS"),
        (0.50, WIDE, "NORMAL", "CRISIS", "CRISIS"),
        (0.49, WIDE, "CRISIS", "CRISIS", "TURBULENT"),
        (0.50, WIDE - 0.01, "CRISIS", "CRISIS", "TURBULENT"),
        (0.50, WIDE - 0.01, "CRISIS", "NORMAL", "NORMAL"),
        (0.50, WIDE - 0.01, "NORMAL", "CRISIS", "NORMAL"),
        (0.20, 0.80, "CRISIS", "CRISIS", "TURBULENT"),
        (0.90, 3.0, "INFLATIONARY_TREND", "CRISIS", "TURBULENT"),
        (0.70, 1.0, "NORMAL", "NORMAL", "TURBULENT"),
        (0.69, 1.0, "NORMAL", "NORMAL", "NORMAL"),
        (0.40, 1.0, "NORMAL", "NORMAL", "NORMAL"),
        (0.39, 1.0, "NORMAL", "NORMAL", "QUIET"),
    ],
)
def test_labels(score, vol_ratio, quadrant, state, label):
    assert label_of(score, vol_ratio, Quadrant(quadrant), HmmState(state), RULES) == label


@pytest.mark.parametrize(
    ("growth", "errors", "stress", "quadrant"),
    [
        (0.5, 1.5, 0.8, "INFLATIONARY_TREND"),
        (0.5, 1.5, 0.7, "EXPANSION"),
        (-0.5, -1.5, 0.8, "CRISIS"),
        (-0.5, -1.5, 0.2, "STAGNATION"),
        (0.5, 0.9, 0.8, "NORMAL"),
        (-0.5, -0.9, 0.8, "NORMAL"),
        (0.04, 3.0, 0.2, "NORMAL"),
        (-0.04, -3.0, 0.9, "NORMAL"),
    ],
)
def test_quadrants(growth, errors, stress, quadrant):
    assert quadrant_of(growth, errors, stress, RULES) == quadrant


def test_a_planted_crash_is_a_crisis_and_the_calm_before_is_not():
    rng = np.random.default_rng(5)
    calm, crash = rng.normal(0.001, 0.01, 500), rng.normal(-0.02, 0.05, 12)
    reading = detect_regime(dated(np.r_[calm, crash]))
    assert (reading.regime.label, reading.regime.quadrant) == ("CRISIS", "CRISIS")
    assert reading.regime.score > 0.6
    assert detect_regime(dated(calm)).regime.label in {"QUIET", "NORMAL"}


def test_a_market_gone_still_is_quiet():
    rng = np.random.default_rng(6)
    assert detect_regime(dated(np.r_[rng.normal(0, 0.03, 500), rng.normal(0, 0.002, 12)])).regime.label == "QUIET"


def test_a_market_that_does_not_move_is_unknown():
    reading = detect_regime(dated(np.zeros(400)))
    assert not reading.regime.known
    assert "hardly moved" in reading.reason


def test_white_noise_is_hardly_ever_a_crisis():
    """The stated share: at most 2 % of days of independent normal returns, 1 % on average."""
    noise = dated(np.random.default_rng(11).normal(0.0, 0.03, 900))
    labels = [str(r.regime.label) for r in regimes_over(noise, RegimeRules(history=252)).values() if r.regime.known]
    share = pd.Series(labels).value_counts(normalize=True)
    assert len(labels) == 649
    assert share.get("CRISIS", 0.0) <= 0.02
    assert share.get("TURBULENT", 0.0) <= 0.15
    assert share["NORMAL"] > 0.5


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("day", "label", "quadrant"),
    [
        ("2020-03-16", "CRISIS", "CRISIS"),
        ("2021-05-21", "CRISIS", "CRISIS"),
        ("2022-05-12", "CRISIS", "CRISIS"),
        ("2022-06-15", "CRISIS", "CRISIS"),
        ("2020-07-15", "QUIET", "NORMAL"),
        ("2021-01-11", "TURBULENT", "INFLATIONARY_TREND"),
    ],
)
def test_known_days_of_bitcoin(bitcoin, day, label, quadrant):
    reading = detect_regime(bitcoin[:day])
    assert (reading.regime.label, reading.regime.quadrant) == (label, quadrant)


@pytest.mark.parametrize("bad", [dated([0.1, np.nan]), dated([0.1, np.inf]), dated([0.1, 0.2])[::-1]])
def test_incomplete_or_disordered_returns_are_an_error(bad):
    with pytest.raises(RegimeInputError):
        detect_regime(bad)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_history": 251},
        {"history": 200},
        {"weights": {"vol_ratio": 1.0}},
        {"weights": dict.fromkeys(TERM_WEIGHTS, 0.0)},
    ],
)
def test_rules_that_measure_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=r"history|weight"):
        RegimeRules(**wrong)
