"""Damage: files that are no longer what was written, logs that are missing or another's, and what is said of them."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from recording_tracker import Tracker
from recording_tracker.deliveries import log_lines
from recording_tracker.errors import DamagedError, TrackerError, VersionError
from recording_tracker.results import Summary
from tests.faults.aftermath import aftermath, journaled
from tests.faults.jobs import ROOT, callbacks, environment
from tests.faults.surroundings import NOW, lost, take, tracker
from tests.faults.surroundings_worker import acknowledged, worker
from tests.figures import Figures

BODIES = callbacks(24)
PAGE = 4096
OTHERS = callbacks(24, writer=1)


@cache
def deliveries() -> list[dict[str, object]]:
    """The example deliveries of all providers."""
    found: list[dict[str, object]] = []
    for path in sorted((ROOT / "examples" / "deliveries").glob("*.jsonl")):
        with path.open("rb") as stream:
            found += [line for _, line in log_lines(stream) if isinstance(line, dict)]
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with a bit of everything."""
    path = tmp_path_factory.mktemp("whole") / "recordings.db"
    with Tracker(path) as taker:
        taker.ingest_many(deliveries())
        taker.ingest("agora", {"productId": 3})
    return path.read_bytes()


# Pages


def flipped(content: bytes, place: int, chance: random.Random) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


def overwritten(content: bytes, place: int, chance: random.Random) -> bytes:
    return content[:place] + chance.randbytes(64) + content[place + 64 :]


def page_of_zeros(content: bytes, place: int, chance: random.Random) -> bytes:
    begin = place - place % PAGE
    return content[:begin] + bytes(PAGE) + content[begin + PAGE :]


