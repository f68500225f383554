"""Noise tables against fresh noise, and the estimators' bias and coverage (docs/estimators.md), repeated in part."""

import numpy as np
import pytest

from quant_lib.statistics import NOISE_SIZES, NOISE_STATISTICS, noise_percentile, noise_quantiles, standardised_tails
from quant_lib.statistics._noise import NoiseTableError
from quant_lib.statistics._noise_table import PROBABILITIES, TABLE
from tools import estimators, noise


@pytest.mark.parametrize("statistic", list(noise.STATISTICS))
@pytest.mark.parametrize("size", [64, 120])
def test_the_shipped_table_is_what_the_tool_makes(statistic, size):
    """Other draws, same distribution: no quantile further off than sampling allows, and the extremes ordered."""
    drawn = noise.draws(statistic, size, 20_000, seed=7)
    quantiles, probabilities = noise_quantiles(statistic, size)
    below = np.array([(drawn <= q + 1e-5).mean() for q in quantiles[5:-5]])
    above = np.array([(drawn < q - 1e-5).mean() for q in quantiles[5:-5]])
    p = probabilities[5:-5]
    slack = 5.0 * np.sqrt(p * (1 - p) / drawn.size) + 1e-3
    assert (
        below >= p - slack
    ).all()  # entropies take few values, printed to 1e-5: the share at or below and the share below enclose p
    assert (above <= p + slack).all()


def test_the_shipped_table_is_complete():
    assert {statistic for statistic, _ in TABLE} == set(noise.STATISTICS) == set(NOISE_STATISTICS)
    assert NOISE_SIZES == noise.SIZES
    assert tuple(float(p) for p in PROBABILITIES.split()) == noise.PROBABILITIES
    for text in TABLE.values():
        values = [float(v) for v in text.split()]
        assert len(values) == len(noise.PROBABILITIES)
        assert values == sorted(values)


@pytest.mark.parametrize("statistic", list(noise.STATISTICS))
def test_noise_is_uniform_among_noise(statistic):
    place = noise_percentile(statistic, noise.draws(statistic, 120, 8000, seed=11), 120)
    assert place.mean() == pytest.approx(0.5, abs=0.02)
    assert ((place > 0.05) & (place < 0.95)).mean() == pytest.approx(0.9, abs=0.02)
    assert place.min() >= 0.0
    assert place.max() <= 1.0


def test_a_limit_many_windows_reach_stands_at_the_share_below_it():
    """A random walk shows no reversion at all in one window of twenty: that is no rarer than it is."""
    drawn = noise.draws("half_life", 120, 8000, seed=11)
    below = (drawn < 500.0).mean()
    assert 0.03 < 1.0 - below < 0.08
    np.testing.assert_allclose(noise_percentile("half_life", 500.0, 120), below, atol=0.02)


def test_tails_are_judged_without_level_and_scale():
    x = np.random.default_rng(3).standard_normal(400)
    calm, wild = (standardised_tails(a + b * x, 120) for a, b in ((0.0, 1.0), (0.01, 0.07)))
    last = x[-120:]
    np.testing.assert_allclose(calm.var_95[-1], (np.quantile(last, 0.05) - last.mean()) / last.std(), rtol=1e-10)
    for name in ("var_95", "cvar_95", "upper_95", "gain_95"):
        np.testing.assert_allclose(getattr(calm, name), getattr(wild, name), rtol=1e-8)
    assert np.isnan(standardised_tails(np.ones(200), 120).var_95).all()


def test_sizes_between_are_interpolated_and_others_refused():
    quantiles = {n: noise_quantiles("hurst", n)[0] for n in (120, 150, 180)}
    np.testing.assert_allclose(quantiles[150], 0.5 * (quantiles[120] + quantiles[180]), rtol=1e-12)
    assert np.isnan(noise_percentile("hurst", np.nan, 120))
    for statistic, n in (("hurst", 32), ("hurst", 1000), ("beauty", 120)):
        with pytest.raises(NoiseTableError) as caught:
            noise_percentile(statistic, 0.5, n)
        assert caught.value.fix


def test_hurst_of_noise_is_a_half_and_follows_the_truth():
    for length in (120, 252):
        mean, low, _, high, inside = estimators.row("white noise", "hurst", length, 2000)
        assert mean == pytest.approx(0.5, abs=0.015)
        assert low < 0.5 < high
        assert inside == pytest.approx(0.9, abs=0.03)
    means = [estimators.row(f"fractional noise, H = {h}", "hurst", 252, 1000)[0] for h in (0.3, 0.4, 0.6, 0.7, 0.8)]
    assert means == sorted(means)
    # Short windows pull the estimate towards a half; on the right side of it, by the measured amount.
    np.testing.assert_allclose(means, (0.357, 0.425, 0.561, 0.625, 0.680), atol=0.02)


def test_fractional_noise_has_the_covariance_of_its_exponent():
    drawn = estimators.fractional_noise(np.random.default_rng(1), 0.8, 4000, 64)
    k = np.arange(4)
    expected = 0.5 * ((k + 1) ** 1.6 - 2 * k**1.6 + np.abs(k - 1.0) ** 1.6)
    measured = [(drawn[:, : 64 - lag] * drawn[:, lag:]).mean() for lag in k]
    np.testing.assert_allclose(measured, expected, atol=0.02)


def test_order_is_told_from_noise():
    for name in ("ordered: always rising", "ordered: wave of 20 returns"):
        assert estimators.row(name, "entropy_5", 120, 500)[4] < 0.05
    assert estimators.row("ordered: always rising", "efficiency", 120, 500)[0] == pytest.approx(1.0)
    assert estimators.row("ordered: wave of 20 returns", "turbulence", 64, 500)[4] < 0.05
