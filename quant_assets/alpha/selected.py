"""What the selection asset tells beside its table."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from quant_lib.clustering import cluster_stability
from quant_lib.selection import SelectionResult


def selection_summary(chosen: SelectionResult, previous: pd.DataFrame | None) -> pd.DataFrame:
    """Row of ``selection_summary`` without profile and date.

    Parameters
    ----------
    chosen : SelectionResult
        Selection of the date.
    previous : DataFrame, optional
        Rows of ``selection`` of the sleeve's decision before.
    """
    told = ("vetoes", "stages", "weights", "missing")
    row: dict[str, Any] = {
        name: json.dumps(value, sort_keys=True) if name in told else value for name, value in chosen.summary.items()
    }
    if math.isinf(row["condition_number"]):
        row["condition_number"] = math.nan
    row["previous_date"] = pd.NaT if previous is None else previous["date"].max()
    stability = None if previous is None else cluster_stability(_clusters(previous), _clusters(chosen.table))
    row["cluster_stability"] = float("nan") if stability is None else stability
    return pd.DataFrame([row])


def _clusters(table: pd.DataFrame) -> pd.Series:
    rows = table[table["cluster"] >= 0].drop_duplicates("symbol")
    return rows.set_index("symbol")["cluster"]


def selection_metadata(chosen: SelectionResult, summary: pd.DataFrame) -> dict[str, Any]:
    """Figures worth plotting."""
    counts = chosen.summary
    stability = float(summary["cluster_stability"].iloc[0])
    shown = {} if pd.isna(stability) else {"cluster_stability": stability}
    return {
        "candidates": counts["n_candidates"],
        "vetoed": counts["n_vetoed"],
        "soft_vetoed": counts["n_soft_vetoed"],
        "clusters": counts["n_clusters"],
        "recruited": counts["n_winners"],
        "stage": chosen.stage,
        "sparse": chosen.sparse,
        **{f"veto/{name}": n for name, n in counts["vetoes"].items()},
        **shown,
    }
