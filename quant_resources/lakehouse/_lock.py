"""Advisory lock between writers, who share it, and the janitor, who wants it alone.

Correctness of commits does not rest on it (compare-and-swap does that); it only
keeps the janitor from removing a file that a writer has written and not yet
committed. The kernel releases it when a process dies.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quant_resources.lakehouse._files import make_folder


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Hold a table's lock together with other writers."""
    make_folder(root)
    with _locked(root, fcntl.LOCK_SH):
        yield


@contextmanager
def sweeping(root: Path) -> Iterator[bool]:
    """Hold a table's lock alone; yields False, at once, where somebody is writing."""
    try:
        with _locked(root, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield True
    except BlockingIOError:
        yield False


@contextmanager
def _locked(root: Path, mode: int) -> Iterator[None]:
    descriptor = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, mode)
        yield
    finally:
        os.close(descriptor)
