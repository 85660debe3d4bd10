"""Delivery logs: lines in, callbacks and announcements out, or the line's fault."""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, BinaryIO, NamedTuple, TypeVar

from recording_tracker.body import plain_object
from recording_tracker.errors import DamagedError, RejectedBodyError, UsageError
from recording_tracker.events import Callback
from recording_tracker.journal import Expectation
from recording_tracker.times import LATEST_MS, MILLISECOND, duration, moment_ms, to_ms

KEYS = {"provider", "received_at", "body", "body_b64", "query", "expect"}
EXPECT_KEYS = {"provider", "recording_id", "group_id", "within"}
MAX_LINE_BYTES = 2_097_152
LONGEST_LINE_BYTES = 2_147_483_648
MAX_ID_LENGTH = 1_024
BATCH = 1_000
"""Deliveries that are committed at once; others wait for a tenth of a second meanwhile."""
BATCH_BYTES = 4_194_304
"""Bytes of bodies that are committed at once, however few they are: all of them are held until then."""
# Made once: ``json.dumps`` makes one each time, in half of the time that it takes.
_COMPACT = json.JSONEncoder(separators=(",", ":"))
Item = TypeVar("Item")


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


def read_delivery(line: Mapping[str, Any], now_ms: Callable[[], int]) -> Delivery | Announcement:
    """Read one delivery, a dict as in a delivery log; raises UsageError with what is wrong and what would be right."""
    if not isinstance(line, Mapping):
        raise UsageError("a delivery is an object, as a line of a delivery log is")
    if not KEYS.issuperset(line):
        unknown = sorted(line.keys() - KEYS)
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
    if any(_categories(text) & {"Cs"} for pair in query.items() for text in pair):
        raise UsageError("query: half of a surrogate pair is no character")
    callback = Callback(provider, _body(line), now_ms() if received_ms is None else received_ms, query)
    return Delivery(callback, dated=received_ms is not None)


def _moment(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, (str, datetime)):
        raise UsageError("received_at: a time as 2026-11-01T10:00:00Z is expected")
    try:
        found = to_ms(value) if isinstance(value, datetime) else moment_ms(value)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"received_at: {error}") from error
    if not 0 <= found <= LATEST_MS:
        raise UsageError("received_at: a time from 1970 to 9799 is expected")
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
        try:
            body = _COMPACT.encode(body)
        except TypeError as error:
            raise UsageError(f"body: is no JSON; {error}") from error
        except (RecursionError, ValueError) as error:
            raise RejectedBodyError("the body is nested too deep, or within itself") from error
    return body.encode("utf-8", "surrogatepass")


def compact(line: Any) -> Any:
    """Return a delivery with its body as bytes if it is an object, which takes ten times as much memory."""
    if isinstance(line, dict) and isinstance(line.get("body"), dict):
        with suppress(UsageError, RejectedBodyError):
            return line | {"body": body_bytes(line["body"])}
    return line


def weight(line: Any) -> int:
    """Return how many bytes are held of a compact delivery; none of one that is at fault."""
    body = line.get("body", line.get("body_b64")) if isinstance(line, dict) else None
    return len(body) if isinstance(body, (bytes, str)) else 0


def fill(batch: list[Item], items: Iterator[Item], weigh: Callable[[Item], int]) -> None:
    """Move *items* into *batch* until it is to be committed; they weigh what they hold of bodies, in bytes."""
    size = 0
    for item in items:
        batch.append(item)
        size += weigh(item)
        if len(batch) >= BATCH or size >= BATCH_BYTES:
            return


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
    recording_id, group_id = _given(announced.recording_id), _given(announced.group_id)
    if (recording_id is None) == (group_id is None):
        raise UsageError("expect: either recording_id or group_id is expected")
    _check_id("recording_id", recording_id or "", {"Cc", "Cf", "Cs", "Zl", "Zp"})
    _check_id("group_id", group_id or "", {"Cs"})
    if announced.within is not None and announced.within < MILLISECOND:
        raise UsageError("expect.within: a duration of more than nothing is expected")
    recording_id, group_id = recording_id and canonical(recording_id), group_id and canonical(group_id)
    if not (recording_id or group_id):
        raise UsageError("expect: an id of which something is left in the provider's spelling is expected")
    return Expectation(
        announced.provider,
        recording_id,
        group_id,
        now_ms if announced.expected_ms is None else announced.expected_ms,
        (start_within if announced.within is None else announced.within) // MILLISECOND,
    )


def _given(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _check_id(key: str, text: str, refused: set[str]) -> None:
    if len(text) > MAX_ID_LENGTH:
        raise UsageError(f"expect.{key}: text of at most {MAX_ID_LENGTH} characters is expected")
    if _categories(text) & refused:
        raise UsageError(f"expect.{key}: text without control or invisible characters is expected")


def _categories(text: str) -> set[str]:
    return set() if text.isascii() and text.isprintable() else {unicodedata.category(sign) for sign in text}


def log_lines(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | UsageError]]:
    """
    Read a delivery log, JSON Lines, as (line number, delivery or its fault); empty lines are passed over.

    Raises DamagedError for what has no lines at all, as a device.
    """
    for piece in _pieces(stream):
        if not piece.begins:
            continue
        if len(piece.text) >= MAX_LINE_BYTES and not piece.text.endswith(b"\n"):
            yield piece.line, UsageError(f"the line has more than {MAX_LINE_BYTES} bytes")
        elif piece.text.strip(_BETWEEN):
            yield piece.line, _line(piece.text)


