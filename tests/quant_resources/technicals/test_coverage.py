"""The coverage artifact is evidence: what is missing, contradictory or unreadable is refused by name."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from quant_resources.technicals import InvalidCoverageError, read_coverage

GOOD = {
    "schema_version": 1,
    "run_id": "run-1",
    "profile": "dataops",
    "started_at": "2024-06-01T00:30:00Z",
    "workers": 3,
    "requested": 10,
    "coverage": 0.9,
    "attempts": [
        {"idx": 1, "fetched": 7, "failed": 3, "duration_s": 1.5},
        {"idx": 2, "fetched": 2, "failed": 1, "duration_s": 0.5},
    ],
    "failed_symbols": ["BINANCE:XUSDT"],
}


def read(**changes):
    document = {**GOOD, **changes}
    return read_coverage(json.dumps({k: v for k, v in document.items() if v is not ...}).encode(), "there")


def test_it_survives_the_file():
    artifact = read()
    again = read_coverage(artifact.to_bytes(), "there")
    assert again == artifact
    assert (again.fetched, again.duration_s) == (9, 2.0)
    assert again.started_at == dt.datetime(2024, 6, 1, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("field", sorted(GOOD.keys() - {"schema_version"}))
def test_a_missing_field_is_named(field):
    with pytest.raises(InvalidCoverageError, match=field):
        read(**{field: ...})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"run_id": ""}, "run_id"),
        ({"profile": ""}, "profile"),
        ({"attempts": []}, "attempts"),
        ({"attempts": [{"idx": 2, "fetched": 9, "failed": 1, "duration_s": 1.0}]}, "idx"),
        ({"attempts": [{"idx": 1, "fetched": -1, "failed": 1, "duration_s": 1.0}]}, "fetched"),
        ({"attempts": [{"idx": 1, "fetched": 9, "failed": 1, "duration_s": -1.0}]}, "duration_s"),
        ({"attempts": [{"idx": 1, "fetched": 9, "failed": 0, "duration_s": 1.0}]}, "failed"),
        ({"failed_symbols": ["BINANCE:XUSDT", "BINANCE:XUSDT"]}, "each once"),
        ({"failed_symbols": ["B:Z", "B:A"]}, "sorted"),
        ({"failed_symbols": []}, "add up"),
        ({"coverage": 1.0}, "coverage"),
        ({"coverage": 1.5}, "coverage"),
        ({"started_at": "2024-06-01T00:30:00"}, "started_at"),
        ({"schema_version": 2}, "schema_version"),
        ({"requested": "10"}, "requested"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_contradicts_itself_is_refused(changes, named):
    with pytest.raises(InvalidCoverageError, match=named):
        read(**changes)


@pytest.mark.parametrize("content", [b"", b"  \n", b"{", b"[]", b"null", b"\xff\xfe"])
def test_what_cannot_be_read_is_refused(content):
    with pytest.raises(InvalidCoverageError, match="there"):
        read_coverage(content, "there")
