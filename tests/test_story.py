"""Stories: what is told of a recording, sentence by sentence, and that each sentence rests on something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest

from recording_tracker import Part, Story, Tracker
from recording_tracker.adapters import SHIPPED
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import Machine, find_machines
from recording_tracker.results import PARTS
from recording_tracker.times import EPOCH
from tests.stories import SCENARIOS, read_story, story_files
from tests.stories import Story as Scenario

HAPPENED = ("announced", "event", "missing")
NAMES = [f"{path.parent.name}/{path.stem}" for path in story_files()]


@cache
def stories(name: str, *, now: datetime | None = None) -> tuple[Story, ...]:
    """The stories of all recordings of a scenario, at its moment or another."""
    scenario = read_story(SCENARIOS / f"{name}.toml")
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(scenario.deliveries)
        return tuple(story for found in scenario.ids.values() for story in tracker.explain(found, now or scenario.now))


@cache
def history(name: str) -> dict[str, list[str]]:
    """Recording id → the ids of its events in lifecycle order."""
    scenario = read_story(SCENARIOS / f"{name}.toml")
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(scenario.deliveries)
        return {found: [line.event_id for line in tracker.history(found)] for found in scenario.ids.values()}


def all_stories(provider: str) -> Iterator[tuple[Story, list[str]]]:
    """Every story of a provider's scenarios, with the ids of its events."""
    for name in NAMES:
        if name.startswith(f"{provider}/"):
            for story in stories(name):
                yield story, history(name)[story.recording.id]


def only(scenario: Scenario) -> str:
    """The id of the only recording of a scenario."""
    [found] = scenario.ids.values()
    return found


def told(story: Story, kind: str) -> list[str]:
    return [part.text for part in story.parts if part.kind == kind]


def the(name: str, kind: str, *, now: datetime | None = None) -> list[str]:
    """All that is told of one kind in the only story of a scenario."""
    [story] = stories(name, now=now)
    return told(story, kind)


# Each sentence rests on something


@pytest.mark.parametrize("provider", SHIPPED)
def test_every_part_rests_on_events_or_on_places_of_the_machine_that_there_are(provider: str) -> None:
    machine = find_machines()[provider]
    for story, events in all_stories(provider):
        for part in story.parts:
            assert part.kind in PARTS
            assert part.events or part.machine or part.kind == "announced", part
            assert set(part.events) <= set(events)
            assert [place for place in part.machine if not stands(machine, place)] == []


def stands(machine: Machine, place: str) -> bool:
    """Tell whether something stands at *place* in the machine file."""
    found: Any = machine.definition.model_dump(by_alias=True)
    for name, quoted, number in re.findall(r'([\w-]+)|"((?:[^"\\]|\\.)*)"|\[(\d+)\]', place):
        key: Any = int(number) if number else name or quoted
        try:
            found = found[key]
        except (KeyError, IndexError):
            return False
    return found is not None


@pytest.mark.parametrize("provider", SHIPPED)
def test_every_event_and_every_flag_is_told_once(provider: str) -> None:
    for story, events in all_stories(provider):
        problems = [(part.flag, part.severity) for part in story.parts if part.kind == "problem"]

        assert [event for part in story.parts if part.kind == "event" for event in part.events] == events
        assert problems == [(flag.code, flag.severity) for flag in story.recording.flags]


@pytest.mark.parametrize("provider", SHIPPED)
def test_what_is_wrong_and_what_to_do_comes_first_and_then_what_happened_in_order(provider: str) -> None:
    for story, _ in all_stories(provider):
        kinds = [part.kind for part in story.parts]
        happened = [part for part in story.parts if part.kind in HAPPENED]
        order = [HAPPENED[0] if kind in HAPPENED else kind for kind in kinds]

        assert order == sorted(order, key=PARTS.index)
        assert kinds[0] == "standing"
        assert happened == sorted(happened, key=lambda part: part.at or EPOCH)


