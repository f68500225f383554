"""The steps between membership and deduplication (semantics 1.4, steps 4 to 8), and perpetuals of the same base."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from quant_lib.selection._dedupe import rank_listings
from quant_lib.selection._filters import Judgement, amount, describe, feature_column, judge_filter, numbers
from quant_lib.selection._funnel import Funnel
from quant_lib.selection._rules import ScreenRules
from quant_lib.selection._screens import judge_performance, judge_screen, market_caps, performance_rules


def screens(funnel: Funnel, rules: ScreenRules) -> None:
    for number, rule in enumerate(rules.filters, start=1):
        funnel.judge(f"filter_{number}", describe(rule), judge_filter(funnel.frame, rule))
    if rules.atr_pct_max is None:
        _bound(funnel, "volatility_min", "volatility_d", "egreater", rules.volatility_min)
        _bound(funnel, "volatility_max", "volatility_d", "eless", rules.volatility_max)
    else:
        _range_or_atr(funnel, rules)
    _bound(funnel, "value_traded", "value_traded", "egreater", rules.value_traded_min)
    _bound(funnel, "turnover", "turnover", "egreater", rules.turnover_min)
    _volume(funnel, rules)
    if rules.rating is not None:
        long = rules.direction == "LONG"
        limit = rules.rating_min if long else 0.0 - rules.rating_min
        _bound(funnel, "direction", rules.rating, "greater" if long else "less", limit)


def _bound(funnel: Funnel, step: str, column: str, operation: str, limit: float | None) -> None:
    if limit is None:
        return
    rule = (column, operation, limit)
    funnel.judge(step, describe(rule), judge_filter(funnel.frame, rule))


def _range_or_atr(funnel: Funnel, rules: ScreenRules) -> None:
    """Judge the day's range; where it is unknown, the average true range in its place."""
    assert rules.atr_pct_max is not None
    span = numbers(funnel.frame, "volatility_d")
    atr = 100.0 * numbers(funnel.frame, "atr_14") / numbers(funnel.frame, "close")
    low = -np.inf if rules.volatility_min is None else rules.volatility_min
    high = np.inf if rules.volatility_max is None else rules.volatility_max
    unknown = np.isnan(span)
    value = np.where(unknown, atr, span)
    bar = np.where(unknown, rules.atr_pct_max, np.where(span < low, low, high))
    keep = np.where(unknown, atr <= rules.atr_pct_max, (span >= low) & (span <= high))
    rule = (
        f"Volatility.D in [{amount(low)}, {amount(high)}], or where unknown ATR/close ≤ {amount(rules.atr_pct_max)} %"
    )
    funnel.judge("volatility", rule, Judgement(np.asarray(keep, dtype=bool), value, bar))


def _volume(funnel: Funnel, rules: ScreenRules) -> None:
    if rules.volume_min is None and not rules.volume_min_per_exchange:
        return
    floors = funnel.frame["exchange"].map(dict(rules.volume_min_per_exchange)).astype("float64")
    bar = floors.fillna(rules.volume_min or 0.0).to_numpy(dtype="float64")
    value = numbers(funnel.frame, "volume")
    own = ", ".join(f"{name} {amount(floor)}" for name, floor in rules.volume_min_per_exchange)
    rule = f"volume ≥ {amount(rules.volume_min or 0.0)}{f' ({own})' if own else ''}"
    funnel.judge("volume", rule, Judgement(value >= bar, value, np.asarray(bar, dtype="float64")))


def capitalisation(funnel: Funnel, rules: ScreenRules, on: dt.date | None) -> None:
    if rules.market_caps is None:
        return
    asked = rules.market_caps
    if asked.floor is not None:
        caps, _ = market_caps(funnel.frame, asked, on)
        verdict = Judgement(caps >= asked.floor, caps, np.full(len(caps), asked.floor))
        funnel.judge("market_cap", f"market capitalisation ≥ {amount(asked.floor)} USD", verdict)
    if asked.rank_limit is not None:
        _, ranks = market_caps(funnel.frame, asked, on)
        verdict = Judgement(ranks <= asked.rank_limit, ranks, np.full(len(ranks), float(asked.rank_limit)))
        funnel.judge("market_cap_rank", f"among the first {asked.rank_limit} by market capitalisation", verdict)


def trends(funnel: Funnel, rules: ScreenRules) -> None:
    for number, (column, how, bound) in enumerate(performance_rules(rules.recent) if rules.recent else [], start=1):
        words = f"{column} known" if how == "known" else f"|{column}| {how} {amount(bound)}"
        figures = numbers(funnel.frame, feature_column(column))
        funnel.judge(f"recent_{number}", words, judge_performance(figures, how, bound))
    for screen_ in rules.screens:
        words, verdict, reasons = judge_screen(funnel.frame, screen_, rules.direction)
        funnel.keep(screen_.name, words, verdict.keep, reasons, verdict.value, verdict.threshold)


def with_perpetuals(frame: pd.DataFrame, everything: pd.DataFrame, rules: ScreenRules) -> pd.DataFrame:
    """Name the perpetual of each base first among its alternatives."""
    perps = everything[everything["active"] & everything["asset_type"].eq("perp")]
    order = rank_listings(
        perps, quote_priority=rules.quote_priority, exchange_priority=rules.perp_exchange_priority or rules.exchanges
    )
    first = perps[order["place"] == 1]
    best = dict(zip(first["base_identity"], first["symbol"], strict=True))
    found = [best.get(base) for base in frame["base_identity"]]
    joined = [
        ",".join(dict.fromkeys(name for name in (perp, *str(others).split(",")) if isinstance(name, str) and name))
        if perp != symbol
        else others
        for symbol, perp, others in zip(frame["symbol"], found, frame["alternatives"], strict=True)
    ]
    return frame.assign(alternatives=pd.array(joined, dtype="str"))
