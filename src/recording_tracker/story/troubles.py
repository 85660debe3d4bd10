"""Troubles: the open flags of a recording in; sentences of what is wrong, and what to do about it, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from recording_tracker.flags import STUCK, Flag
from recording_tracker.journal import Expectation
from recording_tracker.machine import Machine
from recording_tracker.machine.definition import place
from recording_tracker.recording import Recording
from recording_tracker.results import Part, Words
from recording_tracker.steps import Step
from recording_tracker.story.happenings import Happenings
from recording_tracker.story.phrases import counted_from, ids, limit, quoted, sentence
from recording_tracker.story.remedies import ending, remedies
from recording_tracker.times import MILLISECOND, from_ms

MOST_ALIKE = 5
"""Flags of one code that are told one by one."""


def problems(happenings: Happenings, recording: Recording, announced: Expectation | None) -> Iterator[Part]:
    """Yield what is wrong, the worst first; of many flags of one code the first ones and how many more there are."""
    told: Counter[str] = Counter()
    for flag in recording.flags:
        told[flag.code] += 1
        if told[flag.code] <= MOST_ALIKE:
            yield _problem(happenings, recording, flag, announced)
    for code, number in told.items():
        if number > MOST_ALIKE:
            alike = [flag for flag in recording.flags if flag.code == code][MOST_ALIKE:]
            shown = tuple(event for flag in alike for event in flag.events) if code != "missing-event" else ()
            text = f"There are {len(alike)} more flags '{code}'."
            events = shown or ids(happenings.steps[-1:])
            yield Part("problem", (text,), at=alike[0].raised_at, flag=code, severity=alike[0].severity, events=events)


def _problem(happenings: Happenings, recording: Recording, flag: Flag, announced: Expectation | None) -> Part:
    words, events, machine = _found(happenings, recording, flag, announced)
    words = (*words, f" Acknowledged: {flag.note!r}.") if flag.acknowledged else words
    return Part(
        "problem",
        words,
        at=flag.raised_at,
        flag=flag.code,
        severity=flag.severity,
        acknowledged=flag.acknowledged,
        events=events,
        machine=machine,
    )


def _found(
    happenings: Happenings, recording: Recording, flag: Flag, announced: Expectation | None
) -> tuple[Words, tuple[str, ...], tuple[str, ...]]:
    """Return what a flag says, and the events and the places in the machine file that show it."""
    machine, steps = happenings.machine, happenings.steps
    if flag.code == "stalled" and flag.region is not None:
        return _stalled(machine, recording, steps[-1], flag.region)
    if flag.code == "missing-terminal":
        return _incomplete(happenings, recording, flag)
    if flag.code == "never-started":
        return _never_started(recording, flag, announced), ids(steps), ("limits.start_within",)
    if flag.code == "missing-event":
        return (sentence(flag.message),), *_implied(happenings, flag)
    if flag.code == "sequence-gap":
        return (sentence(flag.message),), tuple(_around_holes(steps)), ()
    shown = [step for step in steps if _shows(step, flag)]
    message = _without_hints(machine, flag, shown)
    return (sentence(message),), ids(shown), tuple(dict.fromkeys(_places(machine, flag, shown)))


def _without_hints(machine: Machine, flag: Flag, shown: Sequence[Step]) -> str:
    """Return what a flag says without what to do, which is told below."""
    if flag.code != "provider-error":
        return flag.message
    rows = [machine.code(*code) for step in shown for code in step.event.codes]
    hints = dict.fromkeys(row.hint for row in rows if row and row.hint)
    return flag.message.removesuffix("".join(f"; {hint}" for hint in hints))


def _shows(step: Step, flag: Flag) -> bool:
    return step.event.event_id in flag.events if flag.events else flag.code in step.dropped


def _stalled(
    machine: Machine, recording: Recording, last: Step, region: str
) -> tuple[Words, tuple[str, ...], tuple[str, ...]]:
    state = recording.state[region]
    rule = machine.definition.regions[region].states[state]
    assert rule.stall_after is not None
    whose, most = _whose(machine, region), limit(rule.stall_after)
    words: Words = (f"Nothing has come since {last.event.name!r} of ", counted_from(last.event))
    words += (f". {whose} is {state!r}, where a silence of more than {most} counts as stalled.",)
    return words, ids([last]), (place("regions", region, "states", state, "stall_after"),)


def _incomplete(
    happenings: Happenings, recording: Recording, flag: Flag
) -> tuple[Words, tuple[str, ...], tuple[str, ...]]:
    machine, steps = happenings.machine, happenings.steps
    if flag.region is None:
        within, first = machine.limits.complete_within, steps[0]
        words: Words = (f"It is not complete {limit(within)} after its first event, {first.event.name!r} of ",)
        return (*words, counted_from(first.event), "."), ids([first]), ("limits.complete_within",)
    state = recording.state[flag.region]
    rule = machine.definition.regions[flag.region].states[state]
    assert rule.complete_within is not None
    entered = _entered(happenings, flag.region)
    words = (f"{_whose(machine, flag.region)} has been {state!r} since ", counted_from(entered.event))
    words += (f"; from then on it may take at most {limit(rule.complete_within)} until the recording is complete.",)
    return words, ids([entered]), (place("regions", flag.region, "states", state, "complete_within"),)


def _whose(machine: Machine, region: str) -> str:
    return region.capitalize() if len(machine.regions) > 1 else "The recording"


def _entered(happenings: Happenings, region: str) -> Step:
    """Return the step by which a region got into its last state; the first one where it has not moved."""
    number = [found.name for found in happenings.machine.regions].index(region)
    moves = [step for step in happenings.steps if step.before[number] != step.after[number]]
    return moves[-1] if moves else happenings.steps[0]


def _never_started(recording: Recording, flag: Flag, announced: Expectation | None) -> Words:
    begin: Words = ("It was announced",)
    if announced is not None:
        within = limit(announced.within_ms * MILLISECOND)
        begin = ("It was announced at ", from_ms(announced.expected_ms), f", to begin within {within}")
    come = "nothing had come of it" if recording.last_event is None else "nothing that had come tells of a recording"
    return (*begin, "; by ", flag.raised_at, f" {come}.")


def _implied(happenings: Happenings, flag: Flag) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the evidence of what must have been sent: the events that imply it, and the places that say so."""
    events: list[str] = []
    places: list[str] = []
    for step in happenings.steps:
        for assumed in step.assumed:
            region = happenings.machine.regions[assumed.region].name
            if assumed in happenings.lost and assumed.names == flag.events and region == flag.region:
                part = happenings.missing(step, assumed)
                events += part.events
                places += part.machine
    return tuple(dict.fromkeys(events)), tuple(dict.fromkeys(places))