@pytest.mark.parametrize("provider", SHIPPED)
def test_sentences_are_whole(provider: str) -> None:
    for text in (part.text for story, _ in all_stories(provider) for part in story.parts):
        assert re.match(r"[A-Z']|\d[\d,]* '", text), text
        assert text.endswith((".", "?", "!")) or ": tracker " in text, text
        assert "  " not in text
        assert ".." not in text.replace("…", "")
        assert "{" not in text.replace("{accountId}", "").replace("{conf_num}", ""), text


# What was lost


def test_a_lost_callback_is_told_with_the_event_and_the_transitions_that_imply_it() -> None:
    [story] = stories("aircore/only-the-upload")
    missing = [part for part in story.parts if part.kind == "missing"]

    assert told(story, "event") == [
        (
            "'recording-uploaded' came 1.0s after it happened. It takes the recording from 'requested' to 'uploaded' "
            "by way of 'recording' and 'stopped'. It names 1 file."
        )
    ]
    assert [part.text for part in missing] == [
        (
            "'recording-started' must have been sent before and was never received. 'recording-uploaded' "
            "says that it had "
            "got to 'stopped'; it was 'requested', and what leads from 'requested' to 'recording' is "
            "'recording-started', "
            "which is always sent if the account has subscribed to it."
        ),
        (
            "'recording-stopped' must have been sent before and was never received. 'recording-uploaded' "
            "says that it had "
            "got to 'stopped'; it was 'requested', and what leads from 'recording' to 'stopped' is "
            "'recording-stopped', "
            "which is always sent if the account has subscribed to it."
        ),
    ]
    assert [part.machine for part in missing] == [
        ("regions.recording.transitions[0]", "regions.recording.transitions[2]", "events.recording-started"),
        ("regions.recording.transitions[1]", "regions.recording.transitions[2]", "events.recording-stopped"),
    ]
    assert [part.events for part in missing] == [("recording-uploaded",)] * 2


def test_a_callback_that_may_still_come_is_not_called_lost() -> None:
    [story] = stories("aircore/lost-start-within-grace")
    [part] = [part for part in story.parts if part.kind == "missing"]

    assert part.text.startswith("'recording-started' must have been sent before; it counts as lost after 2026-03-01T")
    assert part.flag is None
    assert told(story, "problem") == []


def test_one_of_several_events_is_named_as_such() -> None:
    [missing] = the("agora/web-lost-stop", "missing")

    assert missing == (
        "'recorder_leave' or 'web_recorder_stopped' must have been sent before and was never received. "
        "'uploaded' says "
        "that recorder had got to 'left'; it was 'recording', and what leads from 'recording' to 'left' is "
        "'recorder_leave' or 'web_recorder_stopped', one of which is always sent if the account has subscribed to it."
    )


def test_a_lost_start_of_a_call_is_told() -> None:
    assert the("line_planet/lost-start", "problem") == [
        "'IN_PROGRESS' must have been sent and was not received; 'COMPLETED' implies it."
    ]
    assert the("line_planet/lost-start", "event") == [
        (
            "'COMPLETED' came; LINE Planet does not say when it happened. It takes the recording from 'requested' to "
            "'completed' by way of 'in_progress'. It says: recorded and uploaded (recording status 'COMPLETED'). "
            "It names 2 files."
        )
    ]


def test_a_failover_that_nobody_told_of_is_told() -> None:
    [story] = stories("agora/failover-unseen")

    assert told(story, "missing") == [
        (
            "'session_failover' must have been sent before and was never received. 'recorder_started' is of "
            "worker '2002', "
            "of which nothing had been heard; only 'session_failover' moves a recording to another worker."
        )
    ]
    assert told(story, "event")[2].startswith(
        "'recorder_started' came 1.0s after it happened. Its worker '2002' had not been heard of, so "
        "'session_failover' took service from 'recording_stopped' to 'recorder_ready' and recorder from 'left' to "
        "'recording' unseen."
    )


def test_nothing_is_missed_where_nothing_is_promised() -> None:
    assert the("bandwidth/transcription-first", "missing") == []


# What came late, twice, or in another order


def test_an_event_that_was_assumed_unseen_and_came_is_told_as_the_one() -> None:
    [story] = stories("agora/failover-late")
    late = told(story, "event")[2]

    assert late == (
        "'session_failover' came 19m 57s after it happened, which is late; 'recorder_leave', which "
        "belongs after it, had come before it. The recording goes on under worker '2002', as was known; it is what "
        "'recorder_started' had "
        "implied."
    )
    assert told(story, "missing") == []


