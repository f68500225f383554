"""The verdict on every candidate, as rows: what it was judged by, why it is in or out, what would change that."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.clustering import Conditioning
from quant_lib.contracts import SELECTION, SELECTION_FEATURES
from quant_lib.selection._facts import KEY
from quant_lib.selection._words import Verdict, reason_of, way_in
from quant_lib.selection.relaxation import STAGES, Recruitment
from quant_lib.selection.rules import SelectionRules
from quant_lib.selection.scoring import Score

__all__ = ["SelectionResult", "outcome_of"]

FloatArray = npt.NDArray[np.float64]
_COLUMNS = tuple(name for name in SELECTION.column_names if name not in ("profile", "date"))
_NOT_FIGURES = frozenset({"segment"})


@dataclass(frozen=True)
class SelectionResult:
    """The verdict on every candidate.

    Parameters
    ----------
    table : DataFrame
        Columns of ``SELECTION`` without profile and date, by symbol, logic, direction.
    stage : int
        Last relaxation stage tried; 1, strict.
    sparse : bool
        Fewer winners than the floor.
    vetoes : DataFrame
        Rows of ``SELECTION_VETOES`` without profile and date: every veto that holds under the configured thresholds.
    summary : mapping
        Counts, weights and versions, for the run's record.
    facts : DataFrame
        Everything known of each candidate, in the order of `table`.
    score : Score
        Of the candidates without a hard veto; its index is that of `facts`.
    """

    table: pd.DataFrame
    stage: int
    sparse: bool
    vetoes: pd.DataFrame
    summary: Mapping[str, Any]
    facts: pd.DataFrame
    score: Score

    @cached_property
    def features(self) -> pd.DataFrame:
        """Rows of ``SELECTION_FEATURES`` without profile and date: every figure, and what the score made of it."""
        parts = [self._scored(), self._judged()]
        rows = pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else parts[1]
        rows = rows.sort_values([*KEY, "feature"], kind="stable", ignore_index=True)
        types = {n: t for n, t in SELECTION_FEATURES.pandas_types().items() if n not in ("profile", "date")}
        return rows.astype(types)[list(types)]

    def _scored(self) -> pd.DataFrame:
        parts = []
        keys = self.facts.loc[self.score.values.index, KEY]
        additive = self.score.engine.combine == "sum"
        for feature in self.score.engine.features:
            p = self.score.probabilities[feature.name]
            part = keys.assign(feature=feature.name, value=self.score.values[feature.name], probability=p)
            worth = p if additive else np.log(np.maximum(p, 1e-9))
            parts.append(part.assign(weight=feature.weight, contribution=feature.weight * worth, role="score"))
        return pd.concat(parts, ignore_index=True) if parts else self._judged().iloc[:0]

    def _judged(self) -> pd.DataFrame:
        """Figures vetoes and filters read, for every candidate; what is scored is not told twice."""
        taken = {feature.name for feature in self.score.engine.features}
        figures = self.facts.select_dtypes("number").drop(columns=list(_NOT_FIGURES & set(self.facts)))
        keep = [name for name in figures if not str(name).endswith("_local")]
        long = figures[keep].assign(**{k: self.facts[k] for k in KEY}).melt(KEY, var_name="feature", value_name="value")
        long["value"] = long["value"].astype("float64")
        nothing = dict.fromkeys(("probability", "weight", "contribution"), np.nan)
        long = long.assign(**nothing, role="fact")
        scored = set(self.facts.loc[self.score.values.index, KEY].itertuples(index=False, name=None))
        keys = zip(*(long[k] for k in KEY), strict=True)
        told = [name in taken and key in scored for name, key in zip(long["feature"], keys, strict=True)]
        return long[~np.array(told, dtype=bool)] if len(long) else long


def outcome_of(
    facts: pd.DataFrame,
    ranked: pd.Index,
    refused: pd.DataFrame,
    strict: pd.DataFrame,
    scored: Score,
    ranking: FloatArray,
    clusters: pd.Series,
    recruited: Recruitment,
    rules: SelectionRules,
    *,
    conditioning: Conditioning | None = None,
) -> SelectionResult:
    """Write the verdicts down.

    Parameters
    ----------
    facts : DataFrame
        Every candidate.
    ranked : Index
        Rows without a hard veto, best first.
    refused, strict : DataFrame
        Hard and soft vetoes that hold.
    scored : Score
        Of the ranked.
    ranking : array
        Figure each was ranked by, best first.
    clusters : Series
        Cluster of the ranked, by row.
    recruited : Recruitment
        Outcome of recruitment, best first.
    rules : SelectionRules
    conditioning : Conditioning, optional
        Shrinkage of the clusters' correlations, of engines that bound their condition number.
    """
    columns: dict[str, Any] = {name: facts[name] for name in facts if name in _COLUMNS}
    columns |= {
        "alpha_score": scored.alpha.reindex(facts.index),
        "cluster": clusters.reindex(facts.index).fillna(-1),
        "n_missing": scored.values.isna().sum(axis=1).reindex(facts.index).fillna(0),
        **_placed(facts, ranked, ranking, recruited),
    }
    vetoes = _all_vetoes(facts, refused, strict, ranked, recruited)
    verdicts = _verdicts(facts, columns)
    columns |= _describe(verdicts, vetoes, facts.index.get_indexer(ranked), recruited, rules)
    types = SELECTION.pandas_types()
    made = pd.DataFrame({name: pd.array(columns[name], dtype=types[name]) for name in _COLUMNS})
    sparse = int(made["selected"].sum()) < rules.min_winners
    shrunk = {
        "shrink": rules.shrink if conditioning is None else conditioning.shrink,
        "condition_number": math.nan if conditioning is None else conditioning.condition_number,
        "conditioned": conditioning is None or conditioning.met,
    }
    summary = {**_summary(made, vetoes, scored, recruited, rules), **shrunk, "sparse": sparse}
    return SelectionResult(made, recruited.reached, sparse, vetoes, summary, facts, scored)


def _placed(facts: pd.DataFrame, ranked: pd.Index, ranking: FloatArray, recruited: Recruitment) -> dict[str, Any]:
    """Rank, stage and gap of every row."""
    at, n = facts.index.get_indexer(ranked), len(facts)
    rank, stage, gap = np.zeros(n, dtype="int64"), np.zeros(n, dtype="int64"), np.zeros(n, dtype="int64")
    figure, needed = np.full(n, np.nan), np.full(n, np.nan)
    blocked = np.full(n, "hard", dtype=object)
    places = np.arange(1, len(ranked) + 1)
    rank[at], stage[at], blocked[at], figure[at] = places, recruited.stage, recruited.blocked, ranking
    behind = (recruited.rival >= 0) & (recruited.rival < np.arange(len(ranked)))
    gap[at] = np.where(behind, np.arange(len(ranked)) - recruited.rival, 0)
    needed[at] = np.where(behind, ranking[recruited.rival], np.nan)
    beyond = recruited.blocked == "quota"
    if beyond.any():
        gap[at] = np.where(beyond, places - recruited.quota, gap[at])
        needed[at] = np.where(beyond, ranking[max(recruited.quota - 1, 0)], needed[at])
    selected = stage > 0
    return {
        "rank": rank,
        "stage": stage,
        "selected": selected,
        "blocked_by": blocked,
        "rank_gap": gap,
        "rank_score": figure,
        "score_needed": needed,
    }


def _all_vetoes(
    facts: pd.DataFrame, refused: pd.DataFrame, strict: pd.DataFrame, ranked: pd.Index, recruited: Recruitment
) -> pd.DataFrame:
    """Every veto that holds, the quota's included, by candidate."""
    rows = pd.concat([refused, strict], ignore_index=True)
    beyond = np.flatnonzero(recruited.blocked == "quota")
    if len(beyond):
        out = facts.loc[ranked[beyond], KEY].reset_index(drop=True)
        place = (beyond + 1).astype("float64")
        out = out.assign(veto="percentile", kind="hard", source="percentile", value=place)
        out["threshold"] = float(recruited.quota)
        out["note"] = [f"rank {at:.0f} is beyond the {recruited.quota} places of the best" for at in place]
        rows = pd.concat([rows, out], ignore_index=True)
    keys = list(zip(*(rows[name].tolist() for name in KEY), strict=True))
    return rows.take(sorted(range(len(keys)), key=keys.__getitem__)).reset_index(drop=True)


