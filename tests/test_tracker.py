"""The library: what each call of a Tracker does, returns and refuses."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from inspect import CO_GENERATOR
from pathlib import Path
from threading import Barrier
from types import FrameType
from typing import Any

import pytest
from click.testing import CliRunner

from recording_tracker import (
    AmbiguousError,
    DamagedError,
    MachineError,
    NotFoundError,
    QuarantineFullError,
    QuarantineLimits,
    Receipt,
    Recording,
    StorageError,
    Summary,
    Tracker,
    UnknownProviderError,
    UsageError,
    intake,
)
from recording_tracker import tracker as tracking
from recording_tracker.cli import cli
from recording_tracker.flags import INFO
from recording_tracker.journal import session, sqlite
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.journal.sqlite import SqliteJournal
from recording_tracker.machine import shipped_folder
from recording_tracker.results import RESULTS
from recording_tracker.times import from_ms
from tests.lives import AGORA, LIVES, START_MS, bodies, deliveries, life_of, stamped

START = from_ms(START_MS)
PROVIDERS = ("agora", "aircore", "bandwidth", "enablex", "line_planet")
SID = bodies(AGORA[0])[0]["payload"]["sid"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "recordings.db"


@pytest.fixture
def tracker(path: Path) -> Iterator[Tracker]:
    with Tracker(path) as tracker:
        yield tracker


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tell(tracker: Tracker, provider: str, payload: str, at_s: float = 0, **more: Any) -> Receipt:
    """Have *payload* happen *at_s* seconds after the start, and be received a second later or when *more* says."""
    received_at = more.pop("received_at", after(at_s + 1))
    body = stamped(provider, payload, at_ms=START_MS + round(at_s * 1000), **more)
    return tracker.ingest(provider, body, received_at=received_at)


def live(tracker: Tracker, name: str, label: str = "a") -> None:
    tracker.ingest_many(deliveries(life_of(name), label=label))


def the_only(tracker: Tracker, now: datetime = START) -> Recording:
    (found,) = tracker.recordings(now=now)
    return found


def codes(recording: Recording) -> list[str]:
    return [flag.code for flag in recording.flags if flag.severity != INFO]


def change(path: Path, sql: str, *values: object) -> None:
    """Change the file behind the tracker's back."""
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(sql, values).rowcount > 0
    connection.close()


