"""Typed signals of candidates, and how their universe is known (semantics 1.9; users N6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from quant_lib.contracts import CANDIDATE_SIGNALS
from quant_lib.decision.rules import Scan
from quant_lib.errors import MissingDataError

_KEY: Final = ("symbol", "logic", "direction")
_JUDGED: Final = ("recommend_all", "recommend_ma", "recommend_other", "adx", "turnover", "value_traded")
"""As the candidate was judged: the rating selection reads, and money in dollars."""
_STORED: Final = {"roc": "roc_10", "atr": "atr_14"}
"""Signals that the feature table calls otherwise."""
SIGNALS: Final = tuple(
    column.name for column in CANDIDATE_SIGNALS.columns if column.type == "float64" and column.name not in _KEY
)
"""Every typed signal, in order."""


def candidate_signals(candidates: pd.DataFrame, universe: pd.DataFrame) -> pd.DataFrame:
    """Give each candidate its typed signals of the date.

    Parameters
    ----------
    candidates : DataFrame
        Rows of ``candidates``: symbol, logic, direction, ratings, money in USD.
    universe : DataFrame
        What they were chosen from: one row per symbol, features of the date.

    Returns
    -------
    DataFrame
        Columns of ``candidate_signals`` without profile and date. A signal without a
        figure is missing, and ``missing`` names it with the reason.

    Raises
    ------
    MissingDataError
        The universe lacks a feature: that is not a signal nobody could compute.
    """
    wanted = {name: _STORED.get(name, name) for name in SIGNALS if name not in _JUDGED}
    lacking = sorted({*wanted.values(), "n_bars"} - set(universe.columns))
    if lacking:
        raise MissingDataError(f"column {', '.join(lacking)}", "the universe frame", "join the features of the date")
    moment = universe.set_index("symbol").reindex(candidates["symbol"])
    made = candidates[[*_KEY, *_JUDGED]].reset_index(drop=True)
    known = {name: moment[stored].to_numpy(dtype="float64", na_value=np.nan) for name, stored in wanted.items()}
    made = made.join(pd.DataFrame(known, index=made.index))
    bars = moment["n_bars"].to_numpy(dtype="float64", na_value=np.nan)
    absent = made[list(SIGNALS)].isna().to_numpy()
    return made.assign(missing=[_reason(row, n) for row, n in zip(absent, bars, strict=True)])


def _reason(absent: np.ndarray, bars: float) -> str:
    if not absent.any():
        return ""
    names = ", ".join(name for name, lost in zip(SIGNALS, absent, strict=True) if lost)
    return f"{names}: no figure from the {int(bars) if np.isfinite(bars) else 0} bars of its series"


def survivorship_of(membership: pd.DataFrame) -> str:
    """Survivorship of a sleeve: unknown as soon as that of one of its scanners is.

    Parameters
    ----------
    membership : DataFrame
        Rows of ``candidate_membership`` of one profile and date.
    """
    return "unknown" if membership["survivorship"].eq("unknown").any() else "point_in_time"


def membership_of(scans: Sequence[Scan], universe: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """Say of each scanner how its members are known, and which of those it names have no bar on the date.

    Parameters
    ----------
    scans : sequence of Scan
        Scanners that could be run.
    universe : DataFrame
        Column symbol: everything known on the date.
    date : datetime.date
        The day.

    Returns
    -------
    DataFrame
        Columns of ``candidate_membership`` without profile and date.
    """
    known, rows = set(universe["symbol"]), []
    for scan in scans:
        names = (*scan.rules.include_symbols, *scan.rules.ensure_symbols, *(scan.rules.members(date) or ()))
        named = {name for name in names if ":" in name}
        absent = sorted(named - known)
        rows.append((scan.name, scan.rules.survivorship, len(named), len(absent), ",".join(absent)))
    return pd.DataFrame(rows, columns=["scanner", "survivorship", "named", "absent", "absent_symbols"])