def test_events_that_overtook_each_other_are_told() -> None:
    events = the("aircore/reversed", "event")

    assert [re.findall(r"'([\w-]+)', which belongs after it", text) for text in events] == [
        ["recording-uploaded"],
        ["recording-uploaded"],
        [],
    ]


def test_events_in_order_have_overtaken_nothing() -> None:
    assert [text for text in the("aircore/healthy", "event") if "belongs after it" in text] == []


def test_doubled_deliveries_are_counted() -> None:
    assert {re.findall(r"it was delivered (\d) times", text)[0] for text in the("agora/doubled", "event")} == {"2"}


def test_a_clock_that_is_ahead_is_told() -> None:
    [story] = stories("aircore/clock-ahead")

    assert told(story, "event")[0].startswith("'recording-started' is dated 1h after it came.")
    assert told(story, "remedy") == ["Check that your own clock is right."]


# What does not fit


def test_results_that_contradict_each_other_are_told() -> None:
    [story] = stories("bandwidth/complete-then-error")

    assert told(story, "problem") == [
        "'recordingAvailable.error' contradicts 'available', in which recording had ended; the first counts."
    ]
    assert told(story, "event")[1] == (
        "'recordingAvailable.error' came 1.0s after it happened. It contradicts 'available', in which recording had "
        "ended; the first counts. It says: processing the recording failed (recording status 'error'). Read its "
        "metadata by the API, and ask the provider's support with the recording id."
    )
    assert told(story, "remedy") == [
        (
            "Two results contradict each other; find out which one holds: ask Bandwidth's API: "
            "GET /accounts/{accountId}/recordings."
        )
    ]


def test_an_illegal_event_is_told_with_the_state_in_which_it_cannot_happen() -> None:
    [story] = stories("agora/start-after-the-end")
    last = [part for part in story.parts if part.kind == "event"][-1]

    assert "It cannot happen while recorder is 'left'; it changes nothing." in last.text
    assert "regions.recorder.states.left" in last.machine
    assert told(story, "remedy")[-1].startswith("See what it contradicts: tracker history ")


def test_an_unknown_event_and_an_unknown_code_are_told() -> None:
    [story] = stories("enablex/unknown-code")

    assert told(story, "event")[1] == (
        "'room-live-recording-failed.unknown' came 1.0s after it happened. The machine knows no such event, so it "
        "changes nothing. It says: error '7999', which is not documented. In its words: 'Something new'."
    )


def test_a_worker_that_was_replaced_changes_nothing() -> None:
    superseded = the("agora/failover-running", "event")[3:]

    assert [("It is of worker '1001', from which another had taken over" in text) for text in superseded] == [True] * 2


# What codes mean


def test_codes_are_told_in_meanings_with_what_to_do() -> None:
    [story] = stories("agora/failed-storage")
    fatal = [part for part in story.parts if part.kind == "event"][1]

    assert "the storage is configured wrongly (upload error '32')" in fatal.text
    assert "In its words: 'no such bucket'." in fatal.text
    assert "codes.upload_error.32" in fatal.machine
    assert told(story, "remedy")[:3] == [
        "The recording may have ended; ask Agora's query API.",
        "Check vendor, region, bucket and keys; a wrong bucket or key is not backed up.",
        "Often a wrong parameter; look for errors before it.",
    ]
    assert told(story, "problem")[0] == (
        "'cloud_recording_error.fatal': fatal, in the uploader, the storage is configured wrongly, 'no such bucket'."
    )


def test_a_contradiction_inside_of_a_body_is_told() -> None:
    assert the("line_planet/hole", "event")[1].endswith("'from_recordings' has a hole in its 'order': 1, 3.")


def test_an_absent_file_is_called_normal_only_where_its_code_says_so() -> None:
    [by_error] = stories("line_planet/absent-by-error")
    [too_short] = stories("line_planet/too-short")

    assert ["normal" in part.text.lower() for part in by_error.parts] == [False] * len(by_error.parts)
    assert "Normal for a very short call." in told(too_short, "event")[-1]


