"""The compiled pass against the separate indicators and the votes as arrays: the same bits, ties and gaps included."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from quant_lib import indicators as ta
from quant_lib.indicators import IndicatorInputError, _pass, ratings, votes
from quant_lib.indicators import _pass_rows as row
from quant_lib.indicators.figures import figures, rate

LONG = (700, 500, 300)
SHORT = (0, 1, 2, 5, 9, 10, 13, 14, 19, 20, 27, 28, 29, 52, 60, 201, 0)


def make_columns(sizes, seed, tick=None, gaps=0.0):
    """High, low, close, volume and bounds of series laid end to end."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, n)))
    spread = rng.exponential(0.01, (2, n))
    high, low, volume = close * (1.0 + spread[0]), close / (1.0 + spread[1]), rng.uniform(0.0, 1e6, n)
    if tick:
        close, high, low = (np.maximum(np.round(x / tick) * tick, tick) for x in (close, high, low))
        volume = np.round(volume / 4e5) * 1e5
    for column in (high, low, close, volume):
        column[rng.random(n) < gaps] = np.nan
    return (high, low, close, volume), np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def separate(high, low, close, volume, at):
    """Each row by the indicator that defines it."""
    rows = {row.SMA + k: ta.sma(close, n, at) for k, n in enumerate(row.LENGTHS)}
    rows |= {row.EMA + k: ta.ema(close, n, at) for k, n in enumerate(row.EMAS)}
    rows |= {row.TOP + k: ta.highest(high, n, at) for k, n in enumerate(row.EXTREMES)}
    rows |= {row.FLOOR + k: ta.lowest(low, n, at) for k, n in enumerate(row.EXTREMES)}
    place, strength = ta.stochastic(high, low, close, offsets=at), ta.stoch_rsi(close, offsets=at)
    moved, gap = ta.dmi(high, low, close, offsets=at), ta.macd(close, offsets=at)
    return rows | {
        row.VWMA: ta.vwma(close, volume, 20, at),
        row.HMA: ta.hma(close, 9, at),
        row.RSI: ta.rsi(close, 14, at),
        row.STOCH_K: place.k,
        row.STOCH_D: place.d,
        row.STOCH_RSI_K: strength.k,
        row.STOCH_RSI_D: strength.d,
        row.CCI: ta.cci(high, low, close, 20, at),
        row.PLUS: moved.plus,
        row.MINUS: moved.minus,
        row.ADX: moved.adx,
        row.MACD: gap.line,
        row.MACD_SIGNAL: gap.signal,
        row.AO: ta.awesome(high, low, at),
        row.MOMENTUM: ta.momentum(close, 10, at),
        row.WILLIAMS: ta.williams_r(high, low, close, 14, at),
        row.ULTIMATE: ta.ultimate(high, low, close, offsets=at),
        row.DEVIATION: ta.rolling_std(close, 20, 0, at),
        row.ATR: ta.atr(high, low, close, 14, at),
    }


def cast_votes(columns, at, ruleset):
    """Both groups of votes by the rules on arrays."""
    high, low, close, _ = columns
    f = separate(*columns, at)
    trend, middle = f[row.EMA_50], f[row.EMA_13]

    def b(x, bars=1):
        return ta.lag(x, bars, at)

    k, d, sk, sd = f[row.STOCH_K], f[row.STOCH_D], f[row.STOCH_RSI_K], f[row.STOCH_RSI_D]
    adx, plus, minus, swing, bull, bear = f[row.ADX], f[row.PLUS], f[row.MINUS], f[row.AO], high - middle, low - middle
    others = [
        votes.vote_rsi(f[row.RSI], b(f[row.RSI])),
        votes.vote_stochastic(k, d, b(k), b(d), ruleset),
        votes.vote_cci(f[row.CCI], b(f[row.CCI])),
        votes.vote_adx(adx, plus, minus, b(adx), b(plus), b(minus), ruleset),
        votes.vote_awesome(swing, b(swing), b(swing, 2), close),
        votes.vote_momentum(f[row.MOMENTUM], b(f[row.MOMENTUM]), close),
        votes.vote_macd(f[row.MACD], f[row.MACD_SIGNAL], close),
        votes.vote_stoch_rsi(sk, sd, b(sk), b(sd), close, trend, ruleset),
        votes.vote_williams(f[row.WILLIAMS], b(f[row.WILLIAMS])),
        votes.vote_bull_bear(bull, bear, b(bull), b(bear), close, trend),
        votes.vote_ultimate(f[row.ULTIMATE]),
    ]
    averages = [votes.vote_average(close, f[k]) for k in range(row.VOTING)]
    return [*averages, votes.vote_ichimoku(ta.ichimoku(high, low, at), close, ruleset, at)], others


@pytest.mark.parametrize("sizes", [LONG, SHORT])
@pytest.mark.parametrize("tick", [None, 5.0])
@pytest.mark.parametrize("gaps", [0.0, 0.004, 0.08])
def test_every_row_has_the_bits_of_the_separate_indicator(sizes, tick, gaps):
    columns, at = make_columns(sizes, 7, tick, gaps)
    rows = figures(*columns, offsets=at)
    for number, expected in separate(*columns, at).items():
        np.testing.assert_array_equal(rows[number], expected, err_msg=f"row {number}")


