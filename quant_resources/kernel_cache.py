"""Where machine code of the compiled kernels is kept, and how long compiling took."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
_SOURCES = Path(__file__).resolve().parent.parent / "quant_lib"


def code_version() -> str:
    """Hash of the sources of all kernels and of what compiles them."""
    digest = hashlib.sha256(f"{sys.version}\n{version('numba')}\n{version('numpy')}\n".encode())
    for path in sorted(_SOURCES.rglob("*.py")):
        text = path.read_bytes()
        if b"import numba" in text or b"from numba" in text:
            digest.update(f"{path.relative_to(_SOURCES)}\n{len(text)}\n".encode() + text)
    return digest.hexdigest()[:16]


@functools.cache
def sources_version(*packages: str) -> str:
    """Hash of all sources of some packages of `quant_lib`."""
    digest = hashlib.sha256()
    for path in sorted(path for package in packages for path in (_SOURCES / package).rglob("*.py")):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(_SOURCES)}\n{len(text)}\n".encode() + text)
    return digest.hexdigest()[:16]


def keep_apart() -> Path:
    """Keep the machine code of this version of the kernels in a folder of its own, beside the sources.

    Numba names a kernel's file after its line. Where two versions of a source share a folder, as while a release
    replaces another under running processes, one may load what the other compiled. A folder chosen by
    ``NUMBA_CACHE_DIR`` is left as it is; where this one cannot be written, numba finds another.

    Returns
    -------
    Path
        The folder.
    """
    chosen = os.environ.setdefault(VARIABLE, str(_SOURCES / "__pycache__" / f"kernels-{code_version()}"))
    return Path(chosen)


@contextmanager
def seconds_compiling(figures: dict[str, float]) -> Iterator[None]:
    """Note, as ``seconds_compiling``, the wall time that kernels were compiled meanwhile; 0 where all were kept."""
    from numba.core.event import TimingListener, install_listener

    with install_listener("numba:compile", TimingListener()) as timer:  # type: ignore[no-untyped-call]
        yield
    figures["seconds_compiling"] = round(float(timer.duration), 3) if timer.done else 0.0
