"""Slow, plain versions of every indicator, written from the textbook definitions, and bars to try them on."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest


def _over(length, function, *columns):
    """Apply `function` to every full window of `length` bars."""
    out = np.full(len(columns[0]), np.nan)
    for i in range(length - 1, len(out)):
        out[i] = function(*(np.asarray(column)[i - length + 1 : i + 1] for column in columns))
    return out


def _recursive(x, length, alpha):
    """Exponential average of the known values, seeded with the mean of the first `length` of them."""
    out, known, state = np.full(len(x), np.nan), [], None
    for i, value in enumerate(x):
        if math.isnan(value):
            continue
        known.append(value)
        if state is not None:
            state = alpha * value + (1.0 - alpha) * state
        elif len(known) == length:
            state = sum(known) / length
        if state is not None:
            out[i] = state
    return out


def sma(x, n):
    return _over(n, np.mean, x)


def ema(x, n):
    return _recursive(x, n, 2.0 / (n + 1))


def rma(x, n):
    return _recursive(x, n, 1.0 / n)


def wma(x, n):
    return _over(n, lambda w: np.average(w, weights=np.arange(1, n + 1)), x)


def hma(x, n):
    return wma(2.0 * wma(x, n // 2) - wma(x, n), int(math.sqrt(n)))


def vwma(x, v, n):
    return _over(n, lambda w, u: np.average(w, weights=u) if u.sum() > 0 else np.nan, x, v)


def rsi(x, n):
    moved = np.r_[np.nan, np.diff(x)]
    gain, loss = rma(np.where(moved > 0, moved, 0.0 * moved), n), rma(np.where(moved < 0, -moved, 0.0 * moved), n)
    with np.errstate(divide="ignore"):
        return 100.0 - 100.0 / (1.0 + gain / loss)


def position(x, high, low, n):
    return _over(n, lambda w, h, lo: 100.0 * (w[-1] - lo.min()) / (h.max() - lo.min()), x, high, low)


def stochastic(high, low, close, n, k, d):
    fast = sma(position(close, high, low, n), k)
    return fast, sma(fast, d)


def williams_r(high, low, close, n):
    return position(close, high, low, n) - 100.0


def cci(high, low, close, n):
    typical = (high + low + close) / 3.0
    return _over(n, lambda w: (w[-1] - w.mean()) / (0.015 * np.abs(w - w.mean()).mean()), typical)


def true_range(high, low, close):
    out = [np.nan]
    for i in range(1, len(close)):
        out.append(max(high[i], close[i - 1]) - min(low[i], close[i - 1]))
    return np.array(out)


def atr(high, low, close, n):
    reach = true_range(high, low, close)
    reach[0] = high[0] - low[0]
    return rma(reach, n)


def dmi(high, low, close, n):
    """Wilder's own formulation: running sums S <- S - S/n + x, not averages."""
    size = len(close)
    reach = true_range(high, low, close)
    plus, minus, dx = np.full(size, np.nan), np.full(size, np.nan), np.full(size, np.nan)
    s_tr = s_up = s_down = 0.0
    for i in range(1, size):
        # On the tick: equal moves are equal, whatever binary fractions make of them.
        up, down = round(high[i] - high[i - 1], 6), round(low[i - 1] - low[i], 6)
        up_move, down_move = (up if up > max(down, 0.0) else 0.0), (down if down > max(up, 0.0) else 0.0)
        keep = 1.0 - 1.0 / n if i > n else 1.0
        s_tr, s_up, s_down = s_tr * keep + reach[i], s_up * keep + up_move, s_down * keep + down_move
        if i >= n:
            plus[i], minus[i] = 100.0 * s_up / s_tr, 100.0 * s_down / s_tr
            dx[i] = 100.0 * abs(plus[i] - minus[i]) / (plus[i] + minus[i])
    return plus, minus, rma(dx, n)


def ultimate(high, low, close, lengths=(7, 14, 28)):
    reach = true_range(high, low, close)
    pressure = np.r_[np.nan, [close[i] - min(low[i], close[i - 1]) for i in range(1, len(close))]]
    part = [_over(n, lambda p, r: p.sum() / r.sum(), pressure, reach) for n in lengths]
    return 100.0 * (4.0 * part[0] + 2.0 * part[1] + part[2]) / 7.0


def midpoint(high, low, n):
    return _over(n, lambda h, lo: (h.max() + lo.min()) / 2.0, high, low)


def awesome(high, low):
    middle = (high + low) / 2.0
    return sma(middle, 5) - sma(middle, 34)


@pytest.fixture(scope="session")
def oracle():
    return SimpleNamespace(
        **{
            f.__name__: f
            for f in (
                atr, awesome, cci, dmi, ema, hma, midpoint, position, rma, rsi, sma, stochastic, true_range, ultimate,
                vwma, williams_r, wma,
            )
        },
        over=_over,
    )  # fmt: skip


def random_bars(n, seed=0, tick=0.01):
    """Random walk with fat tails, prices on a tick so that ties occur."""
    rng = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(rng.standard_t(4, n) * 0.02)) / tick) * tick + tick
    previous = np.r_[close[0], close[:-1]]
    high = np.maximum(close, previous) + tick * rng.integers(0, 300, n)
    low = np.maximum(np.minimum(close, previous) - tick * rng.integers(0, 300, n), tick)
    return pd.DataFrame({"open": previous, "high": high, "low": low, "close": close, "volume": rng.lognormal(8, 1, n)})


@pytest.fixture(scope="session")
def bars():
    return random_bars(420)


@pytest.fixture(scope="session")
def make_bars():
    return random_bars
