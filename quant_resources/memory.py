"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable

VARIABLE = "ARROW_DEFAULT_MEMORY_POOL"


def use_system_allocator() -> None:
    """Let Arrow allocate from the system instead of a pool of its own; call before anything imports Arrow.

    Its default pool (mimalloc) keeps what was freed: a process that ingested day after day grew by 2 MiB a day while
    Arrow held not one byte. Arrow reads the variable once, when it is imported: a pool set afterwards is that of its
    Python functions alone, while the Parquet writer goes on filling the other. A pool that was chosen is left.
    """
    os.environ.setdefault(VARIABLE, "system")


def return_freed_memory() -> bool:
    """Give the pages of freed memory back, between pieces of work that need much for a moment.

    The allocator of the C library keeps them for each thread that ever asked, and DuckDB's threads come and go: what
    a process holds then depends on which thread read last.

    Returns
    -------
    bool
        Whether this C library can be told (glibc can).
    """
    trim = _trim()
    if trim is None:
        return False
    trim(0)
    return True


@functools.cache
def _trim() -> Callable[[int], int] | None:
    found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return found