def test_a_file_that_one_side_lacks_is_told() -> None:
    assert "only the caller has files" in the("line_planet/one-side", "event")[-1]


def test_a_backup_is_waited_for() -> None:
    assert the("agora/backup", "remedy") == [
        "Its files are in the provider's backup; see that they arrive in your storage."
    ]


# What is stuck, and what is awaited


def test_silence_is_told_with_the_limit_that_it_broke() -> None:
    [story] = stories("agora/progress-stops")
    [problem] = [part for part in story.parts if part.kind == "problem"]

    assert problem.text == (
        "Nothing has come since 'uploading_progress' of 2026-03-01T10:03:00.000Z. Recorder is 'reporting', where a "
        "silence of more than 5m counts as stalled."
    )
    assert problem.machine == ("regions.recorder.states.reporting.stall_after",)
    assert told(story, "awaited") == [
        (
            "Awaited: 'recorder_leave', 'web_recorder_stopped', 'uploaded' or 'session_exit.normal'. "
            "By 2026-03-05T10:00:00.000Z it must be complete, or it is stuck."
        )
    ]


def test_what_has_ended_is_not_asked_whether_it_still_runs() -> None:
    running, ended = the("agora/progress-stops", "remedy"), the("bandwidth/lost-terminal", "remedy")

    assert running[0].startswith("Find out whether it still runs: ")
    assert ended[0].startswith("Find out what has become of its files: ")


@pytest.mark.parametrize("name", ["lost-exit", "postponed-lost"])
def test_files_that_are_in_the_storage_are_told_where_only_the_end_is_missing(name: str) -> None:
    assert (
        the(f"agora/{name}", "remedy")[0]
        == "All that was recorded has been uploaded to your storage; look there first."
    )


def test_a_part_that_failed_is_not_called_missing() -> None:
    assert (
        the("agora/postponed-failed", "remedy")[-1]
        == "A part of it failed or is missing; look at its files before use."
    )


def test_a_missing_end_is_told_with_the_state_and_since_when() -> None:
    [story] = stories("aircore/lost-upload")
    [problem] = [part for part in story.parts if part.kind == "problem"]

    assert problem.text == (
        "The recording has been 'stopped' since 2026-03-01T10:20:00.000Z; from then on it may take at most 30m until "
        "the recording is complete."
    )
    assert problem.machine == ("regions.recording.states.stopped.complete_within",)
    assert problem.events == ("recording-stopped",)
    assert told(story, "remedy")[0] == (
        "Check the storage settings of the start request: region, bucket and its policy."
    )


def test_a_limit_of_the_whole_recording_is_told() -> None:
    scenario = read_story(SCENARIOS / "aircore" / "never-complete.toml")
    [story] = stories("aircore/never-complete", now=scenario.now + timedelta(days=365))

    assert {part.machine for part in story.parts if part.flag in ("missing-terminal", "stalled")} & {
        ("limits.complete_within",)
    }


def test_an_announced_recording_that_never_started_is_told() -> None:
    [story] = stories("aircore/announced-never-started")

    assert told(story, "announced") == ["It was announced by its id, to begin within 10m."]
    assert told(story, "problem") == [
        (
            "It was announced at 2026-03-01T10:00:00.000Z, to begin within 10m; by 2026-03-01T10:10:00.000Z "
            "nothing had "
            "come of it."
        )
    ]
    assert told(story, "remedy")[0] == "See in your application whether it was started at all."
    compare = "Compare its id with those that callbacks give, the url of the recording: tracker list --provider aircore"
    assert compare in told(story, "remedy")


def test_an_announced_group_has_a_story() -> None:
    with Tracker(MemoryJournal()) as tracker:
        at = datetime.fromisoformat("2026-03-01T10:00:00Z")
        tracker.expect("bandwidth", group="c-1", within=timedelta(minutes=10), at=at)
        [early] = tracker.explain("c-1", at)
        [late] = tracker.explain("c-1", at + timedelta(hours=1))

    assert told(early, "announced") == ["It was announced by its group, to begin within 10m."]
    assert told(early, "problem") == []
    assert told(early, "awaited")[0].endswith("By 2026-03-01T10:10:00.000Z it must have begun, or it is stuck.")
    assert told(late, "problem")[0].endswith("nothing had come of it.")


