"""What a sleeve writes about selection arrives in the rules selection takes."""

from __future__ import annotations

import pytest

from quant_assets.configured import load_configured
from quant_assets.selection_rules import selection_rules

PROFILE = "binance_spot_rating_all_long"


def rules_with(selection=None, filters=None, risk=None):
    """Rules of a shipped sleeve with some of its entries changed."""
    project = load_configured()[1]
    sleeve = project.sleeve(PROFILE)
    changed = {
        name: getattr(sleeve, name).model_copy(update=update)
        for name, update in (("selection", selection), ("filters", filters), ("risk", risk))
        if update
    }
    return selection_rules(project, sleeve.model_copy(update=changed))


def test_the_condition_number_of_a_sleeve_bounds_its_clusters_too():
    assert rules_with().condition_limit == 15_000.0
    assert rules_with(risk={"kappa_max": 321.0}).condition_limit == 321.0


@pytest.mark.parametrize(
    ("engine", "floor", "hurdle"),
    [("v3", None, 0.02), ("v3", 0.1, 0.02), ("v3.2", -0.3, -0.35), ("v4", -0.3, 0.02), ("v2", -0.3, 0.02)],
)
def test_a_hurdle_left_to_the_engine_falls_with_a_negative_momentum_floor(engine, floor, hurdle):
    from quant_resources.config._selection import FrictionConfig

    left = {"friction": FrictionConfig(hurdle=None)}
    made = rules_with(selection={"engine": engine, "momentum_min": floor}, filters=left)
    (friction,) = (one for one in made.filters if one.name == "friction")
    assert friction.hurdle == pytest.approx(hurdle)
    written = rules_with(selection={"engine": engine, "momentum_min": floor})
    (friction,) = (one for one in written.filters if one.name == "friction")
    assert friction.hurdle == 0.0, "a hurdle the sleeve writes stays as written"
