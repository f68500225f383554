"""Turnover, end to end: the weights asset of two dates, and the windows of a walk-forward.

Both must see the book of the decision before, drifted to the close they decide at, and the sleeve's own costs.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from quant_assets.alpha.context import SleeveContext
from quant_assets.alpha.decision import weights_asset
from quant_assets.alpha.pinning import pin_rows
from quant_assets.partitions import daily_partitions
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.backtest import simulate
from quant_lib.contracts import ATOMS, FOUNDATION, INSTRUMENTS, OHLCV, OHLCV_HEALTH, REGIME, STRATEGY_RETURNS, TableSpec
from quant_lib.decision import Choice, History, SleeveRules, allocate_all, walk_forward
from quant_lib.decision.daily import stamp
from quant_lib.features.registry import FEATURES_TABLE
from quant_lib.regime import Regime
from quant_lib.synthesis import make_atoms, synthetic_returns
from quant_resources.config import Project, load_project
from quant_resources.lakehouse import Lake
from quant_resources.lakehouse.resource import LakehouseResource

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "binance_spot_rating_all_short"
BENCHMARK = "BINANCE:BTCUSDT"
SYMBOLS = [f"BINANCE:T{i:02d}USDT" for i in range(18)]
FIRST, SECOND = dt.date(2022, 3, 1), dt.date(2022, 3, 11)
SESSIONS = 300
EMPTY = {
    "string": "",
    "date": pd.Timestamp(FIRST),
    "float64": 0.0,
    "int64": 0,
    "bool": False,
    "timestamp": pd.Timestamp(FIRST, tz="UTC"),
}
"""Values of columns that no step here reads."""


def project_with(**values: str) -> Project:
    """Load the shipped configuration, with values of the sleeve set as an operator would."""
    # Caps wide enough not to force a trade: what is traded is for the penalty and the band to say.
    caps = {"RISK__ASSET_CAP": "0.4", "RISK__CLUSTER_CAP": "1.0"}
    values = caps | {"ALLOCATION__RISK_PROFILES": "[min_variance, max_sharpe, hrp, equal_weight]"} | values
    prefix = f"QUANT_SLEEVES__{PROFILE.upper()}__"
    return load_project(ROOT / "configs", environment={f"{prefix}{name}": value for name, value in values.items()})


def market() -> pd.DataFrame:
    """Closes of a market of one factor; volatilities change half way, so that weights have a reason to."""
    rng = np.random.default_rng(17)
    index = pd.date_range(end=pd.Timestamp(SECOND) + pd.Timedelta(days=40), periods=SESSIONS, unit="us")
    names = [BENCHMARK, *SYMBOLS]
    own = rng.uniform(0.01, 0.03, len(names)) * np.where(np.arange(SESSIONS)[:, None] < 250, 1.0, 2.0)
    moves = rng.standard_normal(SESSIONS)[:, None] * 0.02 + rng.standard_normal((SESSIONS, len(names))) * own
    return pd.DataFrame(10.0 * np.exp(np.cumsum(moves, axis=0)), index=index, columns=names)


def decided(closes: pd.DataFrame, on: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Atoms of every symbol, sold short, and their streams up to a date."""
    atoms = make_atoms(pd.DataFrame({"symbol": SYMBOLS, "logic": "rating_all", "direction": "SHORT", "cluster": 0}))
    returns = closes.pct_change().loc[: pd.Timestamp(on)].iloc[-120:]
    return atoms, synthetic_returns(returns, atoms)


