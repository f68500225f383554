"""``platform.yaml``: what holds for every sleeve."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from quant_lib.features.registry import STRESS_WINDOWS
from quant_resources.config._types import (
    ConfigModel,
    Count,
    Date,
    Names,
    NonNegative,
    Owner,
    PositiveFraction,
    Symbols,
    Unique,
    Whole,
)


class RatingsConfig(ConfigModel):
    """How technical ratings are computed."""

    overall: Literal["vendor", "weighted"] = Field(
        "vendor",
        description="Overall rating that selection reads. vendor: mean of the moving-average and oscillator ratings; "
        "weighted: 0.574 x moving averages + 0.3914 x oscillators.",
    )
    ruleset: Literal["legacy", "pine3"] = Field(
        "legacy",
        description="Vote rules where the vendor published two versions (Stochastic, ADX, StochRSI, Ichimoku).",
    )


class StressWindow(ConfigModel):
    """Days in which markets were under stress, both ends included."""

    first: Date = Field(description="First day.")
    last: Date = Field(description="Last day.")

    @model_validator(mode="after")
    def _in_order(self) -> StressWindow:
        if self.last < self.first:
            raise ValueError(f"last ({self.last}) lies before first ({self.first})")
        return self


class FeaturesConfig(ConfigModel):
    """How features are defined where it is a choice, and what to do when a choice changes."""

    stress_windows: tuple[StressWindow, ...] = Field(
        tuple(StressWindow(first=first, last=last) for first, last in STRESS_WINDOWS),
        description="Windows that the feature survival judges; another list is another version of the features.",
    )
    on_new_version: Literal["refuse", "recompute"] = Field(
        "refuse",
        description="Stored rows of other definitions. refuse: fail and say so; recompute: make every row again.",
    )


class IngestionConfig(ConfigModel):
    """How bars are fetched."""

    success_ratio: PositiveFraction = Field(
        0.95, description="Share of followed symbols that must be current after all retries, or the partition fails."
    )
    concurrency: Annotated[int, Field(ge=1, le=64)] = Field(
        16, description="Symbols asked for at the same time over one connection."
    )
    checkpoint_bars: Annotated[int, Field(ge=1_000)] = Field(
        250_000, description="Bars asked for between two commits: what a killed ingestion has to ask for again at most."
    )
    symbol_timeout_s: Annotated[float, Field(gt=0.0, le=3600.0)] = Field(
        15.0, description="Seconds after which one symbol's request is given up and retried."
    )


class TechnicalsConfig(ConfigModel):
    """How the vendor's technicals are fetched."""

    attempts: Annotated[int, Field(ge=1, le=10)] = Field(
        3, description="Attempts; each asks only for symbols that have no row yet."
    )
    workers: Annotated[int, Field(ge=1, le=10)] = Field(3, description="Requests in flight at most.")
    batch: Annotated[int, Field(ge=1, le=500)] = Field(100, description="Symbols in one request of the first attempt.")
    strict: bool = Field(False, description="Whether a symbol without technicals fails the day instead of warning.")


class RepairConfig(ConfigModel):
    """How missing sessions are asked for again."""

    max_fills: Count = Field(10, description="Holes of one symbol asked for in one run, newest first.")
    max_depth: Count = Field(8500, description="Bars the provider gives back from now; older holes are out of reach.")
    retry_after_days: Count = Field(30, description="Days before a hole that could not be filled is asked for again.")


