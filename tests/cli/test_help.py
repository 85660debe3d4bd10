"""Help: each command shows how it is called, by examples that the command would take, in 80 columns."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from recording_tracker.cli import cli


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, as it is called."""
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


EACH = pytest.mark.parametrize("path", list(commands()), ids=lambda path: " ".join(path) or "tracker")


def shown(path: tuple[str, ...]) -> list[str]:
    done = CliRunner().invoke(cli, [*path, "--help"], prog_name="tracker", env={"COLUMNS": "80"}, terminal_width=80)
    assert done.exit_code == 0
    return done.output.splitlines()


def examples(path: tuple[str, ...]) -> list[list[str]]:
    """The examples of a command, as arguments."""
    return [shlex.split(line) for line in shown(path) if re.match(r"\s+tracker ", line)]


@EACH
def test_help_has_an_example_of_the_command(path: tuple[str, ...]) -> None:
    found = examples(path)

    assert found
    if path:
        assert [line for line in found if tuple(line[1 : len(path) + 1]) != path] == []


@EACH
def test_the_examples_are_calls_that_the_command_takes(
    path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("deliveries.jsonl", "body.json"):
        Path(name).touch()

    for program, *arguments in (call for line in examples(path) for call in calls(line)):
        assert program == "tracker"
        command, called = parsed(program, arguments)
        assert not isinstance(command, click.Group), called


def calls(line: list[str]) -> list[list[str]]:
    """Take a line of a shell apart into the calls that pipes join."""
    bounds = [-1, *(place for place, word in enumerate(line) if word == "|"), len(line)]
    return [line[begin + 1 : end] for begin, end in pairwise(bounds)]


def parsed(program: str, arguments: list[str]) -> tuple[click.Command, str]:
    """Read *arguments* down to the command that they call, which is not run; raises UsageError."""
    context = cli.make_context(program, list(arguments))
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None
        assert found is not None
        command, context = found, found.make_context(name, rest, parent=context)
    return command, context.command_path


@EACH
def test_help_fits_80_columns_with_nothing_cut_off(path: tuple[str, ...]) -> None:
    assert [line for line in shown(path) if len(line) > 80 or (line.endswith("...") and "Usage" not in line)] == []


@EACH
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found

    silent = [param.name for param in command.params if isinstance(param, click.Option) and not param.help]
    assert silent == []
