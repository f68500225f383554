"""What `compute_features` refuses."""

from __future__ import annotations

from dataclasses import dataclass

from quant_lib.errors import QuantError


@dataclass(eq=False)
class FeatureInputError(QuantError):
    """Bars, segments or options that features cannot be computed from."""

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} ({self.where}); {self.remedy}"

    @property
    def fix(self) -> str:
        """What to do about it."""
        return self.remedy
