"""Page of the regime study: charts and tables, nothing loaded."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from quant_lib.report.study_chart import study_chart

_HEAD = (
    "horizon",
    "state",
    "days",
    "episodes",
    "mean",
    "95 % interval",
    "leans",
    "rose",
    "95 % interval ",
    "5 %",
    "median",
    "95 %",
)
_NEXT = '<tr class="next">'
"""First row of the next horizon."""


def study_page(rows: pd.DataFrame, date: dt.date, left_out: Sequence[str] = ()) -> dict[str, str]:
    """Lay the study out as ``regime_study.html`` and ``regime_study.md``, from the same cells.

    Parameters
    ----------
    rows : DataFrame
        Rows of the ``regime_study`` table of the date.
    date : datetime.date
        Date of the study.
    left_out : sequence of str
        Why a proxy or a basket has no rows.
    """
    title = f"What followed each market regime, up to {date}"
    note = (
        "Intervals are of a circular block bootstrap with blocks of twice the horizon; none below 20 days. A state "
        "leans to a side where the whole interval of the mean lies on it; with so many states some do by chance. "
        "Rose: share of days after which the price was higher so many sessions later; the last three columns are "
        "quantiles of the return."
    )
    note += "".join(f" Left out: {reason}." for reason in left_out)
    marks, texts = [], []
    for (proxy, basket), both in rows.groupby(["proxy", "basket"], sort=False):
        held = f"{basket}, by the market {proxy}"
        marks.append(f"<h2>{html.escape(held)}</h2>{study_chart(both)}")
        texts += [f"## {held}", ""]
        for name, part in both.groupby("classification", sort=True):
            cells = [_cells(row) for row in part.to_dict("records")]
            marks.append(f"<h3>By {name}</h3><table><tr>{_html_row(_HEAD, 'th')}</tr>")
            starts = [at > 0 and row[0] != cells[at - 1][0] for at, row in enumerate(cells)]
            marks += [
                f"{_NEXT if new else '<tr>'}{_html_row(row, 'td')}</tr>" for row, new in zip(cells, starts, strict=True)
            ]
            marks.append("</table>")
            lines = [f"### By {name}", "", "| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
            texts += [*lines, *("| " + " | ".join(row) + " |" for row in cells), ""]
    style = (
        "body{font:15px system-ui;max-width:1080px;margin:2em auto;padding:0 1em}table{border-collapse:collapse}"
        "td,th{padding:3px 9px;text-align:right;white-space:nowrap}td:nth-child(2),th:nth-child(2){text-align:left}"
        "tr.next td{border-top:1px solid #d1d5db}"
    )
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style></head>"
        f"<body><h1>{title}</h1><p>{html.escape(note)}</p>{''.join(marks)}</body></html>\n"
    )
    return {"regime_study.html": page, "regime_study.md": f"# {title}\n\n{note}\n\n" + "\n".join(texts)}


def _html_row(cells: tuple[str, ...], tag: str) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)


def _cells(row: Mapping[Hashable, object]) -> tuple[str, ...]:
    mean, win = (_interval(row, name) for name in ("mean", "win"))
    counts = (str(row["horizon"]), str(row["state"]), str(row["n"]), str(row["episodes"]))
    spread = (_percent(row[name]) for name in ("p05", "median", "p95"))
    return (*counts, _percent(row["mean"]), mean, str(row["leans"]) or "–", _percent(row["win_rate"]), win, *spread)


def _interval(row: Mapping[Hashable, object], name: str) -> str:
    low, high = _percent(row[f"{name}_low"]), _percent(row[f"{name}_high"])
    return "–" if low == "–" else f"{low} to {high}"


def _percent(value: object) -> str:
    return "–" if not isinstance(value, float) or value != value else f"{value:.1%}"
