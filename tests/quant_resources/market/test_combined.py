"""Several sources as one market, and folders whose files do not say where a ticker trades."""

import pandas as pd
import pytest

from quant_resources.market import parse_source
from quant_resources.market.errors import ListingsError, SourceSyntaxError, SymbolInTwoSourcesError
from quant_resources.settings import load_settings

FOREVER = 4e9


def folder(tmp_path, name, *tickers, days=3):
    (tmp_path / name).mkdir()
    for ticker in tickers:
        pd.DataFrame(
            {
                "symbol": ticker,
                "timestamp": pd.date_range("2018-01-02", periods=days, tz="UTC"),
                **dict.fromkeys(("open", "high", "low", "close"), 10.0),
                "volume": 100.0,
            }
        ).to_parquet(tmp_path / name / f"{ticker}.parquet", index=False)
    return tmp_path / name


@pytest.fixture
def market(tmp_path):
    listings = tmp_path / "listings.txt"
    listings.write_text("# where they trade\nNASDAQ:AAPL\nNYSE:AXP  # a comment\n")
    coins, shares = folder(tmp_path, "coins", "BTCUSDT"), folder(tmp_path, "shares, old", "AAPL", "AXP", "ZZZ")
    return f"parquet:{coins},parquet:{shares}?asset_type=equity&listings={listings}"


def test_each_symbol_is_served_by_the_source_that_has_it(market):
    source = parse_source(market)
    listed = source.instruments()
    assert list(listed) == ["BINANCE:BTCUSDT", "NASDAQ:AAPL", "NYSE:AXP"]  # ascending, ZZZ is not listed
    assert [one.market for one in listed.values()] == ["crypto", "america", "america"]
    assert listed["NASDAQ:AAPL"].session == "0930-1600"
    assert len(source.bars("NYSE:AXP", FOREVER).time) == len(source.as_found("NYSE:AXP", FOREVER).time) == 3
    assert any("1 symbols left out: not in the listings" in note for note in source.notes)
    with pytest.raises(KeyError):
        source.bars("NYSE:ZZZ", FOREVER)


def test_a_made_market_stands_beside_a_recorded_one(tmp_path):
    source = parse_source(f"synthetic:7,parquet:{folder(tmp_path, 'shares', 'AXP')}?asset_type=equity&exchange=NYSE")
    assert {"BINANCE:BTCUSDT", "NYSE:AXP"} <= set(source.instruments())
    assert source.name.startswith("synthetic:7,parquet:")


def test_a_symbol_in_two_sources_is_refused(tmp_path):
    one, two = folder(tmp_path, "one", "BTCUSDT"), folder(tmp_path, "two", "BTCUSDT", "ETHUSDT")
    with pytest.raises(SymbolInTwoSourcesError, match=r"both hold BINANCE:BTCUSDT; leave one"):
        parse_source(f"parquet:{one},parquet:{two}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lists nothing"),
        ("AAPL\n", "is no symbol"),
        ("NYSE:A\nNASDAQ:A\n", "A is listed as NYSE:A and as NASDAQ:A"),
    ],
)
def test_listings_that_cannot_be_used_say_why(tmp_path, text, words):
    (tmp_path / "listings.txt").write_text(text)
    shares = folder(tmp_path, "shares", "AAPL")
    with pytest.raises(ListingsError, match=words):
        parse_source(f"parquet:{shares}?listings={tmp_path / 'listings.txt'}")
    with pytest.raises(ListingsError, match="No such file"):
        parse_source(f"parquet:{shares}?listings={tmp_path / 'none.txt'}")


def test_settings_take_several_sources(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANT_MARKET_SOURCE", "synthetic:3,parquet:/a,parquet:/b?asset_type=etf")
    assert load_settings().market_source.endswith("asset_type=etf")
    with pytest.raises(SourceSyntaxError, match="none of exchange=…, asset_type=…, listings=…"):
        parse_source("parquet:/a?venue=X")
