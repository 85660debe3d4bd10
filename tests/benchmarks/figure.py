"""A figure: two measures taken in turn in, their median ratio out, beside the goal."""

from __future__ import annotations

import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """
    What was measured, what it should reach, and what it did; *at_least* says which side of the goal is good.

    Without a goal it is there to compare with.
    """

    name: str
    what: str
    goal: float | None
    reached: float
    at_least: bool = True
    rounds: tuple[float, ...] = ()

    @property
    def is_reached(self) -> bool:
        if self.goal is None:
            return True
        return self.reached >= self.goal if self.at_least else self.reached <= self.goal

    def line(self) -> str:
        spread = f" ({min(self.rounds):.2f} to {max(self.rounds):.2f})" if self.rounds else ""
        return f"{self.name:<12} {self.reached:8.2f}{spread}{self._verdict()}; {self.what}"

    def _verdict(self) -> str:
        if self.goal is None:
            return ""
        sign, mark = "at least" if self.at_least else "at most", "reached" if self.is_reached else "not reached"
        return f", {sign} {self.goal:g}: {mark}"


def ratio(
    name: str, what: str, goal: float | None, pairs: Iterable[tuple[float, float]], *, at_least: bool = True
) -> Figure:
    """Make a figure of (one, other) measures: the median of one / other."""
    rounds = tuple(one / other for one, other in pairs)
    return Figure(name, what, goal, statistics.median(rounds), at_least, rounds)


def seconds(call: Callable[[], object]) -> float:
    """Time *call*, with the garbage of what was before out of the way."""
    gc.collect()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def write(benchmark: str, figures: Iterable[Figure], path: Path) -> None:
    """Add *figures* of a benchmark to the JSON Lines of *path*."""
    with path.open("a", encoding="utf-8") as stream:
        for figure in figures:
            slow = os.environ.get("SLOW_FSYNC_US", "")
            beside = {"benchmark": benchmark, "is_reached": figure.is_reached, "slow_fsync_us": slow}
            stream.write(json.dumps(asdict(figure) | beside) + "\n")
