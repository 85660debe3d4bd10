"""The fold, by what a timeline, a standing and the audit show of it; a small machine and a few events a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from recording_tracker.audit import open_flags
from recording_tracker.conclusion import conclude
from recording_tracker.events import Event
from recording_tracker.flags import Flag
from recording_tracker.machine import Machine, load_machine
from recording_tracker.standing import Standing
from recording_tracker.timeline import Timeline

T0 = 1_772_323_200_000  # 2026-03-01 00:00 UTC
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

# A tape is started, stopped and uploaded, or its upload fails.
TAPE = """
provider = "tape"
title = "Tape"

[limits]
lost_after = "5m"
complete_within = "1d"

[events]
start = { promised = true }
stop = { promised = true }
upload = {}
fail = { assumable = false }

[regions.deck]
initial = "idle"
transitions = [
    { trigger = "start", source = "idle", dest = "running" },
    { trigger = "stop", source = "running", dest = "stopped" },
    { trigger = "upload", source = "stopped", dest = "uploaded" },
    { trigger = "fail", source = "stopped", dest = "failed" },
]

[regions.deck.states]
idle = {}
running = { phase = "recording", stall_after = "2h" }
stopped = { phase = "processing", complete_within = "30m" }
uploaded = { phase = "finished", final = true, outcome = "available" }
failed = { phase = "finished", final = true, outcome = "failed" }

[codes.error]
disk = { meaning = "the disk is full", class = "failed", hint = "make room" }
heat = { meaning = "it is hot", class = "degraded" }
note = { meaning = "a note", class = "hint" }
"""

# Workers: `move` hands a running reel over; the reel may fail and be taken up again by another worker.
REEL = """
provider = "reel"
title = "Reel"
incarnation_switch = "move"

[limits]
lost_after = "5m"
complete_within = "1d"

[events]
start = {}
note = {}
move = { promised = true, assumable = false }
fail = { assumable = false }

[regions.deck]
initial = "idle"
transitions = [
    { trigger = "start", source = ["idle", "moved"], dest = "running" },
    { trigger = "start", source = "running", dest = "=" },
    { trigger = "note", source = ["idle", "moved", "running", "failed"], dest = "=" },
    { trigger = "move", source = ["idle", "running", "failed"], dest = "moved" },
    { trigger = "move", source = "moved", dest = "=" },
    { trigger = "fail", source = ["moved", "running"], dest = "failed" },
]

