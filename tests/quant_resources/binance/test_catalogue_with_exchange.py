"""The catalogue with the exchange as its second source, through the real asset on the embedded market."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from quant_assets.checks.catalogue import judge_coverage
from quant_assets.configured import load_configured
from quant_assets.dataops.instruments import instruments_asset
from quant_assets.partitions import daily_partitions
from quant_resources.binance import BinanceResource
from quant_resources.lakehouse import Lake
from quant_resources.lakehouse.resource import LakehouseResource
from quant_resources.tradingview.resource import TradingViewResource

pytest.importorskip("ccxt")
DAY = dt.date(2022, 6, 30)


def materialise(tmp_path, url, *, raising=True):
    _, project = load_configured()
    common = {
        "partitions_def": daily_partitions(dt.date(2022, 6, 1)),
        "backfill_policy": dg.BackfillPolicy.single_run(),
    }
    return dg.materialize(
        [instruments_asset(project, common)],
        partition_key=DAY.isoformat(),
        raise_on_error=raising,
        resources={
            "lakehouse": LakehouseResource(root=str(tmp_path)),
            "tradingview": TradingViewResource(as_of=DAY.isoformat()),
            "binance": BinanceResource(url=url, attempts=1),
        },
    )


def test_figures_of_the_exchange_are_in_the_catalogue(tmp_path, binance):
    assert materialise(tmp_path, binance.url).success
    assert sorted(binance.asked) == ["/api/v3/exchangeInfo", "/fapi/v1/exchangeInfo"]
    rows = Lake(tmp_path).read("instruments", date=DAY).set_index("symbol")
    btc = rows.loc["BINANCE:BTCUSDT"]
    assert (btc["lot_size"], btc["lot_size_source"], btc["min_notional"]) == (1e-5, "exchange", 5.0)
    assert (btc["source"], btc["active"]) == ("binance+tradingview", True)
    assert rows.loc["BINANCE:LUNAUSDT", "listing"] == "delisted"
    told = set(rows.index[rows["lot_size_source"] == "exchange"])
    assert told == {
        "BINANCE:BTCUSDT",
        "BINANCE:ETHUSDT",
        "BINANCE:ETHBTC",
        "BINANCE:LUNAUSDT",
        "BINANCE:BTCUSDT.P",
        "BINANCE:OLDUSDT.P",
    }
    verdict = judge_coverage(Lake(tmp_path), DAY)
    assert verdict.passed, verdict.message
    assert verdict.figures["lot_size_coverage"] == 1.0


def test_an_exchange_that_was_asked_and_does_not_answer_fails_the_step(tmp_path, binance):
    binance.refuse = lambda number, path: (451, {}, b"{}")
    run = materialise(tmp_path, binance.url, raising=False)
    assert not run.success
    failed = run.get_step_failure_events()[0].event_specific_data.error
    assert "refuses this address" in failed.message
    assert "does not serve every country" in failed.message
    assert not Lake(tmp_path).exists("instruments")


def test_a_scanner_may_take_its_list_from_the_exchange(binance):
    from quant_assets.alpha.scanning import listed_now
    from quant_lib.errors import MissingDataError

    _, project = load_configured()
    sleeve = project.sleeves["binance_spot_rating_all_long"]
    name = sleeve.scanners[0]
    scanner = project.scanners[name].model_copy(update={"source": "binance"})
    object.__setattr__(project, "scanners", {**project.scanners, name: scanner})
    market = TradingViewResource(as_of=DAY.isoformat())
    found = listed_now(market, BinanceResource(url=binance.url, attempts=1), project, sleeve).ratings
    assert sorted(found.index) == ["BINANCE:BTCUSDT", "BINANCE:ETHUSDT"]
    assert found.isna().all(), "an exchange rates nothing"
    with pytest.raises(MissingDataError, match="QUANT_BINANCE_URL"):
        listed_now(market, BinanceResource(), project, sleeve)


def test_quant_scan_takes_the_list_of_a_scanner_from_the_exchange(tmp_path, binance, monkeypatch):
    import json

    from typer.testing import CliRunner

    from quant_assets.cli.main import app

    from .conftest import spot, ticker

    for name, value in {
        "QUANT_HOME": str(tmp_path),
        "QUANT_MARKET_URL": "",
        "QUANT_MARKET_AS_OF": DAY.isoformat(),
        "QUANT_BINANCE_URL": binance.url,
        "QUANT_SCANNERS__BINANCE_SPOT_LIQUIDITY__SOURCE": "binance",
    }.items():
        monkeypatch.setenv(name, value)
    pages = {
        "/api/v3/exchangeInfo": {"symbols": [spot("BTCUSDT", "BTC", "USDT"), spot("NEWUSDT", "NEW", "USDT")]},
        "/api/v3/ticker/24hr": [ticker("BTCUSDT", "2000000.0"), ticker("NEWUSDT", "9.0")],
    }
    binance.refuse = lambda number, path: (200, {}, json.dumps(pages[path]).encode())
    shown = CliRunner().invoke(app, ["scan", "binance_spot_liquidity", "--json"])
    assert shown.exit_code == 0, shown.output
    document = json.loads(shown.output)
    assert "2 symbols listed by Binance (127.0.0.1" in document["universe"]
    assert [row["symbol"] for row in document["candidates"]] == ["BINANCE:BTCUSDT"]
    lost = {row["symbol"]: (row["step"], row["reason"]) for row in document["drops"]}
    assert lost["BINANCE:ETHUSDT"] == ("listed", "not trading on the date")
    assert lost["BINANCE:NEWUSDT"][1].startswith("figure missing for: Volatility.D")
    monkeypatch.delenv("QUANT_BINANCE_URL")
    refused = CliRunner().invoke(app, ["scan", "binance_spot_liquidity"])
    assert refused.exit_code == 2
    assert "set QUANT_BINANCE_URL=live" in refused.stderr
