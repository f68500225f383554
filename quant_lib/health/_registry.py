"""What every check says of every symbol as of a date, and which of it is news."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from quant_lib.calendars import label_of
from quant_lib.contracts import HEALTH_REGISTRY, OHLCV_FINDINGS
from quant_lib.health._assess import HealthReport

RULES: Final = OHLCV_FINDINGS.column("rule").isin or ()
STEPS: Final = ("fetch", "door", "revision", "repair")
_STATUS_RULES: Final = ("gap", "return_spike", "volume_spike", "price_stall", "stale", "sparse")
_COMPARED: Final = ("passed", "n", "from_date", "to_date", "value", "message")


@dataclass(frozen=True)
class Evidence:
    """What the steps before the verdict wrote for the date; rows of their tables, possibly none.

    Parameters
    ----------
    fetches, rejects, revisions, holes : DataFrame
        Rows of ohlcv_fetches of the date, of ohlcv_rejects refused and ohlcv_revisions seen on it,
        and the newest row of ohlcv_holes for each hole that is still open.
    """

    fetches: pd.DataFrame
    rejects: pd.DataFrame
    revisions: pd.DataFrame
    holes: pd.DataFrame


def registry_rows(report: HealthReport, evidence: Evidence, on: dt.date) -> pd.DataFrame:
    """Give one row per symbol and check (semantics 2.9).

    Parameters
    ----------
    report : HealthReport
        Verdict of the date.
    evidence : Evidence
        What ingestion and repair did.
    on : datetime.date
        As of.

    Returns
    -------
    DataFrame
        Columns of HEALTH_REGISTRY, audit 0, sorted by (symbol, check). A rule that decides a status
        passes when it is not among the symbol's reasons; any other when its newest finding is older
        than the date. A step passes when it had nothing to say.
    """
    symbols = report.health["symbol"]
    found = [_of_rules(report, on), *_of_steps(evidence)]
    every = pd.MultiIndex.from_product([symbols, [*RULES, *STEPS]], names=["symbol", "check"]).to_frame(index=False)
    rows = every.merge(pd.concat(found, ignore_index=True), on=["symbol", "check"], how="left", validate="one_to_one")
    rows["passed"] = rows["passed"].isna() | rows["passed"].eq(True)
    rows["n"] = rows["n"].fillna(0)
    rows["message"] = rows["message"].fillna("")
    rows = rows.assign(date=label_of(on), audit=0).sort_values(["symbol", "check"], kind="stable", ignore_index=True)
    return rows.astype(HEALTH_REGISTRY.pandas_types())[list(HEALTH_REGISTRY.column_names)]


def _of_rules(report: HealthReport, on: dt.date) -> pd.DataFrame:
    """Newest finding of each rule and symbol."""
    findings = report.findings.sort_values(["symbol", "rule", "to_date"], kind="stable")
    grouped = findings.groupby(["symbol", "rule"], sort=True)
    newest = grouped.tail(1).set_index(["symbol", "rule"])
    newest["n"] = grouped.size()
    reasons = report.health.set_index("symbol")["reasons"].str.split(",")
    named = np.array([rule in reasons[symbol] for symbol, rule in newest.index], dtype=np.bool_)
    decides = newest.index.get_level_values("rule").isin(_STATUS_RULES)
    today = (newest["to_date"] >= label_of(on)).to_numpy()
    newest["passed"] = ~np.where(decides, named, today)
    columns = ["passed", "n", "from_date", "to_date", "value", "threshold", "expires_on", "message"]
    return newest[columns].rename_axis(["symbol", "check"]).reset_index()


def _of_steps(evidence: Evidence) -> list[pd.DataFrame]:
    fetches = evidence.fetches.loc[~evidence.fetches["status"].isin(["fetched", "already_current"])]
    parts = [
        pd.DataFrame(
            {
                "symbol": fetches["symbol"],
                "check": "fetch",
                "message": fetches["status"] + ": " + fetches["message"].fillna("no reason given"),
                "n": 1,
            }
        )
    ]
    for name, rows, word in (("door", evidence.rejects, "reason"), ("revision", evidence.revisions, "field")):
        parts.append(_summed(name, rows, rows[word]))
    parts.append(_summed("repair", evidence.holes, evidence.holes["cause"], ("from_date", "to_date")))
    return [part.assign(passed=False) for part in parts]


def _summed(check: str, rows: pd.DataFrame, words: pd.Series, span: tuple[str, str] = ("date", "date")) -> pd.DataFrame:
    """One row per symbol: how many of what, from when to when."""
    labelled = pd.DataFrame({"symbol": rows["symbol"], "from": rows[span[0]], "to": rows[span[1]], "word": words})
    out = []
    for symbol, own in labelled.groupby("symbol", sort=True):
        counts = own["word"].value_counts().sort_index()
        out.append(
            {
                "symbol": symbol,
                "check": check,
                "n": len(own),
                "from_date": own["from"].min(),
                "to_date": own["to"].max(),
                "message": ", ".join(f"{n} {word}" for word, n in counts.items()),
            }
        )
    return pd.DataFrame(out, columns=["symbol", "check", "n", "from_date", "to_date", "message"])


def new_audits(stored: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the verdicts that are news, numbered after what is stored. Nothing stored is ever rewritten.

    Parameters
    ----------
    stored : DataFrame
        Rows of the registry of the same date; may be empty.
    rows : DataFrame
        From `registry_rows`.

    Returns
    -------
    DataFrame
        Rows without a stored verdict, and rows that differ from the newest one, with the next audit number.
    """
    key = ["symbol", "check"]
    newest = stored.sort_values("audit", kind="stable").groupby(key, sort=False).tail(1)
    both = rows.merge(newest[[*key, "audit", *_COMPARED]], on=key, how="left", suffixes=("", "_stored"))
    known = both["audit_stored"].notna()
    same = known.copy()
    for name in _COMPARED:
        new, old = both[name], both[f"{name}_stored"]
        same &= new.eq(old) | (new.isna() & old.isna())
    news = rows.assign(audit=np.where(known, both["audit_stored"].fillna(-1) + 1, 0).astype("int64"))
    return news.loc[~same.to_numpy()].reset_index(drop=True)


