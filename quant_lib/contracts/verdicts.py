"""Judging stored rows: each contract returns the figure it judged and the rows that failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from quant_lib.contracts.spec import TableSpec

if TYPE_CHECKING:
    import pandas as pd


SHOWN_ROWS = 20


def _no_rows() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame()


@dataclass(frozen=True)
class Verdict:
    """Outcome of one contract.

    Attributes
    ----------
    passed : bool
        Whether the contract holds.
    message : str
        What was judged and what came out, in a sentence.
    figures : dict of str to float or str
        The figures behind it.
    failing : DataFrame
        Rows that failed; the first 20 are shown to the reviewer.
    warning : bool
        The contract holds but a person should look.
    """

    passed: bool
    message: str
    figures: dict[str, float | int | str] = field(default_factory=dict)
    failing: pd.DataFrame = field(default_factory=_no_rows)
    warning: bool = False


def judge_schema(spec: TableSpec, frame: pd.DataFrame) -> Verdict:
    """Judge rows by their table's pandera schema.

    Parameters
    ----------
    spec : TableSpec
        The declaration: types, bounds, vocabulary, unique key.
    frame : DataFrame
        Rows of the table.

    Returns
    -------
    Verdict
        Every failing case, not only the first.
    """
    import pandera.errors

    figures: dict[str, float | int | str] = {"rows": len(frame), "layer": spec.layer}
    try:
        spec.pandera_schema().validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        failing = cases[["column", "check", "failure_case", "index"]].astype("str")
        return Verdict(False, f"{spec.name}: {len(cases)} violations of its schema", figures, failing)
    return Verdict(True, f"{spec.name}: {len(frame)} rows hold the schema", figures)


def all_of(*verdicts: Verdict) -> Verdict:
    """Join several verdicts: every one must pass; messages of those that did not come first."""
    import pandas as pd

    failed = [v for v in verdicts if not v.passed]
    shown = failed or [v for v in verdicts if v.warning] or list(verdicts)
    figures: dict[str, float | int | str] = {}
    for verdict in verdicts:
        figures.update(verdict.figures)
    frames = [v.failing for v in (failed or verdicts) if len(v.failing)]
    failing = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return Verdict(
        not failed, "; ".join(v.message for v in shown), figures, failing, warning=any(v.warning for v in verdicts)
    )


def require(
    holds: bool, message: str, figures: dict[str, float | int | str] | None = None, failing: pd.DataFrame | None = None
) -> Verdict:
    """Verdict from a condition."""
    import pandas as pd

    return Verdict(holds, message, figures or {}, pd.DataFrame() if failing is None else failing)
