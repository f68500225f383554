"""Candidates of a sleeve: every scanner and every symbol is accounted for."""

import datetime as dt
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.contracts import (
    CANDIDATE_DROPS,
    CANDIDATE_FUNNEL,
    CANDIDATE_MEMBERSHIP,
    CANDIDATE_SCANNERS,
    CANDIDATE_SIGNALS,
    CANDIDATES,
)
from quant_lib.contracts._sleeve_contracts import funnel_is_complete, scanners_are_sound
from quant_lib.decision import Scan, discover
from quant_lib.decision.discovery import health_steps, merged_candidates, propose
from quant_lib.errors import MissingDataError
from quant_lib.selection import ScreenRules
from tests.examples import examples

BESIDE = (CANDIDATE_SIGNALS, CANDIDATE_MEMBERSHIP)
DAY = dt.date(2022, 6, 1)
BASES = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")


def universe(ratings):
    return pd.DataFrame(
        [
            {
                "symbol": f"BINANCE:{base}USDT",
                "exchange": "BINANCE",
                "asset_type": "spot",
                "base": base,
                "quote": "USDT",
                "active": True,
                "close": 1.0,
                "turnover": 5e6,
                "value_traded": 5e6,
                "volatility_d": 3.0,
                "adx": 20.0,
                "recommend_all": rating,
                "recommend_ma": rating,
                "n_bars": 300,
                **dict.fromkeys(("roc_10", "volume_change_pct", "perf_w", "perf_1m", "perf_3m"), 1.0),
                **dict.fromkeys(("atr_14", "perf_6m", "perf_y"), 1.0),
            }
            for base, rating in ratings.items()
        ]
    )


def healthy(ratings, **status):
    return pd.DataFrame(
        {
            "symbol": [f"BINANCE:{base}USDT" for base in ratings],
            "status": [status.get(base, "healthy") for base in ratings],
        }
    )


def scan(name, *, column="Recommend.All", above=0.0, logic="rating", direction="LONG"):
    operation = "greater" if direction == "LONG" else "less"
    rules = ScreenRules(direction=direction, filters=((column, operation, above),), sort_by=column)
    return Scan(name, logic, rules)


def sleeve(*scans):
    return SimpleNamespace(profile="p", scans=scans)


RATINGS = {"AAA": 0.6, "BBB": 0.5, "CCC": 0.4, "DDD": 0.3, "EEE": -0.2}


def symbols(frame):
    return [symbol.removeprefix("BINANCE:").removesuffix("USDT") for symbol in frame["symbol"]]


def judged(tables):
    for spec in (*BESIDE, CANDIDATES, CANDIDATE_FUNNEL, CANDIDATE_DROPS, CANDIDATE_SCANNERS):
        spec.pandera_schema().validate(tables[spec.name], lazy=True)
    told = funnel_is_complete(tables["candidate_funnel"], tables["candidate_drops"], tables["candidates"])
    assert told.passed, told.message
    return tables


def test_toxic_stale_and_unassessed_bars_make_no_candidate_and_are_told():
    health = healthy(RATINGS, BBB="toxic", CCC="stale")
    health = health[health["symbol"] != "BINANCE:DDDUSDT"]
    tables = judged(discover(universe(RATINGS), sleeve(scan("a")), DAY, "scanned", health))
    assert symbols(tables["candidates"]) == ["AAA"]
    drops = tables["candidate_drops"].set_index("symbol")["step"]
    assert drops["BINANCE:BBBUSDT"] == "not_toxic"
    assert drops["BINANCE:CCCUSDT"] == drops["BINANCE:DDDUSDT"] == "fresh"
    (row,) = tables["candidate_scanners"].to_dict("records")
    assert (row["rows_in"], row["proposed"], row["not_fresh"], row["toxic"], row["kept"]) == (5, 4, 2, 1, 1)
    assert row["retention"] == 0.25
    verdict = scanners_are_sound(tables["candidate_scanners"], strict=True)
    assert verdict.passed
    assert verdict.warning
    assert "a: 1 of 4 kept" in verdict.message


def test_nothing_lost_is_no_warning():
    tables = judged(discover(universe(RATINGS), sleeve(scan("a")), DAY, "scanned", healthy(RATINGS)))
    verdict = scanners_are_sound(tables["candidate_scanners"], strict=True)
    assert verdict.passed
    assert not verdict.warning


