"""``simulate`` and ``score`` on the command line."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from recording_tracker.simulation.weather import WEATHERS, Weather
from recording_tracker.times import moment_ms
from tests.cli.conftest import Command

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

TRACKER = f"{shlex.quote(sys.executable)} -m recording_tracker"


def test_what_is_simulated_can_be_taken_in_and_scored(tracker: Command, tmp_path: Path) -> None:
    db, truth = tmp_path / "sim.db", tmp_path / "truth.jsonl"

    made = tracker("simulate", "all", "--recordings", "50", "--weather", "rough", "--truth", truth)
    taken = tracker("ingest", "--db", db, "-", stdin=made.out)
    scored = tracker("score", truth, "--db", db)

    assert (made.status, taken.status, scored.status) == (0, 0, 0)
    assert made.talk == ""
    assert len(truth.read_text("utf-8").splitlines()) == 50
    assert scored.text.startswith("50 recordings with ")
    assert "final state" in scored.text


def test_a_score_in_json(tracker: Command, tmp_path: Path) -> None:
    db, truth = tmp_path / "sim.db", tmp_path / "truth.jsonl"
    made = tracker("simulate", "line_planet", "--recordings", "20", "--truth", truth)
    tracker("ingest", "--db", db, "-", stdin=made.out)

    found = tracker("score", truth, "--db", db, "--json").json

    assert (found["recordings"], found["wrong"]) == (20, [])
    assert found["state"] == {"right": 20, "false": 0, "missed": 0, "unknowable": 0, "precision": 1.0, "recall": 1.0}


def test_a_tracker_that_is_wrong_exits_with_1_and_is_told(tracker: Command, tmp_path: Path) -> None:
    db, truth = tmp_path / "sim.db", tmp_path / "truth.jsonl"
    made = tracker("simulate", "aircore", "--recordings", "20", "--announced", "1", "--truth", truth)
    kept = [line for line in made.out.splitlines(keepends=True) if b"recording-uploaded" not in line]
    tracker("ingest", "--db", db, "-", stdin=b"".join(kept))

    scored = tracker("score", truth, "--db", db, terminal=80)

    assert scored.status == 1
    assert "stuck, and it is complete" in scored.text
    assert max(len(line) for line in scored.text.splitlines()) <= 120


def test_all_is_split_among_the_providers(tracker: Command) -> None:
    lines = tracker("simulate", "all", "--recordings", "7", "--announced", "1", "--loss", "0").lines
    expected = [line["expect"]["provider"] for line in lines if "expect" in line]

    assert sorted(expected) == ["agora", "agora", "aircore", "aircore", "bandwidth", "enablex", "line_planet"]
    assert [line["received_at"] for line in lines] == sorted(line["received_at"] for line in lines)


def test_the_same_command_makes_the_same_bytes(tracker: Command) -> None:
    assert tracker("simulate", "enablex", "--seed", "3").out == tracker("simulate", "enablex", "--seed", "3").out


def test_the_readme_tells_each_weather_part_by_part() -> None:
    rows = re.findall(r"^\| `--([a-z-]+)` \| (\S+) \| (\S+) \| (\S+) \|", README, re.MULTILINE)
    told = {name.replace("-", "_"): values for name, *values in rows}
    parts = {field.name.removesuffix("_s"): field.name for field in fields(Weather)}

    assert set(told) == set(parts)
    for name, values in told.items():
        assert [_number(value) for value in values] == [getattr(weather, parts[name]) for weather in WEATHERS.values()]


def _number(told: str) -> float:
    units = {"%": 0.01, "s": 1.0, "m": 60.0}
    return round(float(told.rstrip("%sm")) * units.get(told[-1], 1.0), 6)


def test_one_part_of_the_weather_can_be_set_by_itself(tracker: Command) -> None:
    still = tracker("simulate", "aircore", "--weather", "storm", *_nothing())
    lines = [line for line in still.lines if "body" in line]

    assert len({json.dumps(line["body"]) for line in lines}) == len(lines) == 300


def _nothing() -> list[str]:
    chances = ("loss", "failures", "duplicates", "late", "astray", "hung", "failed", "absent", "odd", "announced")
    return [*(word for name in chances for word in (f"--{name}", "0%")), "--outages", "0", "--skew", "0s"]


@pytest.mark.parametrize(("delay", "share"), [("0s", 1.0), ("0.05s", 1.0), ("10m", 0.0)])
def test_a_length_may_be_any_part_of_a_second(tracker: Command, delay: str, share: float) -> None:
    lines = tracker("simulate", "aircore", "--delay", delay, *_nothing()).lines
    prompt = [_received_ms(line) - line["body"]["timestamp"] < 1_000 for line in lines]

    assert sum(prompt) / len(prompt) == share


def _received_ms(line: dict[str, Any]) -> int:
    return moment_ms(line["received_at"])


def test_a_file_gets_the_lines(tracker: Command, tmp_path: Path) -> None:
    to_file = tracker("simulate", "aircore", "-o", tmp_path / "log.jsonl")

    assert (to_file.out, to_file.status) == (b"", 0)
    assert (tmp_path / "log.jsonl").read_bytes() == tracker("simulate", "aircore").out


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    script = f"set -o pipefail; {TRACKER} simulate agora --recordings 3000 | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


@pytest.mark.parametrize(
    ("args", "status", "told"),
    [
        (
            ["zoom"],
            2,
            "no simulation of 'zoom'; there are simulations of agora, aircore, bandwidth, enablex, line_planet",
        ),
        (["agora", "--loss", "3"], 2, "'3' is no chance; write it as 0.02 or 2%"),
        (["agora", "--loss", "nan"], 2, "'nan' is no chance"),
        (["agora", "--outages", "-1"], 2, "-1.0 is no rate"),
        (["agora", "--outages", "nan"], 2, "nan is no rate"),
        (["agora", "--skew", "soon"], 2, "'soon' is no duration"),
        (["agora", "--recordings", "1", "--events", "1"], 2, "give one of them"),
        (["agora", "--recordings", "0"], 2, "0 is not in the range"),
        (["agora", "--hung", "60%", "--failed", "60%"], 2, "add up to more than 1"),
        (["agora", "--truth", "-"], 2, "--truth: name a file of its own"),
        (["agora", "--truth", "x", "-o", "./x"], 2, "--truth: name a file of its own"),
        (["agora", "-o", "/"], 2, "/: is a folder; name a file"),
        (["agora", "-o", "/dev/full"], 74, "/dev/full: cannot be written: no space left on device"),
        (["agora", "--truth", "/no/where"], 74, "/no/where: cannot be written: no such file or directory"),
        (["aircore", "--per-hour", "0.01", "--start", "9799-01-01T00:00:00Z"], 2, "goes on beyond the year 9799"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_one_line(
    tracker: Command, args: list[str], status: int, told: str
) -> None:
    run = tracker("simulate", *args)

    assert run.status == status
    assert told in run.talk
    assert run.talk.startswith("error: ")
    assert len(run.talk.splitlines()) == 1


def test_a_database_is_not_written_over(tracker: Command, tmp_path: Path) -> None:
    tracker("ingest", "--db", tmp_path / "a.db", "-")

    run = tracker("simulate", "agora", "--truth", tmp_path / "a.db")

    assert (run.status, "is a database; name another file" in run.talk) == (2, True)


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (None, 74, "truth.jsonl: cannot be read: no such file or directory"),
        ("nothing\n", 65, "truth.jsonl: line 1: is not JSON"),
        ('{"provider": "agora"}\n', 65, "truth.jsonl: line 1: is no truth about a recording"),
    ],
)
def test_a_truth_that_cannot_be_read_is_told_in_one_line(
    tracker: Command, db: Path, tmp_path: Path, content: str | None, status: int, told: str
) -> None:
    truth = tmp_path / "truth.jsonl"
    if content is not None:
        truth.write_text(content, "utf-8")

    run = tracker("score", truth, "--db", db)

    assert (run.status, told in run.talk, len(run.talk.splitlines())) == (status, True, 1)
