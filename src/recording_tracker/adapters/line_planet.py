"""
LINE Planet 1-to-1 call recording: one callback, whose status is the event.

The page of `on_call_rec_cb` is no longer public; https://docs.lineplanet.me has the calls around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from recording_tracker.adapters.fields import (
    MAX_FILES,
    Identifier,
    Kind,
    Number,
    Payload,
    TextOrNumber,
    number,
    read,
)
from recording_tracker.adapters.words import quoted, word
from recording_tracker.body import digest
from recording_tracker.events import Callback, Event, File, Ignored
from recording_tracker.times import END_OF_TIME_MS

PROVIDER: Final = "line_planet"
MAX_CODE_LENGTH = 100

# The description says seconds, the example has milliseconds: below this it is seconds, up to the year 5138.
FIRST_MILLIS = 100_000_000_000
SIDES = {"from_recordings": "caller", "to_recordings": "callee"}
CALL_FIELDS = ("terminate", "rel_code", "setup_time")


def start_ms(value: object) -> int:
    """Take a Unix time in seconds or milliseconds, whichever its size says, and return milliseconds."""
    found = number(value)
    if not 0 < found < END_OF_TIME_MS:
        raise ValueError("a Unix time in seconds or milliseconds is expected")
    return found * 1000 if found < FIRST_MILLIS else found


def few(value: object) -> object:
    """Take a list of no more files than are read one by one."""
    if isinstance(value, list) and len(value) > MAX_FILES:
        raise ValueError(f"at most {MAX_FILES} files are expected")
    return value


class Recorded(Payload):
    """One file of one side."""

    object_id: TextOrNumber | None = None
    hash: str | None = None
    order: Number | None = None


Files = Annotated[list[Recorded] | None, BeforeValidator(few)]


class Body(Payload):
    """One callback; the first version of it, of 2020-09, has no status and tells of a completed recording."""

    sid: Identifier
    recording_start_time: Annotated[int, BeforeValidator(start_ms)]
    recording_status: Kind = "COMPLETED"
    error_code: TextOrNumber | None = None
    from_recordings: Files = None
    to_recordings: Files = None


class Recording(Payload):
    """The recording id, which is limited like every other."""

    sid: Identifier


def parse(body: dict[str, Any], callback: Callback) -> list[Event] | Ignored:
    """Turn one callback into its event; the end of the call, reported by another callback, is ignored."""
    if _is_call_event(body):
        return Ignored("call_ended")
    found = read(Body, body)
    sid = _canonical_sid(found.sid)
    recording_id = read(Recording, {"sid": f"{sid}/{found.recording_start_time // 1000}" if sid else ""}).sid
    status = found.recording_status
    content = _content(body, found, sid)
    return [
        Event(
            recording_id=recording_id,
            # There is no event id, and a result sent again with more files is another event.
            event_id=f"{word(status)}:{content}",
            name=word(status),
            received_ms=callback.received_ms,
            # No event has a time of its own; but what is in progress began at its start.
            occurred_ms=found.recording_start_time if status == "IN_PROGRESS" else None,
            group_id=sid,
            files=tuple(_files(found)),
            codes=tuple(_codes(found)),
            problems=tuple(_problems(found)),
            started_ms=found.recording_start_time,
            content=content,
        )
    ]


def canonical_id(text: str) -> str:
    """
    Spell a recording id, ``sid/start``, or the sid of a call as events do.

    The sid has dashes in one place of the documentation and none in another.
    """
    sid, slash, start = text.strip().rpartition("/")
    if not slash:
        return _canonical_sid(start)
    try:
        return f"{_canonical_sid(sid)}/{start_ms(start) // 1000}"
    except ValueError:
        return f"{_canonical_sid(sid)}/{start}"


def _canonical_sid(sid: str) -> str:
    return sid.replace("-", "").strip().lower()


def _is_call_event(body: dict[str, Any]) -> bool:
    """Tell whether this is the event at the end of a call, which is sent by GET to another address."""
    of_recording = "recording_start_time" in body or "recording_status" in body
    return isinstance(body.get("sid"), str) and not of_recording and any(name in body for name in CALL_FIELDS)


def _content(body: dict[str, Any], found: Body, sid: str) -> str:
    """Digest the body with its ids, its error and its files spelled in one way."""
    stated = {key: value for key, value in body.items() if value is not None}
    canonical: dict[str, Any] = {
        "sid": sid,
        "recording_start_time": found.recording_start_time // 1000,
        "recording_status": found.recording_status,
        "error_code": _error(found),
    }
    for side in SIDES:
        canonical[side] = [[file.order, file.object_id, file.hash] for file in _sorted(found, side)]
    return digest(stated | canonical)


def _error(found: Body) -> str | None:
    return (found.error_code or "").strip() or None


def _sorted(found: Body, side: str) -> list[Recorded]:
    recorded = (found.from_recordings if side == "from_recordings" else found.to_recordings) or []
    return sorted(recorded, key=lambda file: (file.order is None, file.order or 0, file.object_id or ""))


def _files(found: Body) -> Iterator[File]:
    for side, kind in SIDES.items():
        for file in _sorted(found, side):
            yield File(name=file.object_id, kind=kind, order=file.order, hash=file.hash)


def _codes(found: Body) -> Iterator[tuple[str, str]]:
    yield "recording_status", found.recording_status
    if error := _error(found):
        yield "error_code", error[:MAX_CODE_LENGTH]
    sides = [kind for side, kind in SIDES.items() if _sorted(found, side)]
    if len(sides) == 1:
        yield "sides", sides[0]


def _problems(found: Body) -> Iterator[str]:
    status, error = found.recording_status, _error(found)
    named = bool(found.from_recordings or found.to_recordings)
    if status == "COMPLETED" and not named:
        yield "'COMPLETED' names no file"
    if status == "ABSENT" and named:
        yield "'ABSENT' names files"
    if error and status in ("IN_PROGRESS", "COMPLETED"):
        yield f"'error_code' is {quoted(error)} in {status!r}, which has none"
    for side in SIDES:
        yield from _order_problems(found, side)


def _order_problems(found: Body, side: str) -> Iterator[str]:
    """Yield what is wrong with the numbers of one side's files, which count from 1."""
    orders = [file.order for file in _sorted(found, side) if file.order is not None]
    known = {order for order in orders if order > 0}
    if len(set(orders)) < len(orders):
        yield f"{side!r} has an 'order' twice: {_listed(orders)}"
    if known and max(known) > len(known):
        yield f"{side!r} has a hole in its 'order': {_listed(orders)}"


def _listed(orders: list[int]) -> str:
    return ", ".join(str(order) for order in orders[:10]) + (", …" if len(orders) > 10 else "")
