"""The whole path on a small embedded market: scan to report through real assets, checks and resources."""

import datetime as dt
import json

import pytest

from quant_assets.configured import load_configured
from quant_resources.lakehouse import Lake

DAY = dt.date(2022, 6, 30)
PROFILE = "binance_spot_rating_all_short"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One sleeve of one day, run once; environment and home are this module's own."""
    home = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    patch.setenv("QUANT_HOME", str(home))
    patch.setenv("QUANT_MARKET_URL", "")
    patch.setenv("QUANT_MARKET_AS_OF", DAY.isoformat())
    patch.setenv("QUANT_PLATFORM__HISTORY_START", "2021-03-01")
    patch.setenv("QUANT_PLATFORM__START_DATE", "2021-06-01")
    patch.setenv(f"QUANT_SLEEVES__{PROFILE.upper()}__BACKTEST__HISTORY_DAYS", "280")
    from quant_assets import home as homes
    from quant_assets.cli.execution import execute
    from quant_assets.cli.run import Flow, _selection

    settings, project = load_configured()
    homes.prepare_home(settings)

    def run(flow=Flow.ALL):
        return execute(settings, project, _selection(flow, [PROFILE]), DAY, quiet=True)

    yield run, run(), settings
    patch.undo()


def test_every_step_ran_and_every_check_passed(finished):
    _, outcome, _ = finished
    assert outcome.success, [(s.name, s.message) for s in outcome.steps.values() if s.message] + outcome.failed_checks
    assert outcome.checks_passed == 14
    assert {step.status for step in outcome.steps.values()} == {"done"}


def test_a_short_sleeve_is_short_from_end_to_end(finished):
    lake = Lake(finished[2].lakehouse_dir)
    candidates = lake.decision("candidates", PROFILE, DAY)
    assert (candidates["direction"] == "SHORT").all()
    assert (candidates["recommend_all"] < 0).all()
    positions = lake.decision("positions", PROFILE, DAY)
    assert len(positions) > 0
    assert (positions["net_weight"] < 0).all()
    assert (lake.decision("backtest_weights", PROFILE, DAY)["net_weight"] <= 0).all()


def test_the_scanned_day_and_its_reconstruction_choose_the_same(finished):
    """Figures are judged on our own closed bars, so how membership is known must not change the choice."""
    from quant_assets.sleeve_rules import sleeve_rules
    from quant_lib.decision import discover, universe_on

    _, project = load_configured()
    lake = Lake(finished[2].lakehouse_dir)
    universe = universe_on(lake.read("features", date=DAY), lake.read("instruments", date=DAY))
    again = discover(universe, sleeve_rules(project, project.sleeve(PROFILE)), DAY, "reconstructed")["candidates"]
    scanned = lake.decision("candidates", PROFILE, DAY)
    assert set(scanned["mode"]) == {"scanned"}
    assert again["symbol"].tolist() == scanned.sort_values("rank")["symbol"].tolist()


def test_no_bar_or_feature_lies_after_the_day(finished):
    lake = Lake(finished[2].lakehouse_dir)
    for table in ("ohlcv", "features", "ohlcv_health"):
        assert lake.read(table, columns=["date"])["date"].max().date() <= DAY


def test_a_rerun_changes_nothing(finished):
    run, _, settings = finished
    lake = Lake(settings.lakehouse_dir)
    before = {table: lake.version(table) for table in lake.tables()}
    assert run().success
    after = {table: Lake(settings.lakehouse_dir).version(table) for table in before}
    assert after == before


def test_the_report_is_whole_and_loads_nothing(finished):
    folder = finished[2].artifacts_dir / "reports" / PROFILE / DAY.isoformat()
    page = (folder / "report.html").read_text()
    assert "https://" not in page.split("<script>", 1)[0]
    assert '<script src="http' not in page
    document = json.loads((folder / "report.json").read_text())
    assert {m["risk_profile"] for m in document["metrics"]} == {"equal_weight", "hrp", "min_variance"}
