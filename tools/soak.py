"""An hour of ingestion from a market where everything goes wrong, and what leaked, got lost or came twice.

``python -m tools.soak --minutes 60 [--seed 42] [--out soak.jsonl]``

A market server in a process of its own plays one day after the other, each with other faults: lost, cut and late
messages, broken sockets, 429 and 503, symbols that vanish for a day. The platform's own catalogue, ingestion, repair
and audit bring one lakehouse up to each day at noon, while the next bar is still forming. When the time is over the
lake is finished on a calm line and compared with the market bar by bar.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

FIRST_DAY = dt.date(2021, 6, 1)
HISTORY_DAYS = 400
CATALOGUE_DAYS = 110
"""Catalogues of earlier days: a lake in use has checkpoints, and reading one starts the engine that reads them."""
TOLERANCE = 0.05
"""How far the memory of a minute may be from the middle one, once a sixth of the time is over."""

PRICES = ["open", "high", "low", "close", "volume"]
CALM: dict[str, Any] = {}
STORMS: tuple[dict[str, Any], ...] = (
    CALM,
    {"drop_frames": 0.05},
    {"truncate": 0.03},
    {"disconnect_after": 150},
    {"handshake_429": 0.4, "http_429": 0.3, "http_503": 0.2, "retry_after": "0"},
    {"jitter": 0.02, "latency": 0.005},
    {"drop_frames": 0.02, "truncate": 0.02, "disconnect_after": 200, "handshake_429": 0.2, "retry_after": "0"},
    {"drop_frames": 0.3},
)


# ---- the market, in a process of its own


def serve(orders: Connection, seed: int) -> None:
    """Play the market of each day that is ordered: ("day", date, faults), ("truth", dates, symbols), None to end."""
    from quant_resources.market import Clock, Faults, MarketServer, SyntheticSource

    source, server = SyntheticSource(seed=seed), None
    while (order := orders.recv()) is not None:
        if order[0] == "truth":
            orders.send(_truth(source, *order[1:]))
            continue
        committed = Counter() if server is None else server.committed
        if server is not None:
            server.stop()
        noon = dt.datetime.combine(order[1], dt.time(12), dt.UTC) + dt.timedelta(days=1)
        server = MarketServer(source, Clock.at(noon), Faults(**order[2]))
        orders.send((server.start(), committed))
    if server is not None:
        server.stop()


def _truth(source: Any, since: dt.date, until: dt.date, symbols: list[str]) -> pd.DataFrame:
    """Give every whole bar of some symbols the market has between two days."""
    end = dt.datetime.combine(until, dt.time(), dt.UTC) + dt.timedelta(days=1)
    parts = []
    for symbol in symbols:
        bars = source.bars(symbol, end.timestamp())
        rows = pd.DataFrame(bars.values, columns=PRICES)
        parts.append(rows.assign(symbol=symbol, date=bars.time.astype("datetime64[s]").astype("datetime64[us]")))
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["date"] >= pd.Timestamp(since)]


@dataclass
class Market:
    """The other end of the pipe."""

    orders: Connection
    committed: Counter[str] = field(default_factory=Counter)

    def day(self, date: dt.date, faults: dict[str, Any]) -> str:
        """Move the market to the noon after a day; return its address."""
        self.orders.send(("day", date, faults))
        url, committed = self.orders.recv()
        self.committed.update(committed)
        return str(url)

    def truth(self, since: dt.date, until: dt.date, symbols: list[str]) -> pd.DataFrame:
        """Give the bars there are."""
        self.orders.send(("truth", since, until, symbols))
        rows: pd.DataFrame = self.orders.recv()
        return rows


@contextmanager
def market(seed: int) -> Iterator[Market]:
    """Start the market's process, and end it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, seed), daemon=True)
    process.start()
    try:
        yield Market(ours)
    finally:
        ours.send(None)
        process.join(30)


# ---- the lake


