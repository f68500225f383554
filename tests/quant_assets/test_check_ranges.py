"""Checks of a range leave a verdict for each date, however often the range is judged."""

import datetime as dt

import dagster as dg
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from quant_assets.checks.factory import Contract, build_check
from quant_assets.checks.status import statuses_of
from quant_assets.partitions import daily_partitions
from quant_lib.contracts.verdicts import require
from quant_resources.lakehouse.resource import LakehouseResource

START = dt.date(2024, 1, 1)
DAYS = [START + dt.timedelta(days=k) for k in range(4)]
PARTITIONS = daily_partitions(START)
KEY = dg.AssetKey("facts")


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


class Facts:
    """An asset and its check; dates in `bad` fail it."""

    def __init__(self, instance, root):
        self.instance, self.root, self.bad = instance, str(root), set()
        self.contract = Contract(KEY, "sound", "facts are sound", lambda lake, date: require(date not in self.bad, "x"))

    def run(self, first, last):
        @dg.asset(key=KEY, partitions_def=PARTITIONS, backfill_policy=dg.BackfillPolicy.single_run())
        def facts(context) -> None:
            context.log.debug("made")

        tags = {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}
        return dg.materialize(
            [facts, build_check(self.contract, PARTITIONS)],
            instance=self.instance,
            resources={"lakehouse": LakehouseResource(root=self.root)},
            raise_on_error=False,
            **({"partition_key": first.isoformat()} if first == last else {"tags": tags}),
        )

    def statuses(self):
        return [statuses_of(self.instance, [self.contract], day)[0].status for day in DAYS]


def test_each_date_of_a_range_has_its_own_verdict_the_second_time_too(instance, tmp_path):
    facts = Facts(instance, tmp_path)
    facts.bad = {DAYS[1]}
    facts.run(DAYS[0], DAYS[2])
    assert facts.statuses() == ["succeeded", "failed", "succeeded", "never ran"]
    facts.bad = {DAYS[2]}
    facts.run(DAYS[0], DAYS[2])
    assert facts.statuses() == ["succeeded", "succeeded", "failed", "never ran"]
    facts.bad = set()
    facts.run(DAYS[2], DAYS[3])
    assert facts.statuses() == ["succeeded"] * 4
    facts.bad = {DAYS[0]}
    facts.run(DAYS[0], DAYS[0])
    assert facts.statuses() == ["failed", "succeeded", "succeeded", "succeeded"]


def test_a_range_with_one_bad_date_blocks(instance, tmp_path):
    facts = Facts(instance, tmp_path)
    facts.bad = {DAYS[1]}
    result = facts.run(DAYS[0], DAYS[2])
    assert [one.passed for one in result.get_asset_check_evaluations() if one.partition is None] == [False]
