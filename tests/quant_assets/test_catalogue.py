"""The stored catalogue: history kept as dates arrive in any order, nothing lost, required metadata vouched for."""

import datetime as dt

import pandas as pd
import pytest

from quant_assets.checks.catalogue import judge_catalogue, judge_coverage
from quant_assets.dataops.catalogue_history import instruments_on, last_known_rows, update_versions
from quant_lib.contracts import INSTRUMENTS
from quant_resources.catalogue import build_instruments
from quant_resources.config import UniverseConfig

DAYS = [dt.date(2024, 5, 29), dt.date(2024, 5, 30), dt.date(2024, 5, 31)]
SPOT = UniverseConfig(name="spot", description="spot", market="crypto", exchanges=("BINANCE",), asset_types=("spot",))


def listings(*tickers, scale=100):
    return pd.DataFrame(
        {
            "symbol": [f"BINANCE:{ticker}" for ticker in tickers],
            "type": "spot",
            "currency": "USDT",
            "description": "a coin",
            "sector": None,
            "pricescale": scale,
            "minmov": 1,
            "active_symbol": True,
            "first_bar_time": 1_600_000_000,
            "time": 1_717_113_600,
        }
    )


def store(lake, day, found, exchange=None, **options):
    seen = last_known_rows(lake, found["symbol"], [SPOT])
    rows = build_instruments(found, day, scanned_today=True, last_known=seen, exchange=exchange)
    lake.replace(INSTRUMENTS, rows, date=day)
    return update_versions(lake, [day])


def test_a_lost_symbol_stays_and_the_change_is_told(lake):
    store(lake, DAYS[0], listings("AUSDT", "BUSDT"))
    store(lake, DAYS[1], listings("AUSDT"))
    verdict = judge_catalogue(lake, DAYS[1], [SPOT])
    assert verdict.passed, verdict.message
    assert verdict.figures["vanished"] == 1
    changed = lake.read("instrument_versions", date=DAYS[1])
    assert changed[["symbol", "changed"]].to_numpy().tolist() == [["BINANCE:BUSDT", "delisted_on,active,listing"]]
    assert instruments_on(lake, DAYS[0])["active"].tolist() == [True, True]
    assert instruments_on(lake, DAYS[1])["active"].tolist() == [True, False]
    store(lake, DAYS[2], listings("AUSDT", "BUSDT"))
    assert instruments_on(lake, DAYS[2])["listing"].tolist() == ["listed", "listed"], "it came back"


def test_dates_may_arrive_in_any_order(lake, tmp_path):
    from quant_resources.lakehouse import Lake

    days = {DAYS[0]: 100, DAYS[1]: 100, DAYS[2]: 1000}
    other = Lake(tmp_path / "other")
    for day in DAYS:
        store(lake, day, listings("AUSDT", scale=days[day]))
    for day in (DAYS[2], DAYS[0], DAYS[1], DAYS[1]):
        store(other, day, listings("AUSDT", scale=days[day]))
    versions = lake.read("instrument_versions")
    assert versions["tick_size"].tolist() == [0.01, 0.001]
    pd.testing.assert_frame_equal(other.read("instrument_versions"), versions)
    assert not store(other, DAYS[1], listings("AUSDT", scale=100)).changed


def test_a_symbol_that_went_missing_fails_by_name(lake):
    store(lake, DAYS[0], listings("AUSDT", "BUSDT"))
    rows = build_instruments(listings("AUSDT"), DAYS[1], scanned_today=True)
    lake.replace(INSTRUMENTS, rows, date=DAYS[1])
    verdict = judge_catalogue(lake, DAYS[1], [SPOT])
    assert not verdict.passed
    assert "BINANCE:BUSDT" in verdict.failing["symbol"].tolist()


def test_a_venue_nobody_asks_any_more_has_not_vanished(lake):
    store(lake, DAYS[0], listings("AUSDT"))
    perps = SPOT.model_copy(update={"asset_types": ("perp",)})
    assert last_known_rows(lake, pd.Series(["BINANCE:BUSDT.P"]), [perps]).empty
    rows = build_instruments(listings("CUSDT"), DAYS[1], scanned_today=True)
    lake.replace(INSTRUMENTS, rows, date=DAYS[1])
    assert judge_catalogue(lake, DAYS[1], [perps]).figures["lost"] == 0


def test_coverage_needs_a_tick_somebody_told(lake):
    store(lake, DAYS[0], pd.concat([listings(f"X{k}USDT", scale=None if k < 2 else 100) for k in range(20)]))
    verdict = judge_coverage(lake, DAYS[0])
    assert not verdict.passed
    assert verdict.figures["tick_size_coverage"] == pytest.approx(0.9)
    assert verdict.failing["symbol"].tolist() == ["BINANCE:X0USDT", "BINANCE:X1USDT"]
    assert "tick_size is default" in verdict.failing["lacking"].iloc[0]


def test_lot_sizes_are_required_where_the_exchange_was_asked(lake):
    told = pd.DataFrame({"symbol": ["BINANCE:AUSDT"], "exchange": "BINANCE", "quote": "USDT", "asset_type": "spot"})
    told = told.assign(active=True, timezone="UTC", provider="binance", listed_on=pd.NaT)
    store(lake, DAYS[0], listings("AUSDT"), told)
    assert not judge_coverage(lake, DAYS[0]).passed
    store(lake, DAYS[1], listings("AUSDT"), told.assign(lot_size=0.01))
    assert judge_coverage(lake, DAYS[1]).passed
    store(lake, DAYS[2], listings("AUSDT"))
    verdict = judge_coverage(lake, DAYS[2])
    assert verdict.passed
    assert "no exchange was asked" in verdict.message


def test_judging_one_date_opens_the_files_of_its_month_only(lake, monkeypatch):
    from quant_resources.lakehouse import _reads as module

    for day in (dt.date(2024, 3, 15), dt.date(2024, 4, 15), dt.date(2024, 5, 15)):
        store(lake, day, listings("AUSDT"))
    opened: list[str] = []
    real = module.verified_paths

    def spy(spec, root, files):
        opened.extend(file.partition for file in files)
        return real(spec, root, files)

    monkeypatch.setattr(module, "verified_paths", spy)
    assert judge_coverage(lake, dt.date(2024, 4, 15)).passed
    assert opened == ["2024-04"]
