"""Story: a recording, its steps and its machine in; what happened, why and what to do, as parts with evidence, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from recording_tracker.audit import MOST_AWAITED
from recording_tracker.journal import Expectation
from recording_tracker.machine import Machine
from recording_tracker.machine.definition import place
from recording_tracker.recording import Recording
from recording_tracker.results import Part, Story, Words
from recording_tracker.steps import Step
from recording_tracker.story.happenings import Happenings
from recording_tracker.story.phrases import counted, ids, limit, quoted
from recording_tracker.story.troubles import actions, problems, standing, without_repeats
from recording_tracker.times import EPOCH, MILLISECOND, from_ms, to_ms

__all__ = ["tell"]


def tell(
    machine: Machine,
    recording: Recording,
    steps: Sequence[Step],
    *,
    announced: Expectation | None = None,
    now: datetime,
) -> Story:
    """Tell the story of *recording*, whose flags are those open at *now*; *steps* are all of its events."""
    happenings = Happenings(machine, steps, to_ms(now))
    found = list(problems(happenings, recording, announced))
    parts = [
        standing(happenings, recording),
        *found,
        *without_repeats(actions(happenings, recording, found)),
        *_events(happenings, recording, announced),
        *_awaited(happenings, recording, now),
    ]
    return Story(recording, now, tuple(parts))


def _events(happenings: Happenings, recording: Recording, announced: Expectation | None) -> Iterator[Part]:
    told = list(happenings.tell())
    if announced is not None:
        words = f"{_whose(recording, announced)}, to begin within {limit(announced.within_ms * MILLISECOND)}."
        told.append(Part("announced", (words,), at=from_ms(announced.expected_ms)))
    yield from sorted(told, key=lambda part: part.at or EPOCH)


def _whose(recording: Recording, announced: Expectation) -> str:
    if announced.recording_id is not None:
        return "It was announced by its id"
    # Of several recordings in a group, the first that opened is the one that was meant.
    return "It was announced by its group" if recording.recording_id is None else "Its group was announced"


def _awaited(happenings: Happenings, recording: Recording, now: datetime) -> Iterator[Part]:
    """Tell what is to come, and until when."""
    if recording.complete:
        return
    others = recording.awaits[MOST_AWAITED:]
    more = f" and {counted(len(others), 'other')}" if others else ""
    words: Words = (f"Awaited: {quoted(recording.awaits[:MOST_AWAITED])}{more}.",) if recording.awaits else ()
    if recording.stall_at is not None and recording.stall_at > now:
        words += (" By ", recording.stall_at, " something must have come, or it counts as stalled.")
    if recording.due_at is not None and recording.due_at > now:
        must = "it must be complete" if recording.phase != "expected" else "it must have begun"
        words += (" By ", recording.due_at, f" {must}, or it is stuck.")
    if words:
        first = words[0].lstrip() if isinstance(words[0], str) else words[0]
        places = [place("regions", region, "states", state) for region, state in recording.state.items()]
        yield Part("awaited", (first, *words[1:]), events=ids(happenings.steps[-1:]), machine=tuple(places))
