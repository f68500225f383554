"""Delete or turn round one rule of selection, clustering, regime or synthesis at a time; see whether a test notices.

``python -m tools.mutation [--only NAME ...] [--limit N] [--seconds S]``

Each mutant is one change of the syntax tree: a comparison negated or moved by its boundary, ``not``/``~`` taken away,
``and``/``or`` and ``&``/``|`` swapped, ``min``/``max`` swapped, a veto taken out of a list, a sign or a factor turned
round. The tests are collected once and run once as they stand, which tells what each takes and which functions it
enters. Then every mutant runs in a process forked from there, with the one function replaced, against the tests that
enter it, quickest first. What runs on import, or is compiled, is judged in an interpreter that imports it anew.
Every mutant that no test fails on is printed; one that does not end counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools.mutants import Mutant, functions, mutants
from tools.swapping import ROOT, code_of, module_name, replaced, swap

SPEAKER = os.dup(1)
ANEW, BROKEN = 71, 70
"""Exit codes: the mutant has to be judged in a new interpreter; the judge itself failed."""
WARM = ("numpy", "pandas", "pyarrow", "scipy.cluster.hierarchy", "scipy.stats", "numba", "hypothesis", "dagster")


@dataclass(frozen=True)
class Area:
    """Code and the tests that must notice a change of it."""

    code: Path
    tests: tuple[str, ...]

    @property
    def files(self) -> list[Path]:
        """Modules of the area."""
        return [self.code] if self.code.is_file() else sorted(self.code.rglob("*.py"))


AREAS = {
    "selection": Area(ROOT / "quant_lib" / "selection", ("tests/quant_lib/selection",)),
    "clustering": Area(ROOT / "quant_lib" / "clustering.py", ("tests/quant_lib/test_clustering.py",)),
    "regime": Area(ROOT / "quant_lib" / "regime", ("tests/quant_lib/regime",)),
    "synthesis": Area(
        ROOT / "quant_lib" / "synthesis", ("tests/quant_lib/synthesis", "tests/quant_assets/test_signs.py")
    ),
}


@dataclass
class Baseline:
    """What the tests did on the code as it stands."""

    seconds: dict[str, float] = field(default_factory=dict)
    entered: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Tests by ``file:function``."""

    def tests_of(self, mutant: Mutant, heaviest: float) -> list[str]:
        """Name the tests that enter a mutant's function, quickest first, without those that take longer."""
        key = f"{mutant.path}:{mutant.function}"
        chosen = self.entered.get(key, set()) if mutant.function else set()
        if not chosen:
            texts = [str(mutant.path)] if not mutant.function else [str(p) for p in importers(mutant.path)]
            chosen = {test for name, tests in self.entered.items() if name.split(":")[0] in texts for test in tests}
        quick = [test for test in chosen if self.seconds[test] <= heaviest]
        return sorted(quick, key=lambda test: (self.seconds[test], test))


def importers(path: Path) -> list[Path]:
    """Files of ours that name a module: what leads to functions that cannot be watched."""
    return [p for p in (ROOT / "quant_lib").rglob("*.py") if p != path and module_name(path) in p.read_text()]


class Watch:
    """Plugin: which functions each test enters, and its seconds. What a fixture enters counts for its whole file.

    Functions are watched by a first statement in their own code, so what is not ours runs at its own speed.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.seconds: dict[str, float] = {}
        self.entered: dict[str, list[str]] = defaultdict(list)
        self._now: set[str] = set()
        for file in files:
            self._observe(file)

    def _observe(self, path: Path) -> None:
        module, tree = importlib.import_module(module_name(path)), ast.parse(path.read_text())
        names = []
        for name, node in functions(tree):
            node.body[:0] = ast.parse(f"_mutation_watch({f'{path}:{name}'!r})").body
            names.append(name)
        code = compile(ast.fix_missing_locations(tree), str(path), "exec")
        vars(module)["_mutation_watch"] = self._enter
        for name in names:
            swap(module, name, code_of(code, name))

    def _enter(self, name: str) -> None:
        self._now.add(name)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """Watch what fixtures enter."""
        yield from self._watched("file:" + item.nodeid.split("::")[0])

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Watch and time the test."""
        started = time.process_time()
        yield from self._watched(item.nodeid)
        self.seconds[item.nodeid] = time.process_time() - started

    def _watched(self, key: str) -> Iterator[None]:
        self._now.clear()
        yield
        self.entered[key] += sorted(self._now)


