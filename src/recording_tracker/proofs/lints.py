"""Lints: what the loader refuses, looked for again in the machine as it is in use."""

from __future__ import annotations

from recording_tracker.machine.checks import CHECKS
from recording_tracker.proofs.lives import Lives
from recording_tracker.proofs.proof import Budget, Proof


def prove_lints(lives: Lives, budget: Budget) -> Proof:
    """Run the loader's checks."""
    machine = lives.machine
    failures = tuple(problem for check in CHECKS for problem in check(machine.definition))
    transitions = sum(len(dests) for region in machine.regions for dests in region.dests.values())
    states = sum(len(region.states) for region in machine.regions)
    cases = len(machine.places) + states + transitions
    scope = f"names of {len(machine.places)} events, {states} states, {transitions} transitions"
    return Proof("lints", cases, scope, failures)
