"""Tables of the vendor's technicals: values, what asking gave, and the coverage record."""

from __future__ import annotations

from typing import Final

from quant_lib.contracts._shared_tables import DATE, SYMBOL
from quant_lib.contracts.spec import Column, Ownership, TableSpec
from quant_lib.technicals import BASE_FIELDS, FIELDS, TIMEFRAMES, stored_name, vendor_column

_SLACK: Final = 1e-6
_UNIT: Final = {
    "change": "percent",
    "gap": "percent",
    "change_abs": "quote currency",
    "volume": "base units",
    **dict.fromkeys(("open", "high", "low", "close", "AO", "MACD.macd", "MACD.signal"), "quote currency"),
}
_BOUNDS: Final = {
    **dict.fromkeys(("Recommend.All", "Recommend.MA", "Recommend.Other"), (-1.0, 1.0)),
    **dict.fromkeys(("RSI", "ADX", "Stoch.K", "Stoch.D"), (0.0, 100.0)),
    **dict.fromkeys(("open", "high", "low", "close", "volume"), (0.0, None)),
}


def _value(field: str, timeframe: str) -> Column:
    low, high = _BOUNDS.get(field, (None, None))
    return Column(
        stored_name(field, timeframe),
        "float64",
        f"Vendor's {vendor_column(field, timeframe)}, as served; null where the vendor has none",
        _UNIT.get(field, ""),
        nullable=True,
        ge=None if low is None else low - _SLACK,
        le=None if high is None else high + _SLACK,
    )


TECHNICALS = TableSpec(
    name="technicals",
    description="Vendor's technicals of all timeframes as served on the day, with the time each row was fetched. "
    "They may hold bars that were still running: read them beside features, never as features.",
    layer="L1",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        DATE,
        SYMBOL,
        Column("fetched_at", "timestamp", "When this row was fetched (wall clock)"),
        Column("market_time", "timestamp", "Market's clock when the snapshot began"),
        Column("attempt", "int64", "Attempt that brought the row", ge=1),
        *(_value(field, frame) for frame in TIMEFRAMES for field in FIELDS),
        *(
            Column(stored_name(field), "float64", f"Vendor's {field}, as served", "percent", nullable=True)
            for field in BASE_FIELDS
        ),
    ),
    volatile=("fetched_at", "market_time", "attempt"),
)

TECHNICALS_STATUSES = (
    "fetched",
    "rate_limited",
    "not_found",
    "empty",
    "malformed",
    "unreachable",
    "refused",
    "error",
)

TECHNICALS_FETCHES = TableSpec(
    name="technicals_fetches",
    description="What asking the vendor for each symbol's technicals gave.",
    layer="L1",
    ownership=Ownership.SHARED,
    key=("date", "symbol"),
    columns=(
        DATE,
        SYMBOL,
        Column("status", "string", "Typed outcome of the last attempt", isin=TECHNICALS_STATUSES),
        Column("attempts", "int64", "Attempts it took part in", ge=1),
        Column("message", "string", "What went wrong and what to do", nullable=True),
    ),
    volatile=("attempts",),
)

TECHNICALS_COVERAGE = TableSpec(
    name="technicals_coverage",
    description="How complete a day's technicals are, with the evidence file behind it (semantics 3.2).",
    layer="L1",
    ownership=Ownership.SHARED,
    key=("date",),
    columns=(
        DATE,
        Column(
            "status",
            "string",
            "past: the day was over when it was asked for, and the vendor only serves the present",
            isin=("complete", "partial", "past"),
        ),
        Column("run_id", "string", "Run that took the snapshot", nullable=True),
        Column("requested", "int64", "Symbols asked for", ge=0),
        Column("fetched", "int64", "Symbols with a row", ge=0),
        Column("coverage", "float64", "fetched / requested", "fraction", nullable=True, ge=0.0, le=1.0),
        Column("attempts", "int64", "Attempts made", ge=0),
        Column("workers", "int64", "Requests in flight at most", ge=0),
        Column("failed_symbols", "string", "Symbols without a row, sorted, comma separated"),
        Column("started_at", "timestamp", "When the snapshot began (wall clock)", nullable=True),
        Column("duration_s", "float64", "Wall time of all attempts", "seconds", nullable=True, ge=0.0),
        Column("artifact", "string", "Evidence file, below the artifacts folder", nullable=True),
        Column("sha256", "string", "SHA-256 of the evidence file", nullable=True),
    ),
    volatile=("run_id", "attempts", "started_at", "duration_s", "artifact", "sha256"),
)

TECHNICALS_TABLES: tuple[TableSpec, ...] = (TECHNICALS, TECHNICALS_FETCHES, TECHNICALS_COVERAGE)
