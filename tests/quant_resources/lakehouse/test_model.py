"""The lake against a dict: any sequence of writes, reads, restarts and sweeps gives the same answers."""

import datetime as dt
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from quant_lib.contracts import Column, Ownership, TableSpec
from quant_resources.lakehouse import Lake, TableMissingError

FACTS = TableSpec(
    "facts", "Shared rows.", "", Ownership.SHARED, ("date", "symbol"),
    (
        Column("date", "date", "day"),
        Column("symbol", "string", "symbol"),
        Column("value", "float64", "value", nullable=True),
        Column("wall", "int64", "not content"),
    ),
    volatile=("wall",),
)  # fmt: skip
CHOICES = TableSpec(
    "choices", "Decision rows.", "", Ownership.DECISION, ("profile", "date", "symbol"),
    (
        Column("profile", "string", "sleeve"),
        Column("date", "date", "day"),
        Column("symbol", "string", "symbol"),
        Column("value", "float64", "value", nullable=True),
    ),
)  # fmt: skip
DAYS = [dt.date(2021, 12, 31), dt.date(2022, 1, 1), dt.date(2022, 1, 31), dt.date(2022, 2, 1)]
SYMBOLS = ["X:A", "X:B", "Y:Ä"]
PROFILES = ["p", "p_2"]
VALUES = st.sampled_from([0.0, 1.5, None])
ANSWERS = st.dictionaries(st.sampled_from(SYMBOLS), VALUES, max_size=3)
CELLS = st.dictionaries(st.tuples(st.sampled_from(DAYS), st.sampled_from(SYMBOLS)), VALUES, max_size=6)
DAY_SETS = st.sets(st.sampled_from(DAYS), min_size=1)


def frame_of(spec, rows):
    return pd.DataFrame(rows, columns=list(spec.column_names), dtype=object).astype(spec.pandas_types())


def plain(frame, key):
    """Rows of a frame as a dict from key to value, None where missing."""
    names = frame[key].itertuples(index=False, name=None)
    keys = [tuple(k.date() if isinstance(k, pd.Timestamp) else k for k in row) for row in names]
    assert keys == sorted(keys), "rows are not in key order"
    return dict(zip(keys, [None if pd.isna(v) else v for v in frame["value"]], strict=True))


