"""Missing sessions inside a symbol's history: which to ask for again, and why one stays open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from quant_lib.calendars import CalendarBook, label_of
from quant_lib.contracts import OHLCV_HOLES
from quant_lib.health._errors import InvalidRuleError
from quant_lib.health._findings import runs
from quant_lib.health._tape import make_tape, upto


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRules:
    """Bounds of a repair.

    Parameters
    ----------
    max_fills : int, default 10
        Holes of one symbol asked for in one run, newest first.
    max_depth : int, default 8500
        Bars a provider gives back from now; older holes cannot be reached.
    retry_after_days : int, default 30
        Days after which a hole that could not be filled is asked for again.
    dark_sessions : int, default 14
        Missing sessions in a row that are a dark ticker, not a lost bar.
    """

    max_fills: int = 10
    max_depth: int = 8500
    retry_after_days: int = 30
    dark_sessions: int = 14

    def __post_init__(self) -> None:
        for name in ("max_fills", "max_depth", "retry_after_days", "dark_sessions"):
            if getattr(self, name) < 1:
                raise InvalidRuleError(name, getattr(self, name), "at least 1")


def find_holes(bars: pd.DataFrame, on: dt.date, calendars: CalendarBook) -> pd.DataFrame:
    """List the runs of expected sessions without a bar between two bars of a symbol.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date, close.
    on : datetime.date
        Later bars do not exist.
    calendars : CalendarBook
        Expected sessions.

    Returns
    -------
    DataFrame
        Columns symbol, from_date, to_date, n_missing, outage (share of the venue's symbols that trade on
        both sides and miss the hole's first session); newest first within each symbol.
    """
    parts = []
    known = upto(bars, on)
    for calendar, symbols in calendars.groups(known["symbol"].astype("str").unique()):
        tape = make_tape(known.loc[known["symbol"].isin(symbols), ["symbol", "date", "close"]], calendar)
        at = np.flatnonzero(tape.missing > 0)
        first = tape.session[at] - tape.missing[at]
        parts.append(
            pd.DataFrame(
                {
                    "symbol": pd.Series(tape.symbols[tape.code[at]], dtype="str"),
                    "from_date": calendar.session_date(first),
                    "to_date": calendar.session_date(tape.session[at] - 1),
                    "n_missing": tape.missing[at],
                }
            )
        )
    holes = pd.concat(parts, ignore_index=True) if parts else _no_holes()
    holes["outage"] = _outage_share(known, holes)
    return holes.sort_values(["symbol", "from_date"], ascending=[True, False], kind="stable", ignore_index=True)


def _no_holes() -> pd.DataFrame:
    types = {"symbol": "str", "from_date": "datetime64[us]", "to_date": "datetime64[us]", "n_missing": "int64"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def _outage_share(bars: pd.DataFrame, holes: pd.DataFrame) -> list[float]:
    """Of the symbols of a hole's venue that had begun and not ended, the share with no bar on its first session."""
    if holes.empty:
        return []
    lives = bars.groupby("symbol")["date"].agg(["min", "max"])
    lives["venue"] = lives.index.str.partition(":").get_level_values(0)
    wanted = set(holes["from_date"])
    present = bars.loc[bars["date"].isin(wanted)].groupby("date")["symbol"].agg(set)
    shares: dict[tuple[str, pd.Timestamp], float] = {}
    out = []
    for symbol, day in zip(holes["symbol"], holes["from_date"], strict=True):
        venue = str(symbol).partition(":")[0]
        if (venue, day) not in shares:
            alive = lives.index[(lives["venue"] == venue) & (lives["min"] < day) & (lives["max"] > day)]
            seen = present.get(day, set())
            shares[venue, day] = float(np.mean([one not in seen for one in alive])) if len(alive) >= _QUORUM else 0.0
        out.append(shares[venue, day])
    return out


_QUORUM = 5
_OUTAGE = 0.5


@dataclass(frozen=True)
class RepairPlan:
    """What to ask for, and what not.

    Parameters
    ----------
    ask : DataFrame
        Holes to ask for, columns of `find_holes` and attempts (made before).
    deferred : DataFrame
        Rows of OHLCV_HOLES for holes that are new and not asked for, with the cause.
    remembered : int
        Holes left alone because they could not be filled before and their time has not come.
    """

    ask: pd.DataFrame
    deferred: pd.DataFrame
    remembered: int


def plan_repair(
    holes: pd.DataFrame, known: pd.DataFrame, on: dt.date, clock: dt.date, rules: RepairRules, since: dt.date
) -> RepairPlan:
    """Choose the holes to ask for: newest first, bounded, none that is known not to be filled yet.

    Parameters
    ----------
    holes : DataFrame
        From `find_holes`.
    known : DataFrame
        Newest row of OHLCV_HOLES for each (symbol, from_date).
    on : datetime.date
        Date of the repair.
    clock : datetime.date
        The market's day: providers count bars back from it.
    rules : RepairRules
        Bounds.
    since : datetime.date
        Oldest session that is wanted at all.

    Returns
    -------
    RepairPlan
    """
    holes = holes.loc[holes["to_date"] >= label_of(since)]
    before = known[["symbol", "from_date", "to_date", "attempts", "retry_on", "state"]]
    merged = holes.merge(before, on=["symbol", "from_date", "to_date"], how="left")
    merged["attempts"] = merged["attempts"].fillna(0).astype("int64")
    waiting = merged["retry_on"].notna() & (merged["retry_on"] > label_of(on))
    due = merged.loc[~waiting]
    deep = (label_of(clock) - due["from_date"]).dt.days + _MARGIN > rules.max_depth
    place = due.loc[~deep].groupby("symbol").cumcount()
    over = place.reindex(due.index, fill_value=0) >= rules.max_fills
    words = ["beyond_depth" if d else "over_limit" if o else "" for d, o in zip(deep, over, strict=True)]
    causes = pd.Series(words, index=due.index, dtype="str")
    deferred = due.loc[causes != ""]
    outcomes = [
        Outcome(0, "deferred", cause, int(asked), rules.retry_after_days if cause == "beyond_depth" else 1)
        for cause, asked in zip([word for word in words if word], deferred["attempts"], strict=True)
    ]
    rows = hole_rows(deferred, on, outcomes)
    return RepairPlan(due.loc[causes == ""].reset_index(drop=True), rows, int(waiting.sum()))


_MARGIN = 5
"""Bars asked for before the hole, so that the provider serves both its sides."""

_WORDS = {
    "": "filled",
    "venue_outage": "the whole venue has no bars there",
    "dark": "the ticker was dark: halted, delisted, or given to another asset",
    "vendor_hole": "the provider serves both sides and nothing in between",
    "rejected": "the provider serves bars there that were refused at the door",
    "beyond_depth": "older than the provider reaches back",
    "over_limit": "left for the next run: enough holes of this symbol were asked for",
    "fetch_failed": "asking for it failed",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one hole: sessions filled, state and cause, times asked for, days to wait (0: it is closed)."""

    n_filled: int
    state: str
    cause: str
    attempts: int
    wait: int

    @property
    def message(self) -> str:
        """The outcome in words."""
        asked = f" (asked {self.attempts} time{'s' if self.attempts != 1 else ''})" if self.attempts else ""
        return _WORDS[self.cause] + (asked if self.cause else "")


def hole_rows(holes: pd.DataFrame, on: dt.date, outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """Complete rows of OHLCV_HOLES: the holes (columns of `find_holes`) and what became of each."""
    day = pd.Timestamp(on).as_unit("us")
    retry = [day + pd.Timedelta(days=one.wait) if one.wait else pd.NaT for one in outcomes]
    rows = holes[["symbol", "from_date", "to_date", "n_missing"]].assign(
        date=day,
        n_filled=[one.n_filled for one in outcomes],
        state=[one.state for one in outcomes],
        cause=[one.cause for one in outcomes],
        attempts=[one.attempts for one in outcomes],
        retry_on=pd.Series(retry, index=holes.index, dtype="datetime64[us]"),
        message=[one.message for one in outcomes],
    )
    return rows.astype(OHLCV_HOLES.pandas_types())[list(OHLCV_HOLES.column_names)].reset_index(drop=True)


def judge_repair(
    asked: pd.DataFrame, bars: pd.DataFrame, refused: pd.DataFrame, failed: set[str], on: dt.date, rules: RepairRules,
    calendars: CalendarBook,
) -> pd.DataFrame:  # fmt: skip
    """Look again at the holes that were asked for, and say why one is still open.

    Parameters
    ----------
    asked : DataFrame
        The plan's holes.
    bars : DataFrame
        Columns symbol, date: what is stored now, of these symbols.
    refused : DataFrame
        Columns symbol, date: bars served and refused.
    failed : set of str
        Symbols whose request failed.
    on : datetime.date
        Date of the repair.
    rules : RepairRules
        Bounds.
    calendars : CalendarBook
        Expected sessions.

    Returns
    -------
    DataFrame
        Rows of OHLCV_HOLES: one for each hole asked for, and one for each further hole that is left of one
        that was filled in part. A failed request is asked again the next day, an unfillable hole after
        `retry_after_days`, a filled one never.
    """
    have = {str(symbol): set(own["date"]) for symbol, own in bars.groupby("symbol")}
    turned_away = {str(symbol): set(own["date"]) for symbol, own in refused.groupby("symbol")}
    nothing: set[pd.Timestamp] = set()
    rows, outcomes = [], []
    facts = zip(
        asked["symbol"].astype("str"), asked["from_date"].dt.date, asked["to_date"].dt.date, asked["n_missing"],
        asked["outage"], asked["attempts"], strict=True,
    )  # fmt: skip
    for symbol, first, last, missing, outage, before in facts:
        sessions = [*calendars.calendar(symbol).sessions(first, last).as_unit("us")]
        left = [day not in have.get(symbol, nothing) for day in sessions]
        cause = ""
        if any(left):
            open_days = {day for day, gone in zip(sessions, left, strict=True) if gone}
            refused_here = bool(open_days & turned_away.get(symbol, nothing))
            cause = _cause(len(sessions), float(outage), symbol in failed, refused_here, rules)
        state = "failed" if cause == "fetch_failed" else _state(sum(left), len(sessions))
        wait = {"": 0, "fetch_failed": 1}.get(cause, rules.retry_after_days)
        parts = _what_is_left(symbol, sessions, left, int(missing))
        rows += parts
        whole = Outcome(len(sessions) - sum(left), state, cause, int(before) + 1, wait)
        if any(left) and not left[0]:  # what is left has rows of its own
            whole = replace(whole, wait=0)
        rest = replace(whole, n_filled=0, state="failed" if state == "failed" else "unfilled", wait=wait)
        outcomes += [whole, *[rest] * (len(parts) - 1)]
    return hole_rows(pd.DataFrame(rows, columns=["symbol", "from_date", "to_date", "n_missing"]), on, outcomes)


def _what_is_left(
    symbol: str, sessions: Sequence[pd.Timestamp], left: Sequence[bool], missing: int
) -> list[dict[str, object]]:
    """Cut a hole that was asked for into what is one now: the first row is the hole itself, the others lie inside it.

    A hole whose end was filled ends earlier. Where its beginning was filled, its row stays as it was and
    every run that is left follows as a hole of its own, so that each is found again by its first session.
    """
    begin, end = runs(np.array(left, dtype=np.bool_))
    whole = {"symbol": symbol, "from_date": sessions[0], "to_date": sessions[-1], "n_missing": missing}
    cut = [
        {"symbol": symbol, "from_date": sessions[a], "to_date": sessions[b], "n_missing": int(b - a) + 1}
        for a, b in zip(begin, end, strict=True)
    ]
    if cut and left[0]:
        return [{**whole, "to_date": cut[0]["to_date"]}, *cut[1:]]
    return [whole, *cut]


def _state(left: int, sessions: int) -> str:
    return "filled" if not left else "unfilled" if left == sessions else "partly_filled"


def _cause(missing: int, outage: float, failed: bool, refused: bool, rules: RepairRules) -> str:
    if failed:
        return "fetch_failed"
    if refused:
        return "rejected"
    if outage > _OUTAGE:
        return "venue_outage"
    return "dark" if missing >= rules.dark_sessions else "vendor_hole"
