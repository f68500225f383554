"""``sleeves/*.yaml``: one portfolio in one direction, from its scanners to its backtest."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from quant_lib.objectives import AdaptiveFallback, EngineName, RiskProfile
from quant_resources.config._selection import FiltersConfig, SelectionConfig
from quant_resources.config._types import (
    ConfigModel,
    Count,
    Direction,
    Fraction,
    MarketProxy,
    Name,
    Names,
    Positive,
    PositiveFraction,
    Symbol,
    Text,
    Unique,
    Whole,
)


class TagsConfig(ConfigModel):
    """Labels of the sleeve's assets, to find and to select them by."""

    venue: Name = Field(description="Where it trades, for example binance_spot.")
    direction: Literal["long", "short"] = Field(description="long or short; taken from `direction` where absent.")


class DataConfig(ConfigModel):
    """Which history a decision looks at, and which symbols have enough of it."""

    lookback_days: Count = Field(500, description="Sessions before a decision that its returns matrix spans.")
    min_days: Count = Field(252, description="Returns a symbol needs within the lookback.")
    min_observed: PositiveFraction = Field(
        0.9, description="Share of the window's sessions a symbol must have returns on."
    )
    max_internal_gap: Whole = Field(3, description="Longest run of missing returns inside the window, in sessions.")


class RiskConfig(ConfigModel):
    """Limits of the allocation and the clusters they apply to."""

    asset_cap: PositiveFraction = Field(0.25, description="Largest weight of one asset, as a fraction of capital.")
    cluster_cap: PositiveFraction = Field(0.25, description="Largest weight of one cluster, as a fraction of capital.")
    cluster_threshold: Annotated[float, Field(ge=0.0)] = Field(
        0.45, description="Distance at which the tree of the winners is cut; 0 keeps every asset apart."
    )
    lookbacks: Annotated[tuple[Annotated[int, Field(ge=20)], ...], Unique, Field(min_length=1)] = Field(
        (60, 120, 200), description="Windows, in sessions, whose correlation distances are averaged."
    )
    max_clusters: Count = Field(25, description="Most clusters.")
    kappa_max: Annotated[float, Field(ge=1.0)] = Field(
        15_000.0, description="Largest condition number of the covariance; correlations are shrunk until it holds."
    )
    gross_target: PositiveFraction = Field(
        1.0, description="Capital invested from the floor of winners on; the rest is cash."
    )
    net_target: Annotated[float, Field(ge=-1.0, le=1.0)] | None = Field(
        None,
        description="Net exposure every book must have, as a fraction of capital, short below 0; scaled down with "
        "what is invested. A sleeve of one direction can promise its gross target alone.",
    )
    cap_policy: Literal["relax", "cash", "refuse"] = Field(
        "relax",
        description="Where the caps leave too little room: relax them as little as possible and record it, hold "
        "the rest in cash, or fail.",
    )
    risk_free: Fraction = Field(0.0, description="Risk-free rate of max_sharpe, as a fraction a year.")
    max_aggressors: Count = Field(5, description="Most antifragile leaders that a barbell holds.")
    neutrality: Annotated[tuple[Positive, ...], Unique, Field(min_length=1)] = Field(
        (0.05, 0.10, 0.15),
        description="Largest beta to the benchmark that market_neutral may keep; the first that can be met is used.",
    )
    target_beta: float = Field(0.0, description="Beta that market_neutral aims at.")
    turnover_penalty: bool = Field(
        False,
        description="Whether min_variance, market_neutral and max_sharpe pay for trading away from what is held.",
    )
    no_trade_band: Fraction = Field(
        0.0, description="Change of a weight, as a fraction of capital, that is not worth trading; 0: every change is."
    )
    capital: Positive = Field(
        100_000.0, description="Capital in quote currency, to size positions in whole lots of the exchange."
    )
    min_position: Fraction = Field(0.0, description="Smallest position that is held, as a fraction of capital.")


