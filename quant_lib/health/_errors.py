"""Errors of bar vetting and health."""

from __future__ import annotations

from dataclasses import dataclass

from quant_lib.errors import QuantError


@dataclass(eq=False)
class BarsContractError(QuantError):
    """A bars frame that breaks the contract of its table; judging it would give a wrong verdict."""

    problem: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"bars cannot be judged: {self.problem} ({self.where}); {self.remedy}"

    @property
    def fix(self) -> str:
        """What makes the frame acceptable."""
        return self.remedy


@dataclass(eq=False)
class InvalidRuleError(QuantError):
    """A threshold outside the range in which its rule means something."""

    rule: str
    value: float
    allowed: str

    def __str__(self) -> str:
        return f"{self.rule} must be {self.allowed}, was {self.value:g}"
