"""From a read file to a model, with every error at the line and key that caused it."""

from __future__ import annotations

import types
import typing
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ValidationError

from quant_resources.config.errors import Finding, Severity, did_you_mean
from quant_resources.config.node import Node, dotted

M = TypeVar("M", bound=BaseModel)

_MAX_FINDINGS = 50
"""Most errors explained in one file."""

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a map of keys",
    "model_type": "a map of keys",
    "date_type": "a date written as YYYY-MM-DD",
}


def build(model: type[M], node: Node, name: str | None = None) -> tuple[M | None, list[Finding]]:
    """Validate `node` as `model`.

    Parameters
    ----------
    model : type
        A configuration model.
    node : Node
        The file's values.
    name : str, optional
        Value of the model's ``name``, which comes from the file's name and is not written in the file.

    Returns
    -------
    model or None
        None where there are errors.
    list of Finding
        Every error.
    """
    values = node.plain()
    if name is not None and "name" in values:
        found = node.mapping["name"]
        return None, [_finding("CFG_UNKNOWN_KEY", found, "name", "the name is the file's name", "remove this key")]
    if name is not None:
        values["name"] = name
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True, include_input=False)
    findings: dict[tuple[str, str], Finding] = {}
    for detail in details[:_MAX_FINDINGS]:
        finding = _explain(model, node, typing.cast("dict[str, Any]", detail))
        findings.setdefault((finding.key, finding.code), finding)
    more = len(details) - _MAX_FINDINGS
    if more > 0:
        findings["", ""] = _finding(
            "CFG_SCHEMA", node, "", f"{more} more errors in this file", "mend those above first"
        )
    return None, list(findings.values())


def _explain(model: type[BaseModel], node: Node, detail: dict[str, Any]) -> Finding:
    path = _written(node, tuple(detail["loc"]))
    kind: str = detail["type"]
    found = node.nearest(path)
    key = dotted(path)
    if kind == "extra_forbidden":
        known = fields_at(model, path[:-1])
        hint = did_you_mean(str(path[-1]), known)
        return _finding("CFG_UNKNOWN_KEY", found, key, f"unknown key{hint}", f"known keys: {', '.join(sorted(known))}")
    if kind == "missing":
        return _finding("CFG_MISSING_KEY", found, key, "this key is required and missing", "add it")
    message, fix = _sentence(kind, detail, found)
    return _finding("CFG_SCHEMA", found, key, message, fix)


def _sentence(kind: str, detail: dict[str, Any], found: Node) -> tuple[str, str]:
    read = _read(found)
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, {read}", _hint(kind, found)
    if kind == "literal_error":
        expected: str = detail["ctx"]["expected"]
        choices = [part.strip(" '") for part in expected.replace(" or ", ", ").split(",")]
        guess = did_you_mean(str(found.value), choices) if isinstance(found.value, str) else ""
        return f"must be one of {', '.join(choices)}, {read}{guess}", ""
    if kind == "value_error":
        return f"{detail['ctx']['error']}, {read}", ""
    if kind == "too_short":
        return "must not be empty", "list at least one"
    message: str = detail["msg"]
    words = message[:1].lower() + message[1:]
    return f"{words.replace('input should be', 'must be')}, {read}", ""


def _read(node: Node) -> str:
    if node.is_map:
        return "it is a map of keys"
    if node.is_list:
        return "it is a list"
    if node.value is None:
        return "it has no value"
    text = node.text if len(node.text) <= 60 else f"{node.text[:57]}..."
    return f"it reads {text!r}"


def _hint(kind: str, node: Node) -> str:
    if kind == "string_type" and isinstance(node.value, bool | int | float):
        return "write it in quotes"
    if kind == "bool_type":
        return "write true or false in lower case, without quotes"
    if kind in ("int_type", "float_type") and isinstance(node.value, str):
        return "write decimal digits without quotes, leading zeros or separators"
    return ""


def _written(node: Node, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Leave out the steps of `loc` that only name a variant of a type or a dictionary key.

    The last step of a path may be missing from the file (a required key); steps after that are not keys.
    """
    path: list[str | int] = []
    current: Node | None = node
    for step in loc:
        if current is None or not (current.is_map or current.is_list) or step == "[key]":
            break
        path.append(step)
        current = current.child(step)
    return tuple(path)


def fields_at(model: type[BaseModel], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Keys that the model takes at a path; empty where none is fixed."""
    current: Any = model
    for step in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(step))
            current = _unwrap(field.annotation) if field is not None else None
        elif isinstance(step, int) and typing.get_origin(current) is tuple:
            current = _unwrap(typing.get_args(current)[0])
    if isinstance(current, type) and issubclass(current, BaseModel):
        return tuple(key for key in current.model_fields if key != "name")
    return ()


def _unwrap(annotation: Any) -> Any:
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kept = [one for one in typing.get_args(annotation) if one is not type(None)]
        return kept[0] if len(kept) == 1 else None
    return annotation


def _finding(code: str, node: Node, key: str, message: str, fix: str) -> Finding:
    return Finding(code, Severity.ERROR, node.source, node.line, key, message, fix)
