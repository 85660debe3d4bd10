"""Observed: the newest complete recordings of one provider in; how long they took, state by state, out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice, pairwise
from operator import attrgetter

from recording_tracker.adapters import Adapter
from recording_tracker.events import RESOLVED, Event
from recording_tracker.fold import Assumption
from recording_tracker.journal import Entry, Expectation, Filter, Journal
from recording_tracker.machine import Machine
from recording_tracker.parsing import reread_all
from recording_tracker.timeline import Timeline

NEWEST = 500
"""Recordings that are looked at unless another number is asked for."""

Times = dict[tuple[str, str], list[int]]


@dataclass(frozen=True, slots=True)
class Observed:
    """
    What the newest complete recordings of one provider did; every time is in milliseconds.

    They are folded once more in the order in which their events were *received*, because that is what
    an audit between two of them would have seen. So a time runs from where a limit is counted from (the
    time of an event, at most its receipt) to the receipt of the event that ended the waiting: an audit
    just before that would have raised the limit's flag if and only if the time is longer than the limit.
    """

    provider: str
    recordings: int
    stays: Times
    """(region, state) → from entering it until it was known to be left or the recording to be complete; one a visit."""
    silences: Times
    """(region, state) → from the last event until the next was received, while in the state; the longest of a visit."""
    delays_ms: list[int]
    """Receipt less the provider's time, of each event that has one; less than nothing where its clock is ahead."""
    events: int
    duplicates: int
    late: int
    """Events that came after another had implied them."""
    missing: int
    """Promised events that another implies, and that have never come."""
    lateness_ms: list[int]
    """Of each late one: from the receipt of the event that implied it to its own."""
    lives_ms: list[int]
    """From the first event until the recording was known to be complete."""
    starts_ms: list[int]
    """From announcing a recording, or its group, until an event that opens it was received."""


def observe(
    journal: Journal,
    adapters: Mapping[str, Adapter],
    machines: Mapping[str, Machine],
    *,
    provider: str,
    limit: int = NEWEST,
) -> Observed:
    """
    Fold the newest *limit* complete recordings of *provider* once more, by today's machine.

    What an operator resolved tells nothing of how long the provider takes: a visit that a resolution ends
    is left out, and so is the whole life of its recording.
    """
    machine, adapter = machines[provider], adapters[provider]
    complete = journal.entries(Filter(provider=provider, phase="finished"))
    lives = [_lived(journal, entry, machine, adapter) for entry in islice(complete, limit)]
    return Observed(
        provider=provider,
        recordings=len(lives),
        stays=_joined((visit.place, visit.stay_ms) for life in lives for visit in life.visits),
        silences=_joined((visit.place, visit.silence_ms) for life in lives for visit in life.visits),
        delays_ms=[delay for life in lives for delay in life.delays_ms],
        events=sum(life.events for life in lives),
        duplicates=sum(life.duplicates for life in lives),
        late=sum(len(life.lateness_ms) for life in lives),
        missing=sum(life.missing for life in lives),
        lateness_ms=[late for life in lives for late in life.lateness_ms],
        lives_ms=[life.whole_ms for life in lives if life.whole_ms is not None],
        starts_ms=list(_starts(journal, provider, lives)),
    )


def _joined(pairs: Iterable[tuple[tuple[str, str], int]]) -> Times:
    found: Times = {}
    for place, length in pairs:
        found.setdefault(place, []).append(length)
    return found


@dataclass(slots=True, eq=False)
class _Visit:
    """A stay in a state that has begun; times as far as they are known."""

    place: tuple[str, str]
    stay_ms: int = 0
    silence_ms: int = 0


@dataclass(slots=True)
class _Life:
    """What one recording did."""

    entry: Entry
    events: int
    duplicates: int
    missing: int = 0
    visits: list[_Visit] = field(default_factory=list)
    delays_ms: list[int] = field(default_factory=list)
    lateness_ms: list[int] = field(default_factory=list)
    opened_ms: int | None = None
    whole_ms: int | None = None


def _lived(journal: Journal, entry: Entry, machine: Machine, adapter: Adapter) -> _Life:
    recording_id = entry.standing.recording_id
    assert recording_id is not None, "what is complete has events"
    events, deliveries = reread_all(adapter, recording_id, journal.events(entry.number))
    life = _Life(entry, len(events), sum(deliveries.values()) - len(events))
    _Watch(machine, life).follow(events)
    return life


