"""What starts by itself: the day's run after the close, what follows from new data, and word of what failed."""

from __future__ import annotations

from quant_assets.automation.build import Automation, build_automation, shared_freshness

__all__ = ["Automation", "build_automation", "shared_freshness"]
