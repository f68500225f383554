"""Frames: lengths as JavaScript counts them, any chunking, hostile input."""

from __future__ import annotations

import itertools
import json
import re
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_resources.tradingview.protocol import (
    MAX_FRAME_UNITS,
    FrameParser,
    encode_frame,
    encode_heartbeat,
    encode_message,
    heartbeat_payload,
    is_heartbeat,
    starts_with_header,
    utf16_length,
)

PAYLOADS = st.lists(st.text(), max_size=6)


def oracle(text: str) -> list[str]:
    """A slow parser of whole streams made only of correct frames, on UTF-16 code units."""
    units = text.encode("utf-16-le")
    payloads, at = [], 0
    while at < len(units):
        header = re.match(r"~m~(\d+)~m~", units[at : at + 60].decode("utf-16-le", "ignore"))
        assert header is not None
        at += 2 * len(header[0])
        payloads.append(units[at : at + 2 * int(header[1])].decode("utf-16-le"))
        at += 2 * int(header[1])
    return payloads


def cut(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(position % (len(text) + 1) for position in cuts), len(text)]
    return [text[start:stop] for start, stop in itertools.pairwise(edges)]


def check_chunking(payloads: list[str], cuts: list[int]) -> None:
    stream = "".join(map(encode_frame, payloads))
    assert oracle(stream) == payloads
    parser = FrameParser()
    found = [payload for chunk in cut(stream, cuts) for payload in parser.feed(chunk)]
    assert found == payloads
    assert parser.skipped == 0
    assert parser.pending == 0


def check_any_text(text: str, cuts: list[int]) -> None:
    """Whatever arrives, chunking does not change what is found, and no character is unaccounted for."""
    whole, pieces = FrameParser(max_units=50), FrameParser(max_units=50)
    expected = whole.feed(text)
    found = [payload for chunk in cut(text, cuts) for payload in pieces.feed(chunk)]
    assert found == expected
    for parser in (whole, pieces):
        framed = sum(len(payload) for payload in expected)
        headers = len(text) - framed - parser.skipped - parser.pending
        assert headers >= 7 * len(expected)
        assert bool(expected) or headers == 0
    assert (whole.skipped, whole.pending) == (pieces.skipped, pieces.pending)


