"""``audit --check``: the statuses, the words and the numbers that a monitoring system reads."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker
from tests.cli.conftest import NOW, Command
from tests.cli.deliveries import aircore

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
SOON, LATER = "2026-11-01T09:10:00Z", "2026-11-03T09:00:00Z"


def read(line: str) -> tuple[str, str, dict[str, float]]:
    """Read the line of a plugin strictly: its word, its sentence, label to value."""
    text, bar, performance = line.rstrip("\n").partition(" | ")
    word, _, sentence = text.removeprefix("RECORDINGS ").partition(": ")
    assert "|" not in text + performance
    assert line.isprintable()
    values = {}
    for pair in performance.split() if bar else []:
        found = re.fullmatch(r"([a-z_]+)=(\d+)((?:;\d*){0,4})", pair)
        assert found, pair
        values[found[1]] = float(found[2])
    return word, sentence, values


def checked(tracker: Command, db: Path, *args: str | Path) -> tuple[int, str, str, dict[str, float]]:
    run = tracker("audit", "--check", "--db", db, *args)
    assert run.talk == ""
    return run.status, *read(run.text.removesuffix("\n"))


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """A database with one recording that is well."""
    path = tmp_path / "quiet.db"
    with Tracker(path) as library:
        library.ingest("aircore", aircore(1), received_at=START)
        library.ingest("aircore", aircore(1, "recording-stopped", state="stopped"), received_at=START)
        uploaded = aircore(
            1, "recording-uploaded", state="stopped", location={"address": "https://files.example/1.m4a"}
        )
        library.ingest("aircore", uploaded, received_at=START)
    return path


def ingest(db: Path, provider: str, body: Any) -> None:
    with Tracker(db) as library:
        library.ingest(provider, body, received_at=START)


def test_where_all_is_well_it_is_ok(tracker: Command, quiet: Path) -> None:
    expected = {"stuck": 0, "errors": 0, "silent": 0, "quarantined": 0, "warnings": 0, "unopened": 0, "open": 0}

    assert checked(tracker, quiet, "--now", SOON) == (0, "OK", "0 stuck of 0 open recordings", expected)


def test_what_is_stuck_is_critical_until_it_is_acknowledged(tracker: Command, quiet: Path) -> None:
    ingest(quiet, "aircore", aircore(2))

    status, word, told, values = checked(tracker, quiet, "--now", LATER)
    assert (status, word, values["stuck"], values["open"]) == (2, "CRITICAL", 1, 1)
    assert told.startswith("1 stuck and not acknowledged (aircore 1), longest http://recorder.example/recording/2 for")

    with Tracker(quiet) as library:
        library.ack("http://recorder.example/recording/2", note="known", now=datetime(2026, 11, 3, 9, tzinfo=UTC))
    status, word, told, values = checked(tracker, quiet, "--now", LATER)
    assert (status, word, values["stuck"]) == (0, "OK", 0)
    assert told == "1 stuck of 1 open recordings"


def test_what_nothing_has_opened_is_a_warning(tracker: Command, quiet: Path) -> None:
    ingest(quiet, "aircore", aircore(2, "recording-paused"))

    status, word, told, values = checked(tracker, quiet, "--now", SOON)
    assert (status, word, values["unopened"]) == (1, "WARNING", 1)
    assert told == "1 that nothing has opened (aircore 1); 0 stuck of 0 open recordings"


def test_an_error_is_critical(tracker: Command, quiet: Path) -> None:
    for event in ("recording-started", "recording-stopped", "recording-upload-failed"):
        ingest(quiet, "aircore", aircore(2, event))

    status, word, told, values = checked(tracker, quiet, "--now", SOON)

    assert (status, word, values["errors"], values["stuck"]) == (2, "CRITICAL", 1, 0)
    assert told.startswith("1 in error (aircore 1)")


def test_a_warning_is_one(tracker: Command, quiet: Path) -> None:
    ingest(quiet, "aircore", aircore(1, "recording-danced"))

    status, word, told, values = checked(tracker, quiet, "--now", SOON)

    assert (status, word, values["warnings"], values["errors"]) == (1, "WARNING", 1, 0)
    assert told.startswith("1 with warnings (aircore 1)")


def test_a_body_kept_aside_is_a_warning(tracker: Command, quiet: Path) -> None:
    ingest(quiet, "aircore", {"event": "recording-started"})

    status, word, told, values = checked(tracker, quiet, "--now", SOON)

    assert (status, word, values["quarantined"]) == (1, "WARNING", 1)
    assert told.startswith("1 quarantined")


def test_a_silent_provider_is_critical_and_said_first(tracker: Command, quiet: Path, tmp_path: Path) -> None:
    (tmp_path / "aircore.toml").write_text('extends = "aircore"\n[limits]\nsilent_after = "1h"\n')
    ingest(quiet, "aircore", aircore(2))

    status, word, told, values = checked(tracker, quiet, "--machines", tmp_path, "--now", LATER)

    assert (status, word, values["silent"]) == (2, "CRITICAL", 1)
    assert told.startswith("SILENT: nothing has come from aircore for 2d; 1 stuck")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--db", "missing.db"), "no such database"),
        (("--db", "damaged.db"), "damaged.db"),
        (("--since", "a while"), "a while"),
        (("--now", "noon"), "noon"),
        (("--bogus",), "--bogus"),
        (("--json",), "--check and --json: give one of them"),
        (("--format", "csv"), "--check and --format csv: give one of them"),
        (("-o", "report.txt"), "--check and -o: give one of them"),
        (("too much",), "too much"),
        (("--machines", "broken"), "broken"),
    ],
    ids=str,
)
def test_what_cannot_be_looked_at_is_unknown_and_nothing_else(
    tracker: Command, quiet: Path, arguments: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(quiet.parent)
    Path("damaged.db").write_bytes(b"no database" * 1000)
    Path("broken").mkdir()
    Path("broken/aircore.toml").write_text("provider = ")
    monkeypatch.setenv("TRACKER_DB", str(quiet))

    run = tracker("audit", "--check", *arguments)

    assert (run.status, run.err) == (3, b"")
    word, sentence, values = read(run.text.removesuffix("\n"))
    assert (word, values) == ("UNKNOWN", {})
    assert told in sentence

    assert (run.status, read(run.text.removesuffix("\n"))[0]) == (3, "UNKNOWN")


def test_no_name_in_a_payload_is_taken_for_numbers_or_a_line(tracker: Command, quiet: Path) -> None:
    ingest(quiet, "bandwidth", {"eventType": "recordComplete", "recordingId": "r|stuck=0\u2028", "callId": "c|x=1"})
    ingest(quiet, "aircore", aircore(2) | {"recording": {"url": "http://h.example/a|stuck=0;;0;0"}})

    status, word, _, values = checked(tracker, quiet, "--now", LATER, "--since", "30d")

    assert (status, word, values["stuck"]) == (2, "CRITICAL", 1)


def test_the_line_has_the_numbers_of_the_report(tracker: Command, toured: Path) -> None:
    _, _, _, values = checked(tracker, toured, "--now", NOW)
    report = json.loads(tracker("audit", "--json", "--db", toured, "--now", NOW).text)

    worst = [{flag["severity"] for flag in recording["flags"]} for recording in report["flagged"]]
    assert values == {
        "stuck": len(report["stuck"]),
        "errors": sum("error" in found for found in worst),
        "warnings": sum("warning" in found for found in worst),
        "silent": 0,
        "quarantined": report["quarantined"],
        "unopened": 0,
        "open": report["open"],
    }
