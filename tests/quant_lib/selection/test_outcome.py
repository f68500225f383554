"""How far a candidate is from a seat, against a slow recount from the table a user reads."""

import numpy as np
import pytest

from quant_lib.selection import SelectionRules, VetoRules, select


@pytest.mark.parametrize("top_n", [1, 2])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_gap_is_the_distance_to_the_last_winner_of_the_cluster_and_nothing_else_has_one(market, top_n, seed):
    made = market(n=9, groups=[0, 0, 0, 1, 1, 1, 2, 2, 3], seed=seed)
    made.spoil("features", made.symbols[4], kurtosis=99.0)
    rules = SelectionRules(vetoes=VetoRules(rating=None), top_n=top_n, min_winners=0, max_stage=1)
    table = select(*made.inputs(), rules).table
    outranked = table[table["blocked_by"] == "seat"]
    assert len(outranked) > 0
    assert 1 in table.loc[table["selected"], "rank"].to_numpy(), "the best of all is some loser's rival"
    for row in table.itertuples():
        if row.blocked_by != "seat":
            assert row.rank_gap == 0
            assert np.isnan(row.score_needed)
            continue
        winners = table[(table["cluster"] == row.cluster) & table["selected"]]
        last = winners.loc[winners["rank"].idxmax()]
        assert row.rank_gap == row.rank - last["rank"]
        assert row.score_needed == last["rank_score"]
