"""What a user meets first: each mistake is one clear message and an exit code other than 0."""

import pytest
from typer.testing import CliRunner

from quant_assets.cli.main import app


@pytest.fixture
def quant(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QUANT_MARKET_URL", "")
    monkeypatch.setenv("QUANT_MARKET_AS_OF", "2022-06-30")

    def call(*arguments):
        result = CliRunner().invoke(app, list(arguments))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output + result.stderr

    return call


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "all", "--profile", "binance_spot_rating_all_lng"], "binance_spot_rating_all_long"),
        (["run", "all", "--date", "2022-07-01"], "in the future of the market: its last closed day is 2022-06-30"),
        (["run", "all", "--date", "30.06.2022"], "YYYY-MM-DD"),
        (["run", "all", "--date", "2001-01-01"], "before the first partition"),
        (["run", "everything"], "'everything' is nothing to run; say data, alpha, all"),
        (["run", "quant://data/quotes?date=2022-06-30"], "no asset 'quotes' in data; known: features, instruments"),
        (["run", "quant://alpha/selection?profile=nobody"], "there is no sleeve named 'nobody'"),
        (["run", "quant://alpha/selection?date=2022-06-30"], "an asset of alpha has a profile"),
        (["run", "quant://data/ohlcv?date=2022-06-30", "--date", "2022-06-29"], "leave --profile and --date out"),
        (
            ["report", "--profile", "binance_spot_rating_all_long"],
            "quant run all --profile binance_spot_rating_all_long",
        ),
        (["query", "drop table ohlcv"], "SELECT"),
        (["market", "serve", "--source", "parquet:/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_a_mistake_is_one_message(quant, arguments, says):
    code, output = quant(*arguments)
    assert code != 0
    assert says in output
    assert "Traceback" not in output


def test_a_market_that_is_down_is_named(quant, monkeypatch):
    monkeypatch.setenv("QUANT_MARKET_URL", "http://127.0.0.1:9")
    code, output = quant("run", "data", "--date", "2022-06-30")
    assert code != 0
    assert "127.0.0.1:9" in output


def test_show_names_the_origin_of_a_value(quant):
    code, output = quant("config", "show", "binance_spot_rating_all_short")
    assert code == 0
    assert "_binance_spot_rating.yaml:" in output


def test_the_shipped_configuration_has_no_findings(quant):
    assert quant("config", "lint")[0] == 0


def test_help_says_what_an_argument_is(quant):
    code, output = quant("run", "--help")
    assert code == 0
    assert "shared facts" in output
