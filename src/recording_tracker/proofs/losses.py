"""No silent loss: one promised event of a life is lost, and a flag says so, or it ends stuck, or it is another life."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from recording_tracker.proofs.kinds import Kind
from recording_tracker.proofs.lives import Lives, States
from recording_tracker.proofs.proof import Budget, Proof, how_far, sequence
from recording_tracker.proofs.situations import Situation, Walk

_ENOUGH = 10


class Place(NamedTuple):
    """Where the recording is, and where it seems to be by what has come."""

    true: States
    seen: States
    lost: str | None = None
    """The promised event that was lost."""
    declared: bool = True
    """Whether what has come is itself a path along declared transitions."""


def prove_no_silent_loss(lives: Lives, budget: Budget) -> Proof:
    """
    Follow every life that can still end, lose one promised event of it, and go on until it is complete.

    A loss is known by a flag, or because what has come is not complete. Otherwise what has come must be a path
    along declared transitions by itself: then nobody can know, and the events for which that can be are notes.
    """
    machine = lives.machine
    search = _Search(lives, Walk(machine))
    failures = tuple(search.silent(budget))
    scope = how_far("losses", whole=lives.whole and search.whole)
    notes = [f"{lost!r} can be lost unknown: {story}" for lost, story in search.unknown.items()]
    return Proof("no silent loss", search.cases, scope, failures, tuple(notes))


class _Search:
    def __init__(self, lives: Lives, walk: Walk) -> None:
        self._lives, self._walk = lives, walk
        # Where not everything is subscribed to, what comes of a life is no whole path even if nothing is lost.
        self._is_deaf = lives.machine.limits.subscribed is not None
        start = Place(lives.machine.initial, lives.machine.initial)
        self._came: dict[Place, tuple[Place, str] | None] = {start: None}
        self._waiting = deque([start])
        self._steps: dict[tuple[States, str], tuple[States | None, bool]] = {}
        self.cases = 0
        self.whole = True
        self.unknown: dict[str, str] = {}
        """Event to the shortest life in which nothing shows its loss."""

    def silent(self, budget: Budget) -> Iterator[str]:
        """Yield lives in which a loss should show and does not."""
        told: set[str] = set()
        while self._waiting:
            if budget.is_over:
                self.whole = False
                return
            place = self._waiting.popleft()
            if place.lost is not None and self._lives.is_complete(place.true):
                self.cases += 1
                found = self._judge(place, place.lost)
                if found and place.lost not in told and len(told) < _ENOUGH:
                    told.add(place.lost)
                    yield found
            if place.lost is None or not self._same_from_here(place):
                self._go_on(place)

    def _judge(self, place: Place, lost: str) -> str | None:
        """Say whether the loss shows when the recording is complete; note it where it cannot be known."""
        if not self._lives.is_complete(place.seen):
            return None
        if place.declared:
            self.unknown.setdefault(lost, self._story(place))
            return None
        return f"the loss of {lost!r} raises nothing: {self._story(place)}"

    def _same_from_here(self, place: Place) -> bool:
        """Tell whether the loss has left no trace; then the first end after it shows all that later ones can."""
        return place.true == place.seen and place.declared and place.lost in self.unknown

    def _go_on(self, place: Place) -> None:
        for kind, there in self._lives.ways.get(place.true, ()):
            if there not in self._lives.ending:
                continue
            if kind.promised and place.lost is None:
                self._go(place, place._replace(true=there, lost=kind.name), kind.name)
            if kind.name != place.lost:
                # What is told again is not lost.
                self._go_with(place, kind, there)

    def _go_with(self, place: Place, kind: Kind, there: States) -> None:
        if not kind.subscribed:
            self._go(place, place._replace(true=there), kind.name)
        elif place.true == place.seen:
            # What has come is where the recording is, so it goes there as well.
            if there != place.true:
                self._go(place, place._replace(true=there, seen=there), kind.name)
        else:
            self._go_apart(place, kind, there)

    def _go_apart(self, place: Place, kind: Kind, there: States) -> None:
        after, is_taken = self._step(place.seen, kind.name)
        if after is None:
            # It shows already; the flag of what is assumed can only be cleared by the event itself, come late.
            self.cases += place.lost is not None
            return
        declared = place.declared and (is_taken or self._is_deaf)
        if (there, after, declared) != (place.true, place.seen, place.declared):
            self._go(place, Place(there, after, place.lost, declared), kind.name)

    def _step(self, seen: States, name: str) -> tuple[States | None, bool]:
        """Return the states after event *name*, and whether all regions take it; no states where a flag is raised."""
        found = self._steps.get((seen, name))
        if found is None:
            step = self._walk.step(Situation(seen), name)
            after = None if step.flags or step.after.assumed else step.after.states
            found = self._steps[seen, name] = (after, step.verdict == "taken")
        return found

    def _go(self, place: Place, there: Place, name: str) -> None:
        if there not in self._came:
            self._came[there] = (place, name)
            self._waiting.append(there)

    def _story(self, place: Place) -> str:
        names: list[str] = []
        while (before := self._came[place]) is not None:
            earlier, name = before
            is_lost = place.lost is not None and earlier.lost is None
            names.append(f"({name} lost)" if is_lost else name)
            place = earlier
        return sequence(names[::-1])
