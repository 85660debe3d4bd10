"""Agora: what its notifications become."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import adapters
from recording_tracker.adapters import agora, agora_events
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Callback, Event, File, Ignored

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "agora"
MACHINE: dict[str, Any] = tomllib.loads((ROOT / "machines" / "agora.toml").read_text())
STEMS = sorted(path.stem for path in PAYLOADS.glob("*.json"))
HOSTILE: list[Any] = [True, -1, 0.5, 2**63, "", " ", "\0", "x" * 2000, "\u202e", "９", [], [1], {}, {"a": 1}, None]


def payload(stem: str) -> dict[str, Any]:
    body = json.loads((PAYLOADS / f"{stem}.json").read_text())["body"]
    found: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return found


def parse(body: dict[str, Any]) -> list[Event] | Ignored:
    found = adapters.parse({"agora": agora}, Callback("agora", json.dumps(body).encode(), 0))
    return found if isinstance(found, Ignored) else list(found)


def event(stem: str, **changes: Any) -> Event:
    """Parse the payload *stem* with *changes* to its payload; ``details`` are added to."""
    body = payload(stem)
    details = body["payload"]["details"] | changes.pop("details", {})
    found = parse(body | {"payload": body["payload"] | changes | {"details": details}})
    assert not isinstance(found, Ignored)
    return found[0]


def refusal(body: dict[str, Any]) -> str:
    with pytest.raises(QuarantinedBodyError) as caught:
        parse(body)
    return str(caught.value)


def rows(table: str) -> set[str]:
    return set(MACHINE["codes"][table])


def texts(codes: Iterable[object]) -> set[str]:
    return {str(code) for code in codes}


def test_a_sid_is_compared_exactly() -> None:
    assert agora.canonical_id("D12F") == "D12F"
    assert event("recorder_started").recording_id == "d12fdce9024d37862a8f3a88e387c817"


def test_the_sid_of_the_payload_decides_and_another_one_beside_it_is_an_alias() -> None:
    found = event("recorder_started.other-outer-sid")

    assert found.recording_id != "f" * 32
    assert found.aliases == ("f" * 32,)
    assert found.problems == (f"the outer 'sid' is {'f' * 32!r}, not that of the payload",)


@pytest.mark.parametrize("outer", [7, "", "a\u202eb", ["x"]])
def test_an_outer_sid_that_is_no_id_is_a_problem_and_no_alias(outer: object) -> None:
    found = parse(payload("recorder_started") | {"sid": outer})

    assert not isinstance(found, Ignored)
    assert found[0].aliases == ()
    assert len(found[0].problems) == 1


def test_an_event_sent_again_has_the_same_id_and_content() -> None:
    body = payload("uploaded")
    again = body | {"notifyMs": 1, "noticeId": "another lane"}

    first, second = parse(body), parse(again)

    assert first == second


@pytest.mark.parametrize(
    ("stem", "other"),
    [
        ("session_exit.normal", "session_exit.normal.leaveStatus"),
        ("session_exit.abnormal", "session_exit.abnormal.leaveStatus"),
        ("recorder_slice_start", "recorder_slice_start.boolean"),
        ("recorder_audio_stream_state_changed", "recorder_audio_stream_state_changed.utcMs"),
    ],
)
def test_an_event_in_two_dialects_is_one_event(stem: str, other: str) -> None:
    first, second = event(stem), event(other)

    assert first == second


def test_numbers_as_text_make_the_same_event() -> None:
    body = payload("recorder_started.text")
    as_numbers = body | {
        "eventType": 40,
        "productId": 3,
        "payload": body["payload"]
        | {
            "uid": "1001",
            "sequence": 5,
            "sendts": 1772359200000,
            "details": {"msgName": "recorder_started", "status": 0},
        },
    }

    assert parse(body) == parse(as_numbers)


@pytest.mark.parametrize(
    "changes",
    [{"uid": "1002"}, {"sequence": 6}, {"sendts": 1772359200001}, {"details": {"status": 3}}],
)
def test_events_that_differ_in_their_key_are_two(changes: dict[str, Any]) -> None:
    first, second = event("uploader_started"), event("uploader_started", **changes)

    assert first.event_id != second.event_id


def test_a_body_that_contradicts_an_earlier_delivery_has_another_content() -> None:
    first, second = event("uploader_started"), event("uploader_started", cname="room-2")

    assert (first.event_id, first.content != second.content) == (second.event_id, True)


def test_the_number_names_the_event_and_the_body_does_not() -> None:
    found = event("recorder_started.other-name")

    assert found.name == "recorder_started"
    assert found.problems == ("'msgName' is 'recorder_leave' in event 40, which is 'recorder_started'",)


@pytest.mark.parametrize("stem", [stem for stem in STEMS if stem.startswith("status.")])
def test_a_status_update_under_its_documented_name_is_no_contradiction(stem: str) -> None:
    assert event(stem).problems == ()


def test_the_new_uid_of_a_failover_is_spelled_as_the_uid_of_its_events() -> None:
    switch, after = event("session_failover"), event("recorder_started.text", uid="2002")

    assert switch.successor == after.incarnation == "2002"


@pytest.mark.parametrize(
    "stem", ["transcoder_started", "transcoder_completed", "postpone_transcode_final_result.success"]
)
def test_a_transcoder_is_not_taken_for_another_bot(stem: str) -> None:
    assert event(stem).incarnation is None


@pytest.mark.parametrize(
    ("code", "bits"),
    [(0, ["0"]), (1, ["1"]), (6, ["2", "4"]), (8, ["8"]), (24, ["8", "16"]), (32, ["32"]), ("24", ["8", "16"])],
)
def test_a_leave_code_is_a_mask(code: object, bits: list[str]) -> None:
    found = event("recorder_leave", details={"leaveCode": code})

    assert found.codes == tuple(("leave_code", bit) for bit in bits)


def test_only_leave_code_0_means_that_the_recorder_never_ran() -> None:
    names = {event("recorder_leave", details={"leaveCode": code}).name for code in range(1, 64)}

    assert names == {"recorder_leave"}
    assert event("recorder_leave", details={"leaveCode": 0}).name == "recorder_leave.init_failed"


@pytest.mark.parametrize(
    ("details", "name"),
    [
        ({"exitStatus": 0}, "session_exit.normal"),
        ({"exitStatus": "1"}, "session_exit.abnormal"),
        ({"leaveStatus": 0}, "session_exit.normal"),
        ({"leaveStatus": 1}, "session_exit.abnormal"),
        ({"exitStatus": 1, "leaveStatus": 0}, "session_exit.abnormal"),
        ({"exitStatus": None, "leaveStatus": 0}, "session_exit.normal"),
        ({"exitStatus": 7}, "session_exit.7"),
    ],
)
def test_either_spelling_tells_how_a_session_ended_and_the_newer_wins(details: dict[str, Any], name: str) -> None:
    body = payload("session_exit.without-status")
    found = parse(body | {"payload": body["payload"] | {"details": details}})

    assert not isinstance(found, Ignored)
    assert found[0].name == name


@pytest.mark.parametrize(
    ("scene", "status", "name"),
    [
        ("postpone_transcode::rtc_record", 0, "session_exit.postponed"),
        ("postpone_transcode::rtc_record", 1, "session_exit.abnormal"),
        ("postpone_transcode::transcode", 0, "session_exit.normal"),
        ("rtc_record", 0, "session_exit.normal"),
        (7, 0, "session_exit.normal"),
    ],
)
def test_an_exit_announces_a_transcoding_by_its_scene(scene: object, status: int, name: str) -> None:
    found = event("session_exit.normal", serviceScene=scene, details={"exitStatus": status})

    assert found.name == name


@pytest.mark.parametrize(
    ("level", "name"),
    [(level, "cloud_recording_error") for level in range(1, 5)]
    + [(5, "cloud_recording_error.fatal"), (6, "cloud_recording_error.6")],
)
def test_only_its_level_says_how_bad_an_error_is(level: int, name: str) -> None:
    found = event("cloud_recording_error.fatal", details={"errorLevel": level, "stat": 0, "errorMsg": ""})

    assert found.name == name


def test_one_number_is_looked_up_in_the_table_of_its_event_and_module() -> None:
    error = event("cloud_recording_error.storage").codes
    warning = event("cloud_recording_warning").codes

    assert ("upload_error", "32") in error
    assert ("upload_warning", "32") in warning


@pytest.mark.parametrize(
    ("code", "name"),
    [(0, "web_recorder_stopped"), (1, "web_recorder_stopped")]
    + [(code, "web_recorder_stopped.failed") for code in range(2, 7)]
    + [(7, "web_recorder_stopped.7")],
)
def test_a_web_recording_fails_by_its_stop_code(code: int, name: str) -> None:
    assert event("web_recorder_stopped.ok", details={"code": code}).name == name


def test_a_blank_behind_the_message_of_a_stop_is_no_contradiction() -> None:
    found = event("web_recorder_stopped.ok", details={"code": 6, "message": "recorder_error "})

    assert found.problems == ()


@pytest.mark.parametrize(
    ("status", "name"), [(0, "uploaded"), ("0", "uploaded"), (1, "uploaded.abnormal"), (-1, "uploaded.abnormal")]
)
def test_an_upload_is_abnormal_by_its_status(status: object, name: str) -> None:
    assert event("uploaded", details={"status": status}).name == name


@pytest.mark.parametrize(
    ("names", "files"),
    [
        ("a/b.m3u8", (File("a/b.m3u8", kind="m3u8"),)),
        (["b.TS"], (File("b.TS", kind="ts"),)),
        ([{"filename": "b.mp4"}], (File("b.mp4", kind="mp4"),)),
        ([{"fileName": "b.mp4", "trackType": "audio"}], (File("b.mp4", kind="mp4", track="audio"),)),
        ([{"fileName": "b.mp4", "trackType": 3}], (File("b.mp4", kind="mp4"),)),
        ([{"fileName": "dotted.folder/b"}], (File("dotted.folder/b"),)),
        ("", ()),
        ([], ()),
        (None, ()),
    ],
)
def test_files_come_as_a_name_or_a_list(names: object, files: tuple[File, ...]) -> None:
    assert event("uploaded", details={"fileList": names}).files == files


def test_files_that_could_not_be_fetched_are_no_files() -> None:
    found = event("download_failed")

    assert (found.files, found.remark) == ((), "a.ts;b.ts")


def test_a_gap_in_the_recording_is_told_with_its_length() -> None:
    found = event("recorder_slice_start.gap")

    assert found.problems == ("the recording has a gap of 1m 2s: 'discontinueUtcMs' is before 'startUtcMs'",)


@pytest.mark.parametrize("discontinued", [1772359201000, 1772359201500, 0])
def test_a_slice_that_follows_on_has_no_gap(discontinued: int) -> None:
    found = event("recorder_slice_start", details={"startUtcMs": 1772359201000, "discontinueUtcMs": discontinued})

    assert found.problems == ()


def test_a_stream_key_is_nowhere_in_an_event() -> None:
    assert "stream-key" not in repr(event("rtmp_publish_status"))


def test_the_first_dialect_names_no_product() -> None:
    found = event("recorder_started.first-dialect")

    assert (found.name, found.sequence, found.occurred_ms) == ("recorder_started", 1, 1560408533090)


@pytest.mark.parametrize("number", [0, 1, 4, 5, "1", 9999])
def test_another_product_is_ignored_whatever_its_payload_is(number: object) -> None:
    body = {"productId": number, "eventType": 40, "noticeId": "x", "notifyMs": 1, "payload": {"sid": 7}}

    assert parse(body) == Ignored(f"product {number}")


@pytest.mark.parametrize("kind", [1, 11, 31, 40, 1001])
def test_the_check_of_the_console_is_ignored_for_every_event(kind: int) -> None:
    body = payload("console-test")

    assert parse(body | {"eventType": kind}) == Ignored("console test")


def test_a_channel_of_the_console_name_with_another_uid_is_a_recording() -> None:
    assert event("recorder_started", cname="test_webhook").group_id == "test_webhook"


@pytest.mark.parametrize(
    ("cname", "group"), [("a\u202e b", "a\u202e b"), ("", None), (7, None), (["x"], None), (None, None)]
)
def test_a_channel_may_hold_anything_and_what_is_no_text_is_not_looked_at(cname: object, group: str | None) -> None:
    assert event("recorder_started", cname=cname).group_id == group


def test_an_event_with_a_number_that_is_not_documented_is_kept_under_it() -> None:
    found = event("event.999", uid="90001")

    assert (found.name, found.incarnation) == ("event.999", None)


@pytest.mark.parametrize(
    "name",
    sorted(json.loads(path.read_text())["expect"].get("name", "") for path in PAYLOADS.glob("*.json")),
)
def test_the_machine_knows_every_documented_name(name: str) -> None:
    unknown = {"", "event.999", "status.9", "cloud_recording_error.6", "session_exit.2", "web_recorder_stopped.7"}
    unknown.add("postpone_transcode_final_result.other")

    assert (name in MACHINE["events"]) != (name in unknown)


def test_every_event_of_the_machine_has_a_payload() -> None:
    names = {json.loads(path.read_text())["expect"].get("name") for path in PAYLOADS.glob("*.json")}

    assert set(MACHINE["events"]) <= names


def test_the_tables_of_the_machine_cover_what_the_adapter_decides_by() -> None:
    assert rows("error_level") == texts(agora_events.ERROR_LEVELS)
    assert rows("exit") == texts(agora_events.EXITS)
    assert rows("web_stop") == texts(agora_events.WEB_STOPS)
    assert set(agora_events.RESULTS) <= rows("transcode_result")
    assert rows("module") == texts(agora_events.ERROR_TABLES)
    assert rows("status") == {name.removeprefix("status.") for name in MACHINE["events"] if name.startswith("status.")}


def test_the_classes_of_the_machine_agree_with_what_the_adapter_decides() -> None:
    failed = {
        table: {code for code, row in MACHINE["codes"][table].items() if row["class"] == "failed"}
        for table in ("error_level", "exit", "web_stop", "status", "leave_code")
    }

    assert failed == {
        "error_level": {str(agora_events.FATAL)},
        "exit": {str(code) for code, suffix in agora_events.EXITS.items() if suffix == ".abnormal"},
        "web_stop": texts(set(agora_events.WEB_STOPS) - agora_events.WEB_STOPS_WELL),
        "status": {"20"},
        "leave_code": {"0"},
    }


def test_an_adjusted_machine_is_subscribed_to_what_agora_recommends() -> None:
    limits = tomllib.loads((ROOT / "examples" / "machines" / "agora.toml").read_text())["limits"]

    assert set(limits["subscribed"]) == {agora_events.EVENTS[kind][0] for kind in (1, 11, 12, 31, 40)}


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
@pytest.mark.parametrize("stem", STEMS)
def test_any_value_in_any_field_makes_an_event_or_is_quarantined(stem: str, hostile: object) -> None:
    body = payload(stem)
    inner = body.get("payload", {})
    details = inner.get("details", {})
    for changed in (
        *(body | {key: hostile} for key in body),
        *(body | {"payload": inner | {key: hostile}} for key in inner),
        *(body | {"payload": inner | {"details": details | {key: hostile}}} for key in details),
    ):
        try:
            found = parse(changed)
        except QuarantinedBodyError as error:
            said = str(error)
        else:
            said = repr(found)
            assert isinstance(found, Ignored) or len(found) == 1
        assert "\n" not in said


@pytest.mark.parametrize("key", ["sid", "sendts"])
def test_what_a_recording_cannot_do_without_is_required(key: str) -> None:
    body = payload("uploaded")
    del body["payload"][key]

    assert refusal(body) == f"payload.{key}: is missing"


def test_a_body_with_very_many_files_is_quarantined() -> None:
    body = payload("uploaded")
    body["payload"]["details"]["fileList"] = ["a"] * 10_001

    assert refusal(body) == "payload.details.fileList: a name or at most 10000 files are expected"
