"""Engines v2 and v3 shrink correlations until their condition number is within the profile's bound (semantics 5.5)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_lib.clustering import ClusteringError, Conditioning, conditioned_shrink
from quant_lib.selection import SelectionRules, VetoRules, select
from quant_lib.selection.engines import ENGINES
from quant_lib.selection.rules import ContradictoryRulesError

LOOKBACKS = (60, 120, 200)


def together(n: int = 40, sessions: int = 210, alike: float = 0.02, seed: int = 0) -> pd.DataFrame:
    """Assets that share one factor and little of their own."""
    rng = np.random.default_rng(seed)
    values = 0.02 * (rng.standard_normal((sessions, 1)) + alike * rng.standard_normal((sessions, n)))
    return pd.DataFrame(values, columns=[f"a{i:02d}" for i in range(n)])


def slow_loop(returns: pd.DataFrame, limit: float, lookbacks: tuple[int, ...], start: float) -> tuple[float, float]:
    """Shrink, build every matrix, take singular values, and again: nothing shared with what is tested."""
    hundredth = round(start * 100)
    while True:
        kappa = 0.0
        for lookback in lookbacks:
            window = returns.iloc[-min(lookback, len(returns)) :]
            rho = window.corr(min_periods=int(np.ceil(min(20, 0.8 * len(window))))).fillna(0.0).to_numpy().copy()
            np.fill_diagonal(rho, 1.0)
            s = hundredth / 100
            shrunk = (1 - s) * rho + s * np.eye(len(rho))
            positive = np.linalg.eigvalsh(shrunk)[0] > 0
            kappa = max(kappa, float(np.linalg.cond(shrunk)) if positive else math.inf)
        if kappa <= limit or hundredth >= 10:
            return hundredth / 100, kappa
        hundredth += 1


@pytest.mark.parametrize("limit", [50.0, 400.0, 700.0, 1500.0, 3500.0, 1e5])
@pytest.mark.parametrize("start", [0.01, 0.04])
@pytest.mark.parametrize("missing", [0.0, 0.25])
def test_it_is_the_loop_of_the_mission(limit: float, start: float, missing: float) -> None:
    returns = together()
    returns = returns.mask(np.random.default_rng(3).random(returns.shape) < missing)
    found = conditioned_shrink(returns, limit=limit, lookbacks=LOOKBACKS, shrink=start)
    shrink, kappa = slow_loop(returns, limit, LOOKBACKS, start)
    assert found.shrink == pytest.approx(shrink, abs=1e-12)
    assert found.condition_number == pytest.approx(kappa, rel=1e-8)
    assert found.met is (kappa <= limit)


def test_steps_are_taken_until_the_bound_holds_and_not_beyond() -> None:
    returns = together()
    at = {s: conditioned_shrink(returns, limit=1e12, shrink=s).condition_number for s in (0.01, 0.02, 0.03, 0.1)}
    assert at[0.01] > at[0.02] > at[0.03] > at[0.1]
    exact = conditioned_shrink(returns, limit=at[0.02])
    assert exact.shrink == pytest.approx(0.02)
    assert exact.met
    assert conditioned_shrink(returns, limit=np.nextafter(at[0.02], 0.0)).shrink == pytest.approx(0.03)
    assert conditioned_shrink(returns, limit=at[0.1]).met
    missed = conditioned_shrink(returns, limit=np.nextafter(at[0.1], 0.0))
    assert (missed.shrink, missed.met) == (pytest.approx(0.1), False)


def test_a_start_beyond_the_last_step_is_kept() -> None:
    found = conditioned_shrink(together(), limit=2.0, shrink=0.3)
    assert found.shrink == 0.3
    assert not found.met


def test_matrices_that_no_shrinkage_so_small_makes_definite_are_infinite() -> None:
    """Correlations of pairs, each over its own sessions: a, b and c cannot be so together."""
    rng = np.random.default_rng(1)
    values = np.full((90, 3), np.nan)
    for part, (i, j, sign) in enumerate(((0, 1, 1.0), (1, 2, 1.0), (0, 2, -1.0))):
        shared = rng.standard_normal(30)
        values[30 * part : 30 * part + 30, i] = shared
        values[30 * part : 30 * part + 30, j] = sign * shared
    found = conditioned_shrink(pd.DataFrame(values, columns=list("abc")), limit=100.0, lookbacks=(90,))
    assert found == Conditioning(0.1, math.inf, met=False)


def test_one_asset_and_flat_assets_are_perfectly_conditioned() -> None:
    returns = together(3)
    assert conditioned_shrink(returns[["a00"]], limit=1.0) == Conditioning(0.01, 1.0, met=True)
    flat = returns * 0.0
    assert conditioned_shrink(flat, limit=1.0 + 1e-12).condition_number == pytest.approx(1.0)


@given(st.randoms(use_true_random=False))
def test_the_order_of_assets_does_not_matter(random: object) -> None:
    returns = together(8)
    names = list(returns.columns)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert conditioned_shrink(returns[names], limit=80.0) == conditioned_shrink(returns, limit=80.0)


def test_what_cannot_be_conditioned_is_refused() -> None:
    with pytest.raises(ClusteringError, match="at least 1"):
        conditioned_shrink(together(), limit=0.5)
    with pytest.raises(ClusteringError, match="limit"):
        conditioned_shrink(together(), limit=math.nan)
    with pytest.raises(ClusteringError, match="20 sessions"):
        conditioned_shrink(together(sessions=15), limit=100.0)
    with pytest.raises(ContradictoryRulesError, match="condition_limit"):
        SelectionRules(condition_limit=0.9)


def test_the_engines_of_the_second_and_third_kind_do_it() -> None:
    assert {name for name, engine in ENGINES.items() if engine.conditioned} == {
        "v2",
        "v2.1",
        "v3",
        "v3.1",
        "v3.2",
        "v3.4",
    }


def test_selection_clusters_with_what_was_found_and_says_so(market) -> None:  # type: ignore[no-untyped-def]
    made = market(n=12, groups=[0] * 12)
    base = {"vetoes": VetoRules(rating=None, min_days=1), "min_winners": 0, "cluster_lookbacks": (60, 120)}
    free = select(*made.inputs(), SelectionRules(engine="v2", condition_limit=1e9, **base)).summary
    assert (free["shrink"], free["conditioned"]) == (0.01, True)
    limit = free["condition_number"] / 3
    bound = select(*made.inputs(), SelectionRules(engine="v2", condition_limit=limit, **base)).summary
    wanted = conditioned_shrink(made.returns, limit=limit, lookbacks=(60, 120))
    assert 0.01 < wanted.shrink < 0.1
    assert bound["shrink"] == wanted.shrink
    assert bound["condition_number"] == wanted.condition_number <= limit
    other = select(*made.inputs(), SelectionRules(engine="v4", condition_limit=limit, **base)).summary
    assert other["shrink"] == 0.01
    assert math.isnan(other["condition_number"])
    assert other["conditioned"]


def test_the_shrinkage_that_was_found_decides_the_clusters(market) -> None:  # type: ignore[no-untyped-def]
    """Twelve coins alike but for a little: a larger shrinkage moves them apart, beyond a threshold set between."""
    made = market(n=12, groups=[0] * 12)
    base = {"vetoes": VetoRules(rating=None, min_days=1), "min_winners": 0, "cluster_threshold": 0.12}
    loose = select(*made.inputs(), SelectionRules(engine="v2", condition_limit=1e9, **base))
    tight = select(*made.inputs(), SelectionRules(engine="v2", condition_limit=150.0, **base))
    assert loose.summary["n_clusters"] == 1
    assert tight.summary["n_clusters"] > 1


def test_a_negative_momentum_floor_takes_the_hurdle_of_the_third_kind_down() -> None:
    v3, v4 = ENGINES["v3"], ENGINES["v4"]
    assert v3.hurdle_with(-0.5) == pytest.approx(-0.55)
    assert (v3.hurdle_with(None), v3.hurdle_with(0.0), v3.hurdle_with(0.3)) == (0.02, 0.02, 0.02)
    assert v3.hurdle_with(-1e-9) == pytest.approx(-0.05)
    assert v4.hurdle_with(-0.5) == 0.02
    assert ENGINES["v2"].hurdle_with(-0.5) == 0.02
