"""``scanners/*.yaml``: which symbols of a universe a logic proposes on a day, and in which direction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from quant_resources.config._fields import NUMERIC_FIELDS, OPERATIONS, SCREEN_FIELDS
from quant_resources.config._types import (
    Codes,
    ConfigModel,
    Count,
    Direction,
    FilterValue,
    Name,
    NonNegative,
    Text,
)


class FilterConfig(ConfigModel):
    """One condition; all conditions must hold, and a missing value fails every one."""

    left: str = Field(
        description="Field that is judged, by the screener's name.", json_schema_extra={"enum": list(SCREEN_FIELDS)}
    )
    operation: str = Field(
        description="How; numbers are compared, the ticker (name) is searched with a regular expression.",
        json_schema_extra={"enum": list(OPERATIONS)},
    )
    right: FilterValue = Field(description="Number, text, name of another field, or a list of two numbers for a range.")


class VolatilityConfig(ConfigModel):
    """Bounds on the day's range, in percent: 100 x (high - low)/low."""

    min: NonNegative | None = Field(None, description="The day's range must reach it, in percent.")
    max: NonNegative | None = Field(None, description="The day's range must not exceed it, in percent.")


class ScannerConfig(ConfigModel):
    """One scan: a universe, the rules that narrow it, and the direction of what remains."""

    name: Name = Field(description="Name of the file, without .yaml.")
    description: Text = Field(description="What it looks for, in a sentence.")
    universe: Name = Field(description="Universe it narrows.")
    source: Literal["tradingview", "binance"] = Field(
        "tradingview",
        description="Who says what is listed on a live day: TradingView's screener, or Binance itself "
        "(QUANT_BINANCE_URL must be set). Figures are judged on stored bars either way.",
    )
    intent: Direction = Field(description="Direction of every candidate it proposes.")
    logic: Name = Field(description="Strategy logic that its candidates belong to.")
    filters: tuple[FilterConfig, ...] = Field((), description="Conditions that must all hold.")
    value_traded_min: NonNegative = Field(
        0.0, description="close x volume of the last closed bar must reach it, in US dollars."
    )
    turnover_min: NonNegative = Field(
        0.0, description="Median close x volume of the last 30 closed bars must reach it, in US dollars."
    )
    volatility: VolatilityConfig = Field(VolatilityConfig(), description="Bounds on the day's range.")
    sort_by: str = Field(
        description="Field by which candidates are ranked.", json_schema_extra={"enum": list(NUMERIC_FIELDS)}
    )
    sort_order: Literal["asc", "desc"] = Field(description="asc: smallest first; desc: largest first.")
    base_limit: Count = Field(500, description="Symbols kept by Value.Traded before the ranking.")
    limit: Count = Field(100, description="Candidates kept after the ranking.")
    quote_priority: Annotated[Codes, Field(min_length=1)] = Field(
        ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD"),
        description="Preferred quote where one base is listed against several, best first.",
    )
    dedupe: bool = Field(True, description="Keep one listing of each base.")
