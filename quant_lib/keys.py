"""Validation of the only names that ever reach a path or a query: dates, profiles, symbols (semantics 0.9)."""

from __future__ import annotations

import datetime as dt
import re

from quant_lib.errors import InvalidKeyError

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PROFILE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_SYMBOL = re.compile(r"[A-Z0-9_]{1,24}:[A-Z0-9_.!\-]{1,48}", re.ASCII)
_RUN_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}", re.ASCII)
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10)), *(f"lpt{i}" for i in range(10))})


def parse_partition_date(text: str) -> dt.date:
    """Parse a partition key, strictly ``YYYY-MM-DD``.

    Raises
    ------
    InvalidKeyError
        If it is anything else.
    """
    if not _DATE.fullmatch(text):
        raise InvalidKeyError("date", text, "dates are written YYYY-MM-DD")
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise InvalidKeyError("date", text, str(error)) from error


def validate_profile(text: str) -> str:
    """Return a profile name unchanged if it is one: lower-case letters, digits and underscores, at most 64.

    Raises
    ------
    InvalidKeyError
        If it is anything else, or a device name of some file system.
    """
    if not _PROFILE.fullmatch(text):
        raise InvalidKeyError("profile name", text, "use lower-case letters, digits and underscores, at most 64")
    if text in _DEVICES:
        raise InvalidKeyError("profile name", text, "it is a reserved device name")
    return text


def validate_run_id(text: str) -> str:
    """Return a run id unchanged if it is one: letters, digits, ``_`` and ``-``, at most 64.

    Raises
    ------
    InvalidKeyError
        If it is anything else.
    """
    if not _RUN_ID.fullmatch(text):
        raise InvalidKeyError("run id", text[:80], "use letters, digits, underscores and hyphens, at most 64")
    return text


def validate_symbol(text: str) -> str:
    """Return a symbol unchanged if it is ``EXCHANGE:TICKER`` in capitals.

    Raises
    ------
    InvalidKeyError
        If it holds anything but capital letters, digits and ``_ . ! -``, or a
        path-like part.
    """
    if not _SYMBOL.fullmatch(text):
        raise InvalidKeyError(
            "symbol",
            text[:80],
            "symbols are EXCHANGE:TICKER in capitals, digits and _ . ! - (for example BINANCE:BTCUSDT)",
        )
    if ".." in text or text.endswith("."):
        raise InvalidKeyError("symbol", text, "it looks like a path")
    return text


def safe_file_name(symbol: str) -> str:
    """Encode a symbol as a file name, one to one, also on disks that ignore case.

    Returns
    -------
    str
        ``EXCHANGE__TICKER`` with every character but letters and digits written as
        ``_xx`` (hexadecimal); never a device name, never hidden, never a path.
    """
    encoded = "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in validate_symbol(symbol).lower())
    return f"s_{encoded}"
