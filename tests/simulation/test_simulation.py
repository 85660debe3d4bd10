"""A simulation as a whole: the lines of a delivery log, and the truth of every recording."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import find_machines
from recording_tracker.simulation import PROVIDERS, Plan, simulate
from recording_tracker.simulation.weather import WEATHERS, Weather
from tests.simulation.lives import START_MS

MACHINES = find_machines()
every_provider = pytest.mark.parametrize("provider", PROVIDERS)
STORM = WEATHERS["storm"]


def run(
    provider: str, weather: Weather = STORM, *, recordings: int | None = 200, events: int | None = None, seed: int = 1
) -> tuple[list[str], list[dict[str, Any]]]:
    truths: list[dict[str, Any]] = []
    plan = Plan(start_ms=START_MS, seed=seed, recordings=recordings, events=events, per_hour=120)
    return [text for _, text in simulate(MACHINES[provider], weather, plan, truths.append)], truths


@every_provider
def test_the_same_seed_makes_the_same_lines_and_another_makes_others(provider: str) -> None:
    assert run(provider) == run(provider)
    assert run(provider) != run(provider, seed=2)


@every_provider
def test_lines_come_in_the_order_in_which_they_are_received(provider: str) -> None:
    received = [json.loads(line)["received_at"] for line in run(provider)[0]]

    assert received == sorted(received)


@every_provider
def test_every_line_is_taken_in(provider: str) -> None:
    lines, truths = run(provider)

    with Tracker(MemoryJournal()) as tracker:
        summary = tracker.ingest_many([json.loads(line) for line in lines])

    assert (summary.rejected, summary.quarantined, summary.ignored) == (0, 0, 0)
    assert summary.deliveries == len(lines)
    assert len(truths) == 200


@every_provider
def test_a_simulation_of_events_has_as_many_and_ends_its_last_recording(provider: str) -> None:
    lines, truths = run(provider, events=500, recordings=None)
    deliveries = sum("body" in json.loads(line) for line in lines)

    assert 500 <= deliveries < 500 + 200
    came = sum(truth["callbacks"] - len(truth["lost"]) + len(truth["doubled"]) for truth in truths)
    assert came == deliveries


def test_only_what_is_on_its_way_is_held() -> None:
    told: list[dict[str, Any]] = []
    plan = Plan(start_ms=START_MS, seed=1, recordings=1_000_000, events=None, per_hour=10)

    lines = list(islice(simulate(MACHINES["aircore"], Weather(), plan, told.append), 3_000))

    assert len(lines) == 3_000
    assert len(told) < 1_020


def test_recordings_have_the_fates_that_are_asked_for() -> None:
    weather = Weather(hung=0.2, failed=0.2, absent=0.2, odd=0.2)
    fates = Counter(truth["fate"] for truth in run("line_planet", weather, recordings=2_000)[1])

    assert set(fates) == {"healthy", "hung", "failed", "absent", "never", "odd"}
    assert fates["absent"] + fates["never"] == pytest.approx(400, rel=0.2)
    assert all(fates[name] == pytest.approx(400, rel=0.2) for name in ("healthy", "hung", "failed", "odd"))


@every_provider
def test_a_hung_recording_is_never_complete_and_hangs_where_its_life_has_got_to(provider: str) -> None:
    _, truths = run(provider, Weather(hung=1.0))

    assert {truth["fate"] for truth in truths} == {"hung"}
    assert not any(truth["shown"]["complete"] or truth["outcome"] for truth in truths)
    assert all(truth["hung_at"] for truth in truths)


def test_what_the_account_does_not_get_is_not_sent(tmp_path: Path) -> None:
    adjusted = tmp_path / "agora.toml"
    adjusted.write_text('extends = "agora"\n[limits]\nsubscribed = ["recorder_started", "uploaded", "session_exit"]\n')
    plan = Plan(start_ms=START_MS, seed=1, recordings=50, events=None, per_hour=120)

    lines = [json.loads(text) for _, text in simulate(find_machines(tmp_path)["agora"], Weather(), plan)]

    assert {line["body"]["eventType"] for line in lines if "body" in line} <= {40, 31, 11, 120}


def test_a_machine_that_requires_what_never_comes_can_be_simulated(tmp_path: Path) -> None:
    strict = tmp_path / "enablex.toml"
    strict.write_text('extends = "enablex"\n[regions.delivery]\nrequired = true\n')
    truths: list[dict[str, Any]] = []
    plan = Plan(start_ms=START_MS, seed=1, recordings=100, events=None, per_hour=120)

    lines = list(simulate(find_machines(tmp_path)["enablex"], Weather(hung=0.5), plan, truths.append))

    assert lines
    assert 0 < sum(truth["shown"]["complete"] for truth in truths) < 50


def test_few_begin_at_night() -> None:
    lines, _ = run("aircore", Weather(announced=1.0), recordings=1_500)
    hours = [int(json.loads(line)["received_at"][11:13]) for line in lines if "expect" in line]
    night, day = sum(hour in (22, 23, 0, 1) for hour in hours), sum(hour in (10, 11, 12, 13) for hour in hours)

    assert night * 2 < day


def test_recordings_of_one_provider_are_not_all_alike() -> None:
    lines, truths = run("agora", Weather(), recordings=300)

    assert len({truth["life"] for truth in truths}) >= 8
    gaps = [later > earlier for earlier, later in pairwise(len(line) for line in lines)]
    assert any(gaps)
