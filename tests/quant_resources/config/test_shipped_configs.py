"""The files that ship: clean, documented, and what the specification asks of them."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from pathlib import Path

import pytest

from quant_resources.config import Project, lint, load_project, load_yaml
from quant_resources.config.schemas import json_schemas, write_schemas

CONFIGS = Path(__file__).parents[3] / "configs"
FILES = sorted(CONFIGS.rglob("*.yaml"))
KINDS = {"configs": "platform", "universes": "universe", "scanners": "scanner", "sleeves": "sleeve", "metas": "meta"}


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(CONFIGS)


def test_lint_finds_nothing(tmp_path: Path) -> None:
    shutil.copytree(CONFIGS, tmp_path / "configs")  # away from a developer's own .env
    assert lint(tmp_path / "configs", environment={}) == []


@pytest.mark.parametrize("direction", ["long", "short"])
def test_sleeves_are_those_of_the_specification(project: Project, direction: str) -> None:
    sleeve = project.sleeve(f"binance_spot_rating_all_{direction}")
    assert sleeve.direction == direction.upper()
    assert sleeve.strict
    assert sleeve.data.min_days == 252
    assert (sleeve.selection.top_n, sleeve.risk.cluster_threshold) == (15, 0.45)
    assert (sleeve.backtest.train, sleeve.backtest.test, sleeve.backtest.step) == (252, 10, 10)
    assert sleeve.allocation.engines == ("custom",)
    assert set(sleeve.allocation.risk_profiles) == {
        *("hrp", "min_variance", "max_sharpe", "equal_weight", "barbell", "market", "benchmark", "risk_parity")
    }
    assert (sleeve.costs.slippage, sleeve.costs.commission, sleeve.costs.short_borrow) == (0.001, 0.0004, 0.02)
    assert sleeve.benchmark == "BINANCE:BTCUSDT"
    assert sleeve.risk.cluster_cap == 0.25
    assert sleeve.risk.lookbacks == (60, 120, 200)
    assert sleeve.risk.kappa_max == 15_000


@pytest.mark.parametrize(("direction", "operation", "order"), [("long", "greater", "desc"), ("short", "less", "asc")])
def test_scanners_are_those_of_the_tier(project: Project, direction: str, operation: str, order: str) -> None:
    (scanner,) = project.scanners_of(f"binance_spot_rating_all_{direction}")
    assert scanner.intent == direction.upper()
    assert [(rule.left, rule.operation, rule.right) for rule in scanner.filters] == [("Recommend.All", operation, 0)]
    assert (scanner.value_traded_min, scanner.volatility.min) == (1_000_000, 0.1)
    assert (scanner.sort_by, scanner.sort_order) == ("Recommend.All", order)
    assert (scanner.base_limit, scanner.limit) == (500, 100)
    (universe,) = project.universes_of(f"binance_spot_rating_all_{direction}")
    assert universe.quotes == ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD")
    assert scanner.quote_priority == universe.quotes


BASES = {
    # scanner: turnover floor, range floor, base limit, limit, sort field
    "binance_perp_rating_all_long": (50_000_000, 1.0, 500, 100, "Recommend.All"),
    "binance_perp_rating_all_short": (50_000_000, 1.0, 500, 100, "Recommend.All"),
    "binance_perp_rating_ma_long": (50_000_000, 1.0, 500, 100, "Recommend.MA"),
    "binance_perp_rating_osc_short": (50_000_000, 1.0, 500, 100, "Recommend.Other"),
    "binance_perp_long_trend": (1_000_000, None, 100, 50, "Value.Traded"),
    "binance_perp_short_trend": (1_000_000, None, 100, 50, "Value.Traded"),
    "binance_perp_secular_short": (1_000_000, None, 100, 50, "Value.Traded"),
    "binance_perp_vol_breakout": (1_000_000, 5.0, 100, 50, "Value.Traded"),
    "binance_perp_long_mtf": (1_000_000, None, 100, 50, "Value.Traded"),
    "binance_spot_top100": (500_000, None, 100, 50, "Value.Traded"),
    "xs_momentum": (1_000_000, None, 100, 50, "Perf.1M"),
    "etf_equity_momentum": (10_000_000, None, 300, 20, "Perf.1M"),
    "etf_yield_alpha": (2_000_000, None, 300, 20, "Perf.3M"),
    "metals_trend": (10_000_000, None, 500, 20, "Value.Traded"),
}


@pytest.mark.parametrize("name", BASES)
def test_scanners_stand_on_the_base_of_the_specification(project: Project, name: str) -> None:
    one = project.scanner(name)
    assert (one.value_traded_min, one.volatility.min, one.base_limit, one.limit, one.sort_by) == BASES[name]


def test_what_the_perpetuals_of_a_sleeve_are_chosen_from_is_known_point_in_time(project: Project) -> None:
    used = {scanner for sleeve in project.sleeves.values() for scanner in sleeve.scanners}
    perps = [project.scanner(name) for name in used if name.startswith("binance_perp_")]
    assert len(perps) == 10
    assert not [scanner.name for scanner in perps if scanner.ensure_symbols or scanner.include_symbols]


@pytest.mark.parametrize("name", ["etf_equity_momentum", "etf_bond_yield_trend", "forex_trend", "metals_trend"])
def test_the_rating_of_institutional_hygiene_is_asked_for(project: Project, name: str) -> None:
    trend = project.scanner(name).trend
    assert trend is not None
    assert trend.recommendation == 0.1
    assert trend.adx is not None
    assert trend.momentum


def test_platform(project: Project) -> None:
    platform = project.platform
    assert str(platform.start_date) == "2018-01-01"
    assert platform.follow[:2] == ("binance_spot", "binance_perp")
    assert "AMEX:SPY" in platform.benchmarks
    assert platform.ratings.overall == "vendor"
    assert platform.ratings.ruleset == "legacy"
    assert platform.ingestion.success_ratio == 0.95


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_names_its_schema_and_explains_its_values(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    line = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", text.splitlines()[0])
    assert line is not None
    schema = (path.parent / line.group(1)).resolve()
    assert schema == CONFIGS / "schemas" / f"{KINDS[path.parent.name]}.json"
    assert schema.is_file()
    assert max(len(row) for row in text.splitlines()) <= 120


def test_schemas_are_up_to_date(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    written = {path.name: path.read_text() for path in (tmp_path / "schemas").iterdir()}
    assert written == json_schemas()
    shipped = {path.name: path.read_text() for path in (CONFIGS / "schemas").iterdir()}
    assert shipped == written, "run python -m quant_resources.config.schemas"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_files_obey_their_schema(path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((CONFIGS / "schemas" / f"{KINDS[path.parent.name]}.json").read_text())
    # Through JSON, so that tuples become the arrays an editor sees.
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(load_yaml(path).plain())))


@pytest.mark.parametrize(
    ("kind", "value", "valid"),
    [
        ("scanner", {"extends": "_base.yaml"}, True),
        ("scanner", {"filters": [{"left": "ADX", "operation": "greater", "right": 20}]}, True),
        ("scanner", {"filters": {"+append": [{"left": "ADX", "operation": "greater", "right": 20}]}}, True),
        ("scanner", {"filters": {"+append": [{"left": "ADX"}]}}, False),
        ("scanner", {"filters": {"append": []}}, False),
        ("scanner", {"filters": [{"left": "ADX", "operation": "above it", "right": 20}]}, False),
        ("scanner", {"trend": {"momentum": {"Perf.W": 1}}}, True),
        ("scanner", {"trend": {"momentum": {"ADX": 1}}}, False),
        ("scanner", {"volume": {"per_exchange": {"OKX": 1}}}, True),
        ("scanner", {"volume": {"per_exchange": {"okx": 1}}}, False),
        ("scanner", {"exclude_symbols": ["BINANCE:BTCUSDT", "BINANCE:BTCUSDT"]}, False),
        ("scanner", {"exclude_symbols": {"+append": ["BINANCE:BTCUSDT"]}}, True),
        ("scanner", {"name": "x"}, False),
        ("scanner", {"volatility": {"min": None}}, True),
        ("sleeve", {"scanners": ["a"], "risk": {"lookbacks": [60]}}, True),
        ("sleeve", {"risk": {"lookbacks": [5]}}, False),
        ("sleeve", {"tags": {"venue": "x"}}, True),
        ("sleeve", {"selection": {"top_m": 1}}, False),
        ("platform", {"start_date": "2018-01-01"}, True),
        ("platform", {"start_date": "1/1/2018"}, False),
        ("universe", {"include_symbols": ["BINANCE:1000PEPEUSDT.P", "COMEX:GC1!"]}, True),
        ("universe", {"include_symbols": ["binance:x"]}, False),
    ],
)
def test_schemas_accept_and_refuse_what_the_models_do(kind: str, value: dict[str, object], valid: bool) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(json_schemas()[f"{kind}.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid(value) is valid


PROFILES = {
    # profile: top_n, cluster threshold, min_days, (train, test, step), filters beyond darwinian and friction
    "binance_spot_rating_all_long": (15, 0.7, 252, (252, 10, 10), {"predictability"}),
    "binance_spot_rating_ma_long": (15, 0.7, 252, (252, 10, 10), {"predictability"}),
    "binance_spot_trend_long": (15, 0.7, 252, (252, 10, 10), {"trend_regime"}),
    "binance_spot_long_p10": (15, 0.7, 252, (252, 10, 10), {"predictability", "percentile"}),
    "crypto_rating_all_long": (5, 0.45, 60, (60, 10, 10), {"predictability"}),
    "crypto_rating_ma_long": (5, 0.45, 60, (60, 10, 10), {"predictability"}),
    "crypto_rating_osc_long": (5, 0.45, 60, (60, 10, 10), {"predictability"}),
    "crypto_rating_alpha_long": (5, 0.45, 60, (60, 20, 20), {"predictability"}),
    "crypto_production_long": (15, 0.45, 90, (90, 10, 10), {"predictability"}),
    "binance_spot_adx_long": (20, 0.7, 252, (252, 10, 10), {"advanced_trend"}),
    "binance_spot_liquidity": (100, 0.0, 252, (252, 10, 10), {"predictability"}),
}
ONE_SIDED = {"binance_spot_adx_long", "binance_spot_liquidity"}


MORE_PROFILES = {
    # profile: top_n, cluster threshold, (lookback, min_days), (train, test, step), strict, scanners
    "production_2026_q1": (2, 0.5, (500, 252), (252, 5, 5), True, 2),
    "institutional_etf": (3, 0.5, (500, 252), (252, 20, 20), True, 4),
    "development": (3, 0.4, (60, 30), (30, 10, 10), False, 2),
    "canary": (3, 0.5, (252, 252), (252, 20, 20), True, 1),
}


@pytest.mark.parametrize("profile", sorted(MORE_PROFILES))
def test_profiles_of_two_markets_are_those_of_the_specification(project: Project, profile: str) -> None:
    sleeve = project.sleeve(profile)
    top_n, threshold, history, windows, strict, scanners = MORE_PROFILES[profile]
    assert (sleeve.selection.top_n, sleeve.selection.cluster_threshold) == (top_n, threshold)
    assert (sleeve.data.lookback_days, sleeve.data.min_days) == history
    assert (sleeve.backtest.train, sleeve.backtest.test, sleeve.backtest.step) == windows
    assert (sleeve.strict, len(sleeve.scanners)) == (strict, scanners)


@pytest.mark.parametrize(("profile", "calendar"), [("canary", "24x7"), ("us_stock_rating_all_long", "XNYS")])
def test_a_sleeve_decides_on_the_sessions_of_its_market(project: Project, profile: str, calendar: str) -> None:
    from quant_assets.sleeve_rules import sleeve_calendar

    assert sleeve_calendar(project, project.sleeve(profile)).name == calendar
    mixed = sleeve_calendar(project, project.sleeve("production_2026_q1"))
    assert mixed.count(dt.date(2018, 1, 1), dt.date(2018, 1, 7)) == 4  # New Year and a weekend are closed


@pytest.mark.parametrize("profile", sorted({*PROFILES, *(p.replace("long", "short") for p in {*PROFILES} - ONE_SIDED)}))
def test_profiles_are_those_of_the_specification(project: Project, profile: str) -> None:
    long = profile if profile in PROFILES else profile.replace("short", "long")
    top_n, threshold, min_days, windows, filters = PROFILES[long]
    sleeve = project.sleeve(profile)
    assert sleeve.direction == ("LONG" if profile == long else "SHORT")
    assert (sleeve.selection.top_n, sleeve.selection.cluster_threshold) == (top_n, threshold)
    assert sleeve.data.min_days == min_days
    assert (sleeve.backtest.train, sleeve.backtest.test, sleeve.backtest.step) == windows
    on = {name for name in type(sleeve.filters).model_fields if getattr(sleeve.filters, name) is not None}
    assert on == filters | {"darwinian", "friction"}
    assert (sleeve.costs.slippage, sleeve.costs.commission) == (0.001, 0.0004)
    assert sleeve.strict  # the directional sign test blocks


def test_filters_of_the_trend_profiles(project: Project) -> None:
    for side in ("long", "short"):
        trend = project.sleeve(f"binance_spot_trend_{side}").filters.trend_regime
        assert trend is not None
        assert (trend.source, trend.threshold, trend.lookback) == ("vwma", 0.005, 5)
        assert (trend.strict_regime, trend.strict_signal) == (True, True)
    adx = project.sleeve("binance_spot_adx_long").filters.advanced_trend
    assert adx is not None
    assert (adx.mode, adx.adx_min) == ("adx_regime", 25)


def test_every_profile_becomes_rules(project: Project) -> None:
    from quant_assets.sleeve_rules import sleeve_rules

    for name in project.sleeves:
        rules = sleeve_rules(project, project.sleeve(name))
        assert rules.selection.scoring().name == project.sleeve(name).selection.engine
        assert {"friction"} <= {one.name for one in rules.selection.filters}
