"""What a folder of recorded bars lists, and on which venue."""

from __future__ import annotations

from pathlib import Path

from quant_resources.market.errors import ListingsError


def read_listings(file: Path) -> dict[str, str]:
    """Read which symbols a folder lists: one ``EXCHANGE:TICKER`` a line, ``#`` begins a comment.

    Recorded files often say ``AAPL`` and not where it trades. A list of members of a
    universe has the same form and serves as well.

    Returns
    -------
    dict of str to str
        Full name by ticker, and by full name.

    Raises
    ------
    ListingsError
        It is missing, empty, holds what is no symbol, or lists a ticker on two venues.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ListingsError(file, str(error)) from error
    names: dict[str, str] = {}
    for line in filter(None, (line.partition("#")[0].strip().upper() for line in lines)):
        venue, _, ticker = line.partition(":")
        if not venue or not ticker:
            raise ListingsError(file, f"{line!r} is no symbol")
        if names.get(ticker, line) != line:
            raise ListingsError(file, f"{ticker} is listed as {names[ticker]} and as {line}")
        names[ticker] = names[line] = line
    if not names:
        raise ListingsError(file, "it lists nothing")
    return names
