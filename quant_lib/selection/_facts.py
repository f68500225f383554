"""Everything known about each candidate on the decision date, in one frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from quant_lib.errors import MissingDataError
from quant_lib.selection._dollars import liquidity
from quant_lib.selection._errors import InvalidUniverseError
from quant_lib.symbols import USD_QUOTES, parse_symbols

KEY = ["symbol", "logic", "direction"]
_MOMENT = ("recommend_ma", "recommend_other", "volatility_d", "close", "n_bars")
_HEALTH = ("status", "max_abs_return", "staleness", "n_missing", "longest_gap")


def gather(
    candidates: pd.DataFrame,
    features: pd.DataFrame,
    health: pd.DataFrame,
    instruments: pd.DataFrame,
    returns: pd.DataFrame,
    *,
    overall_rating: str,
    ratings: tuple[str, ...],
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
    ratings : tuple of str
        Further ratings that are judged under their own name.
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
    facts = facts.join(_moment(features, overall_rating, ratings), on="symbol")
    facts = facts.join(_rows(health, _HEALTH, "health"), on="symbol")
    sourced = tuple(name for field in metadata for name in (field, f"{field}_source"))
    facts = facts.join(_rows(instruments, sourced, "instruments"), on="symbol")
    facts["in_returns"] = facts["symbol"].isin(returns.columns)
    return _with_money(facts)


def _moment(features: pd.DataFrame, overall_rating: str, ratings: tuple[str, ...]) -> pd.DataFrame:
    """Signals of the date under the names the selection table uses, money apart."""
    frame = features.rename(columns={"adx_14": "adx"}) if "adx" not in features else features
    further = tuple(name for name in ratings if name != "recommend_all")
    rows = _rows(frame, (*_MOMENT, "adx", overall_rating, *further), "features")
    overall = rows[overall_rating].to_numpy()
    for name in ("turnover", "value_traded"):
        rows[f"{name}_local"] = _rows(frame, (name,), "features")[name] if name in frame else np.nan
    return rows.assign(recommend_all=overall)


def _with_money(facts: pd.DataFrame) -> pd.DataFrame:
    """Dollar figures: the candidate's own, else the feature's where its quote is the dollar."""
    dollars = parse_symbols(facts["symbol"])["quote"].isin(USD_QUOTES)
    for name in ("turnover", "value_traded"):
        known = facts[name].astype("float64") if name in facts else pd.Series(np.nan, index=facts.index)
        facts[name] = known.fillna(facts[f"{name}_local"].astype("float64").where(dollars))
    facts["liquidity_usd"] = liquidity(facts)
    return facts


def _rows(frame: pd.DataFrame, columns: tuple[str, ...], what: str) -> pd.DataFrame:
    lacking = sorted({"symbol", *columns} - set(frame.columns))
    if lacking:
        raise MissingDataError(
            f"column {', '.join(lacking)}", what, "pass the rows of the date with all contract columns"
        )
    wanted = list(dict.fromkeys(columns))
    return frame.set_index("symbol")[wanted].copy()


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
    if candidates.duplicated(KEY).any():
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
