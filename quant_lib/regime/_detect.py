"""From returns of the market to its regime (semantics 7.2 to 7.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.regime._errors import RegimeInputError
from quant_lib.regime._hmm import HmmFit, fit_hmm
from quant_lib.regime._rules import RegimeRules
from quant_lib.regime._terms import last_percentile, measure_terms
from quant_lib.regime._types import HmmState, Quadrant, Regime, RegimeLabel

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RegimeReading:
    """A regime and everything it was read from.

    Parameters
    ----------
    regime : Regime
        What later steps use.
    reason : str
        Why it is unknown; empty where it is known.
    n_returns : int
        Returns of the proxy it was measured on.
    first, last : Timestamp or None
        First and last session of these.
    terms, percentiles : mapping of str to float
        Each term, and its place among its own values of the history; also of ``stress``.
    growth : float
        Mean return over the growth window, as a fraction a year.
    growth_errors : float
        The same in standard errors.
    hmm : HmmFit or None
        The volatility model.
    """

    regime: Regime
    reason: str = ""
    n_returns: int = 0
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    terms: Mapping[str, float] = field(default_factory=dict)
    percentiles: Mapping[str, float] = field(default_factory=dict)
    growth: float | None = None
    growth_errors: float | None = None
    hmm: HmmFit | None = None


def detect_regime(returns: pd.Series, rules: RegimeRules | None = None) -> RegimeReading:
    """Measure the regime of the newest session.

    Parameters
    ----------
    returns : Series
        Simple returns of the market proxy as fractions, complete, index of
        sessions in ascending order. The last one is the decision date: pass none
        that was not known. Only the newest ``rules.span`` of them are read.
    rules : RegimeRules, optional
        Windows and thresholds.

    Returns
    -------
    RegimeReading
        Unknown, with the reason, where there are fewer than ``min_history``
        returns or the market did not move enough for a term to exist.

    Raises
    ------
    RegimeInputError
        A return is missing or not finite, or sessions are not in order.
    """
    rules = rules or RegimeRules()
    _validate(returns)
    values = np.ascontiguousarray(returns.to_numpy(dtype="float64")[-rules.span :])
    at = _Extent(returns.index, min(len(returns), rules.span))
    if len(returns) < rules.min_history:
        return at.unknown(f"{len(returns)} returns of the market proxy, {rules.min_history} needed")
    return _read(values, measure_terms(values, rules), rules, at)


def regimes_over(
    returns: pd.Series, rules: RegimeRules | None = None, *, last: int | None = None
) -> dict[pd.Timestamp, RegimeReading]:
    """Measure the regime of every session, each as `detect_regime` would with the returns up to it.

    Terms are measured once for all sessions, since each depends on its own
    window alone; the volatility model is fitted anew for each. ``last``: the newest sessions only.
    """
    rules = rules or RegimeRules()
    _validate(returns)
    values = np.ascontiguousarray(returns.to_numpy(dtype="float64"))
    terms = measure_terms(values, rules)
    readings = {}
    for stop in range(1 if last is None else max(1, len(values) - last + 1), len(values) + 1):
        first = max(0, stop - rules.span)
        at = _Extent(returns.index[:stop], stop - first)
        if stop < rules.min_history:
            readings[returns.index[stop - 1]] = at.unknown(
                f"{stop} returns of the market proxy, {rules.min_history} needed"
            )
        else:
            readings[returns.index[stop - 1]] = _read(values[first:stop], terms.iloc[first:stop], rules, at)
    return readings


def unknown_reading(returns: pd.Series, reason: str) -> RegimeReading:
    """Make the reading of a day whose regime cannot be measured, with the reason."""
    return _Extent(returns.index, len(returns)).unknown(reason)


class _Extent:
    """Which sessions a reading is about."""

    def __init__(self, index: pd.Index, n: int) -> None:
        self.n = n
        self.first = index[len(index) - n] if n else None
        self.last = index[-1] if n else None

    def unknown(self, reason: str) -> RegimeReading:
        return RegimeReading(Regime.unknown(), reason, self.n, self.first, self.last)


def _validate(returns: pd.Series) -> None:
    bad = int((~np.isfinite(returns.to_numpy(dtype="float64"))).sum())
    if bad:
        raise RegimeInputError("a regime", f"{bad} of {len(returns)} returns are missing or not finite")
    if not (returns.index.is_monotonic_increasing and returns.index.is_unique):
        raise RegimeInputError("a regime", "sessions repeat or are not in ascending order")


def _read(values: FloatArray, terms: pd.DataFrame, rules: RegimeRules, at: _Extent) -> RegimeReading:
    recent = terms.iloc[-rules.history :]
    raw = {str(name): float(recent[name].iloc[-1]) for name in recent}
    undefined = [name for name, value in raw.items() if np.isnan(value)]
    if undefined:
        return at.unknown(f"{', '.join(undefined)} cannot be measured: the market hardly moved")
    places = {str(name): last_percentile(recent[name].to_numpy()) for name in recent}
    try:
        hmm = fit_hmm(values[-rules.history :])
    except RegimeInputError as error:
        return at.unknown(str(error))
    growth, errors = _growth(values, rules)
    quadrant = quadrant_of(growth, errors, places["stress"], rules)
    score = composite_score(places, raw["vol_ratio"], rules)
    state = hmm.state()
    label = label_of(score, raw["vol_ratio"], quadrant, state, rules)
    regime = Regime(label, score, quadrant, state, float(hmm.probability[-1]), known=True)
    return RegimeReading(regime, "", at.n, at.first, at.last, raw, places, growth, errors, hmm)


def composite_score(percentiles: Mapping[str, float], vol_ratio: float, rules: RegimeRules) -> float:
    """Weighted mean of the terms' percentiles, 0 to 1; below QUIET's limit where volatility is under half of usual."""
    total = sum(rules.weights.values())
    score = sum(weight * percentiles[name] for name, weight in rules.weights.items()) / total
    # The specification's cap for a market that hardly moves: 0.6 under a limit of 0.7.
    return min(score, rules.quiet * 0.6 / 0.7) if vol_ratio < rules.calm else score


@lru_cache(maxsize=16)
def noise_bounds(fast: int, slow: int) -> tuple[float, float]:
    """Volatility ratios that independent normal returns exceed on 5 % and 1 % of days (F distribution)."""
    from scipy.special import fdtri  # scipy.stats says the same and takes a second to load, in every process

    wide, rare = fdtri(fast - 1, slow - 1, np.array([0.95, 0.99]))
    return float(np.sqrt(wide)), float(np.sqrt(rare))


def label_of(
    score: float, vol_ratio: float, quadrant: Quadrant, hmm_state: HmmState, rules: RegimeRules
) -> RegimeLabel:
    """Stress class.

    A percentile alone finds a crisis in every history, since something is always
    the worst of it. So a CRISIS also needs moves that independent returns would
    hardly make: the volatility ratio beyond what they exceed on 1 % of days, or on
    5 % where quadrant or volatility model say CRISIS too. A market that moves as
    much because it rises is TURBULENT: the score does not know up from down. So is
    one of smaller moves that both quadrant and volatility model call a CRISIS.
    """
    wide, rare = noise_bounds(rules.fast, rules.slow)
    falling, volatile = quadrant == Quadrant.CRISIS, hmm_state == HmmState.CRISIS
    strong = vol_ratio >= rare and score >= rules.elevated
    if quadrant != Quadrant.INFLATIONARY_TREND and (
        strong or (vol_ratio >= wide and score >= rules.confirmed and (falling or volatile))
    ):
        return RegimeLabel.CRISIS
    if vol_ratio >= wide or score >= rules.turbulent or (falling and volatile):
        return RegimeLabel.TURBULENT
    return RegimeLabel.QUIET if score < rules.quiet else RegimeLabel.NORMAL


def _growth(values: FloatArray, rules: RegimeRules) -> tuple[float, float]:
    """Growth a year, and in standard errors.

    The error comes from the mean absolute return of the slow window: one crash
    raises it less than it raises a standard deviation, which would hide the fall
    behind its own volatility.
    """
    mean = float(values[-rules.growth :].mean())
    deviation = float(np.abs(values[-rules.slow :]).mean()) * float(np.sqrt(np.pi / 2.0))
    return mean * rules.ann, mean * float(np.sqrt(rules.growth)) / deviation


def quadrant_of(growth: float, growth_errors: float, stress_percentile: float, rules: RegimeRules) -> Quadrant:
    """Growth by stress (semantics 7.3).

    Growth counts where it exceeds 5 % a year and its own standard error; stress is
    high above a percentile of its own history, not above a constant that the
    turbulence of noise already fills by half.
    """
    high = stress_percentile > rules.stress
    if growth > rules.growth_floor and growth_errors > rules.growth_errors:
        return Quadrant.INFLATIONARY_TREND if high else Quadrant.EXPANSION
    if growth < -rules.growth_floor and growth_errors < -rules.growth_errors:
        return Quadrant.CRISIS if high else Quadrant.STAGNATION
    return Quadrant.NORMAL
