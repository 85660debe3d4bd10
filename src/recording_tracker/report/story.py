"""The story of a recording as text: what is wrong and what to do first, then what happened; parts in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from click import style

from recording_tracker.report.clock import Clock
from recording_tracker.report.safe import printable
from recording_tracker.report.text import flag_head, flag_label, heading, wrapped
from recording_tracker.results import Part, Story

MOST_TOLD = 200
"""Sentences of what happened that are shown: the first half and the last half of so many."""
_LOST = "!"


def story_lines(story: Story, clock: Clock, *, width: int | None = None) -> Iterator[str]:
    """Tell *story*; sentences in no more columns than *width*."""
    yield from heading(story.recording)
    yield from _paragraphs("What is wrong", [part for part in story.parts if part.kind == "problem"], clock, width)
    yield from _paragraphs("What to do", [part for part in story.parts if part.kind == "remedy"], clock, width)
    yield from _paragraphs("What is awaited", [part for part in story.parts if part.kind == "awaited"], clock, width)
    told = [part for part in story.parts if part.kind in ("announced", "event", "missing")]
    if told:
        yield ""
        yield style(f"What happened ({clock.zone})", bold=True)
        yield from _happened(told, clock, width)


def _paragraphs(title: str, parts: Sequence[Part], clock: Clock, width: int | None) -> Iterator[str]:
    if parts:
        yield ""
        yield style(title, bold=True)
    for part in parts:
        if part.kind == "problem" and part.at is not None:
            label = flag_label(part.severity or "", part.flag or "", acknowledged=part.acknowledged)
            yield from flag_head(label, clock.when(part.at), width)
            yield from wrapped(_said(part, clock), " " * 10, width)
        elif part.kind == "remedy":
            yield from _remedy(_said(part, clock), width)
        else:
            yield from _item("", _said(part, clock), width)


def _remedy(text: str, width: int | None) -> Iterator[str]:
    """Tell what to do; a command, which is to be copied, stays in one line, of its own where it would be broken."""
    said, command_follows, arguments = text.partition(": tracker ")
    if not command_follows or width is None or len(text) + 4 <= width:
        yield from _item("- ", text, width)
    else:
        yield from _item("- ", f"{said}:", width)
        # What has a style is printed as it is.
        yield style(f"    tracker {arguments}", bold=True)


def _item(mark: str, text: str, width: int | None) -> Iterator[str]:
    for number, line in enumerate(wrapped(text, " " * (2 + len(mark)), width)):
        yield line if number else f"  {mark}{line.lstrip()}"


def _happened(parts: Sequence[Part], clock: Clock, width: int | None) -> Iterator[str]:
    """Tell what happened, each with its time of day below its day; of very many parts the first and the last."""
    day = ""
    half = MOST_TOLD // 2
    for number, part in enumerate(parts):
        if half <= number < len(parts) - half:
            if number == half:
                yield f"  and {len(parts) - 2 * half} more; 'tracker explain --json' has all"
            continue
        assert part.at is not None
        if clock.day(part.at) != day:
            day = clock.day(part.at)
            yield f"  {day}"
        yield from _moment(part, clock, width)


def _moment(part: Part, clock: Clock, width: int | None) -> Iterator[str]:
    assert part.at is not None
    lost = part.kind == "missing"
    label = f"{_LOST:>8}" if lost else clock.time(part.at)
    for number, line in enumerate(wrapped(_said(part, clock), " " * 12, width)):
        shown = line.lstrip()
        yield (
            f"  {label}  {style(shown, fg='yellow') if lost else shown}"
            if not number
            else (style(line, fg="yellow") if lost else line)
        )


def _said(part: Part, clock: Clock) -> str:
    return "".join(printable(word) if isinstance(word, str) else clock.when(word) for word in part.words)
