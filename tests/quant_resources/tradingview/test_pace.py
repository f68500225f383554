"""One pace, one pause and one switch for all processes of a home."""

import asyncio
import subprocess
import sys
import time

import orjson
import pytest
from aiohttp import web

from quant_resources.tradingview import (
    FetchStatus,
    Limits,
    MarketOffError,
    RateLimitedError,
    Runtime,
    TradingViewClient,
)
from quant_resources.tradingview._pace import Gate, Pace
from quant_resources.tradingview.resource import TradingViewResource, switch_of

WORKER = """
import sys
from pathlib import Path
from quant_resources.tradingview import Endpoints, Limits, Runtime, TradingViewClient
from quant_resources.tradingview._pace import Gate, Pace
url, home, rate, n = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
plain = Runtime()
gate = Gate(Pace(Path(home), "provider", rate), 120.0, plain.sleep, plain.monotonic)
client = TradingViewClient(Endpoints.at(url), Limits.loopback(), anonymous=True, runtime=Runtime(gate=gate))
print("ready", flush=True)
sys.stdin.readline()
results = client.symbol_facts([f"X:S{k}" for k in range(n)], ["close"])
print(sum(result.values is not None for result in results), flush=True)
"""
PROCESSES, EACH, RATE = 4, 25, 40.0


class Counted:
    """A screener that notes when each request arrived; the `refused`-th is told to wait."""

    def __init__(self, refused=None, retry_after="1"):
        self.arrivals, self.refused, self.retry_after = [], refused, retry_after
        self.told_at = None

    async def __call__(self, request, body):
        now = time.monotonic()
        if len(self.arrivals) + 1 == self.refused and self.told_at is None:
            self.told_at = now
            return web.Response(status=429, headers={"Retry-After": self.retry_after})
        self.arrivals.append(now)
        return web.Response(body=orjson.dumps({"close": 1.0, "totalCount": 0, "data": []}))


