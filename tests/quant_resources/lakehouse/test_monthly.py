"""Rows made month by month while they are written, figures put aside until then, and what footers tell of them."""

import datetime as dt
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from quant_lib.contracts import Column
from quant_resources.lakehouse import FrameMismatchError, Lake, MonthlyRows, Spool, StorageError

DAYS = [dt.date(2024, 1, 30) + dt.timedelta(days=k) for k in range(40)]


def by_month(frame, calls=None):
    """Rows of a frame, made a month at a time."""

    def made(month):
        if calls is not None:
            calls.append(month)
        return frame[frame["date"].dt.strftime("%Y-%m") == month]

    return MonthlyRows(tuple(DAYS), made)


def test_rows_made_month_by_month_are_those_given_at_once(lake, kit, tmp_path):
    frame, calls = kit.facts(DAYS), []
    once = Lake(tmp_path / "once", [kit.FACTS]).replace_dates(kit.FACTS, frame, dates=DAYS)
    receipt = lake.replace_dates(kit.FACTS, by_month(frame.sample(frac=1, random_state=1), calls), dates=DAYS)
    assert sorted(calls) == ["2024-01", "2024-02", "2024-03"]
    assert (receipt.content_hash, receipt.rows, receipt.rows_added) == (once.content_hash, len(frame), len(frame))
    pd.testing.assert_frame_equal(lake.read("facts"), frame)
    fewer = frame[frame["symbol"] == "X:A"].reset_index(drop=True)
    assert lake.rebuild(kit.FACTS, by_month(fewer)).rows_removed == len(frame)
    pd.testing.assert_frame_equal(lake.read("facts"), fewer)


def test_a_month_that_cannot_be_made_leaves_the_table_as_it_was(lake, kit):
    lake.replace_dates(kit.FACTS, kit.facts(DAYS), dates=DAYS)
    before = lake.version("facts"), lake.content_hash("facts")
    good = kit.facts(DAYS, value=9.0)

    def breaks(month):
        if month == "2024-03":
            raise MemoryError
        return by_month(good).made(month)

    with pytest.raises(MemoryError):
        lake.replace_dates(kit.FACTS, MonthlyRows(tuple(DAYS), breaks), dates=DAYS)
    with pytest.raises(FrameMismatchError, match="do not belong to the dates"):  # rows of another month
        lake.replace_dates(kit.FACTS, MonthlyRows(tuple(DAYS), lambda month: good), dates=DAYS)
    assert (lake.version("facts"), lake.content_hash("facts")) == before
    assert lake.verify() == []


def test_what_is_put_aside_comes_back_by_month_in_order(tmp_path):
    rng = np.random.default_rng(4)
    values = rng.normal(size=(5, 400))
    places = rng.permutation(400)
    months = np.array(["2024-01", "2024-02", "2024-03"])[rng.integers(0, 3, 400)]
    spool = Spool(tmp_path, "features")

    def put(part):
        for month in np.unique(months[part]):
            mine = part[months[part] == month]
            spool.put(str(month), places[mine], values[:, mine])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, np.array_split(np.arange(400), 16)))
    assert spool.months() == ["2024-01", "2024-02", "2024-03"]
    assert os.listdir(tmp_path) == []  # no name, nothing left by a process that ends  # noqa: PTH208
    back = {month: spool.take(month) for month in spool.months()}
    assert all((np.diff(rows) > 0).all() for rows, _ in back.values())
    for month, (rows, found) in back.items():
        order = np.argsort(places)
        mine = order[months[order] == month]
        np.testing.assert_array_equal(rows, places[mine])
        np.testing.assert_array_equal(found, values[:, mine])
        np.testing.assert_array_equal(spool.take(month)[1], found)  # a second time too


def test_a_disk_that_refuses_is_named(tmp_path, monkeypatch):
    spool = Spool(tmp_path, "features")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageError, match="No space left"):
        spool.put("2024-01", np.arange(2), np.zeros((1, 2)))
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="temporary file"):
        Spool(tmp_path / "file", "features")


def test_footers_tell_which_rows_a_file_holds(kit, tmp_path):
    spec = replace(
        kit.FACTS, columns=(*kit.FACTS.columns, Column("mark", "int64", "of what the row is made from")), witness="mark"
    )
    frame = kit.facts(DAYS).assign(mark=np.arange(80))
    lake = Lake(tmp_path, [spec])
    lake.replace_dates(spec, frame, dates=DAYS)
    told = lake.witnesses("facts")
    assert {month: rows for month, (rows, _) in told.items()} == {"2024-01": 4, "2024-02": 58, "2024-03": 18}
    frame.loc[10, "mark"] += 1
    lake.replace_dates(spec, frame, dates=DAYS)
    again = lake.witnesses("facts")
    assert [month for month in told if told[month] != again[month]] == ["2024-02"]
    [file] = tmp_path.glob(f"facts/{lake._log('facts').snapshot().cells['2024-02', ''].path}")
    file.write_bytes(b"")
    assert lake.witnesses("facts") == again | {"2024-02": None}  # it tells nothing: whoever asks opens it, and sees


def test_a_table_without_a_witness_tells_nothing(lake, kit):
    lake.replace_dates(kit.FACTS, kit.facts(DAYS), dates=DAYS)
    assert set(lake.witnesses("facts").values()) == {None}
