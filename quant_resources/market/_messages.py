"""The server's messages as compact JSON text, ready to be framed.

Key order is part of the protocol: several known clients search the raw text for
``"s":[`` and for bars written ``{"i":…,"v":[…]}``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import orjson

from quant_resources.market.bars import Bars, Int64Array, bar_close
from quant_resources.market.clock import DAY

_DAY_MARK: Final = 40
_WEEK_MARK: Final = 50
_MONTH_MARK: Final = 60
_YEAR_MARK: Final = 70


def dumps(value: Any) -> str:
    """Return compact JSON; a NaN becomes null and a whole float keeps its decimal point."""
    return orjson.dumps(value).decode()


def hello(session_id: str, now: float) -> str:
    """Return the packet sent right after the upgrade; its timestamp is the market's clock."""
    return dumps(
        {
            "session_id": session_id,
            "timestamp": int(now),
            "timestampMs": int(now * 1000),
            "release": "release_208-91",
            "studies_metadata_hash": "0" * 40,
            "auth_scheme_vsn": 2,
            "protocol": "json",
            "via": "127.0.0.1:443",
            "javastudies": ["3.66"],
        }
    )


def plain(method: str, params: list[Any]) -> str:
    """Return a message without a time: `du`, quotes, `protocol_error`."""
    return dumps({"m": method, "p": params})


def timed(method: str, params: list[Any], now: float) -> str:
    """Return a chart-session message, which carries the market's clock twice."""
    return dumps({"m": method, "p": params, "t": int(now), "t_ms": int(now * 1000)})


def block(bars: Bars, first: int, label: str, resolution: str, last_open: int, node: str | None) -> dict[str, Any]:
    """Return a series block.

    Parameters
    ----------
    bars : Bars
        The bars to send.
    first : int
        Index of the first of them in the series.
    label : str
        Turnaround label (`t`) of the request that made the data.
    resolution : str
        Normal form, for the close of the last bar.
    last_open : int
        Open time of the series' newest bar, Unix seconds.
    node : str or None
        Series node; None in a live update.
    """
    rows = np.column_stack([bars.time.astype(np.float64), bars.values]).tolist()
    if len(bars) and np.isnan(bars.volume).any():
        # A bar without a volume has five values, as indices and currencies have.
        rows = [row if row[5] == row[5] else row[:5] for row in rows]
    series: dict[str, Any] = {} if node is None else {"node": node}
    series["s"] = [{"i": index, "v": row} for index, row in enumerate(rows, first)]
    series["ns"] = {"d": "", "indexes": "nochange" if node is None else []}
    series["t"] = label
    series["lbs"] = {"bar_close_time": bar_close(last_open, resolution)}
    return series


def scale(time: Int64Array, before: int | None, first: int, offset: int) -> dict[str, Any]:
    """Return the time scale of a history message.

    Parameters
    ----------
    time : array of int64, shape (n_bars,)
        Open times sent.
    before : int or None
        Open time of the bar before the first, if there is one.
    first : int
        Index of the first bar sent.
    offset : int
        How many bars lie left of the series' origin.
    """
    return {
        "index": first,
        "zoffset": offset,
        "changes": time.astype(np.float64).tolist(),
        "marks": _marks(time, before, first),
        "index_diff": [],
    }


def _marks(time: Int64Array, before: int | None, first: int) -> list[list[int]]:
    """Return axis weights: the largest calendar unit that begins with the bar."""
    if len(time) == 0:
        return []
    days = np.r_[(time[0] - DAY if before is None else before), time] // DAY
    dates = days.astype("datetime64[D]")
    years, months = dates.astype("datetime64[Y]"), dates.astype("datetime64[M]")
    weeks = (days + 3) // 7
    weight = np.where(weeks[1:] != weeks[:-1], _WEEK_MARK, _DAY_MARK)
    weight = np.where(months[1:] != months[:-1], _MONTH_MARK, weight)
    weight = np.where(years[1:] != years[:-1], _YEAR_MARK, weight)
    marks: list[list[int]] = np.column_stack([weight, time, np.arange(first, first + len(time))]).tolist()
    return marks


def number(value: float) -> float | None:
    """Return a float for JSON, None for NaN."""
    return None if np.isnan(value) else float(value)
