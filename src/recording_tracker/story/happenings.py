"""Happenings: the steps of a recording in; sentences of what came, how, what it changed and what it implies, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from recording_tracker.events import RESOLVED
from recording_tracker.findings import misfit, quote
from recording_tracker.fold import Assumption
from recording_tracker.machine import Machine, Region
from recording_tracker.machine.definition import place
from recording_tracker.results import Part, Words
from recording_tracker.steps import Step
from recording_tracker.story.phrases import (
    counted,
    ids,
    joined,
    length,
    quoted,
    sentence,
    time_of,
    transitions,
)
from recording_tracker.times import from_ms
from recording_tracker.urls import without_credentials_inside

TOLD_ALONE = 3
"""How many events of one kind that is worth a word are told one by one."""
SHORTEST_RUN = 3
MOST_NAMES = 8


@dataclass(frozen=True)
class Happenings:
    """All that happened to one recording, in lifecycle order."""

    machine: Machine
    steps: Sequence[Step]
    now_ms: int
    lost: frozenset[Assumption] = field(init=False)
    """What was assumed unseen, and has not come to this day."""
    overtaken: dict[str, str] = field(init=False)
    """Event id → the name of an event that belongs after it and had come before it."""

    def __post_init__(self) -> None:
        lost: set[Assumption] = set()
        for step in self.steps:
            lost = (lost | set(step.assumed)) - set(step.settled)
        object.__setattr__(self, "lost", frozenset(lost))
        object.__setattr__(self, "overtaken", _overtaken(self.steps))

    def tell(self) -> Iterator[Part]:
        """Tell each event; of many that are alike the first ones, and the others in one sentence."""
        for chapter in self._chapters():
            if len(chapter) >= SHORTEST_RUN:
                yield self._run(chapter)
            else:
                for step in chapter:
                    yield self._event(step)
                    yield from (self.missing(step, found) for found in step.assumed if found in self.lost)

    def _chapters(self) -> Iterator[list[Step]]:
        """Part the steps into those that are told alone, and runs of those that need not be."""
        told: Counter[Hashable] = Counter()
        run: list[Step] = []
        for step in self.steps:
            kind = self._kind(step)
            told[kind] += kind is not None
            if kind is None or (told[kind] > TOLD_ALONE and not self.lost.intersection(step.assumed)):
                run.append(step)
                continue
            if run:
                yield run
            run = []
            yield [step]
        if run:
            yield run

    def _kind(self, step: Step) -> Hashable:
        """Return what makes a step worth a word; None where nothing does."""
        event = step.event
        what = (
            step.before != step.after and (step.before, step.after),
            step.verdict != "taken" and step.verdict,
            step.deliveries > 1,
            event.event_id in self.overtaken,
            self._is_late(step),
            tuple(code for code in event.codes if self._is_worth_a_word(*code)),
            event.problems,
            event.differs_ms is not None,
            event.successor is not None,
            event.name == RESOLVED,
        )
        return (event.name, what) if any(what) else None

    def _is_late(self, step: Step) -> bool:
        event = step.event
        return event.occurred_ms is not None and event.received_ms - event.occurred_ms > self.machine.lost_after_ms

    def _is_worth_a_word(self, table: str, code: str) -> bool:
        row = self.machine.code(table, code)
        return row is None or row.severity_class != "progress"

    # One event

    def _event(self, step: Step) -> Part:
        sentences = [self._arrival(step), self._change(step), *self._codes(step), *_of_the_body(step)]
        return Part(
            "event",
            (" ".join(sentences),),
            at=time_of(step.event),
            events=(step.event.event_id,),
            machine=tuple(dict.fromkeys(self._places(step))),
        )

    def _arrival(self, step: Step) -> str:
        event = step.event
        how = [self._delay(step)]
        if step.deliveries > 1:
            how.append(f"it was delivered {step.deliveries:,} times")
        if event.event_id in self.overtaken:
            how.append(f"{self.overtaken[event.event_id]!r}, which belongs after it, had come before it")
        return f"{event.name!r} {'; '.join(how)}."

    def _delay(self, step: Step) -> str:
        event = step.event
        if event.name == RESOLVED:
            return "was entered by an operator"
        if event.occurred_ms is None:
            return f"came; {self.machine.title} does not say when it happened"
        delay = event.received_ms - event.occurred_ms
        if delay < 0:
            return f"is dated {length(-delay)} after it came"
        return f"came {length(delay)} after it happened{', which is late' if self._is_late(step) else ''}"

    def _change(self, step: Step) -> str:
        event = step.event
        if event.name == RESOLVED:
            note = quote(event.remark or "")
            return f"It completes the recording as {event.outcome!r}, with the note {note!r}."
        if step.superseded:
            return f"It is of worker {event.incarnation!r}, from which another had taken over, and changes nothing."
        words = [*self._switch(step)]
        if event.name not in self.machine.moves:
            words.append("the machine knows no such event, so it changes nothing")
        elif moved := self._moved(step.met, step.after, event.name):
            words.append(f"it takes {moved}")
        words += [*self._misfits(step), *self._settled(step)]
        if not step.opened:
            words.append("by itself it tells of no recording")
        return sentence("; ".join(words)) if words else "It changes no state."

    def _moved(self, before: Sequence[int], after: Sequence[int], name: str) -> str:
        moved = []
        for region, here, there in zip(self.machine.regions, before, after, strict=True):
            if here != there:
                passed = [region.states[state] for state in _way(region, name, here)[1:] if state != there]
                by = f" by way of {quoted(passed, 'and')}" if passed else ""
                whose = region.name if len(self.machine.regions) > 1 else "the recording"
                moved.append(f"{whose} from {region.states[here]!r} to {region.states[there]!r}{by}")
        return joined(moved, "and")

    def _switch(self, step: Step) -> Iterator[str]:
        """Tell that the recording has moved to another worker, by this event or unseen before it."""
        event, switch = step.event, self.machine.incarnation_switch
        if step.moved_unseen and switch is not None:
            moved = self._moved(step.before, step.met, switch)
            what = f"{switch!r} took {moved} unseen" if moved else "it had been moved there unseen"
            yield f"its worker {event.incarnation!r} had not been heard of, so {what}"
        if event.name == switch and event.successor is not None:
            again = ", as was known" if step.verdict == "late" else ""
            yield f"the recording goes on under worker {event.successor!r}{again}"

    def _misfits(self, step: Step) -> Iterator[str]:
        settled = {found.region for found in step.settled}
        for number, moves in self.machine.moves.get(step.event.name, ()):
            state = step.met[number]
            verdict = moves[state].verdict
            if verdict in ("conflict", "illegal") and number not in settled and step.verdict != "late":
                message = misfit(self.machine.regions[number], state, step.event, verdict).message
                yield f"it {message.removeprefix(repr(step.event.name)).strip()}"

    def _settled(self, step: Step) -> Iterator[str]:
        if step.settled:
            by = quoted(dict.fromkeys(found.implied_by for found in step.settled), "and")
            yield f"it is what {by} had implied"

    def _codes(self, step: Step) -> Iterator[str]:
        words = [self._meaning(table, code) for table, code in step.event.codes]
        hints = [row.hint for row in (self.machine.code(*code) for code in step.event.codes) if row and row.hint]
        if words:
            yield sentence(f"it says: {'; '.join(words)}")
        yield from (sentence(hint) for hint in dict.fromkeys(hints))

    def _meaning(self, table: str, code: str) -> str:
        row = self.machine.code(table, code)
        number = f"{table.replace('_', ' ')} {quote(code)!r}"
        return f"{row.meaning} ({number})" if row else f"{number}, which is not documented"

    def _places(self, step: Step) -> Iterator[str]:
        """Yield the places in the machine file that the sentences on *step* rest on."""
        event = step.event
        if event.name in self.machine.places:
            yield place("events", event.name)
        for region, met in zip(self.machine.regions, step.met, strict=True):
            if not step.superseded and event.name in region.dests:
                yield from _places_of_a_move(region, event.name, met)
        for table, code in event.codes:
            if self.machine.code(table, code):
                yield place("codes", table, code)
        if step.superseded or step.moved_unseen or event.successor is not None:
            yield place("incarnation_switch")

    # What has not come

    def missing(self, step: Step, assumed: Assumption) -> Part:
        """Tell what must have been sent before *step*, and why that follows."""
        region = self.machine.regions[assumed.region]
        deadline_ms = assumed.received_ms + self.machine.lost_after_ms
        if self.now_ms > deadline_ms:
            words: Words = (f"{quoted(assumed.names)} must have been sent before and was never received. ",)
        else:
            words = (f"{quoted(assumed.names)} must have been sent before; it counts as lost after ",)
            words += (from_ms(deadline_ms), ". ")
        why, places = self._why(region, step, assumed)
        return Part(
            "missing",
            (*words, why),
            at=time_of(step.event),
            flag="missing-event" if self.now_ms > deadline_ms else None,
            events=(step.event.event_id,),
            machine=(*places, *(place("events", name) for name in assumed.names)),
        )

    def _why(self, region: Region, step: Step, assumed: Assumption) -> tuple[str, tuple[str, ...]]:
        name, met = step.event.name, step.met[assumed.region]
        way = _way(region, name, met)
        for here, there in pairwise(way):
            if region.assumed(here, there) == assumed.names:
                last = way[-1]
                always = "one of which is always sent" if len(assumed.names) > 1 else "which is always sent"
                states, whose = region.states, region.name if len(self.machine.regions) > 1 else "it"
                why = (
                    f"{name!r} says that {whose} had got to {states[last]!r}; it was {states[met]!r}, "
                    f"and what leads from {states[here]!r} to {states[there]!r} is {quoted(assumed.names)}, "
                    f"{always} if the account has subscribed to it."
                )
                ends = transitions(region, [name], last, region.dests[name][last])
                return why, (*transitions(region, assumed.names, here, there), *ends)
        worker = quote(step.event.incarnation or "")
        why = (
            f"{name!r} is of worker {worker!r}, of which nothing had been heard; only {quoted(assumed.names)} moves a "
        )
        return f"{why}recording to another worker.", (place("incarnation_switch"),)

    # Many events

    def _run(self, steps: Sequence[Step]) -> Part:
        """Tell many events in one part."""
        names = Counter(step.event.name for step in steps)
        shown = [f"{number:,} {name!r}" for name, number in names.most_common(MOST_NAMES)]
        if others := sum(names.values()) - sum(number for _, number in names.most_common(MOST_NAMES)):
            shown.append(counted(others, "other"))
        words: Words = (f"{joined(shown, 'and')} came, dated from ", time_of(steps[0].event), " to ")
        words += (time_of(steps[-1].event), f". {' '.join(self._of_all(steps))}")
        return Part(
            "event",
            words,
            at=time_of(steps[0].event),
            events=ids(steps),
            machine=tuple(place("events", name) for name in names if name in self.machine.places),
        )

    def _of_all(self, steps: Sequence[Step]) -> Iterator[str]:
        moving = sum(step.before != step.after for step in steps)
        yield f"{moving:,} of them change a state." if moving else "None of them changes a state."
        delays = [
            step.event.received_ms - step.event.occurred_ms for step in steps if step.event.occurred_ms is not None
        ]
        if delays and max(delays) >= 0:
            yield f"The slowest came {length(max(delays))} after it happened."
        alike = sum(self._kind(step) is not None for step in steps)
        if alike:
            yield f"{counted(alike, 'event')} among them {'is' if alike == 1 else 'are'} like some told before."


def _way(region: Region, name: str, state: int) -> list[int]:
    """Return the states that an event implies the region has passed since *state*; none where it fits as it is."""
    return region.way(name, state) if name in region.dests and state not in region.dests[name] else []


def _places_of_a_move(region: Region, name: str, before: int) -> Iterator[str]:
    """Yield the transitions of a move that is taken or implied; of any other, the state in which it is not possible."""
    dests = region.dests[name]
    way = [before] if before in dests else _way(region, name, before)
    if not way:
        yield place("regions", region.name, "states", region.states[before])
        return
    for here, there in pairwise(way):
        yield from transitions(region, region.edges[here][there], here, there)
    yield from transitions(region, [name], way[-1], dests[way[-1]])


def _of_the_body(step: Step) -> Iterator[str]:
    event = step.event
    if event.remark and event.name != RESOLVED:
        yield f"In its words: {quote(without_credentials_inside(event.remark))!r}."
    if event.files:
        yield f"It names {counted(len(event.files), 'file')}."
    if event.progress is not None:
        yield f"{event.progress:.0%} is uploaded."
    yield from (sentence(problem) for problem in event.problems)
    if event.differs_ms is not None:
        yield "It was delivered again with other content; what came first counts."


def _overtaken(steps: Sequence[Step]) -> dict[str, str]:
    found: dict[str, str] = {}
    earliest: Step | None = None
    alike: list[Step] = []
    for step in reversed(steps):
        if alike and time_of(alike[0].event) != time_of(step.event):
            earliest = _earliest([*alike, *([earliest] if earliest else [])])
            alike = []
        alike.append(step)
        dated = step.event.occurred_ms is not None
        if dated and earliest is not None and earliest.event.received_ms < step.event.received_ms:
            found[step.event.event_id] = earliest.event.name
    return found


def _earliest(steps: Iterable[Step]) -> Step:
    return min(steps, key=lambda step: step.event.received_ms)
