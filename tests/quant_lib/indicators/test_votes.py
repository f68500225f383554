"""Each vote: the cases that buy, sell and abstain, straight from the published rules."""

import numpy as np
import pytest

from quant_lib.indicators import Ichimoku, IndicatorInputError, votes

NAN = float("nan")


def of(vote):
    """Single vote as a number; None where undefined."""
    value = float(np.asarray(vote).ravel()[-1])
    return None if np.isnan(value) else int(value)


@pytest.mark.parametrize(
    ("price", "average", "expected"),
    [(101, 100, 1), (99, 100, -1), (100, 100, 0), (0.1 + 0.2, 0.3, 0), (100, NAN, None)],
)
def test_average(price, average, expected):
    assert of(votes.vote_average(price, average)) == expected


@pytest.mark.parametrize(
    ("vote", "low", "high"),
    [(votes.vote_rsi, 30, 70), (votes.vote_cci, -100, 100), (votes.vote_williams, -80, -20)],
)
def test_turning_points(vote, low, high):
    assert of(vote(low - 1, low - 2)) == 1  # low and rising
    assert of(vote(low - 2, low - 1)) == 0  # low and still falling
    assert of(vote(low - 1, low - 1)) == 0
    assert of(vote(low, low - 2)) == 0  # at the limit is not beyond it
    assert of(vote(high + 1, high + 2)) == -1  # high and falling
    assert of(vote(high + 2, high + 1)) == 0
    assert of(vote(high, high + 2)) == 0
    assert of(vote(low - 1, NAN)) is None


@pytest.mark.parametrize(
    ("k", "d", "k1", "d1", "legacy", "pine3"),
    [
        (15, 10, 8, 12, 1, 1),  # crosses above below 20
        (15, 10, 14, 12, 0, 1),  # already above: no cross
        (15, 10, 12, 12, 0, 1),  # touched, did not come from below
        (25, 15, 8, 12, 0, 0),  # %K left the zone
        (85, 90, 92, 88, -1, -1),
        (85, 90, 86, 88, 0, -1),
        (75, 85, 92, 88, 0, 0),
        (50, 40, 30, 45, 0, 0),
        (15, 10, 8, NAN, None, None),
    ],
)
def test_stochastic(k, d, k1, d1, legacy, pine3):
    assert of(votes.vote_stochastic(k, d, k1, d1)) == legacy
    assert of(votes.vote_stochastic(k, d, k1, d1, "pine3")) == pine3


@pytest.mark.parametrize("ruleset", ["legacy", "pine3"])
def test_stochastic_rsi_needs_the_trend(ruleset):
    low, high = (15, 10, 8, 12), (85, 90, 92, 88)
    assert of(votes.vote_stoch_rsi(*low, 90, 100, ruleset)) == 1
    assert of(votes.vote_stoch_rsi(*low, 110, 100, ruleset)) == 0
    assert of(votes.vote_stoch_rsi(*high, 110, 100, ruleset)) == -1
    assert of(votes.vote_stoch_rsi(*high, 90, 100, ruleset)) == 0
    assert of(votes.vote_stoch_rsi(*low, 90, NAN, ruleset)) is None


@pytest.mark.parametrize(
    ("now", "before", "legacy", "pine3"),
    [
        ((25, 20, 15), (24, 14, 16), 1, 1),  # crossed above while ADX rose
        ((25, 20, 15), (24, 17, 16), 0, 1),  # above already
        ((25, 20, 15), (26, 14, 16), 1, 0),  # crossed while ADX fell
        ((19, 20, 15), (18, 14, 16), 0, 0),  # no trend
        ((25, 15, 20), (24, 16, 14), -1, -1),
        ((25, 15, 20), (24, 14, 16), 0, -1),
        ((NAN, 15, 20), (24, 14, 16), None, None),
        ((25, 15, 20), (NAN, 14, 16), 0, None),  # yesterday's ADX is a matter of the newer rule only
    ],
)
def test_adx(now, before, legacy, pine3):
    assert of(votes.vote_adx(*now, *before)) == legacy
    assert of(votes.vote_adx(*now, *before, "pine3")) == pine3


@pytest.mark.parametrize(
    ("ao", "ao1", "ao2", "expected"),
    [
        (1, -1, 5, 1),  # crosses above zero
        (1, 0, 5, 1),
        (3, 2, 4, 1),  # saucer
        (3, 2, 1, 0),  # rising all along: no saucer
        (2, 3, 1, 0),
        (-1, 1, -5, -1),
        (-3, -2, -4, -1),
        (-3, -2, -1, 0),
        (0, 0, 0, 0),
        (1, -1, NAN, 1),  # a cross needs one bar of history, not two
        (1, NAN, NAN, None),
    ],
)
def test_awesome(ao, ao1, ao2, expected):
    assert of(votes.vote_awesome(ao, ao1, ao2, 100.0)) == expected