def _verdicts(facts: pd.DataFrame, columns: Mapping[str, Any]) -> list[Verdict]:
    parts = [(columns[name] if name in columns else facts[name]).tolist() for name in Verdict._fields]
    return [Verdict(*row) for row in zip(*parts, strict=True)]


def _describe(
    verdicts: Sequence[Verdict],
    vetoes: pd.DataFrame,
    ranked: npt.NDArray[np.intp],
    recruited: Recruitment,
    rules: SelectionRules,
) -> dict[str, list[str]]:
    """Vetoes, reason and counterfactual of every row, in words."""
    held: dict[tuple[str, str, str], list[Any]] = {}
    row: Any
    for row in vetoes.itertuples(index=False):
        held.setdefault((row.symbol, row.logic, row.direction), []).append(row)
    position = {int(row): at for at, row in enumerate(ranked)}
    symbols = [verdicts[row].symbol for row in ranked]
    groups = _winners_by_group(verdicts, ranked, recruited)
    columns: dict[str, list[str]] = {
        n: [] for n in ("vetoes", "soft_vetoes", "veto_detail", "reason", "to_be_selected")
    }
    for number, row in enumerate(verdicts):
        own = held.get((row.symbol, row.logic, row.direction), [])
        columns["vetoes"].append(",".join(one.veto for one in own if one.kind == "hard"))
        columns["soft_vetoes"].append(",".join(one.veto for one in own if one.kind == "soft"))
        detail = {one.veto: {"value": _null(one.value), "threshold": _null(one.threshold)} for one in own}
        columns["veto_detail"].append(json.dumps(detail, sort_keys=True))
        at = position.get(number, -1)
        rival = symbols[recruited.rival[at]] if at >= 0 and recruited.rival[at] >= 0 else ""
        columns["reason"].append(reason_of(row, own, rival, groups, rules))
        columns["to_be_selected"].append(way_in(row, own, rival))
    return columns


