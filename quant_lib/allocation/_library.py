"""What adapters of optimisation libraries share: data in, weights out, each called by its own name.

Every library is handed the same conditioned covariance and expected returns and
the same caps, so that what differs between engines is the method. Caps go into
the library's own problem where it takes linear constraints, and are fitted
afterwards where its method knows none; the note then says what that moved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.allocation._erc import RATIO_LIMIT, contribution_ratio
from quant_lib.allocation._errors import SolverError
from quant_lib.allocation._limits import project_to_limits
from quant_lib.allocation._neutral import betas, feasible_tolerance, neutral_rows
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.allocation._traded import needs_rows, net_factors

FloatArray = npt.NDArray[np.float64]

CUSTOM_CHAIN: Mapping[str, tuple[str, ...]] = {
    "hrp": ("hrp", "erc", "equal_weight"),
    "min_variance": ("min_variance", "equal_weight"),
    "max_sharpe": ("max_sharpe", "min_variance", "equal_weight"),
    "market_neutral": ("market_neutral",),
    "erc": ("erc", "equal_weight"),
    "risk_parity": ("risk_parity", "equal_weight"),
    "equal_weight": ("equal_weight",),
}
"""What the platform's own engine tries when a library fails, by risk profile."""

_FAR = 1e-4
_DUST = 1e-6
"""Share of the book below which a weight is what an interior point leaves behind, and no position."""
_AT = 1e-4
_TREE = 3


@dataclass(frozen=True)
class Asked:
    """A problem in the form libraries take: weights summing to 1.

    Parameters
    ----------
    returns : DataFrame of shape (T, n)
        Columns are atom ids.
    covariance : DataFrame of shape (n, n)
        A year.
    mean : Series
        Expected return, a year.
    upper : array of shape (n,)
        Bound of each weight.
    A, b : arrays of shape (k, n), (k,)
        ``A w <= b``; no rows where only bounds hold.
    """

    returns: pd.DataFrame
    covariance: pd.DataFrame
    mean: pd.Series
    upper: FloatArray
    A: FloatArray
    b: FloatArray


def asked_of(problem: Problem, *, neutral: bool = False) -> Asked:
    """Put a problem in the form libraries take.

    Raises
    ------
    InfeasibleProfileError
        Neutrality or a net target is asked for and cannot hold.
    """
    limits, names = problem.limits, list(problem.labels)
    capped = limits.binding_clusters()
    capped = capped[limits.room[capped] < limits.gross * (1.0 - 1e-12)]
    A = (limits.groups[None, :] == capped[:, None]).astype("float64")
    b = limits.room[capped] / limits.gross
    if neutral:
        beta = betas(problem)
        G, h = neutral_rows(beta, problem.request.target_beta, feasible_tolerance(problem, beta))
        A, b = np.vstack([A, G]), np.concatenate([b, h / limits.gross])
    net = problem.request.net_target
    if net is not None and needs_rows(problem):
        factors = net_factors(problem, net)
        A, b = np.vstack([A, factors, -factors]), np.concatenate([b, np.array([net, -net]) / limits.gross])
    mean = problem.excess + problem.request.risk_free
    return Asked(
        pd.DataFrame(problem.returns, columns=names),
        pd.DataFrame(problem.covariance.matrix, index=names, columns=names),
        pd.Series(mean, index=names),
        np.minimum(limits.upper / limits.gross, 1.0),
        A,
        b,
    )


def needs_tree(problem: Problem, backend: str) -> None:
    """Refuse a hierarchical method on fewer assets than a tree has.

    Raises
    ------
    SolverError
        Fewer than three; the status is ``skipped``.
    """
    if len(problem.labels) < _TREE:
        raise SolverError(backend, "skipped", f"{len(problem.labels)} assets, a tree needs {_TREE}")


def constrained(problem: Problem, x: FloatArray | None, backend: str) -> Solution:
    """Solution of a library that knew the caps: what is left to fit is its solver's rounding.

    Raises
    ------
    SolverError
        There are no finite weights, or they are not within the caps.
    """
    if x is None or not np.isfinite(x).all() or float(x.sum()) <= 0.0:
        raise SolverError(backend, "no weights", "the library gave none that are finite and positive in sum")
    swept = np.where(x > _DUST * float(x.sum()), x, 0.0)
    wanted = swept * problem.limits.gross / float(swept.sum())
    weights = project_to_limits(wanted, problem.limits)
    moved = float(np.abs(weights - wanted).max())
    if moved > _FAR:
        raise SolverError(backend, "caps broken", f"a weight was {moved:.3g} beyond them")
    return Solution(weights, backend, note=f"solver rounding of {moved:.1e} fitted" if moved > 1e-9 else "")


def risk_budgeted(problem: Problem, x: FloatArray | None, backend: str) -> Solution:
    """`constrained`, and how equal the risk contributions are that no cap touches.

    Libraries pose caps on the ratio ``y / sum(y)``. There the price of a cap is
    shared by all weights, so that contributions differ even where no cap holds;
    the platform's own engine keeps those equal. The note says by how much.
    """
    found = constrained(problem, x, backend)
    limits, w = problem.limits, found.weights
    at_cap = (w >= limits.upper * (1.0 - _AT)) | (limits.cluster_sums(w) >= limits.room * (1.0 - _AT))[limits.groups]
    ratio = contribution_ratio(problem.covariance.matrix, w, ~at_cap)
    note = f"risk contributions that no cap touches differ by {ratio - 1.0:.2%}" if ratio > RATIO_LIMIT else found.note
    return dataclasses.replace(found, note=note, slacks={"risk_ratio": ratio - 1.0})


@contextmanager
def library(backend: str) -> Iterator[None]:
    """Turn whatever a library raises into `SolverError`, and keep its warnings and prints out of a run."""
    import contextlib
    import io
    import warnings

    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        except SolverError:
            raise
        # A boundary: libraries raise bare exceptions of any kind for problems they cannot solve.
        except Exception as failure:
            raise SolverError(backend, type(failure).__name__, str(failure)) from failure


class LibraryEngine:
    """An engine whose risk profiles are functions of a problem.

    Parameters
    ----------
    name : str
        Of the engine.
    solvers : mapping of str to callable
        Function by risk profile.
    """

    def __init__(self, name: str, solvers: Mapping[str, Callable[[Problem], Solution]]) -> None:
        self.name = name
        self._solvers = dict(solvers)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Risk profiles it solves."""
        return tuple(sorted(self._solvers))

    def fallbacks(self, risk_profile: str) -> tuple[tuple[str, str], ...]:
        """Give the platform's own engine on the same objective, then its chain."""
        return tuple(("custom", profile) for profile in CUSTOM_CHAIN[risk_profile])

    def solve(self, problem: Problem, risk_profile: str) -> Solution:
        """Solve, or raise `SolverError`."""
        with library(f"{self.name}/{risk_profile}"):
            return self._solvers[risk_profile](problem)
