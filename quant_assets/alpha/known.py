"""What an allocation knows beside its streams: benchmark, what is held, what can be traded."""

from __future__ import annotations

import pandas as pd

from quant_assets.alpha.reading import BAR_COLUMNS, PinnedLake
from quant_lib.calendars import get_calendar
from quant_lib.decision import Known, SleeveRules
from quant_lib.decision.allocating import drifted
from quant_lib.decision.daily import benchmark_stream
from quant_lib.health import quarantine_bars
from quant_lib.regime import regime_of
from quant_resources.lakehouse import Lake


def known_for(lake: Lake, pinned: PinnedLake, rules: SleeveRules) -> Known:
    """Everything known at the close of the decision date, from the pinned versions and earlier decisions."""
    wanted = any(request.turnover_penalty or request.no_trade_band > 0.0 for request in rules.requests)
    return Known(
        regime=regime_of(pinned.decided("regime")),
        benchmark=_benchmark(pinned, rules),
        held=_held(lake, pinned) if wanted else None,
        quotes=_quotes(pinned),
    )


def _benchmark(pinned: PinnedLake, rules: SleeveRules) -> pd.Series:
    symbols = [rules.benchmark]
    closes = pinned.segmented_closes(symbols=symbols).sort_values(["symbol", "date"], kind="stable")
    bars, calendars = pinned.past("ohlcv", columns=list(BAR_COLUMNS), symbols=symbols), pinned.calendars()
    bad = quarantine_bars(bars, rules.health, calendars)
    return benchmark_stream(closes, bad, pinned.date, rules.benchmark, calendars, get_calendar(rules.calendar))


def _held(lake: Lake, pinned: PinnedLake) -> dict[tuple[str, str], pd.Series]:
    """Positions of the last decision before this one, drifted by the closes since."""
    before = [day for day in lake.dates("positions", profile=pinned.profile) if day < pinned.date]
    if not before:
        return {}
    rows = lake.decision("positions", pinned.profile, max(before))
    closes = pinned.segmented_closes(symbols=sorted(set(rows["symbol"])), since=max(before))
    prices = closes.pivot(index="date", columns="symbol", values="close").sort_index().ffill()
    growth = prices.iloc[-1] / prices.iloc[0] - 1.0 if len(prices) else pd.Series(dtype="float64")
    return {
        (str(engine), str(profile)): drifted(own.set_index("symbol")["net_weight"], growth)
        for (engine, profile), own in rows.groupby(["engine", "risk_profile"])
    }


def _quotes(pinned: PinnedLake) -> pd.DataFrame:
    """Close, lot and smallest order of every symbol of the date; a default of ours is no rule of the venue."""
    rules = pinned.today("instruments").copy()
    for name in ("lot_size", "min_notional"):
        rules[name] = rules[name].where(rules[f"{name}_source"].isin(["vendor", "exchange"]))
    prices = pinned.today("features")[["symbol", "close"]].rename(columns={"close": "price"})
    return prices.merge(rules[["symbol", "lot_size", "min_notional"]], on="symbol", how="left")
