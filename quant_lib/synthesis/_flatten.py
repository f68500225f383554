"""Flattening: atom weights to signed physical positions, with conservation reported (semantics 6.3)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd

from quant_lib.synthesis._errors import ConservationError, UnknownAtomError
from quant_lib.synthesis._legs import Leg, read_legs

_ZERO = 1e-12
_CONSERVED = 1e-9
POSITION_COLUMNS = ("symbol", "weight", "net_weight", "direction", "atoms")


PositionRow: TypeAlias = tuple[str, float, float, str, str]


@dataclass(frozen=True)
class Flattened:
    """Physical positions and what netting did to them.

    A walk-forward makes thousands of these and looks at few tables of each, so
    that rows are kept as they are and a table is laid out when it is asked for.

    Parameters
    ----------
    position_rows : tuple of tuples
        Rows of `positions`.
    conflict_rows : tuple of tuples
        Rows of `conflicts`.
    dropped_rows : tuple of tuples
        Rows of `dropped`.
    gross_before, gross_after : float
        Sum of absolute legs before netting, of absolute positions after it.
    net : float
        Sum of signed positions; netting cannot change it.
    netting_limit : float
        Share of gross that netting may remove before it is a conflict.
    """

    position_rows: tuple[PositionRow, ...]
    conflict_rows: tuple[tuple[str, float, float, float], ...]
    dropped_rows: tuple[tuple[str, float, str], ...]
    gross_before: float
    gross_after: float
    net: float
    netting_limit: float

    @cached_property
    def positions(self) -> pd.DataFrame:
        """``symbol``, ``weight``, ``net_weight``, ``direction``, ``atoms``, sorted by symbol.

        Weights are absolute and signed fractions of capital; ``atoms`` are the ids behind a position, comma separated.
        """
        return position_frame(self.position_rows)

    @cached_property
    def conflicts(self) -> pd.DataFrame:
        """Symbols with legs on both sides: ``symbol``, ``long``, ``short``, ``net_weight``."""
        return pd.DataFrame(list(self.conflict_rows), columns=["symbol", "long", "short", "net_weight"])

    @cached_property
    def dropped(self) -> pd.DataFrame:
        """Symbols without a position: ``symbol``, ``net_weight``, ``reason``.

        The reason is ``netted_out``, or ``zero_weight`` where the optimiser gave nothing.
        """
        return pd.DataFrame(list(self.dropped_rows), columns=["symbol", "net_weight", "reason"])

    @property
    def netting(self) -> float:
        """Gross that long and short legs on one symbol cancelled, as a fraction of capital."""
        return max(0.0, self.gross_before - self.gross_after)

    @property
    def netting_share(self) -> float:
        """`netting` as a share of gross before it; 0 for a book of cash."""
        return self.netting / self.gross_before if self.gross_before > 0.0 else 0.0

    @property
    def conflict(self) -> bool:
        """Whether netting removed more than `netting_limit` of gross. Report it; weights are never rescaled."""
        return self.netting_share > self.netting_limit

    def columns(self) -> dict[str, object]:
        """Lay out what netting did as columns of the ``allocations`` table."""
        sides = {symbol: [long, short] for symbol, long, short, _ in self.conflict_rows}
        return {
            "gross_before": self.gross_before,
            "netting_share": self.netting_share,
            "netting_conflict": self.conflict,
            "netted": json.dumps(sides, sort_keys=True),
        }


def flatten(weights: pd.Series, atoms: pd.DataFrame, *, netting_limit: float = 0.01) -> Flattened:
    """Physical positions behind atom weights.

    Parameters
    ----------
    weights : Series
        Weight of each atom's synthetic long stream, index of atom ids, fraction
        of capital, >= 0. Every atom needs one (zero is a weight).
    atoms : DataFrame
        Rows of the ``atoms`` table; an atom may have several legs.
    netting_limit : float
        Share of gross above which netting is a conflict.

    Returns
    -------
    Flattened
        Positions are never renormalised: what netting removed stays cash.

    Raises
    ------
    UnknownAtomError
        Weights and atoms do not name the same ids, or a weight is negative or
        not a number.
    ConservationError
        Net exposure differs before and after, which only a defect can cause.
    """
    return flatten_legs(weights, read_legs(atoms), netting_limit=netting_limit)


def flatten_legs(weights: pd.Series, legs: Mapping[str, list[Leg]], *, netting_limit: float = 0.01) -> Flattened:
    """`flatten` where several books share one composition map, read once by `read_legs`."""
    _validate(weights, legs.keys())
    weight_of = dict(zip(weights.index.tolist(), weights.tolist(), strict=True))
    books = {symbol: _Book() for symbol in sorted({leg.symbol for of_atom in legs.values() for leg in of_atom})}
    net = 0.0
    for atom_id, of_atom in legs.items():
        for leg in of_atom:
            exposure = weight_of[atom_id] * leg.factor
            books[leg.symbol].add(atom_id, exposure)
            net += exposure
    flat = _assemble(books, netting_limit)
    _check_conserved(net, flat)
    return flat


def position_frame(rows: Iterable[PositionRow]) -> pd.DataFrame:
    """Typed columns of positions."""
    columns = list(zip(*rows, strict=True)) or [()] * len(POSITION_COLUMNS)
    types = ("str", "float64", "float64", "str", "str")
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=kind)
            for name, values, kind in zip(POSITION_COLUMNS, columns, types, strict=True)
        }
    )


@dataclass(slots=True)
class _Book:
    """Both sides of one symbol."""

    long: float = 0.0
    short: float = 0.0
    atoms: list[str] = field(default_factory=list)

    def add(self, atom_id: str, exposure: float) -> None:
        self.long += max(exposure, 0.0)
        self.short += max(-exposure, 0.0)
        if abs(exposure) > _ZERO:
            self.atoms.append(atom_id)

    @property
    def net(self) -> float:
        return self.long - self.short

    @property
    def held(self) -> bool:
        return abs(self.net) > _ZERO

    @property
    def two_sided(self) -> bool:
        return min(self.long, self.short) > _ZERO


def _validate(weights: pd.Series, known: AbstractSet[str]) -> None:
    ids = weights.index.tolist()
    given = set(ids)
    if len(given) < len(ids):
        raise UnknownAtomError("ids repeat", tuple(sorted(set(weights.index[weights.index.duplicated()]))))
    if foreign := sorted(given - known):
        raise UnknownAtomError("they name atoms that do not exist", tuple(foreign))
    if absent := sorted(known - given):
        raise UnknownAtomError("atoms without a weight", tuple(absent))
    values = weights.to_numpy(dtype="float64")
    wrong = ~np.isfinite(values) | (values < -_ZERO)
    if wrong.any():
        raise UnknownAtomError(
            "a synthetic long weight is negative or not a number", tuple(sorted(weights.index[wrong]))
        )


def _assemble(books: dict[str, _Book], netting_limit: float) -> Flattened:
    held = {symbol: book for symbol, book in books.items() if book.held}
    return Flattened(
        position_rows=tuple(
            (symbol, abs(book.net), book.net, "LONG" if book.net > 0.0 else "SHORT", ",".join(book.atoms))
            for symbol, book in held.items()
        ),
        conflict_rows=tuple(
            (symbol, book.long, book.short, book.net) for symbol, book in books.items() if book.two_sided
        ),
        dropped_rows=tuple(
            (symbol, book.net, "netted_out" if book.two_sided else "zero_weight")
            for symbol, book in books.items()
            if not book.held
        ),
        gross_before=float(sum(book.long + book.short for book in books.values())),
        gross_after=float(sum(abs(book.net) for book in held.values())),
        net=float(sum(book.net for book in held.values())),
        netting_limit=netting_limit,
    )


def _check_conserved(net: float, flat: Flattened) -> None:
    """Net is the sum of legs, and what gross lost is exactly twice the smaller side of each conflict."""
    if abs(net - flat.net) > _CONSERVED:
        raise ConservationError("net exposure", net, flat.net)
    cancelled = 2.0 * sum(min(long, short) for _, long, short, _ in flat.conflict_rows)
    if abs(flat.gross_before - cancelled - flat.gross_after) > _CONSERVED:
        raise ConservationError("gross exposure less netting", flat.gross_before - cancelled, flat.gross_after)
