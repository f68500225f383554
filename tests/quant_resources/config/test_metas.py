"""Metas: members, bounds, recursion; every mistake at its file and key."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from quant_resources.config import InvalidConfigError, UnknownProfileError
from quant_resources.config._meta_rules import MAX_DEPTH

if TYPE_CHECKING:
    from conftest import Configs

BOTH = """
    description: Both sides
    sleeves:
      - {id: long, profile: longs}
      - {id: short, profile: shorts}
    allocation: {min_weight: 0.05, max_weight: 0.95}
    """


@pytest.fixture
def metas(configs: Configs) -> Configs:
    configs.write("metas/both.yaml", BOTH)
    return configs


def meta_of(*members: str, **more: str) -> str:
    lines = ["description: x", "sleeves:", *(f"  - {{id: m{i}, {m}}}" for i, m in enumerate(members))]
    lines.append("allocation: {min_weight: 0.0, max_weight: 1.0}")
    return "\n".join([*lines, *(f"{key}: {value}" for key, value in more.items())]) + "\n"


def test_a_meta_joins_sleeves_and_metas(metas: Configs) -> None:
    metas.write("metas/outer.yaml", meta_of("meta: both", "profile: longs"))
    project = metas.load()
    assert [member.target for member in project.meta("both").sleeves] == ["longs", "shorts"]
    shown = project.resolve_meta("outer")
    assert shown["meta.allocation.max_weight"].origin.startswith("configs/metas/outer.yaml:")
    assert shown["meta.both.allocation.max_weight"].value == 0.95
    assert shown["sleeve.shorts.config_hash"].value == project.config_hash("shorts")


def test_an_environment_variable_sets_a_value(metas: Configs) -> None:
    assert metas.load(QUANT_METAS__BOTH__ALLOCATION__MAX_WEIGHT="0.8").meta("both").allocation.max_weight == 0.8


def test_a_meta_s_hash_changes_with_a_member_and_not_with_its_words(metas: Configs) -> None:
    before = metas.load().resolve_meta("both").config_hash
    metas.edit("metas/both.yaml", "description: Both sides", "description: Two sides")
    assert metas.load().resolve_meta("both").config_hash == before
    metas.edit("sleeves/longs.yaml", "top_n: 5", "top_n: 6")
    assert metas.load().resolve_meta("both").config_hash != before


MISTAKES = {
    "no such sleeve": (meta_of("profile: long", "profile: shorts"), "CFG_REFERENCE", "sleeves[0].profile", "'longs'"),
    "no such meta": (meta_of("meta: bothh", "profile: shorts"), "CFG_REFERENCE", "sleeves[0].meta", "'both'"),
    "a member twice": (meta_of("profile: longs", "profile: longs"), "CFG_META_REPEATED", "sleeves", "'longs'"),
    "alone": (meta_of("profile: longs"), "CFG_META_SINGLE", "sleeves", "divides nothing"),
    "ungated short": (
        meta_of("profile: longs", "profile: shorts", sign_gate="false"),
        "CFG_META_SIGN_GATE",
        "sign_gate",
        "shorts",
    ),
    "too much at least": (
        meta_of("profile: longs", "profile: shorts").replace("min_weight: 0.0", "min_weight: 0.6"),
        "CFG_META_BOUNDS",
        "allocation.min_weight",
        "at most 0.5",
    ),
    "too little at most": (
        meta_of("profile: longs", "profile: shorts").replace("max_weight: 1.0", "max_weight: 0.4"),
        "CFG_META_BOUNDS",
        "allocation.max_weight",
        "at least 0.5",
    ),
    "itself": (meta_of("meta: wrong", "profile: longs"), "CFG_META_CYCLE", "sleeves", "wrong > wrong"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_named_where_it_stands(metas: Configs, name: str) -> None:
    text, code, key, words = MISTAKES[name]
    metas.write("metas/wrong.yaml", text)
    finding = metas.error()
    assert (finding.code, finding.key) == (code, key)
    assert finding.file.startswith("configs/metas/wrong.yaml")
    assert words in str(finding)


def test_bounds_that_contradict_each_other(metas: Configs) -> None:
    text = meta_of("profile: longs", "profile: shorts")
    metas.write("metas/wrong.yaml", text.replace("min_weight: 0.0", "min_weight: 0.45").replace("1.0", "0.3"))
    assert {finding.code for finding in metas.errors()} == {"CFG_CONTRADICTION_RANGE", "CFG_META_BOUNDS"}


def test_a_member_is_a_sleeve_or_a_meta(metas: Configs) -> None:
    metas.write("metas/wrong.yaml", meta_of("profile: longs, meta: both", "profile: shorts"))
    assert "either a profile or a meta" in str(metas.error())


def test_a_circle_is_named_with_its_path_in_every_file_of_it(metas: Configs) -> None:
    ring = ("aa", "bb", "cc")
    for here, there in zip(ring, (*ring[1:], ring[0]), strict=True):
        metas.write(f"metas/{here}.yaml", meta_of(f"meta: {there}", "profile: longs"))
    found = metas.errors()
    assert {finding.code for finding in found} == {"CFG_META_CYCLE"}
    assert "aa > bb > cc > aa" in str(found[0])
    assert len(found) == len(ring)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_recursion_is_three_deep_at_most(metas: Configs, depth: int) -> None:
    names = [f"level_{i}" for i in range(depth - 1)]
    for outer, inner in itertools.pairwise([*names, "both"]):
        metas.write(f"metas/{outer}.yaml", meta_of(f"meta: {inner}", "profile: longs"))
    if depth <= MAX_DEPTH:
        assert metas.load().meta(names[0])
    else:
        assert {finding.code for finding in metas.errors()} == {"CFG_META_DEPTH"}


def test_a_sleeve_and_a_meta_do_not_share_a_name(metas: Configs) -> None:
    metas.write("metas/longs.yaml", meta_of("profile: longs", "profile: shorts"))
    assert metas.error().code == "CFG_NAME"


def test_an_unknown_meta_is_named(metas: Configs) -> None:
    with pytest.raises(UnknownProfileError, match="both"):
        metas.load().resolve_meta("bot")
    metas.write("metas/wrong.yaml", "description: x\n")
    with pytest.raises(InvalidConfigError, match="sleeves"):
        metas.load()
