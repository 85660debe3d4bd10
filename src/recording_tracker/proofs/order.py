"""Order-free: what events make does not depend on how they arrive, and the machine's order of events fits its lives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, count

from recording_tracker.conclusion import conclude
from recording_tracker.events import Event
from recording_tracker.fold import Course, order_key, start
from recording_tracker.machine import Machine
from recording_tracker.proofs.kinds import Kind, kinds
from recording_tracker.proofs.lives import Lives, States
from recording_tracker.proofs.proof import Budget, Proof, sequence
from recording_tracker.proofs.situations import AT_MS, Situation, Walk, course_in, event, situation_of, taken
from recording_tracker.timeline import Timeline

LEAST_LENGTH = 3
LEAST_ARRIVING, MOST_ARRIVING = 2, 5
_ENOUGH = 5
LONG = 40
"""Events of the long timelines, more than lie between the courses that a timeline keeps."""


def prove_order_free(lives: Lives, budget: Budget) -> Proof:
    """
    Show in four parts that arrival does not matter.

    Any events one after another: a step depends on nothing but the situation, so folding on is folding from
    scratch. A few events with all their times, ties included: each of them as the last to arrive gives what all
    at once give; as what was there before it is what they all at once give, this covers every order of arrival.
    Long timelines: each event late, by itself. Ties: of two events that a life meets one after the other,
    the machine's order of events is right where they have the same time.
    """
    machine = lives.machine
    alike = kinds(machine)
    ties, notes = _tied(lives, Walk(machine))
    long_cases, late = _long(machine, alike)
    steps, length, dependent = _stepwise(machine, alike, Budget(budget.left / 2))
    few, few_cases, arrivals = _few(machine, alike, budget)
    scope = f"any {length or 'number of'} events in a row, any {few} in any order"
    failures = (*ties, *late, *arrivals, *dependent)
    return Proof("order-free", few_cases + long_cases + steps, scope, failures, tuple(notes))


def _stepwise(machine: Machine, alike: list[Kind], budget: Budget) -> tuple[int, int | None, list[str]]:
    """Step from every situation, on the course that led there and on a bare one; how many, how deep, what differs."""
    known, cases, failures = {Situation(machine.initial)}, 0, list[str]()
    level: list[tuple[Course, tuple[str, ...]]] = [(_opened(machine), ())]
    for depth in count():
        if not level:
            return cases, None, failures
        following: list[tuple[Course, tuple[str, ...]]] = []
        for course, names in level:
            if budget.is_over and depth >= LEAST_LENGTH:
                return cases, depth, failures
            bare = course_in(machine, situation_of(course))
            if Course.load(course.dump(), conclude(machine, course, "r")) != course:
                failures.append(f"kept and loaded again it goes on otherwise: {sequence(names)}")
            for kind in alike:
                cases += 1
                whole, happening = course.copy(), event(kind.name, depth, AT_MS + depth * 1000)
                step = taken(machine, whole, happening)
                if step != taken(machine, bare.copy(), happening) and len(failures) < _ENOUGH:
                    failures.append(f"from scratch it is another than step by step: {sequence((*names, kind.name))}")
                if step.after not in known:
                    known.add(step.after)
                    following.append((whole, (*names, kind.name)))
        level = following
    raise AssertionError


def _opened(machine: Machine) -> Course:
    course = start(machine)
    course.opened = True
    return course


def _few(machine: Machine, alike: list[Kind], budget: Budget) -> tuple[int, int, list[str]]:
    """Let every few events arrive in every order; how many events, how many arrivals, what differs."""
    done, cases, failures = 0, 0, list[str]()
    names = [kind.name for kind in alike]
    for length in range(1, MOST_ARRIVING + 1):
        for groups in _timed(names, length):
            if budget.is_over and length > LEAST_ARRIVING:
                return done, cases, failures
            dated = [(moment, name) for moment, group in enumerate(groups) for name in group]
            happenings = [event(name, number, AT_MS + moment * 1000) for number, (moment, name) in enumerate(dated)]
            cases += length
            failures += _late_ones(machine, happenings) if len(failures) < _ENOUGH else ()
        done = length
    return done, cases, failures


def _timed(names: list[str], length: int) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield every way in which *length* events can follow one another, any number of them at one moment."""
    if length == 0:
        yield ()
    for size in range(1, length + 1):
        for group in combinations_with_replacement(names, size):
            for rest in _timed(names, length - size):
                yield (group, *rest)


