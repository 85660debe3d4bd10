"""Every report over a journal of all hostile bodies, read back by strict readers: none is fooled."""

from __future__ import annotations

import base64
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from recording_tracker import Recording, Tracker
from recording_tracker.cli import cli, main
from recording_tracker.cli.audit import FORMATS
from recording_tracker.report import markdown, sheets
from recording_tracker.report.safe import printable
from tests.figures import Figures
from tests.hostile import readers
from tests.hostile.corpus import ACCEPTED, PROVIDERS, QUARANTINED, REJECTED, corpus
from tests.hostile.readers import csv_rows, html_page, json_lines, long_json_lines, markdown_tables, text_lines

CORPUS = corpus()
NOW = "2026-03-20T10:00:00Z"
"""Long enough after the bodies for everything that is not complete to be stuck."""
SINCE = "30d"
STATUSES = {0, 1, 2, 65, 74, 75, 77, 78}


LOGGED = [
    body for body in CORPUS if not any("\ud800" <= sign <= "\udfff" for text in body.query.values() for sign in text)
]
"""All whose url is text; what a server could not decode stands in no delivery log."""


def delivery_log() -> Iterator[bytes]:
    for body in LOGGED:
        for raw in (body.raw,) if body.before is None else (body.before, body.raw):
            line = {
                "provider": body.provider,
                "received_at": body.received_at.isoformat(),
                "body_b64": base64.b64encode(raw).decode(),
                "query": dict(body.query) if raw == body.raw else {},
            }
            yield json.dumps(line).encode() + b"\n"


QUARANTINE = {
    (body.provider, body.raw, json.dumps(dict(body.query), sort_keys=True))
    for body in LOGGED
    if body.result == QUARANTINED
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[bytes]]:
    """Take all bodies in by the command, in a process of its own."""
    db = tmp_path_factory.mktemp("journal") / "recordings.db"
    log = db.with_name("deliveries.jsonl")
    log.write_bytes(b"".join(delivery_log()))
    command = [sys.executable, "-m", "recording_tracker", "--db", str(db), "ingest", str(log), "--json"]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False, env=os.environ)
    log.unlink()
    return db, done


@pytest.fixture(scope="module")
def db(imported: tuple[Path, subprocess.CompletedProcess[bytes]]) -> Path:
    return imported[0]


@pytest.fixture(scope="module")
def recordings(db: Path) -> list[Recording]:
    with Tracker(db, readonly=True) as tracker:
        return list(tracker.recordings())