FRAGMENTS = st.lists(
    st.sampled_from(
        ["~m~", "~", "m", "1", "3", "0", "12", "99", "~h~", "a", "é", "🚀", "~m~3~m~", "~m~2~m~ab", "٣", "-"]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=2_000, deadline=None)
@given(PAYLOADS, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_text_in_any_chunking(payloads, cuts):
    check_chunking(payloads, cuts)


@settings(max_examples=1_000, deadline=None)
@given(FRAGMENTS, st.lists(st.integers(0, 10_000), max_size=12))
def test_chunking_never_changes_what_is_found_in_noise(text, cuts):
    check_any_text(text, cuts)


@pytest.mark.slow
@settings(max_examples=100_000, deadline=None)
@given(PAYLOADS, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_text_in_any_chunking_exhaustively(payloads, cuts):
    check_chunking(payloads, cuts)


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(FRAGMENTS, st.lists(st.integers(0, 10_000), max_size=12))
def test_chunking_never_changes_what_is_found_in_noise_exhaustively(text, cuts):
    check_any_text(text, cuts)


@pytest.mark.parametrize(
    ("text", "units"),
    [("", 0), ("abc", 3), ("Café", 4), ("Café 🚀", 7), ("🚀", 2), ("\ud83d", 1), ("￿", 1), ("𐀀", 2)],
)
def test_length_counts_utf16_code_units(text, units):
    assert utf16_length(text) == units


@given(st.text())
def test_length_agrees_with_utf16(text):
    assert utf16_length(text) == sum(2 if ord(character) > 0xFFFF else 1 for character in text)


def test_lengths_of_the_recorded_examples():
    assert encode_message("set_auth_token", ["unauthorized_user_token"]) == (
        '~m~54~m~{"m":"set_auth_token","p":["unauthorized_user_token"]}'
    )
    assert encode_message("switch_timezone", ["cs_Qm3vT8bZk1Wd", "Etc/UTC"]).startswith("~m~57~m~")
    assert encode_message("request_more_data", ["cs_Qm3vT8bZk1Wd", "sds_1", 2]).startswith("~m~59~m~")
    assert encode_heartbeat(1) == "~m~4~m~~h~1"
    assert encode_frame("Café 🚀") == "~m~7~m~Café 🚀"


def test_messages_are_compact_and_keep_decimal_points():
    assert encode_message("x", [1.0, {"a": 2}]) == '~m~27~m~{"m":"x","p":[1.0,{"a":2}]}'


@pytest.mark.parametrize("payload", ["~h~1", "~h~12345"])
def test_heartbeats_are_recognised(payload):
    assert is_heartbeat(payload)


@pytest.mark.parametrize("payload", ["~h~", "~h~x", "~h~٣", " ~h~1", "~h~1\n", "h1", "{}"])
def test_what_is_no_heartbeat(payload):
    assert not is_heartbeat(payload)


def test_heartbeat_survives_a_round_trip():
    assert FrameParser().feed(encode_heartbeat(9)) == [heartbeat_payload(9)]


def test_a_surrogate_pair_that_arrives_in_two_halves_is_one_character():
    parser = FrameParser()
    assert parser.feed("~m~3~m~a\ud83d") == []
    assert parser.feed("\ude80") == ["a🚀"]


def test_a_length_that_cuts_a_character_in_two_is_no_frame():
    parser = FrameParser()
    assert parser.feed("~m~1~m~🚀~m~2~m~ok") == ["ok"]
    assert parser.skipped == 8


def test_nested_marks_belong_to_the_payload():
    inner = "~m~5~m~hello"
    assert FrameParser().feed(encode_frame(inner) + encode_frame("x")) == [inner, "x"]


def test_a_bare_ping_is_skipped():
    parser = FrameParser()
    assert parser.feed("2") == []
    assert parser.feed("~m~2~m~ok") == ["ok"]
    assert parser.skipped == 1


@pytest.mark.parametrize(
    ("hostile", "payloads"),
    [
        ("~m~0~m~", [""]),
        ("~m~-1~m~x", []),
        ("~m~1000000000~m~x", []),
        ("~m~9999999999999999999999~m~x", []),
        ("~m~abc~m~x", []),
        ("~m~٣~m~abc", []),
        ("~m~ 3~m~abc", []),
        ("~m~~m~", []),
        ("~m~~m~~m~~m~", []),
    ],
)
def test_hostile_headers_are_skipped_and_the_next_frame_is_found(hostile, payloads):
    parser = FrameParser()
    assert parser.feed(hostile + "!" + encode_frame("next")) == [*payloads, "next"]
    assert parser.skipped == len(hostile) + 1 - 7 * len(payloads)


def test_a_frame_that_never_ends_is_held_within_its_announced_length():
    parser = FrameParser(max_units=1_000)
    parser.feed("~m~1000~m~")
    found = [payload for _ in range(999) for payload in parser.feed("x")]
    assert found == []
    assert parser.feed("xyz") == ["x" * 1_000]
    assert parser.pending == 0


def test_an_incomplete_frame_can_be_discarded():
    parser = FrameParser()
    parser.feed("~m~10~m~abc")
    assert parser.pending == 11
    assert parser.discard() == "~m~10~m~abc"
    assert (parser.pending, parser.skipped) == (0, 11)
    assert parser.feed("~m~1~m~x") == ["x"]


def test_starts_with_header():
    assert starts_with_header("~m~5~m~")
    assert not starts_with_header("x~m~5~m~")
    assert not starts_with_header("~m~5")


def test_a_hundred_megabytes_of_an_oversized_frame_stay_out_of_memory():
    parser = FrameParser()
    chunk = "x" * 65_536
    tracemalloc.start()
    try:
        parser.feed(f"~m~{100 * 1024 * 1024}~m~")
        for _ in range(1_600):
            assert parser.feed(chunk) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
    assert parser.skipped > 100 * 1024 * 1024


def test_the_longest_legal_frame_fits_the_memory_limit():
    parser = FrameParser()
    chunk = "é" * 65_536
    tracemalloc.start()
    try:
        parser.feed(f"~m~{MAX_FRAME_UNITS}~m~")
        found = [payload for _ in range(MAX_FRAME_UNITS // 65_536) for payload in parser.feed(chunk)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert list(map(len, found)) == [MAX_FRAME_UNITS]
    assert peak < 64 * 1024 * 1024


def test_tiny_chunks_of_a_large_frame_are_linear_work():
    payload = json.dumps(list(range(60_000)))
    stream = encode_frame(payload)
    parser = FrameParser()
    started = time.process_time()
    found = [out for start in range(0, len(stream), 3) for out in parser.feed(stream[start : start + 3])]
    assert found == [payload]
    assert time.process_time() - started < 5.0
