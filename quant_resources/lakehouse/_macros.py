"""Table functions of `quant query`: stored bars on the basis of a date, and what changed between two dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class TableMacro:
    """A table function written in SQL over the lake's views.

    Attributes
    ----------
    tables : tuple of str
        Tables it reads.
    definition : str
        The statement that creates it.
    """

    tables: tuple[str, ...]
    definition: str


_ADJUSTED: Final = """
CREATE MACRO ohlcv_adjusted(as_of := '9999-12-31') AS TABLE
WITH known AS (
    -- The stored bars stay as they are, so a later factor of the same overlap contains the earlier one.
    SELECT symbol, date AS until, seen_on, served
    FROM ohlcv_revisions
    WHERE field = 'basis' AND CAST(seen_on AS DATE) <= CAST(as_of AS DATE)
    QUALIFY row_number() OVER (PARTITION BY symbol, date ORDER BY seen_on DESC) = 1
),
factors AS (
    SELECT b.symbol, b.date, product(
        CASE WHEN k.served > 0 AND isfinite(k.served) THEN k.served
             ELSE error('a factor of ' || k.served || ' of ' || k.symbol || ': refresh it') END
    ) AS factor
    FROM ohlcv b JOIN known k ON k.symbol = b.symbol AND b.date <= k.until
    WHERE NOT EXISTS (
        SELECT 1 FROM ohlcv_refreshes r
        WHERE r.symbol = b.symbol AND r.date >= k.seen_on AND b.date BETWEEN r.from_date AND r.date
    )
    GROUP BY b.symbol, b.date
)
SELECT b.* REPLACE (
    b.open * coalesce(f.factor, 1.0) AS open,
    b.high * coalesce(f.factor, 1.0) AS high,
    b.low * coalesce(f.factor, 1.0) AS low,
    b.close * coalesce(f.factor, 1.0) AS close,
    b.volume / coalesce(f.factor, 1.0) AS volume
)
FROM ohlcv b LEFT JOIN factors f ON f.symbol = b.symbol AND f.date = b.date
WHERE CAST(b.date AS DATE) <= CAST(as_of AS DATE)
"""

_DIFFERENCE: Final = """
CREATE MACRO ohlcv_difference(earlier, later := '9999-12-31') AS TABLE
SELECT v.symbol, v.field, v.date, v.stored, v.served, v.seen_on,
       CASE WHEN v.field = 'basis'
            THEN (SELECT count(*) FROM ohlcv b WHERE b.symbol = v.symbol AND b.date <= v.date) ELSE 1 END AS n_bars
FROM ohlcv_revisions v
WHERE CAST(v.seen_on AS DATE) > CAST(earlier AS DATE) AND CAST(v.seen_on AS DATE) <= CAST(later AS DATE)
ORDER BY v.seen_on, v.symbol, v.date, v.field
"""

MACROS: Final[dict[str, TableMacro]] = {
    "ohlcv_adjusted": TableMacro(("ohlcv", "ohlcv_revisions", "ohlcv_refreshes"), _ADJUSTED),
    "ohlcv_difference": TableMacro(("ohlcv", "ohlcv_revisions"), _DIFFERENCE),
}
"""By name. `ohlcv_adjusted` is `quant_lib.health.adjusted` in SQL, so that a filter on it reads what it needs."""
