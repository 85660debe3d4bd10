"""``ack`` and ``resolve``: what an operator settles."""

from __future__ import annotations

from datetime import datetime

import click

from recording_tracker.cli.completion import complete_flag, complete_outcome, id_argument
from recording_tracker.cli.options import now_option, print_json, writing
from recording_tracker.cli.terminal import talk
from recording_tracker.tracker import Tracker


@click.command("ack")
@id_argument
@click.option(
    "--flag", metavar="CODE", shell_complete=complete_flag, help="Only flags of this code; else all that are open."
)
@click.option("--note", required=True, metavar="TEXT", help="Why it needs no more attention.")
@now_option
@writing
def ack_command(
    tracker: Tracker, name: str, *, flag: str | None, note: str, now: datetime | None, as_json: bool
) -> None:
    """
    Acknowledge a recording's open flags; the audit still shows them, and no longer alarms.

    \b
    tracker ack d12f --flag missing-event --note "callback endpoint was down"
    """
    found = tracker.ack(name, flag=flag, note=note, now=now)
    for acknowledged in found:
        if as_json:
            print_json(acknowledged.to_json())
        else:
            talk(f"acknowledged {acknowledged.code}: {acknowledged.message}")


@click.command("resolve")
@id_argument
@click.option(
    "--outcome",
    required=True,
    metavar="OUTCOME",
    shell_complete=complete_outcome,
    help="available, backed_up, partial, absent or failed.",
)
@click.option("--note", required=True, metavar="TEXT", help="What was settled, and how it is known.")
@now_option
@writing
def resolve_command(
    tracker: Tracker, name: str, *, outcome: str, note: str, now: datetime | None, as_json: bool
) -> None:
    """
    Complete a recording by hand, for what was settled outside; one that is complete already says so.

    \b
    tracker resolve d12f --outcome available --note "file is in the bucket"
    """
    outcomes = [found.outcome for found in tracker.status(name, now) if found.complete]
    recording = tracker.resolve(name, outcome=outcome, note=note, now=now)
    for before in outcomes:
        talk(f"{recording.id} was complete already, as {before}; from now on it counts as {recording.outcome}")
    if as_json:
        print_json(recording.to_json())
    else:
        talk(f"{recording.id} is complete: {recording.outcome}")
