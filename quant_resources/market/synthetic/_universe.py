"""The synthetic market's listings: which assets, in which quotes, from when to when.

Tickers and names are those of real assets so that configurations written for the
real venue run unchanged. Prices, dates and events are invented.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from quant_resources.market.instruments import Instrument

EXCHANGE: Final = "BINANCE"
EPOCH: Final = dt.date(2020, 1, 1)
"""First day of the synthetic market."""

SECTORS: Final = ("store", "l1", "l2", "defi", "meme", "game", "ai", "infra")

# code name sector price(USD at listing) turnover(million USD a day, USDT pair) listed quotes
# Quotes: P perpetual, C USDC, F FDUSD, T TRY, I IDR, B BUSD, J JPY.
_ASSETS: Final = """
BTC Bitcoin store 7200 1800 2020-01-01 PCFTIBJ
ETH Ethereum l1 130 1100 2020-01-01 PCFTIB
BNB BNB l1 13.7 310 2020-01-01 PCFTB
XRP XRP store 0.193 360 2020-01-01 PCFT
SOL Solana l1 2.95 420 2020-08-11 PCFT
ADA Cardano l1 0.033 120 2020-01-01 PCT
DOGE Dogecoin meme 0.002 240 2020-01-01 PCTI
TRX TRON l1 0.013 65 2020-01-01 PC
LINK Chainlink infra 1.76 110 2020-01-01 PC
DOT Polkadot l1 2.9 70 2020-08-18 P
MATIC Polygon l2 0.0135 60 2020-01-01 PC
LTC Litecoin store 41 85 2020-01-01 PC
BCH Bitcoin-Cash store 204 60 2020-01-01 PC
AVAX Avalanche l1 5.3 95 2020-09-22 PCT
UNI Uniswap defi 3.4 55 2020-09-17 PC
ATOM Cosmos l1 4.3 40 2020-01-01 P
ETC Ethereum-Classic store 4.5 38 2020-01-01 P
XLM Stellar store 0.045 34 2020-01-01 P
FIL Filecoin infra 33 42 2020-10-15 P
APT Aptos l1 7.9 58 2022-10-19 PC
ARB Arbitrum l2 1.35 64 2023-03-23 PC
OP Optimism l2 1.3 45 2022-06-01 P
NEAR NEAR-Protocol l1 1.2 52 2020-10-14 PC
SUI Sui l1 1.33 130 2023-05-03 PC
INJ Injective defi 0.9 36 2020-10-21 P
PEPE Pepe meme 0.0000012 150 2023-05-05 CFT
SHIB Shiba-Inu meme 0.000012 110 2021-05-10 CT
BONK Bonk meme 0.0000135 48 2023-12-15 C
FLOKI Floki meme 0.000031 26 2023-05-06 -
WIF dogwifhat meme 2.0 60 2024-03-05 C
AAVE Aave defi 52 33 2020-10-15 P
MKR Maker defi 480 14 2020-07-23 -
CRV Curve defi 3.9 22 2020-08-15 -
SNX Synthetix defi 2.9 8.5 2020-07-09 -
COMP Compound defi 190 7.5 2020-06-25 -
YFI yearn.finance defi 14500 6.2 2020-08-10 -
SUSHI SushiSwap defi 2.7 7.8 2020-09-01 -
LDO Lido defi 2.1 24 2022-05-10 -
ALGO Algorand l1 0.21 24 2020-01-01 -
VET VeChain infra 0.0055 17 2020-01-01 -
HBAR Hedera l1 0.011 30 2020-01-01 -
ICP Internet-Computer l1 310 26 2021-05-11 -
EOS EOS l1 2.6 19 2020-01-01 -
XTZ Tezos l1 1.34 11 2020-01-01 -
NEO NEO l1 8.7 9.5 2020-01-01 -
IOTA IOTA infra 0.16 6.4 2020-01-01 -
ZEC Zcash store 28 16 2020-01-01 -
DASH Dash store 41 8.1 2020-01-01 -
XMR Monero store 45 12 2020-01-01 -
QTUM Qtum l1 1.6 5.2 2020-01-01 -
ONT Ontology l1 0.53 4.4 2020-01-01 -
ZIL Zilliqa l1 0.0046 5.6 2020-01-01 -
BAT Basic-Attention infra 0.18 4.8 2020-01-01 -
ENJ Enjin game 0.075 5.1 2020-01-01 -
CHZ Chiliz game 0.007 15 2020-01-01 -
MANA Decentraland game 0.033 12 2020-08-06 -
SAND The-Sandbox game 0.05 16 2020-08-14 -
AXS Axie-Infinity game 0.52 12 2020-11-04 P
GALA Gala game 0.038 21 2021-09-13 -
APE ApeCoin game 8.6 14 2022-03-17 -
IMX Immutable game 3.4 13 2021-12-01 -
FTM Fantom l1 0.011 27 2020-01-01 P
ONE Harmony l1 0.0049 6.9 2020-01-01 -
KAVA Kava defi 0.99 5.5 2020-01-01 -
RUNE THORChain defi 0.45 18 2020-09-04 -
GRT The-Graph infra 0.15 15 2020-12-17 -
FET Fetch.ai ai 0.037 23 2020-01-01 P
AGIX SingularityNET ai 0.17 14 2020-12-09 -
OCEAN Ocean ai 0.29 8.9 2020-08-20 -
RNDR Render ai 1.9 25 2021-11-27 P
TAO Bittensor ai 540 38 2024-04-11 P
WLD Worldcoin ai 2.2 41 2023-07-24 P
ARKM Arkham ai 0.58 13 2023-07-18 -
NMR Numeraire ai 23 4.1 2021-03-05 -
AR Arweave infra 12 11 2021-05-14 -
ROSE Oasis infra 0.06 7.7 2020-11-19 -
THETA Theta infra 0.088 9.3 2020-01-01 -
STX Stacks l2 0.095 15 2020-01-01 -
SEI Sei l1 0.19 31 2023-08-15 -
TIA Celestia infra 2.3 46 2023-10-31 P
JUP Jupiter defi 0.65 22 2024-01-31 -
STRK Starknet l2 2.1 18 2024-02-20 -
ENA Ethena defi 0.72 49 2024-04-02 P
ZK ZKsync l2 0.22 11 2024-06-17 -
NOT Notcoin meme 0.007 20 2024-05-16 -
TON Toncoin l1 7.1 25 2024-08-08 -
EIGEN EigenLayer infra 3.9 17 2024-10-01 -
PENGU Pudgy-Penguins meme 0.028 29 2024-12-17 -
TRUMP Official-Trump meme 28 55 2025-01-19 -
KAITO Kaito ai 1.1 16 2025-02-20 -
INIT Initia l1 0.7 9.9 2025-04-24 -
SAHARA Sahara-AI ai 0.1 12 2025-06-26 -
LINEA Linea l2 0.03 13 2025-09-10 -
ASTER Aster defi 1.6 34 2025-10-06 -
MON Monad l1 0.03 28 2025-11-24 -
ZAMA Zama infra 0.05 7.1 2026-02-02 -
AZTEC Aztec l2 0.034 6.3 2026-05-12 -
NOVA Nova-Protocol ai 0.42 5.9 2026-08-18 -
FLUXA Fluxa defi 1.15 4.7 2026-10-27 -
1000SATS 1000SATS meme 0.00029 19 2023-12-12 -
1000CHEEMS 1000CHEEMS meme 0.0021 3.3 2024-11-29 -
PAXG PAX-Gold store 1780 6.8 2020-08-26 T
LUNA Terra l1 0.51 90 2020-08-21 -
COCOS Cocos-BCX game 0.0006 3.9 2020-01-01 -
ALPACA Alpaca-Finance defi 0.55 9.0 2021-08-11 -
SRM Serum defi 1.4 12 2020-08-11 -
BTT BitTorrent infra 0.0003 14 2020-01-01 -
ANC Anchor defi 2.6 8 2022-01-25 -
BTG Bitcoin-Gold store 5.2 2.6 2021-04-15 -
WAVES Waves l1 0.95 11 2020-01-01 -
XEM NEM l1 0.031 3.7 2020-01-01 -
OMG OMG-Network l2 0.62 6.6 2020-01-01 -
REEF Reef defi 0.021 5.4 2020-12-29 -
LOOM Loom infra 0.018 4.9 2023-05-30 -
VIDT VIDT-Datalink infra 0.41 1.1 2020-09-09 T
BURGER BurgerSwap defi 2.6 0.6 2021-04-27 -
FIS StaFi defi 1.2 0.5 2020-12-07 T
"""

# Perpetuals whose contract is a thousand coins.
_MULTIPLIED: Final = ("PEPE", "SHIB", "BONK", "FLOKI")

# The last day with a bar.
DELISTED: Final = {
    "BTT": dt.date(2022, 1, 18),
    "ANC": dt.date(2022, 8, 26),
    "SRM": dt.date(2022, 11, 28),
    "BTG": dt.date(2022, 8, 26),
    "XMR": dt.date(2024, 2, 20),
    "OMG": dt.date(2024, 7, 22),
    "WAVES": dt.date(2024, 6, 17),
    "XEM": dt.date(2024, 6, 17),
    "REEF": dt.date(2024, 8, 26),
    "LOOM": dt.date(2024, 10, 30),
    "VIDT": dt.date(2025, 4, 16),
    "BURGER": dt.date(2026, 6, 30),
    "MATIC": dt.date(2024, 9, 10),
    "AGIX": dt.date(2024, 6, 28),
    "OCEAN": dt.date(2024, 6, 28),
    "FTM": dt.date(2025, 1, 13),
    "RNDR": dt.date(2024, 7, 22),
}
_BUSD_END: Final = dt.date(2023, 12, 15)

# Cash-like pairs: code, name, quote, first day.
_CASH: Final = (
    ("USDC", "USD Coin", "USDT", dt.date(2020, 1, 1)),
    ("TUSD", "TrueUSD", "USDT", dt.date(2020, 1, 1)),
    ("FDUSD", "First Digital USD", "USDT", dt.date(2023, 7, 26)),
    ("EUR", "Euro", "USDT", dt.date(2020, 1, 3)),
    ("USDT", "TetherUS", "TRY", dt.date(2020, 1, 1)),
    ("USDT", "TetherUS", "IDR", dt.date(2020, 5, 18)),
)

_QUOTES: Final = {"C": "USDC", "F": "FDUSD", "T": "TRY", "I": "IDR", "B": "BUSD", "J": "JPY"}
_QUOTE_NAMES: Final = {
    "USDT": "TetherUS",
    "USDC": "USD Coin",
    "FDUSD": "First Digital USD",
    "BUSD": "Binance USD",
    "TRY": "Turkish Lira",
    "IDR": "Indonesian Rupiah",
    "JPY": "Japanese Yen",
}
# When a quote came to the venue, and what share of the USDT pair's turnover its pairs have.
_QUOTE_SINCE: Final = {
    "USDC": EPOCH,
    "FDUSD": dt.date(2023, 8, 4),
    "BUSD": EPOCH,
    "TRY": EPOCH,
    "IDR": dt.date(2020, 5, 18),
}
_QUOTE_SHARE: Final = {"USDC": 0.12, "FDUSD": 0.35, "BUSD": 0.30, "TRY": 0.06, "IDR": 0.015, "JPY": 0.01}
_PERP_SHARE: Final = 3.2
_PERP_SINCE: Final = dt.date(2020, 2, 10)


@dataclass(frozen=True, slots=True)
class Asset:
    """One base asset; `price` is in USD at listing, `turnover` in USD a day, `listed` its first day."""

    code: str
    name: str
    sector: int
    price: float
    turnover: float
    listed: dt.date
    quotes: str


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol: an asset in a quote.

    Attributes
    ----------
    symbol : str
        ``BINANCE:TICKER``.
    asset : int
        Row of `ASSETS`; -1 for cash-like pairs.
    base, quote : str
        Codes; `base` without multiplier for perpetuals.
    perp : bool
        A perpetual swap.
    multiplier : float
        Coins per traded unit.
    share : float
        Turnover relative to the asset's USDT pair.
    first, last : date
        First and last day with a bar; `last` None while listed.
    """

    symbol: str
    asset: int
    base: str
    quote: str
    perp: bool
    multiplier: float
    share: float
    first: dt.date
    last: dt.date | None

    @property
    def name(self) -> str:
        """Ticker without the venue."""
        return self.symbol.partition(":")[2]