def test_a_recording_that_was_announced_by_its_group_is_told_so() -> None:
    at = datetime.fromisoformat("2026-03-01T10:00:00Z")
    body = {"eventType": "recordComplete", "recordingId": "r-1", "callId": "c-1", "eventTime": "2026-03-01T10:01:00Z"}
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest("bandwidth", body, received_at=at + timedelta(minutes=1))
        [unannounced] = tracker.explain("r-1", at)
        tracker.expect("bandwidth", group="c-1", within=timedelta(minutes=10), at=at)
        [story] = tracker.explain("r-1", at)
    happened = [part for part in story.parts if part.kind in HAPPENED]

    assert told(unannounced, "announced") == []
    assert happened[0].text == "Its group was announced, to begin within 10m."
    assert happened[0].at == at
    assert happened[1].kind == "event"


def test_a_room_in_which_nobody_spoke_has_two_explanations() -> None:
    [story] = stories("agora/empty-room")

    assert told(story, "remedy")[0] == (
        "Either nobody ever spoke in the room, so that there was nothing to upload, or the upload was lost with its "
        "callback; the callbacks alone cannot tell which: look for files in your storage."
    )


def test_a_room_in_which_somebody_spoke_has_one_explanation() -> None:
    scenario = read_story(SCENARIOS / "agora" / "gap.toml")
    heard = [line for line in scenario.deliveries if line["body"]["eventType"] != 31]
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(heard)
        [story] = tracker.explain(only(scenario), scenario.now + timedelta(days=9))

    assert story.recording.state["uploader"] == "waiting"
    assert [text for text in told(story, "remedy") if "nobody ever spoke" in text] == []
    assert story.recording.stuck


def test_several_recordings_of_a_group_have_a_story_each() -> None:
    scenario = read_story(SCENARIOS / "line_planet" / "moved-to-another-server.toml")
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(scenario.deliveries)
        [group] = {story.recording.group_id for found in scenario.ids.values() for story in tracker.explain(found)}
        assert group is not None
        found = [story.recording.recording_id for story in tracker.explain(group)]

    assert sorted(map(str, found)) == sorted(scenario.ids.values())


# What an operator has settled


def test_what_an_operator_resolved_is_told_with_the_note() -> None:
    scenario = read_story(SCENARIOS / "aircore" / "lost-upload.toml")
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(scenario.deliveries)
        [found] = scenario.ids.values()
        tracker.resolve(found, outcome="available", note="file is in the bucket", now=scenario.now)
        [story] = tracker.explain(found, scenario.now)

    assert told(story, "event")[-1] == (
        "'operator.resolved' was entered by an operator. It completes the recording as 'available', with the note "
        "'file is in the bucket'."
    )
    assert told(story, "standing")[0].startswith("It is complete and 'available', since ")
    assert told(story, "problem") == []


def test_what_is_acknowledged_is_told_and_asks_for_nothing() -> None:
    scenario = read_story(SCENARIOS / "aircore" / "lost-upload.toml")
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(scenario.deliveries)
        [found] = scenario.ids.values()
        tracker.ack(found, note="bucket was closed", now=scenario.now)
        [story] = tracker.explain(found, scenario.now)
    [problem] = [part for part in story.parts if part.kind == "problem"]

    assert problem.acknowledged
    assert problem.text.endswith("Acknowledged: 'bucket was closed'.")
    assert told(story, "remedy") == []


# Many events


def agora_slices(number: int) -> Iterable[dict[str, Any]]:
    """The deliveries of a recording with so many slices, every hundredth delivered twice."""
    scenario = read_story(SCENARIOS / "agora" / "gap.toml")
    first, _, *rest = scenario.deliveries
    begin = first["body"]["payload"]["sendts"]
    yield first
    for place in range(number):
        body = dict(first["body"], eventType=42)
        details = {"msgName": "recorder_slice_start", "startUtcMs": begin, "discontinueUtcMs": begin}
        sent = begin + (place + 1) * 500
        body["payload"] = body["payload"] | {"sendts": sent, "sequence": place + 1, "details": details}
        line = {"provider": "agora", "received_at": iso(sent + 300), "body": body}
        yield from [line] * (2 if place % 100 == 0 else 1)
    yield from rest


