"""What the tracker promises of healthy recordings, of lost callbacks and of each provider's dialects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_tracker import Callback, Event, Recording, Tracker
from recording_tracker.adapters import find_adapters, parse
from recording_tracker.flags import INFO, STUCK
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.times import from_ms, to_ms
from tests.lives import AGORA, LIVES, START_MS, Happening, Life, bodies, deliveries, life_of, stamped
from tests.stories import PAYLOADS

SKEW_MS = 300
SOON = timedelta(minutes=6)
LONG_AFTER = timedelta(days=40)

every_life = pytest.mark.parametrize("life", LIVES, ids=str)
every_calm_life = pytest.mark.parametrize("life", [life for life in LIVES if life.calm], ids=str)
some = settings(max_examples=15, deadline=None)
many = settings(max_examples=150, deadline=None)

Delivered = list[dict[str, Any]]


def alarms(recording: Recording) -> list[str]:
    return sorted(flag.code for flag in recording.flags if flag.severity != INFO)


def ending(recordings: Iterable[Recording]) -> list[tuple[str | None, list[str]]]:
    return [(recording.outcome, alarms(recording)) for recording in recordings]


def taken_in(life: Life, told: Iterable[Mapping[str, Any]], *, later: timedelta) -> list[Recording]:
    with Tracker(MemoryJournal(), machines=life.machines) as tracker:
        tracker.ingest_many(told)
        return list(tracker.recordings(now=life.end + later))


def arrivals(data: st.DataObject, count: int) -> list[int]:
    """Draw the numbers of *count* callbacks in some order, and some of them a second time."""
    again = data.draw(st.lists(st.integers(0, count - 1), max_size=count))
    return data.draw(st.permutations([*range(count), *again]))


def arrived(life: Life, numbers: Iterable[int], stamps_ms: Sequence[int]) -> Delivered:
    """Return the callbacks with these *numbers* as they come in one a second, when all has happened."""
    told = bodies(life, stamps_ms=stamps_ms)
    end_ms = to_ms(life.end)
    return [
        {"provider": life.provider, "body": told[number], "received_at": from_ms(end_ms + place * 1000)}
        for place, number in enumerate(numbers)
    ]


# A captured recording

CAPTURED = (40, 44, 43, 43, 44, 4, 4, 44, 43, 42, 44, 43, 41, 43, 44, 44, 11, 43, 31)
CAPTURED_PAYLOADS = {
    4: "cloud_recording_file_infos",
    11: "session_exit.normal",
    31: "uploaded",
    40: "recorder_started.plain",
    41: "recorder_leave",
    42: "recorder_slice_start.boolean",
    43: "recorder_audio_stream_state_changed",
    44: "recorder_video_stream_state_changed",
}
# Seconds at which each of them happened: one after the other as they arrived, or as Agora's page draws it,
# the first slice before the streams, and the upload before the exit.
CAPTURED_TIMES: dict[str, tuple[float, ...]] = {
    "as-they-arrived": (0, 2, 3, 4, 5, 20, 21, 30, 31, 32, 300, 301, 1200, 1201, 1202, 1203, 1230, 1231, 1240),
    "as-on-the-page": (
        *(0, 2, 2.1, 2.2, 2.3, 20, 20.05, 30, 31, 1),
        *(300, 301, 1200, 1200.1, 1200.2, 1200.3, 1230, 1230.1, 1225),
    ),
}
every_timing = pytest.mark.parametrize("times", CAPTURED_TIMES.values(), ids=CAPTURED_TIMES)


def captured(times: Sequence[float], numbers: Iterable[int]) -> Delivered:
    told = []
    for place, number in enumerate(numbers):
        at_ms = START_MS + round(times[number] * 1000)
        body = stamped("agora", CAPTURED_PAYLOADS[CAPTURED[number]], at_ms=at_ms, number=number)
        received_at = from_ms(START_MS + 1_240_000 + place * 1000)
        told.append({"provider": "agora", "body": body, "received_at": received_at})
    return told


def test_the_captured_payloads_are_of_the_event_types_they_stand_for() -> None:
    told = captured(CAPTURED_TIMES["as-they-arrived"], range(len(CAPTURED)))

    assert list(CAPTURED) == [line["body"]["eventType"] for line in told]


@every_timing
def test_the_captured_agora_recording_is_healthy_in_the_order_in_which_it_arrived(times: Sequence[float]) -> None:
    told = captured(times, range(len(CAPTURED)))

    found = taken_in(AGORA[0], told, later=SOON)

    assert ending(found) == [("available", [])]
    assert [recording.complete for recording in found] == [True]


@every_timing
@many
@given(data=st.data())
def test_the_captured_agora_recording_is_healthy_however_its_arrival_is_shuffled(
    times: Sequence[float], data: st.DataObject
) -> None:
    told = captured(times, arrivals(data, len(CAPTURED)))

    assert ending(taken_in(AGORA[0], told, later=LONG_AFTER)) == [("available", [])]


# Healthy recordings


@every_life
def test_a_healthy_recording_is_complete_and_without_alarm(life: Life) -> None:
    found = taken_in(life, deliveries(life), later=SOON)

    assert [(life.outcome, [])] == ending(found)
    assert [recording.complete for recording in found] == [True]


@every_life
@some
@given(data=st.data())
def test_a_healthy_recording_is_without_alarm_in_any_order_however_often_it_is_told_and_with_skewed_stamps(
    life: Life, data: st.DataObject
) -> None:
    count = len(life.happenings)
    skews = data.draw(st.lists(st.integers(-SKEW_MS // 2, SKEW_MS // 2), min_size=count, max_size=count))
    stamps_ms = [at_ms + skew_ms for at_ms, skew_ms in zip(life.stamps_ms, skews, strict=True)]
    told = arrived(life, arrivals(data, count), stamps_ms)

    assert [(life.outcome, [])] == ending(taken_in(life, told, later=LONG_AFTER))


@every_calm_life
@some
@given(data=st.data())
def test_no_callback_of_a_healthy_recording_raises_an_alarm_when_it_arrives(life: Life, data: st.DataObject) -> None:
    told = arrived(life, arrivals(data, len(life.happenings)), life.stamps_ms)

    with Tracker(MemoryJournal(), machines=life.machines) as tracker:
        receipts = [tracker.ingest(**line) for line in told]

    raised = {flag.code for receipt in receipts for flag in receipt.raised if flag.severity != INFO}
    # What is stuck by the little that has arrived so far is rightly so.
    assert set() == raised - STUCK


class TooClose(NamedTuple):
    """Two neighbours that tell another story when their stamps are the other way round, and why that must be so."""

    life: str
    first: str
    second: str
    why: str


TOO_CLOSE = (
    TooClose(
        "a failover after which the old uid is silent",
        "recorder_started.plain",
        "session_failover",
        "a failover takes many seconds; what the old uid says after it counts no more",
    ),
    TooClose(
        "streams, on until the session ends",
        "room-record-on",
        "roomdrop",
        "what is switched on after the end of a session cannot be told from a session of another end",
    ),
    TooClose(
        "live, on until the session ends",
        "room-live-recording-on",
        "roomdrop",
        "as above",
    ),
    TooClose(
        "streams in place of a live recording",
        "room-live-recording-failed.fallback",
        "roomdrop",
        "as above",
    ),
)


@every_life
def test_two_neighbours_of_a_healthy_recording_may_have_their_stamps_the_other_way_round(life: Life) -> None:
    known = {(close.first, close.second) for close in TOO_CLOSE if close.life == life.name}
    payloads = [happening.payload for happening in life.happenings]
    alarmed = set()
    for place, pair in enumerate(pairwise(payloads)):
        stamps_ms = life.stamps_ms
        stamps_ms[place : place + 2] = stamps_ms[place] + SKEW_MS, stamps_ms[place]
        # Where bodies have no time of their own it is the time of arrival that is the other way round.
        by_stamp = sorted(range(len(stamps_ms)), key=lambda number: stamps_ms[number])
        if [(life.outcome, [])] != ending(taken_in(life, arrived(life, by_stamp, stamps_ms), later=LONG_AFTER)):
            alarmed.add(pair)

    assert known == alarmed


# Lost callbacks

# Unpromised callbacks without which the recording has no end, so that it is rightly stuck.
ENDS = {
    "a backup": {"backuped.plain"},
    "ApsaraVideo for VoD as the storage": {"vod_triggered"},
    "transcoding after the exit": {"session_exit.postponed", "postpone_transcode_final_result.success"},
    "transcoding that no exit announced": {"postpone_transcode_final_result.success"},
    "stopped by the client": {"recording-uploaded.life"},
    "all publishers left": {"recording-uploaded"},
    "stopped for a reason that is not documented": {"recording-uploaded"},
    "a passage": {"recordingAvailable.complete"},
    "a passage, transcribed": {"recordingAvailable.complete"},
    "processing, then complete": {"recordingAvailable.complete"},
    "as the SDK spells it": {"recordingAvailable.complete.sdk"},
    "streams, on until the session ends": {"roomdrop"},
    "live": {"transcoded.second"},
    "live, on until the session ends": {"roomdrop", "recording.string"},
    "live, switched off long before the session ends": {"transcoded.one-string"},
    "streams in place of a live recording": {"roomdrop"},
    "recorded": {"COMPLETED.plain"},
    "recorded, by the first version": {"COMPLETED.first-version"},
    "one side alone": {"COMPLETED.one-side"},
    "too short": {"ABSENT"},
}
# Callbacks without which nothing of the recording is known at all; only an announcement can show that.
ALL_THERE_IS = {
    "the whole call": {"recordingAvailable.complete"},
    "the transcription first": {"recordingAvailable.complete"},
    "a conference": {"conferenceRecordingAvailable.complete"},
    "transcribed twice, and removed in the end": {"recordingAvailable.complete"},
    "nothing but a transcoded file": {"transcoded"},
    "nothing but the delivery": {"file-transfer"},
    "too short even for a start": {"ABSENT"},
}


class Unknowable(NamedTuple):
    """A promised callback whose loss nothing shows, and why."""

    life: str
    number: int
    why: str


UNKNOWABLE = (
    Unknowable("a backup that is delivered later", 4, "that a backup stays one is a legal history"),
    Unknowable("a failover", 3, "the new uid need not say that it starts"),
    Unknowable("a failover", 4, "what an old uid says counts no more, so it is not missed"),
    Unknowable("too short", 0, "a call too short to be recorded need not have started"),
)


def is_promised(life: Life, number: int) -> bool:
    found = parse(find_adapters(), Callback(life.provider, json.dumps(bodies(life)[number]).encode(), 0))
    with Tracker(MemoryJournal(), machines=life.machines) as tracker:
        return {event.name for event in found if isinstance(event, Event)} <= {
            *tracker.machines[life.provider].promised
        }


def verdicts(life: Life, told: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    with Tracker(MemoryJournal(), machines=life.machines) as tracker:
        tracker.ingest_many(told)
        numbered = [recording.id for recording in tracker.recordings(now=life.end)]
        return {line.event_id: line.verdict for found in numbered for line in tracker.history(found)}


def all_but(life: Life, number: int) -> Delivered:
    return deliveries(life, only=[other for other in range(len(life.happenings)) if other != number])


every_loss = pytest.mark.parametrize(
    ("life", "number"),
    [(life, number) for life in LIVES for number in range(len(life.happenings))],
    ids=lambda value: str(value) if isinstance(value, Life) else None,
)


@every_loss
def test_the_loss_of_one_callback_is_told_if_it_was_promised_and_is_no_alarm_if_not(life: Life, number: int) -> None:
    payload, rest = life.happenings[number].payload, all_but(life, number)
    soon, later = (taken_in(life, rest, later=after) for after in (SOON, LONG_AFTER))
    told = [alarms(recording) for recording in later]

    if payload in ALL_THERE_IS.get(life.name, ()):
        assert later == []
    elif (life.name, number) in {gap[:2] for gap in UNKNOWABLE}:
        assert told == [[]]
    elif is_promised(life, number):
        assert [alarms(recording) for recording in soon] == [["missing-event"]] or later[0].stuck
    elif payload in ENDS.get(life.name, ()):
        # Bad news that the good end would have made void stays.
        assert set(*told) <= STUCK if life.calm else set(*told) <= {*STUCK, "provider-error"}
        assert later[0].stuck
    else:
        assert told == [[]]


@pytest.mark.parametrize("gap", UNKNOWABLE, ids=lambda gap: f"{gap.life}-{gap.number}")
def test_a_loss_that_nothing_shows_leaves_a_legal_history(gap: Unknowable) -> None:
    life = life_of(gap.life)
    whole, rest = verdicts(life, deliveries(life)), verdicts(life, all_but(life, gap.number))

    other = {event_id for event_id, verdict in rest.items() if verdict not in ("taken", whole[event_id])}
    assert is_promised(life, gap.number)
    assert set() == other


@every_life
@some
@given(data=st.data())
def test_whatever_part_of_a_healthy_recording_arrives_nothing_of_it_is_impossible(
    life: Life, data: st.DataObject
) -> None:
    numbers = data.draw(st.lists(st.sampled_from(range(len(life.happenings))), min_size=1))

    found = taken_in(life, arrived(life, numbers, life.stamps_ms), later=LONG_AFTER)

    impossible = {"illegal-transition", "conflicting-outcome", "unknown-event", "payload-mismatch"}
    assert set() == {code for recording in found for code in alarms(recording)} & impossible


# What each provider is known for


def body_of(provider: str, name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((PAYLOADS / provider / f"{name}.json").read_text(encoding="utf-8"))["body"]
    return body


def told_by(provider: str, *told: Mapping[str, Any]) -> Tracker:
    tracker = Tracker(MemoryJournal())
    for number, body in enumerate(told):
        tracker.ingest(provider, body, received_at=from_ms(START_MS + number * 1000))
    return tracker


def agora(*happenings: tuple[Any, ...]) -> list[Recording]:
    life = Life("agora", "told", tuple(Happening(*happening) for happening in happenings))
    return taken_in(life, deliveries(life), later=SOON)


def test_line_planet_one_sid_with_two_start_times_is_two_recordings_found_together_by_the_sid() -> None:
    first, second = body_of("line_planet", "IN_PROGRESS"), body_of("line_planet", "COMPLETED.plain")
    second |= {"sid": first["sid"], "recording_start_time": first["recording_start_time"] + 300_000}

    found = told_by("line_planet", first, second).status(first["sid"], now=from_ms(START_MS))

    assert [recording.phase for recording in found] == ["recording", "finished"]
    assert len({recording.recording_id for recording in found}) == 2
    assert len({recording.group_id for recording in found}) == 1


def test_line_planet_seconds_and_milliseconds_dashes_and_none_are_one_recording() -> None:
    dashes = {"sid": "59DB2167-e139-11ea-83a8-213945545d1c", "recording_start_time": 1597744702}
    none = {"sid": "59db2167e13911ea83a8213945545d1c", "recording_start_time": 1597744702514}
    told = [body_of("line_planet", name) for name in ("IN_PROGRESS", "COMPLETED.plain")]

    tracker = told_by("line_planet", told[0] | dashes, told[1] | none)

    expected: list[tuple[object, ...]] = [("59db2167e13911ea83a8213945545d1c/1597744702", 2, "available", [])]
    for spelling in ("59db2167-e139-11ea-83a8-213945545d1c/1597744702514", "59DB2167E13911EA83A8213945545D1C"):
        found = tracker.status(spelling, now=from_ms(START_MS))
        assert expected == [(one.recording_id, one.events, one.outcome, alarms(one)) for one in found]


def test_aircore_both_spellings_of_the_url_are_one_recording() -> None:
    told = [body_of("aircore", f"recording-{what}") for what in ("started.api-url", "stopped", "uploaded")]

    tracker = told_by("aircore", *told)

    spellings = {body["recording"]["url"] for body in told}
    assert len(spellings) == 2
    for spelling in spellings:
        found = tracker.status(spelling, now=from_ms(START_MS))
        assert [(one.events, one.outcome, alarms(one)) for one in found] == [(3, "available", [])]


FILE_LISTS: dict[str, Any] = {
    "a-text": "https://files.example.com/1.mkv",
    "an-object": {"url": "https://files.example.com/1.mkv"},
    "texts": ["https://files.example.com/1.mkv", "https://files.example.com/2.mkv"],
    "objects": [{"url": "https://files.example.com/1.mkv"}, {"url": "https://files.example.com/2.mkv"}],
}


@pytest.mark.parametrize("key", ["transcoded", "recording", "files"])
@pytest.mark.parametrize("shape", FILE_LISTS)
def test_enablex_reads_the_four_shapes_of_a_file_list(shape: str, key: str) -> None:
    body = {"type": "transcoded", "app_id": "a", "conf_num": "c", "room_id": "r", key: FILE_LISTS[shape]}

    (found,) = told_by("enablex", body).status("a/c", now=from_ms(START_MS))

    expected = ["https://files.example.com/1.mkv", "https://files.example.com/2.mkv"]
    assert expected[: len(found.files)] == [file.url for file in found.files]
    assert (len(FILE_LISTS[shape]) if isinstance(FILE_LISTS[shape], list) else 1) == len(found.files)
    assert (found.outcome, alarms(found)) == ("available", [])


def test_enablex_error_7014_is_no_failure() -> None:
    life = life_of("streams in place of a live recording")

    running = taken_in(life, deliveries(life, only=[0, 1]), later=-timedelta(hours=1))
    whole = taken_in(life, deliveries(life), later=SOON)

    assert [(recording.phase, recording.stuck) for recording in running] == [("recording", False)]
    assert [flag.severity for recording in running for flag in recording.flags] == ["warning"]
    assert ending(whole) == [("available", [])]


def test_enablex_a_session_never_recorded_opens_nothing() -> None:
    tracker = told_by("enablex", body_of("enablex", "roomdrop"), body_of("enablex", "chatdata"))

    assert list(tracker.recordings(now=from_ms(START_MS) + LONG_AFTER)) == []
    assert tracker.status("String/String", now=from_ms(START_MS)) == []
    assert tracker.audit(from_ms(START_MS) + LONG_AFTER).recordings == 0


def test_enablex_completes_without_roomdrop() -> None:
    life = life_of("streams in two segments")
    numbers = [n for n, happening in enumerate(life.happenings) if happening.payload != "roomdrop"]

    assert ending(taken_in(life, deliveries(life, only=numbers), later=LONG_AFTER)) == [("available", [])]


def test_bandwidth_reads_the_malformed_enqueued_time_and_a_time_without_zone() -> None:
    body = body_of("bandwidth", "recordingAvailable.complete.enqueued")

    (found,) = told_by("bandwidth", body).status(body["recordingId"], now=from_ms(START_MS))

    assert (body["enqueuedTime"], body["eventTime"]) == ("2019-09-13-16:48:27.198Z", "2019-09-13T16:49:40.500")
    assert (found.outcome, alarms(found)) == ("available", [])
    assert found.last_event is not None
    assert str(found.last_event.occurred_at).replace(" ", "T") == "2019-09-13T16:49:40.500000+00:00"


@pytest.mark.parametrize(
    ("said", "outcome", "codes"),
    [
        ({"exitStatus": 0}, "available", []),
        ({"leaveStatus": 0}, "available", []),
        ({"leaveStatus": "0"}, "available", []),
        ({"exitStatus": 1}, "partial", ["provider-error"]),
        ({"leaveStatus": 1}, "partial", ["provider-error"]),
        ({"exitStatus": 0, "leaveStatus": 1}, "available", ["payload-mismatch"]),
    ],
)
def test_agora_says_how_it_exits_as_exit_status_or_as_leave_status(
    said: dict[str, object], outcome: str, codes: list[str]
) -> None:
    details = {"payload.details": {"msgName": "session_exit"} | said}
    told = [
        ("recorder_started.plain", 0),
        ("recorder_leave", 9),
        ("uploaded", 10),
        ("session_exit.normal", 11, details),
    ]

    assert [(outcome, codes)] == ending(agora(*told))


@pytest.mark.parametrize(
    ("code", "recorder", "codes"),
    [
        (0, "init_failed", ["provider-error"]),
        (1, "left", []),
        (2, "left", []),
        (4, "left", []),
        (6, "left", []),
        (8, "left", []),
        (16, "left", []),
        (24, "left", []),
        (28, "left", []),
    ],
)
def test_agora_leave_codes_are_a_bit_mask_of_which_only_0_is_a_failure(
    code: int, recorder: str, codes: list[str]
) -> None:
    (found,) = agora(("recorder_started.plain", 0), ("recorder_leave", 9, {"payload.details.leaveCode": code}))

    assert recorder == found.state["recorder"]
    assert codes == alarms(found)


def test_agora_goes_on_under_the_new_uid_after_a_failover() -> None:
    other = {"payload.uid": "2002"}
    failed_over = [("recorder_started.plain", 0), ("session_failover", 60)]
    old = [("recorder_leave", 70), ("session_exit.abnormal", 71)]
    new = [("recorder_leave", 100, other), ("uploaded", 120, other), ("session_exit.normal", 121, other)]

    (running,) = agora(*failed_over, *old)
    (whole,) = agora(*failed_over, *old, *new)

    assert (running.phase, running.state["recorder"], alarms(running)) == ("recording", "recording", [])
    assert (whole.outcome, alarms(whole)) == ("available", [])


def test_agora_backup_is_complete_and_its_later_delivery_makes_it_available() -> None:
    backed_up = [("recorder_started.plain", 0), ("recorder_leave", 9), ("backuped", 20), ("session_exit.normal", 21)]

    assert ending(agora(*backed_up)) == [("backed_up", [])]
    assert ending(agora(*backed_up, ("uploaded", 28_800))) == [("available", [])]


def test_agora_web_mode_needs_no_recorder_and_has_its_files_in_the_stop() -> None:
    (found,) = agora(
        ("web_recorder_started", 0), ("web_recorder_stopped", 9), ("uploaded.web", 20), ("session_exit.normal", 21)
    )

    assert (found.outcome, alarms(found)) == ("available", [])
    assert [file.kind for file in found.files] == ["m3u8", "mp4"]


def test_agora_postponed_transcoding_after_the_exit_is_waited_for_two_days() -> None:
    exited = [
        ("recorder_started.plain", 0),
        ("recorder_leave", 9),
        ("uploaded.hls", 20),
        ("session_exit.postponed", 21),
    ]
    done = ("postpone_transcode_final_result.success", 40 * 3600)
    life = Life("agora", "told", tuple(Happening(*happening) for happening in exited))
    two_days = timedelta(hours=48)

    waiting = taken_in(life, deliveries(life), later=two_days)
    overdue = taken_in(life, deliveries(life), later=two_days + timedelta(seconds=1))

    assert [(found.phase, found.stuck) for found in waiting] == [("processing", False)]
    assert [(found.phase, found.stuck) for found in overdue] == [("processing", True)]
    assert ending(agora(*exited, done)) == [("available", [])]
