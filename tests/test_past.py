"""The audit of the past: what was knowable at a moment, whatever has come since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_tracker import NotFoundError, Tracker
from recording_tracker.adapters import SHIPPED, find_adapters
from recording_tracker.events import Callback
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.parsing import read
from recording_tracker.results import AuditReport
from recording_tracker.times import from_ms, iso, moment_ms
from tests.stories import PAYLOADS, STAMPS

START_MS = moment_ms("2026-03-01T10:00:00Z")
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
EXAMPLES = Path(__file__).parents[1] / "examples" / "deliveries"
Log = list[dict[str, Any]]

every_provider = pytest.mark.parametrize("provider", SHIPPED)


def at(ms: int) -> datetime:
    return from_ms(START_MS + ms)


def aircore(event: str, at_ms: int, received_ms: int, name: str = "a", **more: Any) -> dict[str, Any]:
    body = {
        "event": f"recording-{event}",
        "timestamp": START_MS + at_ms,
        "recording": {"url": f"http://recorder.example/recording/{name}", "startTime": START_MS} | more,
    }
    return {"provider": "aircore", "received_at": iso(START_MS + received_ms), "body": body}


def journal_of(log: Iterable[dict[str, Any]]) -> Tracker:
    tracker = Tracker(MemoryJournal())
    tracker.ingest_many(log)
    return tracker


def past(tracker: Tracker, at_ms: int, **more: Any) -> AuditReport:
    return tracker.audit(at(at_ms), as_of=True, **more)


# What was knowable


def received(line: dict[str, Any]) -> int:
    return moment_ms(line["received_at"])


def told(report: AuditReport) -> dict[str, Any]:
    """A report without what nobody can know of the past, and without the order of what is alike."""
    found: dict[str, Any] = json.loads(json.dumps(report.to_json())) | {"ignored": None}
    found["unopened"] = [each.to_json() for each in report.unopened]
    for section in ("stuck", "flagged", "unopened"):
        found[section] = sorted((recording | {"duplicates": None} for recording in found[section]), key=str)
    for provider in found["providers"].values():
        provider["last_received_at"] = None
    return found | {"providers": {name: told for name, told in found["providers"].items() if told["recordings"]}}


times = st.tuples(st.integers(0, 180), st.integers(0, 180))


def logs(provider: str) -> st.SearchStrategy[Log]:
    """Draw deliveries of a few recordings, some again with other content, and announcements; any at any time."""
    names = st.sampled_from(payloads(provider))
    deliveries = st.builds(_delivery, st.just(provider), names, st.sampled_from("ab"), times, st.booleans())
    announcements = st.tuples(st.integers(0, 11), st.booleans(), st.integers(0, 180), st.integers(1, 60))
    return st.builds(
        _with_announcements,
        st.lists(deliveries, min_size=1, max_size=10),
        st.lists(announcements, max_size=3),
    )


@cache
def payloads(provider: str) -> list[str]:
    """The payload files of a provider that tell of a recording."""
    paths = sorted((PAYLOADS / provider).glob("*.json"))
    return [path.name for path in paths if "recording_id" in json.loads(path.read_text(encoding="utf-8"))["expect"]]


def _delivery(provider: str, name: str, label: str, moments: tuple[int, int], other: bool) -> dict[str, Any]:
    payload = json.loads((PAYLOADS / provider / name).read_text(encoding="utf-8"))
    body, (minute, received_minute) = payload["body"], moments
    STAMPS[provider](body, label, at_ms=START_MS + minute // 60 * HOUR, start_ms=START_MS, number=minute % 4)
    if other:
        body["unheard_of"] = "other"
    line = {"provider": provider, "received_at": iso(START_MS + received_minute * MINUTE), "body": body}
    return line | ({"query": payload["query"]} if "query" in payload else {})


def _with_announcements(log: Log, drawn: list[tuple[int, bool, int, int]]) -> Log:
    announced = []
    for place, by_group, minute, within in drawn:
        for key, name in _names(log[place % len(log)], by_group=by_group):
            expected = {"provider": log[0]["provider"], key: name, "within": f"{within}m"}
            announced.append({"expect": expected, "received_at": iso(START_MS + minute * MINUTE)})
    return [*log, *announced]


def _names(line: dict[str, Any], *, by_group: bool) -> Iterator[tuple[str, str]]:
    callback = Callback(line["provider"], json.dumps(line["body"]).encode(), 0, line.get("query", {}))
    for event in read(find_adapters(), callback).events:
        if not by_group:
            yield "recording_id", event.recording_id
        elif event.group_id is not None:
            yield "group_id", event.group_id


@every_provider
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_past_is_what_an_audit_would_have_said_then(provider: str, data: st.DataObject) -> None:
    log = data.draw(logs(provider))
    at_ms = data.draw(st.integers(0, 200)) * MINUTE
    since = timedelta(minutes=data.draw(st.sampled_from([1, 30, 10_000])))
    whole = journal_of(data.draw(st.permutations(log)))
    part = journal_of(line for line in log if received(line) <= START_MS + at_ms)

    assert told(past(whole, at_ms, since=since)) == told(part.audit(at(at_ms), since=since))


@every_provider
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_the_past_stays_the_same_to_the_byte(provider: str, data: st.DataObject) -> None:
    log = sorted(data.draw(logs(provider)), key=received)
    at_ms = data.draw(st.integers(0, 200)) * MINUTE
    tracker = Tracker(MemoryJournal())
    tracker.ingest_many(line for line in log if received(line) <= START_MS + at_ms)
    before = json.dumps(past(tracker, at_ms).to_json())

    for line in log:
        if received(line) > START_MS + at_ms:
            tracker.ingest_many([line])
            assert json.dumps(past(tracker, at_ms).to_json()) == before


@settings(max_examples=60, deadline=None)
@given(log=logs("aircore"), acks=st.lists(st.integers(0, 200), max_size=4), minute=st.integers(0, 200))
def test_an_acknowledgement_counts_from_its_time(log: Log, acks: list[int], minute: int) -> None:
    whole, part = Tracker(MemoryJournal()), Tracker(MemoryJournal())
    steps = [(received(line) - START_MS, [line]) for line in log] + [(ack * MINUTE, []) for ack in sorted(set(acks))]
    acknowledged: set[tuple[str, ...]] = set()
    for at_ms, lines in sorted(steps, key=lambda found: found[0]):
        for tracker in (whole, part) if at_ms <= minute * MINUTE else (whole,):
            tracker.ingest_many(lines)
        if not lines:
            for recording in list(whole.recordings(now=at(at_ms))):
                # Of what is acknowledged again only the later time is kept; and of a group that opens, none.
                kept = () if recording.recording_id is None else recording.flags
                codes = {flag.code for flag in kept if not flag.acknowledged}
                for code in codes:
                    if (recording.id, code) not in acknowledged:
                        for tracker in (whole, part) if at_ms <= minute * MINUTE else (whole,):
                            _ack(tracker, recording.id, code, at(at_ms))
                        acknowledged.add((recording.id, code))

    assert told(past(whole, minute * MINUTE)) == told(part.audit(at(minute * MINUTE)))


def _ack(tracker: Tracker, name: str, code: str, now: datetime) -> None:
    with suppress(NotFoundError):
        tracker.ack(name, flag=code, note="seen", now=now)


# Examples


def bandwidth(name: str, received_ms: int) -> dict[str, Any]:
    payload = (PAYLOADS / "bandwidth" / "recordingAvailable.complete.json").read_text(encoding="utf-8")
    body = json.loads(payload)["body"] | {"recordingId": name, "callId": "c-1", "eventTime": iso(START_MS)}
    return {"provider": "bandwidth", "received_at": iso(START_MS + received_ms), "body": body}


GROUP = {
    "expect": {"provider": "bandwidth", "group_id": "c-1", "within": "10m"},
    "received_at": iso(START_MS),
}


def stuck(report: AuditReport) -> list[tuple[str, list[str]]]:
    return [(recording.id, [flag.code for flag in recording.flags]) for recording in report.stuck]


def test_a_group_that_has_opened_since_was_awaited() -> None:
    tracker = journal_of([GROUP, bandwidth("r-1", 30 * MINUTE)])

    assert stuck(past(tracker, 9 * MINUTE)) == []
    assert stuck(past(tracker, 20 * MINUTE)) == [("c-1", ["never-started"])]
    assert past(tracker, 20 * MINUTE).providers["bandwidth"].phases == {"expected": 1}
    assert stuck(past(tracker, 40 * MINUTE)) == []


def test_a_group_that_another_recording_had_opened_was_not_awaited() -> None:
    tracker = journal_of([GROUP, bandwidth("r-1", 5 * MINUTE), bandwidth("r-2", 60 * MINUTE)])

    report = past(tracker, 30 * MINUTE)

    assert stuck(report) == []
    assert (report.recordings, report.open, report.complete) == (1, 0, 1)


def test_what_is_counted_and_not_kept_is_not_known() -> None:
    tracker = journal_of([aircore("started", 0, 0), aircore("started", 0, MINUTE)])

    report = past(tracker, 13 * HOUR).to_json()

    [recording] = json.loads(json.dumps(report))["stuck"]
    assert (recording["events"], recording["duplicates"], report["ignored"]) == (1, None, None)


def test_the_provider_was_last_heard_when_its_last_event_came() -> None:
    tracker = journal_of(
        [aircore("started", 0, 0), aircore("stopped", HOUR, HOUR), aircore("uploaded", HOUR, 2 * HOUR)]
    )

    assert past(tracker, 90 * MINUTE).providers["aircore"].last_received_at == at(HOUR)


def test_a_body_that_came_later_was_not_in_quarantine(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        for name, at_ms in (("1", 0), ("2", HOUR), ("3", 2 * HOUR)):
            assert tracker.ingest("agora", {"sid": name}, received_at=at(at_ms)).result == "quarantined"

        assert past(tracker, 90 * MINUTE).quarantined == 2
        assert past(tracker, 90 * MINUTE, since=timedelta(minutes=40)).quarantined == 1


def test_promised_events_had_never_come_before_they_came() -> None:
    tracker = journal_of([aircore("started", 0, 0), aircore("stopped", HOUR, HOUR)])

    assert past(tracker, 30 * MINUTE).never_received == {"aircore": [("recording-stopped",)]}
    assert past(tracker, 2 * HOUR).never_received == {}


def test_today_s_machines_say_what_the_past_was(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        tracker.ingest_many([aircore("started", 0, 0), aircore("stopped", HOUR, HOUR)])
    (tmp_path / "aircore.toml").write_text(
        'extends = "aircore"\n[regions.recording.states]\nrecording = { stall_after = "10m" }\n', encoding="utf-8"
    )

    with Tracker(tmp_path / "recordings.db", readonly=True, machines=tmp_path) as tracker:
        report = past(tracker, 30 * MINUTE)

    assert stuck(report) == [("http://recorder.example/recording/a", ["stalled"])]
    assert report.outdated == 0


@pytest.mark.parametrize("minute", [0, 200, 400, 480, 720, 1_080, 2_000])
def test_a_file_tells_the_same_past_as_the_memory(minute: int, tmp_path: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.jsonl"))]
    log = [json.loads(line) for text in texts for line in text.splitlines()]
    now = from_ms(moment_ms("2026-11-01T00:00:00Z") + minute * MINUTE + 1)
    with Tracker(tmp_path / "recordings.db") as whole, Tracker(tmp_path / "part.db") as part:
        whole.ingest_many(log)
        part.ingest_many(line for line in log if moment_ms(line["received_at"]) <= moment_ms(now.isoformat()))

        found = told(whole.audit(now, as_of=True))

        assert found == told(journal_of(log).audit(now, as_of=True))
        assert found == told(part.audit(now))


def test_hindsight_says_what_has_settled_since() -> None:
    late = [aircore("started", 0, 0), aircore("uploaded", HOUR, 20 * HOUR)]
    hung = aircore("started", 0, 0, "hung")
    tracker = journal_of([*late, hung])

    report = past(tracker, 13 * HOUR, hindsight=True)

    told_later = {
        recording["aliases"][0]: (recording["later"], [flag["settled"] for flag in recording["flags"]])
        for recording in json.loads(json.dumps(report.to_json()))["stuck"]
    }
    assert told_later == {
        "a": ({"phase": "finished", "complete": True, "outcome": "available"}, [True]),
        "hung": ({"phase": "recording", "complete": False, "outcome": None}, [False]),
    }


def test_hindsight_says_what_a_group_has_become() -> None:
    report = past(journal_of([GROUP, bandwidth("r-1", 30 * MINUTE)]), 20 * MINUTE, hindsight=True)

    [found] = (report.hindsight or {}).values()
    assert (found.phase, found.outcome, [code for code, _, _ in found.settled]) == (
        "finished",
        "available",
        ["never-started"],
    )
