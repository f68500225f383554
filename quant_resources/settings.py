"""Settings of this machine: where things are and which market to ask.

What a portfolio does stands in the YAML files; what differs between machines stands here. Each setting has one
environment variable, ``QUANT_<NAME>``. The environment wins over ``.env`` in the project folder, and ``.env`` over
the defaults. Secrets come from the environment alone: a secret in ``.env`` is an error.

The project folder is the parent of ``QUANT_CONFIGS_DIR`` where that is set, else the nearest folder above the
working directory that holds ``configs/platform.yaml``, else the nearest one above this package. Other relative
paths start at the project folder.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from quant_lib.errors import QuantError
from quant_resources.config._overrides import is_override
from quant_resources.config.errors import Finding, Severity, did_you_mean

PREFIX = "QUANT_"
ENV_FILE = ".env"
SECRETS = (
    "QUANT_ALERT_WEBHOOK",
    "QUANT_TRADINGVIEW_SESSIONID",
    "QUANT_TRADINGVIEW_SESSIONID_SIGN",
    "QUANT_TRADINGVIEW_TOKEN",
)
"""Variables that are read from the environment and from nowhere else."""
_CONFIGS = "configs"
_CONFIGS_VARIABLE = "QUANT_CONFIGS_DIR"
_PATHS = ("home", "configs_dir", "shared_data")
_ONE_SOURCE = r"(synthetic(:[0-9]{1,9})?|parquet:.+)"
_SOURCE = re.compile(rf"{_ONE_SOURCE}(,{_ONE_SOURCE})*", re.ASCII)


@dataclass(eq=False)
class InvalidSettingError(QuantError):
    """A setting with a value that it cannot have."""

    variable: str
    origin: str
    problem: str

    def __str__(self) -> str:
        return f"{self.variable} ({self.origin}): {self.problem}"


@dataclass(eq=False)
class ProjectNotFoundError(QuantError):
    """No folder with a configuration."""

    start: Path

    def __str__(self) -> str:
        return f"no folder above {self.start} holds {_CONFIGS}/platform.yaml; {self.fix}"

    @property
    def fix(self) -> str:
        """How to say where the project is."""
        return "change into the project folder, or set QUANT_CONFIGS_DIR"


def _market_url(value: str) -> str:
    if value in ("", "embedded"):
        return ""
    return value if value in ("live", "off") else _address(value, "embedded, live, off")


def _address(value: str, words: str) -> str:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not value.isprintable() or " " in value:
        raise ValueError(f"must be {words}, or a URL such as http://127.0.0.1:8787")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be a URL without a login, query or fragment")
    return value.rstrip("/")


def _exchange_url(value: str) -> str:
    if value in ("", "off"):
        return ""
    return value if value == "live" else _address(value, "live, off")


def _market_source(value: str) -> str:
    if _SOURCE.fullmatch(value) is None:
        raise ValueError("must be synthetic, synthetic:SEED or parquet:FOLDER, or several with commas between")
    return value


def _market_as_of(value: str) -> str:
    if not value:
        return value
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a date such as 2022-06-30, or an instant such as 2022-06-30T12:00:00+00:00") from None
    if len(value) != len("2022-06-30") and moment.utcoffset() is None:
        raise ValueError("must say its time zone, for example 2022-06-30T12:00:00+00:00")
    return value


MarketUrl: TypeAlias = Annotated[str, AfterValidator(_market_url)]
ExchangeUrl: TypeAlias = Annotated[str, AfterValidator(_exchange_url)]
MarketSource: TypeAlias = Annotated[str, AfterValidator(_market_source)]
MarketAsOf: TypeAlias = Annotated[str, AfterValidator(_market_as_of)]


class Settings(BaseSettings):
    """Where things are and which market to ask. Create it with `load_settings`, which explains what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, validate_default=False
    )

    home: Path = Field(
        description="QUANT_HOME: lakehouse, artifacts, Dagster storage and logs; `.quant` in the project."
    )
    configs_dir: Path = Field(description="QUANT_CONFIGS_DIR: configuration files; `configs` in the project.")
    market_url: MarketUrl = Field(
        "", description="QUANT_MARKET_URL: empty or `embedded`, `live` for TradingView, a server's URL, or `off`."
    )
    market_source: MarketSource = Field(
        "synthetic",
        description="QUANT_MARKET_SOURCE: what the embedded market serves: synthetic[:SEED], parquet:FOLDER; several "
        "with commas between.",
    )
    market_as_of: MarketAsOf = Field(
        "", description="QUANT_MARKET_AS_OF: last closed day of the embedded market, or its instant; empty: now."
    )
    market_rate: float = Field(
        0.0,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        description="QUANT_MARKET_RATE: requests a second that all processes of a home together send to the market; "
        "0: 10 to the world, no limit inside the machine.",
    )
    workers: int = Field(
        0, ge=0, le=256, description="QUANT_WORKERS: processes a step may use; 0: as many as there are processors."
    )
    binance_url: ExchangeUrl = Field(
        "", description="QUANT_BINANCE_URL: second source of the catalogue. Empty or `off`, `live`, or a server's URL."
    )
    shared_data: Path | None = Field(None, description="QUANT_SHARED_DATA: recorded market data that tests may read.")
    alert_webhook: SecretStr = Field(
        SecretStr(""), description="QUANT_ALERT_WEBHOOK: address that is told of failed runs; empty: nobody is."
    )
    tradingview_token: SecretStr = Field(SecretStr(""), description="QUANT_TRADINGVIEW_TOKEN; empty: anonymous.")
    tradingview_sessionid: SecretStr = Field(
        SecretStr(""), description="QUANT_TRADINGVIEW_SESSIONID; empty: anonymous."
    )
    tradingview_sessionid_sign: SecretStr = Field(SecretStr(""), description="QUANT_TRADINGVIEW_SESSIONID_SIGN.")

    _config_environment: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def project(self) -> Path:
        """Folder that holds the configuration folder."""
        return self.configs_dir.parent

    @property
    def lakehouse_dir(self) -> Path:
        """Root of the lakehouse."""
        return self.home / "lakehouse"

    @property
    def artifacts_dir(self) -> Path:
        """Reports and other files for people."""
        return self.home / "artifacts"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage (DAGSTER_HOME)."""
        return self.home / "dagster"

    @property
    def logs_dir(self) -> Path:
        """Log files."""
        return self.home / "logs"

    @property
    def config_environment(self) -> Mapping[str, str]:
        """Variables that set configuration values, for `quant_resources.config.load_project`."""
        return dict(self._config_environment)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then ``.env`` of the project."""
        del dotenv_settings, file_secret_settings
        env_file = _project_folder(Path.cwd()) / ENV_FILE
        return init_settings, env_settings, DotEnvSettingsSource(settings_cls, env_file=env_file)

    @model_validator(mode="before")
    @classmethod
    def _place(cls, values: Any) -> Any:
        """Fill in the folders and make every path absolute."""
        if not isinstance(values, dict):
            return values
        project = _project_folder(Path.cwd())
        # Given relative, the configuration folder starts at the working directory: it is what defines the project.
        configs = project / Path(values.get("configs_dir") or _CONFIGS).name
        placed = {"home": project / ".quant", **values, "configs_dir": configs}
        for name in _PATHS:
            value = placed.get(name)
            if value == "":
                raise ValueError(f"{PREFIX}{name.upper()}: must name a folder; unset it for the default")
            if value is not None:
                placed[name] = (project / Path(value).expanduser()).resolve()
        return placed