def said(db: Path, *arguments: str, color: bool = False, status: int | None = 0) -> bytes:
    """Return what a command writes to standard output."""
    result = CliRunner().invoke(cli, ["--db", str(db), *arguments], color=color, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    assert status is None or result.return_value in (status, None), result.stderr
    return result.stdout_bytes


def test_all_bodies_are_taken_in_by_the_command(
    imported: tuple[Path, subprocess.CompletedProcess[bytes]], figures: Figures
) -> None:
    _, done = imported
    expected = Counter(body.result for body in LOGGED)
    expected[ACCEPTED] += sum(body.before is not None for body in LOGGED)

    (summary,) = json_lines(done.stdout)

    assert done.returncode == 1
    names = {"accepted": ACCEPTED, "duplicates": "duplicate", "quarantined": QUARANTINED, "rejected": REJECTED}
    assert {name: summary[name] for name in names} == {name: expected[result] for name, result in names.items()}
    complaints = text_lines(done.stderr)
    assert len(complaints) == summary["quarantined"] + summary["rejected"]
    assert not [line for line in complaints if "Traceback" in line or len(line) > 2_000]
    figures.add(fault="hostile", what="bodies in one journal, all reports read back", tried=len(LOGGED))


def test_what_is_quarantined_is_kept_whole(db: Path) -> None:
    with Tracker(db, readonly=True) as tracker:
        assert {(kept.provider, kept.body, kept.query) for kept in tracker.quarantined()} == QUARANTINE


def test_the_status_of_each_recording_is_plain_text_and_strict_json(db: Path, recordings: list[Recording]) -> None:
    for recording in recordings[::6]:
        written = said(db, "status", "--now", NOW, "--", recording.id)
        assert any(line.startswith(f"{recording.provider} ") for line in text_lines(written))
        styled = said(db, "status", "--now", NOW, "--secrets", "--", recording.id, color=True)
        assert b"\x1b[" in styled
        assert text_lines(styled, styled=True)
        told = long_json_lines(said(db, "status", "--json", "--now", NOW, "--", recording.id))
        assert recording.recording_id in [found["recording_id"] for found in told]


def test_the_history_of_each_recording_is_plain_text_and_strict_json(db: Path, recordings: list[Recording]) -> None:
    for recording in recordings[3::6]:
        lines = text_lines(said(db, "history", "--", recording.id))
        told = json_lines(said(db, "history", "--json", "--", recording.id))

        assert len(lines) >= len(told) + 1
        assert all(event["verdict"] for event in told)


def test_the_story_of_each_recording_is_plain_text_and_strict_json(db: Path, recordings: list[Recording]) -> None:
    for recording in recordings[5::6]:
        written = said(db, "explain", "--now", NOW, "--", recording.id)
        styled = text_lines(said(db, "explain", "--now", NOW, "--", recording.id, color=True), styled=True)
        told = long_json_lines(said(db, "explain", "--json", "--now", NOW, "--", recording.id))

        assert text_lines(written) == styled
        assert any(line.startswith(f"{recording.provider} ") for line in styled)
        assert recording.recording_id in [story["recording_id"] for story in told]
        events = [
            event for story in told for part in story["parts"] if part["kind"] == "event" for event in part["events"]
        ]
        assert len(events) >= recording.events


def test_the_list_has_a_line_for_each_recording(db: Path, recordings: list[Recording]) -> None:
    written = said(db, "list", "--now", NOW)
    told = long_json_lines(said(db, "list", "--json", "--now", NOW))

    assert len(text_lines(written)) == len(recordings) + 1
    assert text_lines(said(db, "list", "--now", NOW, color=True), styled=True) == text_lines(written)
    assert [found["recording_id"] for found in told] == [recording.recording_id for recording in recordings]


@pytest.mark.parametrize("width", [30, 80, 400])
@pytest.mark.parametrize("command", ["list", "audit"])
def test_a_terminal_shows_nothing_but_printable_signs_and_our_own_styles(db: Path, command: str, width: int) -> None:
    written = on_a_terminal([command, "--now", NOW], db, width)

    lines = text_lines(written, styled=True)

    assert b"\x1b[" in written
    assert lines


def on_a_terminal(arguments: Sequence[str], db: Path, width: int) -> bytes:
    """Run a command whose standard output is a terminal of so many columns; return what it shows."""
    master, slave = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-m", "recording_tracker", "--db", str(db), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.PIPE,
        env=environment | {"COLUMNS": str(width), "TERM": "xterm-256color"},
    )
    os.close(slave)
    chunks = []
    try:
        while chunk := os.read(master, 65_536):
            chunks.append(chunk)
    except OSError:
        pass  # what Linux says when nobody is at the other end any more
    finally:
        os.close(master)
    _, complaints = process.communicate(timeout=60)
    assert complaints == b""
    # The terminal, not the command, puts the carriage back.
    return b"".join(chunks).replace(b"\r\n", b"\n")


def test_a_recording_is_listed_under_a_name_of_its_own(db: Path, recordings: list[Recording]) -> None:
    """An alias is what a body says beside its id, so a stranger's could be the id of another recording."""
    label = "the one that is looked for"
    copy = db.with_name("posing.db")
    shutil.copy(db, copy)
    with Tracker(copy) as tracker:
        for sid, outer in ((label, label), (f"{label}, or so: another one altogether", label)):
            payload = {"sid": sid, "sendts": 1_772_359_195_000, "details": {"status": 0}}
            tracker.ingest("agora", {"productId": 3, "eventType": 40, "sid": outer, "payload": payload})

    lines = text_lines(on_a_terminal(["list", "--provider", "agora"], copy, 200), styled=True)

    assert sum(label in line and "another one" not in line for line in lines) == 1


def reports(db: Path, form: str, *more: str) -> bytes:
    return said(db, "audit", "--now", NOW, "--since", SINCE, "--format", form, *more, status=1)


@pytest.fixture(scope="module")
def audit(db: Path) -> dict[str, Any]:
    (told,) = long_json_lines(reports(db, "json"))
    assert isinstance(told, dict)
    return told


def rows_of(audit: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (section, recording["provider"], recording["recording_id"])
        for section in ("stuck", "flagged")
        for recording in audit[section]
        for _ in recording["flags"]
    ]


def test_every_format_of_the_audit_has_a_strict_reader() -> None:
    assert set(FORMATS) == {"text", "json", "csv", "md", "html"}


def test_the_audit_tells_of_hostile_recordings(audit: dict[str, Any]) -> None:
    assert audit["quarantined"] == len(QUARANTINE)
    assert len(audit["stuck"]) + len(audit["flagged"]) > 150
    assert {"provider-error", "payload-mismatch", "unknown-event", "missing-terminal"} <= set(audit["flags"])
    assert set(audit["providers"]) == set(PROVIDERS)


def test_the_audit_as_text_is_printable(db: Path, audit: dict[str, Any]) -> None:
    lines = text_lines(reports(db, "text"))
    styled = text_lines(said(db, "audit", "--now", NOW, "--since", SINCE, color=True, status=1), styled=True)

    assert lines == styled
    assert lines[0].startswith(f"{len(audit['stuck'])} stuck of ")


