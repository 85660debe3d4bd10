"""Checks of a definition: each yields what is wrong, where, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from recording_tracker.machine.definition import Definition, RegionRule, TransitionRule, listed, not_among, place

Check = Callable[[Definition], Iterator[str]]

_WORD = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_RESERVED = {"=": 'dest = "=" stays in the state', "*": "a source is a state, never all of them"}


def check_names(definition: Definition) -> Iterator[str]:
    """Refuse a provider that is no word, for files are named after it, and states named by a sign with a meaning."""
    if not _WORD.fullmatch(definition.provider):
        yield f"provider: {definition.provider!r} is not a word; write it of a-z, 0-9 and _, as 'line_planet'"
    for name, region in definition.regions.items():
        for state in _RESERVED.keys() & region.states.keys():
            yield f"{place('regions', name, 'states')}: {state!r} is no name of a state; {_RESERVED[state]}"


def check_initials(definition: Definition) -> Iterator[str]:
    """Look for the state in which each region begins; it tells nothing yet: no phase, and no end."""
    for name, region in definition.regions.items():
        rule = region.states.get(region.initial)
        where = place("regions", name, "states", region.initial)
        if rule is None:
            yield f"{place('regions', name, 'initial')}: {not_among(region.initial, 'state', region.states)}"
        elif rule.phase is not None:
            yield f"{where}: an initial state names no phase; take phase = {rule.phase!r} out"
        elif rule.final:
            yield f"{where}: an initial state is not final; take final = true out"


def check_transitions(definition: Definition) -> Iterator[str]:
    """Look for triggers that are no events, sources and dests that are no states, and what is there twice."""
    for name, region in definition.regions.items():
        first: dict[tuple[str, str], int] = {}
        for number, rule in enumerate(region.transitions):
            where = place("regions", name, "transitions", number)
            yield from (f"{where}: {wrong}" for wrong in _unknown_names(definition, region, rule))
            for trigger, source in ((trigger, source) for trigger in rule.trigger for source in rule.source):
                if (trigger, source) in first:
                    yield (
                        f"{where}: {trigger!r} leaves {source!r} in transitions[{first[trigger, source]}] already; "
                        "an event has one transition from a state"
                    )
                first.setdefault((trigger, source), number)


def _unknown_names(definition: Definition, region: RegionRule, rule: TransitionRule) -> Iterator[str]:
    for trigger in rule.trigger:
        if trigger not in definition.events:
            yield f"trigger {not_among(trigger, 'event', definition.events)}"
    for source in rule.source:
        if source not in region.states:
            yield f"source {not_among(source, 'state', region.states)}"
    if rule.dest != "=" and rule.dest not in region.states:
        yield f"dest {not_among(rule.dest, 'state', region.states)}"


def check_states(definition: Definition) -> Iterator[str]:
    """Allow phase finished and outcomes to final states, and no other phase."""
    for name, region in definition.regions.items():
        for state, rule in region.states.items():
            where = place("regions", name, "states", state)
            if rule.final and rule.phase not in (None, "finished"):
                yield f"{where}: a final state is not of phase {rule.phase!r}; write phase = 'finished'"
            if rule.phase == "finished" and not rule.final:
                yield f"{where}: phase 'finished' is for final states; add final = true"
            if rule.outcome is not None and not rule.final:
                yield f"{where}: outcome {rule.outcome!r} is for a final state; add final = true"


def check_ways(definition: Definition) -> Iterator[str]:
    """Look for states that are not reached, and for those from which no final one is."""
    for name, region in definition.regions.items():
        ways = [(source, rule.dest) for rule in region.transitions for source in rule.source if rule.dest != "="]
        finals = [state for state, rule in region.states.items() if rule.final]
        reached = _closure(ways, [region.initial])
        ending = _closure([(dest, source) for source, dest in ways], finals)
        if not finals:
            yield f"{place('regions', name, 'states')}: none is final; a region ends in a state with final = true"
        for state in region.states:
            where = place("regions", name, "states", state)
            if state not in reached:
                yield f"{where}: no transitions lead here from {region.initial!r}; add one, or take the state out"
            elif finals and state not in ending:
                yield f"{where}: no transitions lead from here to a final state; those are {listed(finals)}"


def _closure(ways: list[tuple[str, str]], start: list[str]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        here = waiting.pop()
        new = {dest for source, dest in ways if source == here} - found
        found |= new
        waiting += new
    return found


def check_events(definition: Definition) -> Iterator[str]:
    """Look for events that no region uses, and for names elsewhere that are no events."""
    used = {name for region in definition.regions.values() for rule in region.transitions for name in rule.trigger}
    for event in definition.events:
        if event not in used:
            yield f"{place('events', event)}: no region uses it; give it a transition, or take it out"
    for number, event in enumerate(definition.limits.subscribed or ()):
        if not any(covers(event, known) for known in definition.events):
            yield f"{place('limits', 'subscribed', number)}: {not_among(event, 'event', definition.events)}"
    switch = definition.incarnation_switch
    if switch is not None and switch not in definition.events:
        yield f"incarnation_switch: {not_among(switch, 'event', definition.events)}"


def check_outcomes(definition: Definition) -> Iterator[str]:
    """Require an outcome of some state, else nothing could ever be complete."""
    if not any(rule.outcome for region in definition.regions.values() for rule in region.states.values()):
        yield "regions: no state has an outcome, so no recording could be complete; give a final state one"


CHECKS: tuple[Check, ...] = (
    check_names,
    check_initials,
    check_transitions,
    check_states,
    check_ways,
    check_events,
    check_outcomes,
)


def covers(subscribed: str, event: str) -> bool:
    """Tell whether a subscription to *subscribed* brings *event*: itself, or one of its variants behind a dot."""
    return event == subscribed or event.startswith(f"{subscribed}.")
