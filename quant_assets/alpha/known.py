"""What an allocation knows beside its streams: benchmark, what is held, what can be traded."""

from __future__ import annotations

import pandas as pd

from quant_assets.alpha.reading import BAR_COLUMNS, PinnedLake
from quant_lib.calendars import get_calendar
from quant_lib.decision import Known, SleeveRules
from quant_lib.decision.daily import benchmark_stream
from quant_lib.decision.holding import carried
from quant_lib.health import quarantine_bars
from quant_lib.regime import regime_of
from quant_resources.lakehouse import Lake


def known_for(lake: Lake, pinned: PinnedLake, rules: SleeveRules) -> Known:
    """Everything known at the close of the decision date, from the pinned versions and earlier decisions."""
    return Known(
        regime=regime_of(pinned.decided("regime")),
        benchmark=_benchmark(pinned, rules),
        held=_held(lake, pinned, rules) if rules.trades_on_what_is_held else None,
        quotes=_quotes(pinned),
    )


def _benchmark(pinned: PinnedLake, rules: SleeveRules) -> pd.Series:
    symbols = [rules.benchmark]
    closes = pinned.segmented_closes(symbols=symbols).sort_values(["symbol", "date"], kind="stable")
    bars, calendars = pinned.past("ohlcv", columns=list(BAR_COLUMNS), symbols=symbols), pinned.calendars()
    bad = quarantine_bars(bars, rules.health, calendars)
    return benchmark_stream(closes, bad, pinned.date, rules.benchmark, calendars, get_calendar(rules.calendar))


def _held(lake: Lake, pinned: PinnedLake, rules: SleeveRules) -> dict[tuple[str, str], pd.Series] | None:
    """Books of the last decision before this one, carried to its close; None where there is none."""
    before = [day for day in lake.dates("positions", profile=pinned.profile) if day < pinned.date]
    if not before:
        return None
    since = max(before)
    rows = lake.decision("positions", pinned.profile, since)
    solved = lake.decision("allocations", pinned.profile, since)
    # A book of cash has no positions, and is known to hold nothing.
    books = {(str(row.engine), str(row.risk_profile)): pd.Series(dtype="float64") for row in solved.itertuples()}
    for (engine, profile), own in rows.groupby(["engine", "risk_profile"]):
        books[str(engine), str(profile)] = own.set_index("symbol")["net_weight"]
    symbols = sorted(set(rows["symbol"]))
    if not symbols:
        return books
    closes = pinned.segmented_closes(symbols=symbols)
    bars = pinned.past("ohlcv", columns=list(BAR_COLUMNS), symbols=symbols)
    bad = quarantine_bars(bars, rules.health, pinned.calendars())
    return carried(books, closes, bad, rules, since=since, on=pinned.date)


def _quotes(pinned: PinnedLake) -> pd.DataFrame:
    """Close, lot and smallest order of every symbol of the date; a default of ours is no rule of the venue."""
    rules = pinned.today(
        "instruments", ["symbol", "lot_size", "lot_size_source", "min_notional", "min_notional_source"]
    )
    for name in ("lot_size", "min_notional"):
        rules[name] = rules[name].where(rules[f"{name}_source"].isin(["vendor", "exchange"]))
    prices = pinned.today("features", ["symbol", "close"]).rename(columns={"close": "price"})
    return prices.merge(rules[["symbol", "lot_size", "min_notional"]], on="symbol", how="left")
