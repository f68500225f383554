"""``selection`` and ``filters`` of a sleeve: how candidates become winners."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from quant_resources.config._types import ConfigModel, Count, Fraction, NonNegative, PositiveFraction, Unique

Rating: TypeAlias = Literal["recommend_all", "recommend_ma", "recommend_other"]
HealthVeto: TypeAlias = Literal["stale", "gappy", "sparse", "toxic", "stalled"]
Metadata: TypeAlias = Literal["tick_size", "lot_size", "min_notional", "maker_fee", "taker_fee"]
Signal: TypeAlias = Literal[
    "momentum",
    "stability",
    "liquidity",
    "antifragility",
    "survival",
    "efficiency",
    "entropy",
    "trendiness",
    "adx",
    "recommend_all",
    "recommend_ma",
    "skew",
    "kurtosis",
    "cvar",
    "inverse_volatility",
    "fragility",
    "entropy_order",
    "turnover",
]
RankSignal: TypeAlias = Literal[
    "momentum",
    "stability",
    "liquidity",
    "antifragility",
    "survival",
    "efficiency",
    "entropy",
    "trendiness",
    "adx",
    "recommend_all",
    "recommend_ma",
    "recommend_other",
    "roc",
    "turnover",
]
Part: TypeAlias = Literal["mps", "regime"] | RankSignal
SelectionEngine: TypeAlias = Literal[
    "v4", "v3.4", "v3.2", "v3.1", "v3", "v2.1", "v2", "v2.0", "legacy", "baseline", "liquid_htr"
]
Weight: TypeAlias = Annotated[float, Field(ge=0.0, le=20.0)]
Lookbacks: TypeAlias = Annotated[tuple[Annotated[int, Field(ge=20)], ...], Unique, Field(min_length=1)]


class RankingConfig(ConfigModel):
    """The order in which candidates are recruited."""

    method: Literal["mps", "signal", "regime", "ensemble"] = Field(
        "mps",
        description="mps: by score; signal: by one figure; regime: by fit to the market; ensemble: by several.",
    )
    signal: RankSignal | None = Field(None, description="Figure of the method signal.")
    direction: Literal["ascending", "descending"] | None = Field(
        None,
        description="Which end of the signal comes first; by default the largest for LONG, the smallest for SHORT.",
    )
    parts: dict[Part, Weight] = Field(
        default_factory=dict, description="Weights of the method ensemble: mps, regime, or a figure by name."
    )


class SelectionConfig(ConfigModel):
    """How candidates become winners."""

    engine: SelectionEngine = Field("v4", description="Scoring engine by name.")
    weight_set: Literal["production", "flat"] = Field("production", description="Version of the weights of v4.")
    strategy: Literal["trend_following", "mean_reversion", "breakout"] | None = Field(
        None, description="Whether persistence argues for a candidate; by default what the sleeve's name says."
    )
    ranking: RankingConfig = Field(RankingConfig(), description="The order in which candidates are recruited.")
    top_n: Count = Field(15, description="Best candidates recruited from each cluster.")
    dynamic_top_n: bool = Field(False, description="Fewer from clusters whose members move together.")
    cluster_threshold: Annotated[float, Field(ge=0.0)] = Field(
        0.7, description="Distance at which the cluster tree is cut; 0 keeps every asset apart."
    )
    max_clusters: Count = Field(25, description="Most clusters of candidates.")
    max_winners: Count = Field(25, description="Most winners.")
    min_winners: Count = Field(15, description="Fewer winners than this make the day sparse.")
    max_stage: Annotated[int, Field(ge=1, le=4)] = Field(
        4,
        description="Last stage that relaxes soft vetoes to reach the floor: 1 none, 2 spectral thresholds, "
        "3 the best of each cluster, 4 by rank. Hard vetoes never relax.",
    )
    scarcity: Literal["cash", "ssp"] = Field(
        "cash", description="What a sparse day does with the seats nobody took: cash, or all in what there is (ssp)."
    )
    vetoes: Annotated[tuple[HealthVeto, ...], Unique] = Field(
        ("toxic", "stale", "stalled", "sparse"),
        description="Health verdicts that exclude a candidate whatever its score.",
    )
    turnover_min: NonNegative = Field(
        1_000_000.0,
        description="Median daily turnover of the last 30 closed bars that a candidate must reach, in US dollars.",
    )
    liquidity_scale: Annotated[float, Field(gt=0.0)] = Field(
        1e7, description="Turnover that counts as fully liquid, in US dollars: 1e7 for coins, 5e8 for stocks."
    )
    rating: Rating | None = Field(
        "recommend_all", description="Rating whose sign must agree with the direction; null: no rating decides."
    )
    momentum_min: float | None = Field(
        None, description="Least compounded return over 60 bars for the side traded, as a fraction; null: none."
    )
    weights: dict[Signal, Weight] = Field(
        default_factory=dict, description="Exponents of the score that differ from the standard ones, by signal."
    )
    dominant_signal: Signal | None = Field(
        None, description="Signal that leads the score; momentum then falls to 0.5 unless it leads itself."
    )
    dominant_signal_weight: Weight = Field(3.0, description="Exponent of the dominant signal.")


class DarwinianConfig(ConfigModel):
    """What a candidate must have to be traded at all. Always on, and hard."""

    required: Annotated[tuple[Metadata, ...], Unique, Field(min_length=1)] = Field(
        ("tick_size",), description="Metadata that must come from the vendor or the exchange."
    )
    survival_min: Fraction = Field(0.1, description="Least share of stress windows survived, of those lived through.")


class PredictabilityConfig(ConfigModel):
    """Turns away what looks like noise (soft), and extremes (hard). Limits are percentiles of noise."""

    entropy_max: Fraction = Field(0.95, description="Largest entropy; rejects 1 less this share of noise.")
    efficiency_min: Fraction = Field(0.05, description="Smallest efficiency ratio; rejects this share of noise.")
    hurst_band: tuple[Fraction, Fraction] = Field(
        (0.48, 0.52), description="Random-walk band; strictly inside it is vetoed, its width is the share of noise."
    )
    toxic_persistence: bool = Field(False, description="Also veto persistence (H above 0.55) against the trade, hard.")


class FrictionConfig(ConfigModel):
    """Turns away what does not pay for the impact of its own trading (soft)."""

    hurdle: float | None = Field(
        0.0, description="Least momentum after impact, as a fraction a year; null: the engine's own."
    )


class TrendRegimeConfig(ConfigModel):
    """The 200-bar average decides which side may be held (hard)."""

    source: Literal["close", "vwma", "sma_50"] = Field("close", description="What is compared with the average.")
    threshold: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.0, description="Half the width of the hysteresis band around the average, as a fraction."
    )
    lookback: Count = Field(5, description="Bars within which VWMA20 must have crossed the average.")
    strict_regime: bool = Field(True, description="Inside the band nobody passes; false: the last side still holds.")
    strict_signal: bool = Field(True, description="The crossing must be fresh; false: its side is enough.")
    memory: Count = Field(60, description="Bars for which the last side holds where strict_regime is false.")
    mode: Literal["level", "slope"] = Field("level", description="slope: the slope of the average decides (research).")
    slope_min: NonNegative = Field(0.0, description="Least slope towards the trade, in the unit of sma200_slope.")


class AdvancedTrendConfig(ConfigModel):
    """Strength, breakout or expansion in the trade's direction (hard)."""

    mode: Literal["adx_regime", "donchian_breakout", "bb_expansion"] = Field("adx_regime", description="Which rule.")
    adx_min: Annotated[float, Field(ge=0.0, le=100.0)] = Field(20.0, description="Least ADX(14) of adx_regime.")
    expansion: Annotated[float, Field(gt=0.0)] = Field(
        1.25, description="Least band width over its recent median, of bb_expansion."
    )
    lookback: Count = Field(20, description="Bars of that median.")


class PercentileConfig(ConfigModel):
    """Only the best share of what passed everything else (hard)."""

    share: PositiveFraction = Field(0.10, description="Share of the candidates that passed, in order of rank.")


class FiltersConfig(ConfigModel):
    """The chain between candidates and winners. ``null`` takes a filter out, ``{}`` puts it in with its defaults."""

    darwinian: DarwinianConfig = Field(DarwinianConfig(), description="Metadata and survival; always on.")
    predictability: PredictabilityConfig | None = Field(
        PredictabilityConfig(), description="Noise and extremes; null: not judged."
    )
    friction: FrictionConfig | None = Field(FrictionConfig(), description="Cost of impact; null: not judged.")
    trend_regime: TrendRegimeConfig | None = Field(None, description="Side of the 200-bar average; null: not judged.")
    advanced_trend: AdvancedTrendConfig | None = Field(None, description="Strength or breakout; null: not judged.")
    percentile: PercentileConfig | None = Field(None, description="Best share only; null: all.")
