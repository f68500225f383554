"""The whole configuration as one frozen value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from quant_lib.errors import MissingDataError
from quant_resources.config._files import FOLDERS, Files, read_files
from quant_resources.config._judge import Judge
from quant_resources.config._lists import (
    MarketCapFile,
    MembershipFile,
    SymbolFile,
    beside,
    read_market_caps,
    read_membership,
    read_symbols,
)
from quant_resources.config._meta import MetaConfig
from quant_resources.config._meta_rules import judge_meta
from quant_resources.config._platform import PlatformConfig
from quant_resources.config._scanner import ScannerConfig
from quant_resources.config._scanner_rules import judge_scanner, judge_twins, judge_universe
from quant_resources.config._scope_rules import judge_scope
from quant_resources.config._screen_rules import judge_files
from quant_resources.config._sleeve import SleeveConfig
from quant_resources.config._sleeve_rules import Known, judge_platform, judge_sleeve
from quant_resources.config._universe import UniverseConfig
from quant_resources.config.errors import Finding, InvalidConfigError, Severity, UnknownProfileError
from quant_resources.config.node import Node

T = TypeVar("T")
_NOT_DECISIVE = {"description", "owners", "tags"}
"""Keys that say something about a file without changing what it decides."""


@dataclass(frozen=True, slots=True)
class ResolvedValue:
    """One effective value.

    Parameters
    ----------
    key : str
        Dotted key, such as ``sleeve.selection.top_n``.
    value : Any
        The value, as JSON would hold it.
    origin : str
        ``file:line``, ``environment NAME`` or ``default``.
    """

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Every value that a sleeve's decisions rest on, with where it comes from.

    Parameters
    ----------
    name : str
        The sleeve.
    config_hash : str
        SHA-256 over all of them; what is computed carries it.
    values : tuple of ResolvedValue
        The sleeve's own values, then those of its scanners, their universes and the platform.
    """

    name: str
    config_hash: str
    values: tuple[ResolvedValue, ...]

    def __getitem__(self, key: str) -> ResolvedValue:
        """Value by dotted key; KeyError where there is none."""
        for value in self.values:
            if value.key == key:
                return value
        raise KeyError(key)


