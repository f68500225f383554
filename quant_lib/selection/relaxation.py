"""Recruitment in stages: strict first, then only as much relaxation as the floor needs (semantics 5.8 [B]).

Stage 1 takes what passes every veto. Stage 2 relaxes the spectral thresholds, stage 3 gives each cluster
without a winner its best member, stage 4 fills up to the floor by rank. Whoever won at a stricter stage stays.
Rows given here carry no hard veto: no stage readmits one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quant_lib.selection._errors import ContradictoryRulesError

__all__ = ["FINAL_STAGE", "STAGES", "Field", "Recruitment", "Seating", "recruit"]

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

STAGES = ("strict", "spectral", "cluster floor", "alpha fallback")
"""Names of the stages, from 1."""
STRICT, SPECTRAL, CLUSTER_FLOOR, FALLBACK = 1, 2, 3, 4
FINAL_STAGE = FALLBACK


@dataclass(frozen=True, kw_only=True)
class Seating:
    """How many may win.

    Parameters
    ----------
    seats : int array of shape (n,)
        Seats of the cluster and side each row belongs to.
    min_winners, max_winners : int
        Floor that relaxation works towards, and cap no stage exceeds.
    max_stage : int
        Last stage that is tried, 1 to 4.
    quota : callable, optional
        Places for n admissible rows (percentile filter); all of them by default.
    """

    seats: Codes
    min_winners: int
    max_winners: int
    max_stage: int = FINAL_STAGE
    quota: Callable[[int], int] | None = None

    def __post_init__(self) -> None:
        if not STRICT <= self.max_stage <= FINAL_STAGE:
            raise ContradictoryRulesError("max_stage", f"{self.max_stage} is outside [{STRICT}, {FINAL_STAGE}]")


@dataclass(frozen=True, kw_only=True)
class Field:
    """The ranked candidates, best first, as arrays of shape (n,).

    Parameters
    ----------
    identity : int
        What another listing of the same base shares.
    group : int
        Cluster and side: what shares seats.
    cluster : int
    soft : bool
        A soft veto holds as configured.
    soft_relaxed : bool
        A soft veto holds with the spectral thresholds relaxed.
    ordered : bool
        Not so random that even the cluster floor refuses it.
    """

    identity: Codes
    group: Codes
    cluster: Codes
    soft: Mask
    soft_relaxed: Mask
    ordered: Mask


@dataclass(frozen=True)
class Recruitment:
    """Who won, and what stood in the way of the others.

    Parameters
    ----------
    stage : int array of shape (n,)
        Stage that recruited the row; 0 where none did.
    reached : int
        Last stage tried.
    blocked : array of str of shape (n,)
        Empty for winners; ``soft``, ``quota``, ``listing``, ``seat`` or ``cap`` for the others.
    rival : int array of shape (n,)
        Row that has the place: the better listing, or the last winner of the group or of all; -1 where nobody has.
    quota : int
        Places the percentile filter left at the last stage; the number of admissible rows without one.
    """

    stage: Codes
    reached: int
    blocked: npt.NDArray[np.object_]
    rival: Codes
    quota: int


class _Table:
    """Winners so far."""

    def __init__(self, field: Field, seating: Seating) -> None:
        self.field, self.seating = field, seating
        n = len(field.identity)
        self.stage = np.zeros(n, dtype="int64")
        self.blocked = np.full(n, "soft", dtype=object)
        self.listed: dict[int, int] = {}
        self.taken: dict[int, int] = {}
        self.quota = 0

    @property
    def winners(self) -> int:
        return int(np.count_nonzero(self.stage))

    @property
    def short(self) -> bool:
        return self.winners < self.seating.min_winners

    def take(self, row: int, stage: int) -> None:
        self.stage[row] = stage
        self.blocked[row] = ""
        self.listed[int(self.field.identity[row])] = row
        group = int(self.field.group[row])
        self.taken[group] = self.taken.get(group, 0) + 1

    def admitted(self, admissible: Mask) -> list[int]:
        """Rows the quota leaves of the admissible, best first."""
        rows = np.flatnonzero(admissible)
        self.quota = len(rows) if self.seating.quota is None else self.seating.quota(len(rows))
        for row in rows[self.quota :]:
            if not self.stage[row]:
                self.blocked[row] = "quota"
        return [int(row) for row in rows[: self.quota]]

    def seat(self, admissible: Mask, stage: int) -> None:
        """Walk down the ranking: best listing of each base, best few of each group, the cap."""
        best: dict[int, int] = dict(self.listed)
        for row in self.admitted(admissible):
            first = best.setdefault(int(self.field.identity[row]), row)
            if self.stage[row]:
                continue
            if first != row:
                self.blocked[row] = "listing"
            elif self.taken.get(int(self.field.group[row]), 0) >= self.seating.seats[row]:
                self.blocked[row] = "seat"
            elif self.winners >= self.seating.max_winners:
                self.blocked[row] = "cap"
            else:
                self.take(row, stage)

    def floor_clusters(self, admissible: Mask, stage: int) -> None:
        """Give every cluster without a winner its best admissible member."""
        served = {int(c) for c in self.field.cluster[self.stage > 0]}
        for row in self.admitted(admissible):
            cluster = int(self.field.cluster[row])
            if cluster in served or int(self.field.identity[row]) in self.listed:
                continue
            if self.winners >= self.seating.max_winners:
                return
            self.take(row, stage)
            served.add(cluster)

    def fill(self, admissible: Mask, stage: int) -> None:
        """Fill up to the floor by rank, whatever the cluster."""
        for row in self.admitted(admissible):
            if not self.short or self.winners >= self.seating.max_winners:
                return
            if not self.stage[row] and int(self.field.identity[row]) not in self.listed:
                self.take(row, stage)


def recruit(field: Field, seating: Seating) -> Recruitment:
    """Recruit winners, relaxing stage by stage until the floor is reached.

    Parameters
    ----------
    field : Field
        Candidates without a hard veto, best first.
    seating : Seating
        Seats, floor, cap, last stage.

    Returns
    -------
    Recruitment
        Fewer winners than the floor after the last stage is a sparse outcome, none is a valid one.
    """
    table = _Table(field, seating)
    everyone = np.ones(len(field.identity), dtype=bool)
    table.seat(~field.soft, STRICT)
    reached = STRICT
    if table.short and seating.max_stage >= SPECTRAL:
        table.seat(~field.soft_relaxed, SPECTRAL)
        reached = SPECTRAL
    if table.short and seating.max_stage >= CLUSTER_FLOOR:
        table.floor_clusters(field.ordered, CLUSTER_FLOOR)
        reached = CLUSTER_FLOOR
    if table.short and seating.max_stage >= FALLBACK:
        table.fill(~field.soft_relaxed, FALLBACK)
        table.fill(everyone, FALLBACK)
        reached = FALLBACK
    return Recruitment(table.stage, reached, table.blocked, _rivals(table), table.quota)


def _rivals(table: _Table) -> Codes:
    """Who has the place each loser would need."""
    field = table.field
    last: dict[int, int] = {}
    for row in np.flatnonzero(table.stage):
        last[int(field.group[row])] = int(row)
    worst = max(last.values(), default=-1)
    rival = np.full(len(field.identity), -1, dtype="int64")
    full = table.winners >= table.seating.max_winners
    for row in np.flatnonzero(table.stage == 0):
        listing = table.listed.get(int(field.identity[row]), -1)
        group = int(field.group[row])
        if listing >= 0:
            rival[row] = listing
        elif table.taken.get(group, 0) >= table.seating.seats[row]:
            rival[row] = last.get(group, -1)
        elif full:
            rival[row] = worst
    return rival
