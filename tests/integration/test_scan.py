"""`quant scan` through the embedded market and through an empty lakehouse."""

import json

import pytest
from typer.testing import CliRunner

from quant_assets.cli.main import app


@pytest.fixture
def quant(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QUANT_MARKET_URL", "")
    monkeypatch.setenv("QUANT_MARKET_AS_OF", "2022-06-30")
    return lambda *arguments: CliRunner().invoke(app, ["scan", *arguments])


def test_a_scanner_shows_its_funnel_and_every_drop(quant):
    shown = quant("binance_spot_rating_all_short", "--json")
    assert shown.exit_code == 0, shown.output
    document = json.loads(shown.output)
    funnel, drops = document["funnel"], document["drops"]
    assert funnel[0]["step"] == "universe"
    assert funnel[-1]["rows_out"] == len(document["candidates"]) > 0
    assert sum(row["rows_in"] - row["rows_out"] for row in funnel) == len(drops)
    assert all(row["recommend_all"] < 0 and row["direction"] == "SHORT" for row in document["candidates"])
    ratings = [row["recommend_all"] for row in document["candidates"]]
    assert ratings == sorted(ratings)


def test_explain_lists_who_was_left_behind(quant):
    plain, told = quant("binance_spot_rating_all_long"), quant("binance_spot_rating_all_long", "--explain")
    assert plain.exit_code == told.exit_code == 0
    assert "every symbol known on the date" in plain.output
    assert "not: Recommend.All > 0" not in plain.output.replace("\n", " ")
    assert "Recommend.All" in told.output
    assert len(told.output) > len(plain.output)


def test_what_ranks_is_shown_and_what_is_empty_says_so(quant):
    ranked, nothing = quant("binance_spot_volatility_breakout"), quant("index_etf_trend", "--explain")
    assert ranked.exit_code == nothing.exit_code == 0
    assert " change " in ranked.output
    assert "change > 2" in ranked.output
    assert "survivorship: point_in_time" in ranked.output
    assert "nothing of universe etf_index is known there" in nothing.output
    assert "survivorship: unknown" in nothing.output
    assert "AMEX:SPY" in nothing.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["binance_spot_rating_all_lon"], "did you mean 'binance_spot_rating_all_long'"),
        (["binance_spot_rating_all_long", "--as-of", "2022-06-01"], "quant run data --date 2022-06-01"),
        (["sp500_trend"], "name it in symbol_files of universes/sp500.yaml"),
        (["binance_spot_rating_all_long", "--as-of", "yesterday"], "YYYY-MM-DD"),
    ],
)
def test_a_mistake_is_one_message(quant, arguments, says):
    result = quant(*arguments)
    assert result.exit_code == 2
    assert says in (result.output + result.stderr)
