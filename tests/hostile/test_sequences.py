"""Sequences: what single bodies cannot show, S1 to S20, each by what the recording is after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Recording, Tracker
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.times import from_ms
from tests.figures import Figures
from tests.hostile.corpus import PROVIDERS, RECEIVED, changed, encoded, good
from tests.lives import START_MS, stamped

LONG_AFTER = timedelta(days=40)
LATER = from_ms(START_MS) + timedelta(hours=2)

Told = tuple[str, float]
"""A payload file, and how many seconds after the start it happened."""

FIVE = (
    ("recorder_started.plain", 0.0),
    ("cloud_recording_file_infos", 20.0),
    ("recorder_leave", 1_200.0),
    ("uploaded", 1_220.0),
    ("session_exit.normal", 1_221.0),
)


def at(seconds: float) -> datetime:
    return from_ms(START_MS + round(seconds * 1000))


def lines(provider: str, told: Iterable[Told], *, label: str = "a", **more: Any) -> list[dict[str, Any]]:
    """Return deliveries as in a log, each received a second after it happened."""
    return [
        {
            "provider": provider,
            "received_at": at(second + 1),
            "body": stamped(
                provider, payload, at_ms=START_MS + round(second * 1000), label=label, number=number, **more
            ),
        }
        for number, (payload, second) in enumerate(told)
    ]


def arriving(delivered: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the deliveries come in in this order, a second after one another, when all has happened."""
    return [line | {"received_at": LATER + timedelta(seconds=place)} for place, line in enumerate(delivered)]


def after(delivered: Iterable[dict[str, Any]], *, now: datetime | None = None) -> list[Recording]:
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(delivered)
        return list(tracker.recordings(now=now or LATER + LONG_AFTER))


def codes(recording: Recording) -> list[str]:
    return sorted(flag.code for flag in recording.flags)


def ending(recording: Recording) -> tuple[object, ...]:
    """Return all that must not depend on the order of arrival."""
    told = recording.to_json()
    kept = ["recording_id", "phase", "outcome", "state", "started_at", "events", "files"]
    # The results of LINE Planet have no time, so theirs is that of their arrival.
    if recording.provider != "line_planet":
        kept += ["ended_at", "completed_at"]
    return (*(told[name] for name in kept), codes(recording))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_s1_the_same_body_twice_is_one_event(provider: str) -> None:
    body = encoded(good(provider, "S1"))
    with Tracker(MemoryJournal()) as tracker:
        results = [tracker.ingest(provider, body, received_at=RECEIVED).result for _ in range(2)]
        (recording,) = tracker.recordings(now=RECEIVED)

    assert results == ["accepted", "duplicate"]
    assert (recording.events, recording.duplicates, recording.flags) == (1, 1, ())


def test_s2_the_same_event_with_another_time_of_sending_and_order_of_keys_is_one_event() -> None:
    body = good("agora", "S2")
    again = dict(reversed(changed(body, {"notifyMs": 1_772_359_999_999}).items()))
    with Tracker(MemoryJournal()) as tracker:
        results = [tracker.ingest("agora", sent, received_at=RECEIVED).result for sent in (body, again)]
        (recording,) = tracker.recordings(now=RECEIVED)

    assert results == ["accepted", "duplicate"]
    assert (recording.events, recording.flags) == (1, ())


def test_s3_the_same_notice_with_another_payload_is_flagged_and_both_are_kept(tmp_path: Path) -> None:
    body = good("agora", "S3")
    with Tracker(tmp_path / "recordings.db") as tracker:
        for second, sent in enumerate((body, changed(body, {"payload.cname": "another"}))):
            tracker.ingest("agora", sent, received_at=RECEIVED + timedelta(seconds=second))
        (recording,) = tracker.recordings(now=RECEIVED)
        assert codes(recording) == ["payload-mismatch"]
        assert (recording.events, recording.group_id) == (1, body["payload"]["cname"])
        # The second content is kept beside the first; without it the flag could not be folded again.
        assert tracker.replay(now=RECEIVED).changed == []
        assert tracker.verify().sound


