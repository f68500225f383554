from __future__ import annotations

import numpy as np
import pytest

from quant_lib.allocation import estimate_covariance
from quant_lib.allocation._covariance import VOLATILITY_FLOOR, condition_number, ledoit_wolf


@pytest.mark.parametrize(("sessions", "n", "seed"), [(200, 10, 0), (20, 40, 1), (500, 3, 2), (2, 5, 3)])
def test_ledoit_wolf_equals_sklearn(sessions: int, n: int, seed: int) -> None:
    covariance = pytest.importorskip("sklearn.covariance")
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((sessions, n)) @ rng.standard_normal((n, n)) * 0.02 + 0.001
    want, want_intensity = covariance.ledoit_wolf(X)
    have, intensity = ledoit_wolf(X)
    np.testing.assert_allclose(have, want, rtol=1e-12, atol=1e-18)
    assert intensity == pytest.approx(want_intensity, abs=1e-12)


def test_ledoit_wolf_by_hand() -> None:
    # Two sessions of two assets: S = [[1, 2], [2, 4]], mean variance 2.5. The noise is zero, since both
    # sessions have the same outer product, so nothing is shrunk.
    have, intensity = ledoit_wolf(np.array([[1.0, 2.0], [-1.0, -2.0]]))
    np.testing.assert_allclose(have, [[1.0, 2.0], [2.0, 4.0]])
    assert intensity == 0.0


def test_annualisation_is_linear_in_the_factor() -> None:
    X = np.random.default_rng(0).standard_normal((100, 4)) * 0.02
    crypto, exchange = (estimate_covariance(X, ann=ann).matrix for ann in (365, 252))
    np.testing.assert_allclose(crypto / 365, exchange / 252, rtol=1e-14)


def test_single_column_is_its_sample_variance() -> None:
    X = np.array([[0.01], [0.03], [-0.02]])
    estimate = estimate_covariance(X, ann=252)
    assert estimate.matrix[0, 0] == pytest.approx(np.var(X, ddof=1) * 252, rel=1e-14)
    assert estimate.kappa == 1.0
    assert estimate.ledoit_wolf is None


def test_well_conditioned_is_left_alone() -> None:
    X = np.random.default_rng(0).standard_normal((300, 5)) * 0.02
    estimate = estimate_covariance(X, ann=365, estimator="sample")
    assert estimate.shrinkage == 0.0
    assert estimate.kappa == estimate.kappa_raw < 15_000
    np.testing.assert_allclose(estimate.matrix, np.cov(X, rowvar=False) * 365, rtol=1e-12)


def test_singular_climbs_to_the_first_rung_that_meets_the_bound() -> None:
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((300, 1)) * 0.02, 6, axis=1)
    # Six copies: C = 11', so at shrinkage s the eigenvalues are s (five times) and 6 - 5s.
    ladder = (0.0, 0.01, 0.15, 0.5, 0.95)
    for bound, rung in ((595.1, 0.01), (594.9, 0.15), (35.1, 0.15), (34.9, 0.5), (6.9, 0.95)):
        estimate = estimate_covariance(X, ann=365, kappa_max=bound, ladder=ladder, estimator="sample")
        assert estimate.kappa_raw == np.inf
        assert estimate.shrinkage == rung
        assert estimate.kappa == pytest.approx((6 - 5 * rung) / rung, rel=1e-9)
        assert estimate.bound_met
        np.testing.assert_allclose(np.diag(estimate.matrix), np.var(X[:, 0], ddof=1) * 365, rtol=1e-12)


def test_bound_no_rung_meets_is_said_not_hidden() -> None:
    X = np.random.default_rng(0).standard_normal((300, 4)) * np.array([1e-4, 0.1, 0.1, 0.1])
    estimate = estimate_covariance(X, ann=365, kappa_max=100.0, estimator="sample")
    assert not estimate.bound_met
    assert estimate.shrinkage == 0.95
    assert estimate.kappa > 100.0


def test_dead_stream_gets_the_floor_and_no_correlation() -> None:
    X = np.random.default_rng(0).standard_normal((300, 3)) * 0.02
    X[:, 1] = 0.0
    estimate = estimate_covariance(X, ann=365, estimator="sample")
    assert estimate.floored == (1,)
    assert estimate.volatility[1] == pytest.approx(VOLATILITY_FLOOR * np.sqrt(365))
    np.testing.assert_array_equal(estimate.correlation[1], [0.0, 1.0, 0.0])
    assert np.isfinite(estimate.kappa)


def test_condition_number_of_known_spectrum() -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))
    spectrum = np.array([0.5, 1.0, 2.0, 50.0])
    assert condition_number(rotation @ np.diag(spectrum) @ rotation.T) == pytest.approx(100.0, rel=1e-10)
    assert condition_number(np.ones((3, 3))) == np.inf
