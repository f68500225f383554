"""Values that appear in several configuration files, each with its rule and its words."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from quant_lib.errors import InvalidKeyError
from quant_lib.keys import validate_profile, validate_symbol

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CODE = re.compile(r"[A-Z0-9_]{1,24}", re.ASCII)
_OWNER = re.compile(r"team:[A-Za-z0-9_-]{1,64}|[^@\s:]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,}", re.ASCII)


class ConfigModel(BaseModel):
    """Frozen, and strict about what it does not know: an unknown key is an error, text never becomes a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def is_name(text: str) -> bool:
    """Whether `text` can name a universe, scanner or sleeve."""
    try:
        validate_profile(text)
    except InvalidKeyError:
        return False
    return True


def _date(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _ISO_DATE.fullmatch(value) is None:
        raise ValueError("must be a date written as YYYY-MM-DD")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError("must be a day that exists, written as YYYY-MM-DD") from None


def _matches(pattern: re.Pattern[str], requirement: str) -> AfterValidator:
    def check(value: str) -> str:
        if pattern.fullmatch(value) is None:
            raise ValueError(f"must be {requirement}")
        return value

    return AfterValidator(check)


def _key(validate: Callable[[str], str], kind: str) -> AfterValidator:
    def check(value: str) -> str:
        try:
            return validate(value)
        except InvalidKeyError as error:
            raise ValueError(f"is not a valid {kind}: {error.reason}") from None

    return AfterValidator(check)


def _market_proxy(value: str) -> str:
    if value in ("benchmark", "universe"):
        return value
    try:
        return validate_symbol(value)
    except InvalidKeyError as error:
        raise ValueError(f"must be benchmark, universe or a symbol, and is no symbol: {error.reason}") from None


def _unique(values: tuple[Any, ...]) -> tuple[Any, ...]:
    repeated = sorted({str(value) for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"must not repeat {', '.join(repeated)}")
    return values


def _filter_value(value: Any) -> Any:
    def scalar(item: Any) -> bool:
        return isinstance(item, int | float | str) and not isinstance(item, bool)

    if scalar(value) or (isinstance(value, tuple) and value and all(scalar(item) for item in value)):
        return value
    raise ValueError("must be a number, a text, or a list of them")


Date: TypeAlias = Annotated[
    dt.date, BeforeValidator(_date), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
]
Symbol: TypeAlias = Annotated[
    str,
    _key(validate_symbol, "symbol"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z0-9_]{1,24}:[A-Z0-9_.!-]{1,48}$"}),
]
Name: TypeAlias = Annotated[
    str,
    _key(validate_profile, "name"),
    WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}),
]
Code: TypeAlias = Annotated[
    str,
    _matches(_CODE, "an exchange or currency code in upper case"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z0-9_]{1,24}$"}),
]
Owner: TypeAlias = Annotated[str, _matches(_OWNER, "an e-mail address or team:NAME")]
Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
Fraction: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveFraction: TypeAlias = Annotated[float, Field(gt=0.0, le=1.0)]
NonNegative: TypeAlias = Annotated[float, Field(ge=0.0)]
Positive: TypeAlias = Annotated[float, Field(gt=0.0)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Whole: TypeAlias = Annotated[int, Field(ge=0)]
_ONCE = Field(json_schema_extra={"uniqueItems": True})
Names: TypeAlias = Annotated[tuple[Name, ...], AfterValidator(_unique), _ONCE]
Symbols: TypeAlias = Annotated[tuple[Symbol, ...], AfterValidator(_unique), _ONCE]
Codes: TypeAlias = Annotated[tuple[Code, ...], AfterValidator(_unique), _ONCE]
Unique = AfterValidator(_unique)
FilterValue: TypeAlias = Annotated[
    float | int | str | tuple[float | int | str, ...],
    BeforeValidator(_filter_value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "string"},
                {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "number"}, {"type": "string"}]}},
            ]
        }
    ),
]
MarketProxy: TypeAlias = Annotated[
    str,
    AfterValidator(_market_proxy),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["benchmark", "universe"]},
                {"type": "string", "pattern": "^[A-Z0-9_]{1,24}:[A-Z0-9_.!-]{1,48}$"},
            ]
        }
    ),
]
Direction: TypeAlias = Literal["LONG", "SHORT"]
