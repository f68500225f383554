"""Features against pandas-ta-classic and TA-Lib on the same arrays, and how they scale: `python -m benchmarks.features`."""

import argparse
import resource
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.threads import CEILINGS, Others, gains
from quant_lib import indicators as ta
from quant_lib.features import FEATURES, FEATURES_TABLE, compute_features

RATINGS = ["recommend_all", "recommend_ma", "recommend_other", "n_votes_ma", "n_votes_other"]
LENGTHS = (10, 20, 30, 50, 100, 200)


def market(symbols, days):
    """Bars with a range of their own."""
    rng = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, (symbols, days)), axis=1)).ravel()
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"X:S{i:04d}" for i in range(symbols)], days),
            "date": np.tile(pd.date_range("2010-01-01", periods=days, unit="us"), symbols),
            "high": close * (1.0 + rng.exponential(0.01, close.size)),
            "low": close / (1.0 + rng.exponential(0.01, close.size)),
            "close": close,
            "volume": rng.uniform(1e3, 1e6, close.size),
        }
    )
    return frame.astype({"symbol": "str"})


def best(function, runs=5, clock=time.perf_counter):
    """Least time of some runs: the load of the machine only ever adds."""
    function()
    times = []
    for _ in range(runs):
        started = clock()
        function()
        times.append(clock() - started)
    return min(times)


def columns_of(bars):
    """Columns as arrays of their own: pandas' are read-only, which ours would copy at every call."""
    return [bars[name].to_numpy(copy=True) for name in ("high", "low", "close", "volume")]


def arrays(bars, days):
    """One tuple of columns for each symbol."""
    return list(zip(*(column.reshape(-1, days) for column in columns_of(bars)), strict=True))


