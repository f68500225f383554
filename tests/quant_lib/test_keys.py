"""Keys: refused before any path or query is built, or safe and one to one."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.errors import InvalidKeyError
from quant_lib.keys import parse_partition_date, safe_file_name, validate_profile, validate_symbol

NAUGHTY = [
    "", "..", "../x", "/etc/passwd", "C:\\x", "a/b", "x\0y", "CON", "a" * 300, "trailing.", "trailing ", "BINANCE:ВТС",
    "%2e%2e", "x'; DROP TABLE t;--", "/x", "BINANCE:..", "binance:btcusdt", "BINANCE:BTC/USDT", "BINANCE:A..B", "：", "A:B\n",
    "<script>alert(1)</script>", "=cmd()", "2022-01-01; select 1", "１:２",
]  # fmt: skip


@pytest.mark.parametrize("text", NAUGHTY)
@pytest.mark.parametrize("validate", [parse_partition_date, validate_profile, validate_symbol])
def test_naughty_strings_are_refused(validate, text):
    if validate is validate_profile and text == "a" * 64:
        return
    with pytest.raises(InvalidKeyError):
        validate(text)


@pytest.mark.parametrize("text", ["con", "nul", "com1"])
def test_device_names_are_no_profiles(text):
    with pytest.raises(InvalidKeyError, match="device"):
        validate_profile(text)


@pytest.mark.parametrize(
    "text", ["BINANCE:BTCUSDT", "BINANCE:1000SHIBUSDT.P", "COMEX:GC1!", "NYSE:BRK.B", "CME_MINI:ES1!"]
)
def test_real_symbols_pass(text):
    assert validate_symbol(text) == text


def test_dates_are_strict():
    assert parse_partition_date("2024-02-29").day == 29
    for text in ["2023-02-29", "2022-1-1", "20220101", " 2022-01-01", "2022-01-01T00:00"]:
        with pytest.raises(InvalidKeyError):
            parse_partition_date(text)


def resolves_inside(tmp, symbol):
    root = Path("/lake").joinpath("reports")
    path = (root / f"{safe_file_name(symbol)}.html").resolve()
    return path.parent == root.resolve()


@settings(max_examples=400)
@given(st.text(max_size=60) | st.from_regex(r"[A-Z]{1,8}:[A-Za-z0-9_.!\-/%]{1,20}", fullmatch=True))
def test_generated_keys_are_refused_or_stay_below_the_root(text):
    try:
        validate_symbol(text)
    except InvalidKeyError:
        with pytest.raises(InvalidKeyError):
            safe_file_name(text)
        return
    assert resolves_inside(None, text)


SYMBOLS = st.from_regex(r"[A-Z0-9_]{1,6}:[A-Z0-9_.!\-]{0,6}[A-Z0-9_!\-]", fullmatch=True).filter(
    lambda s: ".." not in s
)


@settings(max_examples=400)
@given(SYMBOLS, SYMBOLS)
def test_two_symbols_never_share_a_file_even_on_a_case_blind_disk(one, other):
    if one != other:
        assert safe_file_name(one).lower() != safe_file_name(other).lower()
