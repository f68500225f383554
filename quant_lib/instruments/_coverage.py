"""How much of the catalogue somebody vouches for. A default is not coverage (semantics 2.12)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

TRUSTED: frozenset[str] = frozenset({"vendor", "exchange"})


@dataclass(frozen=True)
class MetadataCoverage:
    """Coverage of some required values.

    Attributes
    ----------
    n : int
        Symbols judged.
    shares : dict of str to float
        Share of them with a trusted figure, by value.
    failing : DataFrame
        Symbols without one: symbol, asset_type, lacking (what, with the source it has instead).
    """

    n: int
    shares: dict[str, float]
    failing: pd.DataFrame

    @property
    def complete_share(self) -> float:
        """Share of symbols with every required figure; 0 where there is no symbol."""
        return 1.0 - len(self.failing) / self.n if self.n else 0.0


def metadata_coverage(
    instruments: pd.DataFrame, required: Collection[str], required_where: dict[str, pd.Series] | None = None
) -> MetadataCoverage:
    """Judge which symbols have trusted metadata.

    Parameters
    ----------
    instruments : DataFrame
        Catalogue rows to judge, each symbol once.
    required : collection of str
        Values every symbol needs.
    required_where : dict of str to boolean Series, optional
        Values needed only where True, by the index of `instruments`.
    """
    needed = {name: pd.Series(True, index=instruments.index) for name in required} | (required_where or {})
    lacking = pd.Series("", index=instruments.index)
    shares = {}
    for name, where in needed.items():
        known = instruments[f"{name}_source"].isin(TRUSTED) & instruments[name].notna()
        asked = where.astype(bool)
        shares[name] = float(known[asked].mean()) if asked.any() else 1.0
        note = name + " is " + instruments[f"{name}_source"].astype("str")
        bites = asked & ~known
        lacking = lacking.where(~bites, lacking.where(lacking.eq(""), lacking + ", ") + note)
    bad = lacking.ne("")
    failing = instruments.loc[bad, ["symbol", "asset_type"]].assign(lacking=lacking[bad])
    return MetadataCoverage(len(instruments), shares, failing.reset_index(drop=True))
