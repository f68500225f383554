"""Chart conversations, played without a network."""

import datetime as dt
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_resources.market import Bars, Clock, Faults
from quant_resources.market._chart import ChartDesk
from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.faults import FaultPlan

NOW = 1793577600  # 2026-11-02 00:00:00 UTC
CS = "cs_Qm3vT8bZk1Wd"


class Chart:
    """A desk whose messages are kept, with the session of the protocol's worked example."""

    def __init__(self, source, *, now=NOW, window=20_000, faults=None):
        self.sent = []
        clock = now if hasattr(now, "timestamp") else Clock.at(dt.datetime.fromtimestamp(now, dt.UTC))
        self.view = MarketView(source, clock)
        self.desk = ChartDesk(self.view, FaultPlan(faults or Faults()), self.sent.append, window)
        self.ask("chart_create_session", CS, "")

    def ask(self, method, *params):
        """Send one message; return what it caused, parsed."""
        start = len(self.sent)
        self.desk.handle(method, list(params))
        return [json.loads(text) for text in self.sent[start:]]

    def resolve(self, symbol, handle="sds_sym_1"):
        replies = self.ask("resolve_symbol", CS, handle, symbol)
        start = len(self.sent)
        self.desk.release()
        return replies + [json.loads(text) for text in self.sent[start:]]

    def series(self, count, *rest, sid="sds_1", label="s1", resolution="1D", handle="sds_sym_1"):
        return self.ask("create_series", CS, sid, label, handle, resolution, count, *rest)


def kinds(replies):
    return [reply["m"] for reply in replies]


def bars_in(replies, sid="sds_1"):
    """Index and values of every bar sent."""
    updates = [r for r in replies if r["m"] in ("timescale_update", "du")]
    return [(bar["i"], bar["v"]) for r in updates for bar in r["p"][1].get(sid, {"s": []})["s"]]


@pytest.fixture
def example(lab):
    """The five days of the worked example in the protocol's section 2.7."""
    rows = [
        [69505.0, 70020.0, 69100.0, 69950.0, 13100.4],
        [69950.0, 70300.0, 69700.0, 70110.5, 12050.0],
        [70110.5, 70990.0, 69800.0, 70450.25, 15210.77],
        [70450.25, 71200.0, 70010.1, 71005.0, 14001.2],
        [71005.0, 71040.0, 70900.0, 70980.4, 310.02],
    ]
    time = np.array([1793232000, 1793318400, 1793404800, 1793491200, 1793577600])
    return lab.ListSource({"BINANCE:BTCUSDT": Bars(time, np.array(rows))})


@pytest.fixture
def hundred(lab):
    return lab.ListSource({"BINANCE:AUSDT": lab.make_bars([float(price) for price in range(10, 110)])})


END_OF_HUNDRED = 1704067200 + 100 * DAY


def test_the_worked_example_is_met_byte_for_byte(example):
    # The example's clock stands within the last day; the day after, its bars are what the example shows.
    chart = Chart(example, now=NOW + DAY)
    spec = '={"adjustment":"splits","session":"regular","symbol":"BINANCE:BTCUSDT"}'
    chart.ask("switch_timezone", CS, "Etc/UTC")
    chart.ask("resolve_symbol", CS, "sds_sym_1", spec)
    chart.series(3, "")
    clock = f'"t":{NOW + DAY},"t_ms":{(NOW + DAY) * 1000}'
    loading, resolved, update, completed = chart.sent
    assert loading == f'{{"m":"series_loading","p":["{CS}","sds_1","s1"],{clock}}}'
    assert resolved.startswith(f'{{"m":"symbol_resolved","p":["{CS}","sds_sym_1",{{')
    assert update == (
        f'{{"m":"timescale_update","p":["{CS}",{{"sds_1":{{"node":"loop1-series-1","s":['
        '{"i":0,"v":[1793404800.0,70110.5,70990.0,69800.0,70450.25,15210.77]},'
        '{"i":1,"v":[1793491200.0,70450.25,71200.0,70010.1,71005.0,14001.2]},'
        '{"i":2,"v":[1793577600.0,71005.0,71040.0,70900.0,70980.4,310.02]}],'
        '"ns":{"d":"","indexes":[]},"t":"s1","lbs":{"bar_close_time":1793664000}}},'
        '{"index":0,"zoffset":0,"changes":[1793404800.0,1793491200.0,1793577600.0],'
        '"marks":[[40,1793404800,0],[60,1793491200,1],[50,1793577600,2]],"index_diff":[]}],'
        f"{clock}}}"
    )
    assert completed == (
        f'{{"m":"series_completed","p":["{CS}","sds_1","streaming","s1",{{"rt_update_period":0}}],{clock}}}'
    )
    del chart.sent[:]
    chart.ask("request_more_data", CS, "sds_1", 2)
    again, older, done = chart.sent
    assert again == loading
    assert older == (
        f'{{"m":"timescale_update","p":["{CS}",{{"sds_1":{{"node":"loop1-series-1","s":['
        '{"i":-2,"v":[1793232000.0,69505.0,70020.0,69100.0,69950.0,13100.4]},'
        '{"i":-1,"v":[1793318400.0,69950.0,70300.0,69700.0,70110.5,12050.0]}],'
        '"ns":{"d":"","indexes":[]},"t":"s1","lbs":{"bar_close_time":1793664000}}},'
        '{"index":-2,"zoffset":2,"changes":[1793232000.0,1793318400.0],'
        '"marks":[[40,1793232000,-2],[40,1793318400,-1]],"index_diff":[]}],'
        f"{clock}}}"
    )
    # The oldest bar has been sent: nothing older can be loaded, and the client is told.
    assert '{"rt_update_period":0,"data_completed":"end"}' in done


