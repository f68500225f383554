"""Invariants of screening over random universes, and a row-by-row oracle."""

import math

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.selection import ScreenRules, screen
from quant_lib.symbols import STABLE_BASES
from tests.examples import examples

FIGURE = st.one_of(st.none(), st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0, 2.0]))
MONEY = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 3.0, 10.0, 300.0]))
LISTING = st.fixed_dictionaries(
    {
        "exchange": st.sampled_from(["BINANCE", "OKX"]),
        "base": st.sampled_from(["BTC", "ETH", "SOL", "USDC"]),
        "quote": st.sampled_from(["USDT", "FDUSD", "TRY", "VND"]),
        "asset_type": st.sampled_from(["spot", "perp"]),
        "active": st.sampled_from([True, True, True, False]),
        "turnover": MONEY,
        "value_traded": MONEY,
        "recommend_all": FIGURE,
        "adx": FIGURE,
        "volatility_d": MONEY,
        "close": st.sampled_from([1.0, 2.0, 4.0]),
    }
)
UNIVERSE = st.lists(
    LISTING,
    min_size=1,
    max_size=14,
    unique_by=lambda row: (row["exchange"], row["base"], row["quote"], row["asset_type"]),
)
RULES = st.fixed_dictionaries(
    {"direction": st.sampled_from(["LONG", "SHORT"])},
    optional={
        "asset_types": st.sampled_from([("spot",), ("swap",), ("spot", "perp")]),
        "exchanges": st.sampled_from([("BINANCE",), ("OKX", "BINANCE")]),
        "quotes": st.sampled_from([("USDT", "FDUSD"), ("USDT", "TRY")]),
        "exclude_stable_bases": st.booleans(),
        "include_symbols": st.sampled_from([("BTC", "ETH"), ("OKX:SOLUSDT", "BTC")]),
        "exclude_symbols": st.sampled_from([("SOL",), ("BINANCE:BTCTRY",)]),
        "filters": st.sampled_from(
            [(("ADX", "egreater", 0.0),), (("ADX", "nequal", 0.5), ("Value.Traded", "greater", 0.5))]
        ),
        "volatility_min": st.sampled_from([0.0, 1.0]),
        "turnover_min": st.sampled_from([0.0, 2.0]),
        "value_traded_min": st.just(1.0),
        "rating": st.just("recommend_all"),
        "sort_by": st.sampled_from(["Recommend.All", "ADX", "turnover", "Value.Traded"]),
        "base_limit": st.integers(1, 6),
        "limit": st.integers(1, 4),
        "dedupe": st.booleans(),
    },
)


def frame_of(rows):
    text = {"exchange": "str", "base": "str", "quote": "str", "asset_type": "str", "active": "bool"}
    frame = pd.DataFrame(rows)
    frame = frame.astype({column: text.get(column, "float64") for column in frame})
    suffix = frame["asset_type"].map({"spot": "", "perp": ".P"})
    return frame.assign(symbol=frame["exchange"] + ":" + frame["base"] + frame["quote"] + suffix)


@given(UNIVERSE, RULES, st.integers(0, 2**16))
@settings(max_examples=examples(30))
def test_the_funnel_accounts_for_everyone(rows, options, seed):
    frame = frame_of(rows)
    result = screen(frame, ScreenRules(**options))
    funnel, drops = result.funnel, result.drops
    assert funnel["rows_in"].tolist()[1:] == funnel["rows_out"].tolist()[:-1]
    assert (funnel["rows_out"] <= funnel["rows_in"]).all()
    per_step = drops.groupby("step").size().reindex(funnel["step"], fill_value=0).to_numpy()
    assert (funnel["rows_in"] - funnel["rows_out"]).tolist() == per_step.tolist()
    assert funnel["step"].is_unique
    left = result.candidates["symbol"].tolist() + drops["symbol"].tolist()
    named = {name for name in options.get("include_symbols", ()) if ":" in name}
    assert sorted(left) == sorted({*frame["symbol"], *named}), "a symbol named and not known is told too"
    assert funnel["rows_out"].iloc[-1] == len(result.candidates)
    assert result.candidates["rank"].tolist() == list(range(1, len(result.candidates) + 1))
    shuffled = screen(frame.sample(frac=1.0, random_state=seed), ScreenRules(**options))
    for name in ("candidates", "funnel", "drops"):
        pd.testing.assert_frame_equal(getattr(result, name), getattr(shuffled, name), check_exact=True)


@given(UNIVERSE, RULES)
@settings(max_examples=examples(40))
def test_against_a_row_by_row_oracle(rows, options):
    frame = frame_of(rows)
    result = screen(frame, ScreenRules(**options))
    assert result.candidates["symbol"].tolist() == oracle(frame, options, result.rates.to_dict())


