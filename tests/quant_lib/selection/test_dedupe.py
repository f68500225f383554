"""One listing per base: the acceptance case, the order's edges, and no dependence on how rows arrive."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.selection import ScreenRules, screen
from quant_lib.selection._dedupe import base_identity, rank_listings

QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "DAI", "USD")
RULES = ScreenRules(direction="LONG")


def test_one_base_in_four_quotes(universe):
    """Semantics 15.2: one representative, of the USDT family, with the summed dollar turnover."""
    rows = {
        "BINANCE:BTCUSDT": {"turnover": 1.0e9, "close": 40_000.0},
        "BINANCE:BTCUSDC": {"turnover": 2.0e8, "close": 40_010.0},
        "BINANCE:BTCFDUSD": {"turnover": 5.0e8, "close": 39_990.0},
        "BINANCE:BTCTRY": {"turnover": 6.0e9, "close": 1_200_000.0},
        "BINANCE:USDTTRY": {"turnover": 9.0e8, "close": 30.0},
    }
    for order in itertools.islice(itertools.permutations(rows), 0, None, 17):
        frame = universe({symbol: rows[symbol] for symbol in order})
        result = screen(frame, ScreenRules(direction="LONG", exclude_stable_bases=True))
        (row,) = result.candidates.to_dict("records")
        assert row["symbol"] == "BINANCE:BTCUSDT"
        assert row["base_identity"] == "BTC"
        assert row["pooled_turnover"] == pytest.approx(1.0e9 + 2.0e8 + 5.0e8 + 2.0e8)
        assert row["turnover"] == 1.0e9
        assert row["alternatives"] == "BINANCE:BTCFDUSD,BINANCE:BTCUSDC,BINANCE:BTCTRY"
        duplicates = result.drops[result.drops["step"] == "dedupe"]
        assert set(duplicates["reason"]) == {"same base as BINANCE:BTCUSDT"}
        assert set(duplicates["threshold"]) == {3.0e8}


def test_nominal_turnover_in_a_weak_currency_outranks_nothing(universe):
    """The history behind the quote rule: rupiah figures are 15,000 times their dollars."""
    rows = {
        "BINANCE:BTCUSDT": {"turnover": 1e8, "close": 40_000.0},
        "BINANCE:BTCIDR": {"turnover": 3e11, "close": 6e8},
        "BINANCE:ETHUSDT": {"turnover": 9e7, "close": 3_000.0},
    }
    result = screen(universe(rows), RULES)
    assert result.candidates["symbol"].tolist() == ["BINANCE:BTCUSDT", "BINANCE:ETHUSDT"]
    assert result.candidates["pooled_turnover"].iloc[0] == pytest.approx(1e8 + 2e7)


def test_ratings_never_decide_between_quotes(universe):
    """D20: the display sort is by rating; the listing is still chosen by turnover."""
    rows = {
        "BINANCE:BTCUSDT": {"turnover": 1e9, "recommend_all": 0.1},
        "BINANCE:BTCUSDC": {"turnover": 1e7, "recommend_all": 0.9},
    }
    rules = ScreenRules(direction="LONG", rating="recommend_all", sort_by="Recommend.All")
    assert screen(universe(rows), rules).candidates["symbol"].tolist() == ["BINANCE:BTCUSDT"]


@pytest.mark.parametrize(
    ("usdt", "fdusd", "winner"),
    [
        (301.0, 1000.0, "USDT"),
        (300.0, 1000.0, "FDUSD"),
        (299.0, 1000.0, "FDUSD"),
        (0.0, 0.0, "USDT"),
        (1.0, 1.0, "USDT"),
    ],
)
def test_a_better_quote_needs_more_than_three_tenths_of_the_largest(universe, usdt, fdusd, winner):
    frame = universe({"BINANCE:BTCUSDT": {"turnover": usdt}, "BINANCE:BTCFDUSD": {"turnover": fdusd}})
    assert screen(frame, RULES).candidates["symbol"].tolist() == [f"BINANCE:BTC{winner}"]


def test_then_the_exchange_then_turnover_then_the_symbol(universe):
    rows = {"BYBIT:BTCUSDT": {"turnover": 9.0}, "OKX:BTCUSDT": {"turnover": 5.0}, "BINANCE:BTCUSDT": {"turnover": 5.0}}
    assert screen(universe(rows), RULES).candidates["symbol"].tolist() == ["BYBIT:BTCUSDT"]
    ranked = ScreenRules(direction="LONG", exchange_priority=("OKX", "BINANCE"))
    assert screen(universe(rows), ranked).candidates["symbol"].tolist() == ["OKX:BTCUSDT"]
    listed = ScreenRules(direction="LONG", exchanges=("BINANCE", "OKX", "BYBIT"))
    assert screen(universe(rows), listed).candidates["symbol"].tolist() == ["BINANCE:BTCUSDT"]
    del rows["BYBIT:BTCUSDT"]
    assert screen(universe(rows), RULES).candidates["symbol"].tolist() == ["BINANCE:BTCUSDT"]


def test_unknown_turnover_loses_to_known_and_still_counts_as_a_listing(universe):
    unknown = {"turnover": np.nan, "value_traded": np.nan}
    frame = universe({"BINANCE:BTCUSDT": unknown, "BINANCE:BTCDAI": {"turnover": 7.0}})
    (row,) = screen(frame, RULES).candidates.to_dict("records")
    assert (row["symbol"], row["pooled_turnover"], row["alternatives"]) == ("BINANCE:BTCDAI", 7.0, "BINANCE:BTCUSDT")
    frame = universe({"BINANCE:BTCUSDT": unknown, "BINANCE:BTCDAI": unknown})
    (row,) = screen(frame, RULES).candidates.to_dict("records")
    assert row["symbol"] == "BINANCE:BTCUSDT"
    assert np.isnan(row["pooled_turnover"])


def test_what_a_base_is(universe):
    frame = universe(
        {
            "BINANCE:1000PEPEUSDT.P": {},
            "BINANCE:PEPEUSDT": {},
            "FX_IDC:EURUSD": {"asset_type": "forex"},
            "NASDAQ:AAPL": {"asset_type": "equity"},
            "COMEX:GC1!": {"asset_type": "futures"},
            "BINANCE:XXXUSDT": {"base": None},
            "OKX:XXXUSDT": {"base": ""},
        }
    )
    assert base_identity(frame).tolist() == [
        "PEPE",
        "PEPE",
        "EURUSD",
        "NASDAQ:AAPL",
        "COMEX:GC1!",
        "BINANCE:XXXUSDT",
        "OKX:XXXUSDT",
    ]


def test_switched_off_it_keeps_every_listing(universe):
    frame = universe({"BINANCE:BTCUSDT": {}, "BINANCE:BTCUSDC": {}})
    result = screen(frame, ScreenRules(direction="LONG", dedupe=False))
    assert len(result.candidates) == 2
    assert set(result.candidates["alternatives"]) == {""}


def better(a, b, largest):
    """The order of semantics 1.6 [B] written as a comparison of two listings."""

    def key(row):
        inside = largest is None or (
            row["money"] is not None and (row["money"] > 0.3 * largest or row["money"] == largest)
        )
        quote = QUOTES.index(row["quote"]) if row["quote"] in QUOTES else len(QUOTES)
        exchange = ("BINANCE", "OKX").index(row["exchange"]) if row["exchange"] in ("BINANCE", "OKX") else 2
        money = row["money"] if row["money"] is not None else float("-inf")
        return (not inside, quote, exchange, -money, row["symbol"])

    return -1 if key(a) < key(b) else 1


LISTINGS = st.lists(
    st.fixed_dictionaries(
        {
            "exchange": st.sampled_from(["BINANCE", "OKX", "BYBIT"]),
            "base": st.sampled_from(["BTC", "ETH"]),
            "quote": st.sampled_from(["USDT", "USDC", "DAI", "TUSD"]),
            "money": st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.9, 3.0, 3.1, 10.0])),
        }
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda row: (row["exchange"], row["base"], row["quote"]),
)


@settings(max_examples=60)
@given(LISTINGS, st.randoms(use_true_random=False))
def test_against_a_comparison_of_pairs(listings, random):
    rows = [{**row, "symbol": f"{row['exchange']}:{row['base']}{row['quote']}"} for row in listings]
    random.shuffle(rows)
    frame = pd.DataFrame(rows).assign(base_identity=lambda f: f["base"])
    frame["liquidity_usd"] = pd.to_numeric(frame["money"])
    ranked = rank_listings(frame, quote_priority=QUOTES, exchange_priority=("BINANCE", "OKX"))
    for base in {row["base"] for row in rows}:
        group = [row for row in rows if row["base"] == base]
        known = [row["money"] for row in group if row["money"] is not None]
        largest = max(known) if known else None
        order = sorted(group, key=functools.cmp_to_key(lambda a, b, top=largest: better(a, b, top)))
        names = [row["symbol"] for row in order]
        mine = ranked[frame["base"] == base].assign(symbol=frame["symbol"])
        assert mine.sort_values("place")["symbol"].tolist() == names
        assert set(mine["representative"]) == {names[0]}
        assert set(mine["alternatives"]) == {",".join(names[1:])}
        pooled = mine["pooled"].unique().tolist()
        assert pooled == pytest.approx([sum(known)] if known else [np.nan], nan_ok=True)
