"""Login secrets: read from the environment, shown to nobody."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

import orjson

TOKEN_VARIABLE: Final = "QUANT_TRADINGVIEW_TOKEN"  # noqa: S105  a variable's name
SESSION_VARIABLE: Final = "QUANT_TRADINGVIEW_SESSIONID"
SIGN_VARIABLE: Final = "QUANT_TRADINGVIEW_SESSIONID_SIGN"
MASK: Final = "****"
_LONGEST_TEXT: Final = 200


class Secret:
    """A text that prints as asterisks and refuses to be pickled.

    Parameters
    ----------
    value : str
        The secret itself; only `reveal` gives it back.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret. Call it where it is sent, and keep it in no variable."""
        return self._value

    def mask(self, text: str) -> str:
        """Replace the secret in a text by asterisks."""
        return text.replace(self._value, MASK) if self._value else text

    def expires_at(self) -> float | None:
        """Return the expiry of a JSON web token in Unix seconds; None where it states none."""
        parts = self._value.split(".")
        if len(parts) != 3:
            return None
        try:
            claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (binascii.Error, ValueError):
            return None
        expiry = claims.get("exp") if isinstance(claims, dict) else None
        return float(expiry) if isinstance(expiry, (int, float)) and not isinstance(expiry, bool) else None

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The login of one TradingView account; all None for anonymous access.

    Attributes
    ----------
    token : Secret or None
        The socket's session token (a JSON web token).
    session_id, session_sign : Secret or None
        The web site's cookies: the screener uses them, and a token can be asked for with them.
    """

    token: Secret | None = None
    session_id: Secret | None = None
    session_sign: Secret | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Credentials:
        """Read the login from the environment, its only source; empty variables count as unset."""
        source = os.environ if environment is None else environment

        def secret(name: str) -> Secret | None:
            value = source.get(name, "").strip()
            return Secret(value) if value else None

        return cls(secret(TOKEN_VARIABLE), secret(SESSION_VARIABLE), secret(SIGN_VARIABLE))

    @property
    def anonymous(self) -> bool:
        """Whether there is no login at all."""
        return self.token is None and self.session_id is None

    def mask(self, text: str) -> str:
        """Replace every secret of this login in a text by asterisks."""
        for secret in (self.token, self.session_id, self.session_sign):
            if secret is not None:
                text = secret.mask(text)
        return text

    def cookie(self) -> str | None:
        """Return the ``Cookie`` header, or None without a session."""
        if self.session_id is None:
            return None
        sign = "" if self.session_sign is None else f"; sessionid_sign={self.session_sign.reveal()}"
        return f"sessionid={self.session_id.reveal()}{sign}"


def clean_text(text: object, credentials: Credentials) -> str:
    """Make text from a server fit for an error: masked, on one line, printable, short.

    Parameters
    ----------
    text : object
        Anything; what is no text is shown as Python would.
    credentials : Credentials
        The login whose secrets must not appear.

    Returns
    -------
    str
        At most 200 characters.
    """
    masked = credentials.mask(text if isinstance(text, str) else repr(text))
    printable = "".join(character if character.isprintable() else " " for character in masked[: 4 * _LONGEST_TEXT])
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[: _LONGEST_TEXT - 1]}…"
