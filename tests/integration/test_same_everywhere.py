"""The same day decided under other clocks, hash seeds and numbers of workers is the same lake (N8, N9)."""

import datetime as dt
import os
import subprocess
import sys

import pytest

from quant_resources.lakehouse import Lake

PROFILE = "binance_spot_rating_all_long"
SMALL = {
    "QUANT_MARKET_URL": "",
    "QUANT_MARKET_AS_OF": "2022-03-27",  # clocks go forward in Europe on this day, and have in New York
    "QUANT_PLATFORM__HISTORY_START": "2020-10-01",
    "QUANT_PLATFORM__START_DATE": "2021-06-01",
    f"QUANT_SLEEVES__{PROFILE.upper()}__BACKTEST__HISTORY_DAYS": "440",
}


def decided(home, **environment):
    """Content hash of every table after one run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "quant_assets.cli", "run", "all", "--profile", PROFILE, "--json"],
        env={**os.environ, **SMALL, **environment, "QUANT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    lake = Lake(home / "lakehouse")
    return {table: lake.content_hash(table) for table in lake.tables()}


@pytest.mark.slow
def test_the_lake_does_not_depend_on_zone_hash_seed_or_workers(tmp_path):
    here = decided(tmp_path / "a", TZ="UTC", PYTHONHASHSEED="0", QUANT_WORKERS="1")
    there = decided(tmp_path / "b", TZ="Asia/Kolkata", PYTHONHASHSEED="1", QUANT_WORKERS="2")
    elsewhere = decided(tmp_path / "c", TZ="America/New_York", PYTHONHASHSEED="2", QUANT_WORKERS="2")
    assert len(here) > 20
    assert there == here
    assert elsewhere == here
    assert dt.date(2022, 3, 27) in set(Lake(tmp_path / "a" / "lakehouse").read("weights")["date"].dt.date)
