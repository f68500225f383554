"""Every engine and risk profile of a sleeve is told apart, and none is left out."""

import datetime as dt
import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from quant_lib.report.build import _tiles
from quant_lib.report.figures import equity, positions, styles_of
from quant_lib.report.inputs import ReportInputs, labelled
from quant_lib.report.tables import _positions_table, metrics_table

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
    # The market holds all of one symbol: beside it nobody could read the others.
    assert [len(bar.x) for bar in bars] == [2] * (len(PAIRS) - 1)
    assert len({(bar.marker.color, bar.marker.pattern.shape) for bar in bars}) == len(PAIRS) - 1
    assert {bar.name for bar in bars} == {line.name for line in lines} - {"market"}


def test_engines_of_one_profile_share_its_colour_and_differ_in_their_dash():
    lines = {line.name: line.line for line in equity(inputs()).data}
    erc = [lines[f"erc ({engine})"] for engine in ("custom", "riskfolio", "skfolio")]
    assert len({line.color for line in erc}) == 1
    assert len({line.dash for line in erc}) == 3
    assert lines["market"].color not in {erc[0].color, lines["barbell"].color}


def test_every_pair_there_can_be_has_a_line_of_its_own():
    from quant_lib.objectives import SUPPORTED

    every = [(engine, profile) for engine, profiles in SUPPORTED.items() for profile in profiles]
    styles = styles_of(pd.DataFrame(every, columns=["engine", "risk_profile"]))
    assert len({(style.colour, style.dash) for style in styles}) == len(every)
    assert len({(style.colour, style.pattern) for style in styles}) == len(every)


def test_tables_keep_the_engines_of_a_profile_together_and_show_no_position_as_none():
    own = inputs()
    own.positions = own.positions[(own.positions["risk_profile"] != "barbell") | (own.positions["symbol"] == "X:A")]
    for table in (metrics_table(own), _positions_table(own)):
        assert table.header[1:] == [name for name, _ in labelled(own.metrics)]
    shown = {row[0]: dict(zip(_positions_table(own).header, row, strict=True)) for row in _positions_table(own).rows}
    assert (shown["X:A"]["barbell"], shown["X:B"]["barbell"]) == ("+50.00%", "–")


def test_tiles_are_named_like_the_lines():
    assert [tile["risk"] for tile in _tiles(inputs())] == [name for name, _ in labelled(inputs().metrics)]


def test_the_picture_of_many_series_is_small_and_always_the_same():
    from quant_lib.report.png import equity_png

    own = inputs()
    rng = np.random.default_rng(4)
    days = pd.date_range("2021-01-01", periods=500)
    rows = [(e, r, day, move) for e, r in PAIRS for day, move in zip(days, rng.normal(0, 0.03, 500), strict=True)]
    own.returns = pd.DataFrame(rows, columns=["engine", "risk_profile", "bar_date", "ret"])
    own.profile, own.date, own.stamp = "many", dt.date(2022, 6, 30), "survivorship: unknown"
    picture = equity_png(own)
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(picture) < 60_000
    assert equity_png(own) == picture


@pytest.mark.parametrize("stamp", ["unknown", "point_in_time"])
def test_the_picture_of_the_dagster_page_carries_the_stamp(monkeypatch, stamp):
    from matplotlib.axes import Axes

    from quant_lib.report.png import equity_png

    said = []
    monkeypatch.setattr(Axes, "set_title", lambda self, text, **how: said.append(text))
    own = inputs()
    own.profile, own.date, own.stamp = "stamped", dt.date(2022, 6, 30), f"survivorship: {stamp}"
    equity_png(own)
    assert said == [f"stamped, walk-forward to 2022-06-30, after costs; survivorship: {stamp}"]