[regions.deck.states]
idle = {}
moved = { phase = "starting" }
running = { phase = "recording" }
failed = { phase = "finished", final = true, outcome = "failed" }
"""


def load(folder: Path, text: str) -> Machine:
    path = folder / "machine.toml"
    path.write_text(text, encoding="utf-8")
    return load_machine(path)


@pytest.fixture
def tape(tmp_path: Path) -> Machine:
    return load(tmp_path, TAPE)


@pytest.fixture
def reel(tmp_path: Path) -> Machine:
    return load(tmp_path, REEL)


def at(offset_ms: int, name: str, **changes: object) -> Event:
    moment = T0 + offset_ms
    return Event("r", f"{name}@{offset_ms}", name, moment, moment)._replace(**changes)  # type: ignore[arg-type]


def story(machine: Machine, *events: Event) -> Timeline:
    timeline = Timeline(machine)
    timeline.insert(events)
    return timeline


def stand(machine: Machine, *events: Event, announced: int | None = None) -> Standing:
    until_ms = None if announced is None else T0 + announced
    return conclude(machine, story(machine, *events).course, "r", announced_until_ms=until_ms)


def verdicts(machine: Machine, *events: Event) -> list[str]:
    return [line.verdict for line in story(machine, *events).lines]


def flags(machine: Machine, now: int, *events: Event, announced: int | None = None) -> list[Flag]:
    return list(open_flags(stand(machine, *events, announced=announced), T0 + now))


def codes(machine: Machine, now: int, *events: Event, announced: int | None = None) -> list[str]:
    return [flag.code for flag in flags(machine, now, *events, announced=announced)]


# The five steps


def test_events_that_fit_are_taken(tape: Machine) -> None:
    events = [at(0, "start"), at(HOUR, "stop"), at(HOUR + SECOND, "upload")]

    assert ["taken", "taken", "taken"] == verdicts(tape, *events)
    assert ("available", []) == (stand(tape, *events).outcome, flags(tape, 10 * DAY, *events))


def test_an_event_implies_those_on_the_way(tape: Machine) -> None:
    events = [at(0, "upload")]

    assert ["implied"] == verdicts(tape, *events)
    assert {"deck": "uploaded"} == stand(tape, *events).state
    assert [("start",), ("stop",)] == [flag.events for flag in flags(tape, HOUR, *events)]


def test_an_event_that_was_assumed_is_late(tape: Machine) -> None:
    events = [at(0, "stop"), at(SECOND, "start")]

    assert ["implied", "late"] == verdicts(tape, *events)
    assert ({"deck": "stopped"}, []) == (stand(tape, *events).state, codes(tape, HOUR // 3, *events))


def test_an_event_that_was_assumed_is_late_once(tape: Machine) -> None:
    assert ["implied", "late", "illegal"] == verdicts(tape, at(0, "stop"), at(1, "start"), at(2, "start"))


def test_another_end_after_the_end_is_a_conflict(tape: Machine) -> None:
    events = [at(0, "start"), at(1, "stop"), at(2, "upload"), at(3, "fail")]

    found = flags(tape, HOUR, *events)

    assert "conflict" == verdicts(tape, *events)[-1]
    assert [("conflicting-outcome", "error", "deck", ("fail@3",))] == [
        (flag.code, flag.severity, flag.region, flag.events) for flag in found
    ]
    assert "available" == stand(tape, *events).outcome


def test_an_event_that_fits_nowhere_is_illegal(tape: Machine) -> None:
    events = [at(0, "start"), at(1, "start")]

    found = flags(tape, HOUR, *events)

    assert ["taken", "illegal"] == verdicts(tape, *events)
    assert [("illegal-transition", "error", "deck", ("start@1",), T0 + 1)] == [
        (flag.code, flag.severity, flag.region, flag.events, flag.raised_ms) for flag in found
    ]
    assert {"deck": "running"} == stand(tape, *events).state


def test_an_event_that_no_region_knows_is_unknown(tape: Machine) -> None:
    events = [at(0, "start"), at(1, "rewind")]

    found = flags(tape, HOUR, *events)

    assert ["taken", "unknown"] == verdicts(tape, *events)
    assert [("unknown-event", "warning", None, ("rewind@1",))] == [
        (flag.code, flag.severity, flag.region, flag.events) for flag in found
    ]


def test_a_callback_that_comes_late_takes_back_what_was_said_for_want_of_it(tape: Machine) -> None:
    timeline = story(tape, at(0, "start"), at(2 * MINUTE, "upload"))
    before = [line.verdict for line in timeline.lines]

    changed = timeline.insert([at(MINUTE, "stop", received_ms=T0 + HOUR)])

    assert ["taken", "implied"] == before
    assert [("stop", "taken"), ("upload", "taken")] == [(line.event.name, line.verdict) for line in changed]
    assert () == open_flags(conclude(tape, timeline.course, "r"), T0 + DAY)


TWICE = """
provider = "tape"
title = "Tape"

[limits]
complete_within = "1d"

[events]
press = { promised = true }
turn = { promised = true }
end = {}
again = {}

[regions.deck]
initial = "idle"
transitions = [
    { trigger = ["press", "turn"], source = "idle", dest = "running" },
    { trigger = "end", source = "running", dest = "done" },
    { trigger = "press", source = "done", dest = "=" },
    { trigger = "again", source = "done", dest = "more" },
    { trigger = "turn", source = "more", dest = "done" },
]

