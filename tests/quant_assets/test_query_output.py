"""`quant query` prints what a person can read: a table where it fits, a row at a time where it does not."""

import importlib
import io

import pyarrow as pa
import pytest
from rich.console import Console

query = importlib.import_module("quant_assets.cli.query")


@pytest.fixture
def printed(monkeypatch):
    def show(table, width=80):
        to = io.StringIO()
        monkeypatch.setattr(query, "out", Console(file=to, width=width, highlight=False, soft_wrap=True))
        query._print_table(table)
        return to.getvalue()

    return show


def test_a_narrow_result_is_a_table(printed):
    text = printed(pa.table({"symbol": ["X:A", "X:B"], "close": [1.5, None]}))
    assert "row 1" not in text
    assert [line.split("│")[0].strip() for line in text.splitlines()[2:]] == ["X:A", "X:B"]


def test_a_wide_result_is_told_row_by_row_and_whole(printed):
    names = [f"a_rather_long_name_{k}" for k in range(8)]
    reason = "climb 7 places above BINANCE:TRUMPUSDT: rank by more than 3.9e-07, [now] 3.3e-08" * 2
    text = printed(pa.table({**{name: [1, 2] for name in names}, "reason": [reason, None]}))
    assert text.count("row ") == 2
    assert f"  {'reason':<{max(map(len, names))}}  {reason}" in text.splitlines()
    assert [line.split()[-1] for line in text.splitlines() if line.strip().startswith(names[3])] == ["1", "2"]


def test_a_result_without_rows_names_its_columns(printed):
    assert "symbol" in printed(pa.table({"symbol": pa.array([], pa.string())}))
    wide = pa.table({f"a_rather_long_name_{k}": pa.array([], pa.int64()) for k in range(9)})
    assert "a_rather_long_name_8" in printed(wide, width=250)
