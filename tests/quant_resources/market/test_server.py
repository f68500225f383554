"""The HTTP side over a real connection, and the life of a server."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from quant_resources.market import (
    Faults,
    MarketServer,
    ParquetSource,
    SyntheticSource,
    parse_clock,
    parse_source,
    serve_forever,
)
from quant_resources.market.errors import AddressError, FolderMissingError, ServerStateError, SourceSyntaxError
from quant_resources.market.sources import MarketSource

CLOCK = parse_clock("2024-03-31")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def market(lab):
    closes = {"BTCUSDT": 3.0, "ETHUSDT": 2.0, "BTCUSDT.P": 1.0}
    series = {f"BINANCE:{name}": lab.make_bars([start + day for day in range(91)]) for name, start in closes.items()}
    perp = {"type": "swap", "typespecs": ("crypto", "perpetual")}
    return lab.ListSource(series, {"BINANCE:BTCUSDT.P": perp})


@pytest.fixture(scope="module")
def server(market):
    with MarketServer(market, CLOCK) as running:
        yield running


def call(url, body=None, method=None, headers=None):
    """Status, headers and text of a request."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def ask(server, path, body=None, **options):
    status, headers, text = call(server.url + path, body, **options)
    assert headers.get_content_type() == "application/json"
    return status, json.loads(text)


def test_a_scan_answers_in_the_vendors_shape(server):
    body = {
        "columns": ["name", "close", "market_cap_calc", "typespecs"],
        "filter": [{"left": "close", "operation": "greater", "right": 91}],
        "sort": {"sortBy": "close", "sortOrder": "desc"},
        "range": [0, 1],
    }
    status, _, text = call(server.url + "/crypto/scan?label-product=screener-crypto", body)
    assert status == 200
    assert text == '{"totalCount":2,"data":[{"s":"BINANCE:BTCUSDT","d":["BTCUSDT",93.0,null,["crypto"]]}]}'


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_the_content_type_does_not_matter(server, kind):
    status, answer = ask(server, "/crypto/scan", {"columns": ["name"]}, headers={"Content-Type": kind})
    assert (status, answer["totalCount"]) == (200, 3)


def test_scan2(server):
    status, answer = ask(server, "/crypto/scan2", {"columns": ["name", "close"], "range": [0, 1]})
    assert status == 200
    assert answer == {
        "totalCount": 3,
        "fields": ["name", "close"],
        "symbols": [{"s": "BINANCE:BTCUSDT", "f": ["BTCUSDT", 93.0]}],
        "time": int(CLOCK.timestamp()),
    }


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"columns": ["change.5"]}, 'Unknown field "change.5"'),
        ({"filter": [{"left": "closse", "operation": "equal", "right": 1}]}, 'Unknown field "closse"'),
        ({"sort": {"sortBy": "closse", "sortOrder": "asc"}}, 'Unknown field "closse"'),
        ({"filter": [{"left": "close", "operation": "like", "right": 1}]}, 'Unknown operation "like"'),
        ({"range": [-1, 5]}, "Invalid range [-1, 5]"),
    ],
)
def test_refusals(server, body, error):
    assert ask(server, "/crypto/scan", body) == (400, {"totalCount": 0, "error": error, "data": None})


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 10_000, b"\xff\xfe", b"[]", b"NaN"])
def test_bodies_that_are_no_request(server, body):
    status, answer = ask(server, "/crypto/scan", body, method="POST")
    assert status == 400
    assert answer["totalCount"] == 0
    assert answer["data"] is None
    assert answer["error"]


def test_methods_and_markets_that_are_not_there(server):
    assert call(server.url + "/crypto/scan")[0] == 405
    assert call(server.url + "/moon/scan", {})[0] == 404
    assert call(server.url + "/moon/metainfo")[0] == 404
    assert call(server.url + "/crypto/metainfo", method="DELETE")[0] == 405
    assert ask(server, "/america/scan", {"columns": ["name"]}) == (200, {"totalCount": 0, "data": []})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_metainfo(server, method):
    status, answer = ask(server, "/crypto/metainfo", method=method)
    assert status == 200
    fields = {field["n"]: field for field in answer["fields"]}
    assert fields["close"] == {"n": "close", "t": "price", "r": None}
    assert fields["type"] == {"n": "type", "t": "text", "r": ["spot", "swap"]}
    assert fields["RSI"]["t"] == "number"
    assert len(fields) > 500


def test_symbol_facts(server):
    fields = "close,RSI[1]|1W,ADX+DI,nonsense,exchange.tr,typespecs"
    status, answer = ask(server, f"/symbol?symbol=BINANCE:BTCUSDT&fields={urllib.parse.quote(fields)}&no_404=true")
    assert status == 200
    assert list(answer) == fields.split(",")
    assert (answer["close"], answer["nonsense"], answer["exchange.tr"], answer["typespecs"]) == (
        93.0,
        None,
        "Binance",
        ["crypto"],
    )
    assert ask(server, "/symbol?symbol=BINANCE:NOPE&fields=close") == (404, {"code": "symbol_not_exists"})
    assert ask(server, "/symbol?symbol=BINANCE:NOPE&fields=close&no_404=true") == (200, None)


def test_symbol_search(server):
    status, answer = ask(server, "/symbol_search/?text=BTCUSDT&exchange=BINANCE&hl=1")
    assert status == 200
    assert [hit["symbol"] for hit in answer] == ["BTCUSDT", "BTCUSDT.P"]
    assert ask(server, "/symbol_search?text=BTCUSDT&exchange=BINANCE") == (status, answer)
    assert len(ask(server, "/symbol_search/v3?text=usdt")[1]["symbols"]) == 3
    status, answer = ask(server, "/symbol_search/v3/?text=usdt&start=1")
    assert (status, len(answer["symbols"]), answer["symbols_remaining"]) == (200, 2, 0)
    assert call(server.url + "/symbol_search/v3/?text=usdt&start=x")[0] == 400
    assert ask(server, "/symbol_search/?text=KRAKEN:BTCUSDT") == (200, [])


