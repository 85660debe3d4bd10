"""The command line: arguments in, calls of a Tracker, lines and an exit status out."""

from __future__ import annotations

import errno
import os
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn, TextIO

import click

from recording_tracker.cli.groups import Group
from recording_tracker.cli.signals import Terminated, terminate
from recording_tracker.cli.terminal import talk
from recording_tracker.errors import TrackerError

# Command → the module that has it; none is imported before its command is called.
COMMANDS = {
    "demo": "demo",
    "ingest": "intake",
    "expect": "intake",
    "status": "look",
    "history": "history",
    "explain": "explain",
    "list": "look",
    "audit": "audit",
    "metrics": "metrics",
    "ack": "mend",
    "resolve": "mend",
    "quarantine": "quarantine",
    "machines": "machines",
    "simulate": "weather",
    "score": "weather",
    "limits": "limits",
    "replay": "care",
    "verify": "care",
    "backup": "care",
    "prune": "care",
    "erase": "care",
}


class LazyGroup(Group):
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


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("recording-tracker")
    except PackageNotFoundError:
        found = "of a checkout that is not installed"
    click.echo(f"tracker, version {found}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@click.option("--db", metavar="PATH", help="The database; else TRACKER_DB, else recordings.db.")
@click.pass_context
def cli(ctx: click.Context, db: str | None) -> None:
    """
    Know which cloud recordings are stuck, and which callbacks were lost.

    Start with 'tracker demo'; each command's --help has examples.

    \b
    tracker demo
    tracker status d12f
    tracker audit
    """
    ctx.obj = {"db": db}


# What a group without a command raises, so that its help is shown; older versions of click show it themselves.
_ShowHelp: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())


def main() -> NoReturn:
    """Run ``tracker``; whatever goes wrong becomes one line on standard error and an exit status."""
    _open_streams()
    signal.signal(signal.SIGTERM, terminate)
    status = _run()
    sys.exit(status)


def _open_streams() -> None:
    """Let streams that the caller has closed be empty, and show what a terminal cannot show as its escape."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123  open as long as the process
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _run() -> int:  # noqa: PLR0911  one line an error is the table of exit statuses
    try:
        if "_TRACKER_COMPLETE" in os.environ:
            # It completes words that have colons, which the shells' own of click do not.
            import_module(f"{__name__}.shells")
        result = cli.main(prog_name="tracker", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except SystemExit:
        # What click makes of a closed pipe.
        return _output_failed(BrokenPipeError(errno.EPIPE, ""))
    except _ShowHelp as error:
        click.echo(error.ctx.get_help(), err=True)
        return 2
    except click.UsageError as error:
        return _complain(_usage(error), 2)
    except click.ClickException as error:
        return _complain(error.format_message(), 74)
    except TrackerError as error:
        return _complain(str(error), error.exit_status)
    except OSError as error:
        return _output_failed(error)
    except (MemoryError, SystemError):
        # Without memory, parts of Python itself end with the latter.
        return _complain("out of memory", 74)
    except ImportError as error:
        # Modules are loaded when they are needed; one may be broken, or find no room any more.
        return _complain(f"{error.name or 'a module'} cannot be loaded: {error}", 74)
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Terminated:
        return 143
    return result if isinstance(result, int) else 0


def _usage(error: click.UsageError) -> str:
    said = error.format_message().rstrip(".")
    where = f"see '{error.ctx.command_path} --help'" if error.ctx else ""
    return f"{said[:1].lower()}{said[1:]}{' ' if said.endswith('?') else '; ' if where else ''}{where}"


def _complain(message: str, status: int) -> int:
    if {"audit", "--check"} <= set(sys.argv):
        return _answer_unknown(message)
    try:
        talk(f"error: {message}")
    except OSError:
        # Where nobody can be told, the status still tells it.
        _discard(sys.stderr)
    return status


def _answer_unknown(message: str) -> int:
    """Say as a plugin does that nothing can be said; other statuses would mean something else there."""
    from recording_tracker.report.check import UNKNOWN, unknown

    try:
        click.echo(unknown(message))
    except OSError:
        _discard(sys.stdout)
    return UNKNOWN


def _discard(stream: TextIO) -> None:
    """Send what is still buffered nowhere; it would fail once more when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _output_failed(error: OSError) -> int:
    """End after output that could not be written: quietly where nobody reads it any more."""
    _discard(sys.stdout)
    if error.errno == errno.EPIPE:
        return 0
    place = f"{error.filename}: " if error.filename else ""
    return _complain(
        f"{place}{(error.strerror or str(error)).lower()}", 77 if isinstance(error, PermissionError) else 74
    )
