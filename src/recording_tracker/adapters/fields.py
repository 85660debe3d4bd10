"""The kinds of field that adapters read: strict about what the tracker uses, in both spellings a provider has."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from unicodedata import category

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import ErrorDetails, core_schema

from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.times import END_OF_TIME_MS, moment_ms

MAX_ID_LENGTH = 1024
MAX_KIND_LENGTH = 100
MAX_FILES = 10_000
CLOSELY = "closely"

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


def natural(value: object) -> int:
    """Take a number from 0 on, or its decimal text."""
    found = number(value)
    if found < 0:
        raise ValueError("a number from 0 on is expected")
    return found


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


class Plain:
    """
    Lets pydantic take by itself what has the plain form *schema*; a function looks at all else, and says what is wrong.

    The function would return the same of a plain value; a field of a usual body costs a fifth of a call so.
    """

    def __init__(self, schema: core_schema.CoreSchema, function: Callable[[object], object]) -> None:
        self._schema = schema
        self._function = function

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Return the schema of either form."""
        closely = core_schema.no_info_plain_validator_function(self._function)
        return core_schema.union_schema([(self._schema, "plain"), (closely, CLOSELY)], mode="left_to_right")


def _text(longest: int) -> core_schema.CoreSchema:
    return core_schema.str_schema(strict=True, pattern=f"^[!-~]{{1,{longest}}}$")


def _whole(least: int, most: int) -> core_schema.CoreSchema:
    return core_schema.int_schema(strict=True, ge=least, le=most)


identifier, kind_word = _words(MAX_ID_LENGTH), _words(MAX_KIND_LENGTH)

Number = Annotated[int, Plain(_whole(-(2**63), 2**63 - 1), number)]
Natural = Annotated[int, Plain(_whole(0, 2**63 - 1), natural)]
Millis = Annotated[int, Plain(_whole(0, END_OF_TIME_MS - 1), millis)]
IsoMoment = Annotated[int, BeforeValidator(iso_moment)]
Identifier = Annotated[str, Plain(_text(MAX_ID_LENGTH), identifier)]
Kind = Annotated[str, Plain(_text(MAX_KIND_LENGTH), kind_word)]
TextOrNumber = Annotated[str, BeforeValidator(text_or_number)]


class Payload(BaseModel):
    """One JSON object of a provider, in the provider's own spelling; what is not declared is not looked at."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, populate_by_name=True)


PayloadT = TypeVar("PayloadT", bound=Payload)


def read(model: type[PayloadT], body: dict[str, Any], *place: str) -> PayloadT:
    """Read *body*, which stands at *place*, as *model*; raises QuarantinedBodyError with the first wrong field."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = _first(error)
        where = ".".join([*place, *(str(part) for part in first["loc"] if part != CLOSELY)])[:100]
        what = "is missing" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise QuarantinedBodyError(f"{where}: {what}") from error


def _first(error: ValidationError) -> ErrorDetails:
    """Return the first thing that is wrong; where two forms were tried, what the closer look says of it."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return next(each for each in found if each["loc"][-1:] != ("plain",))
