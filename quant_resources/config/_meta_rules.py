"""What metas must satisfy: members that exist, bounds that can be met, recursion that ends (semantics 10.1, 10.2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from quant_resources.config._judge import Judge
from quant_resources.config._meta import MetaConfig
from quant_resources.config._sleeve import SleeveConfig
from quant_resources.config.errors import did_you_mean

MAX_DEPTH = 3
"""Metas below one another, the outermost counted."""

_ROUNDING = 1e-9


def judge_meta(
    meta: MetaConfig,
    judge: Judge,
    *,
    sleeves: Mapping[str, SleeveConfig],
    sleeve_names: Collection[str],
    metas: Mapping[str, MetaConfig],
    meta_names: Collection[str],
) -> None:
    """Judge one meta.

    Parameters
    ----------
    meta : MetaConfig
        The meta.
    judge : Judge
        Findings about its file.
    sleeves, metas : mapping
        What loaded, by name.
    sleeve_names, meta_names : collection of str
        Every name that has a file, broken ones included.
    """
    _judge_members(meta, judge, sleeve_names, meta_names)
    _judge_gate(meta, judge, sleeves)
    _judge_bounds(meta, judge)
    _judge_recursion(meta, judge, metas)


def _judge_members(meta: MetaConfig, judge: Judge, sleeve_names: Collection[str], meta_names: Collection[str]) -> None:
    for index, member in enumerate(meta.sleeves):
        kind, key, names = ("sleeve", "profile", sleeve_names) if member.profile else ("meta", "meta", meta_names)
        if member.target not in names:
            judge.error(
                "CFG_REFERENCE",
                ("sleeves", index, key),
                f"there is no {kind} {member.target!r}{did_you_mean(member.target, names)}",
                f"known {kind}s: {', '.join(sorted(names)) or 'none'}",
            )
    for what, values in (("id", [m.id for m in meta.sleeves]), ("member", [m.target for m in meta.sleeves])):
        for repeated in sorted({value for value in values if values.count(value) > 1}):
            judge.error("CFG_META_REPEATED", ("sleeves",), f"{what} {repeated!r} stands more than once")
    if len(meta.sleeves) < 2 and not meta.single_sleeve:
        judge.error(
            "CFG_META_SINGLE",
            ("sleeves",),
            "a meta of one member divides nothing",
            "add a member, or write single_sleeve: true where one is meant",
        )


def _judge_gate(meta: MetaConfig, judge: Judge, sleeves: Mapping[str, SleeveConfig]) -> None:
    short = [m.target for m in meta.sleeves if m.target in sleeves and sleeves[m.target].direction == "SHORT"]
    if short and not meta.sign_gate:
        judge.error(
            "CFG_META_SIGN_GATE",
            ("sign_gate",),
            f"{', '.join(short)} is short, and its sign is not tested before it is joined",
            "write sign_gate: true",
        )


def _judge_bounds(meta: MetaConfig, judge: Judge) -> None:
    n, bounds = len(meta.sleeves), meta.allocation
    if bounds.min_weight > bounds.max_weight:
        judge.error(
            "CFG_CONTRADICTION_RANGE",
            ("allocation", "min_weight"),
            f"{bounds.min_weight} is above max_weight {bounds.max_weight}",
        )
    if n * bounds.min_weight > 1.0 + _ROUNDING:
        judge.error(
            "CFG_META_BOUNDS",
            ("allocation", "min_weight"),
            f"{n} members of at least {bounds.min_weight} are more than all capital",
            f"at most {1.0 / n:.4g}",
        )
    if n * bounds.max_weight < 1.0 - _ROUNDING:
        judge.error(
            "CFG_META_BOUNDS",
            ("allocation", "max_weight"),
            f"{n} members of at most {bounds.max_weight} leave capital over",
            f"at least {1.0 / n:.4g}",
        )


def _judge_recursion(meta: MetaConfig, judge: Judge, metas: Mapping[str, MetaConfig]) -> None:
    path = _cycle(meta.name, metas, ())
    if path:
        judge.error(
            "CFG_META_CYCLE", ("sleeves",), f"it contains itself: {' > '.join(path)}", "take one of these members out"
        )
        return
    depth = _depth(meta.name, metas)
    if depth > MAX_DEPTH:
        judge.error("CFG_META_DEPTH", ("sleeves",), f"metas stand {depth} deep, more than {MAX_DEPTH}")


def _cycle(name: str, metas: Mapping[str, MetaConfig], path: tuple[str, ...]) -> tuple[str, ...]:
    """Names from a meta back to itself, empty where there is no way back."""
    if name in path:
        return (*path, name) if path[0] == name else ()
    if name not in metas:
        return ()
    found = (_cycle(member.meta, metas, (*path, name)) for member in metas[name].sleeves if member.meta)
    return next((one for one in found if one), ())


def _depth(name: str, metas: Mapping[str, MetaConfig], seen: frozenset[str] = frozenset()) -> int:
    if name not in metas or name in seen:
        return 0
    below = [_depth(m.meta, metas, seen | {name}) for m in metas[name].sleeves if m.meta]
    return 1 + max(below, default=0)
