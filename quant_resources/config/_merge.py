"""Inheritance: a file takes over its parent's values and says what differs.

Maps merge key by key. Anything else takes the place of what was inherited: a
list replaces the list, ``null`` clears. To add to an inherited list, say so::

    filters:
      +append:
        - {left: ADX, operation: greater, right: 20}
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from quant_resources.config.errors import Finding, InvalidConfigError, Severity, close_matches
from quant_resources.config.node import Node, dotted
from quant_resources.config.yaml_door import load_yaml

APPEND = "+append"
"""Key that adds to an inherited list instead of replacing it."""
EXTENDS = "extends"
"""Key that names a parent file."""
_MAX_CHAIN = 10


def merge(parent: Node, child: Node) -> Node:
    """Lay `child` over `parent`.

    Associative, so a chain may be folded from either end.

    Parameters
    ----------
    parent, child : Node
        Values of the same key; positions stay those of the file that wrote each value.

    Returns
    -------
    Node
        Maps merged, anything else replaced, ``+append`` lists joined.
    """
    if is_append(child):
        return _append(parent, child)
    if not child.is_map or child.replaces:
        return child
    if not parent.is_map or is_append(parent):
        # What this map replaced must stay replaced, whatever is laid under it later.
        return Node(child.value, child.source, child.line, replaces=True)
    merged = dict(parent.mapping)
    for key, value in child.mapping.items():
        merged[key] = merge(merged[key], value) if key in merged else value
    # A variable that sets one key deep inside does not become the place where the whole map stands.
    place = child if child.line else parent
    return Node(merged, place.source, place.line, replaces=parent.replaces)


def is_append(node: Node) -> bool:
    """Whether `node` is ``{+append: [...]}``."""
    return node.is_map and tuple(node.mapping) == (APPEND,) and node.mapping[APPEND].is_list


def _append(parent: Node, child: Node) -> Node:
    added = child.mapping[APPEND]
    if child.replaces:
        return child
    if is_append(parent):
        earlier = parent.mapping[APPEND]
        joined = Node(earlier.items + added.items, added.source, added.line)
        return Node({APPEND: joined}, child.source, child.line, replaces=parent.replaces)
    if parent.is_list or parent.value is None:
        return Node(parent.items + added.items, child.source, child.line)
    # It appends to what is no list; the error must not depend on what is laid under it later.
    return Node(child.value, child.source, child.line, replaces=True)


def load_with_parents(path: Path, show: Callable[[Path], str], root: Path) -> Node:
    """Read a file and everything it extends.

    Parameters
    ----------
    path : Path
        The file.
    show : callable
        How errors call a path.
    root : Path
        Folder that every parent must lie in.

    Returns
    -------
    Node
        The merged map, without ``extends``.

    Raises
    ------
    YamlError
        A file of the chain cannot be read.
    InvalidConfigError
        A parent is missing, outside `root`, or extends back to a file of the chain.
    """
    chain: list[Node] = []
    seen: list[Path] = []
    current: Path | None = path.resolve()
    while current is not None:
        seen.append(current)
        node = load_yaml(current, name=show(current))
        chain.append(node)
        current = _parent(node, current, seen, show, root.resolve())
    merged = chain.pop()
    while chain:
        merged = merge(merged, chain.pop())
    values = {key: value for key, value in merged.mapping.items() if key != EXTENDS}
    result = Node(values, merged.source, 1)
    _refuse_unresolved(result, ())
    return result


def _parent(node: Node, path: Path, seen: list[Path], show: Callable[[Path], str], root: Path) -> Path | None:
    extends = node.mapping.get(EXTENDS)
    if extends is None:
        return None
    if not isinstance(extends.value, str) or not extends.value:
        raise _broken(extends, "must name one file, relative to this one", "write `extends: parent.yaml`")
    target = (path.parent / extends.value).resolve()
    if not target.is_relative_to(root):
        raise _broken(extends, f"{extends.value} lies outside {show(root)}", "move the parent into it")
    if target in seen:
        circle = " -> ".join(show(one) for one in [*seen[seen.index(target) :], target])
        raise _broken(extends, f"the files extend each other in a circle: {circle}", "break it")
    if len(seen) >= _MAX_CHAIN:
        raise _broken(extends, f"the chain of parents is longer than {_MAX_CHAIN} files", "shorten it")
    if not target.is_file():
        nearby = [one.name for one in target.parent.glob("*.yaml")] if target.parent.is_dir() else []
        matches = close_matches(target.name, nearby)
        raise _broken(
            extends, f"there is no file {show(target)}", f"did you mean {matches[0]}?" if matches else "create it"
        )
    return target


def _refuse_unresolved(node: Node, path: tuple[str | int, ...]) -> None:
    for key, child in node.mapping.items():
        here = (*path, key)
        if key == APPEND:
            finding = Finding(
                "CFG_APPEND",
                Severity.ERROR,
                child.source,
                child.line,
                dotted(path),
                "there is no inherited list to append to, or other keys stand beside +append",
                "write the whole list",
            )
            raise InvalidConfigError((finding,))
        _refuse_unresolved(child, here)


def _broken(node: Node, problem: str, remedy: str) -> InvalidConfigError:
    return InvalidConfigError(
        (Finding("CFG_EXTENDS", Severity.ERROR, node.source, node.line, EXTENDS, problem, remedy),)
    )
