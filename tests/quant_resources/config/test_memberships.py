"""Files of members: read beside the file that names them, refused where they cannot be trusted, and those that ship."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from quant_assets.sleeve_rules import scan_of
from quant_lib.selection import Membership, MembershipRow, NotPointInTimeError
from quant_resources.config import Project, load_project
from quant_resources.config._lists import read_symbols

if TYPE_CHECKING:
    from conftest import Configs

CONFIGS = Path(__file__).parents[3] / "configs"
UNIVERSE = "universes/spot.yaml"
FILE = "universes/lists/m.csv"
HEADER = "# source: a test\nsymbol,from,to,known_at\n"
DOW_2024 = {
    *[
        "NASDAQ:AAPL",
        "NASDAQ:AMGN",
        "NASDAQ:AMZN",
        "NASDAQ:CSCO",
        "NASDAQ:HON",
        "NASDAQ:MSFT",
        "NASDAQ:NVDA",
        "NYSE:AXP",
        "NYSE:BA",
    ],
    *[
        "NYSE:CAT",
        "NYSE:CRM",
        "NYSE:CVX",
        "NYSE:DIS",
        "NYSE:GS",
        "NYSE:HD",
        "NYSE:IBM",
        "NYSE:JNJ",
        "NYSE:JPM",
        "NYSE:KO",
        "NYSE:MCD",
    ],
    *[
        "NYSE:MMM",
        "NYSE:MRK",
        "NYSE:NKE",
        "NYSE:PG",
        "NYSE:SHW",
        "NYSE:TRV",
        "NYSE:UNH",
        "NYSE:V",
        "NYSE:VZ",
        "NYSE:WMT",
    ],
}


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(CONFIGS)


def test_a_membership_file_is_read_and_decides(configs: Configs) -> None:
    configs.add(UNIVERSE, "membership_file: lists/m.csv\nneeds_symbol_file: true\n")
    configs.write(
        FILE, HEADER + "BINANCE:BTCUSDT,2020-01-01,2021-01-01,2019-12-01\nBINANCE:ETHUSDT,2020-06-01,,2020-05-01\n"
    )
    project = configs.load()
    scan = scan_of(project, project.scanner("buys"), "LONG")
    assert scan.rules.members(dt.date(2020, 6, 1)) == ("BINANCE:BTCUSDT", "BINANCE:ETHUSDT")
    assert scan.rules.members(dt.date(2021, 1, 1)) == ("BINANCE:ETHUSDT",)
    assert scan.rules.survivorship == "point_in_time"
    assert project.named_symbols(project.universe("spot")) == {"BINANCE:BTCUSDT", "BINANCE:ETHUSDT"}
    before = project.config_hash("longs")
    configs.write(FILE, HEADER + "BINANCE:ETHUSDT,2020-06-01,,2020-05-01\n")
    assert configs.load().config_hash("longs") != before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("symbol,from,to,known_at\n", "source"),
        (HEADER, "holds no row"),
        (HEADER + "BINANCE:BTCUSDT,2020-01-01\n", "not a row of symbol,from,to,known_at"),
        (HEADER + "BINANCE:BTCUSDT,2020-01-01,soon,2019-12-01\n", "not a row"),
        (HEADER + "btc,2020-01-01,,2019-12-01\n", "not a row"),
        (HEADER + "BINANCE:BTCUSDT,2020-01-01,2020-01-01,2019-12-01\n", "not after it joined"),
        (HEADER + "BINANCE:BTCUSDT,2020-01-01,,2019-12-01\n" * 2, "twice what was known on 2019-12-01"),
    ],
)
def test_a_membership_file_that_cannot_be_trusted_is_refused(configs: Configs, text: str, words: str) -> None:
    configs.add(UNIVERSE, "membership_file: lists/m.csv\n")
    assert configs.error().code == "CFG_SYMBOL_FILE"  # missing
    configs.write(FILE, text)
    assert (configs.error().code, words in configs.error().message) == ("CFG_SYMBOL_FILE", True)


def test_one_source_of_members_at_a_time(configs: Configs) -> None:
    configs.write(FILE, HEADER + "BINANCE:ETHUSDT,2020-06-01,,2020-05-01\n")
    configs.add(UNIVERSE, 'membership_file: lists/m.csv\nsymbols: ["BINANCE:BTCUSDT"]\n')
    assert "otherwise who belongs" in configs.error().message


def test_a_policy_that_speaks_of_nothing_is_reported(configs: Configs) -> None:
    configs.add(UNIVERSE, "before_first_list: first_list\n")
    assert [(one.code, one.key) for one in configs.lint()] == [("CFG_DEAD_RULE", "before_first_list")]


def test_the_dow_has_thirty_members_on_every_day(project: Project) -> None:
    rules = scan_of(project, project.scanner("dw30_trend"), "LONG").rules
    days = [dt.date(2013, 9, 23) + dt.timedelta(days=n) for n in range(4_200)]
    assert {len(rules.members(day) or ()) for day in days} == {30}
    assert set(rules.members(dt.date(2024, 11, 8)) or ()) == DOW_2024
    with pytest.raises(NotPointInTimeError):
        rules.members(dt.date(2013, 9, 22))


@pytest.mark.parametrize(
    ("day", "left", "joined"),
    [
        ("2015-03-19", {"NYSE:T"}, {"NASDAQ:AAPL"}),
        ("2018-06-26", {"NYSE:GE"}, {"NASDAQ:WBA"}),
        ("2020-08-31", {"NYSE:XOM", "NYSE:PFE", "NYSE:RTX"}, {"NYSE:CRM", "NASDAQ:AMGN", "NASDAQ:HON"}),
        ("2024-02-26", {"NASDAQ:WBA"}, {"NASDAQ:AMZN"}),
    ],
)
def test_changes_of_the_dow_take_effect_on_their_day(
    project: Project, day: str, left: set[str], joined: set[str]
) -> None:
    rules = scan_of(project, project.scanner("dw30_trend"), "LONG").rules
    on = dt.date.fromisoformat(day)
    before, after = (set(rules.members(date) or ()) for date in (on - dt.timedelta(days=1), on))
    assert (before - after, after - before) == (left, joined)


def test_stamps_of_the_shipped_sleeves(project: Project) -> None:
    unknown = {
        name
        for name, sleeve in project.sleeves.items()
        if any(
            scan_of(project, one, sleeve.direction).rules.survivorship == "unknown" for one in project.scanners_of(name)
        )
    }
    assert unknown == {
        *("canary", "development", "institutional_etf", "production_2026_q1"),
        *("us_stock_rating_all_long", "us_stock_rating_all_short"),
    }


def test_a_universe_that_names_its_members_follows_them_alone(project: Project) -> None:
    named = {name: project.named_symbols(project.universe(name)) for name in project.platform.follow}
    assert {name for name, symbols in named.items() if symbols is None} == {"binance_spot", "binance_perp"}
    assert len(named["sp500_sample"] or ()) == 50
    assert project.named_symbols(project.universe("sp500")) == frozenset()  # refused, never left unrestricted


RECORDINGS = (
    "sp500_stocks_1d_2013_2018/ohlcv.parquet",
    "lean_us_equity_1d_raw/ohlcv.parquet",
    "skfolio_sp500_close_1990_2022/close.parquet",
    "zipline_csvdir_1d_2012_2014/ohlcv.parquet",
)


def test_members_of_which_bars_are_recorded_traded_on_every_session_of_their_stays(shared_data):
    project = load_project(CONFIGS)
    file = project.membership(project.universes["dw30"])
    stays = Membership(file.name, tuple(MembershipRow(*row) for row in file.rows))
    checked, members = 0, set()
    for name in RECORDINGS:
        bars = pd.read_parquet(shared_data / name, columns=["symbol", "timestamp"])
        days = pd.DatetimeIndex(pd.to_datetime(bars["timestamp"], utc=True)).tz_localize(None).normalize()
        sessions = sorted({day.date() for day in days})
        traded = set(zip(bars["symbol"], (day.date() for day in days), strict=True))
        recorded = set(bars["symbol"])
        for day in sessions:
            if day >= dt.date(2013, 9, 23):
                own = {symbol.partition(":")[2] for symbol in stays.on(day)} & recorded
                assert {(symbol, day) for symbol in own} <= traded
                checked, members = checked + len(own), members | own
    assert (checked, len(members)) == (33_988, 15)


def test_the_sample_is_what_was_recorded_on_its_day(shared_data):
    project = load_project(CONFIGS)
    (name,) = project.universes["sp500_sample"].symbol_files
    listed = read_symbols(CONFIGS / "universes" / name)
    bars = pd.read_parquet(shared_data / RECORDINGS[0], columns=["symbol", "timestamp"])
    ends = bars.groupby("symbol")["timestamp"].max()
    assert {symbol.partition(":")[2] for symbol in listed.symbols} == set(ends.index)
    assert set(ends.dt.date) == {listed.as_of} == {dt.date(2018, 2, 7)}