[regions.deck.states]
idle = {}
running = { phase = "recording" }
done = { phase = "finished", final = true, outcome = "available" }
more = { phase = "processing" }
"""


def test_of_several_events_one_settles_and_the_flag_names_all(tmp_path: Path) -> None:
    machine = load(tmp_path, TWICE)

    assert [("press", "turn")] == [flag.events for flag in flags(machine, HOUR, at(0, "end"))]
    assert [] == flags(machine, HOUR, at(0, "end"), at(1, "press"))


def test_an_event_that_is_taken_settles_what_was_assumed(tmp_path: Path) -> None:
    machine = load(tmp_path, TWICE)
    events = [at(0, "end"), at(1, "press")]

    assert ["implied", "taken"] == verdicts(machine, *events)
    assert [] == flags(machine, HOUR, *events)


def test_an_event_that_moves_it_settles_what_was_assumed(tmp_path: Path) -> None:
    machine = load(tmp_path, TWICE)
    events = [at(0, "end"), at(1, "again"), at(2, "turn")]

    assert ["implied", "taken", "taken"] == verdicts(machine, *events)
    assert [] == flags(machine, HOUR, *events)


SIDES = """
provider = "tape"
title = "Tape"

[limits]
complete_within = "1d"

[events]
start = { promised = true }
note = {}
end = {}

[regions.deck]
initial = "idle"
transitions = [
    { trigger = "start", source = "idle", dest = "running" },
    { trigger = "note", source = "running", dest = "=" },
    { trigger = "end", source = "running", dest = "done" },
]

[regions.deck.states]
idle = {}
running = { phase = "recording", complete_within = "2h" }
done = { phase = "finished", final = true, outcome = "available" }

[regions.lamp]
initial = "dark"
transitions = [
    { trigger = "start", source = "dark", dest = "lit" },
    { trigger = "note", source = "lit", dest = "=" },
    { trigger = "end", source = ["dark", "lit"], dest = "out" },
]

