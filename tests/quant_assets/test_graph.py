"""The asset graph as one reviewed text, and what every asset must carry."""

from pathlib import Path

import dagster as dg
import pytest

from quant_assets import keys
from quant_assets.build import build_definitions
from quant_assets.configured import load_configured

GOLDEN = Path(__file__).parent / "graph.txt"


@pytest.fixture(scope="module")
def graph():
    return build_definitions(*load_configured()).resolve_asset_graph()


def describe(graph) -> str:
    lines = []
    for key in sorted(graph.get_all_asset_keys(), key=lambda k: k.path):
        node = graph.get(key)
        lines.append(
            f"{key.to_user_string()} [{node.group_name}] <- {', '.join(sorted(k.to_user_string() for k in node.parent_keys))}"
        )
        lines += [f"  check {check.name}" for check in sorted(node.check_keys)]
    return "\n".join(lines) + "\n"


def test_the_graph_is_the_reviewed_one(graph):
    assert describe(graph) == GOLDEN.read_text()


def test_every_asset_is_described_owned_and_shares_the_calendar(graph):
    nodes = [graph.get(key) for key in graph.get_all_asset_keys()]
    assert len({node.partitions_def for node in nodes}) == 1
    for node in nodes:
        assert node.description
        assert node.owners
        assert node.kinds
        assert node.check_keys
        assert node.tags["flow"] in {"dataops", "alpha"}


def test_decisions_do_not_hold_the_network():
    """Alpha assets do not declare the market: only discovery and ingestion do."""
    for assets in build_definitions(*load_configured()).assets or []:
        step = assets.key.path[-1]
        network = "tradingview" in assets.required_resource_keys
        assert network == (step in {"instruments", "ohlcv", "ohlcv_repair", "technicals", "candidates"}), step


def test_definitions_hold_together():
    dg.Definitions.validate_loadable(build_definitions(*load_configured()))
    assert keys.sleeve_key("p", "weights").to_user_string() == "p/weights"
