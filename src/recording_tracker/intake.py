"""Intake: parsed deliveries in, the journal and the recordings brought up to date, inside one transaction."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from recording_tracker.adapters import Adapter
from recording_tracker.audit import open_flags
from recording_tracker.conclusion import conclude
from recording_tracker.errors import QuarantineFullError
from recording_tracker.events import Callback, Event
from recording_tracker.flags import Flag
from recording_tracker.fold import Course
from recording_tracker.groups import groups_to_settle, settle_group
from recording_tracker.journal import Entry, EventRow, Expectation, Journal, Variant, latest
from recording_tracker.machine import Machine
from recording_tracker.parsing import Parsed, content_of, reread
from recording_tracker.redelivery import Delivery, adds_nothing, merge
from recording_tracker.standing import Standing
from recording_tracker.timeline import Timeline, weight_of

CACHED_WEIGHT = 20_000
"""Events that are kept parsed between transactions, over all recordings; some 20 MB. Their files weigh too."""
CACHED_WEIGHT_EACH = 1_000
"""Events of one recording that are kept parsed; of a longer one only the last are."""
CACHED_RECORDINGS = 2_000


@dataclass(frozen=True, slots=True)
class QuarantineLimits:
    """How much is kept aside; strangers can send what is, where a provider signs nothing."""

    bodies: int = 10_000
    bytes: int = 100 * 2**20

    def full(self, bodies: int, size: int) -> bool:
        """Tell whether no more is kept."""
        return bodies >= self.bodies or size >= self.bytes


class Change(NamedTuple):
    """What deliveries did to one recording."""

    entry_number: int
    standing: Standing
    new: int
    """How many events were not known before."""
    raised: tuple[Flag, ...] = ()
    cleared: tuple[Flag, ...] = ()


@dataclass(slots=True)
class Held:
    """A recording in memory."""

    number: int | None
    standing: Standing
    timeline: Timeline
    ids: set[str] | None
    """The ids of all its events; None where only its course is here."""
    announced_until_ms: int | None = None
    counted: int = 0
    """How much of its weight the intake has on its account."""
    has_course: bool = True
    """Whether the timeline can go on from what is kept; else it has to be folded from the journal."""


class Intake:
    """
    Takes deliveries into *journal*, whose write transaction the caller holds.

    It remembers the recordings it has touched, so the next event in order needs no reading.
    """

    def __init__(
        self,
        journal: Journal,
        adapters: Mapping[str, Adapter],
        machines: Mapping[str, Machine],
        quarantine: QuarantineLimits,
    ) -> None:
        self._journal = journal
        self._quarantine = quarantine
        self._adapters = adapters
        self._machines = machines
        self._held: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._weight = 0
        self._registered: set[str] = set()
        self._seen_names: dict[str, set[str]] = {}
        self._has_begun = False

    def forget(self) -> None:
        """Drop what is remembered."""
        self._held.clear()
        self._weight = 0
        self._registered.clear()
        self._seen_names.clear()

    def begin(self) -> None:
        """Make sure that what is remembered is what the journal holds; first thing in a transaction."""
        # Noted first: an interrupt below leaves it so, and the next transaction forgets what this one could not.
        was_undone, self._has_begun = self._has_begun, True
        if self._journal.changed_elsewhere() or was_undone:
            self.forget()

    def end(self) -> None:
        """Go on with what is remembered, because the transaction has been committed; else the next begins anew."""
        self._has_begun = False

    # Bodies

    def set_aside(self, parsed: Parsed) -> None:
        """Keep a body that could not be attributed; raises QuarantineFullError where that is more than is kept."""
        callback, query = parsed.callback, _query(parsed.callback)
        bodies, size = self._journal.quarantine_size()
        is_full = self._quarantine.full(bodies, size + len(callback.body))
        if is_full and not self._journal.is_quarantined(callback.provider, callback.body, query):
            raise QuarantineFullError(
                f"the quarantine is full with {bodies} bodies of {size} bytes; see 'tracker quarantine list'"
            )
        self._journal.quarantine(callback.provider, callback.received_ms, parsed.detail, callback.body, query)

    def count(self, taken: Iterable[tuple[Parsed, str]]) -> None:
        """Count bodies by what became of them."""
        for parsed, result in taken:
            # What is rejected or quarantined says why in words that may hold the sender's; only ignored has kinds.
            kind = parsed.detail if result == "ignored" else ""
            self._journal.count(parsed.callback.provider, result, kind, parsed.callback.received_ms)

    # Events

    def take(
        self, provider: str, recording_id: str, arrivals: Sequence[tuple[Event, Callback]], *, at_ms: int
    ) -> tuple[Change, list[bool]]:
        """
        Take events of one recording in; say what changed, and of each event whether it is new.

        *at_ms* is the moment at which flags are compared, milliseconds since 1970.
        """
        machine = self._machines[provider]
        held = self._hold(machine, recording_id)
        kept: dict[str, _Kept] = {}
        is_new = []
        for event, callback in arrivals:
            found = kept.get(event.event_id) or self._kept(held, event.event_id)
            is_new.append(found is None)
            if found is None:
                kept[event.event_id] = _Kept(_event_row(event, callback), event)
            else:
                kept[event.event_id] = found
                self._redeliver(held, found, event, callback)
        return self._fold_in(machine, held, kept, duplicates=is_new.count(False), at_ms=at_ms), is_new

    def _hold(self, machine: Machine, recording_id: str) -> Held:
        key = (machine.provider, recording_id)
        held = self._held.get(key)
        if held is None:
            entry = self._journal.load(machine.provider, recording_id)
            held = self._held[key] = self._held_of(machine, recording_id, entry)
        self._held.move_to_end(key)
        return held

    def _held_of(self, machine: Machine, recording_id: str, entry: Entry | None) -> Held:
        if entry is None:
            standing = Standing(machine.provider, recording_id, machine=machine.digest)
            return Held(None, standing, Timeline(machine), set())
        until_ms = self._announced_until(machine.provider, recording_id) if entry.standing.announced else None
        current = entry.standing.machine == machine.digest and entry.course
        course = Course.load(entry.course, entry.standing) if current else None
        held = Held(entry.number, entry.standing, Timeline(machine, course), None, until_ms)
        held.has_course = course is not None or not entry.standing.events
        return held

    def _announced_until(self, provider: str, recording_id: str) -> int | None:
        """Return the moment by which the latest announcement wants it to have opened."""
        found = latest(self._journal.expectations(provider, recording_id=recording_id))
        return None if found is None else found.until_ms

    def _kept(self, held: Held, event_id: str) -> _Kept | None:
        if held.number is None or (held.ids is not None and event_id not in held.ids):
            return None
        row = self._journal.event(held.number, event_id)
        return None if row is None else _Kept(row, None, stored=row)

    def _redeliver(self, held: Held, kept: _Kept, event: Event, callback: Callback) -> None:
        row = _event_row(event, callback)
        same = (row.sha256, row.query) == (kept.row.sha256, kept.row.query)
        delivered = Delivery(row, "" if same else self._content(held, row))
        before = Delivery(kept.row, "" if same else self._content(held, kept.row))
        if adds_nothing(before, delivered):
            kept.row = kept.row._replace(deliveries=kept.row.deliveries + 1)
            return
        if kept.variants is None:
            stored = self._journal.variants(held.number, row.event_id) if held.number and kept.stored else []
            kept.variants = {variant.content: variant for variant in stored}
        (kept.row, _), kept.variants = merge(before, kept.variants, delivered)
        kept.event = None

    def _content(self, held: Held, row: EventRow) -> str:
        assert held.standing.recording_id is not None
        return content_of(self._adapters[held.standing.provider], held.standing.recording_id, row)

    def _fold_in(
        self, machine: Machine, held: Held, kept: Mapping[str, _Kept], *, duplicates: int, at_ms: int
    ) -> Change:
        """Fold what is new into the recording, and write all that has changed."""
        new = [found for found in kept.values() if found.stored is None]
        again = [found for found in kept.values() if found.stored is not None]
        events, told = [self._event_of(held, found) for found in new], dict[str, str]()
        if self._must_refold(machine, held, events, again):
            events, told = self._refolded(machine, held, kept)
        changed = held.timeline.insert(events)
        verdicts = {line.event.event_id: line.verdict for line in changed}
        if told:
            verdicts = {event_id: verdict for event_id, verdict in verdicts.items() if told.get(event_id) != verdict}
        before = held.standing
        held.standing = conclude(
            machine,
            held.timeline.course,
            before.recording_id,
            announced_until_ms=held.announced_until_ms,
            duplicates=before.duplicates + duplicates,
        )
        raised, cleared = self._write(machine, held, before, at_ms)
        self._write_events(held, new, again, verdicts)
        self._remember(held, new)
        self._saw(machine, new)
        assert held.number is not None
        return Change(held.number, held.standing, len(new), raised, cleared)

    def _must_refold(self, machine: Machine, held: Held, events: Sequence[Event], again: Sequence[_Kept]) -> bool:
        """Tell whether what is in memory is not enough to go on from."""
        if not held.has_course or held.standing.machine != machine.digest:
            return True
        if any(found.counts_anew for found in again):
            return True
        return held.ids is None and not all(held.timeline.reaches(event) for event in events)

    def _write_events(self, held: Held, new: Sequence[_Kept], again: Sequence[_Kept], verdicts: dict[str, str]) -> None:
        """Write the events that came, and the *verdicts* that they and others have got."""
        number = held.number
        assert number is not None
        self._journal.add_events(number, [found.row.with_verdict(verdicts.pop(found.row.event_id)) for found in new])
        for found in again:
            row = found.row.with_verdict(verdicts.pop(found.row.event_id, found.row.verdict))
            self._journal.replace_event(number, row)
        for found in (*new, *again):
            if found.variants is not None:
                self._journal.put_variants(number, found.row.event_id, found.variants.values())
        if verdicts:
            self._journal.set_verdicts(number, verdicts.items())

    def _event_of(self, held: Held, kept: _Kept) -> Event:
        return kept.event or self._reread(held, kept.row)

    def _reread(self, held: Held, row: EventRow) -> Event:
        assert held.standing.recording_id is not None
        return reread(self._adapters[held.standing.provider], held.standing.recording_id, row)

    def _refolded(self, machine: Machine, held: Held, kept: Mapping[str, _Kept]) -> tuple[list[Event], dict[str, str]]:
        """
        Begin the timeline anew.

        Returns all events, those in the journal and those about to be, and the verdicts that the journal has.
        """
        events: list[Event] = []
        told: dict[str, str] = {}
        for row in () if held.number is None else self._journal.events(held.number):
            told[row.event_id] = row.verdict
            if row.event_id not in kept:
                events.append(self._reread(held, row))
        events += [self._reread(held, found.row) for found in kept.values()]
        held.timeline, held.ids, held.has_course = Timeline(machine), {event.event_id for event in events}, True
        return events, told

    def _write(
        self, machine: Machine, held: Held, before: Standing, at_ms: int
    ) -> tuple[tuple[Flag, ...], tuple[Flag, ...]]:
        """Write where the recording stands now, and its flags; return those raised and those cleared."""
        standing, course = held.standing, held.timeline.course.dump()
        if held.number is None:
            held.number = self._journal.insert(standing, course)
        else:
            self._journal.update(held.number, before, standing, course)
        self._register(machine, at_ms)
        open_before, open_after = open_flags(before, at_ms), open_flags(standing, at_ms)
        raised, cleared = _difference(open_before, open_after) if open_before or open_after else ((), ())
        if cleared or before.flags != standing.flags:
            written, gone = _difference(before.flags, standing.flags)
            clocks = tuple(flag for flag in cleared if flag.is_clocks)
            self._journal.write_flags(held.number, written, (*gone, *clocks), at_ms)
        for group_id in groups_to_settle(before, standing):
            settle_group(self._journal, machine, group_id)
        return raised, cleared

    def _register(self, machine: Machine, at_ms: int) -> None:
        if machine.digest not in self._registered:
            self._registered.add(machine.digest)
            self._journal.register_machine(machine.digest, machine.provider, machine.to_json(), at_ms)

    def _remember(self, held: Held, new: Sequence[_Kept]) -> None:
        """Keep the recording in memory, and let go of what has not been touched for longest."""
        if held.ids is not None:
            held.ids.update(found.row.event_id for found in new)
        if held.timeline.weight > CACHED_WEIGHT_EACH:
            held.timeline.let_go(keep=CACHED_WEIGHT_EACH // 2)
            held.ids = None
        weight = held.timeline.weight + weight_of(held.standing.files)
        self._weight += weight - held.counted
        held.counted = weight
        while len(self._held) > CACHED_RECORDINGS or (self._weight > CACHED_WEIGHT and len(self._held) > 1):
            _, old = self._held.popitem(last=False)
            self._weight -= old.counted

    def _saw(self, machine: Machine, new: Sequence[_Kept]) -> None:
        """Remember which events have ever come; only the machine's own, of which there are not many."""
        seen = self._seen_names.setdefault(machine.provider, set())
        unseen = {found.row.name for found in new if found.row.name not in seen and found.row.name in machine.places}
        if unseen:
            seen.update(unseen)
            self._journal.saw_events(machine.provider, unseen)

    # Announcements

    def announce(self, expectation: Expectation, *, at_ms: int) -> Change | None:
        """Keep an announcement; None where it changes no recording."""
        machine = self._machines[expectation.provider]
        self._journal.announce(expectation)
        if expectation.recording_id is None:
            assert expectation.group_id is not None
            settled = settle_group(self._journal, machine, expectation.group_id)
            return None if settled is None else Change(*settled, 0)
        held = self._hold(machine, expectation.recording_id)
        held.announced_until_ms = self._announced_until(machine.provider, expectation.recording_id)
        return self._fold_in(machine, held, {}, duplicates=0, at_ms=at_ms)


