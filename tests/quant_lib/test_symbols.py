"""Symbols are cut where they mean, every quote against every other (D15)."""

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.errors import InvalidKeyError
from quant_lib.symbols import KNOWN_BASES, QUOTES, STABLE_BASES, USD_QUOTES, parse_symbol, parse_symbols


def cut(symbol):
    parsed = parse_symbol(symbol)
    return parsed.base, parsed.quote


def test_quotes_run_from_the_longest_and_hold_the_dollar_family():
    assert list(QUOTES) == sorted(QUOTES, key=lambda quote: (-len(quote), quote))
    assert set(QUOTES) >= USD_QUOTES
    assert len(set(QUOTES)) == len(QUOTES)


def test_stable_bases_are_the_published_list():
    published = (
        "USDT USDC USD BUSD FDUSD TUSD DAI PAX USDP EUR GBP AUD CAD NZD BIDR IDR TRY BRL MXN ZAR ARS COP UST USTC "
        "CHF JPY AEUR FUSD FUSDT USDS ZUSD USDM"
    )
    assert set(published.split()) == STABLE_BASES


@pytest.mark.parametrize("venue", ["BINANCE", "KRAKEN"])
def test_every_quote_against_every_other(venue):
    """Only strings that two pairs of quotes share may read as the other pair, and these are all of them."""
    wrong = {}
    for base, quote in itertools.permutations(QUOTES, 2):
        if cut(f"{venue}:{base}{quote}") != (base, quote):
            wrong[base + quote] = cut(f"{venue}:{base}{quote}")
    # US dollars or rupiah priced in TrueUSD are traded nowhere; Tether and Rupiah Token in dollars are.
    assert wrong == {"USDTUSD": ("USDT", "USD"), "IDRTUSD": ("IDRT", "USD")}


@pytest.mark.parametrize(
    ("base", "quote"),
    [(b, q) for b in ["BTC", "ETH", "SOL", "PEPE", "LINK", "1INCH", "AVAX"] for q in QUOTES if b != q],
)
def test_every_quote_against_plain_bases(base, quote):
    assert cut(f"BINANCE:{base}{quote}") == (base, quote)
    if quote != "TUSD" or base in KNOWN_BASES:  # no perpetual is quoted in TrueUSD; a new base that ends in T may be
        assert cut(f"BINANCE:{base}{quote}.P") == (base, quote)


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("BINANCE:BTCFDUSD", "BTC", "FDUSD"),
        ("BINANCE:BTCTUSD", "BTC", "TUSD"),
        ("BINANCE:BTCBUSD", "BTC", "BUSD"),
        ("BINANCE:TUSDBUSD", "TUSD", "BUSD"),
        ("BINANCE:XYZTUSD", "XYZ", "TUSD"),
        ("COINBASE:DOTUSD", "DOT", "USD"),
        ("BINANCE:DOTUSD.P", "DOT", "USD"),
        ("BINANCE:XYZTUSD.P", "XYZT", "USD"),
        ("BINANCE:BNBUSD.P", "BNB", "USD"),
        ("BINANCE:BNBBUSD", "BNB", "BUSD"),
        # One ticker, two assets: the venue decides.
        ("BINANCE:ARBUSD", "AR", "BUSD"),
        ("COINBASE:ARBUSD", "ARB", "USD"),
        ("BINANCE:ARBUSD.P", "ARB", "USD"),
        ("BINANCE:ADAEUR", "ADA", "EUR"),
        ("BINANCE:BTCAEUR", "BTC", "AEUR"),
        ("BINANCE:WBTCBTC", "WBTC", "BTC"),
        ("BINANCE:BETHETH", "BETH", "ETH"),
        ("BINANCE:USDTTRY", "USDT", "TRY"),
        ("BINANCE:USDTBIDR", "USDT", "BIDR"),
        ("BINANCE:USDTIDRT", "USDT", "IDRT"),
    ],
)
def test_cuts_that_the_letters_leave_open(symbol, base, quote):
    assert cut(symbol) == (base, quote)


