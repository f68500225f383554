"""Everything that goes wrong on a line at once: all bars arrive, once each, or the missing are named with their cause."""

from dataclasses import replace

import pandas as pd
import pytest

from quant_resources.tradingview import Limits


@pytest.mark.slow
def test_lost_cut_and_broken_lines_lose_and_repeat_nothing(bench):
    """30 % of the frames dropped, some cut, sockets broken, handshakes answered 429; then the line is good again."""
    names = [f"BINANCE:A{i:03d}USDT" for i in range(300)]
    bars = pd.concat([bench.walk(name, 60) for name in names], ignore_index=True)
    on = bars["timestamp"].max().date()
    source, instruments = bench.source(bars), bench.catalogue(names, on)
    limits = replace(Limits.loopback(), symbol_timeout=0.7, data_timeout=5.0)
    faults = {"drop_frames": 0.3, "truncate": 0.05, "disconnect_after": 300, "handshake_429": 0.3, "seed": 3}
    report = bench.ingest(bench.client(source, on, limits, **faults), instruments, on)
    committed = bench.servers[-1].committed
    assert all(committed[name] > 0 for name in ("drop_frames", "truncate", "disconnect_after", "handshake_429"))
    failed = report.fetches.query("status not in ['fetched', 'already_current']")
    assert len(failed) <= 0.05 * len(names)
    assert failed["message"].str.len().gt(20).all()
    stored = bench.lake.read("ohlcv")
    assert not stored.duplicated(["symbol", "date"]).any()
    whole = stored.groupby("symbol").size()
    assert set(whole) == {60}  # a symbol is stored whole or not at all
    assert set(whole.index) == set(names) - set(failed["symbol"])
    again = bench.ingest(bench.client(source, on), instruments, on)
    assert bench.servers[-1].counters["create_series"] == len(failed)
    assert set(again.fetches["status"]) == {"fetched"}
    final = bench.lake.read("ohlcv").set_index(["symbol", "date"])["close"]
    expected = bars.assign(date=bars["timestamp"].dt.tz_localize(None)).set_index(["symbol", "date"])["close"]
    assert len(final) == len(expected)
    pd.testing.assert_series_equal(final.sort_index(), expected.sort_index(), check_index_type=False, rtol=1e-9)
