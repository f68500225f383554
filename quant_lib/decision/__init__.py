"""What a sleeve decides on a date, and the same decision walked through history.

One implementation serves both: the assets of a day and every window of the
backtest call the same functions on rows known at that date.
"""

from __future__ import annotations

from quant_lib.decision.daily import allocate_all, discover, eligible_over, universe_on
from quant_lib.decision.rules import ReturnRules, Scan, SleeveRules, WindowRules
from quant_lib.decision.walk_forward import History, WalkForward, walk_forward

__all__ = [
    "History",
    "ReturnRules",
    "Scan",
    "SleeveRules",
    "WalkForward",
    "WindowRules",
    "allocate_all",
    "discover",
    "eligible_over",
    "universe_on",
    "walk_forward",
]