def rows(path: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(path)
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


# Taking in one


def test_a_body_is_taken_in_as_bytes_text_or_object(tracker: Tracker) -> None:
    body = stamped("agora", "recorder_started.plain")
    as_text = json.dumps(body)

    results = [tracker.ingest("agora", told, received_at=START).result for told in (as_text.encode(), as_text, body)]

    assert results == ["accepted", "duplicate", "duplicate"]
    assert (the_only(tracker).events, the_only(tracker).duplicates) == (1, 2)


def test_a_receipt_tells_what_became_of_the_recording(tracker: Tracker) -> None:
    receipt = tell(tracker, "agora", "recorder_started.plain")

    (found,) = receipt.recordings
    assert (receipt.result, receipt.detail, receipt.raised, receipt.cleared) == ("accepted", "", (), ())
    assert (found.provider, found.recording_id, found.phase) == ("agora", SID, "recording")
    assert found == the_only(tracker)


def test_a_receipt_tells_the_flags_that_its_body_raises_and_clears(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain", 0, number=0)

    raised = tell(tracker, "agora", "cloud_recording_warning", 5, number=1)
    for number, payload in enumerate(("recorder_leave", "uploaded"), 2):
        tell(tracker, "agora", payload, 8 + number, number=number)
    cleared = tell(tracker, "agora", "session_exit.normal", 12, number=4)

    assert ([flag.code for flag in raised.raised], [flag.code for flag in raised.cleared]) == (["provider-error"], [])
    assert ([flag.code for flag in cleared.raised], [flag.code for flag in cleared.cleared]) == ([], ["provider-error"])


def test_a_receipt_does_not_tell_of_what_may_still_come(tracker: Tracker) -> None:
    receipt = tell(tracker, "aircore", "recording-uploaded")

    assert receipt.raised == ()
    assert receipt.recordings[0].flags == ()


def test_a_late_callback_clears_what_was_called_lost(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-stopped", 60)

    receipt = tell(tracker, "aircore", "recording-started", 0, received_at=after(1000))

    assert [flag.code for flag in receipt.cleared] == ["missing-event"]
    assert receipt.raised == ()


def test_what_is_received_is_durable_when_the_call_returns(tracker: Tracker, path: Path) -> None:
    tell(tracker, "agora", "recorder_started.plain")

    with Tracker(path, readonly=True) as other:
        assert the_only(tracker) == the_only(other)


def test_a_time_without_a_zone_is_utc(tracker: Tracker) -> None:
    body = stamped("agora", "recorder_started.plain")

    tracker.ingest("agora", body, received_at=datetime(2026, 3, 1, 10, 0, 5))  # noqa: DTZ001

    last = the_only(tracker).last_event
    assert last is not None
    assert datetime(2026, 3, 1, 10, 0, 5, tzinfo=UTC) == last.received_at


def test_parameters_of_the_callback_url_name_the_group(tracker: Tracker) -> None:
    tracker.ingest("aircore", stamped("aircore", "recording-started"), query={"id": "42"}, received_at=START)

    assert [recording.group_id for recording in tracker.status("42", now=START)] == ["42"]


def test_a_parameter_of_the_callback_url_can_name_the_recording(tracker: Tracker) -> None:
    body = stamped("aircore", "recording-started")
    url = body["recording"].pop("url")

    assert tracker.ingest("aircore", body, received_at=START).result == "quarantined"
    assert tracker.ingest("aircore", body, query={"recording": url}, received_at=START).result == "accepted"
    assert url == the_only(tracker).recording_id


@pytest.mark.parametrize(
    ("provider", "payload", "kind"),
    [
        ("agora", "console-test", "console test"),
        ("agora", "product-1", "product 1"),
        ("bandwidth", "disconnect", "disconnect"),
        ("line_planet", "call-ended", "call_ended"),
    ],
)
def test_what_is_not_about_a_recording_is_counted_and_not_kept(
    tracker: Tracker, path: Path, provider: str, payload: str, kind: str
) -> None:
    body = json.loads((Path(__file__).parent / "payloads" / provider / f"{payload}.json").read_text())["body"]

    receipt = tracker.ingest(provider, body, received_at=START)

    assert ("ignored", kind, ()) == (receipt.result, receipt.detail, receipt.recordings)
    assert rows(path, "SELECT name FROM events UNION ALL SELECT reason FROM quarantine") == []
    assert tracker.audit(START).ignored == 1


def test_an_unknown_provider_is_our_fault_and_raises(tracker: Tracker, path: Path) -> None:
    with pytest.raises(UnknownProviderError, match="no adapter for 'zoom'; there are adapters for agora, aircore"):
        tracker.ingest("zoom", {})

    assert rows(path, "SELECT * FROM counts") == []


def test_a_body_longer_than_allowed_is_rejected(path: Path) -> None:
    body = json.dumps(stamped("agora", "recorder_started.plain"))

    with Tracker(path, max_body_bytes=len(body) - 1) as tracker:
        receipt = tracker.ingest("agora", body)

    assert ("rejected", f"the body has {len(body)} bytes; at most {len(body) - 1} are read") == (
        receipt.result,
        receipt.detail,
    )


def test_the_same_id_at_two_providers_is_two_recordings(tracker: Tracker) -> None:
    tell(tracker, "bandwidth", "recordingAvailable.complete", changes={"recordingId": SID})
    tell(tracker, "agora", "recorder_started.plain")

    assert sorted(recording.provider for recording in tracker.status(SID, now=START)) == ["agora", "bandwidth"]


# Deliveries of the same event


def aircore_upload(address: str, **changes: object) -> dict[str, Any]:
    place = {"recording.location.address": f"https://files.example.com/{address}"}
    return stamped("aircore", "recording-uploaded", changes=place | changes)


def test_a_resend_that_only_renews_its_time_is_a_duplicate(tracker: Tracker) -> None:
    first = tell(tracker, "aircore", "recording-started", 0)
    again = tell(tracker, "aircore", "recording-started", 60)

    assert [first.result, again.result] == ["accepted", "duplicate"]
    assert (the_only(tracker).events, the_only(tracker).duplicates, the_only(tracker).flags) == (1, 1, ())
    assert [line.deliveries for line in tracker.history(the_only(tracker).id)] == [2]


def test_another_content_under_the_same_event_id_is_told_and_the_first_counts(tracker: Tracker) -> None:
    tracker.ingest("aircore", aircore_upload("first.m4a"), received_at=after(1))
    receipt = tracker.ingest("aircore", aircore_upload("second.m4a"), received_at=after(2))

    found = the_only(tracker)
    assert (receipt.result, [flag.code for flag in receipt.raised]) == ("duplicate", ["payload-mismatch"])
    assert [file.name for file in found.files] == ["first.m4a"]
    assert codes(found) == ["payload-mismatch"]


def test_a_delivery_that_was_received_earlier_takes_the_place_of_the_first(tracker: Tracker, path: Path) -> None:
    tracker.ingest("aircore", aircore_upload("second.m4a"), received_at=after(2))
    receipt = tracker.ingest("aircore", aircore_upload("first.m4a"), received_at=after(1))

    found = the_only(tracker)
    assert (receipt.result, [flag.code for flag in receipt.raised]) == ("duplicate", ["payload-mismatch"])
    assert [file.name for file in found.files] == ["first.m4a"]
    assert [after(1)] == [line.received_at for line in tracker.history(found.id)]
    assert [b"second.m4a" in body for (body,) in rows(path, "SELECT body FROM deliveries")] == [True]
    assert tracker.verify().sound


def test_it_does_not_matter_in_which_order_contradicting_deliveries_come() -> None:
    told = [(aircore_upload(name), after(second)) for name, second in (("a", 3), ("b", 1), ("c", 2), ("b", 5))]
    seen = []
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)):
        with Tracker(MemoryJournal()) as tracker:
            for number in order:
                tracker.ingest("aircore", told[number][0], received_at=told[number][1])
            seen.append(the_only(tracker).to_json(secrets=True))

    assert [seen[0]] * 4 == seen
    assert [file["name"] for file in seen[0]["files"]] == ["b"]  # type: ignore[attr-defined]


def test_the_earliest_delivery_of_the_same_content_says_when_it_was_received(tracker: Tracker) -> None:
    for seconds in (5, 3, 9):
        tracker.ingest("aircore", aircore_upload("a"), received_at=after(seconds))

    (line,) = tracker.history(the_only(tracker).id)
    assert (after(3), 3) == (line.received_at, line.deliveries)
    assert codes(the_only(tracker)) == []


# What strangers send

GARBAGE: dict[str, bytes | str] = {
    "nothing": b"",
    "blank": b"  \n",
    "a-word": b"hello",
    "null": b"null",
    "a-number": b"12",
    "a-list": b"[{}]",
    "a-text": b'"{}"',
    "cut-short": b'{"event": "recording-sta',
    "two-objects": b"{}{}",
    "trailing-comma": b'{"sid": "x",}',
    "single-quotes": b"{'sid': 'x'}",
    "comment": b"{} // done",
    "nan": b'{"productId": NaN}',
    "infinity": b'{"timestamp": -Infinity}',
    "too-large-a-float": b'{"timestamp": 1e400}',
    "long-number": b'{"timestamp": ' + b"9" * 5000 + b"}",
    "deep-lists": b"[" * 100_000,
    "deep-objects": b'{"a":' * 65 + b"1" + b"}" * 65,
    "latin-1": '{"sid": "é"}'.encode("latin-1"),
    "utf-16": '{"sid": "x"}'.encode("utf-16"),
    "encoded-surrogate": b'{"sid": "\xed\xa0\x80"}',
    "too-long": b'{"a": "' + b"x" * 1_048_576 + b'"}',
    "lone-surrogate-as-text": '{"sid": "\ud800"}',
}
STRANGE: dict[str, bytes | str] = {
    "empty": b"{}",
    "byte-order-mark": b"\xef\xbb\xbf{}",
    "key-twice": b'{"sid": "a", "sid": "b", "event": "x"}',
    "key-twice-escaped": b'{"event": "a", "ev\\u0065nt": "b"}',
    "lone-surrogate": b'{"sid": "\\ud800"}',
    "dunder-keys": b'{"__class__": "x", "__proto__": {"a": 1}, "constructor": null}',
    "ten-thousand-keys": json.dumps({f"k{number}": number for number in range(10_000)}),
    "many-items": b'{"a": [' + b"1," * 50_000 + b"1]}",
    "all-null": b'{"productId": null, "event": null, "eventType": null, "type": null, "sid": null}',
    "all-wrong": b'{"productId": [], "event": {}, "eventType": true, "type": 1.5, "sid": [1], "payload": "x"}',
}
GROUPED = [(name, body, "rejected") for name, body in GARBAGE.items()]
GROUPED += [(name, body, "quarantined") for name, body in STRANGE.items()]


@pytest.mark.parametrize(("body", "result"), [case[1:] for case in GROUPED], ids=[case[0] for case in GROUPED])
def test_nothing_that_a_stranger_sends_raises(body: bytes | str, result: str) -> None:
    with Tracker(MemoryJournal()) as tracker:
        receipts = [tracker.ingest(provider, body, received_at=START) for provider in PROVIDERS]
        good = [tracker.ingest(life.provider, bodies(life)[0], received_at=START) for life in LIVES]

    assert [result] * len(PROVIDERS) == [receipt.result for receipt in receipts]
    assert all(receipt.detail for receipt in receipts)
    assert {"accepted", "duplicate"} >= {receipt.result for receipt in good}


ODD_VALUES: tuple[object, ...] = (
    *(None, True, [], {}, "", " ", 0, -1, 1.5, 2**63, 10**18, "x" * 1025, "x" * 101),
    *("a\x00b", "a\nb", "a\x1b[31m", "\u202eabc", "a\u200bb", "\u2028", "'; DROP TABLE events; --", "%", "../../etc"),
    *("to_uploaded", "operator.resolved", "recorder_leave.superseded", "{0}", "=1+1", "\uff23\uff2f\uff2d\uff30"),
    *("2026-02-30T10:00:00Z", "2026-01-01T10:00:00+25:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
)
ODD_BODIES = (
    *(("agora", "uploaded"), ("agora", "session_exit.normal"), ("agora", "cloud_recording_error")),
    *(("agora", "web_recorder_stopped"), ("aircore", "recording-uploaded.life"), ("line_planet", "COMPLETED.plain")),
    *(("bandwidth", "recordingAvailable.complete"), ("bandwidth", "transcriptionAvailable.available")),
    *(("enablex", "transcoded.second"), ("enablex", "room-live-recording-failed.fallback")),
)


def leaves(value: object, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*place, key)
            yield from leaves(inner, (*place, key))


def replaced(body: Mapping[str, Any], place: tuple[str, ...], value: object) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(body))
    inside = changed
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    return changed


@pytest.mark.parametrize(("provider", "payload"), ODD_BODIES)
def test_no_odd_value_in_any_field_raises_or_confuses(provider: str, payload: str) -> None:
    body = stamped(provider, payload)
    odd = [replaced(body, place, value) for place in leaves(body) for value in ODD_VALUES]

    with Tracker(MemoryJournal()) as tracker:
        receipts = [tracker.ingest(provider, told, received_at=START) for told in odd]
        report = tracker.verify()

    assert set(RESULTS) >= {receipt.result for receipt in receipts}
    assert report.differences == []
    assert report.damaged == []


# Many at a time


def test_many_tasks_of_one_loop_take_in_at_once(tracker: Tracker) -> None:
    told = [stamped("agora", "recorder_started.plain", label=f"r{number % 16}") for number in range(64)]

    async def gather() -> list[Receipt]:
        return await asyncio.gather(*(tracker.aingest("agora", body, received_at=START) for body in told))

    results = [receipt.result for receipt in asyncio.run(gather())]
    assert (results.count("accepted"), results.count("duplicate")) == (16, 48)
    assert len(list(tracker.recordings(now=START))) == 16


def test_an_async_call_raises_what_the_other_does(tracker: Tracker) -> None:
    with pytest.raises(UnknownProviderError):
        asyncio.run(tracker.aingest("zoom", {}))


def test_a_damaged_recording_keeps_nothing_of_others_from_being_taken_in(path: Path) -> None:
    async def all_at_once(tracker: Tracker) -> list[Any]:
        sent = [stamped("aircore", "recording-stopped", label=label) for label in ("a", "damaged", "b")]
        taken = (tracker.aingest("aircore", body, received_at=after(9)) for body in sent)
        return await asyncio.gather(*taken, return_exceptions=True)

    with Tracker(path) as tracker:
        tell(tracker, "aircore", "recording-started", label="damaged")
        change(path, "UPDATE recordings SET state = '{}'")

        first, damaged, last = asyncio.run(all_at_once(tracker))

    assert (first.result, last.result) == ("accepted", "accepted")
    assert isinstance(damaged, DamagedError)


def test_many_threads_take_in_at_once(tracker: Tracker) -> None:
    barrier = Barrier(64)
    life = life_of("as it was captured")
    told = [line for label in ("a", "b", "c", "d") for line in deliveries(life, label=label)]
    jobs = [[line for place, line in enumerate(told) if place % 32 == number % 32] for number in range(64)]

    def work(lines: list[dict[str, Any]]) -> list[str]:
        barrier.wait(timeout=30)
        return [tracker.ingest(**line).result for line in lines]

    with ThreadPoolExecutor(64) as pool:
        results = [result for found in pool.map(work, jobs) for result in found]

    expected = [("available", len(life.happenings), len(life.happenings))] * 4
    assert expected == [(one.outcome, one.events, one.duplicates) for one in tracker.recordings(now=life.end)]
    assert (len(told), len(told)) == (results.count("accepted"), results.count("duplicate"))
    assert tracker.verify().sound


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list open files")
def test_threads_that_have_ended_hold_no_files_open(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as opened:

        def read() -> None:
            list(opened.recordings())

        counts = []
        for _ in range(10):
            thread = threading.Thread(target=read)
            thread.start()
            thread.join()
            counts.append(len(list(Path("/proc/self/fd").iterdir())))

    assert max(counts[1:]) == counts[1]


def test_many_threads_read_while_one_writes(tracker: Tracker) -> None:
    life = life_of("as it was captured")

    def look(_: int) -> bool:
        seen = list(tracker.recordings(now=life.end))
        report = tracker.audit(life.end)
        return len(seen) <= 40 and report.recordings == report.open + report.complete

    with ThreadPoolExecutor(8) as pool:
        looks = pool.map(look, range(40))
        for number in range(40):
            tell(tracker, "agora", "recorder_started.plain", label=f"r{number}")
        assert all(looks)


def test_one_that_cannot_be_kept_aside_does_not_take_the_others_with_it(path: Path) -> None:
    with Tracker(path, quarantine=QuarantineLimits(bodies=1)) as tracker:
        first = tracker.ingest("agora", {"n": 1}, received_at=START)
        with pytest.raises(QuarantineFullError, match="the quarantine is full with 1 bodies"):
            tracker.ingest("agora", {"n": 2}, received_at=START)
        again = tracker.ingest("agora", {"n": 1}, received_at=START)
        summary = tracker.ingest_many(
            [{"provider": "agora", "body": {"n": 3}}, *deliveries(life_of("as it was captured"))]
        )

        assert (first.result, again.result) == ("quarantined", "quarantined")
        assert (summary.rejected, summary.accepted) == (1, 19)
        assert tracker.audit(START).quarantine_full


@pytest.mark.parametrize("as_object", [False, True])
def test_many_large_deliveries_are_committed_before_the_next_are_asked_for(
    as_object: bool, path: Path, tracker: Tracker
) -> None:
    """Four MiB of bodies are held at once, however few deliveries they are."""
    durable = []

    def large() -> Iterator[dict[str, Any]]:
        for body in bodies(AGORA[0])[:3]:
            for number in range(4):
                told = body | {"payload": body["payload"] | {"sid": f"{number:032x}"}, "filler": "x" * 900_000}
                with Tracker(path, readonly=True) as reader:
                    durable.append(sum(recording.events for recording in reader.recordings()))
                yield {"provider": "agora", "body": told if as_object else json.dumps(told)}

    summary = tracker.ingest_many(large())

    assert summary.accepted == 12
    assert durable == [0] * 5 + [5] * 5 + [10] * 2


def test_a_summary_adds_up_and_bad_deliveries_keep_nothing_from_being_taken_in(tracker: Tracker) -> None:
    good = stamped("agora", "recorder_started.plain")
    at = "2026-03-01T10:00:01Z"
    told: list[dict[str, Any]] = [
        {"provider": "agora", "received_at": at, "body": good},
        {"provider": "agora", "received_at": at, "body": json.dumps(good)},
        {"provider": "agora", "received_at": at, "body_b64": "e30="},
        {"provider": "bandwidth", "received_at": at, "body": {"eventType": "disconnect", "callId": "c"}},
        {"expect": {"provider": "agora", "recording_id": "other", "within": "10m"}, "received_at": at},
        {"provider": "agora", "received_at": at, "body": "no json"},
        {"provider": "agora", "received_at": "yesterday", "body": good},
        {"provider": "agora", "received_at": "1969-12-31T23:59:59Z", "body": good},
        {"provider": "agora", "received_at": 12, "body": good},
        {"provider": "agora", "receivedAt": at, "body": good},
        {"provider": "agora", "received_at": at},
        {"provider": "agora", "received_at": at, "body_b64": "%%%"},
        {"provider": "agora", "received_at": at, "body": good, "query": {"id": 1}},
        {"provider": "zoom", "received_at": at, "body": good},
        {"received_at": at, "body": good},
        {"expect": {"provider": "agora"}, "received_at": at},
        {"expect": {"provider": "agora", "recording_id": "a", "group_id": "b"}, "received_at": at},
        {"expect": {"provider": "agora", "recording_id": "a", "within": "soon"}, "received_at": at},
        {"expect": {"provider": "zoom", "recording_id": "a"}, "received_at": at},
        {"expect": [], "received_at": at},
        {"provider": "agora", "received_at": at, "body": stamped("agora", "recorder_leave", at_ms=START_MS + 900)},
    ]

    summary = tracker.ingest_many(told)

    found = summary.to_json()
    results = ("accepted", "duplicates", "quarantined", "rejected", "ignored", "expected")
    assert [found[name] for name in results] == [2, 1, 1, 15, 1, 1]
    assert len(told) == found["deliveries"] == sum(found[name] for name in results)
    assert (found["recordings"], found["raised"], found["cleared"]) == (2, 0, 0)
    assert {SID, "other"} == {recording.recording_id for recording in tracker.recordings(now=START)}


def test_a_batch_says_which_of_its_deliveries_were_not_taken_in_and_why(tracker: Tracker) -> None:
    told: list[dict[str, Any]] = [
        {"provider": "agora", "body": {}},
        *deliveries(AGORA[0]),
        {"provider": "x", "body": {}},
    ]

    problems = tracker.ingest_batch(told, Summary())

    assert [0, len(told) - 1] == [place for place, _ in problems]
    assert "no adapter for 'x'" in problems[1][1]


def test_more_than_a_batch_is_taken_in_and_counted_once(tracker: Tracker) -> None:
    told = [
        {"provider": "agora", "body": stamped("agora", "recorder_started.plain", label=f"r{number % 400}")}
        for number in range(1300)
    ]

    summary = tracker.ingest_many(told)

    assert (summary.deliveries, summary.accepted, summary.duplicates, summary.recordings) == (1300, 400, 900, 400)
    assert tracker.audit(START).recordings == 400


def test_what_is_taken_in_at_once_is_as_if_it_came_one_by_one() -> None:
    told = [line for life in LIVES if life.machines is None for line in deliveries(life, label=life.name)]
    seen = []
    for step in (1, 7, len(told)):
        with Tracker(MemoryJournal()) as tracker:
            for begin in range(0, len(told), step):
                tracker.ingest_many(told[begin : begin + step])
            seen.append({one.id: one.to_json(secrets=True) for one in tracker.recordings(now=after(1e7))})

    assert seen[0] == seen[1] == seen[2]


def test_a_delivery_that_does_not_say_when_it_was_received_was_so_when_it_happened(tracker: Tracker) -> None:
    tracker.ingest_many([{"provider": "agora", "body": stamped("agora", "recorder_started.plain")}])

    last = the_only(tracker).last_event
    assert last is not None
    assert last.received_at == START


class Interrupted(BaseException):
    """What a signal handler raises, as Python's own does for SIGINT."""


def interrupted(number: int, call: Callable[[], object]) -> bool:
    """
    Have an interrupt come at the call of that *number* that *call* makes around transactions; tell whether it came.

    Python looks for signals when a function of its own begins and when one of C has returned, but not when an
    exception is thrown into a generator.
    """
    places = {module.__file__ for module in (contextlib, intake, session, sqlite, tracking)}
    made = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal made
        begins = event == "call" and not frame.f_code.co_flags & CO_GENERATOR
        if frame.f_code.co_filename in places and (begins or event == "c_return"):
            made += 1
            if made == number:
                raise Interrupted

    sys.setprofile(profile)
    try:
        call()
    except (Interrupted, DamagedError):
        pass
    finally:
        sys.setprofile(None)
    return made >= number


@pytest.mark.parametrize("what", ["a callback", "a callback that meets an error", "a question"])
def test_an_interrupt_at_any_moment_leaves_nothing_locked_and_nothing_that_is_not_kept(path: Path, what: str) -> None:
    came, number = True, 0
    with Tracker(path) as tracker, Tracker(path, busy_timeout=timedelta(0)) as another:
        tell(tracker, "aircore", "recording-started", label="damaged")
        change(path, "UPDATE recordings SET state = '{}'")
        while came:
            number += 1
            label = "damaged" if what == "a callback that meets an error" else f"a{number}"
            call = partial(tell, tracker, "aircore", "recording-stopped", label=label)
            came = interrupted(number, tracker.tally if what == "a question" else call)
            tracker.tally()
            for taker in (tracker, another):
                for payload in ("recording-started", "recording-stopped", "recording-uploaded"):
                    tell(taker, "aircore", payload, label=f"a{number}")
        change(path, "DELETE FROM events WHERE recording = 1")
        change(path, "DELETE FROM recordings WHERE id = 1")
        report = tracker.verify()

    assert number > 20
    assert [] == report.differences
    assert [line for line in report.damaged if "totals" not in line] == []


def test_two_trackers_on_one_file_take_turns(path: Path) -> None:
    life = life_of("as it was captured")

    with Tracker(path) as one, Tracker(path) as other:
        for place, line in enumerate(reversed(deliveries(life))):
            assert (one, other)[place % 2].ingest(**line).result == "accepted"
            assert (other, one)[place % 2].ingest(**line).result == "duplicate"

        assert the_only(one, life.end) == the_only(other, life.end)
        assert (the_only(one).outcome, the_only(one).events, the_only(one).duplicates) == ("available", 19, 19)
        assert one.verify().sound


def test_what_one_tracker_erases_another_does_not_remember(path: Path) -> None:
    with Tracker(path) as one, Tracker(path) as other:
        tell(other, "agora", "recorder_started.plain")
        one.erase(SID)

        assert tell(other, "agora", "recorder_leave", 5).result == "accepted"
        assert the_only(other).events == 1
        assert other.verify().sound


# Reading only


def test_a_tracker_that_only_reads_makes_no_file(path: Path) -> None:
    with pytest.raises(StorageError, match="no such database"):
        Tracker(path, readonly=True)

    assert not path.exists()


def test_a_tracker_in_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="its folder does not exist; make it first"):
        Tracker(tmp_path / "none" / "recordings.db")


def test_a_tracker_that_is_not_to_create_makes_no_file(path: Path) -> None:
    with pytest.raises(StorageError, match="no such database"):
        Tracker(path, create=False)

    assert not path.exists()


def test_a_file_of_something_else_is_left_as_it_is(path: Path) -> None:
    path.write_text("notes\n" * 200)

    with pytest.raises(DamagedError):
        Tracker(path)

    assert path.read_text() == "notes\n" * 200


def test_a_tracker_that_only_reads_answers_everything_and_writes_nothing(path: Path) -> None:
    with Tracker(path) as tracker:
        live(tracker, "as it was captured")
        tracker.ingest("agora", {}, received_at=START)
    before = sha256(path.read_bytes()).digest()

    with Tracker(path, readonly=True) as reader:
        found = the_only(reader)
        audited = reader.audit(START)
        answers = (len(reader.status(SID)), len(reader.history(SID)), len(reader.quarantined()), audited.recordings)
        reports = (reader.verify().sound, reader.replay(dry_run=True).changed)

    assert found.outcome == "available"
    assert answers == (1, 19, 1, 1)
    assert reports == (True, [])
    assert before == sha256(path.read_bytes()).digest()


WRITES = {
    "ingest": lambda tracker: tracker.ingest("agora", stamped("agora", "recorder_started.plain")),
    "ingest_many": lambda tracker: tracker.ingest_many(deliveries(AGORA[0])),
    "expect": lambda tracker: tracker.expect("agora", "x"),
    "resolve": lambda tracker: tracker.resolve(SID, outcome="failed", note="gave up"),
    "ack": lambda tracker: tracker.ack(SID, note="known", now=after(1e7)),
    "replay": lambda tracker: tracker.replay(),
    "erase": lambda tracker: tracker.erase(SID),
    "prune": lambda tracker: tracker.prune(complete_before=timedelta(days=1), now=after(1e7)),
    "drop_quarantined": lambda tracker: tracker.drop_quarantined(1),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_tracker_that_only_reads_refuses_to_write(path: Path, write: Any) -> None:
    with Tracker(path) as tracker:
        tell(tracker, "agora", "recorder_started.plain")
        tell(tracker, "aircore", "recording-started", label="b")
        live(tracker, "recorded", label="c")
        tracker.ingest("agora", {}, received_at=START)

    with Tracker(path, readonly=True) as reader, pytest.raises(UsageError, match="opened read-only"):
        write(reader)


def test_a_tracker_is_closed_when_its_block_ends(path: Path) -> None:
    with Tracker(path) as tracker:
        tell(tracker, "agora", "recorder_started.plain")

    with pytest.raises(StorageError, match="closed"):
        tell(tracker, "agora", "recorder_leave")
    for ask in (tracker.tally, tracker.verify, tracker.quarantined, lambda: tracker.status("abcd")):
        with pytest.raises(StorageError, match="the tracker is closed"):
            ask()
    assert [path.name] == [each.name for each in path.parent.iterdir()]


# Looking up


def test_a_look_up_prefers_the_id_to_an_alias_to_a_group_to_a_prefix(tracker: Tracker) -> None:
    def session(app_id: str, conf_num: str, room_id: str) -> None:
        body = stamped("enablex", "recording.string") | {"app_id": app_id, "conf_num": conf_num, "room_id": room_id}
        tracker.ingest("enablex", body, received_at=START)

    session("app", "name", "room")
    session("name", "conf", "app/name")
    session("other", "app/name", "name")
    session("more", "prefixed", "name/con")

    def found(text: str) -> list[str | None]:
        return [recording.recording_id for recording in tracker.status(text, now=START)]

    assert found("app/name") == ["app/name"]
    assert found("name") == ["app/name"]
    assert found("room") == ["app/name"]
    assert found("name/con") == ["more/prefixed"]
    assert found("name/conf") == ["name/conf"]
    assert found("prefi") == ["more/prefixed"]


def test_a_group_names_all_its_recordings(tracker: Tracker) -> None:
    for label in ("a", "b", "c"):
        tell(tracker, "agora", "recorder_started.plain", label=label)
    group = tracker.status(SID)[0].group_id
    assert group is not None

    assert len(tracker.status(group, now=START)) == 3
    assert {group} == {recording.group_id for recording in tracker.status(group, now=START)}


def test_a_prefix_of_several_ids_is_ambiguous_and_one_of_three_letters_is_none(tracker: Tracker) -> None:
    for name in ("c-prefix-1", "c-prefix-2", "c-other"):
        tell(tracker, "bandwidth", "recordingAvailable.complete", changes={"recordingId": name, "callId": f"of-{name}"})

    with pytest.raises(AmbiguousError) as caught:
        tracker.status("c-prefix")

    assert caught.value.candidates == ["c-prefix-1", "c-prefix-2"]
    assert [one.recording_id for one in tracker.status("c-prefix-2", now=START)] == ["c-prefix-2"]
    assert [one.recording_id for one in tracker.status("c-ot", now=START)] == ["c-other"]
    assert tracker.status("c-o") == []


@pytest.mark.parametrize("text", ["", "nobody", "%", "____", "*", "' OR 1=1 --", "\x00", "x" * 10_000, "\ud800abc"])
def test_what_names_nothing_finds_nothing(tracker: Tracker, text: str) -> None:
    tell(tracker, "agora", "recorder_started.plain")

    assert tracker.status(text) == []
    assert tracker.history(text) == []


def test_how_one_provider_spells_ids_names_no_recording_of_another(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain")
    tell(tracker, "line_planet", "IN_PROGRESS", label="b")

    assert SID.upper() != SID
    assert tracker.status(SID.upper()) == tracker.status(SID.upper()[:8]) == []


def test_an_id_is_found_by_each_of_its_spellings(tracker: Tracker) -> None:
    tell(tracker, "line_planet", "IN_PROGRESS")
    tell(tracker, "aircore", "recording-started", label="b")
    (url,) = (recording.id for recording in tracker.recordings(provider="aircore", now=START))
    (line,) = (recording.id for recording in tracker.recordings(provider="line_planet", now=START))
    sid, start = line.split("/")
    dashed = "-".join((sid[:8], sid[8:12], sid[12:16], sid[16:20], sid[20:])).upper()
    quoted = url.replace(":", "%3A").replace("/", "%2F")

    for spelling in (f"{sid}/{start}", f"{dashed}/{start}", f"{dashed}/{start}000", f" {sid} ", dashed):
        assert [one.provider for one in tracker.status(spelling, now=START)] == ["line_planet"]
    for spelling in (url, f"{url}/", f"https://services.aircore.io:443/recording/{quoted}", url.rpartition("/")[2]):
        assert [one.provider for one in tracker.status(spelling, now=START)] == ["aircore"]


def test_what_has_not_opened_is_not_found(tracker: Tracker) -> None:
    tell(tracker, "enablex", "roomdrop")

    assert tracker.status("app/conf-a") == []
    assert list(tracker.recordings(now=START)) == []


# Listing


@pytest.fixture
def five(tracker: Tracker) -> Tracker:
    live(tracker, "as it was captured", "healthy")
    tell(tracker, "agora", "recorder_started.plain", label="running")
    tell(tracker, "aircore", "recording-stopped", 60, label="lost")
    live(tracker, "too short")
    tell(tracker, "bandwidth", "recordingAvailable.error", 500, label="failed")
    return tracker


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["bandwidth", "line_planet", "aircore", "agora", "agora"]),
        ({"provider": "agora"}, ["agora", "agora"]),
        ({"provider": "zoom"}, []),
        ({"phase": "finished"}, ["bandwidth", "line_planet", "agora"]),
        ({"phase": "recording"}, ["agora"]),
        ({"outcome": "failed"}, ["bandwidth"]),
        ({"outcome": "absent"}, ["line_planet"]),
        ({"flag": "provider-error"}, ["bandwidth"]),
        ({"flag": "missing-event"}, ["aircore"]),
        ({"stuck": True}, ["aircore"]),
        ({"since": after(501)}, ["bandwidth", "agora"]),
        ({"since": after(1232)}, []),
        ({"provider": "agora", "phase": "finished"}, ["agora"]),
    ],
)
def test_a_list_holds_what_is_asked_for_the_newest_first(
    five: Tracker, asked: dict[str, Any], expected: list[str]
) -> None:
    assert expected == [recording.provider for recording in five.recordings(now=after(3600), **asked)]