def _starts(journal: Journal, provider: str, lives: Iterable[_Life]) -> Iterator[int]:
    """Yield how long each announced recording was waited for, and each announced group for the first of its own."""
    opened: dict[int, int] = {}
    groups: set[str] = set()
    for life in lives:
        standing = life.entry.standing
        if life.opened_ms is not None and standing.recording_id is not None:
            opened[life.entry.number] = life.opened_ms
            yield from _waited(journal.expectations(provider, recording_id=standing.recording_id), life.opened_ms)
            groups.update([standing.group_id] if standing.group_id is not None else [])
    for group_id in sorted(groups):
        announced = journal.expectations(provider, group_id=group_id)
        members = set(journal.find_groups([(provider, group_id)])) if announced else set()
        # Where one of the group is not looked at, nobody knows here which was the first.
        if members <= opened.keys():
            yield from _waited(announced, min((opened[number] for number in members), default=0))


def _waited(announced: Iterable[Expectation], opened_ms: int) -> Iterator[int]:
    """Yield the longest wait between announcements, and from the last one before it until *opened_ms*."""
    begun = sorted(known.expected_ms for known in announced if known.expected_ms <= opened_ms)
    if begun:
        yield max(after - before for before, after in pairwise([*begun, opened_ms]))


class _Watch:
    """Follows a recording as its events were received, and writes into *life* what was waited for, and how long."""

    def __init__(self, machine: Machine, life: _Life) -> None:
        self._machine = machine
        self._life = life
        self._timeline = Timeline(machine)
        self._visits: list[_Visit] = []
        """One of each region while the recording is open, else none."""
        self._open_ms = 0
        """How long after its first event it was last known to be open."""
        self._complete = False

    def follow(self, events: Iterable[Event]) -> None:
        """Take *events* in as they were received."""
        for received_ms, arrived in _arrivals(events):
            self._wait(received_ms)
            assumed = self._timeline.course.assumed
            self._timeline.insert(arrived)
            self._life.lateness_ms += _lateness(assumed, self._timeline.course.assumed, arrived)
            self._life.delays_ms += (
                received_ms - event.occurred_ms for event in arrived if event.occurred_ms is not None
            )
            self._move(received_ms)
        self._life.missing = len(self._timeline.course.assumed)
        resolved = any(line.event.name == RESOLVED for line in self._timeline.lines)
        self._life.whole_ms = self._open_ms if self._complete and not resolved else None

    def _wait(self, until_ms: int) -> None:
        """Let time pass until something is received."""
        course = self._timeline.course
        for number, visit in enumerate(self._visits):
            # A region that has not moved has been in its initial state since the first event.
            entered_ms = course.entered_ms[number] or course.first_ms
            visit.stay_ms = max(visit.stay_ms, until_ms - entered_ms)
            visit.silence_ms = max(visit.silence_ms, until_ms - course.last_ms)

    def _move(self, received_ms: int) -> None:
        """End the visits that are over, and begin those that follow."""
        course = self._timeline.course
        if not self._complete:
            self._open_ms = received_ms - course.first_ms
        self._complete = course.opened and self._machine.situation(course.states).complete
        if course.opened and self._life.opened_ms is None:
            self._life.opened_ms = received_ms
        before, self._visits = self._visits, []
        if course.opened and not self._complete and course.resolved is None:
            places = enumerate(self._machine.state_names(course.states).items())
            begun = dict(enumerate(before))
            self._visits = [_going_on(begun.get(number), place) for number, place in places]
        if course.resolved is None:
            self._life.visits += [visit for visit in before if visit not in self._visits]


def _going_on(visit: _Visit | None, place: tuple[str, str]) -> _Visit:
    return visit if visit is not None and visit.place == place else _Visit(place)


def _arrivals(events: Iterable[Event]) -> Iterator[tuple[int, list[Event]]]:
    received = attrgetter("received_ms")
    for received_ms, arrived in groupby(sorted(events, key=received), key=received):
        yield received_ms, list(arrived)


def _lateness(before: Iterable[Assumption], after: Iterable[Assumption], arrived: Iterable[Event]) -> Iterator[int]:
    """Yield how late each of the *arrived* events was that had been assumed to have happened unseen."""
    left = {(assumed.region, assumed.names, assumed.worker) for assumed in after}
    settled = [assumed for assumed in before if (assumed.region, assumed.names, assumed.worker) not in left]
    for event in arrived:
        implied_ms = [assumed.received_ms for assumed in settled if event.name in assumed.names]
        if implied_ms:
            yield event.received_ms - min(implied_ms)
