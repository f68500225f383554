"""``universes/*.yaml``: which symbols there are to choose from."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from quant_resources.config._screens import FileName
from quant_resources.config._types import Code, Codes, ConfigModel, Name, Symbols, Text, Unique

AssetType: TypeAlias = Literal["spot", "perp", "equity", "etf", "futures", "forex", "index"]


class UniverseConfig(ConfigModel):
    """Broad membership: everything of a venue that ingestion follows and scanners choose from."""

    name: Name = Field(description="Name of the file, without .yaml.")
    description: Text = Field(description="What it holds, in a sentence.")
    market: Literal["crypto", "america", "forex", "futures"] = Field(description="The vendor's market.")
    exchanges: Annotated[tuple[Code, ...], Unique, Field(min_length=1)] = Field(
        description="Venues, as in EXCHANGE:TICKER."
    )
    asset_types: Annotated[tuple[AssetType, ...], Unique, Field(min_length=1)] = Field(
        description="Kinds of instrument."
    )
    quotes: Codes = Field((), description="Quote currencies admitted; none given: every one.")
    exclude_stable_bases: bool = Field(True, description="Leave out pairs whose base is cash (USDC, EUR, ...).")
    symbols: Symbols = Field(
        (), description="Exactly these symbols, a static list; none given: all that the rules admit."
    )
    symbol_files: Annotated[tuple[FileName, ...], Unique] = Field(
        (),
        description="Dated lists of members, relative to the file that names them: a line `# as_of: YYYY-MM-DD`, "
        "a line `# source: ...`, then one symbol a line. A day uses the newest list that was known by then.",
    )
    before_first_list: Literal["refuse", "first_list"] = Field(
        "refuse",
        description="What a day before the oldest of symbol_files is judged by: nothing, which refuses it, or that "
        "list all the same; candidates and reports then say survivorship: unknown.",
    )
    membership_file: FileName | None = Field(
        None,
        description="In place of lists, every stay of every member: a line `# source: ...`, then rows "
        "symbol,from,to,known_at; `to` is the first day it belongs no more, empty while it stays.",
    )
    needs_symbol_file: bool = Field(
        False, description="Whether it means nothing without either: it is then refused, never left unrestricted."
    )
    include_symbols: Symbols = Field((), description="Symbols that belong whatever the rules above say.")
    exclude_symbols: Symbols = Field((), description="Symbols that never belong.")
