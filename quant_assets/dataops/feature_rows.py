"""Keeping the features table equal to what the stored bars give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_assets.dataops.feature_notes import noted
from quant_assets.dataops.feature_rules import FeatureRules
from quant_lib.calendars import CalendarBook
from quant_lib.contracts.witness import witness_by_month
from quant_lib.errors import QuantError
from quant_lib.features import (
    FEATURES_TABLE,
    FeatureBlock,
    SortedBars,
    annualisation,
    cross_sections,
    feature_blocks,
    find_stale,
    history_digest,
    sort_bars,
    table_rows,
)
from quant_lib.health import HealthRules, label_bars
from quant_resources.calendars import calendar_book
from quant_resources.lakehouse import Lake, MonthlyRows, Receipt, Spool

_KEYS = ("date", "symbol", "bars_digest")
BAR_COLUMNS = ("date", "symbol", "open", "high", "low", "close", "volume", "close_time")
"""What features, segments and fingerprints are made from."""


@dataclass(eq=False)
class FeatureVersionError(QuantError):
    """Stored features were made with other definitions than those in force."""

    stored: str
    current: str
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.rows} rows of features were made with definitions {self.stored}, those in force are {self.current}"
        )

    @property
    def fix(self) -> str:
        """What to do about it."""
        return (
            "nothing was written: to make every row again, run once with "
            "QUANT_PLATFORM__FEATURES__ON_NEW_VERSION=recompute (features.on_new_version in platform.yaml)"
        )


@dataclass(frozen=True, eq=False)
class Refresh:
    """Rows that make the features table true again, made month by month as they are written.

    Parameters
    ----------
    made : callable
        From a month ("YYYY-MM") to all rows of the dates of the month that are to be replaced.
    dates : tuple of datetime.date
        Dates to be replaced; empty where every stored row is right.
    figures : dict
        Rows computed, kept and dropped, and the scope.
    anew : bool
        Whether the table is to be made anew: it was stored with other columns.
    notes : dict, optional
        What the rows were made from, see `quant_assets.dataops.feature_notes`; none where only some symbols were.
    """

    made: Callable[[str], pd.DataFrame]
    dates: tuple[dt.date, ...]
    figures: dict[str, int | str]
    anew: bool = False
    notes: dict[str, str] | None = None

    def store(self, lake: Lake) -> list[Receipt]:
        """Write what there is to write, in one commit."""
        rows = MonthlyRows(self.dates, self.made)
        if self.anew:
            return [lake.rebuild(FEATURES_TABLE, rows, notes=self.notes)]
        if not self.dates:
            return []
        return [lake.replace_dates(FEATURES_TABLE, rows, dates=self.dates, notes=self.notes)]


def labelled_bars(bars: pd.DataFrame, rules: HealthRules, calendars: CalendarBook) -> pd.DataFrame:
    """Bars a feature may see, each with the segment it belongs to.

    A bar condemned on its own day is left out. One condemned later is kept: on
    its day nobody knew, and a feature of that day must say what was known.
    """
    bars = bars.astype({"symbol": "category"})
    codes = bars["symbol"].cat.codes.to_numpy()
    dates = bars["date"].to_numpy()
    by_date = bool((dates[1:] >= dates[:-1]).all())  # as they are stored: then the symbol alone is to be sorted by
    ordered = bars.take(np.argsort(codes, kind="stable") if by_date else np.lexsort((dates, codes)))
    ordered.index = pd.RangeIndex(len(ordered))
    labels = label_bars(ordered, rules, calendars)
    ordered["segment"] = labels["segment"]
    seen = (labels["known_on"] != ordered["date"]).to_numpy()
    return ordered if seen.all() else ordered[seen].reset_index(drop=True)


def refresh(lake: Lake, until: dt.date, rules: FeatureRules, symbols: Sequence[str] | None = None) -> Refresh:
    """Compute the features that are missing or were made from other bars, and nothing else.

    Every row carries a fingerprint of the bars behind it. A new day, a new symbol, a repaired bar or another segment
    change fingerprints, and exactly the rows that carry them are made again; rows without a bar go. Features of a
    cross-section are made again for all rows of the dates touched.

    Parameters
    ----------
    lake : Lake
        Where bars and features are.
    until : datetime.date
        Newest date.
    rules : FeatureRules
        Definitions.
    symbols : sequence of str, optional
        Only these, all with bars by default; rows of others keep what is theirs alone.

    Returns
    -------
    Refresh
        What to write.

    Raises
    ------
    FeatureVersionError
        Where stored rows have other definitions and the rules say to refuse.
    """
    others, until = _other_definitions(lake, until, rules, symbols)
    notes = noted(lake, until, rules) if symbols is None else None
    bars = _bars(lake, until, rules, symbols)
    stored, since = _stored(lake, bars, until, symbols, others)
    late = bars.ordered.dates >= np.datetime64(since, "us")
    stale = find_stale(bars.keys(late), stored)
    missing = np.zeros(late.size, bool)
    missing[late] = stale.missing
    replaced = stored[stale.gone | stale.changed]
    wanted, gone = bars.ordered.dates[missing], stored["date"].to_numpy()[stale.gone]
    figures: dict[str, int | str] = {
        "scope": "all symbols with bars" if symbols is None else f"{len(symbols)} symbols",
        "rows_computed": wanted.size,
        "rows_dropped": gone.size,
    }
    days = np.union1d(wanted, gone)
    if not days.size:
        return Refresh(_nothing, (), figures)
    kept = _rows_kept(lake, days, stored, len(replaced), symbols is not None)
    month = _Months(lake, bars.of_symbols_of(missing), rules.version, days, replaced, kept > 0)
    month.compute(rules)
    dates = tuple(day.date() for day in pd.DatetimeIndex(days))
    figures["rows_kept_on_those_dates"] = kept
    return Refresh(month.rows, dates, figures, lake.outdated("features"), notes)


def _nothing(month: str) -> pd.DataFrame:
    raise AssertionError(f"no row of {month} is to be written")


@dataclass(frozen=True, eq=False)
class _Bars:
    """Bars in the order features are computed in, their fingerprints, and which of their rows are to be computed."""

    ordered: SortedBars
    digest: npt.NDArray[np.int64]
    ann: dict[str, float]
    missing: npt.NDArray[np.bool_] | None = None

    def keys(self, rows: npt.NDArray[np.bool_]) -> pd.DataFrame:
        """Symbol, date and fingerprint of some bars."""
        ordered = self.ordered
        return pd.DataFrame(
            {"date": ordered.dates[rows], "symbol": ordered.symbols[rows], "bars_digest": self.digest[rows]}
        )

    def witnesses(self) -> dict[str, tuple[int, int]]:
        """Rows of each month and the sum that stands for them, as files of features carry them."""
        symbols = self.ordered.symbols
        return witness_by_month(symbols.codes, list(symbols.categories), self.ordered.dates, self.digest)

    def of_symbols_of(self, missing: npt.NDArray[np.bool_]) -> _Bars:
        """Every bar of the symbols that rows are missing of."""
        places = self.ordered.of_symbols_of(missing)
        return _Bars(self.ordered.take(places), self.digest[places], self.ann, missing[places])


def _bars(lake: Lake, until: dt.date, rules: FeatureRules, symbols: Sequence[str] | None) -> _Bars:
    calendars = calendar_book(lake, until)
    bars = lake.read("ohlcv", columns=BAR_COLUMNS, until=until, symbols=symbols, categories=["symbol"])
    bars = labelled_bars(bars, rules.health, calendars)
    ann = calendars.ann(bars["symbol"].unique())
    ordered = sort_bars(bars, bars.pop("segment"))
    return _Bars(ordered, history_digest(ordered, annualisation(ordered.series_symbols(), ann)), ann)


def _other_definitions(
    lake: Lake, until: dt.date, rules: FeatureRules, symbols: Sequence[str] | None
) -> tuple[bool, dt.date]:
    """Whether stored rows have other definitions, and how far to go: all the way where they have.

    Every row has the definitions of the newest month: no write lets two stand side by side.
    """
    first = lake.last_month("features")
    if first is None:
        return False, until
    newest = lake.read("features", columns=["date", "feature_set_version"], since=first)
    others = sorted(set(newest["feature_set_version"]) - {rules.version})
    if lake.outdated("features"):
        others.append("other columns")
    if others and (rules.on_new_version == "refuse" or symbols is not None):
        raise FeatureVersionError(" and ".join(others), rules.version, lake.row_count("features"))
    return bool(others), max(until, newest["date"].max().date()) if others else until


def _stored(
    lake: Lake, bars: _Bars, until: dt.date, symbols: Sequence[str] | None, others: bool
) -> tuple[pd.DataFrame, dt.date]:
    """Keys and fingerprints of the stored rows that may differ from those the bars give, and the date they begin.

    Files whose sum is that of the rows as they should be are right to the last row, and are not opened.
    """
    begin = dt.date.min
    if lake.last_month("features") is None:
        nothing = pd.DataFrame({"date": pd.Series(dtype="datetime64[us]"), "symbol": pd.Series(dtype="str")})
        return nothing.assign(bars_digest=pd.Series(dtype="int64")), begin
    if symbols is None and not others:
        current, there = bars.witnesses(), lake.witnesses("features")
        months = sorted(m for m in {*current, *there} if m <= f"{until:%Y-%m}" and current.get(m) != there.get(m))
        begin = dt.date.fromisoformat(f"{months[0]}-01") if months else until + dt.timedelta(days=1)
    stored = lake.read("features", columns=_KEYS, since=begin, until=until, symbols=symbols, categories=["symbol"])
    # No row of these definitions has the fingerprint 0.
    return (stored.assign(bars_digest=0) if others else stored), begin


def _rows_kept(lake: Lake, days: npt.NDArray[np.datetime64], stored: pd.DataFrame, replaced: int, scoped: bool) -> int:
    """Count the stored rows of the touched dates that stay."""
    if scoped and lake.exists("features"):
        first, last = (pd.Timestamp(day).date() for day in (days[0], days[-1]))
        stored = lake.read("features", columns=["date"], since=first, until=last)
    return int(np.isin(stored["date"].to_numpy(), days).sum()) - replaced


class _Months:
    """Computes the rows that are missing, symbol by symbol, and gives them month by month.

    Parameters
    ----------
    lake : Lake
        Where kept rows are.
    bars : _Bars
        Whole history of the symbols, and which rows are to be computed.
    version : str
        Version the rows carry.
    days : array of datetime64
        Dates to be replaced.
    replaced : DataFrame
        Date and symbol of stored rows that go.
    keeps : bool
        Whether any other stored row of these dates stays.
    """

    def __init__(
        self,
        lake: Lake,
        bars: _Bars,
        version: str,
        days: npt.NDArray[np.datetime64],
        replaced: pd.DataFrame,
        keeps: bool,
    ) -> None:
        self._lake, self._bars, self._version, self._days = lake, bars, version, days
        self._replaced = pd.MultiIndex.from_frame(replaced[["symbol", "date"]].astype({"symbol": "str"}))
        self._keeps = lake.version("features") if keeps else None
        self._spool = Spool(lake.root / FEATURES_TABLE.name, FEATURES_TABLE.name)

    def compute(self, rules: FeatureRules) -> None:
        """Compute what is missing from the whole history of its symbols and put it aside by month."""
        ordered, missing = self._bars.ordered, self._bars.missing
        if missing is None or not missing.any():
            return
        months = ordered.dates.astype("datetime64[M]")
        first = ordered.dates[missing].min().astype("datetime64[D]").astype(object)

        def put(block: FeatureBlock) -> None:
            asked = np.flatnonzero(missing[block.rows])
            of_month = months[block.rows[asked]]
            for month in np.unique(of_month):
                places = asked[of_month == month]
                self._spool.put(str(month), block.rows[places], block.values.take(places, axis=1))

        for _ in feature_blocks(
            ordered, put, ruleset=rules.ruleset, ann=self._bars.ann, since=first, stress=rules.stress
        ):
            pass  # blocks are put aside as they are made; draining raises what one raised

    def rows(self, month: str) -> pd.DataFrame:
        """All rows of the touched dates of a month, those that stay among them, with their cross-sections."""
        parts = [self._kept(month)] if self._keeps is not None else []
        if month in self._spool.months():
            block = FeatureBlock(*self._spool.take(month))
            parts.append(table_rows(self._bars.ordered, self._bars.digest, block, self._version))
        rows = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        fresh = cross_sections(rows)
        rows[list(fresh.columns)] = fresh
        return rows

    def _kept(self, month: str) -> pd.DataFrame:
        days = self._days[self._days.astype("datetime64[M]") == np.datetime64(month, "M")]
        first, last = (pd.Timestamp(day).date() for day in (days[0], days[-1]))
        rows = self._lake.read("features", since=first, until=last, version=self._keeps)
        rows = rows[np.isin(rows["date"].to_numpy(), days)]
        return rows[~pd.MultiIndex.from_frame(rows[["symbol", "date"]]).isin(self._replaced)]
