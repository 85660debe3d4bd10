"""Diagram: a region of a machine in, its states and steps as an SVG picture that fits a phone out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from recording_tracker.machine import Region
from recording_tracker.machine.definition import StateRule
from recording_tracker.machine.sketch import People, Peopled, Step, steps
from recording_tracker.report.markup import Markup, tag
from recording_tracker.report.safe import printable
from recording_tracker.times import short

WIDTH = 360
_BOX, _GAP, _LANE, _EDGE = 38, 26, 12, 10
_NAME_SIGN, _COUNT_SIGN, _SMALL_SIGN = 8, 7, 6.2
"""How wide a sign of a state's name usually is, one of the count, and one of the small print."""


class _Lane(NamedTuple):
    """A line beside the boxes: from all *sources* to *dest*, the *place*-th one from the boxes."""

    dest: int
    sources: tuple[int, ...]
    place: int


def region_svg(region: Region, peopled: Peopled) -> Markup:
    """
    Draw the states of *region* below one another, in lifecycle order, with the open recordings in each.

    What leads to the next state is an arrow down; what skips states goes by lines on the right, one a state it
    leads to, what goes back by lines on the left.
    """
    found = steps(region)
    on, back = _lanes(found, forward=True), _lanes(found, forward=False)
    left = _EDGE + _LANE * (1 + max((lane.place for lane in back), default=-1))
    right = WIDTH - _EDGE - _LANE * (1 + max((lane.place for lane in on), default=-1))
    height = len(region.states) * (_BOX + _GAP) - _GAP + 2
    drawn = [
        *(_line(lane, right, 1) for lane in on),
        *(_line(lane, left, -1) for lane in back),
        *(_arrow(step, left, right) for step in found if step.dest == step.source + 1),
        *(_box(region, number, peopled, left, right) for number in range(len(region.states))),
    ]
    return tag("svg", *drawn, viewBox=f"0 0 {WIDTH} {height}", class_="machine", role="img", aria_label=region.name)


def _lanes(found: Sequence[Step], *, forward: bool) -> list[_Lane]:
    """Give each state that is reached past others a line, short ones next to the boxes, none over another."""
    reached: dict[int, list[int]] = {}
    for step in found:
        if (step.dest > step.source + 1) if forward else (step.dest < step.source):
            reached.setdefault(step.dest, []).append(step.source)
    lanes: list[_Lane] = []
    for dest, sources in sorted(reached.items(), key=lambda each: max(abs(each[0] - source) for source in each[1])):
        span = range(min(dest, *sources), max(dest, *sources) + 1)
        taken = {lane.place for lane in lanes if _meet(span, lane)}
        place = next(number for number in range(len(reached)) if number not in taken)
        lanes.append(_Lane(dest, tuple(sources), place))
    return lanes


def _meet(span: range, lane: _Lane) -> bool:
    return span.start <= max(lane.dest, *lane.sources) and min(lane.dest, *lane.sources) < span.stop


def _top(number: int) -> float:
    return number * (_BOX + _GAP) + 1


def _line(lane: _Lane, edge: float, side: int) -> Markup:
    """Draw one line with an arrow into its state; *side* is 1 for the right of the boxes, -1 for the left."""
    x = edge + side * (_LANE * (lane.place + 1) - 3)
    end = _top(lane.dest) + _BOX * 0.3
    ways = [f"M{edge:g} {_top(source) + _BOX * 0.7:g}H{x:g}V{end:g}H{edge + side * 5:g}" for source in lane.sources]
    head = f"M{edge:g} {end:g}l{side * 6} -3.5v7z"
    return tag("g", tag("path", d="".join(ways), class_="way"), tag("path", d=head, class_="head"))


def _arrow(step: Step, left: float, right: float) -> Markup:
    """Draw the arrow to the next state, with what leads there beside it."""
    x, y = left + 18, _top(step.source) + _BOX
    room = int((right - x - 10) / _SMALL_SIGN)
    return tag(
        "g",
        tag("path", d=f"M{x:g} {y:g}v{_GAP - 5}", class_="way"),
        tag("path", d=f"M{x:g} {y + _GAP:g}l-3.5 -6h7z", class_="head"),
        tag("text", _triggers(step.triggers, room), x=f"{x + 9:g}", y=f"{y + _GAP / 2 + 3:g}", class_="small"),
    )


def _triggers(names: Sequence[str], room: int) -> str:
    """Name as many events as there is room for, and how many others there are."""
    for count in range(len(names), 0, -1):
        others = f" +{len(names) - count}" if count < len(names) else ""
        shown = f"{', '.join(names[:count])}{others}"
        if len(shown) <= room:
            return shown
    others = f" +{len(names) - 1}" if len(names) > 1 else ""
    return f"{printable(names[0], width=room - len(others))}{others}"


def _box(region: Region, number: int, peopled: Peopled, left: float, right: float) -> Markup:
    rule, y = region.rules[number], _top(number)
    here = peopled.get((region.name, region.states[number]), People())
    # In the initial state of a region are all whom it does not concern yet.
    told = here.open if number != region.initial else 0
    kind = "stuck" if here.stuck else "open" if told else "final" if rule.final else "empty"
    counted = "" if not here.open else f"{here.open} open, {here.stuck} stuck" if here.stuck else f"{here.open} open"
    room = int((right - left - 20 - len(counted) * _COUNT_SIGN) / _NAME_SIGN)
    facts = ", ".join(_facts(rule, initial=number == region.initial))
    return tag(
        "g",
        tag("rect", x=f"{left:g}", y=f"{y:g}", width=f"{right - left:g}", height=_BOX, rx=14 if rule.final else 5),
        tag("text", printable(region.states[number], width=room), x=f"{left + 10:g}", y=f"{y + 16:g}", class_="name"),
        tag("text", facts, x=f"{left + 10:g}", y=f"{y + 31:g}", class_="small"),
        tag("text", counted, x=f"{right - 10:g}", y=f"{y + 16:g}", class_="count") if counted else None,
        class_=f"state {kind}",
        data_state=region.states[number],
        data_open=here.open,
        data_stuck=here.stuck,
    )


def _facts(rule: StateRule, *, initial: bool) -> Iterator[str]:
    if initial:
        yield "begins here"
    if rule.final:
        yield f"ends {rule.outcome.replace('_', ' ')}" if rule.outcome else "ends"
    if rule.stall_after:
        yield f"silent {short(rule.stall_after)} at most"
    if rule.complete_within:
        yield f"complete in {short(rule.complete_within)}"
