"""``explain``: the story of a recording."""

from __future__ import annotations

from datetime import datetime

import click

from recording_tracker.cli.completion import id_argument
from recording_tracker.cli.options import local_option, now_option, present, print_json, print_lines, reading
from recording_tracker.cli.terminal import width
from recording_tracker.report.clock import Clock
from recording_tracker.report.story import story_lines
from recording_tracker.tracker import Tracker


@click.command("explain")
@id_argument
@now_option
@local_option
@reading
def explain_command(tracker: Tracker, name: str, *, now: datetime | None, local: bool, as_json: bool) -> None:
    """
    Tell the story of a recording: what is wrong, what to do, and what happened.

    Each sentence rests on events and on the machine file; with --json it says on which.

    \b
    tracker explain d12f
    tracker explain --local d12fdce9024d37862a8f3a88e387c817
    """
    now = now or present()
    found = tracker.explain(name, now)
    if not found:
        raise tracker.not_found(name)
    for number, story in enumerate(found):
        if as_json:
            print_json(story.to_json())
        else:
            print_lines([""] if number else [])
            print_lines(story_lines(story, Clock(now, local=local), width=width()))
