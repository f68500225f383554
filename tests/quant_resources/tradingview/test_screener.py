"""Scans: pages in order, few at once, and every kind of bad answer by its name."""

from __future__ import annotations

import asyncio
import math

import pandas as pd
import pytest
from aiohttp import web

from quant_resources.tradingview import (
    BadRequestError,
    Filter,
    InvalidRequestError,
    MalformedDataError,
    ProviderDownError,
    RateLimitedError,
    RedirectRefusedError,
    RefusedError,
    ScanRequest,
    UnknownFieldError,
    UnreachableError,
)

REQUEST = ScanRequest("crypto", ("name", "close"), page_size=10)


def rows(start, stop):
    return [{"s": f"X:S{k:04d}", "d": [f"S{k:04d}", float(k)]} for k in range(start, stop)]


def table(total):
    async def handler(request, body):
        start, stop = body["range"]
        return web.json_response({"totalCount": total, "data": rows(start, min(stop, total))})

    return handler


def answers(*responses):
    queue = list(responses)

    async def handler(request, body):
        make = queue.pop(0) if len(queue) > 1 else queue[0]
        return make()

    return handler


def json(document, status=200, **headers):
    return lambda: web.json_response(document, status=status, headers=headers)


def html(status, **headers):
    text = "<html><body>busy</body></html>"
    return lambda: web.Response(status=status, text=text, content_type="text/html", headers=headers)


GOOD = json({"totalCount": 1, "data": [{"s": "X:A", "d": ["A", 1]}]})


def test_all_pages_in_the_servers_order(screener, client_for):
    server = screener(table(95))
    result = client_for(server).scan(REQUEST)
    assert result.total == 95
    assert list(result.frame["symbol"]) == [f"X:S{k:04d}" for k in range(95)]
    assert list(result.frame.columns) == ["symbol", "name", "close"]
    assert result.frame["close"].tolist() == [float(k) for k in range(95)]
    assert sorted(body["range"] for body in server.bodies) == [[k, min(k + 10, 95)] for k in range(0, 95, 10)]
    assert set(server.paths) == {"/crypto/scan"}
    assert (result.missing, result.repeated) == (0, ())


@pytest.mark.parametrize(("limit", "asked"), [(5, [[0, 5]]), (10, [[0, 10]]), (25, [[0, 10], [10, 20], [20, 25]])])
def test_only_as_many_rows_as_wanted_are_asked_for(screener, client_for, limit, asked):
    server = screener(table(95))
    result = client_for(server).scan(REQUEST, max_rows=limit)
    assert (len(result.frame), result.total, result.missing) == (limit, 95, 0)
    assert sorted(body["range"] for body in server.bodies) == asked


def test_at_most_four_requests_are_in_flight(screener, client_for):
    """The server answers only once four have come; a fifth would be seen."""
    gate = {"event": None, "waiting": 0}

    async def handler(request, body):
        start, stop = body["range"]
        if start > 0:
            gate["waiting"] += 1
            gate["event"] = gate["event"] or asyncio.Event()
            if gate["waiting"] >= 4:
                gate["event"].set()
            await gate["event"].wait()
        return web.json_response({"totalCount": 200, "data": rows(start, stop)})

    server = screener(handler)
    result = client_for(server).scan(REQUEST)
    assert len(result.frame) == 200
    assert server.most_in_flight == 4


