"""A body: raw bytes in, one JSON object out, or the reason why it cannot be read safely."""

from __future__ import annotations

import json
import math
import re
from hashlib import sha256
from typing import Any, NoReturn

from recording_tracker.errors import QuarantinedBodyError, RejectedBodyError

MAX_BODY_BYTES = 1_048_576
MAX_DEPTH = 64
MAX_NUMBER_LENGTH = 100

_LONG_NUMBER = re.compile(rb"[0-9.eE+\-]{%d}" % (MAX_NUMBER_LENGTH + 1))
# Unrolled, so that a long string costs no memory for back-tracking.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_object(raw: bytes, *, max_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """
    Read *raw* as one JSON object by RFC 8259.

    Raises RejectedBodyError where it cannot be read safely, and QuarantinedBodyError where it can
    but its meaning is not certain: a key given twice, a lone surrogate.
    """
    if len(raw) > max_bytes:
        raise RejectedBodyError(f"the body has {len(raw)} bytes; at most {max_bytes} are read")
    _check_bombs(raw)
    try:
        value = json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_object,
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
    if _SURROGATE_ESCAPE.search(raw):
        _check_surrogates(value)
    return value


def _check_bombs(raw: bytes) -> None:
    """Refuse what would cost the parser too much, with two scans in C for the bodies that are harmless."""
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _too_deep(_STRING.sub(b"", raw)):
        raise RejectedBodyError(f"the body is nested more than {MAX_DEPTH} deep")
    if _LONG_NUMBER.search(raw) and _LONG_NUMBER.search(_STRING.sub(b'""', raw)):
        raise RejectedBodyError(f"the body has a number of more than {MAX_NUMBER_LENGTH} characters")


def _too_deep(raw: bytes) -> bool:
    """Tell whether brackets are nested too deep, by taking out the innermost pairs, a level at a time, in C."""
    brackets = raw.translate(_AS_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    # Brackets without a partner are for the parser to refuse, unless so many are open that it would go too deep.
    return b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise QuarantinedBodyError("the body has a key twice in one object; which of them counts is not certain")
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


def digest(value: object) -> str:
    """Return the SHA-256, in 32 hex digits, of *value* written as JSON with sorted keys; whoever spells it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return sha256(text.encode()).hexdigest()[:32]
