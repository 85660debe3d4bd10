"""``tracker limits suggest``: what it shows, and the file that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click import unstyle

from recording_tracker import Tracker
from recording_tracker.machine import load_machine
from recording_tracker.times import iso, moment_ms
from tests.cli.conftest import Command

START_MS = moment_ms("2026-03-01T10:00:00Z")
MINUTE = 60_000


def life(number: int) -> list[dict[str, Any]]:
    """A recording of Aircore: 20 minutes long, and half a minute until its file is there."""
    return [
        {
            "provider": "aircore",
            "received_at": iso(START_MS + at_ms),
            "body": {
                "event": f"recording-{event}",
                "timestamp": START_MS + at_ms,
                "recording": {"url": f"http://recorder.example/recording/{number}", "startTime": START_MS},
            },
        }
        for event, at_ms in (("started", 0), ("stopped", 20 * MINUTE), ("uploaded", 20 * MINUTE + 30_000))
    ]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("busy") / "recordings.db"
    with Tracker(path) as tracker:
        tracker.ingest_many(line for number in range(120) for line in life(number))
    return path


def test_it_shows_what_was_observed_and_what_would_fit(tracker: Command, busy: Path) -> None:
    done = tracker("limits", "suggest", "aircore", "--db", busy, terminal=80)

    assert done.status == 0
    lines = unstyle(done.text).splitlines()
    assert max(map(len, lines)) <= 80
    assert "recording.stopped    complete_within  120  30s     30s     30s     30m  1m" in lines
    assert any(line.startswith("recording.stopped complete_within = 1m: finds what hangs 29m sooner") for line in lines)
    assert lines[-1] == "2 limits have been met less than 100 times, too few to propose anything"


def test_one_limit_is_told_of_in_the_singular(tracker: Command, busy: Path) -> None:
    shown = unstyle(tracker("limits", "suggest", "aircore", "--db", busy, "--newest", "1").text)

    assert shown.startswith("aircore: the newest 1 complete recording\n")


def test_json_has_the_same(tracker: Command, busy: Path) -> None:
    limits = tracker("limits", "suggest", "--db", busy, "--json", "--newest", "110").json["limits"]

    [stopped] = [limit for limit in limits if limit["state"] == "stopped"]
    assert stopped["n"] == 110
    assert (stopped["p50_ms"], stopped["p999_ms"]) == (30_000, 30_000)
    assert (stopped["present_ms"], stopped["proposed_ms"], stopped["sooner_ms"]) == (30 * MINUTE, MINUTE, 29 * MINUTE)
    assert (stopped["false_alarms"], stopped["present_false_alarms"]) == (0, 0)
    assert stopped["false_alarm_share"][1] == pytest.approx(0.0337, abs=0.0001)


def test_the_file_that_is_written_is_a_machine_file(tracker: Command, busy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "machines"
    folder.mkdir()

    done = tracker("limits", "suggest", "aircore", "--db", busy, "--write", folder / "aircore.toml")

    assert (done.status, done.talk.count("\n")) == (0, 1)
    assert load_machine(folder / "aircore.toml").provider == "aircore"
    assert tracker("replay", "--dry-run", "--db", busy, "--machines", folder).status == 0


def test_where_nothing_is_proposed_no_file_is_written(tracker: Command, db: Path, tmp_path: Path) -> None:
    done = tracker("limits", "suggest", "aircore", "--db", db, "--write", tmp_path / "aircore.toml")

    assert done.status == 1
    assert "too few" in done.text
    assert not (tmp_path / "aircore.toml").exists()


def test_a_file_that_adjusts_more_than_limits_is_not_forgotten(tracker: Command, busy: Path, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('extends = "aircore"\n[limits]\nsilent_after = "1h"\n', encoding="utf-8")

    done = tracker(
        "limits", "suggest", "aircore", "--db", busy, "--machines", tmp_path, "--write", tmp_path / "new.toml"
    )

    assert done.status == 0
    assert "join this with its file" in (tmp_path / "new.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--write", "x.toml"], "error: --write needs a provider"),
        (["zoom"], "error: no adapter for 'zoom'"),
    ],
)
def test_what_means_nothing_is_refused(tracker: Command, busy: Path, args: list[str], error: str) -> None:
    done = tracker("limits", "suggest", *args, "--db", busy)

    assert done.status == 2
    assert done.talk.startswith(error)


def test_a_database_is_not_written_over(tracker: Command, busy: Path) -> None:
    before = busy.read_bytes()

    done = tracker("limits", "suggest", "aircore", "--db", busy, "--write", busy)

    assert done.status == 2
    assert busy.read_bytes() == before


def test_it_writes_nothing_to_the_database(tracker: Command, busy: Path) -> None:
    before = busy.read_bytes()

    assert json.loads(tracker("limits", "suggest", "--db", busy, "--json").out)["recordings"] == 120
    assert busy.read_bytes() == before
