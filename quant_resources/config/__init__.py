"""Configuration: YAML files, read through one door into frozen models, each value with its origin.

`load_project` reads and judges the whole folder or raises `InvalidConfigError` with every error; `lint` returns the
errors and warnings instead. Only pydantic and libyaml are imported here.
"""

from __future__ import annotations

from quant_resources.config._fields import OPERATIONS, SCREEN_FIELDS, ScreenField
from quant_resources.config._lint import lint
from quant_resources.config._platform import HealthConfig, IngestionConfig, PlatformConfig, RatingsConfig
from quant_resources.config._scanner import FilterConfig, ScannerConfig
from quant_resources.config._screen_rules import live_only_fields
from quant_resources.config._screens import ScreenConfig, VolatilityConfig
from quant_resources.config._selection import FiltersConfig, SelectionConfig
from quant_resources.config._sleeve import (
    AllocationConfig,
    BacktestConfig,
    CostsConfig,
    DataConfig,
    RiskConfig,
    SleeveConfig,
    TagsConfig,
)
from quant_resources.config._universe import UniverseConfig
from quant_resources.config.errors import Finding, InvalidConfigError, Severity, UnknownProfileError, YamlError
from quant_resources.config.node import Node
from quant_resources.config.project import (
    Project,
    Resolved,
    ResolvedValue,
    config_hash,
    load_project,
)
from quant_resources.config.yaml_door import load_yaml, parse_yaml

__all__ = [
    "OPERATIONS",
    "SCREEN_FIELDS",
    "AllocationConfig",
    "BacktestConfig",
    "CostsConfig",
    "DataConfig",
    "FilterConfig",
    "FiltersConfig",
    "Finding",
    "HealthConfig",
    "IngestionConfig",
    "InvalidConfigError",
    "Node",
    "PlatformConfig",
    "Project",
    "RatingsConfig",
    "Resolved",
    "ResolvedValue",
    "RiskConfig",
    "ScannerConfig",
    "ScreenConfig",
    "ScreenField",
    "SelectionConfig",
    "Severity",
    "SleeveConfig",
    "TagsConfig",
    "UniverseConfig",
    "UnknownProfileError",
    "VolatilityConfig",
    "YamlError",
    "config_hash",
    "lint",
    "live_only_fields",
    "load_project",
    "load_yaml",
    "parse_yaml",
]