def _read_assets() -> tuple[Asset, ...]:
    assets = []
    for line in _ASSETS.split("\n"):
        if not line:
            continue
        code, name, sector, price, turnover, listed, quotes = line.split(" ")
        assets.append(
            Asset(
                code=code,
                name=name.replace("-", " "),
                sector=SECTORS.index(sector),
                price=float(price),
                turnover=float(turnover) * 1e6,
                listed=dt.date.fromisoformat(listed),
                quotes=quotes,
            )
        )
    return tuple(assets)


def _pairs_of(row: int, asset: Asset) -> list[Listing]:
    end = DELISTED.get(asset.code)

    def listing(
        ticker: str, quote: str, share: float, first: dt.date, last: dt.date | None, multiplier: float = 1.0
    ) -> Listing:
        return Listing(
            f"{EXCHANGE}:{ticker}",
            row,
            asset.code,
            quote,
            ticker.endswith(".P"),
            multiplier,
            share,
            max(first, asset.listed),
            last,
        )

    pairs = [listing(f"{asset.code}USDT", "USDT", 1.0, asset.listed, end)]
    for letter in asset.quotes.replace("-", "").replace("P", ""):
        quote = _QUOTES[letter]
        last = _BUSD_END if quote == "BUSD" else end
        pairs.append(listing(f"{asset.code}{quote}", quote, _QUOTE_SHARE[quote], _QUOTE_SINCE.get(quote, EPOCH), last))
    if asset.code in _MULTIPLIED:
        pairs.append(listing(f"1000{asset.code}USDT.P", "USDT", _PERP_SHARE, _PERP_SINCE, end, 1000.0))
    elif "P" in asset.quotes:
        pairs.append(listing(f"{asset.code}USDT.P", "USDT", _PERP_SHARE, _PERP_SINCE, end))
    return pairs


