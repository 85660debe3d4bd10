"""Delivery logs: lines in, callbacks and announcements out, or the line's fault."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from recording_tracker.errors import UsageError
from recording_tracker.events import Callback
from recording_tracker.journal import Expectation
from recording_tracker.times import MILLISECOND, duration, moment_ms, to_ms

KEYS = {"provider", "received_at", "body", "body_b64", "query", "expect"}
EXPECT_KEYS = {"provider", "recording_id", "group_id", "within"}
MAX_LINE_BYTES = 2_097_152


@dataclass(frozen=True, slots=True)
class Announcement:
    """An ``expect`` line; *within* and *expected_ms* are None where the line leaves them out."""

    provider: str
    recording_id: str | None
    group_id: str | None
    within: timedelta | None
    expected_ms: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A callback of a delivery log; *dated* tells whether the line says when it was received."""

    callback: Callback
    dated: bool


def read_delivery(line: Mapping[str, Any], *, now_ms: int) -> Delivery | Announcement:
    """Read one delivery, a dict as in a delivery log; raises UsageError with what is wrong and what would be right."""
    unknown = sorted(line.keys() - KEYS)
    if unknown:
        raise UsageError(f"{unknown[0][:100]!r} is no key of a delivery; the keys are {', '.join(sorted(KEYS))}")
    received_ms = _moment(line.get("received_at"))
    if "expect" in line:
        return _announcement(line["expect"], received_ms)
    provider = line.get("provider")
    if not isinstance(provider, str):
        raise UsageError("provider: is missing; a provider's name is expected")
    query = line.get("query") or {}
    if not isinstance(query, dict) or not all(isinstance(text, str) for pair in query.items() for text in pair):
        raise UsageError("query: an object of texts is expected")
    callback = Callback(provider, _body(line), now_ms if received_ms is None else received_ms, query)
    return Delivery(callback, dated=received_ms is not None)


def _moment(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return to_ms(value)
    if not isinstance(value, str):
        raise UsageError("received_at: a time as 2026-11-01T10:00:00Z is expected")
    try:
        found = moment_ms(value)
    except ValueError as error:
        raise UsageError(f"received_at: {error}") from error
    if found < 0:
        raise UsageError("received_at: a time since 1970 is expected")
    return found


def _body(line: Mapping[str, Any]) -> bytes:
    if "body_b64" in line:
        try:
            return base64.b64decode(line["body_b64"], validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise UsageError("body_b64: Base64 text is expected") from error
    if "body" not in line:
        raise UsageError("body: is missing; an object, a text or body_b64 is expected")
    return body_bytes(line["body"])


def body_bytes(body: bytes | str | Mapping[str, Any] | Any) -> bytes:
    """Return a body given as bytes, as text or as the object that it holds, as bytes."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if not isinstance(body, str):
        body = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    return body.encode("utf-8", "surrogatepass")


def _announcement(value: object, expected_ms: int | None) -> Announcement:
    if not isinstance(value, dict) or value.keys() - EXPECT_KEYS:
        raise UsageError(f"expect: an object with {', '.join(sorted(EXPECT_KEYS))} is expected")
    for key in EXPECT_KEYS:
        if not isinstance(value.get(key, ""), str):
            raise UsageError(f"expect.{key}: a text is expected")
    within = None
    if "within" in value:
        try:
            within = duration(value["within"])
        except ValueError as error:
            raise UsageError(f"expect.within: {error}") from error
    return Announcement(
        value.get("provider", ""), value.get("recording_id") or None, value.get("group_id") or None, within, expected_ms
    )


def expectation(announced: Announcement, *, canonical: Any, start_within: timedelta, now_ms: int) -> Expectation:
    """Make an announcement complete; raises UsageError unless it names a recording or a group, and not both."""
    if (announced.recording_id is None) == (announced.group_id is None):
        raise UsageError("expect: either recording_id or group_id is expected")
    return Expectation(
        announced.provider,
        announced.recording_id and canonical(announced.recording_id),
        announced.group_id and canonical(announced.group_id),
        now_ms if announced.expected_ms is None else announced.expected_ms,
        (announced.within or start_within) // MILLISECOND,
    )


def log_lines(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | UsageError]]:
    """Read a delivery log, JSON Lines, as (line number, delivery or its fault); empty lines are passed over."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, UsageError(f"the line has more than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            yield number, _line(line)


def _line(line: bytes) -> dict[str, Any] | UsageError:
    try:
        found = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return UsageError(f"not UTF-8 at byte {error.start}; JSON is")
    except json.JSONDecodeError as error:
        return UsageError(f"not JSON: {error.msg.lower()} at column {error.colno}; each line is one JSON object")
    except (RecursionError, ValueError):
        return UsageError("not JSON that can be read: nested too deep, or a number too long")
    return found if isinstance(found, dict) else UsageError("not a JSON object; each line is one delivery")


def bare_bodies(  # noqa: PLR0912  one pass over the signs that structure JSON
    stream: BinaryIO, provider: str
) -> Iterator[tuple[int, dict[str, Any] | UsageError]]:
    """
    Cut *stream* into the JSON values that stand in it one after another, each a body of *provider*, byte for byte.

    Yields (number of the line where it begins, delivery or fault). What is no object or array is cut at
    its line's end, and so is one that has no end within MAX_LINE_BYTES.
    """
    value, begin, depth, quoted, number = bytearray(), 1, 0, False, 0
    while line := stream.readline(MAX_LINE_BYTES):
        number += 1
        position = 0
        for found in _STRUCTURE.finditer(line):
            sign = found.group()
            if quoted:
                quoted = sign != b'"'
            elif sign == b'"':
                quoted = depth > 0
            elif sign in b"{[":
                if depth == 0 and (stray := line[position : found.start()].strip()):
                    yield number, _stray(stray)
                if depth == 0:
                    begin, position = number, found.start()
                depth += 1
            elif sign in b"}]" and depth:
                depth -= 1
                if depth == 0:
                    value += line[position : found.end()]
                    yield begin, {"provider": provider, "body": bytes(value)}
                    value, position = bytearray(), found.end()
        rest = line[position:]
        if depth:
            value += rest
        elif rest.strip(b" \t\r\n,\xef\xbb\xbf"):
            yield number, _stray(rest.strip())
        if len(value) > MAX_LINE_BYTES:
            yield begin, UsageError(f"a value has no end within {MAX_LINE_BYTES} bytes")
            value, depth, quoted = bytearray(), 0, False
    if depth:
        yield begin, UsageError("the last value has no end; the file may have been cut")


# An escaped character is one token, so that an escaped quote ends no string.
_STRUCTURE = re.compile(rb'\\.|["{}\[\]]', re.DOTALL)


def _stray(text: bytes) -> UsageError:
    return UsageError(f"{text[:40].decode('utf-8', 'backslashreplace')!r} is no JSON object; a body is one")
