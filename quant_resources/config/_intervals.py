"""What a scanner's numeric filters leave of a field's values, and which filters leave everything as it was."""

from __future__ import annotations

from dataclasses import dataclass

from quant_resources.config._fields import SCREEN_FIELDS
from quant_resources.config._scanner import FilterConfig, ScannerConfig
from quant_resources.config._screens import ScreenConfig
from quant_resources.config.node import dotted


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of numbers; an open end leaves its bound out."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    @property
    def empty(self) -> bool:
        """Whether no number lies in it."""
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def intersect(self, other: Interval) -> Interval:
        """Numbers in both."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return Interval(low, high, low_open, not closed)


@dataclass(frozen=True, slots=True)
class Bound:
    """One rule that bounds a field.

    Parameters
    ----------
    path : tuple
        Where in the scanner's file it stands.
    field : str
        Field it bounds.
    interval : Interval
        Values it lets pass.
    text : str
        The rule in words.
    """

    path: tuple[str | int, ...]
    field: str
    interval: Interval
    text: str


def domain(field: str) -> Interval:
    """Values a field can take."""
    known = SCREEN_FIELDS[field]
    return Interval(known.low, known.high)


def bounds_of(scanner: ScannerConfig) -> list[Bound]:
    """Every rule of a scanner that bounds a numeric field, in the order of the file."""
    bounds = []
    for index, rule in enumerate(scanner.filters):
        interval = _interval(rule)
        if interval is not None:
            text = f"{rule.left} {rule.operation} {rule.right}"
            bounds.append(Bound(("filters", index), rule.left, interval, text))
    volatility = scanner.volatility
    if volatility.min is not None:
        bounds.append(_named("volatility", "min", "Volatility.D", Interval(volatility.min, float("inf"))))
    if volatility.max is not None:
        bounds.append(_named("volatility", "max", "Volatility.D", Interval(float("-inf"), volatility.max)))
    if scanner.value_traded_min > 0.0:
        floor = Interval(scanner.value_traded_min, float("inf"))
        bounds.append(Bound(("value_traded_min",), "Value.Traded", floor, "value_traded_min"))
    for key, screen in scanner.screens.items():
        bounds += _of_screen(key, screen, scanner.intent)
    return bounds


def exclusions_of(scanner: ScannerConfig) -> list[Bound]:
    """Every filter that takes an interval out of a field's values instead of bounding them."""
    found = []
    for index, rule in enumerate(scanner.filters):
        right = rule.right
        if rule.left not in SCREEN_FIELDS or SCREEN_FIELDS[rule.left].text or SCREEN_FIELDS[rule.left].codes:
            continue
        numbers = [one for one in (right if isinstance(right, tuple) else (right,)) if not isinstance(one, str)]
        if rule.operation in ("nequal", "not_in_range") and numbers:
            taken = Interval(float(numbers[0]), float(numbers[-1]))
            found.append(Bound(("filters", index), rule.left, taken, f"{rule.left} {rule.operation} {right}"))
    return found


def _of_screen(key: str, screen: ScreenConfig, intent: str) -> list[Bound]:
    """Bounds of a screen of trend whose conditions must all hold; those that depend on an open side are left out."""
    infinity, fields = float("inf"), screen.fields
    made: list[tuple[tuple[str | int, ...], str, float, Interval]] = []
    for name, low, high in (
        ("adx", screen.adx, None),
        ("volatility_min", screen.volatility_min, None),
        ("volatility_max", None, screen.volatility_max),
    ):
        if low is not None or high is not None:
            bound = Interval(-infinity if low is None else low, infinity if high is None else high)
            made.append(((key, name), fields[name], low if low is not None else high or 0.0, bound))
    if intent != "DISCOVERY":
        long = intent == "LONG"
        for name, value in (("recommendation", screen.recommendation), ("osc", screen.osc)):
            if value is not None:
                side = Interval(value, infinity) if long else Interval(-infinity, value)
                made.append(((key, name), fields[name], value, side))
        for field, value in screen.momentum.items():
            if field in SCREEN_FIELDS:
                side = Interval(value, infinity, low_open=True) if long else Interval(-infinity, value, high_open=True)
                made.append(((key, "momentum", field), field, value, side))
    # Of several conditions joined by OR none has to hold.
    if screen.logic == "OR" and len(made) > 1:
        return []
    return [Bound(path, field, side, f"{dotted(path)} {value:g}") for path, field, value, side in made]


def _named(group: str, key: str, field: str, interval: Interval) -> Bound:
    return Bound((group, key), field, interval, f"{group}.{key}")


def _interval(rule: FilterConfig) -> Interval | None:
    """Values that pass, or None where they are not one interval of numbers."""
    right, infinity = rule.right, float("inf")
    if rule.left not in SCREEN_FIELDS or SCREEN_FIELDS[rule.left].text or SCREEN_FIELDS[rule.left].codes:
        return None
    if rule.operation == "in_range" and isinstance(right, tuple):
        low, high = right[0], right[-1]
        return Interval(float(low), float(high)) if not isinstance(low, str) and not isinstance(high, str) else None
    if not isinstance(right, int | float):
        return None
    made = {
        "greater": Interval(right, infinity, low_open=True),
        "egreater": Interval(right, infinity),
        "less": Interval(-infinity, right, high_open=True),
        "eless": Interval(-infinity, right),
        "equal": Interval(right, right),
    }
    return made.get(rule.operation)
