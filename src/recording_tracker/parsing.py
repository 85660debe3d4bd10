"""Parsing: a callback in; its events, or why there are none, out; and a journaled event read again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from recording_tracker.adapters import Adapter, parse
from recording_tracker.body import MAX_BODY_BYTES, digest
from recording_tracker.errors import QuarantinedBodyError, RejectedBodyError
from recording_tracker.events import RESOLVED, Callback, Event, Ignored
from recording_tracker.journal import EventRow


class Parsed(NamedTuple):
    """
    One delivery, read but not yet taken in; *detail* says why it is quarantined or rejected, or what is ignored.

    Its events are without content, for few are compared with another delivery of theirs; see ``content_of``.
    """

    callback: Callback
    result: str
    events: Sequence[Event] = ()
    detail: str = ""


def read(adapters: Mapping[str, Adapter], callback: Callback, *, max_bytes: int = MAX_BODY_BYTES) -> Parsed:
    """Read *callback*; raises UnknownProviderError, and nothing for whatever a provider can send."""
    try:
        found = parse(adapters, callback, max_bytes=max_bytes)
    except RejectedBodyError as error:
        return Parsed(callback, "rejected", detail=str(error))
    except QuarantinedBodyError as error:
        return Parsed(callback, "quarantined", detail=str(error))
    if isinstance(found, Ignored):
        return Parsed(callback, "ignored", detail=found.kind)
    return Parsed(callback, "accepted", [event.without_content() for event in found])


def resolution(
    recording_id: str, *, outcome: str, note: str, received_ms: int, group_id: str | None
) -> tuple[Event, bytes]:
    """Return the event by which an operator completes a recording, and the body that the journal keeps of it."""
    told = {"event": RESOLVED, "outcome": outcome, "note": note, "group_id": group_id}
    body = json.dumps(told, ensure_ascii=True).encode()
    return _resolution(recording_id, body, received_ms), body


def _resolution(recording_id: str, body: bytes, received_ms: int) -> Event:
    told = json.loads(body)
    return Event(
        recording_id=recording_id,
        event_id=f"{RESOLVED}.{received_ms}.{digest(told)[:8]}",
        name=RESOLVED,
        received_ms=received_ms,
        outcome=told["outcome"],
        remark=told["note"],
        group_id=told["group_id"],
        content=told,
    )


def reread(adapter: Adapter, recording_id: str, row: EventRow) -> Event:
    """Read a journaled event again from its raw body; one that cannot be read any more keeps what was known of it."""
    if row.name == RESOLVED:
        return _resolution(recording_id, row.body, row.received_ms)
    event = _journaled(adapter, recording_id, row)
    if event is None:
        event = Event(recording_id, row.event_id, row.name, row.received_ms, row.occurred_ms)
    return event._replace(received_ms=row.received_ms, differs_ms=row.differs_ms, content=None)


def reread_all(adapter: Adapter, recording_id: str, rows: Iterable[EventRow]) -> tuple[list[Event], dict[str, int]]:
    """Read journaled events again, one body after the other; return them, and event id → how often it was delivered."""
    events: list[Event] = []
    deliveries: dict[str, int] = {}
    for row in rows:
        events.append(reread(adapter, recording_id, row))
        deliveries[row.event_id] = row.deliveries
    return events, deliveries


def content_of(adapter: Adapter, recording_id: str, row: EventRow) -> str:
    """Digest what of *row* does not change on a resend; of a body that cannot be read any more that is all of it."""
    event = _journaled(adapter, recording_id, row)
    return row.sha256.hex() if event is None or event.content is None else digest(event.content)


def _journaled(adapter: Adapter, recording_id: str, row: EventRow) -> Event | None:
    callback = Callback(adapter.PROVIDER, row.body, row.received_ms, json.loads(row.query))
    with suppress(RejectedBodyError, QuarantinedBodyError):
        # It was not too large when it was taken in, whatever the limit was then.
        found = parse({adapter.PROVIDER: adapter}, callback, max_bytes=len(row.body))
        for event in () if isinstance(found, Ignored) else found:
            if event.recording_id == recording_id and event.event_id == row.event_id:
                return event
    return None