def test_a_running_day_shows_its_open_only_and_no_bar_opens_at_the_clock(example):
    chart = Chart(example, now=NOW + 100)
    chart.resolve("BINANCE:BTCUSDT")
    assert bars_in(chart.series(1))[-1][1] == [1793577600.0, 71005.0, 71005.0, 71005.0, 71005.0, 0.0]
    midnight = Chart(example, now=NOW)
    midnight.resolve("BINANCE:BTCUSDT")
    assert bars_in(midnight.series(1))[-1][1] == [1793491200.0, 70450.25, 71200.0, 70010.1, 71005.0, 14001.2]


def test_the_whole_history_is_one_message_and_its_end_is_told(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    replies = chart.series(500)
    assert kinds(replies) == ["series_loading", "timescale_update", "series_completed"]
    assert [index for index, _ in bars_in(replies)] == list(range(100))
    assert replies[-1]["p"][4] == {"rt_update_period": 0, "data_completed": "end"}


def test_the_window_is_counted_from_the_newest_bar_and_its_limit_is_told(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED, window=40)
    chart.resolve("BINANCE:AUSDT")
    replies = chart.series(30)
    assert "data_completed" not in replies[-1]["p"][4]
    older = chart.ask("request_more_data", CS, "sds_1", 30)
    assert [index for index, _ in bars_in(older)] == list(range(-10, 0))
    assert older[-1]["p"][4]["data_completed"] == "limit"
    nothing = chart.ask("request_more_data", CS, "sds_1", 30)
    assert kinds(nothing) == ["series_loading", "series_completed"]
    assert nothing[-1]["p"][4]["data_completed"] == "limit"


@settings(max_examples=60)
@given(st.integers(0, 120), st.lists(st.integers(0, 60), max_size=6), st.integers(1, 130))
def test_pages_are_seamless_however_they_are_cut(lab, first, more, window):
    source = lab.ListSource({"BINANCE:AUSDT": lab.make_bars([float(price) for price in range(10, 110)])})
    chart = Chart(source, now=END_OF_HUNDRED, window=window)
    chart.resolve("BINANCE:AUSDT")
    pages = [chart.series(first)] + [chart.ask("request_more_data", CS, "sds_1", count) for count in more]
    got = [bar for page in reversed(pages) for bar in bars_in(page)]
    wanted = min(first + sum(more), window, 100)
    assert [values[0] for _, values in got] == source.series["BINANCE:AUSDT"].time[100 - wanted :].tolist()
    indices = [index for index, _ in got]
    assert indices == list(range(indices[0], indices[0] + wanted)) if wanted else not indices
    end = pages[-1][-1]["p"][4].get("data_completed")
    assert end == (None if wanted < min(window, 100) else "limit" if window < 100 else "end")
    for page in pages:
        for reply in page:
            if reply["m"] == "timescale_update":
                axis, data = reply["p"][2], reply["p"][1]["sds_1"]["s"]
                assert axis["changes"] == [bar["v"][0] for bar in data]
                assert axis["index"] == data[0]["i"]
                assert axis["zoffset"] == max(0, -axis["index"])
                assert [mark[1:] for mark in axis["marks"]] == [[bar["v"][0], bar["i"]] for bar in data]


def test_bars_ending_at_a_time(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    until = 1704067200 + 50 * DAY
    replies = chart.series(["bar_count", until, 3])
    assert [values[0] for _, values in bars_in(replies)] == [until - 2 * DAY, until - DAY, until]
    early = chart.series(["bar_count", 10, 3], sid="sds_2", label="s2")
    assert kinds(early) == ["series_loading", "series_completed"]


def test_ranges_include_both_ends_and_nothing_beyond(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    start, end = 1704067200 + 20 * DAY, 1704067200 + 22 * DAY
    text = f"r,{start}:{end}"
    replies = chart.series(10, text)
    assert kinds(replies) == [
        "series_loading", "series_timeframe", "timescale_update", "series_timeframe", "series_completed"
    ]  # fmt: skip
    assert [values[0] for _, values in bars_in(replies)] == [start, start + DAY, end]
    assert replies[1]["p"] == [CS, "sds_1", "s1", 0, 2, text, False]
    assert replies[3]["p"] == [CS, "sds_1", "s1", 0, 2, text, True]
    assert "t" not in replies[1]
    assert not bars_in(chart.series(10, "r,5:6", sid="sds_2"))


def test_modify_with_a_range_sends_only_what_is_missing(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    chart.series(10)
    newest = END_OF_HUNDRED - DAY
    inside = chart.ask("modify_series", CS, "sds_1", "s2", "sds_sym_1", "1D", f"r,{newest - 3 * DAY}:{newest}")
    assert kinds(inside) == ["series_loading", "series_timeframe", "series_timeframe", "series_completed"]
    wider = chart.ask("modify_series", CS, "sds_1", "s3", "sds_sym_1", "1D", f"r,{newest - 14 * DAY}:{newest}")
    assert [index for index, _ in bars_in(wider)] == [-5, -4, -3, -2, -1]
    assert wider[2]["p"][1]["sds_1"]["t"] == "s3"


def test_modify_with_another_resolution_starts_anew(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    chart.series(10)
    weekly = chart.ask("modify_series", CS, "sds_1", "s2", "sds_sym_1", "1W", "")
    assert [index for index, _ in bars_in(weekly)] == list(range(10))
    steps = np.diff([values[0] for _, values in bars_in(weekly)])
    assert (steps == 7 * DAY).all()


@pytest.mark.parametrize(
    ("resolution", "reason"),
    [
        ("5", "unsupported resolution: BINANCE:AUSDT, 5"),
        ("4H", "unsupported resolution: BINANCE:AUSDT, 4H"),
        ("188", "custom_resolution"),
        ("5S", "seconds_not_entitled"),
        ("2D", "custom_resolution"),
    ],
)
def test_resolutions_a_daily_source_cannot_serve(hundred, resolution, reason):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    replies = chart.series(10, resolution=resolution)
    assert kinds(replies) == ["series_loading", "series_error"]
    assert replies[1]["p"] == [CS, "sds_1", "s1", reason, "loop1-series-1"]


@pytest.mark.parametrize("resolution", ["D", "1D", "d"])
def test_daily_has_several_names(hundred, resolution):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    assert len(bars_in(chart.series(10, resolution=resolution))) == 10


def test_an_unknown_symbol_fails_both_the_symbol_and_the_series(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.ask("resolve_symbol", CS, "sym", "BINANCE:NOSUCH")
    replies = chart.series(10, handle="sym")
    assert [reply["m"] for reply in replies] == ["series_loading", "symbol_error", "series_error"]
    assert replies[1]["p"] == [CS, "sym", "invalid symbol"]
    assert replies[2]["p"] == [CS, "sds_1", "s1", "resolve error", "loop1-series-1"]


def test_a_symbol_exists_from_its_first_bar_on(hundred, lab):
    assert Chart(hundred, now=lab.DAY_ZERO).resolve("BINANCE:AUSDT")[0]["m"] == "symbol_error"
    assert Chart(hundred, now=lab.DAY_ZERO + 1).resolve("BINANCE:AUSDT")[0]["m"] == "symbol_resolved"


@pytest.mark.parametrize(
    "text",
    [
        "BINANCE:AUSDT",
        "binance:ausdt",
        "AUSDT",
        '={"symbol":"BINANCE:AUSDT"}',
        '={ "session" : "regular", "symbol" : "BINANCE:AUSDT", "adjustment": "none" }',
        '={"symbol":"BINANCE:AUSDT","currency-id":"USDT"}',
        '={"symbol":"BINANCE:AUSDT","currency-id":"XTVCUSDT"}',
    ],
)
def test_ways_to_name_a_symbol(hundred, text):
    (reply,) = Chart(hundred, now=END_OF_HUNDRED).resolve(text)
    assert reply["m"] == "symbol_resolved"
    info = reply["p"][2]
    assert (info["full_name"], info["pricescale"], info["minmov"]) == ("BINANCE:AUSDT", 100, 1)
    assert (info["timezone"], info["session"], info["type"], info["typespecs"]) == (
        "Etc/UTC",
        "24x7",
        "spot",
        ["crypto"],
    )
    assert (info["currency_code"], info["base_currency_id"], info["visible_plots_set"]) == ("USDT", "XTVCA", "ohlcv")


@pytest.mark.parametrize("text", ["", "=", "={", "=[]", '={"symbol":7}', "={}", '={"symbol":{"symbol":null}}'])
def test_what_names_no_symbol(hundred, text):
    (reply,) = Chart(hundred, now=END_OF_HUNDRED).resolve(text)
    assert (reply["m"], reply["p"][2]) == ("symbol_error", "invalid symbol")


def test_prices_are_never_served_in_another_currency_or_as_other_bars(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    (reply,) = chart.resolve('={"symbol":"BINANCE:AUSDT","currency-id":"EUR"}')
    assert reply["p"] == [CS, "sds_sym_1", "permission denied", "group", "loopback_paid"]
    chart.resolve('={"symbol":{"symbol":"BINANCE:AUSDT"},"type":"BarSetRenko@tv-prostudies-40!"}', "renko")
    replies = chart.series(10, handle="renko", sid="r")
    assert replies[-1]["p"][3] == "study_not_auth:BarSetRenko@tv-prostudies-40!"


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("create_series", ["$prices", "s1", "ser_1", "XX", 100], "[$prices, s1, ser_1, XX, 100]"),
        ("create_series", ["a", "s1", "sds_sym_1", "1D", -1], "[a, s1, sds_sym_1, 1D, -1]"),
        ("create_series", ["a", "s1", "sds_sym_1", "1D", "ten"], "[a, s1, sds_sym_1, 1D, ten]"),
        ("create_series", ["a", "s1", "sds_sym_1", "1D", 5, "r,x:y"], "[a, s1, sds_sym_1, 1D, 5, r,x:y]"),
        ("create_series", ["a", "s1", "nowhere", "1D", 5], "[a, s1, nowhere, 1D, 5]"),
        ("create_series", ["a"], "[a]"),
        ("request_more_data", ["a", 5], "[a, 5]"),
        ("request_more_data", ["sds_1"], "[sds_1]"),
        ("request_more_data", ["sds_1", -5], "[sds_1, -5]"),
        ("modify_series", ["a", "s2", "sds_sym_1", "1D", ""], "[a, s2, sds_sym_1, 1D, ]"),
        ("resolve_symbol", ["a"], "[a]"),
        ("create_series", ["a", "s1", "sds_sym_1", "1D", ["bar_count", 1e300, 5]],
         "[a, s1, sds_sym_1, 1D, ['bar_count', 1e+300, 5]]"),
    ],
)  # fmt: skip
def test_invalid_parameters_are_named_and_the_session_goes_on(hundred, method, params, text):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    chart.series(5)
    (reply,) = chart.ask(method, CS, *params)
    assert reply["m"] == "critical_error"
    assert reply["p"] == [CS, "invalid parameters", f'method: {method}. args: "{text}"']
    assert bars_in(chart.series(5, sid="other"), "other")


def test_time_zones(hundred):
    chart = Chart(hundred)
    assert chart.ask("switch_timezone", CS, "exchange") == []
    assert chart.ask("switch_timezone", CS, "Asia/Kolkata") == []
    for zone in ("Nowhere/Nowhere", "../etc/passwd", "America"):
        (reply,) = chart.ask("switch_timezone", CS, zone)
        assert reply["p"] == [CS, "invalid timezone", f'method: switch_timezone. args: "[{zone}]"']


def test_sessions_do_not_see_each_other(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    chart.ask("chart_create_session", "cs_other")
    (reply,) = chart.ask("create_series", "cs_other", "a", "s1", "sds_sym_1", "1D", 5)
    assert reply["m"] == "critical_error"
    chart.ask("chart_delete_session", CS)
    assert chart.series(5)[0]["m"] == "critical_error"


def test_a_removed_series_can_be_made_again(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    chart.series(5)
    assert chart.series(5)[0]["m"] == "critical_error"
    assert chart.ask("remove_series", CS, "sds_1") == []
    assert len(bars_in(chart.series(5))) == 5


def test_studies_are_refused_and_tick_marks_run_into_the_future(hundred):
    chart = Chart(hundred, now=END_OF_HUNDRED)
    chart.resolve("BINANCE:AUSDT")
    chart.series(5)
    (reply,) = chart.ask("create_study", CS, "st", "st1", "sds_1", "Volume@tv-basicstudies-246", {})
    assert (reply["m"], reply["p"][:3]) == ("study_error", [CS, "st", "st1"])
    (marks,) = chart.ask("request_more_tickmarks", CS, "sds_1", 3)
    assert marks["p"][1] == {}
    assert marks["p"][2]["index"] == 5
    assert marks["p"][2]["changes"] == [END_OF_HUNDRED, END_OF_HUNDRED + DAY, END_OF_HUNDRED + 2 * DAY]


def test_bars_without_volume_have_five_values(lab):
    bars = lab.make_bars([1.0, 2.0, 3.0], volumes=[5.0, np.nan, 6.0])
    none = lab.make_bars([1.0, 2.0], volumes=[np.nan, np.nan])
    chart = Chart(lab.ListSource({"X:A": bars, "X:B": none}))
    chart.resolve("X:A")
    assert [len(values) for _, values in bars_in(chart.series(5))] == [6, 5, 6]
    (reply,) = chart.resolve("X:B", "b")
    assert reply["p"][2]["visible_plots_set"] == "ohlc"


def test_symbols_can_be_treated_badly(lab):
    names = ("MISSING", "DENIED", "SILENT", "EMPTY")
    source = lab.ListSource({f"X:{name}": lab.make_bars([1.0, 2.0]) for name in names})
    chart = Chart(
        source, faults=Faults(missing=("X:MISSING",), denied=("X:DENIED",), silent=("X:SILENT",), empty=("X:EMPTY",))
    )
    assert chart.resolve("X:MISSING")[0]["p"][2:] == ["invalid symbol"]
    assert chart.resolve("X:DENIED")[0]["p"][2:] == ["permission denied", "group", "loopback_paid"]
    chart.resolve("X:SILENT", "silent")
    assert chart.series(5, handle="silent", sid="a") == []
    chart.resolve("X:EMPTY", "empty")
    replies = chart.series(5, handle="empty", sid="b")
    assert kinds(replies) == ["series_loading", "series_completed"]
    assert replies[-1]["p"][4]["data_completed"] == "end"


class Moving:
    """A clock that can be set."""

    def __init__(self, now):
        self.value = now

    def timestamp(self):
        return self.value


@pytest.mark.parametrize("window", [20_000, 30])
def test_when_the_day_turns_the_closed_bar_and_the_new_one_are_pushed(hundred, lab, window):
    clock = Moving(lab.DAY_ZERO + 50 * DAY + 3600)
    chart = Chart(hundred, now=clock, window=window)
    chart.resolve("BINANCE:AUSDT")
    chart.series(10)
    chart.desk.roll()
    assert len(chart.sent) == 4  # resolved, loading, update, completed: nothing has changed
    clock.value += DAY
    del chart.sent[:]
    chart.desk.roll()
    (text,) = chart.sent
    values = hundred.series["BINANCE:AUSDT"].values
    closed, opened = values[50].tolist(), values[51, 0]
    times = [lab.DAY_ZERO + 50 * DAY, lab.DAY_ZERO + 51 * DAY]
    assert json.loads(text) == {
        "m": "du",
        "p": [CS, {"sds_1": {
            "s": [{"i": 9, "v": [times[0], *closed]}, {"i": 10, "v": [times[1], *[opened] * 4, 0.0]}],
            "ns": {"d": "", "indexes": "nochange"},
            "t": "s1",
            "lbs": {"bar_close_time": times[1] + DAY},
        }}],
    }  # fmt: skip
    assert '"s":[{"i":9,"v":[' in text
    older = chart.ask("request_more_data", CS, "sds_1", 5)
    assert [index for index, _ in bars_in(older)] == [-5, -4, -3, -2, -1]
    assert bars_in(older)[-1][1][0] == lab.DAY_ZERO + 40 * DAY