def test_what_two_scanners_propose_is_kept_once_at_its_better_rank():
    strong = scan("strong", above=0.45)
    every = scan("every", column="Recommend.MA")
    tables = judged(discover(universe(RATINGS), sleeve(every, strong), DAY, "scanned", healthy(RATINGS)))
    assert sorted(symbols(tables["candidates"])) == ["AAA", "BBB", "CCC", "DDD"]
    counts = tables["candidate_scanners"].set_index("scanner")
    assert counts.loc["every", "repeated"] + counts.loc["strong", "repeated"] == 2
    assert counts["kept"].sum() == 4
    assert tables["candidate_funnel"]["step_no"].tolist() == list(range(1, len(tables["candidate_funnel"]) + 1))


def test_another_logic_or_direction_is_another_candidate():
    both = sleeve(scan("a"), scan("b", logic="other"), scan("c", direction="SHORT", above=1.0))
    found = judged(discover(universe(RATINGS), both, DAY, "reconstructed", healthy(RATINGS)))["candidates"]
    own = found[found["symbol"] == "BINANCE:AAAUSDT"]
    assert sorted(zip(own["logic"], own["direction"], strict=True)) == [
        ("other", "LONG"),
        ("rating", "LONG"),
        ("rating", "SHORT"),
    ]


BROKEN = Scan("broken", "rating", ScreenRules(direction="LONG", filters=(("RSI", "greater", 1.0),)))
"""The universe of these tests has no RSI."""


def test_a_scanner_that_fails_stops_no_other_and_fails_a_strict_sleeve():
    tables = judged(discover(universe(RATINGS), sleeve(scan("a"), BROKEN), DAY, "scanned", healthy(RATINGS)))
    assert len(tables["candidates"]) == 4
    scanners = tables["candidate_scanners"]
    assert "rsi_14" in scanners.set_index("scanner").loc["broken", "error"]
    strict, lenient = (scanners_are_sound(scanners, strict=strict) for strict in (True, False))
    assert not strict.passed
    assert "scanner broken failed" in strict.message
    assert lenient.passed
    assert lenient.warning


def test_a_source_that_did_not_answer_counts_as_a_failed_scanner():
    both = sleeve(scan("a"), scan("b", above=0.45))
    failed = {"b": "no answer from the market"}
    tables = judged(discover(universe(RATINGS), both, DAY, "scanned", healthy(RATINGS), failed=failed))
    row = tables["candidate_scanners"].set_index("scanner").loc["b"]
    assert (row["error"], row["proposed"]) == ("no answer from the market", 0)


def test_where_every_scanner_fails_the_first_error_is_raised():
    with pytest.raises(MissingDataError, match="rsi_14"):
        propose(universe(RATINGS), [BROKEN])


def test_no_candidate_fails_with_the_funnel_in_the_message():
    tables = discover(universe(RATINGS), sleeve(scan("a", above=0.9)), DAY, "scanned", healthy(RATINGS))
    verdict = funnel_is_complete(tables["candidate_funnel"], tables["candidate_drops"], tables["candidates"])
    assert not verdict.passed
    assert "filter_1 5→0" in verdict.message


@settings(max_examples=examples(settings().max_examples // 8))  # an example costs a quarter of a second
@given(
    ratings=st.dictionaries(st.sampled_from(BASES), st.floats(-1, 1), min_size=1),
    status=st.dictionaries(st.sampled_from(BASES), st.sampled_from(["healthy", "toxic", "stale", "gappy"])),
    order=st.randoms(use_true_random=False),
)
def test_every_symbol_ends_as_candidate_or_drop_whatever_the_order(ratings, status, order):
    rows, health = universe(ratings), healthy(ratings, **status)
    scans = [scan("a"), scan("b", column="Recommend.MA", above=-0.5), scan("c", above=0.3, logic="other")]
    tables = discover(rows, sleeve(*scans), DAY, "scanned", health)
    for one in tables["candidate_scanners"].itertuples():
        own = tables["candidate_drops"]["step"].str.startswith(f"{one.scanner}: ")
        assert one.kept + own.sum() == len(ratings)
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)
    again = discover(rows.iloc[shuffled], sleeve(*scans), DAY, "scanned", health.sample(frac=1, random_state=1))
    for name, table in tables.items():
        pd.testing.assert_frame_equal(again[name], table)


def test_the_walk_forward_keeps_what_discovery_keeps():
    health = healthy(RATINGS, BBB="toxic")
    merged = merged_candidates(propose(universe(RATINGS), [scan("a"), scan("b", column="Recommend.MA")]))
    kept = merged[~merged["repeated"] & health_steps(merged, health).eq("")]
    tables = discover(universe(RATINGS), sleeve(scan("a"), scan("b", column="Recommend.MA")), DAY, "scanned", health)
    assert kept["symbol"].tolist() == tables["candidates"]["symbol"].tolist()