def test_the_audit_as_csv_has_a_row_for_each_flag_and_no_formula(db: Path, audit: dict[str, Any]) -> None:
    rows = csv_rows(reports(db, "csv"))

    expected = [(section, provider, printable(name)) for section, provider, name in rows_of(audit)]
    assert [(row["section"], row["provider"], row["recording_id"].removeprefix("'")) for row in rows] == expected
    assert all(row["events"].isdecimal() for row in rows)


def test_the_audit_as_markdown_has_a_row_for_each_flag_and_no_link(db: Path, audit: dict[str, Any]) -> None:
    rows = markdown_tables(reports(db, "md"))

    expected = [(provider, " ".join(printable(name).split(" ")).strip(" ")) for _, provider, name in rows_of(audit)]
    assert [(row["provider"], row["recording"].strip(" ")) for row in rows if "recording" in row] == expected


def test_a_markdown_library_finds_no_link_in_the_audit_either(db: Path, audit: dict[str, Any]) -> None:
    """That of rich, as it is installed with it."""
    markdown_it = pytest.importorskip("markdown_it")
    parser = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"])

    tokens = parser.parse(reports(db, "md").decode())

    inner = {child.type for token in tokens for child in token.children or ()}
    assert inner <= {"text", "code_inline", "text_special"}
    assert sum(token.type == "tr_open" for token in tokens) == len(rows_of(audit)) + len(audit["providers"]) + 3
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds <= {"heading", "inline", "paragraph", "table", "thead", "tbody", "tr", "th", "td"}


def test_the_audit_as_html_has_an_item_for_each_recording_and_nothing_that_acts(
    db: Path, audit: dict[str, Any]
) -> None:
    page = html_page(reports(db, "html"))

    for section in ("stuck", "flagged"):
        [listed] = page.having("id", section)
        expected = [printable(recording["recording_id"] or recording["group_id"]) for recording in audit[section]]
        assert [item.of_class("id")[0].text for item in listed.of_class("item")] == expected


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_file_is_what_is_printed(db: Path, tmp_path: Path, form: str) -> None:
    file = tmp_path / "report"

    said(db, "audit", "--now", NOW, "--since", SINCE, "--format", form, "-o", str(file), status=1)

    assert file.read_bytes() == reports(db, form)


def test_the_quarantine_is_listed_a_line_a_body(db: Path) -> None:
    lines = text_lines(said(db, "quarantine", "list"))
    told = json_lines(said(db, "quarantine", "list", "--json"))

    assert len(lines) == len(told) + 1
    assert all(body["reason"] for body in told)


def test_each_quarantined_body_is_shown_as_it_came_and_harms_nobody(db: Path) -> None:
    with Tracker(db, readonly=True) as tracker:
        kept = tracker.quarantined()

    for body in kept[::4]:
        head, reason, *lines = text_lines(said(db, "quarantine", "show", str(body.number)))
        (told,) = long_json_lines(said(db, "quarantine", "show", str(body.number), "--json"))

        assert head.split()[:2] == [str(body.number), body.provider]
        assert reason.startswith("reason: ")
        # A line of the body ends where one ends, and at no other sign that some readers take for an end.
        assert len(lines) <= body.body.count(b"\n") + 2
        assert base64.b64decode(told["body_b64"]) == body.body


