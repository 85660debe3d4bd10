"""Steps: a recording's events in lifecycle order in; each with what it changed, assumed and settled out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from typing import NamedTuple

from recording_tracker.events import Event
from recording_tracker.flags import Flag
from recording_tracker.fold import Assumption, Course, start, step
from recording_tracker.machine import Machine
from recording_tracker.timeline import Line


class Step(NamedTuple):
    """One event of a recording, and what the fold made of it; states are numbers, one a region."""

    event: Event
    verdict: str
    before: tuple[int, ...]
    met: tuple[int, ...]
    """The states that the event met: those before it, moved on where it is of a worker never heard of."""
    after: tuple[int, ...]
    assumed: tuple[Assumption, ...] = ()
    """What must have been sent before it, as of this event."""
    settled: tuple[Assumption, ...] = ()
    """What had been assumed unseen before, and is no more."""
    flags: tuple[Flag, ...] = ()
    dropped: tuple[str, ...] = ()
    """The codes of those of its flags that are only counted, because a recording keeps no more."""
    opened: bool = True
    """Whether something has opened the recording, this event or one before it."""
    moved_unseen: bool = False
    """Whether it is of a worker never heard of, to which the recording must have been moved unseen."""
    superseded: bool = False
    """Whether it is of a worker from which another had taken over."""
    deliveries: int = 1


def walk(machine: Machine, lines: Iterable[Line]) -> Iterator[Step]:
    """Fold the events of *lines* once more, from the first."""
    course = start(machine)
    for line in lines:
        before = copy(course)
        verdict = step(machine, course, line.event, line.key)
        counts = {(code, severity): count for code, severity, count, _ in before.dropped}
        yield Step(
            event=line.event,
            verdict=verdict,
            before=before.states,
            met=_met(machine, before, line.event),
            moved_unseen=_is_moved_unseen(machine, before, line.event),
            after=course.states,
            assumed=tuple(found for found in course.assumed if found not in before.assumed),
            settled=tuple(found for found in before.assumed if found not in course.assumed),
            flags=course.flags[len(before.flags) :],
            dropped=tuple(
                code for code, severity, count, _ in course.dropped if count > counts.get((code, severity), 0)
            ),
            opened=course.opened,
            superseded=_is_superseded(machine, before, line.event),
        )


def _is_of_another_worker(machine: Machine, before: Course, event: Event) -> bool:
    """Tell whether the event is of another worker than the one known, and does not say itself that it took over."""
    if None in (machine.incarnation_switch, event.incarnation, before.worker):
        return False
    switches = event.name == machine.incarnation_switch and event.successor is not None
    return event.incarnation != before.worker and not switches


def _is_superseded(machine: Machine, before: Course, event: Event) -> bool:
    return _is_of_another_worker(machine, before, event) and event.incarnation in before.retired


def _is_moved_unseen(machine: Machine, before: Course, event: Event) -> bool:
    return _is_of_another_worker(machine, before, event) and event.incarnation not in before.retired


def _met(machine: Machine, before: Course, event: Event) -> tuple[int, ...]:
    if not _is_moved_unseen(machine, before, event):
        return before.states
    assert machine.incarnation_switch is not None
    met = list(before.states)
    for number, moves in machine.moves[machine.incarnation_switch]:
        move = moves[met[number]]
        met[number] = move.dest if move.verdict == "taken" else met[number]
    return tuple(met)
