import itertools

import pandas as pd

from quant_lib.report.funnel import FunnelStep, funnel_figure, funnel_steps

RULES = ["Value.Traded > 1,000,000 or Perf.1M > 5 percent", "listed and trading on the date"]
FUNNEL = pd.DataFrame(
    {"step_no": [2, 1], "step": ["filter_1", "listed"], "rule": RULES, "rows_in": [90, 100], "rows_out": [6, 90]}
)
DROPS = pd.DataFrame(
    {
        "step": ["listed", "filter_1", "filter_1", "returns matrix"],
        "reason": ["inactive", "b", "a", "short"],
        "n": [10, 40, 44, 3],
    }
)
SELECTION = pd.DataFrame(
    {
        "vetoes": ["", "toxic, stale", "stale", "", "", ""],
        "soft_vetoes": ["", "", "", "entropy", "entropy", ""],
        "selected": [True, False, False, True, False, True],
        "stage": [1, 0, 0, 3, 0, 1],
    }
)


def test_every_symbol_is_accounted_for_from_the_first_step_to_the_last():
    steps = funnel_steps(FUNNEL, DROPS, SELECTION)
    assert steps == [
        FunnelStep("listed", 90, 10, (("inactive", 10),)),
        FunnelStep("filter_1: Value.Traded > 1,000,000 or Perf.1M…", 6, 84, (("a", 44), ("b", 40))),
        FunnelStep("no hard veto", 4, 2, (("stale", 2), ("toxic", 1))),
        FunnelStep("recruited by stage 1", 2, 0),
        FunnelStep("recruited by stage 3", 3, 0),
        FunnelStep("recruited", 3, 1, (("entropy", 1),)),
    ]
    assert all(before.left == after.left + after.lost for before, after in itertools.pairwise(steps[:3]))


def test_the_chart_shows_what_is_left_and_what_was_lost():
    import plotly.graph_objects as go

    figure = funnel_figure(funnel_steps(FUNNEL, DROPS, SELECTION), go.Figure())
    left, lost = figure.data
    assert list(left.x) == [90, 6, 4, 2, 3, 3]
    assert list(lost.x) == [10, 84, 2, 0, 0, 1]
    assert lost.customdata[1] == "44 a<br>40 b"


def test_nobody_recruited_is_a_funnel_too():
    none = SELECTION.assign(selected=False, stage=0)
    assert funnel_steps(FUNNEL, DROPS, none)[-1] == FunnelStep("recruited", 0, 4, (("entropy", 2),))
