"""The exchange's answers become figures; its failures become errors that say what to do."""

from __future__ import annotations

import builtins
import json
import socket

import numpy as np
import pandas as pd
import pytest

from quant_resources.binance import (
    BinanceClient,
    BinanceResource,
    ExchangeAnswerError,
    ExchangeLibraryMissingError,
    ExchangeRateLimitedError,
    ExchangeRefusedError,
    ExchangeUnreachableError,
)

pytest.importorskip("ccxt")


def test_spot_listings_with_their_grid(client):
    found = client.listings(["spot", "equity"])
    rows = found.frame.set_index("symbol")
    assert list(rows.index) == ["BINANCE:BTCUSDT", "BINANCE:ETHBTC", "BINANCE:ETHUSDT", "BINANCE:LUNAUSDT"]
    btc = rows.loc["BINANCE:BTCUSDT"]
    assert (btc["tick_size"], btc["price_precision"], btc["lot_size"], btc["min_qty"]) == (0.01, 2.0, 1e-5, 1e-5)
    assert (btc["min_notional"], btc["contract_size"], btc["base"], btc["quote"]) == (5.0, 1.0, "BTC", "USDT")
    assert rows["active"].to_dict()["BINANCE:LUNAUSDT"] is False
    assert rows.loc["BINANCE:ETHBTC", "price_precision"] == 5.0
    assert list(found.skipped) == ["币安人生USDT"], "left out with its reason, not in silence"


def test_perpetuals_with_their_start_and_without_dated_contracts(client, binance):
    found = client.listings(["perp"])
    rows = found.frame.set_index("symbol")
    assert list(rows.index) == ["BINANCE:BTCUSDT.P", "BINANCE:OLDUSDT.P"]
    row = rows.loc["BINANCE:BTCUSDT.P"]
    assert (row["tick_size"], row["lot_size"], row["min_notional"], row["contract_size"]) == (0.1, 0.001, 100.0, 1.0)
    assert row["listed_on"] == pd.Timestamp("2019-09-25")
    assert not rows.loc["BINANCE:OLDUSDT.P", "active"]
    assert found.skipped == {"BTCUSDT_241227": "future contracts are not followed"}
    assert binance.asked == ["/fapi/v1/exchangeInfo"]


def test_discovery_filters_active_quote_and_volume_and_counts_each_step(client):
    found = client.discover("spot", ["USDT"], 1000.0)
    assert found.frame["symbol"].tolist() == ["BINANCE:BTCUSDT"]
    assert found.frame["quote_volume"].tolist() == [2_000_000.0]
    assert found.funnel == (("listed", 4), ("active", 3), ("quote", 2), ("volume >= 1000", 1))
    assert client.discover("perp").frame["symbol"].tolist() == ["BINANCE:BTCUSDT.P"]


def test_a_figure_the_exchange_does_not_tell_is_missing(client, binance):

    from .conftest import spot

    bare = spot("BTCUSDT", "BTC", "USDT") | {"filters": []}
    binance.refuse = lambda number, path: (200, {}, json.dumps({"symbols": [bare]}).encode())
    row = client.listings(["spot"]).frame.iloc[0]
    for name in ("lot_size", "min_qty", "min_notional", "tick_size", "price_precision"):
        assert np.isnan(row[name]), name


def answer(status, body=b"", **headers):
    return lambda number, path: (status, headers, body)


@pytest.mark.parametrize(
    ("refusal", "error", "tries"),
    [
        (answer(429), ExchangeRateLimitedError, 3),
        (answer(418), ExchangeRateLimitedError, 1),
        (answer(403, b"<html>Forbidden</html>"), ExchangeRefusedError, 1),
        (answer(451, b'{"code":0,"msg":"Service unavailable from a restricted location"}'), ExchangeRefusedError, 1),
        (answer(503, b"<html>busy</html>"), ExchangeUnreachableError, 3),
        (answer(200, b"<html>hello</html>"), ExchangeAnswerError, 3),
        (answer(200, b'{"symbols": [{"symbol": 1}]}'), ExchangeAnswerError, 3),
        (answer(200, b"[]"), ExchangeAnswerError, 3),
    ],
)
def test_each_failure_has_its_name_and_its_patience(client, binance, refusal, error, tries):
    binance.refuse = refusal
    with pytest.raises(error) as caught:
        client.listings(["spot"])
    assert binance.url.removeprefix("http://") in str(caught.value)
    assert len(binance.asked) == tries


def test_an_outage_that_ends_is_survived_with_growing_pauses(client, binance, pauses):
    binance.refuse = lambda number, path: (503, {}, b"") if number < 2 else None
    assert len(client.listings(["spot"]).frame) == 4
    assert pauses == [2.0, 4.0]


