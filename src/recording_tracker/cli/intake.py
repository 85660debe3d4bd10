"""``ingest`` and ``expect``: taking callbacks and announcements in."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BufferedReader
from pathlib import Path
from typing import Any

import click

from recording_tracker.cli.completion import complete_provider
from recording_tracker.cli.options import as_duration, as_moment, creating, present, print_json, print_lines
from recording_tracker.cli.progress import of_file
from recording_tracker.cli.signals import StopRequest, Terminated, stop_on_signals
from recording_tracker.cli.terminal import talk
from recording_tracker.deliveries import KEYS, bare_bodies, compact, fill, log_lines, weight
from recording_tracker.errors import (
    DamagedError,
    PermissionDeniedError,
    StorageError,
    UnknownProviderError,
    UsageError,
)
from recording_tracker.grammar import counted
from recording_tracker.report.summary import by_result
from recording_tracker.results import Summary
from recording_tracker.tracker import Tracker

Item = tuple[int, dict[str, Any] | UsageError]
"""A line's number, and the delivery that it holds or its fault."""
LOG_KEYS = {"provider", "body", "body_b64", "expect"}
GZIP = b"\x1f\x8b"


def _readable(ctx: click.Context, param: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Look at all files before anything is taken in or made."""
    for name in names:
        if name != "-":
            _check_input(name)
    return names


def _check_input(name: str) -> None:
    try:
        kind = Path(name).stat()
    except PermissionError as error:
        raise PermissionDeniedError(f"{name}: may not be read") from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from error
    if stat.S_ISDIR(kind.st_mode):
        raise StorageError(f"{name}: is a folder; a delivery log is expected")
    if not os.access(name, os.R_OK):
        raise PermissionDeniedError(f"{name}: may not be read")


def _unreadable(name: str, error: Exception) -> StorageError:
    reason = getattr(error, "strerror", None) or str(error)
    return StorageError(f"{name}: cannot be read: {reason.lower()}")


def _check_arguments(tracker: Tracker, files: tuple[str, ...], *, provider: str | None, as_json: bool) -> None:
    # A broken machine file is an error without a provider too.
    machines = tracker.machines
    if provider is None:
        return
    if provider not in machines:
        raise UnknownProviderError(provider, sorted(machines))
    for name in files:
        if name != "-" and Path(name).is_file():
            _check_bodies(name, provider)


def _check_bodies(name: str, provider: str) -> None:
    try:
        with Path(name).open("rb") as stream:
            next(_items(stream, name, provider), None)
    except OSError as error:
        raise _unreadable(name, error) from error


@click.command("ingest")
@click.argument("files", nargs=-1, metavar="[FILE]...", callback=_readable)
@click.option(
    "--provider",
    metavar="NAME",
    shell_complete=complete_provider,
    help="The files hold this provider's bare bodies, one JSON value after another.",
)
@creating(_check_arguments)
def ingest_command(tracker: Tracker, files: tuple[str, ...], *, provider: str | None, as_json: bool) -> int:
    """
    Take delivery logs in: JSON Lines, '-' for standard input.

    A line that cannot be taken in is named, and keeps nothing else from being taken in.

    \b
    tracker ingest deliveries.jsonl
    tracker ingest --provider agora body.json
    """
    _check_arguments(tracker, files, provider=provider, as_json=as_json)
    summary = Summary()
    with stop_on_signals() as stop:
        for name in files or ("-",):
            _ingest_file(tracker, name, provider, summary, stop)
            if stop.number:
                break
    if as_json:
        print_json(summary.to_json())
    else:
        print_lines([_told(summary)])
    if stop.number:
        taken = counted(summary.deliveries, "delivery", "deliveries")
        talk(f"stopped after {taken}; the same command takes the others in")
        return 128 + stop.number
    return 1 if summary.quarantined or summary.rejected else 0


def _ingest_file(tracker: Tracker, name: str, provider: str | None, summary: Summary, stop: StopRequest) -> None:
    shown = "standard input" if name == "-" else name
    with _opened(name, stop) as stream:
        progress, show_place = of_file(stream, shown)
        items = ((number, compact(found)) for number, found in _items(stream, shown, provider))
        with progress:
            while batch := _batch(items, stop):
                _ingest_batch(tracker, batch, shown, summary)
                show_place()
                if stop.number:
                    return


def _items(stream: BufferedReader, shown: str, provider: str | None) -> Iterator[Item]:
    """
    Read deliveries and faults, with a hint where the first of a log looks like a bare body.

    Raises StorageError, DamagedError, and UsageError for a log where bare bodies are meant, which name the file.
    """
    try:
        head = stream.peek(2)
        if head[:2] == GZIP:
            raise StorageError(f"{shown}: is compressed; use: gzip -dc FILE | tracker ingest -")
        items = log_lines(stream) if provider is None else bare_bodies(stream, provider)
        first = next(items, None)
        if first is None:
            return
        if provider is None and _seems_bare(first[1], head):
            talk(f"{shown}: seems to hold bare bodies; say whose with --provider")
        elif provider is not None and _is_log_line(first[1]):
            raise UsageError(f"{shown}: is a delivery log, not bare bodies; leave --provider out")
        yield first
        yield from items
    except DamagedError as error:
        raise DamagedError(f"{shown}: {error}") from error
    except OSError as error:
        raise _unreadable(shown, error) from error


def _seems_bare(first: dict[str, Any] | UsageError, head: bytes) -> bool:
    if isinstance(first, UsageError):
        # A log has each object in one line.
        return head.lstrip().partition(b"\n")[0].rstrip() == b"{"
    return bool(first) and LOG_KEYS.isdisjoint(first)


def _is_log_line(first: dict[str, Any] | UsageError) -> bool:
    if isinstance(first, UsageError):
        return False
    try:
        body = json.loads(first["body"])
    except (ValueError, RecursionError):
        return False
    # No provider's body has all its keys among these.
    return isinstance(body, dict) and KEYS.issuperset(body) and not LOG_KEYS.isdisjoint(body)


def _batch(items: Iterator[Item], stop: StopRequest) -> list[Item]:
    """Read as much as is committed at once; what is read before a signal breaks it off is part of it."""
    batch: list[Item] = []
    try:
        stop.waiting = True
        fill(batch, items, lambda item: weight(item[1]))
        stop.waiting = False
    except (KeyboardInterrupt, Terminated):
        if not stop.number:
            raise
    return batch


def _ingest_batch(tracker: Tracker, batch: list[Item], shown: str, summary: Summary) -> None:
    """Commit a batch, and name each line of which something could not be taken in."""
    problems = [(number, str(fault)) for number, fault in batch if isinstance(fault, UsageError)]
    lines = [(number, line) for number, line in batch if isinstance(line, dict)]
    for _ in problems:
        summary.add("rejected")
    found = tracker.ingest_batch([line for _, line in lines], summary)
    problems += [(lines[place][0], reason) for place, reason in found]
    for number, reason in sorted(problems):
        talk(f"{shown}:{number}: {reason}")


@contextmanager
def _opened(name: str, stop: StopRequest) -> Iterator[BufferedReader]:
    if name == "-":
        assert isinstance(sys.stdin.buffer, BufferedReader)
        yield sys.stdin.buffer
        return
    try:
        # A pipe opens when somebody writes to it, which may be never.
        stop.waiting = True
        stream = Path(name).open("rb")  # noqa: SIM115  closed below
        stop.waiting = False
    except PermissionError as error:
        raise PermissionDeniedError(f"{name}: may not be read") from error
    except OSError as error:
        raise _unreadable(name, error) from error
    with stream:
        yield stream


def _told(summary: Summary) -> str:
    deliveries = counted(summary.deliveries, "delivery", "deliveries")
    changed = f"{counted(summary.recordings, 'recording')} changed"
    flags = f"{counted(summary.raised, 'flag')} raised, {summary.cleared} cleared"
    return f"{deliveries}: {by_result(summary)}; {changed}; {flags}"


def _announce(
    tracker: Tracker,
    provider: str,
    recording_id: str | None,
    *,
    group: str | None,
    within: timedelta | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    tracker.expect(provider, recording_id, group=group, within=within, at=at)


@click.command("expect")
@click.argument("provider", shell_complete=complete_provider)
@click.argument("recording_id", metavar="[ID]", required=False)
@click.option(
    "--group", metavar="G", help="Announce by group, where the id is not known before: the call, the channel."
)
@click.option(
    "--within",
    callback=as_duration,
    metavar="DURATION",
    help="How soon it must be heard of; else the machine's start_within.",
)
@click.option("--at", callback=as_moment, metavar="TIME", help="When it was announced; else now.")
@creating(_announce)
def expect_command(
    tracker: Tracker,
    provider: str,
    recording_id: str | None,
    *,
    group: str | None,
    within: timedelta | None,
    at: datetime | None,
    as_json: bool,
) -> None:
    """
    Announce a recording whose callbacks should come, so that it is missed if they don't.

    \b
    tracker expect agora d12fdce9024d37862a8f3a88e387c817 --within 10m
    tracker expect bandwidth --group c-95ac8d6e
    """
    tracker.expect(provider, recording_id, group=group, within=within, at=at)
    # By its id it is one recording; a group may have recordings of its own already.
    name = recording_id or group or ""
    found = [recording for recording in tracker.status(name, at or present()) if recording.provider == provider]
    for recording in found:
        if as_json:
            print_json(recording.to_json())
        elif recording.due_at is not None:
            talk(f"{provider} {name} is expected by {recording.due_at:%Y-%m-%d %H:%M:%S}Z")
