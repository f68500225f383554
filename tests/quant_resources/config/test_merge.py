"""Inheritance: maps merge, everything else replaces, `+append` adds, and the order of folding does not matter."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_resources.config import Node, parse_yaml
from quant_resources.config._merge import APPEND, is_append, merge

if TYPE_CHECKING:
    from conftest import Configs


def node(text: str) -> Node:
    return parse_yaml(text, name="f.yaml")


def merged(*texts: str) -> object:
    return reduce(merge, [node(text) for text in texts]).plain()


def test_maps_merge_deeply() -> None:
    assert merged("a: {b: 1, c: {d: 2, e: 3}}\nf: 4", "a: {c: {d: 5}, g: 6}") == {
        "a": {"b": 1, "c": {"d": 5, "e": 3}, "g": 6},
        "f": 4,
    }


def test_lists_replace() -> None:
    assert merged("a: [1, 2, 3]", "a: [4]") == {"a": (4,)}
    assert merged("a: [1, 2, 3]", "a: []") == {"a": ()}


def test_append_adds_to_what_is_inherited() -> None:
    assert merged("a: [1]", "a: {+append: [2]}", "a: {+append: [3, 4]}") == {"a": (1, 2, 3, 4)}


def test_null_clears() -> None:
    assert merged("a: {b: 1}", "a: null") == {"a": None}
    assert merged("a: {b: 1}", "a: null", "a: {c: 2}") == {"a": {"c": 2}}
    assert merged("a: [1]", "a: null", "a: {+append: [2]}") == {"a": (2,)}


def test_positions_stay_with_their_file() -> None:
    low, high = parse_yaml("a: 1\nb: {c: 2,\n d: 3}", name="low"), parse_yaml("\n\nb: {d: 4}", name="high")
    found = merge(low, high)
    assert found.mapping["a"].where == "low:1"
    assert found.mapping["b"].mapping["c"].where == "low:2"
    assert found.mapping["b"].mapping["d"].where == "high:3"


KEYS = st.sampled_from(["a", "b", "c"])
SCALARS = st.none() | st.integers(0, 3) | st.sampled_from(["x", "y"])


def make(value: object) -> Node:
    if isinstance(value, dict):
        return Node({key: make(child) for key, child in value.items()}, "f", 1)
    if isinstance(value, list):
        return Node(tuple(make(child) for child in value), "f", 1)
    return Node(value, "f", 1)  # type: ignore[arg-type]


LISTS = st.lists(st.integers(0, 3), max_size=3)
VALUES = st.recursive(
    SCALARS | LISTS | st.builds(lambda items: {APPEND: items}, LISTS),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(KEYS, VALUES, max_size=3).map(make)


@given(MAPS, MAPS, MAPS)
def test_chains_may_be_folded_from_either_end(a: Node, b: Node, c: Node) -> None:
    assert same(merge(merge(a, b), c), merge(a, merge(b, c)))


def same(left: Node, right: Node) -> bool:
    if left.is_map and right.is_map:
        keys = left.mapping.keys() == right.mapping.keys() and left.replaces == right.replaces
        return keys and all(same(left.mapping[key], right.mapping[key]) for key in left.mapping)
    return left.plain() == right.plain()


@given(st.lists(MAPS, min_size=1, max_size=5))
def test_agrees_with_a_slow_reading_of_the_rules(chain: list[Node]) -> None:
    """Oracle: apply each file's leaves to a plain dictionary, one after the other."""
    expected: object = chain[0].plain()
    for child in chain[1:]:
        expected = overlay(expected, child)
    found = reduce(merge, chain)
    assert found.plain() == expected


def overlay(parent: object, child: Node) -> object:
    if is_append(child):
        added = child.mapping[APPEND].plain()
        if child.replaces:
            return {APPEND: added}
        if isinstance(parent, tuple):
            return parent + added
        if parent is None:
            return added
        if isinstance(parent, dict) and set(parent) == {APPEND}:
            return {APPEND: parent[APPEND] + added}
        return {APPEND: added}
    if not child.is_map:
        return child.plain()
    if not isinstance(parent, dict) or set(parent) == {APPEND}:
        parent = {}
    joined = dict(parent)
    for key, value in child.mapping.items():
        joined[key] = overlay(joined[key], value) if key in joined else value.plain()
    return joined


@given(MAPS, st.dictionaries(KEYS, LISTS, min_size=1))
def test_the_last_list_wins(parent: Node, lists: dict[str, list[int]]) -> None:
    found = merge(parent, make(lists)).plain()
    assert {key: found[key] for key in lists} == {key: tuple(items) for key, items in lists.items()}


@given(MAPS)
def test_nothing_laid_over_changes_nothing(a: Node) -> None:
    assert merge(a, make({})).plain() == a.plain()


# --- chains of files ---------------------------------------------------------------------------------------------


