"""What a scanner asks for, checked when it is written down."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from quant_lib.selection._errors import ContradictoryRulesError
from quant_lib.selection._filters import TEXT_COLUMNS, FilterRule, feature_column
from quant_lib.selection._membership import Membership, Survivorship, SymbolList, members_on
from quant_lib.selection._screens import MarketCaps, RecentPerformance, TrendScreen

Direction = Literal["LONG", "SHORT"]
RATINGS: tuple[str, ...] = ("recommend_all", "recommend_all_weighted", "recommend_ma", "recommend_other")


@dataclass(frozen=True, kw_only=True)
class ScreenRules:
    """Screens of a scanner. Every screen is opt-in: what is absent drops nothing (semantics 1.8 [B]).

    Parameters
    ----------
    direction : {"LONG", "SHORT"}
        Side every candidate gets. Required: a direction is never defaulted (D25).
    intent : {"LONG", "SHORT", "DISCOVERY"}, optional
        The scanner's intent; must agree with `direction` unless it is DISCOVERY.
    filters : tuple of (column, operation, value)
        Vendor filters, see `quant_lib.selection.VENDOR_COLUMNS`.
    asset_types, exchanges, quotes : tuple of str
        Allowed values; empty allows all.
    exclude_stable_bases : bool
        Drop bases that are cash.
    include_symbols, exclude_symbols : tuple of str
        Full symbols or bases.
    value_traded_min, turnover_min : float, optional, in USD
        Floors, inclusive. `turnover_min` judges the 30-bar median, and value traded where that is unknown.
    volatility_min, volatility_max : float, optional, in percent
        Bounds of the daily range, inclusive.
    rating : str, optional
        Rating whose sign must agree with the direction (one of `RATINGS`).
    rating_min : float
        LONG needs rating > rating_min, SHORT needs rating < -rating_min.
    sort_by : str
        Vendor column or feature that ranks candidates.
    sort_order : {"asc", "desc"}, optional
        By default ascending for a SHORT sleeve sorted by a rating, so that the
        limit keeps the most negative (D21), descending otherwise.
    base_sort_by : str
        Figure of the `base_limit`, largest first.
    base_limit, limit : int, optional
        Rows kept by `base_sort_by` and then by `sort_by`.
    quote_priority, exchange_priority : tuple of str
        Best first, for listings of one base; `exchanges` serve where `exchange_priority` is empty.
    dedupe : bool
        Keep one listing of each base.
    member_lists : tuple of SymbolList
        Dated lists of members, of which the one of the day admits.
    first_list_holds_before : bool
        Days before the oldest list use it all the same.
    membership : Membership, optional
        Stays of members, in place of lists.
    ensure_symbols : tuple of str
        Kept whatever the screens say, where they are listed on the date.
    market_caps : MarketCaps, optional
        Capitalisation asked for.
    volume_min : float, optional, in units of the base
        Floor on the volume of the last bar; `volume_min_per_exchange` (exchange, floor) stands before it.
    atr_pct_max : float, optional, in percent
        Where the day's range is unknown: largest 100 x ATR/close, where that fallback is wanted.
    recent : RecentPerformance, optional
        What must have happened lately.
    screens : tuple of TrendScreen
        Screens of trend, in order.
    composite : tuple of str
        Fields whose mean z-score can be sorted by as ``momentum_composite``.
    perp_counterparts : bool
        Name the perpetual of the base among the alternatives, by `perp_exchange_priority`.

    Raises
    ------
    ContradictoryRulesError
        No symbol could pass, or the limit would keep the wrong end.
    UnknownColumnError
        A filter or sort names a column without a point-in-time feature.
    """

    direction: Direction
    intent: Literal["LONG", "SHORT", "DISCOVERY"] | None = None
    filters: tuple[FilterRule, ...] = ()
    asset_types: tuple[str, ...] = ()
    exchanges: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    exclude_stable_bases: bool = False
    include_symbols: tuple[str, ...] = ()
    exclude_symbols: tuple[str, ...] = ()
    value_traded_min: float | None = None
    turnover_min: float | None = None
    volatility_min: float | None = None
    volatility_max: float | None = None
    rating: str | None = None
    rating_min: float = 0.0
    sort_by: str = "turnover"
    sort_order: Literal["asc", "desc"] | None = None
    base_sort_by: str = "turnover"
    base_limit: int | None = None
    limit: int | None = None
    quote_priority: tuple[str, ...] = ("USDT", "USDC", "FDUSD", "BUSD", "DAI", "USD")
    exchange_priority: tuple[str, ...] = ()
    dedupe: bool = True
    member_lists: tuple[SymbolList, ...] = ()
    first_list_holds_before: bool = False
    membership: Membership | None = None
    ensure_symbols: tuple[str, ...] = ()
    market_caps: MarketCaps | None = None
    volume_min: float | None = None
    volume_min_per_exchange: tuple[tuple[str, float], ...] = ()
    atr_pct_max: float | None = None
    recent: RecentPerformance | None = None
    screens: tuple[TrendScreen, ...] = ()
    composite: tuple[str, ...] = ()
    perp_counterparts: bool = False
    perp_exchange_priority: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_direction(self)
        _check_bounds(self)
        _check_columns(self)
        for name in ("include_symbols", "ensure_symbols"):
            both = set(getattr(self, name)) & set(self.exclude_symbols)
            if both:
                raise ContradictoryRulesError(name, f"{', '.join(sorted(both))} is also excluded")

    @property
    def ascending(self) -> bool:
        """Whether the smallest figure of `sort_by` ranks first."""
        if self.sort_order is None:
            return self.direction == "SHORT" and feature_column(self.sort_by) in RATINGS
        return self.sort_order == "asc"

    @property
    def survivorship(self) -> Survivorship:
        """Whether members are those a past day could have known (users N6).

        All that a venue lists is: what was delisted since is kept. Symbols named one by one, and a list
        used before its day, are not: who named them may have known who survives.
        """
        chosen = self.include_symbols or self.ensure_symbols
        named = bool(chosen) or (bool(self.member_lists) and self.first_list_holds_before)
        return "unknown" if named else "point_in_time"

    def members(self, date: dt.date | None) -> tuple[str, ...] | None:
        """Members of a day by list or stay; None where neither restricts.

        Raises
        ------
        NotPointInTimeError
            The day is before everything that is known.
        """
        if self.membership is not None:
            return self.membership.on(date)
        if not self.member_lists:
            return None
        return members_on(self.member_lists, date, first_holds_before=self.first_list_holds_before)


def _check_direction(rules: ScreenRules) -> None:
    if rules.direction not in ("LONG", "SHORT"):
        raise ContradictoryRulesError("direction", f"{rules.direction!r} is neither LONG nor SHORT; declare it")
    if rules.intent not in (None, "DISCOVERY", rules.direction):
        raise ContradictoryRulesError("intent", f"{rules.intent} contradicts direction {rules.direction}")
    if rules.rating is not None and rules.rating not in RATINGS:
        raise ContradictoryRulesError("rating", f"{rules.rating!r} is not one of {', '.join(RATINGS)}")
    by_rating = feature_column(rules.sort_by) in RATINGS
    wrong_end = "asc" if rules.direction == "LONG" else "desc"
    if by_rating and rules.limit is not None and rules.sort_order == wrong_end:
        raise ContradictoryRulesError(
            "sort_order",
            f"{wrong_end} with a limit keeps the ratings that argue least for {rules.direction}; leave it out",
        )
    for rule in rules.filters:
        _check_sign(rules, rule)


def _check_sign(rules: ScreenRules, rule: FilterRule) -> None:
    column, operation, value = rule
    if rules.rating is None or feature_column(column) != rules.rating or not isinstance(value, (int, float)):
        return
    opposes = {"LONG": ("less", "eless", "below"), "SHORT": ("greater", "egreater", "above")}[rules.direction]
    sign = 1.0 if rules.direction == "LONG" else -1.0
    if operation in opposes and sign * value <= rules.rating_min:
        raise ContradictoryRulesError(
            "filters", f"{column} {operation} {value} leaves nothing for a {rules.direction} sleeve"
        )


def _check_bounds(rules: ScreenRules) -> None:
    low, high = rules.volatility_min, rules.volatility_max
    if low is not None and high is not None and low > high:
        raise ContradictoryRulesError("volatility_min", f"{low} is above volatility_max {high}")
    for name in (
        "value_traded_min",
        "turnover_min",
        "volume_min",
        "atr_pct_max",
        "volatility_min",
        "volatility_max",
        "rating_min",
    ):
        value = getattr(rules, name)
        if value is not None and not math.isfinite(value):
            raise ContradictoryRulesError(name, f"{value} is not a finite number")
    for name in ("base_limit", "limit"):
        value = getattr(rules, name)
        if value is not None and value < 1:
            raise ContradictoryRulesError(name, f"{value} keeps nothing; leave it out for no limit")


def _check_columns(rules: ScreenRules) -> None:
    for rule in rules.filters:
        feature_column(rule[0])
    conditions = [one[0] for screen in rules.screens for one in screen.conditions(rules.direction)]
    for column in (*conditions, *rules.composite):
        if feature_column(column) in TEXT_COLUMNS:
            raise ContradictoryRulesError("screens", f"{column!r} is text; screen by a figure")
    if "momentum_composite" in (rules.sort_by, rules.base_sort_by) and not rules.composite:
        raise ContradictoryRulesError("sort_by", "momentum_composite has no fields")
    for name in ("sort_by", "base_sort_by"):
        column = getattr(rules, name)
        if feature_column(column) in TEXT_COLUMNS:
            raise ContradictoryRulesError(name, f"{column!r} is text; sort by a figure")


def in_words(values: Sequence[str]) -> str:
    """Write a list for a funnel row, shortened after eight."""
    shown = ", ".join(sorted(values)[:8])
    return shown if len(values) <= 8 else f"{shown} and {len(values) - 8} more"
