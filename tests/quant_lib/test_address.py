"""Addresses: what is written comes back, and nothing else is taken for one."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.address import Address, parse_address
from quant_lib.errors import InvalidKeyError

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True).filter(
    lambda name: name not in ("con", "prn", "aux", "nul") and name[:3] not in ("com", "lpt")
)
DATES = st.none() | st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1))


@given(asset=NAMES, profile=NAMES, date=DATES)
def test_a_sleeve_s_address_comes_back(asset, profile, date):
    address = Address("alpha", asset, profile, date)
    assert parse_address(str(address)) == address


@given(flow=st.sampled_from(["data", "research"]), asset=NAMES, date=DATES)
def test_a_shared_asset_s_address_comes_back(flow, asset, date):
    address = Address(flow, asset, None, date)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "quant://",
        "quant://data",
        "quant://data/",
        "quant://data/a/b",
        "quant://data/../ohlcv",
        "quant://meta/weights?profile=p",
        "http://data/ohlcv",
        "quant:data/ohlcv",
        "quant://data/ohlcv?profile=p",
        "quant://alpha/selection",
        "quant://alpha/selection?profile=",
        "quant://alpha/selection?profile=p&profile=q",
        "quant://alpha/selection?profile=p&version=3",
        "quant://alpha/selection?profile=p&date",
        "quant://alpha/selection?profile=p&date=2022-6-30",
        "quant://alpha/selection?profile=p&date=2022-02-30",
        "quant://data/ohlcv#x",
        "quant://[/ohlcv",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidKeyError):
        parse_address(text)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        parse_address(text)
    except InvalidKeyError:
        return
    assert text.startswith("quant://")
