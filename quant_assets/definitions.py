"""Everything Dagster knows of the platform. Loading it touches the configuration and nothing else."""

from quant_assets.loading import without_collection

with without_collection():
    from quant_assets.build import build_definitions
    from quant_assets.configured import load_configured

    defs = build_definitions(*load_configured())
