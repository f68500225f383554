"""The walk-forward of a sleeve."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_assets.alpha.context import SleeveContext
from quant_assets.common import result, schema_metadata, the_date
from quant_assets.loading import signed
from quant_assets.sleeve_rules import sleeve_rules
from quant_lib.contracts import BACKTEST_METRICS, BACKTEST_RETURNS, BACKTEST_WEIGHTS, BACKTEST_WINDOWS
from quant_resources.compute import ComputeResource, LocalCompute
from quant_resources.lakehouse.resource import LakehouseResource

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quant_lib.backtest import Window
    from quant_lib.decision import Choice, History, SleeveRules
    from quant_lib.decision.walk_forward import Choose, ChooseAll


def backtest_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """Windows, weights, stitched returns, metrics."""

    @dg.asset(
        deps=chain.upstream("foundation", "weights"),
        description="Walk-forward of the whole decision, its universe rebuilt point in time at every window.",
        metadata=schema_metadata(BACKTEST_RETURNS),
        **chain.options("backtest", kinds={"deltalake", "clarabel"}),
    )
    @signed
    def backtest(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource, compute: ComputeResource
    ) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.history import pinned_history
        from quant_assets.alpha.reading import PinnedLake
        from quant_lib.decision import walk_forward
        from quant_lib.decision.daily import stamp

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        rules = sleeve_rules(chain.project, chain.sleeve)
        history = pinned_history(PinnedLake(lake, profile, date), rules)
        walked = walk_forward(history, rules, date, choose_all=_spread(compute.local), progress=_log_progress(context))
        tables = (
            (BACKTEST_RETURNS, walked.returns),
            (BACKTEST_WINDOWS, walked.windows),
            (BACKTEST_WEIGHTS, walked.weights),
            (BACKTEST_METRICS, walked.metrics),
        )
        receipts = [
            lake.replace(spec, stamp(frame, spec, profile, date), date=date, profile=profile) for spec, frame in tables
        ]
        sharpe = walked.metrics[walked.metrics["metric"] == "sharpe"].dropna(subset="value")
        shown = {f"{r.risk_profile}/sharpe": float(r.value) for r in sharpe.itertuples()}
        return result(receipts, windows=len(walked.windows), **shown)

    return backtest


def _spread(local: LocalCompute) -> "ChooseAll":
    """Windows over this machine's processors; which one chose a window changes nothing."""

    def choose_all(
        choose: "Choose", history: "History", rules: "SleeveRules", windows: "Sequence[Window]"
    ) -> "Iterable[Choice]":
        return local.map(choose, (history, rules), windows)

    return choose_all


def _log_progress(context: dg.AssetExecutionContext) -> Any:
    def progress(done: int, total: int) -> None:
        if done == total or done % max(1, total // 5) == 0:
            context.log.info(f"windows {done}/{total}")

    return progress
