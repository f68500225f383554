"""Settings and configuration, loaded together."""

from __future__ import annotations

from quant_resources.config import Project, load_project
from quant_resources.settings import Settings, load_settings


def load_configured() -> tuple[Settings, Project]:
    """Load this machine's settings and the project, environment overrides included."""
    settings = load_settings()
    return settings, load_project(settings.configs_dir, environment=settings.config_environment)