def pandas_ta_ratings(high, low, close, volume):
    """Every indicator behind the ratings, by pandas-ta-classic; the votes themselves would come on top."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library reads a deprecated field of pandas when it is imported
        import pandas_ta_classic as pta

    h, lo, c, v = (pd.Series(x) for x in (high, low, close, volume))
    for n in LENGTHS:
        pta.sma(c, n, talib=False)
        pta.ema(c, n, talib=False)
    pta.hma(c, 9, talib=False), pta.vwma(c, v, 20), pta.ichimoku(h, lo, c, as_dataframe=True)
    pta.rsi(c, 14, talib=False), pta.stoch(h, lo, c, 14, 3, 3, talib=False), pta.cci(h, lo, c, 20, talib=False)
    pta.adx(h, lo, c, 14, talib=False), pta.ao(h, lo), pta.mom(c, 10, talib=False), pta.macd(c, talib=False)
    pta.stochrsi(c), pta.willr(h, lo, c, 14, talib=False), pta.uo(h, lo, c, talib=False), pta.ema(c, 13, talib=False)


TALIB = {
    "sma 10 to 200": (lambda t, h, lo, c, v: [t.SMA(c, n) for n in LENGTHS], lambda h, lo, c, v, at: ta.smas(c, LENGTHS, at)),
    "ema 10 to 200, 13": (lambda t, h, lo, c, v: [t.EMA(c, n) for n in (*LENGTHS, 13)], lambda h, lo, c, v, at: ta.emas(c, (*LENGTHS, 13), at)),
    "wma 4, 9": (lambda t, h, lo, c, v: (t.WMA(c, 4), t.WMA(c, 9)), lambda h, lo, c, v, at: (ta.wma(c, 4, at), ta.wma(c, 9, at))),
    "rsi": (lambda t, h, lo, c, v: t.RSI(c, 14), lambda h, lo, c, v, at: ta.rsi(c, 14, at)),
    "stochastic": (lambda t, h, lo, c, v: t.STOCH(h, lo, c, 14, 3, 0, 3, 0), lambda h, lo, c, v, at: ta.stochastic(h, lo, c, offsets=at)),
    "cci": (lambda t, h, lo, c, v: t.CCI(h, lo, c, 20), lambda h, lo, c, v, at: ta.cci(h, lo, c, 20, at)),
    "adx, +di, -di": (lambda t, h, lo, c, v: (t.ADX(h, lo, c, 14), t.PLUS_DI(h, lo, c, 14), t.MINUS_DI(h, lo, c, 14)), lambda h, lo, c, v, at: ta.dmi(h, lo, c, offsets=at)),
    "momentum": (lambda t, h, lo, c, v: t.MOM(c, 10), lambda h, lo, c, v, at: ta.momentum(c, 10, at)),
    "macd": (lambda t, h, lo, c, v: t.MACD(c), lambda h, lo, c, v, at: ta.macd(c, offsets=at)),
    "stochastic rsi": (lambda t, h, lo, c, v: t.STOCHRSI(c, 14, 14, 3), lambda h, lo, c, v, at: ta.stoch_rsi(c, offsets=at)),
    "williams %r": (lambda t, h, lo, c, v: t.WILLR(h, lo, c, 14), lambda h, lo, c, v, at: ta.williams_r(h, lo, c, 14, at)),
    "ultimate": (lambda t, h, lo, c, v: t.ULTOSC(h, lo, c), lambda h, lo, c, v, at: ta.ultimate(h, lo, c, offsets=at)),
    "atr": (lambda t, h, lo, c, v: t.ATR(h, lo, c, 14), lambda h, lo, c, v, at: ta.atr(h, lo, c, 14, at)),
    "bollinger": (lambda t, h, lo, c, v: t.BBANDS(c, 20), lambda h, lo, c, v, at: ta.bollinger(c, 20, offsets=at)),
    "highest, lowest 20": (lambda t, h, lo, c, v: (t.MAX(h, 20), t.MIN(lo, 20)), lambda h, lo, c, v, at: (ta.highest(h, 20, at), ta.lowest(lo, 20, at))),
}  # fmt: skip


def ratings(columns, at):
    """Both groups of votes and the overall rating of plain arrays."""
    from quant_lib.indicators.figures import rate
    from quant_lib.indicators.ratings import overall

    ma, _, other, _ = rate(*columns, offsets=at)
    return overall(ma, other)


def share(columns, days, block=20):
    """Blocks of whole symbols and the bounds of each: what a thread takes at a time."""
    rows = block * days
    at = np.arange(0, rows + 1, days, dtype=np.int64)
    return [[[x[first : first + rows] for x in columns], at] for first in range(0, columns[0].size, rows)]


def raw(columns, bounds):
    """Every indicator of the list by a call of its own."""
    for _, own in TALIB.values():
        own(*columns, bounds)


def in_one_pass(columns, bounds):
    """The same indicators by the pass that the features are made from; it also counts the votes."""
    from quant_lib.indicators.figures import figures

    return figures(*columns, offsets=bounds)


def against_pandas_ta(symbols=200, days=1500, sample=20):
    bars = market(symbols, days)
    tasks = share(columns_of(bars), days)
    few = arrays(bars, days)[:sample]
    peer, cpu = in_turn(
        lambda: [pandas_ta_ratings(*each) for each in few], lambda: [ratings(*task) for task in tasks], 5
    ) * (symbols / sample, 1.0)
    print(f"ratings of {symbols} symbols x {days:,} days, all 26 votes, CPU of one thread")
    print(f"  pandas-ta-classic, indicators only {peer * 1e3:9.1f} ms ({sample} symbols, scaled)")
    print(f"  ours                               {cpu * 1e3:9.1f} ms {peer / cpu:7.0f}x  (target 200x)")


def against_talib(symbols=20, days=1500, runs=15):
    import talib

    bars = market(symbols, days)
    (h, lo, c, v), at = share(columns_of(bars), days)[0]
    series = arrays(bars, days)
    print(f"raw indicators of {symbols} symbols x {days:,} days, ns of CPU a bar, one thread: TA-Lib, ours, ratio")
    theirs = ours = 0.0
    for name, (peer, own) in TALIB.items():
        a, b = in_turn(
            lambda: [peer(talib, *each) for each in series],  # noqa: B023 - timed at once
            lambda: own(h, lo, c, v, at),  # noqa: B023 - timed at once
            runs,
        )
        theirs, ours = theirs + a, ours + b
        print(f"  {name:<22} {a / c.size * 1e9:8.1f} {b / c.size * 1e9:8.1f} {a / b:7.2f}x")
    once = best(lambda: in_one_pass((h, lo, c, v), at), runs, time.process_time)
    for name, used in (("all, a call for each", ours), ("all and more, one pass", once)):
        print(
            f"  {name:<22} {theirs / c.size * 1e9:8.1f} {used / c.size * 1e9:8.1f} {theirs / used:7.2f}x  (target 1x)"
        )


def in_turn(peer, own, runs):
    """Least CPU time of two functions that take turns, so that no change of the machine's pace meets one alone."""
    times = []
    peer(), own()
    for _ in range(runs):
        pair = []
        for function in (peer, own):
            started = time.process_time()
            function()
            pair.append(time.process_time() - started)
        times.append(pair)
    return np.min(times, axis=0)


