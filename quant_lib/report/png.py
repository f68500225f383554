"""A small static picture of the walk-forward, for the Dagster page and for readers without scripts."""

from __future__ import annotations

import io

import numpy as np

from quant_lib.backtest.metrics import drawdown
from quant_lib.report.figures import BENCHMARK_COLOUR, series_styles
from quant_lib.report.inputs import ReportInputs

_LINES = {"solid": "-", "dash": "--", "dashdot": "-.", "longdash": (0, (8, 3))}


def equity_png(inputs: ReportInputs) -> bytes:
    """Net asset value and drawdown as a PNG of at most about 60 kB (it is stored in the event log)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.9), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1.0])
    for style, (name, returns) in zip(series_styles(), inputs.series().items(), strict=False):
        top.plot(
            returns.index,
            np.cumprod(1.0 + returns.to_numpy()),
            color=style["color"],
            ls=_LINES[style["dash"]],
            lw=1.3,
            label=name,
        )
        bottom.plot(
            returns.index, 100.0 * drawdown(returns.to_numpy()), color=style["color"], ls=_LINES[style["dash"]], lw=1.0
        )
    if len(inputs.benchmark):
        growth = np.cumprod(1.0 + inputs.benchmark.to_numpy())
        top.plot(inputs.benchmark.index, growth, color=BENCHMARK_COLOUR, lw=1.0, ls=":", label=inputs.benchmark_name)
    top.set_yscale("log")
    top.set_ylabel("NAV")
    top.set_title(f"{inputs.profile}, walk-forward to {inputs.date:%Y-%m-%d}, after costs", fontsize=10, loc="left")
    top.legend(fontsize=7, ncols=2, frameon=False)
    bottom.set_ylabel("drawdown %")
    for axis in (top, bottom):
        axis.grid(alpha=0.25)
        axis.tick_params(labelsize=7)
    buffer = io.BytesIO()
    # No software or date in the file: equal inputs give equal bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
