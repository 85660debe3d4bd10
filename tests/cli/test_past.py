"""``tracker audit --as-of``: what was knowable, and what has come of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click import unstyle

from tests.cli.conftest import Command

THEN = ("--now", "2026-11-01T13:00:00Z")


def test_a_past_audit_shows_nothing_that_came_later(tracker: Command, db: Path) -> None:
    done = tracker("audit", "--db", db, *THEN, "--as-of", "--json")

    assert all(told["last_received_at"] <= "2026-11-01T13" for told in done.json["providers"].values())
    assert done.json["recordings"] < tracker("audit", "--db", db, *THEN, "--json").json["recordings"]
    assert done.json["ignored"] is None
    assert "later" not in (done.json["stuck"] + done.json["flagged"])[0]


def test_hindsight_is_told_in_80_columns(tracker: Command, db: Path) -> None:
    done = tracker("audit", "--db", db, *THEN, "--as-of", "--hindsight", terminal=80)

    lines = unstyle(done.text).splitlines()
    assert "In hindsight: 1 of 4 have settled by what came later" in lines
    assert "    now finished/available; settled: missing-event, missing-event, sequence-gap" in lines
    assert max(map(len, lines)) <= 80


def test_hindsight_is_told_as_json(tracker: Command, db: Path) -> None:
    done = tracker("audit", "--db", db, *THEN, "--as-of", "--hindsight", "--json")

    flagged = done.json["flagged"]
    assert [recording["later"]["phase"] for recording in flagged] == ["finished"] * 4
    assert [all(flag["settled"] for flag in recording["flags"]) for recording in flagged].count(True) == 1


@pytest.mark.parametrize("args", [["--hindsight"], ["--as-of", "--hindsight", "--format", "csv"]])
def test_hindsight_is_refused_where_it_cannot_be_told(tracker: Command, db: Path, args: list[str]) -> None:
    done = tracker("audit", "--db", db, *args)

    assert (done.status, done.out) == (2, b"")
    assert done.talk == "error: --hindsight needs --as-of, and is told as text or json\n"


def test_the_past_is_written_to_a_file_too(tracker: Command, db: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        tracker("audit", "--db", db, *THEN, "--as-of", "--hindsight", "-o", tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert b"In hindsight" in (tmp_path / "one").read_bytes()
