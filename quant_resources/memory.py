"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable

VARIABLE = "ARROW_DEFAULT_MEMORY_POOL"
ARENAS = "MALLOC_ARENA_MAX"
_M_ARENA_MAX = -8
"""Number of that setting for glibc's ``mallopt``."""


def use_system_allocator() -> None:
    """Let Arrow allocate from the system instead of a pool of its own; call before anything imports Arrow.

    Its default pool (mimalloc) keeps what was freed: a process that ingested day after day grew by 2 MiB a day while
    Arrow held not one byte. Arrow reads the variable once, when it is imported: a pool set afterwards is that of its
    Python functions alone, while the Parquet writer goes on filling the other. A pool that was chosen is left.
    """
    os.environ.setdefault(VARIABLE, "system")


def share_one_heap() -> bool:
    """Let all threads of the process allocate from one heap.

    glibc gives threads heaps of their own, and what one frees another cannot use: in 60 days of ingestion they grew by
    10 MiB while what was in use grew by one. A number chosen by ``MALLOC_ARENA_MAX`` is left.

    Returns
    -------
    bool
        Whether the heap is shared; False where the environment chose, or the C library cannot be told.
    """
    if ARENAS in os.environ:
        return False
    tell = _function("mallopt")
    return tell is not None and tell(_M_ARENA_MAX, 1) == 1


def return_freed_memory() -> bool:
    """Give the pages of freed memory back, between pieces of work that need much for a moment.

    Returns
    -------
    bool
        Whether this C library can be told (glibc can).
    """
    trim = _function("malloc_trim")
    if trim is None:
        return False
    trim(0)
    return True


@functools.cache
def _function(name: str) -> Callable[..., int] | None:
    """Look up a function of the C library; None where it has none of that name."""
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    return found
