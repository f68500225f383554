import datetime as dt
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd

from quant_lib.regime import study_regimes
from quant_lib.report.study import study_page
from quant_lib.report.study_chart import study_chart


def studied():
    returns = pd.Series(np.random.default_rng(0).normal(0, 0.01, 400), index=pd.date_range("2020-01-01", periods=400))
    states = pd.DataFrame({"regime": ["QUIET"] * 390 + ["CRISIS"] * 10, "quadrant": "NORMAL"}, index=returns.index)
    states.iloc[200:300, 1] = "<STAGNATION>"
    parts = [study_regimes(returns, states, resamples=50).assign(basket=name) for name in ("A & B", "top 10")]
    return pd.concat(parts, ignore_index=True).assign(proxy="A & B")


def drawn(rows):
    """Circles and thick lines of a chart, each as its numbers."""
    root = ElementTree.fromstring(study_chart(rows))
    circles = [float(c.get("cx")) for c in root.iter("circle")]
    intervals = [(float(i.get("x1")), float(i.get("x2"))) for i in root.iter("line") if i.get("stroke-width") == "2.5"]
    return circles, intervals, [c.get("fill") for c in root.iter("circle")]


def test_every_state_is_a_dot_inside_its_interval_and_a_handful_of_days_has_none():
    rows = studied()
    own = rows[rows["basket"] == "top 10"]
    circles, intervals, fills = drawn(own)
    assert len(circles) == own["mean"].notna().sum()
    assert len(intervals) == own["mean_low"].notna().sum() == fills.count("none") * -1 + len(circles)
    assert fills.count("none") == 1  # CRISIS: five of its last ten days have five sessions after them, none has ten
    assert all(any(low <= x <= high for x in circles) for low, high in intervals)


def test_the_page_and_the_text_hold_the_same_cells_and_nothing_is_loaded():
    rows = studied()
    pages = study_page(rows, dt.date(2021, 2, 4), ["SPY has no bars <here>"])
    page, text = pages["regime_study.html"], pages["regime_study.md"]
    assert page.count("<svg") == 2
    assert "&lt;STAGNATION&gt;" in page
    assert "<STAGNATION>" not in page
    assert "SPY has no bars &lt;here&gt;" in page
    assert "SPY has no bars" in text
    cells = re.findall(r"<td>(.*?)</td>", page)
    lines = [line for line in text.splitlines() if line.startswith(("| 5", "| 10", "| 20"))]
    assert len(lines) == len(rows)
    assert len(cells) == len(rows) * 12
    assert not re.search(r"src=|href=|url\(", page)