def test_the_body_that_is_sent(screener, client_for):
    server = screener(GOOD_HANDLER)
    request = ScanRequest(
        "crypto",
        ("name", "RSI|240"),
        (Filter("exchange", "equal", "BINANCE"), Filter("name", "match", "USDT$"), Filter("close", "nempty")),
        sort_by="Value.Traded",
        sort_order="asc",
        page_size=50,
        symbols=("BINANCE:BTCUSDT",),
    )
    client_for(server).scan(request)
    assert server.bodies == [
        {
            "markets": ["crypto"],
            "symbols": {"query": {"types": []}, "tickers": ["BINANCE:BTCUSDT"]},
            "options": {"lang": "en"},
            "columns": ["name", "RSI|240"],
            "filter": [
                {"left": "exchange", "operation": "equal", "right": "BINANCE"},
                {"left": "name", "operation": "match", "right": "USDT$"},
                {"left": "close", "operation": "nempty", "right": None},
            ],
            "range": [0, 50],
            "sort": {"sortBy": "Value.Traded", "sortOrder": "asc"},
        }
    ]
    assert "Cookie" not in server.headers[0]


async def GOOD_HANDLER(request, body):
    return GOOD()


def test_types_of_columns(screener, client_for):
    data = [
        {"s": "X:A", "d": [1, None, "a", True, ["crypto"], 1e100, None]},
        {"s": "X:B", "d": [2.5, 3, None, False, None, 7, None]},
    ]
    request = ScanRequest("crypto", ("mixed", "gap", "text", "flag", "tags", "absent", "nothing"))
    frame = client_for(screener(answers(json({"totalCount": 2, "data": data})))).scan(request).frame
    assert frame["mixed"].tolist() == [1.0, 2.5]
    assert frame["mixed"].dtype == frame["gap"].dtype == frame["absent"].dtype == frame["nothing"].dtype == "float64"
    assert math.isnan(frame["gap"][0])
    assert frame["absent"].isna().tolist() == [True, False]
    assert isinstance(frame["text"].dtype, pd.StringDtype)
    assert frame["text"].isna().tolist() == [False, True]
    assert frame["flag"].tolist() == [True, False]
    assert frame["tags"].tolist() == [["crypto"], None]


@pytest.mark.parametrize("data", [None, []])
def test_no_rows(screener, client_for, data):
    result = client_for(screener(answers(json({"totalCount": 0, "data": data})))).scan(REQUEST)
    assert (result.total, len(result.frame)) == (0, 0)
    assert list(result.frame.columns) == ["symbol", "name", "close"]


def test_rows_that_were_announced_and_not_sent_are_counted(screener, client_for):
    async def handler(request, body):
        start, stop = body["range"]
        return web.json_response({"totalCount": 30, "data": rows(start, stop) if start < 20 else None})

    result = client_for(screener(handler)).scan(REQUEST)
    assert (len(result.frame), result.missing) == (20, 10)


def test_a_row_that_moved_to_the_next_page_is_kept_once(screener, client_for):
    async def handler(request, body):
        start, stop = body["range"]
        shift = 1 if start else 0
        return web.json_response({"totalCount": 20, "data": rows(start - shift, stop - shift)})

    result = client_for(screener(handler)).scan(REQUEST)
    assert result.frame["symbol"].is_unique
    assert result.repeated == ("X:S0009",)


# -- answers that are no success ---------------------------------------------------------------------------------------

UNKNOWN = {"totalCount": 0, "error": 'Unknown field "change.5"', "data": None}


@pytest.mark.parametrize("status", [200, 400])
def test_an_unknown_field_is_named_whatever_the_status(screener, client_for, naps, status):
    server = screener(answers(json(UNKNOWN, status)))
    with pytest.raises(UnknownFieldError) as caught:
        client_for(server).scan(REQUEST)
    assert caught.value.field == "change.5"
    assert (len(server.bodies), naps.taken) == (1, [])


