"""Faults the market can commit on purpose, so that clients can be tested against them.

Everything is off by default. Chances are drawn from one seeded stream per kind of
fault, so that a sequence of requests meets the same faults every time.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from quant_resources.market.errors import FaultSyntaxError

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|)")


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, how often.

    Attributes
    ----------
    latency : float
        Seconds by which every answer is late, HTTP and WebSocket. Answers stay in order and overlap.
    jitter : float
        Most seconds added to `latency`, drawn anew for every answer.
    drop_frames : float
        Chance that an outgoing WebSocket message is lost.
    truncate : float
        Chance that an outgoing message or HTTP body is cut in half.
    disconnect_after : int
        A socket is cut without a close frame after so many outgoing messages; 0 is never.
    disconnects : int
        How many sockets are cut in all; 0 is all of them.
    http_429, http_503 : float
        Chance that a screener request is answered so.
    handshake_429 : float
        Chance that a WebSocket handshake is answered 429.
    retry_after : str
        `Retry-After` of a 429: seconds or an HTTP date; empty for none.
    missing : tuple of str
        Symbols that do not exist.
    denied : tuple of str
        Symbols answered "permission denied".
    silent : tuple of str
        Symbols whose series never answer.
    empty : tuple of str
        Symbols that resolve and have no bars.
    bad_token : bool
        Every token is refused as expired.
    mute : bool
        Tokens are accepted and heartbeats flow, but no session ever answers.
    seed : int
        Seed of the chances.
    """

    latency: float = 0.0
    jitter: float = 0.0
    drop_frames: float = 0.0
    truncate: float = 0.0
    disconnect_after: int = 0
    disconnects: int = 0
    http_429: float = 0.0
    http_503: float = 0.0
    handshake_429: float = 0.0
    retry_after: str = "1"
    missing: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    bad_token: bool = False
    mute: bool = False
    seed: int = 0

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Faults:
        """Read faults from texts such as ``latency=50ms``, ``missing=BINANCE:XUSDT`` or ``bad_token``.

        A symbol fault may be given several times, or with symbols separated by
        commas. Of any other fault the last text counts.

        Raises
        ------
        FaultSyntaxError
            When a text names no fault or an impossible value.
        """
        values: dict[str, object] = {}
        for text in texts:
            name, equals, value = text.strip().partition("=")
            reader = _READERS.get(name)
            if reader is None:
                raise FaultSyntaxError(text, f"{name!r} is none of {', '.join(sorted(_READERS))}")
            if reader == "symbols":
                known = values.get(name, ())
                values[name] = (*(known if isinstance(known, tuple) else ()), *_symbols(text, value))
            elif reader == "flag":
                values[name] = _flag(text, value if equals else "true")
            elif reader == "text":
                values[name] = value
            else:
                values[name] = _number(text, value, reader)
        return dataclasses.replace(cls(), **values)  # type: ignore[arg-type]


_READERS: Final = {
    "latency": "seconds",
    "jitter": "seconds",
    "drop_frames": "chance",
    "truncate": "chance",
    "disconnect_after": "count",
    "disconnects": "count",
    "http_429": "chance",
    "http_503": "chance",
    "handshake_429": "chance",
    "retry_after": "text",
    "missing": "symbols",
    "denied": "symbols",
    "silent": "symbols",
    "empty": "symbols",
    "bad_token": "flag",
    "mute": "flag",
    "seed": "count",
}


def _symbols(text: str, value: str) -> tuple[str, ...]:
    symbols = tuple(part.strip().upper() for part in value.split(",") if part.strip())
    if not symbols:
        raise FaultSyntaxError(text, "the symbol is missing")
    return symbols


def _flag(text: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise FaultSyntaxError(text, "write it alone, or with =true or =false")
    return value == "true"


def _number(text: str, value: str, reader: str) -> float | int:
    if reader == "count":
        if not (value.isascii() and value.isdigit()):
            raise FaultSyntaxError(text, "the value is not a whole number")
        return int(value)
    if reader == "seconds":
        match = _DURATION.fullmatch(value)
        if match is None:
            raise FaultSyntaxError(text, "the value is not a duration such as 50ms or 1.5s")
        return float(match[1]) * (0.001 if match[2] == "ms" else 1.0)
    try:
        chance = float(value)
    except ValueError as error:
        raise FaultSyntaxError(text, "the value is not a number") from error
    if not 0.0 <= chance <= 1.0:
        raise FaultSyntaxError(text, "a chance lies between 0 and 1")
    return chance


class FaultPlan:
    """The faults of one server at work: the dice, and what has been committed so far.

    Parameters
    ----------
    faults : Faults
        What may go wrong.

    Attributes
    ----------
    committed : Counter of str
        Faults committed so far, by name.
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.committed: Counter[str] = Counter()
        self._dice: dict[str, random.Random] = {}
        self._symbols = {name: frozenset(getattr(faults, name)) for name in ("missing", "denied", "silent", "empty")}

    def strikes(self, name: str) -> bool:
        """Roll the dice of the chance called `name`, and count a hit."""
        chance: float = getattr(self.faults, name)
        if chance <= 0.0:
            return False
        if self._die(name).random() >= chance:
            return False
        self.committed[name] += 1
        return True

    def delay(self) -> float:
        """Return by how many seconds the next answer is late."""
        if self.faults.jitter <= 0.0:
            return self.faults.latency
        return self.faults.latency + self._die("jitter").random() * self.faults.jitter

    def cuts_socket(self, messages_sent: int) -> bool:
        """Tell whether a socket is cut after so many messages, and count it."""
        after, most = self.faults.disconnect_after, self.faults.disconnects
        if after == 0 or messages_sent < after or (most and self.committed["disconnect_after"] >= most):
            return False
        self.committed["disconnect_after"] += 1
        return True

    def is_missing(self, symbol: str) -> bool:
        """Tell whether `symbol` must not exist."""
        return self._is("missing", symbol)

    def is_denied(self, symbol: str) -> bool:
        """Tell whether `symbol` is not in the plan."""
        return self._is("denied", symbol)

    def is_silent(self, symbol: str) -> bool:
        """Tell whether the series of `symbol` never answer."""
        return self._is("silent", symbol)

    def is_empty(self, symbol: str) -> bool:
        """Tell whether `symbol` has no bars."""
        return self._is("empty", symbol)

    def _is(self, name: str, symbol: str) -> bool:
        if symbol not in self._symbols[name]:
            return False
        self.committed[name] += 1
        return True

    def _die(self, name: str) -> random.Random:
        if name not in self._dice:
            self._dice[name] = random.Random(f"{self.faults.seed}:{name}")  # noqa: S311 - a rehearsal, not a secret
        return self._dice[name]