def _winners_by_group(
    verdicts: Sequence[Verdict], ranked: npt.NDArray[np.intp], recruited: Recruitment
) -> dict[tuple[int, str], list[Verdict]]:
    groups: dict[tuple[int, str], list[Verdict]] = {}
    for row in (verdicts[at] for at in ranked[recruited.stage > 0]):
        groups.setdefault((int(row.cluster), row.direction), []).append(row)
    return groups


def _null(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _summary(
    table: pd.DataFrame, vetoes: pd.DataFrame, scored: Score, recruited: Recruitment, rules: SelectionRules
) -> dict[str, Any]:
    selected, ranked = table["selected"].to_numpy(dtype=bool), table["rank"].to_numpy(dtype="int64") > 0
    short, stage = table["direction"].eq("SHORT").to_numpy(dtype=bool), table["stage"].to_numpy(dtype="int64")
    cluster = table["cluster"].to_numpy(dtype="int64")
    return {
        "n_candidates": len(table),
        "n_vetoed": int((~ranked).sum()),
        "n_eligible": int(ranked.sum()),
        "n_soft_vetoed": int((ranked & table["soft_vetoes"].ne("").to_numpy(dtype=bool)).sum()),
        "n_clusters": len(np.unique(cluster[cluster >= 0])),
        "n_winners": int(selected.sum()),
        "n_long": int((selected & ~short).sum()),
        "n_short": int((selected & short).sum()),
        "vetoes": dict(sorted(Counter(vetoes["veto"].tolist()).items())),
        "stage": recruited.reached,
        "stages": {str(one): int((selected & (stage == one)).sum()) for one in range(1, len(STAGES) + 1)},
        "min_winners": rules.min_winners,
        "max_winners": rules.max_winners,
        "scarcity": rules.scarcity,
        "engine": scored.engine.name,
        "weights_version": scored.engine.version,
        "weights": dict(sorted(scored.weights.items())),
        "missing": dict(sorted(scored.missing.items())),
    }
