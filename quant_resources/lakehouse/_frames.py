"""Rows between pandas and Arrow: exactly the declared schema, sorted by key, with a hash of their content."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from quant_lib.contracts import Column, TableSpec
from quant_resources.lakehouse.errors import FrameMismatchError

if TYPE_CHECKING:
    import pyarrow as pa

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]


def to_arrow(spec: TableSpec, frame: pd.DataFrame) -> pa.Table:
    """Rows as an Arrow table of exactly the declared schema, sorted by key; refusals as in `keyed_rows`."""
    return keyed_rows(spec, frame).table()


@dataclass(frozen=True, eq=False)
class KeyedRows:
    """Rows of exactly the declared columns and their order by key, brought into that order a part at a time.

    A table of every month is never copied whole: each part is put in order by the thread that writes it.

    Parameters
    ----------
    spec : TableSpec
        Table they belong to.
    columns : dict
        Arrow array or float64 array (NaN where missing) of each column, in the order rows were given.
    order : array of shape (n_rows,), optional
        Given place of each row by key; None where rows were given in order.
    days : array of shape (n_rows,), datetime64[D], optional
        Value of ``date`` by key.
    """

    spec: TableSpec
    columns: Mapping[str, pa.Array | FloatArray]
    order: IntArray | None
    days: npt.NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.days)

    def table(self, start: int = 0, stop: int | None = None) -> pa.Table:
        """Rows ``start`` to ``stop`` by key."""
        import pyarrow as pa

        stop = len(self) if stop is None else stop
        rows = slice(start, stop) if self.order is None else self.order[start:stop]
        arrays = [_part(self.columns[name], rows) for name in self.spec.column_names]
        return pa.table(arrays, schema=self.spec.arrow_schema())

    def months(self) -> dict[str, tuple[int, int]]:
        """First and last row (not included) of each month ("YYYY-MM"), oldest first."""
        months = self.days.astype("datetime64[M]")
        edges = [0, *(np.flatnonzero(months[1:] != months[:-1]) + 1), len(months)]
        return {str(months[a]): (int(a), int(b)) for a, b in itertools.pairwise(edges) if b > a}


def _part(values: pa.Array | FloatArray, rows: slice | IntArray) -> pa.Array:
    """Put some rows of a column into an Arrow array; NaN is missing."""
    import pyarrow as pa

    if not isinstance(values, np.ndarray):
        return values[rows] if isinstance(rows, slice) else values.take(pa.array(rows))
    values = np.ascontiguousarray(values[rows] if isinstance(rows, slice) else values.take(rows))
    missing = np.isnan(values)
    known = pa.py_buffer(np.packbits(~missing, bitorder="little")) if missing.any() else None
    return pa.Array.from_buffers(pa.float64(), len(values), [known, pa.py_buffer(values)])


def keyed_rows(spec: TableSpec, frame: pd.DataFrame) -> KeyedRows:
    """Check that rows fit their table and find their order by key.

    Raises
    ------
    FrameMismatchError
        If columns differ, a type does not fit, a promised value is missing, a
        session label carries a time of day, an instant has no time zone, or a
        key repeats.
    """
    import pyarrow as pa

    expected, given = set(spec.column_names), [str(name) for name in frame.columns]
    if expected != set(given) or len(given) != len(expected):
        missing, unknown = sorted(expected - set(given)), sorted(set(given) - expected)
        repeated = sorted({name for name in given if given.count(name) > 1})
        problem = f"columns missing {missing}, unknown {unknown}, repeated {repeated}"
        raise FrameMismatchError(spec.name, problem)
    columns = {column.name: _column(spec, column, frame[column.name]) for column in spec.columns}
    keys = pa.table({name: columns[name] for name in spec.key})
    order = key_order(spec, keys)
    days = _days(keys)
    return KeyedRows(spec, columns, order, days if order is None else days[order])


def _column(spec: TableSpec, column: Column, values: pd.Series) -> pa.Array | FloatArray:
    import pyarrow as pa

    if column.type == "float64" and values.dtype == np.float64 and column.name not in spec.key:
        plain = values.to_numpy()
        _check_missing(spec, column, np.zeros(0, bool) if column.nullable else np.isnan(plain))
        return plain
    _check_time(spec, column, values)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype("str")
    try:
        array = pa.Array.from_pandas(values, type=spec.arrow_schema().field(column.name).type, safe=True)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError) as error:
        raise FrameMismatchError(spec.name, f"{column.name} is not {column.type}: {error}") from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.null_count and not column.nullable:
        _check_missing(spec, column, array.is_null().to_numpy(zero_copy_only=False))
    return array


def _check_missing(spec: TableSpec, column: Column, missing: npt.NDArray[np.bool_]) -> None:
    if missing.any():
        raise FrameMismatchError(
            spec.name,
            f"{column.name} is missing in {int(missing.sum())} rows, for example row {int(np.flatnonzero(missing)[0])}",
        )


def _check_time(spec: TableSpec, column: Column, values: pd.Series) -> None:
    """Refuse session labels with a time or a zone, and instants without a zone."""
    if column.type not in ("date", "timestamp") or not len(values):
        return
    aware = isinstance(values.dtype, pd.DatetimeTZDtype)
    if column.type == "timestamp":
        if not aware and pd.api.types.is_datetime64_dtype(values.dtype):
            raise FrameMismatchError(spec.name, f"{column.name} is an instant and needs a time zone (UTC)")
        return
    if aware:
        raise FrameMismatchError(spec.name, f"{column.name} is a session label and takes no time zone")
    if pd.api.types.is_datetime64_dtype(values.dtype):
        stamps = values.to_numpy()
        off = ~np.isnat(stamps) & (stamps != stamps.astype("datetime64[D]"))
        if off.any():
            raise FrameMismatchError(spec.name, f"{column.name} holds a time of day, for example {stamps[off][0]}")


def sorted_by_key(spec: TableSpec, table: pa.Table) -> pa.Table:
    """Sort rows by key; a key that repeats is a `FrameMismatchError`."""
    order = key_order(spec, table)
    return table if order is None else table.take(order)


def key_order(spec: TableSpec, table: pa.Table) -> IntArray | None:
    """Place of each row by key, None where rows are in order; a key that repeats is a `FrameMismatchError`."""
    import pyarrow.compute as pc

    if table.num_rows < 2:
        return None
    order: IntArray = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in spec.key]).to_numpy()
    keys = table.select(list(spec.key))
    in_order = np.array_equal(order, np.arange(table.num_rows))
    if not in_order:
        keys = keys.take(order)
    same = np.ones(table.num_rows - 1, dtype=bool)
    for name in reversed(spec.key):
        column = keys.column(name)
        same &= pc.equal(column.slice(1), column.slice(0, table.num_rows - 1)).to_numpy()
        if not same.any():
            return None if in_order else order
    row = {name: keys.column(name)[int(np.flatnonzero(same)[0])].as_py() for name in spec.key}
    raise FrameMismatchError(spec.name, f"{int(same.sum())} keys repeat, for example {row}")


def _days(table: pa.Table) -> np.ndarray:
    import pyarrow as pa

    days: np.ndarray = table.column("date").cast(pa.int32()).to_numpy().astype("datetime64[D]")
    return days


def content_hash(spec: TableSpec, table: pa.Table) -> str:
    """SHA-256 of rows sorted by key, volatile columns left out.

    It depends on names, types, missing values and the bits of the values, and on
    nothing else: not on the Parquet writer, chunking or dictionary encoding.
    """
    digest = hashlib.sha256(f"{spec.name}:{table.num_rows}".encode())
    for column in spec.columns:
        if column.name in spec.volatile:
            continue
        digest.update(f"\n{column.name}:{column.type}:".encode())
        for part in _canonical(column, table.column(column.name)):
            digest.update(part)
    return digest.hexdigest()


def _canonical(column: Column, values: pa.ChunkedArray) -> Iterator[bytes | memoryview]:
    """Bytes of a column that equal values always share."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], type=array.type)
    missing = _missing(array)
    if missing is not None:
        yield np.packbits(missing).tobytes()
    if column.type == "string":
        filled = array.fill_null("")
        yield pc.binary_length(filled).to_numpy(zero_copy_only=False).data
        offsets = np.frombuffer(filled.buffers()[1], dtype=np.int32)[filled.offset : filled.offset + len(filled) + 1]
        text = filled.buffers()[2]
        if text is not None and len(filled):
            yield memoryview(text)[int(offsets[0]) : int(offsets[-1])]
        return
    if column.type == "bool":
        yield array.fill_null(False).to_numpy(zero_copy_only=False).astype(np.uint8).data
        return
    if not len(array):
        return
    kind = {"date": np.int32, "float64": np.float64}.get(column.type, np.int64)
    held = np.frombuffer(array.buffers()[1], dtype=kind)[array.offset : array.offset + len(array)]
    yield held.data if missing is None else np.where(missing, np.zeros(1, kind), held).data


