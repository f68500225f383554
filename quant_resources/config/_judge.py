"""Collects findings about one file, each at the line of the key it concerns."""

from __future__ import annotations

from dataclasses import dataclass, field

from quant_resources.config.errors import Finding, Severity
from quant_resources.config.node import Node, dotted

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Judge:
    """Findings about one file.

    Parameters
    ----------
    node : Node
        The file's values, which know their lines.
    findings : list of Finding
        What was found so far.
    """

    node: Node
    findings: list[Finding] = field(default_factory=list)

    def error(self, code: str, path: Path, message: str, fix: str = "") -> None:
        """Record an error at `path`, or at the nearest key above it that the file writes."""
        self._add(code, Severity.ERROR, path, message, fix)

    def warn(self, code: str, path: Path, message: str, fix: str = "") -> None:
        """Record a warning likewise."""
        self._add(code, Severity.WARNING, path, message, fix)

    def _add(self, code: str, severity: Severity, path: Path, message: str, fix: str) -> None:
        at = self.node.nearest(path)
        self.findings.append(Finding(code, severity, at.source, at.line, dotted(path), message, fix))
