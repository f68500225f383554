"""The catalogue as a slowly changing dimension: one row per symbol and span of unchanged values (semantics 2.10)."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from quant_lib.contracts import INSTRUMENT_VERSIONS

TRACKED: tuple[str, ...] = tuple(
    name for name in INSTRUMENT_VERSIONS.column_names if name not in ("date", "symbol", "valid_until", "changed")
)
"""Values whose change begins a new version."""


def versions_of(snapshots: pd.DataFrame, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Turn daily catalogues into versions.

    Parameters
    ----------
    snapshots : DataFrame
        Catalogue rows of any number of dates, in any order.
    before : DataFrame, optional
        Versions up to the first of those dates, from `rewind`.

    Returns
    -------
    DataFrame
        Rows of ``instrument_versions``. A version holds from ``date`` on and until, not
        including, ``valid_until``; ``changed`` names the values that differ from the
        version before. The result does not depend on how the dates are split over calls.
    """
    spec = INSTRUMENT_VERSIONS
    closed = spec_empty() if before is None else before[before["valid_until"].notna()]
    still_open = spec_empty() if before is None else before[before["valid_until"].isna()]
    seen = pd.concat([still_open[["date", "symbol", "changed", *TRACKED]], snapshots], ignore_index=True)
    seen = seen.sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    mark = pd.util.hash_pandas_object(seen[list(TRACKED)], index=False)
    first = seen["symbol"].ne(seen["symbol"].shift())
    starts = seen[first | mark.ne(mark.shift())].reset_index(drop=True)
    continues = starts["symbol"].eq(starts["symbol"].shift())
    starts["valid_until"] = starts["date"].shift(-1).where(starts["symbol"].eq(starts["symbol"].shift(-1)))
    starts["changed"] = starts["changed"].fillna("") if "changed" in starts else ""
    starts["changed"] = starts["changed"].where(~continues, _differences(starts))
    made = starts[list(spec.column_names)].astype(spec.pandas_types())
    whole = pd.concat([closed, made], ignore_index=True)
    return whole.sort_values(["date", "symbol"], kind="stable", ignore_index=True)


def spec_empty() -> pd.DataFrame:
    """Return no versions, typed."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in INSTRUMENT_VERSIONS.pandas_types().items()})


def _differences(starts: pd.DataFrame) -> pd.Series:
    """Names of the values that differ from the row before, comma separated."""
    words = pd.Series("", index=starts.index)
    for name in TRACKED:
        value, former = starts[name], starts[name].shift()
        moved = ~(value.eq(former) | (value.isna() & former.isna())).fillna(False).astype(bool)
        words = words.where(~moved, words.where(words.eq(""), words + ",") + name)
    return words


def rewind(versions: pd.DataFrame, to: dt.date) -> pd.DataFrame:
    """Return the versions as they stood before a date was catalogued.

    Parameters
    ----------
    versions : DataFrame
        Rows of ``instrument_versions``.
    to : datetime.date
        First date to forget.
    """
    day = pd.Timestamp(to)
    kept = versions[versions["date"] < day].copy()
    kept["valid_until"] = kept["valid_until"].where(kept["valid_until"] < day)
    return kept.reset_index(drop=True)


def valid_on(versions: pd.DataFrame, on: dt.date) -> pd.DataFrame:
    """Look the catalogue of a date up: versions with ``date <= on < valid_until``, one per symbol."""
    day = pd.Timestamp(on)
    holds = (versions["date"] <= day) & (versions["valid_until"].isna() | (day < versions["valid_until"]))
    return versions[holds].sort_values("symbol", kind="stable", ignore_index=True)
