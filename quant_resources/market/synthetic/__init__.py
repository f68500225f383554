"""A seeded, realistic crypto market that needs no file and no network."""

from __future__ import annotations

from quant_resources.market.synthetic._source import SyntheticSource

__all__ = ["SyntheticSource"]
