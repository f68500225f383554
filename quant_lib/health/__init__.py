"""Health of stored bars: vetting at the door, series a ticker falls into, bad prints, verdicts.

Semantics 2.4 to 2.9; decision record 0005.
"""

from __future__ import annotations

from quant_lib.health._assess import STATUS_PRECEDENCE, HealthReport, assess_health
from quant_lib.health._errors import BarsContractError, InvalidRuleError
from quant_lib.health._rules import HealthRules
from quant_lib.health._segments import quarantine_bars, segment_bars, segment_starts
from quant_lib.health._vetting import revisions, split_closed, stamp_bars, vet_bars

__all__ = [
    "STATUS_PRECEDENCE",
    "BarsContractError",
    "HealthReport",
    "HealthRules",
    "InvalidRuleError",
    "assess_health",
    "quarantine_bars",
    "revisions",
    "segment_bars",
    "segment_starts",
    "split_closed",
    "stamp_bars",
    "vet_bars",
]
