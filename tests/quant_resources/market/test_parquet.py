"""Any folder of OHLCV Parquet files: what is served, what is noted, what is refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_resources.market import Clock, ParquetSource
from quant_resources.market._view import MarketView
from quant_resources.market.clock import DAY
from quant_resources.market.errors import (
    ColumnsMissingError,
    ColumnTypeError,
    FolderMissingError,
    NoBarsError,
    NoParquetError,
    SourceSyntaxError,
    UnreadableParquetError,
)

FOREVER = 4e9
START = int(dt.datetime(2022, 1, 1, tzinfo=dt.UTC).timestamp())


def rows(symbol="BTCUSDT", days=5, first="2022-01-01", **changes):
    frame = pd.DataFrame(
        {
            "symbol": symbol,
            "timestamp": pd.date_range(first, periods=days, tz="UTC"),
            "open": np.arange(days) + 10.0,
            "high": np.arange(days) + 12.0,
            "low": np.arange(days) + 9.0,
            "close": np.arange(days) + 11.0,
            "volume": np.arange(days) + 100.0,
        }
    )
    return frame.assign(**changes)


def write(folder, *frames, name="part"):
    for number, frame in enumerate(frames):
        frame.to_parquet(folder / f"{name}-{number}.parquet", index=False)
    return folder


def test_one_file_or_many_make_one_market(tmp_path):
    nested = tmp_path / "year=2022"
    nested.mkdir()
    write(tmp_path, rows("BTCUSDT"), rows("ETHUSDT", quote_volume=1.0))
    write(nested, rows("BTCUSDT", first="2022-01-06"))
    source = ParquetSource(tmp_path)
    assert list(source.instruments()) == ["BINANCE:BTCUSDT", "BINANCE:ETHUSDT"]
    bars = source.bars("BINANCE:BTCUSDT", FOREVER)
    assert bars.time.tolist() == [START + DAY * day for day in range(10)]
    assert bars.values[0].tolist() == [10.0, 12.0, 9.0, 11.0, 100.0]
    assert source.notes == ()
    assert source.name == f"parquet:{tmp_path}"


def test_bars_end_before_the_instant_asked_for(tmp_path):
    source = ParquetSource(write(tmp_path, rows()))
    for before, count in [(START, 0), (START + 1, 1), (START + DAY, 1), (START + DAY + 0.5, 2), (FOREVER, 5)]:
        assert len(source.bars("BINANCE:BTCUSDT", before)) == count


@pytest.mark.parametrize(
    ("asset_type", "exchange", "written", "symbol", "kind", "market"),
    [
        ("spot", "BINANCE", "btcusdt", "BINANCE:BTCUSDT", "spot", "crypto"),
        ("spot", "BINANCE", "FTX:BTCUSD", "FTX:BTCUSD", "spot", "crypto"),
        ("swap", "bybit", "BTCUSDT", "BYBIT:BTCUSDT.P", "swap", "crypto"),
        ("swap", "BYBIT", "BTCUSDT.P", "BYBIT:BTCUSDT.P", "swap", "crypto"),
        ("equity", "NASDAQ", "AAPL", "NASDAQ:AAPL", "stock", "america"),
        ("etf", "AMEX", "SPY", "AMEX:SPY", "fund", "america"),
        ("forex", "OANDA", "EURUSD", "OANDA:EURUSD", "forex", "forex"),
        ("index", "TVC", "^N225", "TVC:^N225", "index", "cfd"),
        ("futures", "COMEX", "GC1!", "COMEX:GC1!", "futures", "futures"),
    ],
)
def test_symbols_get_venue_and_kind(tmp_path, asset_type, exchange, written, symbol, kind, market):
    source = ParquetSource(write(tmp_path, rows(written)), exchange, asset_type)
    ((name, instrument),) = source.instruments().items()
    assert (name, instrument.type, instrument.market) == (symbol, kind, market)
    assert len(source.bars(symbol, FOREVER)) == 5


def test_base_and_quote_are_read_from_the_pair(tmp_path):
    source = ParquetSource(write(tmp_path, rows("1000PEPEUSDT")), "BYBIT", "swap")
    instrument = source.instruments()["BYBIT:1000PEPEUSDT.P"]
    assert (instrument.base, instrument.quote) == ("PEPE", "USDT")
    stock = ParquetSource(tmp_path, "NASDAQ", "equity").instruments()["NASDAQ:1000PEPEUSDT"]
    assert (stock.base, stock.quote, stock.session) == ("1000PEPEUSDT", "USD", "0930-1600")


def test_duplicates_keep_the_last_row_and_are_counted(tmp_path):
    again = rows(days=2, close=77.0)
    source = ParquetSource(write(tmp_path, pd.concat([rows(), again])))
    assert source.bars("BINANCE:BTCUSDT", FOREVER).close.tolist() == [77.0, 77.0, 13.0, 14.0, 15.0]
    assert any(note.startswith("2 duplicate rows") for note in source.notes)


def test_rows_out_of_order_are_sorted_and_counted(tmp_path):
    source = ParquetSource(write(tmp_path, rows().iloc[::-1]))
    assert source.bars("BINANCE:BTCUSDT", FOREVER).close.tolist() == [11.0, 12.0, 13.0, 14.0, 15.0]
    assert any(note.startswith("4 rows were out of order") for note in source.notes)


def test_incomplete_rows_are_dropped_and_counted_but_a_missing_volume_stays_missing(tmp_path):
    frame = rows()
    frame.loc[1, "close"] = np.nan
    frame.loc[2, "high"] = np.inf
    frame.loc[3, "volume"] = np.nan
    frame.loc[4, "symbol"] = None
    source = ParquetSource(write(tmp_path, frame))
    bars = source.bars("BINANCE:BTCUSDT", FOREVER)
    assert bars.time.tolist() == [START, START + 3 * DAY]
    assert np.isnan(bars.volume[1])
    assert any(note.startswith("3 rows dropped") for note in source.notes)


def test_defects_are_served_as_found(tmp_path):
    frame = rows(days=3)
    frame.loc[0, "open"], frame.loc[1, "high"], frame.loc[2, "volume"] = 0.0, 1.0, -5.0
    bars = ParquetSource(write(tmp_path, frame)).bars("BINANCE:BTCUSDT", FOREVER)
    assert (bars.open[0], bars.high[1], bars.volume[2]) == (0.0, 1.0, -5.0)


def test_hours_are_joined_into_days(tmp_path):
    hours = rows(days=48).assign(timestamp=pd.date_range("2022-01-01", periods=48, freq="h", tz="UTC"))
    source = ParquetSource(write(tmp_path, hours))
    bars = source.bars("BINANCE:BTCUSDT", FOREVER)
    assert bars.time.tolist() == [START, START + DAY]
    assert bars.values[0].tolist() == [10.0, 35.0, 9.0, 34.0, sum(range(100, 124))]
    assert any(note.startswith("46 rows within a day") for note in source.notes)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", None, "America/New_York"])
def test_any_timestamp_is_read_as_an_instant(tmp_path, unit, zone):
    stamps = (
        pd.date_range("2022-01-01 12:00", periods=5, tz="UTC").tz_convert(zone)
        if zone
        else pd.date_range("2022-01-01", periods=5)
    )
    table = pa.Table.from_pandas(rows().assign(timestamp=stamps), preserve_index=False)
    cast = table.set_column(1, "timestamp", table["timestamp"].cast(pa.timestamp(unit, tz=zone)))
    pq.write_table(cast, tmp_path / "a.parquet")
    source = ParquetSource(tmp_path)
    # Stamps within the day are those of its session.
    assert source.bars("BINANCE:BTCUSDT", FOREVER).time.tolist() == [START + DAY * day for day in range(5)]
    assert any("no time zone" in note for note in source.notes) == (zone is None)


def test_dates_dictionaries_and_whole_numbers_are_read(tmp_path):
    table = pa.table(
        {
            "symbol": pa.array(["BTCUSDT"] * 2).dictionary_encode(),
            "timestamp": pa.array([dt.date(2022, 1, 1), dt.date(2022, 1, 2)]),
            **{name: pa.array([3, 4], pa.int32()) for name in ("open", "high", "low", "close", "volume")},
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    bars = ParquetSource(tmp_path).bars("BINANCE:BTCUSDT", FOREVER)
    assert bars.time.tolist() == [START, START + DAY]
    assert bars.close.tolist() == [3.0, 4.0]


def test_files_without_prices_are_skipped_and_named(tmp_path):
    write(tmp_path, rows())
    rows()[["symbol", "timestamp"]].assign(funding_rate=0.1).to_parquet(tmp_path / "funding.parquet")
    assert ParquetSource(tmp_path).notes == ("funding.parquet holds no prices and was skipped",)


def test_what_cannot_be_served_says_why(tmp_path):
    with pytest.raises(FolderMissingError, match="does not exist"):
        ParquetSource(tmp_path / "nowhere")
    with pytest.raises(NoParquetError, match=r"no \.parquet file"):
        ParquetSource(tmp_path)
    with pytest.raises(SourceSyntaxError, match="option"):
        ParquetSource(tmp_path, asset_type="option")
    write(tmp_path, rows().drop(columns=["high", "volume"]))
    with pytest.raises(ColumnsMissingError) as missing:
        ParquetSource(tmp_path)
    assert missing.value.missing == ("high", "volume")
    assert "part-0.parquet" in str(missing.value)


@pytest.mark.parametrize("column", ["timestamp", "close", "symbol"])
def test_columns_of_the_wrong_kind_are_named(tmp_path, column):
    wrong = {"timestamp": 5, "close": "cheap", "symbol": [[1]] * 5}[column]
    write(tmp_path, rows(**{column: wrong}))
    with pytest.raises(ColumnTypeError) as error:
        ParquetSource(tmp_path)
    assert error.value.column == column


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"not parquet")
    with pytest.raises(UnreadableParquetError, match=r"a\.parquet"):
        ParquetSource(tmp_path)


def test_a_flipped_bit_is_found_where_the_file_has_checksums(tmp_path):
    file = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pandas(rows(days=2000)), file, write_page_checksum=True, compression="none")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(UnreadableParquetError):
        ParquetSource(tmp_path)


def test_nothing_usable_is_an_error(tmp_path):
    write(tmp_path, rows(close=np.nan))
    with pytest.raises(NoBarsError, match="5 rows"):
        ParquetSource(tmp_path)


def test_the_price_grid_is_measured_on_what_is_known(tmp_path):
    frame = rows(close=[1.5, 1.5, 1.25, 1.25, 1.125], open=1.5, high=2.0, low=1.0)
    source = ParquetSource(write(tmp_path, frame))
    for days, scale in [(1, 10), (3, 100), (5, 1000)]:
        view = MarketView(source, Clock.wall())
        assert view.find("BTCUSDT", START + days * DAY).pricescale == scale


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("folder", "exchange", "asset_type", "symbols", "note"),
    [
        ("binance_spot_1d_2020_2022", "BINANCE", "spot", 80, None),
        ("bybit_perp_1d_2020_2023", "BYBIT", "swap", 105, "77 duplicate rows"),
        ("binance_perp_1d_2020_2022", "BINANCE", "swap", 15, "funding_8h.parquet"),
        ("binance_spot_1h_2020_2022", "BINANCE", "spot", 7, "rows within a day"),
        ("sp500_stocks_1d_2013_2018", "NASDAQ", "equity", 50, None),
        ("lean_us_equity_1d_raw", "NASDAQ", "equity", 9, "factors.parquet"),
        ("world_index_1d_1990s", "TVC", "index", 1, "160 rows dropped"),
        ("lean_fx_1d", "OANDA", "forex", 4, None),
    ],
)
def test_recorded_markets(shared_data, folder, exchange, asset_type, symbols, note):
    source = ParquetSource(shared_data / folder, exchange, asset_type)
    assert len(source.instruments()) == symbols
    if note is None:
        assert source.notes == ()
    else:
        assert any(note in text for text in source.notes)
    raw = pd.read_parquet(shared_data / folder / "ohlcv.parquet").dropna(subset=["open", "high", "low", "close"])
    raw = raw.drop_duplicates(["symbol", "timestamp"], keep="last")
    days = raw.assign(day=raw["timestamp"].dt.floor("D")).drop_duplicates(["symbol", "day"])
    assert sum(len(source.bars(symbol, FOREVER)) for symbol in source.instruments()) == len(days)
