"""Aggregation of votes, labels, and the vendor's recorded ratings rebuilt from its recorded figures."""

import json

import numpy as np
import pytest

from quant_lib.indicators import Ichimoku, ratings, votes


def test_there_are_15_and_11_votes():
    assert len(set(ratings.MA_VOTES)) == 15
    assert len(set(ratings.OTHER_VOTES)) == 11


def test_undefined_votes_leave_numerator_and_denominator():
    mean, count = ratings.tally([np.array([1.0, np.nan]), np.array([-1.0, np.nan]), np.array([1.0, np.nan])])
    assert mean[0] == pytest.approx(1 / 3)
    assert count.tolist() == [3, 0]
    assert np.isnan(mean[1])


# Published group ratings and overall rating (spec tradingview 4.1); the last has no volume, hence 14 votes.
@pytest.mark.parametrize(
    ("ma", "other", "overall", "digits"),
    [
        (0.66667, 0.09091, 0.37879, 5),
        (0.93333, 0.09091, 0.51212, 5),
        (0.93333, 0.0, 0.46667, 5),
        (-0.66667, 0.09091, -0.28788, 5),
        (-11 / 14, 2 / 11, -0.301948, 6),
    ],
)
def test_overall_rating_is_the_mean_of_the_groups(ma, other, overall, digits):
    assert float(ratings.overall(ma, other)) == pytest.approx(overall, abs=0.6 * 10**-digits)


def test_an_empty_group_leaves_the_other_one():
    assert float(ratings.overall(np.nan, 0.25)) == 0.25
    assert float(ratings.overall(0.25, np.nan)) == 0.25
    assert np.isnan(ratings.overall(np.nan, np.nan))


def test_weighted_overall_rating():
    assert float(ratings.overall_weighted(1.0, 1.0)) == pytest.approx(0.9654)
    assert float(ratings.overall_weighted(-0.4, 0.2)) == pytest.approx(0.574 * -0.4 + 0.3914 * 0.2)
    assert np.isnan(ratings.overall_weighted(0.5, np.nan))


@pytest.mark.parametrize(
    ("rating", "expected"),
    [
        (1.0, "Strong Buy"),
        (0.5000001, "Strong Buy"),
        (0.5, "Buy"),
        (0.1000001, "Buy"),
        (0.1, "Neutral"),
        (0.0, "Neutral"),
        (-0.1, "Neutral"),
        (-0.1000001, "Sell"),
        (-0.5, "Sell"),
        (-0.5000001, "Strong Sell"),
        (float("nan"), None),
    ],
)
def test_labels(rating, expected):
    assert ratings.label(rating) == expected


def _votes_of(record):
    """Vote by vote from the recorded figures; those whose inputs a scan does not show, from its own Rec columns."""
    at = record["indicators"]
    price = at["close"]
    ma = {
        f"{kind}{n}": votes.vote_average(price, at[f"{kind}{n}"])
        for kind in ("SMA", "EMA")
        for n in (10, 20, 30, 50, 100, 200)
    }
    ma |= {"VWMA": votes.vote_average(price, at["VWMA"]), "HullMA": votes.vote_average(price, at["HullMA9"])}
    ma["Ichimoku"] = at["Rec.Ichimoku"]
    other = {
        "RSI": votes.vote_rsi(at["RSI"], at["RSI[1]"]),
        "STOCH.K": votes.vote_stochastic(at["Stoch.K"], at["Stoch.D"], at["Stoch.K[1]"], at["Stoch.D[1]"]),
        "CCI": votes.vote_cci(at["CCI20"], at["CCI20[1]"]),
        "ADX": votes.vote_adx(at["ADX"], at["ADX+DI"], at["ADX-DI"], np.nan, at["ADX+DI[1]"], at["ADX-DI[1]"]),
        "AO": votes.vote_awesome(at["AO"], at["AO[1]"], at["AO[2]"], price),
        "Mom": votes.vote_momentum(at["Mom"], at["Mom[1]"], price),
        "MACD": votes.vote_macd(at["MACD.macd"], at["MACD.signal"], price),
        "UO": votes.vote_ultimate(at["UO"]),
        "Stoch.RSI": at["Rec.Stoch.RSI"],
        "W%R": at["Rec.WR"],
        "BBP": at["Rec.BBPower"],
    }
    return ma, other


@pytest.mark.shared_data
def test_recorded_ratings_are_reproduced_exactly(shared_data):
    records = json.loads((shared_data / "reference_tradingview_ratings" / "scanner_records.json").read_text())
    assert records
    name = {"BUY": 1, "SELL": -1, "NEUTRAL": 0}
    for record in records:
        ma, other = _votes_of(record)
        recorded, at = record["published_compute"], record["indicators"]
        for made, group in ((ma, "MA"), (other, "OSC")):
            assert {k: int(v) for k, v in made.items()} == record["votes_by_documented_rule"][group], record["id"]
            published = {k: name[v] for k, v in recorded.get(group, {}).items()}
            assert {k: int(made[k]) for k in published} == published, record["id"]
        assert int(votes.vote_average(at["close"], at["VWMA"])) == at["Rec.VWMA"]
        assert int(votes.vote_average(at["close"], at["HullMA9"])) == at["Rec.HullMA9"]
        rating_ma, n_ma = ratings.tally(list(ma.values()))
        rating_other, n_other = ratings.tally(list(other.values()))
        assert (int(n_ma), int(n_other)) == (15, 11)
        assert round(float(rating_ma), 8) == at["Recommend.MA"]
        assert round(float(rating_other), 8) == at["Recommend.Other"]
        assert round(float(ratings.overall(rating_ma, rating_other)), 8) == at["Recommend.All"]


@pytest.mark.shared_data
def test_the_weighted_formula_does_not_reproduce_the_vendor(shared_data):
    records = json.loads((shared_data / "reference_tradingview_ratings" / "scanner_records.json").read_text())
    for at in (record["indicators"] for record in records):
        weighted = float(ratings.overall_weighted(at["Recommend.MA"], at["Recommend.Other"]))
        assert abs(weighted - at["Recommend.All"]) > 0.005


def test_votes_take_whole_columns():
    n = 40
    rising = np.linspace(1.0, 2.0, n)
    lines = Ichimoku(*(rising for _ in range(4)))
    assert votes.vote_average(rising, rising - 0.5).tolist() == [1.0] * n
    assert votes.vote_ichimoku(lines, rising).shape == (n,)
