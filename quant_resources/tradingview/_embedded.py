"""The market servers this process runs for itself: one per source and clock, started when first needed."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from quant_resources.market import MarketServer

_LOCK: Final = threading.Lock()
_SERVERS: Final[dict[tuple[str, str], tuple[MarketServer, str]]] = {}


def embedded_market(source: str, as_of: str) -> str:
    """Return the address of the embedded market, starting it if this process has none yet.

    Parameters
    ----------
    source : str
        ``synthetic``, ``synthetic:SEED`` or ``parquet:FOLDER``.
    as_of : str
        A date (its close), an instant, or empty for the wall clock.

    Returns
    -------
    str
        Such as ``http://127.0.0.1:40123``. The server stops with the process.

    Raises
    ------
    quant_resources.market.MarketError
        When source or clock cannot be understood, or the server cannot start.
    """
    from quant_resources.market import MarketServer, parse_clock, parse_source

    with _LOCK:
        known = _SERVERS.get((source, as_of))
        if known is not None:
            return known[1]
        server = MarketServer(parse_source(source), parse_clock(as_of or None))
        url = server.start(port=0)
        atexit.register(server.stop)
        _SERVERS[source, as_of] = (server, url)
        return url
