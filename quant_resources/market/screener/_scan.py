"""Answering a screener request: which rows, in which order, with which columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from quant_resources.market.instruments import Instrument
from quant_resources.market.screener._column import Column, nothing
from quant_resources.market.screener._errors import ScanRefusedError, unknown_field
from quant_resources.market.screener._filters import Condition, Mask
from quant_resources.market.screener._names import parse_column
from quant_resources.market.screener._snapshot import Snapshot

_MOST_DEPTH: Final = 32


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """A request as read from JSON; nothing is looked up yet.

    Attributes
    ----------
    market : str
        From the path: crypto, america, global …
    columns : list of str
        Output columns, in order.
    filters : list of dict
        Conditions that must all hold.
    tree : dict or None
        Tree of conditions that must hold too.
    markets, tickers, types : list of str
        Restrictions; empty for none.
    constituents : bool
        Index members, a watch list or a group was asked for, which no source here knows.
    sort_by, descending, nulls_first
        Order of the rows.
    first, stop : int
        Rows wanted; `stop` -1 for all.
    lenient : bool
        Unknown columns are null instead of an error.
    """

    market: str
    columns: list[str] = field(default_factory=list)
    filters: list[Any] = field(default_factory=list)
    tree: Any = None
    markets: list[str] = field(default_factory=list)
    tickers: list[str] | None = None
    types: list[str] = field(default_factory=list)
    constituents: bool = False
    sort_by: str | None = None
    descending: bool = False
    nulls_first: bool = False
    first: int = 0
    stop: int = -1
    lenient: bool = False


def read_request(market: str, body: Any) -> ScanRequest:
    """Read a request body.

    Parameters
    ----------
    market : str
        From the path.
    body : object
        Parsed JSON. Keys nobody here understands are ignored, as the vendor does.

    Raises
    ------
    ScanRefusedError
        When a key that is understood holds something it cannot mean.
    """
    if not isinstance(body, dict):
        raise ScanRefusedError("Request body is not an object")
    symbols = _part(body, "symbols", dict, {})
    sort = _part(body, "sort", dict, {})
    first, stop = _read_range(body.get("range"))
    order = sort.get("sortOrder", "asc")
    if sort and (not isinstance(sort.get("sortBy"), str) or order not in ("asc", "desc")):
        raise ScanRefusedError("Invalid sort")
    _check_conversion(body.get("price_conversion"))
    query = _part(symbols, "query", dict, {})
    tickers = symbols.get("tickers")
    return ScanRequest(
        market=market,
        columns=_texts(body, "columns"),
        filters=_part(body, "filter", list, []),
        tree=body.get("filter2"),
        markets=_texts(body, "markets"),
        tickers=[ticker.upper() for ticker in _texts(symbols, "tickers")] if tickers else None,
        types=_texts(query, "types"),
        constituents=any(symbols.get(key) for key in ("symbolset", "watchlist", "groups")) or bool(body.get("preset")),
        sort_by=sort.get("sortBy"),
        descending=order == "desc",
        nulls_first=bool(sort.get("nullsFirst", False)),
        first=first,
        stop=stop,
        lenient=bool(body.get("ignore_unknown_fields", False)),
    )


def scan(snapshot: Snapshot, request: ScanRequest) -> tuple[int, list[tuple[str, list[Any]]]]:
    """Run a request.

    Returns
    -------
    total : int
        Rows that match, before the range.
    rows : list of (symbol, values)
        The rows of the range.

    Raises
    ------
    ScanRefusedError
        For unknown columns, operations and values.
    """
    # Every name is looked up before any row is, so that an error does not depend on the data.
    columns = [_output(snapshot, request, text) for text in request.columns]
    mask = _admitted(snapshot, request)
    for item in request.filters:
        mask &= _condition(snapshot, request.market, item).mask()
    if request.tree is not None:
        mask &= _branch(snapshot, request.market, request.tree, 0)
    rows = np.flatnonzero(mask)
    order = rows[_order(snapshot, request, rows)] if request.sort_by is not None else rows
    page = order[request.first :] if request.stop < 0 else order[request.first : request.stop]
    table = zip(*(column.taken(page) for column in columns), strict=True) if columns else ([] for _ in page)
    values = [list(row) for row in table]
    return len(rows), [(snapshot.instruments[row].symbol, value) for row, value in zip(page, values, strict=True)]


def _part(body: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = body.get(key)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise ScanRefusedError(f'Invalid "{key}"')
    return value


def _texts(body: dict[str, Any], key: str) -> list[str]:
    values = _part(body, key, list, [])
    if not all(isinstance(value, str) for value in values):
        raise ScanRefusedError(f'Invalid "{key}"')
    return list(values)


def _read_range(span: Any) -> tuple[int, int]:
    if span is None:
        return 0, -1
    whole = isinstance(span, list) and len(span) == 2 and all(type(item) is int for item in span)
    if not whole or min(span) < 0:
        raise ScanRefusedError(f"Invalid range {span}")
    return span[0], span[1]


def _check_conversion(conversion: Any) -> None:
    """Refuse to convert prices: answering in another currency than asked would be worse."""
    if conversion in (None, {}) or (isinstance(conversion, dict) and conversion.get("to_symbol") is True):
        return
    raise ScanRefusedError("Unsupported price_conversion")


def _output(snapshot: Snapshot, request: ScanRequest, text: str) -> Column:
    name = parse_column(text, request.market)
    if name is None:
        if request.lenient:
            return nothing(len(snapshot.instruments))
        raise unknown_field(text)
    return snapshot.column(name, translated=text.partition("|")[0].endswith(".tr"))


def _admitted(snapshot: Snapshot, request: ScanRequest) -> Mask:
    """Return which rows the path, the markets, the types and the tickers let in."""
    if request.constituents:
        return np.zeros(len(snapshot.instruments), dtype=bool)
    allowed = {market for market in request.markets if market != "global"}
    tickers = None if request.tickers is None else set(request.tickers)

    def admits(one: Instrument) -> bool:
        if request.market != "global" and one.market != request.market:
            return False
        if allowed and one.market not in allowed:
            return False
        if request.types and one.type not in request.types:
            return False
        return tickers is None or one.symbol in tickers

    return np.array([admits(one) for one in snapshot.instruments], dtype=bool)


def _condition(snapshot: Snapshot, market: str, item: Any) -> Condition:
    if not isinstance(item, dict) or not isinstance(item.get("left"), str):
        raise ScanRefusedError("Invalid filter")
    operation = item.get("operation")
    if not isinstance(operation, str):
        raise ScanRefusedError(f'Unknown operation "{operation}"')
    return Condition(snapshot, market, item["left"], operation, item.get("right"))


def _branch(snapshot: Snapshot, market: str, node: Any, depth: int) -> Mask:
    """Evaluate ``{operator, operands}``; an operand is an expression or a branch of its own."""
    operands = node.get("operands") if isinstance(node, dict) else None
    operator = node.get("operator") if isinstance(node, dict) else None
    if not isinstance(operands, list) or operator not in ("and", "or") or depth > _MOST_DEPTH:
        raise ScanRefusedError("Invalid filter2")
    masks = [_operand(snapshot, market, operand, depth) for operand in operands]
    if not masks:
        return np.ones(len(snapshot.instruments), dtype=bool)
    result: Mask = np.logical_and.reduce(masks) if operator == "and" else np.logical_or.reduce(masks)
    return result


def _operand(snapshot: Snapshot, market: str, operand: Any, depth: int) -> Mask:
    if isinstance(operand, dict) and "expression" in operand:
        return _condition(snapshot, market, operand["expression"]).mask()
    if isinstance(operand, dict) and "operation" in operand:
        return _branch(snapshot, market, operand["operation"], depth + 1)
    raise ScanRefusedError("Invalid filter2")


def _order(snapshot: Snapshot, request: ScanRequest, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the order of `rows`; equal values stay by symbol ascending, nulls go last unless asked for first."""
    name = parse_column(request.sort_by or "", request.market)
    if name is None:
        raise unknown_field(request.sort_by)
    column = snapshot.column(name)
    if column.kind == "object":
        raise ScanRefusedError(f'Cannot sort by "{request.sort_by}"')
    null = column.null[rows]
    values = column.values[rows]
    if not column.is_numeric:
        # Ranks stand in for texts, flags and sets; equal values share one.
        known = sorted({value for value, absent in zip(values, null, strict=True) if not absent})
        rank = {value: place for place, value in enumerate(known)}
        values = np.array([rank.get(value, 0) for value in values], dtype=np.float64)
    key = np.where(null, 0.0, -values if request.descending else values)
    return np.lexsort((key, ~null if request.nulls_first else null))
