"""Announced recordings: expected until one opens, and never started when none does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Receipt, Recording, Tracker, UnknownProviderError, UsageError
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.times import from_ms
from tests.lives import START_MS, deliveries, life_of, stamped

START = from_ms(START_MS)
SECOND = timedelta(seconds=1)
WITHIN = timedelta(minutes=10)
DUE = START + WITHIN

# Provider → an opening payload, and the recording and the group that it is of.
OPENINGS = {
    "agora": ("recorder_started.plain", "payload.sid", "payload.cname"),
    "aircore": ("recording-started", "recording.url", None),
    "bandwidth": ("recordComplete", "recordingId", "callId"),
    "enablex": ("room-record-on", None, "room_id"),
    "line_planet": ("IN_PROGRESS", None, "sid"),
}
GROUPED = [provider for provider in OPENINGS if provider != "aircore"]
every_provider = pytest.mark.parametrize("provider", OPENINGS)


@pytest.fixture(params=["sqlite", "memory"])
def tracker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tracker]:
    with Tracker(tmp_path / "recordings.db" if request.param == "sqlite" else MemoryJournal()) as tracker:
        yield tracker


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def tell(tracker: Tracker, provider: str, payload: str, at_s: float = 1, **more: Any) -> Receipt:
    body = stamped(provider, payload, at_ms=START_MS + round(at_s * 1000), **more)
    return tracker.ingest(provider, body, received_at=after(at_s))


def opening_of(provider: str) -> dict[str, Any]:
    return stamped(provider, OPENINGS[provider][0], at_ms=START_MS + 1000)


def ids_of(provider: str) -> tuple[str, str]:
    """Return the recording id and the group id of the opening payload."""
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest(provider, opening_of(provider), query={"group": "the-group"}, received_at=START)
        (found,) = tracker.recordings(now=START)
    return found.id, found.group_id or ""


def seen(tracker: Tracker, now: datetime) -> list[dict[str, object]]:
    return [recording.to_json(secrets=True) for recording in tracker.recordings(now=now)]


def codes(tracker: Tracker, now: datetime) -> list[list[str]]:
    return [[flag.code for flag in recording.flags] for recording in tracker.recordings(now=now)]


def the_only(tracker: Tracker, now: datetime) -> Recording:
    (found,) = tracker.recordings(now=now)
    return found


# Waiting


@every_provider
def test_an_announced_recording_is_expected_until_its_time_is_up(tracker: Tracker, provider: str) -> None:
    recording_id, _ = ids_of(provider)

    tracker.expect(provider, recording_id, within=WITHIN, at=START)

    (found,) = tracker.status(recording_id, now=START)
    assert (recording_id, "expected", False, None) == (found.recording_id, found.phase, found.complete, found.outcome)
    assert (DUE, None, None, 0, None) == (
        found.due_at,
        found.stall_at,
        found.started_at,
        found.events,
        found.last_event,
    )
    report = tracker.audit(START)
    assert (1, 1, {"expected": 1}) == (report.recordings, report.open, report.providers[provider].phases)


@pytest.mark.parametrize("provider", GROUPED)
def test_an_announced_group_stands_in_the_list_without_a_recording_id(tracker: Tracker, provider: str) -> None:
    _, group = ids_of(provider)

    tracker.expect(provider, group=group, within=WITHIN, at=START)

    (found,) = tracker.status(group, now=START)
    assert (None, group, group, "expected") == (found.recording_id, found.group_id, found.id, found.phase)
    assert found.due_at == DUE
    assert [] == tracker.history(group)


@every_provider
def test_without_a_time_the_machine_says_how_long(tracker: Tracker, provider: str) -> None:
    tracker.expect(provider, ids_of(provider)[0], at=START)

    within = tracker.machines[provider].limits.start_within
    assert START + within == the_only(tracker, START).due_at
    assert [[]] == codes(tracker, START + within)
    assert [["never-started"]] == codes(tracker, START + within + SECOND)


@every_provider
def test_it_has_never_started_only_when_its_time_has_passed(tracker: Tracker, provider: str) -> None:
    tracker.expect(provider, ids_of(provider)[0], within=WITHIN, at=START)

    moments = (DUE - SECOND, DUE, DUE + timedelta(milliseconds=1), DUE + SECOND)
    assert [[[]], [[]], [["never-started"]], [["never-started"]]] == [codes(tracker, now) for now in moments]
    (flag,) = the_only(tracker, DUE + SECOND).flags
    assert ("error", DUE) == (flag.severity, flag.raised_at)
    assert the_only(tracker, DUE + SECOND).stuck
    assert [DUE] == [one.due_at for one in tracker.audit(DUE + SECOND).stuck]


@pytest.mark.parametrize("provider", GROUPED)
def test_a_group_has_never_started_only_when_its_time_has_passed(tracker: Tracker, provider: str) -> None:
    tracker.expect(provider, group=ids_of(provider)[1], within=WITHIN, at=START)

    moments = (DUE - SECOND, DUE, DUE + SECOND)
    assert [[[]], [[]], [["never-started"]]] == [codes(tracker, now) for now in moments]


# Being met


@every_provider
def test_the_opening_event_meets_the_announcement(tracker: Tracker, provider: str) -> None:
    recording_id, _ = ids_of(provider)
    tracker.expect(provider, recording_id, within=WITHIN, at=START)

    tracker.ingest(provider, opening_of(provider), received_at=after(1))

    found = the_only(tracker, after(2))
    assert (recording_id, 1) == (found.recording_id, found.events)
    assert "expected" != found.phase
    assert "never-started" not in codes(tracker, DUE + SECOND)[0]


@pytest.mark.parametrize("provider", GROUPED)
def test_the_first_opening_event_of_the_group_meets_its_announcement(tracker: Tracker, provider: str) -> None:
    recording_id, group = ids_of(provider)
    tracker.expect(provider, group=group, within=WITHIN, at=START)

    tracker.ingest(provider, opening_of(provider), received_at=after(1))

    assert [recording_id] == [one.recording_id for one in tracker.recordings(now=DUE + SECOND)]
    assert [recording_id] == [one.recording_id for one in tracker.status(group, now=START)]
    assert "never-started" not in codes(tracker, DUE + SECOND)[0]
    assert 1 == tracker.audit(START).recordings
    assert tracker.verify().sound


def test_aircore_is_announced_by_the_group_that_the_callback_url_names(tracker: Tracker) -> None:
    tracker.expect("aircore", group="42", within=WITHIN, at=START)
    before = codes(tracker, DUE + SECOND)

    tracker.ingest("aircore", opening_of("aircore"), query={"id": "42"}, received_at=after(1))

    assert [["never-started"]] == before
    assert [[]] == codes(tracker, DUE + SECOND)


@pytest.mark.parametrize(
    ("provider", "payload", "recording_id"),
    [
        ("enablex", "roomdrop", "app/conf-a"),
        ("enablex", "chatdata", "app/conf-a"),
        ("bandwidth", "transcriptionAvailable.available", "r-a"),
        ("bandwidth", "recordingAvailable.deleted", "r-a"),
        ("agora", "cloud_transcoder_started", None),
        ("aircore", "recording-paused", None),
        ("line_planet", "PAUSED", None),
    ],
)
def test_what_opens_nothing_meets_no_announcement(
    tracker: Tracker, provider: str, payload: str, recording_id: str | None
) -> None:
    announced = recording_id or ids_of(provider)[0]
    tracker.expect(provider, announced, within=WITHIN, at=START)

    tell(tracker, provider, payload)

    found = the_only(tracker, DUE + SECOND)
    assert (announced, "expected", 1, DUE) == (found.recording_id, found.phase, found.events, found.due_at)
    assert "never-started" in codes(tracker, DUE + SECOND)[0]


def test_what_opens_nothing_does_not_meet_the_announcement_of_its_group(tracker: Tracker) -> None:
    tracker.expect("enablex", group="room-a", within=WITHIN, at=START)

    tell(tracker, "enablex", "roomdrop")
    between = [(one.id, one.phase) for one in tracker.recordings(now=DUE + SECOND)]
    tell(tracker, "enablex", "recording.string", 2)

    assert [("room-a", "expected")] == between
    assert [("app/conf-a", "finished")] == [(one.id, one.phase) for one in tracker.recordings(now=DUE + SECOND)]


def test_an_event_that_comes_too_late_clears_that_it_never_started(tracker: Tracker) -> None:
    recording_id, _ = ids_of("agora")
    tracker.expect("agora", recording_id, within=WITHIN, at=START)

    receipt = tell(tracker, "agora", "recorder_started.plain", 1200)

    assert ["never-started"] == [flag.code for flag in receipt.cleared]
    assert [[]] == codes(tracker, after(1200))


def test_a_whole_life_meets_the_announcement_and_ends_as_without_it(tracker: Tracker) -> None:
    life = life_of("as it was captured")
    with Tracker(MemoryJournal()) as other:
        other.ingest_many(deliveries(life))
        expected = seen(other, life.end)

    tracker.expect("agora", ids_of("agora")[0], within=WITHIN, at=START)
    tracker.ingest_many(deliveries(life))

    assert expected == seen(tracker, life.end)


def test_a_second_recording_of_a_met_group_needs_no_announcement(tracker: Tracker) -> None:
    tracker.expect("bandwidth", group="the-call", within=WITHIN, at=START)

    for number in range(3):
        tell(tracker, "bandwidth", "recordComplete", changes={"recordingId": f"r-{number}", "callId": "the-call"})

    assert ["r-2", "r-1", "r-0"] == [one.id for one in tracker.recordings(now=START)]


def test_an_announcement_of_what_has_opened_changes_nothing(tracker: Tracker) -> None:
    recording_id, group = ids_of("agora")
    tell(tracker, "agora", "recorder_started.plain")
    before = seen(tracker, DUE + SECOND)

    tracker.expect("agora", recording_id, within=WITHIN, at=START)
    tracker.expect("agora", group=group, within=WITHIN, at=START)

    assert before == seen(tracker, DUE + SECOND)


def test_the_same_group_of_another_provider_is_another_group(tracker: Tracker) -> None:
    tracker.expect("bandwidth", group="room-a", within=WITHIN, at=START)

    tell(tracker, "enablex", "recording.string")

    assert [("bandwidth", True), ("enablex", False)] == sorted(
        (one.provider, one.stuck) for one in tracker.recordings(now=DUE + SECOND)
    )


@pytest.mark.parametrize(
    ("provider", "spelled"),
    [
        ("line_planet", "{0}-{1}/{2}000"),
        ("aircore", "https://services.aircore.io:443/recording/{quoted}"),
    ],
)
def test_an_announcement_may_spell_the_id_in_any_way(tracker: Tracker, provider: str, spelled: str) -> None:
    recording_id, _ = ids_of(provider)
    sid, _, start = recording_id.partition("/")
    quoted = recording_id.replace(":", "%3A").replace("/", "%2F")
    spelled = spelled.format(sid[:8].upper(), sid[8:], start, quoted=quoted)

    tracker.expect(provider, spelled, within=WITHIN, at=START)
    tracker.ingest(provider, opening_of(provider), received_at=after(1))

    assert [(recording_id, False)] == [(one.recording_id, one.stuck) for one in tracker.recordings(now=DUE + SECOND)]


# In any order


def announce(tracker: Tracker, minutes: int, at_s: int = 0) -> None:
    tracker.expect("enablex", "app/conf-a", within=timedelta(minutes=minutes), at=after(at_s))


def test_announcements_and_events_give_the_same_in_any_order() -> None:
    steps: list[Callable[[Tracker], object]] = [
        lambda tracker: announce(tracker, 10),
        lambda tracker: tracker.expect("enablex", group="room-a", within=WITHIN, at=START),
        lambda tracker: tell(tracker, "enablex", "roomdrop", 1800),
        lambda tracker: tell(tracker, "enablex", "room-record-on", 5),
    ]

    found = []
    for order in permutations(steps):
        with Tracker(MemoryJournal()) as tracker:
            for step in order:
                step(tracker)
            found.append([seen(tracker, now) for now in (after(6), DUE + SECOND, after(1e6))])
            assert [] == tracker.replay(now=DUE).changed
            assert tracker.verify().sound

    assert [found[0]] * len(found) == found


def test_a_group_that_an_earlier_event_names_otherwise_is_awaited_in_any_order() -> None:
    expected = {"provider": "bandwidth", "group_id": "c-1", "within": "10m"}
    told: list[dict[str, Any]] = [{"expect": expected, "received_at": from_ms(START_MS)}]
    for at_s, payload, group in ((5, "recordingAvailable.complete", "c-1"), (3, "recordComplete", "c-2")):
        body = stamped("bandwidth", payload, at_ms=START_MS + at_s * 1000) | {"recordingId": "r-1", "callId": group}
        told.append({"provider": "bandwidth", "received_at": after(at_s), "body": body})
    seen = set()

    for order in permutations(told):
        with Tracker(MemoryJournal()) as tracker:
            for line in order:
                tracker.ingest_many([line])
            assert tracker.verify().sound
            seen.add(tuple(sorted((found.id, found.phase) for found in tracker.recordings(now=DUE))))

    assert seen == {(("c-1", "expected"), ("r-1", "finished"))}


def test_a_pruned_recording_leaves_no_announcement_of_its_group_behind(tracker: Tracker) -> None:
    tracker.expect("bandwidth", group="c-1", within=WITHIN, at=START)
    body = stamped("bandwidth", "recordingAvailable.complete", at_ms=START_MS + 1000)
    tracker.ingest("bandwidth", body | {"recordingId": "r-1", "callId": "c-1"}, received_at=after(1))
    late = stamped("bandwidth", "transcriptionAvailable.available", at_ms=START_MS + 2000)

    tracker.prune(complete_before=timedelta(days=1), now=START + timedelta(days=3))
    tracker.ingest("bandwidth", late | {"recordingId": "r-1", "callId": "c-1"}, received_at=START + timedelta(days=3))

    assert [] == list(tracker.recordings(now=START + timedelta(days=4)))


def test_an_announcement_and_what_opens_nothing_give_the_same_in_any_order() -> None:
    steps: list[Callable[[Tracker], object]] = [
        lambda tracker: announce(tracker, 10),
        lambda tracker: announce(tracker, 5, at_s=60),
        lambda tracker: announce(tracker, 30, at_s=60),
        lambda tracker: tell(tracker, "enablex", "roomdrop", 50),
    ]

    found = []
    for order in permutations(steps):
        with Tracker(MemoryJournal()) as tracker:
            for step in order:
                step(tracker)
            found.append(seen(tracker, DUE + SECOND))

    assert [found[0]] * len(found) == found
    assert "2026-03-01T10:31:00.000Z" == found[0][0]["due_at"]


def test_the_latest_announcement_counts(tracker: Tracker) -> None:
    tracker.expect("agora", "x", within=timedelta(hours=2), at=START)
    tracker.expect("agora", "x", within=WITHIN, at=after(60))
    tracker.expect("agora", group="g", within=timedelta(hours=2), at=START)
    tracker.expect("agora", group="g", within=WITHIN, at=after(60))

    assert [after(660), after(660)] == [one.due_at for one in tracker.recordings(now=START)]


def test_the_same_announcement_twice_is_one(tracker: Tracker) -> None:
    for _ in range(2):
        tracker.expect("agora", "x", within=WITHIN, at=START)
        tracker.expect("agora", group="g", within=WITHIN, at=START)

    assert 2 == len(list(tracker.recordings(now=START)))
    assert 2 == tracker.audit(START).recordings


# Kept


def test_announcements_are_folded_again_and_checked(tracker: Tracker) -> None:
    tracker.expect("agora", "x", within=WITHIN, at=START)
    tracker.expect("bandwidth", group="c", within=WITHIN, at=START)
    tracker.expect("enablex", "app/conf-a", within=WITHIN, at=START)
    tell(tracker, "enablex", "recording.string")
    before = seen(tracker, DUE + SECOND)

    report = tracker.replay(now=DUE + SECOND)

    assert (3, []) == (report.recordings, report.changed)
    assert before == seen(tracker, DUE + SECOND)
    assert tracker.verify().sound


def test_announcements_outlive_the_tracker(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        tracker.expect("agora", ids_of("agora")[0], within=WITHIN, at=START)
        tracker.expect("bandwidth", group="c-a", within=WITHIN, at=START)

    with Tracker(tmp_path / "recordings.db") as tracker:
        before = codes(tracker, DUE + SECOND)
        tell(tracker, "agora", "recorder_started.plain")
        tell(tracker, "bandwidth", "recordComplete")

        assert [["never-started"], ["never-started"]] == before
        assert [[], []] == codes(tracker, DUE + SECOND)


def test_that_it_never_started_can_be_acknowledged_and_settled(tracker: Tracker) -> None:
    tracker.expect("bandwidth", group="c-a", within=WITHIN, at=START)
    late = DUE + SECOND

    tracker.ack("c-a", note="the call was cancelled", now=late)
    acknowledged = [flag.acknowledged for flag in the_only(tracker, late).flags]
    attention = tracker.audit(late).needs_attention
    tracker.resolve("c-a", outcome="absent", note="the call was cancelled", now=late)

    assert ([True], False) == (acknowledged, attention)
    assert [[]] == codes(tracker, late)


# In a delivery log


def test_a_delivery_log_announces_by_id_and_by_group(tracker: Tracker) -> None:
    at = "2026-03-01T10:00:00Z"
    summary = tracker.ingest_many(
        [
            {"expect": {"provider": "agora", "recording_id": "x", "within": "10m"}, "received_at": at},
            {"expect": {"provider": "bandwidth", "group_id": "c", "within": "PT15M"}, "received_at": at},
            {"expect": {"provider": "aircore", "recording_id": "http://host/r"}, "received_at": at},
            {"provider": "bandwidth", "received_at": at, "body": stamped("bandwidth", "recordComplete")},
        ]
    )

    assert (4, 3, 1, 4) == (summary.deliveries, summary.expected, summary.accepted, summary.recordings)
    assert {"x": after(600), "c": after(900), "http://host/r": after(120)} == {
        one.id: one.due_at for one in tracker.recordings(phase="expected", now=START)
    }


@pytest.mark.parametrize("provider", GROUPED)
def test_a_summary_counts_an_announced_group_and_its_recording_as_one(tracker: Tracker, provider: str) -> None:
    announced = {"expect": {"provider": provider, "group_id": ids_of(provider)[1]}, "received_at": START}
    opening = {"provider": provider, "body": opening_of(provider), "received_at": after(1)}

    summary = tracker.ingest_many([announced])
    assert summary.recordings == 1

    tracker.ingest_many([opening], summary=summary)
    assert summary.recordings == 1


def test_a_delivery_log_gives_the_same_line_by_line_and_at_once() -> None:
    at = "2026-03-01T10:00:00Z"
    told: list[dict[str, Any]] = [
        {"expect": {"provider": "bandwidth", "group_id": "c-a", "within": "1m"}, "received_at": at},
        {"expect": {"provider": "enablex", "recording_id": "app/conf-a", "within": "1m"}, "received_at": at},
        {"provider": "bandwidth", "received_at": at, "body": stamped("bandwidth", "recordComplete")},
        {"provider": "enablex", "received_at": at, "body": stamped("enablex", "roomdrop")},
    ]

    found = []
    for parts in ([told], [[line] for line in told], [[line] for line in reversed(told)]):
        with Tracker(MemoryJournal()) as tracker:
            for part in parts:
                tracker.ingest_many(part)
            found.append(sorted(seen(tracker, DUE), key=lambda one: str(one["provider"])))

    assert found[0] == found[1] == found[2]


# Refused


@pytest.mark.parametrize("named", [{}, {"recording_id": "x", "group": "y"}, {"recording_id": ""}, {"group": ""}])
def test_an_announcement_names_a_recording_or_a_group(tracker: Tracker, named: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="either recording_id or group_id is expected"):
        tracker.expect("agora", **named, at=START)

    assert [] == seen(tracker, START)


def test_an_announcement_for_nobody_is_refused(tracker: Tracker) -> None:
    with pytest.raises(UnknownProviderError):
        tracker.expect("zoom", "x")


@pytest.mark.parametrize("odd", ["x" * 1025, "a\nb", "a\x00", "\u202eabc"])
def test_an_announcement_of_what_no_event_can_be_of_is_refused(tracker: Tracker, odd: str) -> None:
    with pytest.raises(UsageError):
        tracker.expect("agora", odd, at=START)
