"""What can be wrong with the configuration, as facts a program can sort and sentences a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from quant_lib.errors import QuantError


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The project does not load."""
    WARNING = "warning"
    """It loads and does something its author hardly meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the configuration.

    Parameters
    ----------
    code : str
        Stable code, ``CFG_…``; see ``docs/decisions/0008-configuration.md``.
    severity : Severity
        Whether the project refuses to load.
    file : str
        File as shown to the user, or ``environment NAME``.
    line : int
        Line in that file from 1; 0 where the whole file is meant.
    key : str
        Dotted key, ``""`` for the file itself.
    message : str
        What is wrong.
    fix : str
        What to do about it.
    """

    code: str
    severity: Severity
    file: str
    line: int
    key: str
    message: str
    fix: str = ""

    @property
    def where(self) -> str:
        """``file:line:key``, without the parts that do not apply."""
        return ":".join(part for part in (self.file, str(self.line) if self.line else "", self.key) if part)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" + (f"; {self.fix}" if self.fix else "") + f" [{self.code}]"


@dataclass(eq=False)
class YamlError(QuantError):
    """A YAML file that the door refuses."""

    file: str
    line: int
    key: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        where = ":".join(part for part in (self.file, str(self.line) if self.line else "", self.key) if part)
        return f"{where}: {self.problem}" + (f"; {self.remedy}" if self.remedy else "")

    @property
    def fix(self) -> str:
        """What to write instead."""
        return self.remedy

    def finding(self) -> Finding:
        """Return the same as a lint finding."""
        return Finding("CFG_LOAD", Severity.ERROR, self.file, self.line, self.key, self.problem, self.remedy)


@dataclass(eq=False)
class InvalidConfigError(QuantError):
    """The configuration does not hold together; ``findings`` lists every error, not only the first."""

    findings: tuple[Finding, ...]

    def __str__(self) -> str:
        if len(self.findings) == 1:
            return str(self.findings[0])
        return "\n".join([f"{len(self.findings)} errors in the configuration:", *(f"  {f}" for f in self.findings)])


@dataclass(eq=False)
class UnknownProfileError(QuantError):
    """A name for which there is no file."""

    kind: str
    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return f"there is no {self.kind} named {self.name!r}{did_you_mean(self.name, self.known)}; known: {known}"

    @property
    def matches(self) -> tuple[str, ...]:
        """Known names that look like the one asked for, best first."""
        return close_matches(self.name, self.known)


def close_matches(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Known words nearest to `word`, best first, at most three."""
    # A word of a thousand letters resembles nothing, and comparing it is what would be slow.
    folded: dict[str, str] = {}
    for one in sorted(known):
        folded.setdefault(one.casefold(), one)
    exact = [word] if word in folded.values() else []
    near = [folded[one] for one in difflib.get_close_matches(word[:200].casefold(), list(folded), n=3, cutoff=0.6)]
    return tuple(dict.fromkeys([*exact, *near]))[:3]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` or nothing."""
    matches = close_matches(word, known)
    return f", did you mean {matches[0]!r}?" if matches else ""
