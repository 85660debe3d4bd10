"""What only a process of its own shows: signals, pipes, full disks, locales, and other processes."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker
from tests.cli.conftest import NOW, Command, Given
from tests.cli.deliveries import aircore, line, started, write_log
from tests.cli.test_arguments import assert_one_line

ROOT = Path(__file__).parents[2]
LATER = "2026-11-09T00:00:00Z"
TRACKER = [sys.executable, "-m", "recording_tracker"]


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("TRACKER", "LC_", "LANG", "PYTHON"))
    }
    return kept | {"PYTHONPATH": str(ROOT / "src")} | more


def start(*args: str | Path, **more: Any) -> subprocess.Popen[bytes]:
    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("env", environment())
    return subprocess.Popen([*TRACKER, *map(str, args)], stderr=subprocess.PIPE, **more)


def run(*args: str | Path, **more: Any) -> tuple[int, bytes, bytes]:
    with start(*args, **more) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def await_talk(process: subprocess.Popen[bytes]) -> None:
    """Wait until *process* has said a line on standard error."""
    assert process.stderr is not None
    try:
        assert select.select([process.stderr], [], [], 60)[0]
    except AssertionError:
        process.kill()
        raise
    process.stderr.readline()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose reports are larger than what a pipe holds."""
    path = tmp_path_factory.mktemp("large") / "recordings.db"
    with Tracker(path) as tracker:
        tracker.ingest_many(json.loads(text) for text in started(1_500))
    return path


# Signals


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def stop(request: pytest.FixtureRequest) -> signal.Signals:
    found: signal.Signals = request.param
    return found


def stopped_after(err: bytes) -> int:
    """How many deliveries the last line of standard error says were taken in."""
    told = err.decode().splitlines()[-1]
    assert told.startswith("stopped after ")
    assert re.search(r" (1 delivery|\d+ deliveries); the same command takes the others in$", told)
    return int(told.split()[2])


def test_an_import_that_is_stopped_keeps_what_it_has_said_and_goes_on_when_asked_again(
    stop: signal.Signals, tracker: Command, tmp_path: Path
) -> None:
    # The line that is no delivery is named once its batch is committed: by then the import is under way.
    log = write_log(tmp_path / "log.jsonl", ["?", *started(6_000)])
    db = tmp_path / "new.db"

    with start("ingest", log, "--db", db, "--json") as process:
        await_talk(process)
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    first = json.loads(out)
    again = tracker("ingest", log, "--db", db, "--json").json

    assert process.returncode == 128 + stop
    assert 1_000 <= first["deliveries"] == stopped_after(err) < 6_001
    assert (first["rejected"], first["accepted"]) == (1, first["deliveries"] - 1)
    assert (again["accepted"], again["duplicates"]) == (6_000 - first["accepted"], first["accepted"])
    assert tracker("verify", "--db", db).status == 0


class Interrupted(Given):
    """Standard input where a signal comes while more is waited for."""

    def __init__(self, content: bytes, number: signal.Signals) -> None:
        super().__init__(content)
        self._number: signal.Signals | None = number

    def at_end(self) -> None:
        number, self._number = self._number, None
        if number is not None:
            signal.raise_signal(number)
            # Only who goes on reading gets this.
            self._rest = started(2_000)[-1].encode()


@pytest.mark.parametrize("count", [0, 1, 999, 1_000, 1_500])
def test_an_import_that_waits_for_input_stops_at_once_and_keeps_what_it_has_read(
    count: int, stop: signal.Signals, tracker: Command, tmp_path: Path
) -> None:
    db = tmp_path / "new.db"
    content = "".join(f"{text}\n" for text in started(count))

    run = tracker("ingest", "--db", db, "--json", stdin=Interrupted(content.encode(), stop))

    assert (run.status, run.json["accepted"], stopped_after(run.err)) == (128 + stop, count, count)
    assert len(tracker("list", "--db", db, "--json").lines) == count


