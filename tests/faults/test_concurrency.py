"""Concurrency: many processes on one file, holders of locks that stop or die, forks, killed workers, tight limits."""

from __future__ import annotations

import http.client
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from recording_tracker import Tracker
from recording_tracker.errors import BusyError
from recording_tracker.journal.connection import WAL_LIMIT_BYTES
from recording_tracker.journal.sqlite import SqliteJournal
from tests.faults.aftermath import aftermath, journaled
from tests.faults.jobs import PATIENCE_S, Job, callbacks, environment, run, said, wait_until
from tests.faults.surroundings import NOW, lost, reading_goes_on, take, tracker
from tests.faults.surroundings_worker import Ended, acknowledged, command, worker
from tests.figures import Figures

WRITERS = 8
BODIES = callbacks(64)
TOLERANCE_S = 0.5
needs_gunicorn = pytest.mark.skipif(find_spec("gunicorn") is None, reason="needs gunicorn, of the extra 'test'")


# Writers at once


def writers(folder: Path, variant: str = "sound") -> tuple[list[Job], list[str]]:
    """Return writers, half of whose bodies all of them have, and all bodies there are."""
    shared = callbacks(16, writer=99)
    jobs, bodies = [], list(shared)
    for number in range(WRITERS):
        own = callbacks(16, writer=number)
        bodies += own
        mixed = [
            body for pair in zip(own, random.Random(number).sample(shared, len(shared)), strict=True) for body in pair
        ]
        steps = ["open", *(f"ingest {place}" for place in range(len(mixed))), "close"]
        log = folder / f"{variant}-{number}.log"
        jobs.append(
            Job(
                db=folder / f"{variant}.db",
                log=log,
                bodies=mixed,
                steps=steps,
                variant=variant,
                beside=number < WRITERS - 1,
            )
        )
    return jobs, bodies


def test_many_write_at_once_and_what_they_share_is_there_once(tmp_path: Path, figures: Figures) -> None:
    jobs, bodies = writers(tmp_path)
    Tracker(jobs[0].db).close()

    ended = run(jobs)

    told = [said(job.log) for job in jobs]
    there = journaled(jobs[0].db)
    found = aftermath(jobs[0].db, bodies, bodies)
    figures.add(
        fault="F14", what="callbacks by 8 writers", tried=sum(len(job.bodies) for job in jobs), lost=len(found.lost)
    )
    assert [0] * WRITERS == ended
    assert [[]] * WRITERS == [each.errors + each.crashes for each in told]
    assert [list(range(32))] * WRITERS == [each.acknowledged for each in told]
    assert {body.encode(): 1 for body in bodies} == there
    assert found.fine, found


