"""Reading a symbol: what is traded, against what, as which kind of contract (semantics 1.5).

A ticker is base plus quote written without a separator, so reading one means
deciding where to cut. Taking the longest quote that fits is right nearly always
(``BTCFDUSD`` is BTC in FDUSD, not BTCFD in USD) and wrong where the base ends in
the letters that make a longer quote out of a shorter one (``DOTUSD`` is not DO in
TUSD). Known bases decide those: a cut that leaves a known base beats one that
does not. One scalar function does the work and the column version maps it, so
the two cannot disagree.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from quant_lib.errors import InvalidKeyError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "KNOWN_BASES",
    "QUOTES",
    "STABLE_BASES",
    "USD_QUOTES",
    "ParsedSymbol",
    "parse_symbol",
    "parse_symbols",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STABLE_BASES: frozenset[str] = _words(
    "USDT USDC USD BUSD FDUSD TUSD DAI PAX USDP EUR GBP AUD CAD NZD BIDR IDR TRY BRL MXN ZAR ARS COP UST USTC "
    "CHF JPY AEUR FUSD FUSDT USDS ZUSD USDM"
)
"""Bases that are cash: stable coins and fiat (semantics 1.1)."""

USD_QUOTES: frozenset[str] = _words("USD USDT USDC FDUSD BUSD TUSD DAI PAX USDP")
"""Quotes read as one US dollar. UST is not among them: it lost its peg in May 2022."""

_FIAT = _words(
    "USD EUR GBP AUD CAD NZD CHF JPY TRY BRL MXN ZAR ARS COP IDR INR KRW HKD SGD THB VND PLN CZK HUF RON SEK NOK DKK "
    "RUB UAH NGN KZT ILS CNY CNH TWD MYR PHP SAR AED CLP PEN BGN ISK GEL"
)
_METALS = _words("XAU XAG XPT XPD")
_COIN_QUOTES = _words("BTC ETH BNB TRX XRP DOGE SOL DOT")
_STABLE_QUOTES = _words("USDS UST USD1 USDE EURI BIDR IDRT BKRW BVND VAI GYEN AEUR EURS BRZ")

QUOTES: tuple[str, ...] = tuple(
    sorted(USD_QUOTES | _FIAT | _COIN_QUOTES | _STABLE_QUOTES, key=lambda quote: (-len(quote), quote))
)
"""Every quote a ticker may end in, longest first."""

# Bases whose last letters turn the quote USD into TUSD or BUSD, IDR into BIDR or EUR into AEUR; and AR, since AR in
# BUSD and ARB in USD are written alike.
_AMBIGUOUS = _words(
    "DOT BAT GRT QNT ANT FET HNT LPT MNT FLT APT ACT NOT GMT JST HOT HFT IOST LIT NFT APENFT BNT OXT PNT SNT SXT TNT "
    "TWT VET WCT CAT GOAT PNUT AST DENT GHST BLAST TRUST WBT FTT CRPT NXT ROOT BNB SHIB ARB AR TRB BB MOB KUB BOB "
    "ADA LUNA TIA MANA ALPHA THETA KAVA BETA DATA GALA ALPACA SUPRA KAIA SAGA ZETA"
)

KNOWN_BASES: frozenset[str] = frozenset(QUOTES) | STABLE_BASES | _METALS | _AMBIGUOUS
"""Bases that settle a ticker with more than one possible cut."""

_NEVER_A_PERP_QUOTE = frozenset({"TUSD"})
_SPOT_WITHOUT_USD = frozenset({"BINANCE"})

_LISTING_VENUES = _words(
    "NASDAQ NYSE AMEX ARCA BATS CBOE OTC TSX TSXV CSE NEO LSE LSIN EURONEXT XETR FWB SIX BME MIL OMXSTO OMXCOP OMXHEX "
    "OSL TSE HKEX SSE SZSE NSE BSE KRX TWSE TPEX SGX ASX NZX JSE BMFBOVESPA BMV BCBA BIST GPW MOEX "
    "COMEX NYMEX CME CME_MINI CBOT CBOT_MINI ICEUS ICEEUR EUREX SP DJ TVC FRED CRYPTOCAP INDEX RUSSELL"
)
"""Venues whose tickers name one instrument and are never a pair."""

_SHAPE = re.compile(r"([A-Z0-9_]+):([A-Z0-9_.!\-]+)")
_CONTRACT = re.compile(r"\.[PF]$")
_DATED = (re.compile(r"[_-]?\d{6}$"), re.compile(r"-\d{1,2}[A-Z]{3}\d{2}$"), re.compile(r"[FGHJKMNQUVXZ](?:20)?\d{2}$"))
_MULTIPLIER = re.compile(r"(10{3,7})(?=[A-Z])")
_MILLION = re.compile(r"1M(?=[A-Z]{4})")


@dataclass(frozen=True, slots=True)
class ParsedSymbol:
    """A symbol taken apart.

    Parameters
    ----------
    exchange : str
        Venue prefix.
    ticker : str
        Everything after the colon, as traded.
    base : str
        What is bought, without multiplier digits; the ticker itself where it is not a pair.
    quote : str
        What it is paid in; ``""`` where the ticker does not say.
    perp : bool
        Perpetual contract (``.P``).
    multiplier : int
        Units of the base in one unit of the ticker (1000 for ``1000PEPEUSDT``).
    """

    exchange: str
    ticker: str
    base: str
    quote: str
    perp: bool
    multiplier: int


def parse_symbol(symbol: str, *, known_bases: Collection[str] = KNOWN_BASES) -> ParsedSymbol:
    """Take a symbol apart (semantics 1.5 with the correction of D15).

    Parameters
    ----------
    symbol : str
        ``EXCHANGE:TICKER`` in upper case.
    known_bases : collection of str
        Bases that decide between several possible cuts; pass the catalogue's own
        where it has them.

    Returns
    -------
    ParsedSymbol

    Raises
    ------
    InvalidKeyError
        Where `symbol` is not ``EXCHANGE:TICKER``.

    Examples
    --------
    >>> parse_symbol("BINANCE:1000PEPEUSDT.P")
    ParsedSymbol(exchange='BINANCE', ticker='1000PEPEUSDT.P', base='PEPE', quote='USDT', perp=True, multiplier=1000)
    """
    return _parse(symbol, known_bases if isinstance(known_bases, frozenset) else frozenset(known_bases))


def parse_symbols(symbols: Iterable[str], *, known_bases: Collection[str] = KNOWN_BASES) -> pd.DataFrame:
    """Take a column of symbols apart.

    Parameters
    ----------
    symbols : Series or iterable of str
        Symbols; a Series keeps its index.
    known_bases : collection of str
        See `parse_symbol`.

    Returns
    -------
    DataFrame
        Columns exchange, ticker, base, quote (str), perp (bool), multiplier (int64), aligned to `symbols`.

    Raises
    ------
    InvalidKeyError
        Where one of them is not ``EXCHANGE:TICKER``.
    """
    import pandas as pd  # the configuration reads single symbols, and must start without it

    column = symbols if isinstance(symbols, pd.Series) else pd.Series(list(symbols), dtype="str")
    known = frozenset(known_bases)
    parts = [_parse(symbol, known) for symbol in column]
    return pd.DataFrame(
        {
            "exchange": pd.array([part.exchange for part in parts], dtype="str"),
            "ticker": pd.array([part.ticker for part in parts], dtype="str"),
            "base": pd.array([part.base for part in parts], dtype="str"),
            "quote": pd.array([part.quote for part in parts], dtype="str"),
            "perp": pd.array([part.perp for part in parts], dtype=bool),
            "multiplier": pd.array([part.multiplier for part in parts], dtype="int64"),
        }
    ).set_axis(column.index, axis=0)


@functools.lru_cache(maxsize=65_536)
def _parse(symbol: str, known: frozenset[str]) -> ParsedSymbol:
    shape = _SHAPE.fullmatch(symbol) if isinstance(symbol, str) else None
    if shape is None:
        raise InvalidKeyError("symbol", str(symbol), "it must read EXCHANGE:TICKER in upper case")
    exchange, ticker = shape.groups()
    if exchange in _LISTING_VENUES:
        return ParsedSymbol(exchange, ticker, ticker, "", perp=False, multiplier=1)
    perp = ticker.endswith(".P")
    pair = _CONTRACT.sub("", ticker)
    base, quote = _split(pair, known, perp=perp, usd=perp or exchange not in _SPOT_WITHOUT_USD)
    base, multiplier = _strip_multiplier(base)
    return ParsedSymbol(exchange, ticker, base, quote, perp, multiplier)


def _split(pair: str, known: frozenset[str], *, perp: bool, usd: bool) -> tuple[str, str]:
    """Split a pair into base and quote, its delivery date taken off where that is what makes it a pair."""
    cut = _cut(pair, known, perp=perp, usd=usd)
    if cut is not None:
        return cut
    for pattern in _DATED:
        rest = pattern.sub("", pair)
        if rest != pair and (cut := _cut(rest, known, perp=perp, usd=usd)) is not None:
            return cut
    return pair, ""


def _cut(pair: str, known: frozenset[str], *, perp: bool, usd: bool) -> tuple[str, str] | None:
    if len(pair) == 6 and {pair[:3], pair[3:]} <= _FIAT | _METALS:
        return pair[:3], pair[3:]
    cuts = [(pair[: -len(quote)], quote) for quote in QUOTES if pair.endswith(quote) and len(pair) > len(quote)]
    if not cuts:
        return None
    named = [cut for cut in cuts if _strip_multiplier(cut[0])[0] in known]
    if named and not usd:
        named = [cut for cut in named if cut[1] != "USD" and cut[0] not in _FIAT] or named
    if named:
        return max(named, key=lambda cut: len(cut[0]))
    if perp:
        cuts = [cut for cut in cuts if cut[1] not in _NEVER_A_PERP_QUOTE] or cuts
    return cuts[0]  # QUOTES runs from the longest


def _strip_multiplier(base: str) -> tuple[str, int]:
    match = _MULTIPLIER.match(base)
    if match is not None:
        return base[match.end() :], int(match.group(1))
    match = _MILLION.match(base)
    if match is not None:
        return base[match.end() :], 1_000_000
    return base, 1
