"""A program that trusts what comes: one shared machine and the floor's statements, to see what trust would save."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import transitions

from tests.benchmarks.apps import STATES, STEPS
from tests.benchmarks.figure import Figure, ratio, seconds
from tests.benchmarks.floor import Floor, Rows, Statement, rows_of
from tests.benchmarks.load import Delivery, deliveries


class _Model:
    state: str


class Trusting:
    """Knows of each recording the state that it is in; reads with ``json.loads``, and checks nothing."""

    def __init__(self) -> None:
        self._machine = transitions.Machine(None, states=STATES, initial=STATES[0], auto_transitions=False)
        for kind, state in STEPS.items():
            self._machine.add_transition(str(kind), "*", state)
        self._model = _Model()
        self._states: dict[str, str] = {}

    def read(self, body: bytes) -> None:
        """Read one callback, take the step that it tells of, and digest it."""
        found = json.loads(body)
        recording, kind = found["payload"]["sid"], found["eventType"]
        if kind in STEPS:
            self._model.state = self._states.get(recording, STATES[0])
            self._machine.events[str(kind)].trigger(self._model)
            self._states[recording] = self._model.state
        sha256(body).digest()

    def through(self, load: Sequence[Delivery], known: Sequence[Statement]) -> Iterator[Statement]:
        """Read the body of each delivery before its statement."""
        for delivery, statement in zip(load, known, strict=True):
            self.read(delivery.body)
            yield statement

    def rows(self, load: Sequence[Delivery], known: Sequence[Rows]) -> list[Rows]:
        """Read the body of each delivery, for the row that is known of it."""
        for delivery in load:
            self.read(delivery.body)
        return list(known)


def measure(folder: Path, *, events: int, rounds: int) -> list[Figure]:
    """Write the rows of *events* as the floor does, with each body read first; one commit each, and by thousands."""
    load = list(deliveries(events, side_by_side=min(500, events // 5)))
    rows = rows_of(load)
    each, bulk = [], []
    for number in range(rounds):
        below, above = Floor(folder / f"floor-{number}.db"), Floor(folder / f"trusting-{number}.db")
        statements = below.statements(rows)
        floor_s = seconds(lambda: below.commit_each(statements))  # noqa: B023
        each.append((floor_s, seconds(lambda: above.commit_each(Trusting().through(load, statements)))))  # noqa: B023
        below.close()
        above.close()
        below, above = Floor(folder / f"bulk-floor-{number}.db"), Floor(folder / f"bulk-trusting-{number}.db")
        floor_s = seconds(lambda: below.commit_batches(rows))  # noqa: B023
        bulk.append((floor_s, seconds(lambda: above.commit_batches(Trusting().rows(load, rows)))))  # noqa: B023
        below.close()
        above.close()
    return [
        ratio("trust-one", "of the floor, a program that checks nothing, one after the other", None, each),
        ratio("trust-bulk", "of the bulk floor, a program that checks nothing, by thousands", None, bulk),
    ]
