"""Arguments, good and bad: which database is meant, and what is said of a mistake."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recording_tracker.cli import COMMANDS
from tests.cli.conftest import NOW, Command, Run
from tests.cli.deliveries import aircore, line, started, write_log

READING = [
    "status abcd", "history abcd", "explain abcd", "list", "audit", "audit --format md -o report.md", "metrics",
    "limits suggest", "score truth.jsonl",
    "verify", "quarantine list", "quarantine show 1", "replay --dry-run", "backup copy.db",
]  # fmt: skip
WRITING = [
    "ack abcd --note n", "resolve abcd --outcome failed --note n", "quarantine retry", "quarantine drop 1", "replay",
    "prune --complete-before 1d", "erase abcd",
]  # fmt: skip


def assert_one_line(run: Run, status: int, *words: str) -> None:
    """An error is one line on standard error, and nothing else."""
    assert run.err.startswith(b"error: ")
    assert (run.err.count(b"\n"), run.err[-1:], run.out) == (1, b"\n", b"")
    assert b"Traceback" not in run.err
    assert [word for word in words if word not in run.talk] == []
    assert run.status == status


# Which database


@pytest.mark.parametrize("command", READING + WRITING)
def test_a_mistyped_database_is_an_error_and_is_not_made(
    command: str, tracker: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    run = tracker(*command.split(), "--db", "mistyped.db")

    assert_one_line(run, 74, "mistyped.db: no such database; name it with --db or TRACKER_DB")
    assert list(tmp_path.iterdir()) == []


def test_every_command_is_tried_without_a_database() -> None:
    tried = {command.split()[0] for command in READING + WRITING}

    assert set(COMMANDS) - tried == {"demo", "ingest", "expect", "machines", "simulate"}


def test_the_database_is_named_before_or_after_the_command(
    tracker: Command, toured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tracker("list", "--db", toured).out
    before = tracker("--db", toured, "list")
    monkeypatch.setenv("TRACKER_DB", str(toured))
    by_environment = tracker("list")

    assert (before.out, by_environment.out, before.status) == (expected, expected, 0)


def test_the_commands_option_counts_before_the_programs_and_the_environment(
    tracker: Command, toured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKER_DB", "environment.db")

    assert tracker("--db", "program.db", "list", "--db", toured).status == 0
    assert_one_line(tracker("--db", "program.db", "list"), 74, "program.db")
    assert_one_line(tracker("list"), 74, "environment.db")


def test_the_default_is_in_the_current_folder(
    tracker: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert_one_line(tracker("list"), 74, "recordings.db: no such database")
    assert tracker("expect", "agora", "abcd").status == 0
    assert (tmp_path / "recordings.db").exists()


@pytest.mark.parametrize("place", ["before", "after"])
def test_an_empty_database_name_is_a_mistake(
    place: str, tracker: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    run = tracker("--db", "", "expect", "agora", "abcd") if place == "before" else tracker("list", "--db", "")

    assert_one_line(run, 2, "--db", "is empty")
    assert list(tmp_path.iterdir()) == []


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_folder, make_pipe, make_device])
@pytest.mark.parametrize("command", ["list", "ingest", "erase abcd", "expect agora abcd"])
def test_a_database_is_a_regular_file(
    make: Callable[[Path], None], command: str, tracker: Command, tmp_path: Path
) -> None:
    make(tmp_path / "odd.db")

    assert_one_line(tracker(*command.split(), "--db", tmp_path / "odd.db"), 74, "odd.db: is no regular file")


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4096])
def test_what_is_no_database_is_refused_and_left_as_it_is(content: bytes, tracker: Command, tmp_path: Path) -> None:
    path = tmp_path / "odd.db"
    path.write_bytes(content)

    assert_one_line(tracker("list", "--db", path), 65, "odd.db")
    assert_one_line(tracker("expect", "agora", "abcd", "--db", path), 65, "odd.db")
    assert path.read_bytes() == content


def test_a_database_in_no_folder_is_refused(tracker: Command, tmp_path: Path) -> None:
    run = tracker("expect", "agora", "abcd", "--db", tmp_path / "none" / "new.db")

    assert_one_line(run, 74, "new.db", "folder does not exist")


@pytest.mark.parametrize(
    "name", ["-rf", "a?b=c#d%41.db", "file:x.db", "a\nb.db", "ü\u2028.db", "n" * 240 + ".db", "no\udcfftext.db"]
)
def test_odd_names_of_databases_work(
    name: str, tracker: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    made = tracker(f"--db={name}", "expect", "agora", "abcd")
    found = tracker("list", f"--db={name}", "--json")
    copied = tracker("backup", f"--db={name}", "--", f"{name[:200]}.copy")

    assert (made.status, found.status, copied.status, len(found.lines)) == (0, 0, 0, 1)
    assert (tmp_path / name).is_file()


def test_a_database_name_longer_than_the_system_takes_is_one_line(tracker: Command) -> None:
    run = tracker("expect", "agora", "abcd", "--db", "n" * 100_000)

    assert_one_line(run, 74, "too long")
    assert len(run.err) < 5_000


# Usage


def test_a_report_has_one_form(tracker: Command, toured: Path) -> None:
    run = tracker("audit", "--json", "--format", "csv", "--db", toured)

    assert_one_line(run, 2, "--json and --format csv: give one of them")
    assert tracker("audit", "--json", "--format", "json", "--db", toured).json["recordings"] == 30


def test_no_command_shows_the_help_and_is_a_mistake(tracker: Command) -> None:
    run = tracker()

    assert (run.status, run.out) == (2, b"")
    assert "Usage: tracker [OPTIONS] COMMAND" in run.talk
    assert [name for name in COMMANDS if f"\n  {name} " not in run.talk] == []


@pytest.mark.parametrize("group", ["quarantine", "machines"])
def test_a_group_without_a_command_shows_its_help(group: str, tracker: Command) -> None:
    run = tracker(group)

    assert (run.status, run.out) == (2, b"")
    assert f"Usage: tracker {group}" in run.talk


@pytest.mark.parametrize("command", [*COMMANDS, "quarantine show", "quarantine retry", "machines check"])
def test_every_command_has_a_help_of_at_most_100_columns(command: str, tracker: Command) -> None:
    run = tracker(*command.split(), "--help")

    assert (run.status, run.err) == (0, b"")
    assert run.text.startswith(f"Usage: tracker {command}")
    assert max(map(len, run.text.splitlines())) <= 100


def test_the_version_is_told(tracker: Command) -> None:
    assert tracker("--version").text.startswith("tracker, version ")


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("lst", "did you mean 'list'?"),
        ("stauts abcd", "did you mean 'status'?"),
        ("quarantine lst", "did you mean 'list'?"),
        ("machines chekc", "did you mean 'check'?"),
        ("frobnicate", "there are demo, ingest"),
        ("list --provder agora", "--provider"),
        ("audit --formt md", "--format"),
        ("audit --format pdf", "'text', 'json', 'csv', 'md'"),
        ("audit --chek", "no such option"),
        ("status", "missing argument 'ID'"),
        ("status a b", "unexpected extra argument"),
        ("ack abcd", "--note"),
        ("prune", "--complete-before"),
        ("quarantine show one", "'one' is not a valid integer"),
    ],
)
def test_a_mistyped_command_line_is_one_line(command: str, meant: str, tracker: Command) -> None:
    assert_one_line(tracker(*command.split()), 2, meant, "--help'")


@pytest.mark.parametrize(
    "command",
    ["ingest --provider zoom", "expect zoom abcd", "list --provider zoom", "machines show zoom", "machines check zoom"],
)
def test_an_unknown_provider_is_told_which_there_are(command: str, tracker: Command, db: Path) -> None:
    place = () if command.startswith("machines") else ("--db", db)

    run = tracker(*command.split(), *place)

    assert_one_line(run, 2, "'zoom'", "agora, aircore, bandwidth, enablex, line_planet")


@pytest.mark.parametrize(
    ("command", "kind"),
    [("machines check agroa", "machine"), ("machines show agroa", "machine"), ("expect agroa x", "adapter")],
)
def test_a_mistyped_provider_is_told_which_may_be_meant(
    command: str, kind: str, tracker: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert_one_line(tracker(*command.split()), 2, f"no {kind} for 'agroa'", f"there are {kind}s for", "mean 'agora'?")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("ingest --provider zoom", 2),
        ("ingest --machines nodir", 78),
        ("ingest nofile", 74),
        ("expect agroa abcd", 2),
        ("expect agora", 2),
        ("expect agora abcd --group g", 2),
        ("expect agora abcd --machines nodir", 78),
    ],
)
def test_what_is_refused_makes_no_database(command: str, status: int, tracker: Command, tmp_path: Path) -> None:
    assert_one_line(tracker(*command.split(), "--db", tmp_path / "new.db"), status)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--phase done", "starting"),
        ("--outcome good", "backed_up"),
        ("--flag stuck", "missing-terminal"),
        ("--limit -1", "--limit"),
        ("--limit 0", "--limit"),
        ("--limit 1e9", "--limit"),
        ("--limit NaN", "--limit"),
        ("--limit 99999999999999999999", "--limit"),
        ("--since yesterday", "2026-11-01T10:00:00Z"),
        ("--since 1w", "2026-11-01T10:00:00Z"),
    ],
)
def test_a_filter_that_means_nothing_is_a_mistake(options: str, words: str, tracker: Command, toured: Path) -> None:
    assert_one_line(tracker("list", *options.split(), "--db", toured), 2, words)


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (29, 29), (1_000_000_000, 30), (2**63 - 1, 30)])
def test_a_limit_is_the_most_that_is_listed(limit: int, expected: int, tracker: Command, toured: Path) -> None:
    assert len(tracker("list", "--limit", str(limit), "--db", toured, "--json").lines) == expected


@pytest.mark.parametrize("text", ["0", "0s", "-5m", "9999999999d", "", "24", "1w", "nan", "1e3s", "P", "1h 30m"])
def test_a_duration_that_means_nothing_is_a_mistake(text: str, tracker: Command, db: Path) -> None:
    assert_one_line(tracker("audit", f"--since={text}", "--db", db), 2, "--since", "duration")
    assert_one_line(tracker("prune", f"--complete-before={text}", "--db", db), 2, "duration")
    assert_one_line(tracker("expect", "agora", "abcd", f"--within={text}", "--db", db), 2, "duration")


@pytest.mark.parametrize("command", ["list", "audit"])
def test_since_is_a_time_or_a_duration(command: str, tracker: Command, toured: Path) -> None:
    asked = (command, "--db", toured, "--json", "--now", NOW, "--since")
    assert NOW == "2026-11-01T18:00:00Z"

    found = tracker(*asked, "6h").out

    assert found == tracker(*asked, "2026-11-01T12:00:00Z").out
    assert found != tracker(*asked, "2h").out


def test_an_audit_does_not_look_back_to_what_is_ahead(tracker: Command, toured: Path) -> None:
    assert_one_line(tracker("audit", "--db", toured, "--now", NOW, "--since", NOW), 2, "--since")


def test_a_history_takes_the_moment_that_others_take(tracker: Command, toured: Path) -> None:
    assert (
        tracker("history", "board", "--db", toured, "--now", NOW).out == tracker("history", "board", "--db", toured).out
    )


@pytest.mark.parametrize("text", ["90s", "45m", "12h", "7d", "36525d", "PT1H30M", "P1DT12H"])
def test_durations_of_every_kind_are_taken(text: str, tracker: Command, toured: Path) -> None:
    assert tracker("audit", "--since", text, "--now", NOW, "--db", toured, "--json").status == 1


@pytest.mark.parametrize("text", ["now", "1e9", "", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59Z", "1969-12-31"])
@pytest.mark.parametrize("command", ["audit", "list", "status r-demo-1", "replay --dry-run"])
def test_a_moment_that_cannot_be_is_a_mistake(text: str, command: str, tracker: Command, toured: Path) -> None:
    assert_one_line(tracker(*command.split(), f"--now={text}", "--db", toured), 2, "--now", "time")


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "9799-01-01T00:00:00Z"])
def test_a_far_moment_is_looked_at(text: str, tracker: Command, toured: Path) -> None:
    runs = [tracker(command, "--now", text, "--db", toured) for command in ("list", "audit", "verify") if command]

    assert [run.err for run in runs[:2]] == [b"", b""]


def test_what_is_expected_at_the_end_of_time_can_be_looked_at(tracker: Command, tmp_path: Path) -> None:
    at = ("--at", "9799-01-01T00:00:00Z", "--within", "36525d")

    made = tracker("expect", "agora", "abcd", *at, "--db", tmp_path / "new.db")

    assert (made.status, tracker("list", "--db", tmp_path / "new.db").status) == (0, 0)


# Ids

NAMING = ("status", "history", "explain", "ack --note n", "resolve --note n --outcome failed", "erase")
"""The commands that take an id."""

ODD_IDS = [
    "--help",
    "%",
    "****",
    "____",
    "' OR 1=1 --",
    "\x1b[31mred",
    "a\nb",
    "\u202eabcd",
    "",
    " ",
    "a" * 1_000_000,
    "abcd\udcff\udcfe",
]


@pytest.mark.parametrize("name", ODD_IDS, ids=lambda name: ascii(name)[:20])
@pytest.mark.parametrize("command", NAMING)
def test_an_unknown_id_names_nothing(name: str, command: str, tracker: Command, toured: Path) -> None:
    run = tracker(*command.split(), "--db", toured, "--", name)

    assert_one_line(run, 1, "no recording ")
    assert len(run.err) < 3_000
    assert run.text.isprintable()


@pytest.mark.parametrize("command", NAMING)
def test_an_id_in_other_letters_is_asked_about_and_not_taken(command: str, tracker: Command, db: Path) -> None:
    def asked(name: str) -> str:
        run = tracker(*command.split(), name, "--db", db)
        assert_one_line(run, 1, f"no recording {name!r}; ")
        return run.talk

    assert "; did you mean 'r-demo-5'? 'tracker list' shows those there are" in asked("R-DEMO-5")
    assert "; did you mean 'd54bb640b10154228bbedd854e32bc51'? " in asked("D54B")
    assert "did you mean" not in asked("R-DEMO")


@pytest.mark.parametrize("command", [command for command in NAMING if command != "erase"])
def test_of_an_id_that_nothing_has_opened_is_told_what_came(command: str, tracker: Command, tmp_path: Path) -> None:
    db = tmp_path / "new.db"
    tracker("ingest", "--db", db, stdin=line("aircore", aircore(1, "recording-paused")).encode())

    # Spelled as the server is reached, not as the provider has it.
    run = tracker(*command.split(), "HTTP://recorder.example:80/recording/1", "--db", db)

    told = "; 1 event of it has come, 'recording-paused' the last, and none that opens one"
    assert_one_line(run, 1, f"no recording 'HTTP://recorder.example:80/recording/1'{told}")


def test_an_argument_that_is_no_text_is_one_line(tracker: Command, db: Path) -> None:
    broken = os.fsdecode(b"abcd\xff\xfe")

    assert_one_line(tracker("ack", "r-demo-5", "--note", broken, "--db", db, "--now", NOW), 2, "UTF-8")
    assert_one_line(tracker("expect", "agora", broken, "--db", db), 2)
    assert tracker("verify", "--db", db).status == 0


def test_an_ambiguous_prefix_lists_its_candidates(tracker: Command, db: Path) -> None:
    words = ["'r-demo'", "r-demo-1", "r-demo-2", "r-demo-6"]

    for command in (["status"], ["history"], ["explain"], ["ack", "--note", "n"], ["erase"]):
        assert_one_line(tracker(*command, "r-demo", "--db", db), 1, *words)
    assert len(tracker("list", "--db", db, "--json").lines) == 30


def test_a_prefix_needs_four_characters(tracker: Command, toured: Path) -> None:
    assert tracker("status", "d54b", "--db", toured).status == 0


@pytest.mark.parametrize("command", NAMING)
@pytest.mark.parametrize("name", ["d54", "", "d54...1f9c"])
def test_a_name_that_is_too_short_is_told_so(name: str, command: str, tracker: Command, toured: Path) -> None:
    run = tracker(*command.split(), "--db", toured, "--", name)

    assert_one_line(run, 1, f"no recording {name!r}; the beginning of an id has at least 4 characters, and 'tracker ")


@pytest.mark.parametrize(
    "name", ["1793542500000-0-16", "channel-16", "http://recorder.example:8080/recording/1793542500000-0-16/"]
)
def test_a_recording_is_found_by_alias_group_and_other_spelling(name: str, tracker: Command, toured: Path) -> None:
    (found,) = tracker("status", name, "--db", toured, "--json").lines

    assert found["recording_id"] == "http://recorder.example:8080/recording/1793542500000-0-16"


@pytest.mark.parametrize("given", [[], ["abcd", "--group", "g"], [""], ["", "--group", ""]])
def test_expect_takes_an_id_or_a_group(given: list[str], tracker: Command, tmp_path: Path) -> None:
    run = tracker("expect", "agora", *given, "--db", tmp_path / "new.db")

    assert_one_line(run, 2, "either recording_id or group_id is expected")


@pytest.mark.parametrize("name", ["\x1b[31m", "a\nb", "\u202eabcd", "a" * 1_025])
def test_expect_refuses_an_id_that_no_provider_sends(name: str, tracker: Command, tmp_path: Path) -> None:
    assert_one_line(tracker("expect", "agora", name, "--db", tmp_path / "new.db"), 2, "expect.recording_id: ")


# Machines


def test_a_broken_machine_file_is_one_line(tracker: Command, db: Path, tmp_path: Path) -> None:
    folder = tmp_path / "machines"
    folder.mkdir()
    (folder / "agora.toml").write_text('provider = "agora"\nextends = "agora"\n[limits]\nlost = "5m"\n')

    runs = [
        tracker("machines", "check", folder / "agora.toml"),
        tracker("machines", "check", "--machines", folder),
        tracker("machines", "list", "--machines", folder),
        tracker("replay", "--dry-run", "--machines", folder, "--db", db),
        tracker("audit", "--machines", folder, "--db", db),
        tracker("ingest", "--machines", folder, "--db", db, stdin="\n".join(started(1)).encode()),
    ]

    for run in runs:
        assert_one_line(run, 78, "agora.toml", "lost")


@pytest.mark.parametrize("command", ["machines list", "machines check", "machines show agora"])
def test_a_folder_of_machines_that_is_not_there_is_one_line(command: str, tracker: Command, tmp_path: Path) -> None:
    run = tracker(*command.split(), "--machines", tmp_path / "none")

    assert run.err.startswith(b"error: ")
    assert (run.status, run.err.count(b"\n")) == (78, 1)


def test_the_folder_of_machines_may_come_from_the_environment(
    tracker: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adjusted = 'provider = "aircore"\nextends = "aircore"\n[limits]\ncomplete_within = "10m"\n'
    (tmp_path / "aircore.toml").write_text(adjusted)
    before = tracker("machines", "show", "aircore").text

    monkeypatch.setenv("TRACKER_MACHINES", str(tmp_path))

    assert "complete within 3d" in before
    assert "complete within 10m" in tracker("machines", "show", "aircore").text


# Files written


@pytest.mark.parametrize("form", ["text", "json", "csv", "md"])
def test_a_report_goes_to_a_file_whole(form: str, tracker: Command, toured: Path, tmp_path: Path) -> None:
    given = ("audit", "--db", toured, "--now", NOW, "--format", form)

    run = tracker(*given, "-o", tmp_path / "report")

    assert (run.out, run.err, run.status) == (b"", b"", 1)
    assert (tmp_path / "report").read_bytes() == tracker(*given).out
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("where", ["option", "program", "environment"])
@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_a_report_never_takes_the_place_of_the_database(
    where: str, end: str, tracker: Command, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = db.read_bytes()
    monkeypatch.setenv("TRACKER_DB", str(db) if where == "environment" else "")
    before = ["--db", str(db)] if where == "program" else []
    after = ["--db", str(db)] if where == "option" else []

    run = tracker(*before, "audit", *after, "-o", f"{db}{end}")

    assert_one_line(run, 2, "is a database; name another file")
    assert db.read_bytes() == content


def test_a_report_never_takes_the_place_of_another_database(tracker: Command, toured: Path, db: Path) -> None:
    link = db.with_name("report.md")
    link.symlink_to(db)

    for name in (db, link):
        assert_one_line(tracker("audit", "--db", toured, "-o", name), 2, "is a database")
    assert tracker("verify", "--db", db).status == 0


def test_a_report_cannot_be_a_folder_or_in_none(tracker: Command, toured: Path, tmp_path: Path) -> None:
    assert_one_line(tracker("audit", "--db", toured, "-o", tmp_path), 2, "is a folder")
    assert_one_line(tracker("audit", "--db", toured, "-o", tmp_path / "none" / "r.md"), 74, "no such file or directory")
    assert_one_line(tracker("audit", "--db", toured, "-o", "n" * 5_000), 74, "name too long")


def test_a_report_goes_through_links_pipes_and_devices(tracker: Command, toured: Path, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "null").symlink_to("/dev/null")

    runs = [tracker("audit", "--db", toured, "--now", NOW, "-o", tmp_path / name) for name in ("link", "null")]

    assert [run.status for run in runs] == [1, 1]
    assert (tmp_path / "link").readlink() == Path("target")
    assert (tmp_path / "target").read_text().startswith("5 stuck of 6")
    assert not Path("/dev/null").is_file()


def test_a_report_keeps_the_permissions_of_the_file(tracker: Command, toured: Path, tmp_path: Path) -> None:
    (tmp_path / "report").touch(mode=0o640)

    tracker("audit", "--db", toured, "-o", tmp_path / "report")

    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o640


def test_a_backup_is_a_new_file(tracker: Command, db: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("kept")

    for name in (db, tmp_path, tmp_path / "there"):
        assert_one_line(tracker("backup", name, "--db", db), 2, "is there already")
    assert_one_line(tracker("backup", tmp_path / "none" / "b.db", "--db", db), 74)
    assert (tmp_path / "there").read_text() == "kept"


def test_a_backup_answers_as_the_database_does(tracker: Command, toured: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"

    run = tracker("backup", copy, "--db", toured)

    assert (run.status, run.out, run.talk) == (0, b"", f"{copy}: 30 recordings, checked\n")
    assert tracker("list", "--db", copy).out == tracker("list", "--db", toured).out


@pytest.mark.parametrize("there", ["demo.db", "demo.html"])
def test_the_demo_overwrites_nothing(there: str, tracker: Command, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")

    assert_one_line(tracker("demo", "--db", tmp_path / "demo.db"), 2, there, "is there already")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


# What an operator settles


def test_what_is_acknowledged_is_shown_and_no_longer_alarms(tracker: Command, tmp_path: Path) -> None:
    db = tmp_path / "new.db"
    tracker("ingest", "--db", db, write_log(tmp_path / "log", started(1)))
    now = ("--now", "2026-11-09T00:00:00Z", "--db", db)

    before = tracker("audit", *now)
    done = tracker("ack", "http://recorder.example/recording/0", "--note", "known", *now)
    after = tracker("audit", *now)

    assert (before.status, done.status, after.status) == (1, 0, 0)
    assert "stalled (acknowledged)" in after.text
    assert "note: known" in tracker("status", "http://recorder.example/recording/0", *now).text
    assert done.out == b""


def test_what_there_is_no_flag_for_cannot_be_acknowledged(tracker: Command, db: Path) -> None:
    run = tracker("ack", "r-demo-5", "--flag", "missing-event", "--note", "n", "--db", db, "--now", NOW)

    assert_one_line(run, 1, "no open flag 'missing-event'")


@pytest.mark.parametrize("note", ["", "  "])
def test_a_note_says_something(note: str, tracker: Command, db: Path) -> None:
    assert_one_line(tracker("ack", "r-demo-5", "--note", note, "--db", db, "--now", NOW), 2, "note: is empty")
    run = tracker("resolve", "r-demo-5", "--outcome", "failed", "--note", note, "--db", db)
    assert_one_line(run, 2, "note: is empty")


def test_what_is_resolved_is_complete(tracker: Command, db: Path) -> None:
    done = tracker("resolve", "r-demo-5", "--outcome", "absent", "--note", "gone", "--db", db, "--now", NOW)
    found = tracker("status", "r-demo-5", "--db", db, "--json").json

    assert (done.status, done.out, done.talk) == (0, b"", "r-demo-5 is complete: absent\n")
    assert (found["complete"], found["outcome"], found["stuck"]) == (True, "absent", False)
    assert_one_line(tracker("resolve", "r-demo-5", "--outcome", "fine", "--note", "n", "--db", db), 2, "available")


def test_whoever_resolves_what_is_complete_already_is_told_so(tracker: Command, db: Path) -> None:
    given = ("resolve", "conf-1", "--note", "n", "--db", db)

    over = tracker(*given, "--outcome", "absent", "--now", "2026-11-02T00:00:00Z")
    again = tracker(*given, "--outcome", "failed", "--now", "2026-11-02T00:00:01Z", "--json")

    name = "demo-app/conf-1"
    said = f"{name} was complete already, as available; from now on it counts as absent\n"
    assert (over.status, over.talk) == (0, f"{said}{name} is complete: absent\n")
    assert (again.status, again.json["outcome"]) == (0, "failed")
    assert again.talk == f"{name} was complete already, as absent; from now on it counts as failed\n"


def test_what_is_erased_is_gone(tracker: Command, db: Path) -> None:
    done = tracker("erase", "r-demo-5", "--db", db)

    assert (done.status, done.out, done.talk) == (0, b"", "r-demo-5 is erased; backups still have it\n")
    assert_one_line(tracker("status", "r-demo-5", "--db", db), 1, "no recording 'r-demo-5'")
    assert tracker("verify", "--db", db).status == 0


def test_what_was_complete_long_ago_is_pruned(tracker: Command, db: Path) -> None:
    given = ("prune", "--complete-before", "5h", "--now", NOW, "--db", db)

    first, second = tracker(*given), tracker(*given)
    kept = tracker("list", "--db", db, "--now", NOW, "--json").lines

    assert (first.out, second.talk) == (b"", "0 recordings pruned\n")
    assert first.talk == f"{30 - len(kept)} recordings pruned\n"
    assert all(value["completed_at"] is None or value["completed_at"] > "2026-11-01T13" for value in kept)


@pytest.mark.parametrize("command", ["show 7", "drop 7", "show 99999999999999999999", "drop -- -1"])
def test_a_number_that_is_not_in_quarantine_is_one_line(command: str, tracker: Command, db: Path) -> None:
    assert_one_line(
        tracker("quarantine", *command.split(" ", 1)[:1], "--db", db, *command.split()[1:]), 1, "no quarantined body"
    )


def test_reading_commands_write_nothing(tracker: Command, toured: Path, tmp_path: Path) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    db = Path(shutil.copy(toured, folder / "recordings.db"))
    content = db.read_bytes()

    for command in (
        "list",
        "status r-demo-1",
        "history r-demo-1",
        "explain r-demo-1",
        "audit",
        "verify",
        "quarantine list",
    ):
        tracker(*command.split(), "--db", db)

    assert db.read_bytes() == content