@pytest.mark.parametrize(("x", "before", "expected"), [(2, 1, 1), (-2, -1, -1), (1, 1, 0), (1, NAN, None)])
def test_momentum_and_macd(x, before, expected):
    assert of(votes.vote_momentum(x, before, 100.0)) == expected
    assert of(votes.vote_macd(x, before, 100.0)) == expected


def test_equal_moves_are_equal_whatever_binary_fractions_make_of_them():
    rising = 0.3 - 0.2  # 0.09999999999999998
    assert rising != 0.1
    assert of(votes.vote_momentum(0.1, rising, 0.3)) == 0
    assert of(votes.vote_momentum(0.1e-8, rising * 1e-8, 0.3e-8)) == 0  # in whatever unit
    assert of(votes.vote_momentum(0.2e-8, 0.1e-8, 1e-7)) == 1  # and small prices do move


@pytest.mark.parametrize(
    ("bull", "bear", "bull1", "bear1", "price", "expected"),
    [
        (5, -1, 5, -2, 110, 1),  # up-trend, bear power negative and rising
        (5, -2, 5, -1, 110, 0),
        (5, 1, 5, -2, 110, 0),
        (5, -1, 5, -2, 90, 0),  # wrong trend
        (1, -5, 2, -5, 90, -1),
        (2, -5, 1, -5, 90, 0),
        (1, -5, 2, -5, 110, 0),
        (1, -5, NAN, -5, 110, None),
    ],
)
def test_bull_and_bear(bull, bear, bull1, bear1, price, expected):
    assert of(votes.vote_bull_bear(bull, bear, bull1, bear1, price, 100.0)) == expected


@pytest.mark.parametrize(("uo", "expected"), [(71, 1), (70, 0), (50, 0), (30, 0), (29, -1), (NAN, None)])
def test_ultimate_is_a_momentum_rule(uo, expected):
    assert of(votes.vote_ultimate(uo)) == expected


def lines(conversion, base, lead1, lead2, n=1):
    return Ichimoku(*(np.full(n, float(x)) for x in (conversion, base, lead1, lead2)))


@pytest.mark.parametrize(
    ("conversion", "base", "lead1", "lead2", "price1", "price", "expected"),
    [
        (100, 110, 90, 80, 99, 105, 1),  # above the cloud, below the base line, crossing the conversion line
        (100, 110, 90, 80, 101, 105, 0),  # no cross
        (100, 104, 90, 80, 99, 105, 0),  # above the base line
        (100, 110, 106, 80, 99, 105, 0),  # inside the cloud
        (100, 110, 80, 90, 99, 105, 0),  # cloud points down
        (100, 90, 110, 120, 101, 95, -1),
        (100, 90, 94, 120, 101, 95, -1),  # the published mirror judges by the second line
        (100, 90, 80, 94, 101, 95, 0),
        (100, 90, 110, 120, 99, 95, 0),
        (NAN, 110, 90, 80, 99, 105, None),
    ],
)
def test_ichimoku_legacy(conversion, base, lead1, lead2, price1, price, expected):
    given = lines(conversion, base, lead1, lead2, n=2)
    assert of(votes.vote_ichimoku(given, np.array([price1, price], float))) == expected


def test_ichimoku_of_the_newer_library_looks_at_the_cloud_of_26_bars_ago():
    n = 27
    price = np.full(n, 105.0)
    given = lines(104, 103, 0, 0, n)
    given.lead1[0], given.lead2[0] = 100.0, 90.0
    vote = votes.vote_ichimoku(given, price, "pine3")
    assert np.isnan(vote[:26]).all()
    assert vote[26] == 1
    given.lead1[0] = 103.5  # base line below the cloud's upper edge
    assert votes.vote_ichimoku(given, price, "pine3")[26] == 0
    given.lead1[0], given.lead2[0] = 110.0, 120.0
    falling = lines(104, 105, 0, 0, n)
    falling.lead1[0], falling.lead2[0] = 110.0, 120.0
    assert votes.vote_ichimoku(falling, np.full(n, 103.0), "pine3")[26] == -1


def test_ichimoku_never_looks_into_the_series_before():
    n = 30
    given = lines(104, 103, 100, 90, 2 * n)
    vote = votes.vote_ichimoku(given, np.full(2 * n, 105.0), "pine3", np.array([0, n, 2 * n]))
    assert np.flatnonzero(~np.isnan(vote)).tolist() == [26, 27, 28, 29, 56, 57, 58, 59]


def test_unknown_rule_set_is_refused():
    with pytest.raises(IndicatorInputError, match="legacy or pine3"):
        votes.check_ruleset("vendor")