[regions.lamp.states]
dark = {}
lit = { phase = "recording", stall_after = "1h" }
out = { phase = "finished", final = true }
"""


def test_an_event_moves_every_region_that_knows_it(tmp_path: Path) -> None:
    machine = load(tmp_path, SIDES)

    assert {"deck": "running", "lamp": "lit"} == stand(machine, at(0, "start")).state


def test_an_event_shows_the_verdict_that_needs_most_words(tmp_path: Path) -> None:
    machine = load(tmp_path, SIDES)

    assert ["implied"] == verdicts(machine, at(0, "end"))
    assert ["implied", "illegal"] == verdicts(machine, at(0, "end"), at(1, "note"))


def test_an_event_is_late_only_in_the_region_that_assumed_it(tmp_path: Path) -> None:
    machine = load(tmp_path, SIDES)
    events = [at(0, "end"), at(1, "start")]

    assert ["illegal-transition"] == codes(machine, HOUR, *events)
    assert ["lamp"] == [flag.region for flag in flags(machine, HOUR, *events)]


# Lifecycle order


def test_events_are_in_order_of_their_time(tape: Machine) -> None:
    late = at(0, "start", received_ms=T0 + HOUR)

    assert ["taken", "taken"] == verdicts(tape, at(SECOND, "stop"), late)


def test_an_event_without_a_time_has_that_of_its_receipt(tape: Machine) -> None:
    events = [at(2, "stop", occurred_ms=None), at(1, "start", received_ms=T0 + HOUR), at(3, "upload")]

    assert ["start", "stop", "upload"] == [line.event.name for line in story(tape, *events).lines]


def test_at_one_time_events_are_in_order_of_the_machine_and_unknown_ones_last(tape: Machine) -> None:
    names = ["rewind", "fail", "upload", "stop", "start"]

    lines = story(tape, *(at(0, name) for name in names)).lines

    assert ["start", "stop", "upload", "fail", "rewind"] == [line.event.name for line in lines]


def test_at_one_time_and_place_events_are_in_order_of_their_sequence(tape: Machine) -> None:
    events = [
        at(0, "start", event_id="a", sequence=10),
        at(0, "start", event_id="b", sequence=9),
        at(0, "start", event_id="c", sequence=0),
        at(0, "start", event_id="d"),
    ]

    assert ["d", "c", "b", "a"] == [line.event.event_id for line in story(tape, *events).lines]


def test_at_one_time_the_order_of_the_machine_goes_before_the_sequence(tape: Machine) -> None:
    events = [at(0, "stop", sequence=1), at(0, "start", sequence=2)]

    assert ["taken", "taken"] == verdicts(tape, *events)


def test_at_last_events_are_in_order_of_their_ids(tape: Machine) -> None:
    events = [at(0, "start", event_id=name, sequence=1) for name in "cab"]

    assert ["a", "b", "c"] == [line.event.event_id for line in story(tape, *events).lines]


# Missing events


@pytest.mark.parametrize(("past", "expected"), [(-1, []), (0, []), (1, ["missing-event"])])
def test_a_callback_is_called_lost_after_its_time_of_grace(tape: Machine, past: int, expected: list[str]) -> None:
    assert expected == codes(tape, 5 * MINUTE + past, at(0, "stop"))


def test_the_grace_begins_when_the_implying_event_is_received(tape: Machine) -> None:
    events = [at(0, "stop", received_ms=T0 + 20 * MINUTE)]

    assert [] == codes(tape, 25 * MINUTE, *events)
    assert [T0 + 25 * MINUTE] == [flag.raised_ms for flag in flags(tape, 25 * MINUTE + 1, *events)]


# Deadlines


@pytest.mark.parametrize(("past", "expected"), [(-SECOND, []), (0, []), (SECOND, ["stalled"])])
def test_a_silence_longer_than_a_state_tolerates_is_a_stall(tape: Machine, past: int, expected: list[str]) -> None:
    assert expected == codes(tape, 2 * HOUR + past, at(0, "start"))


def test_any_new_event_renews_the_silence(tape: Machine) -> None:
    events = [at(0, "start"), at(HOUR, "rewind")]

    assert T0 + 3 * HOUR == stand(tape, *events).stall_ms


@pytest.mark.parametrize(("past", "expected"), [(-SECOND, []), (0, []), (SECOND, ["missing-terminal"])])
def test_a_recording_that_is_not_complete_in_the_time_of_its_state_is_stuck(
    tape: Machine, past: int, expected: list[str]
) -> None:
    assert expected == codes(tape, HOUR + 30 * MINUTE + past, at(0, "start"), at(HOUR, "stop"))


@pytest.mark.parametrize(("past", "expected"), [(-SECOND, False), (0, False), (SECOND, True)])
def test_a_recording_that_is_not_complete_in_the_time_of_its_machine_is_stuck(
    tape: Machine, past: int, expected: bool
) -> None:
    assert expected is ("missing-terminal" in codes(tape, DAY + past, at(0, "start"), at(20 * HOUR, "rewind")))


def test_a_self_loop_does_not_enter_a_state_anew(tmp_path: Path) -> None:
    machine = load(tmp_path, SIDES)

    assert T0 + 2 * HOUR == stand(machine, at(0, "start"), at(HOUR, "note")).due_ms


def test_the_least_deadline_of_all_regions_counts(tmp_path: Path) -> None:
    found = stand(load(tmp_path, SIDES), at(0, "start"))

    assert (T0 + HOUR, "lamp") == (found.stall_ms, found.stall_region)
    assert (T0 + 2 * HOUR, "deck") == (found.due_ms, found.due_region)


def test_a_clock_that_is_ahead_puts_no_deadline_off(tape: Machine) -> None:
    found = stand(tape, at(0, "start", occurred_ms=T0 + DAY))

    assert (T0 + 2 * HOUR, T0 + DAY) == (found.stall_ms, found.due_ms)


def test_a_complete_recording_has_no_deadline(tape: Machine) -> None:
    found = stand(tape, at(0, "start"), at(1, "stop"), at(2, "fail"))

    assert (None, None, ()) == (found.stall_ms, found.due_ms, found.awaits)


@pytest.mark.parametrize(("past", "expected"), [(-SECOND, []), (0, []), (SECOND, ["never-started"])])
def test_an_announced_recording_that_does_not_open_never_started(tape: Machine, past: int, expected: list[str]) -> None:
    assert expected == codes(tape, 10 * MINUTE + past, announced=10 * MINUTE)


def test_an_event_that_opens_ends_the_wait(tape: Machine) -> None:
    assert [] == codes(tape, HOUR, at(20 * MINUTE, "start"), announced=10 * MINUTE)


def test_an_unknown_event_does_not_end_the_wait(tape: Machine) -> None:
    found = codes(tape, HOUR, at(MINUTE, "rewind"), announced=10 * MINUTE)

    assert ["never-started", "unknown-event"] == found


# What events say of themselves


@pytest.mark.parametrize(
    ("code", "expected"),
    [("disk", [("provider-error", "error")]), ("heat", [("provider-error", "warning")]), ("note", []), ("new", [])],
)
def test_the_class_of_a_code_decides_the_flag(tape: Machine, code: str, expected: list[tuple[str, str]]) -> None:
    found = flags(tape, 1, at(0, "start", codes=(("error", code),)))

    assert expected == [(flag.code, flag.severity) for flag in found]


def test_an_error_is_forgotten_when_the_recording_is_available(tape: Machine) -> None:
    events = [at(0, "start"), at(1, "stop", codes=(("error", "disk"),))]

    assert ["provider-error"] == codes(tape, MINUTE, *events)
    assert [] == codes(tape, MINUTE, *events, at(2, "upload"))
    assert ["provider-error"] == codes(tape, MINUTE, *events, at(2, "fail"))


@pytest.mark.parametrize(("ahead", "expected"), [(-1, []), (0, []), (1, ["clock-skew"])])
def test_a_clock_more_than_five_minutes_ahead_is_told(tape: Machine, ahead: int, expected: list[str]) -> None:
    assert expected == codes(tape, MINUTE, at(0, "start", occurred_ms=T0 + 5 * MINUTE + ahead))


def test_a_body_that_contradicts_itself_or_another_is_told(tape: Machine) -> None:
    found = flags(tape, DAY, at(0, "start", problems=("a hole in the file order",), differs_ms=T0 + HOUR))

    assert [("payload-mismatch", T0 + HOUR)] == [(flag.code, flag.raised_ms) for flag in found if flag.events]
    assert "a hole in the file order; 'start' was delivered again with other content" == found[-1].message


def test_a_hole_in_the_sequence_is_told_until_it_fills(tape: Machine) -> None:
    first, last = at(0, "start", sequence=1), at(2, "upload", sequence=4)
    between = [at(1, "stop", sequence=2), at(1, "rewind", sequence=3)]

    assert "sequence numbers not received: 2 to 3" in stand(tape, first, last).flags[-1].message
    assert "sequence-gap" not in [flag.code for flag in stand(tape, first, *between, last).flags]


# Incarnations


def test_an_old_worker_changes_nothing_after_the_switch(reel: Machine) -> None:
    events = [
        at(0, "start", incarnation="A"),
        at(1, "move", incarnation="A", successor="B"),
        at(2, "start", incarnation="B"),
        at(3, "fail", incarnation="A"),
        at(4, "rewind", incarnation="A"),
    ]

    assert ["taken", "taken", "taken", "late", "late"] == verdicts(reel, *events)
    assert ({"deck": "running"}, []) == (stand(reel, *events).state, codes(reel, HOUR, *events))


def test_an_old_worker_is_heard_where_the_machine_declares_its_name(tmp_path: Path) -> None:
    declared = REEL.replace(
        "fail = { assumable = false }\n", 'fail = { assumable = false }\n"fail.superseded" = { assumable = false }\n'
    ).replace('{ trigger = "fail", source', '{ trigger = ["fail", "fail.superseded"], source')
    machine = load(tmp_path, declared)
    events = [at(1, "move", incarnation="A", successor="B"), at(3, "fail", incarnation="A")]

    assert ["taken", "taken"] == verdicts(machine, *events)
    assert {"deck": "failed"} == stand(machine, *events).state


def test_a_worker_never_heard_of_says_that_the_switch_was_not_seen(reel: Machine) -> None:
    events = [at(0, "start", incarnation="A"), at(1, "note", incarnation="B"), at(2, "fail", incarnation="A")]

    assert ["taken", "taken", "late"] == verdicts(reel, *events)
    assert {"deck": "moved"} == stand(reel, *events).state
    assert [("missing-event", ("move",))] == [(flag.code, flag.events) for flag in flags(reel, HOUR, *events)]


def test_a_switch_that_comes_late_settles_what_was_assumed(reel: Machine) -> None:
    events = [
        at(0, "start", incarnation="A"),
        at(1, "start", incarnation="B"),
        at(2, "move", incarnation="A", successor="B"),
        at(3, "fail", incarnation="B"),
    ]

    assert ["taken", "taken", "late", "taken"] == verdicts(reel, *events)
    assert ({"deck": "failed"}, []) == (stand(reel, *events).state, codes(reel, HOUR, *events))


def test_a_switch_told_again_is_late(reel: Machine) -> None:
    events = [
        at(0, "move", incarnation="A", successor="B"),
        at(1, "start", incarnation="B"),
        at(2, "move", incarnation="A", successor="B"),
    ]

    assert ["taken", "taken", "late"] == verdicts(reel, *events)
    assert {"deck": "running"} == stand(reel, *events).state


def test_a_switch_back_to_an_old_worker_is_late(reel: Machine) -> None:
    events = [
        at(0, "start", incarnation="A"),
        at(1, "move", incarnation="A", successor="B"),
        at(2, "start", incarnation="B"),
        at(3, "move", incarnation="B", successor="A"),
    ]

    assert ["taken", "taken", "taken", "late"] == verdicts(reel, *events)
    assert {"deck": "running"} == stand(reel, *events).state


def test_a_switch_that_was_not_seen_takes_back_the_end(reel: Machine) -> None:
    events = [
        at(0, "start", incarnation="A"),
        at(1, "fail", incarnation="A"),
        at(2, "note", incarnation="B"),
        at(9, "fail", incarnation="B"),
    ]

    assert (None, None) == (stand(reel, *events[:3]).outcome, stand(reel, *events[:3]).completed_ms)
    assert T0 + 9 == stand(reel, *events).completed_ms


def test_a_name_that_ends_like_that_of_an_old_worker_is_unknown(tape: Machine) -> None:
    assert ["unknown"] == verdicts(tape, at(0, "start.superseded"))


# Opening, moments, the operator


OPENS = TAPE.replace("upload = {}", "upload = {}\nroom = { opens = false }").replace(
    '    { trigger = "upload"', '    { trigger = "room", source = "idle", dest = "=" },\n    { trigger = "upload"'
)


@pytest.mark.parametrize("name", ["room", "rewind"])
def test_an_event_that_does_not_open_makes_no_recording(tmp_path: Path, name: str) -> None:
    found = stand(load(tmp_path, OPENS), at(0, name))

    assert (False, "expected", None) == (found.exists, found.phase, found.due_ms)


def test_an_end_that_does_not_open_completes_nothing(tmp_path: Path) -> None:
    machine = load(tmp_path, TAPE.replace("upload = {}", "upload = { opens = false }"))

    found = stand(machine, at(0, "upload"))

    assert (False, False, "expected", None) == (found.exists, found.complete, found.phase, found.outcome)


def test_an_event_that_does_not_open_takes_part_once_another_has_opened(tmp_path: Path) -> None:
    found = stand(load(tmp_path, OPENS), at(0, "room"), at(MINUTE, "start"))

    assert (True, "recording", 2, T0 + DAY) == (found.exists, found.phase, found.events, found.due_ms)


def test_a_recording_starts_ends_and_is_complete_at_the_times_of_its_events(tape: Machine) -> None:
    found = stand(tape, at(0, "start"), at(HOUR, "stop"), at(2 * HOUR, "upload"))

    assert (T0, T0 + HOUR, T0 + 2 * HOUR) == (found.started_ms, found.ended_ms, found.completed_ms)


def test_without_a_start_the_first_event_or_the_body_says_when_it_started(tape: Machine) -> None:
    told = at(HOUR, "stop", started_ms=T0 + 5, ended_ms=T0 + 6)

    assert (T0 + HOUR, None) == (stand(tape, at(HOUR, "stop")).started_ms, stand(tape, at(HOUR, "stop")).ended_ms)
    assert (T0 + 5, T0 + 6) == (stand(tape, told).started_ms, stand(tape, told).ended_ms)


def test_a_recording_that_goes_on_has_not_ended(reel: Machine) -> None:
    events = [at(0, "start"), at(1, "move"), at(2, "start"), at(7, "fail")]

    assert [None, T0 + 1, None, T0 + 7] == [stand(reel, *events[: count + 1]).ended_ms for count in range(4)]


def resolved(offset_ms: int, outcome: str) -> Event:
    return at(offset_ms, "operator.resolved", outcome=outcome)


def test_an_operator_completes_a_recording(tape: Machine) -> None:
    events = [at(0, "start"), resolved(DAY, "absent")]

    found = stand(tape, *events)

    assert (["taken", "taken"], []) == (verdicts(tape, *events), codes(tape, 9 * DAY, *events))
    assert (True, "finished", "absent", T0 + DAY) == (found.complete, found.phase, found.outcome, found.completed_ms)


def test_an_operator_completes_an_announced_recording(tape: Machine) -> None:
    assert [] == codes(tape, 9 * DAY, resolved(HOUR, "absent"), announced=MINUTE)


def test_the_provider_has_the_last_word(tape: Machine) -> None:
    events = [at(0, "start"), resolved(HOUR, "absent"), at(2 * HOUR, "stop")]

    assert "absent" == stand(tape, *events).outcome
    assert "available" == stand(tape, *events, at(3 * HOUR, "upload")).outcome


def test_an_operator_may_overrule_the_provider(tape: Machine) -> None:
    events = [at(0, "start"), at(1, "stop"), at(2, "fail"), resolved(3, "available")]

    assert ("available", T0 + 2) == (stand(tape, *events).outcome, stand(tape, *events).completed_ms)


# Bounds


def test_of_many_flags_a_hundred_and_a_count_are_kept(tape: Machine) -> None:
    found = flags(tape, HOUR, *(at(number, "rewind") for number in range(150)))

    assert 101 == len(found)
    assert [("unknown-event", "50 more events like those above", T0 + 149)] == [
        (flag.code, flag.message, flag.raised_ms) for flag in found if not flag.events
    ]


def test_no_list_that_a_stranger_fills_grows_without_end(reel: Machine) -> None:
    events = [
        at(number, "note", incarnation=f"w{number:03}", sequence=2 * number, aliases=(f"a{number}",))
        for number in range(300)
    ]

    sizes = [len(story(reel, *events[:count]).course.dump()) for count in (200, 300)]

    assert sizes[1] < sizes[0] * 1.05
