"""From a universe to candidates, with a record of every symbol left behind (semantics 1.4 to 1.9).

The same function serves the live scan, whose rows the server returned, and the
point-in-time reconstruction, whose rows are instruments and features of one
date: it sees one row per symbol and no other date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.contracts import CANDIDATE_DROPS, CANDIDATE_FUNNEL, CANDIDATES
from quant_lib.errors import MissingDataError
from quant_lib.selection._dedupe import BUCKET, LISTING_COLUMNS, base_identity, rank_listings
from quant_lib.selection._dollars import liquidity, usd_rates
from quant_lib.selection._errors import InvalidUniverseError
from quant_lib.selection._filters import (
    DOLLAR_COLUMNS,
    LIVE_COLUMNS,
    VENDOR_COLUMNS,
    VENDOR_TYPES,
    feature_column,
    numbers,
    readable_columns,
)
from quant_lib.selection._funnel import Funnel, typed
from quant_lib.selection._rules import RATINGS, ScreenRules, in_words
from quant_lib.selection._screens import momentum_composite
from quant_lib.selection._steps import capitalisation, screens, trends, with_perpetuals
from quant_lib.symbols import STABLE_BASES, parse_symbols

__all__ = [
    "RATINGS",
    "VENDOR_COLUMNS",
    "VENDOR_TYPES",
    "ScreenResult",
    "ScreenRules",
    "screen",
    "screened_features",
    "universe_from_scan",
]

_IDENTITY = ("symbol", "exchange", "asset_type", "base", "quote", "active")
_FIGURES = tuple(c.name for c in CANDIDATES.columns if c.type == "float64" and c.name != "pooled_turnover")


_READABLE = readable_columns() | frozenset(
    {*CANDIDATES.column_names, *_IDENTITY, "date", "adx_14", "turnover_usd", "value_traded_usd"}
)
"""Columns a rule can name or a candidate holds; whatever else the features of a date have plays no part."""


def screened_features() -> frozenset[str]:
    """Columns that `screen` looks at, whatever the rules; all others are left out before any of its steps."""
    return _READABLE


@dataclass(frozen=True)
class ScreenResult:
    """Candidates and how they came to be.

    Parameters
    ----------
    candidates : DataFrame
        Columns of ``CANDIDATES`` without profile, date, logic and mode, by rank. Money is in USD.
    funnel : DataFrame
        step_no, step, rows_in, rows_out, rule: one row for each step that applied.
    drops : DataFrame
        symbol, step, reason, value, threshold: one row for each symbol dropped.
    rates : Series
        Dollars for one unit of each quote, as derived from the universe.
    """

    candidates: pd.DataFrame
    funnel: pd.DataFrame
    drops: pd.DataFrame
    rates: pd.Series

    def tables(self, *, profile: str, date: dt.date, logic: str, mode: str) -> dict[str, pd.DataFrame]:
        """Complete rows of the three candidate tables.

        Parameters
        ----------
        profile, logic : str
            Sleeve, and the strategy that proposed its candidates.
        date : datetime.date
            Decision date.
        mode : {"scanned", "reconstructed"}
            How the universe of the date is known.

        Returns
        -------
        dict of str to DataFrame
            ``candidates``, ``candidate_funnel`` and ``candidate_drops``, typed as their contracts.
        """
        day = pd.Timestamp(date)
        candidates = self.candidates.assign(profile=profile, date=day, logic=logic, mode=mode)
        return {
            CANDIDATES.name: typed(candidates, CANDIDATES),
            CANDIDATE_FUNNEL.name: typed(self.funnel.assign(profile=profile, date=day), CANDIDATE_FUNNEL),
            CANDIDATE_DROPS.name: typed(self.drops.assign(profile=profile, date=day), CANDIDATE_DROPS),
        }


def screen(universe: pd.DataFrame, rules: ScreenRules, *, on: dt.date | None = None) -> ScreenResult:
    """Screen a universe of one date.

    Parameters
    ----------
    universe : DataFrame
        One row per symbol: symbol, exchange, asset_type, base, quote (str), active (bool),
        and the features the rules read. Money (turnover, value_traded) in quote currency.
    rules : ScreenRules
        What to keep.
    on : datetime.date, optional
        Day whose lists and files hold, where the rows carry no date: a market may stand in the past.

    Returns
    -------
    ScreenResult
        Zero candidates is a valid result.

    Raises
    ------
    InvalidUniverseError
        Symbols repeat, a prefix disagrees with its exchange, or more than one date is present.
    MissingDataError
        A rule reads a column the universe lacks.
    UnknownColumnError, UnsupportedFilterError
        A filter cannot be evaluated.
    NotPointInTimeError
        A rule reads what only a live scan knows, or a list or file younger than the date.
    """
    frame = _prepare(universe)
    rates = usd_rates(frame)
    frame = _in_dollars(frame, rates)
    funnel = Funnel(frame)
    members = rules.members(_day(frame) or on)
    funnel.start(absent={*rules.include_symbols, *rules.ensure_symbols, *(members or ())})
    _membership(funnel, rules, members)
    _traded(funnel)
    _money(funnel, rules)
    funnel.ensured = frozenset(rules.ensure_symbols)
    capitalisation(funnel, rules, on)
    screens(funnel, rules)
    trends(funnel, rules)
    funnel.ensured = frozenset()
    _one_per_base(funnel, rules)
    _truncate(funnel, rules)
    found = funnel.left()
    if rules.perp_counterparts:
        found = with_perpetuals(found, frame, rules)
    return ScreenResult(_candidates(found, rules), *funnel.record(), rates)


def universe_from_scan(rows: pd.DataFrame) -> pd.DataFrame:
    """Give rows of a vendor scan the names `screen` reads.

    What the server lists trades, so every row is active. The vendor's overall
    rating is kept a second time as ``tv_recommend_all``: the column
    ``recommend_all`` may then be replaced by the platform's own.

    Parameters
    ----------
    rows : DataFrame
        Column symbol and the vendor columns that were asked for.

    Returns
    -------
    DataFrame
        Columns symbol, exchange, asset_type, base, quote, active, tv_recommend_all and one for each
        vendor column with a feature behind it; the others are left out.

    Raises
    ------
    MissingDataError
        The rows do not say what kind of instrument they are.
    InvalidKeyError
        A symbol is not one.
    """
    if "type" not in rows.columns:
        raise MissingDataError("column 'type'", "the scan", "ask the server for it")
    parts = parse_symbols(rows["symbol"])
    names = {**VENDOR_COLUMNS, **LIVE_COLUMNS}
    known = [name for name in rows.columns if name in names and name != "name"]
    made = rows[["symbol", *known]].rename(columns=names)
    kind = made["asset_type"]
    made["asset_type"] = kind.map(dict(VENDOR_TYPES)).fillna(kind)
    made["exchange"], made["base"], made["active"] = parts["exchange"], parts["base"], True
    made["quote"] = made["quote"].fillna(parts["quote"]) if "quote" in made else parts["quote"]
    made["tv_recommend_all"] = made.get("recommend_all", np.nan)
    # Columns of no rows have no type of their own; text must stay text where a market lists nothing.
    texts = [name for name in ("asset_type", "exchange", "base", "quote") if made.empty]
    return made.astype(dict.fromkeys(texts, "str"))


def _prepare(universe: pd.DataFrame) -> pd.DataFrame:
    lacking = [name for name in _IDENTITY if name not in universe.columns]
    if lacking:
        raise MissingDataError(
            f"columns {', '.join(lacking)}", "the universe frame", "join the instruments of the date"
        )
    symbols = universe["symbol"].to_numpy(dtype=object)
    order = np.argsort(symbols, kind="stable")
    symbols = symbols[order]
    repeated = {one for one, other in zip(symbols[1:], symbols[:-1], strict=True) if one == other}
    if repeated:
        raise InvalidUniverseError(
            "universe", f"{in_words(sorted(repeated))} appears more than once", "give one row per symbol"
        )
    # Text as plain objects and no column that no rule can name: both are what the many small steps below cost.
    made = {name: _ordered(universe[name], order) for name in universe.columns if name in _READABLE}
    parts = [str(symbol).partition(":") for symbol in symbols]
    exchanges = made["exchange"].tolist()
    wrong = [symbol for symbol, part, venue in zip(symbols, parts, exchanges, strict=True) if part[0] != venue]
    if wrong:
        raise InvalidUniverseError("universe", f"{in_words(wrong)} is not of its exchange", "repair the instruments")
    if "date" in made and len(made["date"].unique()) > 1:
        raise InvalidUniverseError("universe", "it holds more than one date", "pass the rows of the decision date")
    made["ticker"] = _plain([part[2] for part in parts])
    if "adx" not in made and "adx_14" in made:
        made["adx"] = made["adx_14"]
    made["active"] = made["active"].fillna(False).astype(bool)
    return pd.DataFrame(made, copy=False)


def _ordered(column: pd.Series, order: npt.NDArray[np.intp]) -> pd.Series:
    kind: Any = np.dtype("object") if isinstance(column.dtype, pd.StringDtype) else column.dtype
    ordered: pd.Series = pd.Series(column.astype(kind).array.take(order), dtype=kind, copy=False)
    return ordered


def _plain(texts: Sequence[str]) -> pd.Series:
    """Text as plain objects; a column of Arrow's strings costs more at each of the small steps."""
    return pd.Series(texts, dtype="object")


