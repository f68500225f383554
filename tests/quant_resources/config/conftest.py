"""A small valid configuration that a test may break in one place."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from quant_resources.config import Finding, InvalidConfigError, Project, lint, load_project

FILES = {
    "platform.yaml": """
        start_date: 2018-01-01
        follow: [spot]
        benchmarks: ["BINANCE:BTCUSDT"]
        """,
    "universes/spot.yaml": """
        description: All spot pairs
        market: crypto
        exchanges: [BINANCE]
        asset_types: [spot]
        quotes: [USDT, USDC]
        """,
    "scanners/buys.yaml": """
        description: Buys
        universe: spot
        intent: LONG
        logic: rating_all
        filters:
          - {left: Recommend.All, operation: greater, right: 0}
        value_traded_min: 1000000
        volatility:
          min: 0.1
        sort_by: Recommend.All
        sort_order: desc
        """,
    "scanners/sells.yaml": """
        description: Sells
        universe: spot
        intent: SHORT
        logic: rating_all
        filters:
          - {left: Recommend.All, operation: less, right: 0}
        sort_by: Recommend.All
        sort_order: asc
        """,
    "sleeves/longs.yaml": """
        description: Long
        direction: LONG
        tags:
          venue: binance_spot
        scanners: [buys]
        selection:
          top_n: 5
        """,
    "sleeves/shorts.yaml": """
        description: Short
        direction: SHORT
        tags: {venue: binance_spot}
        scanners: [sells]
        """,
}


@dataclass(frozen=True)
class Configs:
    """A configuration folder on disk."""

    path: Path

    def write(self, name: str, text: str) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        target = self.path / name
        text = target.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        target.write_text(text.replace(old, new), encoding="utf-8")

    def add(self, name: str, text: str) -> None:
        """Append lines to a file."""
        target = self.path / name
        target.write_text(target.read_text(encoding="utf-8") + textwrap.dedent(text).lstrip("\n"), encoding="utf-8")

    def load(self, **environment: str) -> Project:
        return load_project(self.path, environment=environment)

    def lint(self, environment: Mapping[str, str] | None = None) -> list[Finding]:
        return lint(self.path, environment=environment or {})

    def errors(self, **environment: str) -> tuple[Finding, ...]:
        with pytest.raises(InvalidConfigError) as caught:
            load_project(self.path, environment=environment)
        return caught.value.findings

    def error(self, **environment: str) -> Finding:
        findings = self.errors(**environment)
        assert len(findings) == 1, "\n".join(map(str, findings))
        return findings[0]


@pytest.fixture
def configs(tmp_path: Path) -> Configs:
    """A valid configuration with one universe, two scanners and two sleeves."""
    made = Configs(tmp_path / "configs")
    for name, text in FILES.items():
        made.write(name, text)
    return made
