"""The one root of every error the platform raises on purpose.

An error says what was wrong, where, and what to do next. Subclasses are
dataclasses: their fields are the facts, and ``__str__`` is the sentence a user
reads. Catch `QuantError` at a named boundary (one per CLI command, one per
asset) and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass


class QuantError(Exception):
    """Root of all errors raised on purpose."""

    @property
    def fix(self) -> str:
        """What the user can do next; empty where the sentence already says it."""
        return ""


@dataclass(eq=False)
class InvalidKeyError(QuantError):
    """A partition key, profile name or symbol that is not one."""

    kind: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.value!r} is not a valid {self.kind}: {self.reason}"


@dataclass(eq=False)
class MissingDataError(QuantError):
    """Something a step needs is not there. It is never replaced by a default."""

    what: str
    where: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} is missing ({self.where}); {self.remedy}"

    @property
    def fix(self) -> str:
        """The command or step that would produce it."""
        return self.remedy
