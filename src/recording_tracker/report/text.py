"""Text for a terminal, a pipe or a mail: recordings, histories and audits in, lines with styles out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from textwrap import wrap

from click import style, unstyle

from recording_tracker.flags import ERROR, WARNING, Flag
from recording_tracker.recording import Recording
from recording_tracker.report.clock import Clock, when
from recording_tracker.report.safe import middle, printable
from recording_tracker.results import AuditReport, HistoryLine
from recording_tracker.times import short
from recording_tracker.urls import without_credentials

COLORS = {ERROR: "red", WARNING: "yellow"}
MOST_FILES = 10
MOST_LISTED = 50
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
        yield from _flag_lines(flag, clock, width)
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


def heading(recording: Recording) -> Iterator[str]:
    """Name a recording, and say how it is."""
    yield f"{style(printable(recording.provider), bold=True)} {style(printable(recording.id), bold=True)}"
    yield "  " + _verdict(recording)


def _verdict(recording: Recording) -> str:
    outcome = f", {recording.outcome}" if recording.outcome else ""
    if recording.stuck:
        return style(f"STUCK in phase {recording.phase}", fg="red", bold=True)
    color = {"available": "green", "failed": "red"}.get(recording.outcome or "")
    return style(f"{recording.phase}{outcome}", fg=color)


def _flag_lines(flag: Flag, clock: Clock, width: int | None, indent: str = "  ") -> Iterator[str]:
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
    counts = f"{recording.events} event{'s' * (recording.events != 1)}"
    if recording.duplicates:
        counts += f" and {recording.duplicates} duplicate{'s' * (recording.duplicates != 1)}"
    last = recording.last_event
    if last is None:
        return "nothing has come"
    return f"{printable(last.name)}, {clock.when(last.occurred_at or last.received_at)}; {counts}"


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
            _phase(recording),
            _heard(
                recording.last_event.received_at if recording.last_event else None, clock, in_full=width is None
            ).removesuffix(" ago"),
            _codes(recording, all_of_them=width is None),
        )
        for recording in recordings
    ]
    heads = ("provider", "recording", "phase", "heard", "flags")
    if width is None or width >= NARROW:
        yield from columns(heads, rows, width, flexible=1)
    else:
        yield from columns((heads[1], heads[4]), [(row[1], row[4]) for row in rows], width, flexible=0)


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


def _phase(recording: Recording) -> str:
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


def history_lines(lines: Sequence[HistoryLine], clock: Clock, width: int | None) -> Iterator[str]:
    """Tell each event in one line, in lifecycle order; its moves below it where they don't fit into *width*."""
    rows = [_history_row(line, clock) for line in lines]
    heads = [f"occurred ({clock.zone})", "event", "verdict", "delay", "times", "moves"]
    whole = list(columns(heads, rows, None, flexible=1))
    if width is None or all(len(unstyle(line)) <= width for line in whole):
        yield from whole
        return
    indent = 22
    if width < NARROW:
        # Rather the time whole, without its year, than a bit of everything.
        heads, rows, indent = _narrowed(heads), [_narrowed([row[0][5:], *row[1:]]) for row in rows], 4
    head, *shortened = columns(heads[:-1], [row[:-1] for row in rows], width, flexible=1)
    yield head
    for row, line in zip(rows, shortened, strict=True):
        yield line
        if row[-1]:
            yield from wrapped(row[-1], " " * indent, width)


def _history_row(line: HistoryLine, clock: Clock) -> list[str]:
    moves = (f"{region} {before} > {after}" for region, (before, after) in line.regions.items() if before != after)
    return [
        f"{clock.bare(line.occurred_at or line.received_at)}{' ' if line.occurred_at else '?'}",
        printable(line.name),
        line.verdict,
        _delay(line.delay),
        str(line.deliveries),
        ", ".join(moves),
    ]


def _narrowed(row: Sequence[str]) -> list[str]:
    """Leave out delay and deliveries."""
    return [*row[:3], row[-1]]


def _delay(delay: timedelta | None) -> str:
    if delay is None:
        return "-"
    if abs(delay) < timedelta(seconds=10):
        return f"{delay / timedelta(seconds=1):.1f}s"
    return short(delay) if delay > timedelta(0) else f"-{short(-delay)}"


