"""What really happened to a recording, and what of it can be known from what was delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recording_tracker.errors import UsageError
from recording_tracker.machine import find_machines, load_machine
from recording_tracker.simulation import agora, aircore, bandwidth, enablex, line_planet
from recording_tracker.simulation.declared import Declared
from recording_tracker.simulation.life import Life, Play
from recording_tracker.simulation.shown import Passage, walk
from recording_tracker.simulation.truth import truth
from tests.simulation.lives import Case, played, plays

MACHINES = find_machines()


def told(provider: str, life: Life, *, lost: tuple[str, ...] = (), delay_ms: int = 500) -> dict[str, Any]:
    """The truth of *life* where the callbacks of these names are lost, and all others come."""
    passages = [
        Passage(one, () if one.name in lost or not one.is_sent else ((one.at_ms + delay_ms, one.stated_ms),))
        for one in life.told
    ]
    return truth(Declared(MACHINES[provider]), life, passages)


def known(line: dict[str, Any]) -> dict[str, str]:
    return {lost["name"]: lost["known"] for lost in line["lost"]}


def flags(line: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(flag["code"], *flag["events"]) for flag in line["flags"]]


@pytest.mark.parametrize("case", plays("HEALTHY"), ids=str)
def test_a_healthy_life_that_is_told_whole_shows_all_and_has_no_alarm(case: Case) -> None:
    for life in case.lives(4):
        line = told(case.provider, life)

        assert line["shown"]["state"] == line["state"]
        assert (line["shown"]["complete"], line["shown"]["outcome"]) == (True, life.outcome)
        assert [flag for flag in flags(line) if flag != ("provider-error",)] == []


@pytest.mark.parametrize(
    ("play", "lost", "how"),
    [
        (agora.vod, "recorder_started", "implied"),
        (agora.vod, "recorder_leave", "implied"),
        (agora.vod, "vod_triggered", "deadline"),
        (agora.vod, "vod_started", "never"),
        (agora.composite, "uploaded", "deadline"),
        (agora.composite, "session_exit.normal", "deadline"),
        (agora.composite, "cloud_recording_file_infos", "never"),
        (agora.failover, "session_failover", "implied"),
        (aircore.stopped, "recording-started", "implied"),
        (aircore.stopped, "recording-stopped", "implied"),
        (aircore.stopped, "recording-uploaded", "deadline"),
        (line_planet.recorded, "IN_PROGRESS", "implied"),
        (line_planet.recorded, "COMPLETED", "deadline"),
        (bandwidth.whole_call, "recordingAvailable.complete", "never"),
        (enablex.fallback, "recording", "deadline"),
        (enablex.fallback, "room-live-recording-failed.queued", "never"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_how_a_loss_can_be_known(play: Play, lost: str, how: str) -> None:
    provider = play.__module__.rpartition(".")[2]

    line = told(provider, played(play, 3), lost=(lost,))

    assert set(known(line).values()) == {how}
    assert (("missing-event", lost) in flags(line)) == (how == "implied")
    assert (("missing-terminal",) in flags(line)) == (how == "deadline")


def test_a_start_is_not_missed_where_the_end_needs_none() -> None:
    life = next(life for life in (played(line_planet.too_short, seed) for seed in range(20)) if len(life.told) == 2)

    assert known(told("line_planet", life, lost=("IN_PROGRESS",))) == {"IN_PROGRESS": "never"}


def test_two_losses_one_behind_the_other_are_both_known() -> None:
    line = told("aircore", played(aircore.stopped, 1), lost=("recording-started", "recording-stopped"))

    assert known(line) == {"recording-started": "implied", "recording-stopped": "implied"}


def test_what_is_implied_is_only_as_far_as_it_must_have_got() -> None:
    life = next(
        life
        for life in (played(agora.composite, seed) for seed in range(50))
        if "recorder_video_stream_state_changed" in {one.name for one in life.told}
    )
    kept = "recorder_video_stream_state_changed"

    line = told("agora", life, lost=tuple(one.name for one in life.told if one.name != kept))

    assert line["shown"]["state"]["recorder"] == "recording"
    assert flags(line)[-1] != ("missing-event", "recorder_leave")
    assert ("missing-event", "recorder_started") in flags(line)


def test_of_what_nobody_announced_and_nothing_came_nothing_is_known() -> None:
    life = played(aircore.stopped, 1)
    everything = tuple(one.name for one in life.told)

    assert told("aircore", life, lost=everything)["shown"]["known"] is False
    life.announced_ms = life.told[0].at_ms
    assert flags(told("aircore", life, lost=everything)) == [("never-started",)]


def test_what_waits_for_its_opening_event_has_no_flags() -> None:
    lives = (played(bandwidth.transcribed, seed) for seed in range(200))
    life = next(life for life in lives if any(one.trouble for one in life.told))
    alone = ("recordingAvailable.complete",)

    assert flags(told("bandwidth", life, lost=alone)) == []
    life.announced_ms = life.told[0].at_ms
    assert flags(told("bandwidth", life, lost=alone)) == [("never-started",)]


def test_a_clock_more_than_five_minutes_ahead_is_seen() -> None:
    life = played(aircore.stopped, 1)
    life.told = [one._replace(stated_ms=one.at_ms + 301_000) for one in life.told]

    assert ("clock-skew",) in flags(told("aircore", life, delay_ms=0))
    assert ("clock-skew",) not in flags(told("aircore", life, delay_ms=2_000))


def test_a_number_that_did_not_come_is_a_hole_unless_it_is_the_last() -> None:
    life = played(agora.vod, 3)

    assert ("sequence-gap",) in flags(told("agora", life, lost=("vod_started",)))
    assert ("sequence-gap",) not in flags(told("agora", life, lost=("session_exit.normal",)))


def test_what_is_late_is_told_with_how_late() -> None:
    line = told("aircore", played(aircore.stopped, 1), delay_ms=301_000)

    assert [late["by_ms"] for late in line["late"]] == [301_000] * 3


def test_what_fits_what_is_known_is_no_misfit() -> None:
    life = played(agora.started_again, 1)

    assert ("illegal-transition",) in flags(told("agora", life))
    only_the_starts = tuple(one.name for one in life.told if one.name != "recorder_started")
    assert ("illegal-transition",) not in flags(told("agora", life, lost=only_the_starts))


def test_clocks_that_tell_another_story_leave_it_open() -> None:
    life = played(agora.wrong_storage, 1)
    [leave] = [one for one in life.told if one.name == "recorder_leave"]
    turned = [
        one._replace(stated_ms=leave.at_ms - 1) if one.name == "session_exit.abnormal" else one for one in life.told
    ]
    life.told = turned

    assert told("agora", life)["shown"]["certain"] is False


def test_a_machine_in_which_the_life_has_no_place_is_named(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "machines" / "aircore.toml").read_text("utf-8")
    other = tmp_path / "aircore.toml"
    other.write_text(shipped.replace("recording-stopped", "recording-ended"), "utf-8")
    life = played(aircore.stopped, 1)

    with pytest.raises(UsageError, match=r"no transition for 'recording-uploaded' from .*'recording'"):
        list(walk(Declared(load_machine(other)), life.told))