def load_settings() -> Settings:
    """Read the settings.

    Returns
    -------
    Settings
        With absolute paths. Nothing is created.

    Raises
    ------
    InvalidSettingError
        A malformed value or a secret in ``.env``, in one line that names the variable.
    ProjectNotFoundError
        No configuration anywhere.
    """
    project = _project_folder(Path.cwd())
    from_file = _env_file(project)
    for variable in SECRETS:
        if from_file.get(variable):
            raise InvalidSettingError(variable, ENV_FILE, "a secret comes from the environment only; remove it here")
    if from_file.get(_CONFIGS_VARIABLE):
        raise InvalidSettingError(
            _CONFIGS_VARIABLE, ENV_FILE, "this file lies beside the folder it would name; export it"
        )
    try:
        settings = Settings()
    except ValidationError as error:
        raise _explain(error, from_file) from None
    settings._config_environment.update(
        {name: text for name, text in effective_environment(project, os.environ).items() if is_override(name)}
    )
    return settings


def effective_environment(project: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of the platform: those of ``.env`` under those of the environment, secrets of ``.env`` left out."""
    merged = {name: text for name, text in _env_file(project).items() if name not in SECRETS}
    merged.update({name: text for name, text in environment.items() if name.startswith(PREFIX)})
    return merged


def lint_environment(project: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Variables that mean nothing, and secrets where they do not belong.

    Parameters
    ----------
    project : Path
        Folder with ``.env``.
    environment : mapping of str to str
        Environment variables.

    Returns
    -------
    list of Finding
        ``CFG_ENV_UNKNOWN`` warnings and ``CFG_ENV_SECRET`` errors.
    """
    known = sorted(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)
    from_file = _env_file(project)
    findings = [
        Finding(
            "CFG_ENV_SECRET",
            Severity.ERROR,
            ENV_FILE,
            0,
            name,
            "a secret comes from the environment only",
            "remove it here",
        )
        for name in SECRETS
        if from_file.get(name)
    ]
    for name in sorted(effective_environment(project, environment)):
        if name in known or is_override(name):
            continue
        where = f"environment {name}" if name in environment else ENV_FILE
        key = "" if name in environment else name
        hint = did_you_mean(name, known)
        findings.append(
            Finding(
                "CFG_ENV_UNKNOWN",
                Severity.WARNING,
                where,
                0,
                key,
                f"nothing reads this variable{hint}",
                f"known: {', '.join(known)}, and QUANT_PLATFORM__…, QUANT_SLEEVES__…",
            )
        )
    return findings


def _env_file(project: Path) -> dict[str, str]:
    """Variables of the platform in ``.env``."""
    path = project / ENV_FILE
    try:
        values = dotenv_values(path, encoding="utf-8") if path.is_file() else {}
    except UnicodeDecodeError:
        raise InvalidSettingError(ENV_FILE, str(path), "it is not UTF-8 text; save it as UTF-8") from None
    return {name: text for name, text in values.items() if name.startswith(PREFIX) and text is not None}


def _project_folder(start: Path) -> Path:
    named = os.environ.get(_CONFIGS_VARIABLE)
    if named:
        return Path(named).expanduser().resolve().parent
    for origin in (start, Path(__file__).parent):
        for folder in (origin.resolve(), *origin.resolve().parents):
            if (folder / _CONFIGS / "platform.yaml").is_file():
                return folder
    raise ProjectNotFoundError(start)


def _explain(error: ValidationError, from_file: Mapping[str, str]) -> InvalidSettingError:
    detail = error.errors(include_url=False, include_input=False)[0]
    message = str(detail.get("ctx", {}).get("error", detail["msg"]))
    variable, separator, problem = message.partition(": ")
    if not (separator and variable.startswith(PREFIX)):
        variable, problem = PREFIX + "_".join(str(step) for step in detail["loc"]).upper(), message
    origin = "environment" if variable in os.environ else ENV_FILE if variable in from_file else "default"
    text = os.environ.get(variable, from_file.get(variable, ""))
    # What was put into a URL by mistake may be a password.
    text = re.sub(r"[?#].*", "", re.sub(r"//.*@", "//****@", text)) if "//" in text else text
    shown = "" if variable in SECRETS or not text else f", it reads {text[:60]!r}"
    return InvalidSettingError(variable, origin, f"{problem}{shown}")
