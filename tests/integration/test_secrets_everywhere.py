"""Secrets in the environment, and a login that is refused: the failure is named, and no secret is written anywhere."""

import datetime as dt
import logging

import dagster as dg
import pytest

from quant_assets import keys
from quant_assets.build import build_definitions
from quant_assets.configured import load_configured
from quant_resources.market import Clock, Faults, MarketServer, SyntheticSource

DAY = dt.date(2022, 6, 30)
CANARIES = {
    "QUANT_TRADINGVIEW_TOKEN": "canary-token-4b1e",
    "QUANT_TRADINGVIEW_SESSIONID_SIGN": "canary-sign-9c27",
    "QUANT_ALERT_WEBHOOK": "http://127.0.0.1:9/canary-hook-d03f",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A data run against a market that calls the login expired; everything it wrote lies below one folder."""
    home = tmp_path_factory.mktemp("refused")
    server = MarketServer(SyntheticSource(seed=5), Clock.as_of(DAY), Faults(bad_token=True))
    patch = pytest.MonkeyPatch()
    for name, value in {
        "QUANT_HOME": str(home),
        "QUANT_MARKET_URL": server.start(),
        "QUANT_PLATFORM__START_DATE": "2022-06-01",
        "QUANT_PLATFORM__HISTORY_START": "2022-05-01",
        **CANARIES,
    }.items():
        patch.setenv(name, value)
    stream = logging.FileHandler(home / "captured.log")
    logging.getLogger().addHandler(stream)
    settings, project = load_configured()
    job = build_definitions(settings, project).resolve_implicit_global_asset_job_def()
    (home / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(home / "dagster")) as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=DAY.isoformat(),
            asset_selection=[keys.INSTRUMENTS, keys.OHLCV],
            raise_on_error=False,
        )
        yield home, result, settings
    logging.getLogger().removeHandler(stream)
    server.stop()
    patch.undo()


def test_an_expired_login_is_named(refused):
    from quant_resources.lakehouse import Lake

    _, result, settings = refused
    told = Lake(settings.lakehouse_dir).read("ohlcv_fetches", date=DAY)
    assert set(told["status"]) == {"permission_denied"}
    assert told["message"].str.contains("expired or not valid").all()
    assert told["message"].str.contains("set a fresh QUANT_TRADINGVIEW_TOKEN").all()
    assert not all(check.passed for check in result.get_asset_check_evaluations())


def test_no_secret_is_in_logs_events_metadata_or_the_lake(refused):
    home, result, settings = refused
    written = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in written)
    assert any(path.suffix == ".db" for path in written)
    for canary in CANARIES.values():
        secret = canary.rpartition("/")[2].encode()
        assert [path for path in written if secret in path.read_bytes()] == []
        assert secret.decode() not in "".join(str(event) for event in result.all_events)
        assert secret.decode() not in repr(settings)
