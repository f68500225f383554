"""Where machine code of the compiled kernels is kept, and how long compiling took."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
UNUSED_SECONDS = 7 * 86_400.0
"""Time after which a folder that nobody holds is taken for one of a version that is not coming back."""
_SOURCES = Path(__file__).resolve().parent.parent / "quant_lib"
_PREFIX, _LOCK = "kernels-", ".lock"
_HELD: dict[Path, int] = {}
"""Open lock of each folder this process uses; closed, and so released, by its end."""


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
    ``NUMBA_CACHE_DIR`` is left as it is, unless it is one of these that a parent of another version handed down.
    Where the folder cannot be written, numba finds another.

    The folder is held as long as the process lives; those of other versions go once nobody has held them for
    `UNUSED_SECONDS`.

    Returns
    -------
    Path
        The folder.
    """
    home = _SOURCES / "__pycache__"
    chosen = os.environ.get(VARIABLE, "")
    if chosen and not (Path(chosen).parent == home and Path(chosen).name.startswith(_PREFIX)):
        return Path(chosen)
    folder = home / f"{_PREFIX}{code_version()}"
    os.environ[VARIABLE] = str(folder)
    if hold(folder):
        prune(folder)
    return folder


def hold(folder: Path) -> bool:
    """Hold a folder until the process ends, so that no other prunes it; whether that was possible."""
    if folder in _HELD:
        return True
    lock = folder.with_suffix(_LOCK)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        while True:
            held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(held, fcntl.LOCK_SH)
            if _is_still(lock, held):
                break
            os.close(held)  # it was pruned between the two calls
        os.utime(held)
    except OSError:  # a place that cannot be written: numba finds another
        return False
    _HELD[folder] = held
    return True


def prune(mine: Path, *, unused: float = UNUSED_SECONDS) -> list[Path]:
    """Remove folders of other versions that no process holds and none has held for some seconds; return them.

    A process of a release that held nothing yet is safe as long as it compiled something within that time.
    """
    gone = []
    limit = time.time() - unused
    for folder in sorted(mine.parent.glob(f"{_PREFIX}*")):
        if folder == mine or not folder.is_dir():
            continue
        lock = folder.with_suffix(_LOCK)
        try:
            if max(_used(lock), _used(folder)) > limit:
                continue
            held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_still(lock, held):
                    shutil.rmtree(folder)
                    lock.unlink()
                    gone.append(folder)
            finally:
                os.close(held)
        except OSError:  # held, or another process was faster, or not ours to remove: the next start tries again
            continue
    return gone


def _is_still(lock: Path, held: int) -> bool:
    """Whether a lock file opened before is the one that stands there now."""
    try:
        return os.path.samestat(os.fstat(held), lock.stat())
    except FileNotFoundError:
        return False


def _used(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


@contextmanager
def seconds_compiling(figures: dict[str, float]) -> Iterator[None]:
    """Note, as ``seconds_compiling``, the wall time that kernels were compiled meanwhile; 0 where all were kept."""
    from numba.core.event import TimingListener, install_listener

    with install_listener("numba:compile", TimingListener()) as timer:  # type: ignore[no-untyped-call]
        yield
    figures["seconds_compiling"] = round(float(timer.duration), 3) if timer.done else 0.0
