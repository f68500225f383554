"""Spreading independent pieces of one computation over this machine's processors.

The pieces share one large read-only input and come back in the order they were
given, so that the result is the same whatever the number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from dagster import ConfigurableResource
from pydantic import Field

Item = TypeVar("Item")
Result = TypeVar("Result")

_PRELOAD: Final = ("quant_lib.decision",)
"""Imported once by the server that workers are forked from, and not by every worker."""


@dataclass(frozen=True, slots=True)
class LocalCompute:
    """Processes of this machine.

    Parameters
    ----------
    workers : int
        Processes; 1 computes in the calling one.
    least : int
        Fewer pieces than this are computed in the calling process: starting workers costs seconds.
    """

    workers: int
    least: int = 12

    @classmethod
    def of_machine(cls, workers: int = 0) -> LocalCompute:
        """As many workers as asked for, or as there are processors for this process where 0."""
        return cls(workers or len(os.sched_getaffinity(0)))

    def map(self, function: Callable[..., Result], shared: tuple[Any, ...], items: Sequence[Item]) -> Iterator[Result]:
        """``function(*shared, item)`` for each item, in order.

        Parameters
        ----------
        function : callable
            Of module level: workers import it by name.
        shared : tuple
            Read-only inputs of every call, sent to each worker once.
        items : sequence
            One call each.

        Yields
        ------
        object
            Results in the order of the items.

        Raises
        ------
        Exception
            The first error of a call, as the call raised it.
        """
        workers = min(self.workers, len(items))
        if workers <= 1 or len(items) < self.least:
            yield from (function(*shared, item) for item in items)
            return
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(_PRELOAD))
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_receive, initargs=(shared,)) as pool:
            yield from pool.map(_call, [function] * len(items), items, chunksize=1)


class ComputeResource(ConfigurableResource):  # type: ignore[type-arg]
    """Processors a step may spread its work over."""

    workers: int = Field(default=0, description="Processes; 0: as many as there are processors; 1: none besides.")

    @property
    def local(self) -> LocalCompute:
        """The processes."""
        return LocalCompute.of_machine(self.workers)


_shared: tuple[Any, ...] = ()


def _receive(shared: tuple[Any, ...]) -> None:
    global _shared  # the one place a worker keeps what every call reads
    _shared = shared


def _call(function: Callable[..., Result], item: Any) -> Result:
    return function(*_shared, item)
