"""Bars after the decision date replaced by noise: every sleeve selects the same to the last bit (design 9)."""

import numpy as np
import pandas as pd
import pytest

from quant_assets.configured import load_configured
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.calendars import CalendarBook
from quant_lib.decision import History
from quant_lib.decision.choice import select_on
from quant_lib.features import compute_features
from quant_lib.health import segment_bars

DAY = pd.Timestamp("2022-03-31")
TAIL = 40
SESSIONS = 420


def market(n=20, seed=11):
    """Spot pairs and perpetuals whose trends turn in the last weeks, so that trend filters find someone."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(end=DAY + pd.Timedelta(days=TAIL), periods=SESSIONS + TAIL)
    parts = []
    for i in range(n):
        drift = np.where(np.arange(len(days)) < SESSIONS - 25 - i, -1.0, 4.0) * (0.004 if i % 2 else -0.004)
        close = 10.0 * np.exp(np.cumsum(drift + rng.normal(0.0, 0.02, len(days))))
        symbol = f"BINANCE:T{i:02d}USDT" + (".P" if i % 4 == 3 else "")
        part = pd.DataFrame({"symbol": symbol, "date": days, "open": close, "close": close})
        parts.append(
            part.assign(high=close * 1.01, low=close * 0.99, volume=5e6 / close * rng.uniform(0.5, 2, len(days)))
        )
    return pd.concat(parts, ignore_index=True)


def instruments(bars):
    symbols = sorted(bars["symbol"].unique())
    perp = [symbol.endswith(".P") for symbol in symbols]
    return pd.DataFrame(
        {
            "date": DAY,
            "symbol": symbols,
            "exchange": "BINANCE",
            "asset_type": ["perp" if p else "spot" for p in perp],
            "base": [symbol[8:11] for symbol in symbols],
            "quote": "USDT",
            "tick_size": 0.01,
            "tick_size_source": "vendor",
            "calendar": "24x7",
        }
    )


def history_of(bars, project):
    rules = sleeve_rules(project, project.sleeve("binance_spot_rating_all_long")).health
    catalogue = instruments(bars)
    marked = bars.assign(segment=segment_bars(bars, rules, CalendarBook.of(catalogue)))
    return History.of(marked, compute_features(marked, marked["segment"]), catalogue, rules)


@pytest.fixture(scope="module")
def worlds():
    _, project = load_configured()
    real = market()
    noisy = real.copy()
    late = noisy["date"] > DAY
    rng = np.random.default_rng(99)
    for name in ("open", "high", "low", "close", "volume"):
        noisy.loc[late, name] = rng.uniform(1.0, 100.0, late.sum())
    noisy.loc[late, "high"] = 200.0
    noisy.loc[late, "low"] = 0.5
    return project, history_of(real, project), history_of(noisy, project)


def judge(worlds, profiles):
    """Select with every later bar as it was and as noise; return who was held."""
    project, real, noisy = worlds
    assert not real.bars.equals(noisy.bars)
    held, judged = {}, 0
    for name in profiles:
        rules = sleeve_rules(project, project.sleeve(name))
        since = DAY - pd.Timedelta(days=rules.returns.lookback - 1)
        (a, left), (b, right) = (select_on(history, rules, DAY, since) for history in (real, noisy))
        pd.testing.assert_frame_equal(a.table, b.table, check_exact=True, obj=name)
        pd.testing.assert_frame_equal(a.vetoes, b.vetoes, check_exact=True, obj=name)
        pd.testing.assert_frame_equal(left, right, check_exact=True, obj=name)
        held[name] = set(a.table.loc[a.table["selected"], "symbol"])
        judged += len(a.table)
    assert judged > 0
    assert sum(map(len, held.values())) > 0
    for name, symbols in held.items():
        assert not symbols & held.get(name.replace("long", "short"), set()) or "long" not in name, name
    return held


def test_selection_sees_nothing_of_what_comes_after_and_holds_one_side(worlds):
    names = ("rating_all_long", "rating_all_short", "trend_long", "trend_short")
    judge(worlds, [f"binance_spot_{name}" for name in names])


@pytest.mark.slow
def test_no_sleeve_sees_what_comes_after(worlds):
    project = worlds[0]
    held = judge(worlds, [name for name in sorted(project.sleeves) if project.sleeve(name).direction])
    assert len(held) == len(project.sleeves)
