"""A small static picture of the walk-forward, for the Dagster page and for readers without scripts."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from quant_lib.backtest.metrics import drawdown
from quant_lib.report.figures import BENCHMARK_COLOUR, styles_of
from quant_lib.report.inputs import ReportInputs

_COLOURS = 96
_LINES = {
    "solid": "-",
    "dash": "--",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 1, 3)),
    "dot": (0, (1, 2)),
}


def equity_png(inputs: ReportInputs) -> bytes:
    """Net asset value and drawdown as a PNG of at most about 60 kB (it is stored in the event log)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, NullLocator

    figure = Figure(figsize=(7.2, 4.3), dpi=80, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1.0])
    for style, (name, returns) in zip(styles_of(inputs.returns), inputs.series().items(), strict=True):
        top.plot(
            returns.index,
            np.cumprod(1.0 + returns.to_numpy()),
            color=style.colour,
            ls=_LINES[style.dash],
            lw=1.3,
            label=name,
        )
        bottom.plot(
            returns.index, 100.0 * drawdown(returns.to_numpy()), color=style.colour, ls=_LINES[style.dash], lw=1.0
        )
    if len(inputs.benchmark):
        growth = np.cumprod(1.0 + inputs.benchmark.to_numpy())
        top.plot(inputs.benchmark.index, growth, color=BENCHMARK_COLOUR, lw=1.0, ls=":", label=inputs.benchmark_name)
    top.set_yscale("log")
    # A year rarely spans a power of ten: ticks of the powers alone would leave the axis without one.
    top.yaxis.set_major_locator(MaxNLocator(5))
    top.yaxis.set_minor_locator(NullLocator())
    top.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    top.set_ylabel("NAV")
    title = f"{inputs.profile}, walk-forward to {inputs.date:%Y-%m-%d}, after costs; {inputs.stamp}"
    top.set_title(title, fontsize=10, loc="left")
    # Below the plot: the names of three engines would cover the lines.
    figure.legend(*top.get_legend_handles_labels(), fontsize=7, ncols=4, frameon=False, loc="outside lower left")
    bottom.set_ylabel("drawdown %")
    for axis in (top, bottom):
        axis.grid(alpha=0.25)
        axis.tick_params(labelsize=7)
    return _compressed(canvas)


def _compressed(canvas: Any) -> bytes:
    """Lay the picture out in few colours: a third of the bytes, and equal inputs give equal bytes."""
    from PIL import Image

    canvas.draw()
    buffer = io.BytesIO()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
