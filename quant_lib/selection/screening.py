"""From a universe to candidates, with a record of every symbol left behind (semantics 1.4 to 1.9).

The same function serves the live scan, whose rows the server returned, and the
point-in-time reconstruction, whose rows are instruments and features of one
date: it sees one row per symbol and no other date.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.contracts import CANDIDATE_DROPS, CANDIDATE_FUNNEL, CANDIDATES, TableSpec
from quant_lib.errors import MissingDataError
from quant_lib.selection._dedupe import BUCKET, base_identity, rank_listings
from quant_lib.selection._dollars import liquidity, usd_rates
from quant_lib.selection._errors import InvalidUniverseError
from quant_lib.selection._filters import (
    DOLLAR_COLUMNS,
    VENDOR_COLUMNS,
    VENDOR_TYPES,
    Judgement,
    Mask,
    describe,
    feature_column,
    judge_filter,
    numbers,
)
from quant_lib.selection._rules import RATINGS, ScreenRules, in_words
from quant_lib.symbols import STABLE_BASES, parse_symbols

__all__ = ["RATINGS", "VENDOR_COLUMNS", "VENDOR_TYPES", "ScreenResult", "ScreenRules", "screen", "universe_from_scan"]

_IDENTITY = ("symbol", "exchange", "asset_type", "base", "quote", "active")
_CALLERS = frozenset({"profile", "date", "logic", "mode"})
_FIGURES = tuple(c.name for c in CANDIDATES.columns if c.type == "float64" and c.name != "pooled_turnover")


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
            CANDIDATES.name: _typed(candidates, CANDIDATES),
            CANDIDATE_FUNNEL.name: _typed(self.funnel.assign(profile=profile, date=day), CANDIDATE_FUNNEL),
            CANDIDATE_DROPS.name: _typed(self.drops.assign(profile=profile, date=day), CANDIDATE_DROPS),
        }


def screen(universe: pd.DataFrame, rules: ScreenRules) -> ScreenResult:
    """Screen a universe of one date.

    Parameters
    ----------
    universe : DataFrame
        One row per symbol: symbol, exchange, asset_type, base, quote (str), active (bool),
        and the features the rules read. Money (turnover, value_traded) in quote currency.
    rules : ScreenRules
        What to keep.

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
    """
    frame = _prepare(universe)
    rates = usd_rates(frame)
    funnel = _Funnel(_in_dollars(frame, rates))
    funnel.start()
    _membership(funnel, rules)
    _money(funnel, rules)
    _screens(funnel, rules)
    _one_per_base(funnel, rules)
    _truncate(funnel, rules)
    return ScreenResult(_candidates(funnel.frame, rules), *funnel.record(), rates)


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
    known = [name for name in rows.columns if name in VENDOR_COLUMNS and name != "name"]
    made = rows[["symbol", *known]].rename(columns=dict(VENDOR_COLUMNS))
    kind = made["asset_type"]
    made["asset_type"] = kind.map(dict(VENDOR_TYPES)).fillna(kind)
    made["exchange"], made["base"], made["active"] = parts["exchange"], parts["base"], True
    made["quote"] = made["quote"].fillna(parts["quote"]) if "quote" in made else parts["quote"]
    made["tv_recommend_all"] = made.get("recommend_all", np.nan)
    return made


class _Funnel:
    """Rows still in, and the record of those that left."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._steps: list[tuple[str, int, int, str]] = []
        self._drops: list[tuple[int, str, str, str, float, float]] = []

    def start(self) -> None:
        n = len(self.frame)
        self._steps.append(("universe", n, n, "every symbol known on the date"))

    def keep(
        self,
        step: str,
        rule: str,
        keep: Mask | pd.Series,
        reason: str | npt.NDArray[np.object_],
        value: npt.ArrayLike = np.nan,
        threshold: npt.ArrayLike = np.nan,
    ) -> None:
        """Drop the rows outside `keep`, each with its reason and figures (scalars or aligned to the frame)."""
        out = ~np.asarray(keep, dtype=bool)
        n = len(self.frame)

        def pick(figures: npt.ArrayLike) -> npt.NDArray[np.float64]:
            return np.asarray(np.broadcast_to(np.asarray(figures, dtype="float64"), n)[out])

        if out.any():
            reasons = np.broadcast_to(np.asarray(reason, dtype=object), n)[out]
            symbols = self.frame["symbol"].to_numpy(dtype=object)[out]
            place = len(self._steps)
            self._drops += zip(
                repeat(place), symbols, repeat(step), reasons, pick(value), pick(threshold), strict=False
            )
            self.frame = self.frame.loc[~out]
        self._steps.append((step, n, len(self.frame), rule))

    def judge(self, step: str, rule: str, verdict: Judgement) -> None:
        """Drop what a judgement refuses; a missing figure says so."""
        missing = np.isnan(verdict.value) & (not verdict.textual)
        reason = np.where(missing, f"figure missing for: {rule}", f"not: {rule}").astype(object)
        self.keep(step, rule, verdict.keep, reason, verdict.value, verdict.threshold)

    def record(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Funnel and drops as tables."""
        funnel = pd.DataFrame(self._steps, columns=["step", "rows_in", "rows_out", "rule"])
        funnel.insert(0, "step_no", np.arange(1, len(funnel) + 1))
        columns = ["place", "symbol", "step", "reason", "value", "threshold"]
        drops = pd.DataFrame(sorted(self._drops), columns=columns)
        return _typed(funnel, CANDIDATE_FUNNEL), _typed(drops, CANDIDATE_DROPS)


def _prepare(universe: pd.DataFrame) -> pd.DataFrame:
    lacking = [name for name in _IDENTITY if name not in universe.columns]
    if lacking:
        raise MissingDataError(
            f"columns {', '.join(lacking)}", "the universe frame", "join the instruments of the date"
        )
    frame = universe.sort_values("symbol", ignore_index=True)
    if frame["symbol"].duplicated().any():
        repeated = in_words(sorted(set(frame.loc[frame["symbol"].duplicated(), "symbol"])))
        raise InvalidUniverseError("universe", f"{repeated} appears more than once", "give one row per symbol")
    parts = [str(symbol).partition(":") for symbol in frame["symbol"]]
    wrong = frame.loc[
        frame["exchange"].to_numpy(dtype=object) != np.array([p[0] for p in parts], dtype=object), "symbol"
    ]
    if len(wrong):
        raise InvalidUniverseError(
            "universe", f"{in_words(list(wrong))} is not of its exchange", "repair the instruments"
        )
    if "date" in frame and len(frame["date"].unique()) > 1:
        raise InvalidUniverseError("universe", "it holds more than one date", "pass the rows of the decision date")
    if "adx" not in frame and "adx_14" in frame:
        frame["adx"] = frame["adx_14"]
    frame["ticker"] = pd.array([part[2] for part in parts], dtype="str")
    frame["active"] = frame["active"].fillna(False).astype(bool)
    return frame


def _in_dollars(frame: pd.DataFrame, rates: pd.Series) -> pd.DataFrame:
    rate = frame["quote"].map(rates).astype("float64")
    made = frame.assign(usd_rate=rate, base_identity=base_identity(frame), liquidity=liquidity(frame))
    for column in ("turnover", "value_traded"):
        if column in frame:
            made[f"{column}_usd"] = frame[column].astype("float64") * rate
    made["liquidity_usd"] = made["liquidity"] * rate
    return made


def _membership(funnel: _Funnel, rules: ScreenRules) -> None:
    funnel.keep("listed", "listed and trading on the date", funnel.frame["active"], "not trading on the date")
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
    if rules.exclude_symbols:
        keep = ~_named(funnel.frame, rules.exclude_symbols)
        funnel.keep("exclude", f"symbol or base not in {in_words(rules.exclude_symbols)}", keep, "on the exclude list")
    if rules.exclude_stable_bases:
        keep = ~funnel.frame["base"].isin(STABLE_BASES)
        funnel.keep("stable_base", "base is not cash", keep, "base is a stable coin or fiat")
    if rules.quotes:
        keep = funnel.frame["quote"].isin(rules.quotes)
        funnel.keep("quote", f"quote in {in_words(rules.quotes)}", keep, "another quote")


def _named(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    return frame["symbol"].isin(names) | frame["base"].isin(names)


def _money(funnel: _Funnel, rules: ScreenRules) -> None:
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


def _screens(funnel: _Funnel, rules: ScreenRules) -> None:
    for number, rule in enumerate(rules.filters, start=1):
        funnel.judge(f"filter_{number}", describe(rule), judge_filter(funnel.frame, rule))
    _bound(funnel, "volatility_min", "volatility_d", "egreater", rules.volatility_min)
    _bound(funnel, "volatility_max", "volatility_d", "eless", rules.volatility_max)
    _bound(funnel, "value_traded", "value_traded", "egreater", rules.value_traded_min)
    _bound(funnel, "turnover", "turnover", "egreater", rules.turnover_min)
    if rules.rating is not None:
        long = rules.direction == "LONG"
        limit = rules.rating_min if long else -rules.rating_min
        _bound(funnel, "direction", rules.rating, "greater" if long else "less", limit)


def _bound(funnel: _Funnel, step: str, column: str, operation: str, limit: float | None) -> None:
    if limit is None:
        return
    rule = (column, operation, limit)
    funnel.judge(step, describe(rule), judge_filter(funnel.frame, rule))


def _one_per_base(funnel: _Funnel, rules: ScreenRules) -> None:
    if not rules.dedupe:
        funnel.frame = funnel.frame.assign(pooled_turnover=funnel.frame["liquidity_usd"], alternatives="")
        return
    frame = funnel.frame
    order = rank_listings(
        frame, quote_priority=rules.quote_priority, exchange_priority=rules.exchange_priority or rules.exchanges
    )
    funnel.frame = frame.assign(pooled_turnover=order["pooled"], alternatives=order["alternatives"])
    rule = f"one listing per base: above {BUCKET} of its largest turnover, best quote, exchange, turnover, symbol"
    reason = ("same base as " + order["representative"].astype("object")).to_numpy(dtype=object)
    funnel.keep("dedupe", rule, order["place"] == 1, reason, frame["liquidity_usd"], order["bar"])


def _truncate(funnel: _Funnel, rules: ScreenRules) -> None:
    if rules.base_limit is not None:
        _order(funnel, rules.base_sort_by, ascending=False)
        _head(funnel, "base_limit", rules.base_sort_by, rules.base_limit)
    _order(funnel, rules.sort_by, ascending=rules.ascending)
    if rules.limit is not None:
        _head(funnel, "limit", rules.sort_by, rules.limit)


def _order(funnel: _Funnel, by: str, *, ascending: bool) -> None:
    """Sort by a figure, the missing ones last, equal ones by symbol."""
    figures = _figures(funnel.frame, by)
    keys = pd.DataFrame({"figure": figures if ascending else -figures, "symbol": funnel.frame["symbol"].to_numpy()})
    place = keys.sort_values(["figure", "symbol"], na_position="last").index
    funnel.frame = funnel.frame.iloc[place.to_numpy()]


def _head(funnel: _Funnel, step: str, by: str, limit: int) -> None:
    figures = _figures(funnel.frame, by)
    last_in = figures[limit - 1] if len(figures) > limit else np.nan
    keep = np.arange(len(figures)) < limit
    funnel.keep(step, f"first {limit} by {by}", keep, f"beyond the first {limit}", figures, last_in)


def _figures(frame: pd.DataFrame, by: str) -> npt.NDArray[np.float64]:
    return numbers(frame, feature_column(by))


_CANDIDATE_INPUTS = frozenset(CANDIDATES.column_names) | {"turnover_usd", "value_traded_usd"}


def _candidates(frame: pd.DataFrame, rules: ScreenRules) -> pd.DataFrame:
    kept = [name for name in frame.columns if name in _CANDIDATE_INPUTS]
    made = frame[kept].assign(direction=rules.direction, rank=np.arange(1, len(frame) + 1))
    for column in ("turnover", "value_traded"):
        if column in made:
            made[column] = made[f"{column}_usd"]
    for column in _FIGURES:
        if column not in made:
            made[column] = np.nan
    return _typed(made, CANDIDATES)


def _typed(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Columns and types of a contract; what only the caller knows is left out where it is absent."""
    names = [name for name in spec.column_names if name in frame.columns or name not in _CALLERS]
    types = spec.pandas_types()
    return frame[names].astype({name: types[name] for name in names}).reset_index(drop=True)
