"""What can stop an allocation, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quant_lib.errors import QuantError


def _shown(names: tuple[str, ...], limit: int = 10) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


@dataclass(eq=False)
class InvalidRequestError(QuantError):
    """A field of an allocation request that is out of range."""

    field: str
    value: object
    requirement: str

    def __str__(self) -> str:
        return f"allocation request: {self.field} was {self.value!r}, it must be {self.requirement}"


@dataclass(eq=False)
class UnsupportedAllocationError(QuantError):
    """An engine or a pair of engine and risk profile that does not exist."""

    engine: str
    risk_profile: str
    supported: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        have = "; ".join(f"{engine}: {', '.join(profiles)}" for engine, profiles in sorted(self.supported.items()))
        return f"engine {self.engine!r} does not solve risk profile {self.risk_profile!r}; supported are {have}"


@dataclass(eq=False)
class AllocationInputError(QuantError):
    """Returns and clusters that do not fit together or are too short."""

    problem: str
    atoms: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f": {_shown(self.atoms)}" if self.atoms else ""
        return f"cannot allocate, {self.problem}{where}"


@dataclass(eq=False)
class NonFiniteReturnsError(QuantError):
    """Returns with missing or infinite values. They are never filled."""

    columns: tuple[str, ...]
    n_values: int

    def __str__(self) -> str:
        return (
            f"{self.n_values} missing or infinite returns in {_shown(self.columns)}; join the streams on common "
            "sessions, or drop the column with a reason"
        )


@dataclass(eq=False)
class InfeasibleCapsError(QuantError):
    """Asset cap, cluster cap and gross target cannot hold together."""

    n_assets: int
    n_clusters: int
    asset_cap: float
    cluster_cap: float
    gross_target: float
    capacity: float
    feasible_asset_cap: float
    feasible_cluster_cap: float

    def __str__(self) -> str:
        return (
            f"asset_cap {self.asset_cap:g} and cluster_cap {self.cluster_cap:g} leave room for {self.capacity:.6g} of "
            f"gross_target {self.gross_target:g} over {self.n_assets} assets in {self.n_clusters} clusters; "
            f"the smallest relaxation is asset_cap {self.feasible_asset_cap:.6g} with cluster_cap "
            f"{self.feasible_cluster_cap:.6g}, or hold the rest in cash with cap_policy 'cash'"
        )


@dataclass(eq=False)
class SolverError(QuantError):
    """A solver stopped without a solution that satisfies its problem."""

    backend: str
    status: str
    detail: str

    def __str__(self) -> str:
        return f"{self.backend} ended with {self.status}: {self.detail}"


@dataclass(eq=False)
class AllocationFailedError(QuantError):
    """The requested risk profile and every fallback failed."""

    engine: str
    risk_profile: str
    attempts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.engine}/{self.risk_profile} and its fallbacks all failed: {'; '.join(self.attempts)}"


@dataclass(eq=False)
class MissingEngineError(QuantError):
    """An engine whose library is not installed."""

    engine: str
    distribution: str
    extra: str

    def __str__(self) -> str:
        return f"engine {self.engine!r} needs {self.distribution}, which is not installed"

    @property
    def fix(self) -> str:
        """How to install it."""
        return f"install the extra {self.extra!r}: pip install 'quant-assets[{self.extra}]'"


@dataclass(eq=False)
class InfeasibleProfileError(SolverError):
    """A risk profile whose own constraint no weights satisfy. Nothing else may take its place.

    Parameters
    ----------
    relaxation : str
        The smallest change that would make it feasible.
    """

    relaxation: str = ""

    def __str__(self) -> str:
        return f"{self.detail}; the smallest relaxation is {self.relaxation}"
