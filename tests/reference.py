"""A second opinion: the fold as the design says it, slow and obvious; it shares nothing with the real one but types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple

from recording_tracker.events import RESOLVED, SUPERSEDED, Event
from recording_tracker.machine.definition import Definition, RegionRule, StateRule

WORST_FIRST = ("failed", "absent", "partial", "backed_up", "available")
EARLIEST_FIRST = ("expected", "starting", "recording", "processing", "finished")
LIGHTEST_FIRST = ("taken", "late", "implied", "conflict", "illegal", "unknown")
FIVE_MINUTES = 300_000


class Expectation(NamedTuple):
    """That a recording was announced, and how soon it had to be heard of."""

    expected_ms: int
    within_ms: int


class Finding(NamedTuple):
    """A flag, without its words."""

    code: str
    severity: str
    region: str | None
    evidence: tuple[str, ...]
    raised_ms: int


@dataclass(frozen=True)
class Opinion:
    """What the design says of a set of events."""

    phase: str
    complete: bool
    outcome: str | None
    state: dict[str, str]
    started_ms: int | None
    ended_ms: int | None
    completed_ms: int | None
    stall_ms: int | None
    due_ms: int | None
    last: str | None
    verdicts: dict[str, str]
    """Event id to what became of it, where regions differ in the one that says so most loudly."""
    findings: frozenset[Finding]
    """Those open at the moment of looking."""


class Way(NamedTuple):
    """One transition."""

    trigger: str
    source: str
    dest: str
    place: int


class Assumption(NamedTuple):
    """One of *names* was sent and has not come."""

    names: tuple[str, ...]
    due_ms: int
    worker: str | None


@dataclass
class Place:
    """Where one region is."""

    name: str
    rule: RegionRule
    state: str
    entered_ms: int | None = None
    assumed: list[Assumption] = field(default_factory=list)

    @property
    def here(self) -> StateRule:
        return self.rule.states[self.state]

    @property
    def has_left(self) -> bool:
        return self.state != self.rule.initial


def ms(length: timedelta) -> int:
    return int(length.total_seconds() * 1000)


def ways(rule: RegionRule) -> list[Way]:
    found: list[Way] = []
    for transition in rule.transitions:
        for trigger in transition.trigger:
            for source in transition.source:
                dest = source if transition.dest == "=" else transition.dest
                found.append(Way(trigger, source, dest, len(found)))
    return found


class Reference:
    """The fold of one machine."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.ways = {name: ways(rule) for name, rule in definition.regions.items()}
        self._paths: dict[tuple[str, str, str], list[str] | None] = {}

    # --- what the machine says -----------------------------------------------------------------

    def knows(self, region: str, name: str) -> bool:
        return any(way.trigger == name for way in self.ways[region])

    def opens(self, name: str) -> bool:
        rule = self.definition.events.get(name)
        return rule is not None and rule.opens

    def is_subscribed(self, name: str) -> bool:
        subscribed = self.definition.limits.subscribed
        return subscribed is None or any(name == one or name.startswith(f"{one}.") for one in subscribed)

    def is_promised(self, name: str) -> bool:
        return self.definition.events[name].promised and self.is_subscribed(name)

    def taken(self, region: str, state: str, name: str) -> str | None:
        dests = [way.dest for way in self.ways[region] if way.trigger == name and way.source == state]
        return dests[0] if dests else None

    def path(self, region: str, state: str, name: str) -> list[str] | None:
        """The states by which event *name* is implied from *state*, its own dest the last of them."""
        key = (region, state, name)
        if key not in self._paths:
            found = sorted(self._all_paths(region, [state], [], name))
            self._paths[key] = found[0][2] if found else None
        return self._paths[key]

    def _all_paths(
        self, region: str, states: list[str], places: list[int], name: str
    ) -> Iterator[tuple[int, list[int], list[str]]]:
        rule = self.definition.regions[region]
        order = list(rule.states)
        here = states[-1]
        dest = self.taken(region, here, name)
        if len(states) > 1 and dest is not None and order.index(dest) >= order.index(here):
            yield len(states), places, [*states, dest]
        if rule.states[here].final:
            return
        for way in self.ways[region]:
            is_forward = order.index(way.dest) > order.index(here)
            if way.source == here and is_forward and self.definition.events[way.trigger].assumable:
                yield from self._all_paths(region, [*states, way.dest], [*places, way.place], name)

    def must_have_come(self, region: str, source: str, dest: str) -> tuple[str, ...]:
        """The events of which one was surely sent between two states; none where that is not sure."""
        joining = [way.trigger for way in self.ways[region] if (way.source, way.dest) == (source, dest)]
        possible = [name for name in joining if self.definition.events[name].assumable]
        subscribed = [name for name in possible if self.is_subscribed(name)]
        if subscribed and all(self.is_promised(name) for name in subscribed):
            return tuple(subscribed)
        return ()

    def leads_only_to_the_end(self, region: str, name: str) -> bool:
        states = self.definition.regions[region].states
        dests = [way.dest for way in self.ways[region] if way.trigger == name and way.dest != way.source]
        return bool(dests) and all(states[dest].final for dest in dests)

    # --- lifecycle order -----------------------------------------------------------------------

    def order(self, event: Event) -> tuple[int, int, int, str]:
        names = list(self.definition.events)
        place = names.index(event.name) if event.name in names else len(names)
        return (time(event), place, sequence(event), event.event_id)

    # --- all together --------------------------------------------------------------------------

    def opine(self, events: Iterable[Event], expected: Iterable[Expectation], now_ms: int) -> Opinion | None:
        """Say what *events* make, seen at *now_ms*; None where nothing has made a recording."""
        ordered, announced = sorted(events, key=self.order), list(expected)
        fold = Fold(self, ordered, announced)
        return fold.opinion(now_ms) if fold.opened or announced else None


