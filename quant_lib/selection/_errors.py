"""What can be wrong with rules and frames given to selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quant_lib.errors import QuantError


@dataclass(eq=False)
class ContradictoryRulesError(QuantError):
    """Rules that no symbol could satisfy, or that would select the wrong end."""

    field: str
    problem: str

    def __str__(self) -> str:
        return f"rule {self.field}: {self.problem}"


@dataclass(eq=False)
class UnknownColumnError(QuantError):
    """A vendor column that has no point-in-time feature behind it."""

    column: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.column!r} cannot be reconstructed point in time: no feature stands behind it; "
            f"use one of {', '.join(self.known)}"
        )


@dataclass(eq=False)
class UnsupportedFilterError(QuantError):
    """A filter whose operation or value does not fit its column."""

    column: str
    operation: str
    value: Any
    problem: str

    def __str__(self) -> str:
        return f"filter {self.column} {self.operation} {self.value!r}: {self.problem}"


@dataclass(eq=False)
class InvalidUniverseError(QuantError):
    """A frame that is not what selection was promised."""

    frame: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.frame}: {self.problem}; {self.remedy}"


@dataclass(eq=False)
class UnknownSignalError(QuantError):
    """A score feature asked for by name that the score does not have."""

    name: str
    known: tuple[str, ...]
    where: str

    def __str__(self) -> str:
        return f"{self.where} names {self.name!r}, which is not scored here; the score has {', '.join(self.known)}"


@dataclass(eq=False)
class NotPointInTimeError(QuantError):
    """Something a rule reads that is only known live, or only since a later day."""

    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} is not known point in time: {self.why}; {self.remedy}"

    @property
    def fix(self) -> str:
        """What would make the rule reconstructable."""
        return self.remedy
