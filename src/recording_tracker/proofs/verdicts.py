"""Explainable: every event is accepted in every situation, by a transition, by a path, or with a flag that names it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from recording_tracker.conclusion import conclude
from recording_tracker.fold import VERDICTS
from recording_tracker.machine import Machine
from recording_tracker.proofs.kinds import kinds
from recording_tracker.proofs.lives import Lives
from recording_tracker.proofs.proof import Budget, Proof, sequence
from recording_tracker.proofs.situations import AT_MS, Situation, Step, Walk, course_in

UNKNOWN = "no.such.event"
_FLAG_OF = {"conflict": "conflicting-outcome", "illegal": "illegal-transition", "unknown": "unknown-event"}
_ENOUGH = 5


def prove_explainable(lives: Lives, budget: Budget) -> Proof:
    """Take every event in every situation that each region by itself can get into, by any events in any order."""
    machine = lives.machine
    cases, failures, verdicts, whole = 0, list[str](), Counter[str](), True
    for name in machine.definition.regions:
        alone = _alone(machine, name)
        events = [kind.name for kind in kinds(alone) if alone.moves[kind.name]] + [UNKNOWN]
        walk, came = Walk(alone), {Situation(alone.initial): tuple[str, ...]()}
        waiting = deque(came)
        while waiting:
            if budget.is_over:
                whole = False
                break
            here = waiting.popleft()
            for event in events:
                step = walk.step(here, event)
                cases += 1
                verdicts[step.verdict] += 1
                failures += [f"{name}: {sequence((*came[here], event))}: {odd}" for odd in _odd(alone, here, step)]
                if step.after not in came:
                    came[step.after] = (*came[here], event)
                    waiting.append(step.after)
    scope = f"events in {'every situation' if whole else 'situations, as far as the time went,'} of a region"
    told = ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in VERDICTS)
    return Proof("explainable", cases, scope, tuple(failures[:_ENOUGH]), (told,))


def _alone(machine: Machine, region: str) -> Machine:
    """Return a machine that has no region but *region*."""
    regions = {region: machine.definition.regions[region]}
    return Machine(machine.definition.model_copy(update={"regions": regions}))


def _odd(machine: Machine, here: Situation, step: Step) -> Iterator[str]:
    """Yield what a verdict does not account for."""
    wanted = [_FLAG_OF[step.verdict]] if step.verdict in _FLAG_OF else []
    raised = [code for code, _ in step.flags]
    if raised != wanted:
        yield f"the verdict is {step.verdict!r} and the flags are {raised}"
    if step.after.states != here.states and step.verdict not in ("taken", "implied"):
        yield f"the verdict is {step.verdict!r} and the state changes"
    course = course_in(machine, step.after)
    missing = {(flag.events, flag.raised_ms) for flag in conclude(machine, course, "r").flags}
    if missing != {(names, AT_MS + machine.lost_after_ms) for _, names in step.after.assumed}:
        yield f"what is assumed lost is not what is told: {sorted(missing)}"
