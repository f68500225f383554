"""Arrow's memory, returned to the system when it is free."""

from __future__ import annotations

import functools


@functools.cache
def release_freed_memory() -> None:
    """Let Arrow allocate from the system instead of a pool of its own.

    Its default pool (mimalloc) keeps what was freed: a process that ingested day after day grew by 2 MiB a day while
    Arrow held not one byte. With the system's allocator it stays where it was, 60 MiB lower after 24 days.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
