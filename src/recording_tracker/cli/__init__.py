"""The command line: arguments in, calls of a Tracker, lines and an exit status out."""

from __future__ import annotations

import errno
import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from recording_tracker.errors import TrackerError

# Command → the module that has it; none is imported before its command is called.
COMMANDS = {
    "demo": "demo",
    "ingest": "intake",
    "expect": "intake",
    "status": "look",
    "history": "look",
    "list": "look",
    "audit": "audit",
    "ack": "mend",
    "resolve": "mend",
    "quarantine": "quarantine",
    "machines": "machines",
    "replay": "care",
    "verify": "care",
    "backup": "care",
    "prune": "care",
    "erase": "care",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is called, because ``status`` is typed by a person who waits."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all commands in the order of their story."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command and return it."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"{__name__}.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="recording-tracker", prog_name="tracker")
@click.option("--db", metavar="PATH", help="The database; else TRACKER_DB, else recordings.db.")
@click.pass_context
def cli(ctx: click.Context, db: str | None) -> None:
    """
    Know which cloud recordings are stuck, and which callbacks were lost.

    Start with 'tracker demo'.
    """
    ctx.obj = {"db": db}


class Terminated(BaseException):
    """SIGTERM has come."""


def main() -> NoReturn:
    """Run ``tracker``; whatever goes wrong becomes one line on standard error and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A terminal that cannot show a character gets its escape, never a traceback.
            reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminate)
    status = _run()
    sys.exit(status)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _run() -> int:  # noqa: PLR0911  one line an error is the table of exit statuses
    try:
        result = cli.main(prog_name="tracker", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        where = f"; see '{error.ctx.command_path} --help'" if error.ctx else ""
        return _complain(f"{error.format_message().rstrip('.')}{where}", 2)
    except click.ClickException as error:
        return _complain(error.format_message(), 74)
    except TrackerError as error:
        return _complain(str(error), error.exit_status)
    except OSError as error:
        return _output_failed(error)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Terminated:
        return 143
    return result if isinstance(result, int) else 0


def _complain(message: str, status: int) -> int:
    from recording_tracker.report.safe import printable

    click.echo(f"error: {printable(message)}", err=True)
    return status


def _output_failed(error: OSError) -> int:
    """End after output that could not be written: quietly where nobody reads it any more."""
    # What is still buffered would fail once more when the interpreter ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:
        return 0
    place = f"{error.filename}: " if error.filename else ""
    return _complain(
        f"{place}{(error.strerror or str(error)).lower()}", 77 if isinstance(error, PermissionError) else 74
    )
