"""What starts by itself: nothing twice, nothing lost, nothing in a circle, and off until somebody turns it on."""

import datetime as dt
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pandas as pd
import pytest
from dagster import AssetCheckEvaluation
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from dagster._core.test_utils import create_run_for_test

from quant_assets import keys
from quant_assets.automation.build import assets_of_day, daily_schedule
from quant_assets.automation.landed import landed_since, requests_for
from quant_assets.build import build_definitions
from quant_assets.configured import load_configured
from quant_lib.contracts import CANDIDATES, OHLCV_FETCHES
from quant_resources.lakehouse.resource import LakehouseResource

PROFILE = "binance_spot_rating_all_long"
CANDIDATES_KEY = keys.sleeve_key(PROFILE, "candidates")
NOW = dt.datetime.now(dt.UTC)
GATES = ("contract", "fetches")
"""Blocking checks of bars."""


@pytest.fixture(scope="module")
def defs():
    return build_definitions(*load_configured())


@pytest.fixture(scope="module")
def repository(defs):
    return defs.get_repository_def()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def land(instance, asset, date, run_id=""):
    event = dg.AssetMaterialization(asset_key=asset, partition=date)
    if not run_id:
        instance.report_runless_asset_event(event)
        return
    from dagster import DagsterEvent, EventLogEntry
    from dagster._core.events import DagsterEventType, StepMaterializationData

    instance.store_event(
        EventLogEntry(
            error_info=None,
            level="debug",
            user_message="",
            run_id=run_id,
            timestamp=NOW.timestamp(),
            dagster_event=DagsterEvent(
                DagsterEventType.ASSET_MATERIALIZATION.value, "job", event_specific_data=StepMaterializationData(event)
            ),
        )
    )


def check(instance, date, *, passed=True):
    """Both gates are judged in a run of their own."""
    from dagster import DagsterEvent, DagsterEventType

    record = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=keys.OHLCV, asset_partitions=[date]), limit=1
    ).records[0]
    target = AssetCheckEvaluationTargetMaterializationData(
        storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
    )
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.SUCCESS)
    for gate in GATES:
        evaluation = AssetCheckEvaluation(
            asset_key=keys.OHLCV,
            check_name=gate,
            passed=passed,
            partition=date,
            blocking=True,
            metadata={},
            target_materialization_data=target,
        )
        event = DagsterEvent(DagsterEventType.ASSET_CHECK_EVALUATION.value, "job", event_specific_data=evaluation)
        instance.report_dagster_event(event, run_id=run.run_id)


class Ticking:
    """One sensor, evaluated again and again with its own cursor."""

    def __init__(self, name, repository, instance, **resources):
        self.sensor, self.repository = repository.get_sensor_def(name), repository
        self.instance, self.resources, self.cursor = instance, resources, None

    def tick(self):
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, repository_def=self.repository, resources=self.resources
        ) as context:
            outcome = self.sensor.evaluate_tick(context)
        self.cursor = outcome.cursor
        return outcome.run_requests or []


# ---- bars


@pytest.fixture
def bars(repository, instance):
    ticking = Ticking("bars_landed", repository, instance)
    assert ticking.tick() == []
    return ticking


def test_bars_that_passed_start_features_once(bars, instance):
    land(instance, keys.OHLCV, "2024-05-30")
    check(instance, "2024-05-30")
    requests = bars.tick()
    assert [request.partition_key for request in requests] == ["2024-05-30"]
    assert bars.tick() == []
    land(instance, keys.OHLCV_HEALTH, "2024-05-30")
    land(instance, keys.FEATURES, "2024-05-30")
    assert bars.tick() == [], "what it started does not start it again"


def test_no_event_between_two_ticks_is_lost(bars, instance):
    days = ["2024-05-28", "2024-05-29", "2024-05-31"]
    for day in days:
        land(instance, keys.OHLCV, day)
        check(instance, day)
    first, second = bars.tick()
    assert first.tags[ASSET_PARTITION_RANGE_START_TAG] == "2024-05-28"
    assert first.tags[ASSET_PARTITION_RANGE_END_TAG] == "2024-05-29"
    assert second.partition_key == "2024-05-31"


