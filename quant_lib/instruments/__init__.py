"""The instrument catalogue: values with their source, what is known of lost symbols, and its history."""

from __future__ import annotations

from quant_lib.instruments._coverage import MetadataCoverage, metadata_coverage
from quant_lib.instruments._lost import DARK_DAYS, carry_forward
from quant_lib.instruments._sourced import CLASS_DEFAULTS, SOURCED_VALUES, apply_defaults, decimals_of, supply, unknown
from quant_lib.instruments._versions import rewind, valid_on, versions_of

__all__ = [
    "CLASS_DEFAULTS",
    "DARK_DAYS",
    "SOURCED_VALUES",
    "MetadataCoverage",
    "apply_defaults",
    "carry_forward",
    "decimals_of",
    "metadata_coverage",
    "rewind",
    "supply",
    "unknown",
    "valid_on",
    "versions_of",
]
