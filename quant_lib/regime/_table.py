"""Rows of the ``regime`` table, and the record read back from one."""

from __future__ import annotations

import pandas as pd

from quant_lib.contracts import DECISION_REGIME, REGIME
from quant_lib.errors import MissingDataError
from quant_lib.regime._detect import RegimeReading
from quant_lib.regime._types import HmmState, Quadrant, Regime, RegimeLabel


def decision_columns(regime: Regime) -> dict[str, object]:
    """Name the regime a decision knew: the three columns every table shares (semantics 7.5)."""
    values = (str(regime.label), regime.score, str(regime.quadrant))
    return {column.name: value for column, value in zip(DECISION_REGIME, values, strict=True)}


def regime_row(reading: RegimeReading, proxy: str) -> dict[str, object]:
    """Lay a reading out as a row of the ``regime`` table, without profile and date.

    Parameters
    ----------
    reading : RegimeReading
        What was measured; everything not measured is missing, not zero.
    proxy : str
        What stood for the market.
    """
    hmm, regime = reading.hmm, reading.regime
    row: dict[str, object] = {
        **decision_columns(regime),
        "known": regime.known,
        "reason": reading.reason,
        "proxy": proxy,
        "n_returns": reading.n_returns,
        "first_session": reading.first,
        "last_session": reading.last,
        "growth": reading.growth,
        "growth_errors": reading.growth_errors,
        "hmm_state": str(regime.hmm_state),
        "hmm_probability": regime.hmm_probability,
        "hmm_separation": None if hmm is None else hmm.separation,
        "hmm_memory": None if hmm is None else hmm.memory,
        "hmm_persistence": None if hmm is None else hmm.persistence,
        "hmm_converged": hmm is not None and hmm.converged,
        "hmm_iterations": 0 if hmm is None else hmm.iterations,
    }
    for column in REGIME.column_names:
        if column in reading.terms:
            row[column] = reading.terms[column]
            row[f"{column}_percentile"] = reading.percentiles[column]
    return {name: row.get(name) for name in REGIME.column_names if name not in ("profile", "date")}


def regime_of(rows: pd.DataFrame) -> Regime:
    """Read the record back from the one row of a profile and date.

    Raises
    ------
    MissingDataError
        There is no such row: the step did not run, which is not an unknown regime.
    """
    if len(rows) != 1:
        raise MissingDataError(
            "the regime of the decision date", f"{len(rows)} rows of table regime", "materialise the asset regime first"
        )
    row = rows.iloc[0]
    if not bool(row["known"]):
        return Regime.unknown()
    return Regime(
        RegimeLabel(str(row["decision_regime"])),
        float(row["decision_regime_score"]),
        Quadrant(str(row["decision_quadrant"])),
        HmmState(str(row["hmm_state"])),
        float(row["hmm_probability"]),
        known=True,
    )


def regime_words(rows: pd.DataFrame) -> dict[str, str]:
    """Say the regime of a decision date in words, for a page's header; rows as in `regime_of`."""
    regime = regime_of(rows)
    proxy = str(rows["proxy"].iloc[0])
    if not regime.known:
        return {"label": str(regime.label), "because": str(rows["reason"].iloc[0]), "proxy": proxy}
    return {
        "label": str(regime.label),
        "score": f"{regime.score:.2f}",
        "quadrant": str(regime.quadrant),
        "volatility state": f"{regime.hmm_state} (p = {regime.hmm_probability:.2f})",
        "proxy": proxy,
    }
