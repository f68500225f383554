"""Screens: each one bites, each drop has its figure, and nothing leaves unrecorded."""

import datetime as dt
import itertools
import math
import warnings

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import CANDIDATE_DROPS, CANDIDATE_FUNNEL, CANDIDATES
from quant_lib.errors import InvalidKeyError, MissingDataError
from quant_lib.selection import (
    ContradictoryRulesError,
    InvalidUniverseError,
    ScreenRules,
    screen,
    universe_from_scan,
)

LONG = {"direction": "LONG"}
SHORT = {"direction": "SHORT"}


def kept(frame, **rules):
    return screen(frame, ScreenRules(**{**LONG, **rules})).candidates["symbol"].tolist()


def drop(result, symbol):
    row = result.drops.set_index("symbol").loc[symbol]
    return row["step"], row["value"], row["threshold"]


def test_without_rules_nothing_is_dropped(universe):
    """No implicit LONG trend screen (D14): bearish coins stay until somebody asks."""
    frame = universe({"BINANCE:AAAUSDT": {"recommend_all": -0.9, "adx": 1.0}, "BINANCE:BBBUSDT": {"adx": np.nan}})
    result = screen(frame, ScreenRules(**LONG))
    assert len(result.candidates) == 2
    assert result.drops.empty


@pytest.mark.parametrize(
    ("rules", "figures", "step", "value", "threshold"),
    [
        ({}, {"active": False}, "listed", math.nan, math.nan),
        ({"asset_types": ("spot",)}, {"asset_type": "perp"}, "asset_type", math.nan, math.nan),
        ({"asset_types": ("swap",)}, {"asset_type": "spot"}, "asset_type", math.nan, math.nan),
        ({"exchanges": ("OKX",)}, {}, "exchange", math.nan, math.nan),
        ({"quotes": ("USDC",)}, {}, "quote", math.nan, math.nan),
        ({"include_symbols": ("BTC", "OKX:ETHUSDT")}, {}, "include", math.nan, math.nan),
        ({"exclude_symbols": ("BAD",)}, {}, "exclude", math.nan, math.nan),
        ({"exclude_symbols": ("BINANCE:BADUSDT",)}, {}, "exclude", math.nan, math.nan),
        ({"exclude_stable_bases": True}, {"base": "TUSD"}, "stable_base", math.nan, math.nan),
        ({"filters": (("ADX", "greater", 20),)}, {"adx": 20.0}, "filter_1", 20.0, 20.0),
        ({"volatility_min": 1.0}, {"volatility_d": 0.9}, "volatility_min", 0.9, 1.0),
        ({"volatility_max": 10.0}, {"volatility_d": 11.0}, "volatility_max", 11.0, 10.0),
        ({"value_traded_min": 1e6}, {"value_traded": 9e5}, "value_traded", 9e5, 1e6),
        ({"turnover_min": 1e6}, {"turnover": 9e5}, "turnover", 9e5, 1e6),
        ({"turnover_min": 1e6}, {"turnover": np.nan, "value_traded": 9e5}, "turnover", 9e5, 1e6),
        ({"rating": "recommend_all"}, {"recommend_all": 0.0}, "direction", 0.0, 0.0),
        ({"rating": "recommend_ma", "rating_min": 0.2}, {"recommend_ma": 0.2}, "direction", 0.2, 0.2),
        ({"limit": 1}, {"turnover": 1.0}, "limit", 1.0, 5e6),
        ({"base_limit": 1}, {"turnover": 1.0}, "base_limit", 1.0, 5e6),
    ],
)
def test_every_screen_bites_and_says_by_which_figure(universe, rules, figures, step, value, threshold):
    good = {"asset_type": "perp"} if rules.get("asset_types") == ("swap",) else {}
    good |= {"symbol": "OKX:ETHUSDT"} if "exchanges" in rules or "include_symbols" in rules else {}
    name = good.pop("symbol", "BINANCE:ETHUSDC" if "quotes" in rules else "BINANCE:ETHUSDT")
    frame = universe({name: good, "BINANCE:BADUSDT": figures})
    result = screen(frame, ScreenRules(**LONG, **rules))
    assert result.candidates["symbol"].tolist() == [name]
    assert drop(result, "BINANCE:BADUSDT") == pytest.approx((step, value, threshold), nan_ok=True)
    assert result.drops["reason"].str.len().min() > 0
    # The rule is what dropped it: without it the symbol is a candidate.
    if rules:
        assert "BINANCE:BADUSDT" in kept(frame)


