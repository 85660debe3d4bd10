"""Locales: a terminal that has only ASCII, and names that are not."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from recording_tracker import Tracker
from tests.faults.jobs import PATIENCE_S, callbacks, environment
from tests.faults.surroundings import NOW, tracker
from tests.faults.worker import RECEIVED_AT
from tests.figures import Figures

NAME = "Zürich 会議 🎥 e\u0301"
LOCALES = {
    "C": {"LC_ALL": "C", "LANG": "", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "strict ASCII": {"PYTHONIOENCODING": "ascii:strict"},
    "Latin 1": {"PYTHONIOENCODING": "iso-8859-1"},
    "none such": {"LC_ALL": "xx_XX.UTF-8", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}
COMMANDS = (
    ("list",),
    ("list", "--json"),
    ("status", "{id}"),
    ("history", "{id}"),
    ("explain", "{id}"),
    ("audit",),
    *(("audit", f"--format={form}") for form in ("json", "csv", "md")),
    ("verify",),
    ("--help",),
)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a recording that is stuck, in a channel whose name no old encoding holds."""
    path = tmp_path_factory.mktemp("worldly") / "recordings.db"
    with Tracker(path) as taker:
        for body in callbacks(3):
            changed = json.loads(body)
            changed["payload"]["cname"] = NAME
            taker.ingest("agora", changed, received_at=RECEIVED_AT)
    return path


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: ascii(" ".join(command)))
def test_every_command_prints_in_every_locale(
    command: tuple[str, ...], locale: str, db: Path, figures: Figures
) -> None:
    with Tracker(db, readonly=True) as reader:
        words = [word.format(id=next(reader.recordings(now=NOW)).id) for word in command]
    now = ("--now=2027-01-01",) if command[0] in ("list", "status", "audit") else ()
    done = subprocess.run(
        [sys.executable, "-m", "recording_tracker", f"--db={db}", *words, *now],
        capture_output=True,
        env=environment() | LOCALES[locale],
        timeout=PATIENCE_S,
        check=False,
    )

    figures.add(fault="F30", what="outputs in locales", tried=1)
    assert done.returncode in (0, 1), done
    assert done.stdout
    assert b"" == done.stderr
    if command[0] in ("status", "list", "history"):
        assert shown(done.stdout, locale)


def shown(out: bytes, locale: str) -> bool:
    """Tell whether what is printed names the channel, if only by escapes, or has no column for it."""
    text = out.decode("iso-8859-1" if locale == "Latin 1" else "utf-8")
    return "Z" not in re.sub(r"\d\dZ", "", text) or any(
        word in text for word in ("Zürich", "Z\\xfcrich", "Z\\u00fcrich")
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_a_report_file_is_whole_in_every_locale(locale: str, db: Path, tmp_path: Path, figures: Figures) -> None:
    place = tmp_path / "report.csv"

    ran = tracker("audit", "--now=2027-01-01", "--format=csv", "-o", place, db=db, env=LOCALES[locale])

    figures.add(fault="F30", what="report files in locales", tried=1)
    assert (1, "", "") == (ran.status, ran.out, ran.err)
    rows = list(csv.reader(io.StringIO(place.read_bytes().decode("utf-8"))))
    assert any("Zürich 会議 🎥" in cell for row in rows for cell in row)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_complaint_is_one_line_in_every_locale(locale: str, db: Path, tmp_path: Path, figures: Figures) -> None:
    unknown = tracker("status", "no 会議", db=db, env=LOCALES[locale])
    missing = tracker("audit", db=tmp_path / "会議.db", env=LOCALES[locale])

    figures.add(fault="F30", what="complaints in locales", tried=2)
    assert (1, 74) == (unknown.status, missing.status)
    assert "no recording" in unknown.complaint
    assert "no such database" in missing.complaint


def test_a_print_that_expects_utf_8_is_caught(figures: Figures) -> None:
    """The positive control: a plain print under the same settings."""
    done = subprocess.run(
        [sys.executable, "-c", f"print({NAME!r})"],
        capture_output=True,
        env=environment() | LOCALES["strict ASCII"],
        check=False,
    )

    figures.add(fault="F30", what="control: a plain print", tried=1, caught=int(done.returncode != 0))
    assert b"UnicodeEncodeError" in done.stderr


def test_the_tracker_itself_does_not_ask_for_the_locale(db: Path) -> None:
    with Tracker(db, readonly=True) as reader:
        (recording,) = reader.status(NAME, NOW)

    assert NAME == recording.group_id
