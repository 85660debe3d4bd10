"""``tracker replay --dry-run --machines``: what would have become of all that has come, under other machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from click import unstyle

from recording_tracker import Tracker
from recording_tracker.results import MOST_CHANGED, MOST_EXAMPLES, Difference, ReplayReport
from tests.cli.conftest import Command
from tests.cli.deliveries import aircore, line

NOW = ("--now", "2026-11-01T18:00:00Z")


@pytest.fixture
def machines(tmp_path: Path) -> Path:
    folder = tmp_path / "machines"
    folder.mkdir()
    text = 'extends = "aircore"\n[regions.recording.states]\nrecording = { stall_after = "10m" }\n'
    (folder / "aircore.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def started(tmp_path: Path, tracker: Command) -> Path:
    """Five recordings that have started at nine o'clock and have been silent since."""
    log = "\n".join(line("aircore", aircore(number)) for number in range(5))
    tracker("ingest", "--db", tmp_path / "started.db", stdin=log.encode())
    return tmp_path / "started.db"


def test_other_limits_say_what_would_be_stuck(tracker: Command, started: Path, machines: Path) -> None:
    done = tracker("replay", "--dry-run", "--db", started, "--machines", machines, *NOW, terminal=80)

    lines = unstyle(done.text).splitlines()
    assert done.status == 1
    assert lines[:6] == [
        "5 of 5 recordings would change",
        "  newly stuck     5",
        "    http://recorder.example/recording/0: no flag > stalled",
        "    http://recorder.example/recording/1: no flag > stalled",
        "    http://recorder.example/recording/2: no flag > stalled",
        "    and 2 more",
    ]
    assert [line for line in lines if line.startswith("  deadlines")] == ["  deadlines       5"]
    assert "    stall_at: 2026-11-01T21:00:00.000Z > 2026-11-01T09:10:00.000Z" in lines


def test_json_has_all_and_the_counts(tracker: Command, started: Path, machines: Path) -> None:
    done = tracker("replay", "--dry-run", "--db", started, "--machines", machines, *NOW, "--json")

    assert done.status == 1
    assert (done.json["recordings"], len(done.json["changed"])) == (5, 5)
    assert [found["after"]["stuck"] for found in done.json["changed"]] == [True] * 5
    assert {kind: count for kind, count in done.json["counts"].items() if count} == {
        "newly_stuck": 5,
        "flags": 5,
        "deadlines": 5,
    }


def test_a_dry_run_changes_nothing(tracker: Command, started: Path, machines: Path) -> None:
    before = started.read_bytes()

    tracker("replay", "--dry-run", "--db", started, "--machines", machines, "--json")

    assert started.read_bytes() == before


def test_what_a_replay_tells_it_has_written(started: Path, machines: Path) -> None:
    told: list[Difference] = []
    with Tracker(started, machines=machines) as tracker:
        report = tracker.replay(tell=told.append)

        assert (len(told), report.changed) == (5, told)
        assert tracker.replay(dry_run=True).differences == 0


def test_a_report_keeps_no_more_than_the_first_differences() -> None:
    report = ReplayReport()

    for number in range(MOST_CHANGED + 5):
        report.add(Difference(str(number), {"stuck": False}, {"stuck": True}))

    assert (report.differences, len(report.changed)) == (MOST_CHANGED + 5, MOST_CHANGED)
    assert report.counts["newly_stuck"] == MOST_CHANGED + 5
    assert [found.id for found in report.examples["newly_stuck"]] == [str(number) for number in range(MOST_EXAMPLES)]
