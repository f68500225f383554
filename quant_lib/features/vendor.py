"""The vendor's own figures beside ours: a family of columns of their own, with the time they were fetched.

They are joined when asked for and never stored among features: a snapshot may hold a bar that was still running, and
nobody can fetch it again for a past date (semantics 3.3).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd

VENDOR_COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "recommend_all": "recommend_all_1d",
        "recommend_ma": "recommend_ma_1d",
        "recommend_other": "recommend_other_1d",
        "rsi_14": "rsi_1d",
        "adx_14": "adx_1d",
        "ao": "ao_1d",
        "cci_20": "cci20_1d",
        "stoch_k": "stoch_k_1d",
        "stoch_d": "stoch_d_1d",
        "macd": "macd_macd_1d",
        "macd_signal": "macd_signal_1d",
        "change": "change_1d",
        "close": "close_1d",
        "volume": "volume_1d",
        "volatility_d": "volatility_d",
        "perf_w": "perf_w",
        "perf_1m": "perf_1m",
        "perf_3m": "perf_3m",
        "perf_6m": "perf_6m",
        "perf_y": "perf_y",
    }
)
"""Feature and the column of the technicals snapshot that claims to be the same."""

RATINGS: Final = ("recommend_all", "recommend_ma", "recommend_other")
MIN_SYMBOLS: Final = 50
MAX_ERROR: Final = 0.05
MIN_CORRELATION: Final = 0.98
_SAME_BAR: Final = 1e-9
_SAME_CLOSE: Final = 1e-6
_PRICES: Final = ("open", "high", "low")


def with_vendor(rows: pd.DataFrame, technicals: pd.DataFrame) -> pd.DataFrame:
    """Join the vendor's figures to rows of features.

    Parameters
    ----------
    rows : DataFrame
        Rows of the features table.
    technicals : DataFrame
        Rows of the technicals table; the symbols and dates it lacks stay missing.

    Returns
    -------
    DataFrame
        ``rows`` with a ``tv_*`` column for each of `VENDOR_COLUMNS` and each price of its bar, and ``tv_fetched_at``.
    """
    names = {column: f"tv_{feature}" for feature, column in VENDOR_COLUMNS.items()}
    names |= {f"{price}_1d": f"tv_{price}" for price in _PRICES}
    theirs = technicals[["date", "symbol", "fetched_at", *names]].rename(
        columns={**names, "fetched_at": "tv_fetched_at"}
    )
    return rows.merge(theirs, on=["date", "symbol"], how="left", validate="one_to_one")


def next_bars(technicals: pd.DataFrame, last: pd.DataFrame, date: dt.date) -> pd.DataFrame:
    """Bars that were running when the vendor was asked and begin where ours of a date end.

    Parameters
    ----------
    technicals : DataFrame
        Rows of the technicals table, of markets whose bars are UTC days.
    last : DataFrame
        Our close and volume of the date, by symbol.
    date : datetime.date
        Date of our newest bar.

    Returns
    -------
    DataFrame
        date (the day after), symbol, open, high, low, close, volume, close_time (the instant of the snapshot). A row
        is left out where it was fetched on another day, where the vendor's previous close (its close less its change)
        is not ours to 1e-6, where its volume is still that of our bar, or where its prices are no bar.
    """
    day = pd.Timestamp(date) + pd.Timedelta(days=1)
    names = {f"{name}_1d": name for name in (*_PRICES, "close", "volume")}
    rows = technicals[["symbol", "fetched_at", "change_1d", *names]].rename(columns=names)
    before = rows["close"] / (1.0 + rows["change_1d"] / 100.0)
    ours = last.reindex(rows["symbol"]).set_axis(rows.index)
    told_then = rows["fetched_at"].dt.tz_convert("UTC").dt.tz_localize(None).dt.normalize() == day
    whole = (rows["low"] > 0.0) & (rows["low"] <= rows[["open", "close"]].min(axis=1))
    whole &= (rows["high"] >= rows[["open", "close"]].max(axis=1)) & (rows["volume"] >= 0.0)
    whole &= ~((rows["volume"] - ours["volume"]).abs() <= _SAME_BAR * ours["volume"])
    rows = rows[told_then & whole & ((before - ours["close"]).abs() <= _SAME_CLOSE * ours["close"])]
    rows = rows.assign(date=day.as_unit("us"), close_time=rows["fetched_at"])
    made: pd.DataFrame = rows[["date", "symbol", *_PRICES, "close", "volume", "close_time"]].reset_index(drop=True)
    return made


def judge_parity(joined: pd.DataFrame) -> pd.DataFrame:
    """Compare our figures with the vendor's on bars both closed alike.

    Parameters
    ----------
    joined : DataFrame
        As `with_vendor` gives, of rows that carry the open, high and low of their bar: a bar that is still running
        may stand at the last close by chance, and only its other prices tell it apart. Where the vendor quotes the
        price of the day that runs beside figures of the last closed bar, that bar's volume and our close behind its
        change tell so, and its close and change are not compared.

    Returns
    -------
    DataFrame
        One row a feature: feature, n (symbols compared), mae, max_relative_error, sign_agreement, pearson, holds.
        ``holds`` is the envelope of semantics 3.11: for ratings a mean absolute error below 0.05, every sign equal
        and a correlation above 0.98; for the others the correlation. NaN where fewer than 50 symbols could be compared.
    """
    behind = _figures_behind_the_quote(joined)
    closed = joined.assign(**{f"tv_{name}": joined[f"tv_{name}"].where(~behind) for name in ("close", "change")})
    closed = closed[_same_bar(joined) | behind]
    found = []
    for feature in VENDOR_COLUMNS:
        pair = closed[[feature, f"tv_{feature}"]].dropna().to_numpy(np.float64)
        ours, theirs = pair[:, 0], pair[:, 1]
        n = len(pair)
        row: dict[str, object] = {"feature": feature, "n": n, "holds": np.nan}
        if n:
            error = np.abs(ours - theirs)
            row["mae"] = float(error.mean())
            row["max_relative_error"] = float((error / np.maximum(np.abs(theirs), 1e-12)).max())
            row["sign_agreement"] = float((np.sign(ours) == np.sign(theirs)).mean())
        if n >= MIN_SYMBOLS:
            spread = ours.std() > 0.0 and theirs.std() > 0.0
            row["pearson"] = float(np.corrcoef(ours, theirs)[0, 1]) if spread else float(np.array_equal(ours, theirs))
            holds = row["pearson"] > MIN_CORRELATION  # type: ignore[operator]
            if feature in RATINGS:
                holds = holds and row["mae"] < MAX_ERROR and row["sign_agreement"] == 1.0  # type: ignore[operator]
            row["holds"] = float(holds)
        found.append(row)
    columns = ["feature", "n", "mae", "max_relative_error", "sign_agreement", "pearson", "holds"]
    return pd.DataFrame(found).reindex(columns=columns)


def _figures_behind_the_quote(joined: pd.DataFrame) -> pd.Series:
    """Tell rows whose price has moved on to the next day while the volume, and so the figures, are of our bar."""
    volume = (joined["volume"] - joined["tv_volume"]).abs() <= _SAME_BAR * joined["volume"]
    before = joined["tv_close"] / (1.0 + joined["tv_change"] / 100.0)
    close = (joined["close"] - before).abs() <= _SAME_CLOSE * joined["close"]
    return (volume & close & ~_same_bar(joined)).fillna(False).astype(bool)


def _same_bar(joined: pd.DataFrame) -> pd.Series:
    same = pd.Series(True, index=joined.index)
    for price in (*_PRICES, "close"):
        near = (joined[price] - joined[f"tv_{price}"]).abs() <= _SAME_BAR * joined[price]
        same &= near.fillna(False).astype(bool)
    return same
