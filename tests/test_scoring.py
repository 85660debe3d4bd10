"""A score says how often the tracker is right, and counts what it could not know apart."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from recording_tracker import Tracker
from recording_tracker.errors import DamagedError
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import find_machines
from recording_tracker.scoring import Score, Tally, score, truth_lines
from recording_tracker.simulation import Plan, simulate
from recording_tracker.simulation.weather import Weather
from recording_tracker.times import moment_ms, to_ms

START = datetime(2026, 11, 1, tzinfo=UTC)
MACHINES = find_machines()

Line = dict[str, Any]


def simulated(provider: str, weather: Weather, recordings: int = 60) -> tuple[list[Line], list[Line]]:
    truths: list[Line] = []
    plan = Plan(start_ms=to_ms(START), seed=1, recordings=recordings, events=None, per_hour=60)
    lines = [json.loads(text) for _, text in simulate(MACHINES[provider], weather, plan, truths.append)]
    return lines, truths


def scored(lines: Iterable[Line], truths: list[Line], *, now: datetime | None = None) -> Score:
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(lines)
        return score(tracker, truths, now=now)


def whats(found: Score) -> list[str]:
    return [wrong["what"] for wrong in found.wrong]


def test_in_still_air_everything_is_right() -> None:
    found = scored(*simulated("agora", Weather()))

    assert (found.is_right, found.recordings, found.healthy, found.alarmed) == (True, 60, 60, 0)
    assert (found.state.right, found.state.false, found.state.unknowable) == (60, 0, 0)
    assert sum(tally.right for tally in found.outcomes.values()) == 60


def test_a_tracker_that_was_not_given_everything_is_found_out() -> None:
    lines, truths = simulated("aircore", Weather())
    kept = [line for line in lines if line.get("body", {}).get("event") != "recording-uploaded"]

    found = scored(kept, truths)

    assert found.outcomes["available"].missed == 60
    assert (found.stuck.false, found.alarmed) == (60, 60)
    assert found.flags["missing-terminal"].false == 60
    assert not found.is_right


def test_a_wrong_outcome_is_found_out() -> None:
    lines, truths = simulated("aircore", Weather(failed=1.0))
    for line in lines:
        if line["body"]["event"] == "recording-upload-failed":
            line["body"]["event"] = "recording-uploaded"

    found = scored(lines, truths)

    assert (found.outcomes["failed"].missed, found.outcomes["available"].false) == (60, 60)
    assert "outcome available, and it is failed" in whats(found)
    assert found.state.false == 60


def test_a_false_alarm_on_a_healthy_recording_is_found_out() -> None:
    lines, truths = simulated("aircore", Weather())
    lines[0]["body"]["recording"]["state"] = "odd"

    found = scored(lines, truths)

    assert (found.alarmed, found.flags["payload-mismatch"].false) == (1, 1)
    assert whats(found) == ["false flag payload-mismatch"]


def test_a_flag_that_is_not_raised_is_found_out() -> None:
    lines, truths = simulated("line_planet", Weather(), recordings=5)
    truths[0]["flags"] = [{"code": "missing-event", "events": ["IN_PROGRESS"]}]
    truths[0]["lost"] = [{"name": "IN_PROGRESS", "at": truths[0]["settled_at"], "known": "implied"}]

    found = scored(lines, truths)

    assert found.flags["missing-event"].missed == 1
    assert (found.losses.implied, found.losses.implied_found) == (1, 0)


def test_a_hung_recording_that_is_not_found_is_found_out() -> None:
    lines, truths = simulated("aircore", Weather(), recordings=5)
    truths[0] |= {"hung_at": truths[0]["settled_at"], "outcome": None}
    truths[0]["shown"] |= {"complete": False, "outcome": None}

    found = scored(lines, truths)

    assert (found.stuck.missed, found.delays_ms) == (1, [])
    assert "not stuck, and it never ends" in whats(found)


def test_losses_that_can_be_known_are_found_and_the_others_are_counted() -> None:
    found = scored(*simulated("agora", Weather(loss=0.1), recordings=150))

    losses = found.losses
    assert losses.implied == losses.implied_found > 0
    assert losses.deadline == losses.deadline_found > 0
    assert losses.never >= found.flags["missing-event"].unknowable > 0


def test_a_loss_that_is_told_is_right_also_where_it_was_not_certain() -> None:
    lines, truths = simulated("aircore", Weather(), recordings=1)
    [started] = [line for line in lines if line["body"]["event"] == "recording-started"]
    truths[0]["lost"] = [{"name": "recording-started", "at": started["received_at"], "known": "never"}]

    found = scored([line for line in lines if line is not started], truths)

    assert (found.flags["missing-event"].right, found.flags["missing-event"].false) == (1, 0)


def test_what_the_deliveries_cannot_show_is_counted_apart() -> None:
    # Nobody announced them, and the one webhook that there is may be lost.
    found = scored(*simulated("bandwidth", Weather(loss=0.3), recordings=150))

    assert found.outcomes["available"].unknowable > 10
    assert (found.outcomes["available"].missed, found.is_right) == (0, True)


def test_the_delay_runs_from_where_it_really_hung_to_the_deadline() -> None:
    found = scored(*simulated("aircore", Weather(hung=1.0, announced=1.0)))

    assert (found.hung, len(found.delays_ms)) == (60, 60)
    # 30 minutes where it hung after the stop, 12 hours where before.
    assert 0 < min(found.delays_ms) <= 30 * 60_000
    assert found.delays["max_ms"] == max(found.delays_ms) <= 12 * 3_600_000


def test_at_a_moment_those_are_left_out_of_which_a_deadline_can_still_pass() -> None:
    lines, truths = simulated("aircore", Weather())
    settled = sorted(moment_ms(truth["settled_at"]) for truth in truths)
    now = START + timedelta(milliseconds=settled[20] - to_ms(START))

    found = scored(lines, truths, now=now)

    assert (found.recordings, found.unsettled) == (21, 39)


def test_a_tally_counts_what_cannot_be_known_neither_for_nor_against() -> None:
    tally = Tally()
    tally.add(is_true=True, is_told=True, is_shown=True)
    tally.add(is_true=True, is_told=False, is_shown=False)
    tally.add(is_true=False, is_told=True, is_shown=False)
    tally.add(is_true=True, is_told=False, is_shown=True)

    assert tally == Tally(right=1, false=1, missed=1, unknowable=1)
    assert (tally.precision, tally.recall) == (0.5, 0.5)


def test_a_part_of_nothing_is_none() -> None:
    assert (Tally().precision, Tally().recall) == (None, None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no\n", "line 1: is not JSON"),
        (b"{}\n", "line 1: is no truth about a recording"),
        (b"[]\n", "line 1: is no truth about a recording"),
        (b"\xff\n", "line 1: is not JSON"),
    ],
)
def test_a_file_that_is_no_truth_is_named_with_its_line(content: bytes, message: str) -> None:
    with pytest.raises(DamagedError, match=message):
        list(truth_lines(io.BytesIO(content)))
