"""Timeline: the events of one recording kept in lifecycle order, and folded again only from where one comes late."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from recording_tracker.events import Event, File
from recording_tracker.fold import Course, Key, order_key, start, step
from recording_tracker.machine import Machine

SNAPSHOT_EVERY = 16
"""Events between two kept courses: a late event folds at most so many more than those behind it."""
FILES_A_LINE = 4
"""As many files as take about as much memory as an event without any."""


class Line(NamedTuple):
    """One event in its place, with what became of it."""

    key: Key
    event: Event
    verdict: str

    @property
    def weight(self) -> int:
        """How much memory it takes, against an event without files."""
        return 1 + weight_of(self.event.files)


def weight_of(files: Sequence[File]) -> int:
    """Return how much memory *files* take, against an event without any."""
    return len(files) // FILES_A_LINE


class Timeline:
    """
    The events of one recording and their course.

    It may begin in the middle: with *course* and no events, where what lies before is in the journal only.
    """

    def __init__(self, machine: Machine, course: Course | None = None) -> None:
        self.machine = machine
        self.course = course or start(machine)
        self.lines: list[Line] = []
        self.weight = 0
        """How much memory the lines take, against so many events without files."""
        self._begin: Key = self.course.key
        self._snapshots: list[Course] = [self.course.copy()]

    def reaches(self, event: Event) -> bool:
        """Tell whether the place of *event* lies in the part that is here."""
        return order_key(self.machine, event) > self._begin

    def insert(self, events: Iterable[Event]) -> list[Line]:
        """
        Put *events* in their places and fold from the first of them.

        Returns the lines whose verdict is new or another than before.
        """
        pending = [(order_key(self.machine, event), event) for event in events]
        pending.sort()
        before: dict[Key, str] = {}
        if pending and self.lines and pending[0][0] < self.lines[-1].key:
            again = self._rewind(bisect_left(self.lines, (pending[0][0],)))
            before = {line.key: line.verdict for line in again}
            pending = sorted([*pending, *((line.key, line.event) for line in again)])
        changed = []
        for key, event in pending:
            verdict = step(self.machine, self.course, event, key)
            line = Line(key, event, verdict)
            self.lines.append(line)
            self.weight += line.weight
            if len(self.lines) % SNAPSHOT_EVERY == 0:
                self._snapshots.append(self.course.copy())
            if before.get(key) != line.verdict:
                changed.append(line)
        return changed

    def let_go(self, *, keep: int) -> None:
        """Forget the first lines, until the others weigh *keep* or are few; what lies before is in the journal only."""
        while self.weight > keep and len(self.lines) >= SNAPSHOT_EVERY:
            gone = self.lines[:SNAPSHOT_EVERY]
            self._begin = gone[-1].key
            self.weight -= sum(line.weight for line in gone)
            del self.lines[:SNAPSHOT_EVERY]
            del self._snapshots[0]

    def _rewind(self, place: int) -> list[Line]:
        """Go back to the last kept course before line *place*; return the lines from there on, to be folded again."""
        kept = place // SNAPSHOT_EVERY
        del self._snapshots[kept + 1 :]
        self.course = self._snapshots[kept].copy()
        again = self.lines[kept * SNAPSHOT_EVERY :]
        del self.lines[kept * SNAPSHOT_EVERY :]
        self.weight -= sum(line.weight for line in again)
        return again
