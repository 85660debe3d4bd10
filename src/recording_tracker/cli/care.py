"""``replay``, ``verify``, ``backup``, ``prune``, ``erase``: looking after the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any

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
    writing,
)
from recording_tracker.cli.progress import of_recordings
from recording_tracker.cli.terminal import talk
from recording_tracker.differences import OTHER
from recording_tracker.grammar import counted, noun
from recording_tracker.report.safe import printable
from recording_tracker.results import Difference, ReplayReport
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
        replay = partial(tracker.replay, dry_run=dry_run, now=now, watch=progress.update)
        report = _stream(replay) if as_json else replay()
    if not as_json:
        print_lines(_replay_lines(report, dry_run=dry_run))
    return 1 if dry_run and report.differences else 0


def _stream(replay: Callable[..., ReplayReport]) -> ReplayReport:
    """Print the report as one JSON object, each difference as it is found: there may be millions."""
    begin = '{"changed": ['

    def tell(difference: Difference) -> None:
        nonlocal begin
        click.echo(begin + json.dumps(asdict(difference), ensure_ascii=True, allow_nan=False), nl=False)
        begin = ", "

    report = replay(tell=tell)
    end = f'], "recordings": {report.recordings}, "left": {report.left}, "counts": {json.dumps(report.counts)}}}'
    click.echo(end if report.differences else begin + end)
    return report


def _replay_lines(report: ReplayReport, *, dry_run: bool) -> Iterator[str]:
    """Tell how many recordings change, in which ways, with the first of each kind, then the first of all in full."""
    yield f"{report.differences} of {report.recordings} recordings {'would change' if dry_run else 'changed'}"
    if report.left:
        whose = noun(report.left, "recording: its machine or its adapter is", "recordings: their machine or adapter is")
        yield f"  left alone: {report.left} {whose} not there; check --machines or TRACKER_MACHINES"
    for kind, count in report.counts.items():
        if count:
            examples = report.examples[kind]
            yield f"  {kind.replace('_', ' '):<16}{count}"
            yield from (f"    {printable(found.id)}{_change(found, kind)}" for found in examples)
            if count > len(examples):
                yield f"    and {count - len(examples)} more"
    yield from _differences(report.changed, report.differences)


def _change(found: Difference, kind: str) -> str:
    """Say in a line what is another in one way."""
    before, after = (_word(told, kind) for told in (found.before, found.after))
    return f": {before} > {after}" if before != after else ""


def _word(told: dict[str, Any] | None, kind: str) -> str:
    if told is None:
        return "not there"
    if kind == "state":
        return printable(", ".join(f"{region} {state}" for region, state in told["state"].items()), width=60)
    if kind == "outcome":
        return printable(told["outcome"] or "not complete")
    if kind in ("deadlines", OTHER):
        return ""
    return ", ".join(dict.fromkeys(flag["code"] for flag in told["flags"])) or "no flag"


def _differences(found: list[Difference], count: int | None = None) -> list[str]:
    """Write the first of *count* differences in full; without it *found* are all there are."""
    lines = []
    for difference in found[:MOST_SHOWN]:
        lines.append(f"  {printable(difference.id)}")
        before, after = difference.before or {}, difference.after or {}
        lines += [
            f"    {key}: {_shown(before.get(key), key)} > {_shown(after.get(key), key)}"
            for key in before | after
            if before.get(key) != after.get(key)
        ]
    left = (len(found) if count is None else count) - MOST_SHOWN
    if left > 0:
        lines.append(f"  and {left} more; --json has all")
    return lines


def _shown(value: Any, key: str) -> str:
    if key == "flags" and value and isinstance(value[0], dict):
        return ", ".join(f"{flag['code']} since {flag['raised_at']}" for flag in value)
    return printable(value, width=60)


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
        print_lines([f"{counted(report.recordings, 'recording')}: {summary}"])
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
            f"{file}: {counted(report.recordings, 'recording')}, "
            f"{'checked' if report.sound else 'not sound, like what it copies'}"
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
    Forget recordings that have long been complete, events and all, and what came of an id that nothing has opened.

    \b
    tracker prune --complete-before 180d
    """
    pruned = tracker.prune(complete_before=complete_before, now=now)
    if as_json:
        print_json({"pruned": pruned})
    else:
        talk(f"{counted(pruned, 'recording')} pruned")


@click.command("erase")
@id_argument
@writing
def erase_command(tracker: Tracker, name: str, *, as_json: bool) -> None:
    """
    Forget one recording, events and all, for the sake of those who are heard in it; also an id that nothing has opened.

    \b
    tracker erase d12fdce9024d37862a8f3a88e387c817
    """
    erased = tracker.erase(name)
    if as_json:
        print_json({"erased": erased})
    else:
        talk(f"{erased} is erased; backups still have it")