def _missing(array: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Whether each value is missing; None where none is."""
    if not array.null_count:
        return None
    bits = np.frombuffer(array.buffers()[0], dtype=np.uint8)
    known = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")[array.offset :]
    missing: npt.NDArray[np.bool_] = known == 0
    return missing


def to_pandas(
    spec: TableSpec, table: pa.Table, columns: Sequence[str], categories: Collection[str] = ()
) -> pd.DataFrame:
    """Arrow rows as a frame of the declared pandas types (nullable where an integer or flag is missing).

    Columns named as ``categories`` hold each text once, categories ascending.
    """
    import pyarrow as pa

    types = spec.pandas_types()
    arrays, nullable = [], {}
    for name in columns:
        array, kind = table.column(name), spec.column(name).type
        if kind == "date":
            array = array.cast(pa.timestamp("us"))
        elif name in categories:
            array, nullable[name] = array.dictionary_encode().unify_dictionaries(), "category"
        elif kind == "string":
            array = array.cast(pa.large_string())
        elif kind in ("int64", "bool") and array.null_count:
            nullable[name] = "Int64" if kind == "int64" else "boolean"
        arrays.append(array)
    mapper = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get if nullable else None
    frame: pd.DataFrame = pa.table(arrays, names=list(columns)).to_pandas(types_mapper=mapper)
    wanted = {name: nullable.get(name, types[name]) for name in columns}
    frame = frame.astype({name: kind for name, kind in wanted.items() if str(frame[name].dtype) != kind})
    for name in categories:
        held = frame[name].cat
        frame[name] = held.rename_categories(list(held.categories)).cat.reorder_categories(sorted(held.categories))
    return frame


def empty(spec: TableSpec, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """No rows, typed; of all columns by default."""
    types = spec.pandas_types()
    return pd.DataFrame({name: pd.Series(dtype=types[name]) for name in columns or spec.column_names})
