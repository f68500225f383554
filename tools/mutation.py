"""Delete or turn round one rule of the selection package at a time and see whether a test notices.

``python -m tools.mutation [--only NAME ...] [--limit N] [--seconds S]``

Each mutant is one change of the syntax tree: a comparison negated or moved by its boundary, ``not``/``~`` taken away,
``and``/``or`` and ``&``/``|`` swapped, a veto taken out of a list, a sign or a factor turned round. It runs in an own
process, forked before anything of the project is imported, against the tests of its file. Every mutant that no test
fails on is printed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "quant_lib" / "selection"
TESTS = ROOT / "tests" / "quant_lib" / "selection"
TARGETS: dict[str, tuple[str, ...]] = {
    "relaxation.py": ("test_relaxation.py",),
    "filters/_predictability.py": ("test_filter_chain.py",),
    "filters/_friction.py": ("test_filter_chain.py",),
    "filters/_trend_regime.py": ("test_filter_chain.py",),
    "filters/_advanced_trend.py": ("test_filter_chain.py",),
    "filters/_percentile.py": ("test_filter_chain.py",),
    "filters/_base.py": ("test_filter_chain.py",),
    "vetoes.py": ("test_vetoes.py", "test_filter_chain.py"),
    "scoring.py": ("test_scoring.py", "test_rankers.py", "test_recruit.py"),
    "probability.py": ("test_scoring.py",),
    "rankers.py": ("test_rankers.py",),
    "recruit.py": ("test_filter_chain.py", "test_rankers.py", "test_recruit.py"),
}
"""File and the tests that must notice a change of it."""

_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """One changed file."""

    file: str
    line: int
    what: str
    tree: ast.Module


def mutants(file: str) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    tree = ast.parse((PACKAGE / file).read_text())
    skipped = _unjudged(tree)
    for at, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for what, change in _changes(node):
            other = copy.deepcopy(tree)
            change(next(n for i, n in enumerate(ast.walk(other)) if i == at))
            yield Mutant(file, getattr(node, "lineno", 0), what, ast.fix_missing_locations(other))


def _unjudged(tree: ast.Module) -> set[int]:
    """Annotations, and the words of notes and errors: no rule is in them."""
    out: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            parts = [node.returns, *(a.annotation for a in node.args.args + node.args.kwonlyargs)]
            if node.name in ("note", "relaxed") and node.name == "note":
                parts.append(node)
        elif isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id.isupper() for t in node.targets):
            parts = []
        elif isinstance(node, ast.Lambda):
            parts = [node] if any(isinstance(n, ast.JoinedStr) for n in ast.walk(node)) else []
        elif isinstance(node, ast.Raise | ast.JoinedStr):
            parts = [node]
        for part in parts:
            if part is not None:
                out.update(id(inner) for inner in ast.walk(part))
    return out


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        kind = type(node.ops[0])
        for name, table in (("negated", _NEGATED), ("boundary", _BOUNDARY)):
            if kind in table:
                yield f"{kind.__name__} {name}", _setting("ops", [table[kind]()])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        yield f"{type(node.op).__name__} removed", _unwrapping
    elif isinstance(node, ast.BoolOp):
        yield "and/or swapped", _setting("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield f"{type(node.op).__name__} swapped", _setting("op", _OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
        for at, element in enumerate(node.elts):
            if isinstance(element, ast.Call) and getattr(element.func, "id", "") in ("Veto", "_extreme"):
                yield f"veto {at} taken out", _dropping(at)


def _setting(field: str, value: object) -> object:
    return lambda node: setattr(node, field, value)


def _dropping(at: int) -> object:
    return lambda node: node.elts.pop(at)


def _unwrapping(node: ast.UnaryOp) -> None:
    """Turn the node into its own operand, where it stands."""
    operand = node.operand
    node.__class__ = type(operand)  # type: ignore[assignment]
    node.__dict__ = operand.__dict__


def killed(file: str, at: int, seconds: float) -> bool:
    """Whether a test of the file fails on its mutant; -1 is the file as it stands. One that never ends is an error."""
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = 1
        try:
            code = judge(file, at)
        finally:
            os._exit(code)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"mutant {at} of {file} did not end within {seconds:g} s")


def warm() -> None:
    """Import what every test needs and no mutant changes, once; without thread pools, which a fork would lose."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    for name in (
        "numpy",
        "pandas",
        "pyarrow",
        "scipy.cluster.hierarchy",
        "scipy.stats",
        "numba",
        "hypothesis",
        "pytest",
    ):
        importlib.import_module(name)
    ours = [name for name in sys.modules if name.split(".")[0] in ("quant_lib", "quant_resources")]
    if ours:
        raise RuntimeError(f"{', '.join(ours)} is imported already; a mutant of it would not be run")


def judge(file: str, at: int) -> int:
    """Run the tests of a file with one of its mutants in its place."""
    import importlib.util

    import pytest

    name = "quant_lib.selection." + file.removesuffix(".py").replace("/", ".")
    tree = ast.parse((PACKAGE / file).read_text()) if at < 0 else list(mutants(file))[at].tree
    code = compile(tree, str(PACKAGE / file), "exec")

    class Finder:
        @staticmethod
        def find_spec(wanted: str, path: object = None, target: object = None) -> object:
            return importlib.util.spec_from_loader(name, Loader()) if wanted == name else None

    class Loader:
        @staticmethod
        def create_module(spec: object) -> None:
            return None

        @staticmethod
        def exec_module(module: object) -> None:
            exec(code, module.__dict__)  # noqa: S102 - the mutated source of a module of ours

    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
    tests = [str(TESTS / test) for test in TARGETS[file]]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]))


def main() -> None:
    """Run the mutants and print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="file of the package, repeatable")
    parser.add_argument("--limit", type=int, default=0, help="at most so many mutants of each file, spread evenly")
    parser.add_argument("--seconds", type=float, default=600.0, help="time after which a run is an error")
    parser.add_argument("--judge", nargs=2, metavar=("FILE", "N"), help="run the tests against mutant N of a file")
    chosen = parser.parse_args()
    if chosen.judge:
        sys.exit(judge(chosen.judge[0], int(chosen.judge[1])))
    warm()
    total = noticed = 0
    for file in chosen.only or TARGETS:
        if killed(file, -1, chosen.seconds):
            parser.error(f"the tests of {file} fail as it stands")
        every = list(mutants(file))
        step = max(1, len(every) // chosen.limit) if chosen.limit else 1
        picked = range(0, len(every), step)
        found = 0
        for at in picked:
            if killed(file, at, chosen.seconds):
                found += 1
            else:
                sys.stdout.write(f"survived: {file}:{every[at].line} {every[at].what}\n")
                sys.stdout.flush()
        sys.stdout.write(f"{file}: {found} of {len(picked)} noticed\n")
        sys.stdout.flush()
        total, noticed = total + len(picked), noticed + found
    sys.stdout.write(f"{noticed} of {total} mutants noticed\n")


if __name__ == "__main__":
    main()
