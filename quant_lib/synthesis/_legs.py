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
    legs: dict[str, list[Leg]] = {}
    columns = [atoms[name].tolist() for name in ("atom_id", "symbol", "direction", "factor")]
    # Sorting a few tuples costs a tenth of sorting a frame, for each of some thousand books of a walk-forward.
    ordered = sorted(zip(*columns, strict=True), key=lambda row: (row[0], row[1]))
    for atom_id, symbol, direction, factor in ordered:
        legs.setdefault(str(atom_id), []).append(Leg(str(atom_id), str(symbol), str(direction), float(factor)))
    return legs
