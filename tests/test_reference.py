"""The fold against a second opinion: random histories of every machine, in any order of arrival, flags included."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from recording_tracker.audit import open_flags
from recording_tracker.conclusion import conclude
from recording_tracker.events import Event
from recording_tracker.flags import STUCK
from recording_tracker.machine import Machine, find_machines
from tests.histories import START_MS, Arrival, History, arrived, draw, hashed
from tests.inventions import invent
from tests.reference import Expectation, Finding, Opinion, Reference

MACHINES = find_machines()
# The longest goes beyond what a timeline keeps, and not to the hundred flags of which no more are kept.
LENGTHS = (3, 6, 12, 24)
COMPARED = (
    *("phase", "complete", "outcome", "state", "started_ms", "ended_ms", "completed_ms", "stall_ms", "due_ms"),
    *("last", "verdicts", "findings"),
)


def real(arrival: Arrival, history: History) -> dict[str, Any] | None:
    """What the program says; None where it says that there is no recording."""
    until_ms = sum(history.announced) if history.announced else None
    standing = conclude(arrival.machine, arrival.timeline.course, "r", announced_until_ms=until_ms)
    if not standing.exists:
        return None
    findings = [
        # The design does not say whose deadline it is where two regions have the same.
        Finding(flag.code, flag.severity, None if flag.code in STUCK else flag.region, flag.events, flag.raised_ms)
        for flag in open_flags(standing, history.now_ms)
    ]
    assert len(findings) == len(set(findings))
    lines = arrival.timeline.lines
    others = {
        "last": lines[-1].event.event_id if lines else None,
        "verdicts": arrival.verdicts,
        "findings": frozenset(findings),
    }
    return {name: others.get(name, getattr(standing, name, None)) for name in COMPARED}


def second(reference: Reference, history: History) -> dict[str, Any] | None:
    expected = [Expectation(*history.announced)] if history.announced else []
    opinion = reference.opine(once_each(history.deliveries), expected, history.now_ms)
    return None if opinion is None else told(opinion)


def told(opinion: Opinion) -> dict[str, Any]:
    return {name: getattr(opinion, name) for name in COMPARED}


def once_each(deliveries: list[Event]) -> Iterator[Event]:
    """Of the deliveries of one event the first received counts, then the smaller hash; others may contradict it."""
    for event_id in {event.event_id for event in deliveries}:
        same = [event for event in deliveries if event.event_id == event_id]
        first = min(same, key=lambda event: (event.received_ms, hashed(event)))
        others_ms = [event.received_ms for event in same if event.content != first.content]
        yield first._replace(differs_ms=min(others_ms, default=None))


def compare(random: Random, machine: Machine, count: int) -> int:
    """Compare *count* histories; return how many of them made a recording."""
    reference, made = Reference(machine.definition), 0
    for _ in range(count):
        history = draw(random, machine, random.choice(LENGTHS))
        expected, actual = second(reference, history), real(arrived(random, machine, history.deliveries), history)
        assert expected == actual, history
        made += expected is not None
    return made


@pytest.mark.parametrize("provider", MACHINES)
def test_a_second_opinion_agrees(provider: str) -> None:
    made = compare(Random(provider), MACHINES[provider], 300)

    assert made > 200


def test_a_second_opinion_agrees_on_machines_that_nobody_would_write() -> None:
    random = Random(7)

    made = sum(compare(random, invent(random), 8) for _ in range(60))

    assert made > 240


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("provider", MACHINES)
def test_a_second_opinion_agrees_at_length(provider: str, part: int) -> None:
    made = compare(Random(f"{provider} {part}"), MACHINES[provider], 10_000)

    assert made > 7_000


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_a_second_opinion_agrees_at_length_on_machines_that_nobody_would_write(part: int) -> None:
    random = Random(part)

    made = sum(compare(random, invent(random), 25) for _ in range(500))

    assert made > 6_000


def test_a_switch_names_the_new_worker_whoever_sends_it() -> None:
    machine = MACHINES["agora"]
    first = Event("r", "1", "recorder_started", START_MS, START_MS, incarnation="old")
    switch = Event("r", "2", "session_failover", START_MS + 1, START_MS + 1, successor="new")
    after = Event("r", "3", "uploading_progress", START_MS + 2, START_MS + 2, incarnation="new")
    history = History([first, switch, after], None, START_MS + 7_200_000)

    assert second(Reference(machine.definition), history) == real(
        arrived(Random(0), machine, history.deliveries), history
    )
