"""Each column of the score matrix against its formula, written out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from quant_lib.selection.matrix import score_matrix

FACTS = pd.DataFrame(
    {
        "momentum": [0.5, -0.2, 0.1],
        "volatility": [0.5, 1.0, 0.25],
        "liquidity_usd": [2e6, 5e7, 1e7],
        "antifragility": [0.5, 2.0, 1.0],
        "cvar_95": [-0.2, -0.05, -0.1],
        "entropy": [0.9, 0.8, 0.7],
        "trendiness": [0.3, -0.3, 0.0],
        "skew": [-1.5, 0.5, 0.0],
    }
)


def column(name: str, facts: pd.DataFrame = FACTS, strategy: str = "trend_following") -> list[float]:
    made = score_matrix(facts, [name], liquidity_scale=1e7, strategy=strategy)  # type: ignore[arg-type]
    return [float(value) for value in made[name]]


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("momentum", [0.5, -0.2, 0.1]),
        ("stability", [2.0, 1.0, 4.0]),
        ("inverse_volatility", [2.0, 1.0, 4.0]),
        ("liquidity", [0.2, 1.0, 1.0]),
        ("turnover", [2e6, 5e7, 1e7]),
        ("entropy_order", [0.1, 0.2, 0.3]),
        ("trendiness", [0.3, -0.3, 0.0]),
        ("skew", [1.5, 0.5, 0.0]),
        ("fragility", [1 - 0.25 + 1.0, 1 - 1.0 + 0.25, 1 - 0.5 + 0.5]),
    ],
)
def test_a_column_is_its_formula(name: str, by_hand: list[float]) -> None:
    assert column(name) == pytest.approx(by_hand, rel=1e-8)


def test_a_reversal_wants_what_a_trend_does_not() -> None:
    assert column("trendiness", strategy="mean_reversion") == pytest.approx([-0.3, 0.3, 0.0])


@pytest.mark.filterwarnings("error")
def test_fragility_is_unknown_where_a_figure_is_and_everywhere_where_one_is_known_of_nobody() -> None:
    some = FACTS.assign(cvar_95=[-0.2, np.nan, -0.1])
    assert np.isnan(column("fragility", some)).tolist() == [False, True, False]
    for lost in ("antifragility", "cvar_95"):
        assert np.isnan(column("fragility", FACTS.assign(**{lost: np.nan}))).all()


def test_fragility_of_nothing_to_compare_with_is_finite() -> None:
    flat = FACTS.assign(antifragility=0.0, cvar_95=0.0)
    assert column("fragility", flat) == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("name", ["stability", "inverse_volatility"])
def test_what_does_not_move_is_as_stable_as_can_be(name: str) -> None:
    assert column(name, FACTS.assign(volatility=0.0)) == pytest.approx([1e9] * 3)
