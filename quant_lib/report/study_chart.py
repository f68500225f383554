"""Chart of the regime study: mean forward returns with their intervals, one panel a horizon, as inline SVG."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

_ROW, _TOP, _LABEL, _PANEL, _GAP = 22, 34, 216, 230, 24
_BESIDE = 50
"""Room the numbers at both ends of a scale need."""
_INK, _FAINT = "#1b1f24", "#c9ced6"
_COLOURS = {"LONG": "#0b6e4f", "SHORT": "#b3261e", "": "#5b6470"}


def study_chart(rows: pd.DataFrame) -> str:
    """Draw means and 95 % intervals by state, regimes above quadrants.

    Parameters
    ----------
    rows : DataFrame
        Rows of ``regime_study`` of one proxy and basket.

    Returns
    -------
    str
        An ``svg`` element that loads nothing. A state without an interval is a
        hollow dot; one whose interval holds nothing is grey.
    """
    states = list(dict.fromkeys(zip(rows["classification"], rows["state"], strict=True)))
    states.sort(key=lambda pair: (pair[0] != "regime", pair[1] == "ALL", pair[1]))
    horizons = sorted(set(rows["horizon"]))
    width = _LABEL + len(horizons) * (_PANEL + _GAP)
    height = _TOP + _ROW * len(states) + 30
    marks = [_text(4, _TOP + _ROW * at + 15, f"{name}: {state}") for at, (name, state) in enumerate(states)]
    for at, horizon in enumerate(horizons):
        own = rows[rows["horizon"] == horizon].set_index(["classification", "state"])
        marks += _panel(own, states, _LABEL + at * (_PANEL + _GAP), f"{horizon} sessions ahead")
    title = "Mean forward return by state with its 95 % interval"
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {width} {height}" width="100%" '
        f'font-family="system-ui" font-size="12" fill="{_INK}"><title>{title}</title>{"".join(marks)}</svg>'
    )


def _panel(rows: pd.DataFrame, states: list[tuple[str, str]], left: float, title: str) -> list[str]:
    """Dots and lines of one horizon, on a scale of its own that holds every interval and nothing."""
    ends = rows[["mean", "mean_low", "mean_high"]].astype("float64")
    low, high = min(0.0, float(ends.min().min())), max(0.0, float(ends.max().max()))
    span = (high - low) or 1.0

    def across(value: float) -> float:
        return left + 6 + (_PANEL - 12) * (value - low) / span

    bottom = _TOP + _ROW * len(states)
    marks = [_text(left, 14, title, weight=600), _line(across(0.0), _TOP - 6, across(0.0), bottom, _FAINT)]
    by_state: dict[Any, dict[Any, Any]] = dict(zip(rows.index, rows.to_dict("records"), strict=True))
    for at, state in enumerate(states):
        row, y = by_state.get(state), _TOP + _ROW * at + 11
        if row is None or row["mean"] is None or row["mean"] != row["mean"]:
            continue
        colour, known = _COLOURS[row["leans"]], row["mean_low"] is not None and row["mean_low"] == row["mean_low"]
        if known:
            marks.append(_line(across(row["mean_low"]), y, across(row["mean_high"]), y, colour, 2.5))
        words = html.escape(f"{state[1]}: {row['mean']:.1%} over {row['n']} days")
        dot = f'<circle cx="{across(row["mean"]):.1f}" cy="{y}" r="4" fill="{colour if known else "none"}"'
        marks.append(f'{dot} stroke="{colour}"><title>{words}</title></circle>')
    if min(across(0.0) - left, left + _PANEL - across(0.0)) > _BESIDE:
        marks.append(_text(across(0.0), bottom + 18, "0", "middle"))
    return [*marks, _text(left, bottom + 18, f"{low:.1%}"), _text(left + _PANEL, bottom + 18, f"{high:.1%}", "end")]


def _text(x: float, y: float, words: str, anchor: str = "start", *, weight: int = 400) -> str:
    words = html.escape(words)
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{words}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1.0) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'
