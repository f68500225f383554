"""Bars of many symbols over one socket: what comes back, and what is asked."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from quant_resources.tradingview import BarRequest, FetchStatus, PagesDisagreeError

CLOCK = pd.Timestamp("2023-11-15", tz="UTC")


def test_bars_of_one_symbol(chart, market, client_for, requests_for):
    server = chart(market())
    (result,) = client_for(server).fetch_bars(requests_for("BINANCE:BTCUSDT", n=3))
    assert result.status is FetchStatus.FETCHED
    assert result.error is None
    assert (result.attempts, result.history_end, result.history_truncated) == (1, "enough", False)
    assert list(result.bars.columns) == ["open_time", "open", "high", "low", "close", "volume"]
    assert list(result.bars["open_time"]) == list(pd.date_range("2023-11-12", periods=3, tz="UTC"))
    assert str(result.bars["open_time"].dtype) == "datetime64[us, UTC]"
    assert (result.bars["high"] == result.bars["open"] + 2.0).all()
    assert list(result.bars["volume"]) == [1000.0, 1001.0, 1002.0]
    assert result.clock == CLOCK
    assert result.info == {"timezone": "Etc/UTC", "pricescale": 100}


def test_clock_is_the_servers(chart, client_for):
    async def greet(peer):
        await peer.hello(clock=1_656_633_600.25)
        async for _ in peer.messages():
            pass

    clock = client_for(chart(greet)).clock()
    assert clock.isoformat() == "2022-07-01T00:00:00.250000+00:00"


def test_one_socket_serves_all_with_bounded_concurrency(chart, market, client_for, requests_for):
    script = market()
    server = chart(script)
    symbols = [f"X:S{k}" for k in range(60)]
    seen = []
    results = client_for(server, concurrency=7).fetch_bars(requests_for(*symbols), on_result=seen.append)
    assert [result.symbol for result in results] == symbols
    assert {result.status for result in results} == {FetchStatus.FETCHED}
    assert server.connections == [1]
    assert script.most_open <= 7
    assert sorted(result.symbol for result in seen) == sorted(symbols)


def test_many_sessions_are_open_at_once(chart, client_for, requests_for):
    """The server answers nothing before eight symbols are asked for: one at a time would never finish."""

    async def script(peer):
        await peer.hello()
        waiting = []
        async for method, params in peer.messages():
            if method == "create_series":
                waiting.append(params[0])
                if len(waiting) == 8:
                    for session in reversed(waiting):
                        await peer.history(session, 5)
                    waiting.clear()

    server = chart(script)
    results = client_for(server, concurrency=8).fetch_bars(requests_for(*(f"X:S{k}" for k in range(16))))
    assert [result.status for result in results] == [FetchStatus.FETCHED] * 16


def test_what_the_client_says(chart, market, client_for):
    server = chart(market())
    client_for(server).fetch_bars([BarRequest("NASDAQ:AAPL", 7, "240", "dividends")])
    methods = [method for method, _ in server.log]
    assert methods == [
        "set_auth_token",
        "chart_create_session",
        "switch_timezone",
        "resolve_symbol",
        "create_series",
    ]
    assert server.said("set_auth_token") == [["unauthorized_user_token"]]
    session = server.said("chart_create_session")[0][0]
    assert session.startswith("cs_")
    assert len(session) == 15
    assert server.said("create_series") == [[session, "sds_1", "s1", "sds_sym_1", "240", 7, ""]]
    assert server.said("resolve_symbol")[0][2] == (
        '={"adjustment":"dividends","session":"regular","symbol":"NASDAQ:AAPL"}'
    )


def test_finished_sessions_are_deleted(chart, market, client_for, requests_for):
    server = chart(market())
    client_for(server, concurrency=1).fetch_bars(requests_for("X:A", "X:B", "X:C"))
    created = [params[0] for params in server.said("chart_create_session")]
    deleted = [params[0] for params in server.said("chart_delete_session")]
    assert len(set(created)) == 3
    assert deleted == created[:2]  # the last one ends with the socket


def test_no_request_needs_no_socket(chart, market, client_for):
    server = chart(market())
    assert client_for(server).fetch_bars([]) == []
    assert server.connections == []


def test_heartbeats_are_echoed_unchanged(chart, client_for, requests_for):
    async def script(peer):
        await peer.hello()
        session = None
        async for method, params in peer.messages():
            if method == "create_series":
                session = params[0]
                await peer.heartbeat(41)
                await peer.raw("~m~5~m~~h~42~m~5~m~~h~43")
                await peer.history(session, 5)

    server = chart(script)
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert result.status is FetchStatus.FETCHED
    echoes = [text for text in server.texts if "~h~" in text]
    assert echoes == ["~m~5~m~~h~41", "~m~5~m~~h~42", "~m~5~m~~h~43"]


def test_works_inside_a_running_loop(chart, market, client_for, requests_for):
    import asyncio

    async def notebook_cell():
        return client_for(chart(market())).fetch_bars(requests_for("X:A"))

    (result,) = asyncio.run(notebook_cell())
    assert result.status is FetchStatus.FETCHED


# -- the end of the history --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "end", "truncated"), [("end", "end", False), ("limit", "limit", True), (None, "unstated", False)]
)
def test_fewer_bars_than_wanted_return_at_once(chart, market, client_for, requests_for, said, end, truncated):
    completed = []

    async def answer(peer, session, n):
        assert n == 500
        await peer.history(session, 403, said)
        completed.append(time.monotonic())

    def arrived(result):
        completed.append(time.monotonic())

    server = chart(market(default=answer))  # which also never answers a request for more
    (result,) = client_for(server).fetch_bars(requests_for("X:NEW", n=500), on_result=arrived)
    assert completed[1] - completed[0] < 30.0  # its patience is a minute; a busy machine takes seconds
    assert (result.status, len(result.bars)) == (FetchStatus.FETCHED, 403)
    assert (result.history_end, result.history_truncated) == (end, truncated)


def test_older_pages_are_asked_for_until_there_are_enough(chart, market, client_for, requests_for, bars_of):
    pages = {"left": 10}

    async def first(peer, session, n):
        await peer.block(session, bars_of(4))
        await peer.completed(session)

    async def more(peer, session, n):
        last = 1_700_006_400 - 86_400 * (1 + 4 * (11 - pages["left"]))
        start = -4 * (11 - pages["left"])
        pages["left"] -= 1
        await peer.say("series_loading", [session, "sds_1", "s1"])
        await peer.block(session, bars_of(4, last=last, start_index=start))
        await peer.completed(session)

    server = chart(market(default=first, more=more))
    (result,) = client_for(server).fetch_bars(requests_for("X:A", n=10))
    assert [params[2] for params in server.said("request_more_data")] == [6, 2]
    assert result.history_end == "enough"
    assert list(result.bars["open_time"]) == list(pd.date_range("2023-11-05", "2023-11-14", tz="UTC"))


def overlapping_pages(market, bars_of, change):
    """A market whose page of older bars repeats the two oldest of the first page, changed."""

    async def first(peer, session, n):
        await peer.block(session, bars_of(4))
        await peer.completed(session)

    async def more(peer, session, n):
        page = bars_of(8)[:6]
        for place, bar in enumerate(page):
            bar["i"], bar["v"][5] = place - 4, 1_000.0 + place - 4
        change(page[4]["v"])
        await peer.block(session, page)
        await peer.completed(session, "end")

    return market(default=first, more=more)


def test_pages_that_overlap_and_agree_are_one_history(chart, market, client_for, requests_for, bars_of):
    server = chart(overlapping_pages(market, bars_of, lambda bar: None))
    (result,) = client_for(server).fetch_bars(requests_for("X:A", n=10))
    assert list(result.bars["open_time"]) == list(pd.date_range("2023-11-07", "2023-11-14", tz="UTC"))


def halved(bar):
    bar[4] /= 2.0


def moved(bar):
    bar[0] -= 3_600.0


@pytest.mark.parametrize("change", [halved, moved])
def test_pages_that_overlap_and_disagree_are_refused(chart, market, client_for, requests_for, bars_of, change):
    server = chart(overlapping_pages(market, bars_of, change))
    (result,) = client_for(server, attempts=2).fetch_bars(requests_for("X:A", n=10))
    assert type(result.error) is PagesDisagreeError
    assert "closed bar of 2023-11-11" in str(result.error)
    assert "quant refresh" in str(result.error)
    assert result.bars is None or len(result.bars) == 0


@pytest.mark.parametrize(("said", "truncated"), [("end", False), ("limit", True)])
def test_paging_ends_when_the_server_says_so(chart, market, client_for, requests_for, bars_of, said, truncated):
    async def first(peer, session, n):
        await peer.block(session, bars_of(4))
        await peer.completed(session)

    async def more(peer, session, n):
        await peer.completed(session, said)

    server = chart(market(default=first, more=more))
    (result,) = client_for(server).fetch_bars(requests_for("X:A", n=10))
    assert (len(result.bars), result.history_end, result.history_truncated) == (4, said, truncated)
    assert len(server.said("request_more_data")) == 1


def test_paging_ends_when_the_oldest_bar_stops_moving(chart, market, client_for, requests_for, bars_of):
    async def again(peer, session, n):
        await peer.block(session, bars_of(4))
        await peer.completed(session)

    server = chart(market(default=again, more=again))
    (result,) = client_for(server).fetch_bars(requests_for("X:A", n=10))
    assert (len(result.bars), result.history_end) == (4, "unstated")
    assert len(server.said("request_more_data")) == 1


def test_a_server_that_sends_more_than_asked_gives_the_newest(chart, market, client_for, requests_for):
    async def generous(peer, session, n):
        await peer.history(session, n + 20)

    (result,) = client_for(chart(market(default=generous))).fetch_bars(requests_for("X:A", n=3))
    assert list(result.bars["open_time"]) == list(pd.date_range("2023-11-12", periods=3, tz="UTC"))


def test_a_live_update_does_not_pass_for_an_answer_to_the_request_for_more(chart, market, client_for, requests_for):
    async def first(peer, session, n):
        await peer.history(session, 4)

    async def more(peer, session, n):
        update = {"s": [{"i": 3, "v": [1_699_920_000.0, 1, 2, 3, 4, 5]}], "t": "s1"}
        await peer.say("du", [session, {"sds_1": update}])

    client = client_for(chart(market(default=first, more=more)), symbol_timeout=30.0, more_grace=0.2)
    (result,) = client.fetch_bars(requests_for("X:A", n=10))
    assert (result.status, result.history_end) == (FetchStatus.FETCHED, "unstated")


# -- what bars may look like -------------------------------------------------------------------------------------------


def test_bars_without_volume_and_values_that_are_not_available(chart, market, client_for, requests_for, bars_of):
    async def index(peer, session, n):
        bars = bars_of(3, volume=False)
        bars[1]["v"][2] = 1e100
        await peer.block(session, bars)
        await peer.completed(session)

    (result,) = client_for(chart(market(default=index))).fetch_bars(requests_for("TVC:DXY", n=3))
    assert result.bars["volume"].isna().all()
    assert list(result.bars["high"].isna()) == [False, True, False]


def test_blocks_of_another_version_are_dropped(chart, market, client_for, requests_for, bars_of):
    async def stale(peer, session, n):
        await peer.block(session, bars_of(50), version="s0")
        await peer.history(session, 5)

    (result,) = client_for(chart(market(default=stale))).fetch_bars(requests_for("X:A", n=5))
    assert len(result.bars) == 5


def test_overlapping_blocks_are_merged_and_the_last_received_wins(chart, market, client_for, requests_for, bars_of):
    async def overlapping(peer, session, n):
        await peer.block(session, bars_of(4))
        changed = bars_of(3, start_index=1)
        for bar in changed:
            bar["v"][4] = 7.0
        await peer.block(session, changed)
        await peer.completed(session)

    (result,) = client_for(chart(market(default=overlapping))).fetch_bars(requests_for("X:A", n=4))
    assert result.bars["open_time"].is_monotonic_increasing
    assert result.bars["open_time"].is_unique
    assert list(result.bars["close"][1:]) == [7.0, 7.0, 7.0]
    assert result.bars["close"][0] != 7.0


def test_updates_before_completion_count(chart, market, client_for, requests_for, bars_of):
    async def trading(peer, session, n):
        await peer.block(session, bars_of(2))
        update = {"s": [{"i": 1, "v": [1_699_920_000.0, 1, 9, 1, 8.5, 5]}], "t": "s1"}
        await peer.say("du", [session, {"sds_1": update}])
        await peer.completed(session)

    (result,) = client_for(chart(market(default=trading))).fetch_bars(requests_for("X:A", n=2))
    assert result.bars["close"].iloc[-1] == 8.5


def test_future_tick_marks_and_studies_are_ignored(chart, market, client_for, requests_for):
    async def noisy(peer, session, n):
        await peer.say("timescale_update", [session, {}, {"index": 300}])
        await peer.say("timescale_update", [session, {"st1": {"st": []}}, {}])
        await peer.say("series_timeframe", [session, "sds_1", "s1", 0, 1, "", False])
        await peer.say("series_completed", [session, "other", "streaming", "s1", {}])
        await peer.say("series_completed", [session, "sds_1", "streaming", "s0", {}])
        await peer.raw("2")
        await peer.say("du", ["cs_nobody", {}])
        await peer.history(session, 5)

    (result,) = client_for(chart(market(default=noisy))).fetch_bars(requests_for("X:A"))
    assert len(result.bars) == 5


# -- frames on the wire ------------------------------------------------------------------------------------------------


def test_frames_split_over_messages_and_merged_into_one(chart, client_for, requests_for, bars_of):
    from quant_resources.tradingview.protocol import encode_message

    async def script(peer):
        await peer.hello()
        async for method, params in peer.messages():
            if method != "create_series":
                continue
            session = params[0]
            info = {"description": "Café 🚀 " * 40, "timezone": "Etc/UTC"}
            block = {"s": bars_of(5), "t": "s1"}
            text = encode_message("symbol_resolved", [session, "sds_sym_1", info])
            text += encode_message("timescale_update", [session, {"sds_1": block}, {}])
            text += encode_message("series_completed", [session, "sds_1", "streaming", "s1", {}])
            for start in range(0, len(text), 37):
                await peer.raw(text[start : start + 37])

    (result,) = client_for(chart(script)).fetch_bars(requests_for("X:A"))
    assert result.status is FetchStatus.FETCHED
    assert len(result.bars) == 5
    assert result.info["description"].startswith("Café 🚀")


def test_two_hundred_symbols_of_2500_bars_cost_seconds_and_not_minutes(
    chart, market, client_for, requests_for, bars_of
):
    import orjson

    from quant_resources.tradingview.protocol import encode_message

    text = orjson.dumps({"s": bars_of(2_500), "t": "s1"}).decode()

    async def fast(peer, session, n):
        payload = f'{{"m":"timescale_update","p":["{session}",{{"sds_1":{text}}},{{}}]}}'
        done = encode_message("series_completed", [session, "sds_1", "streaming", "s1", {}])
        await peer.raw(f"~m~{len(payload)}~m~{payload}{done}")

    server = chart(market(default=fast), compression=None)
    client = client_for(server)
    started = time.process_time()
    results = client.fetch_bars(requests_for(*(f"X:S{k}" for k in range(200)), n=2_500))
    seconds = time.process_time() - started  # client and server together
    assert sum(len(result.bars) for result in results) == 500_000
    assert np.isfinite(results[-1].bars["close"]).all()
    assert seconds < 20.0  # 2 to 5 as the machine is busy; a pass over the bars for each message costs minutes
