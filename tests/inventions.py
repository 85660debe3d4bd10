"""Inventions: machines that nobody would write, drawn at random, which the loader accepts all the same."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

from recording_tracker.errors import MachineError
from recording_tracker.machine import Machine
from recording_tracker.machine.checks import CHECKS
from recording_tracker.machine.definition import Definition, read

NAMES = ("a", "b", "b.x", "c", "d", "e", "f")
OUTCOMES = ("available", "backed_up", "partial", "absent", "failed")
PHASES = (None, "starting", "recording", "processing")
DURATIONS = (None, None, "1m", "1h", "30h")


def invent(random: Random) -> Machine:
    """Draw machines until one is of use."""
    while True:
        try:
            definition = read(Definition, _tables(random))
        except MachineError:
            continue
        if not any(problem for check in CHECKS for problem in check(definition)):
            return Machine(definition)


def _tables(random: Random) -> dict[str, Any]:
    names = list(NAMES[: random.randint(2, len(NAMES))])
    regions = {f"r{number}": _region(random, names) for number in range(random.choice((1, 1, 2, 3)))}
    used = {trigger for region in regions.values() for rule in region["transitions"] for trigger in rule["trigger"]}
    names = [name for name in names if name in used]
    tables: dict[str, Any] = {
        "provider": "invented",
        "title": "Invented",
        "limits": {"lost_after": random.choice(("1m", "5m", "2h")), "complete_within": random.choice(("2h", "3d"))},
        "events": {name: _flags(random) for name in random.sample(names, len(names))},
        "regions": regions,
        "codes": {"t": {name: {"meaning": name, "class": name} for name in ("progress", "hint", "degraded", "failed")}},
    }
    if random.random() < 0.3:
        tables["limits"]["subscribed"] = random.sample(names, random.randint(0, len(names)))
    if random.random() < 0.3:
        tables["incarnation_switch"] = random.choice(names)
    return tables


def _flags(random: Random) -> dict[str, bool]:
    return {
        "promised": random.random() < 0.5,
        "opens": random.random() < 0.8,
        "assumable": random.random() < 0.8,
    }


def _region(random: Random, names: list[str]) -> dict[str, Any]:
    states = [f"s{number}" for number in range(random.randint(2, 6))]
    finals = {state for state in states[1:] if random.random() < 0.4} | {states[-1]}
    joined = [(random.choice(names), source, dest) for source, dest in _ways(random, states)]
    once = {(trigger, source): dest for trigger, source, dest in joined}
    return {
        "initial": states[0],
        "required": random.random() < 0.3,
        "transitions": [
            {"trigger": [trigger], "source": [source], "dest": dest} for (trigger, source), dest in once.items()
        ],
        "states": {state: _state(random, state in finals, is_initial=state == states[0]) for state in states},
    }


def _ways(random: Random, states: list[str]) -> list[tuple[str, str]]:
    """Join states in their order, mostly, and here and there from anywhere to anywhere."""
    found = list(pairwise(states))
    for _ in range(random.randint(0, 3 * len(states))):
        source = random.choice(states)
        later = states[states.index(source) :]
        found.append((source, random.choice(later if random.random() < 0.7 else states)))
    random.shuffle(found)
    return found


def _state(random: Random, final: bool, *, is_initial: bool) -> dict[str, Any]:
    rule: dict[str, Any] = {"final": final}
    if final:
        rule["phase"] = random.choice((None, "finished"))
        rule["outcome"] = random.choice((None, *OUTCOMES))
    elif not is_initial:
        rule["phase"] = random.choice(PHASES)
    rule["stall_after"], rule["complete_within"] = random.choice(DURATIONS), random.choice(DURATIONS)
    return {key: value for key, value in rule.items() if value is not None}
