"""One pace for all processes: how often a provider is asked, and whether it may be asked at all.

Processes that share a home share one small file per provider. Each request is stamped there, under a lock of the
kernel, at the moment it may leave, so that any number of processes together keep the rate of one. A pause the
provider asked one of them for holds all of them. While a file named ``off`` lies beside it, nothing is sent.

Times are those of the machine's monotonic clock, which every process shares and nobody can set; a restart of the
machine begins a new one, so the file says of which boot it is.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from quant_resources.tradingview.errors import MarketOffError, RateLimitedError

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_WIDTH: Final = 128
_PATIENCE: Final = 0.25
"""Longest sleep between two looks at the switch, in seconds."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the processes of one home agree on about one provider.

    Parameters
    ----------
    folder : Path
        Folder of the agreement; created when it is first needed.
    provider : str
        Host, or host and port.
    rate : float
        Requests a second, of all processes together; 0 for no limit.
    """

    folder: Path
    provider: str
    rate: float

    @property
    def switch(self) -> Path:
        """File whose presence stops every request; its text is the reason."""
        return self.folder / "off"

    def check_switch(self) -> None:
        """`MarketOffError` while the switch is off."""
        try:
            reason = self.switch.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return
        remedy = f"run `quant market on`, which removes {self.switch}"
        raise MarketOffError(self.provider, reason or "no reason given", remedy)

    def take(self, now: float) -> tuple[float, float]:
        """Take the right to send one request, if it is there.

        Parameters
        ----------
        now : float
            Monotonic clock, in seconds.

        Returns
        -------
        tuple of float
            Seconds until the rate allows a request and until the provider's pause is over. Both are 0 where
            the right was taken.
        """
        with self._state() as state:
            free, closed = max(0.0, state.free_at - now), max(0.0, state.closed_until - now)
            if free == closed == 0.0 and self.rate > 0:
                state.free_at = now + 1.0 / self.rate
            return free, closed

    def close(self, until: float) -> None:
        """Let no process send anything before `until` (monotonic clock); an earlier, longer pause stays."""
        with self._state() as state:
            state.closed_until = max(state.closed_until, until)

    @contextmanager
    def _state(self) -> Iterator[_State]:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in self.provider)
        descriptor = os.open(self.folder / f"pace-{name}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            state = _State.parsed(os.pread(descriptor, _WIDTH, 0))
            before = state.text()
            yield state
            if state.text() != before:
                os.pwrite(descriptor, state.text(), 0)
        finally:
            os.close(descriptor)


@dataclass(slots=True)
class _State:
    free_at: float = 0.0
    closed_until: float = 0.0

    @classmethod
    def parsed(cls, data: bytes) -> _State:
        """Read the file; what another boot wrote, or nobody did, holds nothing back."""
        words = data.decode("ascii", "replace").split()
        try:
            boot, free_at, closed_until = words
            state = cls(float(free_at), float(closed_until))
        except ValueError:
            return cls()
        return state if boot == _boot() else cls()

    def text(self) -> bytes:
        return f"{_boot()} {self.free_at:.6f} {self.closed_until:.6f}".ljust(_WIDTH).encode("ascii")


def _boot() -> str:
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


class Gate:
    """Where each request of this process waits for its turn, first come, first served.

    Parameters
    ----------
    pace : Pace
        The agreement with other processes.
    longest : float
        A provider that asked for a longer pause than this many seconds is not waited for.
    sleep, monotonic : callable
        What makes time pass.
    """

    def __init__(
        self, pace: Pace, longest: float, sleep: Callable[[float], Awaitable[None]], monotonic: Callable[[], float]
    ) -> None:
        self._pace = pace
        self._longest = longest
        self._sleep = sleep
        self._monotonic = monotonic
        # Each call of the client has an event loop of its own, and a lock belongs to one loop.
        self._queues: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()

    async def turn(self) -> None:
        """Wait until one request may leave.

        Raises
        ------
        MarketOffError
            When the switch is off, also if that happens while waiting.
        RateLimitedError
            When the provider asked for a longer pause than is waited for, this process or another.
        """
        queue = self._queues.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with queue:
            while True:
                self._pace.check_switch()
                free, closed = self._pace.take(self._monotonic())
                if closed > self._longest:
                    raise RateLimitedError(self._pace.provider, closed, "it said so to a process of this home")
                if free == closed == 0.0:
                    return
                await self._sleep(min(max(free, closed), _PATIENCE))

    def told(self, retry_after: float | None) -> None:
        """Note a pause the provider asked for, for every process."""
        if retry_after is not None:
            self._pace.close(self._monotonic() + retry_after)