class _Piece(NamedTuple):
    """A line, or as much of one as is held at once."""

    line: int
    text: bytes
    begins: bool
    """Whether it is the line's beginning."""


def _pieces(stream: BinaryIO) -> Iterator[_Piece]:
    line, length = 1, 0
    while text := stream.readline(MAX_LINE_BYTES):
        # An escaped character stays in one piece.
        if (len(text) - len(text.rstrip(b"\\"))) % 2:
            text += stream.readline(1)
        yield _Piece(line, text, length == 0)
        length += len(text)
        if text.endswith(b"\n"):
            line, length = line + 1, 0
        elif length > LONGEST_LINE_BYTES:
            raise DamagedError(f"line {line} has more than {LONGEST_LINE_BYTES} bytes; this cannot be a delivery log")


def _line(line: bytes) -> dict[str, Any] | UsageError:
    plain = plain_object(line)
    return _read_closely(line) if plain is None else plain


def _read_closely(line: bytes) -> dict[str, Any] | UsageError:
    try:
        found = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        return UsageError(f"not UTF-8 at byte {error.start}; JSON is")
    except json.JSONDecodeError as error:
        return UsageError(f"not JSON: {error.msg.lower()} at column {error.colno}; each line is one JSON object")
    except UsageError as error:
        return error
    except (RecursionError, ValueError):
        return UsageError("not JSON that can be read: nested too deep, or a number too long")
    return found if isinstance(found, dict) else UsageError("not a JSON object; each line is one delivery")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UsageError("a key stands twice in one object; which of them counts is not certain")
    return found


def bare_bodies(stream: BinaryIO, provider: str) -> Iterator[tuple[int, dict[str, Any] | UsageError]]:
    """
    Cut *stream* into the JSON values that stand in it one after another, each a body of *provider*, byte for byte.

    Yields (number of the line where it begins, delivery or fault); what is no object or array is a fault
    of its line. A value that has no end, or none within MAX_LINE_BYTES, is one too, and reading goes on
    at the next line after its first that begins with a brace, so that a body cut short costs no other.
    """
    pieces: Iterator[_Piece] = _pieces(stream)
    cutter, torn, lost = _Cutter(), False, False
    while True:
        read: list[_Piece] = []
        for piece in pieces:
            fresh = piece.begins and piece.text.startswith(b"{")
            if torn and fresh and cutter.depth:
                yield cutter.begin, UsageError(_TORN)
                cutter = _Cutter()
            if lost and not fresh:
                continue
            lost = False
            for number, found in cutter.cut(piece):
                yield number, found if isinstance(found, UsageError) else {"provider": provider, "body": found}
            if cutter.begin < piece.line and cutter.depth:
                read.append(piece)
            else:
                read = []
            if len(cutter.value) > MAX_LINE_BYTES:
                break
        if not cutter.depth:
            return
        yield cutter.begin, UsageError(_TORN)
        # What followed its first line is read once more, with a brace at a line's beginning as a new beginning.
        pieces = pieces if torn else chain(read, pieces)
        cutter, torn, lost = _Cutter(), True, True


class _Cutter:
    """Cuts pieces of text into JSON values by their braces, brackets and quotes."""

    def __init__(self) -> None:
        self.value = bytearray()
        self.begin = 1
        self.depth = 0
        self._quoted = False
        self._strayed = 0

    def cut(self, piece: _Piece) -> Iterator[tuple[int, bytes | UsageError]]:
        """Yield the values that end in *piece*, and one fault for what stands between them."""
        if not self.depth and b"{" not in piece.text and b"[" not in piece.text:
            yield from self._stray(piece, piece.text)
            return
        done = escaped = 0
        for found in _STRUCTURE.finditer(piece.text):
            sign = found.group()
            if found.start() < escaped:
                continue
            if sign == b"\\":
                escaped = found.end() + 1
            elif self._quoted:
                self._quoted = sign != b'"'
            elif sign == b'"':
                self._quoted = self.depth > 0
            elif sign in b"{[":
                if self.depth == 0:
                    yield from self._stray(piece, piece.text[done : found.start()])
                    self.begin, done = piece.line, found.start()
                self.depth += 1
            elif sign in b"}]" and self.depth:
                self.depth -= 1
                if self.depth == 0:
                    yield self.begin, bytes(self.value + piece.text[done : found.end()])
                    self.value, done = bytearray(), found.end()
        if self.depth:
            self.value += piece.text[done:]
        else:
            yield from self._stray(piece, piece.text[done:])

    def _stray(self, piece: _Piece, text: bytes) -> Iterator[tuple[int, UsageError]]:
        text = text.strip(_BETWEEN)
        if text and self._strayed != piece.line:
            self._strayed = piece.line
            shown = text[:40].decode("utf-8", "backslashreplace")
            yield piece.line, UsageError(f"{shown!r} is no JSON object; a body is one")


_TORN = f"a value has no end, or none within {MAX_LINE_BYTES} bytes; it may have been cut"
# One set of signs: a search for alternatives takes ten times as long.
_STRUCTURE = re.compile(rb'[\\"{}\[\]]')
# Blanks, commas, a byte order mark, and the record separator of https://www.rfc-editor.org/rfc/rfc7464
_BETWEEN = b" \t\r\n,\x1e\xef\xbb\xbf"
