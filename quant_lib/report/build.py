"""Assemble the tear sheet."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass

import pandas as pd

from quant_lib.report._template import PAGE
from quant_lib.report.figures import all_figures
from quant_lib.report.inputs import ReportInputs, labelled
from quant_lib.report.png import equity_png
from quant_lib.report.tables import Table, all_tables, metrics_table, show


@dataclass(frozen=True)
class Report:
    """The four forms of one tear sheet.

    Attributes
    ----------
    html : str
        Self-contained page: charts, styles and scripts inside, nothing loaded.
    markdown : str
        The same figures as text.
    png : bytes
        Equity and drawdown.
    json : str
        Every figure, machine readable; missing values are null.
    """

    html: str
    markdown: str
    png: bytes
    json: str


def _tiles(inputs: ReportInputs) -> list[dict[str, str]]:
    tiles = []
    for name, rows in labelled(inputs.metrics):
        value = rows.set_index("metric")["value"]
        figure = {
            metric: None if pd.isna(value.get(metric)) else float(value[metric])
            for metric in ("total_return", "sharpe", "max_drawdown")
        }
        tiles.append(
            {
                "risk": name,
                "total": show(figure["total_return"], "percent"),
                "sharpe": show(figure["sharpe"], "ratio"),
                "drawdown": show(figure["max_drawdown"], "percent"),
            }
        )
    return tiles


def _page(inputs: ReportInputs, png: bytes) -> str:
    import jinja2
    import plotly.io
    import plotly.offline

    charts = [
        (
            anchor,
            plotly.io.to_html(
                figure,
                full_html=False,
                include_plotlyjs=False,
                div_id=f"chart-{anchor}",
                config={"displaylogo": False, "responsive": True},
            ),
        )
        for anchor, figure in all_figures(inputs)
    ]
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(PAGE)
    return template.render(
        inputs=inputs,
        first=inputs.returns["bar_date"].min(),
        last=inputs.returns["bar_date"].max(),
        n_windows=len(inputs.windows),
        tiles=_tiles(inputs),
        metrics=metrics_table(inputs),
        charts=charts,
        tables=all_tables(inputs),
        plotly_js=plotly.offline.get_plotlyjs(),
        png=base64.b64encode(png).decode("ascii"),
    )


def _markdown_table(table: Table) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    rule = "|" + "|".join(" --- " for _ in table.header) + "|"
    body = "\n".join(line(row) for row in table.rows)
    note = f"\n\n*{table.note}*" if table.note else ""
    return f"## {table.title}\n\n{line(table.header)}\n{rule}\n{body}{note}\n"


def _markdown(inputs: ReportInputs) -> str:
    head = (
        f"# {inputs.profile} on {inputs.date:%Y-%m-%d}\n\n{inputs.description}\n\n"
        f"Walk-forward of {len(inputs.windows)} windows, {inputs.returns['bar_date'].min():%Y-%m-%d} to "
        f"{inputs.returns['bar_date'].max():%Y-%m-%d}. Configuration `{inputs.config_hash[:12]}`. "
        f"{inputs.stamp}.\n"
    )
    if inputs.regime:
        head += "\nMarket regime: " + ", ".join(f"{name} {value}" for name, value in inputs.regime.items()) + ".\n"
    notes = "\n".join(f"- {note}" for note in inputs.notes)
    tables = "\n".join(_markdown_table(table) for table in [metrics_table(inputs), *all_tables(inputs)])
    return f"{head}\n{notes}\n\n{tables}"


def _json(inputs: ReportInputs) -> str:
    def records(frame: pd.DataFrame) -> list[dict[str, object]]:
        out = []
        for row in frame.to_dict("records"):
            out.append({str(k): _plain_value(v) for k, v in row.items()})
        return out

    document = {
        "profile": inputs.profile,
        "date": inputs.date.isoformat(),
        "direction": inputs.direction,
        "config_hash": inputs.config_hash,
        "survivorship": inputs.survivorship,
        "notes": inputs.notes,
        "regime": inputs.regime,
        "metrics": records(inputs.metrics[["engine", "risk_profile", "simulator", "metric", "value", "unit"]]),
        "positions": records(inputs.positions[["engine", "risk_profile", "symbol", "net_weight"]]),
        "windows": records(inputs.windows),
        "funnel": records(inputs.funnel[["step_no", "step", "rows_in", "rows_out"]]),
    }
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False)


def _plain_value(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def build_report(inputs: ReportInputs) -> Report:
    """Build the tear sheet of one sleeve and date.

    Parameters
    ----------
    inputs : ReportInputs
        Frames of the decision tables.

    Returns
    -------
    Report
        Deterministic: equal inputs give equal bytes.

    Raises
    ------
    ValueError
        If the walk-forward holds no session: a report without a result is not one.
    """
    if inputs.returns.empty or inputs.windows.empty:
        raise ValueError(
            f"{inputs.profile} {inputs.date}: the walk-forward holds no session; materialise the backtest first"
        )
    png = equity_png(inputs)
    return Report(_page(inputs, png), _markdown(inputs), png, _json(inputs))