@pytest.mark.parametrize("passed", [False, None])
def test_bars_whose_check_failed_or_never_ran_start_nothing(bars, instance, passed):
    land(instance, keys.OHLCV, "2024-05-30")
    if passed is not None:
        check(instance, "2024-05-30", passed=passed)
    assert bars.tick() == []
    land(instance, keys.OHLCV, "2024-05-30")
    check(instance, "2024-05-30")
    assert len(bars.tick()) == 1, "ingested again, they start it"


def test_a_check_of_older_bars_does_not_count(bars, instance):
    land(instance, keys.OHLCV, "2024-05-30")
    check(instance, "2024-05-30")
    land(instance, keys.OHLCV, "2024-05-30")
    assert bars.tick() == []


def test_a_run_that_computes_the_features_itself_is_waited_for_and_left_alone(bars, instance):
    run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
    land(instance, keys.OHLCV, "2024-05-30", run.run_id)
    land(instance, keys.OHLCV, "2024-05-31")
    check(instance, "2024-05-30")
    check(instance, "2024-05-31")
    assert bars.tick() == [], "the run goes on: its bars and what came after them wait"
    land(instance, keys.FEATURES, "2024-05-30", run.run_id)
    instance.report_engine_event("done", run)
    instance.handle_run_event(run.run_id, _success(run))
    assert [request.partition_key for request in bars.tick()] == ["2024-05-31"]
    assert bars.tick() == []


def _success(run):
    from dagster import DagsterEvent
    from dagster._core.events import DagsterEventType

    return DagsterEvent(DagsterEventType.RUN_SUCCESS.value, run.job_name)


def test_what_landed_before_it_was_turned_on_is_not_its_business(repository, instance):
    land(instance, keys.OHLCV, "2024-05-30")
    check(instance, "2024-05-30")
    ticking = Ticking("bars_landed", repository, instance)
    assert ticking.tick() == []
    assert ticking.tick() == []


def test_one_cursor_over_many_assets_skips_nothing(instance):
    a, b = dg.AssetKey("a"), dg.AssetKey("b")
    for asset, day in [(a, 1), (a, 2), (b, 3), (a, 4), (b, 5)]:
        land(instance, asset, f"2024-05-0{day}")
    seen, cursor = [], 0
    for _ in range(6):
        tick = landed_since(instance, [a, b], cursor, NOW, batch=2)
        seen += [event.date for event in tick.events]
        cursor = tick.cursor
    assert seen == [f"2024-05-0{day}" for day in range(1, 6)]


def test_dates_are_grouped_into_stretches_each_with_its_own_key():
    days = ["2024-03-01", "2024-02-28", "2024-02-29", "2024-12-31", "2025-01-01", "2025-01-03"]
    requests = list(requests_for(days, run_key="7", why="test"))
    assert [request.run_key for request in requests] == [
        "2024-02-28..2024-03-01:7",
        "2024-12-31..2025-01-01:7",
        "2025-01-03:7",
    ]


# ---- candidates


def store_candidates(lake, date, symbols):
    day = pd.Timestamp(date)
    blank = pd.DataFrame({column.name: [_plain(column)] * len(symbols) for column in CANDIDATES.columns})
    rows = blank.assign(profile=PROFILE, date=day, symbol=symbols)
    lake.replace(CANDIDATES, rows.astype(CANDIDATES.pandas_types()), date=day.date(), profile=PROFILE)


def _plain(column):
    if column.isin is not None:
        return column.isin[0]
    stamp = pd.Timestamp("2024-05-30", tz="UTC")
    plain = {
        "string": "x",
        "float64": 0.5,
        "int64": 1,
        "bool": True,
        "date": stamp.tz_localize(None),
        "timestamp": stamp,
    }
    return plain[column.type]


def store_fetches(lake, date, symbols):
    rows = pd.DataFrame({"symbol": symbols}).assign(date=pd.Timestamp(date), status="no_data", rows_added=0)
    blank = {c.name: _plain(c) for c in OHLCV_FETCHES.columns if c.name not in rows}
    lake.replace(
        OHLCV_FETCHES, rows.assign(**blank).astype(OHLCV_FETCHES.pandas_types()), date=dt.date.fromisoformat(date)
    )


