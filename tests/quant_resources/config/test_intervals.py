"""Contradictory and pointless filters, against a judge that tries every value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_resources.config import FilterConfig, ScannerConfig, Severity
from quant_resources.config._intervals import Interval
from quant_resources.config._judge import Judge
from quant_resources.config._scanner_rules import judge_scanner
from quant_resources.config.node import Node

GRID = [value / 2 for value in range(-20, 221)]  # half steps tell open ends from closed ones
RSI = [value for value in GRID if 0.0 <= value <= 100.0]


def passes(rule: FilterConfig, value: float) -> bool:
    right: Any = rule.right
    return {
        "greater": lambda: value > right,
        "egreater": lambda: value >= right,
        "less": lambda: value < right,
        "eless": lambda: value <= right,
        "equal": lambda: value == right,
        "in_range": lambda: right[0] <= value <= right[1],
    }[rule.operation]()


def scanner(*rules: FilterConfig, **extra: Any) -> ScannerConfig:
    return ScannerConfig(
        name="x",
        description="x",
        universe="u",
        intent="LONG",
        logic="x",
        filters=rules,
        sort_by="RSI",
        sort_order="desc",
        **extra,
    )


def judged(config: ScannerConfig) -> Judge:
    judge = Judge(Node({}, "f.yaml", 1))
    judge_scanner(config, judge, ["u"])
    return judge


THRESHOLDS = st.integers(-5, 105)
RULES = st.builds(
    lambda operation, right: FilterConfig(left="RSI", operation=operation, right=right),
    st.sampled_from(["greater", "egreater", "less", "eless", "equal"]),
    THRESHOLDS,
) | st.builds(
    lambda ends: FilterConfig(left="RSI", operation="in_range", right=tuple(sorted(ends))),
    st.tuples(THRESHOLDS, THRESHOLDS),
)


@given(st.lists(RULES, min_size=1, max_size=5))
def test_agrees_with_trying_every_value(rules: list[FilterConfig]) -> None:
    def survivors(kept: list[FilterConfig]) -> list[float]:
        return [value for value in RSI if all(passes(rule, value) for rule in kept)]

    findings = judged(scanner(*rules)).findings
    contradictory = [one for one in findings if one.code == "CFG_CONTRADICTION_FILTER"]
    assert bool(contradictory) is (survivors(rules) == [])
    if contradictory:
        return
    assert {one.severity for one in findings} <= {Severity.WARNING}
    dead = {int(one.key.removeprefix("filters[").removesuffix("]")) for one in findings}
    kept = [rule for index, rule in enumerate(rules) if index not in dead]
    # Following the advice changes nothing, and nothing more could be removed.
    assert survivors(kept) == survivors(rules)
    for index in range(len(kept)):
        assert survivors(kept[:index] + kept[index + 1 :]) != survivors(kept)


@given(
    st.tuples(THRESHOLDS, THRESHOLDS, st.booleans(), st.booleans()),
    st.tuples(THRESHOLDS, THRESHOLDS, st.booleans(), st.booleans()),
)
def test_intersection(a: tuple[int, int, bool, bool], b: tuple[int, int, bool, bool]) -> None:
    def members(ends: Interval) -> set[float]:
        return {
            value
            for value in GRID
            if (value > ends.low if ends.low_open else value >= ends.low)
            and (value < ends.high if ends.high_open else value <= ends.high)
        }

    left, right = Interval(*map(float, a[:2]), *a[2:]), Interval(*map(float, b[:2]), *b[2:])
    both = left.intersect(right)
    assert members(both) == members(left) & members(right)
    assert both.empty is (members(both) == set())


@pytest.mark.parametrize("operation", ["nequal", "not_in_range"])
def test_rules_that_are_no_interval_are_left_alone(operation: str) -> None:
    right = (10, 20) if operation == "not_in_range" else 10
    rules = [
        FilterConfig(left="RSI", operation=operation, right=right),
        FilterConfig(left="RSI", operation="less", right=50),
    ]
    assert judged(scanner(*rules)).findings == []


@pytest.mark.parametrize(
    ("intent", "operation", "value", "fits"),
    [
        ("LONG", "greater", 0, True),
        ("LONG", "greater", -0.3, True),
        ("LONG", "less", 0.5, True),
        ("LONG", "less", 0, False),
        ("LONG", "eless", 0, False),
        ("LONG", "equal", 0, False),
        ("SHORT", "less", 0, True),
        ("SHORT", "less", 0.3, True),
        ("SHORT", "egreater", 0, False),
        ("SHORT", "greater", 0.1, False),
        ("SHORT", "egreater", -0.1, True),
    ],
)
@pytest.mark.parametrize("field", ["Recommend.All", "Recommend.MA", "Recommend.Other"])
def test_sign_of_a_rating_against_the_intent(field: str, intent: str, operation: str, value: float, fits: bool) -> None:
    config = scanner(FilterConfig(left=field, operation=operation, right=value)).model_copy(update={"intent": intent})
    codes = {finding.code for finding in judged(config).findings}
    assert ("CFG_CONTRADICTION_INTENT" in codes) is not fits
