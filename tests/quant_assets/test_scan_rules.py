"""A scanner narrows its universe, by what it writes and by nothing else."""

import pandas as pd
import pytest

from quant_assets.configured import load_configured
from quant_assets.ratings import screened_rating
from quant_assets.sleeve_rules import scan_of
from quant_lib.selection import ContradictoryRulesError, screen


@pytest.fixture
def static():
    """A shipped scanner over a static universe, and that universe."""
    _, project = load_configured()
    return next(
        (project, scanner, project.universes[scanner.universe])
        for scanner in project.scanners.values()
        if project.universes[scanner.universe].symbols and not scanner.include_symbols
    )


def included(project, scanner, *symbols):
    return scan_of(project, scanner.model_copy(update={"include_symbols": symbols}), "LONG").rules.include_symbols


def test_a_static_universe_is_what_may_be_proposed(static):
    project, scanner, universe = static
    assert included(project, scanner) == universe.symbols


def test_symbols_a_scanner_names_are_cut_to_its_static_universe(static):
    project, scanner, universe = static
    first = universe.symbols[0]
    assert included(project, scanner, "BINANCE:ELSEWHEREUSDT", first) == (first,)


def test_naming_none_of_them_is_an_error_and_not_everything(static):
    project, scanner, _ = static
    with pytest.raises(ContradictoryRulesError, match="static universe"):
        included(project, scanner, "BINANCE:ELSEWHEREUSDT")


def test_a_scanner_is_asked_for_no_rating_it_does_not_write():
    _, project = load_configured()
    for name, scanner in project.scanners.items():
        if scanner.intent == "DISCOVERY" or name in ("sp500_trend", "nasdaq100_trend"):
            continue
        assert scan_of(project, scanner, scanner.intent).rules.rating is None, name
    assert scan_of(project, project.scanner("binance_spot_top100"), "SHORT").rules.rating == "recommend_all"


@pytest.mark.parametrize(
    ("profile", "rating"),
    [
        ("binance_spot_rating_all_short", "recommend_all"),
        ("crypto_rating_ma_long", "recommend_ma"),
        ("crypto_rating_osc_short", "recommend_other"),
        # Rated at least 0: a rating of 0 passes, and says nothing.
        ("crypto_production_long", None),
        ("binance_spot_trend_long", None),
    ],
)
def test_the_sign_that_candidates_are_held_to_is_what_every_scanner_asks(profile, rating):
    _, project = load_configured()
    assert screened_rating(project, project.sleeve(profile)) == rating


def test_mean_reversion_looks_at_what_has_fallen():
    _, project = load_configured()
    rules = scan_of(project, project.scanner("binance_spot_mean_reversion"), "LONG").rules
    figures = {"AUSDT": (-0.4, 25.0), "BUSDT": (0.3, 70.0), "CUSDT": (-0.6, 20.0)}
    frame = pd.DataFrame(
        {
            "symbol": f"BINANCE:{ticker}",
            "exchange": "BINANCE",
            "asset_type": "spot",
            "base": ticker[0],
            "quote": "USDT",
            "active": True,
            "recommend_all": rating,
            "rsi_14": strength,
            "value_traded": 2e6,
        }
        for ticker, (rating, strength) in figures.items()
    )
    assert screen(frame, rules).candidates["symbol"].tolist() == ["BINANCE:AUSDT", "BINANCE:BUSDT"]