def still_open(holes: pd.DataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """Keep the holes that are holes of the bars as they are: what was filled by a refresh or a later fetch is none.

    Parameters
    ----------
    holes : DataFrame
        Newest row of ohlcv_holes for each hole.
    findings : DataFrame
        Rows of ohlcv_findings; each gap of the bars is one.
    """
    gaps = findings.loc[findings["rule"] == "gap", ["symbol", "from_date"]]
    here = pd.MultiIndex.from_frame(holes[["symbol", "from_date"]]).isin(pd.MultiIndex.from_frame(gaps))
    return holes.loc[here & (holes["state"] != "filled").to_numpy()].reset_index(drop=True)


def explain_gaps(findings: pd.DataFrame, holes: pd.DataFrame) -> pd.DataFrame:
    """Add to each gap what repair could do about it.

    Parameters
    ----------
    findings : DataFrame
        Rows of ohlcv_findings.
    holes : DataFrame
        Newest row of ohlcv_holes for each hole still open.

    Returns
    -------
    DataFrame
        The findings, messages of gaps ending in the cause their hole was left open with.
    """
    why = holes.drop_duplicates(["symbol", "from_date"], keep="last").set_index(["symbol", "from_date"])["message"]
    at = pd.MultiIndex.from_frame(findings[["symbol", "from_date"]])
    told = pd.Series(why.reindex(at).to_numpy(), index=findings.index, dtype="object")
    explained = findings["rule"].eq("gap") & told.notna()
    return findings.assign(message=findings["message"].where(~explained, findings["message"] + "; " + told.astype(str)))
