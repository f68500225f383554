"""What a snapshot leaves behind: rows, outcomes, and evidence that a check can trust."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from quant_assets.checks.technicals import judge_technicals
from quant_assets.dataops.technicals_rows import keep, record_past, store_snapshot, vouched_rows
from quant_lib.contracts import TECHNICALS, TECHNICALS_FETCHES
from quant_lib.errors import InvalidKeyError, MissingDataError
from quant_lib.technicals import columns
from quant_resources.artifacts import ArtifactsResource
from quant_resources.technicals import Attempt, TechnicalsSnapshot, resume_snapshot

DAY = dt.date(2024, 5, 31)
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


def snapshot(fetched=("A:X", "A:Y"), failed=(), close=10.0):
    rows = pd.DataFrame({"symbol": list(fetched)}).reindex(columns=["symbol", *columns()])
    rows = rows.assign(date=pd.Timestamp(DAY), fetched_at=NOW, market_time=NOW, attempt=1)
    rows["close_1d"] = close
    statuses = dict.fromkeys(fetched, "fetched") | dict.fromkeys(failed, "rate_limited")
    fetches = pd.DataFrame({"symbol": sorted(statuses)}).assign(date=pd.Timestamp(DAY), attempts=1)
    fetches["status"] = fetches["symbol"].map(statuses)
    fetches["message"] = fetches["status"].map({"rate_limited": "too many requests"})
    return TechnicalsSnapshot(
        rows[list(TECHNICALS.column_names)].astype(TECHNICALS.pandas_types()),
        fetches[list(TECHNICALS_FETCHES.column_names)].astype(TECHNICALS_FETCHES.pandas_types()),
        (Attempt(idx=1, fetched=len(fetched), failed=len(failed), duration_s=1.0),),
        NOW,
        3,
    )


@pytest.fixture
def artifacts(tmp_path):
    return ArtifactsResource(root=str(tmp_path / "artifacts"))


def judge(lake, artifacts, date=DAY, *, strict=False):
    return judge_technicals(lake, date, Path(artifacts.root), strict=strict)


def test_a_complete_snapshot_passes_with_its_evidence(lake, artifacts):
    stored = store_snapshot(lake, artifacts, snapshot(), DAY, "run-1")
    verdict = judge(lake, artifacts, strict=True)
    assert verdict.passed, verdict.message
    assert not verdict.warning
    assert verdict.figures["coverage"] == 1.0
    assert lake.read("technicals_coverage", date=DAY)["sha256"].tolist() == [stored.sha256]


def test_a_missing_symbol_warns_and_fails_where_strict(lake, artifacts):
    store_snapshot(lake, artifacts, snapshot(failed=("A:Z",)), DAY, "run-1")
    lenient, strict = judge(lake, artifacts), judge(lake, artifacts, strict=True)
    assert lenient.passed
    assert lenient.warning
    assert not strict.passed
    assert strict.failing["symbol"].tolist() == ["A:Z"]


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_text("{}")]
)
def test_evidence_that_was_touched_fails(lake, artifacts, damage):
    stored = store_snapshot(lake, artifacts, snapshot(), DAY, "run-1")
    damage(Path(artifacts.root) / stored.path)
    verdict = judge(lake, artifacts)
    assert not verdict.passed
    assert stored.path in verdict.message


def test_a_past_day_has_no_rows_and_says_why(lake, artifacts):
    past = DAY - dt.timedelta(days=1)
    record_past(lake, past)
    verdict = judge(lake, artifacts, past, strict=True)
    assert verdict.passed
    assert "only the present" in verdict.message
    assert lake.read("technicals", date=past).empty


def test_asking_again_later_leaves_what_was_taken_on_the_day(lake, artifacts):
    store_snapshot(lake, artifacts, snapshot(), DAY, "run-1")
    before = {table: lake.version(table) for table in lake.tables()}
    assert not record_past(lake, DAY).changed
    assert {table: lake.version(table) for table in lake.tables()} == before
    assert judge(lake, artifacts).passed


def test_the_same_answers_make_no_new_version_and_the_evidence_still_fits(lake, artifacts):
    store_snapshot(lake, artifacts, snapshot(), DAY, "run-1")
    assert not store_snapshot(lake, artifacts, snapshot(), DAY, "run-2").receipt.changed
    assert judge(lake, artifacts).passed
    assert store_snapshot(lake, artifacts, snapshot(close=11.0), DAY, "run-3").receipt.changed


def test_when_nothing_answered_the_step_fails_and_the_outcomes_are_kept(lake, artifacts):
    with pytest.raises(MissingDataError, match="too many requests"):
        store_snapshot(lake, artifacts, snapshot(fetched=(), failed=("A:X",)), DAY, "run-1")
    assert lake.read("technicals_fetches", date=DAY)["status"].tolist() == ["rate_limited"]
    assert not lake.exists("technicals")


@pytest.mark.parametrize("run_id", ["../x", "", "a/b", "x" * 65])
def test_a_run_id_never_becomes_a_path(artifacts, run_id):
    with pytest.raises(InvalidKeyError):
        artifacts.write_evidence("technicals", DAY, run_id, "x.json", b"{}")


def test_a_snapshot_cut_short_is_completed_and_what_was_there_stays(lake, artifacts):
    store_snapshot(lake, artifacts, snapshot(failed=("A:Z", "A:ZZ")), DAY, "run-1")
    there = vouched_rows(lake, artifacts, DAY)
    assert there["symbol"].tolist() == ["A:X", "A:Y"]
    rest = resume_snapshot(there, snapshot(fetched=("A:Z",), failed=("A:ZZ",), close=11.0))
    stored = store_snapshot(lake, artifacts, rest, DAY, "run-2")
    assert [(a.idx, a.fetched, a.failed) for a in stored.coverage.attempts] == [(1, 2, 2), (2, 1, 1)]
    assert lake.read("technicals", date=DAY)["close_1d"].tolist() == [10.0, 10.0, 11.0]
    assert lake.read("technicals_fetches", date=DAY)["status"].tolist() == ["fetched"] * 3 + ["rate_limited"]
    verdict = judge(lake, artifacts)
    assert verdict.passed, verdict.message
    assert verdict.figures["coverage"] == 0.75
    # Nobody answers this time: nothing is lost by having asked.
    again = resume_snapshot(vouched_rows(lake, artifacts, DAY), snapshot(fetched=(), failed=("A:ZZ",)))
    assert not store_snapshot(lake, artifacts, again, DAY, "run-3").receipt.changed
    assert judge(lake, artifacts).passed


def test_rows_whose_evidence_was_touched_are_taken_again(lake, artifacts):
    assert vouched_rows(lake, artifacts, DAY).empty
    stored = store_snapshot(lake, artifacts, snapshot(), DAY, "run-1")
    assert not keep(lake, DAY).changed
    (Path(artifacts.root) / stored.path).write_text("{}")
    assert vouched_rows(lake, artifacts, DAY).empty
