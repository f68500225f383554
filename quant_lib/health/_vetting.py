"""The door: which served bars may be stored, which are still open, and which were rewritten."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import pandas as pd

from quant_lib.calendars import CRYPTO, BoolArray, Calendar, Calendars, DateArray, each_calendar
from quant_lib.contracts import OHLCV, OHLCV_REJECTS, OHLCV_REVISIONS
from quant_lib.health._adjusted import BASIS_TOLERANCE
from quant_lib.health._errors import BarsContractError
from quant_lib.health._tape import FloatArray, _labels, _require

_PRICES: Final = ("open", "high", "low", "close")
_VALUES: Final = (*_PRICES, "volume")
ONE_DAY: Final = dt.timedelta(days=1)
_BASIS_BARS: Final = 3
_MOVED_WEEKDAYS: Final = 2
"""Different weekdays on which a month must have bars the calendar knows no session for."""


def vet_bars(served: pd.DataFrame, calendar: Calendars = CRYPTO) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Separate bars that may be stored from bars that may not, with every reason (semantics 2.4).

    A bar is refused for each of: ``non_finite_price``, ``non_positive_price``,
    ``high_below_body`` (high < max(open, close)), ``low_above_body`` (low > min(open, close)),
    ``negative_volume``, ``non_finite_volume`` (a missing volume is allowed), ``off_session`` (its
    date is no session of the calendar), ``outside_calendar`` (the calendar does not know that far),
    ``misaligned_open`` (it does not open where a daily bar opens), ``redated`` (in its month, bars
    lie on closed days while as many sessions are missing: dates were moved, so that none of the
    month can be believed). Of the rest, copies of one (symbol, date) with equal values leave one and are
    ``duplicate``; where copies differ nothing tells which is right, so all of them are refused as
    ``conflicting_duplicate``, ``conflicting_duplicate_2``, and the session stays missing.

    Parameters
    ----------
    served : DataFrame
        Columns symbol, open, high, low, close, volume, and date (session label) or
        open_time (UTC) or both; other columns are carried along.
    calendar : Calendar or CalendarBook, default ``24x7``
        Calendar of every symbol in the frame, or of each.

    Returns
    -------
    good : DataFrame
        The columns served, plus date where it was not served; sorted and unique by (symbol, date).
    rejects : DataFrame
        Columns of OHLCV_REJECTS without rejected_on, one row per refused bar and reason, unique by
        (date, symbol, reason), sorted by it. Bars identical in all values share a row.

    Raises
    ------
    BarsContractError
        A column is missing, or a bar has neither symbol nor time: it could not even be rejected.
    """
    if bool(served["symbol"].isna().any()) if "symbol" in served.columns else False:
        raise BarsContractError("a bar without a symbol", "column symbol", "the provider's client must name it")
    parts = [_vet(part, own) for own, part in each_calendar(served, calendar)]
    if len(parts) == 1:
        return parts[0]
    good = pd.concat([part[0] for part in parts]).sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    rejects = pd.concat([part[1] for part in parts])
    return good, rejects.sort_values(["date", "symbol", "reason"], kind="stable", ignore_index=True)


