"""The one daily calendar every asset shares."""

from __future__ import annotations

import datetime as dt
import functools

import dagster as dg


@functools.lru_cache(maxsize=8)
def daily_partitions(start: dt.date) -> dg.DailyPartitionsDefinition:
    """UTC days from ``start`` on; a partition exists once its day has closed.

    One object serves every asset: Dagster refuses to run assets with different
    partition definitions together.
    """
    return dg.DailyPartitionsDefinition(start_date=start.isoformat(), timezone="UTC")