def _around_holes(steps: Sequence[Step]) -> Iterator[str]:
    """Yield the ids of the events on both sides of each hole in a worker's numbers."""
    numbered = [step.event for step in steps if step.event.sequence is not None]
    ordered = sorted(numbered, key=lambda event: (event.incarnation or "", event.sequence or 0))
    for low, high in pairwise(ordered):
        if low.incarnation == high.incarnation and (high.sequence or 0) - (low.sequence or 0) > 1:
            yield from (low.event_id, high.event_id)


def _places(machine: Machine, flag: Flag, shown: list[Step]) -> Iterator[str]:
    for step in shown:
        if flag.code == "provider-error":
            codes = [(table, code) for table, code in step.event.codes if machine.code(table, code)]
            yield from (place("codes", table, code) for table, code in codes)
        if flag.region is not None:
            number = [region.name for region in machine.regions].index(flag.region)
            yield place("regions", flag.region, "states", machine.regions[number].states[step.met[number]])


def actions(happenings: Happenings, recording: Recording, found: list[Part]) -> Iterator[Part]:
    """Yield what to do: what the provider's codes advise, then what the flags and the outcome do; nothing twice."""
    machine = happenings.machine
    evidence = {part.flag: part for part in reversed(found)}
    for step in happenings.steps:
        open_ids = {event for flag in recording.flags if _needs_a_hint(flag) for event in flag.events}
        for table, code in step.event.codes if step.event.event_id in open_ids else ():
            row = machine.code(table, code)
            if row is not None and row.hint:
                where = (place("codes", table, code),)
                text = sentence(row.hint)
                yield Part("remedy", (text,), flag="provider-error", events=ids([step]), machine=where)
    for code, text in remedies(recording, {step.event.name for step in happenings.steps}):
        shown = evidence[code]
        words = sentence(text)
        # Nothing stands behind a command that is to be copied.
        words = words.removesuffix(".") if ": tracker " in words else words
        yield Part("remedy", (words,), flag=code, events=shown.events, machine=shown.machine)
    if text := ending(recording) or "":
        places = tuple(
            place("regions", region, "states", state, "outcome")
            for region, state in recording.state.items()
            if machine.definition.regions[region].states[state].outcome
        )
        yield Part("remedy", (sentence(text),), events=ids(happenings.steps[-1:]), machine=places)


def _needs_a_hint(flag: Flag) -> bool:
    return flag.code == "provider-error" and not flag.acknowledged


def without_repeats(parts: Iterator[Part]) -> Iterator[Part]:
    """Yield *parts*, each sentence once."""
    seen: set[Words] = set()
    for part in parts:
        if part.words not in seen:
            seen.add(part.words)
            yield part


def standing(happenings: Happenings, recording: Recording) -> Part:
    """Say in one sentence how the recording is."""
    steps = happenings.steps
    changed = [step for step in steps if step.before != step.after] or list(steps)
    places = tuple(place("regions", region, "states", state) for region, state in recording.state.items())
    stuck = [flag.code for flag in recording.flags if flag.code in STUCK]
    words: Words = (f"It is not complete yet, in phase {recording.phase!r}, and not stuck.",)
    if stuck:
        words = (f"It is stuck in phase {recording.phase!r}: {quoted(dict.fromkeys(stuck), 'and')}.",)
    elif recording.complete and recording.completed_at is not None:
        words = (f"It is complete and {recording.outcome!r}, since ", recording.completed_at, ".")
    elif recording.phase == "expected":
        words = ("It is announced, and has not begun.",)
    return Part("standing", words, at=recording.completed_at, events=ids(changed[-1:]), machine=places)