class Instead:
    """Plugin that hands the collected tests to a function instead of running them."""

    def __init__(self, then: Callable[[pytest.Session], None]) -> None:
        self.then = then

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Call the function."""
        self.then(session)
        return True


def run_items(items: list[pytest.Item]) -> str | None:
    """Run collected tests until one fails; its name, or None where all passed."""
    failed: list[str] = []

    class Ear:
        @staticmethod
        def pytest_runtest_logreport(report: pytest.TestReport) -> None:
            if report.failed:
                failed.append(report.nodeid)

    if not items:
        return None
    items[0].config.pluginmanager.register(Ear())
    for at, item in enumerate(items):
        after = items[at + 1] if at + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if failed:
            return failed[0]
    return None


def forked(body: Callable[[], int], seconds: int) -> int | None:
    """Exit code of a function run in a forked, silenced process; None if it used up its time on a processor."""
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        # Not time on the clock: on a busy machine that would count a slow test as one that failed.
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        code = BROKEN
        try:
            code = body()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code in (-signal.SIGXCPU, -signal.SIGKILL) else code


def judge_anew(mutant: Mutant, tests: Iterable[str]) -> int:
    """Run tests in an interpreter that has not imported anything of ours, with the mutant's file in its place."""
    name, tree = module_name(mutant.path), mutant.tree()
    for node in ast.walk(tree):  # a compiled mutant must neither read nor write the cache of the real one
        if isinstance(node, ast.keyword) and node.arg == "cache":
            node.value = ast.Constant(False)
    code = compile(ast.fix_missing_locations(tree), str(mutant.path), "exec")

    class Loader:
        @staticmethod
        def create_module(spec: object) -> None:
            return None

        @staticmethod
        def exec_module(module: object) -> None:
            exec(code, module.__dict__)  # noqa: S102 - the mutated source of a module of ours

    class Finder:
        @staticmethod
        def find_spec(wanted: str, path: object = None, target: object = None) -> object:
            places = [str(mutant.path.parent)] if mutant.path.name == "__init__.py" else None
            spec = importlib.util.spec_from_loader(name, Loader()) if wanted == name else None  # type: ignore[arg-type]
            if spec is not None and places:
                spec.submodule_search_locations = places
            return spec

    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]))


def baseline_of(session: pytest.Session, area: Area, notes: Path) -> Baseline:
    """Run everything once, in a fork that writes down what it saw."""

    def body() -> int:
        watch = Watch(area.files)
        session.config.pluginmanager.register(watch)
        failed = run_items(list(session.items))
        notes.write_text(json.dumps({"seconds": watch.seconds, "entered": watch.entered, "failed": failed}))
        return 0

    if forked(body, 10**6) != 0:
        raise RuntimeError("the tests could not be run on the code as it stands")
    seen = json.loads(notes.read_text())
    if seen["failed"]:
        raise RuntimeError(f"{seen['failed']} fails as the code stands")
    made = Baseline(seen["seconds"])
    by_file: dict[str, list[str]] = defaultdict(list)
    for test in made.seconds:
        by_file["file:" + test.split("::")[0]].append(test)
    for key, names in seen["entered"].items():
        for function in names:
            made.entered[function].update(by_file[key] if key.startswith("file:") else [key])
    return made


def time_for(base: Baseline, tests: list[str], seconds: int) -> int:
    """Seconds on a processor a mutant has: more than its tests take on the code as it stands, so none passes by age."""
    return seconds + int(3 * sum(base.seconds[test] for test in tests))


def tell(mutant: Mutant, code: int | None, tests: int) -> None:
    """Print at once what no test noticed, and what did not end."""
    if code == 0:
        say(f"survived: {mutant.label} ({tests or 'no'} tests)")
    elif code is None:
        say(f"did not end: {mutant.label} ({tests} tests)")


