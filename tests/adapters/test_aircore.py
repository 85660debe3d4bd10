"""Aircore: what its callbacks become."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import adapters
from recording_tracker.adapters import aircore
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Callback, Event, Ignored

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "aircore"
HOSTILE: list[Any] = [True, 0, -1, 0.5, 2**63, "", " ", "\0", "x" * 2000, "\u202e", [], [1], {}, {"a": 1}, None]
URL = "http://recorder.example:8080/recording/1700000000000-0-1"
ENCODED = "http%3A%2F%2Frecorder.example%3A8080%2Frecording%2F1700000000000-0-1"


def payload(stem: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((PAYLOADS / f"{stem}.json").read_text())["body"]
    return body


def parsed(body: dict[str, Any], **query: str) -> Event:
    found = adapters.parse({"aircore": aircore}, Callback("aircore", json.dumps(body).encode(), 0, query))
    assert not isinstance(found, Ignored)
    return found[0]


def event(stem: str, **changes: object) -> Event:
    """Parse the payload *stem* with *changes* to its recording."""
    body = payload(stem)
    return parsed(body | {"recording": body["recording"] | changes})


@pytest.mark.parametrize(
    "spelling",
    [
        URL,
        f" {URL}/ ",
        "HTTP://Recorder.Example:8080/recording/1700000000000-0-1",
        "http://user:secret@recorder.example:8080/recording/1700000000000-0-1#top",
        f"https://services.aircore.io:443/recording/{ENCODED}",
        f"https://services.aircore.io/recording/{ENCODED}/",
        f"https://SERVICES.aircore.io/recording/{ENCODED}%2F",
    ],
)
def test_every_spelling_of_a_url_names_one_recording(spelling: str) -> None:
    assert aircore.canonical_id(spelling) == URL
    assert event("recording-started.life", url=spelling.strip()).recording_id == URL


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("http://recorder.example:80/a", "http://recorder.example/a"),
        ("https://recorder.example:443/a", "https://recorder.example/a"),
        ("http://recorder.example:443/a", "http://recorder.example:443/a"),
        ("http://[2001:db8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
        ("http://recorder.example:port/a", "http://recorder.example:port/a"),
        ("http://recorder.example/a%2Fb", "http://recorder.example/a%2Fb"),
        ("1700000000000-0-1", "1700000000000-0-1"),
        ("https://services.aircore.io/recording", "https://services.aircore.io/recording"),
        ("", ""),
    ],
)
def test_a_canonical_id(spelling: str, canonical: str) -> None:
    assert aircore.canonical_id(spelling) == canonical
    assert aircore.canonical_id(canonical) == canonical


def test_the_url_of_the_api_is_decoded_once() -> None:
    twice = f"https://services.aircore.io/recording/{ENCODED.replace('%', '%25')}"

    assert aircore.canonical_id(twice) != URL


def test_a_url_of_the_api_inside_a_url_of_the_api_is_its_own_canonical_id() -> None:
    nested = (
        f"https://services.aircore.io/recording/{ENCODED}".replace("%", "%25").replace(":", "%3A").replace("/", "%2F")
    )
    canonical = aircore.canonical_id(f"https://services.aircore.io/recording/{nested}")

    assert aircore.canonical_id(canonical) == canonical != URL


def test_a_callback_sent_again_has_the_same_content() -> None:
    body = payload("recording-stopped")
    one, other = parsed(body), parsed(body | {"timestamp": body["timestamp"] + 5000})

    assert (one.event_id, one.content) == (other.event_id, other.content)


def test_another_address_of_the_file_is_the_same_event_with_another_content() -> None:
    one = event("recording-uploaded.life")
    other = event("recording-uploaded.life", location={"address": "https://bucket.example/other.m4a"})

    assert one.event_id == other.event_id
    assert one.content != other.content


def test_the_callback_url_names_a_recording_whose_body_has_no_url() -> None:
    found = parsed(
        payload("recording-started.without-url"), recording=f"https://services.aircore.io/recording/{ENCODED}"
    )

    assert (found.recording_id, found.aliases) == (URL, ("1700000000000-0-1",))


@pytest.mark.parametrize("given", ["", " ", "a\0b", "http://recorder.example/\n1", "x" * 1025])
def test_a_callback_url_that_names_no_usable_recording_is_quarantined(given: str) -> None:
    with pytest.raises(QuarantinedBodyError, match=r"^recording\.url: "):
        parsed(payload("recording-started.without-url"), recording=given)


@pytest.mark.parametrize("escape", ["%00", "%0A", "%1B", "%E2%80%AE", "%E2%80%8B"])
def test_an_invisible_character_behind_percent_encoding_is_quarantined(escape: str) -> None:
    with pytest.raises(QuarantinedBodyError):
        event("recording-started.life", url=f"https://services.aircore.io/recording/http%3A%2F%2Fhost%2F1{escape}2")


def test_the_group_comes_from_the_callback_url() -> None:
    assert parsed(payload("recording-started"), channel="lobby").group_id == "lobby"


@pytest.mark.parametrize("kind", ["operator.resolved", "recording-started.superseded", "recording started"])
def test_an_unknown_kind_never_poses_as_another_event(kind: str) -> None:
    found = parsed(payload("recording-started") | {"event": kind})

    assert found.name not in aircore.STATES
    assert "." not in found.name


@pytest.mark.parametrize("field", ["elapsedTime", "metadata", "location.region"])
@pytest.mark.parametrize("value", HOSTILE)
def test_a_label_of_any_type_does_not_stop_an_event(field: str, value: object) -> None:
    changes = (
        {"location": {"address": "https://bucket.example/a.m4a", "region": value}} if "." in field else {field: value}
    )

    assert event("recording-uploaded.life", **changes).problems == ()


def test_a_long_value_is_cut_in_a_problem() -> None:
    (problem,) = event("recording-stopped.life", state="s" * 90_000).problems

    assert len(problem) < 200


@pytest.mark.parametrize(
    "changes",
    [
        {"event": 31},
        {"event": "x" * 101},
        {"event": "recording-\x1bstarted"},
        {"timestamp": "soon"},
        {"timestamp": True},
        {"timestamp": -1},
        {"timestamp": 10**18},
        {"recording": []},
        {"recording": {"url": 5}},
        {"recording": {"url": URL, "startTime": 0.5}},
        {"recording": {"url": URL, "location": {}}},
        {"recording": {"url": URL, "reason": 5}},
    ],
)
def test_a_used_field_of_another_type_or_range_is_quarantined(changes: dict[str, Any]) -> None:
    with pytest.raises(QuarantinedBodyError):
        parsed(payload("recording-stopped") | changes)


@pytest.mark.parametrize("field", [*sorted(payload("recording-stopped")["recording"]), "location"])
@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("stem", ["recording-stopped", "recording-uploaded", "recording-upload-failed"])
def test_no_value_of_a_field_causes_another_error(stem: str, field: str, value: object) -> None:
    try:
        event(stem, **{field: value})
    except QuarantinedBodyError as error:
        assert len(str(error)) < 300


@pytest.mark.parametrize("provider", ["agora", "bandwidth", "enablex", "line_planet"])
def test_a_body_of_another_provider_is_quarantined(provider: str) -> None:
    for file in (ROOT / "tests" / "payloads" / provider).glob("*.json"):
        fixture = json.loads(file.read_text())
        if isinstance(fixture["body"], dict) and "quarantined" not in fixture["expect"]:
            with pytest.raises(QuarantinedBodyError):
                parsed(fixture["body"])


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("The specified bucket does not exist", "no_such_bucket"),
        ("The header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'", "wrong_region"),
        ("The bucket you are attempting to access must be addressed using the specified endpoint.", "wrong_region"),
        ("The AWS Access Key Id you provided does not exist in our records.", "access_denied"),
        ("Please reduce your request rate.", "other"),
    ],
)
def test_what_s3_says_of_a_failed_upload_is_known_by_its_words(reason: str, code: str) -> None:
    assert event("recording-upload-failed", reason=reason).codes == (("upload_error", code),)


def test_the_adapter_and_the_machine_know_the_same_upload_errors() -> None:
    machine = tomllib.loads((ROOT / "machines" / "aircore.toml").read_text())

    assert set(aircore.UPLOAD_ERRORS.values()) | {"other"} == set(machine["codes"]["upload_error"])
