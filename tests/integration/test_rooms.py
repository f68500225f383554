"""What the three rooms may not contain or do: pickles, SQL made of strings, work at import (S-Y2, S-Q1, N33)."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("quant_lib", "quant_resources", "quant_assets")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

LOADS_CODE = {"pickle", "cPickle", "joblib", "shelve", "dill", "cloudpickle", "marshal"}
EVALUATES = {"eval", "exec", "compile"}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0], node.lineno


def called(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            yield name, node


@pytest.fixture(scope="module")
def trees():
    assert len(SOURCES) > 150
    return {path: ast.parse(path.read_text()) for path in SOURCES}


def test_nothing_loads_code_from_data(trees):
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, tree in trees.items()
        for name, line in imported(tree)
        if name in LOADS_CODE
    ]
    found += [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {name}"
        for path, tree in trees.items()
        for name, node in called(tree)
        if (name in EVALUATES and isinstance(node.func, ast.Name)) or name in {"read_pickle", "to_pickle"}
    ]
    assert found == []


def test_yaml_has_one_safe_door(trees):
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees.items()
        for name, node in called(tree)
        if name in {"unsafe_load", "full_load", "load_all"}
        or (name == "load" and isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "yaml")
    ]
    assert [place for place in found if "yaml_door" not in place] == []


def test_values_reach_sql_as_parameters(trees):
    """A query with a hole in its text may be filled from an allow-list in one room and nowhere else."""
    found = set()
    for path, tree in trees.items():
        for name, node in called(tree):
            if name in {"execute", "executemany", "sql"} and node.args and isinstance(node.args[0], ast.JoinedStr):
                found.add(str(path.relative_to(ROOT)))
    assert {place for place in found if not place.startswith("quant_resources/lakehouse/")} == set()


PROBE = """
import json, sys
opened, reached = [], []
def watch(event, args):
    if event == "open" and isinstance(args[0], str) and args[1] and set(str(args[1])) & set("wax+"):
        opened.append(args[0])
    elif event in ("socket.connect", "socket.getaddrinfo"):
        reached.append(event)
    elif event == "subprocess.Popen" and args[0] != "file":  # Python's platform module asks what it is
        reached.append(str(args[0]))
sys.addaudithook(watch)
import quant_assets.definitions
heavy = ["riskfolio", "skfolio", "vectorbt", "cvxportfolio", "hmmlearn", "ccxt", "exchange_calendars", "statsmodels",
         "sklearn", "matplotlib", "plotly", "numba", "cvxpy", "deltalake", "pandas", "numpy", "pyarrow", "duckdb"]
print(json.dumps({
    "written": [p for p in opened if "__pycache__" not in p and p != "/dev/null"],
    "reached": reached,
    "heavy": [name for name in heavy if name in sys.modules],
    # The kernel's own mark: what getrusage tells is inherited from a larger parent.
    "peak_mib": int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024,
}))
"""


def test_loading_the_definitions_touches_nothing_and_pulls_in_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, cwd=ROOT)
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["written"] == []
    assert seen["reached"] == []
    assert seen["heavy"] == []
    assert seen["peak_mib"] < 300
