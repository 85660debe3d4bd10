"""What complete recordings tell of how long things take, measured as the audit would have measured it."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_tracker import Tracker
from recording_tracker.adapters import find_adapters
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import find_machines
from recording_tracker.observed import Observed, observe
from recording_tracker.times import from_ms, iso, moment_ms
from tests.stories import PAYLOADS

START_MS = moment_ms("2026-03-01T10:00:00Z")
SECOND, MINUTE = 1_000, 60_000
RECORDING, STOPPED = ("recording", "recording"), ("recording", "stopped")


def delivery(event: str, at_ms: int, received_ms: int, name: str = "a") -> dict[str, Any]:
    """One callback of Aircore; times count from the start of the test."""
    body = {
        "event": f"recording-{event}",
        "timestamp": START_MS + at_ms,
        "recording": {"url": f"http://recorder.example/recording/{name}", "startTime": START_MS},
    }
    return {"provider": "aircore", "received_at": iso(START_MS + received_ms), "body": body}


def life(name: str = "a", *, stopped_ms: int = 30 * MINUTE, uploaded_ms: int = 35 * MINUTE) -> list[dict[str, Any]]:
    return [
        delivery("started", 0, SECOND, name),
        delivery("stopped", stopped_ms, stopped_ms + SECOND, name),
        delivery("uploaded", uploaded_ms, uploaded_ms + SECOND, name),
    ]


def look(journal: MemoryJournal, **more: int) -> Observed:
    return observe(journal, find_adapters(), find_machines(), provider="aircore", **more)


def observed(*deliveries: dict[str, Any], **more: int) -> Observed:
    journal = MemoryJournal()
    Tracker(journal).ingest_many(deliveries)
    return look(journal, **more)


def test_a_stay_lasts_from_entering_until_it_is_known_to_be_over() -> None:
    seen = observed(*life())

    assert seen.stays == {RECORDING: [30 * MINUTE + SECOND], STOPPED: [5 * MINUTE + SECOND]}
    assert seen.lives_ms == [35 * MINUTE + SECOND]


def test_a_silence_lasts_from_the_last_event_until_the_next_is_received() -> None:
    seen = observed(*life(), delivery("paused", 20 * MINUTE, 20 * MINUTE + SECOND))

    assert seen.silences[RECORDING] == [20 * MINUTE + SECOND]


def test_an_event_that_comes_late_was_waited_for() -> None:
    started, _, uploaded = life()
    seen = observed(started, uploaded, delivery("stopped", 30 * MINUTE, 50 * MINUTE))

    assert (seen.late, seen.missing, seen.lateness_ms) == (1, 0, [15 * MINUTE - SECOND])
    assert seen.stays == {RECORDING: [35 * MINUTE + SECOND]}
    assert seen.delays_ms == [SECOND, SECOND, 20 * MINUTE]


def test_an_event_that_never_comes_is_missing() -> None:
    started, _, uploaded = life()
    seen = observed(started, uploaded)

    assert (seen.events, seen.late, seen.missing) == (2, 0, 1)


def test_a_delivery_that_comes_again_is_a_duplicate() -> None:
    seen = observed(*life(), *life())

    assert (seen.recordings, seen.events, seen.duplicates) == (1, 3, 3)
    assert seen.stays == {RECORDING: [30 * MINUTE + SECOND], STOPPED: [5 * MINUTE + SECOND]}


def test_only_the_newest_complete_recordings_count() -> None:
    recordings = [life(str(number), uploaded_ms=(31 + number) * MINUTE) for number in range(4)]
    open_one = delivery("started", 0, SECOND, "open")
    seen = observed(*(line for lines in recordings for line in lines), open_one, limit=2)

    assert seen.recordings == 2
    assert seen.stays[STOPPED] == [4 * MINUTE + SECOND, 3 * MINUTE + SECOND]


def test_what_an_operator_resolved_is_not_measured() -> None:
    journal = MemoryJournal()
    tracker = Tracker(journal)
    tracker.ingest_many(life()[:2])
    tracker.resolve("http://recorder.example/recording/a", outcome="absent", note="x", now=from_ms(START_MS + 10**9))
    seen = look(journal)

    assert (seen.recordings, seen.lives_ms) == (1, [])
    assert seen.stays == {RECORDING: [30 * MINUTE + SECOND]}


@pytest.mark.parametrize(
    ("announced_at_ms", "expected"),
    [([-MINUTE], [MINUTE + SECOND]), ([2 * SECOND], []), ([-5 * MINUTE, -MINUTE], [4 * MINUTE]), ([], [])],
)
def test_an_announced_recording_was_waited_for_until_it_opened(announced_at_ms: list[int], expected: list[int]) -> None:
    announced = [
        {
            "expect": {"provider": "aircore", "recording_id": "http://recorder.example/recording/a"},
            "received_at": iso(START_MS + at_ms),
        }
        for at_ms in announced_at_ms
    ]

    assert observed(*announced, *life()).starts_ms == expected


@pytest.mark.parametrize(("limit", "expected"), [(10, [MINUTE + SECOND]), (1, [])])
def test_an_announced_group_was_waited_for_until_the_first_of_it_opened(limit: int, expected: list[int]) -> None:
    journal = MemoryJournal()
    tracker = Tracker(journal)
    tracker.expect("bandwidth", group="c-1", at=from_ms(START_MS - MINUTE))
    payload = (PAYLOADS / "bandwidth" / "recordingAvailable.complete.json").read_text(encoding="utf-8")
    for name, at_ms in (("r-2", 9 * MINUTE), ("r-1", 0)):
        body = json.loads(payload)["body"] | {"recordingId": name, "callId": "c-1", "eventTime": iso(START_MS + at_ms)}
        tracker.ingest("bandwidth", body, received_at=from_ms(START_MS + at_ms + SECOND))
    seen = observe(journal, find_adapters(), find_machines(), provider="bandwidth", limit=limit)

    assert seen.starts_ms == expected


minutes = st.integers(0, 60)
arrivals = st.lists(
    st.tuples(st.sampled_from(["started", "stopped", "paused", "paused.2"]), minutes, minutes), min_size=1, max_size=6
)


@settings(max_examples=150, deadline=None)
@given(drawn=arrivals, limit=st.integers(1, 59), within=st.integers(1, 59))
def test_a_limit_raises_its_flag_as_often_as_a_time_is_longer(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, int, int]], limit: int, within: int
) -> None:
    """Half a minute makes sure that no audit falls together with a limit, which are whole minutes."""
    folder = tmp_path_factory.mktemp("machines")
    states = f'recording = {{ stall_after = "{limit}m" }}\nstopped = {{ complete_within = "{within}m" }}'
    (folder / "aircore.toml").write_text(f'extends = "aircore"\n[regions.recording.states]\n{states}\n')
    lines = [delivery(event, at * MINUTE, received * MINUTE) for event, at, received in drawn]
    lines.append(delivery("uploaded", 61 * MINUTE, 61 * MINUTE))
    journal = MemoryJournal()
    tracker = Tracker(journal, machines=folder)
    alarms = set()
    received = itemgetter("received_at")
    for moment, arrived in groupby(sorted(lines, key=received), key=received):
        for recording in tracker.audit(from_ms(moment_ms(moment)) - timedelta(seconds=30)).stuck:
            alarms |= {(flag.code, recording.state["recording"]) for flag in recording.flags if flag.is_clocks}
        tracker.ingest_many(arrived)
    seen = look(journal)

    longest_silence = max(seen.silences.get(RECORDING, [0]))
    longest_stay = max(seen.stays.get(STOPPED, [0]))
    assert (("stalled", "recording") in alarms) == (longest_silence > limit * MINUTE)
    assert (("missing-terminal", "stopped") in alarms) == (longest_stay > within * MINUTE)
