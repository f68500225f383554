"""A day on which nobody wins is a day of cash: every step of it runs, and says so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from quant_assets.alpha.context import SleeveContext
from quant_assets.alpha.decision import strategy_returns_asset, weights_asset
from quant_assets.alpha.pinning import pin_rows
from quant_assets.partitions import daily_partitions
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.contracts import (
    FOUNDATION,
    INSTRUMENTS,
    OHLCV,
    OHLCV_HEALTH,
    REGIME,
    RETURNS_MATRIX,
    SELECTION,
    TableSpec,
)
from quant_lib.decision import History, walk_forward
from quant_lib.decision.market import regime_on
from quant_lib.errors import MissingDataError
from quant_lib.features.registry import FEATURES_TABLE
from quant_resources.config import Project, load_project
from quant_resources.lakehouse import Lake
from quant_resources.lakehouse.resource import LakehouseResource

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "binance_spot_trend_long"
BENCHMARK = "BINANCE:BTCUSDT"
SYMBOLS = ["BINANCE:AAAUSDT", "BINANCE:BBBUSDT"]
DAY = dt.date(2022, 3, 1)
EMPTY = {
    "string": "",
    "date": pd.Timestamp(DAY),
    "float64": 0.0,
    "int64": 0,
    "bool": False,
    "timestamp": pd.Timestamp(DAY, tz="UTC"),
}


def filled(spec: TableSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a whole table, of which only some columns matter here."""
    other = {c.name: None if c.nullable else EMPTY[c.type] for c in spec.columns if c.name not in rows}
    return rows.assign(**other)[list(spec.column_names)].astype(spec.pandas_types())


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT / "configs")


@pytest.fixture(scope="module")
def vetoed(tmp_path_factory, project) -> Lake:
    """A lake in which every candidate of the day was vetoed, and the steps after it ran."""
    lake = Lake(tmp_path_factory.mktemp("vetoed") / "lakehouse")
    days = pd.date_range(end=pd.Timestamp(DAY), periods=90, unit="us")
    returns = pd.MultiIndex.from_product([days, SYMBOLS], names=["bar_date", "symbol"]).to_frame(index=False)
    whose = {"profile": PROFILE, "date": pd.Timestamp(DAY)}
    candidates = pd.DataFrame({"symbol": SYMBOLS, "direction": "LONG", "selected": False, "vetoes": "trend_regime"})
    tables = (
        (RETURNS_MATRIX, returns.assign(ret=0.01)),
        (SELECTION, candidates),
        (REGIME, pd.DataFrame({"known": [False]})),
    )
    listed = pd.DataFrame({"symbol": SYMBOLS, "date": pd.Timestamp(DAY), "calendar": "24x7", "close": 1.0})
    for spec in (OHLCV, FEATURES_TABLE):
        lake.add_missing(spec, filled(spec, listed[["symbol", "date", "close"]]))
    for spec in (INSTRUMENTS, OHLCV_HEALTH):
        own = listed[[name for name in ("symbol", "date", "calendar") if name in spec.column_names]]
        lake.replace(spec, filled(spec, own), date=DAY)
    for spec, rows in tables:
        lake.replace(spec, filled(spec, rows.assign(**whose)), date=DAY, profile=PROFILE)
    lake.replace(FOUNDATION, pin_rows(lake, PROFILE, DAY), date=DAY, profile=PROFILE)
    chain = SleeveContext(project, project.sleeve(PROFILE), daily_partitions(dt.date(2022, 1, 1)))
    done = dg.materialize(
        [strategy_returns_asset(chain), weights_asset(chain)],
        partition_key=DAY.isoformat(),
        resources={"lakehouse": LakehouseResource(root=str(lake.root))},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert done.success
    return lake


def test_nothing_is_held_and_every_engine_says_that_it_is_cash(vetoed, project) -> None:
    for table in ("strategy_returns", "atoms", "stream_tails"):
        assert vetoed.decision(table, PROFILE, DAY).empty
    positions = vetoed.decision("positions", PROFILE, DAY)
    assert positions.loc[positions["risk_profile"] != "market", "net_weight"].sum() == 0.0
    solved = vetoed.decision("allocations", PROFILE, DAY)
    asked = sleeve_rules(project, project.sleeve(PROFILE)).requests
    assert len(solved) == len(asked)
    assert set(solved["risk_profile"]) == {request.risk_profile for request in asked}


def history_of(first: dict[str, str], last: str, rules) -> History:
    """Bars of some symbols, each from a day of its own."""
    rng = np.random.default_rng(5)
    frames = []
    for symbol, since in first.items():
        days = pd.date_range(since, last, unit="us")
        close = 10.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, len(days))))
        frames.append(pd.DataFrame({"symbol": symbol, "date": days, "close": close}))
    bars = pd.concat(frames, ignore_index=True)
    bars = bars.assign(open=bars["close"], high=bars["close"], low=bars["close"], volume=1.0, segment=0)
    catalogue = pd.DataFrame({"symbol": list(first), "calendar": "24x7"})
    return History.of(bars, bars[["date", "symbol", "close"]], catalogue, rules.health)


def test_a_walk_starts_where_the_benchmark_does_and_not_with_the_oldest_bar_of_the_lake(project) -> None:
    rules = sleeve_rules(project, project.sleeve(PROFILE))
    history = history_of({SYMBOLS[0]: "2017-01-01", BENCHMARK: "2020-06-01"}, "2021-12-31", rules)
    days: list[pd.Timestamp] = []

    def stop_there(_, __, ___, windows):
        days.extend(window.train_start for window in windows)
        raise StopIteration

    with pytest.raises(StopIteration):
        walk_forward(history, rules, dt.date(2021, 12, 31), choose_all=stop_there)
    assert len(days) > 10
    assert min(days) >= pd.Timestamp("2020-06-01")
    with pytest.raises(MissingDataError, match=f"the benchmark {BENCHMARK}"):
        walk_forward(history_of({SYMBOLS[0]: "2017-01-01"}, "2021-12-31", rules), rules, dt.date(2021, 12, 31))


def test_before_the_market_proxy_trades_the_regime_is_unknown_and_never_an_error(project) -> None:
    rules = sleeve_rules(project, project.sleeve(PROFILE))
    history = history_of({SYMBOLS[0]: "2017-01-01", BENCHMARK: "2020-06-01"}, "2021-12-31", rules)
    early = regime_on(history, rules, pd.Timestamp("2019-01-01"))
    assert not early.regime.known
    assert early.reason == "the market proxy has no bar yet on 2019-01-01"
    assert regime_on(history, rules, pd.Timestamp("2021-12-31")).regime.known
    with pytest.raises(MissingDataError, match="market proxy"):
        regime_on(history_of({SYMBOLS[0]: "2017-01-01"}, "2021-12-31", rules), rules, pd.Timestamp("2021-12-31"))