@given(UNIVERSE, RULES, st.sampled_from(["adx", "recommend_all", "volatility_d"]))
@settings(max_examples=examples(12))
def test_forgetting_a_judged_figure_never_admits_anybody(rows, options, column):
    """Before anything compares rows with each other, losing a figure can only lose symbols."""
    options = {key: value for key, value in options.items() if key not in ("limit", "base_limit")} | {"dedupe": False}
    frame = frame_of(rows)
    known = screen(frame, ScreenRules(**options)).candidates["symbol"]
    blind = screen(frame.assign(**{column: np.nan}), ScreenRules(**options)).candidates["symbol"]
    assert set(blind) <= set(known)


def oracle(frame, options, rates):
    """The order of semantics 1.4, one symbol at a time, in plain Python."""
    rows = []
    for row in frame.to_dict("records"):
        rate = rates.get(row["quote"])
        row["money"] = row["turnover"] if not math.isnan(row["turnover"]) else row["value_traded"]
        foreign = rate is None and not math.isnan(row["money"])
        row["traded"] = row["value_traded"] * rate if rate is not None else math.nan
        row["money"] = row["money"] * rate if rate is not None else math.nan
        if alive(row, options, foreign=foreign):
            rows.append(row)
    if options.get("dedupe", True):
        rows = [best(group, options) for group in grouped(rows)]
    if "base_limit" in options:
        rows = sorted(rows, key=lambda row: order(-row["money"], row))[: options["base_limit"]]
    by = options.get("sort_by", "turnover")
    column = {"Recommend.All": "recommend_all", "ADX": "adx", "turnover": "money", "Value.Traded": "traded"}[by]
    sign = 1.0 if by == "Recommend.All" and options["direction"] == "SHORT" else -1.0
    rows = sorted(rows, key=lambda row: order(sign * row[column], row))
    return [row["symbol"] for row in rows][: options.get("limit")]


def order(figure, row):
    return (math.isnan(figure), 0.0 if math.isnan(figure) else figure, row["symbol"])


def alive(row, options, *, foreign):
    compares = (
        options.get("dedupe", True)
        or options.get("sort_by", "turnover") in ("turnover", "Value.Traded")
        or any(key in options for key in ("turnover_min", "value_traded_min", "base_limit"))
        or any(rule[0] == "Value.Traded" for rule in options.get("filters", ()))
    )
    kinds = {"swap": "perp"}
    checks = [
        row["active"],
        "asset_types" not in options or row["asset_type"] in [kinds.get(kind, kind) for kind in options["asset_types"]],
        "exchanges" not in options or row["exchange"] in options["exchanges"],
        "include_symbols" not in options or {row["symbol"], row["base"]} & set(options["include_symbols"]),
        not {row["symbol"], row["base"]} & set(options.get("exclude_symbols", ())),
        not (options.get("exclude_stable_bases") and row["base"] in STABLE_BASES),
        "quotes" not in options or row["quote"] in options["quotes"],
        not (compares and foreign),
        "volatility_min" not in options or row["volatility_d"] >= options["volatility_min"],
        "value_traded_min" not in options or row["traded"] >= options["value_traded_min"],
        "turnover_min" not in options or row["money"] >= options["turnover_min"],
    ]
    for column, operation, limit in options.get("filters", ()):
        figure = row["adx"] if column == "ADX" else row["traded"]
        verdict = {"egreater": figure >= limit, "nequal": figure != limit, "greater": figure > limit}[operation]
        checks.append(verdict and not math.isnan(figure))
    if "rating" in options:
        checks.append(row["recommend_all"] > 0 if options["direction"] == "LONG" else row["recommend_all"] < 0)
    return all(checks)


def grouped(rows):
    bases = {}
    for row in rows:
        bases.setdefault(row["base"], []).append(row)
    return bases.values()


def best(group, options):
    quotes = ["USDT", "USDC", "FDUSD", "BUSD", "DAI", "USD"]
    exchanges = list(options.get("exchanges", ()))
    known = [row["money"] for row in group if not math.isnan(row["money"])]
    largest = max(known, default=None)

    def key(row):
        known_here = not math.isnan(row["money"])
        inside = largest is None or (known_here and (row["money"] > 0.3 * largest or row["money"] == largest))
        quote = quotes.index(row["quote"]) if row["quote"] in quotes else 99
        exchange = exchanges.index(row["exchange"]) if row["exchange"] in exchanges else 99
        return (not inside, quote, exchange, -row["money"] if known_here else math.inf, row["symbol"])

    return min(group, key=key)
