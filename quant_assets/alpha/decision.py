"""Returns, selection, streams and weights of a sleeve."""

from typing import Any

import dagster as dg

from quant_assets.alpha.context import SleeveContext
from quant_assets.common import result, schema_metadata, the_date
from quant_assets.loading import signed
from quant_assets.sleeve_rules import health_rules, sleeve_rules, stress_periods
from quant_lib.contracts import (
    ALLOCATIONS,
    ATOMS,
    POSITIONS,
    RETURNS_DROPS,
    RETURNS_MATRIX,
    SELECTION,
    SELECTION_FEATURES,
    SELECTION_SUMMARY,
    SELECTION_VETOES,
    STRATEGY_RETURNS,
    STREAM_TAILS,
    WEIGHTS,
)
from quant_resources.lakehouse.resource import LakehouseResource


def returns_matrix_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Build the matrix of eligible returns."""

    @dg.asset(
        deps=chain.upstream("candidates", "foundation"),
        description=RETURNS_MATRIX.description,
        metadata=schema_metadata(RETURNS_MATRIX),
        **chain.options("returns_matrix", kinds={"deltalake"}),
    )
    @signed
    def returns_matrix(context: dg.AssetExecutionContext, lakehouse: LakehouseResource) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.reading import PinnedLake, returns_for
        from quant_lib.calendars import get_calendar
        from quant_lib.decision.daily import stamp

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        pinned = PinnedLake(lake, profile, date)
        rules = sleeve_rules(chain.project, chain.sleeve)
        symbols = sorted(set(pinned.decided("candidates")["symbol"]))
        matrix, drops = returns_for(
            pinned, symbols, rules.returns, health_rules(chain.project), get_calendar(rules.calendar)
        )
        long = matrix.rename_axis(index="bar_date", columns="symbol").stack().rename("ret").reset_index()
        receipts = [
            lake.replace(RETURNS_MATRIX, stamp(long, RETURNS_MATRIX, profile, date), date=date, profile=profile),
            lake.replace(RETURNS_DROPS, stamp(drops, RETURNS_DROPS, profile, date), date=date, profile=profile),
        ]
        return result(receipts, sessions=len(matrix), symbols=matrix.shape[1], left_out=len(drops))

    return returns_matrix


def selection_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Vetoes, scores, clusters, recruitment."""

    @dg.asset(
        deps=chain.upstream("candidates", "regime", "returns_matrix"),
        description=SELECTION.description,
        metadata=schema_metadata(SELECTION),
        **chain.options("selection", kinds={"deltalake"}),
    )
    @signed
    def selection(context: dg.AssetExecutionContext, lakehouse: LakehouseResource) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.reading import PinnedLake, previous_selection, wide_returns
        from quant_assets.alpha.selected import selection_metadata, selection_summary
        from quant_lib.decision.daily import stamp
        from quant_lib.regime import regime_of
        from quant_lib.selection import select

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        pinned = PinnedLake(lake, profile, date)
        rules = sleeve_rules(chain.project, chain.sleeve).selection
        chosen = select(
            pinned.decided("candidates"),
            pinned.today("features"),
            pinned.today("ohlcv_health"),
            pinned.today("instruments"),
            wide_returns(pinned.decided("returns_matrix"), "symbol"),
            rules,
            trail=pinned.trailing_features(rules),
            regime=regime_of(pinned.decided("regime")),
        )
        summary = selection_summary(chosen, previous_selection(lake, profile, date))
        tables = (
            (SELECTION, chosen.table),
            (SELECTION_FEATURES, chosen.features),
            (SELECTION_VETOES, chosen.vetoes),
            (SELECTION_SUMMARY, summary),
        )
        receipts = [
            lake.replace(spec, stamp(frame, spec, profile, date), date=date, profile=profile) for spec, frame in tables
        ]
        return result(receipts, **selection_metadata(chosen, summary))

    return selection


def strategy_returns_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Atoms and their synthetic long streams."""

    @dg.asset(
        deps=chain.upstream("selection", "returns_matrix"),
        description=STRATEGY_RETURNS.description,
        metadata=schema_metadata(STRATEGY_RETURNS),
        **chain.options("strategy_returns", kinds={"deltalake"}),
    )
    @signed
    def strategy_returns(context: dg.AssetExecutionContext, lakehouse: LakehouseResource) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.reading import PinnedLake, wide_returns
        from quant_lib.allocation import stream_tails
        from quant_lib.decision.daily import stamp
        from quant_lib.synthesis import make_atoms, synthetic_returns

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        pinned = PinnedLake(lake, profile, date)
        atoms = make_atoms(pinned.decided("selection"))
        streams = synthetic_returns(wide_returns(pinned.decided("returns_matrix"), "symbol"), atoms)
        long = streams.rename_axis(index="bar_date", columns="atom_id").stack().rename("ret").reset_index()
        tails = stream_tails(streams, stress=stress_periods(chain.project))
        tables = ((STRATEGY_RETURNS, long), (ATOMS, atoms), (STREAM_TAILS, tails))
        receipts = [
            lake.replace(spec, stamp(frame, spec, profile, date), date=date, profile=profile) for spec, frame in tables
        ]
        return result(receipts, atoms=len(atoms), sessions=len(streams))

    return strategy_returns


def weights_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Every engine and risk profile, atoms and physical positions."""

    @dg.asset(
        deps=chain.upstream("strategy_returns", "regime"),
        description=WEIGHTS.description,
        metadata=schema_metadata(WEIGHTS),
        **chain.options("weights", kinds={"deltalake", "clarabel"}),
    )
    @signed
    def weights(context: dg.AssetExecutionContext, lakehouse: LakehouseResource) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.known import known_for
        from quant_assets.alpha.reading import PinnedLake, wide_returns
        from quant_lib.decision import allocate_all
        from quant_lib.decision.daily import stamp

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        pinned = PinnedLake(lake, profile, date)
        streams = wide_returns(pinned.decided("strategy_returns"), "atom_id")
        rules = sleeve_rules(chain.project, chain.sleeve)
        solved = allocate_all(streams, pinned.decided("atoms"), rules, known_for(lake, pinned, rules))
        tables = ((WEIGHTS, solved.weights), (POSITIONS, solved.positions), (ALLOCATIONS, solved.allocations))
        receipts = [
            lake.replace(spec, stamp(frame, spec, profile, date), date=date, profile=profile) for spec, frame in tables
        ]
        shown = {f"{r.risk_profile}/effective_n": r.effective_n for r in solved.allocations.itertuples()}
        return result(receipts, **{name: float(value) for name, value in shown.items() if value is not None})

    return weights
