"""Bars after the decision date replaced by noise: every sleeve sees, selects and holds the same to the last bit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_assets.configured import load_configured
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.calendars import CalendarBook, get_calendar
from quant_lib.decision import History, features_read, market_proxy, regime_on
from quant_lib.decision.choice import select_on
from quant_lib.features import compute_features
from quant_lib.features.registry import FEATURES_TABLE
from quant_lib.health import segment_bars
from quant_lib.regime import regime_row
from quant_lib.synthesis import make_atoms, synthetic_returns

DAY = pd.Timestamp("2022-03-31")
TAIL = 40
SESSIONS = 420
US = "XNYS"


def catalogue(project, n=20):
    """Spot pairs, perpetuals, what stands for each market, and the first members of every list a sleeve chooses from."""
    made = {f"BINANCE:T{i:02d}USDT" + (".P" if i % 4 == 3 else ""): "perp" if i % 4 == 3 else "spot" for i in range(n)}
    for name in project.sleeves:
        rules = sleeve_rules(project, project.sleeve(name))
        kind = "spot" if rules.calendar == "24x7" else "etf"
        for symbol in (rules.benchmark, market_proxy(rules).symbol):
            made.setdefault(symbol, kind) if symbol else None
        for scan in rules.scans:
            lists = [known.members for known in scan.rules.member_lists if pd.Timestamp(known.as_of) <= DAY]
            for symbol in [*scan.rules.include_symbols, *(lists[-1] if lists else ())][:6]:
                made.setdefault(symbol, scan.rules.asset_types[0])
    crypto = [symbol.startswith("BINANCE") for symbol in sorted(made)]
    return pd.DataFrame(
        {
            "date": DAY,
            "symbol": sorted(made),
            "exchange": [symbol.split(":")[0] for symbol in sorted(made)],
            "asset_type": [made[symbol] for symbol in sorted(made)],
            "base": [symbol.split(":")[1].split("USDT")[0] for symbol in sorted(made)],
            "quote": ["USDT" if own else "USD" for own in crypto],
            "tick_size": 0.01,
            "tick_size_source": "vendor",
            "calendar": ["24x7" if own else US for own in crypto],
        }
    )


def market(instruments, seed=11):
    """Symbols whose trends turn in the last weeks, so that trend filters find someone."""
    rng = np.random.default_rng(seed)
    parts = []
    for i, (symbol, name) in enumerate(instruments[["symbol", "calendar"]].itertuples(index=False)):
        days = sessions(name)
        drift = np.where(np.arange(len(days)) < len(days) - TAIL - 25 - i % 20, -1.0, 4.0) * (
            0.004 if i % 2 else -0.004
        )
        close = 10.0 * np.exp(np.cumsum(drift + rng.normal(0.0, 0.02, len(days))))
        part = pd.DataFrame({"symbol": symbol, "date": days, "open": close, "close": close})
        volume = 5e7 / close * rng.uniform(0.5, 2, len(days))
        parts.append(part.assign(high=close * 1.01, low=close * 0.99, volume=volume))
    return pd.concat(parts, ignore_index=True)


def sessions(name):
    """The same number of sessions of either calendar before the date and after it."""
    calendar, day = get_calendar(name), DAY.date()
    first = calendar.session_number(np.array([day], dtype="datetime64[D]"))[0]
    return pd.DatetimeIndex(calendar.session_date(np.arange(first - SESSIONS + 1, first + TAIL + 1, dtype=np.int64)))


def history_of(bars, instruments, project):
    rules = sleeve_rules(project, project.sleeve("binance_spot_rating_all_long")).health
    marked = bars.assign(segment=segment_bars(bars, rules, CalendarBook.of(instruments)))
    return History.of(marked, compute_features(marked, marked["segment"]), instruments, rules)


@pytest.fixture(scope="module")
def worlds():
    _, project = load_configured()
    instruments = catalogue(project)
    real = market(instruments)
    noisy = real.copy()
    late = noisy["date"] > DAY
    rng = np.random.default_rng(99)
    for name in ("open", "high", "low", "close", "volume"):
        noisy.loc[late, name] = rng.uniform(1.0, 100.0, late.sum())
    noisy.loc[late, "high"] = 200.0
    noisy.loc[late, "low"] = 0.5
    return project, history_of(real, instruments, project), history_of(noisy, instruments, project)


def decided(history, rules, regimes):
    """Everything a sleeve decides on the day, as tables; the regime is measured once for each proxy."""
    proxy = market_proxy(rules)
    key = (id(history), proxy, rules.calendar, str(rules.regime))
    if key not in regimes:
        regimes[key] = regime_on(history, rules, DAY)
    reading = regimes[key]
    last = get_calendar(rules.calendar).session_number(np.array([DAY.date()], dtype="datetime64[D]"))
    since = get_calendar(rules.calendar).session_date(last - rules.returns.lookback + 1)
    found, matrix = select_on(history, rules, DAY, pd.Timestamp(since[0]), reading.regime)
    atoms = make_atoms(found.table)
    return {
        "regime": pd.DataFrame([regime_row(reading, proxy.label)]),
        "selection": found.table,
        "vetoes": found.vetoes,
        "returns": matrix,
        "atoms": atoms,
        "streams": synthetic_returns(matrix, atoms),
    }


def judge(worlds, profiles):
    """Decide with every later bar as it was and as noise; return who was held and which regimes were known."""
    project, real, noisy = worlds
    assert not real.bars.equals(noisy.bars)
    held, known, regimes = {}, set(), {}
    for name in profiles:
        rules = sleeve_rules(project, project.sleeve(name))
        a, b = (decided(history, rules, regimes) for history in (real, noisy))
        for table in a:
            pd.testing.assert_frame_equal(a[table], b[table], check_exact=True, obj=f"{table} of {name}")
        assert len(a["selection"]) > 0, name
        assert len(a["atoms"]) == a["streams"].shape[1] == a["selection"]["selected"].sum()
        held[name] = set(a["selection"].loc[a["selection"]["selected"], "symbol"])
        known.add(str(a["regime"].loc[0, "decision_regime"]))
    assert sum(map(len, held.values())) > 0
    assert known - {"UNKNOWN"}
    for name, symbols in held.items():
        assert not symbols & held.get(name.replace("long", "short"), set()) or "long" not in name, name
    return held


def test_a_decision_sees_nothing_of_what_comes_after_and_holds_one_side(worlds):
    names = ("rating_all_long", "rating_all_short", "trend_long", "trend_short")
    judge(worlds, [f"binance_spot_{name}" for name in names])


@pytest.mark.slow
def test_no_sleeve_sees_what_comes_after(worlds):
    project = worlds[0]
    held = judge(worlds, [name for name in sorted(project.sleeves) if project.sleeve(name).direction])
    assert len(held) == len(project.sleeves)


def judge_columns(worlds, profiles):
    """Decide from all features and from those a sleeve says it reads; return how many it reads."""
    project, real, _ = worlds
    regimes, read = {}, {}
    for name in profiles:
        rules = sleeve_rules(project, project.sleeve(name))
        columns = list(features_read(rules))
        few = replace(real, features=real.features[columns])
        a, b = (decided(history, rules, regimes) for history in (real, few))
        for table in a:
            pd.testing.assert_frame_equal(a[table], b[table], check_exact=True, obj=f"{table} of {name}")
        read[name] = len(columns)
    return read


def test_what_a_sleeve_says_it_reads_is_all_that_it_reads(worlds):
    read = judge_columns(worlds, ["binance_spot_rating_all_short", "binance_spot_trend_long"])
    assert max(read.values()) < 0.6 * len(FEATURES_TABLE.columns)


@pytest.mark.slow
def test_no_sleeve_reads_more_than_it_says(worlds):
    project = worlds[0]
    read = judge_columns(worlds, [name for name in sorted(project.sleeves) if project.sleeve(name).direction])
    assert len(read) == len(project.sleeves)
