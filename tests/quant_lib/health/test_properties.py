"""What must hold for any bars: nothing later changes an earlier verdict, order does not matter, an online oracle agrees."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.contracts import OHLCV_FINDINGS, OHLCV_HEALTH
from quant_lib.health import HealthRules, assess_health, quarantine_bars, segment_bars
from tests.examples import examples

RULES = HealthRules(sigma_window=6, sigma_min_bars=3, toxic_window=8, gap_window=10, sparse_window=20, volume_window=4)
STEPS = [0.0, 0.0, 0.01, -0.02, 0.3, math.log(2), -math.log(2), math.log(4), -math.log(4)]
STEPS += [math.log(f) for f in (5.5, 7.0, 1 / 7, 20.0, 1 / 20, 400.0, 1e-3)]
MISSING = [0] * 9 + [1, 2, 13, 14, 30]
BAR = st.tuples(st.sampled_from(MISSING), st.sampled_from(STEPS), st.sampled_from([0.0, 1.0, 2.0, 500.0, math.nan]))


def frame(history, symbol="BINANCE:AUSDT"):
    missing, steps, volume = (np.array(column) for column in zip(*history, strict=True))
    close = np.exp(np.cumsum(steps))
    days = np.cumsum(missing + 1)
    date = (np.datetime64("2021-01-01") + days.astype("timedelta64[D]")).astype("datetime64[us]")
    bars = pd.DataFrame({"symbol": symbol, "date": date, "close": close, "volume": volume}).astype({"symbol": "str"})
    return bars.assign(open=bars["close"], high=bars["close"], low=bars["close"])


def online_oracle(missing, close, rules):
    """The rules of decision record 0005, bar by bar, as someone who never sees tomorrow would apply them."""
    segment, bad, pending, begin = [0], {}, [], 0
    same = lambda a, b: b / rules.jump_ratio <= a <= b * rules.jump_ratio  # noqa: E731
    for t in range(1, len(close)):
        ratio, broke, level = close[t] / close[t - 1], False, False
        if missing[t]:
            move = abs(math.log(ratio))
            steps = [
                abs(math.log(close[i] / close[i - 1]))
                for i in range(max(1, t - rules.sigma_window), t)
                if not missing[i]
            ]
            sigma = 1.4826022185056018 * float(np.median(steps)) if len(steps) >= rules.sigma_min_bars else 0.0
            limit = max(math.log(rules.jump_ratio), rules.jump_sigmas * sigma * math.sqrt(missing[t] + 1))
            jumped = move > math.log1p(rules.quarantine_return)
            dark = missing[t] >= rules.dark_sessions
            if dark or jumped or (move > math.log(rules.jump_ratio) and move > limit):
                broke, pending = True, []
                if not dark and ratio > 1 + rules.quarantine_return:
                    pending = [(t, close[t - 1], False)]
        for event in list(pending):
            at, reference, ends_series = event
            if broke or at == t:
                continue
            if same(close[t], reference):
                for i in range(at, t):
                    bad.setdefault(i, t)
                pending.remove(event)
            elif t - at == rules.print_bars:
                pending.remove(event)
                broke = level = ends_series
        if level:
            pending = [(t, close[t - 1], False)] if ratio > 1 + rules.quarantine_return else []
        if broke:
            begin = t
        elif ratio > 1 + rules.quarantine_return:
            before = t - 1
            while before > begin and (close[before] * (1 + rules.quarantine_return) < close[t] or before in bad):
                before -= 1
            low_run = range(before + 1, t)
            recovered = (
                0 < len(low_run) <= rules.print_bars
                and before not in bad
                and close[before] * (1 + rules.quarantine_return) >= close[t]
                and same(close[t], close[before])
            )
            if recovered:
                for i in low_run:
                    bad.setdefault(i, t)
            else:
                bad.setdefault(t, t)
                good = [i for i in range(begin, t) if i not in bad]
                pending.append((t, close[good[-1] if good else t - 1], True))
        segment.append(segment[-1] + broke)
    return segment, bad


@given(st.lists(BAR, min_size=1, max_size=40))
@settings(max_examples=examples(40))
def test_agrees_with_an_online_oracle(history):
    bars = frame(history)
    segment, bad = online_oracle([int(m) for m, _, _ in history], bars["close"].to_list(), RULES)
    assert segment_bars(bars, RULES).to_list() == segment
    place = {date: i for i, date in enumerate(bars["date"])}
    found = quarantine_bars(bars, RULES)
    assert {place[r.date]: place[r.known_on] for r in found.itertuples()} == bad


@given(st.lists(BAR, min_size=2, max_size=40), st.data())
@settings(max_examples=examples(40))
def test_appended_bars_change_no_earlier_segment_and_no_earlier_knowledge(history, data):
    bars = frame(history)
    cut = data.draw(st.integers(1, len(bars) - 1))
    early = bars.iloc[:cut]
    np.testing.assert_array_equal(segment_bars(bars, RULES).iloc[:cut], segment_bars(early, RULES))
    known = quarantine_bars(bars, RULES)
    known = known.loc[known["known_on"] <= early["date"].max()].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, quarantine_bars(early, RULES))


@given(st.lists(BAR, min_size=2, max_size=40), st.lists(BAR, min_size=1, max_size=40), st.data())
@settings(max_examples=examples(40))
def test_verdict_uses_no_bar_after_its_date(history, noise, data):
    bars = frame(history)
    cut = data.draw(st.integers(1, len(bars) - 1))
    on = bars["date"].iloc[cut - 1].date() + dt.timedelta(days=data.draw(st.integers(0, 3)))
    past = bars.loc[bars["date"] <= np.datetime64(on)]
    future = frame(noise)
    future = future.assign(date=future["date"] + (pd.Timestamp(on) - pd.Timestamp("2021-01-01")))
    with_past, with_noise = (assess_health(b, on, RULES) for b in (past, pd.concat([past, future], ignore_index=True)))
    pd.testing.assert_frame_equal(with_past.health, with_noise.health)
    pd.testing.assert_frame_equal(with_past.findings, with_noise.findings)
    pd.testing.assert_frame_equal(with_past.quarantined, with_noise.quarantined)


@given(st.lists(st.lists(BAR, min_size=1, max_size=25), min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=examples(15))
def test_tables_meet_their_contract_and_order_does_not_matter(histories, random):
    bars = pd.concat([frame(h, f"BINANCE:{'ABCD'[i]}USDT") for i, h in enumerate(histories)], ignore_index=True)
    on = bars["date"].max().date()
    report = assess_health(bars, on, RULES)
    OHLCV_HEALTH.pandera_schema().validate(report.health)
    OHLCV_FINDINGS.pandera_schema().validate(report.findings)
    order = list(range(len(bars)))
    random.shuffle(order)
    shuffled = assess_health(bars.iloc[order], on, RULES)
    pd.testing.assert_frame_equal(report.health, shuffled.health)
    pd.testing.assert_frame_equal(report.findings, shuffled.findings)
    for symbol, own in bars.groupby("symbol"):
        alone = assess_health(own, on, RULES)
        for whole, part in ((report.health, alone.health), (report.findings, alone.findings)):
            pd.testing.assert_frame_equal(whole.loc[whole["symbol"] == symbol].reset_index(drop=True), part)


def many(n_symbols, seed, n_bars=40):
    """Random histories of many symbols in one frame."""
    rng = np.random.default_rng(seed)
    volumes = rng.choice([0.0, 1.0, 2.0, 500.0, math.nan], (n_symbols, n_bars))
    missing, steps = rng.choice(MISSING, (n_symbols, n_bars)), rng.choice(STEPS, (n_symbols, n_bars))
    parts = [
        frame(list(zip(missing[i], steps[i], volumes[i], strict=True)), f"BINANCE:S{i:05d}USDT")
        for i in range(n_symbols)
    ]
    return pd.concat(parts, ignore_index=True), missing


def check_against_oracle(n_symbols, seed):
    bars, missing = many(n_symbols, seed)
    bars["segment"] = segment_bars(bars, RULES)
    known = quarantine_bars(bars, RULES)
    shown = {(r.symbol, r.date): r.known_on for r in known.itertuples()}
    counted = 0
    for i, (symbol, own) in enumerate(bars.groupby("symbol")):
        segment, bad = online_oracle(missing[i].tolist(), own["close"].to_list(), RULES)
        dates = own["date"].to_list()
        assert own["segment"].to_list() == segment
        for at, known_at in bad.items():
            assert shown[symbol, dates[at]] == dates[known_at]
        counted += len(bad)
    assert counted == len(known)


def test_agrees_with_an_online_oracle_on_many_symbols():
    check_against_oracle(400, seed=11)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_an_online_oracle_on_very_many_symbols(seed):
    check_against_oracle(2000, seed)


def test_cutting_many_symbols_at_any_date_changes_nothing_before_it():
    bars, _ = many(60, seed=12)
    segment, known = segment_bars(bars, RULES), quarantine_bars(bars, RULES)
    for day in bars["date"].drop_duplicates().sort_values().iloc[2::9]:
        early = bars.loc[bars["date"] <= day]
        pd.testing.assert_series_equal(segment_bars(early, RULES), segment.loc[early.index])
        expected = known.loc[known["known_on"] <= day].reset_index(drop=True)
        pd.testing.assert_frame_equal(quarantine_bars(early, RULES), expected)
