"""Progress bars: there for a person who waits for long work at a terminal, and for nobody else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recording_tracker import Tracker
from recording_tracker.cli.progress import short_count
from tests.cli.conftest import at_a_terminal
from tests.cli.deliveries import RECEIVED, aircore

MANY, FEW = 1_200, 900


def deliveries(number: int) -> list[dict[str, object]]:
    return [{"provider": "aircore", "received_at": RECEIVED, "body": aircore(place)} for place in range(number)]


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Databases of many recordings, and of few."""
    folder = tmp_path_factory.mktemp("databases")
    for number in (MANY, FEW):
        with Tracker(folder / f"{number}.db") as tracker:
            tracker.ingest_many(deliveries(number))
    return {number: folder / f"{number}.db" for number in (MANY, FEW)}


@pytest.mark.parametrize("command", [["replay", "--dry-run"], ["replay"], ["verify"]], ids=" ".join)
def test_long_work_over_recordings_shows_its_rate_and_the_time_left(
    command: list[str], databases: dict[int, Path], tmp_path: Path
) -> None:
    copy = shutil.copy(databases[MANY], tmp_path / "copy.db")

    out, shown = at_a_terminal(*command, "--db", str(copy))

    assert str(MANY) in out
    assert re.search(rf"{command[0]} .*[\d.]+k? recordings/s \d:\d\d:\d\d", shown), shown[-300:]


def test_a_backup_shows_how_far_its_check_is(databases: dict[int, Path], tmp_path: Path) -> None:
    _, shown = at_a_terminal("backup", str(tmp_path / "copy.db"), "--db", str(databases[MANY]))

    assert "backup: verify" in shown
    assert " ".join(shown.split()).endswith(f"{MANY} recordings, checked")


def test_a_long_import_shows_its_rate(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in deliveries(6_000)))
    assert log.stat().st_size > 1_000_000

    out, shown = at_a_terminal("ingest", str(log), "--db", str(tmp_path / "new.db"))

    assert out.startswith("6000 deliveries")
    assert re.search(r"log\.jsonl .*[\d.]+[kM]? bytes/s \d:\d\d:\d\d", shown), shown[-300:]


def test_a_search_says_what_it_searches_and_for_how_long() -> None:
    out, shown = at_a_terminal("machines", "check", "aircore", "--seconds", "1")

    assert re.search(r"aircore .* 0:00:0\d of about 1s", shown), shown[-300:]
    assert out.count("\n") == 8
    assert "of about" not in out


def test_short_work_shows_no_bar(databases: dict[int, Path]) -> None:
    assert at_a_terminal("verify", "--db", str(databases[FEW])) == (
        f"{FEW} recordings: all is as the journal says\n",
        "",
    )


def test_nobody_at_a_terminal_gets_no_bar(databases: dict[int, Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recording_tracker", "verify", "--db", str(databases[MANY])],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == (f"{MANY} recordings: all is as the journal says\n", "")


def test_a_watch_is_told_of_a_growing_number(databases: dict[int, Path]) -> None:
    told: list[tuple[int, int]] = []
    with Tracker(databases[MANY], readonly=True) as tracker:
        tracker.replay(dry_run=True, watch=lambda done, total: told.append((done, total)))
        replayed, told = told, []
        tracker.verify(watch=lambda done, total: told.append((done, total)))

    assert replayed == [(done, MANY) for done in range(200, MANY + 1, 200)]
    assert told == [(done, MANY) for done in range(0, MANY, 200)]


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "0"), (999.4, "999"), (1_000, "1.0k"), (9_460, "9.5k"), (123_456, "123k"), (5e6, "5.0M")],
)
def test_a_rate_is_short(number: float, written: str) -> None:
    assert short_count(number) == written
