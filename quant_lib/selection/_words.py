"""Why a candidate is in or out, and what would change that, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from quant_lib.selection.relaxation import STAGES
from quant_lib.selection.rules import SelectionRules
from quant_lib.wording import figure


class Verdict(NamedTuple):
    """What the words about one candidate are made of."""

    symbol: str
    logic: str
    direction: str
    base_identity: str
    alpha_score: float
    cluster: float
    rank: int
    stage: int
    selected: bool
    blocked_by: str
    rank_gap: int
    rank_score: float
    score_needed: float


class Held(Protocol):
    """A veto that holds for a candidate: a row of ``SELECTION_VETOES``."""

    @property
    def veto(self) -> str:
        """Rule."""

    @property
    def kind(self) -> str:
        """``hard`` or ``soft``."""

    @property
    def value(self) -> float:
        """What was judged, NaN where the rule judges no figure."""

    @property
    def threshold(self) -> float:
        """Limit, NaN where the rule has none."""

    @property
    def note(self) -> str:
        """The finding in words."""


def reason_of(
    row: Verdict,
    own: Sequence[Held],
    rival: str,
    groups: Mapping[tuple[int, str], list[Verdict]],
    rules: SelectionRules,
) -> str:
    """Say why a candidate is in or out.

    Parameters
    ----------
    row : Verdict
        The candidate.
    own : sequence of Held
        Vetoes that hold for it.
    rival : str
        Symbol whose place it would take, empty where there is none.
    groups : Groups
        Winners.
    rules : SelectionRules
        Most winners.
    """
    notes = "; ".join(f"{one.veto} ({one.note})" for one in own)
    if row.rank == 0:
        return f"vetoed: {notes}"
    place = f"score {row.alpha_score:.6g}, rank {row.rank}, cluster {row.cluster:.0f}"
    group = groups.get((int(row.cluster), row.direction), [])
    if row.selected:
        seat = 1 + sum(one.rank < row.rank for one in group)
        spite = f", in spite of {notes}" if notes else ""
        stage = f"stage {row.stage} ({STAGES[row.stage - 1]})"
        return f"{place}: recruited as {seat} in the cluster, {row.direction}, at {stage}{spite}"
    if row.blocked_by in ("soft", "quota"):
        return f"{place}: vetoed: {notes}"
    if row.blocked_by == "listing":
        return f"{place}: another listing of {row.base_identity} ranks higher, {rival or 'not recruited itself'}"
    if row.blocked_by == "cap":
        return f"{place}: beyond the cap of {rules.max_winners} winners"
    ahead = ", ".join(f"{one.symbol} ({one.rank_score:.6g})" for one in group)
    return f"{place}: outranked in cluster {row.cluster:.0f} by {ahead}"


def way_in(row: Verdict, own: Sequence[Held], rival: str) -> str:
    """Say what would have to be different for the row to be selected."""
    if row.selected:
        return ""
    binding = [one for one in own if one.kind == "hard" and one.veto != "percentile"] or [
        one for one in own if one.kind == "soft" and row.blocked_by == "soft"
    ]
    steps = [f"clear {limit_of(one)}" for one in binding]
    if row.rank == 0:
        return "; ".join([*steps, "then be scored and ranked"])
    if row.rank_gap > 0:
        above = f" above {rival}" if rival and row.blocked_by != "quota" else ""
        places = f"{row.rank_gap} place" + ("s" if row.rank_gap > 1 else "")
        steps.append(f"climb {places}{above}: rank by more than {row.score_needed:.6g}, now {row.rank_score:.6g}")
    elif row.blocked_by == "listing":
        steps.append(f"be the listing of {row.base_identity} that is recruited")
    elif row.blocked_by in ("seat", "cap"):
        steps.append("have been admitted at the stage whose winners took its place")
    return "; ".join(steps)


def limit_of(one: Held) -> str:
    """Name a veto with its figure and limit, or with its note where it judges no figure."""
    if math.isnan(one.value) or math.isnan(one.threshold):
        return f"{one.veto} ({one.note})"
    return f"{one.veto} ({figure(one.value)}, limit {figure(one.threshold)})"
