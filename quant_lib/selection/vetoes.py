"""Vetoes: why a candidate may not be held, each with the figure it was judged by (design 10.6).

A hard veto never relaxes, however few candidates are left. The registry is a
tuple of declarations; filters (semantics 5.9, `quant_lib.selection.filters`) cast
further vetoes of the same kind, hard or soft.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.contracts import HEALTH_STATUSES
from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection._rules import RATINGS

__all__ = ["HARD_VETOES", "TRUSTED_SOURCES", "Verdict", "Veto", "VetoRules", "judge_vetoes"]

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

TRUSTED_SOURCES = ("vendor", "exchange")
"""Where metadata must come from. A default is a guess and never counts (D39)."""

_RULED = ("veto", "kind", "source", "value", "threshold", "note")
_TYPES = {"value": "float64", "threshold": "float64"}
_ALWAYS = frozenset({"toxic", "stale"})
_METADATA = frozenset({"tick_size", "lot_size", "min_notional", "maker_fee", "taker_fee"})
_HEALTH_FIGURE = {
    "toxic": "max_abs_return",
    "stale": "staleness",
    "stalled": "staleness",
    "sparse": "n_missing",
    "gappy": "longest_gap",
}


@dataclass(frozen=True, kw_only=True)
class VetoRules:
    """Limits of the hard vetoes.

    Parameters
    ----------
    health_statuses : tuple of str
        Statuses that veto. Toxic and stale are always among them. Gappy is not by
        default: a gap is judged where it hurts, in the window of the returns matrix.
    required_metadata : tuple of str
        Instrument values that must come from the vendor or the exchange.
    turnover_min : float, optional, in USD
        Floor of the turnover, value traded where that is unknown; None switches it off.
    rating : str, optional
        Rating whose sign must agree with the side; None for a sleeve that is not about ratings.
    rating_min : float
        LONG needs rating > rating_min, SHORT needs rating < -rating_min.
    min_days : int
        Bars the current series needs.
    survival_min : float, optional
        Least survival probability (darwinian); what has not lived through a stress window yet is not judged by it.
    momentum_min : float, optional, fraction
        Least compounded return over 60 bars, of the side traded; None asks for none.

    Raises
    ------
    ContradictoryRulesError
        A limit out of range, or an unknown name.
    """

    health_statuses: tuple[str, ...] = ("toxic", "stale", "stalled", "sparse")
    required_metadata: tuple[str, ...] = ("tick_size",)
    turnover_min: float | None = 1_000_000.0
    rating: str | None = "recommend_all"
    rating_min: float = 0.0
    min_days: int = 252
    survival_min: float | None = 0.1
    momentum_min: float | None = None

    def __post_init__(self) -> None:
        statuses = set(self.health_statuses)
        if not statuses.issuperset(_ALWAYS):
            raise ContradictoryRulesError("health_statuses", "toxic and stale always veto; put them back")
        unknown = statuses - set(HEALTH_STATUSES) | statuses & {"healthy"}
        if unknown:
            raise ContradictoryRulesError("health_statuses", f"{', '.join(sorted(unknown))} is no defect to veto")
        unknown = set(self.required_metadata) - _METADATA
        if unknown:
            raise ContradictoryRulesError("required_metadata", f"{', '.join(sorted(unknown))} has no recorded source")
        if self.rating is not None and self.rating not in RATINGS:
            raise ContradictoryRulesError("rating", f"{self.rating!r} is not one of {', '.join(RATINGS)}")
        for name in ("turnover_min", "rating_min", "min_days", "survival_min", "momentum_min"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ContradictoryRulesError(name, f"{value} is not a finite number")

    @property
    def features(self) -> tuple[str, ...]:
        """Features of the date that these limits read beyond ratings and bars."""
        read = () if self.survival_min is None else ("survival",)
        return read if self.momentum_min is None else (*read, "momentum_60")


@dataclass(frozen=True)
class Verdict:
    """What one veto says about every candidate.

    Parameters
    ----------
    bites : bool array of shape (n,)
        Candidates it vetoes.
    value, threshold : float array of shape (n,)
        Figure and limit, NaN where there is none.
    note : array of str of shape (n,)
        The same in words, for the reader.
    """

    bites: Mask
    value: FloatArray
    threshold: FloatArray
    note: npt.NDArray[np.object_]


@dataclass(frozen=True)
class Veto:
    """One veto.

    Parameters
    ----------
    name : str
        As it appears in the selection table.
    kind : {"hard", "soft"}
        Hard vetoes never relax.
    description : str
        The rule in words.
    judge : callable
        Takes the facts (one row per candidate) and the rules, gives a `Verdict`.
    source : str
        Filter that casts it; ``foundation`` for what every sleeve asks.
    """

    name: str
    kind: Literal["hard", "soft"]
    description: str
    judge: Callable[[pd.DataFrame, VetoRules], Verdict]
    source: str = "foundation"


def judge_vetoes(facts: pd.DataFrame, rules: VetoRules, vetoes: Sequence[Veto] | None = None) -> pd.DataFrame:
    """Apply vetoes to candidates.

    Parameters
    ----------
    facts : DataFrame
        One row per candidate: symbol, logic, direction, and what the vetoes read (status and health
        figures, metadata with sources, liquidity_usd, ratings, n_bars, in_returns). Missing
        where not known; what is not known never passes.
    rules : VetoRules
    vetoes : sequence of Veto, optional
        `HARD_VETOES` by default.

    Returns
    -------
    DataFrame
        One row for each veto that holds: symbol, logic, direction, veto, kind, source, value, threshold, note;
        candidates in the order of `facts`, vetoes in the order of the registry.
    """
    found: list[tuple[Any, ...]] = []
    for place, veto in enumerate(HARD_VETOES if vetoes is None else vetoes):
        verdict = veto.judge(facts, rules)
        for at in np.flatnonzero(verdict.bites):
            figures = (float(verdict.value[at]), float(verdict.threshold[at]), str(verdict.note[at]))
            found.append((at, place, veto.name, veto.kind, veto.source, *figures))
    found.sort(key=lambda row: row[:2])
    places = np.array([row[0] for row in found], dtype="int64")
    made = {name: facts[name].to_numpy(dtype=object)[places] for name in ("symbol", "logic", "direction")}
    made |= {name: [row[at] for row in found] for at, name in enumerate(_RULED, start=2)}
    # Typed while they are arrays: casting a frame column by column costs more than judging.
    typed = {name: pd.array(made[name], dtype=_TYPES.get(name, "str")) for name in made}
    return pd.DataFrame(typed)


def _floats(facts: pd.DataFrame, column: str) -> FloatArray:
    return facts[column].to_numpy(dtype="float64", na_value=np.nan)


def _verdict(bites: Mask, value: FloatArray, threshold: float, note: Callable[[float], str]) -> Verdict:
    notes = np.full(len(value), "", dtype=object)
    for at in np.flatnonzero(bites):
        notes[at] = note(float(value[at]))
    return Verdict(bites, value, np.full(len(value), threshold), notes)


def _figure(value: float, template: str, missing: str) -> str:
    return missing if math.isnan(value) else template.format(value)


def _health(status: str) -> Callable[[pd.DataFrame, VetoRules], Verdict]:
    def judge(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
        bites = (facts["status"] == status).to_numpy(dtype=bool, na_value=False) & (status in rules.health_statuses)
        column = _HEALTH_FIGURE[status]
        words = f"bars are {status} ({column} {{:g}})"
        return _verdict(bites, _floats(facts, column), np.nan, lambda v: _figure(v, words, f"bars are {status}"))

    return judge


def _unassessed(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    bites = facts["status"].isna().to_numpy(dtype=bool)
    return _verdict(bites, np.full(len(facts), np.nan), np.nan, lambda _: "bars were not assessed on the date")


def _missing_metadata(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    bites = np.zeros(len(facts), dtype=bool)
    notes = np.full(len(facts), "", dtype=object)
    value = np.full(len(facts), np.nan)
    for field in rules.required_metadata:
        figure, source = _floats(facts, field), facts[f"{field}_source"]
        lacking = ~(source.isin(TRUSTED_SOURCES).to_numpy(dtype=bool) & (figure > 0.0))
        words = np.array([f"{field} is {word}" for word in source.fillna("missing")], dtype=object)
        first = lacking & ~bites
        value = np.where(first, figure, value)
        notes = np.where(lacking, np.where(bites, notes + ", " + words, words), notes)
        bites |= lacking
    return Verdict(bites, value, np.full(len(facts), np.nan), notes)


def _liquidity(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    value = _floats(facts, "liquidity_usd")
    if rules.turnover_min is None:
        return _verdict(np.zeros(len(facts), dtype=bool), value, np.nan, lambda _: "")
    words = f"turnover {{:,.0f}} USD below {rules.turnover_min:,.0f}"
    bites = ~(value >= rules.turnover_min)
    return _verdict(bites, value, rules.turnover_min, lambda v: _figure(v, words, "turnover in dollars is not known"))


def _direction(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    if rules.rating is None:
        nothing = np.full(len(facts), np.nan)
        return _verdict(np.zeros(len(facts), dtype=bool), nothing, np.nan, lambda _: "")
    value = _floats(facts, rules.rating)
    sign = np.where((facts["direction"] == "LONG").to_numpy(dtype=bool), 1.0, -1.0)
    bites = ~(sign * value > rules.rating_min)
    notes = [
        _figure(v, f"{rules.rating} {{:.3f}} does not argue for {side}", f"{rules.rating} is not known")
        for v, side in zip(value, facts["direction"], strict=True)
    ]
    return Verdict(bites, value, sign * rules.rating_min + 0.0, np.array(notes, dtype=object))


def _history(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    value = _floats(facts, "n_bars")
    words = f"{{:g}} bars in the current series, {rules.min_days} needed"
    return _verdict(
        ~(value >= rules.min_days),
        value,
        float(rules.min_days),
        lambda v: _figure(v, words, "no features on the date"),
    )


def _survival(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    if rules.survival_min is None:
        return _verdict(np.zeros(len(facts), dtype=bool), np.full(len(facts), np.nan), np.nan, lambda _: "")
    # What did not exist in any stress window is not known to have failed one (semantics 3.12 [B]).
    value, words = _floats(facts, "survival"), f"survival probability {{:.3g}} below {rules.survival_min:g}"
    return _verdict(value < rules.survival_min, value, rules.survival_min, words.format)


def _momentum(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    if rules.momentum_min is None:
        return _verdict(np.zeros(len(facts), dtype=bool), np.full(len(facts), np.nan), np.nan, lambda _: "")
    sign = np.where((facts["direction"] == "LONG").to_numpy(dtype=bool), 1.0, -1.0)
    value, words = sign * _floats(facts, "momentum_60"), f"return for the side {{:.3g}} below {rules.momentum_min:g}"
    return _verdict(
        ~(value >= rules.momentum_min),
        value,
        rules.momentum_min,
        lambda v: _figure(v, words, "60-bar return is not known"),
    )


def _no_returns(facts: pd.DataFrame, rules: VetoRules) -> Verdict:
    bites = ~facts["in_returns"].to_numpy(dtype=bool)
    return _verdict(bites, np.full(len(facts), np.nan), np.nan, lambda _: "not in the returns matrix, see its drops")


HARD_VETOES: tuple[Veto, ...] = (
    *(
        Veto(status, "hard", f"health status is {status}", _health(status))
        for status in ("toxic", "stale", "stalled", "sparse", "gappy")
    ),
    Veto("unassessed", "hard", "no health verdict on the date", _unassessed),
    Veto("missing_metadata", "hard", "required metadata missing or only a default", _missing_metadata, "darwinian"),
    Veto("survival", "hard", "survival probability too low", _survival, "darwinian"),
    Veto("liquidity", "hard", "turnover below the floor or unknown", _liquidity),
    Veto("direction", "hard", "rating does not argue for the side", _direction),
    Veto("history", "hard", "fewer bars than needed", _history),
    Veto("momentum_floor", "hard", "60-bar return against the side", _momentum),
    Veto("no_returns", "hard", "not in the returns matrix", _no_returns),
)
"""The hard vetoes of design 10.6, in the order they are reported."""
