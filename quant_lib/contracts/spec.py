"""How a table is declared: columns with types, units and bounds, once.

The Arrow schema the lakehouse writes, the pandera schema the checks run and
the column documentation a user reads all come from one `TableSpec`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandera.pandas as pandera
    import pyarrow as pa

ColumnType = Literal["string", "float64", "int64", "bool", "date", "timestamp"]

_PANDAS_TYPE: dict[str, str] = {
    "string": "str",
    "float64": "float64",
    "int64": "int64",
    "bool": "bool",
    "date": "datetime64[us]",
    "timestamp": "datetime64[us, UTC]",
}


class Ownership(StrEnum):
    """Who owns the rows of a table, which is also how its files are laid out."""

    SHARED = "shared"
    """Facts every sleeve reads; files hold one month of ``date`` (Delta partition ``month``)."""
    DECISION = "decision"
    """Rows of one profile and date; files hold exactly one such pair (Delta partition ``profile``)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Column name.
    type : ColumnType
        ``date`` is a session label without a time zone; ``timestamp`` is an instant in UTC.
    description : str
        What it means, in the field's words.
    unit : str
        Unit of the value, ``""`` for labels.
    nullable : bool
        Whether a missing value is allowed. Where a decision table gained the column in a later release, rows of
        before read as missing; a column that must not be missing cannot be added to stored decisions.
    ge, le, gt, lt : float, optional
        Inclusive and exclusive bounds; missing values are not judged by them.
    isin : tuple of str, optional
        The complete vocabulary of a label.
    """

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    nullable: bool = False
    ge: float | None = None
    le: float | None = None
    gt: float | None = None
    lt: float | None = None
    isin: tuple[str, ...] | None = None


@dataclass(frozen=True)
class TableSpec:
    """A table of the lakehouse.

    Parameters
    ----------
    name : str
        Table name, also its DuckDB view.
    description : str
        One sentence a user reads in the catalogue.
    layer : str
        Contract layer of semantics section 4.1 (``L0`` … ``L4``), or ``""``.
    ownership : Ownership
        Who owns rows, see `Ownership`.
    key : tuple of str
        Columns that together identify a row.
    columns : tuple of Column
        All columns, in storage order.
    volatile : tuple of str
        Columns that may differ between two runs on the same inputs (wall-clock
        stamps); they are left out of the logical content hash.
    witness : str
        Column with the fingerprint of what a row was made from; its sum over a file stands in the file's footer,
        so that whoever knows what the rows should be need not open it. ``""`` where there is none.
    """

    name: str
    description: str
    layer: str
    ownership: Ownership
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    volatile: tuple[str, ...] = ()
    witness: str = ""

    def __post_init__(self) -> None:
        names = self.column_names
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name}: column names repeat")
        unknown = (set(self.key) | set(self.volatile) | ({self.witness} - {""})) - set(names)
        if unknown:
            raise ValueError(f"table {self.name}: {sorted(unknown)} are not columns")
        required = {"date"} if self.ownership is Ownership.SHARED else {"profile", "date"}
        if not required <= set(names):
            raise ValueError(f"table {self.name}: a {self.ownership} table needs {sorted(required)}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in storage order."""
        return tuple(column.name for column in self.columns)

    @property
    def partition_column(self) -> str:
        """Delta partition column: ``month`` of ``date``, or ``profile``."""
        return "month" if self.ownership is Ownership.SHARED else "profile"

    def column(self, name: str) -> Column:
        """Column by name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def may_lack(self, name: str) -> bool:
        """Whether rows of an older release may lack a column, which then reads as missing.

        Nullable columns of decision tables may: a decision is a record of what was known when it was made. Shared
        facts may not: what later steps compute from is made again whole.
        """
        return self.ownership is Ownership.DECISION and name not in self.key and self.column(name).nullable

    def pandas_types(self) -> dict[str, str]:
        """Pandas dtype of each column."""
        return {column.name: _PANDAS_TYPE[column.type] for column in self.columns}

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema the lakehouse writes (``date`` as date32, ``timestamp`` as microseconds UTC)."""
        return _arrow_schema(self.columns)

    def pandera_schema(self) -> pandera.DataFrameSchema:
        """Pandera schema: types, nullability, bounds, vocabulary, unique key; units in the descriptions."""
        return _pandera_schema(self)


@functools.lru_cache(maxsize=256)
def _arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa

    arrow = {
        "string": pa.string(),
        "float64": pa.float64(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([pa.field(c.name, arrow[c.type], nullable=c.nullable) for c in columns])


@functools.lru_cache(maxsize=256)
def _pandera_schema(spec: TableSpec) -> pandera.DataFrameSchema:
    import pandera.pandas as pandera

    def checks(column: Column) -> list[pandera.Check]:
        made = []
        if column.ge is not None:
            made.append(pandera.Check.ge(column.ge))
        if column.le is not None:
            made.append(pandera.Check.le(column.le))
        if column.gt is not None:
            made.append(pandera.Check.gt(column.gt))
        if column.lt is not None:
            made.append(pandera.Check.lt(column.lt))
        if column.isin is not None:
            made.append(pandera.Check.isin(list(column.isin)))
        return made

    return pandera.DataFrameSchema(
        columns={
            c.name: pandera.Column(
                _PANDAS_TYPE[c.type],
                checks=checks(c),
                nullable=c.nullable,
                description=f"{c.description} [{c.unit}]" if c.unit else c.description,
                metadata={"unit": c.unit},
            )
            for c in spec.columns
        },
        name=spec.name,
        description=spec.description,
        unique=list(spec.key),
        strict=True,
        ordered=False,
        metadata={"layer": spec.layer, "ownership": spec.ownership.value},
    )