@pytest.fixture
def candidates(repository, instance, lake):
    lakehouse = LakehouseResource(root=str(lake.root))
    ticking = Ticking("candidates_landed", repository, instance, lakehouse=lakehouse)
    ticking.tick()
    return ticking


def test_new_symbols_start_ingestion_and_known_ones_do_not(candidates, instance, lake):
    day = "2024-05-30"
    store_fetches(lake, day, ["B:OLD"])
    store_candidates(lake, day, ["B:OLD", "B:NEW"])
    land(instance, CANDIDATES_KEY, day)
    requests = candidates.tick()
    assert [request.partition_key for request in requests] == [day]
    store_fetches(lake, day, ["B:OLD", "B:NEW"])
    land(instance, keys.OHLCV, day)
    land(instance, CANDIDATES_KEY, day)
    assert candidates.tick() == [], "asked for once, a symbol is not new, whatever came of it"


def test_the_same_new_symbols_are_requested_under_one_key(candidates, instance, lake):
    day = "2024-05-30"
    store_candidates(lake, day, ["B:NEW"])
    land(instance, CANDIDATES_KEY, day)
    first = candidates.tick()
    land(instance, CANDIDATES_KEY, day)
    assert [r.run_key for r in candidates.tick()] == [r.run_key for r in first], "Dagster runs a key once"


# ---- schedule


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2024-03-01T00:30:00+00:00", "2024-02-29"),
        ("2023-03-01T00:30:00+00:00", "2023-02-28"),
        ("2025-01-01T00:30:00+00:00", "2024-12-31"),
        ("2024-03-10T00:30:00+00:00", "2024-03-09"),
        ("2024-03-31T00:30:00+00:00", "2024-03-30"),
        ("2024-10-27T00:30:00+00:00", "2024-10-26"),
        ("2024-11-03T00:30:00+00:00", "2024-11-02"),
        ("2024-06-01T02:30:00+02:00", "2024-05-31"),
        ("2024-05-31T20:30:00-04:00", "2024-05-31"),
    ],
)
def test_the_schedule_asks_for_the_day_that_has_closed(moment, day):
    settings, project = load_configured()
    job = dg.define_asset_job("daily", dg.AssetSelection.all())
    schedule = daily_schedule(settings.model_copy(update={"market_as_of": ""}), project, job)
    context = dg.build_schedule_context(scheduled_execution_time=dt.datetime.fromisoformat(moment))
    request = schedule(context)
    assert (request.partition_key, request.run_key) == (day, day)


@pytest.mark.parametrize(("day", "stocks"), [("2024-03-08", True), ("2024-03-09", False), ("2024-07-04", False)])
def test_a_sleeve_whose_market_was_closed_is_not_asked_for(day, stocks):
    _, project = load_configured()
    asked = assets_of_day(project, dt.date.fromisoformat(day))
    assert set(keys.DATA_KEYS) <= set(asked)
    assert keys.sleeve_key("crypto_rating_all_long", "weights") in asked
    assert (keys.sleeve_key("us_stock_rating_all_long", "weights") in asked) is stocks


def test_a_market_whose_clock_stands_still_has_no_new_day():
    settings, project = load_configured()
    schedule = daily_schedule(
        settings.model_copy(update={"market_as_of": "2022-06-30"}),
        project,
        dg.define_asset_job("daily", dg.AssetSelection.all()),
    )
    outcome = schedule(dg.build_schedule_context(scheduled_execution_time=NOW))
    assert isinstance(outcome, dg.SkipReason)
    assert "2022-06-30" in outcome.skip_message


# ---- as a whole


def test_everything_that_starts_work_is_off_until_somebody_turns_it_on(defs):
    states = {one.name: one.default_status.value for one in [*defs.sensors, *defs.schedules]}
    assert states == {
        "daily_after_close": "STOPPED",
        "candidates_landed": "STOPPED",
        "bars_landed": "STOPPED",
        "run_failed": "RUNNING",
    }
    assert all(one.description for one in [*defs.sensors, *defs.schedules])