def pages_swapped(content: bytes, place: int, chance: random.Random) -> bytes:
    one, other = place - place % PAGE, chance.randrange(len(content) // PAGE) * PAGE
    low, high = sorted((one, other))
    if low == high:
        return page_of_zeros(content, place, chance)
    middle = content[low + PAGE : high]
    return content[:low] + content[high : high + PAGE] + middle + content[low : low + PAGE] + content[high + PAGE :]


def truncated(content: bytes, place: int, chance: random.Random) -> bytes:
    return content[: max(place, 1)]


DAMAGES = (flipped, overwritten, page_of_zeros, pages_swapped, truncated)
QUESTIONS: dict[str, Callable[[Tracker], object]] = {
    "list": lambda asked: [found.to_json() for found in asked.recordings(now=NOW)],
    "history": lambda asked: [line.to_json() for line in asked.history("d12fdce9024d37862a8f3a88e387c817")],
    "audit": lambda asked: asked.audit(NOW).to_json(),
    "verify": lambda asked: asked.verify().to_json(),
    "replay": lambda asked: asked.replay(dry_run=True, now=NOW).changed,
    "quarantine": lambda asked: asked.quarantined(),
}


@dataclass
class Outcome:
    """How questions to damaged databases, and callbacks for them, fared."""

    answered: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    def ask(self, what: str, question: Callable[[], object]) -> None:
        """Ask one; an answer will do, and so will a word that it is damaged."""
        try:
            question()
            self.answered += 1
        except (DamagedError, VersionError) as error:
            self.refused += 1
            if len(str(error)) > 400 or len(str(error).splitlines()) != 1:
                self.wrong.append(f"{what}: {error}")
        except Exception as error:  # noqa: BLE001  that none comes through is what is tested
            self.wrong.append(f"{what}: {type(error).__name__}: {error}")


def read_damaged(db: Path, outcome: Outcome, what: str) -> None:
    """Ask all questions, and take something in."""
    before = db.read_bytes()
    for name, question in QUESTIONS.items():

        def ask(question: Callable[[Tracker], object] = question) -> None:
            with Tracker(db, readonly=True) as asked:
                question(asked)

        outcome.ask(f"{what}, {name}", ask)
    if db.read_bytes() != before:
        outcome.wrong.append(f"{what}: reading has changed it")

    def take_in() -> Summary:
        with Tracker(db, create=False) as taker:
            return taker.ingest_many(deliveries()[::5])

    inode = db.stat().st_ino
    outcome.ask(f"{what}, ingest", take_in)
    if db.stat().st_ino != inode:
        outcome.wrong.append(f"{what}: it was made anew")


@pytest.mark.parametrize("times", [12, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: str(damage.__name__))
def test_damage_is_told_in_one_line_or_does_no_harm(
    damage: Callable[[bytes, int, random.Random], bytes], times: int, whole: bytes, tmp_path: Path, figures: Figures
) -> None:
    chance = random.Random(f"{damage.__name__}")
    outcome = Outcome()
    for number in range(times):
        # The header and the schema matter most.
        place = chance.randrange(len(whole) if number % 4 else 3 * PAGE)
        db = tmp_path / f"{number}.db"
        db.write_bytes(damage(whole, place, chance))
        read_damaged(db, outcome, f"{damage.__name__} at {place}")
        for path in tmp_path.glob(f"{number}.db*"):
            path.unlink()

    figures.add(fault="F10", what="damaged files", tried=times, lost=len(outcome.wrong), refused=outcome.refused)
    assert [] == outcome.wrong
    assert outcome.refused > 0


@pytest.mark.parametrize("times", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_changed_cell_is_told_in_one_line_or_does_no_harm(
    times: int, whole: bytes, tmp_path: Path, figures: Figures
) -> None:
    """A bit of a text or a number, where SQLite itself sees nothing wrong."""
    chance = random.Random(1)
    outcome = Outcome()
    for number in range(times):
        db = tmp_path / f"{number}.db"
        db.write_bytes(whole)
        what = change_cell(db, chance)
        read_damaged(db, outcome, what)
        for path in tmp_path.glob(f"{number}.db*"):
            path.unlink()

    figures.add(fault="F10", what="cells with a changed bit", tried=times, lost=len(outcome.wrong))
    assert [] == outcome.wrong


def change_cell(db: Path, chance: random.Random) -> str:
    """Change one bit of one cell, as long as no constraint forbids it; return which."""
    tables = ("recordings", "recordings", "events", "flags", "files", "expectations", "machines", "totals", "counts")
    with closing(sqlite3.connect(db)) as connection:
        while True:
            table = chance.choice(tables)
            columns = [(row[1], row[2]) for row in connection.execute(f"PRAGMA table_info({table})")]
            column, kind = chance.choice([pair for pair in columns if pair[1] in ("TEXT", "INTEGER")])
            rows = connection.execute(f'SELECT DISTINCT "{column}" FROM {table} WHERE "{column}" > \'\'').fetchall()
            rows += connection.execute(f'SELECT DISTINCT "{column}" FROM {table} WHERE "{column}" < \'\'').fetchall()
            if not rows:
                continue
            (old,) = chance.choice(rows)
            new = changed_number(old, chance) if kind == "INTEGER" else changed_text(old, chance)
            try:
                connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE "{column}" = ?', (new, old))
                connection.commit()
            except sqlite3.Error:
                connection.rollback()
            else:
                return f"{table}.{column}: {old!r:.60} is {new!r:.60}"


def changed_number(old: int, chance: random.Random) -> int:
    found = old ^ 1 << chance.randrange(64)
    return found - 2**64 if found >= 2**63 else found


def changed_text(old: str, chance: random.Random) -> str:
    place = chance.randrange(len(old))
    return old[:place] + chr(ord(old[place]) ^ 1 << chance.randrange(7)) + old[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: bytes(100) + content[100:],
        lambda content: content[:PAGE] + bytes(len(content) - PAGE),
        lambda content: content[: 5 * PAGE + 100],
    ],
    ids=["empty", "no header", "nothing but a header", "cut"],
)
@pytest.mark.parametrize("command", ["audit", "verify", "expect agora announced", "replay"])
def test_a_damaged_database_is_said_to_be_one_and_left_as_it_is(
    damage: Callable[[bytes], bytes], command: str, whole: bytes, tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    db.write_bytes(damage(whole))
    before = db.read_bytes()

    ran = tracker(*command.split(), db=db)

    figures.add(fault="F10", what="damaged files", tried=1)
    assert 65 == ran.status, ran
    assert f"error: {db}: is " in ran.complaint
    assert "it has been left as it is" in ran.complaint
    assert "restore it from a backup" in ran.complaint or not before
    assert before == db.read_bytes()


# Bodies


def bodies_flipped(whole: bytes, folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield databases, each with one bit of one body changed, and the body as it was."""
    chance = random.Random(2)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(as_a_file(whole))
        found = [row[0] for row in connection.execute("SELECT body FROM events ORDER BY rowid")]
    for number, body in enumerate(found):
        place = whole.find(body)
        # A body that goes over several pages does not stand in one piece.
        if place < 0 or whole.count(body) > 1:
            continue
        db = folder / f"{number}.db"
        db.write_bytes(flipped(whole, place + chance.randrange(len(body)), chance))
        yield db, body


def as_a_file(whole: bytes) -> bytes:
    """A database in memory has no write-ahead log, and its header must not name one."""
    return whole[:18] + b"\x01\x01" + whole[20:]


def test_verify_finds_every_changed_bit_of_a_body(whole: bytes, tmp_path: Path, figures: Figures) -> None:
    missed, unnoticed, tried = [], 0, 0
    for db, body in bodies_flipped(whole, tmp_path):
        tried += 1
        with Tracker(db, readonly=True) as asked:
            report = asked.verify()
        if not any("SHA-256" in line for line in report.damaged):
            missed.append(body)
        with closing(sqlite3.connect(db)) as plain:
            unnoticed += plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.unlink()

    figures.add(fault="F10", what="bodies with a changed bit", tried=tried, lost=len(missed))
    figures.add(fault="F10", what="control: a check of the pages alone", tried=tried, caught=unnoticed)
    assert tried > 50
    assert [] == missed
    # What SQLite itself can see of them, so that hashes are what finds them.
    assert unnoticed == tried


def test_verify_names_a_damaged_body_on_the_command_line(whole: bytes, tmp_path: Path) -> None:
    db, _ = next(bodies_flipped(whole, tmp_path))

    ran = tracker("verify", db=db)

    assert (1, "") == (ran.status, ran.err)
    assert "damaged: events row" in ran.out


# The log


def left_by_a_killed_writer(db: Path, bodies: list[str]) -> None:
    """Have a writer commit *bodies*, and kill it before it has moved them out of the -wal."""
    ended = worker("take_and_die", db, db.with_name("acks"), bodies=bodies)
    assert ended.status == -9, ended
    assert acknowledged(db.with_name("acks")) == bodies
    db.with_name("acks").unlink()
    assert Path(f"{db}-wal").stat().st_size > 0


def beside(db: Path) -> tuple[Path, Path]:
    return Path(f"{db}-wal"), Path(f"{db}-shm")


def test_without_its_log_a_database_is_an_earlier_one(tmp_path: Path, figures: Figures) -> None:
    """Nothing inside tells that commits are missing: why no -wal may be deleted."""
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        assert [take(taker, body) for body in BODIES[:8]] == [None] * 8
    left_by_a_killed_writer(db, BODIES[8:])
    for path in beside(db):
        path.unlink()

    missing = lost(db, BODIES)
    found = aftermath(db, BODIES, BODIES[:8])
    figures.add(fault="F11", what="logs deleted", tried=1, corrupted=len(found.corrupted))
    figures.add(fault="F11", what="control: commits that went with a log", tried=1, caught=int(bool(missing)))
    assert BODIES[8:] == missing
    assert found.fine, found


@pytest.mark.parametrize("times", [12, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("damage", [truncated, flipped, overwritten], ids=lambda damage: str(damage.__name__))
def test_of_a_damaged_log_the_commits_before_the_damage_are_there(
    damage: Callable[[bytes, int, random.Random], bytes], times: int, tmp_path: Path, figures: Figures
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    Tracker(made / "recordings.db").close()
    left_by_a_killed_writer(made / "recordings.db", BODIES)
    log = beside(made / "recordings.db")[0].read_bytes()
    chance = random.Random(3)
    wrong = []
    for number in range(times):
        folder = tmp_path / str(number)
        shutil.copytree(made, folder)
        db = folder / "recordings.db"
        place = chance.randrange(len(log))
        beside(db)[0].write_bytes(damage(log, place, chance))
        there = there_of(db)
        if there != BODIES[: len(there)]:
            wrong.append(f"at {place}: not the first {len(there)}")
        found = aftermath(db, BODIES, there)
        wrong += [f"at {place}: {what}" for what in found.corrupted]
        shutil.rmtree(folder)

    figures.add(fault="F11", what="damaged logs", tried=times, corrupted=len(wrong))
    assert [] == wrong


def there_of(db: Path) -> list[str]:
    """Return which bodies a tracker finds, in the order in which they were taken in."""
    Tracker(db).close()
    there = journaled(db)
    return [body for body in BODIES if there[body.encode()]]


@pytest.mark.parametrize("change", ["deleted", "zeros", "noise"])
def test_the_shared_memory_is_made_again_where_nobody_has_it_open(
    change: str, tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    Tracker(db).close()
    left_by_a_killed_writer(db, BODIES)
    shared = beside(db)[1]
    size = shared.stat().st_size
    if change == "deleted":
        shared.unlink()
    else:
        shared.write_bytes(bytes(size) if change == "zeros" else random.Random(4).randbytes(size))

    missing = lost(db, BODIES)
    found = aftermath(db, BODIES, BODIES)
    figures.add(fault="F11", what="-shm files changed", tried=1, lost=len(missing), corrupted=len(found.corrupted))
    assert [] == missing
    assert found.fine, found


# Another's log


FOREIGN = "the -wal beside it belongs to another database or to another state of it"


def refused(db: Path) -> list[TrackerError | None]:
    """Open *db* to read and to write; return what each met."""
    found: list[TrackerError | None] = []
    for readonly in (True, False):
        try:
            Tracker(db, readonly=readonly, create=False).close()
            found.append(None)
        except TrackerError as error:
            found.append(error)
    return found


def of_another_database(folder: Path) -> Path:
    db, other = folder / "recordings.db", folder / "other.db"
    with Tracker(db) as taker:
        assert [take(taker, body) for body in BODIES] == [None] * len(BODIES)
    Tracker(other).close()
    left_by_a_killed_writer(other, OTHERS)
    beside(other)[0].rename(beside(db)[0])
    return db


def of_what_a_backup_was_restored_over(folder: Path) -> Path:
    db = folder / "recordings.db"
    with Tracker(db) as taker:
        assert [take(taker, body) for body in BODIES] == [None] * len(BODIES)
        taker.backup(folder / "copy.db")
    left_by_a_killed_writer(db, OTHERS)
    shutil.copyfile(folder / "copy.db", db)
    return db


def of_an_earlier_state(folder: Path) -> Path:
    db = folder / "recordings.db"
    Tracker(db).close()
    left_by_a_killed_writer(db, OTHERS[:8])
    earlier = beside(db)[0].read_bytes()
    with Tracker(db) as taker:
        assert [take(taker, body) for body in BODIES] == [None] * len(BODIES)
    beside(db)[0].write_bytes(earlier)
    return db


@pytest.mark.parametrize(
    "make",
    [of_another_database, of_what_a_backup_was_restored_over, of_an_earlier_state],
    ids=lambda make: str(make.__name__),
)
def test_a_log_that_is_not_its_own_is_refused_until_it_is_removed(
    make: Callable[[Path], Path], tmp_path: Path, figures: Figures
) -> None:
    db = make(tmp_path)
    for path in beside(db)[1:]:
        path.unlink(missing_ok=True)
    before = db.read_bytes(), beside(db)[0].read_bytes()

    errors = refused(db)
    command = tracker("audit", db=db)
    after = db.read_bytes(), beside(db)[0].read_bytes()
    for path in beside(db):
        path.unlink(missing_ok=True)

    figures.add(fault="F12", what="logs of another database or state", tried=3)
    assert all(isinstance(error, DamagedError) and FOREIGN in str(error) for error in errors), errors
    assert all("remove its -wal and -shm, and restore it from a backup" in str(error) for error in errors)
    assert 65 == command.status
    assert FOREIGN in command.complaint
    assert before == after
    assert [None, None] == refused(db)
    assert [] == lost(db, BODIES)


def test_a_program_that_takes_any_log_for_its_own_is_caught(tmp_path: Path, figures: Figures) -> None:
    """The positive control: SQLite alone, which mixes the two."""
    db = of_another_database(tmp_path)
    try:
        missing = lost(db, BODIES)
    except sqlite3.Error:
        missing = BODIES

    figures.add(fault="F12", what="control: took another's log for its own", tried=1, caught=int(bool(missing)))
    assert missing


def test_a_backup_restored_by_the_book_is_the_database_again(tmp_path: Path) -> None:
    db = of_what_a_backup_was_restored_over(tmp_path)
    for path in beside(db):
        path.unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "copy.db", db)

    assert aftermath(db, [*BODIES, *OTHERS], BODIES).fine


def test_no_log_of_its_own_is_refused_while_another_moves_it_into_the_database(
    tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    Tracker(db).close()
    with subprocess.Popen(
        [sys.executable, "-c", MOVER, db], env=environment(), stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as mover:
        try:
            assert mover.stdout is not None
            mover.stdout.readline()
            errors = [error for _ in range(150) for error in refused(db)]
            running = mover.poll() is None
        finally:
            mover.kill()

    figures.add(fault="F12", what="openings during checkpoints", tried=len(errors))
    assert running
    assert [None] * len(errors) == errors


# Writes, and moves what it has written, without an end.
MOVER = """
import sqlite3, sys
from datetime import timedelta
from itertools import count
from recording_tracker import Tracker
with Tracker(sys.argv[1], busy_timeout=timedelta(seconds=30)) as tracker:
    operator = sqlite3.connect(sys.argv[1], isolation_level=None)
    for number in count():
        tracker.expect("agora", f"announced-{number}")
        operator.execute(f"PRAGMA wal_checkpoint({('PASSIVE', 'RESTART', 'TRUNCATE')[number % 3]})").fetchall()
        if number == 3:
            print("moving", flush=True)
"""


@pytest.mark.parametrize("question", ["list", "replay", "verify"])
def test_pages_that_have_changed_places_are_not_read_round_and_round(tmp_path: Path, question: str) -> None:
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        taker.ingest_many({"expect": {"provider": "agora", "recording_id": f"r{number}"}} for number in range(1_500))
    with closing(sqlite3.connect(db)) as connection:
        sql = "SELECT pageno FROM dbstat WHERE name = 'recordings' AND pagetype = 'leaf' ORDER BY path"
        leaves = [page for (page,) in connection.execute(sql)]
    pages = [db.read_bytes()[place : place + PAGE] for place in range(0, db.stat().st_size, PAGE)]
    first, last = leaves[0] - 1, leaves[-1] - 1
    pages[first], pages[last] = pages[last], pages[first]
    db.write_bytes(b"".join(pages))

    with Tracker(db) as tracker:
        try:
            assert "integrity check" in str(QUESTIONS[question](tracker))
        except DamagedError as error:
            assert "restore it from a backup" in str(error)


@pytest.mark.parametrize("written", [512, 1024, 3584])
def test_a_page_that_a_checkpoint_has_written_half_is_not_taken_for_another_database(
    tmp_path: Path, written: int
) -> None:
    db, cut = tmp_path / "recordings.db", tmp_path / "cut"
    cut.mkdir()
    with Tracker(db) as taker:
        assert [take(taker, body) for body in BODIES[:3]] == [None] * 3
        for path in (db, Path(f"{db}-wal")):
            shutil.copy(path, cut / path.name)
    with closing(sqlite3.connect(db)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tallies'").fetchone()[0]
        whole = db.read_bytes()[(page - 1) * 4096 : page * 4096]
    with (cut / db.name).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(whole[:written])

    with Tracker(cut / db.name) as tracker:
        assert tracker.verify().sound
        assert 3 == sum(recording.events for recording in tracker.recordings(now=NOW))


@pytest.mark.parametrize(
    "sql", ["DELETE FROM tallies WHERE provider = ''", "INSERT INTO tallies VALUES ('', 'commits', 'another', 1, 0)"]
)
def test_a_database_that_cannot_be_told_from_another_takes_nothing_in(tmp_path: Path, sql: str) -> None:
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        assert take(taker, BODIES[0]) is None
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(sql)

    with Tracker(db) as tracker, pytest.raises(DamagedError, match="restore it from a backup"):
        tracker.ingest("agora", BODIES[1])


@pytest.mark.parametrize("readonly", [False, True])
def test_a_database_whose_id_beside_its_log_is_no_text_is_told_to_be_damaged(tmp_path: Path, readonly: bool) -> None:
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        assert take(taker, BODIES[0]) is None
        with closing(sqlite3.connect(db)) as connection, connection:
            connection.execute("UPDATE tallies SET kind = CAST(x'ff' AS TEXT) WHERE provider = ''")

        with pytest.raises(DamagedError, match="is damaged or no database"):
            Tracker(db, readonly=readonly)


def test_each_database_has_an_id_of_its_own_and_so_has_each_backup(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.db", "two.db", "copy.db", "copy of the copy.db")]
    for path in paths[:2]:
        Tracker(path).close()
    for source, target in ((paths[0], paths[2]), (paths[2], paths[3])):
        with Tracker(source, readonly=True) as reader:
            reader.backup(target)

    ids = {imprint(path)[0] for path in paths}

    assert len(ids) == len(paths)
    assert all(len(bytes.fromhex(found)) == 16 for found in ids)


def imprint(db: Path) -> tuple[str, int]:
    with closing(sqlite3.connect(db)) as connection:
        ((name, commits),) = connection.execute("SELECT kind, number FROM tallies WHERE provider = ''").fetchall()
    return name, commits


def test_every_commit_is_counted(tmp_path: Path) -> None:
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        assert [take(taker, body) for body in BODIES[:3]] == [None] * 3
        taker.ingest_many({"provider": "agora", "body": body} for body in BODIES[3:])

    assert 4 == imprint(db)[1]
