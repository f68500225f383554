"""The tear sheet of a sleeve."""

import base64
from typing import TYPE_CHECKING, Any

import dagster as dg

from quant_assets.alpha.context import SleeveContext
from quant_assets.common import result, schema_metadata, the_date
from quant_assets.loading import signed
from quant_assets.sleeve_rules import sleeve_calendar
from quant_lib.contracts import REPORTS
from quant_resources.artifacts import Artifact, ArtifactsResource
from quant_resources.lakehouse.resource import LakehouseResource

if TYPE_CHECKING:
    import pandas as pd


def report_asset(chain: SleeveContext) -> dg.AssetsDefinition:
    """HTML, Markdown, PNG and JSON."""

    @dg.asset(
        deps=chain.upstream("regime", "selection", "weights", "backtest"),
        description="Tear sheet: walk-forward, weights, funnel and every candidate's fate, in one self-contained page.",
        metadata=schema_metadata(REPORTS),
        **chain.options("report", kinds={"plotly"}),
    )
    @signed
    def report(
        context: dg.AssetExecutionContext, lakehouse: LakehouseResource, artifacts: ArtifactsResource
    ) -> dg.MaterializeResult[Any]:
        from quant_assets.alpha.report_inputs import report_inputs
        from quant_lib.decision.daily import stamp
        from quant_lib.report import build_report

        lake, date, profile = lakehouse.lake, the_date(context), chain.sleeve.name
        ann = sleeve_calendar(chain.project, chain.sleeve).ann
        sheet = build_report(report_inputs(lake, chain.project, chain.sleeve, date, ann))
        files = {
            "report.html": sheet.html.encode(),
            "report.md": sheet.markdown.encode(),
            "equity.png": sheet.png,
            "report.json": sheet.json.encode(),
        }
        written = [artifacts.write(profile, date, name, content) for name, content in files.items()]
        rows = stamp(_rows(written, artifacts), REPORTS, profile, date)
        receipt = lake.replace(REPORTS, rows, date=date, profile=profile)
        return result([receipt], path=dg.MetadataValue.path(str(written[0].path)), tear_sheet=_preview(sheet))

    return report


def _rows(written: list[Artifact], artifacts: ArtifactsResource) -> "pd.DataFrame":
    from pathlib import Path

    import pandas as pd

    root = Path(artifacts.root)
    return pd.DataFrame(
        [
            {"artifact": a.name, "path": str(a.path.relative_to(root)), "sha256": a.sha256, "bytes": a.size}
            for a in written
        ]
    )


def _preview(sheet: Any) -> dg.MetadataValue[Any]:
    """Picture and metrics for Dagster's page; the full sheet is the HTML file."""
    picture = base64.b64encode(sheet.png).decode("ascii")
    head = sheet.markdown.split("\n## Positions", 1)[0]
    return dg.MetadataValue.md(f"![equity](data:image/png;base64,{picture})\n\n{head}")
