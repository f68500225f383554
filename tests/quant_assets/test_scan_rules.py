"""A scanner narrows its universe; it never widens it."""

import pytest

from quant_assets.configured import load_configured
from quant_assets.sleeve_rules import scan_of
from quant_lib.selection import ContradictoryRulesError


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
