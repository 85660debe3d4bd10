"""What commands share: options, the tracker they open, and how they print."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from recording_tracker.cli.terminal import broken, width
from recording_tracker.times import LATEST_MS, duration, from_ms, moment_ms

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
DEFAULT_DB = "recordings.db"


def as_moment(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Read an option's value as an ISO 8601 time, UTC without a zone."""
    try:
        found = None if value is None else moment_ms(value)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error)) from error
    if found is not None and not 0 <= found <= LATEST_MS:
        raise click.BadParameter(f"{value!r} is no usable time; it must be from 1970 to 9799")
    return None if found is None else from_ms(found)


def as_duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read an option's value as a duration: 90s, 45m, 12h, 7d or ISO 8601."""
    try:
        return None if value is None else duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def as_since(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | timedelta | None:
    """Read an option's value as a time, or as a duration that looks back from the present or ``--now``."""
    try:
        return as_moment(ctx, param, value)
    except click.BadParameter:
        pass
    try:
        return as_duration(ctx, param, value)
    except click.BadParameter as error:
        raise click.BadParameter(f"{error.message}, or a time as 2026-11-01T10:00:00Z") from error


def db_options(command: CommandT) -> CommandT:
    """Give *command* the options that say which database and which machines."""
    command = click.option("--db", metavar="PATH", help="The database; else TRACKER_DB, else recordings.db.")(command)
    return click.option(
        "--machines",
        "machines_folder",
        metavar="DIR",
        envvar="TRACKER_MACHINES",
        help="A folder of machine files that replace or adjust the shipped ones; else TRACKER_MACHINES.",
    )(command)


def reading(command: CommandT) -> CommandT:
    """Give *command* a tracker that only reads, as its first argument, and ``--json``."""
    return _with_tracker(json_option(command), readonly=True, create=False)


def looking(command: CommandT) -> CommandT:
    """Give *command* a journal to read, as its first argument, and ``--json``; what folds or writes is not loaded."""

    @db_options
    @click.pass_context
    @functools.wraps(command)
    def run(ctx: click.Context, /, *args: Any, db: str | None, machines_folder: str | None, **kwargs: Any) -> Any:
        from recording_tracker.journal.questions import Questions

        with closing(Questions(database(ctx, db), readonly=True, create=False)) as journal:
            return command(journal, *args, **kwargs)

    return json_option(run)  # type: ignore[return-value]


def writing(command: CommandT) -> CommandT:
    """Give *command* a tracker on a database that is there, as its first argument, and ``--json``."""
    return _with_tracker(json_option(command), readonly=False, create=False)


def creating(rehearse: Callable[..., Any]) -> Callable[[CommandT], CommandT]:
    """
    Give a command a tracker whose database is made if it is not there, as its first argument, and ``--json``.

    Before it is made, *rehearse* gets what the command will get, with a tracker in memory, so that what is
    refused leaves no database behind, which an audit would find healthy.
    """

    def decorate(command: CommandT) -> CommandT:
        return _with_tracker(json_option(command), readonly=False, create=True, rehearse=rehearse)

    return decorate


def json_option(command: CommandT) -> CommandT:
    """Give *command* ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for other programs.")(command)


now_option = click.option(
    "--now", callback=as_moment, metavar="TIME", help="Look as if it were this moment; else the present."
)


local_option = click.option(
    "--local", is_flag=True, help="Write times in the local zone, which TZ names; JSON stays in UTC."
)


def _with_tracker(
    command: CommandT, *, readonly: bool, create: bool, rehearse: Callable[..., Any] | None = None
) -> CommandT:
    @db_options
    @click.pass_context
    @functools.wraps(command)
    def run(ctx: click.Context, /, *args: Any, db: str | None, machines_folder: str | None, **kwargs: Any) -> Any:
        from recording_tracker.tracker import Tracker

        path = database(ctx, db)
        # So that whoever asks again is told of the same one.
        ctx.ensure_object(dict)["db"] = str(path)
        # Unlike Path.exists, False for what is no path at all; the tracker has the error for that.
        if rehearse is not None and not os.path.exists(path):  # noqa: PTH110
            from recording_tracker.journal.memory import MemoryJournal

            with Tracker(MemoryJournal(), machines=machines_folder) as rehearsal:
                rehearse(rehearsal, *args, **kwargs)
        with Tracker(path, machines=machines_folder, readonly=readonly, create=create) as tracker:
            return command(tracker, *args, **kwargs)

    return run  # type: ignore[return-value]


def database(ctx: click.Context, db: str | None = None) -> Path:
    """Return the database that is meant: by the command's option, the program's, the environment, or the default."""
    given = db if db is not None else (ctx.obj or {}).get("db")
    if given == "":
        raise click.BadParameter("is empty; name the database", param_hint="'--db'", ctx=ctx)
    return Path(given or os.environ.get("TRACKER_DB") or DEFAULT_DB)


def present() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def print_json(value: object) -> None:
    """Print *value* as one line of JSON in ASCII."""
    click.echo(json.dumps(value, ensure_ascii=True, allow_nan=False))


def print_lines(lines: Iterable[str], *, whole: bool = False) -> None:
    """
    Print lines; styles go where output is no terminal, or NO_COLOR is set.

    What is wider than a terminal is broken between words, unless its lines must stay *whole*.
    """
    color = False if os.environ.get("NO_COLOR") else None
    columns = None if whole else width()
    for line in lines:
        click.echo(broken(line, columns), color=color)
