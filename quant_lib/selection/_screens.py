"""Screens a scanner may add to its filters: trend on several timeframes, recent performance, market capitalisation.

Each is opt-in (semantics 1.8 [B]): what a scanner does not write drops nothing, and
no threshold is ever supplied by a default that only fits one side.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.selection._errors import ContradictoryRulesError, NotPointInTimeError
from quant_lib.selection._filters import FilterRule, Judgement, describe, judge_filter, numbers

Timeframe = Literal["daily", "weekly", "monthly"]
_SUFFIX: Mapping[str, str] = {"daily": "", "weekly": "|1W", "monthly": "|1M"}
_RANGES: Mapping[str, str] = {"daily": "Volatility.D", "weekly": "Volatility.W", "monthly": "Volatility.M"}


@dataclass(frozen=True, kw_only=True)
class TrendScreen:
    """One screen of trend, by the sign of the side (semantics 1.4, last paragraph).

    Parameters
    ----------
    name : str
        Step of the funnel: trend, confirm or execute.
    timeframe : {"daily", "weekly", "monthly"}
        Bars the ratings and ADX are of. Stored features are daily: the others are known live only.
    logic : {"AND", "OR"}
        Whether all conditions must hold, or one.
    recommendation, oscillator : float, optional
        LONG needs the rating at least this, SHORT at most this.
    adx : float, optional
        ADX must reach it, for both sides.
    momentum : tuple of (field, float)
        LONG needs the field above its threshold, SHORT below it; strictly.
    volatility_min, volatility_max : float, optional, in percent
        Bounds of the timeframe's range, inclusive.

    Raises
    ------
    ContradictoryRulesError
        It has no condition.
    """

    name: str
    timeframe: Timeframe = "daily"
    logic: Literal["AND", "OR"] = "AND"
    recommendation: float | None = None
    oscillator: float | None = None
    adx: float | None = None
    momentum: tuple[tuple[str, float], ...] = ()
    volatility_min: float | None = None
    volatility_max: float | None = None

    def __post_init__(self) -> None:
        if not self.conditions("LONG"):
            raise ContradictoryRulesError(self.name, "the screen has no condition; leave it out")

    def conditions(self, direction: str) -> tuple[FilterRule, ...]:
        """Conditions for a side, as filters."""
        at_least, beyond = ("egreater", "greater") if direction == "LONG" else ("eless", "less")
        suffix, span = _SUFFIX[self.timeframe], _RANGES[self.timeframe]
        bounds = (
            (f"Recommend.All{suffix}", at_least, self.recommendation),
            (f"Recommend.Other{suffix}", at_least, self.oscillator),
            (f"ADX{suffix}", "egreater", self.adx),
            (span, "egreater", self.volatility_min),
            (span, "eless", self.volatility_max),
        )
        momentum = tuple((column, beyond, threshold) for column, threshold in self.momentum)
        return tuple(bound for bound in bounds if bound[2] is not None) + momentum


@dataclass(frozen=True, kw_only=True)
class RecentPerformance:
    """What a symbol must have done lately, whatever the side (semantics 1.4, step 7).

    Parameters
    ----------
    required : tuple of str
        Fields that must be known.
    abs_min, abs_max : tuple of (field, float)
        Bounds on the absolute value, inclusive.
    """

    required: tuple[str, ...] = ()
    abs_min: tuple[tuple[str, float], ...] = ()
    abs_max: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class MarketCaps:
    """Capitalisation from outside, and what a scanner asks of it (semantics 1.4, step 4).

    Parameters
    ----------
    known_on : datetime.date, optional
        Day the figures are of; an earlier day must not be judged by them.
    caps, ranks : mapping of str to float
        By base, in US dollars, and by place.
    floor : float, optional, in USD
        The larger of the vendor's and the outside figure must reach it.
    rank_limit : int, optional
        Last place admitted.
    """

    known_on: dt.date | None = None
    caps: Mapping[str, float] = field(default_factory=dict)
    ranks: Mapping[str, float] = field(default_factory=dict)
    floor: float | None = None
    rank_limit: int | None = None


def judge_screen(
    frame: pd.DataFrame, screen: TrendScreen, direction: str
) -> tuple[str, Judgement, npt.NDArray[np.object_]]:
    """Judge a trend screen.

    Returns
    -------
    str
        The rule in words.
    Judgement
        Verdicts; figure and threshold of the first condition that failed.
    array of str
        What each row failed.
    """
    conditions = screen.conditions(direction)
    words = f" {screen.logic.lower()} ".join(describe(rule) for rule in conditions)
    verdicts = [judge_filter(frame, rule) for rule in conditions]
    keeps = np.array([verdict.keep for verdict in verdicts])
    keep = keeps.all(axis=0) if screen.logic == "AND" else keeps.any(axis=0)
    first = np.argmin(keeps, axis=0) if len(frame) else np.array([], dtype=int)
    rows = np.arange(len(frame))
    value = np.array([verdict.value for verdict in verdicts])[first, rows]
    threshold = np.array([verdict.threshold for verdict in verdicts])[first, rows]
    texts = np.array([describe(rule) for rule in conditions], dtype=object)[first]
    reasons = np.where(np.isnan(value), "figure missing for: ", "not: ").astype(object) + texts
    return words, Judgement(np.asarray(keep), value, threshold), np.asarray(reasons, dtype=object)


def performance_rules(wanted: RecentPerformance) -> list[tuple[str, str, float]]:
    """Every condition of recent performance: field, how, bound."""
    known = [(column, "known", np.nan) for column in wanted.required]
    low = [(column, "at least", bound) for column, bound in wanted.abs_min]
    return known + low + [(column, "at most", bound) for column, bound in wanted.abs_max]


def judge_performance(figures: npt.NDArray[np.float64], how: str, bound: float) -> Judgement:
    """Judge the size of a figure whatever its sign; a missing one never passes."""
    size = np.abs(figures)
    keep = {"known": ~np.isnan(size), "at least": size >= bound, "at most": size <= bound}[how]
    return Judgement(keep, size, np.full(len(size), bound))


def market_caps(
    frame: pd.DataFrame, caps: MarketCaps, on: dt.date | None = None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Capitalisation in USD and place of each row; missing where nobody says.

    Rows without a date are of a scan, whose market stands on day `on` and tells its own figures.

    Raises
    ------
    NotPointInTimeError
        The figures are younger than the day, or a past day has none.
    """
    date = pd.Timestamp(frame["date"].iloc[0]).date() if "date" in frame and len(frame) else None
    if date is not None and (caps.known_on is None or caps.known_on > date):
        what = "there is no market-cap file" if caps.known_on is None else f"the file is of {caps.known_on}"
        raise NotPointInTimeError(f"market capitalisation on {date}", what, "give a file of that day or before")
    if date is None and on is not None and caps.known_on is not None and caps.known_on > on:
        raise NotPointInTimeError(
            f"market capitalisation on {on}", f"the file is of {caps.known_on}", "give a file of that day or before"
        )
    outside = frame["base"].map(dict(caps.caps)).to_numpy(dtype="float64", na_value=np.nan)
    ranks = frame["base"].map(dict(caps.ranks)).to_numpy(dtype="float64", na_value=np.nan)
    if "market_cap" in frame:
        outside = np.fmax(outside, frame["market_cap"].to_numpy(dtype="float64", na_value=np.nan))
    return np.asarray(outside, dtype="float64"), np.asarray(ranks, dtype="float64")


def momentum_composite(frame: pd.DataFrame, columns: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Mean of the fields' z-scores over the rows (sample deviation); a constant field counts 0.

    Parameters
    ----------
    frame : DataFrame
        Rows that are left.
    columns : tuple of str
        Features.

    Returns
    -------
    float array of shape (n_rows,)
        Missing where one of the fields is.
    """
    scores = []
    for column in columns:
        figures = numbers(frame, column)
        known = figures[~np.isnan(figures)]
        spread = float(known.std(ddof=1)) if len(known) > 1 else 0.0
        centred = figures - (known.mean() if len(known) else 0.0)
        # Equal figures leave a spread of rounding errors; dividing by it would rank them.
        flat = spread <= 1e-12 * max(1.0, float(np.abs(known).max(initial=0.0)))
        scores.append(np.where(np.isnan(figures), np.nan, 0.0) if flat else centred / spread)
    return np.asarray(np.mean(scores, axis=0), dtype="float64")
