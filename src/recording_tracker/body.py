"""A body: raw bytes in, one JSON object out, or the reason why it cannot be read safely."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any, NoReturn

from pydantic_core import from_json

from recording_tracker.errors import QuarantinedBodyError, RejectedBodyError

MAX_BODY_BYTES = 1_048_576
MAX_PLAIN_BYTES = 65_536
MAX_DEPTH = 64
MAX_NUMBER_LENGTH = 100
MANY_PAIRS = 10_000

# All that a number is made of as one sign, so that a long one is found by a search for bytes.
_AS_NUMBER = bytes(ord("0") if sign in b"0123456789.eE+-" else ord(" ") for sign in range(256))
_LONG_NUMBER = b"0" * (MAX_NUMBER_LENGTH + 1)
_SAMPLE = b"0" * (len(_LONG_NUMBER) // 20)
_BLANKS = b" \t\r\n"
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_OPENING = ord("[")
_RUN = re.compile(rb"\[+|\]+")
# Made once: ``json.dumps`` makes one each time, in half of the time that it takes.
_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_object(raw: bytes, *, max_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """
    Read *raw* as one JSON object by RFC 8259.

    Raises RejectedBodyError where it cannot be read safely, and QuarantinedBodyError where it can
    but its meaning is not certain: a key given twice, a lone surrogate.
    """
    if len(raw) > max_bytes:
        raise RejectedBodyError(f"the body has {len(raw)} bytes; at most {max_bytes} are read")
    value = plain_object(raw)
    return _read_closely(raw) if value is None else value


def plain_object(raw: bytes) -> dict[str, Any] | None:
    """
    Read one JSON object that has nothing odd in it, in a quarter of the time that others take; else return None.

    Of a key given twice the reader keeps one, so keys are counted: outside of texts a quote and a colon
    stand behind each but for blanks, and inside of one they only make them too many.
    """
    # For want of memory the quick reader may end in a panic, which is no MemoryError; few bodies are large.
    if len(raw) > MAX_PLAIN_BYTES or _may_have_long_number(raw):
        return None
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError:
        return None
    if type(value) is not dict or _count_keys(value) != raw.translate(None, _BLANKS).count(b'":'):
        return None
    return value


def _count_keys(value: dict[str, Any]) -> int:
    """Count the keys of all objects in *value*; -1 where it is nested too deep, or a number is too large to hold."""
    found, depth = len(value), 1
    level: list[Iterable[Any]] = [value.values()]
    while level:
        deeper: list[Iterable[Any]] = []
        for inner in chain.from_iterable(level):
            kind = type(inner)
            if kind is dict:
                found += len(inner)
                deeper.append(inner.values())
            elif kind is list:
                deeper.append(inner)
            elif kind is float and not math.isfinite(inner):
                return -1
        level, depth = deeper, depth + 1
        if level and depth > MAX_DEPTH:
            return -1
    return found


def _read_closely(raw: bytes) -> dict[str, Any]:
    _check_bombs(raw)
    twice: list[bool] = []
    try:
        value = json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=partial(_object, twice),
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise RejectedBodyError(f"the body is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise RejectedBodyError(
            f"the body is not JSON: {error.msg.lower()} at line {error.lineno} column {error.colno}"
        ) from error
    if not isinstance(value, dict):
        raise RejectedBodyError(f"the body is a JSON {_kind(value)}; one object is expected")
    if twice:
        raise QuarantinedBodyError("the body has a key twice in one object; which of them counts is not certain")
    if _SURROGATE_ESCAPE.search(raw):
        _check_surrogates(value)
    return value


def _check_bombs(raw: bytes) -> None:
    """Refuse what would cost the parser too much, with scans in C only for the bodies that are harmless."""
    many = raw.count(b"{") + raw.count(b"[") > MAX_DEPTH
    long = _may_have_long_number(raw)
    if not many and not long:
        return
    bare = _without_texts(raw)
    if many and _too_deep(bare):
        raise RejectedBodyError(f"the body is nested more than {MAX_DEPTH} deep")
    if long and _LONG_NUMBER in bare.translate(_AS_NUMBER):
        raise RejectedBodyError(f"the body has a number of more than {MAX_NUMBER_LENGTH} characters")


def _without_texts(raw: bytes) -> bytes:
    """
    Leave out the texts, in which brackets and digits mean nothing.

    Without what is escaped, every second quote ends one. A backslash that stands outside of them leads astray
    what is behind it, but there the parser gets no further.
    """
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b" ".join(raw.split(b'"')[::2])


def _may_have_long_number(raw: bytes) -> bool:
    # A sign in twenty is looked at first, which takes a tenth of the time: of a long number these are five in a row.
    return _SAMPLE in raw[::20].translate(_AS_NUMBER) and _LONG_NUMBER in raw.translate(_AS_NUMBER)


def _too_deep(raw: bytes) -> bool:
    """
    Tell whether brackets are nested too deep.

    While there are many innermost pairs they are taken out, a level at a time, in C; then there are few
    runs of opening and of closing brackets to walk along.
    """
    brackets = raw.translate(_AS_SQUARE, _NO_BRACKETS)
    depth = 0
    while depth <= MAX_DEPTH and brackets.count(b"[]") > MANY_PAIRS:
        brackets = brackets.replace(b"[]", b"")
        depth += 1
    for run in _RUN.finditer(brackets):
        if depth > MAX_DEPTH:
            break
        length = run.end() - run.start()
        depth += length if brackets[run.start()] == _OPENING else -length
    return depth > MAX_DEPTH


def _object(twice: list[bool], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, and note where it has a key *twice*: whether the rest is JSON is not known yet."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice.append(True)
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise RejectedBodyError(f"the body is not JSON: {word} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise RejectedBodyError("the body has a number too large to hold")
    return number


def _kind(value: object) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def _check_surrogates(value: dict[str, Any]) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise QuarantinedBodyError("the body has half of a surrogate pair, which is no character") from error


def sorted_json(value: object) -> str:
    """Write *value* as JSON with sorted keys in ASCII, so that whoever spells it, its text is the same."""
    return _SORTED.encode(value)


def digest(value: object) -> str:
    """Return the SHA-256, in 32 hex digits, of *value* as ``sorted_json`` writes it."""
    return digest_of_text(sorted_json(value))


def digest_of_text(text: str) -> str:
    """Return the SHA-256, in 32 hex digits, of *text*."""
    return sha256(text.encode()).hexdigest()[:32]