@pytest.mark.parametrize(
    ("rules", "column"),
    [
        ({"filters": (("ADX", "greater", -1e9),)}, "adx"),
        ({"filters": (("ADX", "nequal", 7),)}, "adx"),
        ({"filters": (("ADX", "not_in_range", [1, 2]),)}, "adx"),
        ({"volatility_min": 0.0}, "volatility_d"),
        ({"volatility_max": 1e9}, "volatility_d"),
        ({"value_traded_min": 0.0}, "value_traded"),
        ({"rating": "recommend_other", "rating_min": -1e9}, "recommend_other"),
    ],
)
def test_a_missing_figure_never_passes(universe, rules, column):
    """D19: and the record says that it was missing."""
    result = screen(universe({"BINANCE:AAAUSDT": {column: np.nan}}), ScreenRules(**LONG, **rules))
    assert result.candidates.empty
    assert result.drops["reason"].str.contains("missing").all()
    assert math.isnan(result.drops["value"].iloc[0])


def test_turnover_unknown_altogether_never_passes_a_floor(universe):
    frame = universe({"BINANCE:AAAUSDT": {"turnover": np.nan, "value_traded": np.nan}})
    assert kept(frame, turnover_min=0.0) == []
    assert kept(frame) == ["BINANCE:AAAUSDT"]


def test_bounds_are_inclusive_and_ratings_strict(universe):
    frame = universe(
        {"BINANCE:AAAUSDT": {"volatility_d": 1.0, "value_traded": 1e6, "turnover": 1e6, "recommend_all": 0.3}}
    )
    edges = {"volatility_min": 1.0, "volatility_max": 1.0, "value_traded_min": 1e6, "turnover_min": 1e6}
    assert kept(frame, **edges, rating="recommend_all", rating_min=0.2999) == ["BINANCE:AAAUSDT"]
    assert kept(frame, rating="recommend_all", rating_min=0.3) == []


def test_a_short_rating_scanner_keeps_the_most_negative(universe):
    """Semantics 15.2 and D21: all ratings below zero, most negative kept, SHORT end to end."""
    ratings = {"AAA": 0.4, "BBB": 0.0, "CCC": -0.1, "DDD": -0.8, "EEE": -0.5, "FFF": -0.5, "GGG": np.nan}
    frame = universe({f"BINANCE:{base}USDT.P": {"recommend_all": rating} for base, rating in ratings.items()})
    rules = ScreenRules(**SHORT, intent="SHORT", rating="recommend_all", sort_by="Recommend.All", limit=3)
    result = screen(frame, rules)
    assert result.candidates["symbol"].tolist() == [f"BINANCE:{base}USDT.P" for base in ("DDD", "EEE", "FFF")]
    assert (result.candidates["recommend_all"] < 0).all()
    assert (result.candidates["direction"] == "SHORT").all()
    assert result.candidates["rank"].tolist() == [1, 2, 3]
    assert drop(result, "BINANCE:CCCUSDT.P") == ("limit", -0.1, -0.5)


def test_a_long_rating_scanner_keeps_the_most_positive(universe):
    frame = universe({f"BINANCE:C{i}USDT": {"recommend_ma": i / 10} for i in range(-3, 4) if i})
    long = kept(frame, rating="recommend_ma", sort_by="Recommend.MA", limit=2)
    assert long == ["BINANCE:C3USDT", "BINANCE:C2USDT"]
    short = screen(frame, ScreenRules(**SHORT, rating="recommend_ma", sort_by="recommend_ma", limit=2))
    assert not set(short.candidates["symbol"]) & set(long)


