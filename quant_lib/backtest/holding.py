"""Returns of *holding* an asset: what a position really earned between two good closes."""

from __future__ import annotations

import numpy as np
import pandas as pd


def holding_returns(bars: pd.DataFrame, sessions: pd.DatetimeIndex) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return since the last good close, and where another series begins.

    A feature wants the return of one session and is undefined across a missing
    one; a *position* is held through it and books the whole move on the next
    good bar. Quarantined bars count as missing: the position is held at its last
    good price.

    Parameters
    ----------
    bars : DataFrame
        Columns symbol, date, close, segment (int) and optionally quarantined
        (bool); sorted by (symbol, date), unique.
    sessions : DatetimeIndex of shape (n_sessions,)
        Sessions to report, strictly increasing.

    Returns
    -------
    returns : DataFrame of shape (n_sessions, n_symbols)
        ``close / last good close of the same segment - 1``, as a fraction; NaN where
        the session has no good bar, and on the first bar of a segment.
    breaks : DataFrame of bool, same shape
        True on the first good bar of every segment but a symbol's first.
    """
    good = bars.loc[~bars["quarantined"]] if "quarantined" in bars else bars
    same_symbol = good["symbol"].eq(good["symbol"].shift())
    same_segment = same_symbol & good["segment"].eq(good["segment"].shift())
    ret = (good["close"] / good["close"].shift() - 1.0).where(same_segment)
    frame = pd.DataFrame(
        {"symbol": good["symbol"], "date": good["date"], "ret": ret, "starts": same_symbol & ~same_segment}
    )
    symbols = np.sort(bars["symbol"].unique())
    returns = frame.pivot(index="date", columns="symbol", values="ret").reindex(index=sessions, columns=symbols)
    starts = frame.pivot(index="date", columns="symbol", values="starts").reindex(index=sessions, columns=symbols)
    return returns.astype("float64"), starts.eq(True)
