"""Where a session token comes from: the environment, or the web site in exchange for its cookies."""

from __future__ import annotations

from quant_resources.tradingview._http import open_http
from quant_resources.tradingview._retry import with_retries
from quant_resources.tradingview._secret import Credentials, Secret
from quant_resources.tradingview._socket import Login
from quant_resources.tradingview.errors import LoginExpiredError
from quant_resources.tradingview.models import Endpoints, Limits, Runtime, host_of


class LoginSource:
    """Hands out the login of a socket, and renews it once when it has expired.

    Parameters
    ----------
    credentials : Credentials
        From the environment. A token there is used as it is; cookies are exchanged
        for a token at ``{site}/quote_token/``; neither means anonymous access.
    endpoints, limits, runtime
        Where and how patiently to ask.
    """

    def __init__(self, credentials: Credentials, endpoints: Endpoints, limits: Limits, runtime: Runtime) -> None:
        self._credentials = credentials
        self._endpoints = endpoints
        self._limits = limits
        self._runtime = runtime
        self._token = credentials.token
        self._renewed = False

    async def login(self) -> Login:
        """Return what the next socket authenticates with."""
        if self._token is None and self._credentials.session_id is not None:
            self._token = await self._exchange_cookies()
        return Login(self._token, self._masked())

    def renew(self) -> bool:
        """Forget an expired token; tell whether another can be had. Works once."""
        if self._renewed or self._credentials.session_id is None:
            return False
        self._renewed = True
        self._token = None
        return True

    def _masked(self) -> Credentials:
        known = self._credentials
        return Credentials(self._token or known.token, known.session_id, known.session_sign)

    async def _exchange_cookies(self) -> Secret:
        url = f"{self._endpoints.site}/quote_token/"

        async def attempt() -> Secret:
            async with open_http(url, self._limits, self._runtime, self._credentials) as channel:
                answer = await channel.request("GET", url)
            if not isinstance(answer, str) or not answer:
                raise LoginExpiredError(host_of(url), "the session cookie gave no token")
            return Secret(answer)

        return await with_retries(
            attempt, attempts=self._limits.http_attempts, limits=self._limits, runtime=self._runtime
        )
