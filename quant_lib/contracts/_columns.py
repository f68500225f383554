"""Columns and the shape that decision tables share."""

from __future__ import annotations

from quant_lib.contracts.spec import Column, Ownership, TableSpec

PROFILE = Column("profile", "string", "Sleeve that decided")
DATE = Column("date", "date", "Decision date: uses what was known at its close, earns from the next session")
SYMBOL = Column("symbol", "string", "Physical symbol, EXCHANGE:TICKER")
BAR_DATE = Column("bar_date", "date", "Session of the return")
DIRECTION = Column("direction", "string", "Side of the position", isin=("LONG", "SHORT"))
LOGIC = Column("logic", "string", "Strategy logic that proposed it")
ENGINE = Column("engine", "string", "Requested allocation engine")
RISK = Column("risk_profile", "string", "Requested risk profile (optimisation objective)")
ATOM = Column("atom_id", "string", "Opaque id of (asset, logic, direction, timescale)")


def decision_table(
    name: str, description: str, key: tuple[str, ...], columns: tuple[Column, ...], layer: str = ""
) -> TableSpec:
    """Declare a decision table: keyed by profile and date beside its own key."""
    return TableSpec(
        name=name,
        description=description,
        layer=layer,
        ownership=Ownership.DECISION,
        key=("profile", "date", *key),
        columns=(PROFILE, DATE, *columns),
    )


SIGNALS = (
    Column("recommend_all", "float64", "Overall technical rating selection reads", nullable=True, ge=-1.0, le=1.0),
    Column("recommend_ma", "float64", "Moving-average rating", nullable=True, ge=-1.0, le=1.0),
    Column("recommend_other", "float64", "Oscillator rating", nullable=True, ge=-1.0, le=1.0),
    Column("adx", "float64", "ADX(14)", nullable=True, ge=0.0, le=100.0),
    Column(
        "turnover",
        "float64",
        "Median close x volume of the last 30 closed bars",
        "USD",
        nullable=True,
        ge=0.0,
    ),
    Column("value_traded", "float64", "Close x volume of the last closed bar", "USD", nullable=True, ge=0.0),
    Column("volatility_d", "float64", "Daily range (high - low)/low", "percent", nullable=True, ge=0.0),
    Column("close", "float64", "Last closed price", "quote currency", nullable=True, gt=0.0),
)
