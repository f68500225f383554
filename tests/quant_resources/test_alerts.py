"""A failed run is told once, to the address in the environment, and the address is shown to nobody."""

from __future__ import annotations

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from quant_resources.alerts import Alert, AlertNotSentError, AlertsResource, NowhereNotifier, shortened

CANARY = "canary-7f3a9"
ALERT = Alert("daily", "run-1", "2024-05-31", "ohlcv", "no answer", dt.datetime(2024, 6, 1, 0, 31, tzinfo=dt.UTC))


@pytest.fixture
def webhook():
    """A server that answers with the next of `answers`, and what was posted to it."""
    posted, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            status, headers = answers.pop(0) if answers else (204, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.posted, server.answers = posted, answers
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/{CANARY}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def notifier(monkeypatch, url, **changes):
    import dataclasses

    monkeypatch.setenv("QUANT_ALERT_WEBHOOK", url)
    pauses = []
    return dataclasses.replace(AlertsResource().notifier(), pause=pauses.append, **changes), pauses


def test_it_is_told_with_everything_a_person_needs(webhook, monkeypatch):
    told, _ = notifier(monkeypatch, webhook.url)
    assert told.send(ALERT)
    (path, body), *others = webhook.posted
    assert others == []
    assert path.endswith(CANARY)
    document = json.loads(body)
    assert document["text"] == "daily of 2024-05-31 failed at ohlcv: no answer"
    assert document["run_id"] == "run-1"
    assert document["at"] == "2024-06-01T00:31:00+00:00"


def test_secrets_in_the_cause_are_masked(webhook, monkeypatch):
    monkeypatch.setenv("QUANT_TRADINGVIEW_TOKEN", "token-of-mine")
    told, _ = notifier(monkeypatch, webhook.url)
    cause = f"token-of-mine was refused by {webhook.url}"
    told.send(Alert("daily", "r", "", "", cause, ALERT.at))
    body = webhook.posted[0][1].decode()
    assert "token-of-mine" not in body
    assert CANARY not in body
    assert "****" in body


def test_an_outage_is_survived_and_a_lasting_one_is_an_error_without_the_address(webhook, monkeypatch):
    told, pauses = notifier(monkeypatch, webhook.url)
    webhook.answers += [(503, {}), (500, {})]
    assert told.send(ALERT)
    assert pauses == [1.0, 2.0]
    webhook.answers += [(404, {})] * 3
    with pytest.raises(AlertNotSentError, match="HTTP 404") as caught:
        told.send(ALERT)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(told)


def test_it_follows_no_redirect(webhook, monkeypatch):
    told, _ = notifier(monkeypatch, webhook.url, attempts=1)
    webhook.answers.append((302, {"Location": "http://127.0.0.1:1/elsewhere"}))
    with pytest.raises(AlertNotSentError, match="HTTP 302"):
        told.send(ALERT)
    assert len(webhook.posted) == 1


def test_it_is_never_sent_in_the_clear(monkeypatch):
    told, _ = notifier(monkeypatch, f"http://example.org/{CANARY}")
    with pytest.raises(AlertNotSentError, match="not https") as caught:
        told.send(ALERT)
    assert CANARY not in str(caught.value)


def test_where_no_address_is_set_nothing_is_sent(monkeypatch):
    monkeypatch.delenv("QUANT_ALERT_WEBHOOK", raising=False)
    assert isinstance(AlertsResource().notifier(), NowhereNotifier)
    assert not AlertsResource().notifier().send(ALERT)


def test_a_long_cause_is_cut_to_one_line():
    assert shortened("a\n  b") == "a b"
    assert len(shortened("x" * 5000)) == 1000
