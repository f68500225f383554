"""Tables of the tear sheet as plain rows of text, so that HTML and Markdown say the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from quant_lib.report.inputs import ReportInputs, names_of

_SHOWN = (
    ("total_return", "Total return", "percent"),
    ("annualized_return", "Annual return", "percent"),
    ("annualized_vol", "Annual volatility", "percent"),
    ("sharpe", "Sharpe", "ratio"),
    ("sortino", "Sortino", "ratio"),
    ("max_drawdown", "Max drawdown", "percent"),
    ("calmar", "Calmar", "ratio"),
    ("win_rate", "Winning days", "percent"),
    ("cvar_95", "CVaR 95 %, daily", "percent"),
    ("annual_turnover", "Turnover a year, one-way", "multiple"),
    ("annual_cost", "Cost a year", "percent"),
    ("beta", "Beta to benchmark", "ratio"),
    ("forced_exits", "Forced exits", "count"),
)


@dataclass(frozen=True)
class Table:
    """A titled table of text cells; the first column is the row label."""

    anchor: str
    title: str
    header: list[str]
    rows: list[list[str]]
    note: str = ""


def show(value: float | None, kind: str) -> str:
    """Format a figure; what is not defined shows as a dash, never as zero."""
    if value is None or not math.isfinite(value):
        return "–"
    if kind == "percent":
        return f"{value:.2%}"
    if kind == "count":
        return f"{value:.0f}"
    return f"{value:.1f}x" if kind == "multiple" else f"{value:.2f}"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:,.4g}"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return str(value)


def _plain(anchor: str, title: str, frame: pd.DataFrame, note: str = "") -> Table:
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
    return Table(anchor, title, [str(name).replace("_", " ") for name in frame.columns], rows, note)


def metrics_table(inputs: ReportInputs) -> Table:
    """Metrics by risk profile."""
    wide = _by_profile(inputs.metrics, "metric", "value")
    rows = [
        [label, *(show(float(v), kind) for v in wide.loc[name].to_numpy(dtype="float64"))]
        for name, label, kind in _SHOWN
        if name in wide.index
    ]
    header = ["", *_labels(wide.columns)]
    note = "Stitched out-of-sample sessions, net of costs; zero risk-free rate; figures are not clipped."
    return Table("metrics", "Performance", header, rows, note)


def _allocation_table(inputs: ReportInputs) -> Table:
    columns = [
        "risk_profile",
        "engine",
        "solved_profile",
        "backend",
        "status",
        "n_assets",
        "gross",
        "net",
        "cash",
        "effective_n",
        "kappa",
        "shrinkage",
    ]
    ordered = inputs.allocations.sort_values(["risk_profile", "engine"], kind="stable")[columns]
    # What is left of a sum of weights by rounding is no cash.
    shown = ordered.assign(**{name: ordered[name].round(9) + 0.0 for name in ("gross", "net", "cash")})
    return _plain("allocations", "How the weights were solved", shown)


def _positions_table(inputs: ReportInputs) -> Table:
    wide = _by_profile(inputs.positions, "symbol", "net_weight")
    own = wide.drop(columns=[pair for pair in wide.columns if pair[0] == "market"])
    order = own.abs().sum(axis=1).sort_values(ascending=False, kind="stable").index
    rows = [[str(symbol), *("–" if pd.isna(w) else f"{w:+.2%}" for w in wide.loc[symbol])] for symbol in order]
    note = "Fractions of capital, short below zero; a dash is no position."
    return Table("positions", "Positions decided on the date", ["symbol", *_labels(wide.columns)], rows, note)


def _by_profile(rows: pd.DataFrame, index: str, values: str) -> pd.DataFrame:
    """Columns by risk profile, then engine, as every figure has them."""
    return rows.pivot(index=index, columns=["risk_profile", "engine"], values=values).sort_index(axis=1)


def _labels(pairs: pd.Index) -> list[str]:
    return names_of([(str(profile), str(engine)) for profile, engine in pairs])


def _selection_table(inputs: ReportInputs) -> Table:
    frame = inputs.selection.sort_values(["selected", "alpha_score", "symbol"], ascending=[False, False, True])
    columns = [
        "symbol",
        "selected",
        "rank",
        "cluster",
        "alpha_score",
        "recommend_all",
        "adx",
        "momentum",
        "volatility",
        "reason",
    ]
    return _plain("selection", "Every candidate and why it was or was not recruited", frame[columns])


def _windows_table(inputs: ReportInputs) -> Table:
    columns = [
        "window",
        "decided_on",
        "test_end",
        "n_known",
        "n_candidates",
        "n_vetoed",
        "n_selected",
        "stage",
        "sparse",
    ]
    return _plain("windows", "Walk-forward windows", inputs.windows[columns])


def all_tables(inputs: ReportInputs) -> list[Table]:
    """Return every table but the metrics, in reading order."""
    return [
        _positions_table(inputs),
        _allocation_table(inputs),
        _plain(
            "funnel-table",
            "Discovery funnel",
            inputs.funnel.sort_values("step_no")[["step", "rows_in", "rows_out", "rule"]],
        ),
        _plain("drops", "What was dropped, by rule", inputs.drops),
        _selection_table(inputs),
        _windows_table(inputs),
        _plain(
            "foundation",
            "Pinned versions this decision read",
            inputs.foundation.sort_values("table_name")[
                ["table_name", "version", "rows", "newest_date", "content_hash"]
            ],
        ),
    ]
