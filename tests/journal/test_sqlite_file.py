"""The database file as its user meets it: what is in it, how it is opened, and what is refused without a change."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from recording_tracker import Tracker
from recording_tracker.errors import (
    BusyError,
    DamagedError,
    StorageError,
    TrackerError,
    UsageError,
    VersionError,
)
from recording_tracker.events import File
from recording_tracker.flags import Flag
from recording_tracker.journal import Entry, EventRow, Filter
from recording_tracker.journal.connection import APPLICATION_ID, SCHEMA_VERSION, connect
from recording_tracker.journal.sqlite import SqliteJournal
from recording_tracker.standing import Standing

SOURCES = Path(__file__).parents[2] / "src"
PROCESSES = 8
AT_MS = 1_700_000_000_123
FAR_MS = 4_000_000_000_000
TABLES = {
    "database",
    "recordings",
    "aliases",
    "events",
    "deliveries",
    "flags",
    "files",
    "expectations",
    "quarantine",
    "machines",
    "totals",
    "tallies",
    "event_names",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name a file in a folder of its own, so that whatever is made beside it is seen."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "recordings.db"


def standing(recording_id: str | None, **facts: Any) -> Standing:
    known: dict[str, Any] = {"provider": "agora", "opened": True, "phase": "recording", "machine": "m1"}
    known["state"] = {"recorder": "recording"}
    return Standing(recording_id=recording_id, **(known | facts))


def make(path: Path, *standings: Standing) -> None:
    with closing(SqliteJournal(path)) as journal, journal.writing():
        for found in standings:
            journal.insert(found, "")


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask as another program does."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def contents(folder: Path) -> dict[str, bytes | None]:
    """Read all files but those with which SQLite lets a reader of a WAL database see what is committed."""
    found = [found for found in folder.iterdir() if not found.name.endswith(("-wal", "-shm"))]
    return {made.name: made.read_bytes() if made.is_file() else None for made in found}


# What is in it


def test_the_file_says_whose_it_is_and_of_which_schema(path: Path) -> None:
    make(path)

    assert [(0x524C544B,)] == ask(path, "PRAGMA application_id")
    assert [(SCHEMA_VERSION,)] == ask(path, "PRAGMA user_version")
    assert [("wal",)] == ask(path, "PRAGMA journal_mode")
    assert path.read_bytes()[68:72] == b"RLTK"


def test_every_connection_that_writes_waits_for_the_disk(path: Path) -> None:
    answers = []
    for _ in range(2):
        with closing(connect(path, readonly=False, create=True)) as connection:
            names = ("journal_mode", "synchronous", "busy_timeout")
            answers.append([connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names])

    assert [["wal", 2, 5000], ["wal", 2, 5000]] == answers


def test_a_database_has_the_tables_and_views_that_are_promised(path: Path) -> None:
    make(path)

    database = Database(path)

    assert TABLES | {"_sqlite_migrations", "sqlite_sequence"} == set(database.table_names())
    assert {"counts", "stuck", "timeline"} == set(database.view_names())
    database.close()


def test_every_table_is_strict(path: Path) -> None:
    make(path)

    rows = ask(path, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")

    assert dict.fromkeys(TABLES, 1) == {name: strict for name, strict in rows if not name.startswith(("sqlite_", "_"))}


def test_a_number_is_not_kept_as_text(path: Path) -> None:
    make(path)

    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        connection.execute("INSERT INTO totals VALUES ('agora', 'recording', '', 'm1', 'many')")


def test_the_schema_is_made_once(path: Path) -> None:
    make(path, standing("r1"))
    before = ask(path, "SELECT * FROM _sqlite_migrations"), ask(path, "SELECT * FROM sqlite_master")

    make(path, standing("r2"))

    assert before == (ask(path, "SELECT * FROM _sqlite_migrations"), ask(path, "SELECT * FROM sqlite_master"))
    assert 1 == len(before[0])
    assert [("r1",), ("r2",)] == ask(path, "SELECT recording_id FROM recordings ORDER BY id")


def test_the_view_of_what_is_stuck_tells_each_way_of_being_so(path: Path) -> None:
    make(
        path,
        standing("healthy", stall_ms=FAR_MS, due_ms=FAR_MS),
        standing("late", stall_ms=FAR_MS, due_ms=AT_MS + 2, last_received_ms=AT_MS),
        standing("silent", stall_ms=AT_MS + 1, due_ms=FAR_MS),
        standing("silent-and-late", stall_ms=AT_MS + 3, due_ms=AT_MS + 4),
        standing("late-and-silent", stall_ms=AT_MS + 6, due_ms=AT_MS + 5),
        standing("both-at-once", stall_ms=AT_MS + 7, due_ms=AT_MS + 7),
        standing(None, group_id="g1", opened=False, announced=True, phase="expected", state={}, due_ms=AT_MS),
        standing("complete", complete=True, phase="finished", outcome="available"),
    )

    with closing(Database(path)) as database:
        rows = list(database["stuck"].rows)

    assert [
        ("g1", None, "never-started", "2023-11-14T22:13:20.123Z"),
        (None, "silent", "stalled", "2023-11-14T22:13:20.124Z"),
        (None, "late", "missing-terminal", "2023-11-14T22:13:20.125Z"),
        (None, "silent-and-late", "stalled", "2023-11-14T22:13:20.126Z"),
        (None, "late-and-silent", "missing-terminal", "2023-11-14T22:13:20.128Z"),
        (None, "both-at-once", "missing-terminal", "2023-11-14T22:13:20.130Z"),
    ] == [(row["group_id"], row["recording_id"], row["flag"], row["deadline_at"]) for row in rows]
    assert [None, None, "2023-11-14T22:13:20.123Z"] == [row["last_received_at"] for row in rows[:3]]
    assert ["agora", '{"recorder":"recording"}'] == [rows[1]["provider"], rows[1]["state"]]


def test_the_timeline_puts_events_in_the_order_in_which_they_occurred(path: Path) -> None:
    with closing(SqliteJournal(path)) as journal, journal.writing():
        numbers = [journal.insert(standing(name), "") for name in ("r1", "r2")]
        events = [("late", 30, 40), ("early", 10, 50), ("undated", None, 20)]
        for number in reversed(numbers):
            journal.add_events(
                number,
                [
                    EventRow(name, name, occurred_ms, received_ms, "taken", 1, None, b"", b"", "{}")
                    for name, occurred_ms, received_ms in events
                ],
            )

    with closing(Database(path)) as database:
        rows = list(database["timeline"].rows)

    assert [(name, event) for name in ("r1", "r2") for event in ("early", "undated", "late")] == [
        (row["recording_id"], row["event_id"]) for row in rows
    ]
    assert [40, None, 10] == [row["delay_ms"] for row in rows[:3]]
    assert [("1970-01-01T00:00:00.010Z", "1970-01-01T00:00:00.050Z"), (None, "1970-01-01T00:00:00.020Z")] == [
        (row["occurred_at"], row["received_at"]) for row in rows[:2]
    ]


# How it is opened


@pytest.mark.parametrize(
    "name",
    [
        "what? #1 100%41&mode=ro.db",
        "file:memory.db",
        "-rf",
        "two\nlines.db",
        "\u2028.db",
        os.fsdecode(b"caf\xe9.db"),
        "'",
    ],
)
def test_an_odd_name_is_the_name_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        make(Path(name))

    with closing(SqliteJournal(Path(name), readonly=True)) as journal:
        found = list(journal.numbers())

    assert [] == found
    # A reader of a WAL database leaves its -wal and -shm files.
    assert {name} == {made.name.removesuffix("-wal").removesuffix("-shm") for made in tmp_path.iterdir()}


def test_a_journal_stays_with_its_file_when_the_program_changes_its_folder(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    with closing(SqliteJournal(Path(path.name))) as journal:
        monkeypatch.chdir(path.parent.parent)
        with journal.writing():
            journal.insert(standing("r1"), "")

        with closing(journal.reader()) as reader:
            found = [entry.standing.recording_id for entry in reader.entries(Filter())]

    assert ["r1"] == found


def test_who_leaves_off_reading_when_the_file_is_closed_hears_of_nothing(path: Path) -> None:
    journal = SqliteJournal(path)
    rows = [EventRow(name, name, 1, 1, "taken", 1, None, b"", b"", "{}") for name in ("e1", "e2")]
    with journal.writing():
        number = journal.insert(standing("r1"), "")
        journal.add_events(number, rows)

    events = journal.events(number)
    assert next(events) in rows
    journal.close()

    # As an iterator does that nobody has any more.
    getattr(events, "close")()  # noqa: B009


def test_a_reader_cannot_write(path: Path) -> None:
    make(path)

    with (
        closing(SqliteJournal(path, readonly=True)) as journal,
        pytest.raises(TrackerError) as raised,
        journal.writing(),
    ):
        journal.insert(standing("r1"), "")

    assert f"{path}: may not be written" == str(raised.value)
    assert [] == ask(path, "SELECT * FROM recordings")


def test_another_writer_is_noticed_inside_the_transaction_that_asks(path: Path) -> None:
    with closing(SqliteJournal(path)) as journal, closing(SqliteJournal(path)) as other:
        answers = []
        for write in (False, True, False):
            if write:
                with other.writing():
                    other.insert(standing("r1"), "")
            with journal.writing():
                answers.append(journal.changed_elsewhere())

    assert [True, True, False] == answers


def test_a_reader_sees_one_moment_as_long_as_it_reads(path: Path) -> None:
    make(path, standing("r1"))

    with closing(SqliteJournal(path)) as journal, closing(journal.reader()) as reader:
        with reader.reading():
            before = list(reader.numbers())
            with journal.writing():
                journal.insert(standing("r2"), "")
            within = list(reader.numbers())
        after = list(reader.numbers())

    assert ([1], [1], [1, 2]) == (before, within, after)


def test_a_copy_is_a_database_of_its_own(path: Path) -> None:
    whole = standing("r1", files=(File("a.mp4"),), flags=(Flag("clock-skew", "info", "ahead", None, ("e1",), 1),))
    with closing(SqliteJournal(path)) as journal:
        with journal.writing():
            number = journal.insert(whole, "course")
            journal.write_flags(number, whole.flags, (), 0)
        entry = journal.entry(number)
        with closing(journal.reader()) as reader:
            reader.backup(str(path.with_name("copy.db")))

    with closing(SqliteJournal(path.with_name("copy.db"), readonly=True)) as copy:
        assert entry == copy.entry(number)
        assert [] == list(copy.damages())


def test_a_copy_does_not_replace_what_is_there(path: Path) -> None:
    make(path)
    path.with_name("copy.db").write_bytes(b"precious")

    with closing(SqliteJournal(path)) as journal, pytest.raises(UsageError, match="is there already"):
        journal.backup(str(path.with_name("copy.db")))

    assert b"precious" == path.with_name("copy.db").read_bytes()


def test_what_was_deleted_is_left_nowhere_when_the_log_has_been_cut(path: Path) -> None:
    with closing(SqliteJournal(path)) as journal:
        with journal.writing():
            number = journal.insert(standing("a-secret-name"), "")
        with journal.writing():
            journal.delete(number)
        before = any(b"a-secret-name" in found.read_bytes() for found in path.parent.iterdir())

        journal.cut_log()

        assert before
        assert not any(b"a-secret-name" in found.read_bytes() for found in path.parent.iterdir())


def test_what_was_erased_and_cannot_leave_the_log_yet_is_told(tmp_path: Path) -> None:
    path = tmp_path / "recordings.db"
    with Tracker(path, busy_timeout=timedelta(milliseconds=1)) as tracker, closing(SqliteJournal(path)) as journal:
        tracker.expect("agora", "a-secret-name")
        tracker.expect("agora", "another")
        with journal.reading():
            assert 2 == len(journal.numbers())
            with pytest.raises(BusyError, match="it is erased, but the -wal"):
                tracker.erase("a-secret-name")
        before = b"a-secret-name" in Path(f"{path}-wal").read_bytes()
        tracker.erase("another")

        assert before
        assert not any(b"a-secret-name" in found.read_bytes() for found in tmp_path.iterdir())


@pytest.mark.parametrize(
    "question",
    [
        lambda journal: journal.overdue(1),
        lambda journal: journal.flagged(0, 1),
        lambda journal: journal.entries(Filter(provider="agora", phase="finished")),
        lambda journal: journal.entries(Filter(provider="agora", overdue_ms=1)),
    ],
)
def test_what_an_audit_or_a_list_asks_for_is_found_without_looking_at_all_there_is(
    path: Path, question: Callable[[SqliteJournal], Iterator[Entry]]
) -> None:
    asked: list[str] = []
    with closing(SqliteJournal(path)) as journal:
        journal._connection.set_trace_callback(asked.append)
        list(question(journal))
        journal._connection.set_trace_callback(None)

    steps = [row[3] for sql in asked for row in ask(path, f"EXPLAIN QUERY PLAN {sql}")]
    by_index = ("SEARCH", "SCAN r USING INDEX recordings_open_flagged")
    assert [step for step in steps if step.startswith(("SEARCH", "SCAN")) and not step.startswith(by_index)] == []
    assert all("(provider=? AND rowid<?)" in step for step in steps if "provider=" in step)


@pytest.mark.parametrize("table", ["events", "deliveries", "quarantine"])
def test_a_bit_that_flips_in_a_body_is_damage(path: Path, table: str) -> None:
    with closing(SqliteJournal(path)) as journal, journal.writing():
        number = journal.insert(standing("r1"), "")
        row = EventRow("e1", "started", 1, 1, "taken", 1, None, bytes(32), b"{}", "{}")
        digest = bytes.fromhex("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
        journal.add_events(number, [row._replace(sha256=digest)])
        journal._connection.execute("INSERT INTO deliveries VALUES (1, 'e1', 'c2', 1, ?, x'7b7d', '{}')", [digest])
        journal.quarantine("agora", 1, "odd", b"{}", "{}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE {table} SET body = x'7b7c'")
        connection.commit()

    with closing(SqliteJournal(path, readonly=True)) as journal:
        damages = list(journal.damages())

    assert [f"{table} row 1"] == [line.split(":")[0] for line in damages]


OPEN_AT_ONCE = """
import sys
from pathlib import Path
from recording_tracker.journal.sqlite import SqliteJournal
from recording_tracker.standing import Standing

