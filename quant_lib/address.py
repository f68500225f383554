"""Addresses of single assets: ``quant://alpha/selection?profile=P&date=D`` (design, command line)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from quant_lib.errors import InvalidKeyError
from quant_lib.keys import parse_partition_date, validate_profile

SCHEME = "quant://"
_FORMS = "quant://data/ASSET?date=D, quant://research/ASSET?date=D or quant://alpha/STEP?profile=P&date=D"


@dataclass(frozen=True)
class Address:
    """One partition of one asset.

    Attributes
    ----------
    flow : str
        Part of the platform the asset belongs to: ``data``, ``alpha`` or ``research``.
    asset : str
        Name of the asset, or of the step of a sleeve.
    profile : str or None
        Sleeve; None where the asset is no sleeve's.
    date : datetime.date or None
        Decision date; None for the market's last closed day.
    """

    flow: str
    asset: str
    profile: str | None = None
    date: dt.date | None = None

    def __str__(self) -> str:
        pairs = (("profile", self.profile), ("date", self.date and self.date.isoformat()))
        query = "&".join(f"{name}={value}" for name, value in pairs if value is not None)
        return f"{SCHEME}{self.flow}/{self.asset}" + (f"?{query}" if query else "")


def parse_address(text: str) -> Address:
    """Read an address.

    Parameters
    ----------
    text : str
        ``quant://FLOW/ASSET``, then ``?profile=P&date=D`` as far as they apply.

    Returns
    -------
    Address
        Whether such an asset exists is for the caller to say: it knows the configuration.

    Raises
    ------
    InvalidKeyError
        If it is anything else: another scheme, another number of parts, a repeated or
        unknown parameter, a sleeve where none belongs or none where one does.
    """
    try:
        parts = urlsplit(text)
        given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise InvalidKeyError("address", text[:160], f"write {_FORMS}") from error
    flow, asset, known = parts.netloc, parts.path.removeprefix("/"), dict(given)
    stray = sorted(set(known) - {"profile", "date"})
    if not text.startswith(SCHEME) or flow not in ("data", "alpha", "research") or parts.fragment:
        raise InvalidKeyError("address", text[:160], f"write {_FORMS}")
    if stray or len(known) != len(given):
        raise InvalidKeyError("address", text[:160], "its parameters are profile and date, each at most once")
    if (flow == "alpha") != ("profile" in known):
        raise InvalidKeyError("address", text[:160], "an asset of alpha has a profile, and no other asset has one")
    return Address(
        flow,
        validate_profile(asset),
        validate_profile(known["profile"]) if "profile" in known else None,
        parse_partition_date(known["date"]) if "date" in known else None,
    )