@dataclass
class Tally:
    """What came of the hour."""

    days: int = 0
    bars: int = 0
    rejected: int = 0
    lost: int = 0
    repeated: int = 0
    altered: int = 0
    unclosed: int = 0
    unnamed: int = 0
    late: int = 0
    damaged: int = 0

    @property
    def faultless(self) -> bool:
        """Whether nothing was lost, repeated, altered, stored too early or left without a cause."""
        return not (self.lost or self.repeated or self.altered or self.unclosed or self.unnamed or self.damaged)


def faults_of(day: int, symbols: list[str], dice: np.random.Generator) -> dict[str, Any]:
    """Choose the storm of a day; on every third one some symbols are missing, denied, empty or silent too."""
    faults = {**STORMS[day % len(STORMS)], "seed": int(dice.integers(1 << 30))}
    if day % 3 == 1 and symbols:
        picked = [str(name) for name in dice.choice(symbols, 4, replace=False)]
        faults |= {kind: (name,) for kind, name in zip(("missing", "denied", "empty", "silent"), picked, strict=True)}
    return faults


class Life:
    """A lakehouse from empty to the end of the hour."""

    def __init__(self, root: Path, source: Market) -> None:
        from quant_assets.configured import load_configured
        from quant_resources.lakehouse import Lake

        _, self.project = load_configured()
        self.lake, self.market, self.tally = Lake(root), source, Tally()
        self.universes = [self.project.universes[name] for name in ("binance_spot", "binance_perp")]
        self.start = FIRST_DAY - dt.timedelta(days=HISTORY_DAYS)
        self.symbols: list[str] = []

    def be_in_use(self) -> None:
        """Store catalogues of the days before, so that the hour begins like any day of a lake in use."""
        from quant_lib.contracts import INSTRUMENTS

        catalogue = self._catalogue(_client(self.market.day(FIRST_DAY, CALM)), FIRST_DAY)
        for back in range(CATALOGUE_DAYS, 0, -1):
            date = FIRST_DAY - dt.timedelta(days=back)
            self.lake.replace(INSTRUMENTS, catalogue.assign(date=pd.Timestamp(date)), date=date)

    def _catalogue(self, client: Any, date: dt.date) -> pd.DataFrame:
        from quant_resources.catalogue import build_instruments, fetch_listings

        listings = pd.concat([fetch_listings(client, one) for one in self.universes], ignore_index=True)
        return build_instruments(listings, date, scanned_today=True)

    def bring_up(self, date: dt.date, faults: dict[str, Any]) -> None:
        """Run the day's catalogue, ingestion, repair and audit."""
        from quant_assets.sleeve_rules import health_rules, repair_rules
        from quant_lib.contracts import INSTRUMENTS
        from quant_resources.calendars import calendar_book
        from quant_resources.catalogue import followed_symbols
        from quant_resources.ingestion import audit_date, ingest, repair

        client = _client(self.market.day(date, faults))
        catalogue = self._catalogue(client, date)
        self.lake.replace(INSTRUMENTS, catalogue, date=date)
        self.symbols = sorted(set(self.symbols) | set(followed_symbols(catalogue, self.universes, set())))
        now = dt.datetime.now(dt.UTC)
        listed = [symbol for symbol in self.symbols if symbol in set(catalogue["symbol"])]
        report = ingest(self.lake, client, catalogue, listed, date, start=self.start, now=now, checkpoint_bars=25_000)
        book = calendar_book(self.lake, date)
        repair(self.lake, client, book, listed, date, start=self.start, now=now, rules=repair_rules(self.project))
        audit_date(self.lake, book, date, health_rules(self.project))
        failed = report.fetches[~report.fetches["status"].isin(["fetched", "already_current"])]
        self.tally.late += len(failed)
        self.tally.unnamed += int(failed["message"].fillna("").str.len().lt(10).sum())
        self.tally.days += 1

    def settle(self, date: dt.date) -> None:
        """Compare every stored bar with the market's, after a last calm day."""
        self.bring_up(date, CALM)
        stored = self.lake.read("ohlcv", columns=["symbol", "date", *PRICES])
        refused = self.lake.read("ohlcv_rejects", columns=["symbol", "date"])
        truth = self.market.truth(self.start, date, self.symbols).set_index(["symbol", "date"])
        self.tally.repeated += int(stored.duplicated(["symbol", "date"]).sum())
        self.tally.unclosed += int((stored["date"] > pd.Timestamp(date)).sum())
        kept = stored.drop_duplicates(["symbol", "date"]).set_index(["symbol", "date"])
        known = pd.MultiIndex.from_frame(refused)
        self.tally.lost += len(truth.index.difference(kept.index).difference(known))
        both = kept.index.intersection(truth.index)
        same = np.isclose(kept.loc[both, PRICES], truth.loc[both, PRICES], rtol=1e-9, atol=0.0)
        self.tally.altered += int((~same.all(axis=1)).sum()) + len(kept.index.difference(truth.index))
        self.tally.bars += len(kept)
        self.tally.rejected += len(known.unique())
        self.tally.damaged += len(self.lake.verify())