def test_a_transaction_that_reads_before_it_locks_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: a deferred transaction."""
    jobs, _ = writers(tmp_path, "deferred")
    Tracker(jobs[0].db).close()

    run(jobs)

    errors = [error for job in jobs for error in said(job.log).errors]
    figures.add(fault="F14", what="control: deferred transactions", tried=1, caught=int(bool(errors)))
    assert any(error.startswith("BusyError") for error in errors)


# First openings


@pytest.mark.parametrize("batches", [5, pytest.param(25, marks=pytest.mark.slow)])
def test_many_open_a_fresh_file_at_once_and_make_one_database(batches: int, tmp_path: Path, figures: Figures) -> None:
    errors: list[object] = []
    wrong = []
    for batch in range(batches):
        jobs = []
        for number in range(4 * WRITERS):
            db = tmp_path / f"{batch}-{number % 4}.db"
            log = tmp_path / f"{batch}-{number}.log"
            steps = ["open", f"ingest {number}", "close"]
            jobs.append(Job(db=db, log=log, bodies=BODIES, steps=steps, beside=number < 4 * WRITERS - 1))
        ended = run(jobs)
        assert len(ended) == len(jobs)
        errors += [status for status in ended if status]
        errors += [word for job in jobs for word in said(job.log).errors + said(job.log).crashes]
        for db in {job.db for job in jobs}:
            wrong += made_wrong(db)

    left = [path.name for path in tmp_path.glob(".tracker-*")]
    figures.add(fault="F15", what="simultaneous first openings", tried=batches * 4 * WRITERS, lost=len(wrong))
    assert [] == errors
    assert [] == wrong
    assert [] == left


def test_a_file_that_somebody_writes_to_in_another_mode_is_busy_and_no_worse(tmp_path: Path) -> None:
    db = tmp_path / "recordings.db"
    Tracker(db).close()
    with closing(sqlite3.connect(db, isolation_level=None)) as another:
        another.execute("PRAGMA journal_mode = delete")
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match="another process keeps it from opening; try again"):
            Tracker(db, busy_timeout=timedelta(milliseconds=10))
        another.execute("COMMIT")

    with Tracker(db) as tracker:
        assert tracker.verify().sound


def made_wrong(db: Path) -> list[str]:
    """Return what is not as it must be after eight have been the first."""
    with closing(sqlite3.connect(db)) as connection:
        found = {
            "migrations": connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0] - 1,
            "ids": connection.execute("SELECT count(*) FROM database").fetchone()[0] - 1,
            "events": connection.execute("SELECT count(*) FROM events").fetchone()[0] - WRITERS,
            "pages": int(connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]),
        }
    return [f"{db.name}: {what}" for what, wrong in found.items() if wrong]


def test_openings_without_a_lock_are_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: a program that looks, and makes what it has not seen."""
    failed = 0
    for number in range(20):
        ended = worker("open_naively", tmp_path / f"{number}.db", tmp_path / "log", bodies=())
        failed += int(ended.out)
        if failed:
            break

    figures.add(fault="F15", what="control: opened without a lock", tried=1, caught=int(failed > 0))
    assert failed > 0


# Holders of locks


