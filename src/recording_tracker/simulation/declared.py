"""Declared: a machine file as one reads it, event by event and state by state; what the truth of a life rests on."""

from __future__ import annotations

from collections.abc import Iterator

from recording_tracker.machine import Machine
from recording_tracker.times import MILLISECOND

States = tuple[int, ...]
"""A state of each region, by its number."""

WORST_FIRST = ("failed", "absent", "partial", "backed_up", "available")
DELIVERED = {"available", "backed_up", "partial"}


class Declared:
    """A machine file as one reads it: which event leads from where to where, and what its states say."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.provider = machine.provider
        self.regions = machine.regions
        self.initial: States = machine.initial
        self.opens = machine.openers
        self.lost_after_ms = machine.lost_after_ms
        self._assumable = {name for name, rule in machine.definition.events.items() if rule.assumable}
        self._names = set(machine.definition.events)
        self._subscribed = {name for name in self._names if _is_subscribed(machine, name)}
        self._promised = {
            name for name, rule in machine.definition.events.items() if rule.promised and name in self._subscribed
        }
        limits = [machine.limits.complete_within, machine.limits.start_within, machine.limits.lost_after]
        limits += [
            limit
            for region in self.regions
            for rule in region.rules
            for limit in (rule.stall_after, rule.complete_within)
            if limit
        ]
        self.longest_ms = max(limits) // MILLISECOND
        self._steps_known: dict[tuple[States, str], States | None] = {}

    def knows(self, name: str) -> bool:
        """Tell whether the machine has that event."""
        return name in self._names

    def sends(self, name: str) -> bool:
        """Tell whether the account gets that event; what no machine knows nobody can leave out."""
        return name in self._subscribed or name not in self._names

    def after(self, region: int, state: int, name: str) -> int | None:
        """Return where the event leads from that state; None where it is not declared."""
        return self.regions[region].dests.get(name, {}).get(state)

    def step(self, states: States, name: str) -> States | None:
        """Return the states after the event; None where one of its regions does not declare it."""
        key = (states, name)
        if key not in self._steps_known:
            found = tuple(
                self.after(region, state, name) if self.takes_part(region, name) else state
                for region, state in enumerate(states)
            )
            self._steps_known[key] = tuple(state for state in found if state is not None) if None not in found else None
        return self._steps_known[key]

    def takes_part(self, region: int, name: str) -> bool:
        """Tell whether the event is one of that region."""
        return name in self.regions[region].dests

    def is_assumable(self, name: str) -> bool:
        """Tell whether the event may be taken to have happened unseen."""
        return name in self._assumable

    def is_surely_sent(self, region: int, here: int, lost: str, later: str) -> bool:
        """
        Tell whether *later* shows that *lost* has been sent.

        It does if every forward way from the state *here* to one that declares *later* has a step that only
        *lost*, or another that is promised, can have made.
        """
        if lost not in self._promised:
            return False
        sources = set(self.regions[region].dests.get(later, {}))
        open_states, seen = [here], {here}
        while open_states:
            state = open_states.pop()
            if state in sources:
                return False
            for there, names in self._steps(region, state):
                if there not in seen and not self._shows(lost, names):
                    seen.add(there)
                    open_states.append(there)
        return True

    def _steps(self, region: int, state: int) -> Iterator[tuple[int, set[str]]]:
        """Yield the states forward of *state*, each with the events by which one may get there unseen."""
        if self.regions[region].rules[state].final:
            return
        found: dict[int, set[str]] = {}
        for name, dests in self.regions[region].dests.items():
            there = dests.get(state, -1)
            if there > state and name in self._assumable:
                found.setdefault(there, set()).add(name)
        yield from found.items()

    def _shows(self, lost: str, names: set[str]) -> bool:
        return lost in names and names & self._subscribed <= self._promised

    def is_complete(self, states: States) -> bool:
        """Tell whether all regions that have begun, or are required, have ended, and one says how."""
        has_ended = all(
            region.rules[state].final
            for region, state in zip(self.regions, states, strict=True)
            if state != region.initial or region.required
        )
        return has_ended and bool(self._outcomes(states))

    def outcome(self, states: States) -> str | None:
        """Return the worst outcome that the regions have; files delivered beside a failure are a part."""
        found = self._outcomes(states)
        worst = next((outcome for outcome in WORST_FIRST if outcome in found), None)
        return "partial" if worst in ("failed", "absent") and found & DELIVERED else worst

    def _outcomes(self, states: States) -> set[str]:
        rules = (region.rules[state] for region, state in zip(self.regions, states, strict=True))
        return {rule.outcome for rule in rules if rule.final and rule.outcome}

    def may_stall(self, states: States) -> bool:
        """Tell whether one of the states tolerates only so much silence."""
        return any(region.rules[state].stall_after for region, state in zip(self.regions, states, strict=True))

    def named(self, states: States) -> dict[str, str]:
        """Return region → state."""
        return {region.name: region.states[state] for region, state in zip(self.regions, states, strict=True)}


def _is_subscribed(machine: Machine, name: str) -> bool:
    listed = machine.limits.subscribed
    return listed is None or any(name == wanted or name.startswith(f"{wanted}.") for wanted in listed)
