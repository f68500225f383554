"""What can be wrong with a regime and what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass

from quant_lib.errors import QuantError


@dataclass(eq=False)
class UnknownRegimeError(QuantError):
    """A regime is needed and is not known."""

    problem: str

    def __str__(self) -> str:
        return f"{self.problem}; {self.fix}"

    @property
    def fix(self) -> str:
        """What the user can do next."""
        return "decide on a date with more history of the market proxy, or state what holds without a regime"


@dataclass(eq=False)
class RegimeInputError(QuantError):
    """Returns that no regime can be measured on."""

    what: str
    problem: str

    def __str__(self) -> str:
        return f"{self.what} cannot be fitted: {self.problem}; {self.fix}"

    @property
    def fix(self) -> str:
        """What makes the input acceptable."""
        return "pass complete, finite returns of a market that moves"
