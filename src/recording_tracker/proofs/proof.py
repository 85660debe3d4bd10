"""Proof: what holds for a machine, in how many cases that was looked at, and where it does not hold."""

from __future__ import annotations

from collections.abc import Iterable
from time import process_time
from typing import NamedTuple


class Proof(NamedTuple):
    """What became of one property of one machine."""

    name: str
    cases: int
    scope: str
    """What the cases are."""
    failures: tuple[str, ...] = ()
    """Counterexamples, each with the events that lead to it."""
    notes: tuple[str, ...] = ()
    """What holds, and is worth knowing: losses that nothing shows, say."""

    @property
    def holds(self) -> bool:
        """Whether there is no counterexample."""
        return not self.failures


class Budget:
    """The seconds of the processor that a search may take; it ends where it is when they are over."""

    def __init__(self, seconds: float) -> None:
        self._until = process_time() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, self._until - process_time())

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return process_time() >= self._until


def how_far(what: str, *, whole: bool) -> str:
    """Say of which paths *what* was looked at."""
    return f"{what} on declared paths {'of any length' if whole else 'as far as the time went'}"


def sequence(names: Iterable[str]) -> str:
    """Write events one after another."""
    return ", ".join(names) or "nothing"
