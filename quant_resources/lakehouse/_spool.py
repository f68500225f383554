"""Figures put aside by month until their month is written."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from pathlib import Path

import numpy as np
import numpy.typing as npt

from quant_resources.lakehouse.errors import StorageError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Spool:
    """Columns of rows by month, in a nameless file that is gone with its last user, however that one ends.

    Features are computed symbol by symbol and stored month by month: between the two, every row of every month would
    be held in memory.

    Parameters
    ----------
    folder : Path
        Where the file is made.
    name : str
        What it is for, in errors.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._parts: dict[str, list[tuple[IntArray, tuple[int, int], int]]] = {}
        self._end = 0
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed with the object
        except OSError as error:
            raise StorageError(name, "a temporary file", error.strerror or str(error)) from error
        weakref.finalize(self, self._file.close)

    def put(self, month: str, rows: IntArray, values: FloatArray) -> None:
        """Put some rows of a month aside; safe from several threads.

        Parameters
        ----------
        month : str
            "YYYY-MM".
        rows : array of shape (n_rows,)
            What identifies the rows.
        values : array of shape (n_columns, n_rows)
            Their figures.
        """
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        with self._lock:
            offset, self._end = self._end, self._end + len(data)
            self._parts.setdefault(month, []).append((rows, (values.shape[0], values.shape[1]), offset))
        try:
            while data:
                written = os.pwrite(self._file.fileno(), data, offset)
                data, offset = data[written:], offset + written
        except OSError as error:
            raise StorageError(self._name, "a temporary file", error.strerror or str(error)) from error

    def months(self) -> list[str]:
        """Months something was put aside for, ascending."""
        return sorted(self._parts)

    def take(self, month: str) -> tuple[IntArray, FloatArray]:
        """Rows of a month, in the order of what identifies them, and their figures; they stay where they are."""
        parts = self._parts[month]
        rows = np.concatenate([found for found, _, _ in parts])
        values = np.empty((parts[0][1][0], rows.size))
        first = 0
        for _, shape, offset in parts:
            values[:, first : first + shape[1]] = self._read(shape, offset)
            first += shape[1]
        order = np.argsort(rows, kind="stable")
        return rows[order], values.take(order, axis=1)

    def _read(self, shape: tuple[int, int], offset: int) -> FloatArray:
        values = np.empty(shape)
        data = values.reshape(-1).view(np.uint8).data
        while data:
            got = os.preadv(self._file.fileno(), [data], offset)
            if not got:
                raise StorageError(self._name, "a temporary file", "ends before what was written to it")
            data, offset = data[got:], offset + got
        return values
