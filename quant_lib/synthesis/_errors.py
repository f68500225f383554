"""What can be wrong with atoms, streams and their flattening."""

from __future__ import annotations

from dataclasses import dataclass

from quant_lib.errors import QuantError


def _shown(names: tuple[str, ...], limit: int = 10) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


@dataclass(eq=False)
class AtomError(QuantError):
    """Selected rows that do not make an atom each."""

    problem: str
    rows: tuple[str, ...]

    def __str__(self) -> str:
        where = f": {_shown(self.rows)}" if self.rows else ""
        return f"cannot make atoms, {self.problem}{where}; correct the selection, no field of an atom has a default"


@dataclass(eq=False)
class MissingStreamError(QuantError):
    """Physical returns an atom needs are not in the returns matrix."""

    symbols: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"the returns matrix has no column for {_shown(self.symbols)}; "
            "build it over every selected symbol, or drop the symbol from the selection with a reason"
        )


@dataclass(eq=False)
class UnknownAtomError(QuantError):
    """Weights that do not belong to the atoms they are said to weight."""

    problem: str
    atom_ids: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"weights cannot be flattened, {self.problem}: {_shown(self.atom_ids)}; "
            "pass the atoms the weights were made from"
        )


@dataclass(eq=False)
class ConservationError(QuantError):
    """Capital appeared or vanished between atom weights and physical positions."""

    quantity: str
    before: float
    after: float

    def __str__(self) -> str:
        return (
            f"flattening changed {self.quantity} from {self.before!r} to {self.after!r}; "
            "this is a defect of the composition map, do not use these positions"
        )


@dataclass(eq=False)
class DirectionalSignError(QuantError):
    """The directional sign test found errors."""

    errors: int
    first: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"directional sign test: {self.errors} errors, first: {'; '.join(self.first)}; "
            "nothing downstream may use these streams or weights until they are gone"
        )
