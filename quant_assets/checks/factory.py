"""One contract function, as a Dagster asset check of one partition or a range."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg
from dagster import AssetCheckEvaluation, DagsterEvent, DagsterEventType
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from quant_assets.common import partition_dates
from quant_assets.loading import signed
from quant_lib.contracts.verdicts import SHOWN_ROWS, Verdict
from quant_resources.lakehouse.resource import LakehouseResource

if TYPE_CHECKING:
    from quant_resources.lakehouse import Lake

Judge: TypeAlias = "Callable[[Lake, dt.date], Verdict]"


@dataclass(frozen=True)
class Contract:
    """A promise an asset makes about one of its partitions.

    Attributes
    ----------
    asset : AssetKey
        Who promises.
    name, description : str
        Name of the check and what it judges.
    judge : callable
        Reads what is stored for a date and judges it.
    blocking : bool
        Whether a failure stops everything downstream in the run.
    after : tuple of AssetKey
        Other assets the judge reads; in a run that makes them too, the check waits for them.
    """

    asset: dg.AssetKey
    name: str
    description: str
    judge: Judge
    blocking: bool = True
    after: tuple[dg.AssetKey, ...] = ()


def as_metadata(verdict: Verdict) -> dict[str, Any]:
    """Figures and failing rows, for the reviewer."""
    shown: dict[str, Any] = {"verdict": verdict.message, **verdict.figures}
    if len(verdict.failing):
        rows = verdict.failing.head(SHOWN_ROWS).astype("str")
        shown["failing_rows"] = len(verdict.failing)
        shown["failing"] = dg.MetadataValue.md(_markdown(rows))
    return shown


def _markdown(rows: Any) -> str:
    def line(cells: Any) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    head = [line(rows.columns), "|" + " --- |" * len(rows.columns)]
    return "\n".join(head + [line(row) for row in rows.itertuples(index=False)])


def build_check(contract: Contract, partitions: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    """Dagster check of a contract.

    A range run stores one evaluation without a partition; the verdict of each
    date is reported beside it, so that every partition has its own status.
    """

    @dg.asset_check(
        asset=contract.asset,
        additional_deps=list(contract.after),
        name=contract.name,
        description=contract.description,
        blocking=contract.blocking,
        partitions_def=partitions,
    )
    @signed
    def check(context: dg.AssetCheckExecutionContext, lakehouse: LakehouseResource) -> dg.AssetCheckResult:
        verdicts = {date: contract.judge(lakehouse.lake, date) for date in partition_dates(context)}
        if len(verdicts) > 1:
            for date, verdict in verdicts.items():
                _report(context, contract, date, verdict)
        worst = min(verdicts.values(), key=lambda v: (v.passed, not v.warning))
        severity = dg.AssetCheckSeverity.ERROR if not worst.passed else dg.AssetCheckSeverity.WARN
        return dg.AssetCheckResult(
            passed=worst.passed,
            severity=severity if contract.blocking else dg.AssetCheckSeverity.WARN,
            description=worst.message,
            metadata={**as_metadata(worst), "warning": worst.warning},
        )

    return check


def _report(context: dg.AssetCheckExecutionContext, contract: Contract, date: dt.date, verdict: Verdict) -> None:
    """Report the verdict of one date of a range, as an event of the run.

    An event without a run would be refused the second time: Dagster keeps one per
    check and partition. Under the run's id it settles the row that was planned.
    """
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=contract.asset, asset_partitions=[date.isoformat()]), limit=1
    ).records
    target = records[0] if records else None
    evaluation = AssetCheckEvaluation(
        asset_key=contract.asset,
        check_name=contract.name,
        passed=verdict.passed,
        description=f"{date}: {verdict.message}",
        partition=date.isoformat(),
        blocking=contract.blocking,
        metadata={key: dg.MetadataValue.text(str(value)) for key, value in verdict.figures.items()},
        target_materialization_data=None
        if target is None
        else AssetCheckEvaluationTargetMaterializationData(
            storage_id=target.storage_id, run_id=target.run_id, timestamp=target.timestamp
        ),
    )
    event = DagsterEvent(
        DagsterEventType.ASSET_CHECK_EVALUATION.value, context.run.job_name, event_specific_data=evaluation
    )
    context.instance.report_dagster_event(event, run_id=context.run.run_id)
