"""Kinds: events that act alike in every region and in every flag, of which a proof tries one."""

from __future__ import annotations

from typing import NamedTuple

from recording_tracker.machine import Machine, Move
from recording_tracker.machine.table import subscribed


class Kind(NamedTuple):
    """Events that only differ by name and place; *name* stands for all of them."""

    name: str
    names: tuple[str, ...]
    promised: bool
    """By the machine, and subscribed to."""
    subscribed: bool
    assumable: bool


def kinds(machine: Machine) -> list[Kind]:
    """Sort the events of *machine* into kinds, in the order of ``[events]``."""
    together: dict[object, list[str]] = {}
    for name in machine.places:
        together.setdefault(_likeness(machine, name), []).append(name)
    return [_kind(machine, names) for names in together.values()]


def _kind(machine: Machine, names: list[str]) -> Kind:
    name = names[0]
    return Kind(
        name,
        tuple(names),
        promised=name in machine.promised,
        subscribed=subscribed(machine.definition, name),
        assumable=machine.definition.events[name].assumable,
    )


def _likeness(machine: Machine, name: str) -> object:
    """All that the fold can see of an event, but its name: two that agree in it can stand for each other."""
    rule = machine.definition.events[name]
    named_in = {names for other in machine.moves.values() for names in _assumed(other) if name in names}
    is_subscribed, is_switch = subscribed(machine.definition, name), name == machine.incarnation_switch
    return (
        machine.moves[name],
        rule.promised,
        rule.opens,
        rule.assumable,
        is_subscribed,
        is_switch,
        frozenset(named_in),
    )


def _assumed(moves: tuple[tuple[int, tuple[Move, ...]], ...]) -> list[tuple[str, ...]]:
    return [names for _, region_moves in moves for move in region_moves for names in move.assumed]
