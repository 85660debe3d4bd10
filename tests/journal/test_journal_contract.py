"""What every journal does alike, in memory and in a file: one contract, through the doors of the protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker
from recording_tracker.errors import StorageError, TrackerError, UsageError
from recording_tracker.events import File
from recording_tracker.flags import ERROR, INFO, WARNING, Flag
from recording_tracker.journal import (
    Count,
    Entry,
    EventRow,
    Expectation,
    Filter,
    Journal,
    OpenTotal,
    Quarantined,
    Total,
    Variant,
)
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.journal.sqlite import SqliteJournal
from recording_tracker.standing import Standing

AT = datetime(2026, 11, 1, 10, tzinfo=UTC)
URL = "http://recorder.example/recording/1-0-1"


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = MemoryJournal() if request.param == "memory" else SqliteJournal(tmp_path / "recordings.db")
    yield made
    made.close()


def standing(recording_id: str | None = "r1", **facts: Any) -> Standing:
    known: dict[str, Any] = {"provider": "agora", "opened": True, "phase": "recording", "machine": "m1"}
    return Standing(recording_id=recording_id, **(known | facts))


def complete(recording_id: str, **facts: Any) -> Standing:
    ended = {"phase": "finished", "complete": True, "outcome": "available", "completed_ms": 50}
    return standing(recording_id, **(ended | facts))


def flag(code: str = "illegal-transition", *, events: tuple[str, ...] = ("e1",), raised_ms: int = 100) -> Flag:
    severity = {"sequence-gap": INFO, "missing-event": WARNING}.get(code, ERROR)
    return Flag(code, severity, f"{code} happened", "recorder", events, raised_ms)


def row(event_id: str = "e1", *, body: bytes = b"{}", **facts: Any) -> EventRow:
    made = EventRow(event_id, "started", 5, 10, "taken", 1, None, sha256(body).digest(), body, "{}")
    return made._replace(**facts)


def variant(content: str, received_ms: int) -> Variant:
    return Variant(content, received_ms, sha256(content.encode()).digest(), content.encode(), '{"id": "7"}')


def insert(journal: Journal, *standings: Standing) -> list[int]:
    """Insert recordings with their flags, and commit."""
    numbers = []
    with journal.writing():
        for found in standings:
            numbers.append(journal.insert(found, ""))
            journal.write_flags(numbers[-1], found.flags, (), 0)
    return numbers


def update(journal: Journal, number: int, changed: Standing) -> None:
    with journal.writing():
        journal.update(number, journal.entry(number).standing, changed, "")


def ids(entries: Iterator[Entry]) -> list[str | None]:
    return [entry.standing.recording_id for entry in entries]


def picture(journal: Journal) -> list[object]:
    """Look at all that a journal holds."""
    numbers = list(journal.numbers())
    names = ["r1", "r2", "r3", "a1", "a2", "g1", "g2"]
    pairs = [("agora", name) for name in names]
    return [
        [journal.entry(number) for number in numbers],
        [sorted(journal.events(number)) for number in numbers],
        [journal.variants(number, "e1") for number in numbers],
        [(journal.load(*pair), journal.load_announced_group(*pair), journal.group_opened(*pair)) for pair in pairs],
        [journal.expectations("agora", recording_id=name) for name in names],
        [journal.expectations("agora", group_id=name) for name in names],
        [(journal.find_ids([pair]), journal.find_aliases([pair]), journal.find_groups([pair])) for pair in pairs],
        [journal.find_prefix(prefix, limit=9) for prefix in "rag"],
        [journal.providers(), journal.totals(), journal.counts(), journal.seen_events(), journal.machine("m1")],
        [list(journal.entries(Filter())), list(journal.overdue(10**6)), list(journal.flagged(0, 10**6))],
        [list(journal.quarantined()), journal.count_quarantined(), journal.quarantine_size()],
        [journal.over_before(10**6, limit=9), list(journal.damages())],
    ]


# Recordings


WHOLE = Standing(
    provider="agora",
    recording_id="r1",
    group_id="g1",
    aliases=("a1", "a2"),
    opened=True,
    announced=True,
    phase="recording",
    complete=False,
    outcome="partial",
    state={"recorder": "left", "uploader": "idle"},
    started_ms=1,
    ended_ms=2,
    completed_ms=3,
    stall_ms=4,
    stall_region="recorder",
    due_ms=5,
    due_region="uploader",
    progress=0.5,
    last_name="uploaded \N{SNOWMAN}",
    last_occurred_ms=-6,
    last_received_ms=7,
    events=8,
    duplicates=9,
    awaits=("recorder_leave", "uploaded"),
    machine="m1",
    files=(File("b.mp4", "https://x.example/b", "mp4", "7", 1, "ab", 2**40), File("a.m3u8"), File(None)),
    flags=(flag(), flag("missing-event", events=("left", "exited")), flag("sequence-gap", events=())),
)


def test_a_recording_is_read_back_whole(journal: Journal) -> None:
    with journal.writing():
        number = journal.insert(WHOLE, '{"course": 1}')
        journal.write_flags(number, WHOLE.flags, (), 0)

    assert Entry(number, WHOLE, '{"course": 1}', {}) == journal.entry(number)
    assert Entry(number, WHOLE, '{"course": 1}', {}) == journal.load("agora", "r1")


def test_a_recording_without_facts_is_read_back_as_such(journal: Journal) -> None:
    bare = Standing("agora", None)

    (number,) = insert(journal, bare)

    assert Entry(number, bare, "", {}) == journal.entry(number)


def test_an_update_replaces_everything_but_the_flags(journal: Journal) -> None:
    (number,) = insert(journal, WHOLE)
    changed = standing("r1", group_id="g2", aliases=("a2", "a3"), files=(File("c.mp4"),))

    with journal.writing():
        journal.update(number, WHOLE, changed, "further")

    assert Entry(number, changed._replace(flags=WHOLE.flags), "further", {}) == journal.entry(number)
    assert [[], [number], [number]] == [journal.find_aliases([("agora", alias)]) for alias in ("a1", "a2", "a3")]
    assert [[], [number]] == [journal.find_groups([("agora", group)]) for group in ("g1", "g2")]


def test_one_recording_does_not_show_in_another(journal: Journal) -> None:
    first, second = insert(journal, WHOLE, standing("r2"))

    assert standing("r2") == journal.entry(second).standing
    assert [first, second] == list(journal.numbers())


def test_a_number_that_is_not_there_is_an_error(journal: Journal) -> None:
    with pytest.raises(StorageError, match="recording number 7 is no longer there"):
        journal.entry(7)


def test_an_id_is_looked_for_at_its_provider(journal: Journal) -> None:
    _, second = insert(journal, standing(provider="agora"), standing(provider="bandwidth"))

    assert (found := journal.load("bandwidth", "r1")) is not None
    assert second == found.number
    assert journal.load("bandwidth", "r2") is None


def test_an_id_is_kept_once_for_a_provider(journal: Journal) -> None:
    insert(journal, standing("r1"))
    before = picture(journal)

    with pytest.raises(TrackerError):
        insert(journal, standing("r2"), standing("r1"))

    assert before == picture(journal)


def test_any_number_of_groups_can_be_announced(journal: Journal) -> None:
    waiting = [standing(None, opened=False, announced=True, group_id=group) for group in ("g1", "g2")]
    insert(journal, standing("r1", group_id="g1"))

    _, second = insert(journal, *waiting)

    assert Entry(second, waiting[1], "", {}) == journal.load_announced_group("agora", "g2")
    assert journal.load_announced_group("agora", "g3") is None
    assert journal.load_announced_group("bandwidth", "g2") is None


def test_a_placeholder_is_found_beside_the_recordings_of_its_group(journal: Journal) -> None:
    waiting = standing(None, opened=False, announced=True, group_id="g1")

    _, number, _ = insert(journal, standing("r1", group_id="g1"), waiting, standing("r2", group_id="g1"))

    assert (found := journal.load_announced_group("agora", "g1")) is not None
    assert number == found.number


def test_a_group_has_opened_when_one_of_its_recordings_has(journal: Journal) -> None:
    waiting = standing(None, opened=False, announced=True, group_id="g1")
    number, _ = insert(journal, standing("r1", opened=False, group_id="g1"), waiting)

    before = journal.group_opened("agora", "g1")
    update(journal, number, standing("r1", group_id="g1"))

    assert (False, True) == (before, journal.group_opened("agora", "g1"))
    assert not journal.group_opened("bandwidth", "g1")


def test_deleting_takes_out_all_that_belongs_to_a_recording(journal: Journal) -> None:
    insert(journal, standing("r2", aliases=("a2",), flags=(flag(),)))
    before = picture(journal)
    with journal.writing():
        number = journal.insert(WHOLE._replace(aliases=("a1",)), "")
        journal.write_flags(number, WHOLE.flags, (), 0)
        journal.acknowledge(number, flag("stalled"), note="seen", at_ms=1)
        journal.add_events(number, [row("e1"), row("e2")])
        journal.put_variants(number, "e1", [variant("c2", 20)])

    with journal.writing():
        journal.delete(number)

    assert before == picture(journal)
    assert [] == list(journal.events(number))
    assert [] == journal.variants(number, "e1")


def test_what_is_not_there_cannot_be_deleted(journal: Journal) -> None:
    with pytest.raises(TrackerError, match="recording number 7 is"), journal.writing():
        journal.delete(7)


# Transactions


class OutOfPatienceError(Exception):
    """What a caller may raise inside a block."""


def begin_and_give_up(journal: Journal, change: Callable[[], object]) -> None:
    with journal.writing():
        change()
        raise OutOfPatienceError


def change_everything(journal: Journal, first: int, second: int) -> None:
    """Call every method that writes, on what is there and on what is new."""
    third = journal.insert(standing("r3", group_id="g2", aliases=("a1",)), "")
    journal.add_events(third, [row("e3")])
    kept = journal.entry(first).standing.flags
    flags = (*(old for old in kept if old.identity != flag().identity), flag("unknown-event"))
    changed = standing("r1", group_id="g2", aliases=("a2",), files=(File("c"),), due_ms=7, flags=flags)
    journal.update(first, journal.entry(first).standing, changed, "further")
    journal.write_flags(first, [flag("unknown-event")], [flag()], 60)
    journal.acknowledge(first, flag("unknown-event"), note="seen", at_ms=61)
    journal.add_events(first, [row("e2")])
    journal.replace_event(first, row("e1", deliveries=9))
    journal.set_verdicts(first, [("e1", "late")])
    journal.retell_events(first, [row("e2", occurred_ms=None)])
    journal.put_variants(first, "e1", [variant("c9", 99)])
    journal.delete(second)
    for text in ("r1", "r3"):
        journal.announce(Expectation("agora", text, None, 5, 5))
    journal.quarantine("agora", 5, "worse", b"odd", "{}")
    journal.quarantine("agora", 5, "odd too", b"odder", "{}")
    journal.release(next(journal.quarantined()).number)
    journal.count("agora", "accepted", "", 33)
    journal.count("agora", "ignored", "test", 1)
    journal.register_machine("m2", "agora", "{}", 5)
    journal.saw_events("agora", ["exited"])


def filled(journal: Journal) -> tuple[int, int]:
    first, second = insert(journal, WHOLE, complete("r2", group_id="g1", aliases=("a1",), flags=(flag(),)))
    with journal.writing():
        journal.add_events(first, [row("e1")])
        journal.add_events(second, [row("e1")])
        journal.put_variants(first, "e1", [variant("c2", 20)])
        journal.announce(Expectation("agora", "r1", None, 1, 2))
        journal.announce(Expectation("agora", "r2", None, 1, 2))
        journal.quarantine("agora", 10, "odd", b"odd", "{}")
        journal.count("agora", "accepted", "", 20)
        journal.register_machine("m1", "agora", "{}", 1)
        journal.saw_events("agora", ["started"])
    return first, second


def test_a_transaction_that_raises_leaves_nothing_behind(journal: Journal) -> None:
    first, second = filled(journal)
    before = picture(journal)

    with pytest.raises(OutOfPatienceError):
        begin_and_give_up(journal, lambda: change_everything(journal, first, second))

    assert before == picture(journal)
    assert journal.machine("m2") is None


def test_a_transaction_sees_what_it_has_written(journal: Journal) -> None:
    first, second = filled(journal)

    with journal.writing():
        change_everything(journal, first, second)
        within = picture(journal)

    assert within == picture(journal)


def test_a_journal_goes_on_after_a_transaction_that_raised(journal: Journal) -> None:
    with pytest.raises(OutOfPatienceError):
        begin_and_give_up(journal, lambda: journal.insert(standing("r1"), ""))

    (number,) = insert(journal, standing("r1"))

    assert [number] == list(journal.numbers())
    assert [Total("agora", "recording", None, "m1", 1)] == journal.totals()


def test_a_transaction_inside_another_is_refused(journal: Journal) -> None:
    with journal.writing():
        journal.insert(standing("r1"), "")
        with pytest.raises(StorageError), journal.writing():
            pytest.fail("a second transaction began")

    assert ["r1"] == ids(journal.entries(Filter()))


def test_no_other_thread_sees_half_of_a_transaction(journal: Journal) -> None:
    seen: list[list[Total]] = []

    def look() -> None:
        reader = journal.reader()
        seen.append(reader.totals())
        if reader is not journal:
            reader.close()

    def change() -> None:
        journal.insert(standing("r1"), "")
        looking.start()
        # A journal may answer with what was before, or let the reader wait until it is settled.
        looking.join(0.2)

    looking = threading.Thread(target=look)
    with pytest.raises(OutOfPatienceError):
        begin_and_give_up(journal, change)
    looking.join()

    assert [[]] == seen


def test_a_reader_sees_what_has_been_committed(journal: Journal) -> None:
    reader = journal.reader()
    (number,) = insert(journal, standing("r1"))

    with reader.reading():
        found = reader.entry(number).standing

    assert standing("r1") == found
    if reader is not journal:
        reader.close()


def test_nobody_else_has_written_what_the_journal_wrote_itself(journal: Journal) -> None:
    with journal.writing():
        journal.changed_elsewhere()

    insert(journal, standing("r1"))

    with journal.writing():
        assert not journal.changed_elsewhere()


# Flags


def test_open_flags_come_in_the_order_of_their_identity(journal: Journal) -> None:
    codes = ["unknown-event", "clock-skew", "payload-mismatch"]
    (number,) = insert(journal, standing(flags=tuple(flag(code) for code in codes)))

    assert sorted(codes) == [found.code for found in journal.entry(number).standing.flags]


def test_a_cleared_flag_is_open_no_more(journal: Journal) -> None:
    (number,) = insert(journal, standing(flags=(flag(), flag("unknown-event"))))

    with journal.writing():
        journal.write_flags(number, (), [flag()], 200)

    assert (flag("unknown-event"),) == journal.entry(number).standing.flags


def test_a_flag_that_is_cleared_before_it_was_raised_stays_closed(journal: Journal) -> None:
    (number,) = insert(journal, standing())

    with journal.writing():
        journal.write_flags(number, (), [flag("stalled", events=())], 200)

    assert () == journal.entry(number).standing.flags


def test_a_flag_raised_again_tells_the_newer_story(journal: Journal) -> None:
    (number,) = insert(journal, standing(flags=(flag(),)))
    again = flag()._replace(severity=WARNING, message="less bad", raised_ms=7)

    with journal.writing():
        journal.write_flags(number, [again], (), 200)

    assert (again,) == journal.entry(number).standing.flags


def test_a_flag_that_clears_and_comes_again_keeps_its_acknowledgement(journal: Journal) -> None:
    (number,) = insert(journal, standing(flags=(flag(),)))
    with journal.writing():
        journal.acknowledge(number, flag(), note="asked them", at_ms=150)
    with journal.writing():
        journal.write_flags(number, (), [flag()], 200)
    cleared = journal.entry(number)

    with journal.writing():
        journal.write_flags(number, [flag()], (), 300)

    assert ((), {flag().identity: "asked them"}) == (cleared.standing.flags, cleared.acknowledged)
    again = journal.entry(number)
    assert ((flag(),), {flag().identity: "asked them"}) == (again.standing.flags, again.acknowledged)


def test_an_acknowledgement_holds_for_one_identity(journal: Journal) -> None:
    (number,) = insert(journal, standing(flags=(flag(), flag(events=("e2",)))))

    with journal.writing():
        journal.acknowledge(number, flag(), note="seen", at_ms=150)

    assert {flag().identity: "seen"} == journal.entry(number).acknowledged
    assert (flag(), flag(events=("e2",))) == journal.entry(number).standing.flags


def test_the_last_acknowledgement_counts(journal: Journal) -> None:
    (number,) = insert(journal, standing(flags=(flag(),)))

    with journal.writing():
        journal.acknowledge(number, flag(), note="first", at_ms=150)
        journal.acknowledge(number, flag(), note="second", at_ms=160)

    assert {flag().identity: "second"} == journal.entry(number).acknowledged


def test_an_acknowledged_flag_of_the_clock_is_not_open_by_that(journal: Journal) -> None:
    late = flag("missing-terminal", events=(), raised_ms=100)
    (number,) = insert(journal, standing(due_ms=100))

    with journal.writing():
        journal.acknowledge(number, late, note="known", at_ms=150)

    assert Entry(number, standing(due_ms=100), "", {late.identity: "known"}) == journal.entry(number)
    assert [] == list(journal.flagged(0, 200))


def test_the_operators_note_is_kept_beside_the_flag(journal: Journal) -> None:
    (number,) = insert(journal, standing())

    with journal.writing():
        journal.write_flags(number, [flag()._replace(acknowledged=True, note="mine")], (), 0)

    assert (flag(),) == journal.entry(number).standing.flags


# Events


def test_events_are_read_back_as_they_were_kept(journal: Journal) -> None:
    first, second = insert(journal, standing("r1"), standing("r2"))
    odd = row("e2", body=b"\x00\xff'--", occurred_ms=None, differs_ms=11, query='{"id": "%_"}')

    with journal.writing():
        journal.add_events(first, [row("e1"), odd])

    assert [row("e1"), odd] == sorted(journal.events(first))
    assert odd == journal.event(first, "e2")
    assert journal.event(first, "e3") is None
    assert journal.event(second, "e1") is None
    assert [] == list(journal.events(second))


def test_two_recordings_may_have_events_of_one_id(journal: Journal) -> None:
    first, second = insert(journal, standing("r1"), standing("r2"))

    with journal.writing():
        journal.add_events(first, [row("e1", name="a")])
        journal.add_events(second, [row("e1", name="b")])
        journal.set_verdicts(second, [("e1", "late")])

    assert [row("e1", name="a")] == list(journal.events(first))
    assert [row("e1", name="b", verdict="late")] == list(journal.events(second))


def test_an_event_is_kept_once(journal: Journal) -> None:
    (number,) = insert(journal, standing())
    with journal.writing():
        journal.add_events(number, [row("e1")])

    with pytest.raises(TrackerError), journal.writing():
        journal.add_events(number, [row("e2"), row("e1", name="again")])

    assert [row("e1")] == list(journal.events(number))


def test_another_delivery_takes_the_place_of_an_event(journal: Journal) -> None:
    (number,) = insert(journal, standing())
    with journal.writing():
        journal.add_events(number, [row("e1"), row("e2")])
    earlier = row("e1", body=b"[]", received_ms=1, deliveries=2, differs_ms=10, verdict="late")

    with journal.writing():
        journal.replace_event(number, earlier)
        journal.replace_event(number, row("e3"))

    assert [earlier, row("e2")] == sorted(journal.events(number))


def test_verdicts_change_alone(journal: Journal) -> None:
    (number,) = insert(journal, standing())
    with journal.writing():
        journal.add_events(number, [row("e1"), row("e2"), row("e3")])

    with journal.writing():
        journal.set_verdicts(number, [("e1", "late"), ("e3", "implied"), ("e4", "taken")])

    assert [row("e1", verdict="late"), row("e2"), row("e3", verdict="implied")] == sorted(journal.events(number))


def test_what_is_told_of_events_changes_and_their_bodies_stay(journal: Journal) -> None:
    (number,) = insert(journal, standing())
    told: dict[str, Any] = {"name": "left", "occurred_ms": None, "verdict": "late"}
    with journal.writing():
        journal.add_events(number, [row("e1"), row("e2")])

    with journal.writing():
        journal.retell_events(number, [row("e1", body=b"", deliveries=9, **told), row("e3")])

    assert [row("e1", **told), row("e2")] == sorted(journal.events(number))


def test_the_variants_of_an_event_are_replaced_together(journal: Journal) -> None:
    (number,) = insert(journal, standing())
    with journal.writing():
        journal.add_events(number, [row("e1"), row("e2")])
        journal.put_variants(number, "e1", [variant("late", 30), variant("early", 20)])
        journal.put_variants(number, "e2", [variant("other", 5)])
    before = journal.variants(number, "e1")

    with journal.writing():
        journal.put_variants(number, "e1", [variant("only", 40)])

    assert [variant("early", 20), variant("late", 30)] == before
    assert [variant("only", 40)] == journal.variants(number, "e1")
    assert [variant("other", 5)] == journal.variants(number, "e2")


def test_variants_received_at_once_come_in_the_order_of_their_hash(journal: Journal) -> None:
    (number,) = insert(journal, standing())
    together = [variant(content, 30) for content in "abcd"]

    with journal.writing():
        journal.put_variants(number, "e1", together)

    assert sorted(together, key=lambda found: found.sha256) == journal.variants(number, "e1")


def test_an_event_can_lose_its_variants(journal: Journal) -> None:
    (number,) = insert(journal, standing())
    with journal.writing():
        journal.put_variants(number, "e1", [variant("c2", 20)])

    with journal.writing():
        journal.put_variants(number, "e1", [])

    assert [] == journal.variants(number, "e1")


# What stands beside the recordings


def test_the_same_expectation_is_kept_once(journal: Journal) -> None:
    expected = Expectation("agora", "r1", None, 10, 60)

    with journal.writing():
        answers = [journal.announce(expected), journal.announce(expected)]
    with journal.writing():
        answers.append(journal.announce(expected))

    assert [True, False, False] == answers
    assert [expected] == journal.expectations("agora", recording_id="r1")


def test_expectations_that_differ_are_all_kept_in_the_order_of_announcing(journal: Journal) -> None:
    later, sooner, longer = (Expectation("agora", None, "g1", *times) for times in ((20, 60), (10, 60), (10, 90)))

    with journal.writing():
        answers = [journal.announce(expected) for expected in (later, sooner, longer)]

    assert [True, True, True] == answers
    assert [later, sooner, longer] == journal.expectations("agora", group_id="g1")


def test_expectations_are_asked_for_by_provider_and_by_one_of_the_ids(journal: Journal) -> None:
    by_id, by_group = Expectation("agora", "x", None, 10, 60), Expectation("agora", None, "x", 10, 60)

    with journal.writing():
        assert journal.announce(by_id)
        assert journal.announce(by_group)

    assert [by_id] == journal.expectations("agora", recording_id="x")
    assert [by_group] == journal.expectations("agora", group_id="x")
    assert [] == journal.expectations("bandwidth", recording_id="x")
    assert [] == journal.expectations("agora")


def test_withdrawing_leaves_the_expectations_of_others(journal: Journal) -> None:
    kept = [Expectation("agora", "r2", None, 1, 2), Expectation("agora", None, "g2", 1, 2)]
    gone = [Expectation("agora", "r1", None, 1, 2), Expectation("agora", None, "g1", 1, 2)]
    with journal.writing():
        for expected in (*kept, *gone):
            journal.announce(expected)

    with journal.writing():
        journal.withdraw("agora", recording_id="r1")
        journal.withdraw("agora", group_id="g1")

    assert [kept[0]] == journal.expectations("agora", recording_id="r2")
    assert [kept[1]] == journal.expectations("agora", group_id="g2")
    assert [] == journal.expectations("agora", recording_id="r1") + journal.expectations("agora", group_id="g1")


def test_deleting_a_recording_leaves_its_expectations(journal: Journal) -> None:
    (number,) = insert(journal, standing("r1"))
    expected = Expectation("agora", "r1", None, 1, 2)
    with journal.writing():
        journal.announce(expected)

    with journal.writing():
        journal.delete(number)

    assert [expected] == journal.expectations("agora", recording_id="r1")


def quarantine(journal: Journal, *bodies: tuple[str, int, str, bytes, str]) -> None:
    with journal.writing():
        for body in bodies:
            journal.quarantine(*body)


def test_the_same_body_is_quarantined_once_with_its_first_time_and_last_reason(journal: Journal) -> None:
    quarantine(journal, ("agora", 20, "no id", b"x", "{}"), ("agora", 10, "no kind", b"x", "{}"))
    quarantine(journal, ("agora", 30, "no sid", b"x", "{}"))

    assert [Quarantined(1, "agora", 10, "no sid", b"x", "{}")] == list(journal.quarantined())
    assert (1, 1) == journal.quarantine_size()


def test_another_body_provider_or_query_is_quarantined_beside(journal: Journal) -> None:
    bodies = [("agora", 1, "", b"x", "{}"), ("agora", 1, "", b"yy", "{}"), ("enablex", 1, "", b"x", "{}")]
    bodies.append(("agora", 1, "", b"x", '{"id": "1"}'))

    quarantine(journal, *bodies)

    assert [Quarantined(number, *body) for number, body in enumerate(bodies, 1)] == list(journal.quarantined())
    assert (4, 5) == journal.quarantine_size()


def test_a_released_body_is_in_quarantine_no_more(journal: Journal) -> None:
    quarantine(journal, ("agora", 1, "", b"x", "{}"), ("agora", 2, "", b"y", "{}"))
    asked = [("agora", b"x", "{}"), ("agora", b"y", "{}"), ("agora", b"y", '{"id": "1"}'), ("enablex", b"y", "{}")]
    assert [True, True, False, False] == [journal.is_quarantined(*body) for body in asked]

    with journal.writing():
        assert [True, False, False] == [journal.release(number) for number in (1, 1, 9)]

    assert [2] == [kept.number for kept in journal.quarantined()]
    assert [False, True, False, False] == [journal.is_quarantined(*body) for body in asked]
    assert (1, 1) == (journal.count_quarantined(), journal.quarantine_size()[0])


def test_quarantine_is_asked_for_since_a_moment_or_for_all_time(journal: Journal) -> None:
    quarantine(journal, *(("agora", ms, "", str(ms).encode(), "{}") for ms in (-5, 10, 20, 30)))

    assert [20, 30] == [kept.received_ms for kept in journal.quarantined(since_ms=20)]
    assert [-5, 10, 20, 30] == [kept.received_ms for kept in journal.quarantined()]
    assert (2, 4) == (journal.count_quarantined(since_ms=20), journal.count_quarantined())


def test_a_long_quarantine_is_read_to_its_end(journal: Journal) -> None:
    quarantine(journal, *(("agora", 1, "", str(number).encode(), "{}") for number in range(1001)))

    assert list(range(1, 1002)) == [kept.number for kept in journal.quarantined()]


def test_counts_add_up_and_remember_the_last_time(journal: Journal) -> None:
    with journal.writing():
        journal.count("bandwidth", "accepted", "", 9)
        journal.count("agora", "ignored", "test", 20)
        journal.count("agora", "ignored", "test", 15)
    with journal.writing():
        journal.count("agora", "ignored", "test", 10)
        journal.count("agora", "ignored", "other", -1)
        expected = [
            Count("agora", "ignored", "other", 1, -1),
            Count("agora", "ignored", "test", 3, 20),
            Count("bandwidth", "accepted", "", 1, 9),
        ]
        assert expected == journal.counts()

    assert expected == journal.counts()


def test_a_machine_version_is_kept_as_it_was_first_registered(journal: Journal) -> None:
    with journal.writing():
        journal.register_machine("m1", "agora", '{"first": 1}', 1)
        journal.register_machine("m1", "agora", '{"second": 1}', 2)

    assert ('{"first": 1}', None) == (journal.machine("m1"), journal.machine("m2"))


def test_event_names_are_remembered_by_provider(journal: Journal) -> None:
    with journal.writing():
        journal.saw_events("agora", ["started", "left"])
        journal.saw_events("agora", ["left", "exited"])
        journal.saw_events("bandwidth", iter(["started"]))
        journal.saw_events("enablex", [])

    assert {"agora": {"started", "left", "exited"}, "bandwidth": {"started"}} == journal.seen_events()


def test_what_was_answered_does_not_change_the_journal(journal: Journal) -> None:
    first, _ = filled(journal)
    before = deepcopy(picture(journal))

    journal.seen_events()["agora"].clear()
    journal.variants(first, "e1").clear()
    journal.expectations("agora", recording_id="r1").clear()
    journal.counts().clear()

    assert before == picture(journal)


# Totals


def test_totals_follow_the_recordings(journal: Journal) -> None:
    first, second = insert(journal, standing("r1"), standing("r2"))
    started = journal.totals()
    update(journal, first, complete("r1"))
    ended = journal.totals()
    update(journal, second, complete("r2", machine="m2"))

    with journal.writing():
        journal.delete(first)

    assert [Total("agora", "recording", None, "m1", 2)] == started
    assert [Total("agora", "finished", "available", "m1", 1), Total("agora", "recording", None, "m1", 1)] == ended
    assert [Total("agora", "finished", "available", "m2", 1)] == journal.totals()
    assert [] == list(journal.damages())


def test_totals_come_by_provider_phase_outcome_and_machine(journal: Journal) -> None:
    insert(
        journal,
        standing("r1", provider="bandwidth"),
        complete("r2", outcome="partial", machine="m0"),
        complete("r3"),
        complete("r4", machine="m0"),
        standing("r5"),
    )

    assert [
        Total("agora", "finished", "available", "m0", 1),
        Total("agora", "finished", "available", "m1", 1),
        Total("agora", "finished", "partial", "m0", 1),
        Total("agora", "recording", None, "m1", 1),
        Total("bandwidth", "recording", None, "m1", 1),
    ] == journal.totals()
    assert ["agora", "bandwidth"] == journal.providers()


def test_what_nothing_has_opened_or_announced_is_not_counted_until_something_does(journal: Journal) -> None:
    (number,) = insert(journal, standing("r1", opened=False))
    before = (journal.totals(), journal.providers())

    update(journal, number, standing("r1"))

    assert ([], []) == before
    assert ([Total("agora", "recording", None, "m1", 1)], ["agora"]) == (journal.totals(), journal.providers())


def test_a_provider_of_which_nothing_is_left_is_none(journal: Journal) -> None:
    number, _ = insert(journal, standing("r1"), standing("r2", provider="bandwidth"))

    with journal.writing():
        journal.delete(number)

    assert ["bandwidth"] == journal.providers()


def test_an_announced_recording_is_counted(journal: Journal) -> None:
    insert(journal, standing(None, opened=False, announced=True, phase="expected", group_id="g1"))

    assert [Total("agora", "expected", None, "m1", 1)] == journal.totals()


# Look-ups


def test_only_recordings_that_exist_are_found(journal: Journal) -> None:
    names = {"group_id": "g1", "aliases": ("a1",)}

    _, *existing = insert(
        journal,
        standing("r0", opened=False, **names),
        standing("r1", **names),
        standing("r2", opened=False, announced=True, **names),
    )

    assert [existing[0]] == journal.find_ids([("agora", "r0"), ("agora", "r1")])
    assert existing == journal.find_aliases([("agora", "a1")])
    assert existing == journal.find_groups([("agora", "g1")])
    assert existing == [number for _, number in journal.find_prefix("r", limit=9)]
    assert ["r2", "r1"] == ids(journal.entries(Filter()))


def test_each_look_up_asks_for_one_kind_of_name_of_one_provider(journal: Journal) -> None:
    (number,) = insert(journal, standing("r1", group_id="g1", aliases=("a1", "a2")))
    pairs = [(provider, text) for provider in ("agora", "bandwidth") for text in ("r1", "a2", "g1")]

    assert [[number], [], [], [], [], []] == [journal.find_ids([pair]) for pair in pairs]
    assert [[], [number], [], [], [], []] == [journal.find_aliases([pair]) for pair in pairs]
    assert [[], [], [number], [], [], []] == [journal.find_groups([pair]) for pair in pairs]


def test_what_is_found_comes_in_the_order_of_asking_and_once(journal: Journal) -> None:
    first, second, third = insert(
        journal,
        standing("r1", group_id="g1", aliases=("a1", "a2")),
        standing("r2", group_id="g1", aliases=("a1",)),
        standing("r3", group_id="g2", aliases=("a2",)),
    )
    asked = [("agora", "r3"), ("agora", "r1"), ("agora", "r3"), ("agora", "r9")]

    assert [third, first] == journal.find_ids(asked)
    assert [first, third, second] == journal.find_aliases([("agora", "a2"), ("agora", "a1")])
    assert [third, first, second] == journal.find_groups([("agora", "g2"), ("agora", "g1")])
    assert [] == journal.find_ids([])


def test_a_prefix_finds_ids_then_aliases_then_groups_of_one_provider_after_another(journal: Journal) -> None:
    first, second, third = insert(
        journal,
        standing("same-2", provider="bandwidth"),
        standing("same-1", aliases=("same-z", "same-y"), group_id="same-g"),
        standing("same-0", group_id="same-g"),
    )

    assert [
        ("same-0", third),
        ("same-1", second),
        ("same-y", second),
        ("same-z", second),
        ("same-g", second),
        ("same-g", third),
        ("same-2", first),
    ] == journal.find_prefix("same-", limit=9)
    assert [("same-1", second)] == journal.find_prefix("same-1", limit=9)
    assert [("same-2", first)] == journal.find_prefix("same-", limit=9, provider="bandwidth")
    assert [] == journal.find_prefix("same-", limit=9, provider="zoom")
    assert [] == journal.find_prefix("ame", limit=9)


@pytest.mark.parametrize("sign", ["%", "_", "\\", "*", "?", "[", "'", '"', "\N{SNOWMAN}", "\U0001f600", "\0", "\n"])
def test_a_sign_in_a_prefix_stands_for_itself(journal: Journal, sign: str) -> None:
    with_sign, _ = insert(journal, standing(f"abc{sign}d"), standing("abcxd"))

    assert [(f"abc{sign}d", with_sign)] == journal.find_prefix(f"abc{sign}", limit=9)
    assert [(f"abc{sign}d", with_sign)] == journal.find_prefix(f"abc{sign}d", limit=9)
    assert [] == journal.find_prefix(f"{sign}bc", limit=9)


def test_upper_and_lower_case_are_different_letters(journal: Journal) -> None:
    insert(journal, standing("abcd", aliases=("wxyz",), group_id="ghij"))

    found = [journal.find_prefix(prefix, limit=9) for prefix in ("ABC", "WXY", "GHI")]

    assert [[], [], []] == found
    assert [] == journal.find_ids([("agora", "ABCD")])


def test_a_prefix_finds_no_more_than_the_limit_of_each_kind(journal: Journal) -> None:
    numbers = insert(journal, *(standing(f"r{letter}", aliases=(f"ra{letter}",)) for letter in "dcba"))

    found = journal.find_prefix("r", limit=2)

    assert [("ra", numbers[3]), ("rb", numbers[2]), ("raa", numbers[3]), ("rab", numbers[2])] == found


def test_what_does_not_exist_does_not_fill_the_limit_of_a_prefix(journal: Journal) -> None:
    hidden = [standing(f"ra{n}", opened=False, aliases=("rx",), group_id="rg") for n in range(3)]

    *_, number = insert(journal, *hidden, standing("rb", aliases=("rx",), group_id="rg"))

    assert [("rb", number), ("rx", number), ("rg", number)] == journal.find_prefix("r", limit=1)


def test_text_that_could_not_be_decoded_finds_nothing(journal: Journal) -> None:
    insert(journal, standing("r1"))
    undecoded = "r1\udcff"

    found = [find([("agora", undecoded)]) for find in (journal.find_ids, journal.find_aliases, journal.find_groups)]

    assert [[], [], []] == found
    assert [] == journal.find_prefix(undecoded, limit=9)


# Listings


def test_recordings_are_listed_the_newest_first(journal: Journal) -> None:
    insert(journal, *(standing(f"r{n}", last_received_ms=ms) for n, ms in enumerate((30, 10, 20))))

    assert ["r2", "r1", "r0"] == ids(journal.entries(Filter()))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(provider="bandwidth"), ["r3"]),
        (Filter(phase="finished"), ["r2", "r1"]),
        (Filter(outcome="partial"), ["r2"]),
        (Filter(since_ms=20), ["r3", "r2"]),
        (Filter(since_ms=21), ["r3"]),
        (Filter(phase="finished", outcome="available", provider="agora", since_ms=10), ["r1"]),
        (Filter(phase="recording", outcome="available"), []),
        (Filter(provider="zoom"), []),
        (Filter(overdue_ms=50), ["r0"]),
        (Filter(overdue_ms=51), ["r3", "r0"]),
        (Filter(overdue_ms=51, provider="bandwidth"), ["r3"]),
        (Filter(overdue_ms=51, since_ms=31), []),
    ],
)
def test_a_list_holds_what_is_wanted(journal: Journal, wanted: Filter, expected: list[str]) -> None:
    insert(
        journal,
        standing("r0", stall_ms=60, due_ms=40),
        complete("r1", last_received_ms=10),
        complete("r2", last_received_ms=20, outcome="partial"),
        standing("r3", provider="bandwidth", last_received_ms=30, due_ms=50),
        standing("r4", opened=False, last_received_ms=30),
    )

    assert expected == ids(journal.entries(wanted))


@pytest.mark.parametrize("deadline", ["stall_ms", "due_ms"])
def test_a_deadline_has_passed_only_after_its_moment(journal: Journal, deadline: str) -> None:
    insert(journal, standing("r1", **{deadline: 100}))

    assert [[], [], ["r1"]] == [ids(journal.overdue(now_ms)) for now_ms in (99, 100, 101)]


def test_overdue_recordings_come_by_their_earlier_deadline(journal: Journal) -> None:
    insert(
        journal,
        standing("r1", stall_ms=300, due_ms=90),
        standing("r2", stall_ms=50, due_ms=300),
        standing("r3", stall_ms=300, due_ms=300),
        standing("r4", opened=False, announced=True, due_ms=70),
        complete("r5"),
        standing("r6", due_ms=50),
    )

    assert ["r2", "r6", "r4", "r1"] == ids(journal.overdue(100))


def test_many_recordings_are_told_of_in_order_each_with_what_belongs_to_it(journal: Journal) -> None:
    many = [standing(f"r{n}", due_ms=2_000 - n, flags=(flag(raised_ms=n),) * (n % 2)) for n in range(1_200)]
    insert(journal, *many)

    assert many[::-1] == [entry.standing for entry in journal.overdue(3_000)]
    assert many[::-1] == [entry.standing for entry in journal.entries(Filter(overdue_ms=3_000))]
    assert many[1::2] == [entry.standing for entry in journal.flagged(0, 3_000)]


def test_a_deadline_that_is_moved_or_met_is_not_overdue(journal: Journal) -> None:
    numbers = insert(journal, standing("r1", due_ms=50), standing("r2", due_ms=50), standing("r3", due_ms=50))

    update(journal, numbers[0], standing("r1", due_ms=500))
    update(journal, numbers[1], complete("r2"))
    with journal.writing():
        journal.delete(numbers[2])

    assert [] == ids(journal.overdue(100))


def test_open_recordings_are_counted_by_their_states_and_by_their_earlier_deadline(journal: Journal) -> None:
    here, there = {"recorder": "recording", "uploader": "waiting"}, {"recorder": "left", "uploader": "waiting"}
    insert(
        journal,
        standing("r1", state=here, due_ms=99),
        standing("r2", state=here, due_ms=100),
        standing("r3", state=here, stall_ms=200, stall_region="recorder", due_ms=150),
        standing("r4", state=there, stall_ms=50, stall_region="recorder", due_ms=300, due_region="uploader"),
        standing("r5", state=there, stall_ms=200, stall_region="recorder", due_ms=60, due_region="uploader"),
        standing("r6", provider="aircore", state={"recording": "stopped"}, due_ms=300),
        standing("r7", opened=False, announced=True, state=here, due_ms=70),
        standing("r8", opened=False, state=here),
        complete("r9", state=there),
    )

    expected = [
        OpenTotal("aircore", {"recording": "stopped"}, None, False, 1),
        OpenTotal("agora", there, "recorder", True, 1),
        OpenTotal("agora", there, "uploader", True, 1),
        OpenTotal("agora", here, None, False, 2),
        OpenTotal("agora", here, None, True, 2),
    ]
    assert sorted(map(repr, expected)) == sorted(map(repr, journal.open_totals(100)))


OPEN, ENDED = standing, complete


@pytest.mark.parametrize(
    ("make", "raised", "now_ms", "found"),
    [
        (OPEN, flag(raised_ms=10), 100, True),
        (OPEN, flag(raised_ms=100), 100, True),
        (OPEN, flag("sequence-gap", raised_ms=10), 100, False),
        (OPEN, flag("missing-event", raised_ms=99), 100, True),
        (OPEN, flag("missing-event", raised_ms=100), 100, False),
        (ENDED, flag(raised_ms=50), 100, False),
        (ENDED, flag(raised_ms=51), 100, True),
        (ENDED, flag(raised_ms=100), 100, True),
        (ENDED, flag("sequence-gap", raised_ms=99), 100, False),
        (ENDED, flag("missing-event", raised_ms=99), 100, True),
        (ENDED, flag("missing-event", raised_ms=100), 100, False),
    ],
)
def test_flagged_is_what_is_open_or_was_flagged_since(
    journal: Journal, make: Callable[..., Standing], raised: Flag, now_ms: int, *, found: bool
) -> None:
    insert(journal, make("r1", flags=(raised,)))

    assert (["r1"] if found else []) == ids(journal.flagged(50, now_ms))


def test_flagged_recordings_come_once_and_the_oldest_first(journal: Journal) -> None:
    two = (flag(), flag("missing-event"))

    insert(journal, OPEN("r1", flags=two), ENDED("r2", flags=two), OPEN("r3"), OPEN("r4", flags=(flag(raised_ms=1),)))

    assert ["r1", "r2", "r4"] == ids(journal.flagged(50, 200))


def test_a_cleared_flag_makes_nothing_flagged(journal: Journal) -> None:
    (number,) = insert(journal, OPEN("r1", flags=(flag(),)))

    with journal.writing():
        journal.update(number, journal.entry(number).standing, OPEN("r1"), "")
        journal.write_flags(number, (), [flag()], 150)

    assert [] == ids(journal.flagged(0, 200))


def test_what_nothing_has_opened_is_not_flagged(journal: Journal) -> None:
    insert(journal, OPEN("r1", opened=False, flags=(flag(),)))

    assert [] == ids(journal.flagged(0, 200))
    assert ["r1"] == ids(journal.unopened(0, 200))


def test_unopened_is_what_is_no_recording_and_was_flagged_since(journal: Journal) -> None:
    unopened = partial(OPEN, opened=False)
    insert(
        journal,
        unopened("r1", flags=(flag(raised_ms=60), flag("missing-event", raised_ms=70))),
        unopened("r2", flags=(flag(raised_ms=50),)),
        unopened("r3", flags=(flag("sequence-gap", raised_ms=60),)),
        unopened("r4", flags=(flag("missing-event", raised_ms=200),)),
        unopened("r5", announced=True, flags=(flag(raised_ms=60),)),
        unopened("r6"),
        OPEN("r7", flags=(flag(raised_ms=60),)),
        unopened("r8", flags=(flag(raised_ms=300),)),
    )

    assert ["r1", "r8"] == ids(journal.unopened(50, 200))


def test_what_nothing_has_opened_is_found_apart(journal: Journal) -> None:
    first, _, third = insert(
        journal, OPEN("r1", opened=False), OPEN("r2"), OPEN("r3", provider="bandwidth", opened=False)
    )

    pairs = [
        ("bandwidth", "r3"),
        ("agora", "r1"),
        ("agora", "r2"),
        ("agora", "r3"),
        ("agora", "r1"),
        ("agora", "\udcff"),
    ]
    assert [first, third] == journal.find_unopened(pairs)
    assert [] == journal.find_ids([("agora", "r1")])


def test_what_was_complete_before_a_moment_is_found_the_oldest_first(journal: Journal) -> None:
    times = [50, 49, 51, 10]
    ended = [ENDED(f"r{n}", completed_ms=ms) for n, ms in enumerate(times)]
    # Its provider's clock goes wrong: it has only just ended.
    numbers = insert(journal, OPEN("r9"), *ended, ENDED("r8", completed_ms=10, last_received_ms=50))

    assert [numbers[2], numbers[4]] == journal.over_before(50, limit=9)
    assert [numbers[2]] == journal.over_before(50, limit=1)


def test_what_never_opened_is_over_when_nothing_has_come_of_it_for_long(journal: Journal) -> None:
    never = partial(OPEN, opened=False)
    old, *_ = insert(
        journal,
        never("r1", last_received_ms=49),
        never("r2", last_received_ms=50),
        never("r3", last_received_ms=10, announced=True),
        OPEN("r4", last_received_ms=10),
    )

    assert [old] == journal.over_before(50, limit=9)


def test_every_recording_has_its_number_listed(journal: Journal) -> None:
    numbers = insert(journal, *(standing(f"r{n}", opened=n % 2 == 0) for n in range(1501)))

    assert numbers == list(journal.numbers())


# Care


def test_a_sound_journal_has_no_damages(journal: Journal) -> None:
    change_everything_in = filled(journal)
    with journal.writing():
        change_everything(journal, *change_everything_in)

    assert [] == list(journal.damages())


def test_a_body_that_lost_its_hash_is_damage(journal: Journal) -> None:
    (number,) = insert(journal, standing())

    with journal.writing():
        journal.add_events(number, [row("e1"), row("e2")._replace(body=b"flipped")])
        journal.put_variants(number, "e1", [variant("c2", 1)._replace(body=b"flipped")])

    damages = list(journal.damages())
    assert ["events", "deliveries"] == [text.split()[0].strip(":") for text in damages]
    assert all("SHA-256 differs" in text for text in damages)


def test_totals_that_do_not_add_up_are_damage(journal: Journal) -> None:
    (number,) = insert(journal, standing("r1"))

    with journal.writing():
        journal.update(number, complete("r1"), standing("r1"), "")

    assert ["totals of agora, finished, available", "totals of agora, recording, "] == sorted(
        text.split(":")[0] for text in journal.damages()
    )


def test_cutting_the_log_changes_nothing_that_is_kept(journal: Journal) -> None:
    filled(journal)
    before = picture(journal)

    journal.cut_log()

    assert before == picture(journal)


def test_a_journal_in_memory_has_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file to back up"):
        MemoryJournal().backup(str(tmp_path / "copy.db"))

    assert [] == list(tmp_path.iterdir())


# A tracker on any journal


def callback(event: str, second: int, *, url: str = URL, state: str = "started") -> dict[str, object]:
    occurred_ms = int(AT.timestamp() * 1000) + second * 1000
    return {"event": event, "timestamp": occurred_ms, "recording": {"url": url, "state": state}}


def test_a_tracker_takes_a_journal_in_place_of_a_path(journal: Journal) -> None:
    tracker = Tracker(journal)

    tracker.ingest("aircore", callback("recording-started", 0), received_at=AT)
    receipt = tracker.ingest("aircore", callback("recording-stopped", 1), received_at=AT)

    assert "accepted" == receipt.result
    assert ["processing"] == [found.phase for found in tracker.status(URL, AT)]
    assert 1 == tracker.audit(AT).open
    assert ([], []) == (tracker.verify().differences, tracker.verify().damaged)


def test_contradicting_deliveries_are_kept_alike_in_any_order(journal: Journal) -> None:
    tracker = Tracker(journal)
    times = [AT, AT.replace(second=1), AT.replace(second=1), AT.replace(second=2)]
    kept = set()

    for place, order in enumerate(permutations(range(4))):
        url = f"http://recorder.example/recording/{place}"
        for number in order:
            body = callback("recording-started", 0, url=url, state=f"s{number % 3}")
            tracker.ingest("aircore", body, received_at=times[number])
        entry = journal.load("aircore", url)
        assert entry is not None
        (counted,) = journal.events(entry.number)
        variants = journal.variants(entry.number, counted.event_id)
        told = [b"s0" in counted.body, counted.received_ms, counted.deliveries, counted.differs_ms]
        kept.add((*told, *((b"s1" in found.body, b"s2" in found.body, found.received_ms) for found in variants)))

    at_ms = int(AT.timestamp() * 1000)
    assert {True} == {found[0] for found in kept}
    assert {(at_ms, 4, at_ms + 1000)} == {found[1:4] for found in kept}
    assert {frozenset({(True, False, at_ms + 1000), (False, True, at_ms + 1000)})} == {
        frozenset(found[4:]) for found in kept
    }
    assert [] == tracker.verify().differences


def test_many_threads_may_use_one_tracker(journal: Journal) -> None:
    tracker = Tracker(journal)
    urls = [f"http://recorder.example/recording/{number}" for number in range(40)]

    def deliver(url: str) -> int:
        for second, name in enumerate(["recording-started", "recording-stopped", "recording-started"]):
            tracker.ingest("aircore", callback(name, second, url=url), received_at=AT)
        return len(tracker.status(url, AT))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(deliver, urls))

    assert [1] * 40 == found
    report = tracker.verify()
    assert (40, [], []) == (report.recordings, report.differences, report.damaged)
    tracker.close()


# The past


def test_what_may_have_stood_otherwise_is_found(journal: Journal) -> None:
    numbers = insert(journal, standing("r1"), *(complete(name, machine="m1") for name in ("r2", "r3", "r4")))
    old = insert(journal, complete("r5", machine="m0"))
    with journal.writing():
        journal.add_events(numbers[1], [row(received_ms=100)])
        journal.add_events(numbers[2], [row("e1", received_ms=50), row("e2", received_ms=101)])
        journal.add_events(numbers[3], [row(received_ms=100, differs_ms=101)])

    assert [numbers[0], numbers[2], numbers[3], *old] == journal.unsettled(100, ["m1", "m2"])


def test_what_was_heard_by_a_moment_is_told_by_name(journal: Journal) -> None:
    first, other = insert(journal, standing("r1"), standing("r2", provider="aircore"))
    with journal.writing():
        journal.add_events(first, [row("e1", received_ms=10), row("e2", received_ms=30), row("e3", received_ms=50)])
        journal.add_events(other, [row("e1", name="stopped", received_ms=40)])

    assert journal.heard(40) == {"agora": {"started": 30}, "aircore": {"stopped": 40}}
    assert journal.heard(9) == {}


def test_an_acknowledgement_has_its_time(journal: Journal) -> None:
    [number] = insert(journal, standing())
    with journal.writing():
        journal.write_flags(number, [flag()], (), 0)
        journal.acknowledge(number, flag(), note="seen", at_ms=150)

    assert journal.acknowledgements(number, 150) == {flag().identity: "seen"}
    assert journal.acknowledgements(number, 149) == {}
