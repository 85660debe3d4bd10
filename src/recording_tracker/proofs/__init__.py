"""Proofs: a machine in, what holds for it out, each with its number of cases and its counterexamples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from recording_tracker.machine import Machine
from recording_tracker.proofs.alarms import prove_no_false_alarm
from recording_tracker.proofs.limits import prove_resolvable
from recording_tracker.proofs.lints import prove_lints
from recording_tracker.proofs.lives import Lives
from recording_tracker.proofs.losses import prove_no_silent_loss
from recording_tracker.proofs.order import prove_order_free
from recording_tracker.proofs.proof import Budget, Proof
from recording_tracker.proofs.verdicts import prove_explainable

__all__ = ["PROOFS", "SECONDS", "Proof", "prove"]

SECONDS: Final = 20.0
"""How long proving may take where nobody says otherwise, in seconds of the processor."""

PROOFS: tuple[Callable[[Lives, Budget], Proof], ...] = (
    prove_lints,
    prove_resolvable,
    prove_explainable,
    prove_no_false_alarm,
    prove_no_silent_loss,
    prove_order_free,
)
"""The last one can use all the time that the others leave."""
_PART = 1 / 4


def prove(machine: Machine, *, seconds: float = SECONDS) -> Iterator[Proof]:
    """Yield what became of each proof; searches end after some *seconds* of the processor, and say how far they got."""
    whole, part = Budget(seconds), seconds * _PART
    lives = Lives(machine, Budget(part))
    for proof in PROOFS[:-1]:
        yield proof(lives, Budget(part))
    yield PROOFS[-1](lives, Budget(max(part, whole.left)))
