"""Everything that is wrong or pointless in the configuration, for `quant config lint`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from quant_resources.config._files import FOLDERS, SUFFIX
from quant_resources.config.errors import Finding, Severity, YamlError
from quant_resources.config.node import Node
from quant_resources.config.project import Project, assemble
from quant_resources.config.yaml_door import load_yaml


def lint(configs_dir: Path, *, environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Judge a configuration folder and the environment.

    Parameters
    ----------
    configs_dir : Path
        Folder with ``platform.yaml``, ``universes``, ``scanners`` and ``sleeves``.
    environment : mapping of str to str, optional
        Environment variables, those of this process by default. ``.env`` beside the folder is read under them.

    Returns
    -------
    list of Finding
        Errors first, then by file and line; empty where nothing is wrong.
    """
    from quant_resources.settings import effective_environment, lint_environment

    variables = os.environ if environment is None else environment
    project_dir = configs_dir.resolve().parent
    values = effective_environment(project_dir, variables)
    project, findings = assemble(configs_dir, values)
    if any(finding.severity is Severity.ERROR for finding in findings):
        project = None  # what a broken file would have used cannot be told
    findings += _stray(configs_dir)
    findings += _abstract(configs_dir, project)
    if project is not None:
        findings += _unused(project)
    findings += lint_environment(project_dir, variables)
    return sorted(findings, key=lambda one: (one.severity is not Severity.ERROR, one.file, one.line, one.key, one.code))


def _stray(configs_dir: Path) -> list[Finding]:
    """Files that look like configuration and are not read."""
    findings = []
    for path in sorted(configs_dir.rglob("*")):
        inside = path.relative_to(configs_dir)
        home = inside.parent.as_posix()
        read = (home == "." and inside.name == "platform.yaml") or (home in FOLDERS.values() and path.suffix == SUFFIX)
        if path.is_file() and not read and path.suffix.lower() in (".yaml", ".yml"):
            folders = ", ".join(f"{configs_dir.name}/{folder}" for folder in FOLDERS.values())
            findings.append(
                _whole(
                    "CFG_STRAY_FILE",
                    _show(configs_dir, path),
                    "nothing reads this file",
                    f"move it to {folders} as *.yaml",
                )
            )
    return findings


def _abstract(configs_dir: Path, project: Project | None) -> list[Finding]:
    """Judge the files that are only there to be extended: are they sound, is any of their values used."""
    used = {source for node in (project.nodes.values() if project else ()) for source in _sources(node)}
    findings = []
    for folder in FOLDERS.values():
        for path in sorted((configs_dir / folder).glob(f"_*{SUFFIX}")):
            shown = _show(configs_dir, path)
            if shown in used:
                continue
            try:
                load_yaml(path, name=shown)
            except YamlError as error:
                findings.append(error.finding())
                continue
            if project is not None:
                findings.append(
                    _whole("CFG_DEAD_FILE", shown, "no value of this file is used", "extend it, or remove it")
                )
    return findings


def _sources(node: Node) -> set[str]:
    found = {leaf.source for _, leaf in node.leaves()}
    for _, leaf in node.leaves():
        for item in leaf.items:
            found |= _sources(item)
    return found


def _unused(project: Project) -> list[Finding]:
    scanners = {name for sleeve in project.sleeves.values() for name in sleeve.scanners}
    universes = {*project.platform.follow, *(scanner.universe for scanner in project.scanners.values())}
    findings = [
        _unused_file(project, "scanner", name, "no sleeve uses this scanner")
        for name, scanner in project.scanners.items()
        if name not in scanners and not scanner.standalone
    ]
    findings += [
        _unused_file(project, "universe", name, "nothing follows or scans this universe")
        for name in project.universes
        if name not in universes
    ]
    return findings


def _unused_file(project: Project, kind: str, name: str, message: str) -> Finding:
    return _whole(
        "CFG_DEAD_FILE",
        f"{project.configs_dir.resolve().name}/{FOLDERS[kind]}/{name}{SUFFIX}",
        message,
        "use it, or remove it",
    )


def _whole(code: str, file: str, message: str, fix: str) -> Finding:
    return Finding(code, Severity.WARNING, file, 0, "", message, fix)


def _show(configs_dir: Path, path: Path) -> str:
    return f"{configs_dir.resolve().name}/{path.relative_to(configs_dir).as_posix()}"