def test_a_signal_that_the_caller_ignores_stops_nothing(tmp_path: Path) -> None:
    ignore = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *TRACKER]

    with subprocess.Popen(
        [*ignore, "ingest", "--db", tmp_path / "new.db"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write("\n".join(["?", *started(999), ""]).encode())
        process.stdin.flush()
        await_talk(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate("\n".join(started(1_200)[999:]).encode(), timeout=60)

    assert (process.returncode, err) == (1, b"")
    assert out.startswith(b"1201 deliveries: 1200 accepted")


def test_a_report_that_is_stopped_says_nothing_more(stop: signal.Signals, large: Path) -> None:
    with start("audit", "--json", "--db", large, "--now", LATER) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        process.send_signal(stop)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 128 + stop
    assert err.strip() == b""


# Pipes and devices


@pytest.mark.parametrize(
    "command", ["list", "list --json", f"audit --json --now {LATER}", f"audit --format csv --now {LATER}", "demo"]
)
def test_a_reader_that_goes_away_is_no_error(command: str, large: Path, tmp_path: Path) -> None:
    db = tmp_path / "demo.db" if command == "demo" else large

    with start(*command.split(), "--db", db) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        err = process.stderr.read()

    assert (process.wait(timeout=60), err) == (0, b"")


@pytest.mark.parametrize("command", ["list", "list --json", "audit", "machines list", "--help", "--version"])
def test_a_full_device_is_one_line(command: str, large: Path) -> None:
    given: list[str | Path] = ["--db", large] if command.startswith(("list", "audit")) else []

    with Path("/dev/full").open("wb") as full:
        status, _, err = run(*command.split(), *given, stdout=full)

    assert (status, err) == (74, b"error: no space left on device\n")


@pytest.mark.parametrize("stream", ["0<&-", ">&-", "2>&-", "0<&- >&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize(("command", "status"), [("list", 0), ("ingest", 0), ("status abcd", 1), ("frobnicate", 2)])
def test_a_stream_that_the_caller_has_closed_is_empty(
    stream: str, command: str, status: int, toured: Path, tmp_path: Path
) -> None:
    shell = ["sh", "-c", f'exec "$@" {stream}', "sh", *TRACKER]
    db = tmp_path / "copy.db"
    shutil.copy(toured, db)

    done = subprocess.run(
        [*shell, "--db", db, *command.split()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment(),
        check=False,
    )

    assert (done.returncode, b"Traceback" in done.stderr) == (status, False)
    with Tracker(db, readonly=True) as tracker:
        assert tracker.verify().sound


# Locale and zone


@pytest.fixture
def worldly(tmp_path: Path, tracker: Command) -> Path:
    """A database with a recording in a channel whose name is not ASCII."""
    body = line("aircore", aircore(1), query={"id": "会議室 ü"})
    tracker("ingest", "--db", tmp_path / "new.db", stdin=body.encode())
    return tmp_path / "new.db"


@pytest.mark.parametrize(
    "setting", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"LC_ALL": "xx_XX"}]
)
def test_any_locale_gets_a_report(setting: dict[str, str], worldly: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    env = environment(**setting)

    shown = run("status", "http://recorder.example/recording/1", "--db", worldly, env=env)
    audited = run("audit", "--format", "csv", "--now", "2026-11-09", "--db", worldly, "-o", report, env=env)

    assert (shown[0], shown[2], audited) == (0, b"", (1, b"", b""))
    assert "会議室 ü".encode() in shown[1] or b"\\u4f1a\\u8b70\\u5ba4 \\xfc" in shown[1]
    assert "会議室 ü" in report.read_text(encoding="utf-8")


def test_the_time_zone_of_the_place_changes_nothing(toured: Path) -> None:
    zones = ["UTC", "Pacific/Kiritimati", "America/St_Johns", "nonsense"]

    found = [run("audit", "--db", toured, "--now", "2026-11-01T18:00:00", env=environment(TZ=zone)) for zone in zones]

    assert found == [found[0]] * len(zones)
    assert b"at 2026-11-01 18:00:00Z" in found[0][1]


# Other processes


def test_two_audits_at_once_say_the_same(toured: Path, tmp_path: Path) -> None:
    given = ("audit", "--json", "--db", toured, "--now", NOW)

    processes = [start(*given) for _ in range(2)]
    found = [process.communicate(timeout=60) for process in processes]

    assert found[0] == found[1]
    assert [process.returncode for process in processes] == [1, 1]


@pytest.fixture
def held(db: Path) -> Iterator[Path]:
    """A database that another connection is writing to."""
    connection = sqlite3.connect(db, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield db
    connection.execute("ROLLBACK")
    connection.close()


def test_a_busy_database_is_one_line_and_can_be_read(held: Path, tracker: Command) -> None:
    write = tracker("expect", "agora", "abcd", "--db", held)
    read = tracker("list", "--db", held)

    assert_one_line(write, 75, str(held), "try again")
    assert (read.status, read.err) == (0, b"")


def test_a_newer_schema_is_one_line(db: Path, tracker: Command) -> None:
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    for command in (["list"], ["audit"], ["expect", "agora", "abcd"], ["erase", "r-demo-1"]):
        assert_one_line(tracker(*command, "--db", db), 78, str(db), "version 99", "upgrade the program")


@pytest.fixture
def locked(db: Path) -> Iterator[Path]:
    """A database that may not be written, not even by root."""
    if (
        shutil.which("chattr") is None
        or subprocess.run(["chattr", "+i", db], capture_output=True, check=False).returncode
    ):
        pytest.skip("a file cannot be made immutable here")
    yield db
    subprocess.run(["chattr", "-i", db], check=True)


def test_a_database_that_may_not_be_written_is_one_line_and_can_be_read(locked: Path, tracker: Command) -> None:
    assert_one_line(tracker("expect", "agora", "abcd", "--db", locked), 77, str(locked))
    assert_one_line(tracker("erase", "r-demo-1", "--db", locked), 77, str(locked))
    assert_one_line(tracker("audit", "--db", locked, "-o", locked), 2, "is a database")


def test_a_report_that_may_not_be_written_is_one_line(locked: Path, tracker: Command, toured: Path) -> None:
    folder = locked.parent / "folder"
    folder.mkdir()
    (folder / "report").touch()
    subprocess.run(["chattr", "+i", folder / "report"], check=True)

    try:
        run = tracker("audit", "--db", toured, "-o", folder / "report")
    finally:
        subprocess.run(["chattr", "-i", folder / "report"], check=True)

    assert_one_line(run, 77, "report: may not be written")
    assert [path.name for path in folder.iterdir()] == ["report"]


def test_a_log_that_may_not_be_read_is_one_line(tmp_path: Path, tracker: Command) -> None:
    log = write_log(tmp_path / "log.jsonl", started(1))
    log.chmod(0)
    if os.access(log, os.R_OK):
        pytest.skip("whoever runs this may read everything")

    assert_one_line(tracker("ingest", log, "--db", tmp_path / "new.db"), 77, "log.jsonl: may not be read")