def test_s3_the_same_notice_of_another_event_is_another_event() -> None:
    """The documentation does not say what a notice id is unique in, so nothing is dropped for its sake."""
    body = good("agora", "S3b")
    other = changed(body, {"eventType": 41, "payload.details": {"leaveCode": 4}})
    with Tracker(MemoryJournal()) as tracker:
        for sent in (body, other):
            assert tracker.ingest("agora", sent, received_at=RECEIVED).result == "accepted"


BEGINNING_AND_END: dict[str, tuple[Told, ...]] = {
    "agora": (FIVE[0], FIVE[2], FIVE[3], FIVE[4]),
    "aircore": (("recording-started", 0), ("recording-stopped", 60), ("recording-uploaded", 63)),
    "bandwidth": (("recordComplete", 1), ("recordingAvailable.complete", 52)),
    "enablex": (("room-record-on", 0), ("room-record-off", 60), ("roomdrop", 70), ("recording.string", 100)),
    "line_planet": (("IN_PROGRESS", 0), ("COMPLETED.plain", 3_600)),
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_s4_the_end_before_the_beginning_comes_to_the_same(provider: str) -> None:
    healthy = lines(provider, BEGINNING_AND_END[provider])

    (in_order,) = after(arriving(healthy))
    (end_first,) = after(arriving([healthy[-1], *healthy[:-1]]))

    assert ending(end_first) == ending(in_order)
    assert (end_first.outcome, codes(end_first)) == ("available", [])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_s5_the_whole_history_reversed_comes_to_the_same(provider: str) -> None:
    healthy = lines(provider, BEGINNING_AND_END[provider])

    assert [*map(ending, after(arriving(healthy[::-1])))] == [*map(ending, after(arriving(healthy)))]


def test_s5_every_permutation_of_five_events_comes_to_the_same(figures: Figures) -> None:
    healthy = lines("agora", FIVE)

    endings = [after(arriving(order)) for order in permutations(healthy)]

    (expected,) = after(arriving(healthy))
    assert len(endings) == 120
    assert all([ending(recording) for recording in found] == [ending(expected)] for found in endings)
    assert (expected.outcome, codes(expected)) == ("available", [])
    figures.add(fault="S5", what="orders of five events", tried=120)


@pytest.mark.parametrize("dropped", range(5), ids=[name for name, _ in FIVE])
def test_s6_an_event_that_is_lost_is_named_by_the_audit(dropped: int) -> None:
    healthy = lines("agora", FIVE)
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(healthy[:dropped] + healthy[dropped + 1 :])
        report = tracker.audit(LATER + LONG_AFTER, since=LONG_AFTER * 2)
        (recording,) = tracker.recordings(now=LATER + LONG_AFTER)

    named = {
        0: ["missing-event"],
        1: ["sequence-gap"],
        2: ["missing-event", "sequence-gap"],
        3: ["missing-terminal", "sequence-gap"],
        4: ["missing-terminal"],
    }
    assert set(named[dropped]) <= set(codes(recording))
    told = [*report.stuck, *report.flagged]
    # That numbers are left out proves no loss, so that alone alarms nobody.
    assert [found.id for found in told] == ([] if named[dropped] == ["sequence-gap"] else [recording.id])


def test_s7_a_recording_without_its_end_is_stuck_exactly_after_the_limit() -> None:
    stopped = lines("aircore", BEGINNING_AND_END["aircore"][:2])
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(stopped)
        (recording,) = tracker.recordings(now=at(61))
        due_at = recording.due_at
        assert due_at == at(60) + timedelta(minutes=30)
        moments = (due_at, due_at + timedelta(milliseconds=1))

        stuck = [len(tracker.audit(now).stuck) for now in moments]

        assert stuck == [0, 1]
        assert [found.stuck for now in moments for found in tracker.recordings(now=now)] == [False, True]


def test_s8_progress_after_the_end_changes_nothing() -> None:
    healthy = lines("agora", FIVE)
    late = lines("agora", [*FIVE, ("uploading_progress", 1_300.0)])[-1]

    (before,) = after(healthy)
    (recording,) = after([*healthy, late])

    assert (recording.state, recording.outcome, recording.phase) == (before.state, "available", "finished")
    assert not recording.stuck


def test_s9_completed_then_failed_is_a_conflict_and_the_first_counts() -> None:
    told = lines("line_planet", [("IN_PROGRESS", 0), ("COMPLETED.plain", 3_600), ("FAILED", 3_900)])

    (recording,) = after(told)

    assert (recording.outcome, codes(recording)) == ("available", ["conflicting-outcome"])


def test_s10_upload_failed_then_uploaded_is_a_conflict_and_the_first_counts() -> None:
    told = [
        ("recording-started", 0),
        ("recording-stopped", 60),
        ("recording-upload-failed", 63),
        ("recording-uploaded", 90),
    ]

    for order in permutations(lines("aircore", told)):
        (recording,) = after(arriving(order))
        assert (recording.outcome, codes(recording)) == ("failed", ["conflicting-outcome", "provider-error"])


def test_s11_a_backup_that_is_delivered_later_is_available_and_no_conflict() -> None:
    told = [FIVE[0], FIVE[2], ("backuped.plain", 1_220.0), FIVE[4], ("uploaded", 5_000.0)]

    for order in permutations(lines("agora", told)):
        (recording,) = after(arriving(order))
        assert (recording.outcome, codes(recording)) == ("available", [])


def test_s11_status_20_after_the_upload_fails_the_session_and_the_files_stay() -> None:
    told = [FIVE[0], FIVE[2], FIVE[3], ("status.20", 1_300.0)]

    for order in permutations(lines("agora", told)):
        (recording,) = after(arriving(order))
        assert (recording.outcome, recording.phase) == ("partial", "finished")
        assert len(recording.files) > 0


def test_s12_one_call_recorded_twice_is_two_recordings_of_a_group() -> None:
    first = lines("line_planet", [("IN_PROGRESS", 0), ("COMPLETED.plain", 60)])
    second = lines("line_planet", [("IN_PROGRESS", 100)], start_ms=START_MS + 100_000)

    found = after([*second, *first])

    assert len({recording.recording_id for recording in found}) == 2
    assert len({recording.group_id for recording in found}) == 1
    assert sorted(str(recording.outcome) for recording in found) == ["None", "available"]


def test_s13_one_id_at_two_providers_is_two_recordings() -> None:
    agora, bandwidth = good("agora", "S13"), good("bandwidth", "S13")
    bandwidth["recordingId"] = agora["payload"]["sid"]
    with Tracker(MemoryJournal()) as tracker:
        for provider, body in (("agora", agora), ("bandwidth", bandwidth)):
            assert tracker.ingest(provider, body, received_at=RECEIVED).result == "accepted"

        found = tracker.status(agora["payload"]["sid"], RECEIVED)

    assert {(recording.provider, recording.complete) for recording in found} == {("agora", False), ("bandwidth", True)}


def test_s14_two_workers_that_take_the_same_callback_in_at_once_make_one_event(tmp_path: Path) -> None:
    db = tmp_path / "recordings.db"
    Tracker(db).close()
    log = b"".join(
        json.dumps(
            {"provider": "agora", "received_at": RECEIVED.isoformat(), "body": good("agora", f"S14.{n}")}
        ).encode()
        + b"\n"
        for n in range(40)
    )
    command = [sys.executable, "-m", "recording_tracker", "--db", str(db), "ingest", "-", "--json"]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(log)
        worker.stdin.flush()

    told = [worker.communicate(timeout=60) for worker in workers]

    assert [complaints for _, complaints in told] == [b"", b""]
    summaries = [json.loads(out) for out, _ in told]
    assert sum(summary["accepted"] for summary in summaries) == 40
    assert sum(summary["duplicates"] for summary in summaries) == 40
    with Tracker(db, readonly=True) as tracker:
        found = list(tracker.recordings(now=RECEIVED))
        assert {(recording.events, recording.duplicates) for recording in found} == {(1, 1)}
        assert tracker.verify().sound


def test_s15_a_callback_and_a_replay_after_a_year_change_nothing() -> None:
    year = timedelta(days=365)
    healthy = lines("agora", FIVE)
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(healthy)
        before = [recording.to_json() for recording in tracker.recordings(now=LATER)]

        summary = tracker.ingest_many([line | {"received_at": line["received_at"] + year} for line in healthy])
        replayed = tracker.replay(now=LATER + year)
        (recording,) = tracker.recordings(now=LATER + year)

    assert (summary.duplicates, summary.accepted, summary.raised) == (5, 0, 0)
    assert replayed.changed == []
    assert [recording.to_json() | {"duplicates": 0}] == before


def test_s16_time_that_runs_back_between_events_puts_nothing_out_of_order() -> None:
    healthy = lines("agora", FIVE)
    backwards = [line | {"received_at": LATER - timedelta(seconds=place)} for place, line in enumerate(healthy)]

    (expected,) = after(arriving(healthy))
    (recording,) = after(backwards)

    assert ending(recording) == ending(expected)


def test_s16_a_clock_of_ours_that_went_back_is_told_and_makes_nothing_stuck() -> None:
    healthy = lines("agora", FIVE)
    for line in healthy[3:]:
        line["received_at"] = at(-7_200)

    (recording,) = after(healthy, now=at(1_300))

    assert (recording.outcome, recording.stuck) == ("available", False)
    assert codes(recording) == ["clock-skew", "clock-skew"]


def test_s17_files_alone_complete_a_recording_and_a_chat_alone_opens_none() -> None:
    chat = lines("enablex", [("chatdata", 10)], label="chat")
    file = lines("enablex", [("recording.string", 10)], label="file")
    twice = lines("enablex", [("transcoded", 10), ("transcoded.second", 20)], label="twice")
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many([*chat, *file, *twice])
        found = {str(recording.group_id): recording for recording in tracker.recordings(now=LATER + LONG_AFTER)}

    assert {name: recording.outcome for name, recording in found.items()} == {
        "room-file": "available",
        "room-twice": "available",
    }
    assert [codes(recording) for recording in found.values()] == [[], []]


def test_s18_partial_then_complete_is_a_conflict_and_the_first_counts() -> None:
    told = [("recordingAvailable.partial", 52), ("recordingAvailable.complete", 300)]

    for order in permutations(lines("bandwidth", told)):
        (recording,) = after(arriving(order))
        assert (recording.outcome, codes(recording)) == ("partial", ["conflicting-outcome", "provider-error"])


def busy(tracker: Tracker, *, recordings: int, events: int, figures: Figures) -> None:
    """Take many recordings in, one of them with many events, and hold the last to cost what the first did."""

    def progress(number: int) -> dict[str, Any]:
        body = stamped("agora", "uploading_progress", at_ms=START_MS + number * 100, number=number)
        return {"provider": "agora", "received_at": from_ms(START_MS + number * 100), "body": body}

    def taken(first: int, last: int) -> float:
        begun = time.thread_time()
        tracker.ingest_many(progress(number) for number in range(first, last))
        return time.thread_time() - begun

    tracker.ingest_many(lines("agora", FIVE[:1], label=str(number))[0] for number in range(recordings))
    tenth = events // 10
    early, _, late = taken(0, tenth), taken(tenth, events - tenth), taken(events - tenth, events)

    report = tracker.audit(LATER + LONG_AFTER)
    assert report.recordings == len(report.stuck) == recordings + 1
    (recording,) = tracker.status(stamped("agora", "uploading_progress")["payload"]["sid"], LATER)
    assert recording.events == events
    # An event costs the same, whatever came before it; the rest is for noise.
    assert late < 3 * early + 0.2
    figures.add(fault="S19", what="events of one recording", tried=events, recordings=recordings)


def test_s19_many_recordings_and_many_events_of_one_cost_no_more_each(tmp_path: Path, figures: Figures) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        busy(tracker, recordings=500, events=5_000, figures=figures)
        assert tracker.verify().sound


@pytest.mark.slow
def test_s19_ten_thousand_recordings_and_a_hundred_thousand_events_of_one(tmp_path: Path, figures: Figures) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        busy(tracker, recordings=10_000, events=100_000, figures=figures)
        assert tracker.verify().sound


def test_one_event_contradicted_without_end_is_kept_in_a_few_versions(tmp_path: Path) -> None:
    """Where nothing is signed anybody may do so, and each time costs what the versions that are kept do."""
    sent = [
        (changed(good("aircore", "versions"), {"x": f"{number}" + "y" * 100_000}), RECEIVED + timedelta(seconds=number))
        for number in range(60)
    ]
    found = []
    for name, order in (("forth", sent), ("back", sent[::-1]), ("mixed", sent[::7] + sent)):
        with Tracker(tmp_path / f"{name}.db") as tracker:
            for body, received_at in order:
                tracker.ingest("aircore", body, received_at=received_at)
            (recording,) = tracker.recordings(now=RECEIVED + timedelta(minutes=2))
            found.append(recording.to_json() | {"duplicates": 0})
            assert tracker.replay(now=RECEIVED + timedelta(minutes=2)).changed == []
            assert tracker.verify().sound
            tracker.backup(tmp_path / f"{name}.backup.db")

    assert found[0] == found[1] == found[2]
    assert [flag["code"] for flag in found[0]["flags"]] == ["payload-mismatch"]  # type: ignore[attr-defined]
    sizes = {(tmp_path / f"{name}.backup.db").stat().st_size // 2**20 for name in ("forth", "back", "mixed")}
    assert max(sizes) < 3


@pytest.mark.parametrize("of_one_recording", [False, True])
def test_what_is_remembered_between_events_does_not_grow_with_their_files(
    of_one_recording: bool, tmp_path: Path
) -> None:
    """Each of the bodies takes 2 MB and more once it is read."""
    held = []
    with Tracker(tmp_path / "recordings.db") as tracker:
        for number in range(36):
            files = [{"object_id": f"{number}.{place}", "order": place} for place in range(10_000)]
            body = {
                "sid": f"{0 if of_one_recording else number:032x}",
                "recording_start_time": START_MS // 1000,
                "recording_status": "COMPLETED",
                "from_recordings": files,
            }
            tracker.ingest("line_planet", body, received_at=LATER + timedelta(seconds=number))
            held.append(int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    assert held[-1] - held[15] < 20_000_000


def test_a_body_that_a_larger_limit_let_in_is_read_again_whatever_the_limit(tmp_path: Path) -> None:
    body = encoded(changed(good("agora", "large"), {"x": "y" * 2_000_000}))
    with Tracker(tmp_path / "recordings.db", max_body_bytes=3_000_000) as tracker:
        assert tracker.ingest("agora", body, received_at=RECEIVED).result == "accepted"

    with Tracker(tmp_path / "recordings.db") as tracker:
        assert tracker.replay(now=RECEIVED).changed == []
        assert tracker.verify().sound
        assert tracker.ingest("agora", body, received_at=RECEIVED).result == "rejected"


def test_a_body_that_a_larger_limit_kept_aside_is_not_lost_by_a_retry(tmp_path: Path) -> None:
    body = encoded({"x": "y" * 2_000_000})
    with Tracker(tmp_path / "recordings.db", max_body_bytes=3_000_000) as tracker:
        assert tracker.ingest("agora", body, received_at=RECEIVED).result == "quarantined"

    with Tracker(tmp_path / "recordings.db") as tracker:
        assert tracker.retry_quarantined().quarantined == 1
        assert [kept.body for kept in tracker.quarantined()] == [body]


MACHINE = """
provider = "tape"
title = "Tape"

[limits]
complete_within = "3d"

[events]
started = { promised = true }
ended = {}

[regions.deck]
initial = "idle"
transitions = [
    { trigger = "started", source = "idle", dest = "running" },
    { trigger = "ended", source = "running", dest = "done" },
]

[regions.deck.states]
idle = {}
running = { phase = "recording", stall_after = "12h" }
done = { phase = "finished", final = true, outcome = "available" }
"""
ADAPTER = """
from recording_tracker.body import digest
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Event

PROVIDER = "tape"
KINDS = {kinds!r}


def parse(body, callback):
    if body.get("kind") not in KINDS:
        raise QuarantinedBodyError("kind: one of those that are known is expected")
    name = KINDS[body["kind"]]
    return [Event(body["id"], name, name, callback.received_ms, content=digest(body))]


def canonical_id(text):
    return text
"""


def installed(folder: Path, kinds: dict[str, str]) -> dict[str, str]:
    """Put a version of an adapter where Python finds it; return the environment of a program that has it."""
    information = folder / "tape_recorder-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "tape_recorder.py").write_text(ADAPTER.format(kinds=kinds))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: tape-recorder\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[recording_tracker.adapters]\ntape = tape_recorder\n")
    machines = folder / "machines"
    machines.mkdir()
    (machines / "tape.toml").write_text(MACHINE)
    paths = [str(folder), *(path for path in sys.path if path)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TRACKER_MACHINES": str(machines)}


def tracked(db: Path, environment: dict[str, str], *arguments: str, log: bytes = b"") -> tuple[int, list[Any]]:
    command = [sys.executable, "-m", "recording_tracker", "--db", str(db), *arguments, "--json"]
    done = subprocess.run(command, input=log, capture_output=True, env=environment, timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_s20_what_was_quarantined_is_taken_in_after_an_upgrade(tmp_path: Path) -> None:
    db = tmp_path / "recordings.db"
    old = installed(tmp_path / "old", {"started": "started"})
    new = installed(tmp_path / "new", {"started": "started", "finished": "ended"})
    log = b"".join(
        json.dumps(
            {"provider": "tape", "received_at": at(60 * n).isoformat(), "body": {"id": "tape-1", "kind": kind}}
        ).encode()
        + b"\n"
        for n, kind in enumerate(("started", "finished", "rewound"))
    )

    status, (summary,) = tracked(db, old, "ingest", "-", log=log)
    assert (status, summary["accepted"], summary["quarantined"]) == (1, 1, 2)
    assert tracked(db, old, "quarantine", "retry")[0] == 1
    assert len(tracked(db, old, "quarantine", "list")[1]) == 2

    status, (summary,) = tracked(db, new, "quarantine", "retry")

    assert (status, summary["accepted"], summary["quarantined"]) == (1, 1, 1)
    assert len(tracked(db, new, "quarantine", "list")[1]) == 1
    status, (recording,) = tracked(db, new, "status", "tape-1", "--now", at(300).isoformat())
    assert (status, recording["outcome"], recording["flags"]) == (0, "available", [])
    # It counts as received when it was, not when it was understood.
    assert recording["last_event"]["received_at"] == "2026-03-01T10:01:00.000Z"
    assert tracked(db, new, "verify")[0] == 0


def test_an_adapter_from_outside_cannot_speak_for_the_operator(tmp_path: Path) -> None:
    names = {"a": "operator.resolved", "b": "started.superseded", "c": "started"}
    environment = installed(tmp_path / "bad", names)
    log = b"".join(
        json.dumps({"provider": "tape", "received_at": at(0).isoformat(), "body": {"id": "t", "kind": kind}}).encode()
        + b"\n"
        for kind in names
    )

    _, (summary,) = tracked(tmp_path / "recordings.db", environment, "ingest", "-", log=log)

    assert (summary["quarantined"], summary["accepted"]) == (2, 1)
