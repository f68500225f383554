"""What a user reads about a candidate is true of each way it can be in or out."""

import math
from typing import NamedTuple

import pytest

from quant_lib.selection import SelectionRules
from quant_lib.selection._words import Verdict, limit_of, reason_of, way_in
from quant_lib.wording import figure

RULES = SelectionRules()


class Veto(NamedTuple):
    veto: str
    kind: str = "hard"
    value: float = 99.0
    threshold: float = 20.0
    note: str = "kurtosis 99 above 20"


def row(**changes):
    facts = {
        "symbol": "X:B", "logic": "trend", "direction": "LONG", "base_identity": "B", "alpha_score": 0.125,
        "cluster": 3.0, "rank": 5, "stage": 0, "selected": False, "blocked_by": "seat", "rank_gap": 3,
        "rank_score": 0.25, "score_needed": 0.5,
    }  # fmt: skip
    return Verdict(**{**facts, **changes})


WINNER = row(symbol="X:A", rank=2, stage=1, selected=True, blocked_by="", rank_gap=0, rank_score=0.5)
SECOND = row(symbol="X:C", rank=4, stage=2, selected=True, blocked_by="", rank_gap=0, rank_score=0.375)
GROUPS = {(3, "LONG"): [WINNER, SECOND], (3, "SHORT"): [row(symbol="X:S", direction="SHORT", rank=1)]}
CLIMB = "climb 3 places above X:A: rank by more than 0.5, now 0.25"
PLACE = "score 0.125, rank 5, cluster 3"


@pytest.mark.parametrize(
    ("verdict", "own", "rival", "text"),
    [
        (WINNER, [], "", ""),
        (WINNER, [Veto("entropy", "soft")], "", ""),
        (row(rank=0, blocked_by="hard", rank_gap=0), [Veto("kurtosis")], "",
         "clear kurtosis (99, limit 20); then be scored and ranked"),
        (row(rank=0, blocked_by="hard", rank_gap=0), [Veto("kurtosis"), Veto("entropy", "soft")], "",
         "clear kurtosis (99, limit 20); then be scored and ranked"),
        (row(rank=0, blocked_by="hard", rank_gap=0), [Veto("percentile")], "", "then be scored and ranked"),
        (row(), [], "X:A", CLIMB),
        (row(), [Veto("entropy", "soft")], "X:A", CLIMB),
        (row(rank_gap=1), [], "X:A", "climb 1 place above X:A: rank by more than 0.5, now 0.25"),
        (row(), [], "", "climb 3 places: rank by more than 0.5, now 0.25"),
        (row(blocked_by="quota"), [], "X:A", "climb 3 places: rank by more than 0.5, now 0.25"),
        (row(blocked_by="soft", rank_gap=0), [Veto("entropy", "soft")], "", "clear entropy (99, limit 20)"),
        (row(blocked_by="soft"), [Veto("entropy", "soft")], "X:A", f"clear entropy (99, limit 20); {CLIMB}"),
        (row(blocked_by="listing", rank_gap=0), [], "X:A", "be the listing of B that is recruited"),
        (row(blocked_by="listing"), [], "X:A", CLIMB),
        (row(rank_gap=0), [], "X:A", "have been admitted at the stage whose winners took its place"),
        (row(blocked_by="cap", rank_gap=0), [], "X:A", "have been admitted at the stage whose winners took its place"),
        (row(blocked_by="cap"), [], "X:A", CLIMB),
    ],
)  # fmt: skip
def test_what_would_have_to_change(verdict, own, rival, text):
    assert way_in(verdict, own, rival) == text


@pytest.mark.parametrize(
    ("verdict", "own", "rival", "text"),
    [
        (row(rank=0), [Veto("kurtosis"), Veto("entropy", note="too random")], "",
         "vetoed: kurtosis (kurtosis 99 above 20); entropy (too random)"),
        (WINNER, [], "",
         "score 0.125, rank 2, cluster 3: recruited as 1 in the cluster, LONG, at stage 1 (strict)"),
        (SECOND, [Veto("entropy", "soft", note="too random")], "",
         "score 0.125, rank 4, cluster 3: recruited as 2 in the cluster, LONG, at stage 2 (spectral), "
         "in spite of entropy (too random)"),
        (row(blocked_by="soft"), [Veto("entropy", "soft", note="too random")], "",
         f"{PLACE}: vetoed: entropy (too random)"),
        (row(blocked_by="quota"), [Veto("percentile", note="beyond the best half")], "",
         f"{PLACE}: vetoed: percentile (beyond the best half)"),
        (row(blocked_by="listing"), [], "X:A", f"{PLACE}: another listing of B ranks higher, X:A"),
        (row(blocked_by="listing"), [], "", f"{PLACE}: another listing of B ranks higher, not recruited itself"),
        (row(blocked_by="cap"), [], "X:A", f"{PLACE}: beyond the cap of {RULES.max_winners} winners"),
        (row(), [], "X:A", f"{PLACE}: outranked in cluster 3 by X:A (0.5), X:C (0.375)"),
        (row(direction="SHORT"), [], "X:S", f"{PLACE}: outranked in cluster 3 by X:S (0.25)"),
    ],
)  # fmt: skip
def test_why_it_is_in_or_out(verdict, own, rival, text):
    assert reason_of(verdict, own, rival, GROUPS, RULES) == text


@pytest.mark.parametrize(("value", "threshold"), [(math.nan, 20.0), (99.0, math.nan), (math.nan, math.nan)])
def test_a_veto_without_a_figure_or_a_limit_is_named_by_its_note(value, threshold):
    assert limit_of(Veto("toxic", value=value, threshold=threshold, note="a word")) == "toxic (a word)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(9_999.4, "9999"), (10_000.0, "10,000"), (-12_345.6, "-12,346"), (0.000123456, "0.0001235"), (0.0, "0")],
)
def test_figures_read_as_a_person_writes_them(value, text):
    assert figure(value) == text
    assert figure(1.23456789, digits=6) == "1.23457"
