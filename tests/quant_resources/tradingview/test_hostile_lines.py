"""S-F5: a line that lies, drips, downgrades or falls silent costs time within limits and never the encryption."""

from __future__ import annotations

import ast
import asyncio
import datetime as dt
import ipaddress
import ssl
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
    """A TLS context whose certificate is made out to a name for some days, and the file that vouches for it."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    def make(name, first=-1, last=1):
        kind, _, value = name.partition(":")
        alternative = x509.DNSName(value) if kind == "DNS" else x509.IPAddress(ipaddress.ip_address(value))
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, value)])
        key, now = rsa.generate_private_key(65_537, 2_048), dt.datetime.now(dt.UTC)
        signed = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=first))
            .not_valid_after(now + dt.timedelta(days=last))
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        keys, certificate = tmp_path / "server.key", tmp_path / "server.pem"
        keys.write_bytes(key.private_bytes(*private))
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, keys)
        return context, certificate

    return make


def secured(chart, market, certified, monkeypatch, name, process_request=None, **days):
    """A wss:// server whose certificate the machine trusts."""
    context, certificate = certified(name, **days)
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


REFUSED = {
    "expired": ("IP:127.0.0.1", {"first": -9, "last": -1}, "certificate has expired"),
    "not yet valid": ("IP:127.0.0.1", {"first": 1, "last": 9}, "certificate is not yet valid"),
    "of another name": ("DNS:market.example", {}, "certificate is not valid for '127.0.0.1'"),
}


@pytest.mark.parametrize(("name", "days", "words"), REFUSED.values(), ids=REFUSED)
def test_the_message_says_what_is_wrong_with_a_certificate(
    chart, market, certified, client_for, requests_for, naps, monkeypatch, name, days, words
):
    server = secured(chart, market, certified, monkeypatch, name, **days)
    (result,) = client_for(server).fetch_bars(requests_for("X:A"))
    assert type(result.error) is UntrustedServerError
    assert "127.0.0.1" in str(result.error)
    assert words in str(result.error)
    assert "check the address, the clock" in str(result.error)
    assert (server.log, naps.taken) == ([], [])  # nothing was said, and it is not tried again


@pytest.mark.parametrize(("name", "days", "words"), REFUSED.values(), ids=REFUSED)
def test_the_screener_says_it_too(screener, certified, client_for, monkeypatch, name, days, words):
    context, certificate = certified(name, **days)
    # The library reads the trusted authorities once, when it is imported.
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    server = screener(lambda request, body: web.json_response({"totalCount": 0, "data": []}), context)
    with pytest.raises(UntrustedServerError, match=words):
        client_for(server).scan(SCAN)
    assert server.paths == []


def test_a_certificate_nobody_here_vouches_for_is_refused(chart, market, certified, client_for, requests_for):
    context, _ = certified("IP:127.0.0.1")
    (result,) = client_for(chart(market(), ssl=context)).fetch_bars(requests_for("X:A"))
    assert type(result.error) is UntrustedServerError
    assert "self-signed certificate" in str(result.error)


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
    assert time.monotonic() - began < 60.0  # the drip never ends; 1 s where the machine is free


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
    assert time.monotonic() - began < 60.0  # the drip never ends; 1 s where the machine is free


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
