"""Who is followed, and who should be and cannot."""

import datetime as dt

from quant_assets.configured import load_configured
from quant_assets.dataops.following import followed_on, unlisted_on
from tests.quant_resources.ingestion.conftest import catalogue

DAY = dt.date(2024, 5, 31)


def test_a_benchmark_that_no_venue_lists_is_named_and_not_dropped_in_silence(lake):
    _, project = load_configured()
    benchmarks = set(project.platform.benchmarks) | {sleeve.benchmark for sleeve in project.sleeves.values()}
    assert "AMEX:SPY" in benchmarks
    listed = sorted(benchmarks - {"AMEX:SPY"})
    rows = catalogue(listed, DAY)
    assert set(followed_on(lake, project, rows, DAY)) >= set(listed)
    assert unlisted_on(lake, project, rows, DAY) == ["AMEX:SPY"]
    assert unlisted_on(lake, project, catalogue(sorted(benchmarks), DAY), DAY) == []
