"""LINE Planet: what its recording callback becomes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import adapters
from recording_tracker.adapters import line_planet
from recording_tracker.errors import QuarantinedBodyError, RejectedBodyError
from recording_tracker.events import Callback, Event, Ignored

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "line_planet"
HOSTILE: list[Any] = [True, 0, -1, 0.5, 2**63, "", " ", "\0", "x" * 2000, "\u202e", [], [1], [{}], {}, {"a": 1}, None]


def payload(stem: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((PAYLOADS / f"{stem}.json").read_text())["body"]
    return body


def parsed(body: dict[str, Any]) -> list[Event] | Ignored:
    found = adapters.parse({"line_planet": line_planet}, Callback("line_planet", json.dumps(body).encode(), 0))
    return found if isinstance(found, Ignored) else list(found)


def event(stem: str, **changes: object) -> Event:
    found = parsed(payload(stem) | changes)
    assert not isinstance(found, Ignored)
    return found[0]


def codes(table: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "machines" / "line_planet.toml").read_text())["codes"][table]
    return found


def test_the_start_in_either_unit_and_the_sid_in_either_spelling_name_one_recording() -> None:
    seconds, millis = event("IN_PROGRESS.seconds"), event("IN_PROGRESS.text-start")

    assert (seconds.recording_id, seconds.event_id) == (millis.recording_id, millis.event_id)
    assert (seconds.group_id, seconds.content) == (millis.group_id, millis.content)


def test_another_start_of_the_same_call_is_another_recording_of_the_group() -> None:
    one, other = event("IN_PROGRESS.seconds"), event("IN_PROGRESS.second")

    assert one.group_id == other.group_id
    assert one.recording_id != other.recording_id


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("59DB2167-E139-11EA-83A8-213945545D1C", "59db2167e13911ea83a8213945545d1c"),
        (" 59db2167e13911ea83a8213945545d1c ", "59db2167e13911ea83a8213945545d1c"),
        ("59DB2167-e139-11ea-83a8-213945545d1c/1597744702514", "59db2167e13911ea83a8213945545d1c/1597744702"),
        ("59db2167e13911ea83a8213945545d1c/1597744702", "59db2167e13911ea83a8213945545d1c/1597744702"),
        ("59db2167e13911ea83a8213945545d1c/15", "59db2167e13911ea83a8213945545d1c/15"),
        ("59db2167e13911ea83a8213945545d1c/", "59db2167e13911ea83a8213945545d1c/"),
        ("59db2167e13911ea83a8213945545d1c/soon", "59db2167e13911ea83a8213945545d1c/soon"),
        ("", ""),
    ],
)
def test_a_canonical_id(spelling: str, canonical: str) -> None:
    assert line_planet.canonical_id(spelling) == canonical
    assert line_planet.canonical_id(canonical) == canonical


def test_the_canonical_id_is_the_one_that_events_have() -> None:
    found = event("IN_PROGRESS.seconds")

    assert line_planet.canonical_id(found.recording_id) == found.recording_id
    assert line_planet.canonical_id(payload("IN_PROGRESS.seconds")["sid"]) == found.group_id


def test_an_error_code_is_one_as_text_or_number() -> None:
    assert event("FAILED") == event("FAILED.text-code")


def test_an_empty_error_code_is_none() -> None:
    assert event("COMPLETED.plain", error_code=" ") == event("COMPLETED.plain")


def test_a_null_list_is_a_missing_one() -> None:
    assert event("COMPLETED.one-side") == event("COMPLETED.one-side", to_recordings=[])


def test_files_in_another_order_are_the_same_event() -> None:
    files = payload("COMPLETED.unsorted")["from_recordings"]

    assert event("COMPLETED.unsorted") == event("COMPLETED.unsorted", from_recordings=files[::-1])


def test_a_result_with_more_files_is_another_event_of_the_same_name() -> None:
    one, other = event("COMPLETED.plain"), event("COMPLETED.more-files")

    assert one.name == other.name == "COMPLETED"
    assert one.event_id != other.event_id


@pytest.mark.parametrize("stem", ["COMPLETED.one-side", "COMPLETED.plain", "COMPLETED", "COMPLETED.first-version"])
def test_files_of_one_side_only_are_no_problem(stem: str) -> None:
    assert event(stem).problems == ()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"from_recordings": [{"object_id": "a"}], "to_recordings": None}, [("sides", "caller")]),
        ({"from_recordings": [], "to_recordings": [{"object_id": "a"}]}, [("sides", "callee")]),
        ({"from_recordings": [{"object_id": "a"}], "to_recordings": [{"object_id": "b"}]}, []),
        ({"from_recordings": None, "to_recordings": None}, []),
    ],
)
def test_files_of_one_side_only_are_told_as_a_hint(files: dict[str, Any], told: list[tuple[str, str]]) -> None:
    found = [code for code in event("COMPLETED.plain", **files).codes if code[0] == "sides"]

    assert told == found
    assert {codes(table)[code]["class"] for table, code in found} <= {"hint"}


def test_a_great_number_in_the_order_of_files_is_a_hole_and_costs_nothing() -> None:
    found = event("COMPLETED.plain", from_recordings=[{"object_id": "a", "order": 2**62}])

    assert found.problems == (f"'from_recordings' has a hole in its 'order': {2**62}",)


def test_files_without_a_number_are_no_problem() -> None:
    assert event("COMPLETED.plain", from_recordings=[{"object_id": "a"}, {"object_id": "b"}]).problems == ()


def test_absent_with_files_contradicts_itself() -> None:
    assert event("COMPLETED.plain", recording_status="ABSENT").problems == ("'ABSENT' names files",)


def test_a_long_value_is_cut_in_a_problem() -> None:
    (problem,) = event("COMPLETED.plain", error_code="5" * 90_000).problems

    assert len(problem) < 150


@pytest.mark.parametrize(
    "status", ["operator.resolved", "COMPLETED.superseded", "COMPLETED ", "to_completed", "СOMPLETED"]
)
def test_an_unknown_status_never_poses_as_a_known_event(status: str) -> None:
    found = event("COMPLETED.plain", recording_status=status)

    assert found.name not in codes("recording_status")
    assert "." not in found.name


def test_the_example_of_the_seed_with_its_trailing_commas_is_rejected() -> None:
    raw = b'{"sid": "59db2167e13911ea83a8213945545d1c", "from_recordings": [{"object_id": "...", "order": 1,},],}'

    with pytest.raises(RejectedBodyError):
        adapters.parse({"line_planet": line_planet}, Callback("line_planet", raw, 0))


@pytest.mark.parametrize(
    "changes",
    [
        {"sid": 5},
        {"sid": "a\u200bb"},
        {"sid": "x" * 1020},
        {"sid": "İ" * 900},
        {"recording_start_time": True},
        {"recording_start_time": "1597744702.5"},
        {"recording_start_time": 0},
        {"recording_start_time": -1597744702},
        {"recording_start_time": 10**18},
        {"recording_status": 4},
        {"recording_status": "x" * 101},
        {"error_code": True},
        {"from_recordings": {}},
        {"from_recordings": ["a"]},
        {"from_recordings": [{"order": 1.5}]},
    ],
)
def test_a_used_field_of_another_type_or_range_is_quarantined(changes: dict[str, Any]) -> None:
    with pytest.raises(QuarantinedBodyError):
        parsed(payload("COMPLETED.plain") | changes)


@pytest.mark.parametrize(
    "field", [*payload("IN_PROGRESS"), "error_code", "from_recordings", "to_recordings", "terminate"]
)
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("stem", ["IN_PROGRESS", "COMPLETED.plain", "call-ended"])
def test_no_value_of_a_field_causes_another_error(stem: str, field: str, value: object) -> None:
    try:
        parsed(payload(stem) | {field: value})
    except QuarantinedBodyError as error:
        assert len(str(error)) < 300


def test_the_end_of_a_call_is_ignored() -> None:
    assert parsed(payload("call-ended")) == Ignored("call_ended")


def test_a_recording_callback_with_fields_of_a_call_is_not_ignored() -> None:
    assert event("COMPLETED.plain", terminate="CALLER", rel_code="1000").name == "COMPLETED"


@pytest.mark.parametrize("provider", ["agora", "aircore", "bandwidth", "enablex"])
def test_a_body_of_another_provider_is_quarantined(provider: str) -> None:
    for file in (ROOT / "tests" / "payloads" / provider).glob("*.json"):
        fixture = json.loads(file.read_text())
        if isinstance(fixture["body"], dict) and "quarantined" not in fixture["expect"]:
            with pytest.raises(QuarantinedBodyError):
                parsed(fixture["body"])


@pytest.mark.parametrize(
    ("stem", "worst"),
    [("ABSENT", "hint"), ("FAILED.too-short", "failed"), ("FAILED", "failed"), ("COMPLETED", "progress")],
)
def test_the_worst_class_of_status_and_code(stem: str, worst: str) -> None:
    classes = [codes(table)[code]["class"] for table, code in event(stem).codes]

    assert max(classes, key=["progress", "hint", "degraded", "failed"].index) == worst