@pytest.mark.parametrize(
    ("response", "error_class", "tries"),
    [
        (json({"totalCount": 0, "error": "bad range", "data": None}, 400), BadRequestError, 1),
        (json({"totalCount": 0, "error": "bad range", "data": None}, 200), BadRequestError, 1),
        (html(400), BadRequestError, 1),
        (html(404), BadRequestError, 1),
        (html(405), BadRequestError, 1),
        (html(403), RefusedError, 1),
        (html(302, Location="http://elsewhere.example/"), RedirectRefusedError, 1),
        (html(429), RateLimitedError, 3),
        (html(500), ProviderDownError, 3),
        (html(503), ProviderDownError, 3),
        (html(200), MalformedDataError, 3),
        (json({"data": []}), MalformedDataError, 3),
        (json({"totalCount": True, "data": []}), MalformedDataError, 3),
        (json([1]), MalformedDataError, 3),
        (json({"totalCount": 1, "data": {}}), MalformedDataError, 3),
        (json({"totalCount": 1, "data": [{"d": ["A", 1]}]}), MalformedDataError, 3),
        (json({"totalCount": 1, "data": [{"s": "X:A", "d": ["A"]}]}), MalformedDataError, 3),
        (json({"totalCount": 1, "data": [None]}), MalformedDataError, 3),
    ],
)
def test_each_bad_answer_has_its_class(screener, client_for, response, error_class, tries):
    server = screener(answers(response))
    with pytest.raises(error_class) as caught:
        client_for(server, http_attempts=3).scan(REQUEST)
    assert type(caught.value) is error_class
    assert len(server.bodies) == tries
    assert "127.0.0.1" in str(caught.value)


def test_passing_trouble_is_waited_out(screener, client_for, naps):
    server = screener(
        answers(html(503), html(429, **{"Retry-After": "11"}), html(200), html(502, **{"Retry-After": "20"}), GOOD)
    )
    result = client_for(server).scan(REQUEST)
    assert list(result.frame["symbol"]) == ["X:A"]
    assert naps.taken == [2.0, 11.0, 8.0, 20.0]


def test_a_date_to_wait_for(screener, client_for, naps):
    headers = {"Retry-After": "Thu, 01 Jan 2026 00:00:40 GMT", "Date": "Thu, 01 Jan 2026 00:00:10 GMT"}
    client_for(screener(answers(html(429, **headers), GOOD))).scan(REQUEST)
    assert naps.taken == [30.0]


def test_one_failing_page_fails_the_scan(screener, client_for):
    async def handler(request, body):
        start, stop = body["range"]
        if start == 40:
            return web.json_response({"totalCount": 95, "error": "bad range", "data": None}, status=400)
        return web.json_response({"totalCount": 95, "data": rows(start, min(stop, 95))})

    with pytest.raises(BadRequestError):
        client_for(screener(handler)).scan(REQUEST)


def test_a_dropped_connection(screener, client_for):
    async def handler(request, body):
        request.transport.abort()
        return web.Response()

    with pytest.raises(UnreachableError):
        client_for(screener(handler), http_attempts=2).scan(REQUEST)


def test_no_answer_in_time(screener, client_for):
    async def handler(request, body):
        await asyncio.Event().wait()

    with pytest.raises(UnreachableError, match="no answer"):
        client_for(screener(handler), http_attempts=1, request_timeout=0.1).scan(REQUEST)


def test_a_body_larger_than_allowed(screener, client_for):
    async def handler(request, body):
        return web.Response(body=b" " * 300_000)

    with pytest.raises(MalformedDataError, match="more than"):
        client_for(screener(handler), http_attempts=1, max_message_bytes=100_000).scan(REQUEST)


@pytest.mark.parametrize(
    "arguments",
    [
        {"market": "Crypto/../x"},
        {"columns": ("close", "close")},
        {"columns": ("symbol",)},
        {"sort_order": "up"},
        {"page_size": 0},
    ],
)
def test_scans_are_checked_before_anything_is_sent(arguments):
    with pytest.raises(InvalidRequestError):
        ScanRequest(**({"market": "crypto", "columns": ("close",)} | arguments))


def test_filter_operations_are_checked():
    assert Filter("name", "nmatch", "x").operation == "nmatch"
    with pytest.raises(InvalidRequestError, match="between"):
        Filter("close", "between", [1, 2])
