"""Sign test after optimisation: atom weights are long, physical positions carry their direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from quant_lib.synthesis._legs import Leg
from quant_lib.synthesis._sign_types import SignFinding, error

_GROUP = ("engine", "risk_profile")
_ZERO = 1e-12
_EQUAL = 1e-9


def position_findings(
    legs: dict[str, list[Leg]], weights: pd.DataFrame | None, positions: pd.DataFrame | None
) -> list[SignFinding]:
    """Judge every engine and risk profile in `weights` and `positions`; nothing to judge where both are absent."""
    found = [
        *_unreadable("weights", weights, ("atom_id", "weight")),
        *_unreadable("positions", positions, ("symbol", "net_weight", "direction")),
    ]
    if found:
        return found
    weight_groups, position_groups = _weight_groups(weights), _position_groups(positions)
    for label in sorted(set(weight_groups) | set(position_groups)):
        of_atom, book = weight_groups.get(label), position_groups.get(label, [])
        if of_atom is not None:
            found += _weight_findings(label, legs, of_atom)
        found += _direction_findings(label, legs, book)
        if weights is not None and positions is not None:
            found += _net_findings(label, legs, of_atom, book)
    return found


@dataclass(frozen=True, slots=True)
class _Position:
    symbol: str
    net_weight: float
    direction: str

    @property
    def sign(self) -> int:
        return (self.net_weight > 0.0) - (self.net_weight < 0.0)


def _unreadable(name: str, frame: pd.DataFrame | None, needed: tuple[str, ...]) -> Iterator[SignFinding]:
    absent = [] if frame is None else [column for column in needed if column not in frame.columns]
    if frame is not None and absent:
        yield error("SIGNTEST_OPTIMIZER_PARSE", f"{name} have no column {', '.join(absent)}, they could not be checked")
    elif frame is not None:
        key = [column for column in (*_GROUP, needed[0]) if column in frame.columns]
        for repeated in sorted(set(frame.loc[frame.duplicated(key), needed[0]].astype("str"))):
            yield error("SIGNTEST_OPTIMIZER_PARSE", f"{name} of {repeated} repeat, they could not be checked")


def _labels(frame: pd.DataFrame) -> list[str]:
    by = [name for name in _GROUP if name in frame.columns]
    return ["/".join(map(str, parts)) for parts in frame[by].to_numpy().tolist()] if by else [""] * len(frame)


def _weight_groups(weights: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    groups: dict[str, dict[str, float]] = {}
    if weights is not None:
        rows = zip(_labels(weights), weights["atom_id"].tolist(), weights["weight"].tolist(), strict=True)
        for label, atom_id, weight in sorted(rows, key=lambda row: (row[0], row[1])):
            groups.setdefault(label, {})[str(atom_id)] = float(weight)
    return groups


def _position_groups(positions: pd.DataFrame | None) -> dict[str, list[_Position]]:
    groups: dict[str, list[_Position]] = {}
    if positions is not None:
        columns = [positions[name].tolist() for name in ("symbol", "net_weight", "direction")]
        rows = zip(_labels(positions), *columns, strict=True)
        for label, symbol, net_weight, direction in sorted(rows, key=lambda row: (row[0], row[1])):
            groups.setdefault(label, []).append(_Position(str(symbol), float(net_weight), str(direction)))
    return groups


def _weight_findings(label: str, legs: dict[str, list[Leg]], weights: dict[str, float]) -> Iterator[SignFinding]:
    for atom_id, weight in weights.items():
        if atom_id not in legs:
            yield error("SIGNTEST_UNKNOWN_ATOM", f"{label}: weight of {atom_id}, which is no atom")
        elif not weight >= -_ZERO:  # false for NaN too
            message = f"{label}: {atom_id} has weight {weight!r}; a synthetic stream is only ever held long"
            yield error("SIGNTEST_OPTIMIZER_NOT_NORMALIZED", message, legs[atom_id][0].symbol)
    for absent in sorted(set(legs) - set(weights)):
        yield error("SIGNTEST_MISSING_WEIGHT", f"{label}: {absent} has no weight", legs[absent][0].symbol)


def _direction_findings(label: str, legs: dict[str, list[Leg]], book: list[_Position]) -> Iterator[SignFinding]:
    sides: dict[str, set[int]] = {}
    for leg in (leg for of_atom in legs.values() for leg in of_atom):
        sides.setdefault(leg.symbol, set()).add(1 if leg.factor > 0.0 else -1)
    for position in book:
        held = f"{label}: net weight {position.net_weight:+.6g}"
        if position.symbol not in sides:
            yield error("SIGNTEST_PHYSICAL_SIGN", f"{held} with no atom behind it", position.symbol)
        elif position.sign not in sides[position.symbol]:
            yield error("SIGNTEST_PHYSICAL_SIGN", f"{held} against the direction of its atoms", position.symbol)
        elif position.sign != {"LONG": 1, "SHORT": -1}.get(position.direction):
            yield error("SIGNTEST_PHYSICAL_SIGN", f"{held} is labelled {position.direction}", position.symbol)


def _net_findings(
    label: str, legs: dict[str, list[Leg]], weights: dict[str, float] | None, book: list[_Position]
) -> Iterator[SignFinding]:
    """Physical net weights equal the signed sum of the atoms behind them."""
    if weights is None:
        yield error("SIGNTEST_MISSING_WEIGHT", f"{label}: positions without atom weights")
        return
    expected: dict[str, float] = {}
    for leg in (leg for atom_id in weights for leg in legs.get(atom_id, [])):
        expected[leg.symbol] = expected.get(leg.symbol, 0.0) + weights[leg.atom_id] * leg.factor
    actual = {position.symbol: position.net_weight for position in book}
    for symbol in sorted(set(expected) | set(actual)):
        want, have = expected.get(symbol, 0.0), actual.get(symbol, 0.0)
        if not abs(want - have) <= _EQUAL:
            message = f"{label}: atoms amount to {want:+.6g}, the position is {have:+.6g}"
            yield error("SIGNTEST_PHYSICAL_NET", message, symbol)
