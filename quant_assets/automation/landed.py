"""Events that landed since a cursor, none lost: `@asset_sensor` reads only the newest one between two ticks."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

BATCH = 200
"""Events of one asset read in one tick; the rest is read in the next."""
LONGEST_RUN = dt.timedelta(hours=6)
"""A run that has not ended so long after its event is no longer waited for: its process died without a word."""


@dataclass(frozen=True)
class Landed:
    """One materialisation of one date."""

    asset: dg.AssetKey
    date: str
    storage_id: int
    run_id: str
    at: float


@dataclass(frozen=True)
class Tick:
    """What a tick has to look at, and the cursor to keep afterwards."""

    events: tuple[Landed, ...]
    cursor: int
    waiting: int = 0
    """Events held back because their run goes on; the cursor stays before them."""


def newest_storage_id(instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey]) -> int:
    """Storage id of the newest materialisation of some assets; 0 where there is none."""
    newest = (instance.fetch_materializations(key, limit=1).records for key in assets)
    return max((records[0].storage_id for records in newest if records), default=0)


def landed_since(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetKey], cursor: int, now: dt.datetime, *, batch: int = BATCH
) -> Tick:
    """Read what landed after a cursor, oldest first.

    Parameters
    ----------
    instance : DagsterInstance
        Where events are.
    assets : sequence of AssetKey
        Assets watched.
    cursor : int
        Storage id of the newest event already seen.
    now : datetime.datetime
        Wall clock, UTC.
    batch : int
        Events of one asset read at most.

    Returns
    -------
    Tick
        Events of runs that have ended. An event whose run goes on, and everything
        after it, is left to a later tick. Where an asset had more events than a
        batch, nothing beyond its last one is taken from the others either, so that
        the one cursor skips nothing.
    """
    events: list[Landed] = []
    horizon: float = float("inf")
    for key in assets:
        found = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, after_storage_id=cursor), limit=batch, ascending=True
        )
        if len(found.records) == batch:
            horizon = min(horizon, found.records[-1].storage_id)
        events += [
            Landed(key, str(record.partition_key), record.storage_id, record.run_id, record.timestamp)
            for record in found.records
            if record.partition_key is not None
        ]
    ordered = sorted((one for one in events if one.storage_id <= horizon), key=lambda one: one.storage_id)
    ended: dict[str, bool] = {}
    for position, event in enumerate(ordered):
        if event.run_id not in ended:
            ended[event.run_id] = _ended(instance, event, now)
        if not ended[event.run_id]:
            kept = tuple(ordered[:position])
            return Tick(kept, kept[-1].storage_id if kept else cursor, len(ordered) - position)
    return Tick(tuple(ordered), ordered[-1].storage_id if ordered else cursor)


def _ended(instance: dg.DagsterInstance, event: Landed, now: dt.datetime) -> bool:
    run = instance.get_run_by_id(event.run_id) if event.run_id else None
    return run is None or run.is_finished or now.timestamp() - event.at > LONGEST_RUN.total_seconds()


def materialised_after(instance: dg.DagsterInstance, asset: dg.AssetKey, event: Landed) -> bool:
    """Whether an asset's same date was materialised after an event."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[event.date], after_storage_id=event.storage_id),
        limit=1,
    )
    return bool(found.records)


def requests_for(dates: Iterable[str], *, run_key: str, why: str) -> Iterator[dg.RunRequest]:
    """One run for each stretch of consecutive dates.

    Parameters
    ----------
    dates : iterable of str
        Partition keys.
    run_key : str
        What makes the request unique beside its dates.
    why : str
        Tag of the runs.
    """
    days = sorted({dt.date.fromisoformat(date) for date in dates})
    for _, group in itertools.groupby(enumerate(days), key=lambda pair: pair[1] - dt.timedelta(days=pair[0])):
        stretch = [day.isoformat() for _, day in group]
        first, last = stretch[0], stretch[-1]
        tags = {"quant/why": why}
        if first == last:
            yield dg.RunRequest(run_key=f"{first}:{run_key}", partition_key=first, tags=tags)
            continue
        tags |= {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}
        yield dg.RunRequest(run_key=f"{first}..{last}:{run_key}", tags=tags)