def test_a_file_takes_over_its_parent(configs: Configs) -> None:
    configs.write(
        "sleeves/_base.yaml", "direction: LONG\ntags: {venue: binance_spot}\nselection: {top_n: 7, max_winners: 20}\n"
    )
    configs.write(
        "sleeves/child.yaml",
        "extends: _base.yaml\ndescription: Child\nscanners: [buys]\nselection:\n  max_winners: 30\n",
    )
    project = configs.load()
    sleeve = project.sleeve("child")
    assert (sleeve.selection.top_n, sleeve.selection.max_winners) == (7, 30)
    assert "_base" not in project.sleeves
    resolved = project.resolve_sleeve("child")
    assert resolved["sleeve.selection.top_n"].origin == "configs/sleeves/_base.yaml:3"
    assert resolved["sleeve.selection.max_winners"].origin == "configs/sleeves/child.yaml:5"
    assert resolved["sleeve.selection.min_winners"].origin == "default"


def test_paths_are_relative_to_the_declaring_file(configs: Configs) -> None:
    configs.write("shared/deep.yaml", "extends: deeper/base.yaml\nlimit: 40\n")
    configs.write("shared/deeper/base.yaml", "base_limit: 60\nlimit: 50\n")
    configs.edit("scanners/buys.yaml", "description: Buys", "extends: ../shared/deep.yaml\ndescription: Buys")
    scanner = configs.load().scanner("buys")
    assert (scanner.base_limit, scanner.limit) == (60, 40)


def test_filters_can_be_replaced_and_appended_to(configs: Configs) -> None:
    head = "extends: buys.yaml\ndescription: Strong\n"
    configs.write("scanners/replaced.yaml", head + "filters:\n  - {left: ADX, operation: greater, right: 20}\n")
    configs.write("scanners/cleared.yaml", head + "filters: []\n")
    configs.write(
        "scanners/appended.yaml", head + "filters:\n  +append:\n    - {left: ADX, operation: greater, right: 20}\n"
    )
    project = configs.load()
    assert [rule.left for rule in project.scanner("replaced").filters] == ["ADX"]
    assert project.scanner("cleared").filters == ()
    assert [rule.left for rule in project.scanner("appended").filters] == ["Recommend.All", "ADX"]


@pytest.mark.parametrize("names", [["buys"], ["buys", "sells"], ["buys", "sells", "_third"]])
def test_circles_are_refused(configs: Configs, names: list[str]) -> None:
    configs.write("scanners/_third.yaml", "limit: 3\n")
    for name, parent in pairwise([*names, names[0]]):
        configs.write(f"scanners/{name}.yaml", f"extends: {parent}.yaml\n")
    findings = [finding for finding in configs.errors() if finding.code == "CFG_EXTENDS"]
    assert {(finding.line, finding.key) for finding in findings} == {(1, "extends")}
    circle = " -> ".join(f"configs/scanners/{name}.yaml" for name in [*names, names[0]])
    assert any(circle in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("buyz.yaml", "there is no file configs/scanners/buyz.yaml; did you mean buys.yaml?"),
        ("nowhere/x.yaml", "there is no file configs/scanners/nowhere/x.yaml; create it"),
        ("../../outside.yaml", "outside configs"),
        ("/etc/passwd", "outside configs"),
        ("[buys.yaml]", "must name one file"),
        ("5", "must name one file"),
        ("", "must name one file"),
    ],
)
def test_broken_parents(configs: Configs, value: str, words: str) -> None:
    configs.write("scanners/child.yaml", f"description: x\nextends: {value}\n")
    finding = configs.error()
    assert finding.code == "CFG_EXTENDS"
    assert words in str(finding)
    assert finding.where == "configs/scanners/child.yaml:2:extends"


def test_a_parent_may_not_be_reached_through_a_link_out_of_the_folder(configs: Configs) -> None:
    outside = configs.path.parent / "secret.yaml"
    outside.write_text("limit: 3\n")
    (configs.path / "scanners" / "_link.yaml").symlink_to(outside)
    configs.write("scanners/child.yaml", "extends: _link.yaml\n")
    assert "outside configs" in configs.error().message


def test_endless_chains_are_refused(configs: Configs) -> None:
    for index in range(20):
        configs.write(f"scanners/_s{index}.yaml", f"extends: _s{index + 1}.yaml\n")
    configs.write("scanners/child.yaml", "extends: _s0.yaml\n")
    assert "longer than 10 files" in configs.error().message


@pytest.mark.parametrize(
    "text", ["filters: {+append: []}", "filters: {+append: 5}", "volatility: {+append: [], min: 1}"]
)
def test_append_needs_a_list_to_append_to(configs: Configs, text: str) -> None:
    configs.write("scanners/child.yaml", f"description: x\n{text}\n")
    finding = configs.error()
    assert finding.code == "CFG_APPEND"
    assert finding.where.startswith("configs/scanners/child.yaml:2:")


def test_an_error_in_a_parent_names_the_parent(configs: Configs) -> None:
    configs.write("scanners/_base.yaml", "limit: 40\nlimitt: 50\n")
    configs.edit("scanners/buys.yaml", "description: Buys", "extends: _base.yaml\ndescription: Buys")
    assert str(configs.error()).startswith(
        "configs/scanners/_base.yaml:2:limitt: unknown key, did you mean 'limit'?; known keys: "
    )
