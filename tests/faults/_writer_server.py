"""Forks writers that a test then kills: imports are paid once, a fork costs milliseconds.

Run as a script. Every line on stdin is a job ``{"kind", "root", "name", "count", "rows"}``; the reply is
the pid of the child doing it. ``{"kind": "wait", "pid"}`` replies with that child's exit status. A child
appends one line per acknowledged commit to ``<root>.<name>.acks``. The server itself starts no thread.
"""

import datetime as dt
import json
import os
import signal
import sys
import traceback
from pathlib import Path

import deltalake  # noqa: F401 - paid before the forks
import numpy as np
import pandas as pd
import pyarrow.compute
import pyarrow.parquet  # noqa: F401
import tenacity  # noqa: F401

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import Lake

FACTS = TableSpec(
    "facts", "Shared rows.", "", Ownership.SHARED, ("date", "symbol"),
    (Column("date", "date", "day"), Column("symbol", "string", "symbol"), Column("value", "float64", "value")),
)  # fmt: skip
CHOICES = TableSpec(
    "choices", "Decision rows.", "", Ownership.DECISION, ("profile", "date", "symbol"),
    (
        Column("profile", "string", "sleeve"),
        Column("date", "date", "day"),
        Column("symbol", "string", "symbol"),
        Column("weight", "float64", "weight"),
    ),
)  # fmt: skip
DAY = dt.date(2022, 1, 5)


def rows_of(spec: TableSpec, profile: str, symbols: list[str], value: float) -> pd.DataFrame:
    """Rows that all carry one value."""
    frame = pd.DataFrame({"profile": profile, "date": pd.Timestamp(DAY), "symbol": symbols})
    frame = frame.assign(value=value, weight=value)[list(spec.column_names)]
    return frame.astype(spec.pandas_types())


def work(job: dict, acks: int) -> None:
    """Commit ``count`` times, acknowledging each."""
    lake, name, n = Lake(Path(job["root"]), [FACTS, CHOICES]), job["name"], job["rows"]
    if job.get("file_limit"):
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_limit"], job["file_limit"]))
    for k in range(job.get("first", 0), job.get("first", 0) + job["count"]):
        if job["kind"] == "add":
            receipt = lake.add_missing(FACTS, rows_of(FACTS, "", [f"X:{name}_{k}_{i}" for i in range(n)], float(k)))
        else:
            frame = rows_of(CHOICES, name, [f"X:S{i}" for i in range(n)], float(k))
            frame["weight"] += np.linspace(0, 0.5, n)
            receipt = lake.replace(CHOICES, frame, date=DAY, profile=name)
        os.write(acks, f"{k} {receipt.attempts} {receipt.version}\n".encode())


def fork(job: dict) -> int:
    """Start a child; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        acks = os.open(f"{job['root']}.{job['name']}.acks", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        work(job, acks)
        status = 0
    except Exception:
        Path(f"{job['root']}.{job['name']}.error").write_text(traceback.format_exc())
    finally:
        os._exit(status)


def main() -> None:
    """Serve until stdin closes."""
    for line in sys.stdin:
        job = json.loads(line)
        answer = os.waitpid(job["pid"], 0)[1] if job["kind"] == "wait" else fork(job)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
