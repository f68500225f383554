"""What ships is permissively licensed: every distribution that an install without cvxportfolio brings."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("engines", "exchanges", "bench", "regime", "ray")
"""Extras a user may add; `dev` builds and tests, `cvxportfolio` is GPL-3 and asked for by name."""

COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
WEAK = re.compile(r"\b(LGPL|Lesser General Public|MPL|Mozilla Public|EPL|CDDL)", re.IGNORECASE)
ODD = {
    # Weak copyleft of single files, or of a library that stays a library: nothing of ours falls under them.
    "certifi": "MPL-2.0: a list of certificates",
    "chardet": "LGPL: used as a library",
    "tqdm": "MPL-2.0 and MIT",
    "pathspec": "MPL-2.0",
    "orjson": "MPL-2.0 or Apache-2.0 or MIT: ours to choose",
    "pyphen": "LGPL or MPL: used as a library",
    # Their texts name the GPL only to say that it does not hold, or the field is the whole text of a licence.
    "scipy": "BSD-3; bundles runtime libraries of GCC under their exception",
    "scs": "MIT",
    "numpy": "BSD-3; bundles runtime libraries of GCC under their exception",
    "matplotlib": "the PSF-based licence of matplotlib",
}


def closure(extras: tuple[str, ...]) -> dict[str, metadata.Distribution]:
    """Installed distributions that the project needs with some extras, by canonical name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"].get(extra, [])
    found: dict[str, metadata.Distribution] = {}
    pending = [Requirement(text) for text in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra of ours that is not installed here
        found[name] = distribution
        for text in distribution.requires or []:
            needed = Requirement(text)
            environments = [{"extra": extra} for extra in (requirement.extras or {""})]
            if needed.marker is None or any(needed.marker.evaluate(one) for one in environments):
                pending.append(needed)
    return found


def licence(distribution: metadata.Distribution) -> str:
    """What a distribution says of its licence: the expression, else the classifiers, else the first line of the field."""
    expression = distribution.metadata.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [text for text in distribution.metadata.get_all("Classifier") or [] if text.startswith("License ::")]
    if classifiers:
        return "; ".join(text.rsplit("::", 1)[1].strip() for text in classifiers)
    return (distribution.metadata.get("License") or "").strip().split("\n")[0]


@pytest.fixture(scope="module")
def shipped() -> dict[str, metadata.Distribution]:
    return closure(SHIPPED)


def test_nothing_that_ships_is_copyleft(shipped) -> None:
    assert {"dagster", "cvxpy", "clarabel", "pandas"} <= set(shipped)
    assert "cvxportfolio" not in shipped
    said = {name: licence(one) for name, one in shipped.items()}
    strong = {name: text for name, text in said.items() if COPYLEFT.search(text) and " OR " not in text}
    assert {name: text for name, text in strong.items() if name not in ODD} == {}
    weak = {name: text for name, text in said.items() if WEAK.search(text)}
    assert {name: text for name, text in weak.items() if name not in ODD} == {}


def test_every_distribution_says_something(shipped) -> None:
    silent = {name for name, one in shipped.items() if not licence(one) and not one.metadata.get_all("License-File")}
    assert silent == set()


def test_the_copyleft_engine_is_apart_and_imported_nowhere_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    holders = {
        extra
        for extra, needs in project["optional-dependencies"].items()
        if any(canonicalize_name(Requirement(text).name) == "cvxportfolio" for text in needs)
    }
    assert holders == {"cvxportfolio"}
    importers = {
        path.relative_to(ROOT).as_posix()
        for room in ("quant_lib", "quant_resources", "quant_assets")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"^\s*(import|from) cvxportfolio\b", path.read_text(), re.MULTILINE)
    }
    assert importers <= {"quant_lib/allocation/_cvxportfolio.py", "quant_lib/backtest/_cvxportfolio.py"}
    assert "quant_lib/allocation/_cvxportfolio.py" in importers


def test_copyleft_is_seen_where_it_is() -> None:
    try:
        found = metadata.distribution("cvxportfolio")
    except metadata.PackageNotFoundError:
        pytest.skip("cvxportfolio is not installed")
    assert COPYLEFT.search(licence(found))