class AllocationConfig(ConfigModel):
    """Who solves what: every engine solves every risk profile.

    The baselines market and benchmark, and the barbell, are solved once whatever engines are listed; the engine
    adaptive solves the risk profile adaptive alone.
    """

    engines: Annotated[tuple[EngineName, ...], Unique, Field(min_length=1)] = Field(
        ("custom",),
        description="Optimisers. skfolio, riskfolio and pyportfolioopt need the extra engines; cvxportfolio is GPL-3 "
        "and an extra of its own.",
    )
    risk_profiles: Annotated[tuple[RiskProfile, ...], Unique, Field(min_length=1)] = Field(
        ("equal_weight", "hrp", "min_variance"), description="Objectives."
    )
    structure: Literal["atoms", "clusters"] = Field(
        "atoms",
        description="atoms: both caps in one problem; clusters: weights over clusters, shared inside each by inverse "
        "variance.",
    )
    covariance: Literal["ledoit_wolf", "sample"] = Field(
        "ledoit_wolf", description="Estimator of the covariance, before it is conditioned."
    )
    linkage: Literal["ward", "single"] = Field("ward", description="Linkage of the tree of hrp.")
    adaptive_fallback: AdaptiveFallback = Field(
        "erc", description="Objective of adaptive on days whose regime is not known."
    )


class RegimeConfig(ConfigModel):
    """What stands for the market, and how much of its past a regime is measured on. Lengths are in sessions."""

    proxy: MarketProxy = Field(
        "benchmark",
        description="benchmark: the sleeve's own; universe: the symbols its scanners choose from, weighted by "
        "turnover; or a symbol among the platform's benchmarks.",
    )
    members: Annotated[int, Field(ge=5)] = Field(
        50, description="Most traded symbols that count where the universe is the proxy."
    )
    min_history: Annotated[int, Field(ge=252)] = Field(
        252, description="Fewest returns of the proxy; with fewer the regime is unknown."
    )
    history: Annotated[int, Field(ge=252)] = Field(
        1260, description="Newest returns of the proxy that a regime is calibrated on."
    )


class BacktestConfig(ConfigModel):
    """The walk-forward tournament. Lengths are in sessions."""

    train: Count = Field(252, description="Sessions each window learns from.")
    test: Count = Field(10, description="Sessions each window then earns.")
    step: Count = Field(10, description="Sessions from one window to the next; at least `test`.")
    history_days: Count = Field(1095, description="Sessions before the decision date that the tournament spans.")


class CostsConfig(ConfigModel):
    """What trading and holding cost."""

    slippage: Fraction = Field(0.001, description="Fraction of traded notional.")
    commission: Fraction = Field(0.0004, description="Fraction of traded notional.")
    short_borrow: Fraction = Field(0.02, description="Fraction of the short notional a year.")


class SleeveConfig(ConfigModel):
    """One portfolio in one direction."""

    name: Name = Field(description="Name of the file, without .yaml: the profile.")
    description: Text = Field(description="What it holds and why, in a sentence.")
    tags: TagsConfig = Field(description="Labels of its assets.")
    direction: Direction = Field(description="LONG or SHORT; every scanner it uses must agree.")
    scanners: Annotated[Names, Field(min_length=1)] = Field(description="Scanners whose candidates it chooses from.")
    data: DataConfig = Field(DataConfig(), description="Which history a decision looks at.")
    selection: SelectionConfig = Field(SelectionConfig(), description="How candidates become winners.")
    filters: FiltersConfig = Field(FiltersConfig(), description="Rules between candidates and winners.")
    risk: RiskConfig = Field(RiskConfig(), description="Limits of the allocation.")
    allocation: AllocationConfig = Field(AllocationConfig(), description="Engines and objectives.")
    regime: RegimeConfig = Field(RegimeConfig(), description="What stands for the market.")
    backtest: BacktestConfig = Field(BacktestConfig(), description="The walk-forward tournament.")
    costs: CostsConfig = Field(CostsConfig(), description="What trading and holding cost.")
    benchmark: Symbol = Field("BINANCE:BTCUSDT", description="What it is compared with.")
    strict: bool = Field(True, description="Whether a failed check stops the chain.")

    @model_validator(mode="before")
    @classmethod
    def _tag_direction(cls, data: Any) -> Any:
        """Fill in the direction tag, so that it need not be written twice."""
        if not isinstance(data, dict) or not isinstance(data.get("tags"), dict):
            return data
        if "direction" in data["tags"]:
            return data
        # Where the sleeve's own direction is wrong or missing, that is the error; one about the tag would distract.
        direction = "short" if data.get("direction") == "SHORT" else "long"
        return {**data, "tags": {**data["tags"], "direction": direction}}
