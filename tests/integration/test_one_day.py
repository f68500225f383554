"""The whole path on a small embedded market: scan to report through real assets, checks and resources."""

import datetime as dt
import json
import shutil

import numpy as np
import pandas as pd
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
    assert outcome.checks_passed == 22
    assert {step.status for step in outcome.steps.values()} == {"done"}


def test_a_short_sleeve_is_short_from_end_to_end(finished):
    lake = Lake(finished[2].lakehouse_dir)
    candidates = lake.decision("candidates", PROFILE, DAY)
    assert (candidates["direction"] == "SHORT").all()
    assert (candidates["recommend_all"] < 0).all()
    for table in ("positions", "backtest_weights"):
        held = lake.decision(table, PROFILE, DAY)
        market = held["risk_profile"] == "market"
        assert (held.loc[~market, "net_weight"] < 0).all()
        assert held.loc[~market, "risk_profile"].nunique() == 7
        # What the sleeve is measured against is the benchmark, held long.
        assert set(held.loc[market, "symbol"]) == {"BINANCE:BTCUSDT"}
        assert (held.loc[market, "net_weight"] == 1.0).all()


def test_what_was_solved_is_what_was_asked(finished):
    solved = Lake(finished[2].lakehouse_dir).decision("allocations", PROFILE, DAY)
    assert (solved["status"] == "solved").all()
    asked = solved[~solved["fallback"]]
    assert (asked["solved_profile"] == asked["risk_profile"]).all()
    assert {"min_variance", "equal_weight", "market", "benchmark", "risk_parity"} <= set(asked["risk_profile"])


def test_the_scanned_day_and_its_reconstruction_choose_the_same(finished):
    """Figures are judged on our own closed bars, so how membership is known must not change the choice."""
    from quant_assets.sleeve_rules import sleeve_rules
    from quant_lib.decision import discover, universe_on

    _, project = load_configured()
    lake = Lake(finished[2].lakehouse_dir)
    universe = universe_on(lake.read("features", date=DAY), lake.read("instruments", date=DAY))
    health = lake.read("ohlcv_health", date=DAY)
    again = discover(universe, sleeve_rules(project, project.sleeve(PROFILE)), DAY, "reconstructed", health)[
        "candidates"
    ]
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
    again = run()
    assert again.success, [(s.name, s.message) for s in again.steps.values() if s.message] + again.failed_checks
    after = {table: Lake(settings.lakehouse_dir).version(table) for table in before}
    assert after == before


def test_the_report_is_whole_and_loads_nothing(finished):
    folder = finished[2].artifacts_dir / "reports" / PROFILE / DAY.isoformat()
    page = (folder / "report.html").read_text()
    assert "https://" not in page.split("<script>", 1)[0]
    assert '<script src="http' not in page
    document = json.loads((folder / "report.json").read_text())
    assert len({m["risk_profile"] for m in document["metrics"]}) == 8


def test_every_chart_says_how_its_universe_is_known(finished):
    folder = finished[2].artifacts_dir / "reports" / PROFILE / DAY.isoformat()
    stamp = "survivorship: point_in_time"
    page = (folder / "report.html").read_text()
    charts = [part.split("</section>")[0] for part in page.split("<section id=")[1:]]
    assert len(charts) == 7
    assert all(stamp in chart for chart in charts)
    assert stamp in page.split("<section id=")[0]
    assert stamp in (folder / "report.md").read_text().split("##")[0]
    assert json.loads((folder / "report.json").read_text())["survivorship"] == "point_in_time"


@pytest.fixture
def older(finished, tmp_path):
    """The finished lake as it was before signals, membership and tails were recorded."""
    shutil.copytree(finished[2].lakehouse_dir, tmp_path / "lake")
    for table in ("candidate_signals", "candidate_membership", "stream_tails"):
        shutil.rmtree(tmp_path / "lake" / table)
    return Lake(tmp_path / "lake")


def test_the_contracts_of_an_older_lake_say_what_to_materialise(older):
    from quant_assets.checks.sleeve import SleeveContracts

    _, project = load_configured()
    contracts = SleeveContracts(project, project.sleeve(PROFILE), "")
    for step, table in (("candidates", "candidate_signals"), ("strategy_returns", "stream_tails")):
        verdict = getattr(contracts, step)(older, DAY)
        assert not verdict.passed
        assert verdict.message == (
            f"{table} is not recorded: an earlier release made the {step} of {PROFILE} on {DAY}; "
            f"materialise {PROFILE}/{step} of it again"
        )


def test_the_report_of_an_older_lake_is_made_and_stamped_unknown(older):
    from quant_assets.alpha.report_inputs import report_inputs
    from quant_lib.report import build_report

    _, project = load_configured()
    inputs = report_inputs(older, project, project.sleeve(PROFILE), DAY, 365.0)
    assert inputs.survivorship == "unknown"
    assert inputs.notes[0].startswith("survivorship: unknown. It was not recorded when these candidates were made")
    page = build_report(inputs).html
    assert "survivorship: point_in_time" not in page
    assert page.count("survivorship: unknown") >= 9


@pytest.fixture(scope="module")
def walked(finished):
    """The sleeve's rules, its history, and its windows."""
    from quant_assets.alpha.history import pinned_history
    from quant_assets.alpha.reading import PinnedLake
    from quant_assets.sleeve_rules import sleeve_rules
    from quant_lib.backtest import walk_forward_windows

    _, project = load_configured()
    rules = sleeve_rules(project, project.sleeve(PROFILE))
    history = pinned_history(PinnedLake(Lake(finished[2].lakehouse_dir), PROFILE, DAY), rules)
    sessions = pd.DatetimeIndex(history.bars["date"].unique())[-rules.windows.history :]
    return rules, history, walk_forward_windows(sessions, train=252, test=10, step=10)


def test_windows_chosen_in_two_processes_are_those_of_one(walked):
    from quant_lib.decision import choose
    from quant_resources.compute import LocalCompute

    rules, history, windows = walked
    alone = [choose(history, rules, window) for window in windows]
    assert sum(len(choice.atoms) for choice in alone) > 0
    for one, other in zip(alone, LocalCompute(2, least=1).map(choose, (history, rules), windows), strict=True):
        assert one.row == other.row
        pd.testing.assert_frame_equal(one.atoms, other.atoms)
        pd.testing.assert_frame_equal(one.streams, other.streams, check_exact=True)


def test_what_comes_after_a_window_s_decision_changes_nothing_of_it(walked):
    from quant_lib.decision import History, choose

    rules, history, windows = walked
    window = windows[0]
    rng = np.random.default_rng(7)

    def scrambled(frame):
        later = (frame["date"] > window.decided_on).to_numpy()
        assert later.any()
        figures = [c for c in frame.columns if frame[c].dtype == "float64"]
        noise = frame.copy()
        noise.loc[later, figures] = np.exp(rng.normal(size=(int(later.sum()), len(figures))))
        return noise

    noisy = History.of(scrambled(history.bars), scrambled(history.features), history.instruments, rules.health)
    one, other = choose(history, rules, window), choose(noisy, rules, window)
    assert one.row == other.row
    assert one.regime == other.regime
    pd.testing.assert_frame_equal(one.atoms, other.atoms)
    pd.testing.assert_frame_equal(one.streams, other.streams, check_exact=True)
