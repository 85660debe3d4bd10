"""Conclusion: where a recording stands; its course in, a standing out."""

from __future__ import annotations

from recording_tracker import findings
from recording_tracker.flags import Flag
from recording_tracker.fold import Course
from recording_tracker.machine import Machine, Situation
from recording_tracker.standing import Standing


def conclude(
    machine: Machine,
    course: Course,
    recording_id: str | None,
    *,
    announced_until_ms: int | None = None,
    duplicates: int = 0,
) -> Standing:
    """Say where the recording of *course* stands; *announced_until_ms* is the moment by which it should have opened."""
    situation = machine.situation(course.states)
    complete = course.opened and (situation.complete or course.resolved is not None)
    outcome = (course.resolved or situation.outcome) if complete else None
    stall_ms, stall_region = (None, None) if complete else _stall(course, situation)
    due_ms, due_region = (None, None) if complete else _due(machine, course, situation, announced_until_ms)
    seen = course.events > 0
    return Standing(
        provider=machine.provider,
        recording_id=recording_id,
        group_id=course.group_id,
        aliases=course.aliases,
        opened=course.opened,
        announced=announced_until_ms is not None,
        phase=_phase(course, situation, complete=complete),
        complete=complete,
        outcome=outcome,
        state=situation.state,
        started_ms=_started(course),
        ended_ms=course.body_ended_ms if course.recording_ms is None else course.left_recording_ms,
        completed_ms=course.completed_ms if complete else None,
        stall_ms=stall_ms,
        stall_region=stall_region,
        due_ms=due_ms,
        due_region=due_region,
        progress=_progress(course, outcome),
        last_name=course.last_name if seen else None,
        last_occurred_ms=course.last_occurred_ms,
        last_received_ms=course.last_received_ms if seen else None,
        events=course.events,
        duplicates=duplicates,
        awaits=() if complete else situation.awaits,
        machine=machine.digest,
        files=course.files,
        flags=_flags(machine, course, outcome),
    )


def _phase(course: Course, situation: Situation, *, complete: bool) -> str:
    if not course.opened:
        return "expected"
    return "finished" if complete else situation.phase


def _started(course: Course) -> int | None:
    if course.recording_ms is not None:
        return course.recording_ms
    if course.body_started_ms is not None:
        return course.body_started_ms
    # An operator says how it ended, and never when it began.
    return course.first_ms if course.first_ms >= 0 else None


def _progress(course: Course, outcome: str | None) -> float | None:
    # The last report before the end is below 1 where what is uploaded after it is told by another event.
    return 1.0 if course.progress is not None and outcome in ("available", "backed_up") else course.progress


def _stall(course: Course, situation: Situation) -> tuple[int | None, str | None]:
    if situation.stall_after is None or not course.opened:
        return None, None
    silence_ms, region = situation.stall_after
    return course.last_ms + silence_ms, region


def _due(
    machine: Machine, course: Course, situation: Situation, announced_until_ms: int | None
) -> tuple[int | None, str | None]:
    if not course.opened:
        return announced_until_ms, None
    due_ms, region = course.first_ms + machine.complete_within_ms, None
    for number, within_ms, name in situation.complete_within:
        # A region that has not moved has been in its initial state since the first event.
        entered_ms = course.entered_ms[number] or course.first_ms
        if entered_ms + within_ms < due_ms:
            due_ms, region = entered_ms + within_ms, name
    return due_ms, region


def _flags(machine: Machine, course: Course, outcome: str | None) -> tuple[Flag, ...]:
    gap = _gap(course) if len(course.spans) > 1 else None
    if not (course.flags or course.assumed or gap):
        return ()
    found = [findings.more(*dropped) for dropped in course.dropped]
    found += course.flags
    if outcome == "available":
        found = [flag for flag in found if flag.code != "provider-error"]
    found += _missing(machine, course)
    return (*found, gap) if gap else tuple(found)


def _missing(machine: Machine, course: Course) -> list[Flag]:
    """Return one flag for each event that must have been sent, however many workers have not sent it."""
    earliest: dict[tuple[str, str, str], Flag] = {}
    for assumed in course.assumed:
        region, deadline_ms = machine.regions[assumed.region].name, assumed.received_ms + machine.lost_after_ms
        flag = findings.missing_event(region, assumed.names, assumed.implied_by, deadline_ms)
        other = earliest.setdefault(flag.identity, flag)
        if flag.raised_ms < other.raised_ms:
            earliest[flag.identity] = flag
    return list(earliest.values())


def _gap(course: Course) -> Flag | None:
    """Find what is missing between the sequence numbers that each worker has sent."""
    holes, raised_ms = [], []
    for low, high in zip(course.spans, course.spans[1:], strict=False):
        if low.worker == high.worker:
            first, last = low.last + 1, high.first - 1
            holes.append(str(first) if first == last else f"{first} to {last}")
            raised_ms.append(max(low.last_received_ms, high.first_received_ms))
    return findings.sequence_gap(holes, min(raised_ms)) if holes else None
