"""Changes of one rule of a module at a time, as syntax trees, and the function a change lies in."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Change = Callable[[ast.AST], None]

_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_ENDS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One change of a file."""

    path: Path
    line: int
    what: str
    function: str
    """Qualified name of the outermost function the change lies in; empty for what runs on import."""
    at: int
    """Number of the changed node in the walk of the tree."""
    change: Change

    def tree(self) -> ast.Module:
        """Parse the file and change it."""
        tree = ast.parse(self.path.read_text())
        self.change(next(node for i, node in enumerate(ast.walk(tree)) if i == self.at))
        return ast.fix_missing_locations(tree)

    @property
    def label(self) -> str:
        """Where and what."""
        return f"{self.path.name}:{self.line} {self.what}" + (f" in {self.function}" if self.function else "")


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its syntax tree."""
    tree = ast.parse(path.read_text())
    skipped, owners = _unjudged(tree), dict(_owners(tree))
    for at, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for what, change in _changes(node):
            yield Mutant(path, getattr(node, "lineno", 0), what, owners.get(id(node), ""), at, change)


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods of a module, by qualified name; not those inside others."""
    for statement in tree.body:
        inner = statement.body if isinstance(statement, ast.ClassDef) else [statement]
        prefix = f"{statement.name}." if isinstance(statement, ast.ClassDef) else ""
        yield from ((prefix + node.name, node) for node in inner if isinstance(node, ast.FunctionDef))


def _owners(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Pair every node of a function's body with that function; defaults and decorators run on import."""
    for name, function in functions(tree):
        for part in function.body:
            yield from ((id(node), name) for node in ast.walk(part))


def _unjudged(tree: ast.Module) -> set[int]:
    """Annotations, and the words of notes and errors: no rule is in them."""
    out: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            parts = [node.returns, *(a.annotation for a in node.args.args + node.args.kwonlyargs)]
            parts += [node] if node.name == "note" else []
        elif isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.Assign) and any(getattr(t, "id", "").endswith("Array") for t in node.targets):
            parts = [node]
        elif isinstance(node, ast.Lambda):
            parts = [node] if any(isinstance(n, ast.JoinedStr) for n in ast.walk(node)) else []
        elif isinstance(node, ast.Raise | ast.JoinedStr) or _for_types(node):
            parts = [node]
        for part in parts:
            if part is not None:
                out.update(id(inner) for inner in ast.walk(part))
    return out


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.Compare):
        for at, op in enumerate(node.ops):
            for name, table in (("negated", _NEGATED), ("boundary", _BOUNDARY)):
                if type(op) in table:
                    yield f"{type(op).__name__} {name}", _comparing(at, table[type(op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert | ast.USub):
        yield f"{type(node.op).__name__} removed", _unwrapping
    elif isinstance(node, ast.BoolOp):
        yield "and/or swapped", _setting("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield f"{type(node.op).__name__} swapped", _setting("op", _OPERATORS[type(node.op)]())
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ENDS:
        name = node.func.id  # type: ignore[attr-defined]
        yield f"{name} to {_ENDS[name]}", _setting("func", ast.Name(_ENDS[name], ast.Load()))
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
        yield from _without_vetoes(node)


def _without_vetoes(node: ast.Tuple | ast.List) -> Iterator[tuple[str, Change]]:
    for at, element in enumerate(node.elts):
        if isinstance(element, ast.Call) and getattr(element.func, "id", "") in ("Veto", "_extreme"):
            yield f"veto {at} taken out", _dropping(at)


def _setting(field: str, value: object) -> Change:
    return lambda node: setattr(node, field, value)


def _comparing(at: int, op: ast.cmpop) -> Change:
    return lambda node: node.ops.__setitem__(at, op)  # type: ignore[attr-defined]


def _dropping(at: int) -> Change:
    return lambda node: node.elts.pop(at)  # type: ignore[attr-defined]


def _unwrapping(node: ast.AST) -> None:
    """Turn the node into its own operand, where it stands."""
    operand = node.operand  # type: ignore[attr-defined]
    node.__class__ = type(operand)
    node.__dict__ = operand.__dict__
