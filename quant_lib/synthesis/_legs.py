"""Rows of the ``atoms`` table as typed records."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class Leg:
    """One physical leg of an atom."""

    atom_id: str
    symbol: str
    direction: str
    factor: float


def read_legs(atoms: pd.DataFrame) -> dict[str, list[Leg]]:
    """Group legs by atom id, both in ascending order."""
    ordered = atoms.sort_values(["atom_id", "symbol"])
    legs: dict[str, list[Leg]] = {}
    columns = [ordered[name].tolist() for name in ("atom_id", "symbol", "direction", "factor")]
    for atom_id, symbol, direction, factor in zip(*columns, strict=True):
        legs.setdefault(str(atom_id), []).append(Leg(str(atom_id), str(symbol), str(direction), float(factor)))
    return legs
