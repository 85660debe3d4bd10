"""The examples of the five documents that the tracker began from are taken in, and fold to what happened there."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from recording_tracker import Recording, Tracker
from recording_tracker.flags import INFO, STUCK
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.times import from_ms
from tests.lives import START_MS, deliveries, life_of
from tests.stories import PAYLOADS

NOW = from_ms(START_MS)
RELAYED = {"app_id": "app", "room_id": "room", "conf_num": "conf", "relayed_at": "2026-03-01T10:00:00Z"}
SEED_EVENTS = {
    1: "cloud_recording_error",
    2: "cloud_recording_warning",
    3: "status.5",
    4: "cloud_recording_file_infos",
    11: "session_exit.normal.leaveStatus",
    30: "uploader_started",
    31: "uploaded.web",
    32: "backuped.plain",
    33: "uploading_progress",
    40: "recorder_started.plain",
    41: "recorder_leave.stopped",
    42: "recorder_slice_start",
    43: "recorder_audio_stream_state_changed",
    44: "recorder_video_stream_state_changed",
}


def example(provider: str, name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((PAYLOADS / provider / f"{name}.json").read_text(encoding="utf-8"))["body"]
    return body


def taken_in(provider: str, *told: dict[str, Any], now: datetime = NOW) -> tuple[list[str], list[Recording]]:
    with Tracker(MemoryJournal()) as tracker:
        results = [
            # As text, for so it arrives.
            tracker.ingest(provider, json.dumps(body), received_at=from_ms(START_MS + number * 1000)).result
            for number, body in enumerate(told)
        ]
        return results, list(tracker.recordings(now=now))


def codes(recording: Recording) -> list[str]:
    return [flag.code for flag in recording.flags if flag.severity != INFO]


# LINE Planet: one example


def test_line_planet_completed_is_available_with_the_files_of_both_sides() -> None:
    body = example("line_planet", "COMPLETED")

    results, (found,) = taken_in("line_planet", body)

    assert results == ["accepted"]
    assert (found.phase, found.outcome, codes(found)) == ("finished", "available", [])
    expected = [("caller", 1), ("caller", 2), ("callee", 1), ("callee", 2)]
    assert expected == [(file.kind, file.order) for file in found.files]
    assert {"..."} == {file.hash for file in found.files}
    assert str(found.started_at) == "2020-08-18 09:58:22.514000+00:00"


def test_line_planet_completed_without_a_start_tells_of_the_lost_callback() -> None:
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest("line_planet", example("line_planet", "COMPLETED"), received_at=NOW)
        (found,) = tracker.recordings(now=from_ms(START_MS + 300_001))

    assert codes(found) == ["missing-event"]
    assert [flag.events for flag in found.flags] == [("IN_PROGRESS",)]


# Aircore: four examples, which share one url


def test_aircore_started_is_recording() -> None:
    body = example("aircore", "recording-started")

    results, (found,) = taken_in("aircore", body, now=from_ms(body["timestamp"]))

    assert results == ["accepted"]
    assert (found.phase, codes(found)) == ("recording", [])


def test_aircore_stopped_is_processing() -> None:
    told = [example("aircore", f"recording-{what}") for what in ("started", "stopped")]

    results, (found,) = taken_in("aircore", *told, now=from_ms(told[1]["timestamp"]))

    assert results == ["accepted", "accepted"]
    assert (found.phase, found.state) == ("processing", {"recording": "stopped"})
    # The page's times of start and stop are 85 days apart.
    assert set(codes(found)) <= STUCK


def test_aircore_uploaded_is_available_with_its_file() -> None:
    told = (example("aircore", f"recording-{what}") for what in ("started", "stopped", "uploaded"))

    _, (found,) = taken_in("aircore", *told)

    assert (found.phase, found.outcome, codes(found)) == ("finished", "available", [])
    assert [file.name for file in found.files] == ["record_1677608374942-0-503309.m4a"]


def test_aircore_upload_failed_is_failed_because_of_the_region() -> None:
    told = (example("aircore", f"recording-{what}") for what in ("started", "stopped", "upload-failed"))

    _, (found,) = taken_in("aircore", *told)

    assert (found.phase, found.outcome, codes(found)) == ("finished", "failed", ["provider-error"])
    assert "the bucket's region is wrong" in found.flags[0].message


def test_aircore_the_four_together_contradict_each_other_and_the_first_outcome_counts() -> None:
    names = ("started", "stopped", "uploaded", "upload-failed")

    results, (found,) = taken_in("aircore", *(example("aircore", f"recording-{name}") for name in names))

    assert results == ["accepted"] * 4
    assert (found.outcome, codes(found)) == ("available", ["conflicting-outcome"])


# Bandwidth: two examples, which share one recording


@pytest.mark.parametrize("name", ["recordingAvailable.complete", "recordingAvailable.complete.enqueued"])
def test_bandwidth_each_example_is_available(name: str) -> None:
    results, (found,) = taken_in("bandwidth", example("bandwidth", name))

    assert results == ["accepted"]
    assert (found.phase, found.outcome, codes(found)) == ("finished", "available", [])
    assert [file.kind for file in found.files] == ["wav"]
    assert str(found.started_at) == "2019-09-13 16:48:29.235000+00:00"
    assert str(found.ended_at) == "2019-09-13 16:48:48.890000+00:00"


def test_bandwidth_the_two_together_are_one_event_with_two_contents() -> None:
    names = ("recordingAvailable.complete", "recordingAvailable.complete.enqueued")

    results, (found,) = taken_in("bandwidth", *(example("bandwidth", name) for name in names))

    assert results == ["accepted", "duplicate"]
    assert (found.outcome, codes(found)) == ("available", ["payload-mismatch"])
    assert (found.events, found.duplicates) == (1, 1)


# EnableX: three webhooks, two events of the client SDK, and a setting


@pytest.mark.parametrize("name", ["recording", "transcoded"])
def test_enablex_a_webhook_of_files_is_available_with_its_file(name: str) -> None:
    results, (found,) = taken_in("enablex", example("enablex", name))

    assert results == ["accepted"]
    assert (found.recording_id, found.group_id) == ("String/String", "String")
    assert (found.phase, found.outcome, codes(found)) == ("finished", "available", [])
    assert [(name, "http://FQDN/path/file")] == [(file.kind, file.url) for file in found.files]


def test_enablex_chatdata_alone_is_no_recording_and_joins_one() -> None:
    results, none = taken_in("enablex", example("enablex", "chatdata"))
    _, (found,) = taken_in("enablex", example("enablex", "chatdata"), example("enablex", "recording"))

    assert (results, none) == (["accepted"], [])
    assert (found.outcome, codes(found), found.events) == ("available", [], 2)
    assert [file.kind for file in found.files] == ["chatdata", "recording"]


def test_enablex_sdk_events_are_a_live_recording_with_the_ids_that_a_relay_adds() -> None:
    on, off = (example("enablex", f"room-live-recording-{what}.unrelayed") for what in ("on", "off"))
    on_at, off_at = RELAYED, RELAYED | {"relayed_at": "2026-03-01T10:00:20Z"}

    _, (running,) = taken_in("enablex", on | on_at)
    _, (ended,) = taken_in("enablex", on | on_at, off | off_at)

    assert (running.recording_id, running.phase, codes(running)) == ("app/conf", "recording", [])
    assert (ended.phase, ended.state["live"], codes(ended)) == ("processing", "switched_off", [])


@pytest.mark.parametrize(
    "name", ["room-live-recording-on.unrelayed", "room-live-recording-off.unrelayed", "room-settings"]
)
def test_enablex_what_names_no_session_is_kept_aside(name: str) -> None:
    results, found = taken_in("enablex", example("enablex", name))

    assert (results, found) == (["quarantined"], [])


# Agora: its sample is a picture; its tables list these events


@pytest.mark.parametrize(("kind", "name"), SEED_EVENTS.items())
def test_agora_each_event_of_its_tables_is_taken_in_and_known(kind: int, name: str) -> None:
    body = example("agora", name)

    results, (found,) = taken_in("agora", body)

    assert (kind, ["accepted"]) == (body["eventType"], results)
    assert "unknown-event" not in codes(found)
    assert {"not_started"} != set(found.state.values())


def test_agora_the_events_of_its_tables_make_a_healthy_recording() -> None:
    life = life_of("by the first documentation")

    with Tracker(MemoryJournal()) as tracker:
        summary = tracker.ingest_many(deliveries(life))
        (found,) = tracker.recordings(now=life.end)

    assert (summary.deliveries, 0, 0) == (summary.accepted, summary.quarantined, summary.ignored)
    assert (found.phase, found.outcome, codes(found)) == ("finished", "available", [])
    assert found.progress == 1.0


def test_agora_a_backup_of_its_tables_is_backed_up() -> None:
    names = ("recorder_started.plain", "recorder_leave.stopped", "backuped.plain", "session_exit.normal.leaveStatus")
    told = [example("agora", name) for name in names]
    for number, body in enumerate(told):
        body["payload"] |= {"sid": "one", "sequence": number, "sendts": START_MS + number}

    _, (found,) = taken_in("agora", *told)

    assert (found.phase, found.outcome, codes(found)) == ("finished", "backed_up", [])
