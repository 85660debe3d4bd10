"""Differences: two definitions in, the places in which they differ out, each with what stands there in either."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from pydantic import BaseModel

from recording_tracker.machine.definition import Definition, RegionRule, place
from recording_tracker.times import short


class Difference(NamedTuple):
    """One place that differs; None where only the other definition has it."""

    place: str
    before: str | None
    after: str | None


def differences(before: Definition, after: Definition) -> Iterator[Difference]:
    """Yield where *after* differs from *before*: limits, events, states, transitions and codes, in this order."""
    old, new = dict(_places(before)), dict(_places(after))
    for where in dict.fromkeys([*old, *new]):
        if old.get(where) != new.get(where):
            yield Difference(where, old.get(where), new.get(where))


def _places(definition: Definition) -> Iterator[tuple[str, str]]:
    """Yield each place of *definition* and what stands there; the orders that decide are places of their own."""
    yield "provider", definition.provider
    yield "title", definition.title
    if definition.incarnation_switch is not None:
        yield "incarnation_switch", definition.incarnation_switch
    for name, value in definition.limits:
        if value is not None:
            yield place("limits", name), _written(value)
    yield "events", "in the order " + ", ".join(definition.events)
    for name, event in definition.events.items():
        yield place("events", name), _row(event)
    for name, region in definition.regions.items():
        yield from _region(name, region)
    for table, codes in definition.codes.items():
        for code, row in codes.items():
            yield place("codes", table, code), _row(row)


def _region(name: str, region: RegionRule) -> Iterator[tuple[str, str]]:
    yield place("regions", name, "initial"), region.initial
    yield place("regions", name, "required"), _written(region.required)
    yield place("regions", name, "states"), "in the order " + ", ".join(region.states)
    for state, rule in region.states.items():
        yield place("regions", name, "states", state), _row(rule)
    for entry in region.transitions:
        for trigger in entry.trigger:
            for source in entry.source:
                yield f"{place('regions', name)}: {trigger} from {source}", f"to {entry.dest}"


def _row(rule: BaseModel) -> str:
    """Write a table of one line as the file would, without what is as it is if left out."""
    fields = type(rule).model_fields
    told = {fields[name].alias or name: _written(value) for name, value in rule if value != fields[name].get_default()}
    return ", ".join(f"{name} = {value}" for name, value in told.items()) or "as if left out"


def _written(value: object) -> str:
    if isinstance(value, timedelta):
        return short(value)
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
