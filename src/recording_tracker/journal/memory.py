"""The journal in memory, for tests and examples: plain dictionaries, and a log by which a transaction is undone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from hashlib import sha256
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

from recording_tracker.errors import StorageError, UsageError
from recording_tracker.flags import INFO, Flag
from recording_tracker.journal import Count, Entry, EventRow, Expectation, Filter, Quarantined, Total, Variant
from recording_tracker.standing import Standing

P = ParamSpec("P")
T = TypeVar("T")
_ABSENT: Final = object()


class _KeptFlag(NamedTuple):
    """A flag with the moments at which it cleared and was acknowledged."""

    flag: Flag
    cleared_ms: int | None = None
    acknowledged_ms: int | None = None
    note: str = ""


def _alone(method: Callable[Concatenate[MemoryJournal, P], T]) -> Callable[Concatenate[MemoryJournal, P], T]:
    """Keep *method* from seeing, or being seen in, another thread's transaction."""

    @wraps(method)
    def alone(self: MemoryJournal, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            return method(self, *args, **kwargs)

    return alone


class MemoryJournal:
    """A Journal in memory, for one tracker; any number of its threads may use it, one transaction at a time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._undo: list[tuple[dict[Any, Any], Any, Any]] | None = None
        self._last_numbers: dict[str, int] = {"recording": 0, "quarantine": 0}
        self._recordings: dict[int, tuple[Standing, str]] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._aliases: dict[tuple[str, str], dict[int, None]] = {}
        self._groups: dict[tuple[str, str], dict[int, None]] = {}
        self._events: dict[int, dict[str, EventRow]] = {}
        self._variants: dict[int, dict[str, tuple[Variant, ...]]] = {}
        self._flags: dict[int, dict[tuple[str, str, str], _KeptFlag]] = {}
        self._expectations: dict[tuple[str, str | None, str | None], dict[Expectation, None]] = {}
        self._quarantine: dict[tuple[str, bytes, str], Quarantined] = {}
        self._machines: dict[str, str] = {}
        self._names: dict[tuple[str, str], None] = {}
        self._totals: dict[tuple[str, str, str, str], int] = {}
        self._counts: dict[tuple[str, str, str], Count] = {}

    def close(self) -> None:
        pass

    def reader(self) -> MemoryJournal:
        return self

    def changed_elsewhere(self) -> bool:
        return False

    # Transactions

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._lock:
            if self._undo is not None:
                raise StorageError("journal in memory: a transaction is under way already")
            self._undo = []
            try:
                yield
            except BaseException:
                for table, key, value in reversed(self._undo):
                    _set(table, key, value)
                raise
            finally:
                self._undo = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._lock:
            yield

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Change *table*, and remember how it was; every change goes through here."""
        if self._undo is not None:
            self._undo.append((table, key, table.get(key, _ABSENT)))
        _set(table, key, value)

    def _number(self, what: str) -> int:
        self._put(self._last_numbers, what, self._last_numbers[what] + 1)
        return self._last_numbers[what]

    # Recordings

    @_alone
    def insert(self, standing: Standing, course: str) -> int:
        if _id(standing) in self._ids:
            raise StorageError(f"journal in memory: {standing.recording_id!r} of {standing.provider} is there already")
        number = self._number("recording")
        self._place(number, None, standing, course)
        self._total(standing, 1)
        return number

    @_alone
    def update(self, number: int, before: Standing, standing: Standing, course: str) -> None:
        self._place(number, self._recordings[number][0], standing, course)
        self._total(before, -1)
        self._total(standing, 1)

    def _place(self, number: int, before: Standing | None, standing: Standing, course: str) -> None:
        """Put a recording where it is looked up, and take it away from where it was."""
        self._displace(number, before)
        self._put(self._recordings, number, (standing._replace(flags=()), course))
        if standing.recording_id is not None:
            self._put(self._ids, _id(standing), number)
        for table, key in self._indexed(standing):
            self._put(table.setdefault(key, {}), number, None)

    def _displace(self, number: int, standing: Standing | None) -> None:
        if standing is not None:
            self._put(self._ids, _id(standing), _ABSENT)
            for table, key in self._indexed(standing):
                self._put(table[key], number, _ABSENT)

    def _indexed(self, standing: Standing) -> Iterator[tuple[dict[tuple[str, str], dict[int, None]], tuple[str, str]]]:
        for alias in standing.aliases:
            yield self._aliases, (standing.provider, alias)
        if standing.group_id is not None:
            yield self._groups, (standing.provider, standing.group_id)

    def _total(self, standing: Standing, change: int) -> None:
        if standing.exists:
            key = _total_key(standing)
            self._put(self._totals, key, self._totals.get(key, 0) + change)

    @_alone
    def write_flags(self, number: int, raised: Iterable[Flag], cleared: Iterable[Flag], cleared_ms: int) -> None:
        flags = self._flags.setdefault(number, {})
        for flag in map(_bare, raised):
            known = flags.get(flag.identity, _KeptFlag(flag))
            self._put(flags, flag.identity, known._replace(flag=flag, cleared_ms=None))
        for flag in map(_bare, cleared):
            known = flags.get(flag.identity, _KeptFlag(flag))
            self._put(flags, flag.identity, known._replace(cleared_ms=cleared_ms))

    @_alone
    def acknowledge(self, number: int, flag: Flag, *, note: str, at_ms: int) -> None:
        flags, flag = self._flags.setdefault(number, {}), _bare(flag)
        # The clock's flags follow from deadlines; a row of theirs is only there for its note.
        known = flags.get(flag.identity, _KeptFlag(flag, flag.raised_ms if flag.is_clocks else None))
        self._put(flags, flag.identity, known._replace(acknowledged_ms=at_ms, note=note))

    @_alone
    def delete(self, number: int) -> None:
        standing = self.entry(number).standing
        self._total(standing, -1)
        self._displace(number, standing)
        for table in (self._recordings, self._events, self._variants, self._flags):
            self._put(table, number, _ABSENT)

    @_alone
    def load(self, provider: str, recording_id: str) -> Entry | None:
        number = self._ids.get((provider, recording_id))
        return None if number is None else self.entry(number)

    @_alone
    def load_announced_group(self, provider: str, group_id: str) -> Entry | None:
        found = (self.entry(number) for number in sorted(self._groups.get((provider, group_id), ())))
        return next((entry for entry in found if entry.standing.recording_id is None), None)

    @_alone
    def entry(self, number: int) -> Entry:
        if number not in self._recordings:
            raise StorageError(f"journal in memory: recording number {number} is no longer there")
        standing, course = self._recordings[number]
        flags = sorted(self._flags.get(number, {}).items())
        found = tuple(kept.flag for _, kept in flags if kept.cleared_ms is None)
        notes = {identity: kept.note for identity, kept in flags if kept.acknowledged_ms is not None}
        return Entry(number, standing._replace(flags=found), course, notes)

    # Events

    @_alone
    def add_events(self, number: int, rows: Iterable[EventRow]) -> None:
        events = self._events.setdefault(number, {})
        for row in rows:
            if row.event_id in events:
                raise StorageError(f"journal in memory: event {row.event_id!r} is there already")
            self._put(events, row.event_id, row)

    @_alone
    def replace_event(self, number: int, row: EventRow) -> None:
        if self.event(number, row.event_id) is not None:
            self._put(self._events[number], row.event_id, row)

    @_alone
    def set_verdicts(self, number: int, verdicts: Iterable[tuple[str, str]]) -> None:
        for event_id, verdict in verdicts:
            if (row := self.event(number, event_id)) is not None:
                self.replace_event(number, row._replace(verdict=verdict))

    @_alone
    def events(self, number: int) -> Iterator[EventRow]:
        return iter(list(self._events.get(number, {}).values()))

    @_alone
    def event(self, number: int, event_id: str) -> EventRow | None:
        return self._events.get(number, {}).get(event_id)

    @_alone
    def variants(self, number: int, event_id: str) -> list[Variant]:
        found = self._variants.get(number, {}).get(event_id, ())
        return sorted(found, key=lambda variant: (variant.received_ms, variant.sha256))

    @_alone
    def put_variants(self, number: int, event_id: str, variants: Iterable[Variant]) -> None:
        self._put(self._variants.setdefault(number, {}), event_id, tuple(variants))

    # What stands beside the recordings

    @_alone
    def announce(self, expectation: Expectation) -> bool:
        kept = self._expectations.setdefault(expectation[:3], {})
        if expectation in kept:
            return False
        self._put(kept, expectation, None)
        return True

    @_alone
    def expectations(
        self, provider: str, *, recording_id: str | None = None, group_id: str | None = None
    ) -> list[Expectation]:
        return list(self._expectations.get((provider, recording_id, group_id), ()))

    @_alone
    def group_opened(self, provider: str, group_id: str) -> bool:
        return any(self._recordings[number][0].opened for number in self._groups.get((provider, group_id), ()))

    @_alone
    def quarantine(self, provider: str, received_ms: int, reason: str, body: bytes, query: str) -> None:
        key = (provider, sha256(body).digest(), query)
        known = self._quarantine.get(key)
        number = self._number("quarantine") if known is None else known.number
        first_ms = received_ms if known is None else min(known.received_ms, received_ms)
        self._put(self._quarantine, key, Quarantined(number, provider, first_ms, reason, body, query))

    @_alone
    def release(self, number: int) -> None:
        for key in [key for key, kept in self._quarantine.items() if kept.number == number]:
            self._put(self._quarantine, key, _ABSENT)

    @_alone
    def quarantined(self, *, since_ms: int | None = None) -> Iterator[Quarantined]:
        found = sorted(self._quarantine.values())
        return iter([kept for kept in found if since_ms is None or kept.received_ms >= since_ms])

    def count_quarantined(self, *, since_ms: int | None = None) -> int:
        return len(list(self.quarantined(since_ms=since_ms)))

    @_alone
    def count(self, counts: Iterable[Count]) -> None:
        for more in counts:
            known = self._counts.get(more[:3], more._replace(bodies=0))
            last_ms = max(known.last_received_ms, more.last_received_ms)
            self._put(self._counts, more[:3], Count(*more[:3], known.bodies + more.bodies, last_ms))

    @_alone
    def counts(self) -> list[Count]:
        return sorted(self._counts.values())

    @_alone
    def register_machine(self, digest: str, provider: str, definition: str, at_ms: int) -> None:
        self._put(self._machines, digest, self._machines.get(digest, definition))

    @_alone
    def machine(self, digest: str) -> str | None:
        return self._machines.get(digest)

    @_alone
    def saw_events(self, provider: str, names: Iterable[str]) -> None:
        for name in names:
            self._put(self._names, (provider, name), None)

    @_alone
    def seen_events(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for provider, name in self._names:
            found.setdefault(provider, set()).add(name)
        return found

    @_alone
    def totals(self) -> list[Total]:
        kept = sorted(self._totals.items())
        return [Total(key[0], key[1], key[2] or None, key[3], number) for key, number in kept if number > 0]

    # Look-ups

    @_alone
    def find_ids(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._existing(self._ids[pair] for pair in ids if pair in self._ids)

    @_alone
    def find_aliases(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._existing(number for pair in ids for number in sorted(self._aliases.get(pair, ())))

    @_alone
    def find_groups(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._existing(number for pair in ids for number in sorted(self._groups.get(pair, ())))

    def _existing(self, numbers: Iterable[int]) -> list[int]:
        return [number for number in dict.fromkeys(numbers) if self._recordings[number][0].exists]

    @_alone
    def find_prefix(self, prefix: str, *, limit: int) -> list[tuple[str, int]]:
        found: dict[tuple[str, int], None] = {}
        ids = {key: {number: None} for key, number in self._ids.items()}
        for provider in self.providers():
            for table in (ids, self._aliases, self._groups):
                keys = sorted(key for key in table if key[0] == provider and key[1].startswith(prefix))
                pairs = [(text, number) for _, text in keys for number in self._existing(sorted(table[provider, text]))]
                found |= dict.fromkeys(pairs[:limit])
        return list(found)

    def providers(self) -> list[str]:
        return sorted({total.provider for total in self.totals()})

    @_alone
    def entries(self, wanted: Filter) -> Iterator[Entry]:
        numbers = sorted(self._recordings, reverse=True)
        return iter([self.entry(number) for number in numbers if _fits(self._recordings[number][0], wanted)])

    @_alone
    def overdue(self, now_ms: int) -> Iterator[Entry]:
        deadlines = ((_deadline(standing), number) for number, (standing, _) in self._recordings.items())
        passed = sorted(
            (deadline, number) for deadline, number in deadlines if deadline is not None and deadline < now_ms
        )
        return iter([self.entry(number) for _, number in passed])

    @_alone
    def flagged(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        found = (self.entry(number) for number in self._existing(sorted(self._flags)))
        return iter([entry for entry in found if _is_flagged(entry.standing, since_ms, now_ms)])

    @_alone
    def numbers(self) -> Iterator[int]:
        return iter(sorted(self._recordings))

    # Care

    @_alone
    def damages(self) -> Iterator[str]:
        return iter([*self._damaged_bodies(), *self._damaged_totals()])

    def _damaged_bodies(self) -> Iterator[str]:
        bodies = [("events", row.sha256, row.body) for rows in self._events.values() for row in rows.values()]
        bodies += [
            ("deliveries", variant.sha256, variant.body)
            for events in self._variants.values()
            for variants in events.values()
            for variant in variants
        ]
        bodies += [("quarantine", digest, kept.body) for (_, digest, _), kept in self._quarantine.items()]
        for table, digest, body in bodies:
            if sha256(body).digest() != digest:
                yield f"{table}: the body is not the one that was received; its SHA-256 differs"

    def _damaged_totals(self) -> Iterator[str]:
        there = Counter(_total_key(standing) for standing, _ in self._recordings.values() if standing.exists)
        for key in sorted(there.keys() | self._totals.keys()):
            if there[key] != self._totals.get(key, 0):
                yield f"totals of {', '.join(key[:3])}: do not add up to the {there[key]} recordings that are there"

    def backup(self, path: str) -> None:
        raise UsageError(f"{path}: a journal in memory has no file to back up")


def _set(table: dict[Any, Any], key: Any, value: Any) -> None:
    if value is _ABSENT:
        table.pop(key, None)
    else:
        table[key] = value


def _id(standing: Standing) -> tuple[str, str | None]:
    return (standing.provider, standing.recording_id)


def _bare(flag: Flag) -> Flag:
    """Leave out the operator's note, which is kept beside."""
    return flag._replace(acknowledged=False, note=None)


def _total_key(standing: Standing) -> tuple[str, str, str, str]:
    return (standing.provider, standing.phase, standing.outcome or "", standing.machine)


def _deadline(standing: Standing) -> int | None:
    return min((ms for ms in (standing.stall_ms, standing.due_ms) if ms is not None), default=None)


def _fits(standing: Standing, wanted: Filter) -> bool:
    asked = ((wanted.provider, standing.provider), (wanted.phase, standing.phase), (wanted.outcome, standing.outcome))
    last_ms = standing.last_received_ms
    recent = wanted.since_ms is None or (last_ms is not None and last_ms >= wanted.since_ms)
    return standing.exists and recent and all(value in (None, found) for value, found in asked)


def _is_flagged(standing: Standing, since_ms: int, now_ms: int) -> bool:
    return any(
        flag.severity != INFO
        and (flag.code != "missing-event" or flag.raised_ms < now_ms)
        and (not standing.complete or flag.raised_ms > since_ms)
        for flag in standing.flags
    )
