"""Finds the configuration files, reads them and turns them into models, collecting what is wrong on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from quant_resources.config._build import build
from quant_resources.config._merge import load_with_parents, merge
from quant_resources.config._meta import MetaConfig
from quant_resources.config._overrides import overrides_of
from quant_resources.config._platform import PlatformConfig
from quant_resources.config._scanner import ScannerConfig
from quant_resources.config._sleeve import SleeveConfig
from quant_resources.config._types import is_name
from quant_resources.config._universe import UniverseConfig
from quant_resources.config.errors import Finding, InvalidConfigError, Severity, YamlError
from quant_resources.config.node import Node

M = TypeVar("M", bound=BaseModel)

FOLDERS: Mapping[str, str] = {"universe": "universes", "scanner": "scanners", "sleeve": "sleeves", "meta": "metas"}
PLATFORM_FILE = "platform.yaml"
SUFFIX = ".yaml"
RESERVED_NAMES = frozenset({"all", "alpha", "data", "dataops", "default", "governance", "meta"})
"""Names of the platform's own groups and flows."""


@dataclass
class Loaded(Generic[M]):
    """Files of one kind.

    Parameters
    ----------
    names : tuple of str
        Name of every file, those that failed included.
    nodes : dict
        Values of each file that could be read, with their lines.
    models : dict
        Model of each file that is valid, sorted by name.
    """

    names: tuple[str, ...] = ()
    nodes: dict[str, Node] = field(default_factory=dict)
    models: dict[str, M] = field(default_factory=dict)


@dataclass
class Files:
    """Everything read from a configuration folder."""

    configs_dir: Path
    findings: list[Finding] = field(default_factory=list)
    platform: Loaded[PlatformConfig] = field(default_factory=Loaded)
    universes: Loaded[UniverseConfig] = field(default_factory=Loaded)
    scanners: Loaded[ScannerConfig] = field(default_factory=Loaded)
    sleeves: Loaded[SleeveConfig] = field(default_factory=Loaded)
    metas: Loaded[MetaConfig] = field(default_factory=Loaded)

    def show(self, path: Path) -> str:
        """Name a path as errors do: from the configuration folder on."""
        root = self.configs_dir.resolve()
        resolved = path.resolve()
        return f"{root.name}/{resolved.relative_to(root).as_posix()}" if resolved.is_relative_to(root) else str(path)

    def error(self, code: str, path: Path, message: str, fix: str) -> None:
        """Record an error about a whole file."""
        self.findings.append(Finding(code, Severity.ERROR, self.show(path), 0, "", message, fix))


def read_files(configs_dir: Path, environment: Mapping[str, str]) -> Files:
    """Read every configuration file, and the values that environment variables set.

    Parameters
    ----------
    configs_dir : Path
        Folder with ``platform.yaml``, ``universes``, ``scanners``, ``sleeves`` and ``metas``.
    environment : mapping of str to str
        Environment variables.

    Returns
    -------
    Files
        Models of what is valid, findings about what is not.
    """
    files = Files(configs_dir)
    paths = {kind: _find(files, kind) for kind in FOLDERS}
    overrides, findings = overrides_of(environment, paths)
    files.findings.extend(findings)
    platform = configs_dir / PLATFORM_FILE
    if platform.is_file():
        files.platform = _load_all(files, PlatformConfig, "platform", {"": platform}, overrides)
    else:
        files.error("CFG_LOAD", platform, f"there is no file {platform}", "create it, or set QUANT_CONFIGS_DIR")
    files.universes = _load_all(files, UniverseConfig, "universe", paths["universe"], overrides)
    files.scanners = _load_all(files, ScannerConfig, "scanner", paths["scanner"], overrides)
    files.sleeves = _load_all(files, SleeveConfig, "sleeve", paths["sleeve"], overrides)
    files.metas = _load_all(files, MetaConfig, "meta", paths["meta"], overrides)
    for name in sorted(set(files.sleeves.names) & set(files.metas.names)):
        files.error(
            "CFG_NAME", paths["meta"][name], f"a sleeve is called {name!r} too", "both become groups: rename one"
        )
    return files


def _find(files: Files, kind: str) -> dict[str, Path]:
    """Files of a kind by name, sorted; one whose name starts with ``_`` is only there to be extended."""
    folder = files.configs_dir / FOLDERS[kind]
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path.name.startswith("_"):
            continue
        if not is_name(path.stem) or path.stem in RESERVED_NAMES:
            reason = "is a name of the platform's own" if path.stem in RESERVED_NAMES else "is not a valid name"
            files.error(
                "CFG_NAME",
                path,
                f"{path.stem!r} {reason}",
                "name it with a lower-case letter, then lower-case letters, digits and _, at most 64",
            )
            continue
        found[path.stem] = path
    return found


def _load_all(
    files: Files, model: type[M], kind: str, paths: Mapping[str, Path], overrides: Mapping[tuple[str, str], Node]
) -> Loaded[M]:
    loaded: Loaded[M] = Loaded(names=tuple(sorted(paths)))
    for name in loaded.names:
        try:
            node = load_with_parents(paths[name], files.show, files.configs_dir)
        except YamlError as error:
            files.findings.append(error.finding())
            continue
        except InvalidConfigError as error:
            files.findings.extend(error.findings)
            continue
        override = overrides.get((kind, name))
        if override is not None:
            node = merge(node, override)
        loaded.nodes[name] = node
        value, findings = build(model, node, name or None)
        files.findings.extend(findings)
        if value is not None:
            loaded.models[name] = value
    return loaded
