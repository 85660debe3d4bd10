"""A machine that the fold can ask: a definition in, built into transitions.Machines, tables of moves out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Set
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import transitions

from recording_tracker.machine.checks import covers
from recording_tracker.machine.definition import Code, Definition, RegionRule
from recording_tracker.phases import OUTCOMES, PHASES
from recording_tracker.times import MILLISECOND

TAKEN, IMPLIED, CONFLICT, ILLEGAL = "taken", "implied", "conflict", "illegal"
STARTING, RECORDING, PROCESSING, FINISHED = (PHASES.index(name) for name in PHASES[1:])
DELIVERED = {"available", "backed_up", "partial"}


class Move(NamedTuple):
    """What an event does to a region in a state, before anything is known of events assumed unseen."""

    verdict: str
    """``taken``, ``implied``, ``conflict`` or ``illegal``."""
    dest: int
    assumed: tuple[tuple[str, ...], ...] = ()
    """For each step on the way that was surely sent: the events of which any one would have made it."""


def subscribed(definition: Definition, event: str) -> bool:
    """Tell whether *event* reaches the account; without a list of subscriptions every one does."""
    names = definition.limits.subscribed
    return names is None or any(covers(name, event) for name in names)


class Situation(NamedTuple):
    """What a recording is when its regions are in certain states."""

    state: dict[str, str]
    """Region name → state name; shared, and never changed."""
    phase: str
    complete: bool
    outcome: str | None
    stall_after: tuple[int, str] | None
    """The shortest silence limit of the states, in milliseconds, and its region."""
    complete_within: tuple[tuple[int, int, str], ...]
    """(region number, milliseconds, region name) for each state with a limit."""
    awaits: tuple[str, ...]
    """The events that would bring it nearer to being complete, in lifecycle order."""


class Region:
    """One flat machine; states are numbered in lifecycle order."""

    def __init__(self, name: str, rule: RegionRule, definition: Definition) -> None:
        self.name = name
        self.rule = rule
        self.states = list(rule.states)
        self.rules = list(rule.states.values())
        self.required = rule.required
        self.number = {state: number for number, state in enumerate(self.states)}
        self.initial = self.number[rule.initial]
        self._definition = definition
        # `transitions` is given each pair by itself: no wildcard, no transition that it makes up.
        self.engine = transitions.Machine(
            model=None,
            states=self.states,
            initial=rule.initial,
            transitions=[
                {"trigger": trigger, "source": source, "dest": source if entry.dest == "=" else entry.dest}
                for entry in rule.transitions
                for trigger in entry.trigger
                for source in entry.source
            ],
            auto_transitions=False,
        )
        self.dests = self._read_out()

    def _read_out(self) -> dict[str, dict[int, int]]:
        """Read trigger → {source: dest} out of the built engine, whose own triggering is eighty times slower."""
        return {
            trigger: {
                self.number[source]: self.number[str(found[0].dest)] for source, found in event.transitions.items()
            }
            for trigger, event in self.engine.events.items()
        }

    @cached_property
    def edges(self) -> dict[int, dict[int, list[str]]]:
        """Per state, the states that lie forward and the assumable events that lead there, all in file order."""
        edges: dict[int, dict[int, list[str]]] = {number: {} for number in range(len(self.states))}
        for entry in self.rule.transitions:
            for trigger in entry.trigger:
                for source in entry.source:
                    here, there = self.number[source], self.dests[trigger][self.number[source]]
                    if there > here and self._definition.events[trigger].assumable and not self.rules[here].final:
                        edges[here].setdefault(there, []).append(trigger)
        return edges

    def moves(self, trigger: str) -> tuple[Move, ...]:
        """Return what *trigger* does in each state."""
        return tuple(self._move(trigger, state) for state in range(len(self.states)))

    def _move(self, trigger: str, state: int) -> Move:
        dests = self.dests[trigger]
        if state in dests:
            return Move(TAKEN, dests[state])
        path = self._path(state, dests)
        if path:
            assumed = (self.assumed(here, there) for here, there in pairwise(path))
            return Move(IMPLIED, dests[path[-1]], tuple(names for names in assumed if names))
        others = [dest for source, dest in dests.items() if dest != source]
        ended = self.rules[state].final and others and all(self.rules[dest].final for dest in others)
        return Move(CONFLICT if ended else ILLEGAL, state)

    def way(self, trigger: str, state: int) -> list[int]:
        """Return the states that *trigger* implies the region has passed since *state*, both ends included."""
        return self._path(state, self.dests[trigger])

    def _path(self, start: int, dests: dict[int, int]) -> list[int]:
        """Find the shortest way forward from *start* to a state that the event leaves forward or stays in."""
        waiting = deque([[start]])
        seen = {start}
        while waiting:
            path = waiting.popleft()
            if len(path) > 1 and dests.get(path[-1], -1) >= path[-1]:
                return path
            for there in self.edges[path[-1]]:
                if there not in seen:
                    seen.add(there)
                    waiting.append([*path, there])
        return []

    def assumed(self, here: int, there: int) -> tuple[str, ...]:
        """Return the events of which one was surely sent on the step; none where one may not have been."""
        possible = [name for name in self.edges[here][there] if subscribed(self._definition, name)]
        return tuple(possible) if all(self._definition.events[name].promised for name in possible) else ()

    def ends(self, state: int) -> set[str]:
        """Return the events that usually end the region from *state*; where none does, those that lead it on."""
        forward = {
            trigger: self.rules[dests[state]] for trigger, dests in self.dests.items() if dests.get(state, -1) > state
        }
        ending = {trigger for trigger, rule in forward.items() if rule.final}
        # Which of several results comes cannot be assumed, but where a good one is among them, one is on its way.
        delivers = any(forward[trigger].outcome in DELIVERED for trigger in ending)
        return self._assumable(ending) or (ending if delivers else self._assumable(forward)) or set(forward)

    def delivers(self, state: int) -> set[str]:
        """Return the events that take the region from *state* at once to an end with files."""
        return {
            trigger
            for trigger, dests in self.dests.items()
            if dests.get(state, state) != state and self.rules[dests[state]].outcome in DELIVERED
        }

    def _assumable(self, triggers: Iterable[str]) -> set[str]:
        return {trigger for trigger in triggers if self._definition.events[trigger].assumable}


class Machine:
    """One provider's lifecycle: regions side by side, the limits, and the meaning of codes."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.provider = definition.provider
        self.title = definition.title
        self.limits = definition.limits
        self.digest = definition.digest()
        self.incarnation_switch = definition.incarnation_switch
        self.regions = [Region(name, rule, definition) for name, rule in definition.regions.items()]
        self.initial = tuple(region.initial for region in self.regions)
        self.places = {name: place for place, name in enumerate(definition.events)}
        self.openers = frozenset(name for name, rule in definition.events.items() if rule.opens)
        promised = (name for name, rule in definition.events.items() if rule.promised)
        self.promised = [name for name in promised if subscribed(definition, name)]
        self.moves = {name: tuple(self._moves(name)) for name in definition.events}
        self.lost_after_ms = definition.limits.lost_after // MILLISECOND
        self.complete_within_ms = definition.limits.complete_within // MILLISECOND
        self._situations: dict[tuple[int, ...], Situation] = {}

    def _moves(self, event: str) -> Iterator[tuple[int, tuple[Move, ...]]]:
        for number, region in enumerate(self.regions):
            if event in region.dests:
                yield number, region.moves(event)

    def place(self, event: str) -> int:
        """Return the event's place in ``[events]``, an unknown one's behind all."""
        return self.places.get(event, len(self.places))

    @classmethod
    def from_json(cls, text: str) -> Machine:
        """Build the machine again whose definition was kept as JSON."""
        return cls(Definition.model_validate_json(text))

    def to_json(self) -> str:
        """Write the definition as JSON."""
        return self.definition.model_dump_json(by_alias=True)

    @cached_property
    def surely_sent(self) -> list[tuple[str, ...]]:
        """Return each set of promised events of which one takes place in every lifecycle that passes its step."""
        steps = (
            (region, here, there) for region in self.regions for here, ends in region.edges.items() for there in ends
        )
        found = (region.assumed(here, there) for region, here, there in steps)
        return list(dict.fromkeys(names for names in found if names))

    @cached_property
    def harmless(self) -> frozenset[tuple[str, str]]:
        """Return every (table, code) whose class raises no flag."""
        return frozenset(
            (table, code)
            for table, rows in self.definition.codes.items()
            for code, row in rows.items()
            if row.severity_class in ("progress", "hint")
        )

    def code(self, table: str, code: str) -> Code | None:
        """Look a provider's code up; None for one that no table has."""
        return self.definition.codes.get(table, {}).get(code)

    def state_names(self, states: Iterable[int]) -> dict[str, str]:
        """Return region name → state name."""
        return {region.name: region.states[state] for region, state in zip(self.regions, states, strict=True)}

    def situation(self, states: tuple[int, ...]) -> Situation:
        """Say what a recording is whose regions are in *states*."""
        found = self._situations.get(states)
        if found is None:
            found = self._situations[states] = self._situation(states)
        return found

    def _situation(self, states: tuple[int, ...]) -> Situation:
        here = list(zip(self.regions, states, strict=True))
        rules = [region.rules[state] for region, state in here]
        left = [rule for (region, state), rule in zip(here, rules, strict=True) if state != region.initial]
        deciding = [
            rule
            for (region, state), rule in zip(here, rules, strict=True)
            if state != region.initial or region.required
        ]
        outcomes = {rule.outcome for rule in rules if rule.final and rule.outcome}
        complete = bool(outcomes) and all(rule.final for rule in deciding)
        stalls = [
            (rule.stall_after // MILLISECOND, region.name)
            for (region, _), rule in zip(here, rules, strict=True)
            if rule.stall_after
        ]
        limits = tuple(
            (number, rule.complete_within // MILLISECOND, self.regions[number].name)
            for number, rule in enumerate(rules)
            if rule.complete_within
        )
        return Situation(
            state=self.state_names(states),
            phase=_phase({rule.phase for rule in left}, complete=complete),
            complete=complete,
            outcome=_worst(outcomes) if complete else None,
            stall_after=min(stalls, default=None),
            complete_within=limits,
            awaits=tuple(sorted(self._awaited(states), key=self.place)),
        )

    def _awaited(self, states: tuple[int, ...]) -> set[str]:
        """Return the events that would end what keeps the recording from being complete, or give it an outcome."""
        here = list(zip(self.regions, states, strict=True))
        begun = [(region, state) for region, state in here if region.required or state != region.initial]
        blocking = [(region, state) for region, state in begun if not region.rules[state].final]
        # Where all that has begun has ended without an outcome, files are awaited, and nothing that would begin anew.
        files = set[str]().union(*(region.delivers(state) for region, state in here if begun and not blocking))
        return files or set[str]().union(*(region.ends(state) for region, state in blocking or here))


def _phase(phases: set[str | None], *, complete: bool) -> str:
    if complete:
        return "finished"
    named = [PHASES.index(phase) for phase in phases if phase]
    if not named:
        return "starting"
    return PHASES[min(*named, PROCESSING)]


def _worst(outcomes: Set[str]) -> str | None:
    worst = next((outcome for outcome in OUTCOMES if outcome in outcomes), None)
    return "partial" if worst in ("failed", "absent") and outcomes & DELIVERED else worst
