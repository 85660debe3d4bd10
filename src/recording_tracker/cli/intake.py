"""``ingest`` and ``expect``: taking callbacks and announcements in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import click

from recording_tracker.cli.options import as_duration, as_moment, creating, present, print_json, talk
from recording_tracker.cli.progress import Progress
from recording_tracker.cli.signals import StopRequest, stop_on_signals
from recording_tracker.deliveries import bare_bodies, log_lines
from recording_tracker.errors import PermissionDeniedError, StorageError, UnknownProviderError, UsageError
from recording_tracker.results import Summary
from recording_tracker.tracker import BATCH, Tracker


@click.command("ingest")
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--provider", metavar="NAME", help="The files hold this provider's bare bodies, one JSON value after another."
)
@creating
def ingest_command(tracker: Tracker, files: tuple[str, ...], *, provider: str | None, as_json: bool) -> int:
    r"""
    Take delivery logs in: JSON Lines, '-' for standard input.

    A line that cannot be taken in is named, and keeps nothing else from being taken in.

    \b
    tracker ingest deliveries.jsonl
    tracker ingest --provider agora body.json
    """
    if provider is not None and provider not in tracker.machines:
        raise UnknownProviderError(provider, sorted(tracker.machines))
    summary = Summary()
    with stop_on_signals() as stop:
        for name in files or ("-",):
            _ingest_file(tracker, name, provider, summary, stop)
            if stop.number:
                break
    if as_json:
        print_json(summary.to_json())
    else:
        click.echo(_told(summary))
    if stop.number:
        talk(f"stopped after {summary.deliveries} deliveries; the same command takes the others in")
        return 128 + stop.number
    return 1 if summary.quarantined or summary.rejected else 0


def _ingest_file(tracker: Tracker, name: str, provider: str | None, summary: Summary, stop: StopRequest) -> None:
    shown = "standard input" if name == "-" else name
    with _opened(name) as stream, Progress(stream, shown) as progress:
        items = log_lines(stream) if provider is None else bare_bodies(stream, provider)
        batch: list[tuple[int, object]] = []
        for item in items:
            batch.append(item)
            if len(batch) == BATCH:
                _ingest_batch(tracker, batch, shown, summary)
                progress.update()
                batch = []
                if stop.number:
                    return
        _ingest_batch(tracker, batch, shown, summary)


def _ingest_batch(tracker: Tracker, batch: list[tuple[int, object]], shown: str, summary: Summary) -> None:
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
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    path = Path(name)
    try:
        if path.is_dir():
            raise StorageError(f"{name}: is a folder; a delivery log is expected")
        stream = path.open("rb")
    except PermissionError as error:
        raise PermissionDeniedError(f"{name}: may not be read") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(f"{name}: cannot be read: {reason.lower()}") from error
    with stream:
        if stream.peek(2)[:2] == b"\x1f\x8b":
            raise StorageError(f"{name}: is compressed; use: gzip -dc {name} | tracker ingest -")
        yield stream


def _told(summary: Summary) -> str:
    counts = summary.to_json()
    words = [
        f"{counts[name]} {name}"
        for name in ("accepted", "duplicates", "quarantined", "rejected", "ignored", "expected")
    ]
    flags = f"; {counts['raised']} flags raised, {counts['cleared']} cleared"
    return f"{counts['deliveries']} deliveries: {', '.join(words)}; {counts['recordings']} recordings changed{flags}"


@click.command("expect")
@click.argument("provider")
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
@creating
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
    r"""
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
