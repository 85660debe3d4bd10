"""EnableX: what its webhooks and the events of its client SDK become."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker, adapters
from recording_tracker.adapters import enablex
from recording_tracker.adapters.enablex_codes import FAILURES
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Callback, Event, Ignored

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "enablex"
HOSTILE: list[Any] = [True, 0, -1, 0.5, 2**63, "", " ", "\0", "x" * 2000, "\u202e", [], [1], [{}], {}, {"a": 1}, None]
FAILED = "room-live-recording-failed"
CLASSES = {
    "queued": {"progress"},
    "already_on": {"progress"},
    "fallback": {"degraded"},
    "start_failed": {"failed"},
    "refused": {"hint"},
    "stop_trouble": {"degraded"},
    "file_trouble": {"failed"},
    "streaming": {"hint"},
    "notice": {"progress", "hint"},
}
NOON = "2025-01-01T12:00:00.000Z"
NOON_MS = 1_735_732_800_000


def payload(stem: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((PAYLOADS / f"{stem}.json").read_text())["body"]
    return body


def parsed(body: dict[str, Any]) -> Event:
    found = adapters.parse({"enablex": enablex}, Callback("enablex", json.dumps(body).encode(), 0))
    assert not isinstance(found, Ignored)
    (event,) = found
    return event


def event(stem: str, **changes: object) -> Event:
    return parsed(payload(stem) | changes)


def refused(stem: str, **changes: object) -> str:
    with pytest.raises(QuarantinedBodyError) as caught:
        event(stem, **changes)
    return str(caught.value)


def said(body: dict[str, Any]) -> str:
    try:
        return parsed(body).name
    except QuarantinedBodyError as error:
        return str(error)


def failure(code: object, text: str = "", **data: object) -> Event:
    status = {"resultCode": code, "success": False, "error": {"errorCode": code, "errorDesc": text}}
    return event(f"{FAILED}.unknown", data={"status": status, **data})


def machine() -> dict[str, Any]:
    return tomllib.loads((ROOT / "machines" / "enablex.toml").read_text())


def same(one: Event, other: Event) -> bool:
    return (one.recording_id, one.event_id, one.content) == (other.recording_id, other.event_id, other.content)


def test_a_recording_is_a_session_and_its_group_the_room() -> None:
    found = event("recording.string")

    assert (found.recording_id, found.group_id, found.aliases) == ("a1/c1", "r1", ("c1",))


@pytest.mark.parametrize("stem", ["recording.object", "recording.conf_key"])
def test_ids_and_files_in_either_spelling_are_one_event(stem: str) -> None:
    assert same(event("recording.string"), event(stem))


def test_numbers_are_ids_in_their_decimal_text() -> None:
    text = event("recording.numbers", app_id="11", room_id="22", conf_num=" 33 ")

    assert same(event("recording.numbers"), text)
    assert text.recording_id == "11/33"


@pytest.mark.parametrize("text", ["a1/c1", " a1/c1\n", "\ta1/c1 "])
def test_ids_are_looked_up_trimmed(text: str) -> None:
    assert enablex.canonical_id(text) == "a1/c1"


def test_a_slash_that_could_join_two_sessions_is_refused() -> None:
    assert event("recording.string", app_id="a", conf_num="b/c").recording_id == "a/b/c"
    assert refused("recording.string", app_id="a/b", conf_num="c") == "app_id: text without a slash is expected"


def test_the_conference_number_counts_where_the_other_name_for_it_says_otherwise() -> None:
    found = event("recording.string", conf_key="c2")

    assert found.recording_id == "a1/c1"
    assert found.problems == ("'conf_key' is 'c2' and 'conf_num' 'c1'",)


def test_a_label_that_is_none_is_no_reason_to_refuse_a_body() -> None:
    assert event("recording.string", room_id=["r1"]).group_id is None
    assert event("recording.string", room_id="odd\u202eroom").group_id == "odd\u202eroom"


@pytest.mark.parametrize("key", ["transcoded", "recording", "files"])
@pytest.mark.parametrize("files", ["//h/1.mp4", {"url": "//h/1.mp4"}, ["//h/1.mp4"], [{"url": "//h/1.mp4"}]])
def test_a_file_list_has_four_shapes_under_three_keys(key: str, files: object) -> None:
    found = event("roomdrop.millis", **{"type": "transcoded", key: files})

    assert [(file.name, file.url, file.kind) for file in found.files] == [("1.mp4", "//h/1.mp4", "transcoded")]
    assert same(found, event("roomdrop.millis", type="transcoded", recording="//h/1.mp4"))


@pytest.mark.parametrize("files", [7, True, [7], [["http://h/1.mp4"]], [{"name": "1.mp4"}], {"url": None}, [None]])
def test_a_file_list_of_another_shape_is_quarantined(files: object) -> None:
    expected = "recording: a url, an object with a 'url', or an array of them is expected"

    assert refused("recording.string", recording=files) == expected


@pytest.mark.parametrize("files", [None, "", " ", [], {}, [""]])
def test_files_announced_without_any_are_a_contradiction(files: object) -> None:
    assert event("recording.string", recording=files).problems == ("'recording' names no file",)


def test_other_files_are_another_event_and_their_order_is_not() -> None:
    one, two = ["http://h/1", "http://h/2"], ["http://h/2", "http://h/1"]

    assert same(event("recording.string", recording=one), event("recording.string", recording=two))
    assert event("recording.string", recording=one).event_id != event("recording.string", recording=one[:1]).event_id


def test_another_stage_is_another_event() -> None:
    assert event("transcoded.second", stage=2).event_id == event("transcoded.second").event_id
    assert event("transcoded.second", stage="3").event_id != event("transcoded.second").event_id


def test_two_sizes_of_one_file_are_one_event_with_two_contents() -> None:
    one, other = event("transcoded.second"), event("transcoded.second", file_size=7)

    assert one.event_id == other.event_id
    assert one.content != other.content
    assert event("transcoded.second", file_size=1048576).content == one.content


def test_one_size_for_several_files_is_the_size_of_none() -> None:
    assert [file.size for file in event("transcoded.second").files] == [1048576]
    assert [file.size for file in event("recording.two", file_size=7).files] == [None, None]


@pytest.mark.parametrize("size", [True, 0.5, -1, "-1", [7], 2**63])
def test_a_size_of_another_type_or_range_is_quarantined(size: object) -> None:
    assert refused("transcoded.second", file_size=size).startswith("file_size: ")


@pytest.mark.parametrize("stage", [True, 0.5, ["2"], {}])
def test_a_stage_of_another_type_is_quarantined(stage: object) -> None:
    assert refused("transcoded.second", stage=stage).startswith("stage: ")


@pytest.mark.parametrize(
    ("url", "stored", "name"),
    [
        ("https://user:pass@h/p/f.mkv", "https://h/p/f.mkv", "f.mkv"),
        ("https://user:p@ss@h/p/f.mkv?a=1@2#b", "https://h/p/f.mkv?a=1@2#b", "f.mkv"),
        ("sftp://user@h:22/f", "sftp://h:22/f", "f"),
        ("//user:pass@h/f", "//h/f", "f"),
        ("https://h/a@b/f@g.mkv", "https://h/a@b/f@g.mkv", "f@g.mkv"),
        ("https://h", "https://h", None),
        ("https://h/p/", "https://h/p/", None),
        ("http://[::1/f", "http://[::1/f", "f"),
        ("f.mkv", "f.mkv", "f.mkv"),
    ],
)
def test_credentials_in_a_url_are_never_kept(url: str, stored: str, name: str | None) -> None:
    found = event("recording.string", recording=url)

    assert [(file.url, file.name) for file in found.files] == [(stored, name)]
    assert same(found, event("recording.string", recording=stored))


@pytest.mark.parametrize(
    "time",
    [
        1735732800, "1735732800", " 1735732800 ", 1735732800000, "1735732800000", NOON, "2025-01-01T12:00:00Z",
        "2025-01-01T12:00:00", "2025-01-01 12:00:00", "2025-01-01 12:00:00.000Z", "2025-01-01T13:00:00+01:00",
    ],
)  # fmt: skip
def test_the_time_of_a_notice_has_many_forms_and_is_no_part_of_the_event(time: object) -> None:
    found = event("recording.string", trans_date=time)

    assert found.occurred_ms == NOON_MS
    assert found.problems == ()
    assert same(found, event("recording.string"))


@pytest.mark.parametrize("time", ["Datetime", "Unix Timestamp", "String", None])
def test_a_time_that_the_documentation_leaves_open_is_unknown(time: object) -> None:
    found = event("recording.string", trans_date=time)

    assert (found.occurred_ms, found.problems) == (None, ())


@pytest.mark.parametrize("time", ["yesterday", "", "2025-02-30T00:00:00Z", "1969-01-01", "1735732800.5", "１７３５"])
def test_text_that_is_no_time_is_a_contradiction_and_the_time_unknown(time: str) -> None:
    found = event("recording.string", trans_date=time)

    assert (found.occurred_ms, found.problems) == (None, (f"'trans_date' is {time!r}, which is no time",))


@pytest.mark.parametrize("time", [True, 1735732800.5, [], {}, [1735732800], 0, -1, "-1", 10**18, "9" * 30])
@pytest.mark.parametrize("field", ["trans_date", "relayed_at"])
def test_a_time_of_another_type_or_range_is_quarantined(field: str, time: object) -> None:
    assert refused("recording.string", **{field: time}).startswith(f"{field}: ")


def test_a_relayed_event_is_known_by_its_time_in_any_form() -> None:
    one = event("room-record-on", relayed_at=NOON)

    assert one.event_id.startswith(f"room-record-on:{NOON}:")
    assert same(one, event("room-record-on.wire", relayed_at=NOON_MS))
    assert one.event_id != event("room-record-on", relayed_at=NOON_MS + 1).event_id


def test_a_relay_may_give_its_time_under_the_name_that_webhooks_use() -> None:
    named = payload("room-record-on") | {"trans_date": NOON}
    named.pop("relayed_at")

    assert same(parsed(named), event("room-record-on", relayed_at=NOON))


@pytest.mark.parametrize(("stem", "expected"), [("room-record-on", NOON_MS), ("recording.string", NOON_MS + 1)])
def test_the_relays_time_counts_for_what_it_relays_and_the_portals_for_the_rest(stem: str, expected: int) -> None:
    assert event(stem, relayed_at=NOON_MS, trans_date=NOON_MS + 1).occurred_ms == expected


def test_the_same_end_of_a_session_told_later_is_the_same_event() -> None:
    assert same(event("roomdrop.millis"), event("roomdrop.millis", trans_date=NOON))


def test_wire_and_listener_spell_an_event_in_two_ways() -> None:
    for name in ("room-live-recording-on", "room-live-recording-off"):
        assert same(event(name), event(f"{name}.listener"))


@pytest.mark.parametrize(("suffix", "code"), [(suffix, code) for suffix, codes in FAILURES.items() for code in codes])
def test_the_code_of_a_failure_decides_its_name(suffix: str, code: int) -> None:
    for spelling in (code, str(code), f" 0{code}"):
        found = failure(spelling)

        assert (found.name, found.codes) == (f"{FAILED}.{suffix}", (("error", str(code)),))


@pytest.mark.parametrize(
    ("code", "text", "data", "suffix", "table"),
    [
        (7000, "Generic Server Error", {}, "start_failed", "error"),
        (7000, "Generic Server Error", {"startedBy": "u"}, "start_failed", "error"),
        (7000, "Generic Server Error", {"stoppedBy": "u"}, "stop_trouble", "stop_error"),
        (7000, "Stop Streaming/Recording service Timeout", {}, "stop_trouble", "stop_error"),
        (7000, "Move File: Generic Server Error", {}, "file_trouble", "error"),
        (7000, "the request was removed", {}, "start_failed", "error"),
        (7001, "Start Streaming timeout, Internal Server Error", {}, "streaming", "error"),
        (7001, "Live recording or streaming is refused", {}, "refused", "error"),
        (7001, "", {}, "refused", "error"),
    ],
)
def test_two_codes_are_judged_by_what_they_answer(
    code: int, text: str, data: dict[str, Any], suffix: str, table: str
) -> None:
    found = failure(code, text, **data)

    assert (found.name, found.codes) == (f"{FAILED}.{suffix}", ((table, str(code)),))


@pytest.mark.parametrize(
    "data",
    [
        {"status": {"resultCode": 7011, "error": {"errorCode": 7018}}},
        {"status": {"resultCode": 7018}},
        {"status": {"resultCode": 7018, "error": {"errorCode": 0}}},
        {"status": {"resultCode": "7018", "error": {"errorCode": None}}},
        {"resultCode": 7018},
        {"error": {"errorCode": "7018"}},
    ],
)
def test_the_code_stands_in_the_error_or_else_in_the_result(data: dict[str, Any]) -> None:
    assert event(f"{FAILED}.unknown", data=data).codes == (("error", "7018"),)
    assert event(f"{FAILED}.unknown", data=None, message=data).codes == (("error", "7018"),)


@pytest.mark.parametrize("code", [9999, "E1", "x" * 2000, -7018])
def test_a_code_that_is_not_documented_is_an_unknown_failure(code: object) -> None:
    found = failure(code)

    assert (found.name, found.codes) == (f"{FAILED}.unknown", (("error", str(code)[:100]),))


@pytest.mark.parametrize("data", [None, {}, {"status": None}, "a text", {"status": {"resultCode": 0}}])
def test_a_failure_without_a_code_is_unknown_and_a_contradiction(data: object) -> None:
    found = event(f"{FAILED}.unknown", data=data)

    assert (found.name, found.codes) == (f"{FAILED}.unknown", ())
    assert found.problems == (f"'{FAILED}' has no error code",)


@pytest.mark.parametrize("code", [True, 0.5, [7014], {"code": 7014}])
def test_a_code_of_another_type_is_quarantined(code: object) -> None:
    data = {"status": {"error": {"errorCode": code}}}

    assert refused(f"{FAILED}.unknown", data=data).startswith("data.status.error.errorCode: ")


def test_an_error_code_on_a_success_is_a_contradiction() -> None:
    assert event("room-live-recording-on").problems == ()
    assert event("room-live-recording-on.with-error").problems == (
        "'room-live-recording-on' has the error code '7204'",
        "'room-live-recording-on' has 'success' false",
    )


def test_a_type_that_is_not_documented_cannot_pose_as_an_event_of_the_machine() -> None:
    events = machine()["events"]

    for name in (*[name for name in events if "." in name], "operator.resolved", "to_on", "x" * 100):
        assert event("roomdrop.millis", type=name).name not in {*events, "operator.resolved"} - {"to_on"}


def test_the_machine_knows_every_name_but_that_of_an_unknown_failure() -> None:
    names = {f"{FAILED}.{suffix}" for suffix in FAILURES} | set(enablex.FILE_KINDS) | {"roomdrop"}
    names |= {"room-record-on", "room-record-off"}
    names |= {f"room-live-recording-{word}" for word in ("on", "off", "updated")}

    assert set(machine()["events"]) == names


def test_the_adapter_and_the_machine_have_the_same_codes_in_the_same_classes() -> None:
    table = machine()["codes"]["error"]
    classes = {suffix: {table[str(code)]["class"] for code in codes} for suffix, codes in FAILURES.items()}

    assert sorted(str(code) for codes in FAILURES.values() for code in codes) == sorted(table)
    assert classes == CLASSES


def test_the_machine_has_every_code_of_the_documentation() -> None:
    table = machine()["codes"]["error"]

    assert len([code for code in table if code.startswith("7")]) == 69
    assert {"5007", "5033", "5034"} <= set(table)


@pytest.mark.parametrize("field", ["type", "app_id", "conf_num"])
@pytest.mark.parametrize("value", [True, 0.5, "", " ", "\0", "c1\n", "x" * 2000, "\u202e", [], {}, None])
def test_what_names_the_recording_is_strict(field: str, value: object) -> None:
    assert refused("recording.string", **{field: value}).startswith(f"{field}: ")


def test_two_ids_that_are_too_long_together_are_quarantined() -> None:
    assert "1024" in refused("recording.string", app_id="a" * 600, conf_num="c" * 600)


@pytest.mark.parametrize("stem", ["recording.two", "transcoded.second", "room-record-on", f"{FAILED}.fallback"])
def test_no_value_of_any_field_raises_anything_but_a_quarantine(stem: str) -> None:
    fields = (*payload(stem), "conf_key", "trans_date", "stage", "file_size", "files", "data", "message")
    for field in fields:
        for value in HOSTILE:
            assert "\n" not in said(payload(stem) | {field: value})


@pytest.mark.parametrize("place", ["data", "data.status", "data.status.error", "data.status.success", "data.stoppedBy"])
def test_no_value_inside_an_answer_raises_anything_but_a_quarantine(place: str) -> None:
    for value in HOSTILE:
        body = payload(f"{FAILED}.fallback")
        inside, (*parents, last) = body, place.split(".")
        for parent in parents:
            inside = inside[parent]
        inside[last] = value

        assert "\n" not in said(body)


@pytest.mark.parametrize("provider", ["agora", "aircore", "bandwidth", "line_planet"])
def test_the_bodies_of_other_providers_are_quarantined(provider: str) -> None:
    for path in sorted((PAYLOADS.parent / provider).glob("*.json")):
        body = json.loads(path.read_text())["body"]
        if isinstance(body, dict):
            with pytest.raises(QuarantinedBodyError):
                parsed(body)


@pytest.mark.parametrize(("machines", "flags"), [(None, []), (ROOT / "examples" / "machines", ["missing-event"])])
def test_a_start_is_missed_only_where_the_events_of_the_sdk_are_relayed(
    machines: Path | None, flags: list[str], tmp_path: Path
) -> None:
    with Tracker(tmp_path / "recordings.db", machines=machines) as tracker:
        for stem in ("room-record-off", "roomdrop.millis", "recording.string"):
            tracker.ingest("enablex", payload(stem), received_at=datetime(2025, 1, 1, 11, tzinfo=UTC))
        (found,) = tracker.status("a1/c1", now=datetime(2025, 1, 1, 12, tzinfo=UTC))

    assert (found.complete, [flag.code for flag in found.flags]) == (True, flags)
