"""A market of given bars, a client that never really waits, and a catalogue for both."""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from quant_lib.calendars import CalendarBook, venue_hours
from quant_lib.contracts import INSTRUMENTS
from quant_resources.market import Clock, Faults, MarketServer, ParquetSource
from quant_resources.tradingview import Endpoints, Limits, Runtime, TradingViewClient

NOW = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
START = dt.date(2017, 1, 1)


async def _no_pause(seconds: float) -> None:
    return None


def catalogue(symbols, on, kind="spot", **changes) -> pd.DataFrame:
    """Catalogue rows of some symbols, all trading unless `changes` say otherwise."""
    hours = [venue_hours(symbol.partition(":")[0], kind) for symbol in symbols]
    frame = pd.DataFrame({"symbol": list(symbols)})
    for column in INSTRUMENTS.columns:
        if column.name not in frame:
            frame[column.name] = _filler(column)
    frame = frame.assign(
        date=pd.Timestamp(on), exchange=[s.partition(":")[0] for s in symbols], asset_type=kind,
        calendar=[h.calendar for h in hours], timezone=[h.timezone for h in hours], session=[h.session for h in hours],
        active=True, mode="scanned",
    )  # fmt: skip
    return frame.assign(**changes).astype(INSTRUMENTS.pandas_types())[list(INSTRUMENTS.column_names)]


def _filler(column):
    if column.name.endswith("_source"):
        return "missing"
    return {"string": "x", "float64": np.nan, "bool": True, "date": pd.NaT}.get(column.type, 0)


def walk(symbol, days, seed=0, start="2024-01-01") -> pd.DataFrame:
    """Bars of a random walk as a Parquet market takes them."""
    rng = np.random.default_rng([seed, sum(symbol.encode())])
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, days)))
    opened = np.r_[100.0, close[:-1]]
    return pd.DataFrame(
        {
            "symbol": symbol,
            "timestamp": pd.date_range(start, periods=days, tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.01,
            "low": np.minimum(opened, close) * 0.99,
            "close": close,
            "volume": rng.uniform(10, 20, days),
        }
    )


class Bench:
    """A market server, a client for it, and ingestion with the arguments that never vary."""

    def __init__(self, tmp_path, lake) -> None:
        self.tmp_path, self.lake = tmp_path, lake
        self.servers: list[MarketServer] = []
        self.n_folders = 0

    catalogue = staticmethod(catalogue)
    walk = staticmethod(walk)

    def source(self, frame, exchange="BINANCE", asset_type="spot") -> ParquetSource:
        self.n_folders += 1
        folder = self.tmp_path / f"market{self.n_folders}"
        folder.mkdir()
        frame.to_parquet(folder / "ohlcv.parquet")
        return ParquetSource(folder, exchange, asset_type)

    def client(self, source, as_of, limits=None, **faults) -> TradingViewClient:
        server = MarketServer(source, Clock.as_of(as_of), Faults(**faults))
        server.start()
        self.servers.append(server)
        return TradingViewClient(
            Endpoints.at(server.url), limits or Limits.loopback(), anonymous=True, runtime=Runtime(sleep=_no_pause)
        )

    def ingest(self, client, instruments, on, symbols=None, **options):
        from quant_resources.ingestion import ingest

        options = {"start": START, "now": NOW, **options}
        followed = instruments["symbol"].tolist() if symbols is None else symbols
        return ingest(self.lake, client, instruments, followed, on, **options)

    def audit(self, instruments, on, rules=None):
        from quant_lib.health import HealthRules
        from quant_resources.ingestion import audit_date

        return audit_date(self.lake, CalendarBook.of(instruments), on, rules or HealthRules())[0]

    def repair(self, client, instruments, on, **options):
        from quant_resources.ingestion import repair

        symbols = instruments["symbol"].tolist()
        book = CalendarBook.of(instruments)
        return repair(self.lake, client, book, symbols, on, start=START, now=NOW, **options)


@pytest.fixture
def bench(tmp_path, lake) -> Iterator[Bench]:
    """A bench on an empty lake."""
    made = Bench(tmp_path, lake)
    yield made
    for server in made.servers:
        server.stop()
