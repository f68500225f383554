"""Shared tables: facts about the market, built once and read by every sleeve."""

from __future__ import annotations

from quant_lib.contracts._ingestion_tables import INGESTION_TABLES
from quant_lib.contracts._regime_tables import REGIME_STUDY
from quant_lib.contracts.spec import Column, Ownership, TableSpec

_SOURCES = ("vendor", "exchange", "default", "missing")

DATE = Column("date", "date", "Session label: the UTC calendar day the bar opens on")
SYMBOL = Column("symbol", "string", "EXCHANGE:TICKER, perpetuals end in .P")


def _sourced(name: str, description: str, unit: str) -> tuple[Column, Column]:
    """Give a catalogue value and the source it came from."""
    return (
        Column(name, "float64", description, unit, nullable=True, ge=0.0),
        Column(
            f"{name}_source", "string", f"Where {name} comes from; a default never counts as coverage", isin=_SOURCES
        ),
    )


def _sourced_text(name: str, description: str) -> tuple[Column, Column]:
    """Give a label of the catalogue and the source it came from."""
    return (
        Column(name, "string", description),
        Column(f"{name}_source", "string", f"Where {name} comes from", isin=_SOURCES),
    )


INSTRUMENTS = TableSpec(
    name="instruments",
    description="Catalogue of every symbol of the configured venues as known on a date, delisted ones included.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        DATE,
        SYMBOL,
        Column("exchange", "string", "Venue prefix of the symbol"),
        Column(
            "asset_type",
            "string",
            "Kind of instrument",
            isin=("spot", "perp", "equity", "etf", "futures", "forex", "index"),
        ),
        Column("base", "string", "Base asset (multiplier digits stripped), the ticker itself for TradFi"),
        Column("quote", "string", "Quote or trading currency"),
        Column(
            "data_profile", "string", "Class of market data", isin=("CRYPTO", "EQUITY", "FOREX", "FUTURES", "UNKNOWN")
        ),
        Column("description", "string", "Vendor's description", nullable=True),
        Column("sector", "string", "Vendor's sector", nullable=True),
        *_sourced("tick_size", "Smallest price step", "quote currency"),
        *_sourced("price_precision", "Decimals of a price", "decimals"),
        *_sourced("lot_size", "Smallest quantity step", "base units"),
        *_sourced("min_qty", "Smallest quantity", "base units"),
        *_sourced("min_notional", "Smallest order value", "quote currency"),
        *_sourced("contract_size", "Quantity of one contract", "base units"),
        *_sourced("maker_fee", "Maker fee", "fraction of notional"),
        *_sourced("taker_fee", "Taker fee", "fraction of notional"),
        *_sourced_text("calendar", "Trading calendar"),
        *_sourced_text("timezone", "IANA zone of the exchange"),
        *_sourced_text("session", "Session hours, vendor's notation"),
        Column("listed_on", "date", "First session with a bar", nullable=True),
        Column("delisted_on", "date", "Last session of a symbol that no longer trades", nullable=True),
        Column("last_traded_on", "date", "Newest session with a bar", nullable=True),
        Column("active", "bool", "Listed and trading on the date"),
        Column(
            "listing",
            "string",
            "delisted: the sources list it as not trading; vanished: seen before, and they list it no more",
            isin=("listed", "delisted", "vanished"),
        ),
        Column("mode", "string", "scanned on the day, or reconstructed afterwards", isin=("scanned", "reconstructed")),
        Column("source", "string", "Providers of the record, joined by +"),
    ),
)

INSTRUMENT_VERSIONS = TableSpec(
    name="instrument_versions",
    description="The catalogue as a slowly changing dimension: one row per symbol and span of unchanged values. "
    "A row holds where date <= t < valid_until.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        Column("date", "date", "First catalogue date the values hold on (valid from)"),
        SYMBOL,
        Column("valid_until", "date", "First catalogue date they hold no more; missing while they do", nullable=True),
        Column("changed", "string", "Values that differ from the version before, comma separated; empty for the first"),
        *(c for c in INSTRUMENTS.columns if c.name not in ("date", "symbol", "last_traded_on", "mode", "source")),
    ),
)

OHLCV = TableSpec(
    name="ohlcv",
    description="Closed daily bars of every followed symbol, raw as served. A stored bar is never rewritten.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        DATE,
        SYMBOL,
        Column("open", "float64", "First price", "quote currency", gt=0.0),
        Column("high", "float64", "Highest price", "quote currency", gt=0.0),
        Column("low", "float64", "Lowest price", "quote currency", gt=0.0),
        Column("close", "float64", "Last price", "quote currency", gt=0.0),
        Column(
            "volume", "float64", "Traded quantity; missing where the feed has none", "base units", nullable=True, ge=0.0
        ),
        Column("open_time", "timestamp", "When the bar opened"),
        Column("close_time", "timestamp", "When the bar closed"),
        Column("known_at", "timestamp", "When the bar became knowable, never before close_time"),
        Column("source", "string", "Provider of the bar"),
        Column("ingested_at", "timestamp", "When it was stored (wall clock)"),
    ),
    volatile=("ingested_at",),
)

