"""Simulated lives are such as providers tell: the adapters read them, and the machines have them."""

from __future__ import annotations

import json
from importlib import import_module
from random import Random

import pytest

from recording_tracker import Callback, Event
from recording_tracker.adapters import find_adapters, parse
from recording_tracker.events import Ignored
from recording_tracker.machine import find_machines
from recording_tracker.simulation.declared import Declared
from recording_tracker.simulation.life import Life, Told
from recording_tracker.simulation.shown import walk
from tests.simulation.lives import START_MS, Case, plays

ADAPTERS = find_adapters()
MACHINES = find_machines()
every_play = pytest.mark.parametrize("case", plays(), ids=str)


def read(provider: str, life: Life, body: dict[str, object]) -> Event:
    callback = Callback(provider, json.dumps(body).encode(), START_MS, life.query)
    found = parse(ADAPTERS, callback)
    assert not isinstance(found, Ignored)
    [event] = found
    return event


def sent(life: Life) -> list[Told]:
    return [told for told in life.told if told.is_sent]


@every_play
def test_the_adapter_reads_what_the_life_tells(case: Case) -> None:
    for life in case.lives():
        for told in sent(life):
            event = read(case.provider, life, told.body)

            assert (event.name, event.recording_id, event.group_id) == (told.name, life.recording_id, life.group_id)
            assert (event.occurred_ms, event.sequence) == (told.stated_ms, told.sequence or event.sequence)
            assert event.incarnation == told.worker
            assert bool(event.problems) == told.odd


@every_play
def test_what_a_life_calls_trouble_is_what_the_codes_of_the_machine_call_so(case: Case) -> None:
    machine = MACHINES[case.provider]
    for life in case.lives():
        for told in sent(life):
            found = [machine.code(*code) for code in read(case.provider, life, told.body).codes]

            assert any(code.severity_class in ("degraded", "failed") for code in found if code) == told.trouble


@every_play
def test_what_is_sent_again_is_the_same_event(case: Case) -> None:
    module = import_module(f"recording_tracker.simulation.{case.provider}")
    for life in case.lives(4):
        for told in sent(life):
            again, _ = module.resent(told.body, told.at_ms + 60_000, Random(1))
            first, second = (read(case.provider, life, body) for body in (told.body, again))

            assert (first.event_id, first.content) == (second.event_id, second.content)


@every_play
def test_a_life_goes_from_the_first_state_to_its_outcome_along_declared_transitions(case: Case) -> None:
    declared, machine = Declared(MACHINES[case.provider]), MACHINES[case.provider]
    for life in case.lives():
        *_, states = walk(declared, life.told)

        if (case.provider, life.kind) == ("agora", "empty room"):
            # Nothing tells it from a lost upload.
            assert not declared.is_complete(states)
        else:
            assert (declared.is_complete(states), declared.outcome(states)) == (True, life.outcome)
        situation = machine.situation(states)
        assert (situation.complete, situation.outcome) == (
            declared.is_complete(states),
            life.outcome if declared.is_complete(states) else None,
        )


@every_play
def test_nothing_of_a_life_happens_before_it_begins(case: Case) -> None:
    for life in case.lives():
        times = [told.at_ms for told in life.told]

        assert times == sorted(times)
        assert times[0] >= START_MS


def test_the_lives_of_a_provider_tell_most_of_what_its_machine_knows() -> None:
    told: dict[str, set[str]] = {}
    for case in plays():
        told.setdefault(case.provider, set()).update(one.name for life in case.lives() for one in life.told)
    promised = {name: set(machine.promised) for name, machine in MACHINES.items()}

    assert {name: promised[name] - told[name] for name in promised} == {name: set() for name in promised}
    assert all(len(told[name] & set(MACHINES[name].places)) >= len(MACHINES[name].places) / 2 for name in told)
