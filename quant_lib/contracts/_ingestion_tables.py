"""Tables of what happened to bars: the worklist, holes and their repair, refreshes, and the registry of checks."""

from __future__ import annotations

from quant_lib.contracts.spec import Column, Ownership, TableSpec

_DATE = Column("date", "date", "Session label: the UTC calendar day the bar opens on")
_SYMBOL = Column("symbol", "string", "EXCHANGE:TICKER, perpetuals end in .P")

FETCH_STATUSES = (
    "pending",
    "fetched",
    "already_current",
    "no_data",
    "timeout",
    "rate_limited",
    "invalid_symbol",
    "permission_denied",
    "error",
)

OHLCV_FETCHES = TableSpec(
    name="ohlcv_fetches",
    description="Worklist of a day's ingestion and what asking for each followed symbol gave, one row per symbol.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        _DATE,
        _SYMBOL,
        Column(
            "status",
            "string",
            "Typed outcome (semantics 2.2); pending while it is still to be asked for",
            isin=FETCH_STATUSES,
        ),
        Column("rows_added", "int64", "Bars stored, older ones than known before included", "bars", ge=0),
        Column("rows_rejected", "int64", "Bars refused", "bars", ge=0),
        Column("attempts", "int64", "Requests made", ge=0),
        Column("asked_from", "date", "Oldest session asked for; missing where nothing was asked", nullable=True),
        Column("history_truncated", "bool", "The provider stopped at its own limit"),
        Column("message", "string", "What went wrong and what to do", nullable=True),
    ),
)

HOLE_STATES = ("filled", "partly_filled", "unfilled", "deferred", "failed")
HOLE_CAUSES = ("", "venue_outage", "dark", "vendor_hole", "rejected", "beyond_depth", "over_limit", "fetch_failed")

OHLCV_HOLES = TableSpec(
    name="ohlcv_holes",
    description="Every attempt to fill missing sessions inside a symbol's history: what came of it, and why not.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol", "from_date"),
    columns=(
        Column("date", "date", "Partition whose repair looked at the hole"),
        _SYMBOL,
        Column("from_date", "date", "First missing session"),
        Column("to_date", "date", "Last missing session"),
        Column("n_missing", "int64", "Missing sessions before the attempt", "sessions", ge=1),
        Column("n_filled", "int64", "Sessions filled by it", "sessions", ge=0),
        Column("state", "string", "What came of it; deferred ones were not asked for", isin=HOLE_STATES),
        Column("cause", "string", "Why it is still open; empty when filled", isin=HOLE_CAUSES),
        Column("attempts", "int64", "Times it has been asked for, this one included", ge=0),
        Column(
            "retry_on",
            "date",
            "When it will be asked for again; missing when filled, or when every part left has a row",
            nullable=True,
        ),
        Column("message", "string", "The same in words"),
    ),
)

OHLCV_REFRESHES = TableSpec(
    name="ohlcv_refreshes",
    description="Hard refreshes: an operator had a symbol's stored bars replaced by what the provider serves now.",
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol", "requested_at"),
    columns=(
        Column("date", "date", "Last session of the replaced span"),
        _SYMBOL,
        Column("requested_at", "timestamp", "When it was asked for (wall clock)"),
        Column("reason", "string", "Why, in the operator's words"),
        Column("from_date", "date", "First session of the replaced span"),
        Column("rows_before", "int64", "Bars stored in the span before", "bars", ge=0),
        Column("rows_after", "int64", "Bars stored in the span after", "bars", ge=0),
        Column("rows_changed", "int64", "Bars whose values differ from those stored before", "bars", ge=0),
    ),
)

HEALTH_REGISTRY = TableSpec(
    name="health_registry",
    description=(
        "What every check said of every symbol as of a date, appended and never rewritten: ask it what happened to a "
        "symbol. A symbol is golden on a date when all its newest rows of that date passed."
    ),
    layer="L0",
    ownership=Ownership.SHARED,
    key=("date", "symbol", "check", "audit"),
    columns=(
        Column("date", "date", "As of: the verdict uses nothing later"),
        _SYMBOL,
        Column("check", "string", "Rule judged, or a step that acted on the symbol: fetch, door, revision, repair"),
        Column("audit", "int64", "0 for the first verdict of the date; higher where a later audit differs", ge=0),
        Column("passed", "bool", "Whether nothing of the check counts against the symbol on the date"),
        Column("n", "int64", "Findings that count", ge=0),
        Column("from_date", "date", "First session concerned by the newest finding", nullable=True),
        Column("to_date", "date", "Last session concerned by it", nullable=True),
        Column("value", "float64", "Figure judged", nullable=True),
        Column("threshold", "float64", "Limit it was judged by", nullable=True),
        Column("expires_on", "date", "Last session on which it counts; missing where none", nullable=True),
        Column("message", "string", "The same in words; empty when passed"),
    ),
)

INGESTION_TABLES: tuple[TableSpec, ...] = (OHLCV_FETCHES, OHLCV_HOLES, OHLCV_REFRESHES, HEALTH_REGISTRY)
