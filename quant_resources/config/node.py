"""A configuration value that remembers where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it came from.

    Parameters
    ----------
    value : scalar, tuple of Node, or mapping of str to Node
        The value itself.
    source : str
        File as shown to the user, or ``environment NAME``.
    line : int
        Line from 1 (of its key, where it has one); 0 for an environment variable.
    text : str
        A scalar as it was written, so that an error can quote it.
    replaces : bool
        For a mapping: it takes the place of an inherited one instead of merging with it.
    """

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    source: str
    line: int
    text: str = ""
    replaces: bool = False

    @property
    def is_map(self) -> bool:
        """Whether it holds keys."""
        return isinstance(self.value, Mapping)

    @property
    def is_list(self) -> bool:
        """Whether it holds items."""
        return isinstance(self.value, tuple)

    @property
    def mapping(self) -> Mapping[str, Node]:
        """Its keys; empty where it is not a map."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """Its items; empty where it is not a list."""
        return self.value if isinstance(self.value, tuple) else ()

    @property
    def where(self) -> str:
        """``file:line``, or the source alone where there is no line."""
        return f"{self.source}:{self.line}" if self.line else self.source

    def plain(self) -> Any:
        """Return the value as plain Python: dict, tuple and scalars."""
        if isinstance(self.value, Mapping):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return tuple(child.plain() for child in self.value)
        return self.value

    def child(self, step: str | int) -> Node | None:
        """Return the value under one key or index, if there is one."""
        if isinstance(step, int):
            return self.items[step] if 0 <= step < len(self.items) else None
        return self.mapping.get(step)

    def nearest(self, path: tuple[str | int, ...]) -> Node:
        """Return the value at `path`, or the deepest one on the way to it."""
        node = self
        for step in path:
            found = node.child(step)
            if found is None:
                break
            node = found
        return node

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Node]]:
        """Every dotted key with its value; lists are values, not keys."""
        if not self.is_map:
            yield prefix, self
            return
        for key, child in self.mapping.items():
            yield from child.leaves(f"{prefix}.{key}" if prefix else key)


def dotted(path: tuple[str | int, ...]) -> str:
    """Write ``("filters", 0, "left")`` as ``filters[0].left``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else step)
    return text
