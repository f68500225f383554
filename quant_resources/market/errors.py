"""What can go wrong while opening, configuring or running the embedded market."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quant_lib.errors import QuantError


class MarketError(QuantError):
    """Root of the embedded market's errors."""


@dataclass(eq=False)
class SourceSyntaxError(MarketError):
    """A source that `parse_source` does not understand."""

    text: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.text!r} is not a market source: {self.reason}; write synthetic, synthetic:SEED or parquet:FOLDER, "
            "or several of them with commas between"
        )


@dataclass(eq=False)
class SymbolInTwoSourcesError(MarketError):
    """Two sources of one market have the same symbol."""

    symbols: tuple[str, ...]
    first: str
    second: str

    def __str__(self) -> str:
        shown = ", ".join(self.symbols[:5]) + (f" and {len(self.symbols) - 5} more" if len(self.symbols) > 5 else "")
        return (
            f"{self.first} and {self.second} both hold {shown}; leave one of the sources out, or name in "
            "listings=FILE which symbols of a folder are served"
        )


@dataclass(eq=False)
class ListingsError(MarketError):
    """A list of what a Parquet folder lists, which cannot be used."""

    file: Path
    reason: str

    def __str__(self) -> str:
        return f"listings {self.file}: {self.reason}; write one EXCHANGE:TICKER a line"


@dataclass(eq=False)
class ClockSyntaxError(MarketError):
    """A clock that is neither a date nor an instant."""

    text: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.text!r} is not a market clock: {self.reason}; "
            "write a date such as 2022-06-30 (its close) or an instant such as 2022-06-30T12:00:00Z"
        )


@dataclass(eq=False)
class FaultSyntaxError(MarketError):
    """A fault that `Faults.parse` does not understand."""

    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.text!r} is not a fault: {self.reason}; write for example latency=50ms, http_429=0.2 or bad_token"


@dataclass(eq=False)
class FolderMissingError(MarketError):
    """The folder of a Parquet source is not there."""

    folder: Path

    def __str__(self) -> str:
        return f"market folder {self.folder} does not exist; name a folder that holds OHLCV Parquet files"


@dataclass(eq=False)
class NoParquetError(MarketError):
    """The folder of a Parquet source holds no Parquet file."""

    folder: Path

    def __str__(self) -> str:
        return f"market folder {self.folder} holds no .parquet file; put OHLCV Parquet files in it or name another"


@dataclass(eq=False)
class ColumnsMissingError(MarketError):
    """A Parquet file lacks columns a bar needs."""

    file: Path
    missing: tuple[str, ...]
    found: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.file} lacks the column(s) {', '.join(self.missing)} (it has {', '.join(self.found)}); "
            "a market file needs symbol, timestamp, open, high, low, close, volume"
        )


@dataclass(eq=False)
class ColumnTypeError(MarketError):
    """A Parquet column holds something a bar cannot use."""

    file: Path
    column: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.file}: column {self.column} holds {self.found}, wanted {self.wanted}; rewrite the file"


@dataclass(eq=False)
class UnreadableParquetError(MarketError):
    """A file named .parquet that is not one, or a damaged one."""

    file: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.file} cannot be read as Parquet ({self.reason}); replace the file or remove it from the folder"


@dataclass(eq=False)
class NoBarsError(MarketError):
    """A Parquet source of which no usable bar is left."""

    folder: Path
    dropped: int

    def __str__(self) -> str:
        return f"market folder {self.folder} holds no usable bar ({self.dropped} rows dropped); check its contents"


@dataclass(eq=False)
class AddressError(MarketError):
    """The server could not listen where it was told to."""

    host: str
    port: int
    reason: str

    def __str__(self) -> str:
        return f"the market cannot listen on {self.host}:{self.port} ({self.reason}); choose another port, or 0 for any"


@dataclass(eq=False)
class ServerStateError(MarketError):
    """A server was asked for something it cannot do in its present state."""

    wanted: str
    state: str

    def __str__(self) -> str:
        return f"the market server cannot {self.wanted}: it is {self.state}"
