"""Simulated lives for tests: every play of every provider, each with a few throws of the dice."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from random import Random
from typing import NamedTuple

from recording_tracker.simulation import PROVIDERS
from recording_tracker.simulation.life import Clocks, Life, Play, Stage
from recording_tracker.times import moment_ms

START_MS = moment_ms("2026-11-01T00:00:00Z")
FATES = ("HEALTHY", "FAILED", "ABSENT", "ODD")


class Case(NamedTuple):
    """A play, and what it is for."""

    provider: str
    fate: str
    play: Play

    def __str__(self) -> str:
        return f"{self.provider}-{self.play.__name__}"

    def lives(self, count: int = 6) -> Iterator[Life]:
        """Play it *count* times."""
        for seed in range(count):
            yield played(self.play, seed)


def played(play: Play, seed: int, *, skew_ms: float = 0.0) -> Life:
    rng = Random(seed)
    return play(Stage(START_MS, rng, Clocks(rng, skew_ms)))


def plays(*fates: str) -> list[Case]:
    modules = {name: import_module(f"recording_tracker.simulation.{name}") for name in PROVIDERS}
    return [
        Case(provider, fate, play)
        for provider, module in modules.items()
        for fate in fates or FATES
        for _, play in getattr(module, fate)
    ]
