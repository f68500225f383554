"""``scanners/*.yaml``: which symbols of a universe a logic proposes on a day, and in which direction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from quant_resources.config._fields import COMPOSITE, NUMERIC_FIELDS, OPERATIONS, SCREEN_FIELDS
from quant_resources.config._screens import (
    FieldNames,
    FileName,
    MarketCapConfig,
    RecentPerformanceConfig,
    ScreenConfig,
    VolatilityConfig,
    VolumeConfig,
)
from quant_resources.config._types import (
    Codes,
    ConfigModel,
    Count,
    FilterValue,
    Name,
    NonNegative,
    Symbols,
    Text,
    Unique,
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
    intent: Literal["LONG", "SHORT", "DISCOVERY"] = Field(
        description="Direction of every candidate it proposes. DISCOVERY leaves it to the sleeve, by `resolve`."
    )
    resolve: Literal["Recommend.All", "Recommend.MA", "Recommend.Other"] | None = Field(
        None,
        description="Of a DISCOVERY scanner: rating whose sign decides. A LONG sleeve takes what is above 0, a SHORT "
        "sleeve what is below; nothing is taken without a sign.",
    )
    standalone: bool = Field(
        False, description="Kept for `quant scan` although no sleeve uses it; otherwise lint takes it for forgotten."
    )
    logic: Name = Field(description="Strategy logic that its candidates belong to.")
    filters: tuple[FilterConfig, ...] = Field((), description="Conditions that must all hold.")
    value_traded_min: NonNegative = Field(
        0.0, description="close x volume of the last closed bar must reach it, in US dollars."
    )
    turnover_min: NonNegative = Field(
        0.0, description="Median close x volume of the last 30 closed bars must reach it, in US dollars."
    )
    include_symbols: Symbols = Field((), description="Only these symbols of the universe; none given: all.")
    include_symbol_files: Annotated[tuple[FileName, ...], Unique] = Field(
        (), description="Only the members of these dated lists (see universes), relative to the file that names them."
    )
    exclude_symbols: Symbols = Field((), description="Symbols that are never proposed.")
    ensure_symbols: Symbols = Field(
        (), description="Symbols kept whatever the screens say, where the universe lists them on the date."
    )
    market_cap: MarketCapConfig | None = Field(None, description="Market capitalisation asked for.")
    volume: VolumeConfig = Field(VolumeConfig(), description="Floors on volume in units of the base.")
    recent_perf: RecentPerformanceConfig | None = Field(None, description="Recent performance asked for.")
    trend: ScreenConfig | None = Field(None, description="Screen of trend; absent: none.")
    confirm_screen: ScreenConfig | None = Field(None, description="Second screen, usually of a longer timeframe.")
    execute_screen: ScreenConfig | None = Field(None, description="Third screen, usually of a shorter timeframe.")
    volatility: VolatilityConfig = Field(VolatilityConfig(), description="Bounds on the day's range.")
    sort_by: str = Field(
        description="Field by which candidates are ranked.",
        json_schema_extra={"enum": [*NUMERIC_FIELDS, COMPOSITE]},
    )
    sort_order: Literal["asc", "desc"] = Field(description="asc: smallest first; desc: largest first.")
    momentum_composite_fields: FieldNames = Field(
        (), description="Fields whose mean z-score can be sorted by as momentum_composite."
    )
    base_sort_by: str | None = Field(
        None,
        description="Field of base_limit, largest first; turnover if left out.",
        json_schema_extra={"enum": [*NUMERIC_FIELDS, None]},
    )
    base_limit: Count = Field(500, description="Symbols kept by turnover before the ranking.")
    limit: Count = Field(100, description="Candidates kept after the ranking.")
    quote_priority: Annotated[Codes, Field(min_length=1)] = Field(
        ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD"),
        description="Preferred quote where one base is listed against several, best first.",
    )
    dedupe: bool = Field(True, description="Keep one listing of each base.")
    exchange_priority: Codes = Field(
        (), description="Preferred venue of one base, best first; the universe's order if none."
    )
    attach_perp_counterparts: bool = Field(
        False, description="Name the perpetual of the same base first among a candidate's alternatives."
    )
    perp_exchange_priority: Codes = Field((), description="Preferred venue of that perpetual, best first.")

    @property
    def screens(self) -> dict[str, ScreenConfig]:
        """Its screens of trend by key, in order."""
        named = {"trend": self.trend, "confirm_screen": self.confirm_screen, "execute_screen": self.execute_screen}
        return {key: screen for key, screen in named.items() if screen is not None}
