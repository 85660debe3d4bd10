"""No false alarm: a life of which only what need not come is missing raises no error and no warning."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from recording_tracker.machine import Region
from recording_tracker.proofs.kinds import Kind
from recording_tracker.proofs.lives import Lives, States
from recording_tracker.proofs.proof import Budget, Proof, how_far, sequence

Place = tuple[States, int]
"""Where the recording is, and the state in which one region seems to be by what has come."""
_ENOUGH = 5


def prove_no_false_alarm(lives: Lives, budget: Budget) -> Proof:
    """
    Follow every life that can still end, and beside it what a region makes of the events that come.

    Any event that is not promised may be left out, unless it is never assumed to have happened unseen; what is
    not subscribed to never comes, and where it is an error or the like, the life is not followed. Lives go round
    in circles, so places are followed and not paths: where every place has been seen, all lives are covered,
    however long.
    """
    machine = lives.machine
    failures = list(_no_life(lives))
    cases, whole = 0, lives.whole
    for number, region in enumerate(machine.regions):
        search = _Search(lives, number)
        failures += [f"{region.name}: {found}" for found in search.alarms(budget)]
        cases, whole = cases + search.cases, whole and search.whole
    notes = tuple(_reopened(lives))
    return Proof("no false alarm", cases, how_far("events", whole=whole), tuple(failures), notes)


def _no_life(lives: Lives) -> Iterator[str]:
    if lives.whole and not lives.ending:
        yield "no path along declared transitions makes a recording complete"
    for region in lives.machine.regions:
        yield from (f"{region.name}: {found}" for found in _wildcards(region))


def _wildcards(region: Region) -> Iterator[str]:
    """Look for events that lead to one and the same unfinished state wherever the region is, its ends included."""
    ended = [number for number, rule in enumerate(region.rules) if rule.outcome]
    for name, dests in region.dests.items():
        others = {source for source, dest in dests.items() if dest != source}
        to = {dests[source] for source in others}
        if len(to) == 1 and len(others) >= len(region.states) - 1 and set(ended) & others:
            dest = to.pop()
            if not region.rules[dest].final:
                yield (
                    f"{name!r} leads to {region.states[dest]!r} from every state, "
                    f"also from {region.states[ended[0]]!r}: said late, it opens a complete recording again"
                )


def _reopened(lives: Lives) -> Iterator[str]:
    """Tell which events take a complete recording back."""
    found: dict[str, States] = {}
    for here, ways in lives.ways.items():
        if lives.is_complete(here):
            for kind, there in ways:
                if not lives.is_complete(there):
                    for name in kind.names:
                        found.setdefault(name, here)
    for name, here in found.items():
        yield f"{name!r} opens a complete recording again: {sequence([*lives.path(here), name])}"


class _Search:
    """Goes through the lives with one region that does not hear of everything."""

    def __init__(self, lives: Lives, region: int) -> None:
        self._lives = lives
        self._moves = {
            kind.name: moves
            for kind in lives.kinds
            for number, moves in lives.machine.moves[kind.name]
            if number == region
        }
        start = (lives.machine.initial, lives.machine.regions[region].initial)
        self._came: dict[Place, tuple[Place, str, bool] | None] = {start: None}
        self._waiting = deque([start])
        self.cases = 0
        self.whole = True

    def alarms(self, budget: Budget) -> Iterator[str]:
        """Yield a life for each event that raises a flag, the shortest that does."""
        told: set[tuple[str, str]] = set()
        while self._waiting:
            if budget.is_over:
                self.whole = False
                return
            place = self._waiting.popleft()
            for kind, there in self._lives.ways.get(place[0], ()):
                if there not in self._lives.ending:
                    continue
                alarm = self._alarm(place, kind, there)
                if alarm and (kind.name, alarm) not in told and len(told) < _ENOUGH:
                    told.add((kind.name, alarm))
                    yield f"{alarm}: {self._story(place)}, {kind.name}"

    def _alarm(self, place: Place, kind: Kind, there: States) -> str | None:
        """Go on from *place* with an event that comes, or does not; say what flag it raises if it does."""
        self.cases += 1
        seen = place[1]
        moves = self._moves.get(kind.name)
        if moves is None:
            self._go(place, (there, seen), kind.name, came=True)
            return None
        if not kind.promised and kind.assumable:
            self._go(place, (there, seen), kind.name, came=False)
        if not kind.subscribed:
            return None
        move = moves[seen]
        if move.verdict not in ("taken", "implied"):
            return {"conflict": "conflicting-outcome", "illegal": "illegal-transition"}[move.verdict]
        if move.assumed:
            return "missing-event of " + " and ".join(" or ".join(names) for names in move.assumed)
        self._go(place, (there, move.dest), kind.name, came=True)
        return None

    def _go(self, place: Place, there: Place, name: str, *, came: bool) -> None:
        if there not in self._came:
            self._came[there] = (place, name, came)
            self._waiting.append(there)

    def _story(self, place: Place) -> str:
        names: list[str] = []
        while (before := self._came[place]) is not None:
            place, name, came = before
            names.append(name if came else f"({name} not sent)")
        return sequence(names[::-1])
