"""What a sleeve decides on a date, and the same decision walked through history.

One implementation serves both: the assets of a day and every window of the
backtest call the same functions on rows known at that date.
"""

from __future__ import annotations

from quant_lib.decision.allocating import Known, allocate_all
from quant_lib.decision.choice import Choice, choose, features_read
from quant_lib.decision.daily import eligible_over
from quant_lib.decision.discovery import discover, universe_on
from quant_lib.decision.history import History
from quant_lib.decision.market import market_proxy, market_regime, regime_from, regime_on
from quant_lib.decision.rules import OrderRules, ReturnRules, Scan, SleeveRules, WindowRules
from quant_lib.decision.signals import candidate_signals, survivorship_of
from quant_lib.decision.walk_forward import WalkForward, walk_forward

__all__ = [
    "Choice",
    "History",
    "Known",
    "OrderRules",
    "ReturnRules",
    "Scan",
    "SleeveRules",
    "WalkForward",
    "WindowRules",
    "allocate_all",
    "candidate_signals",
    "choose",
    "discover",
    "eligible_over",
    "features_read",
    "market_proxy",
    "market_regime",
    "regime_from",
    "regime_on",
    "survivorship_of",
    "universe_on",
    "walk_forward",
]
