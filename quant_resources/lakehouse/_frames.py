"""Rows between pandas and Arrow: exactly the declared schema, sorted by key, with a hash of their content."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from quant_lib.contracts import Column, TableSpec
from quant_resources.lakehouse.errors import FrameMismatchError

if TYPE_CHECKING:
    import pyarrow as pa


def to_arrow(spec: TableSpec, frame: pd.DataFrame) -> pa.Table:
    """Rows as an Arrow table of exactly the declared schema, sorted by key.

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
    arrays = [_column(spec, column, frame[column.name]) for column in spec.columns]
    return sorted_by_key(spec, pa.table(arrays, schema=spec.arrow_schema()))


def _column(spec: TableSpec, column: Column, values: pd.Series) -> pa.Array:
    import pyarrow as pa

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
        first = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise FrameMismatchError(
            spec.name, f"{column.name} is missing in {array.null_count} rows, for example row {first}"
        )
    return array


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
    import pyarrow.compute as pc

    if table.num_rows < 2:
        return table
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in spec.key]).to_numpy()
    if not np.array_equal(order, np.arange(table.num_rows)):
        table = table.take(order)
    same = np.ones(table.num_rows - 1, dtype=bool)
    for name in reversed(spec.key):
        column = table.column(name)
        same &= pc.equal(column.slice(1), column.slice(0, table.num_rows - 1)).to_numpy()
        if not same.any():
            return table
    row = {name: table.column(name)[int(np.flatnonzero(same)[0])].as_py() for name in spec.key}
    raise FrameMismatchError(spec.name, f"{int(same.sum())} keys repeat, for example {row}")


def month_slices(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Rows of each month ("YYYY-MM") of a table sorted by date, oldest first, without copying."""
    months = _days(table).astype("datetime64[M]")
    edges = [0, *(np.flatnonzero(months[1:] != months[:-1]) + 1), len(months)]
    for start, stop in itertools.pairwise(edges):
        if stop > start:
            yield str(months[start]), table.slice(int(start), int(stop - start))


def distinct_days(table: pa.Table) -> np.ndarray:
    """Distinct dates of a table as ``datetime64[D]``, sorted."""
    return np.unique(_days(table))


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

    array = values.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], type=array.type)
    if array.null_count:
        yield np.packbits(array.is_null().to_numpy(zero_copy_only=False)).tobytes()
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
    if column.type in ("date", "timestamp"):
        array = array.view(pa.int32() if column.type == "date" else pa.int64())
    yield np.ascontiguousarray(array.fill_null(0).to_numpy(zero_copy_only=False)).data


def to_pandas(spec: TableSpec, table: pa.Table, columns: Sequence[str]) -> pd.DataFrame:
    """Arrow rows as a frame of the declared pandas types (nullable where an integer or flag is missing)."""
    import pyarrow as pa

    types = spec.pandas_types()
    arrays, nullable = [], {}
    for name in columns:
        array, kind = table.column(name), spec.column(name).type
        if kind == "date":
            array = array.cast(pa.timestamp("us"))
        elif kind == "string":
            array = array.cast(pa.large_string())
        elif kind in ("int64", "bool") and array.null_count:
            nullable[name] = "Int64" if kind == "int64" else "boolean"
        arrays.append(array)
    mapper = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get if nullable else None
    frame: pd.DataFrame = pa.table(arrays, names=list(columns)).to_pandas(types_mapper=mapper)
    wanted = {name: nullable.get(name, types[name]) for name in columns}
    return frame.astype({name: kind for name, kind in wanted.items() if str(frame[name].dtype) != kind})


def empty(spec: TableSpec, columns: Sequence[str]) -> pd.DataFrame:
    """No rows, typed."""
    types = spec.pandas_types()
    return pd.DataFrame({name: pd.Series(dtype=types[name]) for name in columns})
