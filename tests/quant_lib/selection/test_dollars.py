"""Rates from the universe's own prices, and none where it has no price."""

import numpy as np
import pytest

from quant_lib.selection._dollars import usd_rates
from quant_lib.symbols import USD_QUOTES


def rates(universe, rows, **everywhere):
    frame = universe(rows, **everywhere)
    made = usd_rates(frame)
    shuffled = usd_rates(frame.sample(frac=1.0, random_state=3))
    assert made.equals(shuffled)
    return made.to_dict()


def test_the_dollar_family_is_one(universe):
    assert rates(universe, {f"BINANCE:BTC{quote}": {} for quote in USD_QUOTES}) == dict.fromkeys(USD_QUOTES, 1.0)


def test_straight_inverted_and_cross(universe):
    found = rates(
        universe,
        {
            "BINANCE:EURUSDT": {"close": 1.1},
            "BINANCE:BTCEUR": {"close": 36_000.0},
            "BINANCE:USDTTRY": {"close": 30.0},
            "BINANCE:BTCTRY": {"close": 1_200_000.0},
            "BINANCE:BTCUSDT": {"close": 40_000.0},
            "BINANCE:BTCIDR": {"close": 600_000_000.0},
            "BINANCE:SOLBTC": {"close": 0.002},
        },
    )
    assert found == pytest.approx({"USDT": 1.0, "EUR": 1.1, "TRY": 1 / 30, "IDR": 1 / 15_000, "BTC": 40_000.0})


def test_a_cross_is_the_median_so_that_one_bad_print_does_not_price_a_currency(universe):
    coins = {"BTC": 40_000.0, "ETH": 3_000.0, "SOL": 100.0}
    rows = {f"BINANCE:{coin}USDT": {"close": price} for coin, price in coins.items()}
    rows |= {f"BINANCE:{coin}JPY": {"close": price * 150} for coin, price in coins.items()}
    rows["BINANCE:SOLJPY"]["close"] *= 1000
    assert rates(universe, rows)["JPY"] == pytest.approx(1 / 150)


def test_multipliers_do_not_distort_a_cross(universe):
    rows = {"BINANCE:1000PEPEUSDT": {"close": 0.01}, "BINANCE:PEPETRY": {"close": 0.0003}}
    assert rates(universe, rows)["TRY"] == pytest.approx(1 / 30)


def test_the_largest_market_decides(universe):
    rows = {
        "BINANCE:USDTTRY": {"close": 30.0, "turnover": 3e6},  # 1e5 dollars
        "BINANCE:USDCTRY": {"close": 31.0, "turnover": 3.1e8},  # 1e7 dollars
    }
    assert rates(universe, rows)["TRY"] == pytest.approx(1 / 31)
    rows["BINANCE:USDCTRY"]["turnover"] = np.nan
    rows["BINANCE:USDCTRY"]["value_traded"] = np.nan
    assert rates(universe, rows)["TRY"] == pytest.approx(1 / 30)


def test_an_inverted_market_is_sized_in_dollars_too(universe):
    rows = {
        "BINANCE:TRYUSDT": {"close": 0.05, "turnover": 1e6},
        "BINANCE:USDTTRY": {"close": 30.0, "turnover": 1.5e7},  # half a million dollars
    }
    assert rates(universe, rows)["TRY"] == 0.05


def test_spot_crosses_come_before_perpetual_ones(universe):
    rows = {
        "BINANCE:BTCUSDT": {"close": 30_000.0},
        "BINANCE:BTCTRY": {"close": 900_000.0},
        "BINANCE:ETHUSDT.P": {"close": 1_000.0},
        "BINANCE:ETHTRY.P": {"close": 50_000.0},
    }
    assert rates(universe, rows)["TRY"] == pytest.approx(1 / 30)
    del rows["BINANCE:BTCTRY"]
    assert rates(universe, rows)["TRY"] == pytest.approx(1 / 50)


def test_spot_decides_before_perpetuals(universe):
    rows = {
        "BINANCE:ETHUSDT.P": {"close": 2_900.0, "turnover": 1e12},
        "BINANCE:ETHUSDT": {"close": 3_000.0, "turnover": 1e6},
        "BINANCE:SOLETH": {"close": 0.03},
    }
    assert rates(universe, rows)["ETH"] == 3_000.0
    del rows["BINANCE:ETHUSDT"]
    assert rates(universe, rows)["ETH"] == 2_900.0


def test_ust_is_worth_what_it_trades_at(universe):
    assert rates(universe, {"BINANCE:USTUSDT": {"close": 0.12}, "BINANCE:BTCUST": {}})["UST"] == 0.12


@pytest.mark.parametrize("spoilt", [{"active": False}, {"close": 0.0}, {"close": np.nan}, {"close": np.inf}])
def test_a_market_that_does_not_trade_prices_nothing(universe, spoilt):
    found = rates(universe, {"BINANCE:USDTTRY": {"close": 30.0, **spoilt}, "BINANCE:BTCTRY": {}, "BINANCE:BTCUSDT": {}})
    assert found["TRY"] == 1.0  # the cross of two closes of 1, not the spoilt market
    assert "TRY" not in rates(universe, {"BINANCE:USDTTRY": {"close": 30.0, **spoilt}, "BINANCE:SOLTRY": {}})


def test_without_closes_only_the_dollar_is_known(universe):
    frame = universe({"BINANCE:BTCUSDT": {}, "BINANCE:USDTTRY": {}}).drop(columns="close")
    assert usd_rates(frame).to_dict() == {"USDT": 1.0}
