"""The kinds of field that adapters read: strict about what the tracker uses, in both spellings a provider has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from unicodedata import category

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.times import END_OF_TIME_MS, moment_ms

MAX_ID_LENGTH = 1024
MAX_KIND_LENGTH = 100
MAX_FILES = 10_000

_DECIMAL = re.compile(r"-?[0-9]{1,19}", re.ASCII)
# Control, format and line-breaking characters: what moves a cursor, hides, or turns text around has no place in an
# id; nor has half of a surrogate pair, which is no character.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def number(value: object) -> int:
    """Take an integer or its decimal text, within 64 bits; no boolean, no fraction."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        raise ValueError("a whole number is expected")
    if not -(2**63) <= value < 2**63:
        raise ValueError("a number of at most 64 bits is expected")
    return value


def millis(value: object) -> int:
    """Take a Unix time in milliseconds, from 1970 to the end of 9999."""
    found = number(value)
    if not 0 <= found < END_OF_TIME_MS:
        raise ValueError("a Unix time in milliseconds is expected")
    return found


def iso_moment(value: object) -> int:
    """Take a moment as ISO 8601 text, without a zone UTC, and return milliseconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("a time as ISO 8601 text is expected")
    found = moment_ms(value)
    if not 0 <= found < END_OF_TIME_MS:
        raise ValueError("a time from 1970 to the end of 9999 is expected")
    return found


def _words(longest: int) -> Callable[[object], str]:
    def words(value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("text is expected")
        if len(value) > longest:
            raise ValueError(f"text of at most {longest} characters is expected")
        if _has_invisible(value):
            raise ValueError("text without control or invisible characters is expected")
        return value

    return words


def _has_invisible(text: str) -> bool:
    return not text.isprintable() and any(category(sign) in _INVISIBLE for sign in text)


def text_or_number(value: object) -> str:
    """Take text, or a number as its decimal text."""
    if type(value) is int:
        return str(value)
    if not isinstance(value, str):
        raise ValueError("text or a number is expected")
    return value


Number = Annotated[int, BeforeValidator(number)]
Millis = Annotated[int, BeforeValidator(millis)]
IsoMoment = Annotated[int, BeforeValidator(iso_moment)]
Identifier = Annotated[str, BeforeValidator(_words(MAX_ID_LENGTH))]
Kind = Annotated[str, BeforeValidator(_words(MAX_KIND_LENGTH))]
TextOrNumber = Annotated[str, BeforeValidator(text_or_number)]


class Payload(BaseModel):
    """One JSON object of a provider, in the provider's own spelling; what is not declared is not looked at."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, populate_by_name=True)


PayloadT = TypeVar("PayloadT", bound=Payload)


def read(model: type[PayloadT], body: dict[str, Any]) -> PayloadT:
    """Read *body* as *model*; raises QuarantinedBodyError with the first field that does not fit."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:100]
        what = "is missing" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise QuarantinedBodyError(f"{place}: {what}") from error
