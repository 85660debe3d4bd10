"""Phrases: lengths, lists, names and places in a machine file in; the words for them in a story out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from recording_tracker.events import Event
from recording_tracker.grammar import noun
from recording_tracker.machine import Region
from recording_tracker.machine.definition import place
from recording_tracker.steps import Step
from recording_tracker.times import MILLISECOND, from_ms, short


def time_of(event: Event) -> datetime:
    """Return when an event happened, as far as is known: what lifecycle order sorts by."""
    return from_ms(event.received_ms if event.occurred_ms is None else event.occurred_ms)


def counted_from(event: Event) -> datetime:
    """Return the moment from which deadlines count: an event that is dated ahead of our clock counts as received."""
    return min(time_of(event), from_ms(event.received_ms))


def ids(steps: Iterable[Step]) -> tuple[str, ...]:
    """Return the event ids of *steps*."""
    return tuple(step.event.event_id for step in steps)


def length(milliseconds: int) -> str:
    """Write a length of time, a short one with tenths of a second."""
    return f"{milliseconds / 1000:.1f}s" if milliseconds < 10_000 else short(milliseconds * MILLISECOND)


def limit(length: timedelta) -> str:
    """Write a limit of a machine file as it could stand there."""
    return short(length).replace(" ", "")


def joined(words: Sequence[str], last: str) -> str:
    """Join *words* with commas, and the last one by *last*."""
    return f" {last} ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])


def quoted(names: Iterable[str], last: str = "or") -> str:
    """Quote names and join them."""
    return joined([repr(name) for name in names], last)


def counted(number: int, thing: str) -> str:
    """Write a number of things."""
    return f"{number:,} {noun(number, thing)}"


def sentence(text: str) -> str:
    """Write *text* as a sentence: a capital and a full stop."""
    end = "" if text.endswith((".", "?", "!")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"


def transitions(region: Region, triggers: Iterable[str], here: int, there: int) -> tuple[str, ...]:
    """Return the places in the machine file of the transitions by which *triggers* lead from one state to another."""
    names, source = set(triggers), region.states[here]
    return tuple(
        place("regions", region.name, "transitions", number)
        for number, rule in enumerate(region.rule.transitions)
        if names.intersection(rule.trigger)
        and source in rule.source
        and (source if rule.dest == "=" else rule.dest) == region.states[there]
    )
