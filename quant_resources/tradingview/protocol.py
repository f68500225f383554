"""Framing of TradingView's WebSocket: ``~m~LENGTH~m~PAYLOAD`` and the heartbeat.

``LENGTH`` counts UTF-16 code units, because the vendor's own software is
JavaScript: ``"Café 🚀"`` is 7 units long although Python counts 6 characters and
UTF-8 needs 10 bytes. One WebSocket message carries one or more frames. The
vendor never splits a frame over two messages; the parser here accepts any
chunking anyway, so that it can be tested on any.

This module only cuts and joins text. It is used by both ends: the client in
this package and the embedded market server.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

MARK: Final = "~m~"
MAX_FRAME_UNITS: Final = 8 * 1024 * 1024
"""Longest payload accepted, in UTF-16 code units: about 100,000 bars. The longest recorded had 1.9 million."""

_HEADER: Final = re.compile(r"~m~([0-9]{1,12})~m~")
_HEADER_START: Final = re.compile(r"~m~(?:[0-9]{1,12}(?:~(?:m)?)?)?\Z")
_HEARTBEAT: Final = re.compile(r"~h~[0-9]{1,18}")
_LONGEST_HEADER: Final = 2 * len(MARK) + 12


def utf16_length(text: str) -> int:
    """Return the length of a text in UTF-16 code units, as JavaScript counts it.

    Parameters
    ----------
    text : str
        Any text; a lone surrogate counts one unit.

    Returns
    -------
    int
        Number of code units: 1 for a character up to U+FFFF, 2 above.
    """
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def encode_frame(payload: str) -> str:
    """Wrap a payload in a frame header.

    Parameters
    ----------
    payload : str
        JSON text, a heartbeat, or any other text.

    Returns
    -------
    str
        ``~m~LENGTH~m~PAYLOAD``.
    """
    return f"{MARK}{utf16_length(payload)}{MARK}{payload}"


def encode_message(method: str, params: list[Any]) -> str:
    """Encode one protocol message as compact JSON in a frame.

    Compact matters: several known clients search the raw text and break on a
    space after ``:`` or ``,``. A float keeps its decimal point (``5.0``).

    Parameters
    ----------
    method : str
        Name of the message, sent as ``m``.
    params : list
        Its parameters, sent as ``p``; whatever JSON can hold.

    Returns
    -------
    str
        The whole frame.
    """
    return encode_frame(orjson.dumps({"m": method, "p": params}).decode())


def heartbeat_payload(number: int) -> str:
    """Return the payload of heartbeat `number`, such as ``~h~7``."""
    return f"~h~{number}"


def encode_heartbeat(number: int) -> str:
    """Return the whole frame of heartbeat `number`, such as ``~m~4~m~~h~7``."""
    return encode_frame(heartbeat_payload(number))


def is_heartbeat(payload: str) -> bool:
    """Tell whether a payload is a heartbeat, which the client echoes unchanged."""
    return _HEARTBEAT.fullmatch(payload) is not None


def starts_with_header(message: str) -> bool:
    """Tell whether a text begins with a complete frame header."""
    return _HEADER.match(message) is not None


class FrameParser:
    """Cut a stream of text into frame payloads, whatever the chunking.

    Text that is no frame is skipped up to the next header and counted, never
    raised: a bare ``2`` (an old socket.io ping) is legal noise. A header with a
    length above `max_units` is skipped in the same way, so that no header can
    make the parser hold more than that.

    Parameters
    ----------
    max_units : int
        Longest payload accepted, in UTF-16 code units.

    Attributes
    ----------
    skipped : int
        Characters dropped so far because they belonged to no frame.
    """

    __slots__ = ("_buffer", "_max_units", "_need", "skipped")

    def __init__(self, max_units: int = MAX_FRAME_UNITS) -> None:
        self._buffer: list[str] = []
        self._max_units = max_units
        self._need = 0
        self.skipped = 0

    @property
    def pending(self) -> int:
        """Number of characters held of a frame that is not complete yet."""
        return sum(map(len, self._buffer))

    def discard(self) -> str:
        """Drop and return the incomplete frame held; it counts as skipped."""
        text = "".join(self._buffer)
        self._hold("", 0)
        self.skipped += len(text)
        return text

    def feed(self, chunk: str) -> list[str]:
        """Add text and return the payloads that are now complete, in order.

        Parameters
        ----------
        chunk : str
            The next piece of the stream, of any length, cut anywhere.

        Returns
        -------
        list of str
            Complete payloads; empty when the chunk completes none.
        """
        if self._need > 0:
            # Inside a long frame: characters are at most units, so nothing can be
            # complete before half of the missing units have arrived. Collecting
            # the pieces unjoined keeps tiny chunks linear instead of quadratic.
            self._buffer.append(chunk)
            self._need -= 2 * len(chunk)
            if self._need > 0:
                return []
            text = "".join(self._buffer)
        else:
            text = "".join((*self._buffer, chunk))
        return self._cut(text)

    def _cut(self, text: str) -> list[str]:
        payloads: list[str] = []
        position = 0
        while True:
            header = _HEADER.search(text, position)
            if header is None:
                kept = _start_of_partial_header(text, position)
                self.skipped += kept - position
                self._hold(text[kept:], 0)
                return payloads
            units = int(header[1])
            if units > self._max_units:
                position = self._skip_to(position, header.start() + 1)
                continue
            end, missing = _payload_end(text, header.end(), units)
            if missing > 0:
                self.skipped += header.start() - position
                self._hold(text[header.start() :], missing)
                return payloads
            if end < 0:
                position = self._skip_to(position, header.start() + 1)
                continue
            self.skipped += header.start() - position
            payloads.append(_join_surrogates(text[header.end() : end]))
            position = end

    def _skip_to(self, position: int, target: int) -> int:
        self.skipped += target - position
        return target

    def _hold(self, rest: str, missing: int) -> None:
        self._buffer = [rest] if rest else []
        self._need = missing


def _payload_end(text: str, start: int, units: int) -> tuple[int, int]:
    """Find where a payload of `units` code units ends.

    Returns
    -------
    tuple of int
        The index after the payload and 0; or anything and the number of missing
        units; or -1 and 0 when the length cuts a character in two.
    """
    piece = text[start : start + units]
    have = utf16_length(piece)
    if have <= units:
        return start + len(piece), units - have
    # Characters above U+FFFF count twice: step back until the units fit. Dropping
    # n characters frees n to 2n units, so half of the excess never overshoots.
    characters = len(piece)
    while have > units:
        characters -= max(1, (have - units) // 2)
        have = utf16_length(piece[:characters])
    return (start + characters, 0) if have == units else (-1, 0)


def _join_surrogates(payload: str) -> str:
    """Turn surrogate pairs that arrived in two chunks into the characters they encode."""
    if payload.isascii():
        return payload
    return payload.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _start_of_partial_header(text: str, position: int) -> int:
    """Return where a header that the next chunk could complete begins, else the end of the text."""
    first = max(position, len(text) - _LONGEST_HEADER)
    for start in range(first, len(text)):
        rest = text[start:]
        if _HEADER_START.match(rest) or MARK.startswith(rest):
            return start
    return len(text)
