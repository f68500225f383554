"""Settings: where they come from, what they refuse, and that secrets stay secret."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from quant_resources import settings as module
from quant_resources.config import Severity, lint, load_project
from quant_resources.settings import (
    InvalidSettingError,
    ProjectNotFoundError,
    Settings,
    lint_environment,
    load_settings,
)

ROOT = Path(__file__).parents[2]
CANARY = "canary-7f3a91-secret"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, as working directory, in an environment without the platform's variables."""
    for name in [name for name in os.environ if name.startswith("QUANT_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "my project"
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "platform.yaml").write_text("start_date: 2018-01-01\nfollow: [spot]\n")
    monkeypatch.chdir(folder)
    return folder.resolve()


def test_defaults(project: Path) -> None:
    settings = load_settings()
    assert settings.project == project
    assert settings.home == project / ".quant"
    assert settings.configs_dir == project / "configs"
    assert (settings.market_url, settings.market_source, settings.market_as_of) == ("", "synthetic", "")
    assert settings.shared_data is None
    assert settings.lakehouse_dir == project / ".quant" / "lakehouse"
    assert settings.artifacts_dir == project / ".quant" / "artifacts"
    assert settings.dagster_home == project / ".quant" / "dagster"
    assert settings.logs_dir == project / ".quant" / "logs"
    assert not settings.home.exists()  # reading settings creates nothing
    assert settings.tradingview_token.get_secret_value() == ""


def test_precedence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".env").write_text("QUANT_MARKET_URL=live\nQUANT_MARKET_SOURCE=synthetic:7\n")
    assert load_settings().market_url == "live"
    monkeypatch.setenv("QUANT_MARKET_URL", "http://127.0.0.1:8787/")
    settings = load_settings()
    assert settings.market_url == "http://127.0.0.1:8787"
    assert settings.market_source == "synthetic:7"
    assert Settings(market_source="synthetic:9").market_source == "synthetic:9"


