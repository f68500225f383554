"""The history of the catalogue does not depend on the order or the portions in which dates arrive."""

from __future__ import annotations

import datetime as dt
import itertools

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.contracts import INSTRUMENT_VERSIONS
from quant_lib.instruments import rewind, valid_on, versions_of
from tests.examples import examples

from .conftest import FIRST, make_rows

DAYS = [FIRST + dt.timedelta(days=k) for k in range(5)]
STATES = st.sampled_from([None, {}, {"tick_size": 0.5}, {"active": False, "listing": "vanished"}, {"sector": "x"}])


@st.composite
def histories(draw):
    """State of three symbols on five days; None: not in the catalogue."""
    return [{name: draw(STATES) for name in ("B:X", "B:Y", "B:Z")} for _ in DAYS]


def snapshots(history):
    return {
        day: make_rows(day, {name: state for name, state in states.items() if state is not None})
        for day, states in zip(DAYS, history, strict=True)
    }


def grown(frames, order, portions):
    """History built as dates arrive: each portion is catalogued, then everything from its first date on is redone."""
    stored, versions = {}, None
    days = iter(order)
    for portion in portions:
        new = list(itertools.islice(days, portion))
        if not new:
            continue
        stored |= {day: frames[day] for day in new}
        first = min(new)
        since = pd.concat([stored[day] for day in sorted(stored) if day >= first])
        versions = versions_of(since, None if versions is None else rewind(versions, first))
    return versions


@settings(max_examples=examples(settings().max_examples // 12))  # an example costs a tenth of a second
@given(histories(), st.permutations(DAYS), st.lists(st.integers(1, 5), min_size=5, max_size=5))
def test_order_and_portions_do_not_matter(history, order, portions):
    frames = snapshots(history)
    whole = versions_of(pd.concat(frames.values()))
    pd.testing.assert_frame_equal(grown(frames, order, portions), whole)


@settings(max_examples=examples(settings().max_examples // 12))  # an example costs a tenth of a second
@given(histories())
def test_a_look_up_gives_what_was_catalogued_on_the_day(history):
    frames = snapshots([{k: v or {} for k, v in states.items()} for states in history])
    versions = versions_of(pd.concat(frames.values()))
    INSTRUMENT_VERSIONS.pandera_schema().validate(versions)
    for day, rows in frames.items():
        found = valid_on(versions, day)
        columns = [name for name in found.columns if name in rows.columns and name != "date"]
        pd.testing.assert_frame_equal(found[columns], rows[columns].reset_index(drop=True))


def test_a_change_opens_a_version_and_says_what_changed():
    frames = [
        make_rows(DAYS[0], {"B:X": {}}),
        make_rows(DAYS[1], {"B:X": {}}),
        make_rows(DAYS[2], {"B:X": {"tick_size": 0.5, "tick_size_source": "exchange"}}),
        make_rows(DAYS[3], {"B:X": {"tick_size": 0.5, "tick_size_source": "exchange"}, "B:Y": {}}),
    ]
    versions = versions_of(pd.concat(frames))
    assert versions["symbol"].tolist() == ["B:X", "B:X", "B:Y"]
    assert versions["date"].dt.date.tolist() == [DAYS[0], DAYS[2], DAYS[3]]
    assert versions["changed"].tolist() == ["", "tick_size,tick_size_source", ""]
    assert versions["valid_until"].iloc[0].date() == DAYS[2]
    assert versions["valid_until"].iloc[1:].isna().all()
    assert valid_on(versions, DAYS[0] - dt.timedelta(days=1)).empty
    assert valid_on(versions, DAYS[-1])["symbol"].tolist() == ["B:X", "B:Y"]


def test_the_newest_bar_alone_is_no_change():
    frames = [make_rows(day, {"B:X": {}}) for day in DAYS]
    assert frames[0]["last_traded_on"].iloc[0] != frames[1]["last_traded_on"].iloc[0]
    assert len(versions_of(pd.concat(frames))) == 1
