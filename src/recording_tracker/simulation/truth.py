"""Truth: what really happened to a simulated recording, and what of it the deliveries can show; a line of JSON out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from recording_tracker.simulation.declared import Declared, States
from recording_tracker.simulation.life import Life
from recording_tracker.simulation.shown import Passage, Shown, show, unseen_moves, walk
from recording_tracker.times import iso

IMPLIED, DEADLINE, NEVER = "implied", "deadline", "never"
"""How a loss can be known: a later event implies the lost one; the recording does not end; not at all."""
CLOCK_TOLERANCE_MS = 300_000
SETTLING_MS = 86_400_000
"""Added to every deadline, so that clocks astray and deliveries held up make no difference."""


class Case(NamedTuple):
    """One recording with all that is known of it."""

    declared: Declared
    life: Life
    passages: Sequence[Passage]
    really: Sequence[States]
    """The states after each thing that happened."""
    shown: Shown
    is_open: bool
    """Whether an event that opens it was delivered."""
    is_complete: bool
    """Whether the deliveries show that it has ended."""

    @property
    def end(self) -> States:
        """The states in which it really ends, or hangs."""
        return self.really[-1] if self.really else self.declared.initial

    @property
    def is_known(self) -> bool:
        """Whether anybody can know that there is such a recording."""
        return self.is_open or self.life.announced_ms is not None

    @property
    def is_kept(self) -> bool:
        """Whether it is known by its id; what waits for its opening event is no part of one known by its group."""
        return self.is_open or (self.life.announced_ms is not None and "recording_id" in self.life.announced_as)

    @property
    def outcome(self) -> str | None:
        """How it has ended by what was delivered."""
        return self.declared.outcome(self.shown.states) if self.is_complete else None


def truth(declared: Declared, life: Life, passages: Sequence[Passage]) -> dict[str, Any]:
    """Return the line of the truth file on one recording."""
    really = list(walk(declared, life.told))
    shown = show(declared, passages, really)
    is_open = any(one.came and one.told.name in declared.opens and not one.told.superseded for one in passages)
    is_complete = is_open and declared.is_complete(shown.states)
    case = Case(declared, life, passages, really, shown, is_open, is_complete)
    return {
        "provider": declared.provider,
        "recording_id": life.recording_id,
        "group_id": life.group_id,
        "life": life.kind,
        "fate": life.fate,
        "announced_as": life.announced_as if life.announced_ms is not None else None,
        "state": declared.named(case.end),
        "outcome": life.outcome,
        "hung_at": None if life.hung_ms is None else iso(life.hung_ms),
        "callbacks": sum(one.told.is_sent for one in passages),
        "lost": list(_lost(case)),
        "doubled": [one.told.name for one in passages if len(one.arrivals) > 1],
        "late": list(_late(case)),
        "shown": _shown(case),
        "flags": [{"code": code, "events": list(events)} for code, *events in _flags(case)],
        "settled_at": iso(_settled_ms(case)),
    }


def _lost(case: Case) -> Iterator[dict[str, str]]:
    for place, one in enumerate(case.passages):
        if one.is_lost:
            yield {"name": one.told.name, "at": iso(one.told.at_ms), "known": _known(case, place)}


def _known(case: Case, place: int) -> str:
    """Say how the loss of the callback at *place* can be known."""
    if place in case.shown.implied:
        return IMPLIED
    if case.is_complete or not case.is_known:
        return NEVER
    behind = (region for region, state in enumerate(case.shown.states) if state != case.end[region])
    blocks = any(
        place in unseen_moves(case.declared, case.shown, case.really, region, len(case.really)) for region in behind
    )
    return DEADLINE if blocks else NEVER


def _late(case: Case) -> Iterator[dict[str, object]]:
    """Yield what has come so late that it could have been taken for lost."""
    for one in case.passages:
        if one.came and one.arrivals[0][0] > one.told.at_ms + case.declared.lost_after_ms:
            yield {"name": one.told.name, "by_ms": one.arrivals[0][0] - one.told.at_ms}


def _shown(case: Case) -> dict[str, object]:
    return {
        "known": case.is_known,
        "certain": case.shown.is_certain,
        "complete": case.is_complete,
        "outcome": case.outcome,
        "state": case.declared.named(case.shown.states if case.is_kept else case.declared.initial),
    }


def _flags(case: Case) -> Iterator[tuple[str, ...]]:
    """Yield the flags that are right when everything has settled, each with the events that it is about."""
    yield from _flags_of_time(case)
    if not case.is_kept:
        return
    yield from (("missing-event", lost.name) for lost in case.shown.implied.values())
    came = [one for one in case.passages if one.came and not one.told.superseded]
    told = [one.told for one in came]
    if any(one.trouble for one in told) and case.outcome != "available":
        yield ("provider-error",)
    if any(one.odd for one in told):
        yield ("payload-mismatch",)
    if not all(case.declared.knows(one.name) for one in told):
        yield ("unknown-event",)
    yield from ((code,) for code in sorted(case.shown.misfits))
    if any(_is_ahead(*one.arrivals[0]) for one in came):
        yield ("clock-skew",)
    if _has_hole(came):
        yield ("sequence-gap",)


def _flags_of_time(case: Case) -> Iterator[tuple[str, ...]]:
    if not case.is_open:
        if case.life.announced_ms is not None:
            yield ("never-started",)
    elif not case.is_complete:
        yield ("missing-terminal",)
        if case.declared.may_stall(case.shown.states):
            yield ("stalled",)


def _is_ahead(received_ms: int, stated_ms: int | None) -> bool:
    return stated_ms is not None and stated_ms > received_ms + CLOCK_TOLERANCE_MS


def _has_hole(came: Iterable[Passage]) -> bool:
    """Tell whether a worker's numbers, of which it leaves none out, are not all there."""
    numbers: dict[str | None, set[int]] = {}
    for one in came:
        if one.told.sequence is not None:
            numbers.setdefault(one.told.worker, set()).add(one.told.sequence)
    return any(len(found) <= max(found) - min(found) for found in numbers.values())


def _settled_ms(case: Case) -> int:
    """Return a moment at which every deadline that can pass has passed."""
    moments = [moment or 0 for one in case.passages for arrival in one.arrivals for moment in arrival]
    moments += [case.life.hung_ms or 0, case.life.announced_ms or 0]
    return max(moments) + case.declared.longest_ms + SETTLING_MS
