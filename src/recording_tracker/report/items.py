"""Items: recordings with their flags in, the list of a page out; its first ones in full, the others a line each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from recording_tracker.flags import ERROR, INFO, WARNING, Flag
from recording_tracker.grammar import counted
from recording_tracker.recording import Recording
from recording_tracker.report.clock import Clock
from recording_tracker.report.markup import Markup, join, spaced, tag
from recording_tracker.story.remedies import SPOKEN, argument, remedies
from recording_tracker.times import to_ms

MOST_IN_FULL = 300
"""Recordings that are told in full; a browser shows ten thousand lines at once, and not ten thousand stories."""
MOST_EVIDENCE = 20
TAIL = 14
"""Signs of a name that are shown however narrow the line is."""
_SORTS = (("since", "Since"), ("heard", "Last heard"), ("provider", "Provider"), ("name", "Recording"))


def listed(name: str, recordings: Sequence[Recording], clock: Clock) -> Iterator[Markup]:
    """Write *recordings* as the list *name*, in their order, with what sorts and filters it."""
    yield _controls(name, recordings)
    many = " many" if len(recordings) > MOST_IN_FULL else ""
    yield Markup(f'<div class="card items{many}" id="{name}">')
    for number, recording in enumerate(recordings):
        yield _item(recording, clock) if number < MOST_IN_FULL else _short_item(recording, clock)
    yield Markup("</div>")
    if len(recordings) > MOST_IN_FULL:
        yield tag(
            "p",
            f"The first {MOST_IN_FULL} are told in full; of the others, 'tracker explain' tells all.",
            class_="soft",
        )


def _controls(name: str, recordings: Sequence[Recording]) -> Markup:
    providers = sorted({recording.provider for recording in recordings})
    codes = sorted({flag.code for recording in recordings for flag in recording.flags})
    return tag(
        "div",
        tag("input", type="search", placeholder="Find in all of it", aria_label="Find"),
        _select("provider", "all providers", providers),
        _select("flags", "all flags", codes),
        *(
            tag("button", label, type="button", value=key, aria_pressed=_truth((name, key) == ("stuck", "since")))
            for key, label in _SORTS
        ),
        tag("output", class_="soft"),
        class_="controls",
        data_of=name,
        hidden=True,
    )


def _select(name: str, everything: str, values: Iterable[str]) -> Markup:
    options = [tag("option", everything, value=""), *(tag("option", value, value=value) for value in values)]
    return tag("select", *options, name=name, aria_label=everything)


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _item(recording: Recording, clock: Clock) -> Markup:
    more = tag(
        "div",
        *(_flag(flag, clock) for flag in recording.flags),
        tag(
            "ul", *(tag("li", text) for text in dict.fromkeys(text for _, text in to_do(recording))), class_="remedies"
        ),
        _facts(recording, clock),
        tag("div", *(tag("code", command) for command in commands(recording)), class_="commands"),
        class_="more",
    )
    return tag("details", tag("summary", *_line(recording, clock), class_="line"), more, **_attributes(recording))


def _short_item(recording: Recording, clock: Clock) -> Markup:
    return tag("div", tag("div", *_line(recording, clock), class_="line"), **_attributes(recording))


def _attributes(recording: Recording) -> dict[str, object]:
    last = recording.last_event
    flags = recording.flags
    kind = (
        "done" if is_acknowledged(recording) else "error" if any(flag.severity == ERROR for flag in flags) else WARNING
    )
    return {
        "class_": f"item {kind}",
        "data_since": to_ms(since(recording)),
        "data_heard": to_ms(last.received_at) if last else 0,
    }


def since(recording: Recording) -> datetime:
    """Return since when something is wrong with *recording*; of a stuck one, since when it is stuck."""
    flags = [flag for flag in recording.flags if flag.is_clocks] or list(recording.flags)
    return min(flag.raised_at for flag in flags)


def is_acknowledged(recording: Recording) -> bool:
    """Tell whether an operator has acknowledged all that is wrong with *recording*."""
    return all(flag.acknowledged for flag in recording.flags if flag.severity != INFO)


def _line(recording: Recording, clock: Clock) -> list[Markup]:
    chips = [_chip(flag.code, "done" if flag.acknowledged else flag.severity) for flag in recording.flags]
    return [
        _MARK,
        _provider(recording.provider),
        tag("span", *_halves(recording.id), class_="id"),
        tag("span", *spaced(chips), class_="codes"),
        tag("span", clock.away(since(recording)), class_="since"),
    ]


def _halves(name: str) -> list[Markup]:
    """Part a name so that a narrow line may leave out its middle: names differ at their ends."""
    cut = max(len(name) - TAIL, 0)
    end = tag("span", name[cut:], class_="end")
    # An empty half would have no base line, and lift the other one.
    return [tag("span", name[:cut], class_="front"), end] if cut else [end]


# Of the parts of a line these are the same in thousands of lines.
_MARK = tag("span", class_="mark")


@lru_cache
def _provider(name: str) -> Markup:
    return tag("span", name, class_="provider-name")


@lru_cache
def _chip(code: str, kind: str) -> Markup:
    return tag("span", code, class_=f"chip {kind}", title="acknowledged" if kind == "done" else None)


def _flag(flag: Flag, clock: Clock) -> Markup:
    shown = ", ".join(flag.events[:MOST_EVIDENCE])
    more = f" and {len(flag.events) - MOST_EVIDENCE} more" if len(flag.events) > MOST_EVIDENCE else ""
    return tag(
        "div",
        tag("p", tag("b", flag.code), f", {flag.severity}, since ", when(flag.raised_at, clock)),
        tag("p", flag.message),
        tag("p", f"Acknowledged: {flag.note}") if flag.acknowledged else None,
        tag("p", f"Evidence: {shown}{more}", class_="evidence") if flag.events else None,
        class_=f"flag {flag.severity}",
    )


def when(moment: datetime, clock: Clock) -> Markup:
    """Write *moment*, which no line breaks in two, and how far from now it is."""
    return join((tag("span", clock.full(moment), class_="whole"), f" ({clock.away(moment)})"))


def to_do(recording: Recording) -> Iterator[tuple[str, str]]:
    """Yield (flag code, what to do) for what is wrong with *recording*."""
    # Its events are not read for a list; whether somebody ever spoke is for its story to tell.
    return remedies(recording, SPOKEN)


def commands(recording: Recording) -> list[str]:
    """Return what to type to learn more, to acknowledge and to settle; nothing where the id cannot be typed."""
    if not recording.id.isprintable():
        return []
    name = argument(recording.id)
    found = [f"tracker explain {name}", f"tracker ack --note TEXT {name}"]
    return found if recording.complete else [*found, f"tracker resolve --outcome OUTCOME --note TEXT {name}"]


def _doubled(recording: Recording) -> str:
    return f", and {counted(recording.duplicates, 'duplicate')}" if recording.duplicates else ""


def _facts(recording: Recording, clock: Clock) -> Markup:
    last = recording.last_event
    moments = (
        ("started", recording.started_at),
        ("ended", recording.ended_at),
        ("stalls at", recording.stall_at),
        ("due at", recording.due_at),
    )
    facts = [
        ("phase", f"{recording.phase}, {recording.outcome}" if recording.outcome else recording.phase),
        ("state", ", ".join(f"{region} {state}" for region, state in recording.state.items())),
        ("group", recording.group_id if recording.group_id != recording.id else None),
        *((label, when(moment, clock)) for label, moment in moments if moment is not None),
        ("last event", join((last.name, ", received ", when(last.received_at, clock))) if last else "nothing has come"),
        ("events", f"{recording.events}{_doubled(recording)}"),
        ("awaits", ", ".join(recording.awaits)),
    ]
    pairs = [join((tag("dt", label), tag("dd", value))) for label, value in facts if value]
    return tag("dl", *pairs, class_="facts")


def acknowledged(recordings: Iterable[Recording], clock: Clock) -> Iterator[Markup]:
    """Write a row for each acknowledged flag, with the note."""
    for recording in recordings:
        for flag in recording.flags:
            if flag.acknowledged:
                yield tag(
                    "tr",
                    tag("td", recording.provider),
                    tag("td", recording.id),
                    tag("td", flag.code, class_="whole"),
                    tag("td", flag.note or "", data_head="note"),
                    tag("td", clock.age(flag.raised_at), data_head="since", class_="whole"),
                )