def two_threads(symbols=400, days=1500, rounds=15):
    """Gain of a second thread for ratings and raw indicators, and for arithmetic that nothing can hold up."""
    columns = columns_of(market(symbols, days))
    blocks = share(columns, days)
    jobs = CEILINGS | {
        "ratings": (ratings, blocks),
        "raw indicators, one pass": (in_one_pass, blocks),
        "raw indicators, a call for each": (raw, share(columns, days, 40)),
    }
    with Others() as others:
        made = gains(jobs, rounds)
    ceiling = min(made[name].ratio for name in CEILINGS)
    print(f"one thread / two threads, wall, {symbols} symbols x {days:,} days, median of {rounds} pairs in turn")
    for name, gain in made.items():
        part = "" if name in CEILINGS else f"  {gain.ratio / ceiling:.2f} of the ceiling (target 1.6x)"
        print(f"  {name:<33} {gain}{part}")
    print(f"  other processes kept {others} processors busy meanwhile")


def matrix(symbols=500, days=1500):
    from quant_resources.lakehouse import Lake

    bars = market(symbols, days)
    compute_features(bars.head(2 * days))
    started, cpu = time.perf_counter(), time.process_time()
    rows = compute_features(bars)
    stored = sum(feature.stored for feature in FEATURES)
    print(f"matrix of {symbols} symbols x {days:,} days, {stored} features")
    _took("computed", started, cpu)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        started, cpu = time.perf_counter(), time.process_time()
        lake.add_missing(FEATURES_TABLE, rows)
        _took("written", started, cpu)
        del rows
        started, cpu = time.perf_counter(), time.process_time()
        lake.read("features", columns=["date", "symbol", *RATINGS])
        _took("ratings read", started, cpu)


def _took(what, started, cpu):
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1048576
    print(f"  {what:<14} {wall:7.2f} s   CPU {used:7.2f} s   peak memory {peak:5.2f} GiB")


def scaling(symbols=(100, 500, 2000), days=(500, 1500, 3650), chunk=100):
    """CPU seconds of the whole matrix, symbols taken in chunks so that memory stays put, and the fitted exponents."""
    compute_features(market(2, 500))
    table = []
    for n in symbols:
        for d in days:
            used = 0.0
            for _ in range(0, n, chunk):
                bars = market(chunk, d)
                cpu = time.process_time()
                compute_features(bars)
                used += time.process_time() - cpu
            table.append((n, d, used))
            print(f"  {n:5d} symbols x {d:5d} days {used:8.2f} CPU s   {used / n / d * 1e6:6.2f} us a row", flush=True)
    x = np.column_stack([np.ones(len(table)), np.log([t[0] for t in table]), np.log([t[1] for t in table])])
    fit = np.linalg.lstsq(x, np.log([t[2] for t in table]), rcond=None)[0]
    print(f"  fitted exponents: symbols {fit[1]:.2f}, days {fit[2]:.2f}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scaling", action="store_true", help="also the table of sizes (a minute or two)")
    options = parser.parse_args(argv)
    matrix()
    against_pandas_ta()
    against_talib()
    two_threads()
    if options.scaling:
        scaling()


if __name__ == "__main__":
    main()
