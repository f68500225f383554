"""Configuration values set by environment variables.

``QUANT_PLATFORM__RATINGS__OVERALL=weighted`` sets ``ratings.overall`` of ``platform.yaml``;
``QUANT_SLEEVES__<NAME>__COSTS__SLIPPAGE=0.002`` one value of one sleeve, likewise ``QUANT_SCANNERS__`` and
``QUANT_UNIVERSES__``. The text is read as YAML, so a list is ``[hrp, equal_weight]``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from quant_resources.config._merge import merge
from quant_resources.config.errors import Finding, Severity, YamlError, did_you_mean
from quant_resources.config.node import Node
from quant_resources.config.yaml_door import parse_yaml

KINDS: Mapping[str, str] = {
    "PLATFORM": "platform",
    "UNIVERSES": "universe",
    "SCANNERS": "scanner",
    "SLEEVES": "sleeve",
    "METAS": "meta",
}
_PREFIX = "QUANT_"
_SEPARATOR = "__"


def is_override(variable: str) -> bool:
    """Whether an environment variable sets a configuration value."""
    head, separator, _ = variable.removeprefix(_PREFIX).partition(_SEPARATOR)
    return variable.startswith(_PREFIX) and bool(separator) and head in KINDS


def overrides_of(
    environment: Mapping[str, str], names: Mapping[str, Collection[str]]
) -> tuple[dict[tuple[str, str], Node], list[Finding]]:
    """Values that environment variables set.

    Parameters
    ----------
    environment : mapping of str to str
        Variables and their text; others than ``QUANT_<KIND>__…`` are not looked at, empty ones count as not set.
    names : mapping of str to collection of str
        Names of each kind of file.

    Returns
    -------
    dict
        Values by (kind, name); the platform's name is ``""``.
    list of Finding
        Variables that cannot be read, or name no file.
    """
    found: dict[tuple[str, str], Node] = {}
    findings: list[Finding] = []
    for variable in sorted(environment):
        text = environment[variable]
        if not is_override(variable) or not text:
            continue
        kind, name, keys = _address(variable, names)
        if name is None or not all(keys):
            findings.append(_unknown(variable, kind, names))
            continue
        try:
            value = _at(keys, _off_lines(parse_yaml(text, name=f"environment {variable}")))
        except YamlError as error:
            findings.append(
                Finding("CFG_ENV_VALUE", Severity.ERROR, error.file, 0, error.key, error.problem, error.remedy)
            )
            continue
        target = (kind, name)
        found[target] = merge(found[target], value) if target in found else value
    return found, findings


def _address(variable: str, names: Mapping[str, Collection[str]]) -> tuple[str, str | None, tuple[str, ...]]:
    head, _, rest = variable.removeprefix(_PREFIX).partition(_SEPARATOR)
    kind = KINDS[head]
    if kind == "platform":
        return kind, "", tuple(rest.lower().split(_SEPARATOR))
    # The longest name that fits: a name may itself contain two underscores.
    for name in sorted(names.get(kind, ()), key=len, reverse=True):
        start = name.upper() + _SEPARATOR
        if rest.startswith(start):
            return kind, name, tuple(rest.removeprefix(start).lower().split(_SEPARATOR))
    return kind, None, ()


def _unknown(variable: str, kind: str, names: Mapping[str, Collection[str]]) -> Finding:
    asked = variable.removeprefix(_PREFIX).split(_SEPARATOR)[1].lower()
    known = sorted(names.get(kind, ()))
    expected = f"QUANT_{kind.upper()}S__<NAME>__<KEY>" if kind != "platform" else "QUANT_PLATFORM__<KEY>"
    return Finding(
        "CFG_ENV_VALUE",
        Severity.ERROR,
        f"environment {variable}",
        0,
        "",
        f"it names no key of a known {kind}{did_you_mean(asked, known)}",
        f"write it as {expected}" + (f" with one of {', '.join(known)}" if known else ""),
    )


def _at(keys: tuple[str, ...], value: Node) -> Node:
    for key in reversed(keys):
        value = Node({key: value}, value.source, 0)
    return value


def _off_lines(node: Node) -> Node:
    """Take the lines away; those of a variable are not worth naming."""
    if node.is_map:
        return Node({key: _off_lines(child) for key, child in node.mapping.items()}, node.source, 0)
    if node.is_list:
        return Node(tuple(_off_lines(child) for child in node.items), node.source, 0)
    return Node(node.value, node.source, 0, node.text)
