"""Synthetic long return streams of atoms (semantics 6.2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from quant_lib.synthesis._errors import MissingStreamError


def synthetic_returns(returns: pd.DataFrame, atoms: pd.DataFrame) -> pd.DataFrame:
    """Return stream of holding each atom, so that a positive weight is always the bet.

    A long leg earns ``r``. A short leg earns ``-min(r, 1)``: it cannot lose more
    than what it was sold for. The position is held; there is no timing, because
    what is optimised is what is traded.

    Parameters
    ----------
    returns : DataFrame, shape (n_sessions, n_symbols)
        Simple returns as fractions, index of sessions, columns of symbols. NaN
        stays NaN: nothing is filled.
    atoms : DataFrame
        Rows of the ``atoms`` table. An atom of several legs earns the sum of
        its legs, each scaled by the size of its factor.

    Returns
    -------
    DataFrame, shape (n_sessions, n_atoms)
        Columns are atom ids in ascending order, the index is that of `returns`.

    Raises
    ------
    MissingStreamError
        A leg's symbol has no column.
    """
    absent = sorted(set(atoms["symbol"]) - set(returns.columns))
    if absent:
        raise MissingStreamError(tuple(absent))
    legs = atoms.sort_values(["atom_id", "symbol"], ignore_index=True)
    factor = legs["factor"].to_numpy(dtype="float64")
    physical = returns.loc[:, legs["symbol"].tolist()].to_numpy(dtype="float64")
    # Not factor * r: the cap belongs to the short leg before it is scaled.
    streams = np.where(factor > 0.0, physical, -np.minimum(physical, 1.0)) * np.abs(factor)
    names, position = np.unique(legs["atom_id"].to_numpy(dtype=object), return_inverse=True)
    summed = np.zeros((len(returns), len(names)))
    for leg, atom in enumerate(position):
        summed[:, atom] += streams[:, leg]
    return pd.DataFrame(summed, index=returns.index, columns=pd.Index(names, dtype="str", name="atom_id"))