@contextmanager
def holding(scenario: str, db: Path) -> Iterator[subprocess.Popen[str]]:
    """Have a process hold a lock until the block ends, or it is killed in it."""
    with subprocess.Popen(
        command(scenario, db, db.with_name("holder.log")),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def frozen(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    wait_until(
        lambda: "T" in Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    )


def refused_after(taker: Tracker, body: str, wanted: float) -> float:
    """Return how long it took to hear that another holds the file; where that was late, the least of three times."""
    waited = refused_once(taker, body)
    for _ in range(2):
        # A busy machine may wake a process late, which it does not do every time.
        if waited > wanted + TOLERANCE_S:
            waited = min(waited, refused_once(taker, body))
    return waited


def refused_once(taker: Tracker, body: str) -> float:
    began = time.monotonic()
    error = take(taker, body)
    assert isinstance(error, BusyError), error
    assert error.exit_status == 75
    return time.monotonic() - began


def in_time(seconds: float, wanted: float) -> bool:
    return wanted <= seconds <= wanted + TOLERANCE_S


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "recordings.db"
    with Tracker(path) as taker:
        assert take(taker, BODIES[0]) is None
    return path


def recording_id(db: Path) -> str:
    with Tracker(db, readonly=True) as asked:
        return next(found.recording_id or "" for found in asked.recordings(now=NOW))


def test_a_frozen_holder_of_the_lock_is_waited_for_as_long_as_is_said(db: Path, figures: Figures) -> None:
    waited = {}
    with holding("hold_to_write", db) as holder:
        frozen(holder)
        for wanted in (0.3, 0.8):
            with Tracker(db, busy_timeout=timedelta(seconds=wanted)) as taker:
                waited[wanted] = refused_after(taker, BODIES[1], wanted)
        unread = reading_goes_on(db, recording_id(db))
        holder.send_signal(signal.SIGCONT)
        holder.terminate()
        with Tracker(db) as taker:
            later = take(taker, BODIES[1])

    figures.add(fault="F16", what="waits for a frozen holder", tried=len(waited), late=max(waited.values()) - 0.8)
    assert all(in_time(seconds, wanted) for wanted, seconds in waited.items()), waited
    assert [] == unread
    assert later is None
    assert [] == lost(db, BODIES[:2])


def test_a_killed_holder_of_the_lock_lets_go_of_it(db: Path, figures: Figures) -> None:
    with holding("hold_to_write", db) as holder, Tracker(db, busy_timeout=timedelta(seconds=0.3)) as taker:
        frozen(holder)
        before = refused_after(taker, BODIES[1], 0.3)
        holder.kill()
        holder.wait()
        after = [take(taker, body) for body in BODIES[1:8]]

    figures.add(fault="F16", what="killed holders", tried=1)
    assert in_time(before, 0.3)
    assert [None] * 7 == after
    assert aftermath(db, BODIES[:8], BODIES[:8]).fine


def test_five_seconds_are_waited_unless_something_else_is_said(db: Path, figures: Figures) -> None:
    with holding("hold_to_write", db) as holder:
        frozen(holder)
        asked: list[tuple[float, int, str]] = []

        def ask() -> None:
            began = time.monotonic()
            ran = tracker("expect", "agora", "announced", db=db)
            asked.append((time.monotonic() - began, ran.status, ran.complaint))

        beside = threading.Thread(target=ask)
        beside.start()
        with Tracker(db) as taker:
            waited = refused_after(taker, BODIES[1], 5)
        beside.join()

    ((took, status, complaint),) = asked
    figures.add(fault="F16", what="waits for a frozen holder", tried=2, late=waited - 5)
    assert in_time(waited, 5)
    assert took >= 5
    assert (75, f"error: {db}: another process keeps it busy; try again") == (status, complaint)


def test_a_frozen_first_opener_is_waited_for_as_long_as_is_said(tmp_path: Path, figures: Figures) -> None:
    """One that holds the whole file, as SQLite does while it changes the journal mode."""
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        taker.backup(tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        waits = []
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(BusyError):
                Tracker(tmp_path / "copy.db", busy_timeout=timedelta(seconds=0.4))
            waits.append(time.monotonic() - began)

    Tracker(tmp_path / "copy.db").close()
    figures.add(fault="F16", what="waits to open", tried=len(waits), late=min(waits) - 0.4)
    assert all(waited >= 0.4 for waited in waits)
    # Opening asks more than once: to look, and to change the mode.
    assert min(waits) <= 2 * (0.4 + TOLERANCE_S)


def test_who_waits_too_short_or_too_long_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: no wait at all, and one that is longer than is said."""
    waited = []
    with holding("hold_to_write", db) as holder:
        frozen(holder)
        for seconds in (0, 1.5):
            with Tracker(db, busy_timeout=timedelta(seconds=seconds)) as taker:
                waited.append(refused_after(taker, BODIES[1], 0.8))

    caught = [not in_time(seconds, 0.8) for seconds in waited]
    figures.add(fault="F16", what="control: waits too short and too long", tried=2, caught=sum(caught))
    assert [True, True] == caught


# A long reader

LARGE = callbacks(150, writer=1, filler=500_000)


class Unlimited(SqliteJournal):
    """Never cuts its log back."""

    def _open(self, *, create: bool) -> None:
        super()._open(create=create)
        self._handle.execute("PRAGMA journal_size_limit = -1")


def log_sizes_around_a_long_reader(db: Path, taker: Tracker) -> tuple[int, int]:
    """Write while another reads; return how large the log was then, and how large it is some commits later."""
    with holding("hold_to_read", db) as reader:
        assert [take(taker, body) for body in LARGE] == [None] * len(LARGE)
        during = Path(f"{db}-wal").stat().st_size
        reader.terminate()
        reader.wait()
    assert [take(taker, body) for body in BODIES[1:6]] == [None] * 5
    return during, Path(f"{db}-wal").stat().st_size


def test_a_long_reader_stops_nobody_and_the_log_is_cut_back_after(db: Path, figures: Figures) -> None:
    with Tracker(db) as taker:
        during, after = log_sizes_around_a_long_reader(db, taker)
        report = taker.verify()

    figures.add(fault="F17", what="commits beside a long reader", tried=len(LARGE), lost=len(lost(db, LARGE)))
    assert during > WAL_LIMIT_BYTES
    assert after <= WAL_LIMIT_BYTES
    assert [] == lost(db, LARGE)
    assert report.sound


def test_a_log_that_is_never_cut_back_is_caught(db: Path, figures: Figures) -> None:
    """The positive control: the same without a limit."""
    with Tracker(Unlimited(db)) as taker:
        _, after = log_sizes_around_a_long_reader(db, taker)

    figures.add(fault="F17", what="control: no limit of the log", tried=1, caught=int(after > WAL_LIMIT_BYTES))
    assert after > WAL_LIMIT_BYTES


def test_a_listing_that_is_not_read_to_its_end_holds_nobody_up(db: Path) -> None:
    with Tracker(db) as taker:
        taker.ingest_many({"provider": "agora", "body": body} for body in BODIES)
        with Tracker(db, readonly=True) as reader, closing(sqlite3.connect(db)) as operator:
            listing = reader.recordings(now=NOW)
            next(listing)
            assert take(taker, callbacks(1, writer=1)[0]) is None
            busy, *_ = operator.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            rest = list(listing)

    assert 0 == busy
    assert len(BODIES) // 8 - 1 == len(rest)


# Forks


def forked(scenario: str, tmp_path: Path, bodies: Sequence[str] = BODIES) -> tuple[Ended, list[str], Path]:
    db = tmp_path / "recordings.db"
    ended = worker(scenario, db, tmp_path / "acks", bodies=bodies)
    return ended, acknowledged(tmp_path / "acks"), db


@pytest.mark.parametrize("scenario", ["part_from_children", "hand_to_processes", "fork_under_load"])
def test_a_tracker_goes_on_in_every_process_after_a_fork(scenario: str, tmp_path: Path, figures: Figures) -> None:
    ended, acks, db = forked(scenario, tmp_path)

    missing = lost(db, acks)
    found = aftermath(db, BODIES, BODIES)
    figures.add(fault="F24", what="callbacks around forks", tried=len(acks), lost=len(missing))
    assert Ended(0, "", "") == ended
    assert sorted(BODIES) == sorted(acks)
    assert [] == missing
    assert found.fine, found


def test_a_fork_in_a_transaction_leaves_it_to_the_parent(tmp_path: Path, figures: Figures) -> None:
    large = callbacks(200, filler=20_000)
    ended, acks, db = forked("fork_in_a_transaction", tmp_path, large)

    with Tracker(db, readonly=True) as reader:
        kept, report = len(reader.quarantined()), reader.verify()
    figures.add(fault="F24", what="forks in mid-work", tried=1, corrupted=len(report.damaged))
    assert Ended(0, f"0 {2 * len(large)}\n", "") == ended
    assert [] == acks
    assert 2 * len(large) == kept
    assert report.sound


@pytest.mark.parametrize("scenario", ["fork_beside_a_long_call", "fork_interrupted"])
def test_a_child_of_a_fork_that_could_not_wait_says_so_and_never_hangs(
    scenario: str, tmp_path: Path, figures: Figures
) -> None:
    ended, acks, db = forked(scenario, tmp_path)

    figures.add(fault="F24", what="forks in mid-work", tried=1, lost=len(lost(db, acks)))
    assert Ended(0, "0\n", "") == ended
    assert BODIES == acks
    assert aftermath(db, BODIES, BODIES).fine
    assert not db.with_name("another.db").exists()


def test_a_connection_carried_across_a_fork_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: what children commit after the parent has closed is gone, or they are refused it."""
    ended, acks, db = forked("part_from_children_carried", tmp_path)

    caught = bool(lost(db, acks) or ended.status)
    figures.add(fault="F24", what="control: connections carried across forks", tried=1, caught=int(caught))
    assert caught


# Workers of a receiver


@dataclass
class Load:
    """Sends bodies until each is acknowledged, and kills workers in between."""

    port: int
    bodies: list[str]
    kills: int
    answered: list[str] = field(default_factory=list)
    """The bodies that got a 2xx."""
    unanswered: int = 0
    killed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        every = len(self.bodies) // (self.kills + 1)
        threads = [threading.Thread(target=self._send, args=(number, every)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, number: int, every: int) -> None:
        for body in self.bodies[number::3]:
            deadline = time.monotonic() + PATIENCE_S
            while (worker_ := self._ask(body)) is None:
                assert time.monotonic() < deadline, "no worker answers"
            with self._lock:
                self.answered.append(body)
                due = len(self.answered) % every == 0 and self.killed < self.kills
                self.killed += due
            if due:
                # Its own answer says who it is, so it is one that we have started.
                os.kill(worker_, signal.SIGKILL)

    def _ask(self, body: str) -> int | None:
        """Return the worker that has acknowledged *body*; None where none has."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/", body)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.unanswered += 1
            return None
        finally:
            connection.close()
        if answer.status == 503:
            assert answer.headers["Retry-After"]
            return None
        assert answer.status == 200
        return int(answer.headers["X-Worker"])


@contextmanager
def receiver(db: Path, variant: str) -> Iterator[int]:
    """Run the app under gunicorn, forked after it was loaded; give the port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        arguments = ["--preload", "--workers=3", f"--bind=fd://{listening.fileno()}", "--log-level=error"]
        with subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *arguments, "tests.faults.wsgi_app:app"],
            env=environment() | {"WSGI_DB": str(db), "WSGI_VARIANT": variant},
            pass_fds=[listening.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=db.parent,
        ) as process:
            try:
                yield listening.getsockname()[1]
            finally:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


@needs_gunicorn
@pytest.mark.parametrize(
    ("callbacks_", "kills"), [(240, 10), pytest.param(3000, 100, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_workers_killed_under_load_lose_nothing_that_they_acknowledged(
    callbacks_: int, kills: int, tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    bodies = callbacks(callbacks_)
    with receiver(db, "sound") as port:
        load = Load(port, bodies, kills)
        load.run()

    missing = lost(db, load.answered)
    figures.add(
        fault="F25",
        what="requests to workers that are killed",
        tried=len(bodies),
        lost=len(missing),
        killed=load.killed,
    )
    assert kills == load.killed
    assert sorted(bodies) == sorted(load.answered)
    assert [] == missing
    with Tracker(db, readonly=True) as reader:
        assert reader.verify().sound


@needs_gunicorn
def test_a_receiver_that_answers_before_it_takes_in_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: an acknowledgement before the commit."""
    db = tmp_path / "recordings.db"
    with receiver(db, "early") as port:
        load = Load(port, callbacks(120), 6)
        load.run()

    missing = lost(db, load.answered)
    figures.add(fault="F25", what="control: answered before it was taken in", tried=1, caught=int(bool(missing)))
    assert missing


# Limits


def test_a_process_short_of_memory_says_so_and_loses_nothing(tmp_path: Path, figures: Figures) -> None:
    bodies = callbacks(12, filler=900_000)
    ended, acks, db = forked("short_of_memory", tmp_path, bodies)

    fared = ended.out.split()
    missing = lost(db, acks)
    found = aftermath(db, bodies, acks)
    figures.add(fault="F26", what="amounts of memory", tried=len(fared), lost=len(missing))
    assert (0, "") == (ended.status, ended.err)
    assert len(fared) == len(bodies)
    assert fared[0] != "taken"
    assert fared[-1] == "taken"
    assert set(bodies) <= set(acks)
    assert found.fine, found


def test_an_acknowledgement_in_spite_of_a_lack_of_memory_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: an answer that does not wait for what came of it."""
    _, acks, db = forked("short_of_memory_and_boasting", tmp_path, callbacks(4, filler=900_000))

    missing = lost(db, acks)
    figures.add(fault="F26", what="control: acknowledged in spite of the error", tried=1, caught=int(bool(missing)))
    assert missing


@pytest.mark.parametrize("room", [0, 4, 16, pytest.param(64, marks=pytest.mark.slow)])
def test_an_import_without_memory_is_finished_by_running_it_again(room: int, tmp_path: Path, figures: Figures) -> None:
    """With so many MiB more than the program needs to tell its version."""
    bodies = callbacks(20, filler=500_000)
    log = tmp_path / "bodies.json"
    log.write_text("\n".join(bodies))
    limit = least_memory() + room * 2**20
    db = tmp_path / "recordings.db"

    short = tracker(
        "ingest",
        "--provider=agora",
        log,
        db=db,
        prepare=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    again = tracker("ingest", "--provider=agora", log, db=db)

    there = journaled(db)
    figures.add(fault="F26", what="imports short of memory", tried=1, lost=len(bodies) - len(there))
    # What is written in Rust ends the program where it finds no room, and says so; that is a clean kill.
    killed = short.status == -signal.SIGABRT and "memory allocation of" in short.err
    assert short.status in (0, 74) or killed, short
    # Python may have a word of its own about objects that it could not take down in order.
    assert short.status == 0 or killed or short.err.splitlines()[-1].startswith("error: "), short
    # So it has where hashlib finds no room for OpenSSL, and logs that with its stack.
    assert "Traceback" not in short.err or "ERROR:root:code for hash" in short.err
    assert (0, "") == (again.status, again.err)
    assert {body.encode(): 1 for body in bodies} == there


def test_an_import_of_large_bodies_needs_no_more_memory_than_some_of_them(tmp_path: Path, figures: Figures) -> None:
    """Two hundred of almost a MiB, with room for a quarter of them."""
    bodies = callbacks(200, filler=900_000)
    log = tmp_path / "deliveries.jsonl"
    log.write_text("\n".join(f'{{"provider": "agora", "body": {body}}}' for body in bodies))
    limit = least_memory() + 64 * 2**20
    db = tmp_path / "recordings.db"

    ran = tracker("ingest", log, db=db, prepare=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))

    there = journaled(db)
    figures.add(fault="F26", what="imports of large bodies", tried=1, lost=len(bodies) - len(there))
    assert (0, "") == (ran.status, ran.err)
    assert len(there) == len(bodies)


def test_a_recording_of_large_bodies_needs_no_more_memory_than_some_of_them(tmp_path: Path, figures: Figures) -> None:
    """Two hundred of almost a MiB, with room for a quarter of them; one more comes before all others."""
    first, *bodies = one_recording(201, filler=900_000)
    db = tmp_path / "recordings.db"
    with Tracker(db) as filled:
        filled.ingest_many({"provider": "agora", "received_at": NOW, "body": body} for body in bodies)
    (tmp_path / "late.json").write_text(first)
    (sid,) = {json.loads(body)["payload"]["sid"] for body in bodies}
    limit = least_memory() + 64 * 2**20
    commands = {
        "ingest": ("--provider=agora", tmp_path / "late.json"),
        "status": (sid,),
        "history": (sid,),
        "explain": (sid,),
        "verify": (),
        "replay": (),
    }

    ran = {
        name: tracker(name, *given, db=db, prepare=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        for name, given in commands.items()
    }

    there = journaled(db)
    figures.add(fault="F26", what="commands on a recording of large bodies", tried=len(ran), lost=201 - len(there))
    assert dict.fromkeys(commands, (0, "")) == {name: (found.status, found.err) for name, found in ran.items()}
    assert len(there) == 201


def one_recording(count: int, *, filler: int) -> list[str]:
    """Return bodies of one recording that is uploaded slowly, in order."""
    begin = json.loads(callbacks(1, filler=filler)[0])
    found = []
    for number in range(count):
        told = {"sequence": number, "sendts": begin["payload"]["sendts"] + number}
        details = {"msgName": "uploading_progress", "progress": number}
        found.append(json.dumps(begin | {"eventType": 33, "payload": begin["payload"] | told | {"details": details}}))
    return found


def least_memory() -> int:
    """Return with how little the program still tells its version, to the next MiB."""
    low, high = 8, 512
    while high - low > 1:
        middle = (low + high) // 2
        size = middle * 2**20
        ran = tracker("--version", prepare=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))  # noqa: B023
        low, high = (low, middle) if ran.status == 0 else (middle, high)
    return high * 2**20
