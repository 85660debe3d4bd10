"""Resolvable: nothing can wait for ever unseen, for whatever is not complete has a moment when it is called stuck."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from recording_tracker.audit import open_flags
from recording_tracker.conclusion import conclude
from recording_tracker.machine import Machine
from recording_tracker.proofs.lives import Lives
from recording_tracker.proofs.proof import Budget, Proof, sequence
from recording_tracker.proofs.situations import AT_MS, Situation, course_in

_ENOUGH = 5


def prove_resolvable(lives: Lives, budget: Budget) -> Proof:
    """Stand in every combination of states; where that is not complete, the audit must say so in time."""
    machine = lives.machine
    cases, failures = 0, list[str]()
    for states in product(*(range(len(region.states)) for region in machine.regions)):
        if budget.is_over:
            break
        cases += 1
        if len(failures) < _ENOUGH and not _is_seen(machine, states):
            failures.append(f"nothing is ever said of {_names(machine, states)}")
    stranded = [states for states in lives.ways if states not in lives.ending] if lives.whole else []
    failures += [f"nothing can complete it after {sequence(lives.path(states))}" for states in stranded[:_ENOUGH]]
    return Proof("resolvable", cases, "combinations of states", tuple(failures), tuple(_unlimited(machine)))


def _is_seen(machine: Machine, states: tuple[int, ...]) -> bool:
    course = course_in(machine, Situation(states))
    course.first_ms = course.last_ms = AT_MS
    standing = conclude(machine, course, "r")
    if standing.complete:
        return True
    return standing.due_ms is not None and any(
        flag.code == "missing-terminal" for flag in open_flags(standing, standing.due_ms + 1)
    )


def _names(machine: Machine, states: tuple[int, ...]) -> str:
    return ", ".join(f"{region} {state!r}" for region, state in machine.state_names(states).items())


def _unlimited(machine: Machine) -> Iterator[str]:
    """Tell of the states that are under no limit but that of the whole recording."""
    for region in machine.regions:
        bare = [
            state
            for state, rule in region.rule.states.items()
            if not rule.final and state != region.rule.initial and not rule.stall_after and not rule.complete_within
        ]
        if bare:
            names = ", ".join(repr(state) for state in bare)
            yield f"only limits.complete_within ends the waiting in {region.name}: {names}"
