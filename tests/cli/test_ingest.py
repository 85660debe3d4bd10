"""Delivery logs and bare bodies as they really come: one bad line spoils nothing else."""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from recording_tracker.deliveries import MAX_LINE_BYTES, bare_bodies, log_lines
from recording_tracker.errors import DamagedError
from tests.cli.conftest import Command
from tests.cli.deliveries import aircore, line, started, write_log
from tests.cli.test_arguments import assert_one_line
from tests.test_tracker import installed

CHUNK = 1_000_000


def counts(run: Any) -> tuple[int, int, int, int]:
    found = run.json
    return found["deliveries"], found["accepted"], found["quarantined"], found["rejected"]


def told_lines(run: Any, name: str) -> list[int]:
    """The line numbers of *name* that standard error speaks of."""
    return [int(told.removeprefix(f"{name}:").split(":")[0]) for told in run.talk.splitlines()]


@pytest.mark.parametrize(
    "bad",
    [
        "no JSON",
        "",
        "[1]",
        "5",
        '{"provider": "zoom", "body": {}}',
        '{"provider": "aircore"}',
        '{"provider": "aircore", "body": {"event": "x"',
        '{"provider": "aircore", "body": {}, "recieved_at": "2026-11-01"}',
        '{"provider": "aircore", "body": {}, "received_at": "9999-12-31T23:59:59Z"}',
        '{"provider": "aircore", "body": {}, "received_at": "1969-12-31"}',
        '{"provider": "aircore", "body": {}, "received_at": 5}',
        '{"provider": "aircore", "body": {"a": NaN}}',
        '{"provider": "aircore", "body": {"a": 1, "a": 2}}',
        '{"provider": "aircore", "body": {}, "query": {"a": "\\ud800"}}',
        '{"provider": "aircore", "body_b64": "?"}',
        '{"provider": "aircore", "provider": "agora", "body": {}}',
        '{"expect": {"provider": "agora", "recording_id": "a\\ud800"}}',
        '{"expect": {"provider": "agora", "recording_id": "a\\u001b"}}',
        '{"expect": {"provider": "agora", "group_id": "a\\ud800"}}',
        '{"expect": {"provider": "agora", "recording_id": "abcd", "within": "-5m"}}',
        '{"expect": {"provider": "agora"}}',
        '{"expect": {"provider": "zoom", "recording_id": "abcd"}}',
        '{"expect": []}',
        "[" * 100_000,
        '{"provider": "aircore", "body": ' + "9" * 5_000 + "}",
        "\x1b]0;title\x07",
    ],
    ids=lambda bad: ascii(bad)[:60],
)
def test_one_bad_line_spoils_no_other(bad: str, tracker: Command, tmp_path: Path) -> None:
    lines = started(1_000)
    lines.insert(700, bad)
    log = write_log(tmp_path / "log.jsonl", lines)

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    found = 0 if bad == "" else 1
    assert counts(run) == (1_000 + found, 1_000, 0, found)
    assert told_lines(run, str(log)) == [701] * found
    assert run.status == found
    assert all(told.isprintable() and len(told) < 500 for told in run.talk.splitlines())


def test_what_cannot_be_attributed_is_kept_and_named(tracker: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [*started(2), line("aircore", {"event": "recording-started"})])

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    assert (counts(run), run.status) == ((3, 2, 1, 0), 1)
    assert run.talk.startswith(f"{log}:3: quarantined: ")