OHLCV_REJECTS = TableSpec(
    name="ohlcv_rejects",
    description="Bars refused at the door, with the reason. Nothing is dropped in silence.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol", "reason"),
    columns=(
        DATE,
        SYMBOL,
        Column("open", "float64", "First price as served", "quote currency", nullable=True),
        Column("high", "float64", "Highest price as served", "quote currency", nullable=True),
        Column("low", "float64", "Lowest price as served", "quote currency", nullable=True),
        Column("close", "float64", "Last price as served", "quote currency", nullable=True),
        Column("volume", "float64", "Quantity as served", "base units", nullable=True),
        Column("reason", "string", "Rule that refused it"),
        Column("rejected_on", "date", "Partition whose ingestion refused it"),
    ),
    volatile=("rejected_on",),
)

OHLCV_REVISIONS = TableSpec(
    name="ohlcv_revisions",
    description="Closed bars the provider later served differently. The stored bar stays; the difference is here.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol", "field", "seen_on"),
    columns=(
        DATE,
        SYMBOL,
        Column(
            "field",
            "string",
            "Revised field; basis where every price of the overlap changed by one factor, as after a split",
            isin=("open", "high", "low", "close", "volume", "basis"),
        ),
        Column("stored", "float64", "Value in ohlcv; 1 for basis", nullable=True),
        Column("served", "float64", "Value served now; the factor for basis", nullable=True),
        Column("seen_on", "date", "Partition whose ingestion saw the difference"),
    ),
)

HEALTH_STATUSES = ("healthy", "stale", "gappy", "sparse", "toxic", "stalled")

OHLCV_HEALTH = TableSpec(
    name="ohlcv_health",
    description="Verdict on each followed symbol's bars as of a date, with the figures behind it.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        DATE,
        SYMBOL,
        Column("status", "string", "Worst finding that holds on the date", isin=HEALTH_STATUSES),
        Column("reasons", "string", "Rules behind the status, comma separated; empty when healthy"),
        Column("first_date", "date", "Oldest stored bar"),
        Column("last_date", "date", "Newest stored bar at or before the date"),
        Column("n_bars", "int64", "Stored bars", "bars", ge=1),
        Column(
            "n_missing", "int64", "Expected sessions without a bar since the current segment began", "sessions", ge=0
        ),
        Column("longest_gap", "int64", "Longest run of missing sessions in the whole history", "sessions", ge=0),
        Column("staleness", "int64", "Expected sessions since the last bar", "sessions", ge=0),
        Column(
            "max_abs_return",
            "float64",
            "Largest |daily return| in the current segment",
            "fraction",
            nullable=True,
            ge=0.0,
        ),
        Column("n_segments", "int64", "Return series this ticker falls into", ge=1),
        Column("segment_start", "date", "First bar of the current segment; no return crosses it"),
    ),
)

OHLCV_FINDINGS = TableSpec(
    name="ohlcv_findings",
    description="Every defect found in stored bars: what, from when to when, how bad, what was done about it.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol", "rule", "from_date"),
    columns=(
        DATE,
        SYMBOL,
        Column(
            "rule",
            "string",
            "Rule that found it",
            isin=(
                "gap",
                "segment_break",
                "return_spike",
                "large_return",
                "volume_spike",
                "price_stall",
                "stale",
                "sparse",
                "zero_volume",
                "missing_volume",
                "duplicate",
            ),
        ),
        Column("from_date", "date", "First session concerned"),
        Column("to_date", "date", "Last session concerned"),
        Column("n", "int64", "Sessions concerned", "sessions", ge=1),
        Column("value", "float64", "Figure judged", nullable=True),
        Column("threshold", "float64", "Limit it was judged by", nullable=True),
        Column("action", "string", "What follows", isin=("none", "warn", "quarantine", "break", "veto")),
        Column(
            "expires_on", "date", "Last session on which it decides the symbol's status; missing: never", nullable=True
        ),
        Column("message", "string", "The same in words"),
    ),
)

SHARED_TABLES: tuple[TableSpec, ...] = (
    INSTRUMENTS,
    INSTRUMENT_VERSIONS,
    OHLCV,
    OHLCV_REJECTS,
    OHLCV_REVISIONS,
    OHLCV_HEALTH,
    OHLCV_FINDINGS,
    *INGESTION_TABLES,
    REGIME_STUDY,
)
