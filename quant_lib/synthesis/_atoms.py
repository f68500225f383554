"""Atoms: the unit the optimiser weights (semantics 6.1)."""

from __future__ import annotations

import hashlib
import json

import pandas as pd

from quant_lib.synthesis._errors import AtomError

ATOM_COLUMNS = ("atom_id", "symbol", "logic", "direction", "timescale", "factor", "cluster")
FACTORS = {"LONG": 1.0, "SHORT": -1.0}
_KEY = ["symbol", "logic", "direction", "timescale"]


def atom_identifier(symbol: str, logic: str, direction: str, timescale: str = "1d") -> str:
    """Opaque id of an atom.

    A hash of the fields as a JSON array, so that no character of a symbol or a
    logic name (underscores are common in both) can make two atoms share an id
    or be parsed back out of one. Read the fields from the atom table.

    Parameters
    ----------
    symbol, logic, direction, timescale : str
        The four fields that make the atom.

    Returns
    -------
    str
        ``atom_`` and 12 hexadecimal digits.
    """
    fields = json.dumps([symbol, logic, direction, timescale], ensure_ascii=True, separators=(",", ":"))
    return f"atom_{hashlib.sha256(fields.encode()).hexdigest()[:12]}"


def make_atoms(selected: pd.DataFrame) -> pd.DataFrame:
    """Atoms of the recruited candidates, one leg each.

    Parameters
    ----------
    selected : DataFrame
        One row per recruited candidate: ``symbol``, ``logic``, ``direction``
        (``LONG`` or ``SHORT``), ``cluster`` (>= 0) and optionally ``timescale``
        (``1d`` where the column is absent). Rows whose boolean ``selected`` is
        false, where that column exists, are not recruited and make no atom.

    Returns
    -------
    DataFrame
        Columns of the ``atoms`` table without ``profile`` and ``date``, sorted
        by ``atom_id``. ``factor`` is +1 for LONG and -1 for SHORT.

    Raises
    ------
    AtomError
        A field is missing or not in its vocabulary, or two rows make one atom.
        Nothing is assumed in its place: a default logic is how a short once
        became a long.
    """
    missing = [name for name in ("symbol", "logic", "direction", "cluster") if name not in selected.columns]
    if missing:
        raise AtomError(f"columns missing from the selection are {', '.join(missing)}", ())
    rows = selected.loc[selected["selected"].astype(bool)] if "selected" in selected.columns else selected
    atoms = pd.DataFrame({name: rows[name].astype(object).to_numpy() for name in ("symbol", "logic", "direction")})
    atoms["timescale"] = rows["timescale"].astype(object).to_numpy() if "timescale" in rows.columns else "1d"
    atoms["cluster"] = rows["cluster"].to_numpy()
    _validate(atoms)
    atoms["atom_id"] = [atom_identifier(*fields) for fields in atoms[_KEY].itertuples(index=False)]
    if atoms["atom_id"].duplicated().any():
        raise AtomError("two atoms share an id", tuple(sorted(atoms.loc[atoms["atom_id"].duplicated(), "symbol"])))
    atoms["factor"] = atoms["direction"].map(FACTORS)
    typed = atoms.astype(dict.fromkeys((*_KEY, "atom_id"), "str") | {"factor": "float64", "cluster": "int64"})
    return typed[list(ATOM_COLUMNS)].sort_values("atom_id", ignore_index=True)


def _validate(atoms: pd.DataFrame) -> None:
    for name in _KEY:
        empty = atoms[name].map(lambda value: not isinstance(value, str) or not value)
        if empty.any():
            raise AtomError(f"{name} is missing", _labels(atoms.loc[empty]))
    unknown = ~atoms["direction"].isin(list(FACTORS))
    if unknown.any():
        raise AtomError("direction is neither LONG nor SHORT", _labels(atoms.loc[unknown]))
    cluster = pd.to_numeric(atoms["cluster"], errors="coerce").astype("float64")
    unclustered = ~((cluster >= 0) & (cluster % 1 == 0))
    if unclustered.any():
        raise AtomError("cluster is not an integer of 0 or more", _labels(atoms.loc[unclustered]))
    repeated = atoms.duplicated(_KEY)
    if repeated.any():
        raise AtomError("the same symbol, logic, direction and timescale repeat", _labels(atoms.loc[repeated]))


def _labels(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(sorted(" ".join(map(str, fields)) for fields in rows[_KEY[:3]].to_numpy().tolist()))
