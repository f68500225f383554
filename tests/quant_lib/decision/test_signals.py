"""Typed signals of candidates: a figure, or the reason there is none; and how their universe is known."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import CANDIDATE_MEMBERSHIP, CANDIDATE_SIGNALS
from quant_lib.contracts._sleeve_contracts import signals_say_why
from quant_lib.decision import Scan, candidate_signals, survivorship_of
from quant_lib.decision.signals import SIGNALS, membership_of
from quant_lib.errors import MissingDataError
from quant_lib.selection import ScreenRules

DAY = dt.date(2022, 6, 1)
CANDIDATES = pd.DataFrame(
    {
        "symbol": ["B", "A"],
        "logic": "x",
        "direction": "LONG",
        "recommend_all": [0.5, 0.25],
        "recommend_ma": 0.5,
        "recommend_other": 0.5,
        "adx": 20.0,
        "turnover": 5e6,
        "value_traded": [4e6, np.nan],
    }
)
UNIVERSE = pd.DataFrame(
    {
        "symbol": ["A", "B", "C"],
        "n_bars": [300, 20, 5],
        "close": [10.0, 20.0, 30.0],
        "volatility_d": 2.0,
        "roc_10": [1.0, 2.0, 3.0],
        "volume_change_pct": -5.0,
        "atr_14": [0.5, 0.75, 1.0],
        "perf_w": [1.0, 2.0, 3.0],
        "perf_1m": [1.5, np.nan, 3.0],
        "perf_3m": [1.5, np.nan, 3.0],
        "perf_6m": [1.5, np.nan, 3.0],
        "perf_y": [1.5, np.nan, 3.0],
        "value_traded": 1.0,
    }
)


def stamped(frame, spec):
    return frame.assign(profile="p", date=pd.Timestamp(DAY)).astype(spec.pandas_types())[list(spec.column_names)]


def test_every_signal_of_the_specification_is_there():
    listed = {"recommend_all", "recommend_ma", "recommend_other", "adx", "value_traded", "volatility_d", "roc"}
    assert listed | {"volume_change_pct", "close", "atr", "perf_w", "perf_1m", "perf_3m", "perf_6m", "perf_y"} <= {
        *SIGNALS
    }


def test_signals_are_those_of_the_date_and_of_the_candidate():
    found = candidate_signals(CANDIDATES, UNIVERSE).set_index("symbol")
    assert found.loc["B", ["roc", "atr", "close", "perf_w"]].tolist() == [2.0, 0.75, 20.0, 2.0]
    assert found.loc["B", "value_traded"] == 4e6  # in dollars, as it was judged
    assert found.loc["B", "missing"] == "perf_1m, perf_3m, perf_6m, perf_y: no figure from the 20 bars of its series"
    assert found.loc["A", "missing"] == "value_traded: no figure from the 300 bars of its series"
    CANDIDATE_SIGNALS.pandera_schema().validate(
        stamped(candidate_signals(CANDIDATES, UNIVERSE), CANDIDATE_SIGNALS), lazy=True
    )


def test_a_feature_that_is_not_there_is_an_error_and_not_a_missing_figure():
    with pytest.raises(MissingDataError, match="atr_14"):
        candidate_signals(CANDIDATES, UNIVERSE.drop(columns="atr_14"))


def test_the_contract_bites_where_a_signal_is_lost_in_silence():
    sound = candidate_signals(CANDIDATES, UNIVERSE)
    assert signals_say_why(sound).passed
    silent = signals_say_why(sound.assign(missing=""))
    assert not silent.passed
    assert silent.message == "2 of 2 candidates lack a signal without a reason"
    assert not signals_say_why(sound.assign(roc=np.nan)).passed  # lost later, with the old reason
    assert signals_say_why(sound.head(0)).passed


def test_the_stamp_of_a_sleeve_is_that_of_its_worst_scanner():
    every = Scan("every", "x", ScreenRules(direction="LONG"))
    named = Scan("named", "x", ScreenRules(direction="LONG", include_symbols=("X:A", "X:Z")))
    universe = pd.DataFrame({"symbol": ["X:A", "X:B"]})
    found = membership_of([every, named], universe, DAY)
    assert found.to_numpy().tolist() == [["every", "point_in_time", 0, 0, ""], ["named", "unknown", 2, 1, "X:Z"]]
    CANDIDATE_MEMBERSHIP.pandera_schema().validate(stamped(found, CANDIDATE_MEMBERSHIP), lazy=True)
    assert (survivorship_of(found), survivorship_of(found.head(1))) == ("unknown", "point_in_time")
