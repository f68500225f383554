"""Flattening: atom weights to signed physical positions, with conservation reported (semantics 6.3)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from quant_lib.synthesis._errors import ConservationError, UnknownAtomError
from quant_lib.synthesis._legs import read_legs

_ZERO = 1e-12
_CONSERVED = 1e-9
POSITION_COLUMNS = ("symbol", "weight", "net_weight", "direction", "atoms")


@dataclass(frozen=True)
class Flattened:
    """Physical positions and what netting did to them.

    Parameters
    ----------
    positions : DataFrame
        ``symbol``, ``weight`` (absolute), ``net_weight`` (signed), ``direction``,
        ``atoms`` (ids behind it, comma separated), sorted by symbol. Fractions
        of capital.
    gross_before, gross_after : float
        Sum of absolute legs before netting, of absolute positions after it.
    net : float
        Sum of signed positions; netting cannot change it.
    conflicts : DataFrame
        Symbols with legs on both sides: ``symbol``, ``long``, ``short``, ``net_weight``.
    dropped : DataFrame
        Symbols without a position: ``symbol``, ``net_weight``, ``reason``
        (``netted_out``, or ``zero_weight`` where the optimiser gave nothing).
    netting_limit : float
        Share of gross that netting may remove before it is a conflict.
    """

    positions: pd.DataFrame
    gross_before: float
    gross_after: float
    net: float
    conflicts: pd.DataFrame
    dropped: pd.DataFrame
    netting_limit: float

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
        columns = [self.conflicts[name].tolist() for name in ("symbol", "long", "short")]
        sides = {str(symbol): [long, short] for symbol, long, short in zip(*columns, strict=True)}
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
    _validate(weights, atoms)
    weight_of = dict(zip(weights.index, weights.tolist(), strict=True))
    legs = [leg for of_atom in read_legs(atoms).values() for leg in of_atom]
    exposures = [weight_of[leg.atom_id] * leg.factor for leg in legs]
    books: dict[str, _Book] = {symbol: _Book() for symbol in sorted({leg.symbol for leg in legs})}
    for leg, exposure in zip(legs, exposures, strict=True):
        books[leg.symbol].add(leg.atom_id, exposure)
    flat = _assemble(books, netting_limit)
    _check_conserved(float(sum(exposures)), flat)
    return flat


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


def _validate(weights: pd.Series, atoms: pd.DataFrame) -> None:
    if weights.index.has_duplicates:
        raise UnknownAtomError("ids repeat", tuple(sorted(set(weights.index[weights.index.duplicated()]))))
    known = set(atoms["atom_id"])
    if foreign := sorted(set(weights.index) - known):
        raise UnknownAtomError("they name atoms that do not exist", tuple(foreign))
    if absent := sorted(known - set(weights.index)):
        raise UnknownAtomError("atoms without a weight", tuple(absent))
    values = weights.to_numpy(dtype="float64")
    wrong = ~np.isfinite(values) | (values < -_ZERO)
    if wrong.any():
        raise UnknownAtomError(
            "a synthetic long weight is negative or not a number", tuple(sorted(weights.index[wrong]))
        )


def _assemble(books: dict[str, _Book], netting_limit: float) -> Flattened:
    held = {symbol: book for symbol, book in books.items() if book.held}
    positions = pd.DataFrame(
        [
            (symbol, abs(book.net), book.net, "LONG" if book.net > 0.0 else "SHORT", ",".join(book.atoms))
            for symbol, book in held.items()
        ],
        columns=list(POSITION_COLUMNS),
    )
    conflicts = [(symbol, book.long, book.short, book.net) for symbol, book in books.items() if book.two_sided]
    dropped = [
        (symbol, book.net, "netted_out" if book.two_sided else "zero_weight")
        for symbol, book in books.items()
        if not book.held
    ]
    text, number = "str", "float64"
    return Flattened(
        positions=positions.astype(dict(zip(POSITION_COLUMNS, (text, number, number, text, text), strict=True))),
        gross_before=float(sum(book.long + book.short for book in books.values())),
        gross_after=float(sum(abs(book.net) for book in held.values())),
        net=float(sum(book.net for book in held.values())),
        conflicts=pd.DataFrame(conflicts, columns=["symbol", "long", "short", "net_weight"]),
        dropped=pd.DataFrame(dropped, columns=["symbol", "net_weight", "reason"]),
        netting_limit=netting_limit,
    )


def _check_conserved(net: float, flat: Flattened) -> None:
    """Net is the sum of legs, and what gross lost is exactly twice the smaller side of each conflict."""
    if abs(net - flat.net) > _CONSERVED:
        raise ConservationError("net exposure", net, flat.net)
    cancelled = 2.0 * sum(map(min, flat.conflicts["long"], flat.conflicts["short"]))
    if abs(flat.gross_before - cancelled - flat.gross_after) > _CONSERVED:
        raise ConservationError("gross exposure less netting", flat.gross_before - cancelled, flat.gross_after)
