"""From a universe to the candidates of a sleeve, every scanner accounted for (semantics 1.9 to 1.11)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from quant_lib.contracts import (
    CANDIDATE_DROPS,
    CANDIDATE_FUNNEL,
    CANDIDATE_MEMBERSHIP,
    CANDIDATE_SCANNERS,
    CANDIDATE_SIGNALS,
    CANDIDATES,
)
from quant_lib.decision.daily import stamp
from quant_lib.decision.rules import Scan, SleeveRules
from quant_lib.decision.signals import candidate_signals, membership_of
from quant_lib.errors import QuantError
from quant_lib.selection import ScreenResult, screen

_STATIC = ("symbol", "exchange", "asset_type", "base", "quote")
_KEY = ["symbol", "logic", "direction"]

_NONE: Mapping[str, str] = MappingProxyType({})
FRESH, NOT_TOXIC = "fresh", "not_toxic"
"""Steps after a scanner's own, judged by the health of the date."""


def universe_on(
    features: pd.DataFrame, instruments: pd.DataFrame, listed: Collection[str] | None = None
) -> pd.DataFrame:
    """Universe of a date: every symbol with a bar on it, delisted later or not.

    Parameters
    ----------
    features : DataFrame
        Rows of the ``features`` table of the date: a symbol without a bar that day has none.
    instruments : DataFrame
        Catalogue; only what does not change over time is read from it.
    listed : collection of str, optional
        Symbols a live scan returned; others are left to the funnel's first step as inactive.

    Returns
    -------
    DataFrame
        What `quant_lib.selection.screen` takes.
    """
    static = instruments[list(_STATIC)].drop_duplicates("symbol")
    # Copied, a block a type: of a hundred blocks pandas warns at every column that is added.
    universe = features.merge(static, on="symbol", how="inner", validate="one_to_one").copy()
    universe["adx"] = universe["adx_14"]
    universe["active"] = True if listed is None else universe["symbol"].isin(set(listed))
    return universe


@dataclass(frozen=True)
class Proposal:
    """What one scanner proposes, or why it could not.

    Attributes
    ----------
    scan : Scan
        The scanner.
    result : ScreenResult, optional
        Candidates, funnel and drops; None where it failed.
    error : str
        Why it failed, empty otherwise.
    """

    scan: Scan
    result: ScreenResult | None
    error: str = ""


def propose(universe: pd.DataFrame, scans: Sequence[Scan], failed: Mapping[str, str] = _NONE) -> list[Proposal]:
    """Run every scanner on the universe of a date; one that fails stops no other.

    Parameters
    ----------
    universe : DataFrame
        From `universe_on`.
    scans : sequence of Scan
        The sleeve's scanners.
    failed : mapping of str to str
        Scanners that could not even be asked who is listed, and why.

    Returns
    -------
    list of Proposal
        In the order of the scanners.

    Raises
    ------
    QuantError
        Of the first scanner, where every one failed: there is nothing to go on with.
    """
    proposals, errors = [], []
    for scan in scans:
        if scan.name in failed:
            proposals.append(Proposal(scan, None, failed[scan.name]))
            continue
        try:
            proposals.append(Proposal(scan, screen(universe, scan.rules)))
        except QuantError as error:
            errors.append(error)
            proposals.append(Proposal(scan, None, str(error)))
    if errors and not any(proposal.result for proposal in proposals):
        raise errors[0]
    return proposals


def merged_candidates(proposals: Sequence[Proposal]) -> pd.DataFrame:
    """Candidates of all scanners; what several propose under one logic and direction is kept once, at its best rank.

    Returns
    -------
    DataFrame
        Columns of ``candidates`` without profile, date and mode, a column ``scanner``, and ``repeated``:
        true where another scanner's row of the same key ranks before it.
    """
    parts = [
        proposal.result.candidates.assign(logic=proposal.scan.logic, scanner=proposal.scan.name)
        for proposal in proposals
        if proposal.result is not None
    ]
    merged = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0].reset_index(drop=True)
    merged = merged.sort_values(["rank", "symbol", "scanner"], kind="stable", ignore_index=True)
    return merged.assign(repeated=merged.duplicated(_KEY))


def health_steps(candidates: pd.DataFrame, health: pd.DataFrame) -> pd.Series:
    """Step at which each candidate is left behind by the state of its bars; empty where it goes on.

    A candidate goes on if its newest *closed* bar is of the last expected session
    and its bars are not toxic (semantics 1.11 [B]). What nobody assessed is not fresh.

    Parameters
    ----------
    candidates : DataFrame
        Column symbol.
    health : DataFrame
        Rows of ``ohlcv_health`` of the date.
    """
    status = candidates["symbol"].map(health.set_index("symbol")["status"].astype("object"))
    steps = np.where(status.isna() | status.eq("stale"), FRESH, np.where(status.eq("toxic"), NOT_TOXIC, ""))
    return pd.Series(steps, index=candidates.index, dtype="object")


