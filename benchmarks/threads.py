"""What two threads gain over one, beside what this machine leaves for a second thread at the same moments."""

import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np


@dataclass(frozen=True)
class Gain:
    """Walls of the same tasks with one thread and with two, taken in turn, in seconds."""

    one: float
    two: float
    ratio: float
    low: float
    high: float
    system: float

    def __str__(self):
        walls = f"{self.one * 1e3:7.1f} / {self.two * 1e3:6.1f} ms"
        return f"{walls}  {self.ratio:5.2f}x  (quartiles {self.low:.2f} to {self.high:.2f})"


@numba.njit(nogil=True)
def _divisions(n):
    x = 0.0
    for i in range(n):
        x += 0.5 * i / (i + 1.0)
    return x


@numba.njit(nogil=True)
def _products(n):
    a, b, c = np.full(512, 1.0), np.full(512, 0.9), np.full(512, 0.1)
    for _ in range(n):
        for i in range(512):
            a[i] = a[i] * b[i] + c[i]
    return a[0]


CEILINGS = {
    "a division after the other": (_divisions, [[1_600_000]] * 20),
    "arithmetic within the first cache": (_products, [[50_000]] * 20),
}
"""Work that shares nothing, waits for no memory and calls nothing: two threads cannot gain more here and now."""


def gains(jobs, rounds=15):
    """Gain of two threads for each job, by name; jobs are ``(function, argument lists)``.

    Every round times every job with one thread and with two, the order of both turned from round to round, so whatever
    else the machine does meets all alike. A gain is the median of the rounds' ratios.
    """
    walls = {name: [] for name in jobs}
    with ThreadPoolExecutor(2) as pool:
        for work, tasks in jobs.values():
            _alone(work, tasks), _both(pool, work, tasks)
        for turn in range(rounds):
            for name, (work, tasks) in jobs.items():
                walls[name].append(_pair(pool, work, tasks, turn % 2 == 0))
    return {name: _gain(np.array(pairs)) for name, pairs in walls.items()}


def _pair(pool, work, tasks, alone_first):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_stime
    one = _alone(work, tasks) if alone_first else None
    two = _both(pool, work, tasks)
    one = _alone(work, tasks) if one is None else one
    return one, two, resource.getrusage(resource.RUSAGE_SELF).ru_stime - before


def _gain(pairs):
    one, two, system = np.median(pairs, axis=0)
    low, middle, high = np.quantile(pairs[:, 0] / pairs[:, 1], [0.25, 0.5, 0.75])
    return Gain(one, two, middle, low, high, system / (one + two))


def _alone(work, tasks):
    started = time.perf_counter()
    for task in tasks:
        work(*task)
    return time.perf_counter() - started


def _both(pool, work, tasks):
    def run(task):
        work(*task)  # and let go of what it made, as one thread does

    started = time.perf_counter()
    for _ in pool.map(run, tasks):
        pass  # draining raises what a task raised
    return time.perf_counter() - started


def busy():
    """Seconds all processors of this machine worked since it started; nothing where the system does not say."""
    try:
        ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    return (sum(ticks) - ticks[3] - ticks[4]) / 100.0  # all but idle and waiting for disks


class Others:
    """Processors that other processes kept busy between two moments: figures beside a loaded machine say so."""

    def __enter__(self):
        self._busy, self._own, self._started = busy(), time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_):
        wall, end = time.perf_counter() - self._started, busy()
        own = time.process_time() - self._own
        self.processors = None if end is None or self._busy is None else max((end - self._busy - own) / wall, 0.0)

    def __str__(self):
        return "not known" if self.processors is None else f"{self.processors:.2f}"