def test_long_and_short_of_one_universe_share_nothing(universe):
    """D24: two sleeves of opposite intent cannot hold the same names."""
    frame = universe({f"BINANCE:C{i:02d}USDT": {"recommend_other": (i - 10) / 10} for i in range(21)})
    long = set(kept(frame, rating="recommend_other"))
    short = set(kept(frame, direction="SHORT", rating="recommend_other"))
    assert not long & short
    assert len(long) == len(short) == 10


def test_a_sort_by_turnover_runs_down_for_both_sides(universe):
    frame = universe({"BINANCE:AAAUSDT": {"turnover": 1e6}, "BINANCE:BBBUSDT": {"turnover": 2e6}})
    for direction in ("LONG", "SHORT"):
        assert kept(frame, direction=direction) == ["BINANCE:BBBUSDT", "BINANCE:AAAUSDT"]
    assert kept(frame, sort_order="asc") == ["BINANCE:AAAUSDT", "BINANCE:BBBUSDT"]


def test_ties_go_by_symbol_and_missing_figures_last(universe):
    frame = universe(
        {f"BINANCE:{b}USDT": {"adx": a} for b, a in [("DDD", 5.0), ("BBB", 9.0), ("AAA", np.nan), ("CCC", 9.0)]}
    )
    expected = [f"BINANCE:{base}USDT" for base in ("BBB", "CCC", "DDD", "AAA")]
    assert kept(frame, sort_by="ADX") == expected
    assert kept(frame, sort_by="ADX", limit=3) == expected[:3]


def test_the_base_limit_comes_before_the_sort(universe):
    figures = {"AAA": (9e6, 0.1), "BBB": (8e6, 0.9), "CCC": (7e6, 0.95)}
    frame = universe({f"BINANCE:{b}USDT": {"turnover": t, "recommend_all": r} for b, (t, r) in figures.items()})
    rules = {"sort_by": "Recommend.All", "base_limit": 2, "limit": 1}
    assert kept(frame, **rules) == ["BINANCE:BBBUSDT"]


def test_foreign_turnover_that_cannot_be_priced_is_out_with_a_reason(universe):
    frame = universe({"BINANCE:AAAUSDT": {"turnover": 2e6}, "BINANCE:BBBVND": {"turnover": 9e12}})
    result = screen(frame, ScreenRules(**LONG, turnover_min=1e6))
    assert result.candidates["symbol"].tolist() == ["BINANCE:AAAUSDT"]
    assert drop(result, "BINANCE:BBBVND")[:2] == ("usd_rate", 9e12)
    assert "prices its quote" in result.drops["reason"].iloc[0]
    # Nothing is compared, so nothing has to be priced.
    assert len(kept(frame, dedupe=False, sort_by="ADX")) == 2


def test_a_foreign_listing_without_turnover_has_nothing_to_convert(universe):
    frame = universe({"BINANCE:BBBVND": {"turnover": np.nan, "value_traded": np.nan}})
    assert kept(frame) == ["BINANCE:BBBVND"]


def test_a_short_needs_its_margin_below_zero(universe):
    frame = universe({f"BINANCE:C{i}USDT": {"recommend_all": -i / 10} for i in range(5)})
    assert kept(frame, direction="SHORT", rating="recommend_all", rating_min=0.2) == [
        "BINANCE:C3USDT",
        "BINANCE:C4USDT",
    ]


def test_sums_do_not_depend_on_the_order_of_rows(universe):
    rows = {f"BINANCE:BTC{quote}": {"turnover": t} for quote, t in [("USDT", 0.1), ("USDC", 0.2), ("DAI", 0.3)]}
    pooled = {
        screen(universe(dict(order)), ScreenRules(**LONG)).candidates["pooled_turnover"].iloc[0]
        for order in itertools.permutations(rows.items())
    }
    assert len(pooled) == 1


def test_money_leaves_in_dollars(universe):
    frame = universe(
        {"BINANCE:USDTTRY": {"close": 20.0}, "BINANCE:AAATRY": {"turnover": 4e7, "value_traded": 2e7, "close": 3.0}}
    )
    result = screen(frame, ScreenRules(**LONG))
    row = result.candidates.set_index("symbol").loc["BINANCE:AAATRY"]
    assert (row["turnover"], row["value_traded"], row["pooled_turnover"], row["close"]) == (2e6, 1e6, 2e6, 3.0)
    assert result.rates.to_dict() == pytest.approx({"TRY": 0.05})


