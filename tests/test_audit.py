"""The audit: what is stuck, what is flagged, what is counted, and when each limit has passed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import AuditReport, QuarantineLimits, Receipt, Recording, Tracker
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import Machine
from recording_tracker.times import from_ms
from tests.lives import LIVES, START_MS, deliveries, life_of, stamped

START = from_ms(START_MS)
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(params=["sqlite", "memory"])
def tracker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tracker]:
    with Tracker(tmp_path / "recordings.db" if request.param == "sqlite" else MemoryJournal()) as tracker:
        yield tracker


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tell(tracker: Tracker, provider: str, payload: str, at_s: float = 0, **more: Any) -> Receipt:
    received_at = more.pop("received_at", after(at_s))
    body = stamped(provider, payload, at_ms=START_MS + round(at_s * 1000), **more)
    return tracker.ingest(provider, body, received_at=received_at)


def named(report: AuditReport) -> tuple[list[str], list[str]]:
    """Return what is stuck and what is flagged, each by its provider."""
    return [one.provider for one in report.stuck], [one.provider for one in report.flagged]


# Limits


@dataclass(frozen=True)
class Limit:
    """What has happened, all of it at the start, and the limit that runs from there."""

    provider: str
    payloads: tuple[str, ...]
    code: str
    place: str
    """``limits.<name>``, or ``<region>.<state>.<name>``."""

    def __str__(self) -> str:
        return f"{self.provider}-{self.place}"

    @property
    def region(self) -> str | None:
        region, _, _ = self.place.partition(".")
        return None if region == "limits" else region

    def of(self, machine: Machine) -> timedelta:
        *where, name = self.place.split(".")
        rules = machine.definition.limits if len(where) == 1 else machine.definition.regions[where[0]].states[where[1]]
        found = getattr(rules, name)
        assert isinstance(found, timedelta)
        return found


START_AND_LEAVE = ("recorder_started.plain", "recorder_leave")
EXITED = (*START_AND_LEAVE, "session_exit.normal")
ON_AND_OFF = ("room-live-recording-on", "room-live-recording-off")
POSTPONED = (*START_AND_LEAVE, "uploaded.hls", "session_exit.postponed")

LIMITS = (
    Limit("agora", ("status.1",), "stalled", "service.initialized.stall_after"),
    Limit("agora", ("status.2",), "stalled", "service.recorder_starting.stall_after"),
    Limit("agora", ("status.3",), "stalled", "service.uploader_ready.stall_after"),
    Limit("agora", ("recorder_started.plain",), "missing-terminal", "service.recorder_ready.complete_within"),
    Limit("agora", ("cloud_recording_file_infos",), "missing-terminal", "service.in_progress.complete_within"),
    Limit("agora", ("cloud_recording_error.fatal",), "stalled", "service.fatal.stall_after"),
    Limit("agora", ("cloud_recording_error.fatal",), "missing-terminal", "service.fatal.complete_within"),
    Limit("agora", START_AND_LEAVE, "stalled", "service.recording_stopped.stall_after"),
    Limit("agora", START_AND_LEAVE, "missing-terminal", "service.recording_stopped.complete_within"),
    Limit("agora", ("status.7",), "stalled", "service.service_stopped.stall_after"),
    Limit("agora", ("status.8",), "stalled", "service.ready_to_exit.stall_after"),
    Limit("agora", EXITED, "missing-terminal", "service.exited.complete_within"),
    Limit("agora", POSTPONED, "missing-terminal", "service.exited_to_transcode.complete_within"),
    Limit("agora", ("recorder_started.plain", "uploading_progress"), "stalled", "recorder.reporting.stall_after"),
    Limit("agora", ("high_availability_registered",), "missing-terminal", "limits.complete_within"),
    Limit("agora", ("recorder_started.plain", "uploaded"), "missing-event", "limits.lost_after"),
    Limit("aircore", ("recording-started",), "stalled", "recording.recording.stall_after"),
    Limit("aircore", ("recording-started",), "missing-terminal", "limits.complete_within"),
    Limit("aircore", ("recording-stopped",), "missing-terminal", "recording.stopped.complete_within"),
    Limit("aircore", ("recording-stopped",), "missing-event", "limits.lost_after"),
    Limit("bandwidth", ("recordComplete",), "stalled", "recording.processing.stall_after"),
    Limit("bandwidth", ("recordComplete",), "missing-terminal", "recording.processing.complete_within"),
    Limit("enablex", ("room-live-recording-updated",), "stalled", "live.queued.stall_after"),
    Limit("enablex", ("room-live-recording-updated",), "missing-terminal", "limits.complete_within"),
    Limit("enablex", ("room-live-recording-on",), "stalled", "live.on.stall_after"),
    Limit("enablex", ON_AND_OFF, "missing-terminal", "live.switched_off.complete_within"),
    Limit("enablex", ("room-live-recording-on", "roomdrop"), "missing-terminal", "live.ended.complete_within"),
    Limit("enablex", ("room-record-on",), "stalled", "capture.on.stall_after"),
    Limit("enablex", ("room-record-on", "room-record-off"), "missing-terminal", "capture.paused.complete_within"),
    Limit("enablex", ("room-record-on", "roomdrop"), "missing-terminal", "capture.ended.complete_within"),
    Limit("enablex", ("room-live-recording-failed.fallback",), "stalled", "capture.fallback.stall_after"),
    Limit("line_planet", ("IN_PROGRESS",), "missing-terminal", "recording.in_progress.complete_within"),
    Limit("line_planet", ("COMPLETED",), "missing-event", "limits.lost_after"),
)


@pytest.mark.parametrize("limit", LIMITS, ids=str)
def test_a_limit_has_passed_a_moment_after_it_and_not_before(limit: Limit) -> None:
    with Tracker(MemoryJournal()) as tracker:
        for number, payload in enumerate(limit.payloads):
            tell(tracker, limit.provider, payload, number=number)
        deadline = START + limit.of(tracker.machines[limit.provider])
        moments = (deadline - SECOND, deadline, deadline + MILLISECOND, deadline + SECOND)
        reports = [tracker.audit(now) for now in moments]
        looks = [list(tracker.recordings(now=now)) for now in moments]

    for listed in (looks, [[*report.stuck, *report.flagged] for report in reports]):
        flags = [[flag for one in found for flag in one.flags if flag.code == limit.code] for found in listed]
        assert [0, 0, 1, 1] == [len(found) for found in flags]
    assert [deadline] == [flag.raised_at for flag in flags[-1]]
    if limit.code != "missing-event":
        assert [limit.region] == [flag.region for flag in flags[-1]]
        assert 1 == len(reports[-1].stuck)


def test_every_limit_of_every_machine_is_among_these() -> None:
    with Tracker(MemoryJournal()) as tracker:
        states = {
            f"{machine.provider}-{region}.{state}.{name}"
            for machine in tracker.machines.values()
            for region, rule in machine.definition.regions.items()
            for state, limits in rule.states.items()
            for name in ("stall_after", "complete_within")
            if getattr(limits, name) is not None
        }

    # What runs beside a limit that is shorter, or as long, can only be seen by changing that one.
    hidden = {
        "agora-service.service_stopped.complete_within",
        "agora-service.ready_to_exit.complete_within",
        "agora-service.exited_abnormally.complete_within",
        "agora-transcoding.awaited.complete_within",
        "agora-transcoding.running.complete_within",
        "agora-transcoding.reported.complete_within",
        "enablex-live.on_with_file.stall_after",
    }
    assert states - hidden == {str(limit) for limit in LIMITS if limit.region}


def test_any_new_event_puts_the_limit_of_silence_off(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain", 0, number=0)
    tell(tracker, "agora", "uploading_progress", 60, number=1)
    tell(tracker, "agora", "recorder_audio_stream_state_changed", 300, number=2)

    assert [] == tracker.audit(after(600)).stuck
    assert ["agora"] == named(tracker.audit(after(601)))[0]


def test_a_duplicate_does_not_put_the_limit_of_silence_off(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-started", 0)
    tell(tracker, "aircore", "recording-started", 0, received_at=after(3600))

    assert ["aircore"] == named(tracker.audit(START + 12 * HOUR + SECOND))[0]


def test_staying_in_a_state_does_not_put_off_when_it_must_be_complete(tracker: Tracker) -> None:
    tell(tracker, "enablex", "room-record-on", 0)
    tell(tracker, "enablex", "room-record-off", 60)
    tell(tracker, "enablex", "room-record-off", 6000)

    assert [] == tracker.audit(after(60) + 12 * HOUR).stuck
    assert ["enablex"] == named(tracker.audit(after(61) + 12 * HOUR))[0]


def test_a_time_ahead_of_ours_does_not_put_a_limit_off(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-started", 86_400, received_at=START)

    assert ["aircore"] == named(tracker.audit(START + 12 * HOUR + SECOND))[0]
    assert {"clock-skew": 1, "stalled": 1} == tracker.audit(START + 12 * HOUR + SECOND).flags


def test_nothing_is_stuck_once_it_is_complete(tracker: Tracker) -> None:
    tracker.ingest_many(deliveries(life_of("as it was captured")))

    assert ([], []) == named(tracker.audit(START + 3650 * DAY))


# Stuck


def test_the_one_whose_limit_passed_first_is_the_first_that_is_stuck(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-started")
    tell(tracker, "aircore", "recording-stopped", label="b")
    tell(tracker, "line_planet", "IN_PROGRESS")
    tell(tracker, "bandwidth", "recordComplete")
    tracker.expect("enablex", "app/never", within=timedelta(minutes=5), at=START)
    tell(tracker, "agora", "recorder_started.plain")

    stuck = tracker.audit(START + 3 * DAY).stuck

    expected = [("enablex", 5), ("aircore", 30), ("bandwidth", 60), ("aircore", 12 * 60), ("line_planet", 24 * 60)]
    found = [(one.provider, min(at for at in (one.stall_at, one.due_at) if at) - START) for one in stuck]
    assert [(provider, timedelta(minutes=minutes)) for provider, minutes in expected] == found


def test_each_one_that_is_stuck_says_so_itself(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-started")
    now = START + 12 * HOUR + SECOND

    (stuck,) = tracker.audit(now).stuck

    assert stuck.stuck
    assert [stuck] == tracker.status(stuck.id, now=now)
    assert [stuck] == list(tracker.recordings(stuck=True, now=now))


# Flagged


def test_an_open_recording_with_a_warning_is_flagged_however_old_the_warning_is(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain", 0, number=0)
    tell(tracker, "agora", "cloud_recording_warning", 5, number=1)

    assert ([], ["agora"]) == named(tracker.audit(START + 3 * DAY, since=HOUR))
    assert {"provider-error": 1} == tracker.audit(START + 3 * DAY, since=HOUR).flags


def complete_with_a_warning(tracker: Tracker, at_s: float) -> None:
    tracker.ingest_many(deliveries(life_of("recorded")))
    tell(tracker, "line_planet", "IN_PROGRESS.error-code", received_at=after(at_s))


def test_a_complete_recording_is_flagged_as_long_as_the_flag_is_no_older_than_asked_for(tracker: Tracker) -> None:
    complete_with_a_warning(tracker, 4000)

    def flagged(seconds: float) -> list[str]:
        return named(tracker.audit(after(seconds), since=HOUR))[1]

    assert ["line_planet"] == flagged(4001)
    assert ["line_planet"] == flagged(4000 + 3599)
    assert [] == flagged(4000 + 3601)


def test_a_complete_recording_whose_flag_is_old_is_not_in_the_counts_of_flags(tracker: Tracker) -> None:
    complete_with_a_warning(tracker, 4000)

    assert {"payload-mismatch": 1} == tracker.audit(after(4001), since=HOUR).flags
    assert {} == tracker.audit(START + 2 * DAY, since=HOUR).flags


def test_what_is_worth_no_more_than_a_note_flags_nothing(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain", 0, number=0)
    tell(tracker, "agora", "recorder_slice_start", 1, number=5)

    assert [["sequence-gap"]] == [[flag.code for flag in one.flags] for one in tracker.recordings(now=after(2))]
    assert ([], []) == named(tracker.audit(after(2)))
    assert {} == tracker.audit(after(2)).flags


def test_what_is_stuck_is_not_flagged_beside(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-stopped")

    assert ([], ["aircore"]) == named(tracker.audit(after(301)))
    assert (["aircore"], []) == named(tracker.audit(after(1801)))
    assert {"missing-event": 1, "missing-terminal": 1} == tracker.audit(after(1801)).flags


def test_what_may_still_come_flags_nothing(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-uploaded")

    assert ([], []) == named(tracker.audit(after(300)))
    assert ([], ["aircore"]) == named(tracker.audit(after(301)))


def test_what_has_cleared_flags_nothing_any_more(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-uploaded", 60)
    before = named(tracker.audit(after(600)))
    tell(tracker, "aircore", "recording-stopped", 50, received_at=after(700))
    tell(tracker, "aircore", "recording-started", 0, received_at=after(700))

    assert ([], ["aircore"]) == before
    assert ([], []) == named(tracker.audit(after(800)))


# Counts


def test_the_counts_add_up_with_the_list(tracker: Tracker) -> None:
    for life in LIVES:
        for number in range(1, len(life.happenings), 3):
            tracker.ingest_many(deliveries(life, label=f"{life.name}{number}", only=range(number)))
            rest = range(number, len(life.happenings))
            tracker.ingest_many(deliveries(life, label=f"{life.name}{number} late", only=rest))
    tracker.expect("agora", "never", at=START)
    tracker.expect("bandwidth", group="never", at=START)
    now = START + DAY

    report = tracker.audit(now, since=DAY - timedelta(minutes=20))

    listed = list(tracker.recordings(now=now))
    assert (len(listed), len(listed)) == (report.recordings, report.open + report.complete)
    assert sum(not one.complete for one in listed) == report.open
    for provider, found in report.providers.items():
        own = [one for one in listed if one.provider == provider]
        assert (len(own), sum(not one.complete for one in own)) == (found.recordings, found.open)
        assert {one.phase: sum(other.phase == one.phase for other in own) for one in own} == found.phases
        ends = [one.outcome for one in own if one.outcome]
        assert {outcome: ends.count(outcome) for outcome in ends} == found.outcomes
    assert {one.id for one in listed if one.stuck} == {one.id for one in report.stuck}
    expected = {one.id for one in listed if not one.stuck and is_flagged(one, report.since)}
    assert {one.id for one in report.flagged} == expected
    assert len(expected) > 2
    codes = [flag.code for one in (*report.stuck, *report.flagged) for flag in one.flags]
    assert {code: codes.count(code) for code in codes} == report.flags


def is_flagged(recording: Recording, since: datetime) -> bool:
    worse = [flag for flag in recording.flags if flag.severity != "info"]
    return any(not recording.complete or flag.raised_at > since for flag in worse)


def test_a_recording_that_changes_is_counted_where_it_stands(tracker: Tracker) -> None:
    life, seen = life_of("stopped by the client"), []
    for line in deliveries(life):
        tracker.ingest(**line)
        seen.append((tracker.audit(life.end).providers["aircore"].phases, tracker.audit(life.end).open))

    assert [({"recording": 1}, 1), ({"processing": 1}, 1), ({"finished": 1}, 0)] == seen


def test_bodies_that_are_about_no_recording_are_counted(tracker: Tracker) -> None:
    for number in range(3):
        tracker.ingest("bandwidth", {"eventType": "disconnect", "callId": f"c-{number}"}, received_at=START)

    report = tracker.audit(START)
    assert (0, 3, START) == (report.recordings, report.ignored, report.providers["bandwidth"].last_received_at)


def test_an_empty_database_needs_no_attention(tracker: Tracker) -> None:
    report = tracker.audit(START)

    assert (0, 0, 0, {}, {}) == (report.recordings, report.open, report.quarantined, report.providers, report.flags)
    assert not report.needs_attention


# Silence


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Tracker]:
    (tmp_path / "agora.toml").write_text('extends = "agora"\n[limits]\nsilent_after = "2h"\n')
    with Tracker(MemoryJournal(), machines=tmp_path) as tracker:
        yield tracker


def test_a_provider_is_silent_a_moment_after_its_limit_and_not_before(listening: Tracker) -> None:
    listening.ingest_many(deliveries(life_of("as it was captured")))
    last = life_of("as it was captured").end + SECOND

    moments = (last, last + 2 * HOUR - SECOND, last + 2 * HOUR, last + 2 * HOUR + MILLISECOND)
    assert [[], [], [], ["agora"]] == [listening.audit(now).silent for now in moments]
    assert [False, True] == [listening.audit(now).needs_attention for now in moments[-2:]]
    assert last == listening.audit(last).providers["agora"].last_received_at


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (stamped("agora", "recorder_started.plain"), []),
        ({"productId": 1, "eventType": 10, "payload": {}}, []),
        ({"odd": True}, []),
        ("no json", ["agora"]),
    ],
    ids=["a-duplicate", "ignored", "kept-aside", "rejected"],
)
def test_whatever_is_heard_of_a_provider_breaks_its_silence_but_noise(
    listening: Tracker, body: Any, expected: list[str]
) -> None:
    tell(listening, "agora", "recorder_started.plain")

    listening.ingest("agora", body, received_at=START + 2 * HOUR)

    assert expected == listening.audit(START + 2 * HOUR + SECOND).silent


def test_a_provider_that_was_never_heard_of_or_has_no_limit_is_not_silent(listening: Tracker) -> None:
    tell(listening, "aircore", "recording-started")

    assert [] == listening.audit(START + 3650 * DAY).silent


# Promises never kept


def test_promised_events_that_have_never_once_come_are_named(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain")
    before = tracker.audit(START).never_received
    tracker.ingest_many(deliveries(life_of("as it was captured")))

    expected = {("recorder_leave", "web_recorder_stopped"), ("uploaded",), ("session_exit.normal",)}
    assert {"agora": expected} == {provider: set(names) for provider, names in before.items()}
    assert {} == tracker.audit(START).never_received


def test_of_a_provider_that_is_not_used_nothing_is_missed(tracker: Tracker) -> None:
    tracker.expect("aircore", "x", at=START)
    tell(tracker, "line_planet", "IN_PROGRESS")

    assert {} == tracker.audit(START).never_received


# What nothing has opened


def test_what_came_of_an_id_that_nothing_has_opened_is_told_of_for_a_while(tracker: Tracker) -> None:
    receipt = tell(tracker, "bandwidth", "recordingAvailable.complete", changes={"status": "archived"})
    report = tracker.audit(after(60))

    assert ("accepted", 0, 0) == (receipt.result, len(receipt.recordings), report.recordings)
    assert [("bandwidth", ["unknown-event"])] == [
        (one.provider, [flag.code for flag in one.flags]) for one in report.unopened
    ]
    assert ([], False) == ([*report.stuck, *report.flagged], report.needs_attention)
    assert [] == tracker.audit(after(60), since=timedelta(seconds=60)).unopened


def test_what_has_opened_after_all_or_is_announced_is_a_recording(tracker: Tracker) -> None:
    tell(tracker, "bandwidth", "recordingAvailable.complete", changes={"status": "archived"})
    (unopened,) = tracker.audit(after(60)).unopened
    tracker.expect("bandwidth", unopened.recording_id, at=START)
    announced = tracker.audit(after(60))
    tell(tracker, "bandwidth", "recordingAvailable.complete")
    opened = tracker.audit(after(60))

    assert [[], []] == [announced.unopened, opened.unopened]
    assert [unopened.recording_id] * 2 == [one.recording_id for one in (*announced.flagged, *opened.flagged)]


# Kept aside


def test_bodies_kept_aside_count_from_the_moment_asked_for(tracker: Tracker) -> None:
    for seconds in (0, 3600, 7200):
        tracker.ingest("agora", {"n": seconds}, received_at=after(seconds))

    def counted(now: float, since: timedelta) -> int:
        return tracker.audit(after(now), since=since).quarantined

    assert [3, 2, 1, 0] == [counted(7200, back * HOUR) for back in (2, 1, 0)] + [counted(7201, 0 * HOUR)]
    assert 3 == counted(7200, DAY)
    assert tracker.audit(after(7200)).needs_attention


def test_a_full_quarantine_needs_attention_however_old_it_is() -> None:
    with Tracker(MemoryJournal(), quarantine=QuarantineLimits(bodies=1)) as tracker:
        tracker.ingest("agora", {"n": 1}, received_at=START)
        report = tracker.audit(START + 30 * DAY)

    assert (0, True, True) == (report.quarantined, report.quarantine_full, report.needs_attention)


# Attention


def test_what_is_stuck_needs_attention_until_it_is_acknowledged(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-started")
    late = START + 12 * HOUR + SECOND
    before = tracker.audit(late).needs_attention

    (one,) = tracker.audit(late).stuck
    tracker.ack(one.id, note="they are still talking", now=late)

    assert before
    assert not tracker.audit(late).needs_attention
    assert (["aircore"], []) == named(tracker.audit(late))
    # Another limit has passed, which nobody has acknowledged.
    assert tracker.audit(START + 3 * DAY + SECOND).needs_attention


def test_an_error_needs_attention_until_it_is_acknowledged(tracker: Tracker) -> None:
    for payload, at_s in (("recording-started", 0), ("recording-stopped", 60), ("recording-upload-failed", 70)):
        tell(tracker, "aircore", payload, at_s)
    now = after(100)
    before = tracker.audit(now)

    tracker.ack(before.flagged[0].id, flag="provider-error", note="the bucket is gone", now=now)

    assert ([], ["aircore"], True) == (*named(before), before.needs_attention)
    assert ([], ["aircore"], False) == (*named(tracker.audit(now)), tracker.audit(now).needs_attention)


def test_a_warning_alone_is_shown_and_needs_no_attention(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-uploaded")

    report = tracker.audit(after(301))
    assert (["missing-event"], False) == ([*report.flags], report.needs_attention)


# As JSON


def test_the_report_as_json_has_these_keys(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-stopped")
    tell(tracker, "aircore", "recording-uploaded", label="b")

    report = tracker.audit(after(1801), since=HOUR)
    found = report.to_json()

    assert [
        *("now", "since", "recordings", "open", "complete", "stuck", "flagged", "flags"),
        *("providers", "quarantined", "ignored"),
    ] == [*found]
    assert ("2026-03-01T10:30:01.000Z", "2026-03-01T09:30:01.000Z") == (found["now"], found["since"])
    assert (2, 1, 1) == (found["recordings"], found["open"], found["complete"])
    assert {
        "aircore": {
            "recordings": 2,
            "open": 1,
            "phases": {"finished": 1, "processing": 1},
            "outcomes": {"available": 1},
            "last_received_at": "2026-03-01T10:00:00.000Z",
            "silent": False,
        }
    } == found["providers"]
    assert [one.to_json() for one in report.stuck] == found["stuck"]
    assert json.loads(json.dumps(found)) == found
