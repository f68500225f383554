"""One factory: a sleeve file becomes a chain of assets."""

from __future__ import annotations

import dagster as dg

from quant_assets.alpha.backtest import backtest_asset
from quant_assets.alpha.context import SleeveContext
from quant_assets.alpha.decision import returns_matrix_asset, selection_asset, strategy_returns_asset, weights_asset
from quant_assets.alpha.discovery import candidates_asset, foundation_asset
from quant_assets.alpha.regime import regime_asset
from quant_assets.alpha.report import report_asset
from quant_resources.config import Project, SleeveConfig


def sleeve_assets(
    project: Project, sleeve: SleeveConfig, partitions: dg.PartitionsDefinition[str]
) -> list[dg.AssetsDefinition]:
    """Every asset of one sleeve, in order."""
    chain = SleeveContext(project, sleeve, partitions)
    return [
        candidates_asset(chain),
        foundation_asset(chain),
        regime_asset(chain),
        returns_matrix_asset(chain),
        selection_asset(chain),
        strategy_returns_asset(chain),
        weights_asset(chain),
        backtest_asset(chain),
        report_asset(chain),
    ]
