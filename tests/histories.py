"""Histories: what may arrive of one recording, drawn at random from a machine's vocabulary, and what is made of it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from random import Random
from typing import NamedTuple

from recording_tracker.events import RESOLVED, SUPERSEDED, Event
from recording_tracker.journal import EventRow, Variant
from recording_tracker.machine import Machine
from recording_tracker.redelivery import Delivery, adds_nothing, merge
from recording_tracker.timeline import Timeline

START_MS = 1_700_000_000_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
STEPS = (0, 0, SECOND, MINUTE, 6 * MINUTE, HOUR)
DELAYS = (0, 300, 300, SECOND, 10 * MINUTE, -MINUTE, -10 * MINUTE)
LATER = (0, MINUTE, 6 * MINUTE, HOUR, 30 * HOUR, 300 * HOUR)
WORKERS = ("1", "2", "3")
OUTCOMES = ("available", "backed_up", "partial", "absent", "failed")


class History(NamedTuple):
    """All that came of one recording, in the order in which it came, and the moment of looking at it."""

    deliveries: list[Event]
    announced: tuple[int, int] | None
    """When, and within how long it had to be heard of; milliseconds."""
    now_ms: int


def draw(random: Random, machine: Machine, longest: int = 12) -> History:
    """Draw a history: a walk along the machine's transitions with holes and foreign bodies, or anything at all."""
    names = _walk(random, machine, longest) if random.random() < 0.6 else _anything(random, machine, longest)
    at_ms, deliveries = START_MS, []
    for number, name in enumerate(names):
        at_ms += random.choice(STEPS)
        deliveries += _delivered(random, _event(random, machine, name, f"e{number}", at_ms))
    if random.random() < 0.7:
        random.shuffle(deliveries)
    announced = (START_MS + random.choice(DELAYS), random.choice((MINUTE, HOUR))) if random.random() < 0.2 else None
    return History(deliveries, announced, at_ms + random.choice(LATER))


def _walk(random: Random, machine: Machine, longest: int) -> list[str]:
    states = [region.initial for region in machine.regions]
    names = []
    for _ in range(random.randint(1, longest)):
        possible = [
            name
            for region, state in zip(machine.regions, states, strict=True)
            for name, dests in region.dests.items()
            if state in dests and (dests[state] != state or random.random() < 0.1)
        ]
        if not possible:
            break
        name = random.choice(possible)
        for number, region in enumerate(machine.regions):
            states[number] = region.dests.get(name, {}).get(states[number], states[number])
        if random.random() < 0.75:
            names.append(name)
        if random.random() < 0.1:
            names += _anything(random, machine, 2)
    return names


def _anything(random: Random, machine: Machine, longest: int) -> list[str]:
    known = list(machine.places)
    odd = ["no.such.event", RESOLVED, random.choice(known) + SUPERSEDED]
    return [random.choice(odd if random.random() < 0.08 else known) for _ in range(random.randint(0, longest))]


def _event(random: Random, machine: Machine, name: str, event_id: str, at_ms: int) -> Event:
    rarely = random.random
    has_workers = machine.incarnation_switch is not None and rarely() < 0.7
    switches = name == machine.incarnation_switch and rarely() < 0.8
    codes = [(table, code) for table, rows in machine.definition.codes.items() for code in rows]
    return Event(
        recording_id="r",
        event_id=event_id,
        name=name,
        received_ms=at_ms + random.choice(DELAYS),
        occurred_ms=None if rarely() < 0.15 else at_ms,
        sequence=random.randint(0, 6) if rarely() < 0.3 else None,
        incarnation=random.choice(WORKERS[: random.randint(1, 3)]) if has_workers and name != RESOLVED else None,
        successor=random.choice(WORKERS) if switches else None,
        codes=(random.choice([*codes, ("none", "such")]),) if rarely() < 0.15 else (),
        problems=("odd",) if rarely() < 0.05 else (),
        started_ms=at_ms - MINUTE if rarely() < 0.1 else None,
        ended_ms=at_ms + MINUTE if rarely() < 0.1 else None,
        outcome=random.choice(OUTCOMES) if name == RESOLVED else None,
        content="a",
    )


def _delivered(random: Random, event: Event) -> list[Event]:
    """Deliver *event* once, or again, sometimes with other content."""
    deliveries = [event]
    while random.random() < 0.15:
        again = event._replace(received_ms=event.received_ms + random.choice((0, SECOND, HOUR, -SECOND)))
        if random.random() < 0.3:
            again = again._replace(content=random.choice("bc"), problems=("other",))
        deliveries.append(again)
    return deliveries


class Arrival:
    """What the program makes of deliveries as they arrive: each event kept once, and the timeline of them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.timeline = Timeline(machine)
        self._kept: dict[str, tuple[Delivery, dict[str, Variant]]] = {}
        self._bodies: dict[tuple[str, str], Event] = {}

    def take(self, deliveries: Iterable[Event]) -> None:
        """Take one batch in, as the intake does: what is new is put in its place, what counts anew is folded anew."""
        new: list[str] = []
        anew = False
        for event in deliveries:
            delivery = _delivery(event)
            self._bodies[event.event_id, delivery.content] = event
            if event.event_id not in self._kept:
                self._kept[event.event_id] = (delivery, {})
                new.append(event.event_id)
                continue
            known, variants = self._kept[event.event_id]
            if adds_nothing(known, delivery):
                continue
            self._kept[event.event_id] = merge(known, variants, delivery)
            anew = anew or event.event_id not in new
        if anew:
            self.timeline = Timeline(self.machine)
        self.timeline.insert(self._event(event_id) for event_id in (self._kept if anew else new))

    def _event(self, event_id: str) -> Event:
        (row, content), _ = self._kept[event_id]
        return self._bodies[event_id, content]._replace(received_ms=row.received_ms, differs_ms=row.differs_ms)

    @property
    def verdicts(self) -> dict[str, str]:
        return {line.event.event_id: line.verdict for line in self.timeline.lines}


def hashed(event: Event) -> bytes:
    """The hash of the bytes that brought *event*."""
    return sha256(str(event.content).encode()).digest()


def _delivery(event: Event) -> Delivery:
    row = EventRow(
        event.event_id, event.name, event.occurred_ms, event.received_ms, "", 1, None, hashed(event), b"", ""
    )
    return Delivery(row, str(event.content))


def arrived(random: Random, machine: Machine, deliveries: list[Event]) -> Arrival:
    """Take *deliveries* in, in batches of any size."""
    arrival, place = Arrival(machine), 0
    while place < len(deliveries):
        size = random.choice((1, 1, 1, 2, 3, 20))
        arrival.take(deliveries[place : place + size])
        place += size
    return arrival