@dataclass(frozen=True)
class Project:
    """Everything the configuration folder says.

    Parameters
    ----------
    configs_dir : Path
        The folder.
    platform : PlatformConfig
        What holds for every sleeve.
    universes, scanners, sleeves, metas : mapping
        By name, sorted.
    """

    configs_dir: Path
    platform: PlatformConfig
    universes: Mapping[str, UniverseConfig]
    scanners: Mapping[str, ScannerConfig]
    sleeves: Mapping[str, SleeveConfig]
    metas: Mapping[str, MetaConfig]
    nodes: Mapping[tuple[str, str], Node] = field(repr=False, compare=False)

    def sleeve(self, name: str) -> SleeveConfig:
        """Sleeve by name; UnknownProfileError, with what comes near, where there is none."""
        return _get(self.sleeves, "sleeve", name)

    def scanner(self, name: str) -> ScannerConfig:
        """Scanner by name, likewise."""
        return _get(self.scanners, "scanner", name)

    def universe(self, name: str) -> UniverseConfig:
        """Universe by name, likewise."""
        return _get(self.universes, "universe", name)

    def meta(self, name: str) -> MetaConfig:
        """Meta by name, likewise."""
        return _get(self.metas, "meta", name)

    def scanners_of(self, name: str) -> tuple[ScannerConfig, ...]:
        """Scanners of a sleeve, in the order it lists them."""
        return tuple(self.scanners[scanner] for scanner in self.sleeve(name).scanners)

    def universes_of(self, name: str) -> tuple[UniverseConfig, ...]:
        """Universes that a sleeve chooses from, sorted by name."""
        return tuple(self.universes[one] for one in sorted({scanner.universe for scanner in self.scanners_of(name)}))

    def member_lists(self, scanner: ScannerConfig) -> tuple[SymbolFile, ...]:
        """Dated lists of members that a scanner is restricted to: its own, else its universe's.

        Raises
        ------
        MissingDataError
            The universe means nothing without a list, and has none.
        """
        universe = self.universes[scanner.universe]
        for kind, config, key in (("scanner", scanner, "include_symbol_files"), ("universe", universe, "symbol_files")):
            node = self.nodes[kind, config.name].nearest((key,))
            names: tuple[str, ...] = getattr(config, key)
            if names:
                return tuple(read_symbols(beside(self.configs_dir, node, name, FOLDERS[kind])) for name in names)
        if universe.needs_symbol_file and not universe.symbols and universe.membership_file is None:
            raise MissingDataError(
                f"the list of members of universe {universe.name}",
                "symbol_files is empty",
                f"write a dated list and name it in symbol_files of {FOLDERS['universe']}/{universe.name}.yaml",
            )
        return ()

    def membership(self, universe: UniverseConfig) -> MembershipFile | None:
        """Stays of the members of a universe, where it names their file."""
        if universe.membership_file is None:
            return None
        node = self.nodes["universe", universe.name].nearest(("membership_file",))
        return read_membership(beside(self.configs_dir, node, universe.membership_file, FOLDERS["universe"]))

    def named_symbols(self, universe: UniverseConfig) -> frozenset[str] | None:
        """Every symbol a universe ever named, on whatever day; None where it takes all that its rules admit."""
        stays, node = self.membership(universe), self.nodes["universe", universe.name].nearest(("symbol_files",))
        lists = [
            read_symbols(beside(self.configs_dir, node, name, FOLDERS["universe"])) for name in universe.symbol_files
        ]
        if not (universe.symbols or universe.needs_symbol_file or stays or lists):
            return None
        named = {symbol for one in lists for symbol in one.symbols} | {row[0] for row in (stays.rows if stays else ())}
        return frozenset({*universe.symbols, *universe.include_symbols, *named} - {*universe.exclude_symbols})

    def market_caps(self, scanner: ScannerConfig) -> MarketCapFile | None:
        """Market-cap file of a scanner, where it names one."""
        asked = scanner.market_cap
        if asked is None or asked.file is None:
            return None
        node = self.nodes["scanner", scanner.name].nearest(("market_cap", "file"))
        return read_market_caps(beside(self.configs_dir, node, asked.file, FOLDERS["scanner"]))

    def _outside(self, scanner: ScannerConfig) -> list[str]:
        """Content of the files a scanner reads, as text to hash."""
        membership = self.membership(self.universes[scanner.universe])
        return [repr(self.member_lists(scanner)), repr(self.market_caps(scanner)), repr(membership)]

    def config_hash(self, name: str) -> str:
        """SHA-256 of everything that a sleeve's decisions rest on: itself, its scanners, their universes, the platform.

        Descriptions, owners and tags are left out; they decide nothing.
        """
        return _sha256(
            {
                "platform": _decisive(self.platform),
                "files": [self._outside(scanner) for scanner in self.scanners_of(name)],
                "scanners": [_decisive(scanner) for scanner in self.scanners_of(name)],
                "sleeve": _decisive(self.sleeve(name)),
                "universes": [_decisive(universe) for universe in self.universes_of(name)],
            }
        )

    def resolve_meta(self, name: str) -> Resolved:
        """Every value of a meta and of the sleeves and metas below it, with their origin.

        Raises
        ------
        UnknownProfileError
            Where there is no such meta.
        """
        values: list[ResolvedValue] = []
        waiting, done = [name], set()
        while waiting:
            one = waiting.pop(0)
            if one in done:
                continue
            done.add(one)
            meta = self.meta(one)
            values += _values("meta" if one == name else f"meta.{one}", meta, self.nodes["meta", one])
            waiting += [member.meta for member in meta.sleeves if member.meta]
            for profile in [member.profile for member in meta.sleeves if member.profile]:
                prefix = f"sleeve.{profile}"
                values.append(
                    ResolvedValue(f"{prefix}.config_hash", self.config_hash(profile), f"sleeves/{profile}.yaml")
                )
        decisive = {value.key: value.value for value in values if value.key.rsplit(".", 1)[-1] not in _NOT_DECISIVE}
        return Resolved(name, _sha256(decisive), tuple(values))

    def resolve_sleeve(self, name: str) -> Resolved:
        """Every effective value of a sleeve with its origin.

        Raises
        ------
        UnknownProfileError
            Where there is no such sleeve.
        """
        parts: list[tuple[str, BaseModel, Node]] = [("sleeve", self.sleeve(name), self.nodes["sleeve", name])]
        for scanner in self.scanners_of(name):
            parts.append((f"scanner.{scanner.name}", scanner, self.nodes["scanner", scanner.name]))
        for universe in self.universes_of(name):
            parts.append((f"universe.{universe.name}", universe, self.nodes["universe", universe.name]))
        parts.append(("platform", self.platform, self.nodes["platform", ""]))
        values = tuple(value for prefix, model, node in parts for value in _values(prefix, model, node))
        return Resolved(name, self.config_hash(name), values)


