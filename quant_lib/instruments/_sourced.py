"""Values that say where they come from: an exchange beats the vendor, the vendor beats a default (semantics 2.12)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd

SOURCED_VALUES: Final = (
    "tick_size",
    "price_precision",
    "lot_size",
    "min_qty",
    "min_notional",
    "contract_size",
    "maker_fee",
    "taker_fee",
)
"""Figures of the catalogue that carry a source."""

_STRENGTH: Final = {"missing": 0, "default": 1, "vendor": 2, "exchange": 3}
_MOST_DECIMALS: Final = 12


@dataclass(frozen=True, slots=True)
class ClassDefaults:
    """What is assumed of a kind of instrument where nobody told. NaN: nothing is.

    There is no default for traded value on purpose: an assumed turnover makes an
    unknown asset look liquid.

    Attributes
    ----------
    tick_size : float
        Quote currency.
    price_precision : float
        Decimals of a price.
    lot_size, min_qty : float
        Base units.
    min_notional : float
        Quote currency.
    contract_size : float
        Base units of one contract.
    maker_fee, taker_fee : float
        Fractions of notional.
    """

    tick_size: float = 0.01
    price_precision: float = 2.0
    lot_size: float = 1.0
    min_qty: float = np.nan
    min_notional: float = np.nan
    contract_size: float = np.nan
    maker_fee: float = np.nan
    taker_fee: float = np.nan


_SHARES: Final = ClassDefaults(contract_size=1.0)
_YEN: Final = ClassDefaults(tick_size=1e-3, price_precision=3.0, lot_size=1000.0, contract_size=1.0)

CLASS_DEFAULTS: Final[dict[str, ClassDefaults]] = {
    "spot": ClassDefaults(1e-8, 8.0, 0.001, 0.001, 5.0, 1.0, 0.001, 0.001),
    "perp": ClassDefaults(0.01, 2.0, 0.001, 0.001, 5.0, 1.0, 0.0002, 0.0005),
    "forex": ClassDefaults(tick_size=1e-5, price_precision=5.0, lot_size=1000.0, contract_size=1.0),
    "equity": _SHARES,
    "etf": _SHARES,
    "futures": ClassDefaults(),
    "index": ClassDefaults(),
}
"""Defaults by kind of instrument; a currency pair in yen has its own."""


def unknown(index: pd.Index) -> pd.DataFrame:
    """Return every figure as missing, for the rows of an index."""
    columns: dict[str, object] = {}
    for name in SOURCED_VALUES:
        columns |= {name: np.nan, f"{name}_source": "missing"}
    return pd.DataFrame(columns, index=index)


def supply(known: pd.DataFrame, values: pd.DataFrame, source: str) -> pd.DataFrame:
    """Enter what a source says, where it says something and nothing stronger did.

    Parameters
    ----------
    known : DataFrame
        Figures and their sources, as `unknown` gives them.
    values : DataFrame
        Figures by the same index; any subset of columns and rows. Missing and
        non-positive figures say nothing (a fee may be 0).
    source : {"default", "vendor", "exchange"}
        Who says so.

    Returns
    -------
    DataFrame
        A copy of `known`.
    """
    made = known.copy()
    for name in [column for column in values.columns if column in SOURCED_VALUES]:
        told = values[name].reindex(made.index).astype("float64")
        sound = told.ge(0.0) if name.endswith("_fee") else told.gt(0.0)
        if name == "price_precision":
            sound = told.ge(0.0)
        weaker = made[f"{name}_source"].map(_STRENGTH) < _STRENGTH[source]
        taken = sound & weaker & np.isfinite(told)
        made[name] = made[name].where(~taken, told)
        made[f"{name}_source"] = made[f"{name}_source"].where(~taken, source)
    return made


def apply_defaults(known: pd.DataFrame, asset_type: pd.Series, quote: pd.Series) -> pd.DataFrame:
    """Fill what is still missing by the defaults of its kind, marked as such.

    Parameters
    ----------
    known : DataFrame
        Figures and sources.
    asset_type, quote : Series
        By the same index.
    """
    names = [field.name for field in fields(ClassDefaults)]
    table = {kind: [getattr(defaults, name) for name in names] for kind, defaults in CLASS_DEFAULTS.items()}
    yen = [getattr(_YEN, name) for name in names]
    rows = [
        yen if kind == "forex" and money == "JPY" else table[kind]
        for kind, money in zip(asset_type, quote, strict=True)
    ]
    return supply(known, pd.DataFrame(rows, columns=names, index=known.index), "default")


def decimals_of(tick: pd.Series) -> pd.Series:
    """Count the decimals a price on a grid needs: 0.25 needs 2.

    Parameters
    ----------
    tick : Series of float
        Smallest price step.

    Returns
    -------
    Series of float
        At most 12; NaN where there is no tick, or it needs more.
    """
    values = tick.to_numpy(dtype="float64")
    found = np.full(len(values), np.nan)
    for decimals in range(_MOST_DECIMALS, -1, -1):
        scaled = values * 10.0**decimals
        with np.errstate(invalid="ignore"):
            whole = (np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.abs(scaled)) & (np.rint(scaled) >= 1.0)
        found[whole] = decimals
    return pd.Series(found, index=tick.index)