def _in_dollars(frame: pd.DataFrame, rates: pd.Series) -> pd.DataFrame:
    per_unit = rates.to_dict()
    rate = pd.Series([per_unit.get(quote, np.nan) for quote in frame["quote"].tolist()], dtype="float64")
    size = liquidity(frame)
    made = {"usd_rate": rate, "base_identity": base_identity(frame), "liquidity": size, "liquidity_usd": size * rate}
    for column in ("turnover", "value_traded"):
        if column in frame:
            made[f"{column}_usd"] = frame[column].astype("float64") * rate
    return frame.assign(**made)


def _day(frame: pd.DataFrame) -> dt.date | None:
    return pd.Timestamp(frame["date"].iloc[0]).date() if "date" in frame and len(frame) else None


def _membership(funnel: Funnel, rules: ScreenRules, members: tuple[str, ...] | None) -> None:
    allowed = (
        ("asset_type", "asset_type", tuple(VENDOR_TYPES.get(kind, kind) for kind in rules.asset_types)),
        ("exchange", "exchange", rules.exchanges),
    )
    for step, column, values in allowed:
        if values:
            keep = funnel.frame[column].isin(values)
            funnel.keep(step, f"{column} in {in_words(values)}", keep, f"another {column}")
    if rules.include_symbols:
        keep = _named(funnel.frame, rules.include_symbols)
        funnel.keep("include", f"symbol or base in {in_words(rules.include_symbols)}", keep, "not on the include list")
    if members is not None:
        keep = funnel.frame["symbol"].isin({*members, *rules.ensure_symbols})
        funnel.keep("members", f"one of the {len(members)} members of the day", keep, "not a member on the date")
    if rules.exclude_symbols:
        keep = ~_named(funnel.frame, rules.exclude_symbols)
        funnel.keep("exclude", f"symbol or base not in {in_words(rules.exclude_symbols)}", keep, "on the exclude list")
    if rules.exclude_stable_bases:
        keep = ~funnel.frame["base"].isin(STABLE_BASES)
        funnel.keep("stable_base", "base is not cash", keep, "base is a stable coin or fiat")
    if rules.quotes:
        keep = funnel.frame["quote"].isin(rules.quotes)
        funnel.keep("quote", f"quote in {in_words(rules.quotes)}", keep, "another quote")
    # Last: a live scan lists its own universe alone, so of what is not of it nobody knows whether it trades.
    funnel.keep("listed", "listed and trading on the date", funnel.frame["active"], "not trading on the date")