def _vet(served: pd.DataFrame, calendar: Calendar) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Vet the bars of one calendar."""
    frame = _with_values(served, calendar)
    reasons = _bar_reasons(frame, calendar)
    sound = ~np.logical_or.reduce(list(reasons.values()))
    copies = _copy_reasons(frame.loc[sound])
    rows = [_rejected(frame.loc[mask], reason) for reason, mask in reasons.items()]
    rows += [_rejected(frame.loc[index], reason) for reason, index in copies.items()]
    rejects = _unique_rejects(pd.concat(rows, ignore_index=True))
    refused = frame.index[~sound]
    for index in copies.values():
        refused = refused.union(index)
    good = frame.drop(index=refused).sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    return good, rejects


def _with_values(served: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    _require(served, ("symbol", *_VALUES))
    frame = served.reset_index(drop=True)
    if "date" not in frame.columns:
        _require(frame, ("open_time",))
        frame.insert(1, "date", calendar.label(_utc(frame["open_time"], "open_time")))
    frame["date"] = _labels(frame["date"], "date")
    return frame.astype({"symbol": "str", **dict.fromkeys(_VALUES, "float64")})


def _bar_reasons(frame: pd.DataFrame, calendar: Calendar) -> dict[str, BoolArray]:
    """Rule by rule, which bars break it; comparisons with a missing value are false."""
    o, h, lo, c, v = (frame[name].to_numpy(dtype=np.float64) for name in _VALUES)
    finite = np.isfinite(o) & np.isfinite(h) & np.isfinite(lo) & np.isfinite(c)
    reasons: dict[str, BoolArray] = {
        "non_finite_price": ~finite,
        "non_positive_price": (o <= 0.0) | (h <= 0.0) | (lo <= 0.0) | (c <= 0.0),
        "high_below_body": h < np.fmax(o, c),
        "low_above_body": lo > np.fmin(o, c),
        "negative_volume": v < 0.0,
        "non_finite_volume": np.isinf(v),
    }
    dates = _labels(frame["date"], "date")
    covered = calendar.covers(dates)
    off = covered & ~calendar.is_session(dates)
    reasons["off_session"] = off
    reasons["outside_calendar"] = ~covered
    reasons["redated"] = _redated(frame["symbol"], dates, off, covered, calendar) & ~off
    if "open_time" in frame.columns:
        opening = calendar.is_opening(_utc(frame["open_time"], "open_time"))
        reasons["misaligned_open"] = ~opening & covered & ~off
    return reasons


def _redated(symbols: pd.Series, dates: DateArray, off: BoolArray, covered: BoolArray, calendar: Calendar) -> BoolArray:
    """Tell which bars lie in a month of their symbol whose dates were moved, shape (n,).

    Sundays in a feed are one thing (currencies open on Sunday evening, and all the
    sessions are there too); Saturdays and Sundays *instead of* sessions are another.
    """
    if not bool(off.any()):
        return np.zeros(len(off), dtype=np.bool_)
    month = dates.astype("datetime64[M]")
    rows = pd.DataFrame({"symbol": symbols.to_numpy(), "month": month, "date": dates, "off": off, "covered": covered})
    moved = set()
    suspects = rows[rows["covered"]].groupby(["symbol", "month"], sort=True)
    for key, group in suspects:
        days = group.drop_duplicates("date")
        closed = days.loc[days["off"], "date"].dt.day_of_week
        if closed.nunique() < _MOVED_WEEKDAYS:
            continue
        expected = calendar.count(days["date"].min().date(), days["date"].max().date())
        missing = expected - (len(days) - len(closed))
        if 2 * missing >= len(closed):
            moved.add(key)
    return np.fromiter(((s, m) in moved for s, m in zip(symbols, month, strict=True)), np.bool_, len(off))


def _copy_reasons(sound: pd.DataFrame) -> dict[str, pd.Index]:
    """Rows to refuse because the same bar was served more than once."""
    key = ["symbol", "date"]
    repeated = sound.loc[sound.duplicated(key, keep=False)]
    same = repeated.duplicated([*key, *_VALUES], keep="first")
    distinct = repeated.loc[~same]
    conflicting = distinct.loc[distinct.duplicated(key, keep=False)]
    reasons = {"duplicate": repeated.index[same.to_numpy(dtype=bool)]}
    nth = conflicting.sort_values([*key, *_VALUES], kind="stable").groupby(key).cumcount()
    for n in range(int(nth.max()) + 1 if len(nth) else 0):
        name = "conflicting_duplicate" if n == 0 else f"conflicting_duplicate_{n + 1}"
        reasons[name] = nth.index[nth == n]
    return reasons


def _rejected(bars: pd.DataFrame, reason: str) -> pd.DataFrame:
    return bars[["date", "symbol", *_VALUES]].assign(reason=reason)


def _unique_rejects(rejects: pd.DataFrame) -> pd.DataFrame:
    """One row per key; bars of one key and reason that differ are numbered, so that none is lost."""
    types = OHLCV_REJECTS.pandas_types()
    types.pop("rejected_on")
    key = ["date", "symbol", "reason"]
    rows = rejects.astype(types).drop_duplicates().sort_values([*key, *_VALUES], kind="stable", ignore_index=True)
    nth = rows.groupby(key).cumcount()
    rows["reason"] = rows["reason"].where(nth == 0, rows["reason"] + "_" + (nth + 1).astype("str"))
    return rows.sort_values(key, kind="stable", ignore_index=True)[list(types)]


def split_closed(
    served: pd.DataFrame, clock: dt.datetime, interval: dt.timedelta = ONE_DAY, calendar: Calendars = CRYPTO
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Separate bars that have closed from the one still forming (semantics 0.3).

    Parameters
    ----------
    served : DataFrame
        Column open_time (UTC), the instant each bar opened.
    clock : datetime.datetime
        Now by the market's clock, with a time zone.
    interval : datetime.timedelta, default one day
        Length of a bar.
    calendar : Calendar or CalendarBook, default ``24x7``
        For daily bars, and with a column symbol where it is a book: a session of an exchange closes when
        the exchange does.

    Returns
    -------
    closed, open_bars : DataFrame
        Rows that had closed by the clock, and the others; order and columns as served.

    Raises
    ------
    BarsContractError
        The clock or open_time has no time zone: what is closed would depend on the machine.
    """
    if clock.tzinfo is None:
        raise BarsContractError("the clock has no time zone", f"clock {clock.isoformat()}", "pass it in UTC")
    _require(served, ("open_time",))
    now = pd.Timestamp(clock).tz_convert("UTC").tz_localize(None).to_datetime64()
    frame = served.reset_index(drop=True)
    closed = np.zeros(len(frame), dtype=np.bool_)
    for own, part in each_calendar(frame, calendar):
        closed[part.index.to_numpy()] = _close_times(_utc(part["open_time"], "open_time"), interval, own) <= now
    return served.loc[closed], served.loc[~closed]