def test_a_text_in_a_quarantined_body_begins_no_line(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db") as tracker:
        body = '{"event": "\u2028reason: all is well\x85\u2029reason: all is well"}'
        assert tracker.ingest("aircore", body).result == QUARANTINED

    lines = text_lines(said(tmp_path / "recordings.db", "quarantine", "show", "1"))

    assert [line.startswith("reason: ") for line in lines].count(True) == 1


@pytest.mark.parametrize("arguments", [["list"], ["show", "agora"], ["check"]], ids=lambda arguments: arguments[0])
def test_machines_are_plain_text_and_strict_json(db: Path, arguments: list[str]) -> None:
    assert text_lines(said(db, "machines", *arguments))
    assert long_json_lines(said(db, "machines", *arguments, "--json"))


def test_verify_and_replay_agree_with_the_journal(db: Path) -> None:
    (verified,) = json_lines(said(db, "verify", "--json"))
    (replayed,) = json_lines(said(db, "replay", "--dry-run", "--json", "--now", NOW))

    assert (verified["differences"], verified["damaged"], replayed["changed"]) == ([], [], [])


def test_what_an_operator_is_told_is_one_line(db: Path, recordings: list[Recording], tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(db, copy)
    odd = [recording for recording in recordings if recording.flags][::9]
    note = "\x1b[31mchecked\n\u202e"

    for recording in odd:
        for command in (
            ["ack", "--note", note, "--now", NOW],
            ["resolve", "--outcome", "failed", "--note", note, "--now", NOW],
            ["erase"],
        ):
            result = CliRunner().invoke(cli, ["--db", str(copy), *command, "--", recording.id], standalone_mode=False)
            assert result.exception is None, (recording.id, result.exception)
            assert text_lines(result.stdout_bytes + result.stderr_bytes)
    assert text_lines(said(copy, "audit", "--now", NOW, status=1))


HOSTILE_ARGUMENTS = {
    "ESC": "\x1b[31mred",
    "no UTF-8": "ab\udcff\udcfecd",
    "100,000 signs": "a" * 100_000,
    "nothing": "",
    "a line break": "x\nerror: all is well\n",
    "CR": "x\rerror",
    "right to left": "\u202etxt.exe",
    "a wildcard": "%%%%",
    "a star": "*",
    "a format": "%s{0}{x!r}",
    "a path": "../../etc/passwd",
    "an option": "--help",
    "markup": "[red]x[/red]",
    "a separator": "x\u2028y",
}
COMMANDS: dict[str, list[str]] = {
    "status": ["status", "--"],
    "history": ["history", "--"],
    "explain": ["explain", "--"],
    "ack": ["ack", "--note", "n", "--"],
    "resolve": ["resolve", "--outcome", "failed", "--note", "n", "--"],
    "erase": ["erase", "--"],
    "machines show": ["machines", "show", "--"],
    "quarantine show": ["quarantine", "show", "--"],
    "ingest": ["ingest", "--"],
    "unknown provider": ["ingest", "--provider"],
    "expect": ["expect", "--"],
    "an outcome": ["list", "--outcome"],
    "a flag": ["list", "--flag"],
    "a time": ["list", "--now"],
    "a format": ["audit", "--format"],
    "a duration": ["audit", "--since"],
    "an option": [],
}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
@pytest.mark.parametrize("name", HOSTILE_ARGUMENTS, ids=str)
def test_a_hostile_argument_is_told_in_one_line(
    tmp_path: Path,
    name: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    place = tmp_path / "recordings.db"
    Tracker(place).close()
    argument = HOSTILE_ARGUMENTS[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tracker", "--db", str(place), *COMMANDS[command], argument])
    terminate = signal.getsignal(signal.SIGTERM)

    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        signal.signal(signal.SIGTERM, terminate)

    out, complaints = capfdbinary.readouterr()
    helped = argument == "--help" and not COMMANDS[command]
    assert ended.value.code == 0 if helped else ended.value.code in STATUSES - {0}
    assert bool(text_lines(out)) == helped
    lines = text_lines(complaints)
    if not helped and lines[0].startswith("error: "):
        assert len(lines) == 1
        assert len(lines[0]) < 2_100
    assert not any("Traceback" in line for line in lines)


# The readers must find what they are there for: each broken writer is caught.


def test_the_readers_catch_writers_that_escape_nothing(figures: Figures) -> None:
    with pytest.raises(ValueError, match="not printable"):
        text_lines(b"agora \x1b[38;5;213mred\x1b[0m\n", styled=True)
    with pytest.raises(ValueError, match="not printable"):
        text_lines("x\u2028y\n".encode())
    with pytest.raises(ValueError, match="no JSON"):
        json_lines(b'{"progress": NaN}\n')
    with pytest.raises(UnicodeDecodeError):
        json_lines('{"id": "\u202e"}\n'.encode())
    with pytest.raises(ValueError, match="plain cell"):
        csv_rows(b"a,b\nx,  =1+1\n")
    with pytest.raises(ValueError, match="cells in place"):
        csv_rows(b"a,b\nx,y,z\n")
    figures.add(fault="hostile", what="control: a writer that escapes nothing", tried=6, caught=6)


@pytest.mark.parametrize(
    "cell",
    [
        "[x](http://evil.example)",
        "![x](y)",
        "<b>",
        "a | b",
        "`x",
        "http://evil.example",
        "www.evil.example",
        "a@b.example",
    ],
)
def test_the_reader_of_markdown_catches_a_cell_that_is_more_than_text(cell: str) -> None:
    with pytest.raises(ValueError, match=r"markup|cells in place|code in a text"):
        markdown_tables(f"| a | b |\n| --- | --- |\n| x | {cell} |\n".encode())
    if "@" in cell:
        with pytest.raises(ValueError, match="markup"):
            markdown_tables(b"| a |\n| --- |\n| x@y |\n")


@pytest.mark.parametrize("body", [body for body in CORPUS if body.family in ("injection", "text")], ids=str)
def test_what_a_cell_shows_is_the_text_that_was_put_in(body: Any) -> None:
    text = body.raw.decode()[:2_000]

    assert readers.plain(markdown.cell(text)) == printable(text)
    assert sheets.cell(text).removeprefix("'") == printable(text)
