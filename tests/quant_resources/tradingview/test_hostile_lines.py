"""S-F5: a line that lies, drips, downgrades or falls silent costs time within limits and never the encryption."""

from __future__ import annotations

import ast
import asyncio
import shutil
import ssl
import subprocess
import time
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import web

from quant_resources.tradingview import (
    FetchStatus,
    RedirectRefusedError,
    ScanRequest,
    SilentSocketError,
    UnreachableError,
    UntrustedServerError,
)

ROOT = Path(__file__).resolve().parents[3]
SCAN = ScanRequest("crypto", ("close",))


@pytest.fixture
def certified(tmp_path):
    """A TLS context whose certificate is made out to a name, and the file that vouches for it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl command to make a certificate with")

    def make(name):
        key, certificate = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        subprocess.run(
            [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
            + ["-addext", f"subjectAltName={name}", "-keyout", str(key), "-out", str(certificate)],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context, certificate

    return make


def secured(chart, market, certified, monkeypatch, name, process_request=None):
    """A wss:// server whose certificate the machine trusts."""
    context, certificate = certified(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return chart(market(), process_request, ssl=context)


def test_a_trusted_certificate_of_this_name_is_accepted(
    chart, market, certified, client_for, requests_for, monkeypatch
):
    server = secured(chart, market, certified, monkeypatch, "IP:127.0.0.1")
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert result.status is FetchStatus.FETCHED


def test_a_trusted_certificate_of_another_name_is_not(
    chart, market, certified, client_for, requests_for, naps, monkeypatch
):
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")  # the only switch Python ever had
    server = secured(chart, market, certified, monkeypatch, "DNS:market.example")
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert type(result.error) is UntrustedServerError
    assert server.log == []
    assert naps.taken == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["ws", "http", "wss"])
def test_no_redirect_is_followed_and_least_of_all_out_of_tls(
    chart, market, certified, client_for, requests_for, monkeypatch, status, scheme
):
    target = chart(market())
    location = target.endpoints.chart.replace("ws://", f"{scheme}://")

    def away(connection, request):
        response = connection.respond(HTTPStatus(status), "gone\n")
        response.headers["Location"] = location
        return response

    server = secured(chart, market, certified, monkeypatch, "IP:127.0.0.1", away)
    assert server.endpoints.chart.startswith("wss://")
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert type(result.error) is RedirectRefusedError
    assert target.handshakes == []
    assert target.connections == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_of_the_screener_is_followed(screener, client_for, status):
    target = screener(lambda request, body: web.json_response({"totalCount": 0, "data": []}))

    async def away(request, body):
        return web.Response(status=status, headers={"Location": target.endpoints.screener})

    with pytest.raises(RedirectRefusedError):
        client_for(screener(away)).scan(SCAN)
    assert target.paths == []


def test_a_frame_that_drips_is_silence(chart, market, client_for, requests_for):
    """Bytes keep coming, so the socket is never idle; what is awaited is a message."""

    async def drip(peer, session, n):
        async def pieces():
            yield "~m~5000~m~"
            while True:
                await asyncio.sleep(0.01)
                yield "x"

        await peer.socket.send(pieces())

    began = time.monotonic()
    client = client_for(chart(market(default=drip)), data_timeout=0.2, attempts=2, connection_attempts=2)
    (result,) = client.fetch_bars(requests_for("X:A"))
    assert type(result.error) is SilentSocketError
    assert time.monotonic() - began < 10.0


def test_a_body_that_drips_ends_with_the_requests_time(screener, client_for):
    async def drip(request, body):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no answer within"):
        client_for(screener(drip), request_timeout=0.2, http_attempts=2).scan(SCAN)
    assert time.monotonic() - began < 10.0


def test_a_server_that_reads_nothing_is_silence(loop_thread, chart, client_for, requests_for):
    """It accepts, greets, and never reads again: the client's own questions fill the line."""

    async def deaf(peer):
        hello = '{"session_id":"x","timestampMs":1700000000000}'
        await peer.raw(f"~m~{len(hello)}~m~{hello}")
        peer.socket.transport.pause_reading()
        await peer.socket.wait_closed()

    client = client_for(chart(deaf), data_timeout=0.2, attempts=2, connection_attempts=2)
    results = client.fetch_bars(requests_for(*(f"X:A{k}" for k in range(40))))
    assert {type(result.error) for result in results} == {SilentSocketError}


FORBIDDEN = {
    "CERT_NONE",
    "_create_unverified_context",
    "TCPConnector.ssl",
    "disable_warnings",
    "InsecureRequestWarning",
}


def test_no_line_of_ours_turns_verification_off():
    """Verification is what the libraries do when nobody speaks of it; so nobody does."""
    spoken = []
    for path in sorted((ROOT / "quant_resources").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "attr", getattr(node, "id", ""))
            if name in FORBIDDEN:
                spoken.append((path.name, name))
            if isinstance(node, ast.keyword) and node.arg in {"ssl", "verify", "verify_ssl", "ssl_context", "cafile"}:
                spoken.append((path.name, node.arg))
            if isinstance(node, ast.Attribute) and node.attr in {"check_hostname", "verify_mode", "verify"}:
                spoken.append((path.name, node.attr))
    assert spoken == []


def test_no_setting_speaks_of_verification():
    from quant_resources.config import PlatformConfig
    from quant_resources.settings import Settings

    def fields(model):
        for name, field in model.model_fields.items():
            yield name
            if hasattr(field.annotation, "model_fields"):
                yield from fields(field.annotation)

    words = ("ssl", "tls", "insecure", "cert", "verify")
    names = [*fields(Settings), *fields(PlatformConfig)]
    assert len(names) > 40
    assert [name for name in names if any(word in name for word in words)] == []
