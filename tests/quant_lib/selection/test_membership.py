"""Who belongs to a universe on a day: by what was known on it, and stamped where nobody can say."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.selection import (
    MarketCaps,
    Membership,
    MembershipRow,
    NotPointInTimeError,
    ScreenRules,
    SymbolList,
    screen,
)

D = dt.date
LEFT_AND_CAME_BACK = Membership(
    "index",
    (
        MembershipRow("NYSE:A", D(2018, 1, 2), None, D(2017, 12, 20)),
        MembershipRow("NYSE:B", D(2018, 1, 2), None, D(2017, 12, 20)),
        MembershipRow("NYSE:B", D(2018, 1, 2), D(2019, 3, 1), D(2019, 2, 20)),  # that it leaves became known
        MembershipRow("NYSE:B", D(2020, 6, 1), None, D(2020, 5, 20)),  # and that it comes back
    ),
)


@pytest.mark.parametrize(
    ("day", "members"),
    [
        (D(2018, 1, 2), "AB"),
        (D(2019, 2, 28), "AB"),  # announced, not yet gone
        (D(2019, 3, 1), "A"),
        (D(2020, 5, 31), "A"),  # announced, not yet back
        (D(2020, 6, 1), "AB"),
        (None, "AB"),
    ],
)
def test_who_leaves_and_comes_back_belongs_while_it_does(day, members):
    assert LEFT_AND_CAME_BACK.on(day) == tuple(f"NYSE:{name}" for name in members)


def test_a_day_before_everything_known_is_refused():
    with pytest.raises(NotPointInTimeError, match="begins on 2018-01-02"):
        LEFT_AND_CAME_BACK.on(D(2018, 1, 1))


def test_what_was_announced_later_changes_no_earlier_day():
    late = (MembershipRow("NYSE:A", D(2018, 1, 2), D(2019, 1, 2), D(2021, 1, 1)),)
    told = Membership("index", LEFT_AND_CAME_BACK.rows + late)
    assert told.on(D(2020, 1, 2)) == LEFT_AND_CAME_BACK.on(D(2020, 1, 2))  # a correction of 2021 is not known in 2020
    assert told.on(D(2021, 1, 1)) == ("NYSE:B",)


DAYS = st.dates(D(2018, 1, 1), D(2018, 3, 1))


@given(st.lists(st.tuples(st.sampled_from("ABC"), DAYS, DAYS, DAYS), min_size=1, max_size=8), DAYS)
@settings(max_examples=60)
def test_members_depend_on_no_row_that_is_not_known_yet(rows, day):
    stays = tuple(MembershipRow(s, D(2018, 1, 1), max(a, D(2018, 1, 2)), k) for s, a, _, k in rows)
    known = tuple(row for row in stays if row.known_at <= day)
    unique = {(row.symbol, row.known_at) for row in stays}
    if not known or len(unique) < len(stays):
        return
    slow = {s for s in "ABC" if (own := [r for r in known if r.symbol == s]) and day < max(own, key=_known).end}
    assert Membership("x", stays).on(day) == Membership("x", known).on(day) == tuple(sorted(slow))


def _known(row):
    return row.known_at


JUNE = D(2019, 6, 3)


def frame(*names, day=JUNE):
    return pd.DataFrame(
        {
            "symbol": [f"NYSE:{name}" for name in names],
            "date": pd.Timestamp(day),
            "exchange": "NYSE",
            "asset_type": "equity",
            "base": list(names),
            "quote": "USD",
            "active": True,
            "close": 10.0,
            "turnover": 5e6,
            "value_traded": 5e6,
        }
    )


def rules(**changes):
    return ScreenRules(**({"direction": "LONG", "dedupe": False, "sort_by": "turnover"} | changes))


def test_what_is_named_and_unknown_is_a_row_with_its_reason():
    found = screen(frame("A", "C"), rules(include_symbols=("NYSE:A", "NYSE:B")))
    assert found.candidates["symbol"].tolist() == ["NYSE:A"]
    first = found.funnel.iloc[0]
    assert (first["rows_in"], first["rows_out"]) == (3, 2)
    told = found.drops.set_index("symbol")["reason"]
    assert told["NYSE:B"] == "named, but no bar of it is known on the date"
    assert len(found.drops) + len(found.candidates) == first["rows_in"]


def test_members_by_stay_screen_a_past_day():
    found = screen(frame("A", "B"), rules(membership=LEFT_AND_CAME_BACK))
    assert found.candidates["symbol"].tolist() == ["NYSE:A"]  # B had left in 2019
    later = screen(frame("A", "B", day=D(2020, 6, 1)), rules(membership=LEFT_AND_CAME_BACK))
    assert later.candidates["symbol"].tolist() == ["NYSE:A", "NYSE:B"]


def test_a_scan_is_judged_by_the_day_its_market_stands_on():
    live, old = frame("A", "B").drop(columns="date"), D(2020, 6, 1)
    stays = rules(membership=LEFT_AND_CAME_BACK)
    assert screen(live, stays, on=old).candidates["symbol"].tolist() == ["NYSE:A", "NYSE:B"]
    assert screen(live, stays, on=D(2019, 6, 1)).candidates["symbol"].tolist() == ["NYSE:A"]
    young = rules(member_lists=(SymbolList("young", D(2021, 1, 1), ("NYSE:A",)),))
    with pytest.raises(NotPointInTimeError, match="membership of 2020-06-01"):
        screen(live, young, on=old)
    # The market tells its own capitalisation; a file must not be younger than the day it stands on.
    rich = live.assign(market_cap=5.0)
    assert len(screen(rich, rules(market_caps=MarketCaps(floor=1.0)), on=old).candidates) == 2
    with pytest.raises(NotPointInTimeError, match="the file is of 2021-01-01"):
        screen(rich, rules(market_caps=MarketCaps(known_on=D(2021, 1, 1), caps={"A": 1.0}, floor=1.0)), on=old)


def test_a_list_used_before_its_day_is_stamped():
    young = (SymbolList("young", D(2020, 1, 1), ("NYSE:A",)),)
    with pytest.raises(NotPointInTimeError):
        screen(frame("A"), rules(member_lists=young))
    all_the_same = rules(member_lists=young, first_list_holds_before=True)
    assert screen(frame("A"), all_the_same).candidates["symbol"].tolist() == ["NYSE:A"]
    stamps = {
        "unknown": (all_the_same, rules(include_symbols=("NYSE:A",)), rules(ensure_symbols=("NYSE:A",))),
        "point_in_time": (rules(), rules(member_lists=young), rules(membership=LEFT_AND_CAME_BACK)),
    }
    for word, several in stamps.items():
        assert {one.survivorship for one in several} == {word}
