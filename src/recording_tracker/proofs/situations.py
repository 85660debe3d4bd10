"""Situations: where a fold can be, without its moments; the fold's own step takes an event from one to the next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from recording_tracker.events import Event
from recording_tracker.fold import Assumption, Course, order_key, start, step
from recording_tracker.machine import Machine

AT_MS = 1_767_225_600_000  # 2026-01-01; any moment does


class Situation(NamedTuple):
    """The states of all regions, and what is assumed to have been lost; the next verdicts depend on nothing else."""

    states: tuple[int, ...]
    assumed: tuple[tuple[int, tuple[str, ...]], ...] = ()


class Step(NamedTuple):
    """What one event does in a situation."""

    verdict: str
    after: Situation
    flags: tuple[tuple[str, str | None], ...]
    """(code, region) of the flags that it raises at once."""


class Walk:
    """Steps from situation to situation, each taken by the fold once and then remembered."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.start = Situation(machine.initial)
        self._known: dict[tuple[Situation, str], Step] = {}

    def step(self, situation: Situation, name: str) -> Step:
        """Take event *name* in *situation*."""
        key = (situation, name)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = taken(self.machine, course_in(self.machine, situation), event(name))
        return found

    def after(self, names: Iterable[str]) -> tuple[Situation, list[Step]]:
        """Take events one after another from the start."""
        situation, steps = self.start, []
        for name in names:
            steps.append(self.step(situation, name))
            situation = steps[-1].after
        return situation, steps


def event(name: str, number: int = 0, at_ms: int = AT_MS) -> Event:
    """Return an event of *name* with nothing in its body."""
    return Event("r", f"{number:04}", name, at_ms, at_ms)


def course_in(machine: Machine, situation: Situation) -> Course:
    """Return a course that is in *situation*, with nothing behind it."""
    course = start(machine)
    course.states, course.opened, course.events = situation.states, True, 1
    course.assumed = tuple(Assumption(region, names, AT_MS, "") for region, names in situation.assumed)
    return course


def taken(machine: Machine, course: Course, event: Event) -> Step:
    """Take *event* into *course* by the fold, and say what it did."""
    before = len(course.flags)
    verdict = step(machine, course, event, order_key(machine, event))
    raised = tuple((flag.code, flag.region) for flag in course.flags[before:])
    return Step(verdict, situation_of(course), raised)


def situation_of(course: Course) -> Situation:
    """Forget all of *course* but its situation."""
    return Situation(course.states, tuple(sorted({(found.region, found.names) for found in course.assumed})))
