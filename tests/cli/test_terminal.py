"""What is said at a terminal: as wide as it is, broken between words; elsewhere it stays one line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tests.cli.conftest import NOW, Command, at_a_terminal

COLUMNS = 60


@pytest.mark.parametrize(
    "arguments",
    [
        ("machines", "show", "zoom"),
        ("list", "--frobnicate"),
        ("audit", "--as-of", "--format", "html"),
        ("status", "no recording has a name as long as this one, which is one of many words"),
    ],
    ids=" ".join,
)
def test_an_error_is_broken_between_words(tracker: Command, toured: Path, arguments: tuple[str, ...]) -> None:
    command = (*arguments, "--db", str(toured)) if arguments[0] != "machines" else arguments
    piped = tracker(*command).talk

    _, shown = at_a_terminal(*command, columns=COLUMNS)

    lines = shown.splitlines()
    assert piped.count("\n") == 1
    assert len(lines) > 1
    assert max(map(len, lines)) <= COLUMNS
    assert shown.split() == piped.split()


def test_what_has_no_blank_is_not_broken(tmp_path: Path) -> None:
    missing = tmp_path / ("x" * 100)

    _, shown = at_a_terminal("list", "--db", str(missing), columns=COLUMNS)

    assert f"{missing}:" in shown.split()


def test_output_is_broken_between_words(tracker: Command, db: Path) -> None:
    log = b'{"provider": "aircore", "body": {}}\n'

    piped = tracker("ingest", "--db", db, stdin=log).text
    shown = tracker("ingest", "--db", db, stdin=log, terminal=COLUMNS).text

    assert piped.count("\n") == 1
    assert max(map(len, shown.splitlines())) <= COLUMNS
    assert shown.split() == piped.split()


def test_the_demo_fits(tracker: Command, tmp_path: Path) -> None:
    db = tmp_path / ("folder of " + "a" * 40) / "tour.db"
    db.parent.mkdir()

    shown = click.unstyle(tracker("demo", "--db", db, terminal=80).text)

    assert [line for line in shown.splitlines() if len(line) > 80 and str(tmp_path) not in line] == []
    assert f"\n  export TRACKER_DB='{db}'\n" in shown


@pytest.mark.parametrize("columns", [60, 80])
def test_the_answer_of_an_audit_fits(tracker: Command, db: Path, columns: int) -> None:
    tracker("ack", "conf-3", "--note", "known", "--db", db)
    audit = ("audit", "--db", db, "--now", NOW)

    [piped, *_] = tracker(*audit).text.splitlines()
    first, second, *_ = click.unstyle(tracker(*audit, terminal=columns).text).splitlines()

    assert f"{first}, {second.strip()}" == piped
    assert max(len(first), len(second)) <= columns


@pytest.mark.parametrize("form", ["csv", "md", "json"])
def test_what_other_programs_read_is_not_broken(tracker: Command, toured: Path, form: str) -> None:
    audit = ("audit", "--db", toured, "--now", NOW, "--format", form)

    assert tracker(*audit, terminal=40).out == tracker(*audit).out


def test_a_list_has_its_flags_in_the_colour_of_the_worst(tracker: Command, toured: Path) -> None:
    lines = tracker("list", "--db", toured, "--now", NOW, terminal=80).text.splitlines()

    assert [line for line in lines if line.endswith("\x1b[31mstalled\x1b[0m")] != []
    assert [line for line in lines if line.endswith("\x1b[33mmissing-event +1\x1b[0m")] != []
    assert [line for line in lines[1:] if line.endswith("  -") == ("\x1b" in line)] == []
