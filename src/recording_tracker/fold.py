"""Fold: what a recording's events, taken in lifecycle order, make of it."""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from pydantic_core import to_json

from recording_tracker import findings
from recording_tracker.events import RESOLVED, SUPERSEDED, Event, File
from recording_tracker.flags import Flag
from recording_tracker.machine import Machine
from recording_tracker.standing import Standing

VERDICTS = ("taken", "late", "implied", "conflict", "illegal", "unknown")
"""From the one that needs no word to the one that needs most; an event shows the last of its regions' verdicts."""
_WEIGHT = {verdict: weight for weight, verdict in enumerate(VERDICTS)}

FOLD_VERSION = 2
"""To be raised when the same events may end in another course: nobody goes on from what an older fold wrote."""

# What a stranger can make grow without end is cut here, so that an event of a recording always costs the same.
MAX_FLAGS = 100
MAX_ALIASES = 16
MAX_WORKERS = 16
MAX_SEQUENCE_RANGES = 64
MAX_ASSUMED = 64
MAX_FILES = 10_000

Key = tuple[int, int, int, str]


class Assumption(NamedTuple):
    """Events of which one must have been sent and none has come, and the event that says so."""

    region: int
    names: tuple[str, ...]
    received_ms: int
    implied_by: str
    worker: str | None = None
    """Whose event says so: what another worker sends is not what this one has sent."""


class Span(NamedTuple):
    """Consecutive sequence numbers that have come from one worker, and when its two ends did."""

    worker: str
    first: int
    last: int
    first_received_ms: int
    last_received_ms: int


@dataclass(slots=True)
class Course:
    """
    Where a fold has got to after some events; the next event changes it.

    Moments are milliseconds since 1970.
    """

    states: tuple[int, ...]
    entered_ms: tuple[int, ...]
    key: Key = (-1, 0, 0, "")
    events: int = 0
    opened: bool = False
    group_id: str | None = None
    aliases: tuple[str, ...] = ()
    assumed: tuple[Assumption, ...] = ()
    flags: tuple[Flag, ...] = ()
    dropped: tuple[tuple[str, str, int, int], ...] = ()
    """(code, severity, count, received_ms of the last) of the flags beyond those that are kept."""
    files: tuple[File, ...] = ()
    spans: tuple[Span, ...] = ()
    worker: str | None = None
    retired: tuple[str, ...] = ()
    first_ms: int = -1
    """When the first event was; -1 where nobody but an operator has told of the recording."""
    last_ms: int = 0
    last_name: str = ""
    last_occurred_ms: int | None = None
    last_received_ms: int = 0
    recording_ms: int | None = None
    left_recording_ms: int | None = None
    completed_ms: int | None = None
    body_started_ms: int | None = None
    body_ended_ms: int | None = None
    progress: float | None = None
    resolved: str | None = None

    def dump(self) -> str:
        """Write as JSON what the recording's standing does not tell."""
        values = list(_fields_of(self))
        for place in _RECORDS:
            # As they are, pydantic would look for what makes each of them special, in as long as all else takes.
            values[place] = list(map(tuple, values[place]))
        return to_json((FOLD_VERSION, *values)).decode()

    @classmethod
    def load(cls, text: str, standing: Standing) -> Course | None:
        """
        Read what ``dump`` wrote, and the rest from the *standing* that was concluded from it.

        None where another version of the fold wrote it, or it is no course: then the journal has to be folded.
        """
        try:
            version, *values = json.loads(text)
            course = cls(**dict(zip(_DUMPED, values, strict=True)))
        except (ValueError, TypeError):
            return None
        if version != FOLD_VERSION:
            return None
        course._take_shape()
        for name in _TOLD:
            setattr(course, name, getattr(standing, name))
        if standing.last_name is not None and standing.last_received_ms is not None:
            course.last_name, course.last_received_ms = standing.last_name, standing.last_received_ms
        return course

    @staticmethod
    def is_of_another_version(text: str) -> bool:
        """Tell whether another version of the fold wrote *text*: nobody goes on from it, so it misleads nobody."""
        try:
            version = json.loads(text)[0]
        except (ValueError, TypeError, LookupError):
            return False
        return isinstance(version, int) and version != FOLD_VERSION

    def _take_shape(self) -> None:
        """Make of JSON's lists what they were."""
        self.states, self.entered_ms = tuple(self.states), tuple(self.entered_ms)
        self.key = (self.key[0], self.key[1], self.key[2], self.key[3])
        self.retired = tuple(self.retired)
        self.assumed = tuple(Assumption(a[0], tuple(a[1]), *a[2:]) for a in self.assumed)
        self.flags = tuple(Flag(*f[:4], tuple(f[4]), *f[5:]) for f in self.flags)
        self.dropped = tuple((row[0], row[1], row[2], row[3]) for row in self.dropped)
        self.spans = tuple(Span(*span) for span in self.spans)

    def copy(self) -> Course:
        """Return another that goes its own way."""
        return Course(*_all_of(self))


