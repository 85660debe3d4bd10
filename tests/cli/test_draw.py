"""``machines draw``: to standard output or a file, with the recordings of a database only where one is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import NOW, Command


def test_mermaid_goes_to_standard_output(tracker: Command) -> None:
    done = tracker("machines", "draw", "aircore")

    assert (done.status, done.err) == (0, b"")
    assert done.text.startswith('---\ntitle: "Aircore Cloud Recording"\n---\nstateDiagram-v2\n')


def test_no_database_is_looked_at_unless_one_is_named(
    tracker: Command, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(db.parent)
    plain = tracker("machines", "draw", "aircore", "--now", NOW)
    given = tracker("machines", "draw", "aircore", "--now", NOW, "--db", db)
    before = tracker("--db", db, "machines", "draw", "aircore", "--now", NOW)
    monkeypatch.setenv("TRACKER_DB", str(db))
    known = tracker("machines", "draw", "aircore", "--now", NOW)

    assert db.name == "recordings.db"
    assert "open" not in plain.text
    assert "1 open, 1 stuck" in given.text
    assert given.text == before.text == known.text


def test_a_recording_is_stuck_only_after_its_deadline(tracker: Command, db: Path) -> None:
    done = tracker("machines", "draw", "aircore", "--db", db, "--now", "2026-11-01T13:40:00Z")

    assert "<br>1 open" in done.text
    assert "stuck" not in done.text


def test_a_database_that_is_not_there_is_told(tracker: Command, tmp_path: Path) -> None:
    done = tracker("machines", "draw", "aircore", "--db", tmp_path / "none.db")

    assert done.status == 74
    assert done.talk.startswith("error: ")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")
@pytest.mark.parametrize(("name", "begin"), [("a.svg", b"<?xml"), ("a.PNG", b"\x89PNG"), ("a.mmd", b"---\n")])
def test_a_file_is_of_the_format_that_its_name_ends_in(
    tracker: Command, tmp_path: Path, name: str, begin: bytes
) -> None:
    done = tracker("machines", "draw", "bandwidth", "-o", tmp_path / name)

    assert (done.status, done.out, done.err) == (0, b"", b"")
    assert (tmp_path / name).read_bytes().startswith(begin)


def test_a_database_is_not_overwritten(tracker: Command, db: Path) -> None:
    before = db.read_bytes()

    done = tracker("machines", "draw", "agora", "-o", db)

    assert done.status == 2
    assert db.read_bytes() == before


def test_a_png_is_not_for_a_terminal(tracker: Command) -> None:
    done = tracker("machines", "draw", "aircore", "--format", "png", terminal=80)

    assert (done.status, done.talk) == (2, "error: a png is not for a terminal; name a file with -o\n")


def test_an_unknown_provider_is_told_which_there_are(tracker: Command) -> None:
    done = tracker("machines", "draw", "zoom")

    assert done.status == 2
    assert "agora, aircore, bandwidth, enablex, line_planet" in done.talk


def test_the_json_tells_steps_and_how_many_are_where(tracker: Command, db: Path) -> None:
    [drawn] = tracker("machines", "draw", "aircore", "--db", db, "--now", NOW, "--json").lines

    [region] = drawn["regions"]
    assert (drawn["provider"], region["name"]) == ("aircore", "recording")
    assert {"name": "stopped", "open": 1, "stuck": 1} in region["states"]
    assert {"from": "stopped", "to": "uploaded", "events": ["recording-uploaded"]} in region["steps"]