def _close_times(opened: DateArray, interval: dt.timedelta, calendar: Calendar) -> DateArray:
    """When bars close: after their length, and a daily bar of an exchange with its session."""
    if interval != ONE_DAY or calendar is CRYPTO:
        return np.asarray(opened + np.timedelta64(interval))
    return calendar.close_time(calendar.label(opened))


def stamp_bars(
    closed: pd.DataFrame,
    *,
    source: str,
    ingested_at: dt.datetime,
    interval: dt.timedelta = ONE_DAY,
    calendar: Calendars = CRYPTO,
) -> pd.DataFrame:
    """Give closed bars their three times: a provider stamps the open, a decision needs the close.

    Parameters
    ----------
    closed : DataFrame
        Columns symbol, open_time (UTC), open, high, low, close, volume.
    source : str
        Provider of the bars.
    ingested_at : datetime.datetime
        When they are stored, with a time zone.
    interval : datetime.timedelta, default one day
        Length of a bar.
    calendar : Calendar or CalendarBook, default ``24x7``
        Calendar of every symbol in the frame, or of each; gives the session label and when it closes.

    Returns
    -------
    DataFrame
        Columns of OHLCV, sorted by (date, symbol). ``close_time`` is ``open_time + interval``, or when
        the session of an exchange closes, and ``known_at = close_time``: a bar is known when it has
        closed, never when it opened.

    Raises
    ------
    BarsContractError
        A column is missing, or a time has no time zone.
    """
    _require(closed, ("symbol", "open_time", *_VALUES))
    if ingested_at.tzinfo is None:
        raise BarsContractError("ingested_at has no time zone", ingested_at.isoformat(), "pass it in UTC")
    parts = []
    for own, part in each_calendar(closed, calendar):
        opened = _utc(part["open_time"], "open_time")
        end = pd.DatetimeIndex(_close_times(opened, interval, own)).tz_localize("UTC")
        stamped = part[["symbol", *_VALUES]].assign(
            date=own.label(opened),
            open_time=pd.DatetimeIndex(opened).tz_localize("UTC"),
            close_time=end,
            known_at=end,
            source=source,
            ingested_at=pd.Timestamp(ingested_at).tz_convert("UTC"),
        )
        parts.append(stamped.astype(OHLCV.pandas_types())[list(OHLCV.column_names)])
    typed = pd.concat(parts, ignore_index=True)
    return typed.sort_values(["date", "symbol"], kind="stable", ignore_index=True)