def test_line_ends_marks_and_empty_lines_do_not_matter(tracker: Command, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\xef\xbb\xbf" + b"\r\n\r\n  \r\n".join(text.encode() for text in started(3)))

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    assert (counts(run), run.err, run.status) == ((3, 3, 0, 0), b"", 0)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_named_and_nothing_else(encoding: str, tracker: Command, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes('{"provider": "ä"}'.encode(encoding))

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    assert (counts(run), run.status) == ((1, 0, 0, 1), 1)
    assert run.talk.startswith(f"{log}:1: not UTF-8 at byte ")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_log_is_fine(content: bytes, tracker: Command, tmp_path: Path) -> None:
    run = tracker("ingest", "--db", tmp_path / "new.db", stdin=content)

    assert (run.status, run.err) == (0, b"")
    assert run.text.startswith("0 deliveries: 0 accepted")


class Endless:
    """A stream of *size* bytes of one line, then *rest*."""

    def __init__(self, size: int, rest: bytes = b"") -> None:
        self._left, self._rest = size, rest

    def readline(self, limit: int = -1) -> bytes:
        taken, self._left = min(limit, self._left), max(self._left - limit, 0)
        if taken:
            return b"a" * taken
        found, _, self._rest = self._rest.partition(b"\n")
        return found + b"\n" if found or self._rest else b""


@pytest.mark.parametrize("bare", [False, True])
def test_a_line_of_a_gigabyte_costs_little_memory_and_no_other_line(bare: bool) -> None:
    stream: Any = Endless(2**30, b'\n{"provider": "aircore"}\n')
    tracemalloc.start()

    found = list(bare_bodies(stream, "aircore") if bare else log_lines(stream))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [number for number, _ in found] == [1, 2]
    assert peak < 32 * 2**20


@pytest.mark.parametrize("bare", [False, True])
def test_what_has_no_lines_at_all_is_given_up(bare: bool) -> None:
    stream: Any = Endless(2**40)

    with pytest.raises(DamagedError, match="line 1 has more than"):
        list(bare_bodies(stream, "aircore") if bare else log_lines(stream))


def test_a_device_without_an_end_is_one_line(tracker: Command, tmp_path: Path) -> None:
    run = tracker("ingest", "--db", tmp_path / "new.db", "/dev/zero")

    assert_one_line(run, 65, "/dev/zero: line 1 has more than")


def test_a_line_too_long_is_named(tracker: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [*started(1), line("aircore", "a" * MAX_LINE_BYTES), *started(2)])

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    assert (counts(run), told_lines(run, str(log))) == ((4, 2, 0, 1), [2])


def test_a_body_too_large_is_rejected(tracker: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [*started(1), line("aircore", "a" * 1_100_000)])

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    assert (counts(run), told_lines(run, str(log))) == ((2, 1, 0, 1), [2])


# Files


@pytest.mark.parametrize("order", [0, 1])
def test_a_file_that_is_not_there_is_told_before_anything_is_taken_in(
    order: int, tracker: Command, tmp_path: Path
) -> None:
    log = write_log(tmp_path / "log.jsonl", started(1))
    names = [log, tmp_path / "none.jsonl"]

    run = tracker("ingest", "--db", tmp_path / "new.db", *(names if order else reversed(names)))

    assert_one_line(run, 74, "none.jsonl: cannot be read: no such file or directory")
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_a_folder_is_no_log(tracker: Command, tmp_path: Path) -> None:
    assert_one_line(tracker("ingest", "--db", tmp_path / "new.db", tmp_path), 74, "is a folder; a delivery log")


def test_a_name_longer_than_the_system_takes_is_one_line(tracker: Command, tmp_path: Path) -> None:
    run = tracker("ingest", "--db", tmp_path / "new.db", "n" * 100_000)

    assert_one_line(run, 74, "name too long")
    assert len(run.err) < 3_000


@pytest.mark.parametrize("by", ["name", "standard input"])
def test_a_compressed_log_is_told_what_to_do(by: str, tracker: Command, tmp_path: Path) -> None:
    content = gzip.compress("\n".join(started(1)).encode())
    (tmp_path / "log.gz").write_bytes(content)
    given = [tmp_path / "log.gz"] if by == "name" else []

    run = tracker("ingest", "--db", tmp_path / "new.db", *given, stdin=content)

    assert_one_line(run, 74, "is compressed; use: gzip -dc")


def test_a_pipe_is_read_to_its_end(tracker: Command, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("\n".join(started(1_500)),))
    writer.start()

    run = tracker("ingest", "--db", tmp_path / "new.db", pipe, "--json")

    writer.join()
    assert counts(run) == (1_500, 1_500, 0, 0)


def test_a_name_that_is_no_text_is_opened(tracker: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / os.fsdecode(b"log\xff.jsonl"), [*started(1), "?"])

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    assert counts(run) == (2, 1, 0, 1)
    assert "log\\udcff.jsonl:2: not JSON" in run.talk


def test_several_files_and_standard_input_are_one_summary(tracker: Command, tmp_path: Path) -> None:
    first = write_log(tmp_path / "1.jsonl", started(2))
    last = write_log(tmp_path / "2.jsonl", started(4))

    run = tracker("ingest", first, "-", last, "--db", tmp_path / "new.db", "--json", stdin=started(3)[2].encode())

    assert (run.json["accepted"], run.json["duplicates"], run.json["recordings"]) == (4, 3, 4)


# Bare bodies


def bodies(tracker: Command, db: Path, content: bytes) -> Any:
    return tracker("ingest", "--provider", "aircore", "--db", db, "--json", stdin=content)


@pytest.mark.parametrize("indent", [None, 0, 2, "\t"])
@pytest.mark.parametrize("between", ["", "\n", "\r\n\r\n", ",", ",\n", " ", "\x1e"])
def test_bare_bodies_stand_one_after_another(
    indent: int | str | None, between: str, tracker: Command, tmp_path: Path
) -> None:
    content = between.join(json.dumps(aircore(number), indent=indent) for number in range(5))

    run = bodies(tracker, tmp_path / "new.db", content.encode())

    assert (counts(run), run.err) == ((5, 5, 0, 0), b"")


def test_a_log_is_not_taken_for_bare_bodies(tracker: Command, tmp_path: Path) -> None:
    body = write_log(tmp_path / "body.json", [json.dumps(aircore(1))])
    log = write_log(tmp_path / "log.jsonl", started(2))
    db = tmp_path / "new.db"

    named = tracker("ingest", "--db", db, "--provider", "aircore", body, log)
    assert_one_line(named, 2, f"{log}: is a delivery log", "leave --provider out")
    assert not db.exists()

    piped = tracker("ingest", "--db", db, "--provider", "aircore", stdin=log.read_bytes())
    assert_one_line(piped, 2, "standard input: is a delivery log")
    assert tracker("list", "--db", db, "--json").lines == []


@pytest.mark.parametrize("indent", [None, 2])
def test_bare_bodies_without_a_provider_get_a_hint(indent: int | None, tracker: Command, tmp_path: Path) -> None:
    body = write_log(tmp_path / "body.json", [json.dumps(aircore(1), indent=indent)])

    run = tracker("ingest", "--db", tmp_path / "new.db", body)

    assert run.status == 1
    assert run.talk.splitlines()[0] == f"{body}: seems to hold bare bodies; say whose with --provider"
    assert run.talk.count("--provider") == 1


def test_a_mark_before_bare_bodies_does_not_matter(tracker: Command, tmp_path: Path) -> None:
    run = bodies(tracker, tmp_path / "new.db", b"\xef\xbb\xbf" + json.dumps(aircore(1)).encode())

    assert (counts(run), run.err) == ((1, 1, 0, 0), b"")


def test_a_bare_body_is_kept_byte_for_byte(tracker: Command, tmp_path: Path) -> None:
    body = b'{ "event" : "\\u0072\\"}{",\r\n "x":1e2 }'

    run = bodies(tracker, tmp_path / "new.db", b"  " + body + b"\n")
    kept = tracker("quarantine", "show", "1", "--db", tmp_path / "new.db", "--json").json

    assert counts(run) == (1, 0, 1, 0)
    assert kept["bytes"] == len(body)


def test_rubbish_between_bare_bodies_is_named(tracker: Command, tmp_path: Path) -> None:
    one, two, three = (json.dumps(aircore(number)) for number in range(3))

    run = bodies(tracker, tmp_path / "new.db", f'{one} oops }} ]\n"quoted\n{two}\x1b(B{three}\n\n5\n'.encode())

    assert counts(run) == (7, 3, 0, 4)
    assert run.talk.splitlines() == [
        "standard input:1: 'oops } ]' is no JSON object; a body is one",
        "standard input:2: '\"quoted' is no JSON object; a body is one",
        "standard input:3: '\\x1b(B' is no JSON object; a body is one",
        "standard input:5: '5' is no JSON object; a body is one",
    ]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("cut", ["end", "middle", "in a text"])
def test_a_body_cut_short_costs_no_other(cut: str, indent: int | None, tracker: Command, tmp_path: Path) -> None:
    texts = [json.dumps(aircore(number), indent=indent) for number in range(9)]
    place = 8 if cut == "end" else 4
    texts[place] = texts[place][: texts[place].index("recorder.example") if cut == "in a text" else -1]

    run = bodies(tracker, tmp_path / "new.db", "\n".join(texts).encode())

    begins = 1 + sum(text.count("\n") + 1 for text in texts[:place])
    assert counts(run) == (9, 8, 0, 1)
    assert told_lines(run, "standard input") == [begins]
    assert "it may have been cut" in run.talk


def test_bodies_that_never_end_are_read_in_linear_time() -> None:
    stream: Any = Endless(0, b"{\n" * 30_000)

    found = list(bare_bodies(stream, "aircore"))

    assert [number for number, _ in found] == list(range(1, 30_001))


def test_a_body_too_long_is_named_and_the_next_is_taken(tracker: Command, tmp_path: Path) -> None:
    long = json.dumps({"event": "x", "list": [{"a": 1}] * 150_000}, indent=1)
    content = "\n".join([json.dumps(aircore(1)), long, json.dumps(aircore(2))])

    run = bodies(tracker, tmp_path / "new.db", content.encode())

    assert len(long) > MAX_LINE_BYTES
    assert (counts(run), told_lines(run, "standard input")) == ((3, 2, 0, 1), [2])


@pytest.mark.parametrize("shift", range(6))
def test_an_escape_stays_whole_where_a_long_line_is_read_in_pieces(shift: int) -> None:
    second = b'{"a": "\\\\\\"}"}'
    first = b'{"a": "' + b"x" * (MAX_LINE_BYTES - 20 + shift) + b'"}'
    last = b'{"b": 1}'
    stream: Any = Lines([first + second + last + b"\n"])

    found = [given["body"] for _, given in bare_bodies(stream, "aircore") if isinstance(given, dict)]

    assert found == [first, second, last]


class Lines:
    """A stream of these lines."""

    def __init__(self, lines: list[bytes]) -> None:
        self._rest = b"".join(lines)

    def readline(self, limit: int = -1) -> bytes:
        end = self._rest.find(b"\n") + 1 or len(self._rest)
        end = min(end, limit) if limit >= 0 else end
        found, self._rest = self._rest[:end], self._rest[end:]
        return found


def test_a_list_of_bodies_is_no_body(tracker: Command, tmp_path: Path) -> None:
    run = bodies(tracker, tmp_path / "new.db", json.dumps([aircore(1), aircore(2)]).encode())

    assert counts(run) == (1, 0, 0, 1)
    assert "the body is a JSON array; one object is expected" in run.talk


# Quarantine


def test_the_quarantine_is_listed_shown_retried_and_dropped(tracker: Command, tmp_path: Path) -> None:
    db = tmp_path / "new.db"
    bodies(tracker, db, b'{"event": "\x7f\\u001b[31m", "list": [1]}')

    listed = tracker("quarantine", "list", "--db", db)
    shown = tracker("quarantine", "show", "1", "--db", db)
    retried = tracker("quarantine", "retry", "--db", db)
    dropped = tracker("quarantine", "drop", "1", "--db", db)

    assert [listed.status, shown.status, retried.status, dropped.status] == [0, 0, 1, 0]
    assert [len(run.text.splitlines()) for run in (listed, shown)] == [2, 3]
    assert shown.text.splitlines()[2] == '{"event": "\\x7f\\u001b[31m", "list": [1]}'
    assert (retried.talk, dropped.talk) == ("1 body read again: 1 quarantined\n", "dropped 1\n")
    again = tracker("quarantine", "retry", "--db", db)
    assert (again.status, again.talk) == (0, "0 bodies read again\n")


def test_what_a_retry_says_adds_up(tracker: Command, tmp_path: Path) -> None:
    db, site = tmp_path / "new.db", tmp_path / "site"
    told = "".join(json.dumps({"take": "t", "what": "begun", "n": number}) for number in range(3))
    with installed(site):
        given = ("--provider", "studio", "--machines", site / "machines", "--db", db)
        tracker("ingest", *given, stdin=told.encode() + b'{"take": 5}')

    with installed(site, optional=" | None = None"):
        run = tracker("quarantine", "retry", "--db", db, "--machines", site / "machines")

    assert run.talk == "4 bodies read again: 1 accepted, 2 duplicates, 1 quarantined\n"


# What is said of it all


def test_what_is_said_of_deliveries_adds_up(tracker: Command, tmp_path: Path) -> None:
    mixed = [
        line("aircore", aircore(1)),
        line("aircore", aircore(1)),
        line("aircore", aircore(2)),
        line("aircore", {}),
        line("aircore", "no JSON"),
        "no line of a log",
        line("bandwidth", {"eventType": "initiate", "callId": "c-1"}),
        *(json.dumps({"expect": {"provider": "agora", "recording_id": f"sid-{number}"}}) for number in range(3)),
    ]

    run = tracker("ingest", "--db", tmp_path / "new.db", write_log(tmp_path / "log.jsonl", mixed))

    whole, results, *_ = re.split(": |; ", run.text)
    assert results == "2 accepted, 1 duplicate, 1 quarantined, 2 rejected, 1 ignored, 3 expected"
    assert whole == f"{len(mixed)} deliveries"


def test_what_the_tour_says_adds_up_in_one_line(tracker: Command, tmp_path: Path) -> None:
    _, _, told, *_ = tracker("demo", "--db", tmp_path / "tour.db").text.splitlines()

    whole, *results = map(int, re.findall("[0-9]+", told.partition(";")[0]))
    assert (whole, len(told) <= 80) == (sum(results), True)
