"""
Shown: what the deliveries of a life can show to somebody who has read the machine file.

A life is walked along declared transitions, once with all that happened and once with what was delivered.
An event that is declared for none of the states that were known shows that something has happened unseen;
and what, the life says. The fold, which has no life to ask, takes no part in it: else it would be scored by
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from recording_tracker.errors import UsageError
from recording_tracker.simulation.declared import Declared, States
from recording_tracker.simulation.life import Told


@dataclass(frozen=True, slots=True)
class Passage:
    """How one callback came through the weather."""

    told: Told
    arrivals: Sequence[tuple[int, int | None]]
    """(received, stated) in milliseconds, the first one first; none for one that is lost."""

    @property
    def is_lost(self) -> bool:
        """Whether it was sent, or should have been, and has never come."""
        return self.told.is_sent and not self.arrivals

    @property
    def came(self) -> bool:
        """Whether it was delivered."""
        return bool(self.arrivals)


def walk(declared: Declared, told: Iterable[Told]) -> Iterator[States]:
    """
    Yield the states after each of *told*, along declared transitions.

    Raises UsageError for a machine that has no place for what the provider does.
    """
    states = declared.initial
    for one in told:
        if declared.knows(one.name) and not one.superseded and not one.misfit:
            found = declared.step(states, one.name)
            if found is None:
                raise UsageError(
                    f"the machine of {declared.provider!r} has no transition for {one.name!r} from "
                    f"{declared.named(states)}, where the simulation needs one"
                )
            states = found
        yield states


@dataclass(slots=True)
class Shown:
    """What the deliveries show: the states that are known, and the losses that they give away."""

    states: States
    known: list[int]
    """Of each region the place in the life up to which it is known what has happened."""
    is_certain: bool = True
    """Whether the states are those that really were, as far as they go."""
    implied: dict[int, Told] = field(default_factory=dict)
    """Lost ones that must have been sent, by their place."""
    misfits: set[str] = field(default_factory=set)
    """The codes of the flags of what cannot follow on the states that are known."""


def show(declared: Declared, passages: Sequence[Passage], really: Sequence[States]) -> Shown:
    """Walk along what was delivered; where the clocks of servers put it into another order, that may show another."""
    places = range(len(passages))
    shown = _show_in_order(declared, passages, really, places)
    by_clock = sorted(places, key=lambda place: _clock_ms(passages[place]))
    if by_clock != list(places):
        other = _show_in_order(declared, passages, really, by_clock)
        agree = other.is_certain and other.states == shown.states and other.implied.keys() == shown.implied.keys()
        shown.is_certain &= agree
        shown.implied = {place: lost for place, lost in shown.implied.items() if place in other.implied}
        shown.misfits &= other.misfits
    return shown


def _clock_ms(passage: Passage) -> int:
    """Return when it happened by what was delivered of it."""
    received_ms, stated_ms = passage.arrivals[0] if passage.arrivals else (passage.told.at_ms, passage.told.stated_ms)
    return received_ms if stated_ms is None else stated_ms


def _show_in_order(
    declared: Declared, passages: Sequence[Passage], really: Sequence[States], places: Iterable[int]
) -> Shown:
    """Walk along what was delivered in the order of *places*, with the life at hand where it does not follow."""
    shown = Shown(declared.initial, [-1] * len(declared.initial))
    for place in places:
        told = passages[place].told
        if told.superseded or not declared.knows(told.name):
            continue
        found = declared.step(shown.states, told.name) if passages[place].came else shown.states
        if found is not None:
            shown.states = found
        elif told.misfit:
            shown.misfits.add(told.misfit)
        else:
            shown.states = _follow(declared, shown, passages, really, place)
        for region, state in enumerate(shown.states):
            if state == really[place][region] and place > shown.known[region]:
                shown.known[region] = place
    _show_switch(declared, shown, passages)
    return shown


def _follow(
    declared: Declared, shown: Shown, passages: Sequence[Passage], really: Sequence[States], place: int
) -> States:
    """Take an event in that is not declared where one thinks one is, and so gives away what was lost."""
    states = []
    for region, state in enumerate(shown.states):
        name = passages[place].told.name
        found = declared.after(region, state, name) if declared.takes_part(region, name) else state
        # One that comes late, behind what it leads to, changes nothing.
        if found is None and place < shown.known[region]:
            found = state
        states.append(_give_away(declared, shown, passages, really, place, region) if found is None else found)
    return tuple(states)


def _give_away(
    declared: Declared, shown: Shown, passages: Sequence[Passage], really: Sequence[States], place: int, region: int
) -> int:
    """
    Follow what has happened unseen as far as it must have got for the event to happen; return where that leads.

    What was promised on that way must have been sent.
    """
    name, state = passages[place].told.name, shown.states[region]
    for other in unseen_moves(declared, shown, really, region, place):
        told = passages[other].told
        if passages[other].is_lost and declared.is_surely_sent(region, state, told.name, name):
            shown.implied[other] = told
        shown.is_certain &= declared.is_assumable(told.name)
        found = declared.after(region, really[other][region], name)
        if found is not None:
            return found
    return really[place][region]


def unseen_moves(declared: Declared, shown: Shown, really: Sequence[States], region: int, before: int) -> Iterator[int]:
    """Yield the places in the life at which the region has moved since it was last known, and *before* another."""
    for place in range(shown.known[region] + 1, before):
        here = really[place - 1] if place else declared.initial
        if here[region] != really[place][region]:
            yield place


def _show_switch(declared: Declared, shown: Shown, passages: Sequence[Passage]) -> None:
    """A worker never heard of shows that the recording has moved to it, if the one before it has been heard of."""
    switch = declared.machine.incarnation_switch
    for place, passage in enumerate(passages):
        if switch is None or passage.told.name != switch or not passage.is_lost:
            continue
        old = passage.told.worker
        came = [other for other in passages if other.came and other.told.worker is not None]
        is_old_known = any(other.told.worker == old and other.told.at_ms < passage.told.at_ms for other in came)
        is_new_known = any(other.told.worker != old for other in came)
        if is_old_known and is_new_known:
            shown.implied[place] = passage.told
        # What the old worker says after the switch then counts, as if the recording were still there.
        shown.is_certain &= not any(other.told.superseded for other in came)