path, number = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
journal = SqliteJournal(path)
with journal.writing():
    journal.insert(Standing("agora", f"r{number}", opened=True), "")
journal.close()
"""


def test_many_processes_may_be_the_first_to_open_it(path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-c", OPEN_AT_ONCE, str(path)]
    processes = [
        subprocess.Popen(
            [*command, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = [process.communicate(timeout=60)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()

    assert [""] * PROCESSES == errors
    assert [(PROCESSES,)] == ask(path, "SELECT count(*) FROM recordings")
    assert [(1,)] == ask(path, "SELECT count(*) FROM _sqlite_migrations")


# What is refused


def text_file(path: Path) -> None:
    path.write_text("a letter, no database\n" * 500)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(512))


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def made_by(script: str) -> Callable[[Path], None]:
    def database(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)

    return database


def truncated(path: Path) -> None:
    make(path, standing("r1"))
    path.write_bytes(path.read_bytes()[:5000])


REFUSED: dict[str, tuple[Callable[[Path], None], type[TrackerError], str]] = {
    "another program's tables": (
        made_by("CREATE TABLE notes (text)"),
        DamagedError,
        "is not a database of the tracker",
    ),
    "another program's mark": (made_by("PRAGMA application_id = 5"), DamagedError, "is not a database of the tracker"),
    "another program's version": (made_by("PRAGMA user_version = 1"), DamagedError, "is not a database of the tracker"),
    "a text file": (text_file, DamagedError, "is damaged or no database"),
    "an empty file": (Path.touch, DamagedError, "is not a database of the tracker"),
    "zeros": (zeros, DamagedError, "is damaged or no database"),
    "a truncated database": (truncated, DamagedError, "is damaged or no database"),
    "a folder": (folder, StorageError, "is no regular file"),
    "a pipe": (pipe, StorageError, "is no regular file"),
    "a newer schema": (
        made_by(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION + 6}"),
        VersionError,
        f"has schema version {SCHEMA_VERSION + 6}, newer than {SCHEMA_VERSION} of this program",
    ),
}
WAYS: dict[str, Any] = {
    "to write": {"readonly": False, "create": True},
    "to write what is there": {"readonly": False, "create": False},
    "to read": {"readonly": True, "create": False},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_database_of_ours_is_refused_and_left_as_it_is(path: Path, what: str, way: str) -> None:
    prepare, kind, words = REFUSED[what]
    prepare(path)
    before = contents(path.parent)

    with pytest.raises(kind) as raised:
        SqliteJournal(path, **WAYS[way]).close()

    assert str(raised.value).startswith(f"{path}: {words}")
    assert 1 == len(str(raised.value).splitlines())
    assert before == contents(path.parent)


@pytest.mark.parametrize(("readonly", "create"), [(False, False), (True, False), (True, True)])
def test_a_missing_file_is_not_made_unless_asked_for(path: Path, *, readonly: bool, create: bool) -> None:
    with pytest.raises(StorageError) as raised:
        SqliteJournal(path, readonly=readonly, create=create)

    assert f"{path}: no such database; name it with --db or TRACKER_DB" == str(raised.value)
    assert [] == list(path.parent.iterdir())


def test_a_missing_folder_is_named_and_not_made(path: Path) -> None:
    missing = path.parent / "missing" / "recordings.db"

    with pytest.raises(StorageError) as raised:
        SqliteJournal(missing)

    assert f"{missing}: its folder does not exist; make it first" == str(raised.value)
    assert [] == list(path.parent.iterdir())


def test_a_file_in_place_of_a_folder_is_refused(path: Path) -> None:
    path.write_bytes(b"")

    with pytest.raises(StorageError, match="not a directory"):
        SqliteJournal(path / "recordings.db")


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(UsageError, match="is no path; embedded null byte"):
        SqliteJournal(Path("nul\0.db"))


def test_a_database_in_the_making_is_brought_up_to_date_only_by_who_writes(path: Path) -> None:
    made_by(f"PRAGMA application_id = {APPLICATION_ID}")(path)

    with pytest.raises(VersionError, match=f"has schema version 0, older than {SCHEMA_VERSION} of this program"):
        SqliteJournal(path, readonly=True)
    make(path, standing("r1"))

    assert [(SCHEMA_VERSION,)] == ask(path, "PRAGMA user_version")
