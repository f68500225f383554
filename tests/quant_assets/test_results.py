"""What an asset says it wrote."""

from quant_assets.common import result
from quant_resources.lakehouse import Receipt


def receipt(table, rows_added, content, *, version=1, changed=True):
    return Receipt(table, version, changed, rows_added, rows_added, 0, 1, 0.1, content * 32)


def test_a_table_written_in_parts_is_counted_whole_and_known_by_its_last_content():
    parts = [receipt("ohlcv", 100, "aa"), receipt("notes", 7, "cc"), receipt("ohlcv", 50, "bb", version=2)]
    made = result(parts, followed=3)
    assert made.metadata["dagster/row_count"] == made.metadata["ohlcv/rows_added"] == 150
    assert (made.metadata["ohlcv/version"], made.metadata["notes/rows_added"]) == (2, 7)
    again = result([receipt("ohlcv", 0, "bb", version=2, changed=False)])
    assert made.data_version == again.data_version, "the same bars are the same data, in however many parts they came"
    assert made.metadata["ohlcv/changed"]
    assert not again.metadata["ohlcv/changed"]
