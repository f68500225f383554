"""Findings of the directional sign test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SignFinding:
    """One finding.

    Parameters
    ----------
    level : {"ERROR", "WARN"}
        Errors stop the sleeve.
    code : str
        ``SIGNTEST_…``, see semantics 10.8.
    symbol : str
        Physical symbol concerned, empty where the finding is about the whole.
    message : str
        What was found, with its figures.
    run_id : str
        Label of the caller.
    """

    level: Literal["ERROR", "WARN"]
    code: str
    symbol: str
    message: str
    run_id: str = ""


def error(code: str, message: str, symbol: object = "") -> SignFinding:
    """Make a finding that stops the sleeve."""
    return SignFinding("ERROR", code, str(symbol), message)


def warning(code: str, message: str, symbol: object = "") -> SignFinding:
    """Make a finding a person should read."""
    return SignFinding("WARN", code, str(symbol), message)