@pytest.mark.parametrize("value", ["", "embedded"])
def test_an_empty_market_url_in_the_environment_beats_env_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Or a forgotten .env would send a run to the live market."""
    (project / ".env").write_text("QUANT_MARKET_URL=live\n")
    monkeypatch.setenv("QUANT_MARKET_URL", value)
    assert load_settings().market_url == ""


def test_found_from_a_folder_below(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = project / "notebooks" / "deep"
    below.mkdir(parents=True)
    (project / ".env").write_text("QUANT_MARKET_SOURCE=synthetic:7\n")
    (below / ".env").write_text("QUANT_MARKET_SOURCE=synthetic:8\n")
    monkeypatch.chdir(below)
    assert load_settings().project == project
    assert load_settings().market_source == "synthetic:7"


def test_found_from_the_package(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    assert load_settings().project == ROOT


def test_no_project_anywhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    monkeypatch.setattr(module, "__file__", str(outside / "quant_resources" / "settings.py"))
    with pytest.raises(ProjectNotFoundError, match="set QUANT_CONFIGS_DIR"):
        load_settings()


@pytest.mark.parametrize("relative", [True, False])
def test_configs_dir_names_the_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    other = tmp_path / "other"
    (other / "yaml").mkdir(parents=True)
    (other / ".env").write_text("QUANT_MARKET_SOURCE=synthetic:7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUANT_CONFIGS_DIR", "other/yaml" if relative else str(other / "yaml"))
    settings = load_settings()
    assert settings.configs_dir == other.resolve() / "yaml"
    assert settings.home == other.resolve() / ".quant"
    assert settings.market_source == "synthetic:7"


def test_paths_are_absolute_and_relative_ones_start_at_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    below = project / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    monkeypatch.setenv("QUANT_HOME", "data/../state")
    monkeypatch.setenv("QUANT_SHARED_DATA", "../shared/data")
    settings = load_settings()
    assert settings.home == project / "state"
    assert settings.shared_data == project.parent / "shared" / "data"
    monkeypatch.setenv("QUANT_HOME", str(tmp_path / "abs"))
    assert load_settings().home == (tmp_path / "abs").resolve()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("QUANT_HOME", "~/q")
    assert load_settings().home == (tmp_path / "q").resolve()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MARKET_URL", "live"),
        ("MARKET_URL", "https://market.example.com:8443/base"),
        ("MARKET_SOURCE", "parquet:/data/bars"),
        ("MARKET_SOURCE", "synthetic:0"),
        ("MARKET_AS_OF", "2022-06-30"),
        ("MARKET_AS_OF", "2022-06-30T12:00:00+00:00"),
        ("MARKET_AS_OF", "2022-06-30T12:00:00Z"),
    ],
)
def test_good_values(project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"QUANT_{name}", value)
    assert getattr(load_settings(), name.lower()) == value


@pytest.mark.parametrize("variable", ["QUANT_MARKET_URL", "QUANT_BINANCE_URL"])
@pytest.mark.parametrize(
    "url", ["http://bob:s3cret@x", "http://bob:s@s3cret@x/y", "https://x/?token=s3cret", "ftp://x#s3cret"]
)
def test_a_login_in_a_url_is_refused_and_not_repeated(
    project: Path, monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    with pytest.raises(InvalidSettingError) as caught:
        load_settings()
    assert variable in str(caught.value)
    assert "s3cret" not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize("where", ["environment", ".env"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MARKET_URL", "127.0.0.1:8787", "must be embedded, live, off, or a URL such as http://127.0.0.1:8787"),
        ("MARKET_URL", "Live", "must be embedded, live, off, or a URL"),
        ("MARKET_URL", "ftp://x", "must be embedded, live, off, or a URL"),
        ("MARKET_URL", "http://", "must be embedded, live, off, or a URL"),
        ("MARKET_URL", "http://x:99999", "must be embedded, live, off, or a URL"),
        ("MARKET_URL", "http://x:y", "must be embedded, live, off, or a URL"),
        ("MARKET_URL", "http://user:pw@x", "without a login"),
        ("BINANCE_URL", "embedded", "must be live, off, or a URL such as http://127.0.0.1:8787"),
        ("BINANCE_URL", "binance", "must be live, off, or a URL"),
        ("MARKET_URL", "http://x/?a=b", "without a login, query"),
        ("MARKET_SOURCE", "sythetic", "must be synthetic, synthetic:SEED or parquet:FOLDER"),
        ("MARKET_SOURCE", "synthetic:x", "must be synthetic"),
        ("MARKET_SOURCE", "parquet:", "must be synthetic"),
        ("MARKET_SOURCE", "", "must be synthetic"),
        ("MARKET_AS_OF", "yesterday", "must be a date"),
        ("MARKET_AS_OF", "2022-02-30", "must be a date"),
        ("MARKET_AS_OF", "2022-06-30T12:00:00", "must say its time zone"),
        ("HOME", "", "must name a folder"),
        ("SHARED_DATA", "", "must name a folder"),
    ],
)
def test_malformed_values_are_one_line_that_names_the_variable(
    project: Path, monkeypatch: pytest.MonkeyPatch, where: str, name: str, value: str, words: str
) -> None:
    if where == "environment":
        monkeypatch.setenv(f"QUANT_{name}", value)
    else:
        (project / ".env").write_text(f"QUANT_{name}={value}\n")
    with pytest.raises(InvalidSettingError) as caught:
        load_settings()
    text = str(caught.value)
    assert text.startswith(f"QUANT_{name} ({where}): ")
    assert words in text
    assert "\n" not in text
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_env_file_that_is_not_text(project: Path) -> None:
    (project / ".env").write_bytes(b"QUANT_HOME=\xff\xfe\n")
    with pytest.raises(InvalidSettingError, match="not UTF-8"):
        load_settings()


def test_env_file_cannot_move_the_folder_it_lies_beside(project: Path) -> None:
    (project / ".env").write_text("QUANT_CONFIGS_DIR=/elsewhere\n")
    with pytest.raises(InvalidSettingError, match=r"QUANT_CONFIGS_DIR \(\.env\)"):
        load_settings()


# --- secrets (S-S1) ----------------------------------------------------------------------------------------------

SECRETS = ["QUANT_TRADINGVIEW_TOKEN", "QUANT_TRADINGVIEW_SESSIONID", "QUANT_TRADINGVIEW_SESSIONID_SIGN"]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_show_nowhere(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(name, CANARY)
    settings = load_settings()
    field = name.removeprefix("QUANT_").lower()
    assert getattr(settings, field).get_secret_value() == CANARY
    monkeypatch.setenv("QUANT_MARKET_URL", "nonsense")
    with pytest.raises(InvalidSettingError) as caught:
        load_settings()
    findings = lint_environment(project, os.environ)
    shown = [
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
        str(settings.config_environment),
        "".join(traceback.format_exception(caught.value)),
        "".join(map(str, findings)),
        caplog.text,
    ]
    assert not [text for text in shown if CANARY in text]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_a_file_is_refused_without_showing_it(project: Path, name: str) -> None:
    (project / ".env").write_text(f"{name}={CANARY}\n")
    with pytest.raises(InvalidSettingError) as caught:
        load_settings()
    assert str(caught.value) == f"{name} (.env): a secret comes from the environment only; remove it here"
    findings = lint_environment(project, {})
    assert [(one.code, one.severity, one.where) for one in findings] == [
        ("CFG_ENV_SECRET", Severity.ERROR, f".env:{name}")
    ]
    assert CANARY not in "".join(map(str, findings))


# --- what lint says about the environment ------------------------------------------------------------------------


def test_unknown_variables_are_warned_about(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".env").write_text("QUANT_HOM=x\nOTHER=y\n")
    environment = {
        "QUANT_MARKET_ULR": "live",
        "QUANT_HOME": "x",
        "QUANT_PLATFORM__START_DATE": "2019-01-01",
        "PATH": "x",
    }
    findings = lint_environment(project, environment)
    assert [(one.code, one.severity, one.where) for one in findings] == [
        ("CFG_ENV_UNKNOWN", Severity.WARNING, ".env:QUANT_HOM"),
        ("CFG_ENV_UNKNOWN", Severity.WARNING, "environment QUANT_MARKET_ULR"),
    ]
    assert "did you mean 'QUANT_HOME'?" in str(findings[0])
    assert "did you mean 'QUANT_MARKET_URL'?" in str(findings[1])
    for name, value in environment.items():
        if name.startswith("QUANT_"):
            monkeypatch.setenv(name, value)
    load_settings()  # a warning does not stop anything


def test_lint_reads_this_process_and_env_file_by_default(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANT_NONSENSE", "1")
    (project / ".env").write_text("QUANT_PLATFORM__FOLLOW=[perp]\n")
    found = {(one.code, one.where) for one in lint(project / "configs")}
    assert found == {
        ("CFG_ENV_UNKNOWN", "environment QUANT_NONSENSE"),
        ("CFG_REFERENCE", "environment QUANT_PLATFORM__FOLLOW:follow[0]"),
    }


def test_config_values_reach_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "configs" / "universes").mkdir()
    (project / "configs" / "universes" / "spot.yaml").write_text(
        "description: x\nmarket: crypto\nexchanges: [BINANCE]\nasset_types: [spot]\nquotes: [USDT]\n"
    )
    (project / ".env").write_text("QUANT_PLATFORM__START_DATE=2019-01-01\nQUANT_PLATFORM__RATINGS__RULESET=pine3\n")
    monkeypatch.setenv("QUANT_PLATFORM__START_DATE", "2020-01-01")
    settings = load_settings()
    loaded = load_project(settings.configs_dir, environment=settings.config_environment)
    assert str(loaded.platform.start_date) == "2020-01-01"
    assert loaded.platform.ratings.ruleset == "pine3"


def test_frozen(project: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().home = Path("x")  # type: ignore[misc]


def test_time_zone_changes_nothing(project: Path) -> None:
    code = "import sys; from quant_resources.settings import load_settings; sys.stdout.write(repr(load_settings()))"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=project,
            env={**os.environ, "TZ": zone, "PYTHONPATH": str(ROOT), "QUANT_MARKET_AS_OF": "2022-06-30"},
        ).stdout
        for zone in ("UTC", "Asia/Kolkata", "America/New_York")
    }
    assert len(seen) == 1