class HealthConfig(ConfigModel):
    """Thresholds by which bars are judged. Windows and gaps count sessions, returns are fractions."""

    large_return: NonNegative = Field(1.0, description="A daily return with |r| above it is reported.")
    quarantine_return: Annotated[float, Field(ge=1.0)] = Field(
        5.0,
        description="A daily return with |r| above it condemns its bar: no return touches it, the bar stays stored.",
    )
    crash_return: Annotated[float, Field(ge=-1.0, lt=0.0)] = Field(
        -0.99, description="A daily return below it makes the symbol toxic."
    )
    toxic_window: Count = Field(120, description="Sessions for which such a return keeps the symbol toxic.")
    volume_spike_z: NonNegative = Field(10.0, description="z-score of a volume above which it is reported.")
    volume_window: Annotated[int, Field(ge=2)] = Field(20, description="Earlier bars the z-score is taken over.")
    volume_flat_multiple: Annotated[float, Field(ge=1.0)] = Field(
        2.0, description="Where those volumes are all equal: multiple of them that is a spike."
    )
    volume_toxic_window: Whole = Field(
        1, description="Sessions for which a volume spike makes the symbol toxic; 0: never."
    )
    stall_bars: Annotated[int, Field(ge=2)] = Field(4, description="Identical closes in a row that make a stall.")
    max_lag: Whole = Field(0, description="Expected sessions the newest bar may lag before the symbol is stale.")
    max_lag_exchange: Whole = Field(1, description="The same on markets that close: vendors may publish a day late.")
    gap_tolerance: Whole = Field(0, description="Missing sessions in a row that do not make the symbol gappy.")
    gap_window: Count = Field(365, description="Sessions within which a gap makes the symbol gappy.")
    max_missing: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.1, description="Share of missing sessions above which the symbol is sparse."
    )
    sparse_window: Count = Field(365, description="Sessions over which that share is taken.")
    dark_sessions: Count = Field(
        14, description="Missing sessions in a row after which what comes back is another asset's series."
    )
    jump_ratio: Annotated[float, Field(ge=1.0)] = Field(
        3.0, description="Price ratio across missing sessions, up or down, below which the series never breaks."
    )
    jump_sigmas: NonNegative = Field(6.0, description="Volatilities such a ratio must also exceed.")
    sigma_window: Annotated[int, Field(ge=2)] = Field(60, description="Bars that volatility is taken from.")
    sigma_min_bars: Annotated[int, Field(ge=2)] = Field(20, description="With fewer returns, jump_ratio alone decides.")
    print_bars: Count = Field(3, description="Longest run of bars taken for bad prints where the price then returns.")
    split_tolerance: NonNegative = Field(
        0.03, description="On exchanges: log difference between an open and a whole split of the close before it."
    )
    split_sigmas: NonNegative = Field(8.0, description="Volatilities an overnight move must exceed to be a split.")
    split_turnover: NonNegative = Field(
        3.0, description="Multiple of the usual turnover above which an overnight move is no split."
    )


class AutomationConfig(ConfigModel):
    """What runs by itself, once it is turned on in Dagster, and how old shared facts may be."""

    daily_at: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        "00:30", description="UTC time of the daily run; it is for the day that closed at midnight."
    )
    late_after_h: Annotated[int, Field(ge=1)] = Field(
        26, description="Hours after which a shared table is marked as late."
    )
    stale_after_h: Annotated[int, Field(ge=2)] = Field(
        36, description="Hours after which a shared table is marked as failed; more than late_after_h."
    )

    @model_validator(mode="after")
    def _late_before_stale(self) -> Self:
        if self.stale_after_h <= self.late_after_h:
            raise ValueError("stale_after_h must be more than late_after_h")
        return self


class PlatformConfig(ConfigModel):
    """What holds for every sleeve (``configs/platform.yaml``)."""

    start_date: Date = Field(dt.date(2018, 1, 1), description="First decision date: the first daily partition.")
    history_start: Date = Field(
        dt.date(2017, 1, 1), description="Oldest bar that is asked for. Bars reach further back than decisions."
    )
    follow: Annotated[Names, Field(min_length=1)] = Field(description="Universes whose symbols are ingested every day.")
    ratings: RatingsConfig = Field(RatingsConfig(), description="How technical ratings are computed.")
    features: FeaturesConfig = Field(
        FeaturesConfig(), description="Choices in the definition of features, and what a change of them does."
    )
    benchmarks: Symbols = Field((), description="Symbols followed for comparison, whatever the universes hold.")
    owners: Annotated[tuple[Owner, ...], Unique] = Field(
        (), description="Who answers for the assets: e-mail addresses or team:NAME."
    )
    ingestion: IngestionConfig = Field(IngestionConfig(), description="How bars are fetched.")
    technicals: TechnicalsConfig = Field(
        TechnicalsConfig(), description="How the vendor's technicals are fetched, and how complete they must be."
    )
    strict: bool = Field(
        False,
        description="Every followed symbol must be current, and a trading symbol that is stale, gappy or sparse fails "
        "the day; false: they are shown, and vetoed where they are selected from.",
    )
    repair: RepairConfig = Field(RepairConfig(), description="How missing sessions are asked for again.")
    automation: AutomationConfig = Field(
        AutomationConfig(), description="What runs by itself, and how old shared facts may be."
    )
    health: HealthConfig = Field(HealthConfig(), description="Thresholds by which bars are judged.")
