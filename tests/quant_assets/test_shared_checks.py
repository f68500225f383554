"""Gates of the shared facts: how many symbols must be current, what strict adds, and that no hole is silent."""

import dataclasses
import datetime as dt

import pandas as pd
import pytest

from quant_assets.checks.shared import judge_fetches, judge_health, judge_holes, shared_contracts
from quant_assets.configured import load_configured
from quant_lib.contracts import INSTRUMENTS, OHLCV, OHLCV_FETCHES, OHLCV_FINDINGS, OHLCV_HEALTH, OHLCV_HOLES

ON = dt.date(2024, 3, 31)
STAMP = pd.Timestamp(ON)
FILLERS = {"string": "x", "float64": 1.0, "bool": False, "int64": 1, "date": STAMP}


def rows_of(spec, rows):
    """Complete rows of a table; what is not given is filled with something its type admits."""
    frame = pd.DataFrame(rows)
    for column in spec.columns:
        if column.name not in frame:
            if column.isin:
                frame[column.name] = column.isin[0]
            elif column.type == "timestamp":
                frame[column.name] = pd.Timestamp(ON, tz="UTC")
            else:
                frame[column.name] = FILLERS[column.type]
    return frame.astype(spec.pandas_types())[list(spec.column_names)]


def fetches(n, *failed):
    rows = [{"symbol": f"BINANCE:A{k:03}USDT", "status": "fetched", "message": None} for k in range(n)]
    for k, status in enumerate(failed):
        rows[k] |= {"status": status, "message": f"{status}: look at the line"}
    return rows_of(OHLCV_FETCHES, rows)


@pytest.mark.parametrize(
    ("n_failed", "needed", "passed"), [(0, 1.0, True), (1, 1.0, False), (5, 0.95, True), (6, 0.95, False)]
)
def test_the_share_of_current_symbols_decides_and_the_failed_are_named(n_failed, needed, passed):
    kinds = ["timeout", "no_data", "pending", "rate_limited", "invalid_symbol", "error"]
    verdict = judge_fetches(fetches(100, *kinds[:n_failed]), needed)
    assert verdict.passed is passed
    assert verdict.figures["success_ratio"] == pytest.approx(1 - n_failed / 100)
    assert verdict.warning is (n_failed > 0)
    assert sorted(verdict.failing.get("status", [])) == sorted(kinds[:n_failed])


def test_nothing_followed_is_no_success():
    assert not judge_fetches(fetches(1).iloc[:0], 0.95).passed


@pytest.mark.parametrize(("strict", "passed"), [(False, True), (True, False)])
def test_a_strict_platform_needs_every_symbol(lake, strict, passed):
    _, project = load_configured()
    project = dataclasses.replace(project, platform=project.platform.model_copy(update={"strict": strict}))
    lake.replace(OHLCV_FETCHES, fetches(100, "timeout"), date=ON)
    (gate,) = [one for one in shared_contracts(project, "") if (one.asset.path, one.name) == (["ohlcv"], "fetches")]
    assert gate.blocking
    assert gate.judge(lake, ON).passed is passed


def judged(lake, status, reasons, active, *, strict):
    symbols = ["BINANCE:AUSDT", "BINANCE:BUSDT"]
    lake.replace(INSTRUMENTS, rows_of(INSTRUMENTS, {"symbol": symbols, "active": [active, True]}), date=ON)
    health = {"symbol": symbols, "status": [status, "healthy"], "reasons": [reasons, ""]}
    lake.replace(OHLCV_HEALTH, rows_of(OHLCV_HEALTH, health), date=ON)
    lake.replace(OHLCV_FINDINGS, rows_of(OHLCV_FINDINGS, {"symbol": symbols}).iloc[:0], date=ON)
    lake.add_missing(OHLCV, rows_of(OHLCV, {"symbol": symbols}))
    return judge_health(lake, ON, strict=strict)


@pytest.mark.parametrize(
    ("status", "reasons", "active", "strict", "passed"),
    [
        ("stale", "stale", True, False, True),
        ("stale", "stale", True, True, False),
        ("stale", "stale", False, True, True),  # delisted: that it has no new bars is no defect
        ("gappy", "gap", True, True, False),
        ("sparse", "sparse", True, True, False),
        ("toxic", "quarantine; stale", True, True, False),
        ("toxic", "quarantine", True, True, True),  # a veto acts on it; the day goes on
    ],
)
def test_strict_fails_on_what_is_stale_gappy_or_sparse_and_trades(lake, status, reasons, active, strict, passed):
    verdict = judged(lake, status, reasons, active, strict=strict)
    assert verdict.passed is passed, verdict.message
    assert verdict.warning
    assert verdict.failing["symbol"].tolist() == ["BINANCE:AUSDT"]


def test_a_symbol_nobody_judged_fails(lake):
    judged(lake, "healthy", "", True, strict=False)
    lake.add_missing(OHLCV, rows_of(OHLCV, {"symbol": ["BINANCE:CUSDT"]}))
    verdict = judge_health(lake, ON)
    assert not verdict.passed
    assert "1 were not judged" in verdict.message


def test_a_hole_without_a_cause_fails(lake):
    dates = [STAMP - pd.Timedelta(days=k) for k in (6, 5, 1, 0)]
    lake.replace(INSTRUMENTS, rows_of(INSTRUMENTS, {"symbol": ["BINANCE:AUSDT"], "calendar": ["24x7"]}), date=ON)
    lake.add_missing(OHLCV, rows_of(OHLCV, {"symbol": ["BINANCE:AUSDT"] * 4, "date": dates}))
    lake.replace(OHLCV_FETCHES, rows_of(OHLCV_FETCHES, {"symbol": ["BINANCE:AUSDT"]}), date=ON)
    lake.replace(OHLCV_HOLES, rows_of(OHLCV_HOLES, {"symbol": ["BINANCE:AUSDT"]}).iloc[:0], date=ON)
    silent = judge_holes(lake, ON)
    assert not silent.passed
    assert "1 holes are open, 1 of them without a cause" in silent.message
    cause = {"symbol": ["BINANCE:AUSDT"], "from_date": [dates[1] + pd.Timedelta(days=1)],
             "to_date": [dates[2] - pd.Timedelta(days=1)], "n_missing": [3], "n_filled": [0], "state": ["unfilled"],
             "cause": ["vendor_hole"]}  # fmt: skip
    lake.replace(OHLCV_HOLES, rows_of(OHLCV_HOLES, cause), date=ON)
    told = judge_holes(lake, ON)
    assert told.passed, told.message
    assert told.warning


def test_every_step_that_asks_the_market_waits_its_turn():
    """One pool of one slot: several runs together never ask the provider at the same time."""
    import yaml

    from quant_assets.build import build_definitions
    from quant_assets.home import _instance_settings

    asking = [
        one for one in build_definitions(*load_configured()).assets if "tradingview" in one.required_resource_keys
    ]
    assert len(asking) >= 4
    assert {one.op.pool for one in asking} == {"tradingview"}
    pools = yaml.safe_load(_instance_settings().read_text())["concurrency"]["pools"]
    assert pools == {"default_limit": 1, "granularity": "op"}