def discover(
    universe: pd.DataFrame,
    rules: SleeveRules,
    date: dt.date,
    mode: str,
    health: pd.DataFrame,
    *,
    failed: Mapping[str, str] = _NONE,
) -> dict[str, pd.DataFrame]:
    """Run every scanner of a sleeve and keep whose bars can be trusted, with a row for all that is left behind.

    Parameters
    ----------
    universe : DataFrame
        From `universe_on`.
    rules : SleeveRules
        The sleeve.
    date : datetime.date
        Decision date.
    mode : {"scanned", "reconstructed"}
        How membership is known.
    health : DataFrame
        Rows of ``ohlcv_health`` of the date.
    failed : mapping of str to str
        Scanners whose source did not answer, and what it said.

    Returns
    -------
    dict of str to DataFrame
        Rows of ``candidates``, ``candidate_funnel``, ``candidate_drops``, ``candidate_scanners``,
        ``candidate_signals`` and ``candidate_membership``. With several scanners, steps carry the
        scanner's name.
    """
    proposals = propose(universe, rules.scans, failed)
    merged = merged_candidates(proposals)
    steps = pd.Series(np.where(merged["repeated"], "repeated", health_steps(merged, health)), index=merged.index)
    funnel: list[pd.DataFrame] = []
    drops: list[pd.DataFrame] = []
    scanners: list[dict[str, object]] = []
    for proposal in proposals:
        own = merged["scanner"].eq(proposal.scan.name)
        told = _Told.of(proposal, merged.loc[own, "symbol"], steps[own], several=len(proposals) > 1)
        funnel.append(told.funnel.assign(step_no=told.funnel["step_no"] + sum(len(part) for part in funnel)))
        drops.append(told.drops)
        scanners.append(told.scanner)
    kept = merged[steps.eq("")].assign(mode=mode)
    membership = membership_of([one.scan for one in proposals if one.result is not None], universe, date)
    return {
        CANDIDATE_SIGNALS.name: stamp(candidate_signals(kept, universe), CANDIDATE_SIGNALS, rules.profile, date),
        CANDIDATE_MEMBERSHIP.name: stamp(membership, CANDIDATE_MEMBERSHIP, rules.profile, date),
        CANDIDATES.name: stamp(kept, CANDIDATES, rules.profile, date),
        CANDIDATE_FUNNEL.name: stamp(pd.concat(funnel), CANDIDATE_FUNNEL, rules.profile, date),
        CANDIDATE_DROPS.name: stamp(pd.concat(drops), CANDIDATE_DROPS, rules.profile, date),
        CANDIDATE_SCANNERS.name: stamp(pd.DataFrame(scanners), CANDIDATE_SCANNERS, rules.profile, date),
    }


_LAST_STEPS = {
    "repeated": ("no other scanner proposes it at a better rank", "another scanner proposes it at a better rank"),
    FRESH: ("newest closed bar of the last expected session", "bars end before the last session or were not assessed"),
    NOT_TOXIC: ("bars are not toxic", "bars are toxic"),
}


@dataclass(frozen=True)
class _Told:
    """One scanner's account of every symbol."""

    funnel: pd.DataFrame
    drops: pd.DataFrame
    scanner: dict[str, object]

    @classmethod
    def of(cls, proposal: Proposal, symbols: pd.Series, steps: pd.Series, *, several: bool) -> _Told:
        """Scanner's own steps, then those that follow them."""
        scan, result = proposal.scan, proposal.result
        if result is None:
            empty = {spec.name: pd.DataFrame(columns=spec.column_names) for spec in (CANDIDATE_FUNNEL, CANDIDATE_DROPS)}
            return cls(empty[CANDIDATE_FUNNEL.name], empty[CANDIDATE_DROPS.name], _status(scan, error=proposal.error))
        left, rows, lost = len(symbols), [], []
        counts: dict[str, int] = {}
        for step, (rule, reason) in _LAST_STEPS.items():
            if step == "repeated" and not several:
                continue
            out = symbols[steps.eq(step)]
            rows.append((step, left, left - len(out), rule))
            lost += [(symbol, step, reason) for symbol in sorted(out)]
            left, counts[step] = left - len(out), len(out)
        funnel = pd.concat(
            [result.funnel, pd.DataFrame(rows, columns=["step", "rows_in", "rows_out", "rule"])], ignore_index=True
        )
        funnel["step_no"] = np.arange(1, len(funnel) + 1)
        drops = pd.concat([result.drops, pd.DataFrame(lost, columns=["symbol", "step", "reason"])], ignore_index=True)
        prefix = f"{scan.name}: " if several else ""
        status = _status(
            scan,
            rows_in=int(funnel["rows_in"].iloc[0]),
            proposed=len(symbols),
            repeated=counts.get("repeated", 0),
            not_fresh=counts[FRESH],
            toxic=counts[NOT_TOXIC],
        )
        return cls(funnel.assign(step=prefix + funnel["step"]), drops.assign(step=prefix + drops["step"]), status)


def _status(scan: Scan, *, error: str = "", **counts: int) -> dict[str, object]:
    """Row of ``candidate_scanners``."""
    zeros = dict.fromkeys(("rows_in", "proposed", "repeated", "not_fresh", "toxic"), 0) | counts
    sound = zeros["proposed"] - zeros["repeated"]
    kept = sound - zeros["not_fresh"] - zeros["toxic"]
    return {
        "scanner": scan.name,
        "logic": scan.logic,
        "direction": scan.rules.direction,
        **zeros,
        "kept": kept,
        "retention": kept / sound if sound else np.nan,
        "error": error,
    }
