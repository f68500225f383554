"""Rows of the matrix that the compiled pass fills, and the lengths it is compiled for."""

from __future__ import annotations

from typing import Final

LENGTHS: Final = (10, 20, 30, 50, 100, 200)
"""Lengths of the simple and exponential averages that vote."""

EMAS: Final = (*LENGTHS, 12, 13, 26)
"""Exponential averages: those that vote, then those behind MACD and Elder's powers."""

EXTREMES: Final = (9, 14, 20, 26, 52)
"""Windows of the highest highs and lowest lows."""

SMA: Final = 0
VWMA: Final = 6
HMA: Final = 7
EMA: Final = 8
VOTING: Final = 14
"""The first rows vote by the side price is on."""

EMA_50: Final = EMA + 3
EMA_12, EMA_13, EMA_26 = EMA + 6, EMA + 7, EMA + 8
TOP: Final = 17
FLOOR: Final = 22
RSI: Final = 27
STOCH_K, STOCH_D = 28, 29
STOCH_RSI_K, STOCH_RSI_D = 30, 31
CCI: Final = 32
PLUS, MINUS = 33, 34
ADX, MACD_SIGNAL = 35, 36  # side by side: smoothed together
MACD: Final = 37
AO: Final = 38
MOMENTUM: Final = 39
WILLIAMS: Final = 40
ULTIMATE: Final = 41
DEVIATION: Final = 42
MA, MA_VOTES, OTHER, OTHER_VOTES = 43, 44, 45, 46
ATR: Final = 47  # before the spare rows: smoothed together with the first five of them
SPARE: Final = 48
ROWS: Final = SPARE + 12
