"""Judging a matrix of features: gaps in columns that should have values, values that stopped, order between columns."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from quant_lib.features.registry import FEATURES

MAX_MISSING: Final = 0.1
"""Share of missing values, once a feature has its warm-up, above which a column of a symbol is degraded."""
MAX_LAG_DAYS: Final = 3
"""Days the last value of a feature may lie before the symbol's last row."""

ORDERED: Final = (
    ("donchian_lower_20", "donchian_upper_20"),
    ("cvar_95", "var_95"),
    ("var_95", "tail_gain"),
)
"""Columns of which the first is never above the second."""


def find_disorder(rows: pd.DataFrame) -> pd.DataFrame:
    """Find rows that contradict themselves.

    The channels are those of the bars before the current one, so close may lie outside: that is a breakout. What holds
    is the order of the channel itself, of the tails, and ``macd_hist = macd - macd_signal``.

    Parameters
    ----------
    rows : DataFrame
        Rows of the features table.

    Returns
    -------
    DataFrame
        date, symbol, rule, lower, upper: one row for each violation.
    """
    slack = 1e-12
    found = []
    for lower, upper in ORDERED:
        room = slack * rows[upper].abs()
        found.append(_violations(rows, rows[lower] > rows[upper] + room, f"{lower} <= {upper}", lower, upper))
    gap = (rows["macd"] - rows["macd_signal"] - rows["macd_hist"]).abs() > slack * rows["close"]
    found.append(_violations(rows, gap, "macd_hist = macd - macd_signal", "macd_hist", "macd"))
    repeated = rows.duplicated(["date", "symbol"], keep=False)
    found.append(_violations(rows, repeated, "one row a date and symbol", "close", "close"))
    return pd.concat(found, ignore_index=True)


def _violations(rows: pd.DataFrame, wrong: pd.Series, rule: str, lower: str, upper: str) -> pd.DataFrame:
    bad = rows[wrong]
    return pd.DataFrame(
        {
            "date": bad["date"],
            "symbol": bad["symbol"],
            "rule": rule,
            "lower": bad[lower],
            "upper": bad[upper],
        }
    )


def find_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Find features that have holes, or stopped, where they should have values.

    Parameters
    ----------
    rows : DataFrame
        Trailing rows of the features table: all columns, some weeks of dates. A value is expected once the segment has
        the feature's warm-up; features of volume, and those that may be missing for another reason, are judged like
        any other, which is why the finding is a warning.

    Returns
    -------
    DataFrame
        symbol, feature, problem (``degraded`` or ``lagging``), missing (share), last_value (date or NaT).
    """
    ordered = rows.sort_values(["symbol", "date"], kind="stable")
    names, codes = np.unique(ordered["symbol"].to_numpy(dtype=object), return_inverse=True)
    dates, n_bars = ordered["date"].to_numpy(), ordered["n_bars"].to_numpy(dtype=np.float64, na_value=np.nan)
    ends = np.searchsorted(codes, np.arange(len(names)), side="right") - 1
    found = []
    for feature in FEATURES:
        # Survival is unknown by design where no stress window was lived through.
        if not (feature.stored and feature.nullable) or feature.name == "survival":
            continue
        expected = n_bars >= feature.warmup
        known = expected & ordered[feature.name].notna().to_numpy()
        asked, had = (np.bincount(codes, weights=mask, minlength=len(names)) for mask in (expected, known))
        at = np.full(len(names), -1)
        np.maximum.at(at, codes[known], np.flatnonzero(known))  # rows are in order of their dates
        with np.errstate(invalid="ignore"):
            missing = (asked - had) / asked
            late = (at < 0) | (dates[ends] - dates[at] > np.timedelta64(MAX_LAG_DAYS, "D"))
        degraded = (asked > 0) & (missing > MAX_MISSING)
        lagging = (asked > 0) & late & ~degraded
        found += [
            (names[k], feature.name, problem, missing[k], dates[at[k]] if at[k] >= 0 else pd.NaT)
            for problem, wrong in (("degraded", degraded), ("lagging", lagging))
            for k in np.flatnonzero(wrong)
        ]
    return pd.DataFrame(found, columns=["symbol", "feature", "problem", "missing", "last_value"])