def _client(url: str) -> Any:
    from quant_resources.tradingview import Endpoints, Limits, TradingViewClient

    limits = Limits(
        backoff_base=0.02, backoff_cap=0.2, symbol_timeout=0.6, data_timeout=1.2, more_grace=0.1, hello_timeout=2.0,
        attempts=5, connection_attempts=12, http_attempts=12, malformed_limit=1_000,
    )  # fmt: skip
    return TradingViewClient(Endpoints.at(url), limits, anonymous=True)


# ---- the hour


def measured() -> dict[str, float]:
    """Memory in MiB, open files and threads of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
    }


def soak(minutes: float, seed: int, out: TextIO | None) -> tuple[Tally, pd.DataFrame, Counter[str]]:
    """Live day after day until the time is over; return the tally, one row per day, the faults met."""
    began, dice, rows = time.monotonic(), np.random.default_rng(seed), []
    with market(seed) as source, tempfile.TemporaryDirectory(prefix="soak-") as folder:
        life = Life(Path(folder), source)
        life.be_in_use()
        while time.monotonic() - began < minutes * 60:
            day = len(rows)
            life.bring_up(FIRST_DAY + dt.timedelta(days=day), faults_of(day, life.symbols, dice))
            rows.append({"minute": (time.monotonic() - began) / 60, "day": day, **measured()})
            _say(out, rows[-1])
        life.settle(FIRST_DAY + dt.timedelta(days=len(rows)))
        _say(out, {**asdict(life.tally), "faults": source.committed})
    return life.tally, pd.DataFrame(rows), source.committed


def _say(out: TextIO | None, facts: dict[str, Any]) -> None:
    if out is not None:
        out.write(json.dumps(facts) + "\n")
        out.flush()


def flatness(days: pd.DataFrame) -> dict[str, float]:
    """How memory, open files and threads went after the first sixth: minute by minute against the middle minute."""
    after = days[days["minute"] >= days["minute"].max() / 6]
    by_minute = after.groupby(after["minute"].astype(int))["rss"].median()
    middle = by_minute.median()
    trend = np.polyfit(after["minute"], after["rss"], 1)[0] if len(after) > 1 else 0.0
    return {
        "rss_middle": middle,
        "rss_low": by_minute.min() / middle - 1,
        "rss_high": by_minute.max() / middle - 1,
        "rss_mib_per_hour": trend * 60,
        "files_min": after["files"].min(),
        "files_max": after["files"].max(),
        "threads_max": after["threads"].max(),
    }


def main() -> int:
    """Run, print what came of it, and return 1 if anything leaked or was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--out", type=argparse.FileType("w"), default=None, help="one JSON line after every day")
    options = parser.parse_args()
    total, days, faults = soak(options.minutes, options.seed, options.out)
    flat = flatness(days)
    steady = max(-flat["rss_low"], flat["rss_high"]) <= TOLERANCE
    summary = {"minutes": days["minute"].max(), **asdict(total), **flat, "faults": dict(faults)}
    print(json.dumps(summary, indent=2, default=float))  # noqa: T201
    print("passed" if steady and total.faultless else "FAILED")  # noqa: T201
    return 0 if steady and total.faultless else 1


if __name__ == "__main__":
    raise SystemExit(main())
