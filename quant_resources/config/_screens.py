"""Sections of a scanner beyond its filters; each is opt-in, and what is absent drops nothing (semantics 1.4, 1.8)."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

from quant_resources.config._fields import NUMERIC_FIELDS, PRICE_CHANGES
from quant_resources.config._types import Code, ConfigModel, Count, NonNegative, Unique

FieldName: TypeAlias = Annotated[str, Field(json_schema_extra={"enum": list(NUMERIC_FIELDS)})]
PriceChange: TypeAlias = Annotated[str, Field(json_schema_extra={"enum": list(PRICE_CHANGES)})]
FieldNames: TypeAlias = Annotated[tuple[FieldName, ...], Unique]
RatingValue: TypeAlias = Annotated[float, Field(ge=-1.0, le=1.0)]
FileName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,200}$")]


class VolumeConfig(ConfigModel):
    """Floors on the volume of the last closed bar, in units of the base; a missing volume never passes one."""

    min: NonNegative | None = Field(None, description="Floor of every venue.")
    per_exchange: dict[Code, NonNegative] = Field({}, description="Floor of one venue, in place of `min`.")


class VolatilityConfig(ConfigModel):
    """Bounds on the day's range, in percent: 100 x (high - low)/low."""

    min: NonNegative | None = Field(None, description="The day's range must reach it, in percent.")
    max: NonNegative | None = Field(None, description="The day's range must not exceed it, in percent.")
    atr_pct_max: NonNegative | None = Field(
        None, description="Where the day's range is unknown: largest 100 x ATR/close, in percent."
    )


class RecentPerformanceConfig(ConfigModel):
    """What a symbol must have done lately, whatever the side."""

    required_fields: FieldNames = Field((), description="Fields that must be known.")
    abs_min: dict[FieldName, NonNegative] = Field({}, description="Smallest absolute value by field.")
    abs_max: dict[FieldName, NonNegative] = Field({}, description="Largest absolute value by field.")


class ScreenConfig(ConfigModel):
    """A screen of trend by the sign of the intent: LONG at least and above, SHORT at most and below."""

    timeframe: Literal["daily", "weekly", "monthly"] = Field(
        "daily",
        description="Bars the ratings, ADX and range are of. Weekly and monthly are known to a live scan alone.",
    )
    logic: Literal["AND", "OR"] = Field("AND", description="Whether all conditions must hold, or one.")
    recommendation: RatingValue | None = Field(
        None, description="Overall rating that a LONG must reach, a SHORT not exceed."
    )
    osc: RatingValue | None = Field(None, description="Oscillator rating likewise.")
    adx: NonNegative | None = Field(None, description="ADX that both sides must reach.")
    momentum: dict[PriceChange, float] = Field(
        {}, description="Threshold by field, in percent: a LONG must be above it, a SHORT below."
    )
    volatility_min: NonNegative | None = Field(None, description="Range of the timeframe must reach it, in percent.")
    volatility_max: NonNegative | None = Field(None, description="Range must not exceed it, in percent.")

    @property
    def empty(self) -> bool:
        """Whether it has no condition."""
        bounds = (self.recommendation, self.osc, self.adx, self.volatility_min, self.volatility_max)
        return not self.momentum and all(bound is None for bound in bounds)

    @property
    def fields(self) -> dict[str, str]:
        """Field that each condition but momentum reads, by its key."""
        suffix = {"weekly": "|1W", "monthly": "|1M"}.get(self.timeframe, "")
        span = {"weekly": "Volatility.W", "monthly": "Volatility.M"}.get(self.timeframe, "Volatility.D")
        return {
            "recommendation": f"Recommend.All{suffix}",
            "osc": f"Recommend.Other{suffix}",
            "adx": f"ADX{suffix}",
            "volatility_min": span,
            "volatility_max": span,
        }

    @property
    def directed(self) -> bool:
        """Whether it asks one thing of a LONG and the opposite of a SHORT."""
        return bool(self.momentum) or self.recommendation is not None or self.osc is not None


class MarketCapConfig(ConfigModel):
    """Market capitalisation asked for."""

    file: FileName | None = Field(
        None,
        description="CSV relative to the file that names it: a line `# as_of: YYYY-MM-DD`, then base,market_cap,rank.",
    )
    floor: NonNegative | None = Field(
        None, description="The larger of the vendor's and the file's must reach it, in USD."
    )
    rank_limit: Count | None = Field(None, description="Last place in the file that is admitted.")
