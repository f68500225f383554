"""From every known symbol to the recruited: how many are left after each rule, and which rule took the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import plotly.graph_objects as go

LEFT, RECRUITED, LOST = "#2563eb", "#059669", "#d1d5db"
_SHOWN = 6
_LONGEST = 36


@dataclass(frozen=True)
class FunnelStep:
    """What one rule leaves.

    Attributes
    ----------
    name : str
        Rule.
    left, lost : int
        Symbols after it, and taken by it.
    reasons : tuple of (str, int)
        Why, most frequent first, ties by name. Vetoes overlap: their counts may
        add up to more than was lost.
    """

    name: str
    left: int
    lost: int
    reasons: tuple[tuple[str, int], ...] = ()


def funnel_steps(funnel: pd.DataFrame, drops: pd.DataFrame, selection: pd.DataFrame) -> list[FunnelStep]:
    """Follow the symbols of a decision date through discovery, hard vetoes and recruitment by stage.

    Parameters
    ----------
    funnel : DataFrame
        Rows of ``candidate_funnel``.
    drops : DataFrame
        Columns step, reason, n.
    selection : DataFrame
        Rows of ``selection``.
    """
    steps = []
    ordered = funnel.sort_values("step_no")
    columns = [ordered[name].tolist() for name in ("step", "rule", "rows_in", "rows_out")]
    for step, rule, before, after in zip(*columns, strict=True):
        own = drops[drops["step"] == step]
        why = Counter[str]()
        for reason, n in zip(own["reason"].tolist(), own["n"].tolist(), strict=True):
            why[str(reason)] += int(n)
        steps.append(FunnelStep(_label(str(step), str(rule)), int(after), int(before) - int(after), _ranked(why)))
    passed = selection[selection["vetoes"].eq("")]
    steps.append(FunnelStep("no hard veto", len(passed), len(selection) - len(passed), _counted(selection["vetoes"])))
    recruited = selection[selection["selected"].astype(bool)]
    for stage in sorted(set(recruited["stage"])):
        within = int((recruited["stage"] <= stage).sum())
        steps.append(FunnelStep(f"recruited by stage {stage}", within, 0))
    turned_away = passed[~passed["selected"].astype(bool)]
    soft = _counted(turned_away["soft_vetoes"]) if "soft_vetoes" in turned_away else ()
    steps.append(FunnelStep("recruited", len(recruited), len(turned_away), soft))
    return steps


def _label(step: str, rule: str) -> str:
    """Name of a step; a scanner's own filters have only numbers, so their rule says what they are."""
    words = rule if len(rule) <= _LONGEST else f"{rule[: _LONGEST - 1]}…"
    return f"{step}: {words}" if step.startswith("filter_") else step


def _counted(vetoes: pd.Series) -> tuple[tuple[str, int], ...]:
    return _ranked(Counter(name.strip() for text in vetoes for name in str(text).split(",") if name.strip()))


def _ranked(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def funnel_figure(steps: list[FunnelStep], figure: go.Figure) -> go.Figure:
    """Draw the funnel into an empty figure: what is left in colour, what a rule took in grey, with its reasons."""
    names = [step.name for step in steps]
    colours = [RECRUITED if name.startswith("recruited") else LEFT for name in names]
    said = ["<br>".join(f"{n} {name}" for name, n in step.reasons[:_SHOWN]) or "nothing lost" for step in steps]
    figure.add_bar(
        y=names,
        x=[step.left for step in steps],
        name="left",
        orientation="h",
        text=[str(step.left) for step in steps],
        marker={"color": colours},
        hovertemplate="%{y}: %{x} left<extra></extra>",
    )
    figure.add_bar(
        y=names,
        x=[step.lost for step in steps],
        name="taken by the rule",
        orientation="h",
        text=[f"−{step.lost}" if step.lost else "" for step in steps],
        customdata=said,
        marker={"color": LOST},
        hovertemplate="%{y}: %{x} lost<br>%{customdata}<extra></extra>",
    )
    figure.update_layout(barmode="stack", height=90 + 28 * len(steps))
    figure.update_yaxes(automargin=True, autorange="reversed")
    figure.update_xaxes(title="symbols")
    return figure
