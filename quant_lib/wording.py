"""Figures as a person reads them."""

from __future__ import annotations

_LARGE = 10_000.0
"""From here on digits after the point tell nothing, and thousands want a separator."""


def figure(value: float, digits: int = 4) -> str:
    """Write a number in a sentence: ``12,345`` from ten thousand on, so many significant digits below."""
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.{digits}g}"
