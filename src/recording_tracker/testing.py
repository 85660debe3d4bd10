"""Testing: for one's own tests; a machine file in, an AssertionError out where a proof does not hold."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from recording_tracker.machine import load_machine
from recording_tracker.proofs import SECONDS, Proof, prove

__all__ = ["Proof", "check_machine"]


def check_machine(path: str | PathLike[str], *, seconds: float = SECONDS) -> list[Proof]:
    """
    Prove the machine file *path* as ``tracker machines check`` does, and return what was looked at.

    Raises AssertionError with the counterexamples, and MachineError where the file cannot be used. Searches end
    after about *seconds* of the processor.
    """
    proofs = list(prove(load_machine(Path(path)), seconds=seconds))
    failures = [f"{proof.name}: {failure}" for proof in proofs for failure in proof.failures]
    if failures:
        raise AssertionError("\n".join([f"{Path(path).name}:", *failures]))
    return proofs
