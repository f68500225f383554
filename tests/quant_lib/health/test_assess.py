"""The verdict: each status, its precedence, its expiry, and the evidence that stays."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import HEALTH_STATUSES, OHLCV_FINDINGS, OHLCV_HEALTH
from quant_lib.health import STATUS_PRECEDENCE, HealthRules, InvalidRuleError, assess_health

DAY = dt.timedelta(days=1)


def last(bars):
    return bars["date"].max().date()


def verdict(bars, on=None, rules=None):
    report = assess_health(bars, on or last(bars), rules)
    OHLCV_HEALTH.pandera_schema().validate(report.health)
    OHLCV_FINDINGS.pandera_schema().validate(report.findings)
    assert len(report.health) == 1
    return report, report.health.iloc[0]


def of_rule(report, rule):
    return report.findings.loc[report.findings["rule"] == rule].reset_index(drop=True)


def test_precedence_covers_the_vocabulary_of_the_table():
    assert set(STATUS_PRECEDENCE) == set(HEALTH_STATUSES)


def test_sound_bars_are_healthy_and_have_no_findings(make_bars, wobble):
    bars = make_bars(wobble(400))
    report, row = verdict(bars)
    assert row.to_dict() == {
        "date": bars["date"].iloc[-1],
        "symbol": "BINANCE:AUSDT",
        "status": "healthy",
        "reasons": "",
        "first_date": bars["date"].iloc[0],
        "last_date": bars["date"].iloc[-1],
        "n_bars": 400,
        "n_missing": 0,
        "longest_gap": 0,
        "staleness": 0,
        "max_abs_return": bars["close"].pct_change().abs().max(),
        "n_segments": 1,
        "segment_start": bars["date"].iloc[0],
    }
    assert report.findings.empty
    assert report.quarantined.empty


def test_removed_week_is_reported_with_its_dates_and_makes_the_symbol_gappy(make_bars, wobble):
    """N4: one week removed from one symbol."""
    bars = make_bars(wobble(400)).drop(index=range(200, 207))
    report, row = verdict(bars)
    assert (row["status"], row["reasons"]) == ("gappy", "gap")
    assert (row["n_missing"], row["longest_gap"], row["n_segments"], row["n_bars"]) == (7, 7, 1, 393)
    gap = of_rule(report, "gap")
    start = dt.date(2021, 1, 1) + 200 * DAY
    assert gap["from_date"].dt.date.to_list() == [start]
    assert gap["to_date"].dt.date.to_list() == [start + 6 * DAY]
    assert gap[["n", "value", "action"]].values.tolist() == [[7, 7.0, "warn"]]


def test_gap_expires_from_the_verdict_and_stays_in_the_findings(make_bars, wobble):
    bars = make_bars(wobble(800)).drop(index=100)
    assert verdict(bars, on=dt.date(2021, 1, 1) + (101 + 364) * DAY)[1]["status"] == "gappy"
    report, row = verdict(bars, on=dt.date(2021, 1, 1) + (101 + 365) * DAY)
    assert row["status"] == "healthy"
    assert (row["n_missing"], len(of_rule(report, "gap"))) == (1, 1)


def test_tolerated_gap_is_reported_all_the_same(make_bars, wobble):
    bars = make_bars(wobble(400)).drop(index=200)
    report, row = verdict(bars, rules=HealthRules(gap_tolerance=1))
    assert row["status"] == "healthy"
    assert of_rule(report, "gap")["action"].to_list() == ["none"]


@pytest.mark.parametrize("lag", [1, 5, 400])
def test_symbol_without_its_newest_bars_is_stale_and_a_delisted_one_is_no_error(make_bars, wobble, lag):
    bars = make_bars(wobble(50))
    report, row = verdict(bars, on=last(bars) + lag * DAY)
    assert (row["status"], row["staleness"], row["n_missing"]) == ("stale", lag, 0)
    stale = of_rule(report, "stale").iloc[0]
    assert (stale["from_date"].date(), stale["to_date"].date(), stale["n"]) == (
        last(bars) + DAY,
        last(bars) + lag * DAY,
        lag,
    )
    assert stale["action"] == "veto"
    assert verdict(bars, on=last(bars) + lag * DAY, rules=HealthRules(max_lag=lag))[1]["status"] == "healthy"


def test_symbol_without_bars_yet_is_not_judged(make_bars, wobble):
    report = assess_health(make_bars(wobble(5)), dt.date(2020, 12, 31))
    assert report.health.empty
    assert report.findings.empty
    OHLCV_HEALTH.pandera_schema().validate(report.health)
    OHLCV_FINDINGS.pandera_schema().validate(report.findings)


def test_fourteen_percent_missing_is_sparse(make_bars, wobble):
    """The ACTTRY case: a seventh of all days is missing while a length check passes."""
    bars = make_bars(wobble(400)).iloc[np.arange(400) % 7 != 3]
    report, row = verdict(bars)
    assert (row["status"], row["reasons"]) == ("sparse", "gap,sparse")
    sparse = of_rule(report, "sparse").iloc[0]
    days = np.arange(35, 399 + 1)
    assert sparse["value"] == pytest.approx((days % 7 == 3).mean())
    assert (sparse["from_date"].date(), sparse["n"]) == (dt.date(2021, 1, 1) + 35 * DAY, 365)


def test_exactly_a_tenth_missing_is_not_sparse(make_bars, wobble):
    rules = HealthRules(sparse_window=100, gap_window=1)
    bars = make_bars(wobble(200))
    some = bars.drop(index=range(110, 190, 8))
    assert len(some) == 190
    assert verdict(some, rules=rules)[1]["status"] == "healthy"
    assert verdict(some.drop(index=195), rules=rules)[1]["status"] == "sparse"


def test_sparse_and_gaps_are_counted_within_the_current_segment(make_bars, wobble):
    bars = make_bars(np.concatenate([wobble(30), wobble(30, 9000.0)]), gaps={10: 5, 20: 5, 30: 20})
    report, row = verdict(bars)
    assert (row["status"], row["n_missing"], row["n_segments"], row["longest_gap"]) == ("healthy", 0, 2, 20)
    assert row["segment_start"] == bars["date"].iloc[30]
    assert of_rule(report, "gap")["action"].to_list() == ["warn", "warn", "break"]
    broken = of_rule(report, "segment_break").iloc[0]
    assert (broken["from_date"], broken["n"], broken["value"], broken["threshold"]) == (
        row["segment_start"],
        20,
        20,
        14,
    )


def test_stall_counts_while_it_lasts(make_bars, wobble):
    prices = wobble(60)
    prices[40:44] = prices[40]
    report, row = verdict(make_bars(prices[:44]))
    assert (row["status"], row["reasons"]) == ("stalled", "price_stall")
    stall = of_rule(report, "price_stall").iloc[0]
    assert (stall["n"], stall["from_date"].date()) == (4, dt.date(2021, 1, 1) + 40 * DAY)
    assert verdict(make_bars(prices[:43]))[1]["status"] == "healthy"
    report, row = verdict(make_bars(prices))
    assert row["status"] == "healthy"
    assert len(of_rule(report, "price_stall")) == 1


def test_halt_is_no_stall(make_bars):
    bars = make_bars([5.0, 6.0, 6.0, 6.0, 6.0, 6.0], gaps={3: 2})
    assert of_rule(verdict(bars)[0], "price_stall").empty


def test_quarantined_bar_makes_toxic_until_it_leaves_the_window(make_bars, wobble):
    prices = wobble(300)
    prices[100] *= 20.0
    bars = make_bars(prices)
    day = dt.date(2021, 1, 1) + 100 * DAY
    for on, status in (
        (day - DAY, "healthy"),
        (day, "toxic"),
        (day + 119 * DAY, "toxic"),
        (day + 120 * DAY, "healthy"),
    ):
        report, row = verdict(bars, on=on)
        assert row["status"] == status
        assert len(of_rule(report, "return_spike")) == (on >= day)
    spike = of_rule(report, "return_spike").iloc[0]
    assert (spike["action"], spike["threshold"], spike["from_date"].date()) == ("quarantine", 5.0, day)
    assert spike["value"] == pytest.approx(prices[100] / prices[99] - 1)
    assert row["max_abs_return"] == pytest.approx(prices[100] / prices[99] - 1)  # evidence, quarantined or not
    assert of_rule(report, "large_return").empty


def test_return_out_of_a_bad_print_is_no_loss(make_bars, wobble):
    prices = wobble(100)
    prices[50] *= 1000.0
    report, _ = verdict(make_bars(prices))
    assert report.findings["action"].to_list() == ["quarantine"]


def test_largest_return_is_the_current_segments(make_bars, wobble):
    old = wobble(40)
    old[20:] *= 3.0
    bars = make_bars(np.concatenate([old, wobble(40)]), gaps={40: 20})
    _, row = verdict(bars)
    assert row["max_abs_return"] == pytest.approx(bars["close"].iloc[40:].pct_change().abs().max())
    assert np.isnan(verdict(bars.iloc[:41])[1]["max_abs_return"])


def test_large_return_warns_and_nothing_more(make_bars, wobble):
    """The OGTRY case: +149 % in a day."""
    bars = make_bars(np.concatenate([wobble(60), wobble(60, 249.0)]))
    report, row = verdict(bars)
    assert row["status"] == "healthy"
    large = of_rule(report, "large_return")
    assert large["action"].to_list() == ["warn"]
    assert large["value"].iloc[0] == pytest.approx(bars["close"][60] / bars["close"][59] - 1)
    assert report.quarantined.empty


def test_loss_beyond_99_percent_is_toxic_but_its_return_stays(make_bars, wobble):
    bars = make_bars(np.concatenate([wobble(60), wobble(200, 0.05)]))
    day = dt.date(2021, 1, 1) + 60 * DAY
    report, row = verdict(bars, on=day)
    assert (row["status"], row["reasons"]) == ("toxic", "return_spike")
    crash = of_rule(report, "return_spike").iloc[0]
    assert (crash["action"], crash["threshold"]) == ("veto", -0.99)
    assert report.quarantined.empty
    report, row = verdict(bars, on=day + 120 * DAY)
    assert row["status"] == "healthy"
    assert of_rule(report, "return_spike")["action"].to_list() == ["warn"]


def test_volume_spike_is_toxic_on_its_day_only(make_bars, wobble):
    bars = make_bars(wobble(40))
    before = bars["volume"].iloc[10:30]
    limit = before.mean() + 10.0 * before.std(ddof=1)
    for factor, found in ((0.999, 0), (1.001, 1)):
        bars.loc[30, "volume"] = limit * factor
        report, row = verdict(bars.iloc[:31])
        assert (row["status"], row["reasons"]) == (("toxic", "volume_spike") if found else ("healthy", ""))
        assert len(of_rule(report, "volume_spike")) == found
    assert of_rule(report, "volume_spike")["value"].iloc[0] == pytest.approx(
        (limit * 1.001 - before.mean()) / before.std(ddof=1)
    )
    report, row = verdict(bars.iloc[:32])
    assert row["status"] == "healthy"
    assert of_rule(report, "volume_spike")["action"].to_list() == ["warn"]
    assert verdict(bars.iloc[:31], rules=HealthRules(volume_toxic_window=0))[1]["status"] == "healthy"


def test_volume_spike_needs_twenty_bars_of_the_same_segment(make_bars, wobble):
    bars = make_bars(wobble(60), gaps={30: 20})
    bars.loc[[19, 49], "volume"] = 1e9
    assert of_rule(verdict(bars)[0], "volume_spike").empty
    bars.loc[[19, 49], "volume"] = 1000.0
    bars.loc[[20, 50], "volume"] = 1e9
    assert len(of_rule(verdict(bars)[0], "volume_spike")) == 2


def test_constant_volume_is_a_spike_beyond_twice_its_mean(make_bars, wobble):
    bars = make_bars(wobble(22)).assign(volume=0.1)
    bars.loc[21, "volume"] = 0.2
    assert of_rule(verdict(bars)[0], "volume_spike").empty
    bars.loc[21, "volume"] = 0.2001
    spike = of_rule(verdict(bars)[0], "volume_spike").iloc[0]
    assert (spike["threshold"], spike["value"]) == (2.0, pytest.approx(2.001))


def test_volume_scores_equal_pandas_rolling_at_any_scale(make_bars, wobble):
    rng = np.random.default_rng(3)
    parts = [
        make_bars(wobble(200), symbol=f"BINANCE:{name}USDT", volume=1.0).assign(
            volume=scale * rng.lognormal(0, 2.5, 200)
        )
        for name, scale in (("A", 1e13), ("B", 1e-6), ("C", 1.0))
    ]
    bars = pd.concat(parts, ignore_index=True)
    findings = assess_health(bars, last(bars)).findings.query("rule == 'volume_spike'")
    prior = bars.groupby("symbol")["volume"].shift().groupby(bars["symbol"]).rolling(20)
    z = (bars["volume"] - prior.mean().droplevel(0)) / prior.std().droplevel(0)
    expected = bars.loc[z > 10, ["symbol", "date"]].assign(value=z[z > 10])
    assert len(expected) > 5
    assert set(findings["symbol"]) == set(bars["symbol"])
    np.testing.assert_allclose(findings["value"], expected["value"], rtol=1e-9)
    assert findings["from_date"].to_list() == expected["date"].to_list()


def test_days_without_volume_are_runs(make_bars, wobble):
    bars = make_bars(wobble(12), gaps={8: 1})
    bars.loc[[2, 3, 7, 8], "volume"] = 0.0
    bars.loc[[5, 11], "volume"] = np.nan
    report, row = verdict(bars)
    assert row["status"] == "gappy"
    zero, none = of_rule(report, "zero_volume"), of_rule(report, "missing_volume")
    assert zero["n"].to_list() == [2, 1, 1]  # a gap ends a run
    assert none["n"].to_list() == [1, 1]
    assert none["to_date"].to_list() == bars["date"].iloc[[5, 11]].to_list()


def test_bar_repeated_under_the_next_date_is_reported(make_bars, wobble):
    bars = make_bars(wobble(20))
    values = ["open", "high", "low", "close", "volume"]
    bars.loc[11, values] = bars.loc[10, values]
    repeated = of_rule(verdict(bars)[0], "duplicate")
    assert repeated["from_date"].to_list() == [bars["date"][11]]
    bars.loc[11, "volume"] += 1.0
    assert of_rule(verdict(bars)[0], "duplicate").empty
    bars.loc[[10, 11], "volume"] = 0.0  # days without a trade repeat each other by nature
    assert of_rule(verdict(bars)[0], "duplicate").empty


def test_worst_status_wins_and_all_reasons_are_kept(make_bars, wobble):
    prices = wobble(100)
    prices[61] *= 20.0
    prices[90:] = prices[90]
    bars = make_bars(prices).iloc[np.arange(100) % 5 != 0]
    on = last(bars) + DAY
    fewer = {"stall_bars": 3}
    seen = []
    # Each rule that is switched off uncovers the status below it.
    for off in ({}, {"toxic_window": 1}, {"max_lag": 1}, {"stall_bars": 5}, {"max_missing": 0.9}, {"gap_tolerance": 1}):
        fewer |= off
        seen.append(verdict(bars, on=on, rules=HealthRules(**fewer))[1])
    assert [row["status"] for row in seen] == ["toxic", "stale", "stalled", "sparse", "gappy", "healthy"]
    assert [row["reasons"] for row in seen] == [
        "gap,price_stall,return_spike,sparse,stale",
        "gap,price_stall,sparse,stale",
        "gap,price_stall,sparse",
        "gap,sparse",
        "gap",
        "",
    ]


def test_since_shortens_the_findings_but_not_the_verdict(make_bars, wobble):
    prices = wobble(200)
    prices[[50, 150]] *= 20.0
    bars = make_bars(prices)
    whole = assess_health(bars, last(bars))
    recent = assess_health(bars, last(bars), since=dt.date(2021, 1, 1) + 150 * DAY)
    pd.testing.assert_frame_equal(whole.health, recent.health)
    assert (len(whole.findings), len(recent.findings)) == (2, 1)
    assert len(recent.quarantined) == 2


def test_bars_without_open_high_low_or_volume_can_be_judged(make_bars, wobble):
    bars = make_bars(wobble(50)).drop(index=20)[["symbol", "date", "close"]]
    assert verdict(bars)[1]["status"] == "gappy"


def test_closed_days_of_the_calendar_are_neither_gaps_nor_staleness(make_bars, wobble, weekdays):
    bars = make_bars(wobble(60))
    bars = bars.loc[bars["date"].dt.day_of_week < 5]
    sunday = dt.date(2021, 2, 28)
    row = assess_health(bars, sunday, calendar=weekdays).health.iloc[0]
    assert (row["status"], row["n_missing"], row["staleness"]) == ("healthy", 0, 0)
    friday_missing = bars.loc[bars["date"] != "2021-02-19"]
    report = assess_health(friday_missing, sunday, calendar=weekdays)
    assert report.findings[["rule", "n"]].values.tolist() == [["gap", 1]]
    assert assess_health(bars, dt.date(2021, 3, 3), calendar=weekdays).health["staleness"].to_list() == [2]


def test_figures_agree_with_pandas_symbol_by_symbol(make_bars):
    rng = np.random.default_rng(9)
    parts = []
    for i in range(30):
        prices = np.exp(np.cumsum(rng.normal(0, 0.05, 500)))
        keep = rng.random(500) > rng.choice([0.0, 0.02, 0.12])
        parts.append(make_bars(prices, symbol=f"BINANCE:S{i:02d}USDT").loc[keep].iloc[: int(rng.integers(200, 501))])
    bars = pd.concat(parts, ignore_index=True)
    on = dt.date(2021, 1, 1) + 450 * DAY
    health = assess_health(bars, on).health.set_index("symbol")
    for symbol, own in bars.loc[bars["date"] <= np.datetime64(on)].groupby("symbol"):
        days = pd.date_range(own["date"].min(), own["date"].max())
        closes = own.set_index("date")["close"].reindex(days)
        gone = closes.isna()
        runs = gone.groupby((~gone).cumsum()).sum()
        row = health.loc[symbol]
        assert row["n_segments"] == 1
        assert row["n_missing"] == gone.sum()
        assert row["longest_gap"] == runs.max()
        assert row["staleness"] == (pd.Timestamp(on) - days[-1]).days
        assert row["max_abs_return"] == pytest.approx(closes.pct_change(fill_method=None).abs().max(), rel=1e-12)
        recent = gone.loc[gone.index > pd.Timestamp(on) - pd.Timedelta(days=365)]
        assert ("sparse" in row["reasons"]) == (recent.mean() > 0.1)
    assert {"healthy", "stale", "gappy", "sparse"} & set(health["status"]) >= {"stale", "gappy"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"stall_bars": 1},
        {"max_missing": 1.0},
        {"quarantine_return": 0.5, "large_return": 0.1},
        {"large_return": 6.0},
        {"crash_return": -1.5},
        {"crash_return": 0.0},
        {"jump_ratio": 6.0},
        {"dark_sessions": 0},
        {"volume_spike_z": float("nan")},
        {"large_return": float("inf")},
    ],
)
def test_thresholds_without_meaning_are_refused(wrong):
    with pytest.raises(InvalidRuleError, match="must be"):
        HealthRules(**wrong)
