"""What is said at a terminal: as wide as it is, broken between words; elsewhere it stays one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command, at_a_terminal

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
