"""Arrow allocates from the system in every process of the platform, whatever is imported first."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from quant_resources.memory import return_freed_memory

WRITE = """
import json, {first}
import pyarrow as pa, pyarrow.parquet as pq
pq.write_table(pa.table({{"a": list(range(100_000))}}), pa.BufferOutputStream())
pools = {{"own": pa.mimalloc_memory_pool().max_memory(), "system": pa.system_memory_pool().max_memory()}}
print(json.dumps({{"backend": pa.default_memory_pool().backend_name, **pools}}))
"""


def pools_after(first):
    script = WRITE.format(first=first)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("entry", ["quant_assets.definitions", "quant_resources.lakehouse", "tools.soak"])
def test_what_the_parquet_writer_frees_goes_back_to_the_system(entry, monkeypatch):
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    used = pools_after(entry)
    assert used["backend"] == "system"
    assert used["own"] == 0
    assert used["system"] > 500_000


def test_a_pool_that_was_chosen_is_left(monkeypatch):
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    assert pools_after("quant_resources.lakehouse")["backend"] == "mimalloc"


HEAPS = """
import ctypes, re, threading, {first}
libc = ctypes.CDLL(None)
libc.fopen.restype = libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
together = threading.Barrier(4)
def ask():
    together.wait()
    [libc.malloc(4_096) for _ in range(2_000)]
    together.wait()
threads = [threading.Thread(target=ask) for _ in range(4)]
[one.start() for one in threads]; [one.join() for one in threads]
file = ctypes.c_void_p(libc.fopen(b"{path}", b"w"))
libc.malloc_info(0, file); libc.fclose(file)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc how many heaps it keeps")
@pytest.mark.parametrize(("chosen", "one"), [(None, True), ("8", False)])
def test_threads_share_one_heap_unless_told_otherwise(tmp_path, monkeypatch, chosen, one):
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if chosen is not None:
        monkeypatch.setenv("MALLOC_ARENA_MAX", chosen)
    script = HEAPS.format(first="quant_resources", path=tmp_path / "heaps.xml")
    subprocess.run([sys.executable, "-c", script], check=True)
    heaps = (tmp_path / "heaps.xml").read_text().count("<heap nr=")
    assert (heaps == 1) is one


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own account of a process")
def test_freed_memory_goes_back():
    blocks = [bytes(range(256)) * 64 for _ in range(4_000)]  # 16 KiB each: from the heap, not a mapping of its own
    last = bytes(16_384)  # keeps the top of the heap in use
    full = resident()
    del blocks
    assert return_freed_memory()
    assert resident() < full - 32 * 2**20
    assert len(last) == 16_384
