"""``replay``, ``verify``, ``backup``, ``prune``, ``erase``: looking after the database."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from recording_tracker.cli.completion import id_argument
from recording_tracker.cli.options import (
    as_duration,
    database,
    db_options,
    json_option,
    now_option,
    print_json,
    print_lines,
    reading,
    talk,
    writing,
)
from recording_tracker.cli.progress import of_recordings
from recording_tracker.report.safe import printable
from recording_tracker.results import Difference
from recording_tracker.tracker import Tracker

MOST_SHOWN = 20


@click.command("replay")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@now_option
@json_option
@db_options
@click.pass_context
def replay_command(
    ctx: click.Context,
    /,
    *,
    dry_run: bool,
    now: datetime | None,
    as_json: bool,
    db: str | None,
    machines_folder: str | None,
) -> int:
    """
    Parse and fold everything again with today's adapters and machines.

    \b
    tracker replay
    tracker replay --dry-run --machines my-machines
    """
    opened = Tracker(database(ctx, db), machines=machines_folder, readonly=dry_run, create=False)
    with opened as tracker, of_recordings("replay") as progress:
        report = tracker.replay(dry_run=dry_run, now=now, watch=progress.update)
    if as_json:
        print_json(report.to_json())
    else:
        would = "would change" if dry_run else "changed"
        print_lines([f"{len(report.changed)} of {report.recordings} recordings {would}", *_differences(report.changed)])
    return 1 if dry_run and report.changed else 0


def _differences(found: list[Difference]) -> list[str]:
    lines = []
    for difference in found[:MOST_SHOWN]:
        lines.append(f"  {printable(difference.id)}")
        before, after = difference.before or {}, difference.after or {}
        lines += [
            f"    {key}: {printable(before.get(key), width=60)} > {printable(after.get(key), width=60)}"
            for key in before | after
            if before.get(key) != after.get(key)
        ]
    if len(found) > MOST_SHOWN:
        lines.append(f"  and {len(found) - MOST_SHOWN} more; --json has all")
    return lines


@click.command("verify")
@reading
def verify_command(tracker: Tracker, *, as_json: bool) -> int:
    """
    Check that what is stored is the fold of the journal, and that hashes and pages are sound.

    \b
    tracker verify
    tracker verify --db backup/recordings.db --json
    """
    with of_recordings("verify") as progress:
        report = tracker.verify(watch=progress.update)
    if as_json:
        print_json(report.to_json())
    else:
        summary = "all is as the journal says" if report.sound else "not sound"
        print_lines([f"{report.recordings} recordings: {summary}"])
        print_lines(f"  damaged: {printable(line)}" for line in report.damaged)
        print_lines(_differences(report.differences))
    return 0 if report.sound else 1


@click.command("backup")
@click.argument("file")
@reading
def backup_command(tracker: Tracker, file: str, *, as_json: bool) -> int:
    """
    Write a copy that is right under load, and check it.

    \b
    tracker backup recordings-2026-11-01.db
    """
    tracker.backup(file)
    with Tracker(file, readonly=True) as copy, of_recordings("backup: verify") as progress:
        report = copy.verify(watch=progress.update)
    if as_json:
        print_json({"file": file, **report.to_json()})
    else:
        talk(
            f"{file}: {report.recordings} recordings, {'checked' if report.sound else 'not sound, like what it copies'}"
        )
    return 0 if report.sound else 1


@click.command("prune")
@click.option(
    "--complete-before", callback=as_duration, required=True, metavar="DURATION", help="Complete for longer than this."
)
@now_option
@writing
def prune_command(tracker: Tracker, *, complete_before: timedelta, now: datetime | None, as_json: bool) -> None:
    """
    Forget recordings that have long been complete, events and all.

    \b
    tracker prune --complete-before 180d
    """
    pruned = tracker.prune(complete_before=complete_before, now=now)
    if as_json:
        print_json({"pruned": pruned})
    else:
        talk(f"{pruned} recordings pruned")


@click.command("erase")
@id_argument
@writing
def erase_command(tracker: Tracker, name: str, *, as_json: bool) -> None:
    """
    Forget one recording, events and all, for the sake of those who are heard in it.

    \b
    tracker erase d12fdce9024d37862a8f3a88e387c817
    """
    erased = tracker.erase(name)
    if as_json:
        print_json({"erased": erased})
    else:
        talk(f"{erased} is erased; backups still have it")