@pytest.mark.parametrize("ruleset", ["legacy", "pine3"])
@pytest.mark.parametrize("tick", [None, 5.0])
@pytest.mark.parametrize("gaps", [0.0, 0.004])
@pytest.mark.parametrize("sizes", [(3000, 1200), SHORT])
def test_the_compiled_count_is_the_tally_of_the_votes(ruleset, tick, gaps, sizes):
    columns, at = make_columns(sizes, 11, tick, gaps)
    averages, others = cast_votes(columns, at, ruleset)
    if tick is None and sizes[0] == 3000:
        for vote in (averages[-1], *others):
            assert set(vote[~np.isnan(vote)]) >= {-1.0, 1.0}  # every rule speaks both ways
    rows = figures(*columns, ruleset, at)
    for number, cast in ((row.MA, averages), (row.OTHER, others)):
        rating, count = ratings.tally(cast)
        np.testing.assert_array_equal(rows[number], rating)
        np.testing.assert_array_equal(rows[number + 1], count)
    np.testing.assert_array_equal(rate(*columns, ruleset, at), rows[row.MA : row.OTHER_VOTES + 1])


@pytest.mark.parametrize("gaps", [0.0, 0.03])
def test_fused_indicators_have_the_bits_of_their_parts(gaps):
    (high, low, close, _), at = make_columns((900, *SHORT), 5, gaps=gaps)
    expected = ta.rma(ta.true_range(high, low, close, at, first_bar=True), 14, at)
    np.testing.assert_array_equal(ta.atr(high, low, close, 14, at), expected)
    np.testing.assert_array_equal(ta.momentum(close, 10, at), ta.change(close, 10, at))
    bands, sigma = ta.bollinger(close, 20, 2.0, at), ta.rolling_std(close, 20, 0, at)
    np.testing.assert_array_equal(bands.middle, ta.sma(close, 20, at))
    np.testing.assert_array_equal(bands.upper, bands.middle + 2.0 * sigma)
    np.testing.assert_array_equal(bands.lower, bands.middle - 2.0 * sigma)


@pytest.mark.parametrize("gaps", [0.0, 0.05])
@pytest.mark.parametrize("sizes", [(300, 40, 200, 260, 90, 500, 31), (14, 15, 13, 16), (60, 0, 60), (400, 400)])
def test_series_taken_side_by_side_have_the_bits_they_have_alone(sizes, gaps):
    (high, low, close, _), at = make_columns(sizes, 2, gaps=gaps)
    asked = {
        "ema": lambda h, lo, c, o=None: ta.ema(c, 10, o),
        "atr": lambda h, lo, c, o=None: ta.atr(h, lo, c, 14, o),
        "rsi": lambda h, lo, c, o=None: ta.rsi(c, 14, o),
        "macd": lambda h, lo, c, o=None: ta.macd(c, offsets=o).line,
        "signal": lambda h, lo, c, o=None: ta.macd(c, offsets=o).signal,
        "hist": lambda h, lo, c, o=None: ta.macd(c, offsets=o).hist,
    }
    for name, figure in asked.items():
        together = figure(high, low, close, at)
        for first, last in itertools.pairwise(at):
            alone = figure(high[first:last], low[first:last], close[first:last])
            np.testing.assert_array_equal(together[first:last], alone, err_msg=name)


def test_a_series_does_not_depend_on_its_neighbours():
    columns, at = make_columns((400, 5000, 3, 900), 3)
    together = rate(*columns, offsets=at)
    for first, last in itertools.pairwise(at):
        alone = rate(*(column[first:last] for column in columns))
        np.testing.assert_array_equal(alone, together[:, first:last])


def test_nothing_is_rated_where_there_are_no_bars():
    none = np.empty(0)
    assert rate(none, none, none, none).shape == (4, 0)
    assert rate(none, none, none, none, offsets=np.zeros(1, np.int64)).shape == (4, 0)


def test_columns_of_different_length_and_unknown_rules_are_refused():
    bars = np.ones(30)
    with pytest.raises(IndicatorInputError, match="one value per bar"):
        rate(bars, bars, bars, bars[1:])
    with pytest.raises(IndicatorInputError, match="ruleset"):
        rate(bars, bars, bars, bars, "pine2")


def test_a_matrix_used_again_holds_nothing_of_what_was_there():
    columns, at = make_columns((900, *SHORT), 9, gaps=0.01)
    expected = figures(*columns, offsets=at)
    room = np.full_like(expected, 7.0)
    made = figures(*columns, offsets=at, out=room)
    assert made is room
    np.testing.assert_array_equal(made[: row.SPARE], expected[: row.SPARE])


@pytest.mark.parametrize("room", [np.empty((row.ROWS, 29)), np.empty((row.ROWS, 60))[:, ::2], np.empty((3, 30))])
def test_a_matrix_the_figures_do_not_fill_is_refused(room):
    bars = np.ones(30)
    with pytest.raises(IndicatorInputError, match="contiguous"):
        figures(bars, bars, bars, bars, out=room)


def test_threads_that_share_blocks_get_the_bits_of_one():
    blocks = [make_columns((600, 40, 900), seed) for seed in range(8)]
    expected = [rate(*columns, offsets=at) for columns, at in blocks]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda block: rate(*block[0], offsets=block[1]), blocks * 4))
    for number, rated in enumerate(made):
        np.testing.assert_array_equal(rated, expected[number % len(blocks)])


def test_a_part_is_not_called_with_what_it_was_not_compiled_for():
    @numba.njit
    def wrong(entry, bars, at, rows):
        _pass._votes(entry[2], (bars, bars, bars, at, 1.0, rows))  # a number where the rule set's flag belongs

    with pytest.raises(numba.TypingError, match="a part of the pass takes"):
        wrong(_pass.entry_points(), np.ones(3), np.array([0, 3]), np.empty((row.ROWS, 3)))
