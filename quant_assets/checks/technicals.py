"""Contract of the vendor's technicals: schema, coverage, and the evidence behind it."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pandas as pd

from quant_lib.contracts import TECHNICALS, TECHNICALS_COVERAGE, TECHNICALS_FETCHES
from quant_lib.contracts.verdicts import Verdict, all_of, judge_schema, require
from quant_resources.lakehouse import Lake
from quant_resources.technicals import InvalidCoverageError, read_coverage


def judge_technicals(lake: Lake, date: dt.date, artifacts_root: Path, *, strict: bool) -> Verdict:
    """Judge a day's snapshot.

    Parameters
    ----------
    lake : Lake
        Where it is.
    date : datetime.date
        Judged date.
    artifacts_root : Path
        Folder the evidence lies below.
    strict : bool
        Whether a missing symbol fails the day; it warns otherwise.

    Returns
    -------
    Verdict
        A past date passes with no rows. Evidence that is missing, changed or breaks its schema always fails.
    """
    rows, fetches = lake.read("technicals", date=date), lake.read("technicals_fetches", date=date)
    record = lake.read("technicals_coverage", date=date)
    schema = all_of(
        judge_schema(TECHNICALS, rows),
        judge_schema(TECHNICALS_FETCHES, fetches),
        judge_schema(TECHNICALS_COVERAGE, record),
        require(len(record) == 1, f"{len(record)} coverage records of {date}, 1 expected"),
    )
    if not schema.passed:
        return schema
    told = record.iloc[0]
    if told["status"] == "past":
        message = "no snapshot: the day was over when it was asked for, and the vendor serves only the present"
        return require(rows.empty, message if rows.empty else "rows of a day that was never snapshotted", {"rows": 0})
    covered = _coverage(rows, fetches, told, strict=strict)
    return all_of(covered, _evidence(told, artifacts_root))


def _coverage(rows: pd.DataFrame, fetches: pd.DataFrame, told: pd.Series, *, strict: bool) -> Verdict:
    failed = fetches[fetches["status"] != "fetched"]
    agrees = set(rows["symbol"]) == set(fetches["symbol"]) - set(failed["symbol"]) and len(rows) == told["fetched"]
    return Verdict(
        passed=agrees and (failed.empty or not strict),
        message=f"{len(rows)} of {len(fetches)} symbols have technicals"
        + ("" if agrees else "; rows, outcomes and coverage record contradict each other"),
        figures={"requested": len(fetches), "fetched": len(rows), "coverage": float(told["coverage"])},
        failing=failed[["symbol", "status", "attempts", "message"]],
        warning=not failed.empty,
    )


def _evidence(told: pd.Series, root: Path) -> Verdict:
    path = root / str(told["artifact"])
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        return require(False, f"coverage artifact {told['artifact']} is missing or was changed")
    try:
        artifact = read_coverage(content, str(told["artifact"]))
    except InvalidCoverageError as error:
        return require(False, str(error))
    same = (artifact.requested, artifact.fetched, artifact.run_id) == (
        told["requested"],
        told["fetched"],
        told["run_id"],
    )
    return require(same, f"coverage artifact {told['artifact']}" + ("" if same else " contradicts its record"))
