"""JSON Schemas of the configuration files, so that an editor completes and checks them.

They are generated from the models: ``python -m quant_resources.config.schemas`` writes ``configs/schemas`` anew, and a
test fails while they differ. A file may inherit (``extends``) or only be inherited from, so a schema demands no key;
`quant config lint` judges the merged file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from quant_resources.config._merge import APPEND, EXTENDS
from quant_resources.config._meta import MetaConfig
from quant_resources.config._platform import PlatformConfig
from quant_resources.config._scanner import FilterConfig, ScannerConfig
from quant_resources.config._sleeve import SleeveConfig
from quant_resources.config._universe import UniverseConfig

MODELS: Mapping[str, type[BaseModel]] = {
    "meta": MetaConfig,
    "platform": PlatformConfig,
    "scanner": ScannerConfig,
    "sleeve": SleeveConfig,
    "universe": UniverseConfig,
}
FOLDER = "schemas"


def json_schemas() -> dict[str, str]:
    """Text of every schema file, by file name."""
    return {f"{kind}.json": _text(kind, model) for kind, model in MODELS.items()}


def write_schemas(configs_dir: Path) -> None:
    """Write every schema file below a configuration folder."""
    folder = configs_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in json_schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


def _text(kind: str, model: type[BaseModel]) -> str:
    schema = model.model_json_schema()
    # Only keys of maps are inherited; what stands in a list is written whole.
    for name, definition in [("", schema), *schema.get("$defs", {}).items()]:
        if name != FilterConfig.__name__:
            _open_up(definition)
    _close(schema)
    properties: dict[str, Any] = schema["properties"]
    properties.pop("name", None)
    properties[EXTENDS] = {
        "description": "File, relative to this one, whose values are taken over where this file writes none.",
        "pattern": r"\.yaml$",
        "type": "string",
    }
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"configs: {kind}"}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _close(node: Any) -> None:
    """Let a map whose keys have a pattern hold no other key."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node.setdefault("additionalProperties", False)
        for child in node.values():
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)


def _open_up(definition: dict[str, Any]) -> None:
    """Let inheriting files leave keys out and append to lists."""
    definition.pop("required", None)
    for key, value in definition.get("properties", {}).items():
        value.pop("title", None)
        if value.get("type") != "array":
            continue
        around = {name: value.pop(name) for name in ("default", "description") if name in value}
        appended = {
            "additionalProperties": False,
            "description": "Adds to the inherited list instead of replacing it.",
            "properties": {APPEND: value},
            "required": [APPEND],
            "type": "object",
        }
        definition["properties"][key] = {**around, "anyOf": [value, appended]}


if __name__ == "__main__":
    write_schemas(Path("configs"))
