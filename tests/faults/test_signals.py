"""Signals and streams: an import that is told to stop, and output that nobody reads or that has no room."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from recording_tracker import Tracker
from tests.faults.aftermath import journaled
from tests.faults.jobs import PATIENCE_S, callbacks, environment, wait_until
from tests.faults.mounts import MIB, fill, needs_mounts, tmpfs
from tests.faults.strace import calls, needs_strace, recording
from tests.faults.surroundings import NOW, Ran, lost, tracker
from tests.faults.surroundings_worker import command
from tests.figures import Figures

MANY = callbacks(6_000)
BATCH = 1_000
STOPPED = {signal.SIGTERM: 143, signal.SIGINT: 130}
STOPPING = "the same command takes the others in"


def events(db: Path) -> int:
    """Return how many events are committed; none where there is no database yet."""
    if not db.exists():
        return 0
    with closing(sqlite3.connect(db, timeout=30)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


def committed(db: Path, wanted: int) -> bool:
    return events(db) >= wanted


def importing(db: Path, log: Path | str, *, stdin: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "recording_tracker", f"--db={db}", "ingest", "--provider=agora", log],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=_hear_interrupts,  # noqa: PLW1509  no thread has begun
    )


def _hear_interrupts() -> None:
    # A shell has its background jobs ignore SIGINT, and so would all that this test starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def ended(process: subprocess.Popen[str]) -> Ran:
    try:
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    return Ran(process.returncode, out, err)


def said_to_be_taken(ran: Ran) -> int:
    """Return after how many deliveries an import says that it has stopped."""
    (line,) = ran.err.splitlines()
    assert line.startswith("stopped after "), line
    assert line.endswith(STOPPING), line
    return int(line.split()[2])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "bodies.json"
    path.write_text("\n".join(MANY))
    return path


@pytest.mark.parametrize("number", STOPPED)
@pytest.mark.parametrize("times", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_an_import_told_to_stop_says_how_far_it_came_and_is_finished_by_running_it_again(
    times: int, number: signal.Signals, log: Path, tmp_path: Path, figures: Figures
) -> None:
    chance = random.Random(number)
    wrong, stopped = [], 0
    for place in range(times):
        db = tmp_path / f"{place}.db"
        process = importing(db, log)
        wanted = chance.randrange(1, len(MANY) - 3 * BATCH)
        wait_until(partial(committed, db, wanted))
        process.send_signal(number)
        ran = ended(process)
        there = events(db)
        if ran.status == 0:
            continue
        stopped += 1
        if (ran.status, said_to_be_taken(ran)) != (STOPPED[number], there):
            wrong.append(f"{there} events are there, but: {ran}")
    again = tracker("ingest", "--provider=agora", log, db=db)

    figures.add(fault="F19", what="imports told to stop", tried=times, lost=len(wrong))
    assert [] == wrong
    assert stopped > 0
    assert (0, "") == (again.status, again.err)
    assert {body.encode(): 1 for body in MANY} == journaled(db)
    with Tracker(db, readonly=True) as reader:
        assert reader.verify().sound


@pytest.mark.parametrize("number", STOPPED)
def test_an_import_that_waits_for_more_stops_with_what_it_has(
    number: signal.Signals, tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    process = importing(db, "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("\n".join(MANY[: BATCH + 300]) + "\n")
    process.stdin.flush()
    wait_until(lambda: events(db) == BATCH)
    wait_until(lambda: is_asleep(process.pid))
    process.send_signal(number)

    ran = ended(process)

    taken = said_to_be_taken(ran)
    figures.add(fault="F19", what="imports told to stop", tried=1, lost=taken - events(db))
    assert STOPPED[number] == ran.status
    assert taken == events(db) == BATCH + 300


def is_asleep(process: int) -> bool:
    state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return state == "S" and Path(f"/proc/{process}/wchan").read_text(encoding="ascii").find("pipe") >= 0


def test_a_second_signal_breaks_off_and_loses_nothing_committed(log: Path, tmp_path: Path, figures: Figures) -> None:
    db = tmp_path / "recordings.db"
    process = importing(db, log)
    wait_until(lambda: events(db) >= BATCH)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)

    ran = ended(process)

    figures.add(fault="F19", what="imports told to stop", tried=1)
    assert 143 == ran.status
    assert "Traceback" not in ran.err
    assert [] == lost(db, MANY[:BATCH])
    with Tracker(db, readonly=True) as reader:
        assert reader.verify().sound


def test_an_import_that_counts_what_it_has_only_read_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: a number that is not the number of what is kept."""
    db = tmp_path / "recordings.db"
    with subprocess.Popen(
        command("import_and_boast", db, tmp_path / "acks"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        process.stdin.write("\n".join(MANY[: BATCH + 300]) + "\n")
        process.stdin.close()
        process.stdin = None
        wait_until(lambda: events(db) == BATCH)
        wait_until(lambda: (tmp_path / "acks").stat().st_size > 0)
        process.terminate()
        ran = ended(process)

    caught = said_to_be_taken(ran) != events(db)
    figures.add(fault="F19", what="control: counted what was only read", tried=1, caught=int(caught))
    assert caught


# Output


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of so many recordings that no pipe holds the list of them."""
    db = tmp_path_factory.mktemp("large") / "recordings.db"
    with Tracker(db) as taker:
        taker.ingest_many({"provider": "agora", "received_at": NOW, "body": body} for body in MANY[:2400])
    return db


def with_output(db: Path, arguments: Sequence[str], out: int) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "recording_tracker", f"--db={db}", *arguments],
        stdout=out,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=PATIENCE_S,
        check=False,
    )
    return Ran(done.returncode, "", done.stderr.decode())


COMMANDS = [
    ("list",),
    ("list", "--json"),
    ("audit",),
    ("audit", "--json"),
    ("verify",),
    ("machines", "list"),
    ("--help",),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_output_that_nobody_reads_ends_a_command_quietly(
    arguments: Sequence[str], large: Path, figures: Figures
) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        ran = with_output(large, arguments, write)
    finally:
        os.close(write)

    figures.add(fault="F20", what="commands whose output nobody reads", tried=1)
    assert ran.status in (0, 1)
    assert "" == ran.err


def test_a_reader_that_has_seen_enough_ends_a_long_list_quietly(large: Path, figures: Figures) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "recording_tracker", f"--db={large}", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
        status = process.wait(PATIENCE_S)

    figures.add(fault="F20", what="commands whose output nobody reads", tried=1)
    assert first.startswith(b'{"provider": "agora"')
    assert (0, b"") == (status, err)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_output_for_which_there_is_no_room_is_one_line(arguments: Sequence[str], large: Path, figures: Figures) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ran = with_output(large, arguments, full)
    finally:
        os.close(full)

    figures.add(fault="F20", what="commands whose output has no room", tried=1)
    assert 74 == ran.status
    assert "error: no space left on device" == ran.complaint


# Report files


def whole_report(db: Path, place: Path) -> int:
    return tracker("audit", "--now=2027-01-01", "--format=md", "-o", place, db=db).status


def plain_report(db: Path, place: Path) -> int:
    """Write a report as a shell's redirection does."""
    with Tracker(db, readonly=True) as reader:
        lines = [f"{recording.id}\n" for recording in reader.recordings(now=NOW)]
    try:
        with place.open("w", encoding="utf-8") as stream:
            stream.writelines(lines)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        return 74
    return 0


def left_of_an_old_report(write: Callable[[Path, Path], int], db: Path, disk: Path) -> tuple[int, dict[str, str]]:
    """Write a report over an old one on a disk without room; return the status, and what is there after."""
    disk.mkdir()
    with tmpfs(disk, size=MIB):
        (disk / "report").write_text("the old one\n" * 400)
        filler = fill(disk)
        status = write(db, disk / "report")
        filler.unlink()
        return status, {path.name: path.read_text(encoding="utf-8") for path in disk.iterdir()}


@needs_mounts
def test_a_report_for_which_there_is_no_room_leaves_the_old_one(large: Path, tmp_path: Path, figures: Figures) -> None:
    status, left = left_of_an_old_report(whole_report, large, tmp_path / "disk")

    figures.add(fault="F20", what="reports on a full disk", tried=1, lost=int("report" not in left))
    assert 74 == status
    assert {"report": "the old one\n" * 400} == left


@needs_mounts
def test_a_report_written_over_the_old_one_is_caught(large: Path, tmp_path: Path, figures: Figures) -> None:
    """The positive control: a file that is opened for writing."""
    status, left = left_of_an_old_report(plain_report, large, tmp_path / "disk")

    caught = left != {"report": "the old one\n" * 400}
    figures.add(fault="F20", what="control: written over the old report", tried=1, caught=int(caught))
    assert 74 == status
    assert caught


@needs_strace
def test_a_report_is_on_the_disk_before_it_takes_its_place(large: Path, tmp_path: Path, figures: Figures) -> None:
    place, trace = tmp_path / "report", tmp_path / "trace"
    ran = tracker("audit", "-o", place, db=large, prefix=recording(trace))

    made = [call for call in calls(trace) if Path(call.path).parent == tmp_path and call.name != "openat"]
    order = [call.name for call in made if ".report." in call.path]
    figures.add(fault="F20", what="orders of calls", tried=1)
    assert ran.status in (0, 1)
    assert place.stat().st_size > 0
    assert ["write", "fsync", "rename"] == list(dict.fromkeys(order))