def load_project(configs_dir: Path, *, environment: Mapping[str, str] | None = None) -> Project:
    """Read and judge the whole configuration.

    Parameters
    ----------
    configs_dir : Path
        Folder with ``platform.yaml``, ``universes``, ``scanners`` and ``sleeves``.
    environment : mapping of str to str, optional
        Environment variables that may set values (``QUANT_SLEEVES__<NAME>__…``);
        `quant_resources.settings.Settings.environment` holds them. None are read by default.

    Returns
    -------
    Project

    Raises
    ------
    InvalidConfigError
        With every error found, each with file, line and key.
    """
    project, findings = assemble(configs_dir, environment or {})
    errors = tuple(finding for finding in findings if finding.severity is Severity.ERROR)
    if project is None or errors:
        raise InvalidConfigError(errors)
    return project


def assemble(configs_dir: Path, environment: Mapping[str, str]) -> tuple[Project | None, list[Finding]]:
    """Read and judge the configuration without raising.

    Returns
    -------
    Project or None
        None where the platform file did not load.
    list of Finding
        Errors and warnings, sorted by file and line.
    """
    files = read_files(configs_dir, environment)
    findings = sorted(files.findings + _judge_all(files), key=lambda one: (one.file, one.line, one.key, one.code))
    platform = files.platform.models.get("")
    if platform is None:
        return None, findings
    nodes = {("platform", ""): files.platform.nodes[""]}
    for kind, loaded in (
        ("universe", files.universes),
        ("scanner", files.scanners),
        ("sleeve", files.sleeves),
        ("meta", files.metas),
    ):
        nodes.update({(kind, name): node for name, node in loaded.nodes.items()})
    project = Project(
        configs_dir=configs_dir,
        platform=platform,
        universes=MappingProxyType(files.universes.models),
        scanners=MappingProxyType(files.scanners.models),
        sleeves=MappingProxyType(files.sleeves.models),
        metas=MappingProxyType(files.metas.models),
        nodes=MappingProxyType(nodes),
    )
    return project, findings


def config_hash(config: BaseModel) -> str:
    """SHA-256 of one configuration model as canonical JSON, without description, owners and tags."""
    return _sha256(_decisive(config))


def _judge_all(files: Files) -> list[Finding]:
    judges: list[Judge] = []

    def judge(node: Node) -> Judge:
        judges.append(Judge(node))
        return judges[-1]

    platform = files.platform.models.get("")
    if platform is not None:
        judge_platform(platform, judge(files.platform.nodes[""]), files.universes.names)
    for name, universe in files.universes.models.items():
        universe_judge = judge(files.universes.nodes[name])
        judge_universe(universe, universe_judge)
        judge_files(universe, universe_judge, files.configs_dir)
    scanner_judges = {name: judge(files.scanners.nodes[name]) for name in files.scanners.models}
    for name, scanner in files.scanners.models.items():
        judge_scanner(scanner, scanner_judges[name], files.universes.names)
        judge_files(scanner, scanner_judges[name], files.configs_dir)
        judge_scope(scanner, files.universes.models.get(scanner.universe), scanner_judges[name])
    judge_twins(files.scanners.models, files.sleeves.models, scanner_judges)
    known = Known(platform, files.universes.names, files.scanners.names, files.scanners.models, files.universes.models)
    for name, sleeve in files.sleeves.models.items():
        judge_sleeve(sleeve, judge(files.sleeves.nodes[name]), known)
    for name, meta in files.metas.models.items():
        judge_meta(
            meta,
            judge(files.metas.nodes[name]),
            sleeves=files.sleeves.models,
            sleeve_names=files.sleeves.names,
            metas=files.metas.models,
            meta_names=files.metas.names,
        )
    return [finding for one in judges for finding in one.findings]


def _get(values: Mapping[str, T], kind: str, name: str) -> T:
    if name not in values:
        raise UnknownProfileError(kind, name, tuple(values))
    return values[name]


def _decisive(config: BaseModel) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude=_NOT_DECISIVE)


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _values(prefix: str, config: BaseModel, node: Node) -> Iterator[ResolvedValue]:
    def walk(key: str, value: Any, found: Node | None) -> Iterator[ResolvedValue]:
        if isinstance(value, dict) and value:
            for name, child in value.items():
                yield from walk(f"{key}.{name}", child, found.child(name) if found is not None else None)
            return
        yield ResolvedValue(key, value, found.where if found is not None else "default")

    for name, value in config.model_dump(mode="json", exclude={"name"}).items():
        yield from walk(f"{prefix}.{name}", value, node.child(name))
