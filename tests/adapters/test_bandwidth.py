"""Bandwidth: what its webhooks become."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import adapters
from recording_tracker.adapters import bandwidth
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Callback, Event, Ignored
from recording_tracker.times import moment_ms

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "bandwidth"
HOSTILE: list[Any] = [True, 0, -1, 0.5, 2**63, "", " ", "\0", "x" * 2000, "\u202e", [], [1], {}, {"a": 1}, None]


def payload(stem: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((PAYLOADS / f"{stem}.json").read_text())["body"]
    return body


def parsed(body: dict[str, Any]) -> list[Event] | Ignored:
    found = adapters.parse({"bandwidth": bandwidth}, Callback("bandwidth", json.dumps(body).encode(), 0))
    return found if isinstance(found, Ignored) else list(found)


def event(stem: str, **changes: object) -> Event:
    found = parsed(payload(stem) | changes)
    assert not isinstance(found, Ignored)
    return found[0]


def machine() -> dict[str, Any]:
    return tomllib.loads((ROOT / "machines" / "bandwidth.toml").read_text())


def test_the_two_seed_examples_are_one_event_with_two_contents() -> None:
    one, other = event("recordingAvailable.complete"), event("recordingAvailable.complete.enqueued")

    assert one.event_id == other.event_id
    assert one.content != other.content


def test_an_event_sent_again_at_another_time_has_the_same_content() -> None:
    one, other = event("recordComplete"), event("recordComplete", eventTime="2019-09-13T17:00:00Z")

    assert (one.event_id, one.content) == (other.event_id, other.content)
    assert one.occurred_ms != other.occurred_ms


@pytest.mark.parametrize(
    ("documented", "sdk"),
    [
        ("recordComplete", "recordComplete.sdk"),
        ("conferenceRecordingAvailable.complete", "conferenceRecordingAvailable.complete.sdk"),
    ],
)
def test_the_sdk_dialect_is_the_same_event(documented: str, sdk: str) -> None:
    assert event(documented) == event(sdk)


def test_an_optional_field_that_is_null_or_empty_is_absent() -> None:
    assert event("recordingAvailable.complete") == event("recordingAvailable.complete", tag=None, parentCallId="")


@pytest.mark.parametrize(
    "spelling",
    ["2019-09-13T16:48:27.198Z", "2019-09-13-16:48:27.198Z", "2019-09-13T16:48:27.198", "2019-09-13T16:48:27.198471Z"],
)
def test_every_spelling_of_a_time_is_read_as_utc(spelling: str) -> None:
    expected = moment_ms("2019-09-13T16:48:27.198Z")

    assert event("recordingAvailable.complete", eventTime=spelling).occurred_ms == expected


@pytest.mark.parametrize("label", ["enqueuedTime", "tag", "channels", "duration", "answerTime", "recordingName"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_label_of_any_type_does_not_stop_an_event(label: str, value: object) -> None:
    assert event("recordingAvailable.complete", **{label: value}).name == "recordingAvailable.complete"


def test_a_conference_is_the_group_of_its_recording() -> None:
    assert (
        event("conferenceRecordingAvailable.complete").group_id
        == payload("conferenceRecordingAvailable.complete")["conferenceId"]
    )


def test_the_call_that_executed_a_transfer_is_an_alias() -> None:
    found = event("recordingAvailable.complete.transfer", tag="vip", recordingName="evening")

    assert (found.group_id, found.aliases) == ("c-b-leg", ("c-a-leg",))


def test_another_transcription_of_the_same_recording_is_another_event() -> None:
    one = event("transcriptionAvailable.available")
    other = event("transcriptionAvailable.available", transcription={"id": "t-2", "status": "available"})

    assert one.name == other.name
    assert one.event_id != other.event_id


def test_a_transcription_that_fails_in_another_way_is_another_event_of_the_same_name() -> None:
    one, other = event("transcriptionAvailable.failed"), event("transcriptionAvailable.failed.timeout")

    assert one.name == other.name == "transcriptionAvailable.failed"
    assert one.event_id != other.event_id


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("recordingAvailable.complete", "complete"),
        ("recordingAvailable", "complete.superseded"),
        ("operator.resolved", None),
        ("transcriptionAvailable.available", None),
        ("recordingAvailable", "complete "),
        ("recordingAvailable", "\u0441omplete"),
        ("recordingAvailable", "x" * 5000),
    ],
)
def test_an_unknown_word_never_poses_as_a_known_event(kind: str, status: str | None) -> None:
    found = event("recordingAvailable.complete", eventType=kind, status=status)

    assert found.name not in machine()["events"]
    assert found.name != "operator.resolved"
    assert not found.name.endswith(".superseded")
    assert len(found.name) < 100
    assert found.name.isascii()


def test_two_unknown_statuses_are_two_events() -> None:
    one, other = event("recordingAvailable.archived", status="a b"), event("recordingAvailable.archived", status="a/b")

    assert one.event_id != other.event_id


@pytest.mark.parametrize("kind", sorted(bandwidth.CALL_EVENTS))
def test_a_call_event_is_ignored(kind: str) -> None:
    assert parsed(payload("disconnect") | {"eventType": kind}) == Ignored(kind)


@pytest.mark.parametrize(
    "changes",
    [
        {"recordingId": None},
        {"recordingId": 5},
        {"recordingId": "r\x1b1"},
        {"recordingId": "r\u200b1"},
        {"recordingId": "r" * 1025},
        {"eventType": 31},
        {"eventType": "x" * 101},
        {"eventType": "recording\nAvailable"},
        {"status": 1},
        {"eventTime": 1568393380500},
        {"eventTime": "2019-02-30T00:00:00Z"},
        {"startTime": "2019-09-13T25:00:00Z"},
        {"callId": ["c-1"]},
        {"mediaUrl": {}},
    ],
)
def test_a_used_field_of_another_type_is_quarantined(changes: dict[str, Any]) -> None:
    with pytest.raises(QuarantinedBodyError):
        parsed(payload("recordingAvailable.complete") | changes)


@pytest.mark.parametrize("field", [*sorted(payload("transcriptionAvailable.available")), "status", "conferenceId"])
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "stem", ["recordingAvailable.complete", "transcriptionAvailable.available", "recordingDeleted"]
)
def test_no_value_of_a_field_causes_another_error(stem: str, field: str, value: object) -> None:
    try:
        parsed(payload(stem) | {field: value})
    except QuarantinedBodyError as error:
        assert len(str(error)) < 300


@pytest.mark.parametrize("provider", ["agora", "aircore", "enablex", "line_planet"])
def test_a_body_of_another_provider_is_quarantined(provider: str) -> None:
    for file in (ROOT / "tests" / "payloads" / provider).glob("*.json"):
        fixture = json.loads(file.read_text())
        if isinstance(fixture["body"], dict) and "quarantined" not in fixture["expect"]:
            with pytest.raises(QuarantinedBodyError):
                parsed(fixture["body"])


def test_a_status_that_the_adapter_knows_is_an_event_and_a_code_of_the_machine() -> None:
    statuses = set(machine()["codes"]["recording_status"])
    canonical = {bandwidth.STATUS_ALIASES.get(status, status) for status in statuses}

    for kind in bandwidth.AVAILABLE:
        events = {name.partition(".")[2] for name in machine()["events"] if name.startswith(f"{kind}.")}
        assert events == canonical


def test_the_adapter_and_the_machine_know_the_same_transcription_statuses() -> None:
    decided = bandwidth.TRANSCRIPTION_READY | bandwidth.TRANSCRIPTION_RUNNING | bandwidth.TRANSCRIPTION_IMPOSSIBLE
    failed = {code for code, row in machine()["codes"]["transcription_status"].items() if row["class"] == "degraded"}

    assert set(machine()["codes"]["transcription_status"]) == decided | failed
    assert failed == {"error", "timeout"}


def test_an_id_is_found_with_blanks_around_it() -> None:
    assert bandwidth.canonical_id(" r-1 ") == "r-1"
    assert event("recordingAvailable.complete", recordingId=" r-1 ").recording_id == "r-1"
