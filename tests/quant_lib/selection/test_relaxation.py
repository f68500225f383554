"""Stages of recruitment: each rule alone, against a slow rewrite of them, and the properties none may break."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quant_lib.selection import ContradictoryRulesError
from quant_lib.selection.relaxation import STAGES, Field, Seating, recruit


def field(n=6, **arrays):
    """n lone candidates, each its own base and cluster, none vetoed."""
    made = {
        "identity": np.arange(n),
        "group": 2 * np.arange(n),
        "cluster": np.arange(n),
        "soft": np.zeros(n, dtype=bool),
        "soft_relaxed": np.zeros(n, dtype=bool),
        "ordered": np.ones(n, dtype=bool),
    }
    flags = ("soft", "soft_relaxed", "ordered")
    made |= {name: np.asarray(values, dtype=bool if name in flags else int) for name, values in arrays.items()}
    return Field(**made)


def seating(n=6, top_n=2, floor=0, cap=25, **rest):
    return Seating(seats=np.full(n, top_n), min_winners=floor, max_winners=cap, **rest)


def stages(found):
    return found.stage.tolist()


def test_strict_takes_what_passes_and_stops_at_the_floor():
    found = recruit(field(soft=[0, 1, 0, 1, 0, 0], soft_relaxed=[0] * 6), seating(floor=4))
    assert stages(found) == [1, 0, 1, 0, 1, 1]
    assert found.reached == 1
    assert found.blocked.tolist() == ["", "soft", "", "soft", "", ""]
    assert found.rival.tolist() == [-1] * 6, "a veto stands in the way, not another candidate"


def test_stage_two_admits_what_the_relaxed_thresholds_do():
    vetoed = field(soft=[0, 1, 0, 1, 0, 0], soft_relaxed=[0, 0, 0, 1, 0, 0])
    found = recruit(vetoed, seating(floor=5))
    assert (stages(found), found.reached) == ([1, 2, 1, 0, 1, 1], 2)


def test_stage_three_gives_each_cluster_without_a_winner_its_best():
    clusters = field(
        cluster=[0, 1, 1, 0, 2, 1], group=[0, 2, 2, 0, 4, 2], soft=[0, 1, 1, 1, 1, 1], soft_relaxed=[0, 1, 1, 1, 1, 1]
    )
    found = recruit(clusters, seating(floor=3))
    assert (stages(found), found.reached) == ([1, 3, 0, 0, 3, 0], 3)


def test_stage_three_refuses_what_is_too_random():
    alone = field(n=3, cluster=[0, 0, 1], group=[0, 0, 2], soft=[1] * 3, soft_relaxed=[1] * 3, ordered=[0, 1, 0])
    found = recruit(alone, seating(n=3, floor=3, max_stage=3))
    assert (stages(found), found.reached) == ([0, 3, 0], 3)


def test_stage_four_fills_up_to_the_floor_unvetoed_first():
    crowd = field(cluster=[0] * 6, group=[0] * 6, soft=[0, 1, 0, 0, 1, 0], soft_relaxed=[0, 1, 0, 0, 1, 0])
    found = recruit(crowd, seating(top_n=1, floor=4))
    # Rank 1 has the only seat; the floor is then filled by those without a veto, before any with one.
    assert (stages(found), found.reached) == ([1, 0, 4, 4, 0, 4], 4)
    found = recruit(crowd, seating(top_n=1, floor=5))
    assert stages(found) == [1, 4, 4, 4, 0, 4]
    assert found.blocked[4] == "soft"


@pytest.mark.parametrize("last", [1, 2, 3, 4])
def test_no_stage_beyond_the_last_is_tried(last):
    every = field(n=4, cluster=[0, 0, 1, 1], group=[0, 0, 2, 2], soft=[0, 1, 1, 1], soft_relaxed=[0, 0, 1, 1])
    found = recruit(every, seating(n=4, top_n=2, floor=4, max_stage=last))
    assert found.reached == last
    assert stages(found) == [[1, 0, 0, 0], [1, 2, 0, 0], [1, 2, 3, 0], [1, 2, 3, 4]][last - 1]


def test_winners_keep_their_seats_when_others_are_let_in():
    """Rank 1 is only admitted at stage 2: it does not push out who won strictly."""
    found = recruit(
        field(n=3, group=[0] * 3, cluster=[0] * 3, soft=[1, 0, 0], soft_relaxed=[0, 0, 0]),
        seating(n=3, top_n=1, floor=2, max_stage=2),
    )
    assert stages(found) == [0, 1, 0]
    assert found.blocked.tolist() == ["seat", "", "seat"]
    assert found.rival.tolist() == [1, -1, 1]


def test_one_listing_of_a_base_and_who_has_it():
    found = recruit(field(n=3, identity=[7, 7, 8]), seating(n=3))
    assert stages(found) == [1, 0, 1]
    assert (found.blocked[1], found.rival[1]) == ("listing", 0)
    # A vetoed better listing does not stand in the way of the other.
    found = recruit(field(n=3, identity=[7, 7, 8], soft=[1, 0, 0], soft_relaxed=[1, 0, 0]), seating(n=3, floor=3))
    assert stages(found) == [0, 1, 1]
    assert found.reached == 4


def test_the_best_listing_counts_even_where_it_finds_no_seat():
    """The base is represented by its best listing; the second does not slip into another cluster."""
    twice = field(n=3, identity=[1, 2, 2], group=[0, 0, 2], cluster=[0, 0, 1])
    assert stages(recruit(twice, seating(n=3, top_n=1))) == [1, 0, 0]


def test_the_cap_holds_at_every_stage():
    for last in (1, 2, 3, 4):
        vetoed = field(soft=[0, 0, 0, 1, 1, 1], soft_relaxed=[0, 0, 0, last < 2, 1, 1])
        found = recruit(vetoed, seating(floor=6, cap=2, max_stage=last))
        assert np.count_nonzero(found.stage) == 2
    found = recruit(field(), seating(cap=2))
    assert found.blocked.tolist() == ["", "", "cap", "cap", "cap", "cap"]
    assert found.rival.tolist() == [-1, -1, 1, 1, 1, 1]
    found = recruit(field(soft=[1] * 6, soft_relaxed=[1] * 6), seating(floor=3, cap=3))
    assert np.count_nonzero(found.stage) == 3


def test_the_quota_is_taken_of_those_admitted():
    found = recruit(field(soft=[1, 0, 0, 0, 0, 1], soft_relaxed=[1] * 6), seating(quota=lambda n: n // 2, max_stage=1))
    assert stages(found) == [0, 1, 1, 0, 0, 0]
    assert found.blocked.tolist() == ["soft", "", "", "quota", "quota", "soft"]
    assert found.quota == 2


def test_both_sides_of_a_cluster_have_their_own_seats():
    found = recruit(field(n=4, cluster=[0] * 4, group=[0, 0, 1, 1]), seating(n=4, top_n=1))
    assert stages(found) == [1, 0, 1, 0]


def test_nobody_is_a_valid_outcome():
    found = recruit(field(n=0), seating(n=0, floor=15))
    assert (stages(found), found.reached, found.blocked.tolist()) == ([], 4, [])


def test_stages_are_one_to_four():
    assert len(STAGES) == 4
    for wrong in (0, 5):
        with pytest.raises(ContradictoryRulesError, match="max_stage"):
            seating(max_stage=wrong)


def by_hand(f, s):
    """The rules as sentences over plain lists, stage by stage."""
    n = len(f.identity)
    stage = [0] * n

    def winners():
        return [i for i in range(n) if stage[i]]

    def may(i):
        return len(winners()) < s.max_winners and all(f.identity[i] != f.identity[w] for w in winners())

    def places(allowed):
        return allowed[: s.quota(len(allowed))] if s.quota else allowed

    for number, vetoed in ((1, f.soft), (2, f.soft_relaxed)):
        if number > 1 and (len(winners()) >= s.min_winners or s.max_stage < number):
            continue
        allowed = places([i for i in range(n) if not vetoed[i]])
        held = {f.identity[w]: w for w in winners()}
        best = {}
        for i in allowed:
            best.setdefault(f.identity[i], i)
        best |= held
        for i in allowed:
            seated = sum(f.group[w] == f.group[i] for w in winners())
            if not stage[i] and best[f.identity[i]] == i and seated < s.seats[i] and may(i):
                stage[i] = number
    if len(winners()) < s.min_winners and s.max_stage >= 3:
        allowed = places([i for i in range(n) if f.ordered[i]])
        for cluster in dict.fromkeys(f.cluster[i] for i in allowed):
            if cluster in {f.cluster[w] for w in winners()}:
                continue
            for i in allowed:
                if f.cluster[i] == cluster and may(i):
                    stage[i] = 3
                    break
    if len(winners()) < s.min_winners and s.max_stage >= 4:
        for allowed in ([i for i in range(n) if not f.soft_relaxed[i]], list(range(n))):
            for i in places(allowed):
                if not stage[i] and len(winners()) < s.min_winners and may(i):
                    stage[i] = 4
    return stage


@st.composite
def cases(draw):
    n = draw(st.integers(0, 10))
    small = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    cluster, side = np.array(draw(small), dtype=int), np.array(draw(flags), dtype=int)
    soft = np.array(draw(flags), dtype=bool)
    made = Field(
        identity=np.array(draw(st.lists(st.integers(0, 7), min_size=n, max_size=n)), dtype=int),
        group=2 * cluster + side,
        cluster=cluster,
        soft=soft,
        soft_relaxed=soft & np.array(draw(flags), dtype=bool),
        ordered=np.array(draw(flags), dtype=bool),
    )
    cap = draw(st.integers(1, 8))
    share = draw(st.sampled_from([None, 0.3, 0.6]))
    rules = Seating(
        seats=np.full(n, draw(st.integers(1, 3))),
        min_winners=draw(st.integers(0, cap)),
        max_winners=cap,
        max_stage=draw(st.integers(1, 4)),
        quota=None if share is None else lambda m: max(1, int(m * share)) if m else 0,
    )
    return made, rules


@settings(max_examples=300)
@given(cases())
def test_against_the_rules_by_hand(case):
    f, s = case
    found = recruit(f, s)
    assert stages(found) == by_hand(f, s)
    won = found.stage > 0
    assert won.sum() <= s.max_winners
    assert len(set(f.identity[won])) == won.sum()
    assert not (f.soft & (found.stage == 1)).any()
    assert not (f.soft_relaxed & (found.stage == 2)).any()
    assert f.ordered[found.stage == 3].all()
    assert ((found.blocked == "") == won).all()
    if won.sum() < s.min_winners:
        assert found.reached == s.max_stage
    if (found.stage == 4).any():
        assert won.sum() <= s.min_winners
