"""What holds for all events of all five machines: a recording is a function of the set of its events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_tracker.conclusion import conclude
from recording_tracker.events import Event, File
from recording_tracker.fold import Course
from recording_tracker.machine import Machine, find_machines
from recording_tracker.standing import Standing
from recording_tracker.timeline import Timeline

MACHINES = find_machines()
MINUTE = 60_000
WORKERS = ["A", "B", "C"]

every_machine = pytest.mark.parametrize("provider", MACHINES)
thorough = settings(max_examples=60, deadline=None)


def reloaded(machine: Machine, course: Course) -> Course:
    found = Course.load(course.dump(), conclude(machine, course, "r"))
    assert found is not None
    return found


def bodies(machine: Machine) -> st.SearchStrategy[Event]:
    """Draw events as no adapter would be so bad to make: any name at any time, most of them at the same."""
    known = [(table, code) for table, rows in machine.definition.codes.items() for code in rows]
    workers = st.sampled_from(WORKERS) if machine.incarnation_switch else st.none()
    files = st.builds(File, st.sampled_from(["a", "b"]), size=st.none() | st.integers(0, 2))
    return st.builds(
        Event,
        recording_id=st.just("r"),
        event_id=st.just(""),
        name=st.sampled_from([*machine.places, "no.such.event", "operator.resolved"]),
        received_ms=st.just(0),
        group_id=st.none() | st.sampled_from(["g", "h"]),
        aliases=st.lists(st.sampled_from(["x", "y"]), max_size=1).map(tuple),
        sequence=st.none() | st.integers(0, 9),
        incarnation=st.none() | workers,
        successor=st.none() | workers,
        progress=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
        files=st.lists(files, max_size=2).map(tuple),
        codes=st.lists(st.sampled_from([*known, ("none", "such")]), max_size=2).map(tuple),
        problems=st.lists(st.just("odd"), max_size=1).map(tuple),
        started_ms=st.none() | st.integers(0, 5),
        ended_ms=st.none() | st.integers(0, 5),
        outcome=st.sampled_from(["failed", "available"]),
        differs_ms=st.none() | st.integers(0, 20).map(lambda minutes: minutes * MINUTE),
    )


def histories(provider: str) -> st.SearchStrategy[list[Event]]:
    """Draw the events of one recording, often enough of them to fold again from a kept course."""
    minutes = st.integers(0, 20).map(lambda minutes: minutes * MINUTE)
    times = st.tuples(st.integers(0, 7), minutes, st.none() | minutes)
    moments = st.sampled_from([0, 17, 40]).flatmap(lambda least: st.lists(times, min_size=least, max_size=least + 8))
    return st.builds(_placed, st.lists(bodies(MACHINES[provider]), min_size=1, max_size=8), moments)


def _placed(drawn: list[Event], times: list[tuple[int, int, int | None]]) -> list[Event]:
    return [
        drawn[which % len(drawn)]._replace(event_id=f"e{number}", received_ms=received_ms, occurred_ms=occurred_ms)
        for number, (which, received_ms, occurred_ms) in enumerate(times)
    ]


def stand(timeline: Timeline) -> Standing:
    return conclude(timeline.machine, timeline.course, "r")


def verdicts(timeline: Timeline) -> list[tuple[str, str]]:
    return [(line.event.event_id, line.verdict) for line in timeline.lines]


def at_once(provider: str, events: list[Event]) -> Timeline:
    timeline = Timeline(MACHINES[provider])
    timeline.insert(events)
    return timeline


@every_machine
@thorough
@given(data=st.data())
def test_a_recording_does_not_depend_on_the_order_of_arrival(provider: str, data: st.DataObject) -> None:
    events = data.draw(histories(provider))
    whole, single = at_once(provider, events), Timeline(MACHINES[provider])

    for event in data.draw(st.permutations(events)):
        single.insert([event])

    assert stand(whole) == stand(single)
    assert verdicts(whole) == verdicts(single)
    assert whole.course == single.course


@every_machine
@thorough
@given(data=st.data())
def test_step_by_step_is_the_same_as_from_scratch(provider: str, data: st.DataObject) -> None:
    events = data.draw(histories(provider))
    timeline, came = Timeline(MACHINES[provider]), 0

    while came < len(events):
        count = data.draw(st.integers(1, 9))
        timeline.insert(events[came : came + count])
        came += count

        scratch = at_once(provider, events[:came])
        assert stand(scratch) == stand(timeline)
        assert verdicts(scratch) == verdicts(timeline)


@every_machine
@thorough
@given(data=st.data())
def test_the_lines_that_are_told_as_changed_are_those_that_changed(provider: str, data: st.DataObject) -> None:
    events = data.draw(histories(provider))
    timeline = Timeline(MACHINES[provider])

    for event in events:
        before = dict(verdicts(timeline))
        changed = {line.event.event_id: line.verdict for line in timeline.insert([event])}
        expected = {name: verdict for name, verdict in verdicts(timeline) if before.get(name) != verdict}
        assert expected == changed


@every_machine
@thorough
@given(data=st.data())
def test_a_course_that_was_kept_goes_on_as_if_it_had_not_been(provider: str, data: st.DataObject) -> None:
    machine = MACHINES[provider]
    whole = at_once(provider, data.draw(histories(provider)))
    resumed, walked = Timeline(machine), Timeline(machine)

    for line in whole.lines:
        walked.insert([line.event])
        resumed = Timeline(machine, reloaded(machine, resumed.course))
        assert resumed.reaches(line.event)
        resumed.insert([line.event])
        assert walked.course == resumed.course == reloaded(machine, resumed.course)
        assert repr(walked.course) == repr(reloaded(machine, resumed.course))
        assert stand(walked) == stand(resumed)

    assert (whole.course, stand(whole)) == (resumed.course, stand(resumed))


@every_machine
@thorough
@given(data=st.data())
def test_a_recording_that_is_not_complete_has_a_moment_when_it_is_due(provider: str, data: st.DataObject) -> None:
    found = stand(at_once(provider, data.draw(histories(provider))))

    assert (found.opened and not found.complete) == (found.due_ms is not None)
    assert found.complete == (found.phase == "finished") == (found.outcome is not None)
    assert found.complete == (found.completed_ms is not None)
