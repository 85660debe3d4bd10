"""Sketch: what a diagram of a region shows; a region in, the few steps that tell how its states follow out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from recording_tracker.machine.table import Region

FORMATS = ("mermaid", "dot", "svg", "png")
"""What a machine can be drawn as."""
MOST_SOURCES = 3
"""States that come before another and are all shown with their way to it; of more only the nearest are."""


class People(NamedTuple):
    """How many open recordings are in a state, and how many of them are stuck."""

    open: int = 0
    stuck: int = 0


Peopled = Mapping[tuple[str, str], People]
"""(region, state) → the open recordings in it."""


class Step(NamedTuple):
    """An arrow: from one state to another, by any of some events; states are their places in the region."""

    source: int
    dest: int
    triggers: tuple[str, ...]


def steps(region: Region, *, all_of_them: bool = False) -> list[Step]:
    """
    Return the arrows of *region*, in the order of its states.

    Left out, unless *all_of_them* are asked for: what stays in its state, and short cuts. Where an event leads on
    to a state from more than three that come before it, it is shown only from those from which no other of
    them is reached: whatever may be passed unseen lies before them.
    """
    found: dict[tuple[int, int], list[str]] = {}
    for trigger, source, dest in _moves(region, all_of_them=all_of_them):
        found.setdefault((source, dest), []).append(trigger)
    return [Step(*ends, tuple(triggers)) for ends, triggers in sorted(found.items())]


def _moves(region: Region, *, all_of_them: bool) -> Iterator[tuple[str, int, int]]:
    for trigger, dests in region.dests.items():
        for source, dest in dests.items():
            if all_of_them or (source != dest and not _is_short_cut(region, dests, source, dest)):
                yield trigger, source, dest


def _is_short_cut(region: Region, dests: dict[int, int], source: int, dest: int) -> bool:
    before = {other for other, there in dests.items() if there == dest and other < dest}
    return source in before and len(before) > MOST_SOURCES and bool(before & _reached(region, source))


def _reached(region: Region, start: int) -> set[int]:
    """Return the states that lie forward from *start*, by events that may be passed unseen."""
    found: set[int] = set()
    waiting = [start]
    while waiting:
        new = region.edges[waiting.pop()].keys() - found
        found |= new
        waiting += new
    return found


def staying(region: Region) -> dict[int, list[str]]:
    """Return for each state the events that leave the region in it."""
    found: dict[int, list[str]] = {}
    for trigger, dests in region.dests.items():
        for source, dest in dests.items():
            if source == dest:
                found.setdefault(source, []).append(trigger)
    return found