def judge_in_place(
    session: pytest.Session, area: Area, every: list[Mutant], notes: Path, chosen: argparse.Namespace
) -> None:
    """Judge what can be replaced in the loaded code; write verdicts, and the tests of what is left."""
    base = baseline_of(session, area, notes)
    say(f"{area.code.name}: {len(base.seconds)} tests take {sum(base.seconds.values()):.0f} s, {len(every)} mutants")
    items, found = {item.nodeid: item for item in session.items}, notes.with_suffix(".found")
    noticed: dict[str, list[str]] = defaultdict(list)
    gc.collect()
    gc.freeze()
    with notes.open("w") as lines:
        for at, mutant in enumerate(every):
            tests = base.tests_of(mutant, chosen.heaviest)
            # What noticed another change of the function is likely to notice this one.
            tests.sort(key=lambda test: test not in noticed[mutant.function])

            def body(mutant: Mutant = mutant, tests: list[str] = tests) -> int:
                # What no test enters ran on import, and what it made then (a closure) has the code it had then.
                if f"{mutant.path}:{mutant.function}" not in base.entered or not replaced(mutant):
                    return ANEW
                failed = run_items([items[test] for test in tests])
                found.write_text(failed or "")
                return 0 if failed is None else 1

            code = forked(body, time_for(base, tests, chosen.seconds)) if tests else 0
            tell(mutant, code, len(tests))
            if code == 1 and found.exists():
                noticed[mutant.function].append(found.read_text())
            lines.write(json.dumps({"at": at, "code": code, "tests": tests if code == ANEW else len(tests)}) + "\n")
            lines.flush()


def judge_area(area: Area, notes: Path, chosen: argparse.Namespace) -> tuple[int, int]:
    """Judge every mutant of a package or file and print its table."""
    wanted = [mutant for file in area.files for mutant in spread(list(mutants(file)), chosen.limit)]
    every = [mutant for mutant in wanted if not chosen.only or any(is_named(mutant, name) for name in chosen.only)]
    if not every:
        return 0, 0

    tests = chosen.tests or area.tests

    def collect() -> int:
        then = Instead(lambda session: judge_in_place(session, area, every, notes, chosen))
        return int(pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", "--capture=no", *tests], [then]))

    if forked(collect, 10**7) not in (0, 5):
        raise RuntimeError(f"the tests of {area.code.name} could not be run")
    counts: dict[Path, list[int]] = defaultdict(lambda: [0, 0])
    for line in notes.read_text().splitlines():
        verdict = json.loads(line)
        mutant, code = every[verdict["at"]], verdict["code"]
        if code == ANEW:
            body = lambda m=mutant, v=verdict: judge_anew(m, v["tests"])  # type: ignore[misc]  # noqa: E731
            code = forked(body, chosen.seconds + len(verdict["tests"]) * int(chosen.heaviest))
            tell(mutant, code, len(verdict["tests"]))
        if code == BROKEN:
            raise RuntimeError(f"{mutant.label} could not be judged")
        counts[mutant.path][0] += code != 0
        counts[mutant.path][1] += 1
    for file, (noticed, total) in counts.items():
        say(f"{file.relative_to(ROOT)}: {noticed} of {total} noticed")
    return sum(n for n, _ in counts.values()), sum(n for _, n in counts.values())


def is_named(mutant: Mutant, name: str) -> bool:
    """Whether a mutant is of a file, or of a ``file:line``."""
    file, _, line = name.partition(":")
    return str(mutant.path).endswith(f"/{file}") and line in ("", str(mutant.line))


def spread(every: list[Mutant], limit: int) -> list[Mutant]:
    """At most `limit` of a file's mutants, evenly; 0 is all."""
    return every[:: max(1, -(-len(every) // limit))] if limit else every


def say(line: str) -> None:
    """Print at once, from a silenced process too."""
    os.write(SPEAKER, f"{line}\n".encode())


def warm() -> None:
    """Import what every test needs and no mutant changes, once; without thread pools, which a fork would lose."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    for name in WARM:
        importlib.import_module(name)
    ours = [name for name in sys.modules if name.split(".")[0] == "quant_lib"]
    if ours:
        raise RuntimeError(f"{', '.join(ours)} is imported already; a mutant of it would not be run")


def main() -> None:
    """Run the mutants and print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", action="append", choices=sorted(AREAS), help="repeatable; all if left out")
    parser.add_argument("--only", action="append", help="file of an area, or file:line, repeatable")
    parser.add_argument("--tests", action="append", help="test file instead of all of the area, repeatable: quicker")
    parser.add_argument("--limit", type=int, default=0, help="at most so many mutants of each file, spread evenly")
    parser.add_argument(
        "--seconds", type=int, default=60, help="time on a processor after which a mutant counts as noticed"
    )
    parser.add_argument("--heaviest", type=float, default=4.0, help="seconds of the longest test that is run")
    chosen = parser.parse_args()
    warm()
    total = noticed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in chosen.area or AREAS:
            found, judged = judge_area(AREAS[name], Path(scratch) / name, chosen)
            total, noticed = total + judged, noticed + found
    say(f"{noticed} of {total} mutants noticed")


if __name__ == "__main__":
    main()
