"""The entries of the journal: each recording as it is kept, with its events, files, flags and announcements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from recording_tracker.errors import DamagedError, StorageError
from recording_tracker.events import File
from recording_tracker.flags import ERROR, INFO, WARNING, Flag
from recording_tracker.journal import Entry, EventRow, Expectation, Variant
from recording_tracker.journal.failures import RESTORE, damaged
from recording_tracker.journal.rows import (
    ALIASES,
    AWAITS,
    EVENTS,
    EXPECTATIONS,
    FIELDS,
    FILES,
    FLAGS,
    STANDINGS,
    STATE,
    FlagRow,
    Shape,
)
from recording_tracker.journal.session import Session
from recording_tracker.standing import Standing

# Most recordings have no flag, and a statement for each that asks for them takes as long as all the rest of its row.
SELECT = (
    f"SELECT id, {', '.join(FIELDS)}, file_count, EXISTS (SELECT 1 FROM flags WHERE recording = recordings.id), course "
    "FROM recordings"
)
_EVENT_COLUMNS = ", ".join(EventRow._fields)
_REGIONS = tuple(FIELDS.index(name) for name in ("stall_region", "due_region"))
_BOOLEANS = tuple(FIELDS.index(name) for name in ("opened", "announced", "complete"))


class Entries(Session):
    """A session that reads the recordings one by one."""

    def load(self, provider: str, recording_id: str) -> Entry | None:
        row = self._one(f"{SELECT} WHERE provider = ? AND recording_id = ?", provider, recording_id)
        return self._entry(row) if row else None

    def load_announced_group(self, provider: str, group_id: str) -> Entry | None:
        row = self._one(f"{SELECT} WHERE provider = ? AND group_id = ? AND recording_id IS NULL", provider, group_id)
        return self._entry(row) if row else None

    def entry(self, number: int) -> Entry:
        row = self._one(f"{SELECT} WHERE id = ?", number)
        if row is None and self._connection.in_transaction:
            raise DamagedError(f"{self.path}: recording number {number} is in an index and not there; {RESTORE}")
        if row is None:
            raise StorageError(f"{self.path}: recording number {number} is no longer there")
        return self._entry(row)

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        number, *values, has_files, has_flags, course = row
        self._check(STANDINGS, values)
        try:
            values[ALIASES] = tuple(json.loads(values[ALIASES]))
            values[STATE], values[AWAITS] = _state(values[STATE]), _awaits(values[AWAITS])
            fits = all(values[place] is None or values[place] in values[STATE] for place in _REGIONS)
        except (json.JSONDecodeError, TypeError) as error:
            raise damaged(self.path) from error
        if not fits:
            raise damaged(self.path)
        for place in _BOOLEANS:
            values[place] = bool(values[place])
        files = self._files(number) if has_files else ()
        flags, notes = self._flags(number) if has_flags else ((), {})
        return Entry(number, Standing._make((*values, files, flags)), course, notes)

    def _check(self, shape: Shape, row: Sequence[Any]) -> None:
        if not shape.fits(row):
            raise damaged(self.path)

    def _files(self, number: int) -> tuple[File, ...]:
        found = self._all(
            'SELECT name, url, kind, track, "order", hash, size FROM files WHERE recording = ? ORDER BY position',
            number,
        )
        for row in found:
            self._check(FILES, row)
        return tuple(File(*row) for row in found)

    def _flags(self, number: int) -> tuple[tuple[Flag, ...], dict[tuple[str, str, str], str]]:
        listed = self._all(f"SELECT {', '.join(FlagRow._fields)} FROM flags WHERE recording = ?", number)
        found, notes = [], {}
        for row in listed:
            self._check(FLAGS, row)
            code, severity, message, region, evidence, raised_ms, cleared_ms, acknowledged_ms, note = row
            if severity not in (ERROR, WARNING, INFO):
                raise damaged(self.path)
            events = tuple(evidence.split("\n")) if evidence else ()
            if acknowledged_ms is not None:
                notes[(code, region, evidence)] = note or ""
            if cleared_ms is None:
                found.append(Flag(code, severity, message, region or None, events, raised_ms))
        return tuple(found), notes

    def events(self, number: int) -> Iterator[EventRow]:
        for row in self._each(f"SELECT {_EVENT_COLUMNS} FROM events WHERE recording = ?", number):
            self._check(EVENTS, row)
            yield EventRow(*row)

    def event(self, number: int, event_id: str) -> EventRow | None:
        row = self._one(f"SELECT {_EVENT_COLUMNS} FROM events WHERE recording = ? AND event_id = ?", number, event_id)
        if row is not None:
            self._check(EVENTS, row)
        return EventRow(*row) if row else None

    def variants(self, number: int, event_id: str) -> list[Variant]:
        rows = self._all(
            "SELECT content, received_ms, sha256, body, query FROM deliveries WHERE recording = ? AND event_id = ? "
            "ORDER BY received_ms, sha256",
            number,
            event_id,
        )
        return [Variant(*row) for row in rows]

    def expectations(
        self, provider: str, *, recording_id: str | None = None, group_id: str | None = None
    ) -> list[Expectation]:
        column, value = ("group_id", group_id) if recording_id is None else ("recording_id", recording_id)
        found = self._all(
            f"SELECT provider, recording_id, group_id, expected_ms, within_ms FROM expectations "
            f"WHERE provider = ? AND {column} = ?",
            provider,
            value,
        )
        for row in found:
            self._check(EXPECTATIONS, row)
        return [Expectation(*row) for row in found]

    def group_opened(self, provider: str, group_id: str) -> bool:
        sql = "SELECT 1 FROM recordings WHERE provider = ? AND group_id = ? AND opened = 1 LIMIT 1"
        return self._one(sql, provider, group_id) is not None

    def acknowledgements(self, number: int, until_ms: int) -> dict[tuple[str, str, str], str]:
        rows = self._all(
            "SELECT code, region, evidence, note FROM flags WHERE recording = ? AND acknowledged_ms <= ?",
            number,
            until_ms,
        )
        return {(code, region, evidence): note or "" for code, region, evidence, note in rows}


# A recording is in one of few situations, and what it awaits is the same in each.
@lru_cache(maxsize=4_096)
def _state(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


@lru_cache(maxsize=4_096)
def _awaits(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))
