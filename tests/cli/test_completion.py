"""Completion, asked as shells ask: words that begin so, ids of the database included, and no complaint ever."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recording_tracker import Tracker
from tests.cli.conftest import Command
from tests.cli.deliveries import RECEIVED, aircore

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(tracker: Command, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Completes the last word of a line as bash has it done."""

    def run(line: str, db: Path | None = None) -> list[str]:
        words = line.split(" ")
        with monkeypatch.context() as patch:
            patch.setenv("_TRACKER_COMPLETE", "bash_complete")
            patch.setenv("COMP_WORDS", line)
            patch.setenv("COMP_CWORD", str(len(words) - 1))
            if db is not None:
                patch.setenv("TRACKER_DB", str(db))
            done = tracker()
        assert done.err == b""
        return [word.partition(",")[2] for word in done.text.splitlines() if word]

    return run


@pytest.mark.parametrize("command", ["status", "history", "explain", "ack", "resolve", "erase"])
def test_ids_are_completed(complete: Complete, toured: Path, command: str) -> None:
    assert complete(f"tracker {command} 64", toured) == ["64add4de0d2b5fc695a90b715580bcad"]
    assert complete(f"tracker {command} c-demo-7", toured) == ["c-demo-7"]


def test_aliases_and_groups_are_completed(complete: Complete, toured: Path) -> None:
    assert complete("tracker status conf-", toured) == [f"conf-{number}" for number in range(1, 5)]
    assert complete("tracker status all-", toured) == ["all-hands"]


def test_the_database_is_the_one_that_the_line_names(complete: Complete, toured: Path, tmp_path: Path) -> None:
    assert complete(f"tracker --db {toured} status 64", tmp_path / "no.db") == ["64add4de0d2b5fc695a90b715580bcad"]
    assert complete(f"tracker status --db {toured} 64", tmp_path / "no.db") == ["64add4de0d2b5fc695a90b715580bcad"]


def test_what_a_shell_would_take_apart_is_not_offered(complete: Complete, tmp_path: Path) -> None:
    with Tracker(tmp_path / "odd.db") as tracker:
        for name in ("room-plain", "room-$(id)", "room-a b", "room-a?b", "room-a&b", "room-'"):
            tracker.expect("bandwidth", group=name)

    assert complete("tracker status room-", tmp_path / "odd.db") == ["room-plain"]


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        ("http", "http://recorder.example:8080/recording/1793524500000-0-11"),
        ("http :", "//recorder.example:8080/recording/1793524500000-0-11"),
        ("http : //rec", "//recorder.example:8080/recording/1793524500000-0-11"),
        ("http : //recorder.example : 80", "8080/recording/1793524500000-0-11"),
        ("http://rec", "http://recorder.example:8080/recording/1793524500000-0-11"),
    ],
)
def test_a_word_that_bash_takes_apart_at_colons_is_completed(
    complete: Complete, toured: Path, words: str, rest: str
) -> None:
    assert rest in complete(f"tracker explain {words}", toured)
    assert complete(f"tracker explain {words} ", toured) == []


def test_ids_are_not_without_end(complete: Complete, tmp_path: Path) -> None:
    with Tracker(tmp_path / "many.db") as tracker:
        tracker.ingest_many(
            {"provider": "aircore", "received_at": RECEIVED, "body": aircore(number)}
            for number in range(100_000, 100_200)
        )

    assert 0 < len(complete("tracker status 100", tmp_path / "many.db")) <= 40


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tracker ex", ["expect", "explain"]),
        ("tracker list --provider a", ["agora", "aircore"]),
        ("tracker ingest --provider l", ["line_planet"]),
        ("tracker expect b", ["bandwidth"]),
        ("tracker machines show e", ["enablex"]),
        ("tracker list --flag missing", ["missing-event", "missing-terminal"]),
        ("tracker ack --flag s", ["sequence-gap", "stalled"]),
        ("tracker list --phase p", ["processing"]),
        ("tracker list --outcome a", ["absent", "available"]),
        ("tracker resolve --outcome p", ["partial"]),
    ],
)
def test_words_are_completed(complete: Complete, toured: Path, line: str, words: list[str]) -> None:
    assert complete(line, toured) == words


@pytest.mark.parametrize(
    "content", [None, b"", b"garbage " * 999, "folder"], ids=["none", "empty", "garbage", "folder"]
)
def test_a_database_that_cannot_be_read_completes_nothing_and_is_left_alone(
    complete: Complete, tmp_path: Path, content: bytes | str | None
) -> None:
    path = tmp_path / "odd.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    before = sorted(tmp_path.iterdir())

    assert complete("tracker status 64", path) == []
    assert complete("tracker --db '' status 64", path) == []
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("word", ["x'y", "\x1b", "%", "\udcff", "*", "-", "--", "a" * 10_000])
def test_odd_beginnings_complete_nothing_and_harm_nobody(complete: Complete, toured: Path, word: str) -> None:
    assert complete(f"tracker status {word}", toured) == [] or word.startswith("-")


SCRIPTS = {
    "bash": 'eval "$(_TRACKER_COMPLETE=bash_source tracker)"; COMP_WORDS=(tracker status 64); COMP_CWORD=2; '
    '_tracker_completion tracker 64 status; echo "${COMPREPLY[@]}"',
    "fish": "_TRACKER_COMPLETE=fish_source tracker | source; complete -C 'tracker status 64'",
}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_real_shell_completes_an_id(toured: Path, tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    program = tmp_path / "tracker"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m recording_tracker "$@"\n')
    program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "TRACKER_DB": str(toured), "HOME": str(tmp_path)}

    done = subprocess.run(
        [shell, "-c", SCRIPTS[shell]], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.stdout.strip(), done.stderr) == ("64add4de0d2b5fc695a90b715580bcad", "")
