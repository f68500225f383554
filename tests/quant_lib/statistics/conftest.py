"""Returns and log prices for the statistics tests."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def returns():
    """Fat-tailed daily returns, 400 of them, with a few that are zero."""
    rng = np.random.default_rng(3)
    made = rng.standard_t(4, 400) * 0.02
    made[rng.random(400) < 0.05] = 0.0
    return made


def over(length, function, x):
    """Apply `function` to every full window."""
    out = np.full(len(x), np.nan)
    for i in range(length - 1, len(x)):
        out[i] = function(x[i - length + 1 : i + 1])
    return out


@pytest.fixture(scope="session")
def rolling():
    return over