_TOLD = ("events", "opened", "group_id", "aliases", "files", "last_occurred_ms")
_NAMES = tuple(Course.__dataclass_fields__)
_DUMPED = tuple(name for name in _NAMES if name not in (*_TOLD, "last_name", "last_received_ms"))
_RECORDS = tuple(_DUMPED.index(name) for name in ("assumed", "flags", "spans"))
_all_of = attrgetter(*_NAMES)
_fields_of = attrgetter(*_DUMPED)


def start(machine: Machine) -> Course:
    """Return the course of a recording of which nothing has come."""
    return Course(states=machine.initial, entered_ms=(0,) * len(machine.initial))


def order_key(machine: Machine, event: Event) -> Key:
    """Return what lifecycle order sorts by: time, place in the machine's events, sequence, event id."""
    time_ms = event.received_ms if event.occurred_ms is None else event.occurred_ms
    sequence = -1 if event.sequence is None else event.sequence
    return (time_ms, machine.place(event.name), sequence, event.event_id)


def step(machine: Machine, course: Course, event: Event, key: Key) -> str:
    """
    Take *event*, whose order key is *key*, into *course*; return its verdict.

    Never raises: an event that does not fit leaves the state as it was and becomes a flag.
    """
    time_ms, at_ms = key[0], event.received_ms
    # A clock ahead of ours must not put a deadline off.
    at_ms = min(at_ms, time_ms)
    if course.first_ms < 0 and event.name != RESOLVED:
        course.first_ms = at_ms
    course.events += 1
    course.key = key
    course.last_name, course.last_occurred_ms, course.last_received_ms = (
        event.name,
        event.occurred_ms,
        event.received_ms,
    )
    before, name, repeats_switch = course.states, event.name, False
    if machine.incarnation_switch is not None:
        repeats_switch = _repeats_switch(machine, course, event)
        name = _followed(machine, course, event, at_ms)
        if name != event.name and name not in machine.moves:
            _settle(machine, course, event.name, event.incarnation)
            return "late"
    course.last_ms = max(course.last_ms, at_ms)
    course.opened = course.opened or name in machine.openers or name == RESOLVED
    _note(machine, course, event)
    for found in findings.of_body(machine, event):
        _find(course, found)
    if repeats_switch:
        _settle(machine, course, name, None)
        return "late"
    verdict = _move(machine, course, event, name, at_ms)
    if course.states != before or name == RESOLVED:
        _mark_moments(machine, course, time_ms)
    return verdict


def _move(machine: Machine, course: Course, event: Event, name: str, at_ms: int) -> str:
    """Take the five steps in each region that knows *name*; return the verdict that needs most words."""
    if name == RESOLVED:
        course.resolved = event.outcome
        return "taken"
    moves = machine.moves.get(name)
    if moves is None:
        _find(course, findings.unknown_event(event))
        return "unknown"
    settled = _settle(machine, course, name, event.incarnation) if course.assumed else set()
    worst = 0
    for number, region_moves in moves:
        state = course.states[number]
        verdict, dest, assumed = region_moves[state]
        if verdict != "taken" and number in settled:
            verdict = "late"
        elif verdict in ("taken", "implied"):
            for names in assumed:
                _assume(course, Assumption(number, names, event.received_ms, event.name, event.incarnation))
            if dest != state:
                _enter(course, number, dest, at_ms)
        else:
            _find(course, findings.misfit(machine.regions[number], state, event, verdict))
        worst = max(worst, _WEIGHT[verdict])
    return VERDICTS[worst]


def _settle(machine: Machine, course: Course, name: str, worker: str | None) -> set[int]:
    """Take back every assumption that names the worker's event in a region that knows it; return those regions."""
    regions = {number for number, _ in machine.moves.get(name, ())}
    settled = [
        assumed
        for assumed in course.assumed
        if assumed.region in regions and name in assumed.names and _same_worker(worker, assumed.worker)
    ]
    if settled:
        course.assumed = tuple(assumed for assumed in course.assumed if assumed not in settled)
    return {assumed.region for assumed in settled}