def audit_lines(report: AuditReport, width: int | None = None) -> Iterator[str]:
    """Tell the nightly report: the answer first, then the stuck, then what else is wrong; sentences within *width*."""
    now = report.now
    for provider in report.silent:
        last = report.providers[provider].last_received_at
        yield style(
            f"SILENT: nothing has come from {printable(provider)} since {when(last, now) if last else 'ever'}", fg="red"
        )
        yield "  its recordings may be well and our receiver deaf; look there first"
    color = "red" if report.stuck else "green"
    yield style(f"{len(report.stuck)} stuck of {report.open} open recordings", fg=color, bold=True) + (
        f", {report.recordings} in all, at {now:%Y-%m-%d %H:%M:%S}Z"
    )
    yield from _section("Stuck, the longest first", report.stuck, now, width)
    yield from _section("Not stuck, but flagged", report.flagged, now, width)
    if report.quarantined:
        yield ""
        yield style(f"{report.quarantined} bodies could not be attributed and are kept aside", fg="yellow")
        yield "  see 'tracker quarantine list'"
    if report.quarantine_full:
        yield ""
        yield style("The quarantine is full: what else cannot be attributed is refused", fg="red")
    for provider, names in report.never_received.items():
        wanted = "; ".join(" or ".join(group) for group in names)
        yield ""
        yield from wrapped(f"{printable(provider)} has never sent: {wanted}", "", width)
        yield "  probably the account has not subscribed to them; say so in limits.subscribed"
    if report.outdated:
        yield ""
        yield f"{report.outdated} recordings rest on an older version of their machine"
        yield "  'tracker replay' brings them up to date"
    yield ""
    yield from wrapped(counted_flags(report), "", width)
    yield ""
    yield from _provider_lines(report, width)


def counted_flags(report: AuditReport) -> str:
    """Say how many flags of each code the listed recordings have, and what else has come and is listed nowhere."""
    flags = ", ".join(f"{code} {count}" for code, count in report.flags.items()) or "none"
    ignored = "not known" if report.ignored is None else report.ignored
    return f"flags: {flags}; complete: {report.complete}; ignored bodies: {ignored}"


def _section(title: str, recordings: Sequence[Recording], now: datetime, width: int | None) -> Iterator[str]:
    if not recordings:
        return
    yield ""
    yield style(f"{title} ({len(recordings)})", bold=True)
    for recording in recordings[:MOST_LISTED]:
        yield from _heading(recording, width)
        for flag in recording.flags:
            if flag.severity in COLORS:
                yield from _flag_lines(flag, Clock(now), width, indent="    ")
    if len(recordings) > MOST_LISTED:
        yield f"  and {len(recordings) - MOST_LISTED} more; 'tracker audit --json' has all"


def _last_heard(recording: Recording, clock: Clock, *, in_full: bool) -> str:
    """Write when something last came of a recording; that it is a time ago needs no words in a list."""
    last = recording.last_event
    return _heard(last.received_at if last else None, clock, in_full=in_full).removesuffix(" ago")


def _heard(moment: datetime | None, clock: Clock, *, in_full: bool) -> str:
    if moment is None:
        return "-"
    return clock.when(moment) if in_full else clock.away(moment)


def _heading(recording: Recording, width: int | None) -> Iterator[str]:
    provider, name, phase = printable(recording.provider), printable(recording.id), _phase(recording)
    fits = width is None or len(f"  {provider} {name}  {phase}") <= width
    yield f"  {style(provider, bold=True)} {name}{f'  {phase}' if fits else ''}"
    if not fits:
        yield f"    {phase}"


def _provider_lines(report: AuditReport, width: int | None) -> Iterator[str]:
    rows = [
        (
            printable(name),
            str(provider.recordings),
            str(provider.open),
            " ".join(f"{outcome} {count}" for outcome, count in sorted(provider.outcomes.items())) or "-",
            _heard(provider.last_received_at, Clock(report.now), in_full=width is None),
        )
        for name, provider in report.providers.items()
    ]
    if rows:
        yield from columns(("provider", "recordings", "open", "outcomes", "last heard"), rows, width, flexible=3)
