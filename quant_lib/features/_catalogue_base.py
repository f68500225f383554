"""Declarations: the bar itself, ratings, momentum, risk and liquidity, position in the history."""

from __future__ import annotations

from typing import Final

from quant_lib.features._declare import (
    CLOSE,
    HLC,
    HLCV,
    MIN_MA_VOTES,
    PINE,
    QUOTE,
    RANGE,
    RATING_SETTLE,
    recursive,
    window,
)
from quant_lib.features._feature import Feature

_VOTES = "spec tradingview 4.1, 4.3"

BAR: Final[tuple[Feature, ...]] = (
    window("close", "Last closed price", QUOTE, CLOSE, "bar", 1, "the bar", args=("close",), nullable=False, gt=0.0),
    window(
        "volume", "Traded quantity of the bar", "base units", ("volume",), "bar", 1, "the bar", args=("volume",), ge=0.0
    ),
)

RATINGS: Final[tuple[Feature, ...]] = (
    recursive(
        "recommend_all",
        f"Overall technical rating: mean of the two groups; missing below {MIN_MA_VOTES} moving-average votes",
        "",
        HLCV,
        "recommend_all",
        50,
        _VOTES,
        settle=RATING_SETTLE,
        ge=-1.0,
        le=1.0,
    ),
    recursive(
        "recommend_ma",
        f"Moving-average rating: mean of up to 15 votes; missing below {MIN_MA_VOTES}",
        "",
        HLCV,
        "recommend_ma",
        50,
        _VOTES,
        settle=RATING_SETTLE,
        ge=-1.0,
        le=1.0,
    ),
    recursive(
        "recommend_other",
        "Oscillator rating: mean of up to 11 votes",
        "",
        HLC,
        "recommend_other",
        12,
        _VOTES,
        settle=RATING_SETTLE,
        ge=-1.0,
        le=1.0,
    ),
    recursive(
        "recommend_all_weighted",
        "0.574 x recommend_ma + 0.3914 x recommend_other",
        "",
        HLCV,
        "recommend_all_weighted",
        50,
        "semantics 3.4, mission formula",
        settle=RATING_SETTLE,
        ge=-0.9654,
        le=0.9654,
    ),
    recursive(
        "n_votes_ma",
        "Moving-average votes that are defined, of 15",
        "votes",
        HLCV,
        "n_votes_ma",
        1,
        "semantics 3.5",
        settle=RATING_SETTLE,
        nullable=False,
        type="int64",
        ge=0,
        le=15,
    ),
    recursive(
        "n_votes_other",
        "Oscillator votes that are defined, of 11",
        "votes",
        HLC,
        "n_votes_other",
        1,
        "semantics 3.6",
        settle=RATING_SETTLE,
        nullable=False,
        type="int64",
        ge=0,
        le=11,
    ),
)

MOMENTUM: Final[tuple[Feature, ...]] = tuple(
    window(
        f"momentum_{bars}",
        f"Compounded return over {bars} bars: close / close {bars} bars ago - 1",
        "fraction",
        CLOSE,
        "compounded_return",
        bars + 1,
        "semantics 0.5",
        args=(bars,),
        ge=-1.0,
    )
    for bars in (20, 60, 120)
)

RISK: Final[tuple[Feature, ...]] = (
    window(
        "momentum",
        "Mean daily return of the last 120 bars x annualisation factor",
        "fraction a year",
        CLOSE,
        "mean_return",
        121,
        "semantics 3.9, 0.4",
        args=(120,),
    ),
    window(
        "volatility",
        "Standard deviation (ddof 1) of the last 120 daily returns x root of the annualisation factor",
        "fraction a year",
        CLOSE,
        "volatility",
        121,
        "semantics 3.9, 0.4",
        args=(120,),
        ge=0.0,
    ),
    window(
        "volatility_d",
        "Range of the bar, (high - low) / low",
        "percent",
        RANGE,
        "range_percent",
        1,
        "semantics 1.9",
        ge=0.0,
    ),
    window(
        "value_traded",
        "Close x volume of the bar",
        QUOTE,
        ("close", "volume"),
        "value_traded",
        1,
        "semantics 1.9",
        ge=0.0,
    ),
    window(
        "turnover",
        "Median of close x volume over the last 30 bars; missing where any of them is unknown",
        QUOTE,
        ("close", "volume"),
        "turnover",
        30,
        "design 10.3",
        args=(30,),
        ge=0.0,
    ),
    window(
        "change", "Close against the previous close", "percent", CLOSE, "change_percent", 2, "semantics 3.1", ge=-100.0
    ),
    window(
        "stability",
        "1 / (volatility + 1e-9)",
        "years a fraction",
        CLOSE,
        "stability",
        121,
        "semantics 3.9",
        args=(120,),
        ge=0.0,
    ),
    window("roc_10", "Close against the close 10 bars ago", "percent", CLOSE, "roc", 11, PINE, args=(10,), ge=-100.0),
    window(
        "volume_change_pct",
        "Volume against the previous bar's; missing where that was zero",
        "percent",
        ("volume",),
        "volume_change",
        2,
        "semantics 5.2",
        ge=-100.0,
    ),
    *(
        window(
            f"perf_{name}",
            f"Close against the last close {days} or more calendar days ago",
            "percent",
            ("close", "date"),
            "performance",
            days + 1,
            "semantics 3.1",
            args=(days,),
            ge=-100.0,
        )
        for name, days in (("w", 7), ("1m", 30), ("3m", 90), ("6m", 180), ("y", 365))
    ),
)

POSITION: Final[tuple[Feature, ...]] = (
    Feature(
        "n_bars",
        "Bars of the current segment so far, this one included",
        "bars",
        (),
        "n_bars",
        1,
        None,
        "semantics 3.9",
        unbounded=True,
        nullable=False,
        type="int64",
        ge=1,
    ),
    Feature(
        "segment",
        "Number of the segment the bar belongs to, from 0; no window crosses into another",
        "",
        (),
        "segment",
        1,
        None,
        "semantics 2.6",
        unbounded=True,
        nullable=False,
        type="int64",
        ge=0,
    ),
)
