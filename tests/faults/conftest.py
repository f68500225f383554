"""A server of writer processes that tests may kill."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("_writer_server.py")
ROOT = Path(__file__).resolve().parents[2]


class Writers:
    """Start, kill and await writer processes.

    Every process it signals is a child of its own server.
    """

    def __init__(self) -> None:
        spec = importlib.util.spec_from_file_location("writer_server", SCRIPT)
        self.kit = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.kit)
        env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        self._server = subprocess.Popen(
            [sys.executable, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def _ask(self, job) -> int:
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())

    def start(self, kind, root, name, *, count, rows=1, **more) -> int:
        return self._ask({"kind": kind, "root": str(root), "name": name, "count": count, "rows": rows, **more})

    def kill(self, pid) -> None:
        os.kill(pid, signal.SIGKILL)
        self.wait(pid)

    def wait(self, pid) -> int:
        return self._ask({"kind": "wait", "pid": pid})

    @staticmethod
    def acks(root, name) -> list[tuple[int, int, int]]:
        """(k, attempts, version) of every acknowledged commit."""
        path = Path(f"{root}.{name}.acks")
        return [tuple(map(int, line.split())) for line in path.read_text().splitlines()] if path.exists() else []

    def lake(self, root):
        from quant_resources.lakehouse import Lake

        return Lake(root, [self.kit.FACTS, self.kit.CHOICES])

    def await_acks(self, root, name, newest) -> None:
        """Return once something newer than ``newest`` is acknowledged."""
        deadline = time.monotonic() + 60
        while max((k for k, _, _ in self.acks(root, name)), default=-1) <= newest:
            assert time.monotonic() < deadline, "the writer acknowledges nothing"
            time.sleep(0.001)

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait(timeout=30)
        self._server.stdout.close()


@pytest.fixture(scope="session")
def writers():
    made = Writers()
    yield made
    made.close()
