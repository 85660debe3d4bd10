"""Text for a terminal, a pipe or a mail: recordings in, lines with styles out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from click import style, unstyle

from recording_tracker.flags import ERROR, WARNING, Flag
from recording_tracker.grammar import counted
from recording_tracker.recording import Recording
from recording_tracker.report.clock import Clock
from recording_tracker.report.safe import middle, printable
from recording_tracker.urls import without_credentials

COLORS = {ERROR: "red", WARNING: "yellow"}
MOST_FILES = 10
MOST_OF_A_LINE = 40
NARROW = 60
LONGEST_NAME = 1_024
_LABEL = 12
_BELOW = " " * 8
"""What stands before the sentences below a flag."""


def status_lines(
    recording: Recording, clock: Clock, *, secrets: bool = False, width: int | None = None
) -> Iterator[str]:
    """Tell all of one recording, what is wrong with it first; sentences in no more columns than *width*."""
    yield from heading(recording)
    for flag in recording.flags:
        yield from flag_lines(flag, clock, width)
    if recording.group_id is not None and recording.recording_id is not None:
        yield _field("group", printable(recording.group_id, width=LONGEST_NAME))
    if recording.aliases:
        yield _field("also", ", ".join(printable(alias, width=LONGEST_NAME) for alias in recording.aliases))
    yield from _fields("state", _state(recording), width)
    for label, moment in (
        ("started", recording.started_at),
        ("ended", recording.ended_at),
        ("complete", recording.completed_at),
        ("stalls at", recording.stall_at),
        ("due at", recording.due_at),
    ):
        if moment is not None:
            yield _field(label, clock.when(moment))
    if recording.awaits:
        yield from _fields("awaits", ", ".join(printable(name) for name in recording.awaits), width)
    if recording.progress is not None and not recording.complete:
        yield _field("uploaded", f"{recording.progress:.0%}")
    yield from _fields("last event", _last_event(recording, clock), width)
    yield from _file_lines(recording, secrets=secrets)
    if any(flag.severity in COLORS for flag in recording.flags):
        yield "  'tracker explain' tells what happened, and what to do"


def heading(recording: Recording) -> Iterator[str]:
    """Name a recording, and say how it is."""
    yield title(recording.provider, recording.id)
    yield "  " + _verdict(recording)


def title(provider: str, recording_id: str) -> str:
    """Name a recording in one line."""
    return f"{style(printable(provider), bold=True)} {style(printable(recording_id), bold=True)}"


def _verdict(recording: Recording) -> str:
    outcome = f", {recording.outcome}" if recording.outcome else ""
    if recording.stuck:
        return style(f"STUCK in phase {recording.phase}", fg="red", bold=True)
    color = {"available": "green", "failed": "red"}.get(recording.outcome or "")
    return style(f"{recording.phase}{outcome}", fg=color)


def flag_lines(flag: Flag, clock: Clock, width: int | None, indent: str = "  ") -> Iterator[str]:
    """Tell one flag: its code, since when, and its message below."""
    label = flag_label(flag.severity, flag.code, acknowledged=flag.acknowledged)
    yield from flag_head(label, clock.when(flag.raised_at), width, indent)
    yield from wrapped(printable(flag.message), indent + _BELOW, width)
    if flag.note:
        yield from wrapped(f"note: {printable(flag.note)}", indent + _BELOW, width)


def flag_label(severity: str, code: str, *, acknowledged: bool) -> str:
    """Write what is wrong, in the colour of how bad it is."""
    return style(f"{severity:<8}{code}", fg=COLORS.get(severity)) + (" (acknowledged)" if acknowledged else "")


def flag_head(label: str, since: str, width: int | None, indent: str = "  ") -> Iterator[str]:
    """Write what is wrong, and since when, in one line if that is wide enough."""
    whole = f"{indent}{label}, since {since}"
    if width is None or len(unstyle(whole)) <= width:
        yield whole
    else:
        yield f"{indent}{label}"
        yield from wrapped(f"since {since}", indent + _BELOW, width)


def wrapped(text: str, indent: str, width: int | None) -> Iterator[str]:
    """Break *text* into lines of no more than *width* columns, each indented."""
    if width is None:
        yield f"{indent}{text}"
    else:
        # Loads slowly, and what goes to no terminal is broken nowhere.
        from textwrap import wrap

        yield from wrap(
            text,
            max(width, len(indent) + 20),
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )


def _fields(label: str, text: str, width: int | None) -> Iterator[str]:
    """Write a field whose text may take several lines."""
    for number, line in enumerate(wrapped(text, " " * (_LABEL + 2), width)):
        yield line if number else _field(label, line.lstrip())


def _field(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}}{text}"


def _state(recording: Recording) -> str:
    if len(recording.state) == 1:
        return printable(next(iter(recording.state.values())))
    return ", ".join(f"{printable(region)} {printable(state)}" for region, state in recording.state.items())


def _last_event(recording: Recording, clock: Clock) -> str:
    counts = counted(recording.events, "event")
    if recording.duplicates:
        counts += f" and {counted(recording.duplicates, 'duplicate')}"
    last = recording.last_event
    if last is None:
        return "nothing has come"
    at, heard_ago = last.occurred_at or last.received_at, clock.away(last.received_at)
    # What a list says of it, where that is not what stands here already.
    later = f", heard {heard_ago}" if heard_ago != clock.away(at) else ""
    return f"{printable(last.name)}, {clock.when(at)}{later}; {counts}"


def _file_lines(recording: Recording, *, secrets: bool) -> Iterator[str]:
    for number, file in enumerate(recording.files[:MOST_FILES]):
        url = file.url if secrets or file.url is None else without_credentials(file.url)
        told = [
            file.kind,
            file.track,
            f"no. {file.order}" if file.order is not None else None,
            file.hash if secrets else None,
        ]
        words = " ".join(printable(word, width=LONGEST_NAME) for word in told if word)
        name = printable(url or file.name or "without a name", width=LONGEST_NAME)
        yield _field("files" if number == 0 else "", f"{name}{f' ({words})' if words else ''}")
    if len(recording.files) > MOST_FILES:
        yield _field("", f"and {len(recording.files) - MOST_FILES} more")


def list_lines(recordings: Sequence[Recording], clock: Clock, width: int | None) -> Iterator[str]:
    """Tell each recording in one line; in full where *width* is None, else in no more columns than that."""
    rows = [
        (
            printable(recording.provider),
            printable(recording.id if width is None else _short_name(recording)),
            phase_of(recording),
            _last_heard(recording, clock, in_full=width is None),
            _codes(recording, all_of_them=width is None),
        )
        for recording in recordings
    ]
    heads = ("provider", "recording", "phase", "heard", "flags")
    if width is None or width >= NARROW:
        head, *lines = columns(heads, rows, width, flexible=1)
    else:
        head, *lines = columns((heads[1], heads[4]), [(row[1], row[4]) for row in rows], width, flexible=0)
    yield head
    yield from (_flagged(line, recording) for line, recording in zip(lines, recordings, strict=True))


def _flagged(line: str, recording: Recording) -> str:
    """Colour the last column, the flags, as bad as the worst of them."""
    if not recording.flags:
        return line
    before, gap, codes = line.rpartition("  ")
    return f"{before}{gap}{style(codes, fg=COLORS.get(recording.flags[0].severity))}"


def _short_name(recording: Recording) -> str:
    """Return the shortest name of one recording that ``status`` knows, where its id would fill the line."""
    # An alias that does not end the id is what a body says beside it, and may be the id of another recording.
    names = [recording.id, *(alias for alias in recording.aliases if recording.id.endswith(f"/{alias}"))]
    return min(names, key=len) if len(recording.id) > MOST_OF_A_LINE else recording.id


def _codes(recording: Recording, *, all_of_them: bool) -> str:
    """Name the flags' codes, the worst first; else that one, and how many more there are."""
    codes = list(dict.fromkeys(flag.code for flag in recording.flags))
    if all_of_them or len(codes) < 2:
        return ",".join(codes) or "-"
    return f"{codes[0]} +{len(codes) - 1}"


