"""A clock that is off by an hour starts the day that has closed, or nothing (R18)."""

import datetime as dt

import dagster as dg
import pytest

from quant_assets import keys
from quant_assets.automation.build import closed_day
from quant_assets.build import build_definitions
from quant_assets.configured import load_configured
from quant_resources.ingestion import DayNotOverError, require_days_over
from quant_resources.lakehouse.resource import LakehouseResource


@pytest.mark.parametrize("skew", [-1, 0, 1])
@pytest.mark.parametrize("day", ["2023-12-31", "2024-02-29", "2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03"])
def test_with_an_hour_of_clock_skew_the_day_that_closed_runs_or_nothing_does(skew, day):
    """R18: the tick comes at 00:30 of this machine's clock; whether the day is over, the market's clock decides."""
    date = dt.date.fromisoformat(day)
    tick = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(0, 30), dt.UTC)
    assert closed_day(tick) == date
    market = tick - dt.timedelta(hours=skew)
    if skew == 1:
        with pytest.raises(DayNotOverError, match=f"{day} is not over"):
            require_days_over([closed_day(tick)], market)
    else:
        require_days_over([closed_day(tick)], market)
        assert market.date() - dt.timedelta(days=1) == date


def materialised(tmp_path, key, day):
    """Materialise one asset on an empty lake and a market that stands after 2024-05-30."""
    from quant_resources.binance.resource import BinanceResource
    from quant_resources.tradingview.resource import TradingViewResource

    (asset,) = [one for one in build_definitions(*load_configured()).assets if one.key == key]
    resources = {
        "lakehouse": (lakehouse := LakehouseResource(root=str(tmp_path / "lakehouse"))),
        "binance": BinanceResource(url=""),
        "tradingview": TradingViewResource(source="synthetic:11", as_of="2024-05-30", home=str(tmp_path)),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [asset], partition_key=day, instance=instance, resources=resources, raise_on_error=False
        )
        failures = [event.step_failure_data.error.message for event in result.get_step_failure_events()]
        retried = [event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"]
    assert not result.success
    assert retried == []
    return failures, lakehouse.lake


def test_a_catalogue_of_a_day_that_is_not_over_fails_at_once_and_stores_nothing(tmp_path):
    (failure,), lake = materialised(tmp_path, keys.INSTRUMENTS, "2024-05-31")
    assert "2024-05-31 is not over on the market" in failure
    assert not lake.exists("instruments")


def test_a_decision_without_the_facts_of_its_date_fails_at_once_and_says_what_to_run(tmp_path):
    key = keys.sleeve_key("binance_spot_rating_all_long", "candidates")
    (failure,), lake = materialised(tmp_path, key, "2024-05-30")
    assert "`quant run data --date 2024-05-30`" in failure
    assert not lake.exists("candidates")
