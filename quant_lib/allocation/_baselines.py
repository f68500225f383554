"""Baselines: equal weight of whatever it is handed, under no cap (semantics 8.5)."""

from __future__ import annotations

import numpy as np

from quant_lib.allocation._limits import Limits
from quant_lib.allocation._problem import Problem, Solution
from quant_lib.objectives import SUPPORTED


class BaselineEngine:
    """``benchmark``: equal weight of the selected atoms; ``market``: of the configured benchmark symbols."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Risk profiles it solves."""
        return SUPPORTED["market"]

    def fallbacks(self, risk_profile: str) -> tuple[tuple[str, str], ...]:
        """Nothing can fail, so nothing stands in for a baseline."""
        return ()

    def solve(self, problem: Problem, risk_profile: str) -> Solution:
        """Weigh all equally, whatever the caps of the sleeve."""
        n, gross = len(problem.labels), problem.request.gross_target
        unbounded = Limits(gross, gross, gross, np.arange(n, dtype="int64"))
        return Solution(np.full(n, gross / n), "equal_weight", status="closed form", limits=unbounded)