class LakeModel(RuleBasedStateMachine):
    """``facts``: {(date, symbol): value}; ``choices``: {(profile, date): {symbol: value}}; one copy per version."""

    @initialize()
    def start(self):
        self.folder = Path(tempfile.mkdtemp())
        self.sync = mock.patch("os.fsync")
        self.sync.start()
        self.checkpoints = mock.patch("quant_resources.lakehouse._log.CHECKPOINT_EVERY", 4)
        self.checkpoints.start()
        self.versions = {"facts": [], "choices": []}
        self.hashes = {"facts": [], "choices": []}
        self.wall = 0
        self.restart()

    def teardown(self):
        self.sync.stop()
        self.checkpoints.stop()
        shutil.rmtree(self.folder)

    @rule()
    def restart(self):
        self.lake = Lake(self.folder, [FACTS, CHOICES])

    def state(self, table):
        return self.versions[table][-1] if self.versions[table] else {}

    def written(self, receipt, table, state):
        """What a receipt claims about a write that should lead to ``state``."""
        changed = not self.versions[table] or state != self.versions[table][-1]
        assert receipt.changed == changed
        if changed:
            self.versions[table].append(state)
            self.hashes[table].append(self.lake.content_hash(table))
        assert receipt.version == len(self.versions[table]) - 1 == self.lake.version(table)

    def facts_frame(self, cells):
        self.wall += 1  # a re-run never has the same wall clock
        return frame_of(FACTS, [(day, symbol, value, self.wall) for (day, symbol), value in cells.items()])

    @rule(cells=CELLS, days=DAY_SETS)
    def replace_dates(self, cells, days):
        cells = {key: value for key, value in cells.items() if key[0] in days}
        before = self.state("facts")
        receipt = self.lake.replace_dates(FACTS, self.facts_frame(cells), dates=days)
        state = {key: value for key, value in before.items() if key[0] not in days} | cells
        self.written(receipt, "facts", state)
        assert receipt.rows_added - receipt.rows_removed == len(state) - len(before)

    @rule(answer=ANSWERS, day=st.sampled_from(DAYS))
    def replace_shared(self, answer, day):
        cells = {(day, symbol): value for symbol, value in answer.items()}
        kept = {key: value for key, value in self.state("facts").items() if key[0] != day}
        for _ in range(2):  # the second is a re-run: another wall clock, equal content, no version
            self.written(self.lake.replace(FACTS, self.facts_frame(cells), date=day), "facts", kept | cells)

    @rule(cells=CELLS)
    def add_missing(self, cells):
        before = self.state("facts")
        receipt = self.lake.add_missing(FACTS, self.facts_frame(cells))
        self.written(receipt, "facts", cells | before)
        assert (receipt.rows_added, receipt.rows_removed) == (len(set(cells) - set(before)), 0)

    @rule(answer=ANSWERS, profile=st.sampled_from(PROFILES), day=st.sampled_from(DAYS))
    def decide(self, answer, profile, day):
        rows = [(profile, day, symbol, value) for symbol, value in answer.items()]
        receipt = self.lake.replace(CHOICES, frame_of(CHOICES, rows), date=day, profile=profile)
        self.written(receipt, "choices", self.state("choices") | {(profile, day): dict(answer)})

    @rule()
    def sweep(self):
        assert self.lake.sweep(older_than=-1.0) == []

    @rule(table=st.sampled_from(["facts", "choices"]), data=st.data())
    def read_as_of(self, table, data):
        known = self.versions[table]
        version = data.draw(st.none() | st.integers(0, len(known)), label="version")
        if not known or version == len(known):
            with pytest.raises(TableMissingError):
                self.lake.read(table, version=version)
            return
        state = known[-1 if version is None else version]
        assert self.lake.content_hash(table, version=version) == self.hashes[table][-1 if version is None else version]
        self.compare(table, state, version, data)

    def compare(self, table, state, version, data):
        since, until = data.draw(st.tuples(st.none() | st.sampled_from(DAYS), st.none() | st.sampled_from(DAYS)))
        symbols = data.draw(st.none() | st.lists(st.sampled_from(SYMBOLS), max_size=2, unique=True))
        profile = data.draw(st.none() | st.sampled_from(PROFILES)) if table == "choices" else None
        got = self.lake.read(table, version=version, since=since, until=until, symbols=symbols, profile=profile)
        key = ["date", "symbol"] if table == "facts" else ["profile", "date", "symbol"]
        if table == "choices":
            state = {(*cell, symbol): value for cell, answer in state.items() for symbol, value in answer.items()}
        expected = {
            full: value
            for full, value in state.items()
            if (since is None or full[-2] >= since)
            and (until is None or full[-2] <= until)
            and (symbols is None or full[-1] in symbols)
            and (profile is None or full[0] == profile)
        }
        assert plain(got, key) == expected
        total = self.lake.query("select count(*) as n from " + table, as_of_version={table: version or 0})
        assert total.to_pylist()[0]["n"] == self.lake.row_count(table, version=version or 0)

    @rule(profile=st.sampled_from(PROFILES), day=st.sampled_from(DAYS))
    def read_decision(self, profile, day):
        answer = self.state("choices").get((profile, day))
        if answer is None:
            with pytest.raises(TableMissingError):
                self.lake.decision("choices", profile, day)
        else:
            got = self.lake.decision("choices", profile, day)
            assert {key[-1]: value for key, value in plain(got, ["symbol"]).items()} == answer

    @invariant()
    def equal_contents_have_equal_hashes(self):
        for table in ("facts", "choices"):
            frozen = [repr(sorted(state.items(), key=repr)) for state in self.versions[table]]
            pairs = set(zip(frozen, self.hashes[table], strict=True))
            assert len(pairs) == len(set(frozen)) == len(set(self.hashes[table]))

    @invariant()
    def dates_are_those_of_the_newest_version(self):
        facts, choices = self.state("facts"), self.state("choices")
        assert self.lake.dates("facts") == sorted({day for day, _ in facts})
        for profile in PROFILES:
            assert self.lake.dates("choices", profile=profile) == sorted(d for p, d in choices if p == profile)


TestLakeAgainstModel = LakeModel.TestCase
TestLakeAgainstModel.settings = settings(max_examples=12, stateful_step_count=18)


class LongLakeModel(LakeModel):
    """The same, for long."""


TestLakeAgainstModelForLong = pytest.mark.slow(LongLakeModel.TestCase)
TestLakeAgainstModelForLong.settings = settings(max_examples=2000, stateful_step_count=50)
