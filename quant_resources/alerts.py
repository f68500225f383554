"""Tell people that a run failed: a webhook whose address is a secret."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Final, Protocol

import dagster as dg
import orjson
from pydantic import Field

from quant_lib.errors import QuantError
from quant_resources.settings import SECRETS
from quant_resources.tradingview._secret import MASK, Secret
from quant_resources.tradingview.models import host_of, is_loopback

WEBHOOK_VARIABLE: Final = "QUANT_ALERT_WEBHOOK"
_LONGEST_CAUSE: Final = 1000


@dataclass(eq=False)
class AlertNotSentError(QuantError):
    """The webhook did not take an alert."""

    where: str
    detail: str

    def __str__(self) -> str:
        return f"the alert could not be sent to {self.where} ({self.detail}); {self.fix}"

    @property
    def fix(self) -> str:
        """What to check."""
        return f"check the address in {WEBHOOK_VARIABLE}: https, or http on this machine"


@dataclass(frozen=True)
class Alert:
    """What happened, for people and machines.

    Attributes
    ----------
    job, run_id : str
        Failed run.
    partition : str
        Date or dates it was for; empty for none.
    step : str
        Failed step; empty where the run failed as a whole.
    cause : str
        First error of the chain.
    at : datetime
        When, UTC.
    """

    job: str
    run_id: str
    partition: str
    step: str
    cause: str
    at: dt.datetime

    @property
    def text(self) -> str:
        """Return the whole in a sentence; chat services show this field."""
        of = f" of {self.partition}" if self.partition else ""
        where = f" at {self.step}" if self.step else ""
        return f"{self.job}{of} failed{where}: {self.cause}"

    def document(self, environment: Mapping[str, str]) -> bytes:
        """JSON with the text and every field, secrets of the environment masked."""
        fields = {**asdict(self), "at": self.at.isoformat(), "text": self.text}
        return orjson.dumps({name: masked(str(value), environment) for name, value in fields.items()})


def masked(text: str, environment: Mapping[str, str]) -> str:
    """Replace every secret of the platform in a text by asterisks."""
    for name in SECRETS:
        value = environment.get(name, "").strip()
        text = text.replace(value, MASK) if value else text
    return text


def shortened(cause: str) -> str:
    """Cut a cause to what fits an alert, on one line."""
    line = " ".join(cause.split())
    return line if len(line) <= _LONGEST_CAUSE else f"{line[: _LONGEST_CAUSE - 1]}…"


class Notifier(Protocol):
    """Takes alerts somewhere."""

    def send(self, alert: Alert) -> bool:
        """Send an alert; False where there is nowhere to send it to."""


@dataclass(frozen=True)
class NowhereNotifier:
    """No webhook is set: the alert stays in Dagster."""

    def send(self, alert: Alert) -> bool:
        """Do nothing and say so."""
        del alert
        return False


@dataclass(frozen=True)
class WebhookNotifier:
    """Posts alerts as JSON.

    Attributes
    ----------
    url : Secret
        Address; it is never shown, only its host is.
    timeout : float
        Seconds for one try.
    attempts : int
        Tries, with pauses of 1, 2, 4 ... seconds.
    pause : callable
        Waits some seconds; for tests.
    """

    url: Secret
    timeout: float = 10.0
    attempts: int = 3
    pause: Callable[[float], None] = time.sleep

    def send(self, alert: Alert) -> bool:
        """Post the alert.

        Raises
        ------
        AlertNotSentError
            After all attempts, or at once where the address is not secure.
        """
        where = host_of(self.url.reveal()) or "nowhere"
        if not self.url.reveal().startswith("https://") and not is_loopback(self.url.reveal()):
            raise AlertNotSentError(where, "the address is not https")
        body = alert.document(os.environ)
        failure = ""
        for attempt in range(self.attempts):
            failure = asyncio.run(self._post(body))
            if not failure:
                return True
            if attempt + 1 < self.attempts:
                self.pause(2.0**attempt)
        raise AlertNotSentError(where, failure)

    async def _post(self, body: bytes) -> str:
        """Return what went wrong, or nothing. The library's errors may hold the address: only their names are told."""
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=self.timeout)
        headers = {"Content-Type": "application/json"}
        trust = not is_loopback(self.url.reveal())
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=trust) as session,
                session.post(self.url.reveal(), data=body, headers=headers, allow_redirects=False) as response,
            ):
                return "" if response.status < 300 else f"HTTP {response.status}"
        except TimeoutError:
            return f"no answer within {self.timeout:g} s"
        except aiohttp.ClientError as error:
            return type(error).__name__


class AlertsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where alerts go. The address is no configuration: it is read from the environment when an alert is sent."""

    variable: ClassVar[str] = WEBHOOK_VARIABLE
    timeout: float = Field(default=10.0, description="Seconds for one try.")
    attempts: int = Field(default=3, description="Tries.")

    def notifier(self) -> Notifier:
        """Return the webhook, or a notifier that goes nowhere where none is set."""
        url = os.environ.get(self.variable, "").strip()
        return WebhookNotifier(Secret(url), self.timeout, self.attempts) if url else NowhereNotifier()