def sequence(event: Event) -> int:
    return -1 if event.sequence is None else event.sequence


def time(event: Event) -> int:
    return event.received_ms if event.occurred_ms is None else event.occurred_ms


def deadline_time(event: Event) -> int:
    return min(time(event), event.received_ms)


class Fold:
    """One recording's events, in lifecycle order, taken through a machine one by one."""

    def __init__(self, reference: Reference, events: list[Event], expected: list[Expectation]) -> None:
        self.reference, self.definition = reference, reference.definition
        self.events, self.expected = events, expected
        self.places = [Place(name, rule, rule.initial) for name, rule in self.definition.regions.items()]
        self.opened = False
        self.heard: list[Event] = []
        self.resolved: str | None = None
        self.worker: str | None = None
        self.workers: set[str] = set()
        self.misfits: set[Finding] = set()
        self.verdicts: dict[str, str] = {}
        self.phases: list[str] = []
        for event in events:
            before = self.states()
            self.verdicts[event.event_id] = self.step(event)
            if self.states() != before and self.machine_is_complete():
                # The design is silent: the provider's own end counts for more than an operator's conclusion before.
                self.resolved = None
            self.phases.append(self.phase())

    def states(self) -> dict[str, str]:
        return {place.name: place.state for place in self.places}

    # --- one event -----------------------------------------------------------------------------

    def step(self, event: Event) -> str:
        repeated = self.names_a_known_worker(event)
        name = self.name_by_worker(event)
        if name != event.name and name not in self.definition.events:
            self.settle_everywhere(event.name, event)
            return "late"
        self.heard.append(event)
        # The design is silent: what an operator resolves is a recording.
        self.opened = self.opened or name == RESOLVED or self.reference.opens(name)
        if name == RESOLVED:
            self.resolved = event.outcome
            return "taken"
        if repeated:
            self.settle_everywhere(name, event._replace(incarnation=None))
            return "late"
        verdicts = [self.step_in(place, name, event) for place in self.places if self.reference.knows(place.name, name)]
        if not verdicts:
            self.misfits.add(of_event("unknown-event", "warning", event))
            return "unknown"
        return max(verdicts, key=LIGHTEST_FIRST.index)

    def names_a_known_worker(self, event: Event) -> bool:
        """Whether *event* is a switch to a worker that has been heard of; the design is silent: it changes nothing."""
        is_switch = event.name == self.definition.incarnation_switch and event.successor is not None
        return is_switch and event.successor in self.workers

    def name_by_worker(self, event: Event) -> str:
        """The name under which *event* is folded; a switch that it reveals is applied before."""
        switch, worker = self.definition.incarnation_switch, event.incarnation
        if switch is None:
            return event.name
        if event.name == switch and event.successor is not None:
            if event.successor not in self.workers:
                self.worker = event.successor
            self.workers |= {event.successor} | ({worker} if worker is not None else set())
            return event.name
        if worker is None or worker == self.worker:
            return event.name
        if self.worker is not None and worker in self.workers:
            return event.name + SUPERSEDED
        if self.worker is not None:
            self.switch_unseen(switch, event)
        self.worker = worker
        self.workers.add(worker)
        return event.name

    def switch_unseen(self, switch: str, event: Event) -> None:
        """The design is silent on where: every region takes it that can, the first that knows it misses it."""
        knowing = [place for place in self.places if self.reference.knows(place.name, switch)]
        for place in knowing:
            dest = self.reference.taken(place.name, place.state, switch)
            if dest is not None:
                self.enter(place, dest, event)
        if self.reference.is_promised(switch):
            self.assume(knowing[0], (switch,), event._replace(incarnation=None))

    def settle_everywhere(self, name: str, event: Event) -> None:
        for place in self.places:
            if self.reference.knows(place.name, name):
                self.settle(place, name, event)

    def settle(self, place: Place, name: str, event: Event) -> list[Assumption]:
        settled = [assumption for assumption in place.assumed if settles(name, event, assumption)]
        place.assumed = [assumption for assumption in place.assumed if assumption not in settled]
        return settled

    def step_in(self, place: Place, name: str, event: Event) -> str:
        settled = self.settle(place, name, event)
        dest = self.reference.taken(place.name, place.state, name)
        if dest is not None:
            self.enter(place, dest, event)
            return "taken"
        if settled:
            return "late"
        path = self.reference.path(place.name, place.state, name)
        if path is not None:
            for source, way_dest in pairwise(path[:-1]):
                names = self.reference.must_have_come(place.name, source, way_dest)
                if names:
                    self.assume(place, names, event)
            self.enter(place, path[-1], event)
            return "implied"
        if place.here.final and self.reference.leads_only_to_the_end(place.name, name):
            self.misfits.add(of_event("conflicting-outcome", "error", event)._replace(region=place.name))
            return "conflict"
        self.misfits.add(of_event("illegal-transition", "error", event)._replace(region=place.name))
        return "illegal"

    def assume(self, place: Place, names: tuple[str, ...], event: Event) -> None:
        """The design is silent on what is assumed twice: of each worker the first event that implies it counts."""
        if any((one.names, one.worker) == (names, event.incarnation) for one in place.assumed):
            return
        due_ms = event.received_ms + ms(self.definition.limits.lost_after)
        place.assumed.append(Assumption(names, due_ms, event.incarnation))

    def enter(self, place: Place, dest: str, event: Event) -> None:
        if dest != place.state:
            place.state, place.entered_ms = dest, deadline_time(event)

    # --- where it stands -----------------------------------------------------------------------

    def machine_is_complete(self) -> bool:
        """Whether all has come that the machine asks for, whoever says so."""
        begun = [place for place in self.places if place.has_left]
        return (
            all(place.here.final for place in begun)
            and all(place.here.final for place in self.places if place.rule.required)
            and any(place.here.outcome is not None for place in begun)
        )

    def is_complete(self) -> bool:
        """The design is silent on what has not opened: it is expected, and no more."""
        return self.opened and self.has_ended()

    def has_ended(self) -> bool:
        return self.resolved is not None or self.machine_is_complete()

    def outcome(self) -> str | None:
        if self.resolved is not None or not self.is_complete():
            return self.resolved if self.is_complete() else None
        outcomes = {place.here.outcome for place in self.places if place.here.outcome is not None}
        if outcomes & {"failed", "absent"} and outcomes & {"partial", "backed_up", "available"}:
            return "partial"
        return min(outcomes, key=WORST_FIRST.index)

    def phase(self) -> str:
        if self.has_ended():
            return "finished"
        named = [place.here.phase for place in self.places if place.has_left and place.here.phase is not None]
        if not named:
            return "starting"
        earliest = min(named, key=EARLIEST_FIRST.index)
        return "processing" if earliest == "finished" else earliest

    # --- moments -------------------------------------------------------------------------------

    def started_ms(self) -> int | None:
        for event, phase in zip(self.events, self.phases, strict=True):
            if phase == "recording":
                return time(event)
        given = [event.started_ms for event in self.heard if event.started_ms is not None]
        if given:
            return given[0]
        return self.first_ms()

    def first_ms(self) -> int | None:
        # The design is silent: an operator says how a recording ended, and never when it began.
        return next((deadline_time(event) for event in self.events if event.name != RESOLVED), None)

    def ended_ms(self) -> int | None:
        in_it = [number for number, phase in enumerate(self.phases) if phase == "recording"]
        if in_it:
            after = self.events[in_it[-1] + 1 :]
            return time(after[0]) if after else None
        given = [event.ended_ms for event in self.heard if event.ended_ms is not None]
        return given[-1] if given else None

    def completed_ms(self) -> int | None:
        if not self.is_complete():
            return None
        open_ones = [number for number, phase in enumerate(self.phases) if phase != "finished"]
        return time(self.events[open_ones[-1] + 1 if open_ones else 0])

    # --- deadlines -----------------------------------------------------------------------------

    def stall_ms(self) -> int | None:
        if self.is_complete() or not self.opened:
            return None
        heard_ms = max(deadline_time(event) for event in self.heard)
        lengths = [ms(place.here.stall_after) for place in self.places if place.here.stall_after is not None]
        return heard_ms + min(lengths) if lengths else None

    def due_ms(self) -> int | None:
        if self.is_complete():
            return None
        if not self.opened:
            return min(one.expected_ms + one.within_ms for one in self.expected)
        first_ms = self.first_ms()
        assert first_ms is not None, "what only an operator has told of is complete"
        dues = [first_ms + ms(self.definition.limits.complete_within)]
        for place in self.places:
            if place.here.complete_within is not None:
                entered_ms = first_ms if place.entered_ms is None else place.entered_ms
                dues.append(entered_ms + ms(place.here.complete_within))
        return min(dues)

    # --- flags ---------------------------------------------------------------------------------

    def findings(self, now_ms: int) -> Iterator[Finding]:
        yield from self.misfits
        for event in self.heard:
            yield from self.of_body(event)
        yield from self.missing(now_ms)
        yield from self.gap()
        yield from self.clocks(now_ms)

    def of_body(self, event: Event) -> Iterator[Finding]:
        if event.occurred_ms is not None and event.occurred_ms > event.received_ms + FIVE_MINUTES:
            yield of_event("clock-skew", "info", event)
        if event.problems or event.differs_ms is not None:
            raised_ms = max(event.received_ms, event.differs_ms or event.received_ms)
            yield of_event("payload-mismatch", "warning", event)._replace(raised_ms=raised_ms)
        classes = {self.severity_class(table, code) for table, code in event.codes}
        if classes & {"failed", "degraded"} and self.outcome() != "available":
            yield of_event("provider-error", "error" if "failed" in classes else "warning", event)

    def severity_class(self, table: str, code: str) -> str | None:
        row = self.definition.codes.get(table, {}).get(code)
        return row.severity_class if row else None

    def missing(self, now_ms: int) -> Iterator[Finding]:
        for place in self.places:
            for names in {assumption.names for assumption in place.assumed}:
                due_ms = min(one.due_ms for one in place.assumed if one.names == names)
                if now_ms > due_ms:
                    yield Finding("missing-event", "warning", place.name, names, due_ms)

    def gap(self) -> Iterator[Finding]:
        """The design is silent: each worker has numbers of its own, and the earliest hole says since when."""
        numbered = [event for event in self.heard if event.sequence is not None]
        if self.definition.incarnation_switch is not None:
            numbered = [event for event in numbered if event.incarnation is not None]
        seen_ms = []
        for worker in {event.incarnation for event in numbered}:
            first: dict[int, int] = {}
            for event in (event for event in numbered if event.incarnation == worker):
                first.setdefault(sequence(event), event.received_ms)
            gaps = [(low, high) for low, high in pairwise(sorted(first)) if high > low + 1]
            seen_ms += [max(first[low], first[high]) for low, high in gaps]
        if seen_ms:
            yield Finding("sequence-gap", "info", None, (), min(seen_ms))

    def clocks(self, now_ms: int) -> Iterator[Finding]:
        stall_ms, due_ms = self.stall_ms(), self.due_ms()
        if stall_ms is not None and now_ms > stall_ms:
            yield Finding("stalled", "error", None, (), stall_ms)
        if due_ms is not None and now_ms > due_ms:
            yield Finding("missing-terminal" if self.opened else "never-started", "error", None, (), due_ms)

    def opinion(self, now_ms: int) -> Opinion:
        return Opinion(
            phase=self.phase() if self.opened else "expected",
            complete=self.is_complete(),
            outcome=self.outcome(),
            state=self.states(),
            started_ms=self.started_ms(),
            ended_ms=self.ended_ms(),
            completed_ms=self.completed_ms(),
            stall_ms=self.stall_ms(),
            due_ms=self.due_ms(),
            last=self.events[-1].event_id if self.events else None,
            verdicts=self.verdicts,
            findings=frozenset(self.findings(now_ms)),
        )


def of_event(code: str, severity: str, event: Event) -> Finding:
    return Finding(code, severity, None, (event.event_id,), event.received_ms)


def settles(name: str, event: Event, assumption: Assumption) -> bool:
    """Whether *event* is one that was assumed: of the same worker, where both are known."""
    of_another = None not in (event.incarnation, assumption.worker) and event.incarnation != assumption.worker
    return name in assumption.names and not of_another
