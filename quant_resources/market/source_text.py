"""A market's sources, read from text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from quant_resources.market.errors import SourceSyntaxError
from quant_resources.market.sources import MarketSource

_BETWEEN: Final = re.compile(r",(?=(?:synthetic|parquet)(?::|,|$))")
"""Where one source of a text ends and the next begins; other commas belong to a folder's name."""
_OPTIONS: Final = ("exchange", "asset_type", "listings")


def parse_source(text: str, *, exchange: str = "BINANCE", asset_type: str = "spot") -> MarketSource:
    """Read a source from text.

    Parameters
    ----------
    text : str
        ``synthetic``, ``synthetic:SEED`` or ``parquet:FOLDER``; a folder may carry
        ``?exchange=NASDAQ&asset_type=equity&listings=FILE``, which goes before the parameters
        below (``listings``: see `quant_resources.market.listings`). Several, with
        commas between, are one market.
    exchange : str
        Venue given to Parquet symbols that name none.
    asset_type : str
        What Parquet symbols are: spot, swap, equity, etf, forex, futures or index.

    Returns
    -------
    MarketSource

    Raises
    ------
    SourceSyntaxError
        When the text is none of these.
    MarketError
        When a Parquet folder cannot be served, or two sources hold one symbol; the subclass says why.
    """
    parts = _BETWEEN.split(text)
    if len(parts) > 1:
        from quant_resources.market.combined import CombinedSource

        return CombinedSource([parse_source(part, exchange=exchange, asset_type=asset_type) for part in parts])
    kind, _, argument = text.partition(":")
    if kind == "synthetic":
        from quant_resources.market.synthetic import SyntheticSource

        if not argument:
            return SyntheticSource()
        if not (argument.isascii() and argument.isdigit()):
            raise SourceSyntaxError(text, "the seed is not a whole number")
        return SyntheticSource(seed=int(argument))
    if kind == "parquet":
        from quant_resources.market.parquet import ParquetSource

        folder, written = _read_options(text, argument)
        options: dict[str, Any] = {"exchange": exchange, "asset_type": asset_type, **written}
        if "listings" in options:
            options["listings"] = Path(options["listings"]).expanduser()
        return ParquetSource(Path(folder).expanduser(), **options)
    raise SourceSyntaxError(text, f"{kind!r} is no kind of source")


def _read_options(text: str, argument: str) -> tuple[str, dict[str, str]]:
    """Split ``FOLDER?key=value&…`` into the folder and its options."""
    folder, _, query = argument.partition("?")
    if not folder:
        raise SourceSyntaxError(text, "the folder is missing")
    options: dict[str, str] = {}
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        if key not in _OPTIONS or not value:
            raise SourceSyntaxError(text, f"{part!r} is none of {', '.join(f'{name}=…' for name in _OPTIONS)}")
        options[key] = value
    return folder, options
