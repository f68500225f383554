"""Plotly figures of the tear sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from quant_lib.backtest.metrics import drawdown
from quant_lib.report.funnel import funnel_figure, funnel_steps
from quant_lib.report.inputs import UNKNOWN, ReportInputs, labelled

if TYPE_CHECKING:
    import plotly.graph_objects as go

PALETTE = (
    *("#2563eb", "#ea580c", "#059669", "#9333ea", "#dc2626", "#0891b2"),
    *("#ca8a04", "#4b5563", "#db2777", "#65a30d", "#1e3a8a", "#92400e"),
)
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot", "dot")
PATTERNS = ("", "/", ".", "x", "+", "-")
BENCHMARK_COLOUR = "#9ca3af"
STAMP_COLOUR = "#b45309"


def _figure(title: str, **layout: Any) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "x": 0.0, "font": {"size": 15}},
        template="plotly_white",
        margin={"l": 55, "r": 15, "t": 45, "b": 70},
        height=layout.pop("height", 340) + 35,
        font={"family": "system-ui, sans-serif", "size": 12},
        # Below the plot: eight names wrap to several lines, and above it they would cover the data.
        legend={"orientation": "h", "y": -0.12, "yanchor": "top", "x": 0.0, "xanchor": "left"},
        hovermode=layout.pop("hovermode", "x unified"),
        **layout,
    )
    return figure


def _lines(figure: go.Figure, inputs: ReportInputs, transform: Any, *, benchmark: bool = True) -> go.Figure:
    for style, (name, returns) in zip(styles_of(inputs.returns), inputs.series().items(), strict=True):
        line = {"color": style.colour, "dash": style.dash, "width": 1.8}
        figure.add_scatter(x=list(returns.index), y=transform(returns), name=name, line=line)
    if benchmark and len(inputs.benchmark):
        figure.add_scatter(
            x=list(inputs.benchmark.index),
            y=transform(inputs.benchmark),
            name=inputs.benchmark_name,
            line={"color": BENCHMARK_COLOUR, "width": 1.2, "dash": "dot"},
        )
    return figure


@dataclass(frozen=True, slots=True)
class Style:
    """How one risk profile of one engine is drawn."""

    colour: str
    dash: str
    pattern: str


def styles_of(rows: pd.DataFrame) -> list[Style]:
    """One colour for each risk profile, one dash for each engine that solved it.

    Engines that agree lie on one another: the dashes show whose line is covered.
    There are colours for every risk profile and dashes for every engine.

    Parameters
    ----------
    rows : DataFrame
        With ``engine`` and ``risk_profile``.

    Returns
    -------
    list of Style
        In the order of `labelled`.
    """
    pairs = sorted(
        {(str(risk), str(engine)) for risk, engine in zip(rows["risk_profile"], rows["engine"], strict=True)}
    )
    profiles = sorted({risk for risk, _ in pairs})
    engines = {risk: [engine for other, engine in pairs if other == risk] for risk in profiles}
    return [
        Style(
            PALETTE[profiles.index(risk) % len(PALETTE)],
            DASHES[engines[risk].index(engine) % len(DASHES)],
            PATTERNS[engines[risk].index(engine) % len(PATTERNS)],
        )
        for risk, engine in pairs
    ]


def wealth(returns: pd.Series) -> list[float]:
    """Growth of one unit of capital."""
    return [float(x) for x in np.cumprod(1.0 + returns.to_numpy())]


def equity(inputs: ReportInputs) -> go.Figure:
    """Net asset value of every risk profile and the benchmark, log scale."""
    figure = _figure("Net asset value, walk-forward, after costs (log scale)", height=400)
    figure.update_yaxes(type="log", title="multiple of capital")
    return _lines(figure, inputs, wealth)


def drawdowns(inputs: ReportInputs) -> go.Figure:
    """Drawdown from the running peak."""
    figure = _figure("Drawdown", height=280)
    figure.update_yaxes(tickformat=".0%")
    return _lines(figure, inputs, lambda r: [float(x) for x in drawdown(r.to_numpy())])


def rolling_volatility(inputs: ReportInputs, days: int = 60) -> go.Figure:
    """Annualised volatility over trailing sessions."""
    figure = _figure(f"Volatility, trailing {days} sessions, annualised", height=280)
    figure.update_yaxes(tickformat=".0%")
    scale = float(np.sqrt(inputs.ann))
    return _lines(figure, inputs, lambda r: list(r.rolling(days).std() * scale))


def funnel(inputs: ReportInputs) -> go.Figure:
    """Symbols left and lost at every discovery step, then under vetoes, then recruited."""
    figure = _figure("From every symbol to the recruited, on the decision date", hovermode="closest")
    return funnel_figure(funnel_steps(inputs.funnel, inputs.drops, inputs.selection), figure)


def universe(inputs: ReportInputs) -> go.Figure:
    """Known symbols, candidates and recruited per window."""
    figure = _figure("Universe at each decision of the walk-forward", height=280)
    for colour, (column, name) in zip(
        PALETTE, [("n_known", "known"), ("n_candidates", "candidates"), ("n_selected", "recruited")], strict=False
    ):
        figure.add_scatter(
            x=list(inputs.windows["decided_on"]),
            y=[int(n) for n in inputs.windows[column]],
            name=name,
            line={"color": colour, "shape": "hv"},
        )
    return figure


def monthly(inputs: ReportInputs) -> go.Figure:
    """Monthly returns of every risk profile as a heat map."""
    import plotly.graph_objects as go

    def by_month(r: pd.Series) -> pd.Series:
        return (1.0 + r).groupby(pd.DatetimeIndex(r.index).strftime("%Y-%m")).prod() - 1.0

    table = pd.DataFrame({name: by_month(r) for name, r in inputs.series().items()})
    figure = _figure("Monthly returns", height=110 + 34 * len(table.columns), hovermode="closest")
    limit = float(np.nanquantile(table.abs().to_numpy(), 0.98)) or 0.01
    figure.add_trace(
        go.Heatmap(
            x=list(table.index),
            y=list(table.columns),
            z=table.T.to_numpy().tolist(),
            zmid=0.0,
            zmin=-limit,
            zmax=limit,
            colorscale="RdYlGn",
            hovertemplate="%{x} %{y}: %{z:.1%}<extra></extra>",
            colorbar={"tickformat": ".0%"},
        )
    )
    figure.update_yaxes(automargin=True, autorange="reversed")
    return figure


def positions(inputs: ReportInputs) -> go.Figure:
    """Net weights decided on the date, per risk profile and engine.

    The baseline ``market`` holds one symbol with all capital and would flatten the rest: it is in the table.
    """
    title = "Net weights decided on the date (without the baseline market)"
    figure = _figure(title, height=520, hovermode="closest", barmode="group")
    own = inputs.positions[inputs.positions["risk_profile"] != "market"]
    largest = own["net_weight"].abs().groupby(own["symbol"]).sum()
    order = [str(symbol) for symbol in largest.sort_index().sort_values(ascending=False, kind="stable").index]
    for style, (name, rows) in zip(styles_of(own), labelled(own), strict=True):
        figure.add_bar(
            x=list(rows["symbol"]),
            y=[float(w) for w in rows["net_weight"]],
            name=name,
            marker={"color": style.colour, "pattern": {"shape": style.pattern}},
        )
    # Whole names, upright, and the legend above them: below, it would lie over the names.
    figure.update_xaxes(categoryorder="array", categoryarray=order, tickangle=-90, automargin=True)
    figure.update_yaxes(tickformat=".0%")
    figure.update_layout(legend={"y": 1.02, "yanchor": "bottom"}, margin={"t": 110})
    return figure


def all_figures(inputs: ReportInputs) -> list[tuple[str, go.Figure]]:
    """Return every figure with its anchor, in reading order, each stamped with how its universe is known."""
    figures = [
        ("equity", equity(inputs)),
        ("drawdown", drawdowns(inputs)),
        ("monthly", monthly(inputs)),
        ("volatility", rolling_volatility(inputs)),
        ("weights", positions(inputs)),
        ("funnel", funnel(inputs)),
        ("universe", universe(inputs)),
    ]
    colour = STAMP_COLOUR if inputs.survivorship == UNKNOWN else BENCHMARK_COLOUR
    for _, figure in figures:
        # Part of the title: a picture that is copied out of the page keeps it.
        text = f'{figure.layout.title.text} <span style="font-size:11px;color:{colour}">{inputs.stamp}</span>'
        figure.update_layout(title_text=text)
    return figures
