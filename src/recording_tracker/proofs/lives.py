"""Lives: the paths along declared transitions from the start, on which every region that knows an event takes it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from recording_tracker.machine import Machine
from recording_tracker.proofs.kinds import Kind, kinds
from recording_tracker.proofs.proof import Budget

States = tuple[int, ...]


class Lives:
    """All that a machine declares can happen, as a graph of the states of its regions."""

    def __init__(self, machine: Machine, budget: Budget) -> None:
        self.machine = machine
        self.kinds = kinds(machine)
        self.whole = True
        """Whether all of the graph has been seen within the budget."""
        self._came: dict[States, tuple[States, str] | None] = {machine.initial: None}
        self.ways: dict[States, list[tuple[Kind, States]]] = {}
        self._grow(budget)
        self.ending = self._leading_to_an_end()

    def _grow(self, budget: Budget) -> None:
        waiting = deque([self.machine.initial])
        while waiting:
            if budget.is_over:
                self.whole = False
                return
            here = waiting.popleft()
            self.ways[here] = list(self._from(here))
            for kind, there in self.ways[here]:
                if there not in self._came:
                    self._came[there] = (here, kind.name)
                    waiting.append(there)

    def _from(self, here: States) -> Iterator[tuple[Kind, States]]:
        for kind in self.kinds:
            there = self.follow(here, kind.name)
            if there is not None:
                yield kind, there

    def follow(self, states: States, name: str) -> States | None:
        """Return where event *name* leads along declared transitions; None where a region that knows it has none."""
        after = list(states)
        for region, moves in self.machine.moves[name]:
            move = moves[states[region]]
            if move.verdict != "taken":
                return None
            after[region] = move.dest
        return tuple(after)

    def _leading_to_an_end(self) -> set[States]:
        """Return the states from which a complete recording is reached, those of complete ones included."""
        before: dict[States, list[States]] = {}
        for here, found in self.ways.items():
            for _, there in found:
                before.setdefault(there, []).append(here)
        ending = {states for states in self._came if self.is_complete(states)}
        waiting = list(ending)
        while waiting:
            new = [here for here in before.get(waiting.pop(), ()) if here not in ending]
            ending.update(new)
            waiting += new
        return ending

    def is_complete(self, states: States) -> bool:
        """Tell whether a recording whose regions are in *states* is complete."""
        return self.machine.situation(states).complete

    def path(self, states: States) -> list[str]:
        """Return a shortest path from the start to *states*."""
        names: list[str] = []
        while (came := self._came[states]) is not None:
            states, name = came
            names.append(name)
        return names[::-1]
