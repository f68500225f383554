"""Page of the regime study: tables only, nothing loaded."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Hashable, Mapping

import pandas as pd

_HEAD = ("horizon", "state", "days", "episodes", "mean", "95 % interval", "rose", "95 % interval ")


def study_page(rows: pd.DataFrame, date: dt.date) -> dict[str, str]:
    """Lay the study out as ``regime_study.html`` and ``regime_study.md``, from the same cells.

    Parameters
    ----------
    rows : DataFrame
        Rows of the ``regime_study`` table of the date.
    date : datetime.date
        Date of the study.
    """
    title = f"What followed each market regime, up to {date}"
    note = "Intervals are of a circular block bootstrap with blocks of twice the horizon; none below 20 days."
    marks, texts = [], []
    for key, part in rows.groupby(["proxy", "classification"], sort=True):
        name = f"{key[0]}, by {key[1]}"
        cells = [_cells(row) for row in part.to_dict("records")]
        marks.append(f"<h2>{html.escape(name)}</h2><table><tr>{_html_row(_HEAD, 'th')}</tr>")
        marks.append("".join(f"<tr>{_html_row(row, 'td')}</tr>" for row in cells) + "</table>")
        lines = [f"## {name}", "", "| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
        texts += [*lines, *("| " + " | ".join(row) + " |" for row in cells), ""]
    style = "body{font:15px system-ui;max-width:960px;margin:2em auto}td,th{padding:4px 10px;text-align:right}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style></head>"
        f"<body><h1>{title}</h1><p>{note}</p>{''.join(marks)}</body></html>\n"
    )
    return {"regime_study.html": page, "regime_study.md": f"# {title}\n\n{note}\n\n" + "\n".join(texts)}


def _html_row(cells: tuple[str, ...], tag: str) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)


def _cells(row: Mapping[Hashable, object]) -> tuple[str, ...]:
    mean, win = (_interval(row, name) for name in ("mean", "win"))
    counts = (str(row["horizon"]), str(row["state"]), str(row["n"]), str(row["episodes"]))
    return (*counts, _percent(row["mean"]), mean, _percent(row["win_rate"]), win)


def _interval(row: Mapping[Hashable, object], name: str) -> str:
    low, high = _percent(row[f"{name}_low"]), _percent(row[f"{name}_high"])
    return "–" if low == "–" else f"{low} to {high}"


def _percent(value: object) -> str:
    return "–" if not isinstance(value, float) or value != value else f"{value:.1%}"