@pytest.mark.parametrize(
    ("symbol", "base", "quote", "perp", "multiplier"),
    [
        ("BINANCE:1000PEPEUSDT.P", "PEPE", "USDT", True, 1000),
        ("BINANCE:1000SATSFDUSD", "SATS", "FDUSD", False, 1000),
        ("BINANCE:1000000MOGUSDT.P", "MOG", "USDT", True, 1_000_000),
        ("BYBIT:10000000AIDOGEUSDT.P", "AIDOGE", "USDT", True, 10_000_000),
        ("BINANCE:1MBABYDOGEUSDT", "BABYDOGE", "USDT", False, 1_000_000),
        ("BINANCE:1INCHUSDT", "1INCH", "USDT", False, 1),
        ("BINANCE:LUNA2USDT.P", "LUNA2", "USDT", True, 1),
    ],
)
def test_multipliers_and_perpetuals(symbol, base, quote, perp, multiplier):
    parsed = parse_symbol(symbol)
    assert (parsed.base, parsed.quote, parsed.perp, parsed.multiplier) == (base, quote, perp, multiplier)


@pytest.mark.parametrize(
    "ticker", ["BTCUSDT240628", "BTCUSDT_240628", "BTCUSDT-28JUN24", "BTCUSDTM2024", "BTCUSDTM24", "BTCUSDT.F"]
)
def test_delivery_dates_are_not_part_of_the_pair(ticker):
    parsed = parse_symbol(f"BINANCE:{ticker}")
    assert (parsed.base, parsed.quote, parsed.perp, parsed.ticker) == ("BTC", "USDT", False, ticker)


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("FX_IDC:EURUSD", "EUR", "USD"),
        ("FX_IDC:USDSEK", "USD", "SEK"),
        ("OANDA:XAUUSD", "XAU", "USD"),
        ("FX:GBPJPY", "GBP", "JPY"),
        ("FX_IDC:ILSCZK", "ILS", "CZK"),
    ],
)
def test_currency_pairs_split_in_the_middle(symbol, base, quote):
    assert cut(symbol) == (base, quote)


@pytest.mark.parametrize("symbol", ["AMEX:IBTC", "NASDAQ:AAPL", "NYSE:BRK.B", "COMEX:GC1!", "NYSE:TRX", "TVC:DXY"])
def test_a_listing_is_not_a_pair(symbol):
    parsed = parse_symbol(symbol)
    assert (parsed.base, parsed.quote, parsed.perp) == (symbol.split(":")[1], "", False)


def test_a_bare_quote_has_no_base_to_cut_off():
    assert cut("BINANCE:USDT") == ("USDT", "")


def test_the_catalogue_s_own_bases_decide():
    assert cut("KRAKEN:FOOTUSD") == ("FOO", "TUSD")
    parsed = parse_symbol("KRAKEN:FOOTUSD", known_bases=KNOWN_BASES | {"FOOT"})
    assert (parsed.base, parsed.quote) == ("FOOT", "USD")


@pytest.mark.parametrize(
    "bad", ["BTCUSDT", "", ":BTCUSDT", "BINANCE:", "binance:btcusdt", "A:B:C", "BINANCE:BTC USDT", "A:../x"]
)
def test_what_is_not_a_symbol_is_refused(bad):
    with pytest.raises(InvalidKeyError, match="EXCHANGE:TICKER"):
        parse_symbol(bad)


def test_a_value_that_is_not_text_is_refused():
    with pytest.raises(InvalidKeyError):
        parse_symbols(pd.Series(["BINANCE:BTCUSDT", None]))


TICKERS = st.from_regex(r"[A-Z0-9]{1,12}(\.P)?", fullmatch=True)


@given(st.lists(TICKERS, max_size=20), st.sampled_from(["BINANCE", "KRAKEN", "NASDAQ"]))
def test_the_column_agrees_with_the_scalar(tickers, venue):
    symbols = pd.Series([f"{venue}:{ticker}" for ticker in tickers], dtype="str")
    symbols.index = symbols.index * 3 + 7
    frame = parse_symbols(symbols)
    assert list(frame.columns) == ["exchange", "ticker", "base", "quote", "perp", "multiplier"]
    assert frame.index.equals(symbols.index)
    assert [str(kind) for kind in frame.dtypes] == ["str", "str", "str", "str", "bool", "int64"]
    for symbol, row in zip(symbols, frame.itertuples(index=False), strict=True):
        one = parse_symbol(symbol)
        assert tuple(row) == (one.exchange, one.ticker, one.base, one.quote, one.perp, one.multiplier)


@given(TICKERS)
def test_the_parts_are_in_the_ticker_in_order(ticker):
    parsed = parse_symbol(f"BINANCE:{ticker}")
    assert parsed.base
    assert parsed.base + parsed.quote in ticker
    assert parsed.perp == ticker.endswith(".P")
