"""Dividing capital: every engine and risk profile of a sleeve on one date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from quant_lib.allocation import (
    Allocation,
    AllocationContext,
    AllocationRequest,
    allocate,
    allocate_prepared,
    prepare,
    size_orders,
)
from quant_lib.clustering import cluster_returns
from quant_lib.contracts import ALLOCATIONS, POSITIONS, WEIGHTS, TableSpec
from quant_lib.decision.rules import SleeveRules
from quant_lib.regime import Regime
from quant_lib.synthesis import Leg, PositionRow, flatten_legs, make_atoms, position_frame, read_legs


@dataclass(frozen=True)
class Allocated:
    """Every allocation of a decision, as table rows.

    Attributes
    ----------
    allocations, weights, positions : DataFrame
        Rows of the tables of the same name without profile and date.
    """

    allocations: pd.DataFrame
    weights: pd.DataFrame
    positions: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Known:
    """What an allocation may know beside its streams, as of the decision's close.

    Attributes
    ----------
    regime : Regime, optional
        For ``barbell`` and ``adaptive``.
    benchmark : Series, optional
        Returns of the sleeve's benchmark by session, for ``market`` and ``market_neutral``.
    held : mapping of (engine, risk profile) to Series, optional
        Signed weights by symbol before trading, drifted to the close.
    quotes : DataFrame, optional
        ``symbol``, ``price``, ``lot_size``, ``min_notional``; None: positions are not sized.
    """

    regime: Regime | None = None
    benchmark: pd.Series | None = None
    held: Mapping[tuple[str, str], pd.Series] | None = None
    quotes: pd.DataFrame | None = None


def gross_target(n_winners: int, min_winners: int, scarcity: str = "cash") -> float:
    """Share of capital that is invested: all from the floor on, below it the share of seats taken; the rest is cash.

    Under the scarcity policy ``ssp`` all of it goes into what there is.
    """
    sparse = 0 < n_winners < min_winners and scarcity == "cash"
    return n_winners / min_winners if sparse else 1.0


def scarce(request: AllocationRequest, n_winners: int, min_winners: int, scarcity: str = "cash") -> AllocationRequest:
    """Ask for what a book of few winners can hold.

    It invests the seats taken and holds cash rather than break a cap: caps that
    leave too little room are not relaxed for it. Only the scarcity policy ``ssp``,
    which invests everything in what there is, leaves the cap policy as it was.

    Parameters
    ----------
    request : AllocationRequest
        Of a book that reaches its floor.
    n_winners, min_winners : int
        Winners found, and the floor.
    scarcity : {"cash", "ssp"}
        What happens to seats nobody took.

    Returns
    -------
    AllocationRequest
    """
    share = gross_target(n_winners, min_winners, scarcity)
    if share == 1.0:
        return request
    return replace(
        request,
        gross_target=request.gross_target * share,
        net_target=None if request.net_target is None else request.net_target * share,
        cap_policy="cash" if request.cap_policy == "relax" else request.cap_policy,
    )


def allocate_all(
    streams: pd.DataFrame, atoms: pd.DataFrame, rules: SleeveRules, known: Known | None = None
) -> Allocated:
    """Solve every engine and risk profile of a sleeve.

    Parameters
    ----------
    streams : DataFrame of shape (n_sessions, n_atoms)
        Synthetic long returns, complete.
    atoms : DataFrame
        Composition map; may be empty: then all capital is cash.
    rules : SleeveRules
        Requests, clusters, floor.
    known : Known, optional
        What else is known at the close.

    Returns
    -------
    Allocated
        In the order of the requests. The risk profile ``market`` holds the
        benchmark long whatever the sleeve's direction, and no atom.
    """
    known = known or Known()
    floor, scarcity = rules.selection.min_winners, rules.selection.scarcity
    sparse = len(atoms) < floor
    clusters = _clusters(streams, rules)
    factors = atoms.set_index("atom_id")["factor"]
    context = AllocationContext(regime=known.regime, benchmark=known.benchmark, factors=factors)
    inputs = prepare(streams, clusters, context)
    composition = read_legs(atoms)
    solutions, books, summaries = [], [], []
    for request in rules.requests:
        if request.risk_profile == "market":
            solved, legs = _market(streams.index, rules, known, request)
        else:
            asked = scarce(request, len(atoms), floor, scarcity)
            held = (known.held or {}).get((request.engine, request.risk_profile))
            own = inputs if held is None else inputs.holding(held_atoms(held, atoms))
            solved, legs = allocate_prepared(own, asked), composition
        flat = flatten_legs(solved.weights, legs)
        summaries.append(solved.summary(gross=flat.gross_after, net=flat.net, sparse=sparse) | flat.columns())
        solutions.append(solved)
        books.append(flat.position_rows)
    return Allocated(
        pd.DataFrame(summaries, columns=_columns(ALLOCATIONS)),
        _weight_rows(solutions)[_columns(WEIGHTS)],
        _position_rows(solutions, books, rules, known)[_columns(POSITIONS)],
    )


def _weight_rows(solutions: Sequence[Allocation]) -> pd.DataFrame:
    """Rows of every allocation in one frame: a frame each costs more than the solution in it."""
    sizes = [len(solved.weights) for solved in solutions]

    def values(name: str) -> np.ndarray[Any, Any]:
        return np.concatenate([np.asarray(getattr(solved, name)) for solved in solutions])

    return pd.DataFrame(
        {
            "engine": np.repeat([solved.engine for solved in solutions], sizes),
            "risk_profile": np.repeat([solved.risk_profile for solved in solutions], sizes),
            "atom_id": [str(label) for solved in solutions for label in solved.weights.index],
            "weight": values("weights").astype("float64"),
            "risk_contribution": values("risk_contributions").astype("float64"),
            "cluster": values("clusters").astype("int64"),
            "role": values("roles"),
        }
    ).astype(dict.fromkeys(("engine", "risk_profile", "atom_id", "role"), "str"))


def _position_rows(
    solutions: Sequence[Allocation], books: Sequence[tuple[PositionRow, ...]], rules: SleeveRules, known: Known
) -> pd.DataFrame:
    sizes = [len(book) for book in books]
    labelled = position_frame(row for book in books for row in book).assign(
        engine=np.repeat([solved.engine for solved in solutions], sizes),
        risk_profile=np.repeat([solved.risk_profile for solved in solutions], sizes),
    )
    sized = size_orders(labelled, known.quotes, capital=rules.orders.capital, min_position=rules.orders.min_position)
    return sized.astype(dict.fromkeys(("engine", "risk_profile"), "str"))


def held_atoms(held: pd.Series, atoms: pd.DataFrame) -> pd.Series:
    """Weights of atoms behind signed weights of symbols.

    Parameters
    ----------
    held : Series
        Signed weight by symbol.
    atoms : DataFrame
        Composition map.

    Returns
    -------
    Series
        By atom id, >= 0. A symbol held in the other direction counts as not held;
        atoms on one symbol and side share what is held of it.
    """
    signed = held.reindex(atoms["symbol"], fill_value=0.0).to_numpy(dtype="float64") * atoms["factor"].to_numpy()
    sharing = atoms.groupby(["symbol", "direction"])["atom_id"].transform("size").to_numpy()
    return pd.Series(signed.clip(min=0.0) / sharing, index=atoms["atom_id"].to_numpy())


def _market(
    sessions: pd.Index, rules: SleeveRules, known: Known, request: AllocationRequest
) -> tuple[Allocation, dict[str, list[Leg]]]:
    """Hold the benchmark; without its returns nothing is held, and nothing else takes its place."""
    found = pd.Series(dtype="float64") if known.benchmark is None else known.benchmark.dropna()
    returns = found.loc[found.index.isin(sessions)] if len(sessions) else found
    legs = _market_legs(rules.benchmark if len(returns) >= 2 else None)
    streams = pd.DataFrame(dict.fromkeys(legs, returns), index=returns.index)
    return allocate(streams, pd.Series(0, index=streams.columns, dtype="int64"), request), legs


@lru_cache(maxsize=64)
def _market_legs(benchmark: str | None) -> dict[str, list[Leg]]:
    """Composition map of the baseline ``market``: the benchmark, long; empty where there is none to hold."""
    symbols = [] if benchmark is None else [benchmark]
    return read_legs(
        make_atoms(pd.DataFrame({"symbol": symbols, "logic": "market", "direction": "LONG", "cluster": 0}))
    )


def _columns(spec: TableSpec) -> list[str]:
    return [name for name in spec.column_names if name not in ("profile", "date")]


def _clusters(streams: pd.DataFrame, rules: SleeveRules) -> pd.Series:
    if streams.shape[1] == 0:
        return pd.Series(dtype="int64", index=pd.Index([], dtype="str"))
    return cluster_returns(
        streams,
        lookbacks=rules.cluster_lookbacks,
        threshold=rules.cluster_threshold,
        max_clusters=rules.max_clusters,
    )
