"""Everything known about each candidate on the decision date, in one frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from quant_lib.errors import MissingDataError
from quant_lib.selection._dollars import liquidity
from quant_lib.selection._errors import InvalidUniverseError
from quant_lib.symbols import USD_QUOTES, parse_symbols

KEY = ["symbol", "logic", "direction"]
_MOMENT = ("recommend_ma", "recommend_other", "volatility_d", "close", "n_bars", "momentum", "volatility")
_HEALTH = ("status", "max_abs_return", "staleness", "n_missing", "longest_gap")
_RENAMED = {"adx": "adx_14", "roc": "roc_10"}
"""Facts that the feature matrix calls otherwise."""


def gather(
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    health: pd.DataFrame,
    instruments: pd.DataFrame,
    returns: pd.DataFrame,
    *,
    overall_rating: str,
    wanted: Sequence[str],
    metadata: tuple[str, ...],
) -> pd.DataFrame:
    """Join what is known of each candidate; what is not stays missing.

    Parameters
    ----------
    candidates : DataFrame
        Rows of ``CANDIDATES`` of one profile and date; money in USD.
    features, health, instruments : DataFrame
        Rows of the same date; money in quote currency.
    returns : DataFrame
        Sessions by symbols, complete.
    overall_rating : str
        Feature read as ``recommend_all``.
    wanted : sequence of str
        Further features that scores, filters and vetoes read.
    metadata : tuple of str
        Instrument values wanted with their source.

    Returns
    -------
    DataFrame
        One row per candidate sorted by symbol, logic, direction.

    Raises
    ------
    InvalidUniverseError
        Rows repeat, dates differ or reach beyond the decision date, or a return is missing.
    MissingDataError
        A frame lacks a column.
    """
    _check(candidates, features, health, instruments, returns)
    columns = [*KEY, "base_identity", *(name for name in ("turnover", "value_traded") if name in candidates)]
    facts = candidates[columns].sort_values(KEY, ignore_index=True)
    symbols = pd.Index(facts["symbol"])
    facts["in_returns"] = facts["symbol"].isin(returns.columns)
    sourced = tuple(name for field in metadata for name in (field, f"{field}_source"))
    parts = (
        _moment(features, symbols, overall_rating, wanted),
        _rows(health, symbols, _HEALTH, "health"),
        _rows(instruments, symbols, sourced, "instruments"),
    )
    return _with_money(pd.concat([facts, *parts], axis=1))


def _names(wanted: Sequence[str]) -> dict[str, None]:
    return dict.fromkeys((*_MOMENT, "adx", *(name for name in wanted if name != "recommend_all")))


def stored_features(overall_rating: str, wanted: Sequence[str]) -> frozenset[str]:
    """Columns of ``features`` that `gather` reads; arguments as of it."""
    stored = {_RENAMED.get(name, name) for name in _names(wanted)}
    return frozenset(stored | {"symbol", "date", "turnover", "value_traded", overall_rating})


def _moment(features: pd.DataFrame, symbols: pd.Index, overall_rating: str, wanted: Sequence[str]) -> pd.DataFrame:
    """Signals of the date under the names the selection table uses, money apart."""
    names = _names(wanted)
    stored = [_RENAMED.get(name, name) for name in names]
    money = [name for name in ("turnover", "value_traded") if name in features]
    rows = _rows(features, symbols, tuple(dict.fromkeys((*stored, overall_rating, *money))), "features")
    local = [f"{name}_local" for name in money]
    return rows[[*stored, *money, overall_rating]].set_axis([*names, *local, "recommend_all"], axis=1)


def _with_money(facts: pd.DataFrame) -> pd.DataFrame:
    """Dollar figures: the candidate's own, else the feature's where its quote is the dollar."""
    for name in ("turnover", "value_traded"):
        known = facts[name].astype("float64") if name in facts else pd.Series(np.nan, index=facts.index)
        if known.isna().any() and f"{name}_local" in facts:
            dollars = parse_symbols(facts["symbol"])["quote"].isin(USD_QUOTES)
            known = known.fillna(facts[f"{name}_local"].astype("float64").where(dollars))
        facts[name] = known
    facts["liquidity_usd"] = liquidity(facts)
    return facts


def _rows(frame: pd.DataFrame, symbols: pd.Index, columns: tuple[str, ...], what: str) -> pd.DataFrame:
    """Rows of the symbols in their order, missing where the frame has none."""
    lacking = sorted({"symbol", *columns} - set(frame.columns))
    if lacking:
        raise MissingDataError(
            f"column {', '.join(lacking)}", what, "pass the rows of the date with all contract columns"
        )
    wanted = list(dict.fromkeys(columns))
    # Rows by number, so that only the wanted columns are ever copied; -1 is no row and stays missing.
    at = pd.Index(frame["symbol"]).get_indexer(symbols)
    return frame[wanted].set_axis(pd.RangeIndex(len(frame)), axis=0).reindex(at).reset_index(drop=True)


def _check(
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    health: pd.DataFrame,
    instruments: pd.DataFrame,
    returns: pd.DataFrame,
) -> None:
    lacking = sorted({*KEY, "base_identity"} - set(candidates.columns))
    if lacking:
        raise MissingDataError(f"column {', '.join(lacking)}", "candidates", "screen the universe first")
    keys = list(zip(*(candidates[name].tolist() for name in KEY), strict=True))
    if len(set(keys)) < len(keys):
        raise InvalidUniverseError("candidates", "a (symbol, logic, direction) repeats", "give each candidate one row")
    if not candidates["direction"].isin(["LONG", "SHORT"]).all():
        raise InvalidUniverseError("candidates", "a direction is neither LONG nor SHORT", "declare the sleeve's side")
    for what, frame in (("features", features), ("health", health), ("instruments", instruments)):
        if "symbol" in frame and frame["symbol"].duplicated().any():
            raise InvalidUniverseError(what, "a symbol repeats", "pass the rows of the decision date only")
    if returns.columns.has_duplicates or not np.isfinite(returns.to_numpy(dtype="float64")).all():
        raise InvalidUniverseError(
            "returns", "a return is missing or a symbol repeats", "pass the eligible, complete matrix"
        )
    _check_dates(candidates, features, health, instruments, returns)


def _check_dates(*frames: pd.DataFrame) -> None:
    *dated, returns = frames
    days = {pd.Timestamp(day) for frame in dated if "date" in frame for day in frame["date"].unique()}
    if len(days) > 1:
        shown = ", ".join(f"{day:%Y-%m-%d}" for day in sorted(days)[:3])
        raise InvalidUniverseError("inputs", f"they hold several dates ({shown})", "pass the rows of the decision date")
    if days and len(returns) and pd.Timestamp(returns.index.max()) > next(iter(days)):
        raise InvalidUniverseError("returns", "they reach beyond the decision date", "cut them at the decision date")


def decision_day(*frames: pd.DataFrame) -> pd.Timestamp | None:
    """Date the frames agree on; None where none carries one."""
    for frame in frames:
        if "date" in frame and len(frame):
            return pd.Timestamp(frame["date"].iloc[0])
    return None
