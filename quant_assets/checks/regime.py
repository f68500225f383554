"""Contract of the market regime: it follows from its components, and from nothing later than its date."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.contracts import REGIME
from quant_lib.contracts.verdicts import Verdict, all_of, judge_schema, require
from quant_resources.config import Project, SleeveConfig
from quant_resources.lakehouse import Lake


def judge_regime(lake: Lake, project: Project, sleeve: SleeveConfig, date: dt.date) -> Verdict:
    """Measure the regime again with every later bar turned to noise, and compare each figure bit for bit."""
    rows = lake.decision(REGIME.name, sleeve.name, date)
    schema = judge_schema(REGIME, rows)
    if not schema.passed or len(rows) != 1:
        return all_of(schema, require(len(rows) == 1, f"{len(rows)} rows where there is one per date"))
    again = _measured_among_noise(lake, project, sleeve, date)
    moved = [name for name in rows.columns if not rows[name].equals(again[name])]
    row = rows.iloc[0]
    said = f"{row['decision_regime']}, quadrant {row['decision_quadrant']}, {row['proxy']}"
    same = require(
        not moved,
        f"{said}: {len(moved)} of {len(rows.columns)} figures moved when later bars became noise",
        {"regime": str(row["decision_regime"]), "returns": int(row["n_returns"]), "moved": len(moved)},
        pd.DataFrame({"figure": moved}),
    )
    verdict = all_of(schema, same)
    unknown = not bool(row["known"])
    message = f"the regime is unknown: {row['reason']}" if unknown and verdict.passed else verdict.message
    return Verdict(verdict.passed, message, verdict.figures, verdict.failing, warning=unknown)


def _measured_among_noise(lake: Lake, project: Project, sleeve: SleeveConfig, date: dt.date) -> pd.DataFrame:
    from quant_assets.alpha.reading import PinnedLake
    from quant_assets.alpha.regime import proxy_bars
    from quant_assets.checks.look_ahead import noise_after
    from quant_lib.decision import market_proxy, regime_from
    from quant_lib.decision.daily import stamp
    from quant_lib.regime import regime_row

    rules, pinned = sleeve_rules(project, sleeve), PinnedLake(lake, sleeve.name, date)
    bars, calendars = proxy_bars(pinned, rules), pinned.calendars()
    scrambled = pd.concat([bars, noise_after(bars, date, calendars)], ignore_index=True)
    reading = regime_from(scrambled, date, rules, calendars)
    return stamp(pd.DataFrame([regime_row(reading, market_proxy(rules).label)]), REGIME, sleeve.name, date)
