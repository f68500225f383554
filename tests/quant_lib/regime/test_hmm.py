import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import t as student

from quant_lib.regime import HmmState, RegimeInputError, fit_hmm, hysteresis


def planted(seed=3, n=600, low=0.01, high=0.05, block=60):
    """Calm and stormy blocks of normal returns."""
    rng = np.random.default_rng(seed)
    storm = (np.arange(n) // block) % 2 == 1
    return rng.standard_normal(n) * np.where(storm, high, low), storm


def slow_em(returns, iterations, memory=True):
    """Textbook EM in log space with scipy's densities: log-likelihood at each iteration, filtered probabilities."""
    x = np.abs(returns) / np.median(np.abs(returns))
    upper = x > np.median(x)
    variance = np.array([np.mean(x[~upper] ** 2), np.mean(x[upper] ** 2)])
    start = np.log([0.5, 0.5])
    move = np.log([[0.9, 0.1], [0.1, 0.9]]) if memory else np.log(np.full((2, 2), 0.5))
    history = []
    for step in range(iterations):
        logs = np.column_stack([np.log(2.0) + student.logpdf(x, 4, scale=np.sqrt(v)) for v in variance])
        n = len(x)
        ahead, behind = np.empty((n, 2)), np.zeros((n, 2))
        ahead[0] = start + logs[0]
        for t in range(1, n):
            ahead[t] = logs[t] + np.logaddexp.reduce(ahead[t - 1][:, None] + move, axis=0)
        for t in range(n - 2, -1, -1):
            behind[t] = np.logaddexp.reduce(move + logs[t + 1] + behind[t + 1], axis=1)
        total = logsumexp(ahead[-1])
        history.append(total)
        if step == iterations - 1:
            break
        gamma = np.exp(ahead + behind - total)
        joint = np.exp(ahead[:-1, :, None] + move + (logs[1:] + behind[1:])[:, None, :] - total).sum(axis=0)
        weight = 5.0 / (4.0 + x[:, None] ** 2 / variance)
        variance = (gamma * weight * x[:, None] ** 2).sum(axis=0) / gamma.sum(axis=0)
        if memory:
            start, move = np.log(gamma[0]), np.log(joint / joint.sum(axis=1, keepdims=True))
        else:
            share = gamma.mean(axis=0)
            start, move = np.log(share), np.log(np.vstack([share, share]))
    filtered = np.exp(ahead - logsumexp(ahead, axis=1, keepdims=True))
    return np.array(history), filtered[:, int(np.argmax(variance))]


def test_it_is_the_textbook_algorithm():
    returns, _ = planted(n=120, block=20)
    fit = fit_hmm(returns)
    history, filtered = slow_em(returns, fit.iterations)
    np.testing.assert_allclose(fit.history, history, rtol=0, atol=1e-7)
    np.testing.assert_allclose(fit.probability, filtered, rtol=0, atol=1e-8)
    without, _ = slow_em(returns, 60, memory=False)
    assert fit.memory == pytest.approx(2.0 * (history[-1] - without[-1]), abs=0.05)


def test_the_likelihood_never_falls_and_it_converges():
    for seed in range(8):
        fit = fit_hmm(planted(seed)[0])
        assert (np.diff(fit.history) > -1e-9).all()
        assert fit.converged


def test_planted_states_are_found():
    returns, storm = planted()
    fit = fit_hmm(returns)
    assert fit.apart
    assert fit.means == pytest.approx((0.01 * 0.8, 0.05 * 0.8), rel=0.2)
    assert fit.probability[storm].mean() > 0.9
    assert fit.probability[~storm].mean() < 0.1
    assert fit.state() is HmmState.CRISIS
    assert fit_hmm(returns[:-59]).state() is HmmState.QUIET  # the storm's first bar is one bar, not two


def test_the_probability_is_filtered():
    """With the parameters held, a bar's probability is that of the bars up to it: smoothing would see the storm."""
    returns, _ = planted(block=300)
    fit = fit_hmm(returns)
    turn = 300
    assert fit.probability[turn - 1] < 0.2
    assert fit.probability[turn + 5] > 0.8
    smoothed_would_know = fit.probability[turn - 3 : turn]
    assert smoothed_would_know.max() < 0.3


@pytest.mark.parametrize("draw", ["normal", "student"])
def test_noise_has_one_state(draw):
    """Two states may be told apart in one of twenty independent series; 99.9 % quantile and some fat tails."""
    rng = np.random.default_rng(42)
    make = {"normal": lambda: rng.standard_normal(400) * 0.03, "student": lambda: rng.standard_t(4, 400) * 0.02}[draw]
    fits = [fit_hmm(make()) for _ in range(60)]
    assert sum(fit.apart for fit in fits) <= 3
    assert all(fit.state() is HmmState.NORMAL for fit in fits if not fit.apart)


def test_equal_returns_give_equal_bits_and_scale_changes_nothing():
    returns, _ = planted()
    one, two = fit_hmm(returns), fit_hmm(returns.copy())
    assert one.probability.tobytes() == two.probability.tobytes()
    np.testing.assert_allclose(fit_hmm(returns * 8.0).probability, one.probability, atol=1e-9)


@pytest.mark.parametrize(
    ("probability", "states"),
    [
        ([0.9], [0]),
        ([0.9, 0.9], [0, 1]),
        ([0.9, 0.6, 0.9, 0.71], [0, 0, 0, 1]),
        ([0.7, 0.7, 0.7], [0, 0, 0]),
        ([0.9, 0.9, 0.2, 0.9], [0, 1, 1, 1]),
        ([0.9, 0.9, 0.2, 0.2], [0, 1, 1, 0]),
        ([0.9, 0.9, 0.5, 0.4, 0.5, 0.35], [0, 1, 1, 1, 1, 1]),
    ],
)
def test_hysteresis(probability, states):
    assert hysteresis(np.array(probability)).astype(int).tolist() == states


@pytest.mark.parametrize(
    "returns", [np.full(39, 0.01), np.zeros(100), np.r_[np.ones(50) * 0.01, np.nan], np.r_[np.zeros(60), np.ones(40)]]
)
def test_what_no_model_fits_is_an_error(returns):
    with pytest.raises(RegimeInputError):
        fit_hmm(returns)
