"""Mending: what an operator wants of a recording in; what it takes in a write transaction, which the caller holds."""

from __future__ import annotations

from recording_tracker.audit import open_flags
from recording_tracker.errors import AmbiguousError, NotFoundError, UsageError
from recording_tracker.events import Callback, Event
from recording_tracker.flags import Flag
from recording_tracker.journal import Entry, Journal, Reader
from recording_tracker.lookup import find, not_found, unopened
from recording_tracker.parsing import resolution

BATCH = 500
"""Recordings that are forgotten at once."""


def check_note(note: str) -> None:
    """Refuse a note that says nothing, or that is no text."""
    if not note.strip():
        raise UsageError("note: is empty; say what was found out, and how")
    try:
        note.encode()
    except UnicodeEncodeError as error:
        raise UsageError("note: holds what is no character; write it in UTF-8") from error


def single(journal: Reader, text: str) -> Entry:
    """Return the recording that *text* names; raises NotFoundError, and AmbiguousError where it names several."""
    entries = [journal.entry(number) for number in find(journal, text)]
    if not entries:
        raise not_found(journal, text)
    if len(entries) > 1:
        raise AmbiguousError(text, [entry.standing.recording_id or "" for entry in entries])
    return entries[0]


def resolved(journal: Reader, text: str, *, outcome: str, note: str, now_ms: int) -> tuple[Event, Callback]:
    """Return the event that completes the recording that *text* names, and the callback it is kept as."""
    standing = single(journal, text).standing
    # One that was announced by its group only is resolved under the name of the group.
    recording_id = standing.recording_id or standing.group_id
    assert recording_id is not None
    group_id = standing.group_id if standing.recording_id is None else None
    event, body = resolution(recording_id, outcome=outcome, note=note, received_ms=now_ms, group_id=group_id)
    return event, Callback(standing.provider, body, now_ms)


def acknowledge(journal: Journal, text: str, *, flag: str | None, note: str, at_ms: int) -> list[Flag]:
    """Keep *note* on the flags that are open at *at_ms*, all or those of code *flag*; return them with it."""
    entry = single(journal, text)
    found = [open_ for open_ in open_flags(entry.standing, at_ms) if flag in (None, open_.code)]
    if not found:
        which = f" {flag!r}" if flag else ""
        raise NotFoundError(f"{text!r} has no open flag{which}; there is nothing to acknowledge")
    for acknowledged in found:
        journal.acknowledge(entry.number, acknowledged, note=note, at_ms=at_ms)
    return [acknowledged._replace(acknowledged=True, note=note) for acknowledged in found]


def prune(journal: Journal, before_ms: int, *, limit: int) -> int:
    """Forget at most *limit* recordings that were over before that moment; return how many."""
    numbers = journal.over_before(before_ms, limit=limit)
    for number in numbers:
        forget(journal, journal.entry(number))
    return len(numbers)


def erase(journal: Journal, text: str) -> str:
    """Forget the recording that *text* names, or what came of an id that nothing has opened; return its id."""
    try:
        entry = single(journal, text)
    except NotFoundError:
        kept = unopened(journal, text)
        if kept is None:
            raise
        entry = kept
    forget(journal, entry)
    return entry.standing.recording_id or entry.standing.group_id or ""


def forget(journal: Journal, entry: Entry) -> None:
    """Take out a recording and its announcements, those of its group too where nothing else of it has opened."""
    standing = entry.standing
    journal.delete(entry.number)
    if standing.recording_id is not None:
        journal.withdraw(standing.provider, recording_id=standing.recording_id)
    stood_for_group = standing.opened or standing.recording_id is None
    if stood_for_group and standing.group_id and not journal.group_opened(standing.provider, standing.group_id):
        journal.withdraw(standing.provider, group_id=standing.group_id)
