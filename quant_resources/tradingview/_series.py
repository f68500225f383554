"""One symbol on one chart session: what to say, and what the answers mean.

No I/O happens here. The socket hands every message of a session to its
`Series`, sends what `receive` returns, and the worker that asked awaits
`Series.outcome`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from quant_resources.tradingview._bars import (
    FloatArray,
    UnreadableBarsError,
    day_of,
    disagreement,
    has_hole,
    index_span,
    indexed,
    merge_blocks,
    parse_block,
    without_index,
)
from quant_resources.tradingview._secret import Credentials, clean_text
from quant_resources.tradingview.errors import (
    BadRequestError,
    MalformedDataError,
    PagesDisagreeError,
    PermissionDeniedError,
    RateLimitedError,
    ServerRefusedError,
    TradingViewError,
    UnknownSymbolError,
    UnsupportedResolutionError,
)
from quant_resources.tradingview.models import BarRequest
from quant_resources.tradingview.protocol import encode_message

_SYMBOL_HANDLE: Final = "sds_sym_1"
_SERIES: Final = "sds_1"
_VERSION: Final = "s1"
_RATE_WORDS: Final = ("exceed limit", "rate reached", "rate limit", "max sessions", "max studies", "too many")
_RESOLUTION_WORDS: Final = ("custom_resolution", "unsupported resolution", "study_not_auth")

CallLater = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


@dataclass(frozen=True, slots=True)
class SeriesData:
    """The complete answer for one symbol.

    Attributes
    ----------
    bars : array of shape (n_bars, 6)
        Ascending, at most as many as asked for. A time repeats only where the server has two bars of it.
    history_end : str
        ``enough``, ``end``, ``limit`` or ``unstated``.
    info : dict
        What ``symbol_resolved`` said.
    """

    bars: FloatArray
    history_end: str
    info: dict[str, Any]


@dataclass(slots=True, eq=False)
class Series:
    """The conversation about one symbol.

    Parameters
    ----------
    request : BarRequest
        What is wanted.
    session : str
        Name of the chart session, unique on its socket.
    outcome : Future
        Resolves to `SeriesData` or fails with a `TradingViewError`.
    more_grace : float
        Seconds within which an answer to a request for older bars must begin.
    call_later : callable
        The event loop's ``call_later``.
    credentials : Credentials
        Whose secrets must not appear in errors.
    stale_blocks : int
        Blocks dropped because they belonged to no current version of the series.
    """

    request: BarRequest
    session: str
    outcome: asyncio.Future[SeriesData]
    more_grace: float
    call_later: CallLater
    credentials: Credentials = field(default_factory=Credentials)
    stale_blocks: int = 0
    _blocks: list[FloatArray] = field(default_factory=list)
    _spans: list[tuple[int, int]] = field(default_factory=list)
    _info: dict[str, Any] = field(default_factory=dict)
    _asked_more_from: float | None = None
    _grace: asyncio.TimerHandle | None = None

    def opening(self) -> str:
        """Return the frames that ask for the symbol, all in one message."""
        spec = {"adjustment": self.request.adjustment, "session": "regular", "symbol": self.request.symbol}
        count = self.request.n_bars
        return (
            encode_message("chart_create_session", [self.session, ""])
            + encode_message("switch_timezone", [self.session, "Etc/UTC"])
            + encode_message("resolve_symbol", [self.session, _SYMBOL_HANDLE, f"={orjson.dumps(spec).decode()}"])
            + encode_message(
                "create_series",
                [self.session, _SERIES, _VERSION, _SYMBOL_HANDLE, self.request.resolution, count, ""],
            )
        )

    def closing(self) -> str:
        """Return the frame that ends the session."""
        return encode_message("chart_delete_session", [self.session])

    def fail(self, error: TradingViewError) -> None:
        """End the conversation with an error, unless it has ended already."""
        self._stop_grace()
        if not self.outcome.done():
            self.outcome.set_exception(error)
            self.outcome.exception()  # seen: a worker that is cancelled right now will not come to read it

    def receive(self, method: str, params: list[Any]) -> str | None:
        """Take one message of this session.

        Parameters
        ----------
        method : str
            Name of the message.
        params : list
            Its parameters; the first is the session's name.

        Returns
        -------
        str or None
            Frames to send in answer.
        """
        if self.outcome.done():
            return None
        if method != "du":  # live updates say nothing about an answer to come
            self._stop_grace()
        if method in {"timescale_update", "du"}:
            self._take_blocks(params, page=method != "du" and self._asked_more_from is not None)
        elif method == "series_completed":
            return self._complete(params)
        elif method == "symbol_resolved":
            self._take_info(params)
        elif method in {"symbol_error", "series_error", "critical_error"}:
            self.fail(self._error(method, params))
        return None

    def _malformed(self, detail: str) -> None:
        self.fail(MalformedDataError(self.request.symbol, detail))

    def _take_info(self, params: list[Any]) -> None:
        if len(params) > 2 and isinstance(params[2], dict):
            self._info = params[2]

    def _take_blocks(self, params: list[Any], *, page: bool) -> None:
        """Keep the bars of a message; a page of older bars must agree with those held where they overlap."""
        blocks = params[1] if len(params) > 1 else None
        if not isinstance(blocks, dict):
            self._malformed("a data message without blocks")
            return
        block = blocks.get(_SERIES)
        if block is None:  # future tick marks, studies
            return
        if not isinstance(block, dict):
            self._malformed("a block that is no object")
            return
        if block.get("t", _VERSION) != _VERSION:
            self.stale_blocks += 1
            return
        try:
            bars = parse_block(block)
            if len(bars):
                span = index_span(block)
                block_bars = indexed(bars, span)
                when = disagreement(self._blocks[0], block_bars) if page and self._blocks else None
                if when is not None:
                    self.fail(PagesDisagreeError(self.request.symbol, day_of(when)))
                    return
                self._spans.append(span)
                self._blocks.append(block_bars)
        except UnreadableBarsError as error:
            self._malformed(str(error))

    def _complete(self, params: list[Any]) -> str | None:
        """Decide, now that the server has nothing more to say, whether that is all there is."""
        if len(params) < 2 or params[1] != _SERIES or (len(params) > 3 and params[3] != _VERSION):
            return None
        if has_hole(self._spans):
            self._malformed("some of the bars in between never arrived")
            return None
        bars = merge_blocks(self._blocks)
        self._blocks = [bars]
        wanted = self.request.n_bars
        if len(bars) >= wanted:
            self._finish(bars[len(bars) - wanted :], "enough")
            return None
        reason = _data_completed(params)
        if reason is not None:
            self._finish(bars, "limit" if reason == "limit" else "end")
            return None
        return self._ask_for_more(bars)

    def _ask_for_more(self, bars: FloatArray) -> str | None:
        """Ask for older bars, unless that was done already and brought none."""
        oldest = float(bars[0, 0]) if len(bars) else math.inf
        if self._asked_more_from is not None and oldest >= self._asked_more_from:
            self._finish(bars, "unstated")
            return None
        self._asked_more_from = oldest
        self._grace = self.call_later(self.more_grace, self._grace_is_over)
        return encode_message("request_more_data", [self.session, _SERIES, self.request.n_bars - len(bars)])

    def _grace_is_over(self) -> None:
        """Take what was sent for all there is: the server completed the series and then kept silent."""
        self._finish(merge_blocks(self._blocks), "unstated")

    def _finish(self, bars: FloatArray, history_end: str) -> None:
        self._stop_grace()
        if not self.outcome.done():
            self.outcome.set_result(SeriesData(without_index(bars), history_end, self._info))

    def _stop_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def _error(self, method: str, params: list[Any]) -> TradingViewError:
        first = 2 if method == "symbol_error" else 3 if method == "series_error" else 1
        texts = [clean_text(item, self.credentials) for item in params[first:]]
        text = texts[0].lower() if texts else ""
        detail = ", ".join(texts) or "no reason given"
        if method == "critical_error":
            return self._critical_error(text, detail)
        return self._symbol_error(text, detail)

    def _symbol_error(self, text: str, detail: str) -> TradingViewError:
        symbol = self.request.symbol
        if "permission" in text or "not_entitled" in text:
            return PermissionDeniedError(symbol, detail)
        if "invalid symbol" in text or "no_such_symbol" in text:
            return UnknownSymbolError(symbol, detail)
        if any(word in text for word in _RESOLUTION_WORDS):
            return UnsupportedResolutionError(symbol, self.request.resolution, detail)
        # Among these "resolve error": it follows a symbol_error that says why. Alone, its cause was lost: ask again.
        return ServerRefusedError(symbol, detail)

    def _critical_error(self, text: str, detail: str) -> TradingViewError:
        if "invalid" in text:
            return BadRequestError(self.request.symbol, None, detail)
        if any(word in text for word in _RATE_WORDS):
            return RateLimitedError("the chart socket", None, detail)
        return ServerRefusedError(self.request.symbol, detail)


def _data_completed(params: list[Any]) -> str | None:
    """Return why nothing more can be loaded, where the server says so."""
    extras = params[4] if len(params) > 4 else None
    reason = extras.get("data_completed") if isinstance(extras, dict) else None
    return str(reason) if reason else None
