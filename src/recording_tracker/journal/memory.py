"""The journal in memory, for tests and examples: plain dictionaries, and a log by which a transaction is undone."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeVar

from recording_tracker.errors import StorageError, UsageError
from recording_tracker.flags import INFO, Flag
from recording_tracker.journal import (
    Count,
    Entry,
    EventRow,
    Expectation,
    Filter,
    OpenTotal,
    Quarantined,
    Total,
    Variant,
)
from recording_tracker.standing import Standing

T = TypeVar("T")
_ABSENT: Final = object()


class _KeptFlag(NamedTuple):
    """A flag, and whether it has cleared or been acknowledged."""

    flag: Flag
    cleared_ms: int | None = None
    note: str | None = None
    acknowledged_ms: int = 0


def _alone(kept: type[T]) -> type[T]:
    """Let no public method of a class see, or be seen in, another thread's transaction."""
    for name, method in list(vars(kept).items()):
        if callable(method) and not name.startswith("_"):
            setattr(kept, name, _locked(method))
    return kept


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return method(self, *args, **kwargs)

    return locked


@_alone
class MemoryJournal:
    """A Journal in memory, for one tracker; its threads may use it, one transaction at a time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._undo: list[tuple[dict[Any, Any], Any, Any]] | None = None
        self._last_numbers = {"recording": 0, "quarantine": 0}
        self._recordings: dict[int, tuple[Standing, str]] = {}
        self._numbers: dict[tuple[str, str | None], int] = {}
        self._events: dict[int, dict[str, EventRow]] = {}
        self._variants: dict[int, dict[str, list[Variant]]] = {}
        self._flags: dict[int, dict[tuple[str, str, str], _KeptFlag]] = {}
        self._expectations: dict[tuple[str, str | None, str | None], list[Expectation]] = {}
        self._quarantine: dict[tuple[str, bytes, str], Quarantined] = {}
        self._machines: dict[str, str] = {}
        self._names: dict[str, set[str]] = {}
        self._totals: dict[tuple[str, str, str, str], int] = {}
        self._counts: dict[tuple[str, str, str], Count] = {}

    def close(self) -> None:
        pass

    def cut_log(self) -> None:
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

    def reading(self) -> AbstractContextManager[Any]:
        return self._lock

    def _put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Change *table*, and remember how it was; every change goes through here, and values are never changed."""
        if self._undo is not None:
            self._undo.append((table, key, table.get(key, _ABSENT)))
        _set(table, key, value)

    def _number(self, what: str) -> int:
        self._put(self._last_numbers, what, self._last_numbers[what] + 1)
        return self._last_numbers[what]

    # Recordings

    def insert(self, standing: Standing, course: str) -> int:
        if standing.recording_id is not None and standing[:2] in self._numbers:
            raise StorageError(f"journal in memory: {standing.recording_id!r} of {standing.provider} is there already")
        number = self._number("recording")
        self._put(self._numbers, standing[:2], number)
        self._put(self._recordings, number, (standing._replace(flags=()), course))
        self._total(standing, 1)
        return number

    def update(self, number: int, before: Standing, standing: Standing, course: str) -> None:
        self._put(self._recordings, number, (standing._replace(flags=()), course))
        self._total(before, -1)
        self._total(standing, 1)

    def _total(self, standing: Standing, change: int) -> None:
        if standing.exists:
            key = _total_key(standing)
            self._put(self._totals, key, self._totals.get(key, 0) + change)

    def write_flags(self, number: int, raised: Iterable[Flag], cleared: Iterable[Flag], cleared_ms: int) -> None:
        for flag in raised:
            self._put_flag(number, flag, flag=_bare(flag), cleared_ms=None)
        for flag in cleared:
            self._put_flag(number, flag, cleared_ms=cleared_ms)

    def acknowledge(self, number: int, flag: Flag, *, note: str, at_ms: int) -> None:
        self._put_flag(number, flag, note=note, acknowledged_ms=at_ms)

    def _put_flag(self, number: int, flag: Flag, /, **changes: Any) -> None:
        flags = self._flags.setdefault(number, {})
        # The clock's flags follow from deadlines; one of theirs is only here for its note.
        known = flags.get(flag.identity) or _KeptFlag(_bare(flag), flag.raised_ms if flag.is_clocks else None)
        self._put(flags, flag.identity, known._replace(**changes))

    def delete(self, number: int) -> None:
        standing = self.entry(number).standing
        self._total(standing, -1)
        self._put(self._numbers, standing[:2], _ABSENT)
        for table in (self._recordings, self._events, self._variants, self._flags):
            self._put(table, number, _ABSENT)

    def withdraw(self, provider: str, *, recording_id: str | None = None, group_id: str | None = None) -> None:
        self._put(self._expectations, (provider, recording_id, None if recording_id else group_id), _ABSENT)

    def load(self, provider: str, recording_id: str) -> Entry | None:
        number = self._numbers.get((provider, recording_id))
        return None if number is None else self.entry(number)

    def load_announced_group(self, provider: str, group_id: str) -> Entry | None:
        found = self._where(lambda kept: kept[:3] == (provider, None, group_id))
        return self.entry(found[0]) if found else None

    def entry(self, number: int) -> Entry:
        if number not in self._recordings:
            raise StorageError(f"journal in memory: recording number {number} is no longer there")
        standing, course = self._recordings[number]
        flags = sorted(self._flags.get(number, {}).items())
        found = tuple(kept.flag for _, kept in flags if kept.cleared_ms is None)
        notes = {identity: kept.note for identity, kept in flags if kept.note is not None}
        return Entry(number, standing._replace(flags=found), course, notes)

    # Events

    def add_events(self, number: int, rows: Iterable[EventRow]) -> None:
        events = self._events.setdefault(number, {})
        for row in rows:
            if row.event_id in events:
                raise StorageError(f"journal in memory: event {row.event_id!r} is there already")
            self._put(events, row.event_id, row)

    def replace_event(self, number: int, row: EventRow) -> None:
        if self.event(number, row.event_id) is not None:
            self._put(self._events[number], row.event_id, row)

    def set_verdicts(self, number: int, verdicts: Iterable[tuple[str, str]]) -> None:
        for event_id, verdict in verdicts:
            if (row := self.event(number, event_id)) is not None:
                self.replace_event(number, row._replace(verdict=verdict))

    def retell_events(self, number: int, rows: Iterable[EventRow]) -> None:
        for row in rows:
            kept = self.event(number, row.event_id)
            if kept is not None:
                again = kept._replace(name=row.name, occurred_ms=row.occurred_ms, verdict=row.verdict)
                self.replace_event(number, again)

    def events(self, number: int) -> Iterator[EventRow]:
        return iter(list(self._events.get(number, {}).values()))

    def event(self, number: int, event_id: str) -> EventRow | None:
        return self._events.get(number, {}).get(event_id)

    def variants(self, number: int, event_id: str) -> list[Variant]:
        return list(self._variants.get(number, {}).get(event_id, ()))

    def put_variants(self, number: int, event_id: str, variants: Iterable[Variant]) -> None:
        found = sorted(variants, key=lambda variant: (variant.received_ms, variant.sha256))
        self._put(self._variants.setdefault(number, {}), event_id, found)

    # What stands beside the recordings

    def announce(self, expectation: Expectation) -> bool:
        kept = self._expectations.get(expectation[:3], [])
        if expectation not in kept:
            self._put(self._expectations, expectation[:3], [*kept, expectation])
        return expectation not in kept

    def expectations(
        self, provider: str, *, recording_id: str | None = None, group_id: str | None = None
    ) -> list[Expectation]:
        return list(self._expectations.get((provider, recording_id, group_id), ()))

    def group_opened(self, provider: str, group_id: str) -> bool:
        return bool(self._where(lambda kept: kept.opened and (kept.provider, kept.group_id) == (provider, group_id)))

    def quarantine(self, provider: str, received_ms: int, reason: str, body: bytes, query: str) -> None:
        key = (provider, sha256(body).digest(), query)
        known = self._quarantine.get(key)
        number = self._number("quarantine") if known is None else known.number
        first_ms = received_ms if known is None else min(known.received_ms, received_ms)
        self._put(self._quarantine, key, Quarantined(number, provider, first_ms, reason, body, query))

    def is_quarantined(self, provider: str, body: bytes, query: str) -> bool:
        return (provider, sha256(body).digest(), query) in self._quarantine

    def release(self, number: int) -> bool:
        found = [key for key, kept in self._quarantine.items() if kept.number == number]
        for key in found:
            self._put(self._quarantine, key, _ABSENT)
        return bool(found)

    def quarantined(self, *, since_ms: int | None = None) -> Iterator[Quarantined]:
        found = sorted(self._quarantine.values())
        return iter([kept for kept in found if since_ms is None or kept.received_ms >= since_ms])

    def count_quarantined(self, *, since_ms: int | None = None) -> int:
        return len(list(self.quarantined(since_ms=since_ms)))

    def quarantine_size(self) -> tuple[int, int]:
        return len(self._quarantine), sum(len(kept.body) for kept in self._quarantine.values())

    def count(self, provider: str, result: str, kind: str, received_ms: int) -> None:
        key = (provider, result, kind)
        known = self._counts.get(key, Count(*key, 0, received_ms))
        self._put(self._counts, key, Count(*key, known.bodies + 1, max(known.last_received_ms, received_ms)))

    def counts(self) -> list[Count]:
        return sorted(self._counts.values())

    def register_machine(self, digest: str, provider: str, definition: str, at_ms: int) -> None:  # noqa: ARG002
        self._put(self._machines, digest, self._machines.get(digest, definition))

    def machine(self, digest: str) -> str | None:
        return self._machines.get(digest)

    def saw_events(self, provider: str, names: Iterable[str]) -> None:
        if names := set(names):
            self._put(self._names, provider, self._names.get(provider, set()) | names)

    def seen_events(self) -> dict[str, set[str]]:
        return {provider: set(names) for provider, names in self._names.items()}

    def totals(self) -> list[Total]:
        kept = sorted(self._totals.items())
        return [Total(key[0], key[1], key[2] or None, key[3], number) for key, number in kept if number > 0]

    # Look-ups

    def _where(self, fits: Callable[[Standing], bool]) -> list[int]:
        return sorted(number for number, (standing, _) in self._recordings.items() if fits(standing))

    def _named(self, ids: Sequence[tuple[str, str]], names: Callable[[Standing], Sequence[str | None]]) -> list[int]:
        found = [
            number
            for provider, text in ids
            for number in self._where(lambda kept: kept.exists and kept.provider == provider and text in names(kept))  # noqa: B023
        ]
        return list(dict.fromkeys(found))

    def find_ids(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._named(ids, _own_id)

    def find_aliases(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._named(ids, _alias_ids)

    def find_groups(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._named(ids, _group_id)

    def find_unopened(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._where(lambda kept: not kept.exists and (kept.provider, kept.recording_id) in ids)

    def find_prefix(self, prefix: str, *, limit: int, provider: str | None = None) -> list[tuple[str, int]]:
        found: dict[tuple[str, int], None] = {}
        for name in self.providers() if provider is None else (provider,):
            for names in (_own_id, _alias_ids, _group_id):
                numbers = self._where(lambda kept: kept.exists and kept.provider == name)  # noqa: B023
                pairs = [(text, number) for number in numbers for text in names(self._recordings[number][0]) if text]
                found |= dict.fromkeys(sorted(pair for pair in pairs if pair[0].startswith(prefix))[:limit])
        return list(found)

    def providers(self) -> list[str]:
        return sorted({total.provider for total in self.totals()})

    def entries(self, wanted: Filter) -> Iterator[Entry]:
        numbers = self._where(lambda kept: kept.exists and _fits(kept, wanted))
        return iter([self.entry(number) for number in reversed(numbers)])

    def overdue(self, now_ms: int) -> Iterator[Entry]:
        numbers = self._where(lambda kept: any(ms < now_ms for ms in _deadlines(kept)))
        entries = [self.entry(number) for number in numbers]
        return iter(sorted(entries, key=lambda entry: min(_deadlines(entry.standing))))

    def open_totals(self, now_ms: int) -> list[OpenTotal]:
        counted = Counter(
            (kept.provider, tuple(kept.state.items()), *_deadline(kept, now_ms))
            for kept, _ in self._recordings.values()
            if _deadlines(kept)
        )
        return [OpenTotal(key[0], dict(key[1]), *key[2:], number) for key, number in counted.items()]

    def flagged(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        return iter(
            [
                entry
                for entry in self._with_flags()
                if entry.standing.exists
                and _is_flagged(entry.standing, since_ms if entry.standing.complete else None, now_ms)
            ]
        )

    def unopened(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        return iter(
            [
                entry
                for entry in self._with_flags()
                if not entry.standing.exists and _is_flagged(entry.standing, since_ms, now_ms)
            ]
        )

    def _with_flags(self) -> list[Entry]:
        return [self.entry(number) for number in sorted(self._flags.keys() & self._recordings.keys())]

    def unsettled(self, at_ms: int, machines: Collection[str]) -> list[int]:
        numbers = self._where(lambda kept: not kept.complete or kept.machine not in machines)
        rows = ((number, row) for number, events in self._events.items() for row in events.values())
        later = {number for number, row in rows if max(row.received_ms, row.differs_ms or row.received_ms) > at_ms}
        return sorted({*numbers, *later})

    def heard(self, until_ms: int) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for number, events in self._events.items():
            for row in events.values():
                if row.received_ms <= until_ms:
                    names = found.setdefault(self._recordings[number][0].provider, {})
                    names[row.name] = max(row.received_ms, names.get(row.name, row.received_ms))
        return found

    def acknowledgements(self, number: int, until_ms: int) -> dict[tuple[str, str, str], str]:
        flags = self._flags.get(number, {}).items()
        return {key: kept.note for key, kept in flags if kept.note is not None and kept.acknowledged_ms <= until_ms}

    def over_before(self, before_ms: int, *, limit: int) -> list[int]:
        def is_over(kept: Standing) -> bool:
            was_complete = kept.completed_ms is not None and kept.completed_ms < before_ms
            return (was_complete or not kept.exists) and (kept.last_received_ms or 0) < before_ms

        return self._where(is_over)[:limit]

    def numbers(self, *, after: int = 0, limit: int | None = None) -> list[int]:
        return sorted(number for number in self._recordings if number > after)[:limit]

    def damages(self) -> Iterator[str]:
        return iter([*self._damaged_bodies(), *self._damaged_totals()])

    def _damaged_bodies(self) -> Iterator[str]:
        bodies = [("events", row.sha256, row.body) for rows in self._events.values() for row in rows.values()]
        variants = [found for events in self._variants.values() for found in events.values()]
        bodies += [("deliveries", variant.sha256, variant.body) for found in variants for variant in found]
        bodies += [("quarantine", key[1], kept.body) for key, kept in self._quarantine.items()]
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


def _bare(flag: Flag) -> Flag:
    """Leave out the operator's note, which is kept beside."""
    return flag._replace(acknowledged=False, note=None)


def _total_key(standing: Standing) -> tuple[str, str, str, str]:
    return (standing.provider, standing.phase, standing.outcome or "", standing.machine)


def _own_id(standing: Standing) -> tuple[str | None, ...]:
    return (standing.recording_id,)


def _alias_ids(standing: Standing) -> tuple[str, ...]:
    return standing.aliases


def _group_id(standing: Standing) -> tuple[str | None, ...]:
    return (standing.group_id,)


def _deadlines(standing: Standing) -> list[int]:
    return [ms for ms in (standing.stall_ms, standing.due_ms) if ms is not None]


def _deadline(standing: Standing, now_ms: int) -> tuple[str | None, bool]:
    """Return the region of the earlier deadline, and whether it has passed."""
    earlier = min(_deadlines(standing))
    return standing.stall_region if standing.stall_ms == earlier else standing.due_region, earlier < now_ms


def _fits(standing: Standing, wanted: Filter) -> bool:
    asked = ((wanted.provider, standing.provider), (wanted.phase, standing.phase), (wanted.outcome, standing.outcome))
    last_ms = standing.last_received_ms
    recent = wanted.since_ms is None or (last_ms is not None and last_ms >= wanted.since_ms)
    overdue = wanted.overdue_ms is None or any(ms < wanted.overdue_ms for ms in _deadlines(standing))
    return recent and overdue and all(value in (None, found) for value, found in asked)


def _is_flagged(standing: Standing, since_ms: int | None, now_ms: int) -> bool:
    """Tell whether it has an open error or warning, got after *since_ms* if any is given."""
    return any(
        flag.severity != INFO
        and (flag.code != "missing-event" or flag.raised_ms < now_ms)
        and (since_ms is None or flag.raised_ms > since_ms)
        for flag in standing.flags
    )
