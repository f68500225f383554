"""`quant up` and `quant down`: market, code server, Dagster's webserver and daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quant_assets import home
from quant_assets.cli.console import command, fail, out

if TYPE_CHECKING:
    from quant_resources.settings import Settings

HOST = "127.0.0.1"
START_SECONDS = 120.0


def _state_file(settings: Settings) -> Path:
    return settings.home / "up.json"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def _alive(pid: int, started: float) -> bool:
    """Whether a process of ours still runs; a recycled pid has another start time."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return False
    return fields[0] != "Z" and abs(float(fields[19]) - started) < 1.0


def _started(pid: int) -> float:
    return float(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])


class _Services:
    """Starts processes in their own sessions, remembers them, and stops what was started."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.running: dict[str, dict[str, float]] = {}

    def start(self, name: str, arguments: list[str], *, port: int | None = None) -> None:
        log = (self.settings.logs_dir / f"{name}.log").open("ab")
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=self.settings.project,
            env=self.environment,
            start_new_session=True,
        )
        self.running[name] = {"pid": process.pid, "started": _started(process.pid)}
        _state_file(self.settings).write_text(json.dumps(self.running))
        deadline = time.monotonic() + START_SECONDS
        while port is not None and not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                stop(self.settings)
                fail(f"{name} did not start; its log is {self.settings.logs_dir / f'{name}.log'}", code=1)
            time.sleep(0.2)


def stop(settings: Settings) -> int:
    """Stop every process `quant up` started; return how many were running."""
    path = _state_file(settings)
    if not path.exists():
        return 0
    services = json.loads(path.read_text())
    alive = {name: entry for name, entry in services.items() if _alive(int(entry["pid"]), entry["started"])}
    for entry in reversed(list(alive.values())):
        os.killpg(int(entry["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + 15.0
    while time.monotonic() < deadline and any(_alive(int(e["pid"]), e["started"]) for e in alive.values()):
        time.sleep(0.1)
    for entry in alive.values():
        if _alive(int(entry["pid"]), entry["started"]):
            os.killpg(int(entry["pid"]), signal.SIGKILL)
    path.unlink()
    return len(alive)


@command
def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web page on 127.0.0.1.")] = 3000,
) -> None:
    """Start the market (where embedded), Dagster's webserver and daemon, and say where the page is."""
    from quant_assets.configured import load_configured

    settings, _ = load_configured()
    if _answers(port):
        fail(
            f"something already listens on {HOST}:{port}; stop it (`quant down` if it is ours) or choose --port", code=1
        )
    dagster_home = home.prepare_home(settings)
    services = _Services(settings)
    if not settings.market_url:
        market = _free_port()
        as_of = ["--as-of", settings.market_as_of] if settings.market_as_of else []
        arguments = [
            "-m",
            "quant_assets.cli",
            "market",
            "serve",
            "--port",
            str(market),
            "--source",
            settings.market_source,
        ]
        services.start("market", [*arguments, *as_of], port=market)
        services.environment["QUANT_MARKET_URL"] = f"http://{HOST}:{market}"
    # One code server for webserver and daemon: two would disagree after a reload.
    code = _free_port()
    arguments = ["code-server", "start", "-m", "quant_assets.definitions", "-h", HOST, "-p", str(code)]
    services.start("code-server", ["-m", "dagster", *arguments], port=code)
    workspace = dagster_home / "workspace.yaml"
    workspace.write_text(f"load_from:\n  - grpc_server: {{host: {HOST}, port: {code}, location_name: quant_assets}}\n")
    services.start("daemon", ["-m", "dagster._daemon", "run", "-w", str(workspace)])
    services.start(
        "webserver", ["-m", "dagster_webserver", "-h", HOST, "-p", str(port), "-w", str(workspace)], port=port
    )
    out.print(f"Dagster is at http://{HOST}:{port}   (logs in {settings.logs_dir}; stop it with: quant down)")


@command
def down() -> None:
    """Stop what `quant up` started."""
    from quant_resources.settings import load_settings

    stopped = stop(load_settings())
    out.print(f"stopped {stopped} processes" if stopped else "nothing was running")
