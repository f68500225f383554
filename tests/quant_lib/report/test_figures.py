"""Every engine and risk profile of a sleeve is told apart, and none is left out."""

import itertools
from types import SimpleNamespace

import pandas as pd

from quant_lib.report.build import _tiles
from quant_lib.report.figures import equity, positions
from quant_lib.report.inputs import ReportInputs, labelled

PAIRS = [(e, r) for e, r in itertools.product(("custom", "riskfolio", "skfolio"), ("hrp", "erc", "max_sharpe"))]
PAIRS += [("market", "market"), ("custom", "barbell")]


def inputs() -> ReportInputs:
    sessions = pd.date_range("2022-01-01", periods=3)
    returns = [(e, r, day, 0.01) for e, r in PAIRS for day in sessions]
    held = [(e, r, symbol, 0.5) for e, r in PAIRS for symbol in ("X:A", "X:B")]
    metrics = [(e, r, "sharpe", 1.0) for e, r in PAIRS]
    own = SimpleNamespace(
        returns=pd.DataFrame(returns, columns=["engine", "risk_profile", "bar_date", "ret"]),
        positions=pd.DataFrame(held, columns=["engine", "risk_profile", "symbol", "net_weight"]),
        metrics=pd.DataFrame(metrics, columns=["engine", "risk_profile", "metric", "value"]),
        benchmark=pd.Series(dtype="float64"),
        benchmark_name="market",
    )
    own.series = lambda: ReportInputs.series(own)  # type: ignore[arg-type]
    return own  # type: ignore[return-value]


def test_several_engines_are_named_and_one_is_not():
    names = [name for name, _ in labelled(inputs().positions)]
    assert names[:4] == ["barbell", "erc (custom)", "erc (riskfolio)", "erc (skfolio)"]
    assert "market" in names
    assert len(set(names)) == len(PAIRS)


def test_more_series_than_colours_are_all_drawn_and_look_different():
    lines = equity(inputs()).data
    assert len(lines) == len(PAIRS)
    assert len({(line.line.color, line.line.dash) for line in lines}) == len(PAIRS)
    bars = positions(inputs()).data
    assert [len(bar.x) for bar in bars] == [2] * len(PAIRS)
    assert len({(bar.marker.color, bar.marker.pattern.shape) for bar in bars}) == len(PAIRS)
    assert {bar.name for bar in bars} == {line.name for line in lines}


def test_tiles_are_named_like_the_lines():
    assert [tile["risk"] for tile in _tiles(inputs())] == [name for name, _ in labelled(inputs().metrics)]
