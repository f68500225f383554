"""Files beside the configuration: dated lists of members, and market capitalisation by base.

Both say which day they are of, because a past decision must not use what was only
known later. Their text is plain, so that a change is one line in a review.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quant_lib.errors import InvalidKeyError
from quant_lib.keys import validate_symbol
from quant_resources.config.node import Node

_HEADER = re.compile(r"#\s*(as_of|source)\s*:\s*(\S.*?)\s*")
_MAX_BYTES = 1_000_000
_COLUMNS = "base,market_cap,rank"
_STAYS = "symbol,from,to,known_at"


@dataclass(frozen=True, slots=True)
class SymbolFile:
    """Members from a day on.

    Parameters
    ----------
    name : str
        File it comes from.
    as_of : datetime.date
        First day it is known for.
    symbols : tuple of str
        Members.
    """

    name: str
    as_of: dt.date
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarketCapFile:
    """Market capitalisation by base, in US dollars and by place, as known on a day."""

    as_of: dt.date
    caps: dict[str, float]
    ranks: dict[str, float]


@dataclass(frozen=True, slots=True)
class MembershipFile:
    """Stays of members: (symbol, from, to or None, known at)."""

    name: str
    rows: tuple[tuple[str, dt.date, dt.date | None, dt.date], ...]


class ListFileError(ValueError):
    """A list that cannot be used; the text says why and what to write."""


def beside(configs_dir: Path, node: Node, name: str, folder: str) -> Path:
    """Path of a file named in a configuration file: relative to the file that declares it, inside the folder.

    Raises
    ------
    ListFileError
        It lies outside the configuration folder.
    """
    root = configs_dir.resolve()
    declared = (root.parent / node.source).parent if node.source.startswith(f"{root.name}/") else root / folder
    path = (declared / name).resolve()
    if not path.is_relative_to(root):
        raise ListFileError(f"{name} lies outside the configuration folder; move it into it")
    return path


def read_symbols(path: Path) -> SymbolFile:
    """Read a list of members.

    Raises
    ------
    ListFileError
        It is missing, undated, without a source, empty, repeats a symbol or holds what is none.
    """
    header, rows = _read(path)
    if "source" not in header:
        raise ListFileError(f"{path.name} has no line `# source: ...`; say where its members were published")
    members = []
    for line, text in rows:
        try:
            members.append(validate_symbol(text))
        except InvalidKeyError as error:
            raise ListFileError(f"{path.name}:{line} {text!r} is not a valid symbol: {error.reason}") from None
    if not members:
        raise ListFileError(f"{path.name} lists nothing; write one EXCHANGE:TICKER a line")
    repeated = sorted({one for one in members if members.count(one) > 1})
    if repeated:
        raise ListFileError(f"{path.name} repeats {', '.join(repeated)}")
    return SymbolFile(path.name, _as_of(path, header), tuple(members))


def read_membership(path: Path) -> MembershipFile:
    """Read the stays of members of a universe.

    Raises
    ------
    ListFileError
        It is missing, without a source, empty, or a row is not symbol, from, to, known_at; a stay ends
        before it begins; or one says the same twice.
    """
    header, rows = _read(path)
    if "source" not in header:
        raise ListFileError(f"{path.name} has no line `# source: ...`; say where its members were published")
    stays: list[tuple[str, dt.date, dt.date | None, dt.date]] = []
    for line, text in rows:
        if text == _STAYS:
            continue
        parts = [part.strip() for part in text.split(",")]
        try:
            symbol, start, end, known = parts
            stay = (
                validate_symbol(symbol),
                dt.date.fromisoformat(start),
                dt.date.fromisoformat(end) if end else None,
                dt.date.fromisoformat(known),
            )
        except (ValueError, InvalidKeyError) as error:
            raise ListFileError(f"{path.name}:{line} is not a row of {_STAYS}: {error}") from None
        if stay[2] is not None and stay[2] <= stay[1]:
            raise ListFileError(f"{path.name}:{line} {symbol} leaves on {stay[2]}, not after it joined on {stay[1]}")
        if any(one[:2] == stay[:2] and one[3] == stay[3] for one in stays):
            raise ListFileError(f"{path.name}:{line} says of {symbol} from {start} twice what was known on {known}")
        stays.append(stay)
    if not stays:
        raise ListFileError(f"{path.name} holds no row of {_STAYS}")
    return MembershipFile(path.name, tuple(stays))


def read_market_caps(path: Path) -> MarketCapFile:
    """Read market capitalisation by base.

    Raises
    ------
    ListFileError
        It is missing, undated, or a row is not base, positive figure and place.
    """
    header, rows = _read(path)
    caps: dict[str, float] = {}
    ranks: dict[str, float] = {}
    for line, text in rows:
        if text == _COLUMNS:
            continue
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 3 or not re.fullmatch(r"[A-Z0-9]+", parts[0]) or parts[0] in caps:
            raise ListFileError(f"{path.name}:{line} is not a new row of {_COLUMNS}")
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", parts[1]) or not re.fullmatch(r"[1-9][0-9]*", parts[2]):
            raise ListFileError(f"{path.name}:{line} needs a positive figure in USD and a place from 1")
        caps[parts[0]], ranks[parts[0]] = float(parts[1]), float(parts[2])
    if not caps:
        raise ListFileError(f"{path.name} holds no row of {_COLUMNS}")
    return MarketCapFile(_as_of(path, header), caps, ranks)


def _read(path: Path) -> tuple[dict[str, str], list[tuple[int, str]]]:
    if not path.is_file():
        nearby = sorted(one.name for one in path.parent.glob(f"*{path.suffix}")) if path.parent.is_dir() else []
        raise ListFileError(f"there is no file {path.name}; beside it are: {', '.join(nearby) or 'none'}")
    if path.stat().st_size > _MAX_BYTES:
        raise ListFileError(f"{path.name} is larger than {_MAX_BYTES} bytes")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ListFileError(f"{path.name} is not UTF-8 text: {error.reason}") from None
    header = {match[1]: match[2] for line in text.splitlines() if (match := _HEADER.fullmatch(line))}
    return header, list(_rows(text))


def _rows(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        row = line.partition("#")[0].strip()
        if row:
            yield number, row


def _as_of(path: Path, header: dict[str, str]) -> dt.date:
    try:
        return dt.date.fromisoformat(header["as_of"])
    except (KeyError, ValueError):
        raise ListFileError(f"{path.name} has no line `# as_of: YYYY-MM-DD`; say from which day it holds") from None