def test_output_is_the_candidates_contract(universe, day):
    frame = universe(
        {"BINANCE:BTCUSDT": {"tv_recommend_all": 0.25}, "BINANCE:BTCUSDC": {}, "OKX:ETHUSDT": {"adx": np.nan}}
    )
    result = screen(frame, ScreenRules(**LONG, exchanges=("BINANCE", "OKX")))
    callers = {"profile", "date", "logic", "mode"}
    assert list(result.candidates.columns) == [name for name in CANDIDATES.column_names if name not in callers]
    tables = result.tables(profile="p", date=day.date(), logic="rating_all", mode="reconstructed")
    for spec in (CANDIDATES, CANDIDATE_FUNNEL, CANDIDATE_DROPS):
        frame = tables[spec.name]
        assert list(frame.columns) == list(spec.column_names)
        assert len(spec.pandera_schema().validate(frame)) == len(frame) > 0
    assert tables["candidates"]["tv_recommend_all"].iloc[0] == 0.25


def test_features_nobody_has_are_null_and_not_zero(universe):
    frame = universe({"BINANCE:BTCUSDT": {}}).drop(columns=["recommend_ma", "adx", "volatility_d"])
    row = screen(frame, ScreenRules(**LONG)).candidates.iloc[0]
    assert row[["recommend_ma", "adx", "volatility_d", "tv_recommend_all"]].isna().all()


def test_the_feature_tables_own_adx_name_is_read(universe):
    frame = universe({"BINANCE:AAAUSDT": {"adx": 30.0}, "BINANCE:BBBUSDT": {"adx": 10.0}}).rename(
        columns={"adx": "adx_14"}
    )
    assert kept(frame, filters=(("ADX", "greater", 20),)) == ["BINANCE:AAAUSDT"]


def test_an_empty_universe_gives_typed_empty_tables(universe):
    frame = universe({"BINANCE:BTCUSDT": {}}).iloc[:0]
    rules = ScreenRules(**LONG, rating="recommend_all", turnover_min=1.0, limit=5, filters=(("name", "match", "x"),))
    result = screen(frame, rules)
    tables = result.tables(profile="p", date=dt.date(2022, 6, 1), logic="x", mode="scanned")
    for spec in (CANDIDATES, CANDIDATE_FUNNEL, CANDIDATE_DROPS):
        spec.pandera_schema().validate(tables[spec.name])
    assert (result.funnel[["rows_in", "rows_out"]] == 0).all(axis=None)


def test_what_is_not_of_the_universe_is_not_said_to_have_stopped_trading(universe):
    rows = {
        "BINANCE:BTCUSDT": {"active": True},
        "BINANCE:LUNAUSDT": {"active": False},
        "BINANCE:ETHUSDT.P": {"active": False, "asset_type": "perp"},  # nobody asked a live scan of spot for it
        "BINANCE:ETHTRY": {"active": False},
    }
    rules = ScreenRules(**LONG, asset_types=("spot",), quotes=("USDT",), dedupe=False, sort_by="ADX")
    told = screen(universe(rows), rules).drops.set_index("symbol")["reason"].to_dict()
    assert told == {
        "BINANCE:ETHUSDT.P": "another asset_type",
        "BINANCE:ETHTRY": "another quote",
        "BINANCE:LUNAUSDT": "not trading on the date",
    }


def test_what_did_not_trade_is_vetoed_whoever_names_it(universe):
    rows = {
        "BINANCE:BTCUSDT": {"volume": 0.0, "value_traded": 0.0},
        "BINANCE:ETHUSDT": {"volume": np.nan, "value_traded": np.nan},
        "OANDA:EURUSD": {"volume": 0.0, "value_traded": 0.0, "asset_type": "forex"},
    }
    rules = ScreenRules(**LONG, ensure_symbols=("BINANCE:BTCUSDT",), dedupe=False, sort_by="ADX")
    found = screen(universe(rows), rules)
    assert sorted(found.candidates["symbol"]) == ["BINANCE:ETHUSDT", "OANDA:EURUSD"]
    (drop,) = found.drops.to_dict("records")
    assert (drop["symbol"], drop["step"], drop["reason"]) == ("BINANCE:BTCUSDT", "traded", "no trade in the newest bar")


