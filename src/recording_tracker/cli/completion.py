"""Completion: the beginning of a word in; ids from the database, or words that there are, out; errors say nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click

from recording_tracker.cli.options import database
from recording_tracker.errors import TrackerError
from recording_tracker.flags import SEVERITIES
from recording_tracker.phases import OUTCOMES, PHASES

MOST_IDS = 40
PATIENCE = timedelta(milliseconds=200)
# At other signs a shell would take a word apart; what has them is mostly found by an alias too.
_WHOLE = re.compile(r"[\w./:@%+=,-]+")


Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def complete_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids, aliases and groups that begin with *incomplete*, of the database that the command is for."""
    try:
        return _ids(_database(ctx), incomplete)
    except (TrackerError, OSError, ValueError, click.ClickException):
        # In the middle of a line that somebody types there is no place for a complaint.
        return []


def _database(ctx: click.Context) -> Path:
    """Find the database as the command would; while a line is completed, its options are read and nothing is run."""
    given = [each.params["db"] for each in (ctx, ctx.find_root()) if each.params.get("db")]
    return database(ctx, given[0] if given else None)


def _ids(path: Path, incomplete: str) -> list[str]:
    if not path.is_file():
        return []
    from recording_tracker.journal.questions import Questions

    with closing(Questions(path, readonly=True, create=False, busy_timeout=PATIENCE)) as journal:
        found = dict.fromkeys(name for name, _ in journal.find_prefix(incomplete, limit=MOST_IDS))
    return [name for name in found if _WHOLE.fullmatch(name) and not name.startswith("-")][:MOST_IDS]


def complete_provider(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the providers that there are adapters for."""
    from importlib.metadata import entry_points

    from recording_tracker.adapters import ENTRY_POINTS, SHIPPED

    names = {*SHIPPED, *(entry.name for entry in entry_points(group=ENTRY_POINTS))}
    return [name for name in sorted(names) if name.startswith(incomplete)]


def complete_among(words: Sequence[str]) -> Complete:
    """Return a completion among *words*."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


complete_flag = complete_among(tuple(SEVERITIES))
complete_phase = complete_among(PHASES)
complete_outcome = complete_among(OUTCOMES)

id_argument = click.argument("name", metavar="ID", shell_complete=complete_id)