def test_it_waits_as_long_as_it_is_told(client, binance, pauses):
    binance.refuse = lambda number, path: (429, {"Retry-After": "9"}, b"") if number == 0 else None
    client.listings(["spot"])
    assert pauses == [9.0]


def test_a_ban_longer_than_patience_ends_it_at_once(client, binance, pauses):
    binance.refuse = answer(429, **{"Retry-After": "3600"})
    with pytest.raises(ExchangeRateLimitedError):
        client.listings(["spot"])
    assert pauses == []
    assert len(binance.asked) == 1


def test_nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = BinanceClient(f"http://127.0.0.1:{port}", attempts=1)
    with pytest.raises(ExchangeUnreachableError, match="unset it to do without"):
        client.listings(["spot"])


def test_without_the_library_it_says_how_to_get_it(client, monkeypatch):
    real = builtins.__import__

    def absent(name, *arguments, **options):
        if name == "ccxt":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ExchangeLibraryMissingError, match=r"pip install 'quant-assets\[exchanges\]'"):
        client.listings(["spot"])


def test_no_address_of_the_real_exchange_is_left(client):
    addresses = client._library("spot").urls["api"].values()
    assert all(address.startswith(client._url) for address in addresses)
    assert not BinanceResource().enabled
    assert BinanceResource(url="live").client().where == "api.binance.com"


def served(**pages):
    """Answers of the server by the last part of the path."""
    return lambda number, path: (200, {}, json.dumps(pages[path.rsplit("/", 1)[-1].replace("24hr", "ticker")]).encode())


def test_a_rule_the_exchange_does_not_have_is_no_grid_of_zero(client, binance):
    from .conftest import spot

    free = spot("AUSDT", "A", "USDT", tick="0.00000000", step="0.00000000", notional="0.00000000")
    mad = spot("BUSDT", "B", "USDT", tick="-1", notional="1e400")
    fine = spot("CUSDT", "C", "USDT", tick="0.00050000", step="1.00000000")
    binance.refuse = served(exchangeInfo={"symbols": [free, mad, fine]})
    rows = client.listings(["spot"]).frame.set_index("symbol")
    assert rows.loc["BINANCE:AUSDT", ["tick_size", "lot_size", "price_precision"]].isna().all()
    assert rows.loc["BINANCE:AUSDT", "min_notional"] == 0.0, "no minimum is a minimum of 0"
    assert rows.loc["BINANCE:BUSDT", ["tick_size", "min_notional"]].isna().all()
    assert rows.loc["BINANCE:CUSDT", ["tick_size", "lot_size", "price_precision"]].tolist() == [0.0005, 1.0, 4.0]


def test_what_may_not_be_traded_on_spot_does_not_trade(client, binance):
    from .conftest import spot

    rows = [spot("AUSDT", "A", "USDT") | {"isSpotTradingAllowed": False}, spot("BUSDT", "B", "USDT", status="HALT")]
    binance.refuse = served(exchangeInfo={"symbols": [*rows, spot("CUSDT", "C", "USDT")]})
    assert client.listings(["spot"]).frame["active"].tolist() == [False, False, True]


def test_a_symbol_listed_twice_is_an_answer_that_cannot_be_read(client, binance):
    from .conftest import spot

    binance.refuse = served(exchangeInfo={"symbols": [spot("AUSDT", "A", "USDT"), spot("AUSDT", "A", "USDT")]})
    with pytest.raises(ExchangeAnswerError, match="lists a symbol twice"):
        client.listings(["spot"])


def test_no_redirect_is_followed(client, binance):
    other = type(binance)()
    try:
        binance.refuse = answer(302, Location=f"{other.url}/api/v3/exchangeInfo")
        with pytest.raises(ExchangeAnswerError, match="sends us to another address"):
            client.listings(["spot"])
        assert other.asked == []
    finally:
        other.stop()


def test_the_list_is_asked_for_once(client, binance):
    client.discover("spot")
    assert binance.asked == ["/api/v3/exchangeInfo", "/api/v3/ticker/24hr"]


@pytest.mark.parametrize(("used", "waits"), [("4799", []), ("4800", [60.0]), ("much", [])])
def test_it_waits_for_the_next_minute_before_the_weight_is_used_up(client, binance, pauses, used, waits):
    from .conftest import PAGES

    pages = {path: json.dumps(page).encode() for path, page in PAGES.items()}
    binance.refuse = lambda number, path: (200, {"X-MBX-USED-WEIGHT-1M": used if number == 0 else "20"}, pages[path])
    client.discover("spot")
    assert pauses == waits
    client.tickers("spot")
    assert pauses == waits, "the next minute begins at nothing"
