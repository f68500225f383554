"""A folder of OHLCV Parquet files as a market source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from quant_lib.errors import InvalidKeyError
from quant_lib.symbols import parse_symbol
from quant_resources.market.bars import Bars, FloatArray, Int64Array
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
from quant_resources.market.instruments import Instrument
from quant_resources.market.listings import read_listings

if TYPE_CHECKING:
    import pyarrow as pa

PRICES: Final = ("open", "high", "low", "close")
VALUES: Final = (*PRICES, "volume")
COLUMNS: Final = ("symbol", "timestamp", *VALUES)


@dataclass(frozen=True, slots=True)
class _Kind:
    market: str
    type: str
    typespecs: tuple[str, ...]
    timezone: str = "Etc/UTC"
    session: str = "24x7"
    pair: bool = True


_KINDS: Final = {
    "spot": _Kind("crypto", "spot", ("crypto",)),
    "swap": _Kind("crypto", "swap", ("crypto", "perpetual")),
    "equity": _Kind("america", "stock", ("common",), "America/New_York", "0930-1600", pair=False),
    "etf": _Kind("america", "fund", ("etf",), "America/New_York", "0930-1600", pair=False),
    "forex": _Kind("forex", "forex", (), "America/New_York", "1700-1700"),
    "futures": _Kind("futures", "futures", ("continuous",), "America/Chicago", "1700-1600", pair=False),
    "index": _Kind("cfd", "index", ("main",), "America/New_York", "0930-1600", pair=False),
}
ASSET_TYPES: Final = tuple(_KINDS)
"""What a Parquet source can be a source of."""


@dataclass(slots=True)
class _Counts:
    """What was done to the rows on the way in."""

    rows: int = 0
    incomplete: int = 0
    duplicates: int = 0
    unsorted: int = 0
    joined: int = 0
    naive: int = 0
    unlisted: int = 0
    skipped: tuple[str, ...] = ()

    def notes(self) -> tuple[str, ...]:
        texts = (
            (self.incomplete, "rows dropped: no symbol, time or complete set of prices"),
            (self.duplicates, "duplicate rows dropped: same symbol and time, the last one kept"),
            (self.unsorted, "rows were out of order within their symbol and have been sorted"),
            (self.joined, "rows within a day joined into daily bars"),
            (self.naive, "rows had no time zone and are read as UTC"),
            (self.unlisted, "symbols left out: not in the listings"),
        )
        counted = tuple(f"{count} {text}" for count, text in texts if count)
        return counted + tuple(f"{name} holds no prices and was skipped" for name in self.skipped)


class ParquetSource:
    """Recorded daily bars from Parquet files.

    Every ``.parquet`` file under the folder is read once, at construction. Needed
    columns: symbol, timestamp (the bar's open; the session date for exchanges with
    hours), open, high, low, close, volume; others are ignored, and files without
    any price column are skipped and noted. Values are served as found: crossed
    prices, zeros and spikes included; a chart is also sent repeated rows and rows without prices
    (`as_found`), which the screener leaves out. Rows within one UTC day are joined into a
    daily bar; daily bars are stamped 00:00 UTC of their session date.

    Parameters
    ----------
    folder : Path
        Where the files are.
    exchange : str
        Venue of symbols that name none.
    asset_type : str
        One of `ASSET_TYPES`; ``swap`` gives every ticker the suffix ``.P``.
    listings : Path, optional
        What is listed, and where (`quant_resources.market.listings`). Other symbols are left out and noted.

    Raises
    ------
    ListingsError, FolderMissingError, NoParquetError, ColumnsMissingError, ColumnTypeError,
    UnreadableParquetError, NoBarsError
        When the folder cannot be served.
    SourceSyntaxError
        When the asset type is not known.
    """

    def __init__(
        self, folder: Path | str, exchange: str = "BINANCE", asset_type: str = "spot", listings: Path | None = None
    ) -> None:
        self.folder = Path(folder)
        kind = _KINDS.get(asset_type)
        if kind is None:
            raise SourceSyntaxError(asset_type, f"an asset type is one of {', '.join(ASSET_TYPES)}")
        self._counts = _Counts()
        codes, names, time, values = self._read(_files_of(self.folder))
        named = {} if listings is None else read_listings(listings)
        symbols = [_full_name(named.get(name.strip().upper(), name), exchange, kind) for name in names]
        if listings is not None:
            listed = np.array([symbol in set(named.values()) for symbol in symbols], dtype=np.bool_)
            self._counts.unlisted = int((~listed).sum())
            rows = listed[codes]
            codes, time, values = codes[rows], time[rows], values[rows]
        codes, symbols = _by_full_name(codes, symbols)
        complete = np.asarray(np.isfinite(values[:, :4]).all(axis=1), dtype=np.bool_)
        self._bars = self._split(codes[complete], symbols, time[complete], values[complete])
        self._found = self._defective(codes, symbols, time, values, complete)
        if not self._bars:
            raise NoBarsError(self.folder, self._counts.incomplete)
        self._instruments = {symbol: _instrument(symbol, kind) for symbol in self._bars}

    @property
    def name(self) -> str:
        """What `parse_source` would read."""
        return f"parquet:{self.folder}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data on the way in, with counts; empty when nothing was."""
        return self._counts.notes()

    def instruments(self) -> Mapping[str, Instrument]:
        """Return every symbol of the files, ascending."""
        return self._instruments

    def bars(self, symbol: str, before: float) -> Bars:
        """Return the daily bars of `symbol` that open before `before` (Unix seconds UTC).

        Raises
        ------
        KeyError
            When the files hold no such symbol.
        """
        bars = self._bars[symbol]
        return bars.slice(0, bars.position(before))

    def as_found(self, symbol: str, before: float) -> Bars:
        """Return the same rows as the files have them: repeated ones, and ones without prices, included.

        Rows that were joined into days are served joined: what a day's defect would be is not known.

        Raises
        ------
        KeyError
            When the files hold no such symbol.
        """
        bars = self._found.get(symbol)
        if bars is None:
            return self.bars(symbol, before)
        return bars.slice(0, bars.position(before))

    def _read(self, files: list[Path]) -> tuple[Int64Array, list[str], Int64Array, FloatArray]:
        """Return symbol codes, symbol names, times in seconds, and values of all usable rows, in file order."""
        import pyarrow as pa
        import pyarrow.compute as pc

        tables = [table for table in map(self._read_file, files) if table is not None]
        if not tables:
            found = _schema(files[0]).names
            raise ColumnsMissingError(files[0], tuple(name for name in COLUMNS if name not in found), tuple(found))
        table = pa.concat_tables(tables)
        self._counts.rows = table.num_rows
        values = np.column_stack([_floats(table[name]) for name in VALUES])
        valid = np.ones(len(values), dtype=bool)
        for name in ("symbol", "timestamp"):
            valid &= pc.is_valid(table[name]).to_numpy()
        self._counts.incomplete = int((~(valid & np.isfinite(values[:, :4]).all(axis=1))).sum())
        table, values = table.filter(pa.array(valid)), values[valid]
        encoded = table["symbol"].combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        time = table["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)
        return codes, encoded.dictionary.to_pylist(), time, values

    def _read_file(self, file: Path) -> pa.Table | None:
        """Return the needed columns of a file in one common type; None for a file that holds no prices."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = _schema(file)
        missing = tuple(name for name in COLUMNS if name not in schema.names)
        if not set(PRICES) & set(schema.names):
            self._counts.skipped += (file.name,)
            return None
        if missing:
            raise ColumnsMissingError(file, missing, tuple(schema.names))
        try:
            table = pq.read_table(file, columns=list(COLUMNS), page_checksum_verification=True, partitioning=None)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableParquetError(file, str(error).splitlines()[0]) from error
        return _normal(file, table, self._counts)

    def _split(self, codes: Int64Array, symbols: list[str], time: Int64Array, values: FloatArray) -> dict[str, Bars]:
        """Sort, drop duplicates, join days, and give each symbol its bars."""
        order = np.lexsort((np.arange(len(codes)), time, codes))
        self._count_unsorted(codes, time)
        codes, time, values = codes[order], time[order], values[order]
        last = _last_of_runs(codes, time)
        self._counts.duplicates = int((~last).sum())
        codes, time, values = codes[last], time[last], values[last]
        codes, time, values = self._daily(codes, time, values)
        return _bars_by_symbol(codes, symbols, time, values)

    def _defective(
        self,
        codes: Int64Array,
        symbols: list[str],
        time: Int64Array,
        values: FloatArray,
        complete: npt.NDArray[np.bool_],
    ) -> dict[str, Bars]:
        """Bars as found, of the symbols that have repeated or empty ones and no rows within a day."""
        order = np.lexsort((np.arange(len(codes)), time, codes))
        codes, time, values, complete = codes[order], time[order], values[order], complete[order]
        days = time // DAY * DAY
        same_day = (np.diff(codes) == 0) & (np.diff(days) == 0)
        repeated = same_day & (np.diff(time) == 0)
        within = set(codes[1:][same_day & ~repeated].tolist())
        wanted = (set(codes[1:][repeated].tolist()) | set(codes[~complete].tolist())) - within
        chosen = np.isin(codes, np.array(sorted(wanted), dtype=np.int64))
        found = _bars_by_symbol(codes[chosen], symbols, days[chosen], values[chosen])
        return {symbol: bars for symbol, bars in found.items() if symbol in self._bars}

    def _count_unsorted(self, codes: Int64Array, time: Int64Array) -> None:
        by_symbol = np.argsort(codes, kind="stable")
        steps, same = np.diff(time[by_symbol]), np.diff(codes[by_symbol]) == 0
        self._counts.unsorted = int(((steps < 0) & same).sum())

    def _daily(
        self, codes: Int64Array, time: Int64Array, values: FloatArray
    ) -> tuple[Int64Array, Int64Array, FloatArray]:
        days = time // DAY * DAY
        if len(days) == 0:
            return codes, days, values
        last = _last_of_runs(codes, days)
        if last.all():
            return codes, days, values
        stop = np.flatnonzero(last)
        first = np.r_[0, stop[:-1] + 1]
        self._counts.joined = len(days) - len(first)
        joined = np.column_stack(
            [
                values[first, 0],
                np.maximum.reduceat(values[:, 1], first),
                np.minimum.reduceat(values[:, 2], first),
                values[stop, 3],
                np.add.reduceat(values[:, 4], first),
            ]
        )
        return codes[first], days[first], joined


def _by_full_name(codes: Int64Array, symbols: list[str]) -> tuple[Int64Array, list[str]]:
    """Give every full name a number, ascending, so that btcusdt and BINANCE:BTCUSDT are one symbol."""
    unique = sorted(set(symbols))
    place = {symbol: number for number, symbol in enumerate(unique)}
    renumbered = np.array([place[symbol] for symbol in symbols], dtype=np.int64)
    return (renumbered[codes] if len(codes) else codes), unique


def _bars_by_symbol(codes: Int64Array, symbols: list[str], time: Int64Array, values: FloatArray) -> dict[str, Bars]:
    """Cut rows in order of (code, time) into the bars of each symbol that has any."""
    bounds = np.searchsorted(codes, np.arange(len(symbols) + 1))
    values.flags.writeable = False
    time.flags.writeable = False
    return {
        symbol: Bars(time[first:stop], values[first:stop])
        for symbol, first, stop in zip(symbols, bounds[:-1], bounds[1:], strict=True)
        if stop > first
    }


def _files_of(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FolderMissingError(folder)
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise NoParquetError(folder)
    return files


def _schema(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableParquetError(file, str(error).splitlines()[0]) from error


def _normal(file: Path, table: pa.Table, counts: _Counts) -> pa.Table:
    """Cast to text, UTC microseconds and float64, or say which column cannot be."""
    import pyarrow as pa

    stamp = table.schema.field("timestamp").type
    if not (pa.types.is_timestamp(stamp) or pa.types.is_date(stamp)):
        raise ColumnTypeError(file, "timestamp", str(stamp), "a timestamp or a date")
    if pa.types.is_timestamp(stamp) and stamp.tz is None:
        counts.naive += table.num_rows
    instants = table["timestamp"].cast(pa.timestamp("us", tz=getattr(stamp, "tz", None)), safe=False)
    columns: dict[str, Any] = {
        "timestamp": instants.cast(pa.timestamp("us", tz="UTC") if instants.type.tz else instants.type)
    }
    wanted = {"symbol": pa.string(), **dict.fromkeys(VALUES, pa.float64())}
    for name, kind in wanted.items():
        try:
            columns[name] = table[name].cast(kind, safe=False)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ColumnTypeError(file, name, str(table.schema.field(name).type), str(kind)) from error
    columns["timestamp"] = columns["timestamp"].cast(pa.timestamp("us"), safe=False)
    return pa.table({name: columns[name] for name in COLUMNS})


def _floats(column: Any) -> FloatArray:
    values: FloatArray = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _last_of_runs(codes: Int64Array, time: Int64Array) -> npt.NDArray[np.bool_]:
    """Return where the next row has another symbol or time."""
    if len(codes) == 0:
        return np.empty(0, dtype=bool)
    last = np.ones(len(codes), dtype=bool)
    last[:-1] = (codes[1:] != codes[:-1]) | (time[1:] != time[:-1])
    return last


def _full_name(name: str, exchange: str, kind: _Kind) -> str:
    symbol = name.strip().upper()
    if ":" not in symbol:
        symbol = f"{exchange.upper()}:{symbol}"
    return f"{symbol}.P" if kind.type == "swap" and not symbol.endswith(".P") else symbol


def _instrument(symbol: str, kind: _Kind) -> Instrument:
    ticker = symbol.partition(":")[2]
    base, quote = ticker, "USD"
    if kind.pair:
        try:
            parsed = parse_symbol(symbol)
        except InvalidKeyError:
            # A name the platform refuses is still served; whoever ingests it decides.
            base, quote = ticker, ""
        else:
            base, quote = parsed.base, parsed.quote
    return Instrument(
        symbol=symbol,
        market=kind.market,
        type=kind.type,
        typespecs=kind.typespecs,
        base=base,
        quote=quote,
        description=f"{base} / {quote}" if kind.pair and quote else ticker,
        timezone=kind.timezone,
        session=kind.session,
    )