def iso(ms: int) -> str:
    return (datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(milliseconds=ms)).isoformat()


def test_two_thousand_slices_are_a_few_sentences() -> None:
    scenario = read_story(SCENARIOS / "agora" / "gap.toml")
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(agora_slices(2_000))
        [story] = tracker.explain(only(scenario), scenario.now)
    events = [part for part in story.parts if part.kind == "event"]
    long = max(events, key=lambda part: len(part.events))

    assert story.recording.events == 2_004
    assert len(events) < 15
    assert sum(len(part.events) for part in events) == 2_004
    assert re.match(r"1,\d\d\d 'recorder_slice_start' came, dated from ", long.text)
    assert "None of them changes a state. The slowest came 0.3s after it happened." in long.text
    assert long.text.endswith("17 events among them are like some told before.")


def test_an_event_that_matters_stands_alone_among_thousands() -> None:
    scenario = read_story(SCENARIOS / "agora" / "gap.toml")
    fatal = next(
        line
        for line in read_story(SCENARIOS / "agora" / "fatal-and-well.toml").deliveries
        if line["body"]["eventType"] == 1
    )
    lines = list(agora_slices(600))
    middle = lines[300]["body"]["payload"]
    body = fatal["body"] | {"payload": fatal["body"]["payload"] | {"sid": middle["sid"], "sendts": middle["sendts"]}}
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many([*lines, {**fatal, "received_at": iso(middle["sendts"] + 100), "body": body}])
        [story] = tracker.explain(only(scenario), scenario.now)

    alone = [part for part in story.parts if part.kind == "event" and len(part.events) == 1]
    assert [part for part in alone if "cloud_recording_error.fatal" in part.text]


# Hostile text


def test_text_of_a_payload_stays_text() -> None:
    text = "\x1b[31m{ask}{id}\n'; rm -rf /; '\u202e"
    body = {"event": "recording-upload-failed", "timestamp": 1793527200000,
            "recording": {"url": "http://r.example/1", "reason": text}}  # fmt: skip
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest("aircore", body, received_at=datetime.fromisoformat("2026-11-01T10:00:00Z"))
        [story] = tracker.explain("http://r.example/1")

    assert [part.text for part in story.parts if not part.text.isprintable()] == []
    assert [text for text in told(story, "event") if "{ask}{id}" in text]


@pytest.mark.parametrize(
    ("name", "argument"),
    [("a b; rm x", "'a b; rm x'"), ("$(id)", "'$(id)'"), ("-x", "-- -x"), ("a\u200bb", "ID")],
)
def test_a_command_to_copy_names_the_recording_safely(name: str, argument: str) -> None:
    at = datetime.fromisoformat("2026-11-01T10:00:00Z")
    with Tracker(MemoryJournal()) as tracker:
        tracker.expect("bandwidth", group=name, at=at)
        [story] = tracker.explain(name, at + timedelta(days=9))

    [command] = [text for text in told(story, "remedy") if "tracker resolve" in text]
    assert command.endswith(f"--note TEXT {argument}")


def test_a_story_in_json_has_its_evidence() -> None:
    [story] = stories("aircore/lost-upload")
    found = story.to_json()
    parts: Any = found["parts"]

    assert list(found) == ["provider", "recording_id", "group_id", "now", "parts"]
    assert {tuple(part) for part in parts} == {("kind", "text", "at", "flag", "events", "machine")}


def test_a_story_is_the_same_however_the_callbacks_arrived() -> None:
    scenario = read_story(SCENARIOS / "agora" / "lost-stop.toml")
    found: list[tuple[Part, ...]] = []
    for deliveries in (scenario.deliveries, scenario.deliveries[::-1]):
        with Tracker(MemoryJournal()) as tracker:
            tracker.ingest_many(deliveries)
            [story] = tracker.explain(only(scenario), scenario.now)
        found.append(story.parts)

    assert found[0] == found[1]