def test_rules_are_written_as_a_scanner_s_file_has_them(universe):
    frame = universe({"BINANCE:BTCUSDT": {"value_traded": 2e6}})
    filters = (("ADX", "in_range", (20.0, 50.5)), ("Recommend.All", "greater", -0.0))
    rules = ScreenRules(**LONG, value_traded_min=1e6, volatility_min=0.1, turnover_min=1.5e6, filters=filters)
    words = screen(frame, rules).funnel.set_index("step")["rule"]
    assert words["value_traded"] == "Value.Traded ≥ 1,000,000"
    assert words["volatility_min"] == "Volatility.D ≥ 0.1"
    assert words["turnover"] == "turnover ≥ 1,500,000"
    assert words["filter_1"] == "ADX in_range (20, 50.5)"
    assert words["filter_2"] == "Recommend.All > 0"


def test_only_screens_that_apply_are_in_the_funnel(universe):
    frame = universe({"BINANCE:BTCUSDT": {}})
    filters = (("ADX", "greater", 20), ("type", "equal", "spot"))
    rules = ScreenRules(**LONG, dedupe=False, sort_by="ADX", filters=filters)
    funnel = screen(frame, rules).funnel
    assert funnel["step"].tolist() == ["universe", "listed", "traded", "filter_1", "filter_2"]
    assert funnel["rule"].tolist()[3:] == ["ADX > 20", "type = 'spot'"]
    assert funnel["step_no"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"direction": "long"}, "direction"),
        ({"direction": "DISCOVERY"}, "direction"),
        ({"direction": "LONG", "intent": "SHORT"}, "intent"),
        ({"direction": "LONG", "rating": "adx"}, "rating"),
        ({"direction": "SHORT", "sort_by": "Recommend.All", "sort_order": "desc", "limit": 100}, "sort_order"),
        ({"direction": "LONG", "sort_by": "recommend_ma", "sort_order": "asc", "limit": 100}, "sort_order"),
        ({"direction": "SHORT", "rating": "recommend_ma", "filters": (("Recommend.MA", "greater", 0.0),)}, "filters"),
        ({"direction": "LONG", "rating": "recommend_all", "filters": (("Recommend.All", "eless", 0),)}, "filters"),
        ({"direction": "LONG", "volatility_min": 2.0, "volatility_max": 1.0}, "volatility_min"),
        ({"direction": "LONG", "turnover_min": math.nan}, "turnover_min"),
        ({"direction": "LONG", "limit": 0}, "limit"),
        ({"direction": "LONG", "base_limit": -1}, "base_limit"),
        ({"direction": "LONG", "sort_by": "name"}, "sort_by"),
        ({"direction": "LONG", "include_symbols": ("BTC",), "exclude_symbols": ("BTC",)}, "include_symbols"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(rules, field):
    with pytest.raises(ContradictoryRulesError) as error:
        ScreenRules(**rules)
    assert error.value.field == field
    assert field in str(error.value)


def test_a_direction_is_never_defaulted():
    with pytest.raises(TypeError):
        ScreenRules()
    assert ScreenRules(direction="SHORT", intent="DISCOVERY").direction == "SHORT"


def test_a_band_across_zero_is_no_contradiction():
    ScreenRules(direction="LONG", rating="recommend_all", filters=(("Recommend.All", "less", 0.8),))
    ScreenRules(
        direction="LONG", rating="recommend_all", rating_min=-0.3, filters=(("Recommend.All", "greater", -0.3),)
    )


def test_a_universe_that_is_not_one_date_or_one_row_per_symbol_is_refused(universe, day):
    frame = universe({"BINANCE:AAAUSDT": {}, "BINANCE:BBBUSDT": {}})
    two_dates = frame.assign(date=[day, day + pd.Timedelta(days=1)])
    with pytest.raises(InvalidUniverseError, match="more than one date"):
        screen(two_dates, ScreenRules(**LONG))
    with pytest.raises(InvalidUniverseError, match="BINANCE:AAAUSDT appears more than once"):
        screen(pd.concat([frame, frame.iloc[:1]]), ScreenRules(**LONG))
    with pytest.raises(InvalidUniverseError, match="not of its exchange"):
        screen(frame.assign(exchange="OKX"), ScreenRules(**LONG))
    with pytest.raises(MissingDataError, match="active"):
        screen(frame.drop(columns="active"), ScreenRules(**LONG))
    with pytest.raises(MissingDataError, match="recommend_ma"):
        screen(frame.drop(columns="recommend_ma"), ScreenRules(**LONG, rating="recommend_ma"))


def test_rows_of_a_scan_become_a_universe():
    scan = pd.DataFrame(
        {
            "symbol": ["BINANCE:1000PEPEUSDT.P", "BINANCE:BTCTUSD", "NASDAQ:QQQ"],
            "name": ["1000PEPEUSDT.P", "BTCTUSD", "QQQ"],
            "type": ["swap", "spot", "fund"],
            "currency": ["USDT", None, "USD"],
            "Recommend.All": [0.5, -0.1, np.nan],
            "Value.Traded": [9e7, 8e7, 7e9],
            "Recommend.All|240": [0.1, 0.2, 0.3],
        }
    )
    frame = universe_from_scan(scan)
    assert frame["asset_type"].tolist() == ["perp", "spot", "etf"]
    assert frame["base"].tolist() == ["PEPE", "BTC", "QQQ"]
    assert frame["quote"].tolist() == ["USDT", "TUSD", "USD"]
    assert "Recommend.All|240" not in frame
    rules = ScreenRules(**LONG, rating="recommend_all", filters=(("type", "in_range", ["spot", "swap", "fund"]),))
    result = screen(frame, rules)
    assert result.candidates["symbol"].tolist() == ["BINANCE:1000PEPEUSDT.P"]
    assert result.candidates["tv_recommend_all"].tolist() == [0.5]
    with pytest.raises(MissingDataError, match="type"):
        universe_from_scan(scan.drop(columns="type"))
    with pytest.raises(InvalidKeyError):
        universe_from_scan(scan.assign(symbol="BTCUSDT"))


def test_scan_and_reconstruction_agree_on_the_same_rows(universe):
    """One function serves both ways of knowing a universe."""
    frame = universe(
        {
            f"BINANCE:{base}USDT": {"recommend_all": rating}
            for base, rating in [("AAA", 0.4), ("BBB", -0.2), ("CCC", 0.1)]
        }
    )
    scan = frame.rename(
        columns={"recommend_all": "Recommend.All", "value_traded": "Value.Traded", "asset_type": "type"}
    )
    scan = scan[["symbol", "type", "Recommend.All", "Value.Traded", "close"]]
    rules = ScreenRules(**LONG, rating="recommend_all", value_traded_min=1e6, sort_by="Recommend.All", limit=5)
    names = [screen(rows, rules).candidates["symbol"].tolist() for rows in (frame, universe_from_scan(scan))]
    assert names[0] == names[1] == ["BINANCE:AAAUSDT", "BINANCE:CCCUSDT"]


def test_a_wide_universe_of_single_columns_is_screened_in_silence(universe):
    """Features come as many single columns; a screen neither warns of them nor lets them decide anything."""
    frame = universe(
        {f"BINANCE:{name}{quote}": {} for name in ("AAA", "BBB", "CCC", "DDD") for quote in ("USDT", "TRY")}
    )
    wide = frame.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(120):
            wide[f"feature_{number}"] = float(number)
    rules = ScreenRules(direction="LONG", sort_by="turnover", base_limit=5, limit=3, perp_counterparts=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = screen(wide, rules)
    plain = screen(frame, rules)
    assert len(found.candidates) == 3
    for name in ("candidates", "funnel", "drops"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(plain, name), check_exact=True)
