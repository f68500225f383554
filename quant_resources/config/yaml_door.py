"""The one door through which YAML enters: plain values with positions, or an error that names file and line.

What other loaders accept in silence is refused here, or read as it was written:

- plain scalars follow the YAML 1.2 core schema, narrowed to its unambiguous forms: only ``true`` and ``false`` are
  booleans, only ``null``, ``~`` and nothing are null, numbers are decimal without a leading zero. ``ON``, ``NO``,
  ``NULL``, ``12:30:00``, ``0123``, ``0x1F`` and ``1_000`` are text, so a ticker never turns into something else;
- a repeated key, a tag, a merge key (``<<``), a second document, a key that is not text: refused;
- size, depth, number of values and number of aliases are bounded, so hostile input is refused within milliseconds.

The parser is libyaml's event stream; nothing here recurses and no object is ever constructed from a tag.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from quant_resources.config.errors import YamlError
from quant_resources.config.node import Node, Scalar, dotted

MAX_BYTES = 1_000_000
"""Largest file, in bytes."""
MAX_DEPTH = 20
"""Deepest nesting of maps and lists."""
MAX_ALIASES = 16
"""Most aliases in a file."""
MAX_VALUES = 5_000
"""Most values in a file, each alias counted with everything it stands for."""
_MAX_NUMBER = 40
"""Longest number, in characters: longer ones lose digits, or take long to read."""

_MAX_KEY = 200
"""Longest key, in characters."""

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z", re.ASCII)
_CONSTANTS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")


def load_yaml(path: Path, *, name: str | None = None) -> Node:
    """Read one YAML file.

    Parameters
    ----------
    path : Path
        File to read. It must be a regular file.
    name : str, optional
        How errors call it; the path itself by default.

    Returns
    -------
    Node
        The file's values with their lines; its root is a map.

    Raises
    ------
    YamlError
        Where the file cannot be read, or holds something the door refuses.
    """
    shown = name if name is not None else str(path)
    root = parse_yaml(_read(path, shown), name=shown)
    if not root.is_map:
        raise YamlError(shown, root.line, "", "the file must be a map", "write it as `key: value` lines")
    return root


def parse_yaml(text: str, *, name: str) -> Node:
    """Read YAML text; like `load_yaml`, but the root may be any value.

    Raises
    ------
    YamlError
        Where the text holds something the door refuses.
    """
    bad = _CONTROL.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        raise YamlError(name, line, "", f"character {bad.group()!r} is not allowed", "remove it")
    builder = _Builder(name)
    parser = yaml.CSafeLoader(text)
    try:
        while parser.check_event():
            builder.take(parser.get_event())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(
            name, mark.line + 1 if mark else 0, builder.key, f"not valid YAML: {error.problem or error.context}"
        ) from None
    finally:
        parser.dispose()
    return builder.result()


def _read(path: Path, shown: str) -> str:
    try:
        status = path.stat()
        # A pipe or a device would block or never end.
        if not stat.S_ISREG(status.st_mode):
            raise YamlError(shown, 0, "", "it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise _too_large(shown)
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise YamlError(shown, 0, "", f"it cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise _too_large(shown)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise YamlError(shown, line, "", "it is not UTF-8 text", "save it as UTF-8") from None


def _too_large(shown: str) -> YamlError:
    return YamlError(shown, 0, "", f"it is larger than {MAX_BYTES:,} bytes", "a configuration file is small; split it")


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(slots=True)
class _Frame:
    """A map or list that is still open."""

    line: int
    is_map: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    mapping: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    key: str | None = None
    height: int = 1
    size: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: Node
    height: int
    size: int


class _Builder:
    """Turns parser events into a `Node`, counting as it goes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._root: Node | None = None
        self._documents = 0
        self._aliases = 0
        self._values = 0

    @property
    def key(self) -> str:
        """Dotted key being read."""
        path: list[str | int] = []
        for frame in self._stack:
            if not frame.is_map:
                path.append(len(frame.items))
            elif frame.key is not None:
                path.append(frame.key)
        return dotted(tuple(path))

    def result(self) -> Node:
        if self._root is None:
            raise YamlError(self._name, 0, "", "the file is empty")
        return self._root

    def take(self, event: Any) -> None:
        """Consume one parser event."""
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def _refuse(self, line: int, problem: str, remedy: str = "") -> YamlError:
        return YamlError(self._name, line, self.key, problem, remedy)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._refuse(event.start_mark.line + 1, "a second document starts here", "keep one document per file")

    def _scalar(self, event: Any) -> None:
        line = event.start_mark.line + 1
        self._refuse_tag(event, line)
        value: Scalar = event.value
        if event.style in (None, "") and not self._expects_key():
            value = self._typed(event.value, line)
        if self._expects_key():
            self._open_key(event, line)
            return
        self._add(Node(value, self._name, line, text=event.value), anchor=event.anchor, height=0, size=1)

    def _expects_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].is_map and self._stack[-1].key is None

    def _typed(self, text: str, line: int) -> Scalar:
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _FLOAT.match(text) is None:
            return text
        if len(text) > _MAX_NUMBER:
            raise self._refuse(line, f"a number of {len(text)} characters", "round it, or quote it if it is text")
        if _INT.match(text) is not None:
            return int(text)
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise self._refuse(line, f"the number {text} is too large", "quote it if it is text")
        return number

    def _open_key(self, event: Any, line: int) -> None:
        frame = self._stack[-1]
        key: str = event.value
        if event.style in (None, ""):
            if key == "<<":
                raise self._refuse(line, "merge keys (<<) are not supported", "use `extends: other.yaml`")
            if not isinstance(self._typed(key, line), str):
                raise self._refuse(line, f"the key {key!r} is not text", "write it in quotes")
        if len(key) > _MAX_KEY:
            raise self._refuse(line, f"the key {_short(key)!r} is longer than {_MAX_KEY} characters")
        if key in frame.mapping:
            first = frame.lines[key]
            raise self._refuse(line, f"the key {key!r} repeats; it is already on line {first}", "remove one of the two")
        if event.anchor is not None:
            raise self._refuse(line, "an anchor on a key is not supported")
        frame.key = key
        frame.lines[key] = line

    def _start(self, event: Any) -> None:
        line = event.start_mark.line + 1
        self._refuse_tag(event, line)
        if self._expects_key():
            raise self._refuse(line, "a key must be text", "a map or list cannot be a key; quote it if it is text")
        if len(self._stack) >= MAX_DEPTH:
            raise self._refuse(line, f"nesting is deeper than {MAX_DEPTH} levels")
        self._stack.append(_Frame(line, isinstance(event, yaml.MappingStartEvent), event.anchor))

    def _end(self, event: Any) -> None:
        frame = self._stack.pop()
        value: Any = frame.mapping if frame.is_map else tuple(frame.items)
        node = Node(value, self._name, frame.line)
        self._add(node, anchor=frame.anchor, height=frame.height, size=frame.size)

    def _alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        self._aliases += 1
        if self._expects_key():
            raise self._refuse(line, "an alias cannot be a key")
        if self._aliases > MAX_ALIASES:
            raise self._refuse(line, f"more than {MAX_ALIASES} aliases", "write the values out, or use `extends:`")
        target = self._anchors.get(event.anchor)
        if target is None:
            raise self._refuse(line, f"the alias *{_short(event.anchor)} stands for nothing that is complete here")
        if len(self._stack) + target.height > MAX_DEPTH:
            raise self._refuse(line, f"nesting is deeper than {MAX_DEPTH} levels")
        self._values += target.size - 1
        self._add(target.node, anchor=None, height=target.height, size=target.size)

    def _add(self, node: Node, *, anchor: str | None, height: int, size: int) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise self._refuse(node.line, f"more than {MAX_VALUES:,} values")
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, height, size)
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        frame.height = max(frame.height, height + 1)
        frame.size += size
        if not frame.is_map:
            frame.items.append(node)
            return
        assert frame.key is not None
        # A block value starts a line below its key; the key is what the user looks for.
        frame.mapping[frame.key] = Node(node.value, node.source, frame.lines[frame.key], node.text)
        frame.key = None

    def _refuse_tag(self, event: Any, line: int) -> None:
        if event.tag is not None:
            raise self._refuse(line, f"the tag {_short(event.tag)} is not allowed", "write a plain value")

    _HANDLERS: ClassVar[dict[type, Any]] = {
        yaml.DocumentStartEvent: _document,
        yaml.ScalarEvent: _scalar,
        yaml.MappingStartEvent: _start,
        yaml.SequenceStartEvent: _start,
        yaml.MappingEndEvent: _end,
        yaml.SequenceEndEvent: _end,
        yaml.AliasEvent: _alias,
    }