def phase_of(recording: Recording) -> str:
    """Name the phase, and the outcome of what is complete."""
    return f"{recording.phase}/{recording.outcome}" if recording.outcome else recording.phase


def columns(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, *, flexible: int) -> Iterator[str]:
    """
    Align *rows* below *heads*.

    Where they are wider than *width* the *flexible* column gives way, then the last, then all from the first on.
    """
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    if width is not None:
        gaps = 2 * (len(heads) - 1)
        for place, least in ((flexible, 18), (len(heads) - 1, 12), *((place, 4) for place in range(len(heads)))):
            over = sum(widths) + gaps - width
            widths[place] = max(min(widths[place], least), widths[place] - max(over, 0))
    for number, row in enumerate((heads, *rows)):
        cells = [
            (middle(cell, size) if place == flexible else printable(cell, width=size)).ljust(size)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells).rstrip()
        yield style(line, bold=True) if number == 0 else line


def folded_columns(
    heads: Sequence[str], rows: Sequence[Sequence[str]], width: int | None, *, flexible: int, indent: int
) -> Iterator[str]:
    """Align *rows* below *heads*; where they are wider than *width*, the last cell of each goes below its line."""
    whole = list(columns(heads, rows, None, flexible=flexible))
    if width is None or all(len(unstyle(line)) <= width for line in whole):
        yield from whole
        return
    head, *shortened = columns(heads[:-1], [row[:-1] for row in rows], width, flexible=flexible)
    yield head
    yield style(" " * indent + heads[-1], bold=True)
    for row, line in zip(rows, shortened, strict=True):
        yield line
        if row[-1]:
            yield from wrapped(row[-1], " " * indent, width)


def _last_heard(recording: Recording, clock: Clock, *, in_full: bool) -> str:
    """Write when something last came of a recording; that it is a time ago needs no words in a list."""
    last = recording.last_event
    return heard(last.received_at if last else None, clock, in_full=in_full).removesuffix(" ago")


def heard(moment: datetime | None, clock: Clock, *, in_full: bool) -> str:
    """Write when something last came, or how long ago that is."""
    if moment is None:
        return "-"
    return clock.when(moment) if in_full else clock.away(moment)