def _utc(column: pd.Series, name: str) -> DateArray:
    """Instants of a column as naive UTC microseconds."""
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        raise BarsContractError(
            f"column {name} holds {column.dtype}, not instants", f"column {name}", "pass instants with time zone UTC"
        )
    if bool(column.isna().any()):
        raise BarsContractError(f"a bar without {name}", f"column {name}", "the provider's client must give it")
    values: DateArray = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return values


def revisions(stored: pd.DataFrame, served: pd.DataFrame, tolerance: float = 1e-6) -> pd.DataFrame:
    """Find closed bars that the provider now serves differently from what is stored (semantics 2.4).

    The stored bar stays as it is: decisions were made on it. The difference is a row.

    Parameters
    ----------
    stored, served : DataFrame
        Columns symbol, date, open, high, low, close, volume; unique by (symbol, date). Only
        closed bars: an open one changes by nature.
    tolerance : float, default 1e-6
        Relative to the stored value; up to it, inclusive, a difference is rounding.

    Returns
    -------
    DataFrame
        Columns of OHLCV_REVISIONS without seen_on, sorted by (date, symbol, field). A value
        that is missing on one side only is a difference too. Where all closes of at least three
        bars changed by one factor, as after a split or a dividend, one row says so: field ``basis``,
        dated on the newest of them, with the factor as its served value.

    Raises
    ------
    BarsContractError
        A column is missing or a key repeats.
    """
    key = ["symbol", "date"]
    sides = []
    for name, frame in (("stored", stored), ("served", served)):
        _require(frame, (*key, *_VALUES))
        if bool(frame.duplicated(key).any()):
            raise BarsContractError(f"{name} bars share symbol and date", f"{name} frame", "pass vetted bars")
        side = frame[[*key, *_VALUES]].astype({"symbol": "str", "date": "datetime64[us]"})
        sides.append(side)
    both = sides[0].merge(sides[1], on=key, suffixes=("_stored", "_served"), validate="one_to_one")
    rebased = _rebased(both, tolerance)
    both = both.loc[~both["symbol"].isin(rebased["symbol"])]
    found = [*(_differences(both, field, tolerance) for field in _VALUES), rebased]
    types = OHLCV_REVISIONS.pandas_types()
    types.pop("seen_on")
    rows = pd.concat(found, ignore_index=True).astype(types)[list(types)]
    return rows.sort_values(["date", "symbol", "field"], kind="stable", ignore_index=True)


def _rebased(both: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """One row for each symbol whose whole overlap is on another basis than what is stored."""
    rows = []
    for symbol, own in both.groupby("symbol", sort=True):
        ratio = own["close_served"].to_numpy(dtype=np.float64) / own["close_stored"].to_numpy(dtype=np.float64)
        factor = float(np.median(ratio))
        same = len(ratio) >= _BASIS_BARS and bool((np.abs(ratio / factor - 1.0) <= BASIS_TOLERANCE).all())
        if same and abs(factor - 1.0) > max(tolerance, 2.0 * BASIS_TOLERANCE):
            rows.append(
                {"date": own["date"].max(), "symbol": symbol, "field": "basis", "stored": 1.0, "served": factor}
            )
    return pd.DataFrame(rows, columns=["date", "symbol", "field", "stored", "served"])


def _differences(both: pd.DataFrame, field: str, tolerance: float) -> pd.DataFrame:
    stored: FloatArray = both[f"{field}_stored"].to_numpy(dtype=np.float64, na_value=np.nan)
    served: FloatArray = both[f"{field}_served"].to_numpy(dtype=np.float64, na_value=np.nan)
    differs = np.abs(served - stored) > tolerance * np.abs(stored)
    differs |= np.isnan(stored) != np.isnan(served)
    return both.loc[differs, ["date", "symbol"]].assign(field=field, stored=stored[differs], served=served[differs])