def filled(spec: TableSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a whole table, of which only some columns matter here."""
    other = {c.name: None if c.nullable else EMPTY[c.type] for c in spec.columns if c.name not in rows}
    return rows.assign(**other)[list(spec.column_names)].astype(spec.pandas_types())


def store(lake: Lake, closes: pd.DataFrame) -> None:
    """Store what the weights of both dates read."""
    bars = closes.rename_axis(index="date", columns="symbol").stack().rename("close").reset_index()
    bars = bars[bars["date"] <= pd.Timestamp(SECOND)]
    bars = bars.assign(open=bars["close"], high=bars["close"], low=bars["close"], volume=1.0)
    lake.add_missing(OHLCV, filled(OHLCV, bars))
    lake.add_missing(FEATURES_TABLE, filled(FEATURES_TABLE, bars[["date", "symbol", "close", "volume"]]))
    for date in (FIRST, SECOND):
        listed = pd.DataFrame({"symbol": closes.columns, "date": pd.Timestamp(date), "calendar": "24x7"})
        for spec in (INSTRUMENTS, OHLCV_HEALTH):
            lake.replace(spec, filled(spec, listed), date=date)
        atoms, streams = decided(closes, date)
        long = streams.rename_axis(index="bar_date", columns="atom_id").stack().rename("ret").reset_index()
        regime = pd.DataFrame({"profile": [PROFILE], "date": pd.Timestamp(date), "known": False})
        tables = (
            (STRATEGY_RETURNS, stamp(long, STRATEGY_RETURNS, PROFILE, date)),
            (ATOMS, stamp(atoms, ATOMS, PROFILE, date)),
            (REGIME, filled(REGIME, regime)),
        )
        for spec, rows in tables:
            lake.replace(spec, rows, date=date, profile=PROFILE)
    for date in (FIRST, SECOND):
        lake.replace(FOUNDATION, pin_rows(lake, PROFILE, date), date=date, profile=PROFILE)


def materialise(lake: Lake, project: Project, date: dt.date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run the weights asset of a date; return signed weights (symbol x risk profile) and the allocations."""
    chain = SleeveContext(project, project.sleeve(PROFILE), daily_partitions(dt.date(2022, 1, 1)))
    done = dg.materialize(
        [weights_asset(chain)],
        partition_key=date.isoformat(),
        resources={"lakehouse": LakehouseResource(root=str(lake.root))},
        instance=dg.DagsterInstance.ephemeral(),
    )
    assert done.success
    positions = lake.decision("positions", PROFILE, date)
    held = positions.pivot(index="symbol", columns="risk_profile", values="net_weight").reindex(SYMBOLS).fillna(0.0)
    return held, lake.decision("allocations", PROFILE, date).set_index("risk_profile")


@pytest.fixture(scope="module")
def closes() -> pd.DataFrame:
    return market()


@pytest.fixture(scope="module")
def two_dates(tmp_path_factory, closes) -> tuple[Lake, pd.DataFrame, pd.DataFrame]:
    """A lake decided on both dates by the shipped sleeve; the first book, and the second."""
    lake = Lake(tmp_path_factory.mktemp("turnover") / "lakehouse")
    store(lake, closes)
    before, _ = materialise(lake, project_with(), FIRST)
    free, _ = materialise(lake, project_with(), SECOND)
    return lake, before, free


@pytest.fixture(scope="module")
def drifted(two_dates, closes) -> pd.DataFrame:
    """Reckon the first book at the second close from prices alone."""
    _, before, _ = two_dates
    growth = closes.loc[pd.Timestamp(SECOND)] / closes.loc[pd.Timestamp(FIRST)]
    money = before.mul(growth.reindex(SYMBOLS), axis="index")
    return money / (1.0 - before.sum() + money.sum())


def traded(after: pd.DataFrame, held: pd.DataFrame, profile: str) -> float:
    return float((after[profile] - held[profile]).abs().sum())


def test_the_second_date_trades_less_where_turnover_is_paid_for(two_dates, drifted) -> None:
    lake, _, free = two_dates
    paid, solved = materialise(lake, project_with(RISK__TURNOVER_PENALTY="true"), SECOND)
    assert traded(paid, drifted, "min_variance") < 0.95 * traded(free, drifted, "min_variance")
    # 10 + 4 basis points, 365 sessions a year, 10 of them between two decisions.
    assert f"turnover penalised at {0.0014 * 365 / 10:.6g} a year" in solved.loc["min_variance", "attempts"]
    pd.testing.assert_series_equal(paid["hrp"], free["hrp"])


def test_what_is_dear_is_not_traded_and_held_means_drifted(two_dates, drifted) -> None:
    """Where trading costs half of what is traded, only what the budget demands of the drifted book is traded."""
    lake, before, _ = two_dates
    dear = project_with(RISK__TURNOVER_PENALTY="true", COSTS__SLIPPAGE="0.5")
    paid, solved = materialise(lake, dear, SECOND)
    demanded = abs(drifted["min_variance"].abs().sum() - 1.0)
    assert drifted["min_variance"].abs().max() < 0.4
    assert traded(paid, drifted, "min_variance") == pytest.approx(demanded, abs=1e-6)
    assert traded(paid, before, "min_variance") > 10.0 * max(demanded, 1e-3)
    reported = solved.loc["min_variance", "turnover"]
    assert reported == pytest.approx(demanded, abs=1e-6)


def test_inside_the_band_the_drifted_weight_stays(two_dates, drifted) -> None:
    lake, _, free = two_dates
    banded, solved = materialise(lake, project_with(RISK__NO_TRADE_BAND="0.02"), SECOND)
    stayed = (banded["equal_weight"] - drifted["equal_weight"]).abs() < 1e-9
    assert stayed.sum() >= 12
    assert (free["equal_weight"] - drifted["equal_weight"]).abs().min() > 1e-9
    told = json.loads(solved.loc["equal_weight", "attempts"])[-1]["note"]
    assert f"{int(stayed.sum())} of 18 weights within 0.02 of what is held stay" in told
    assert traded(banded, drifted, "equal_weight") < traded(free, drifted, "equal_weight")


def test_the_first_date_has_nothing_to_hold_on_to(two_dates) -> None:
    lake, before, _ = two_dates
    again, solved = materialise(lake, project_with(RISK__TURNOVER_PENALTY="true"), FIRST)
    pd.testing.assert_frame_equal(again, before)
    assert solved["turnover"].isna().all()


def walked(closes: pd.DataFrame, rules: SleeveRules):
    """Walk a sleeve whose every window chooses every symbol; only the division of capital is at work."""
    bars = closes.rename_axis(index="date", columns="symbol").stack().rename("close").reset_index()
    bars = bars.assign(open=bars["close"], high=bars["close"], low=bars["close"], volume=1.0, segment=0)
    catalogue = pd.DataFrame({"symbol": closes.columns, "calendar": "24x7"})
    history = History.of(bars, bars[["date", "symbol", "close"]], catalogue, rules.health)

    def choose_all(_, __, ___, windows) -> Iterator[Choice]:
        for window in windows:
            atoms, streams = decided(closes, window.decided_on.date())
            yield Choice(window, atoms, streams, pd.Series(dtype="float64"), {}, Regime.unknown())

    short = dataclasses.replace(rules, windows=dataclasses.replace(rules.windows, train=200, history=SESSIONS))
    return walk_forward(history, short, closes.index[-1].date(), choose_all=choose_all)


def test_windows_of_a_walk_forward_trade_from_what_the_simulation_holds(closes, monkeypatch) -> None:
    seen: list[dict[tuple[str, str], pd.Series]] = []
    module = sys.modules["quant_lib.decision.walk_forward"]

    def spying(streams, atoms, rules, known):
        seen.append(known.held)
        return allocate_all(streams, atoms, rules, known)

    monkeypatch.setattr(module, "allocate_all", spying)
    project = project_with(RISK__TURNOVER_PENALTY="true")
    paid = walked(closes, sleeve_rules(project, project.sleeve(PROFILE)))
    assert seen[0] is None
    assert len(seen) == paid.weights["window"].nunique() >= 9
    own = paid.weights[paid.weights["risk_profile"] == "min_variance"]
    days = closes.index[199 : 199 + 10 * len(seen) : 10]
    books = {
        day: rows.set_index("symbol")["net_weight"] for day, (_, rows) in zip(days, own.groupby("window"), strict=True)
    }
    free_of_cost = simulate(books, closes.pct_change()).weights
    for day, held in zip(days[1:], seen[1:], strict=True):
        expected = free_of_cost.loc[day].reindex(held["custom", "min_variance"].index)
        np.testing.assert_allclose(held["custom", "min_variance"], expected, atol=1e-12)


def test_a_walk_forward_trades_less_where_turnover_is_paid_for(closes) -> None:
    def turnover(**values: str) -> pd.Series:
        project = project_with(**values)
        walk = walked(closes, sleeve_rules(project, project.sleeve(PROFILE)))
        later = walk.returns[walk.returns["window"] > 0]
        return later.groupby("risk_profile")["turnover"].sum()

    free = turnover()
    paid, banded = turnover(RISK__TURNOVER_PENALTY="true"), turnover(RISK__NO_TRADE_BAND="0.02")
    for profile in ("min_variance", "max_sharpe"):
        assert paid[profile] < 0.95 * free[profile]
    assert paid["equal_weight"] == free["equal_weight"]
    assert banded["equal_weight"] < 0.99 * free["equal_weight"]