def test_login_pages_issue_tokens(server):
    form = urllib.parse.urlencode({"username": "a", "password": "b", "remember": "on"}).encode()
    _, answer = ask(server, "/accounts/signin/", form)
    assert answer["error"] == ""
    assert answer["user"]["auth_token"].startswith("loopback_")
    _, refused = ask(server, "/accounts/signin/", b"username=a")
    assert refused["error"]
    assert ask(server, "/quote_token/")[1].startswith("loopback_")
    assert '"auth_token":"loopback_' in call(server.url + "/")[2]


def test_refusals_on_purpose(market):
    with MarketServer(market, CLOCK, Faults(http_429=1.0, retry_after="3")) as server:
        status, headers, _ = call(server.url + "/crypto/scan", {})
        assert (status, headers["Retry-After"]) == (429, "3")
        assert call(server.url + "/symbol?symbol=BINANCE:BTCUSDT&fields=close")[0] == 429
        assert server.committed["http_429"] == 2
    with MarketServer(market, CLOCK, Faults(http_503=1.0)) as server:
        status, headers, text = call(server.url + "/crypto/scan", {})
        assert (status, headers.get_content_type()) == (503, "text/html")
        assert "<html>" in text
    with MarketServer(market, CLOCK, Faults(truncate=1.0)) as server, pytest.raises(json.JSONDecodeError):
        ask(server, "/crypto/scan", {"columns": ["name"]})


def test_faults_strike_the_same_requests_every_time(market):
    def statuses():
        with MarketServer(market, CLOCK, Faults(http_429=0.4, seed=5)) as server:
            return [call(server.url + "/crypto/scan", {})[0] for _ in range(30)]

    first = statuses()
    assert first == statuses()
    assert 0 < first.count(429) < 30


def test_requests_are_counted(market):
    with MarketServer(market, CLOCK) as server:
        for _ in range(3):
            call(server.url + "/crypto/scan", {})
        assert server.counters["scan"] == 3


# ------------------------------------------------------------------------ life


def test_a_server_starts_stops_and_starts_again(market):
    before = threading.active_count()
    server = MarketServer(market, CLOCK)
    with pytest.raises(ServerStateError):
        _ = server.url
    for _ in range(2):
        url = server.start()
        assert url == server.url
        assert call(url + "/crypto/scan", {})[0] == 200
        with pytest.raises(ServerStateError):
            server.start()
        server.stop()
        server.stop()
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(url, timeout=2)
    assert threading.active_count() == before


def test_a_taken_port_is_an_error_and_leaves_nothing_behind(market):
    before = threading.active_count()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AddressError, match=str(port)):
            MarketServer(market, CLOCK).start(port)
    assert threading.active_count() == before


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", "::"])
def test_only_loopback_is_served(market, host):
    with pytest.raises(AddressError, match="loopback"):
        MarketServer(market, CLOCK).start(host=host)
    with pytest.raises(AddressError, match="loopback"):
        serve_forever(market, CLOCK, host=host)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_in_the_main_thread_ends_cleanly_on_a_signal(number):
    code = (
        "from quant_resources.market import *\n"
        "serve_forever(parse_source('synthetic'), parse_clock('2020-03-01'), port=0,"
        " on_ready=lambda url: print(url, flush=True))\n"
        "print('done', flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        url = process.stdout.readline().strip()
        assert call(url + "/crypto/scan", {"columns": ["close"], "range": [0, 1]})[0] == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, out.strip(), err) == (0, "done", "")


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, quant_resources.market as market\n"
        "from quant_resources.market import Clock, Faults, MarketServer, parse_clock, parse_source\n"
        "parse_source('synthetic')\n"
        "print([name for name in ('aiohttp', 'numba', 'pandas', 'pyarrow', 'dagster') if name in sys.modules])\n"
        "print(sorted(set(market.__all__) - set(market._HOME)))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert out.stdout.split("\n")[:2] == ["[]", "[]"]


# --------------------------------------------------------------------- sources


def test_sources_are_read_from_text(tmp_path, lab):
    assert parse_source("synthetic").name == "synthetic:42"
    assert parse_source("synthetic:7").name == "synthetic:7"
    import pandas as pd

    bars = lab.make_bars([1.0, 2.0])
    stamps = pd.to_datetime(bars.time, unit="s", utc=True)
    frame = pd.DataFrame(bars.values, columns=["open", "high", "low", "close", "volume"]).assign(
        symbol="A", timestamp=stamps
    )
    frame.to_parquet(tmp_path / "a.parquet")
    source = parse_source(f"parquet:{tmp_path}", exchange="NASDAQ", asset_type="equity")
    assert list(source.instruments()) == ["NASDAQ:A"]
    written = parse_source(f"parquet:{tmp_path}?exchange=NYSE&asset_type=etf")
    assert [(one.symbol, one.type) for one in written.instruments().values()] == [("NYSE:A", "fund")]
    assert isinstance(source, MarketSource)
    assert isinstance(source, ParquetSource)
    assert isinstance(SyntheticSource(), MarketSource)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "synth",
        "synthetic:x",
        "synthetic:-1",
        "parquet",
        "parquet:",
        "parquet:?exchange=X",
        "parquet:a?b=c",
        "csv:folder",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(SourceSyntaxError):
        parse_source(text)


def test_a_missing_folder_is_named():
    with pytest.raises(FolderMissingError, match="/no/such/folder"):
        parse_source("parquet:/no/such/folder")
