"""Daily simple returns: never padded, never across missing sessions, series breaks or bad prints."""

from __future__ import annotations

from quant_lib.returns._eligible import EligibleReturns, eligible_returns
from quant_lib.returns._mixed import returns_on
from quant_lib.returns._simple import ReturnsContractError, compound_to_calendar, simple_returns

__all__ = [
    "EligibleReturns",
    "ReturnsContractError",
    "compound_to_calendar",
    "eligible_returns",
    "returns_on",
    "simple_returns",
]
