"""``history``: the events of a recording, folded once more."""

from __future__ import annotations

from datetime import datetime

import click

from recording_tracker.cli.completion import id_argument
from recording_tracker.cli.options import local_option, now_option, present, print_json, print_lines, reading
from recording_tracker.cli.terminal import width
from recording_tracker.report import history
from recording_tracker.report.clock import Clock
from recording_tracker.tracker import Tracker


@click.command("history")
@id_argument
@now_option
@local_option
@reading
def history_command(tracker: Tracker, name: str, *, now: datetime | None, local: bool, as_json: bool) -> None:
    """
    Show the events of a recording in lifecycle order, with verdicts and delays.

    \b
    tracker history d12f
    """
    if not tracker.status(name):
        raise tracker.not_found(name)
    lines = tracker.history(name)
    if as_json:
        for line in lines:
            print_json(line.to_json())
    else:
        print_lines(history.history_lines(lines, Clock(now or present(), local=local), width()))
