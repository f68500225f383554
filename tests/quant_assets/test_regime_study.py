"""The regime study: of which versions, of which days, and in which job."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from quant_assets.configured import load_configured
from quant_assets.definitions import defs
from quant_assets.keys import REGIME_STUDY
from quant_assets.research.regime_study import everyone_studied, judge_study
from quant_lib.errors import MissingDataError

DAY = dt.date(2022, 3, 31)
PINS = {"instruments": 3, "ohlcv": 7}


class Shelf:
    """A lake of frames that answers only the pinned versions."""

    def __init__(self, **tables):
        self.tables = tables

    def months(self, table, *, version=None):
        assert version == PINS[table], f"{table} was looked up at {version}"
        return sorted(self.tables[table]["date"].dt.strftime("%Y-%m").unique())

    def read(self, table, *, version=None, date=None, since=None, until=None, columns=None, symbols=None):
        rows = self.tables[table]
        if table in PINS:
            assert version == PINS[table], f"{table} was read at {version}"
        rows = rows if date is None else rows[rows["date"] == pd.Timestamp(date)]
        rows = rows if since is None else rows[rows["date"] >= pd.Timestamp(since)]
        rows = rows if until is None else rows[rows["date"] <= pd.Timestamp(until)]
        rows = rows if symbols is None else rows[rows["symbol"].isin(symbols)]
        return rows[list(columns)] if columns else rows


def shelf(days=360, late=20):
    names = ["BTC", "ETH", "USDC", *(f"C{i}" for i in range(9))]
    symbols = [f"BINANCE:{name}USDT" for name in names]
    catalogue = pd.DataFrame({"symbol": symbols, "base": names, "date": pd.Timestamp(DAY)})
    catalogue = catalogue.assign(exchange="BINANCE", asset_type="spot", quote="USDT", calendar="24x7")
    rng = np.random.default_rng(3)
    dates = pd.date_range(end=pd.Timestamp(DAY) + pd.Timedelta(days=late), periods=days + late)
    parts = []
    for symbol in symbols:
        close = np.ones(len(dates)) if "USDC" in symbol else 10 * np.exp(np.cumsum(rng.normal(0, 0.02, len(dates))))
        part = pd.DataFrame({"symbol": symbol, "date": dates, "open": close, "close": close})
        parts.append(part.assign(high=close * 1.01, low=close * 0.99, volume=1e9 if "USDC" in symbol else 1e6))
    return Shelf(instruments=catalogue, ohlcv=pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def project():
    return load_configured()[1]


@pytest.fixture(scope="module")
def study(project):
    return everyone_studied(shelf(), project, DAY, PINS)


def test_every_proxy_is_studied_with_its_baskets_at_the_pinned_versions(project, study):
    rows, left_out = study
    spot = rows[rows["basket"].str.contains("spot")]
    assert set(rows["proxy"]) == {"BINANCE:BTCUSDT"}
    assert "BINANCE:BTCUSDT" in set(rows["basket"])
    assert len(spot) > 0
    assert set(rows["horizon"]) == {5, 10, 20}
    assert {"regime", "quadrant"} == set(rows["classification"])
    assert all(left_out)


def test_what_is_held_is_not_cash_and_nothing_after_the_date_counts(project, study):
    rows, _ = study
    lake = shelf()
    assert (lake.tables["ohlcv"].query("symbol == 'BINANCE:USDCUSDT'")["volume"] > 1e8).all()
    changed = lake.tables["ohlcv"]
    late = changed["date"] > pd.Timestamp(DAY)
    changed.loc[late | (changed["symbol"] == "BINANCE:USDCUSDT"), ["open", "high", "low", "close"]] *= 3.0
    again, _ = everyone_studied(lake, project, DAY, PINS)
    pd.testing.assert_frame_equal(rows, again)
    moved = changed["symbol"].eq("BINANCE:C3USDT") & changed["date"].eq(pd.Timestamp("2022-03-01"))
    changed.loc[moved, "close"] *= 1.02
    other, _ = everyone_studied(lake, project, DAY, PINS)
    assert not rows["mean"].equals(other["mean"])


def test_no_bars_at_all_is_an_error(project):
    empty = shelf()
    empty.tables["ohlcv"] = empty.tables["ohlcv"].iloc[:0]
    with pytest.raises(MissingDataError, match="market proxy"):
        everyone_studied(empty, project, DAY, PINS)


def test_the_judge_finds_days_that_do_not_add_up(study):
    rows, _ = study
    rows = rows.assign(date=pd.Timestamp(DAY), instruments_version=3, ohlcv_version=7)
    fine = judge_study(Shelf(regime_study=rows), DAY)
    assert fine.passed, fine.summary
    lost = rows.drop(rows[(rows["state"] != "ALL") & (rows["n"] > 0)].index[0])
    assert not judge_study(Shelf(regime_study=lost), DAY).passed
    crossed = rows.assign(mean_low=rows["mean_high"], mean_high=rows["mean_low"])
    assert not judge_study(Shelf(regime_study=crossed), DAY).passed


def test_the_study_is_made_on_demand_and_not_every_day():
    repository = defs.get_repository_def()
    assert REGIME_STUDY in repository.get_job("research").asset_layer.executable_asset_keys
    daily = repository.get_job("daily").asset_layer.executable_asset_keys
    assert REGIME_STUDY not in daily
    assert len(daily) > 10
