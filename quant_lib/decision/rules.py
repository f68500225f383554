"""Everything a sleeve's decision depends on, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from quant_lib.allocation import AllocationRequest
from quant_lib.backtest import CostModel, ExecutionRules
from quant_lib.health import HealthRules
from quant_lib.regime import ProxyRules, RegimeRules
from quant_lib.selection import ScreenRules, SelectionRules


@dataclass(frozen=True, slots=True)
class Scan:
    """One scanner: its name, the logic its candidates belong to, and its screens."""

    name: str
    logic: str
    rules: ScreenRules


@dataclass(frozen=True, slots=True)
class ReturnRules:
    """Which returns are eligible. Lengths are in sessions, see `quant_lib.returns.eligible_returns`."""

    lookback: int = 500
    min_days: int = 252
    min_observed: float = 0.9
    max_internal_gap: int = 3


@dataclass(frozen=True, slots=True)
class WindowRules:
    """Walk-forward lengths in sessions, see `quant_lib.backtest.walk_forward_windows`."""

    train: int = 252
    test: int = 10
    step: int = 10
    history: int = 1095


@dataclass(frozen=True, slots=True)
class OrderRules:
    """What can be held at all: capital in quote currency, and the smallest position as a fraction of it."""

    capital: float = 100_000.0
    min_position: float = 0.0


@dataclass(frozen=True, slots=True)
class SleeveRules:
    """A sleeve, resolved.

    Attributes
    ----------
    profile, direction : str
        Identity, and the side every candidate must have.
    scans : tuple of Scan
        Where candidates come from.
    returns : ReturnRules
        Eligibility over the lookback.
    selection : SelectionRules
        Vetoes, score, recruitment.
    requests : tuple of AllocationRequest
        One per engine and risk profile.
    cluster_threshold, cluster_lookbacks, max_clusters
        Clusters of the allocation.
    windows : WindowRules
        Walk-forward.
    costs, execution
        Accounting of the simulation.
    health : HealthRules
        How bars are judged.
    benchmark : str
        Symbol it is compared with, and what the risk profile ``market`` holds.
    ann : float
        Sessions a year, of `calendar`.
    calendar : str
        Calendar the sleeve decides and earns on: the sessions its universe shares.
    orders : OrderRules
        Sizes positions are rounded to.
    regime : RegimeRules
        How the market regime is measured.
    proxy : ProxyRules, optional
        What stands for the market; the benchmark where not given.
    """

    profile: str
    direction: str
    scans: tuple[Scan, ...]
    returns: ReturnRules
    selection: SelectionRules
    requests: tuple[AllocationRequest, ...]
    cluster_threshold: float
    cluster_lookbacks: tuple[int, ...]
    max_clusters: int
    windows: WindowRules
    costs: CostModel
    execution: ExecutionRules
    health: HealthRules
    benchmark: str
    ann: float
    calendar: str = "24x7"
    orders: OrderRules = OrderRules()
    regime: RegimeRules = field(default_factory=RegimeRules)
    proxy: ProxyRules | None = None

    @property
    def trades_on_what_is_held(self) -> bool:
        """Whether any allocation depends on the weights before it."""
        return any(request.turnover_penalty or request.no_trade_band > 0.0 for request in self.requests)
