"""N24: processes that compile the same kernels at once into an empty cache neither crash nor read each other's halves."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quant_resources import kernel_cache

ROOT = Path(__file__).parents[2]
WORK = """
import hashlib, sys, time
from pathlib import Path
from quant_resources.kernel_cache import seconds_compiling
import numpy as np
from quant_lib.features._digest_kernels import running_sums
ready = Path(sys.argv[1])
ready.touch()
while not ready.with_name("go").exists():
    time.sleep(0.005)
figures = {}
with seconds_compiling(figures):
    words = np.arange(7 * 1000, dtype=np.uint64).reshape(7, 1000)
    out, at = np.empty(1000, np.uint64), np.array([0, 400, 1000])
    running_sums(words, np.array([1, 2], np.uint64), at, out)
print(hashlib.sha256(out.tobytes()).hexdigest(), figures["seconds_compiling"])
"""


def start(folder, ready):
    return subprocess.Popen(
        [sys.executable, "-c", WORK, str(ready)],
        cwd=ROOT,
        env=os.environ | {kernel_cache.VARIABLE: str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def race(folder, processes):
    """Results and seconds of compiling of some processes that are let go at once on one folder; all must end well."""
    gate = folder.with_name(f"{folder.name}-gate-{processes}")
    gate.mkdir(parents=True)
    running = [start(folder, gate / str(number)) for number in range(processes)]
    while len(list(gate.iterdir())) < processes and all(process.poll() is None for process in running):
        time.sleep(0.01)
    (gate / "go").touch()
    ended = [(process.communicate(timeout=600), process.returncode) for process in running]
    assert [code for _, code in ended] == [0] * processes, [said[1][-500:] for said, _ in ended]
    lines = [said[0].split() for said, _ in ended]
    return {line[0] for line in lines}, [float(line[1]) for line in lines]


def judged(tmp_path, processes, rounds):
    results, compiling = set(), []
    for number in range(rounds):
        made, seconds = race(tmp_path / str(number), processes)
        results |= made
        compiling += seconds
    assert len(results) == 1
    assert sum(seconds > 0.0 for seconds in compiling) >= 2 * rounds  # they did compile at the same time
    warm, seconds = race(tmp_path / "0", 1)
    assert warm == results
    assert seconds == [0.0]  # and what they left is whole: nothing is compiled again
    return compiling


@pytest.mark.slow
def test_cold_processes_at_once(tmp_path):
    judged(tmp_path, 2, 1)


@pytest.mark.slow
def test_eight_cold_processes_twenty_times(tmp_path, record_property):
    seconds = judged(tmp_path, 8, 20)
    assert len(seconds) == 160
    record_property("seconds_compiling", f"{min(seconds)} to {max(seconds)}")


def test_the_folder_is_keyed_by_the_version_of_the_code(tmp_path, monkeypatch):
    sources = tmp_path / "quant_lib"
    sources.mkdir()
    (sources / "a_kernels.py").write_text("import numba\n")
    (sources / "plain.py").write_text("x = 1\n")
    monkeypatch.setattr(kernel_cache, "_SOURCES", sources)
    monkeypatch.delenv(kernel_cache.VARIABLE, raising=False)
    first = kernel_cache.keep_apart()
    assert os.environ[kernel_cache.VARIABLE] == str(first)
    assert first.parent == sources / "__pycache__"
    (sources / "plain.py").write_text("x = 2\n")
    assert first.name == f"kernels-{kernel_cache.code_version()}"
    (sources / "a_kernels.py").write_text("import numba\n# changed\n")
    assert first.name != f"kernels-{kernel_cache.code_version()}"
    monkeypatch.setenv(kernel_cache.VARIABLE, str(tmp_path / "mine"))
    assert kernel_cache.keep_apart() == tmp_path / "mine"


WEEKS_AGO = 30 * 86_400
HOLD = """
import sys
from pathlib import Path
from quant_resources.kernel_cache import hold
print(hold(Path(sys.argv[1])), flush=True)
sys.stdin.readline()
"""


def folder_of(home, version, *, age=0, locked=True):
    """A folder of a version with machine code in it, last used some seconds ago."""
    folder = home / f"kernels-{version}"
    (folder / "indicators_1").mkdir(parents=True)
    (folder / "indicators_1" / "rsi.nbi").write_bytes(b"x")
    used = [folder]
    if locked:
        used.append(folder.with_suffix(".lock"))
        used[1].touch()
    for path in used:
        os.utime(path, (time.time() - age, time.time() - age))
    return folder


def test_folders_of_versions_nobody_used_for_long_go_and_no_other(tmp_path):
    mine = folder_of(tmp_path, "mine", age=WEEKS_AGO)
    old = [folder_of(tmp_path, "a", age=WEEKS_AGO), folder_of(tmp_path, "b", age=WEEKS_AGO, locked=False)]
    recent = folder_of(tmp_path, "c", age=3_600)
    (tmp_path / "kernels-note.txt").write_text("not a folder")
    (tmp_path / "module.cpython-311.pyc").write_bytes(b"x")
    assert kernel_cache.prune(mine) == old
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "kernels-c", "kernels-c.lock", "kernels-mine", "kernels-mine.lock", "kernels-note.txt", "module.cpython-311.pyc"
    ]  # fmt: skip
    assert kernel_cache.prune(mine) == []
    assert recent.is_dir()


def test_a_folder_that_a_running_process_holds_stays_until_it_ends(tmp_path):
    mine, other = folder_of(tmp_path, "mine"), folder_of(tmp_path, "other", age=WEEKS_AGO)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(other)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "True\n"
        assert kernel_cache.prune(mine) == []  # just used
        for path in (other, other.with_suffix(".lock")):
            os.utime(path, (time.time() - WEEKS_AGO, time.time() - WEEKS_AGO))
        assert kernel_cache.prune(mine) == []  # not used for weeks, and held: a daemon that has been up that long
        assert (other / "indicators_1" / "rsi.nbi").exists()
    finally:
        holder.communicate("\n", timeout=60)
    assert kernel_cache.prune(mine) == [other]


def test_a_version_that_comes_back_while_it_is_pruned_gets_a_lock_that_stands(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, "back", age=WEEKS_AGO)
    lock, flock, pruned = folder.with_suffix(".lock"), kernel_cache.fcntl.flock, []

    def late(held, how):
        if not pruned:  # another process prunes between our opening of the lock and our holding it
            pruned.append(lock)
            lock.unlink()
        return flock(held, how)

    monkeypatch.setattr(kernel_cache.fcntl, "flock", late)
    assert kernel_cache.hold(folder)
    held = kernel_cache._HELD.pop(folder)
    assert os.path.samestat(os.fstat(held), lock.stat())
    os.close(held)


def test_a_folder_that_cannot_be_written_is_left_to_numba(tmp_path):
    (tmp_path / "file").write_text("where a folder should be")
    assert not kernel_cache.hold(tmp_path / "file" / "kernels-x")


def test_a_child_of_another_version_uses_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(kernel_cache, "_SOURCES", tmp_path)
    monkeypatch.setenv(kernel_cache.VARIABLE, str(tmp_path / "__pycache__" / "kernels-of-the-parent"))
    folder = kernel_cache.keep_apart()
    os.close(kernel_cache._HELD.pop(folder))
    assert folder == tmp_path / "__pycache__" / f"kernels-{kernel_cache.code_version()}"
    assert os.environ[kernel_cache.VARIABLE] == str(folder)
