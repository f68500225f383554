"""From target weights to whole lots (semantics 9.4, tier 4; design 10.12)."""

from __future__ import annotations

import numpy as np
import pandas as pd

ORDER_COLUMNS = ("price", "quantity", "order_weight", "order_note")
_WHOLE = 1e-9
_ROUNDING = 1e-12


def size_orders(
    positions: pd.DataFrame, quotes: pd.DataFrame | None, *, capital: float, min_position: float = 0.0
) -> pd.DataFrame:
    """Round positions to what can be traded.

    Target weights are left as they are; what can be held of them stands beside.
    Nothing is scaled up to make room for what rounding lost: that stays cash.

    Parameters
    ----------
    positions : DataFrame
        ``symbol`` and signed ``net_weight``, a fraction of capital.
    quotes : DataFrame or None
        ``symbol``, ``price``, ``lot_size``, ``min_notional``; a value that is not
        known is NaN. None where sizes are not wanted: the columns are then null.
    capital : float, in quote currency
        What a weight of 1 is.
    min_position : float, fraction of capital
        Smaller positions are not held.

    Returns
    -------
    DataFrame
        `positions` with ``price``; ``quantity``, unsigned, in base units;
        ``order_weight``, signed; ``order_note``, what rounding did.
    """
    if quotes is None:
        return positions.assign(price=np.nan, quantity=np.nan, order_weight=np.nan, order_note="")
    known = quotes.drop_duplicates("symbol").set_index("symbol").reindex(positions["symbol"])
    price, lot, least = (
        known[name].to_numpy(dtype="float64", na_value=np.nan) for name in ("price", "lot_size", "min_notional")
    )
    target = positions["net_weight"].to_numpy(dtype="float64")
    units = np.abs(target) * capital / price
    has_lot = np.isfinite(lot) & (lot > 0.0)
    lots = np.floor(units / np.where(has_lot, lot, 1.0) * (1.0 + _ROUNDING) + _WHOLE)
    quantity = np.where(has_lot, lots * lot, units)
    notional = quantity * price
    small = np.abs(target) < min_position
    under = ~small & (notional < np.where(np.isfinite(least), least, 0.0))
    no_lot = ~small & ~under & has_lot & (lots == 0.0)
    quantity = np.where(small | under, 0.0, quantity)
    notes = [
        _note(*flags)
        for flags in zip(np.isfinite(price), small, under, no_lot, has_lot, np.isfinite(least), strict=True)
    ]
    return positions.assign(
        price=price,
        quantity=quantity,
        order_weight=np.sign(target) * quantity * price / capital,
        order_note=pd.Series(notes, index=positions.index, dtype="str"),
    )


def _note(priced: bool, small: bool, under: bool, no_lot: bool, has_lot: bool, has_least: bool) -> str:
    if not priced:
        return "price not known"
    if small:
        return "below the smallest position"
    if under:
        return "below the exchange's smallest order"
    if no_lot:
        return "less than one lot"
    unknown = [name for name, known in (("lot size", has_lot), ("smallest order", has_least)) if not known]
    return f"{' and '.join(unknown)} not known" if unknown else ""