def _read_listings(assets: tuple[Asset, ...]) -> tuple[Listing, ...]:
    listings = [pair for row, asset in enumerate(assets) for pair in _pairs_of(row, asset)]
    listings += [
        Listing(f"{EXCHANGE}:{base}{quote}", -1, base, quote, False, 1.0, 1.0, first, None)
        for base, _, quote, first in _CASH
    ]
    return tuple(sorted(listings, key=lambda listing: listing.symbol))


ASSETS: Final = _read_assets()
LISTINGS: Final = _read_listings(ASSETS)


def instrument(listing: Listing, pricescale: int) -> Instrument:
    """Return what the vendor would say about a listing."""
    asset = ASSETS[listing.asset] if listing.asset >= 0 else None
    name = asset.name if asset is not None else next(cash[1] for cash in _CASH if cash[0] == listing.base)
    kind = "Perpetual " if listing.perp else ""
    return Instrument(
        symbol=listing.symbol,
        market="crypto",
        type="swap" if listing.perp else "spot",
        typespecs=("crypto", "perpetual") if listing.perp else ("crypto",),
        base=listing.base,
        quote=listing.quote,
        description=f"{name} / {_QUOTE_NAMES[listing.quote]} {kind}(synthetic)",
        pricescale=pricescale,
        sector=SECTORS[asset.sector] if asset is not None else None,
    )