def test_every_shared_table_has_a_freshness_policy_and_every_network_step_is_tried_again(defs):
    graph = defs.resolve_asset_graph()
    for key in keys.DATA_KEYS:
        policy = graph.get(key).freshness_policy
        assert policy.fail_window.to_timedelta() == dt.timedelta(hours=36), key
        assert policy.warn_window.to_timedelta() == dt.timedelta(hours=26), key
    for assets in defs.assets:
        if "tradingview" in assets.required_resource_keys:
            retry = assets.op.retry_policy
            assert retry.max_retries >= 2, assets.key
            assert retry.backoff is dg.Backoff.EXPONENTIAL
            assert retry.jitter is not None


def test_sensors_start_jobs_that_do_not_materialise_what_they_watch(defs):
    watched = {"candidates_landed": {CANDIDATES_KEY}, "bars_landed": {keys.OHLCV}}
    repository = defs.get_repository_def()
    for name, assets in watched.items():
        for target in repository.get_sensor_def(name).targets:
            started = repository.get_job(target.job_name).asset_layer.selected_asset_keys
            assert started
            assert not started & assets, name


# ---- failed runs


def failure_of(instance, result):
    """What Dagster gives the run-failure sensor of a run that failed."""
    return dg.build_run_status_sensor_context(
        sensor_name="run_failed",
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()


@pytest.fixture
def failed_run(instance):
    """The sensor's context of a run that failed, and its id."""
    from quant_assets.partitions import daily_partitions

    @dg.asset(partitions_def=daily_partitions(dt.date(2024, 1, 1)))
    def broken():
        try:
            raise ValueError("the first cause")
        except ValueError as error:
            raise RuntimeError("what came of it") from error

    result = dg.materialize([broken], partition_key="2024-05-30", instance=instance, raise_on_error=False)
    context = failure_of(instance, result)
    return context, result.run_id


def test_a_failed_run_is_told_with_its_date_step_and_first_cause(failed_run, monkeypatch):
    from quant_assets.automation.sensors import alert_of, run_failed_sensor
    from quant_resources.alerts import AlertsResource

    monkeypatch.delenv("QUANT_ALERT_WEBHOOK", raising=False)
    context, run_id = failed_run
    alert = alert_of(context)
    assert (alert.partition, alert.step, alert.run_id) == ("2024-05-30", "broken", run_id)
    assert "the first cause" in alert.cause
    outcome = run_failed_sensor()(context, alerts=AlertsResource())
    assert isinstance(outcome, dg.SkipReason)
    assert "QUANT_ALERT_WEBHOOK" in outcome.skip_message


def test_a_failed_check_is_told_with_what_it_judged(instance):
    from quant_assets.automation.sensors import alert_of

    @dg.asset
    def bars():
        return 1

    @dg.asset_check(asset=bars, blocking=True)
    def fetches():
        return dg.AssetCheckResult(passed=False, description="17 of 18 symbols are current (94.4%), 95% needed")

    @dg.asset_check(asset=bars)
    def parity():
        return dg.AssetCheckResult(passed=False, description="not blocking, not the cause")

    result = dg.materialize([bars, fetches, parity], instance=instance, raise_on_error=False)
    assert not result.success
    context = failure_of(instance, result)
    assert alert_of(context).cause == "bars:fetches: 17 of 18 symbols are current (94.4%), 95% needed"


def test_the_sensor_posts_the_failed_run_to_the_webhook(failed_run, monkeypatch):
    from quant_assets.automation.sensors import run_failed_sensor
    from quant_resources.alerts import AlertsResource

    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    context, run_id = failed_run
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        monkeypatch.setenv("QUANT_ALERT_WEBHOOK", f"http://127.0.0.1:{server.server_address[1]}/hook")
        assert run_failed_sensor()(context, alerts=AlertsResource()) is None
        server.shutdown()
        thread.join(10)
    assert [(one["run_id"], one["partition"], one["step"]) for one in posted] == [(run_id, "2024-05-30", "broken")]
    assert "the first cause" in posted[0]["text"]
