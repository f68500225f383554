"""The login: only from the environment, only where it is safe, and visible nowhere."""

from __future__ import annotations

import base64
import copy
import logging
import pickle
import traceback

import orjson
import pytest
from aiohttp import web

from quant_resources.tradingview import (
    Endpoints,
    FetchStatus,
    InsecureTokenError,
    Limits,
    LoginExpiredError,
    ScanRequest,
    TradingViewClient,
    TradingViewError,
)
from quant_resources.tradingview._secret import Credentials, Secret, clean_text

CANARY = "canary-5f3c9a71"
CLOCK = 1_700_006_400


def jwt(expiry):
    def part(document):
        return base64.urlsafe_b64encode(orjson.dumps(document)).decode().rstrip("=")

    return f"{part({'alg': 'RS512'})}.{part({'user_id': 1, 'exp': expiry})}.{CANARY}"


def shown(error):
    """Everything a person, a log or a crash reporter could see of an error."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "\n".join((str(error), repr(error), repr(vars(error)), *report.format()))


@pytest.fixture
def login(monkeypatch, naps, caplog):
    caplog.set_level(logging.DEBUG)

    def make(server, token="", session="", **limits):
        monkeypatch.setenv("QUANT_TRADINGVIEW_TOKEN", token)
        monkeypatch.setenv("QUANT_TRADINGVIEW_SESSIONID", session)
        monkeypatch.setenv("QUANT_TRADINGVIEW_SESSIONID_SIGN", f"{session}-sign" if session else "")
        endpoints = server if isinstance(server, Endpoints) else server.endpoints
        patient = {"symbol_timeout": 60.0, "data_timeout": 120.0} | limits
        return TradingViewClient(endpoints, Limits(**patient), runtime=naps.runtime())

    yield make
    ours = [record for record in caplog.get_records("call") if record.name != "websockets.server"]
    assert ours  # the logs are on
    assert not [record for record in ours if CANARY in record.getMessage()]


async def log_out(peer, session, n):
    await peer.say("protocol_error", [f"bad auth token {CANARY}"])
    await peer.close(1008, f"because {CANARY}")


def test_the_token_is_sent_and_shown_nowhere(chart, market, login, requests_for):
    server = chart(market())
    client = login(server, token=CANARY)
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert server.said("set_auth_token") == [[CANARY]]
    assert result.status is FetchStatus.FETCHED
    assert CANARY not in repr(client) + repr(vars(client)) + repr(result)


def test_anonymous_ignores_the_environment(chart, market, login, naps, requests_for):
    server = chart(market())
    login(server, token=CANARY)
    TradingViewClient(server.endpoints, anonymous=True, runtime=naps.runtime()).fetch_bars(requests_for("X:A"))
    assert server.said("set_auth_token") == [["unauthorized_user_token"]]


def test_a_rejected_token_is_an_expired_login_for_every_symbol(chart, market, login, naps, requests_for):
    server = chart(market(default=log_out))
    results = login(server, token=CANARY).fetch_bars(requests_for("X:A", "X:B", "X:C"))
    assert {type(result.error) for result in results} == {LoginExpiredError}
    assert {result.status for result in results} == {FetchStatus.PERMISSION_DENIED}
    assert "QUANT_TRADINGVIEW_TOKEN" in str(results[0].error)
    assert len(server.connections) == 1
    assert naps.taken == []
    for result in results:
        assert CANARY not in shown(result.error) + repr(result)


def test_a_token_whose_time_is_over_is_not_even_sent(chart, market, login, requests_for):
    server = chart(market())
    (result,) = login(server, token=jwt(CLOCK - 1)).fetch_bars(requests_for("X:A"))
    assert type(result.error) is LoginExpiredError
    assert server.said("set_auth_token") == []
    assert CANARY not in shown(result.error)


def test_a_token_with_time_left_is_sent(chart, market, login, requests_for):
    server = chart(market())
    (result,) = login(server, token=jwt(CLOCK + 3600)).fetch_bars(requests_for("X:A"))
    assert result.status is FetchStatus.FETCHED


def test_silence_after_the_tokens_time_is_an_expired_login(chart, market, login, requests_for):
    async def mute(peer, session, n):
        pass

    server = chart(market(default=mute))
    client = login(server, token=jwt(CLOCK + 0.05), data_timeout=0.2)
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert type(result.error) is LoginExpiredError
    assert CANARY not in shown(result.error)


@pytest.mark.parametrize("chatter", ["symbol_error", "series_error", "critical_error"])
def test_a_server_that_repeats_the_token_is_masked(chart, market, login, requests_for, chatter):
    async def gossip(peer, session, n):
        await peer.say(chatter, [session, CANARY, CANARY, f"about {CANARY}", CANARY])

    (result,) = login(chart(market(default=gossip)), token=CANARY, attempts=1).fetch_bars(requests_for("X:A"))
    assert isinstance(result.error, TradingViewError)
    assert CANARY not in shown(result.error) + repr(result)


def test_a_damaged_message_with_the_token_is_masked(chart, market, login, requests_for):
    async def garble(peer, session, n):
        for _ in range(9):
            broken = f'{{"p":["{session}"],"secret":"{CANARY}"'
            await peer.raw(f"~m~{len(broken)}~m~{broken}")

    server = chart(market(default=garble))
    (result,) = login(server, token=CANARY, attempts=1, malformed_limit=3).fetch_bars(requests_for("X:A"))
    assert CANARY not in shown(result.error)


def test_a_token_never_leaves_the_machine_unencrypted(login, requests_for):
    client = login(Endpoints.at("http://market.example"), token=CANARY)
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert type(result.error) is InsecureTokenError
    with pytest.raises(InsecureTokenError) as caught:
        client.clock()
    assert CANARY not in shown(caught.value)


def test_a_cookie_never_leaves_the_machine_unencrypted(login):
    client = login(Endpoints.at("http://market.example"), session=CANARY)
    with pytest.raises(InsecureTokenError) as caught:
        client.scan(ScanRequest("crypto", ("close",)))
    assert CANARY not in shown(caught.value)


# -- cookies -----------------------------------------------------------------------------------------------------------


def site(chart_server, screener_server):
    return Endpoints(
        screener=screener_server.endpoints.screener,
        chart=chart_server.endpoints.chart,
        site=screener_server.endpoints.site,
    )


def test_cookies_are_exchanged_for_a_token(chart, screener, market, login, requests_for):
    async def handler(request, body):
        assert request.path == "/quote_token/"
        return web.json_response(f"token-{CANARY}")

    sockets, http = chart(market()), screener(handler)
    (result,) = login(site(sockets, http), session=CANARY).fetch_bars(requests_for("X:A"))
    assert result.status is FetchStatus.FETCHED
    assert sockets.said("set_auth_token") == [[f"token-{CANARY}"]]
    assert http.headers[0]["Cookie"] == f"sessionid={CANARY}; sessionid_sign={CANARY}-sign"


def test_an_expired_token_is_renewed_once(chart, screener, market, login, requests_for):
    tokens = iter(["old", "new"])

    async def handler(request, body):
        return web.json_response(next(tokens))

    script = market()

    async def accept_new(peer, session, n):
        if peer.number == 1:
            await log_out(peer, session, n)
        else:
            await peer.history(session, n)

    script.default = accept_new
    sockets = chart(script)
    results = login(site(sockets, screener(handler)), session=CANARY).fetch_bars(requests_for("X:A", "X:B"))
    assert {result.status for result in results} == {FetchStatus.FETCHED}
    assert sockets.said("set_auth_token") == [["old"], ["new"]]


def test_renewal_does_not_go_on_forever(chart, screener, market, login, requests_for):
    async def handler(request, body):
        return web.json_response("stale")

    sockets = chart(market(default=log_out))
    (result,) = login(site(sockets, screener(handler)), session=CANARY).fetch_bars(requests_for("X:A"))
    assert type(result.error) is LoginExpiredError
    assert len(sockets.connections) == 2


@pytest.mark.parametrize("answer", [{"error": "no session"}, "", 5])
def test_a_cookie_that_gives_no_token(chart, screener, market, login, requests_for, answer):
    async def handler(request, body):
        return web.json_response(answer)

    sockets = chart(market())
    (result,) = login(site(sockets, screener(handler)), session=CANARY).fetch_bars(requests_for("X:A"))
    assert isinstance(result.error, TradingViewError)
    assert sockets.connections == []
    assert CANARY not in shown(result.error)


def test_failures_of_a_scan_with_cookies_show_nothing(screener, login):
    async def handler(request, body):
        request.transport.abort()
        return web.Response()

    client = login(screener(handler), session=CANARY, http_attempts=1)
    with pytest.raises(TradingViewError) as caught:
        client.scan(ScanRequest("crypto", ("close",)))
    assert CANARY not in shown(caught.value)


def test_an_error_text_with_the_cookie_is_masked(screener, login):
    async def handler(request, body):
        return web.json_response({"error": f"who is {request.headers['Cookie']}?"}, status=400)

    with pytest.raises(TradingViewError) as caught:
        login(screener(handler), session=CANARY).scan(ScanRequest("crypto", ("close",)))
    assert CANARY not in shown(caught.value)
    assert "sessionid=****" in str(caught.value)


# -- the secret itself -------------------------------------------------------------------------------------------------


def test_a_secret_prints_as_asterisks():
    secret = Secret(CANARY)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>30}", f"{secret}", repr([secret])):
        assert CANARY not in text
        assert "****" in text
    assert secret.reveal() == CANARY
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_pickled_or_copied(leak):
    with pytest.raises(TypeError):
        leak(Secret(CANARY))


def test_credentials_come_from_the_environment():
    assert Credentials.from_environment({}).anonymous
    assert Credentials.from_environment({"QUANT_TRADINGVIEW_TOKEN": "  "}).anonymous
    known = Credentials.from_environment({"QUANT_TRADINGVIEW_TOKEN": f" {CANARY}\n"})
    assert known.token is not None
    assert known.token.reveal() == CANARY
    assert CANARY not in repr(known)
    assert Credentials.from_environment({"QUANT_TRADINGVIEW_SESSIONID": "s"}).cookie() == "sessionid=s"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "a.!!!.c", "a.W10.c", "a.eyJleHAiOiJ4In0.c", "é.é.é"])
def test_a_token_without_a_readable_expiry(token):
    assert Secret(token).expires_at() is None


def test_expiry_of_a_token():
    assert Secret(jwt(1234)).expires_at() == 1234.0


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\r\n\tb\x00c", "a b c"),
        (f"x{CANARY}y", "x****y"),
        (["list", CANARY], "['list', '****']"),
        ("é🚀\ud83d", "é🚀"),
        ("z" * 300, "z" * 199 + "…"),
    ],
)
def test_text_from_a_server_is_cleaned(text, cleaned):
    assert clean_text(text, Credentials(token=Secret(CANARY))) == cleaned