def _named(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    return frame["symbol"].isin(names) | frame["base"].isin(names)


_VOLUMELESS = ("forex", "index")
"""Kinds whose volume is no trade: prices of a currency pair are counted, an index is not traded at all."""


def _traded(funnel: Funnel) -> None:
    """Veto what did not trade in its newest bar, whatever a scanner asks (semantics 1.10); unknown is not zero."""
    column = next((name for name in ("volume", "value_traded") if name in funnel.frame), None)
    if column is None:
        return
    figures = funnel.frame[column].to_numpy(dtype="float64", na_value=np.nan)
    keep = (figures != 0.0) | funnel.frame["asset_type"].isin(_VOLUMELESS).to_numpy()
    rule = f"it traded in the newest bar; {' and '.join(_VOLUMELESS)} have no volume of their own"
    funnel.keep("traded", rule, keep, "no trade in the newest bar", figures, 0.0)


def _money(funnel: Funnel, rules: ScreenRules) -> None:
    """Take out turnover in a currency that the universe cannot price, where a rule compares turnover."""
    read = {feature_column(rule[0]) for rule in rules.filters} | {feature_column(rules.sort_by)}
    floors = rules.value_traded_min is not None or rules.turnover_min is not None
    if not (rules.dedupe or floors or rules.base_limit is not None or read & set(DOLLAR_COLUMNS)):
        return
    frame = funnel.frame
    keep = frame["usd_rate"].notna() | frame["liquidity"].isna()
    funnel.keep(
        "usd_rate",
        "turnover can be expressed in dollars with the prices of the date",
        keep,
        "no market of the date prices its quote in dollars",
        frame["liquidity"],
    )


def _one_per_base(funnel: Funnel, rules: ScreenRules) -> None:
    if not rules.dedupe:
        funnel.frame = funnel.frame.assign(pooled_turnover=funnel.frame["liquidity_usd"], alternatives="")
        return
    exchanges = rules.exchange_priority or rules.exchanges
    listings = funnel.frame[list(LISTING_COLUMNS)].take(funnel.rows)
    order = rank_listings(listings, quote_priority=rules.quote_priority, exchange_priority=exchanges)
    pooled, others, place, bar, first = (
        funnel.spread(order[name].to_numpy(), fill)
        for name, fill in (
            ("pooled", np.nan),
            ("alternatives", ""),
            ("place", 0),
            ("bar", np.nan),
            ("representative", ""),
        )
    )
    funnel.frame = funnel.frame.assign(pooled_turnover=pooled, alternatives=others)
    rule = f"one listing per base: above {BUCKET} of its largest turnover, best quote, exchange, turnover, symbol"
    funnel.keep(
        "dedupe",
        rule,
        place == 1,
        np.asarray("same base as " + first, dtype=object),
        funnel.frame["liquidity_usd"],
        bar,
    )


def _truncate(funnel: Funnel, rules: ScreenRules) -> None:
    if rules.base_limit is not None:
        _order(funnel, rules.base_sort_by, ascending=False)
        _head(funnel, "base_limit", rules.base_sort_by, rules.base_limit)
    if rules.composite:
        fields = tuple(feature_column(name) for name in rules.composite)
        score = funnel.spread(momentum_composite(funnel.left(), fields))
        funnel.frame = funnel.frame.assign(momentum_composite=score)
    _order(funnel, rules.sort_by, ascending=rules.ascending)
    if rules.limit is not None:
        _head(funnel, "limit", rules.sort_by, rules.limit)


def _order(funnel: Funnel, by: str, *, ascending: bool) -> None:
    """Sort by a figure, the missing ones last, equal ones by symbol."""
    figures = _figures(funnel.frame, by)
    by_name = np.sort(funnel.rows)  # the frame is sorted by symbol
    place = np.argsort((figures if ascending else -figures)[by_name], kind="stable")
    funnel.rows = by_name[place]


def _head(funnel: Funnel, step: str, by: str, limit: int) -> None:
    figures = _figures(funnel.frame, by)
    last_in = figures[funnel.rows[limit - 1]] if len(funnel.rows) > limit else np.nan
    keep = np.zeros(len(figures), dtype=bool)
    keep[funnel.rows[:limit]] = True
    funnel.keep(step, f"first {limit} by {by}", keep, f"beyond the first {limit}", figures, last_in)


def _figures(frame: pd.DataFrame, by: str) -> npt.NDArray[np.float64]:
    return numbers(frame, feature_column(by))


def _candidates(frame: pd.DataFrame, rules: ScreenRules) -> pd.DataFrame:
    money = {name: f"{name}_usd" for name in ("turnover", "value_traded") if name in frame.columns}
    unknown = np.full(len(frame), np.nan)
    made: dict[str, object] = dict.fromkeys(_FIGURES, unknown)
    for name in CANDIDATES.column_names:
        if name in frame.columns:
            made[name] = frame[money.get(name, name)].to_numpy()
    made |= {"direction": np.full(len(frame), rules.direction, dtype=object), "rank": np.arange(1, len(frame) + 1)}
    return typed(pd.DataFrame(made), CANDIDATES)
