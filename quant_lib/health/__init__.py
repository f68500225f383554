"""Health of stored bars: vetting at the door, series a ticker falls into, bad prints, verdicts.

Semantics 2.4 to 2.9; decision record 0005.
"""

from __future__ import annotations

from quant_lib.health._adjusted import adjusted, unsaid
from quant_lib.health._assess import STATUS_PRECEDENCE, HealthReport, assess_health
from quant_lib.health._errors import BarsContractError, InvalidRuleError
from quant_lib.health._holes import RepairPlan, RepairRules, find_holes, hole_rows, judge_repair, plan_repair
from quant_lib.health._labels import label_bars, quarantine_bars, segment_bars, segment_starts
from quant_lib.health._registry import Evidence, explain_gaps, new_audits, registry_rows, still_open
from quant_lib.health._rules import HealthRules
from quant_lib.health._vetting import revisions, split_closed, stamp_bars, vet_bars

__all__ = [
    "STATUS_PRECEDENCE",
    "BarsContractError",
    "Evidence",
    "HealthReport",
    "HealthRules",
    "InvalidRuleError",
    "RepairPlan",
    "RepairRules",
    "adjusted",
    "assess_health",
    "explain_gaps",
    "find_holes",
    "hole_rows",
    "judge_repair",
    "label_bars",
    "new_audits",
    "plan_repair",
    "quarantine_bars",
    "registry_rows",
    "revisions",
    "segment_bars",
    "segment_starts",
    "split_closed",
    "stamp_bars",
    "still_open",
    "unsaid",
    "vet_bars",
]