def _late_ones(machine: Machine, happenings: list[Event]) -> Iterator[str]:
    """Take all at once, and all but one and then that one; yield where that differs."""
    whole = Timeline(machine)
    whole.insert(happenings)
    for late in happenings:
        timeline = Timeline(machine)
        timeline.insert(one for one in happenings if one is not late)
        timeline.insert([late])
        if (timeline.lines, timeline.course) != (whole.lines, whole.course):
            others = sequence(_dated(one) for one in happenings if one is not late)
            yield f"{others}, then {_dated(late)} is another than all at once"


def _dated(happening: Event) -> str:
    return f"{happening.name} at {((happening.occurred_ms or 0) - AT_MS) // 1000} s"


def _long(machine: Machine, alike: list[Kind]) -> tuple[int, list[str]]:
    """Let each event of long timelines be late: all at one moment, in pairs, and one after another."""
    found: list[str] = []
    for together in (1, 2, LONG):
        names = [alike[number % len(alike)].name for number in range(LONG)]
        happenings = [event(name, number, AT_MS + number // together * 1000) for number, name in enumerate(names)]
        found += _late_ones(machine, happenings)
    return 3 * LONG, found[:_ENOUGH]


def _tied(lives: Lives, walk: Walk) -> tuple[list[str], list[str]]:
    """Look at pairs that lives meet one after the other; failures where a tie is wrong, notes where order decides."""
    failures: dict[tuple[str, str], str] = {}
    notes: dict[frozenset[str], str] = {}
    leads = {here: {kind.name: there for kind, there in ways} for here, ways in lives.ways.items()}
    for here, ways in lives.ways.items():
        for first, middle in ways:
            if middle == here:
                continue
            for second, end in lives.ways.get(middle, ()):
                swapped = _follow(lives, leads, _follow(lives, leads, here, second.name), first.name)
                if second is first or swapped == end:
                    continue
                tied = (first.names[-1], second.names[0])
                if swapped is None and tied not in failures and _is_wrong_way(lives, here, middle, first, second):
                    wrong = _wrong_if_tied(walk, here, end, tied)
                    if wrong:
                        failures[tied] = f"{wrong}; before them: {sequence(lives.path(here))}"
                pair = frozenset((first.name, second.name))
                if pair not in notes and (said := _decided_by_order(walk, here, first.name, second.name)):
                    notes[pair] = f"{said}; before them: {sequence(lives.path(here))}"
    return list(failures.values())[:_ENOUGH], list(notes.values())


def _follow(lives: Lives, leads: dict[States, dict[str, States]], here: States | None, name: str) -> States | None:
    """Look up where a declared transition leads; what the time did not allow to be looked at is worked out."""
    if here is None:
        return None
    return leads[here].get(name) if here in leads else lives.follow(here, name)


def _is_wrong_way(lives: Lives, here: States, middle: States, first: Kind, second: Kind) -> bool:
    """
    Tell whether the machine's order of events puts *second* before *first*, where it can matter.

    Errors and the like are left out, and what begins anew: no order of events can be right for every round.
    """
    if not (first.assumable and second.assumable and _can_be_first(lives.machine, second.names[0], first.names[-1])):
        return False
    moves = [(lives.machine.moves[first.name], here), (lives.machine.moves[second.name], middle)]
    return all(region_moves[at[region]].dest >= at[region] for found, at in moves for region, region_moves in found)


def _can_be_first(machine: Machine, name: str, other: str) -> bool:
    """Tell whether *name* can come before *other* where they have the same time, be it by their ids."""
    return order_key(machine, event(name, 0)) < order_key(machine, event(other, 1))


def _wrong_if_tied(walk: Walk, here: States, end: States, pair: tuple[str, str]) -> str | None:
    first, second = pair
    one = walk.step(Situation(here), second)
    two = walk.step(one.after, first)
    codes = [code for code, _ in (*one.flags, *two.flags)] + ["missing-event"] * bool(two.after.assumed)
    if not codes and two.after.states == end:
        return None
    what = f"raises {codes[0]}" if codes else "ends in other states"
    return f"{first}, {second} is declared; at one moment [events] makes it {second}, {first}, which {what}"


def _decided_by_order(walk: Walk, here: States, first: str, second: str) -> str | None:
    """Say where two events make a complete recording in either order, with different outcomes and without a flag."""
    outcomes = []
    for names in ((first, second), (second, first)):
        one = walk.step(Situation(here), names[0])
        two = walk.step(one.after, names[1])
        outcomes.append(walk.machine.situation(two.after.states).outcome)
        if one.flags or two.flags or two.after.assumed or outcomes[-1] is None:
            return None
    if outcomes[0] == outcomes[1]:
        return None
    return f"{first}, {second} ends {outcomes[0]}, {second}, {first} ends {outcomes[1]}, and no flag tells"