@dataclass(slots=True)
class _Kept:
    """An event on its way into the journal: its row, parsed where nothing has changed it, and as it is stored."""

    row: EventRow
    event: Event | None
    stored: EventRow | None = None
    variants: dict[str, Variant] | None = None
    """By content; None as long as no delivery contradicts another."""

    @property
    def counts_anew(self) -> bool:
        """Whether the fold must see another delivery of it than before."""
        return self.stored is not None and self.row._replace(deliveries=self.stored.deliveries) != self.stored


def _event_row(event: Event, callback: Callback) -> EventRow:
    return EventRow(
        event.event_id,
        event.name,
        event.occurred_ms,
        event.received_ms,
        "",
        1,
        None,
        sha256(callback.body).digest(),
        callback.body,
        _query(callback),
    )


def _query(callback: Callback) -> str:
    return json.dumps(dict(callback.query), sort_keys=True) if callback.query else "{}"


def _difference(before: Iterable[Flag], after: Iterable[Flag]) -> tuple[tuple[Flag, ...], tuple[Flag, ...]]:
    """Return the flags that are new or tell something else, and those that are gone."""
    old = {flag.identity: flag for flag in before}
    new = {flag.identity: flag for flag in after}
    raised = tuple(flag for identity, flag in new.items() if old.get(identity) != flag)
    return raised, tuple(flag for identity, flag in old.items() if identity not in new)