def race(url, home):
    """Let several processes ask for everything at once; return how many answers each got."""
    command = [sys.executable, "-c", WORKER, url, str(home), str(RATE), str(EACH)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, **pipes) for _ in range(PROCESSES)]
    try:
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        return [int(worker.communicate(timeout=60)[0]) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def most_within(arrivals, seconds):
    moments = sorted(arrivals)
    return max(sum(start <= moment < start + seconds for moment in moments) for start in moments)


def url_of(server):
    return server.endpoints.screener


@pytest.mark.slow  # a busy machine squeezes arrivals: it is measured where nothing else runs
def test_four_processes_together_keep_the_rate(screener, tmp_path):
    counted = Counted()
    server = screener(counted)
    assert race(url_of(server), tmp_path) == [EACH] * PROCESSES
    # The right to send is stamped in the file; how long a request then travels is the machine's doing, and a busy one
    # may squeeze a few requests of a second together.
    assert most_within(counted.arrivals, 1.0) <= RATE * 1.1
    assert max(counted.arrivals) - min(counted.arrivals) >= (PROCESSES * EACH - 1) / RATE * 0.95


@pytest.mark.slow
def test_a_pause_told_to_one_process_holds_all(screener, tmp_path):
    counted = Counted(refused=30)
    server = screener(counted)
    assert race(url_of(server), tmp_path) == [EACH] * PROCESSES
    in_flight = [moment for moment in counted.arrivals if counted.told_at < moment < counted.told_at + 1.0]
    assert len(in_flight) <= PROCESSES  # what had left before the answer came back
    assert all(moment < counted.told_at + 0.2 for moment in in_flight)


def gate(pace, clock, longest=120.0):
    async def sleep(seconds):
        clock[0] += seconds

    return Gate(pace, longest, sleep, lambda: clock[0])


def test_each_request_of_a_gate_is_one_interval_after_the_last(tmp_path):
    clock, granted = [1000.0], []
    door = gate(Pace(tmp_path, "host:1", 4.0), clock)

    async def one():
        await door.turn()
        granted.append(clock[0])

    async def all_at_once():
        await asyncio.gather(*(one() for _ in range(9)))

    asyncio.run(all_at_once())
    asyncio.run(one())  # another event loop
    assert [moment - 1000.0 for moment in granted] == pytest.approx([0.25 * k for k in range(10)], abs=1e-5)


def test_a_pause_is_kept_to_its_end_and_a_shorter_one_does_not_end_it(tmp_path):
    clock = [50.0]
    first, other = (gate(Pace(tmp_path, "host", 0.0), clock) for _ in range(2))
    first.told(30.0)
    other.told(2.0)
    first.told(None)
    asyncio.run(other.turn())
    assert clock[0] >= 80.0
    first.told(500.0)
    with pytest.raises(RateLimitedError) as caught:
        asyncio.run(other.turn())
    assert caught.value.retry_after == pytest.approx(500.0)


@pytest.mark.parametrize("text", [b"", b"garbage", b"another-boot 9e9 9e9", b"\xff" * 128])
def test_what_another_boot_or_nobody_wrote_holds_nothing_back(tmp_path, text):
    (tmp_path / "pace-host").write_bytes(text)
    assert Pace(tmp_path, "host", 1.0).take(5.0) == (0.0, 0.0)
    free, closed = Pace(tmp_path, "host", 1.0).take(5.0)
    assert (free, closed) == (pytest.approx(1.0), 0.0)


def test_switched_off_nothing_is_sent(screener, chart, market, tmp_path, requests_for):
    switch_of(tmp_path).parent.mkdir()
    switch_of(tmp_path).write_text("the provider asked us to stop\n")
    counted, script = Counted(), market()
    with TradingViewResource(url=url_of(screener(counted)), home=str(tmp_path)).client() as client:
        result = client.symbol_facts(["X:A"], ["close"])[0]
    assert isinstance(result.error, MarketOffError)
    assert "the provider asked us to stop" in str(result.error)
    assert "quant market on" in str(result.error)
    line = chart(script)
    with TradingViewResource(url=url_of(line), home=str(tmp_path)).client() as client:
        with pytest.raises(MarketOffError):
            client.clock()
        bars = client.fetch_bars(requests_for("X:A", "X:B"))
    assert [type(result.error) for result in bars] == [MarketOffError, MarketOffError]
    assert (counted.arrivals, line.handshakes) == ([], [])
    switch_of(tmp_path).unlink()
    with TradingViewResource(url=url_of(line), home=str(tmp_path)).client() as client:
        assert client.fetch_bars(requests_for("X:A"))[0].status is FetchStatus.FETCHED


def test_the_switch_stops_a_fetch_that_is_running(chart, market, tmp_path, requests_for):
    script = market()
    line = chart(script)

    def switch_off(result):
        if result.symbol == "X:S3":
            switch_of(tmp_path).write_text("enough")

    with TradingViewResource(url=url_of(line), home=str(tmp_path), concurrency=1).client() as client:
        results = client.fetch_bars(requests_for(*(f"X:S{k}" for k in range(10))), on_result=switch_off)
    assert [result.status is FetchStatus.FETCHED for result in results] == [True] * 4 + [False] * 6
    assert all(isinstance(result.error, MarketOffError) for result in results[4:])
    assert script.served == [f"X:S{k}" for k in range(4)]


def test_the_setting_off_is_an_error_before_anything_is_opened():
    with pytest.raises(MarketOffError, match="QUANT_MARKET_URL"), TradingViewResource(url="off").client():
        pass


def test_chart_sessions_and_handshakes_keep_the_rate(chart, market, tmp_path, requests_for):
    times = []

    async def timed(peer, session, n):
        times.append(time.monotonic())
        await peer.history(session, n)

    line = chart(market(default=timed))
    with TradingViewResource(url=url_of(line), home=str(tmp_path), rate=20.0).client() as client:
        started = time.monotonic()
        results = client.fetch_bars(requests_for(*(f"X:S{k}" for k in range(12))))
    assert all(result.status is FetchStatus.FETCHED for result in results)
    assert times[-1] - started >= 12 / 20.0 * 0.95  # the handshake was the first of thirteen


def test_a_client_without_a_gate_never_waits(screener):
    client = TradingViewClient(screener(Counted()).endpoints, Limits(), anonymous=True, runtime=Runtime())
    assert client.symbol_facts(["X:A"], ["close"])[0].error is None
