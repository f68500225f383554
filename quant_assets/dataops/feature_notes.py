"""What the features of all symbols were last made from, noted in the commit that made them.

A shortcut for checks and nothing else: where the note does not hold to the letter, bars are opened and every
fingerprint is taken again. What is computed is never decided by a note.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from importlib.metadata import version

from quant_assets.dataops.feature_rules import FeatureRules
from quant_resources.kernel_cache import sources_version
from quant_resources.lakehouse import Lake

_INPUTS = ("ohlcv", "instruments")


def noted(lake: Lake, until: dt.date, rules: FeatureRules) -> dict[str, str]:
    """Note of a refresh of all symbols that begins now: how far, by which rules, from which versions."""
    versions = {table: str(lake.version(table)) for table in _INPUTS if lake.exists(table)}
    return {"until": until.isoformat(), "rules": _rules(rules), **versions}


def still_holds(lake: Lake, date: dt.date, rules: FeatureRules) -> bool:
    """Whether nothing that rows of a date are made from has changed since they were; from the logs alone.

    The newest commit of features must be a refresh of all symbols up to the date or beyond, by the same rules and
    code, and every file of bars and of the catalogue up to the month of the date the one it read.
    """
    note = lake.notes("features") if lake.exists("features") else {}
    if note.get("rules") != _rules(rules) or note.get("until", "") < date.isoformat():
        return False
    return all(_unchanged(lake, table, note.get(table), date) for table in _INPUTS)


def _unchanged(lake: Lake, table: str, read: str | None, date: dt.date) -> bool:
    if read is None or not lake.exists(table):
        return read is None and not lake.exists(table)
    return lake.same_until(table, int(read), date)


def _rules(rules: FeatureRules) -> str:
    """Hash of everything but bars and catalogue that decides what a row carries."""
    code = sources_version("health", "calendars", "features")
    text = f"{rules.version}\n{rules.health!r}\n{version('exchange_calendars')}\n{code}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