def test_a_list_counts_the_flags_of_the_clock_at_the_moment_asked_for(five: Tracker) -> None:
    assert list(five.recordings(stuck=True, now=after(60))) == []
    assert [one.provider for one in five.recordings(stuck=True, now=after(3600))] == ["aircore"]
    assert [one.provider for one in five.recordings(stuck=True, now=after(9 * 86_400))] == ["aircore", "agora"]


@pytest.mark.parametrize("asked", [{"phase": "done"}, {"outcome": "lost"}])
def test_a_list_of_no_such_phase_or_outcome_is_refused(tracker: Tracker, asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is none; there are"):
        list(tracker.recordings(**asked))


# History


def test_a_history_tells_each_event_in_lifecycle_order_with_what_became_of_it(tracker: Tracker) -> None:
    told = [("recording-stopped", 60, 61), ("recording-started", 0, 65), ("recording-uploaded", 70, 75)]
    for payload, at_s, received_s in [*told, ("recording-upload-failed", 80, 80), ("recording-paused", 30, 90)]:
        tell(tracker, "aircore", payload, at_s, received_at=after(received_s))
    tell(tracker, "aircore", "recording-uploaded", 90)

    found = [
        (line.name, line.verdict, line.regions, line.deliveries, line.delay)
        for line in tracker.history(the_only(tracker).id)
    ]

    region, seconds = "recording", timedelta(seconds=1)
    assert [
        ("recording-started", "taken", {region: ("requested", "recording")}, 1, 65 * seconds),
        ("recording-paused", "unknown", {}, 1, 60 * seconds),
        ("recording-stopped", "taken", {region: ("recording", "stopped")}, 1, 1 * seconds),
        ("recording-uploaded", "taken", {region: ("stopped", "uploaded")}, 2, 5 * seconds),
        ("recording-upload-failed", "conflict", {region: ("uploaded", "uploaded")}, 1, 0 * seconds),
    ] == found


def test_a_history_shows_what_was_implied_and_what_came_late(tracker: Tracker) -> None:
    tell(tracker, "line_planet", "COMPLETED.plain", 50)
    before = [line.verdict for line in tracker.history(the_only(tracker).id)]
    tell(tracker, "line_planet", "IN_PROGRESS", 0, start_ms=START_MS)

    assert before == ["implied"]
    assert [line.verdict for line in tracker.history(the_only(tracker).id)] == ["taken", "taken"]


def test_the_kept_verdicts_are_those_of_the_history(tracker: Tracker, path: Path) -> None:
    for life in LIVES:
        if life.machines is None:
            tracker.ingest_many(reversed(deliveries(life, label=life.name)))

    kept = dict(rows(path, "SELECT provider || recording_id || event_id, verdict FROM timeline"))
    shown = {
        f"{one.provider}{one.recording_id}{line.event_id}": line.verdict
        for one in tracker.recordings(now=START)
        for line in tracker.history(one.id)
        if f"{one.provider}{one.recording_id}{line.event_id}" in kept
    }
    assert kept == shown


# Folding again

STRICTER = 'extends = "aircore"\n[limits]\nlost_after = "1m"\ncomplete_within = "2d"\n'
UNPROMISED = 'extends = "aircore"\n[events]\nrecording-started = { promised = false }\n'


def listed(seen: dict[str, Any] | None) -> list[str]:
    assert seen is not None
    return [flag["code"] for flag in seen["flags"]]


@contextmanager
def with_machine(path: Path, text: str) -> Iterator[Tracker]:
    folder = path.parent / "own"
    folder.mkdir(exist_ok=True)
    (folder / "aircore.toml").write_text(text)
    with Tracker(path, machines=folder) as tracker:
        yield tracker


def test_folding_again_changes_nothing_when_nothing_has_changed(tracker: Tracker, path: Path) -> None:
    for life in LIVES:
        tracker.ingest_many(deliveries(life, label=life.name))
    before = [(one.id, one.to_json()) for one in tracker.recordings(now=after(1e7))]

    report = tracker.replay(now=after(1e7))

    assert (len(before), []) == (report.recordings, report.changed)
    assert before == [(one.id, one.to_json()) for one in tracker.recordings(now=after(1e7))]
    assert tracker.verify().sound


def test_folding_again_brings_recordings_to_a_changed_machine(path: Path) -> None:
    with Tracker(path) as tracker:
        tell(tracker, "aircore", "recording-stopped", 60)
    now = after(200)

    with with_machine(path, STRICTER) as tracker:
        before = the_only(tracker, now)
        tried = tracker.replay(dry_run=True, now=now)
        untouched = (the_only(tracker, now), tracker.audit(now).outdated)
        done = tracker.replay(now=now)
        changed = the_only(tracker, now)

        assert codes(before) == []
        assert (before, 1) == untouched
        assert tried == done
        assert [(before.id, [], ["missing-event"])] == [
            (one.id, listed(one.before), listed(one.after)) for one in done.changed
        ]
        assert codes(changed) == ["missing-event"]
        assert tracker.audit(now).outdated == 0
        assert tracker.replay(now=now).changed == []
        assert tracker.verify().sound


def test_what_rests_on_an_older_machine_is_sound_until_it_is_folded_again(path: Path) -> None:
    with Tracker(path) as tracker:
        tell(tracker, "aircore", "recording-stopped", 60)

    with with_machine(path, UNPROMISED) as tracker:
        assert tracker.verify().sound
        assert tracker.audit(START).outdated == 1


def test_an_event_brings_its_recording_to_the_machine_of_today(path: Path) -> None:
    with Tracker(path) as tracker:
        tell(tracker, "aircore", "recording-stopped", 60)
        tell(tracker, "aircore", "recording-stopped", 60, label="b")
    now = after(1000)

    with with_machine(path, UNPROMISED) as tracker:
        tell(tracker, "aircore", "recording-uploaded", 70)

        assert {one.state["recording"]: [flag.code for flag in one.flags] for one in tracker.recordings(now=now)} == {
            "uploaded": [],
            "stopped": ["missing-event"],
        }
        assert tracker.audit(now).outdated == 1
        assert tracker.verify().sound


def test_a_region_that_is_required_from_now_on_opens_what_was_complete(path: Path) -> None:
    folder = path.parent / "own"
    folder.mkdir()
    (folder / "enablex.toml").write_text('extends = "enablex"\n[regions.transcoding]\nrequired = true\n')
    with Tracker(path) as tracker:
        tell(tracker, "enablex", "recording.string")
        assert the_only(tracker).complete

    with Tracker(path, machines=folder) as tracker:
        tracker.replay(now=after(60))
        assert (the_only(tracker, after(60)).phase, the_only(tracker, after(60)).outcome) == ("processing", None)
        tell(tracker, "enablex", "transcoded", 90)
        assert the_only(tracker, after(90)).outcome == "available"


def test_the_folder_of_machines_can_be_named_by_the_environment(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aircore.toml").write_text(STRICTER)
    monkeypatch.setenv("TRACKER_MACHINES", str(tmp_path))

    with Tracker(path) as tracker:
        assert timedelta(minutes=1) == tracker.machines["aircore"].limits.lost_after


def test_a_broken_machine_file_is_one_clear_error_and_loses_nothing(path: Path) -> None:
    with Tracker(path) as tracker:
        tell(tracker, "aircore", "recording-stopped", 60)

    with (
        with_machine(path, 'extends = "aircore"\n[limits]\nlost_aftr = "1m"\n') as tracker,
        pytest.raises(MachineError, match="limits: 'lost_aftr' is not a key"),
    ):
        tell(tracker, "aircore", "recording-uploaded", 70)

    with Tracker(path) as tracker:
        assert the_only(tracker).events == 1


# Checking


@pytest.fixture
def checked(path: Path) -> Path:
    with Tracker(path) as tracker:
        for life in (life_of("as it was captured"), life_of("stopped by the client"), life_of("recorded")):
            tracker.ingest_many(deliveries(life))
        tell(tracker, "aircore", "recording-uploaded", 70, label="b")
        tracker.ingest("aircore", aircore_upload("b"), received_at=after(70))
        tracker.ingest("aircore", aircore_upload("c"), received_at=after(71))
        tracker.ingest("agora", {"odd": 1}, received_at=START)
        tracker.expect("agora", "announced", at=START)
        assert tracker.verify().sound
    return path


TAMPERED = {
    "a-flipped-bit-in-a-body": "UPDATE events SET body = CAST(replace(body, 'recording', 'recordinh') AS BLOB)",
    "a-flipped-bit-in-a-displaced-body": "UPDATE deliveries SET body = CAST(replace(body, 'u', 'v') AS BLOB)",
    "a-flipped-bit-in-the-quarantine": "UPDATE quarantine SET body = CAST('{\"odd\": 2}' AS BLOB)",
    "a-changed-state": """UPDATE recordings SET state = '{"recording":"stopped"}' WHERE provider = 'aircore'""",
    "a-changed-phase": "UPDATE recordings SET phase = 'recording' WHERE provider = 'agora' AND complete",
    "a-changed-outcome": "UPDATE recordings SET outcome = 'failed' WHERE provider = 'line_planet'",
    "a-changed-deadline": "UPDATE recordings SET due_ms = due_ms + 1 WHERE due_ms IS NOT NULL",
    "a-changed-count": "UPDATE recordings SET duplicates = duplicates + 1 WHERE provider = 'agora' AND complete",
    "a-deleted-event": "DELETE FROM events WHERE name = 'recording-stopped'",
    "a-deleted-flag": "DELETE FROM flags WHERE code = 'payload-mismatch'",
    "an-invented-flag": "UPDATE flags SET code = 'illegal-transition' WHERE code = 'payload-mismatch'",
    "a-changed-flag": "UPDATE flags SET severity = 'info' WHERE code = 'payload-mismatch'",
    "a-deleted-file": "DELETE FROM files WHERE recording = 1",
    "a-deleted-announcement": "DELETE FROM expectations",
    "a-wrong-total": "UPDATE totals SET recordings = recordings + 1 WHERE provider = 'agora' AND phase = 'finished'",
    "an-invented-total": "INSERT INTO totals VALUES ('agora', 'recording', '', 'none', 3)",
    "a-lost-total": "DELETE FROM totals WHERE provider = 'line_planet'",
    "a-changed-time": "UPDATE events SET occurred_ms = occurred_ms + 1 WHERE name = 'recorder_started'",
    "a-changed-verdict": "UPDATE events SET verdict = 'illegal' WHERE name = 'recorder_started'",
    "a-changed-name": "UPDATE events SET name = 'uploaded' WHERE name = 'recorder_started'",
}


@pytest.mark.parametrize("sql", TAMPERED.values(), ids=TAMPERED)
def test_a_check_finds_what_was_tampered_with(checked: Path, sql: str) -> None:
    change(checked, sql)

    with Tracker(checked, readonly=True) as tracker:
        assert not tracker.verify().sound


def test_a_check_says_what_is_kept_and_what_it_should_be(checked: Path) -> None:
    change(checked, "UPDATE recordings SET outcome = 'failed' WHERE provider = 'line_planet'")

    with Tracker(checked, readonly=True) as tracker:
        (found,) = tracker.verify().differences

    assert found.before is not None
    assert found.after is not None
    assert (found.before["outcome"], found.after["outcome"]) == ("failed", "available")


@pytest.mark.parametrize("name", ["a-changed-state", "a-changed-outcome", "a-deleted-flag", "a-deleted-file"])
def test_folding_again_repairs_what_follows_from_the_journal(checked: Path, name: str) -> None:
    change(checked, TAMPERED[name])

    with Tracker(checked) as tracker:
        tracker.replay(now=START)
        assert tracker.verify().differences == []


# Closing by hand


def test_an_operator_completes_a_recording_that_is_stuck(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain")
    late = after(30 * 86_400)

    found = tracker.resolve(SID, outcome="failed", note="the provider has no file", now=late)

    assert (found.phase, found.complete, found.outcome, found.stuck) == ("finished", True, "failed", False)
    assert (late, None) == (found.completed_at, found.due_at)
    assert found == the_only(tracker, late)
    assert [line.name for line in tracker.history(SID)] == ["recorder_started", "operator.resolved"]
    assert tracker.replay(now=late).changed == []
    assert tracker.verify().sound


def test_what_the_provider_says_at_last_counts_for_more_than_what_the_operator_concluded(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-started", 0)
    tracker.resolve("http", outcome="failed", note="gave up", now=after(100))
    tell(tracker, "aircore", "recording-stopped", 200)
    between = the_only(tracker, after(200))
    tell(tracker, "aircore", "recording-uploaded", 300)

    assert (between.outcome, between.phase) == ("failed", "finished")
    assert (the_only(tracker).outcome, the_only(tracker).phase) == ("available", "finished")
    assert tracker.verify().sound


def test_an_operator_may_settle_a_recording_a_second_time(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain")
    for second, outcome in enumerate(("failed", "partial")):
        tracker.resolve(SID, outcome=outcome, note="as far as is known", now=after(100 + second))

    assert the_only(tracker).outcome == "partial"


def test_what_never_began_has_no_start_when_it_is_settled(tracker: Tracker) -> None:
    tracker.expect("aircore", "r-1", at=START)
    tracker.expect("agora", SID, at=START)
    tell(tracker, "agora", "recorder_started.plain")

    for name in ("r-1", SID):
        tracker.resolve(name, outcome="absent", note="as far as is known", now=after(100))

    begun = {one.provider: one.started_at is not None for one in tracker.recordings(now=after(200))}
    assert begun == {"aircore": False, "agora": True}
    assert tracker.verify().sound


@pytest.mark.parametrize("times", [1, 2, 3])
def test_what_an_operator_says_is_no_start_however_often(tracker: Tracker, times: int) -> None:
    tracker.expect("agora", SID, at=START)

    told = [
        tracker.resolve(SID, outcome="absent", note="as far as is known", now=after(100 + number))
        for number in range(times)
    ]
    tell(tracker, "agora", "recorder_leave", 300)

    assert [None] * times == [found.started_at for found in told]
    assert the_only(tracker).started_at == after(300)
    assert tracker.replay(now=after(400)).changed == []
    assert tracker.verify().sound


def test_an_announced_group_is_settled_under_its_name(tracker: Tracker) -> None:
    tracker.expect("bandwidth", group="c-1", at=START)

    found = tracker.resolve("c-1", outcome="absent", note="nobody spoke", now=after(100))

    assert (found.outcome, found.group_id, found.started_at) == ("absent", "c-1", None)
    assert [(one.outcome, one.stuck) for one in tracker.recordings(now=after(1e7))] == [("absent", False)]
    assert tracker.replay(now=after(100)).changed == []
    assert tracker.verify().sound


@pytest.mark.parametrize(
    ("text", "outcome", "note", "error"),
    [
        ("nobody", "failed", "x", NotFoundError),
        (SID, "lost", "x", UsageError),
        (SID, "failed", " ", UsageError),
        ("r-two", "failed", "x", AmbiguousError),
        ("c-two", "failed", "x", AmbiguousError),
    ],
)
def test_what_cannot_be_settled_is_refused(
    tracker: Tracker, text: str, outcome: str, note: str, error: type[Exception]
) -> None:
    tell(tracker, "agora", "recorder_started.plain")
    for name in ("r-two-1", "r-two-2"):
        tell(tracker, "bandwidth", "recordComplete", changes={"recordingId": name, "callId": "c-two"})
    before = [one.to_json() for one in tracker.recordings(now=START)]

    with pytest.raises(error):
        tracker.resolve(text, outcome=outcome, note=note)

    assert before == [one.to_json() for one in tracker.recordings(now=START)]


# Acknowledging


def acknowledged(tracker: Tracker, now: datetime) -> dict[str, bool]:
    return {flag.code: flag.acknowledged for flag in the_only(tracker, now).flags}


def test_an_acknowledgement_is_kept_with_its_note(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-stopped", 60)
    late = after(7200)

    (done,) = tracker.ack("http", flag="missing-event", note="their server was down", now=late)

    assert (done.code, done.acknowledged, done.note) == ("missing-event", True, "their server was down")
    assert acknowledged(tracker, late) == {"missing-event": True, "missing-terminal": False}
    assert "their server was down" in {flag.note for flag in the_only(tracker, late).flags}


def test_without_a_code_all_open_flags_are_acknowledged(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-stopped", 60)
    late = after(7200)

    assert {"missing-event", "missing-terminal"} == {flag.code for flag in tracker.ack("http", note="x", now=late)}
    assert acknowledged(tracker, late) == {"missing-event": True, "missing-terminal": True}


def test_an_acknowledged_deadline_is_open_again_when_another_has_passed(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain", 0, number=0)
    tell(tracker, "agora", "uploading_progress", 60, number=1)
    tracker.ack(SID, flag="stalled", note="known", now=after(1000))
    before = acknowledged(tracker, after(1000))
    tell(tracker, "agora", "uploading_progress", 2000, number=2)

    assert before == {"stalled": True}
    assert acknowledged(tracker, after(2000)) == {}
    assert acknowledged(tracker, after(3000)) == {"stalled": False}


def test_an_acknowledgement_holds_for_the_evidence_that_it_was_given_for(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-paused", 1)
    tell(tracker, "aircore", "recording-started", 0)
    tracker.ack("http", flag="unknown-event", note="we know of this one", now=after(5))
    tell(tracker, "aircore", "recording-paused", 2, changes={"event": "recording-resumed"})

    assert [flag.acknowledged for flag in the_only(tracker, after(5)).flags] == [True, False]


def test_an_acknowledgement_outlives_folding_again_and_a_later_event(tracker: Tracker) -> None:
    tell(tracker, "aircore", "recording-stopped", 60)
    tracker.ack("http", flag="missing-event", note="known", now=after(1000))
    tracker.replay(now=after(1000))
    tell(tracker, "aircore", "recording-uploaded", 70, received_at=after(1001))

    assert acknowledged(tracker, after(1001)) == {"missing-event": True}
    assert tracker.verify().sound


@pytest.mark.parametrize(
    ("text", "asked", "error"),
    [
        ("nobody", {"note": "x"}, NotFoundError),
        ("http", {"note": "x", "flag": "stalled"}, NotFoundError),
        ("http", {"note": ""}, UsageError),
    ],
)
def test_what_cannot_be_acknowledged_is_refused(
    tracker: Tracker, text: str, asked: dict[str, str], error: type[Exception]
) -> None:
    tell(tracker, "aircore", "recording-stopped", 60)

    with pytest.raises(error):
        tracker.ack(text, now=after(1000), **asked)


# Forgetting


def url_of(label: str) -> str:
    return str(stamped("aircore", "recording-started", label=label)["recording"]["url"])


def test_only_what_was_complete_long_enough_ago_is_pruned(tracker: Tracker) -> None:
    live(tracker, "as it was captured", "old")
    live(tracker, "recorded")
    tell(tracker, "aircore", "recording-started", 0, label="open")
    completed = after(3601)

    pruned = tracker.prune(complete_before=timedelta(days=1), now=completed + timedelta(days=1))

    assert pruned == 1
    assert [one.provider for one in tracker.recordings(now=completed)] == ["aircore", "line_planet"]
    assert (tracker.audit(completed).recordings, tracker.audit(completed).complete) == (2, 1)
    assert tracker.verify().sound
    assert tracker.prune(complete_before=timedelta(0), now=completed + timedelta(seconds=1)) == 1


def test_what_was_pruned_leaves_nothing_behind(tracker: Tracker, path: Path) -> None:
    tracker.expect("aircore", url_of("a"), at=START)
    live(tracker, "stopped by the client")
    tracker.ingest("aircore", aircore_upload("other"), received_at=after(99))

    tracker.prune(complete_before=timedelta(0), now=after(100))

    for table in ("recordings", "aliases", "events", "deliveries", "flags", "files", "expectations"):
        assert rows(path, f"SELECT * FROM {table}") == []
    assert tell(tracker, "aircore", "recording-started").result == "accepted"
    assert the_only(tracker).phase != "expected"


def test_one_recording_is_erased_and_the_others_stay(tracker: Tracker, path: Path) -> None:
    marked = {"recording.location.address": "https://files.example.com/private-name.m4a"}
    tell(tracker, "aircore", "recording-uploaded", 70, changes=marked)
    tell(tracker, "aircore", "recording-uploaded", 70, label="b")
    assert [file.name for file in path.parent.iterdir() if b"private-name" in file.read_bytes()]

    erased = tracker.erase(url_of("a"))

    assert url_of("a") == erased
    assert [one.recording_id for one in tracker.recordings(now=START)] == [url_of("b")]
    assert [] == [file.name for file in path.parent.iterdir() if b"private-name" in file.read_bytes()]
    assert tracker.history(erased) == []
    assert tracker.verify().sound


def test_what_nothing_has_opened_is_erased_and_pruned_too(tracker: Tracker, path: Path) -> None:
    marked = {"data.message": "private-name"}
    for label in "ab":
        tell(tracker, "enablex", "chatdata", 0, label=label, changes=marked)
    tell(tracker, "enablex", "chatdata", 100, label="c", changes=marked)
    kept = "SELECT recording_id FROM recordings ORDER BY recording_id"
    (erased,), (later,), (latest,) = rows(path, kept)

    assert tracker.erase(erased) == erased
    pruned = tracker.prune(complete_before=timedelta(seconds=50), now=after(100))

    assert pruned == 1
    assert [(latest,)] == rows(path, kept)
    assert len(rows(path, "SELECT * FROM events")) == 1
    assert tracker.verify().sound
    with pytest.raises(NotFoundError, match="no recording"):
        tracker.erase(later)


def test_an_announced_group_is_erased_by_its_name(tracker: Tracker, path: Path) -> None:
    tracker.expect("bandwidth", group="c-1", at=START)

    assert tracker.erase("c-1") == "c-1"
    assert list(tracker.recordings(now=after(1e7))) == []
    assert rows(path, "SELECT * FROM expectations") == []


def test_what_is_not_there_cannot_be_erased(tracker: Tracker) -> None:
    with pytest.raises(NotFoundError, match="no recording 'nobody'"):
        tracker.erase("nobody")


# Copies


def test_a_copy_holds_everything_and_is_sound(tracker: Tracker, tmp_path: Path) -> None:
    live(tracker, "as it was captured")
    tell(tracker, "aircore", "recording-stopped", 60, label="b")

    tracker.backup(tmp_path / "copy.db")

    with Tracker(tmp_path / "copy.db", readonly=True) as copy:
        assert list(tracker.recordings(now=START)) == list(copy.recordings(now=START))
        assert copy.verify().sound
    with Tracker(tmp_path / "copy.db") as copy:
        assert tell(copy, "aircore", "recording-uploaded", 70, label="b").result == "accepted"


@pytest.mark.parametrize("content", [b"", b"notes"])
def test_a_copy_never_takes_the_place_of_a_file(tracker: Tracker, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "copy.db").write_bytes(content)

    with pytest.raises(UsageError, match="is there already"):
        tracker.backup(tmp_path / "copy.db")

    assert content == (tmp_path / "copy.db").read_bytes()


def test_a_copy_into_a_folder_that_is_not_there_is_refused(tracker: Tracker, tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        tracker.backup(tmp_path / "none" / "copy.db")


# What could not be attributed


def test_what_is_kept_aside_is_kept_whole_with_its_reason(tracker: Tracker) -> None:
    body = b'{"productId": 3,   "eventType": 40, "payload": {"sendts": 1}}'

    tracker.ingest("agora", body, received_at=after(5))
    tracker.ingest("agora", body, received_at=after(3))

    (kept,) = tracker.quarantined()
    assert ("agora", body, START_MS + 3000) == (kept.provider, kept.body, kept.received_ms)
    assert kept.reason == "payload.sid: is missing"


def test_what_is_dropped_is_gone(tracker: Tracker) -> None:
    tracker.ingest("agora", {"n": 1}, received_at=START)
    tracker.ingest("agora", {"n": 2}, received_at=START)

    tracker.drop_quarantined(tracker.quarantined()[0].number)

    assert [kept.body for kept in tracker.quarantined()] == [b'{"n":2}']
    with pytest.raises(NotFoundError, match="no quarantined body 99"):
        tracker.drop_quarantined(99)


def test_what_is_still_not_understood_stays_aside(tracker: Tracker) -> None:
    tracker.ingest("agora", {"n": 1}, received_at=START)

    assert (tracker.retry_quarantined().quarantined, len(tracker.quarantined())) == (1, 1)


def test_a_tracker_is_closed_while_other_threads_begin_to_read(path: Path) -> None:
    asked: list[Tracker] = []
    told: list[BaseException | None] = []

    class Asked(SqliteJournal):
        """Whose end another thread does not wait for before it reads."""

        def close(self) -> None:
            with ThreadPoolExecutor(1) as pool:
                told.append(pool.submit(asked[0].tally).exception())
            super().close()

        def reader(self) -> SqliteJournal:
            return Asked(self.path, readonly=True, create=False)

    asked.append(tracker := Tracker(journal := Asked(path)))
    tracker.tally()
    tracker.close()

    with pytest.raises(StorageError, match="closed"):
        journal.numbers()
    assert [(StorageError, "the tracker is closed")] * len(told) == [(type(each), str(each)) for each in told]


# A provider from outside

MACHINE = """
provider = "studio"
title = "Studio"
[limits]
start_within = "1m"
lost_after = "1m"
complete_within = "1d"
[events]
begun = { promised = true }
ended = { assumable = false }
[regions.take]
initial = "none"
transitions = [
    { trigger = "begun", source = "none", dest = "running" },
    { trigger = "ended", source = "running", dest = "done" },
]
[regions.take.states]
none    = {}
running = { phase = "recording" }
done    = { phase = "finished", final = true, outcome = "available" }
"""
ADAPTER = """
from recording_tracker import Event
from recording_tracker.adapters.fields import Kind, Identifier, Millis, Payload, read
from recording_tracker.body import digest

PROVIDER = "studio"


class Body(Payload):
    take: Identifier
    what: Kind
    at: Millis{optional}


def parse(body, callback):
    found = read(Body, body)
    return [Event(found.take, found.what, found.what, callback.received_ms, found.at, content=digest(body))]


def canonical_id(text):
    return text.strip().lower()
"""


@contextmanager
def installed(folder: Path, *, optional: str = "") -> Iterator[None]:
    """Install a distribution that registers an adapter; *optional* makes its time of the event so."""
    about = folder / "studio_recordings-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: studio-recordings\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[recording_tracker.adapters]\nstudio = studio_recordings\n")
    (folder / "studio_recordings.py").write_text(ADAPTER.replace("{optional}", optional))
    (folder / "machines").mkdir(exist_ok=True)
    (folder / "machines" / "studio.toml").write_text(MACHINE)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("studio_recordings", None)


def test_an_installed_adapter_and_a_machine_file_make_a_provider(path: Path, tmp_path: Path) -> None:
    with installed(tmp_path / "site"), Tracker(path, machines=tmp_path / "site" / "machines") as tracker:
        tracker.expect("studio", "TAKE-1 ", at=START)
        tracker.ingest("studio", {"take": "take-1", "what": "ended", "at": START_MS + 60_000}, received_at=after(60))
        (implied,) = tracker.status("Take-1", now=after(200))
        tracker.ingest("studio", {"take": "take-1", "what": "begun", "at": START_MS}, received_at=after(60))
        (found,) = tracker.status("take-1", now=after(200))

        assert (implied.outcome, codes(implied)) == ("available", ["missing-event"])
        assert (found.outcome, codes(found)) == ("available", [])
        assert tracker.ingest("studio", {"take": "take-1"}).result == "quarantined"
        assert tracker.verify().sound


def test_an_adapter_without_a_machine_and_a_machine_without_an_adapter_are_no_provider(
    path: Path, tmp_path: Path
) -> None:
    with installed(tmp_path / "site"), Tracker(path) as tracker, pytest.raises(UnknownProviderError):
        tracker.ingest("studio", {"take": "t", "what": "begun", "at": 1})

    with Tracker(path, machines=tmp_path / "site" / "machines") as tracker:
        with pytest.raises(UnknownProviderError):
            tracker.ingest("studio", {"take": "t", "what": "begun", "at": 1})
        with pytest.raises(UnknownProviderError):
            tracker.expect("studio", "t")


def test_what_was_kept_aside_is_taken_in_after_an_upgrade(path: Path, tmp_path: Path) -> None:
    machines = tmp_path / "site" / "machines"
    body = {"take": "t", "what": "begun"}
    with installed(tmp_path / "site"), Tracker(path, machines=machines) as tracker:
        assert tracker.ingest("studio", body, received_at=START).result == "quarantined"
        tracker.ingest("agora", {"still": "odd"}, received_at=START)

    with installed(tmp_path / "site", optional=" | None = None"), Tracker(path, machines=machines) as tracker:
        summary = tracker.retry_quarantined()

        assert (summary.deliveries, summary.accepted, summary.quarantined) == (2, 1, 1)
        assert [kept.provider for kept in tracker.quarantined()] == ["agora"]
        assert (the_only(tracker).started_at, the_only(tracker).phase) == (START, "recording")


def test_what_has_no_adapter_any_more_keeps_nothing_else_aside(path: Path, tmp_path: Path) -> None:
    machines = tmp_path / "site" / "machines"
    with installed(tmp_path / "site"), Tracker(path, machines=machines) as tracker:
        assert tracker.ingest("studio", {"take": "t", "what": "begun"}, received_at=START).result == "quarantined"
        tracker.ingest("agora", {"still": "odd"}, received_at=START)

    with Tracker(path) as tracker:
        assert (tracker.retry_quarantined().quarantined, len(tracker.quarantined())) == (2, 2)


def test_what_is_dropped_while_it_is_read_again_is_not_taken_in(path: Path, tmp_path: Path) -> None:
    machines = tmp_path / "site" / "machines"
    with installed(tmp_path / "site"), Tracker(path, machines=machines) as tracker:
        tracker.ingest("studio", {"take": "t", "what": "begun"}, received_at=START)

    with installed(tmp_path / "site", optional=" | None = None"), Tracker(path, machines=machines) as operator:
        adapter: Any = importlib.import_module("studio_recordings")
        plain = adapter.parse

        def parse(body: Any, callback: Any) -> Any:
            operator.drop_quarantined(1)
            return plain(body, callback)

        adapter.parse = parse
        with Tracker(path, machines=machines) as tracker:
            assert tracker.retry_quarantined().deliveries == 0
            assert list(tracker.recordings(now=START)) == []


def test_a_history_without_the_machine_or_the_adapter_says_which_is_missing(path: Path, tmp_path: Path) -> None:
    machines = tmp_path / "site" / "machines"
    with installed(tmp_path / "site"):
        with Tracker(path, machines=machines) as tracker:
            tracker.ingest("studio", {"take": "take-1", "what": "begun", "at": START_MS}, received_at=START)
        with (
            Tracker(path) as tracker,
            pytest.raises(UnknownProviderError, match=r"no machine for 'studio'.*--machines"),
        ):
            tracker.history("take-1")

    with (
        Tracker(path, machines=machines) as tracker,
        pytest.raises(UnknownProviderError, match=r"no adapter for 'studio'"),
    ):
        tracker.history("take-1")


def test_events_of_an_adapter_that_is_gone_are_kept_and_shown(path: Path, tmp_path: Path) -> None:
    with installed(tmp_path / "site"), Tracker(path, machines=tmp_path / "site" / "machines") as tracker:
        tracker.ingest("studio", {"take": "take-1", "what": "begun", "at": START_MS}, received_at=START)

    with Tracker(path) as tracker:
        assert [one.provider for one in tracker.status("take-1", now=START)] == ["studio"]
        assert tracker.audit(START).recordings == 1
        replayed = tracker.replay(now=START)
        assert (replayed.recordings, replayed.left, replayed.changed) == (0, 1, [])
        assert tracker.verify().damaged == ["take-1: its machine or its adapter is not there"]
    assert CliRunner().invoke(cli, ["replay", "--dry-run", "--db", str(path)]).output.splitlines() == [
        "0 of 0 recordings would change",
        "  left alone: 1 recording: its machine or its adapter is not there; check --machines or TRACKER_MACHINES",
    ]


def test_an_id_that_a_list_has_cut_is_found_by_its_ends(tracker: Tracker) -> None:
    tell(tracker, "agora", "recorder_started.plain")
    sid = the_only(tracker).id

    assert [found.id for found in tracker.status(f"{sid[:10]}…{sid[-9:]}")] == [sid]
    assert [found.id for found in tracker.status(f" {sid[:10]}...{sid[-9:]}\n")] == [sid]
    assert [found.id for found in tracker.status(f"{sid[:10]}...")] == [sid]
    assert tracker.status(f"{sid[:10]}…zz") == []
    assert tracker.status("...") == []


def test_an_id_that_a_list_has_cut_is_found_behind_many_that_begin_alike(tracker: Tracker) -> None:
    names = [f"a-bucket-{number:03}-of-many" for number in range(70)]
    for name in names:
        tell(tracker, "bandwidth", "recordingAvailable.complete", changes={"recordingId": name, "callId": name})

    assert [found.id for found in tracker.status("a-bucket-…69-of-many")] == [names[69]]
    with pytest.raises(AmbiguousError, match="names more than 10 of them"):
        tracker.status("a-bucket-…-of-many")


def test_the_beginning_of_an_id_may_be_spelled_as_its_provider_never_does(tracker: Tracker) -> None:
    tell(tracker, "line_planet", "IN_PROGRESS")
    sid = the_only(tracker).id

    assert [found.id for found in tracker.status(f"{sid[:8]}-{sid[8:12]}".upper())] == [sid]


# What another version has left


def stored(path: Path, sql: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(path)) as database, database:
        return database.execute(sql, values).fetchall()


@pytest.mark.parametrize("course", ["", "[]", "[0]", "{}", "null", '[99, "of a later version"]'])
def test_a_course_of_another_version_is_folded_from_the_journal(path: Path, course: str) -> None:
    first, *others = deliveries(life_of("as it was captured"))
    with Tracker(path) as tracker:
        tracker.ingest_many([first, *others[:4]])
    stored(path, "UPDATE recordings SET course = ?", course)

    with Tracker(path) as tracker:
        results = [tracker.ingest(**line).result for line in others[4:]]
        found = next(tracker.recordings())

        assert set(results) == {"accepted"}
        assert (found.events, found.outcome) == (1 + len(others), "available")
        assert tracker.verify().sound


@pytest.mark.parametrize(("course", "sound"), [('[1, "of an earlier version"]', True), ("[", False), ("[]", False)])
def test_a_course_of_another_version_is_no_damage(course: str, sound: bool, path: Path, tracker: Tracker) -> None:
    tracker.ingest_many(deliveries(life_of("as it was captured")))
    stored(path, "UPDATE recordings SET course = ?", course)

    assert tracker.verify().sound == sound


def test_a_replay_takes_out_what_stood_for_a_group_of_which_one_has_opened(path: Path, tmp_path: Path) -> None:
    shipped = (shipped_folder() / "agora.toml").read_text(encoding="utf-8")
    folder = tmp_path / "machines"
    folder.mkdir()
    (folder / "agora.toml").write_text(
        re.sub(r"\nrecorder_started +=.*", "\nrecorder_started = { opens = false }", shipped)
    )
    body = life_of("as it was captured").happenings[0]
    with Tracker(path, machines=folder) as tracker:
        receipt = tell(tracker, "agora", body.payload)
        waiting = stored(path, "SELECT group_id FROM recordings")[0][0]
        tracker.expect("agora", group=waiting, within=timedelta(minutes=10), at=START)
        before = [found.recording_id for found in tracker.recordings()]

    with Tracker(path) as tracker:
        tracker.replay()
        after = [(found.recording_id is None, found.phase) for found in tracker.recordings()]

        assert tracker.verify().sound
    assert (receipt.result, before) == ("accepted", [None])
    assert [(False, "recording")] == after


def test_more_warnings_than_are_kept_are_no_errors(tracker: Tracker) -> None:
    for number in range(105):
        tell(tracker, "agora", "cloud_recording_warning", number)
    found = next(tracker.recordings(now=START))

    assert len(found.flags) == 101
    assert {flag.severity for flag in found.flags if flag.code == "provider-error"} == {"warning"}
