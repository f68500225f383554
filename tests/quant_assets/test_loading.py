"""What makes loading quick changes nothing of what is loaded."""

import gc
import inspect

import pytest

from quant_assets.definitions import defs
from quant_assets.loading import signed, without_collection


def test_the_collector_rests_and_wakes_even_where_loading_fails():
    assert gc.isenabled()
    during = []
    with pytest.raises(StopIteration), without_collection():
        during.append(gc.isenabled()) or next(iter(()))
    assert during == [False]
    assert gc.isenabled()
    gc.disable()
    try:
        with without_collection():
            pass
        assert not gc.isenabled()  # whoever switched it off wants it off
    finally:
        gc.enable()


def test_a_signed_function_is_what_it_was():
    def plain(context: int, *, lake: str = "x") -> bool:
        return bool(context and lake)

    told = inspect.signature(plain)
    again = signed(plain)
    assert again is plain
    assert inspect.signature(again) == told
    assert again.__signature__ == told


def test_nearly_all_steps_keep_their_signature():
    """Dagster asks about eighteen times for each of half a thousand steps: what is asked once is kept."""
    steps = [one.op.compute_fn.decorated_fn for one in (*defs.assets, *defs.asset_checks)]
    assert len(steps) > 500
    assert sum(hasattr(step, "__signature__") for step in steps) > 0.95 * len(steps)