def _same_worker(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _enter(course: Course, region: int, state: int, at_ms: int) -> None:
    course.states = (*course.states[:region], state, *course.states[region + 1 :])
    course.entered_ms = (*course.entered_ms[:region], at_ms, *course.entered_ms[region + 1 :])


def _assume(course: Course, assumption: Assumption) -> None:
    known = ((old.region, old.names, old.worker) for old in course.assumed)
    if len(course.assumed) < MAX_ASSUMED and (assumption.region, assumption.names, assumption.worker) not in known:
        course.assumed = (*course.assumed, assumption)


def _followed(machine: Machine, course: Course, event: Event, at_ms: int) -> str:
    """Follow the recording from worker to worker; return the name under which the event is folded."""
    worker = event.incarnation
    # A switch names the new worker, whoever sends it.
    if event.name == machine.incarnation_switch and event.successor is not None:
        if event.successor != course.worker and event.successor not in course.retired:
            _retire(course, course.worker)
            course.worker = event.successor
        if worker != course.worker:
            _retire(course, worker)
        return event.name
    if worker is None:
        return event.name
    if course.worker is None:
        course.worker = worker
    if worker == course.worker:
        return event.name
    if worker in course.retired:
        return event.name + SUPERSEDED
    _retire(course, course.worker)
    course.worker = worker
    _assume_switch(machine, course, event, at_ms)
    return event.name


def _retire(course: Course, worker: str | None) -> None:
    if worker is not None and worker not in course.retired:
        course.retired = (*course.retired, worker)[-MAX_WORKERS:]


def _assume_switch(machine: Machine, course: Course, event: Event, at_ms: int) -> None:
    """Apply the switch that a worker never heard of implies, as assumed unseen."""
    switch = machine.incarnation_switch
    assert switch is not None
    moves = machine.moves[switch]
    for number, region_moves in moves:
        move = region_moves[course.states[number]]
        if move.verdict == "taken" and move.dest != course.states[number]:
            _enter(course, number, move.dest, at_ms)
    if switch in machine.promised:
        _assume(course, Assumption(moves[0][0], (switch,), event.received_ms, event.name))


def _repeats_switch(machine: Machine, course: Course, event: Event) -> bool:
    """Tell whether the event is a switch to a worker that has been heard of already."""
    if event.name != machine.incarnation_switch or event.successor is None:
        return False
    return event.successor == course.worker or event.successor in course.retired


def _note(machine: Machine, course: Course, event: Event) -> None:
    """Keep what the body tells beside its event."""
    if course.group_id is None:
        course.group_id = event.group_id
    for alias in event.aliases:
        if alias not in course.aliases and len(course.aliases) < MAX_ALIASES:
            course.aliases = (*course.aliases, alias)
    if event.files:
        course.files = _merged(course.files, event.files)[:MAX_FILES]
    if event.sequence is not None and (event.incarnation is not None or machine.incarnation_switch is None):
        course.spans = _spanned(course.spans, event)
    if event.progress is not None:
        course.progress = event.progress
    if event.started_ms is not None and course.body_started_ms is None:
        course.body_started_ms = event.started_ms
    if event.ended_ms is not None:
        course.body_ended_ms = event.ended_ms


def _merged(old: tuple[File, ...], new: tuple[File, ...]) -> tuple[File, ...]:
    """Join lists of files; one named again keeps its place and takes what is told anew."""
    found = {(file.url or file.name, file.kind, file.order): file for file in old}
    for file in new:
        key = (file.url or file.name, file.kind, file.order)
        before = found.get(key)
        told = {name: value for name, value in file._asdict().items() if value is not None}
        found[key] = file if before is None else before._replace(**told)
    return tuple(found.values())


def _spanned(spans: tuple[Span, ...], event: Event) -> tuple[Span, ...]:
    """Add the event's sequence number to the spans of its worker; spans are sorted, and the oldest are forgotten."""
    worker, number, received_ms = event.incarnation or "", event.sequence or 0, event.received_ms
    if spans and spans[-1].worker == worker and spans[-1].last == number - 1:
        # The next one in order, as nearly all are.
        return (*spans[:-1], Span(worker, spans[-1].first, number, spans[-1].first_received_ms, received_ms))
    new = Span(worker, number, number, received_ms, received_ms)
    place = bisect_left(spans, (worker, number + 1))
    joined = [new]
    begin = end = place
    if place and spans[place - 1].worker == worker and spans[place - 1].last >= number - 1:
        before = spans[place - 1]
        if before.last >= number:
            return spans
        joined, begin = [Span(worker, before.first, number, before.first_received_ms, received_ms)], place - 1
    if end < len(spans) and spans[end].worker == worker and spans[end].first == number + 1:
        after, low = spans[end], joined[0]
        joined, end = [Span(worker, low.first, after.last, low.first_received_ms, after.last_received_ms)], end + 1
    return (*spans[:begin], *joined, *spans[end:])[-MAX_SEQUENCE_RANGES:]


def _find(course: Course, found: Flag) -> None:
    """Keep a flag; of the many that a broken sender can cause, the first hundred and a count of the others."""
    if len(course.flags) < MAX_FLAGS:
        course.flags = (*course.flags, found)
        return
    counts = {(code, severity): (count, raised_ms) for code, severity, count, raised_ms in course.dropped}
    count, raised_ms = counts.get(key := (found.code, found.severity), (0, 0))
    counts[key] = (count + 1, max(raised_ms, found.raised_ms))
    course.dropped = tuple((*kind, *rest) for kind, rest in counts.items())


def _mark_moments(machine: Machine, course: Course, time_ms: int) -> None:
    """Note when the recording went into and out of recording, and when it became complete."""
    situation = machine.situation(course.states)
    if situation.complete and course.last_name != RESOLVED:
        # What the provider says at last counts for more than what an operator had concluded before.
        course.resolved = None
    complete = situation.complete or course.resolved is not None
    if not complete:
        course.completed_ms = None
    elif course.completed_ms is None:
        course.completed_ms = time_ms
    if situation.phase == "recording" and not complete:
        course.left_recording_ms = None
        if course.recording_ms is None:
            course.recording_ms = time_ms
    elif course.recording_ms is not None and course.left_recording_ms is None:
        course.left_recording_ms = time_ms
