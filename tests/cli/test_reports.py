"""What people look at: safe whatever a payload holds, and as wide as the terminal."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recording_tracker.times import from_ms, moment_ms, short
from tests.cli.conftest import NOW, Command
from tests.cli.deliveries import MOMENT_MS, RECEIVED, aircore, line, write_log

LATER = ("--now", "2026-11-09T00:00:00Z", "--since", "30d")
FORMS = ["text", "json", "csv", "md"]
FORMULAS = "=+-@\t\r\0＝＋－＠"
ODD = [
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "one\rtwo",
    "one\ntwo\r\n| three | four |",
    "\u202egnp.exe",
    "\u2066hidden\u2069\u200b\u00ad\ufeff",
    "nul\0end",
    "\x9b31m\x85next",
    "\u2028line\u2029paragraph",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    " -1+1",
    "＝1+1",
    "| cell | ![x](http://evil.example/x.png) [x](javascript:alert(1)) <b onclick=alert(1)> `code` www.evil.example",
    "# head\n---\n* item",
    "%s {0} $(id) {{7*7}} '; drop table events; --",
    "会議室・회의실",
    "long " * 200,
]


def agora(number: int, text: str) -> dict[str, Any]:
    """An upload of Agora's whose channel and file have *text* for a name."""
    files = [{"fileName": text, "trackType": text, "uid": "1", "mixedAllUser": True, "isPlayable": True}]
    details = {"msgName": "uploaded", "status": 0, "fileList": files}
    payload = {"cname": text, "uid": "1", "sid": f"{number:032x}", "sequence": 0, "sendts": MOMENT_MS, "serviceType": 2}
    return {
        "noticeId": f"n{number}", "productId": 3, "eventType": 31, "notifyMs": MOMENT_MS,
        "payload": payload | {"details": details},
    }  # fmt: skip


def bandwidth(number: int, text: str) -> dict[str, Any]:
    return {
        "eventType": "recordingAvailable", "eventTime": RECEIVED, "callId": text or "c",
        "recordingId": f"r-odd-{number}", "status": "error", "accountId": text, "mediaUrl": f"https://user:word@h.example/{number}?token=t0ken",
    }  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which every text that a provider may choose is odd."""
    lines = []
    for number, text in enumerate(ODD):
        failed = aircore(number, "recording-upload-failed", reason=text, state=text)
        lines += [
            line("agora", agora(number, text)),
            line("aircore", aircore(number), query={"channel": text, "id": text}),
            line("aircore", failed, query={"channel": text, "id": text}),
            line("bandwidth", bandwidth(number, text)),
            line("enablex", {"type": text, "app_id": "app", "conf_num": f"conf-{number}", "trans_date": RECEIVED}),
            line("aircore", {"event": text, "recording": {"url": text}}),
        ]
    return write_log(tmp_path_factory.mktemp("hostile") / "log.jsonl", lines)


@pytest.fixture
def odd(hostile: Path, tracker: Command, tmp_path: Path) -> Path:
    tracker("ingest", hostile, "--db", tmp_path / "odd.db")
    return tmp_path / "odd.db"


def is_printable(text: str) -> bool:
    return not any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in text)


def test_what_ingest_says_of_hostile_bodies_is_printable(tracker: Command, hostile: Path, tmp_path: Path) -> None:
    run = tracker("ingest", hostile, "--db", tmp_path / "odd.db")

    assert len(run.talk.splitlines()) >= len(ODD)
    assert all(is_printable(told) and len(told) < 3_000 for told in run.talk.split("\n"))


@pytest.mark.parametrize("width", [None, 20, 80, 200])
def test_nothing_raw_reaches_a_terminal(width: int | None, tracker: Command, odd: Path) -> None:
    ids = [value["recording_id"] for value in tracker("list", "--db", odd, "--json").lines]
    commands = [["list"], ["audit"], ["quarantine", "list"], ["quarantine", "show", "1"]]
    commands += [[command, name] for command in ("status", "history", "explain") for name in ids]

    for command in commands:
        run = tracker(*command, "--db", odd, terminal=width)
        # Colours are ours, and nothing else is.
        plain = re.sub(r"\x1b\[[0-9;]*m", "", run.text) if width else run.text
        assert [shown for shown in plain.split("\n") if not is_printable(shown)] == []
        assert run.err == b""


def test_no_report_is_raw(tracker: Command, odd: Path, tmp_path: Path) -> None:
    for form in FORMS:
        run = tracker("audit", *LATER, "--db", odd, "--format", form)
        tracker("audit", *LATER, "--db", odd, "--format", form, "-o", tmp_path / form, terminal=80)

        assert [shown for shown in run.text.split("\n") if not is_printable(shown)] == []
        assert (tmp_path / form).read_bytes() == run.out


def test_an_address_of_any_length_is_shown_in_part(tracker: Command, tmp_path: Path) -> None:
    location = {"address": f"https://bucket.example/{'long' * 50_000}.m4a", "region": "r"}
    body = aircore(1, "recording-uploaded", location=location)
    tracker("ingest", "--db", tmp_path / "new.db", stdin=line("aircore", body).encode())

    given = ("status", "http://recorder.example/recording/1", "--db", tmp_path / "new.db")

    assert max(map(len, tracker(*given).text.splitlines())) < 1_100
    assert tracker(*given, "--json").json["files"][0]["url"] == location["address"]


def test_json_gives_every_text_back_as_it_came(tracker: Command, odd: Path) -> None:
    found = {value["recording_id"]: value for value in tracker("list", "--db", odd, "--json").lines}

    assert [found[f"{number:032x}"]["group_id"] for number in range(len(ODD))] == ODD
    assert [found[f"{number:032x}"]["files"][0]["name"] for number in range(len(ODD))] == ODD


def test_csv_reads_back_as_one_row_a_flag_without_formulas(tracker: Command, odd: Path) -> None:
    report = tracker("audit", *LATER, "--db", odd, "--json").json
    recordings = report["stuck"] + report["flagged"]

    head, *rows = csv.reader(io.StringIO(tracker("audit", *LATER, "--db", odd, "--format", "csv").text), strict=True)

    assert {len(row) for row in rows} == {len(head)}
    assert len(rows) == sum(len(recording["flags"]) for recording in recordings) > len(ODD)
    assert [cell for row in rows for cell in row if cell.strip().startswith(tuple(FORMULAS))] == []
    assert [row[head.index("events")] for row in rows if not row[head.index("events")].isdigit()] == []


def test_markdown_is_one_line_a_row_without_links_or_markup(tracker: Command, odd: Path) -> None:
    report = tracker("audit", *LATER, "--db", odd, "--json").json
    flags = sum(len(recording["flags"]) for recording in report["stuck"] + report["flagged"])

    lines = tracker("audit", *LATER, "--db", odd, "--format", "md").text.splitlines()

    rows = [text for text in lines if text.startswith("| ") and not text.startswith("| ---")]
    cells = [re.split(r"(?<!\\)\|", text) for text in rows]
    sections = sum(text.startswith("## ") for text in lines)
    assert len([row for row in cells if len(row) == 8]) == flags + sections
    assert {len(row) for row in cells} == {6, 8}
    bare = [re.sub(r"(?<!\\)(`+) .*? \1 \|", "|", text) for text in rows]
    assert [text for text in bare if re.search(r"(?<!\\)[`<\[*]|(?<!\\)https?:|www\.", text)] == []
    assert sum(text.startswith("#") for text in lines) == sections + 1


# Secrets


SECRETS = ["h4sh", "word", "t0ken", "S1gnature"]


@pytest.fixture
def secret(tracker: Command, tmp_path: Path) -> Path:
    """A database with a hash, and with credentials in addresses of files."""
    address = "https://key:word@bucket.example/record.m4a?X-Amz-Signature=S1gnature&x=1"
    started = {"sid": "6364e8b3bdac436e96310bce2498ce0c", "recording_start_time": MOMENT_MS}
    completed = {"from_recordings": [{"object_id": "from-1", "hash": "h4sh", "order": 2}], "to_recordings": None}
    lines = [
        line("aircore", aircore(1, "recording-uploaded", location={"address": address, "region": "r"})),
        line("bandwidth", bandwidth(1, "")),
        line("line_planet", started | completed | {"recording_status": "COMPLETED"}),
    ]
    tracker("ingest", "--db", tmp_path / "secret.db", write_log(tmp_path / "log", lines))
    return tmp_path / "secret.db"


def test_no_command_shows_secrets_unasked(tracker: Command, secret: Path) -> None:
    names = [value["recording_id"] for value in tracker("list", "--db", secret, "--json").lines]
    commands = [
        ["list"],
        ["list", "--json"],
        *(["audit", *LATER, "--format", form] for form in FORMS),
    ]
    commands += [
        [command, name, *more]
        for command in ("status", "history", "explain")
        for name in names
        for more in ([], ["--json"])
    ]

    shown = {" ".join(command): tracker(*command, "--db", secret).text for command in commands}

    assert len(names) == 3
    assert "from-1" in shown["audit --now 2026-11-09T00:00:00Z --since 30d --format json"]
    assert [(command, word) for command, text in shown.items() for word in SECRETS if word in text] == []


def test_secrets_are_shown_to_who_asks(tracker: Command, secret: Path) -> None:
    names = [value["recording_id"] for value in tracker("list", "--db", secret, "--json").lines]

    text = "".join(tracker("status", name, "--secrets", "--db", secret).text for name in names)
    one = "".join(tracker("status", name, "--secrets", "--db", secret, "--json").text for name in names)
    listed = tracker("list", "--secrets", "--json", "--db", secret).text

    assert [[word for word in SECRETS if word in shown] for shown in (text, one, listed)] == [SECRETS] * 3


def test_an_address_without_its_credentials_is_still_an_address(tracker: Command, secret: Path) -> None:
    (file,) = tracker("status", "http://recorder.example/recording/1", "--db", secret, "--json").json["files"]

    assert file["url"] == "https://bucket.example/record.m4a?X-Amz-Signature=***&x=1"


# Terminals


def shown(run: Any) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", run.text).splitlines()


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("command", ["list", "quarantine list"])
def test_a_table_is_no_wider_than_the_terminal(width: int, command: str, tracker: Command, toured: Path) -> None:
    lines = shown(tracker(*command.split(), "--db", toured, terminal=width))

    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize(
    "command",
    ["audit", "status demo-app/conf-3", "status d54bb640b", "history a400bdbef", "explain conf-3", "explain a400bdbef"],
)
def test_sentences_are_broken_where_the_terminal_ends(width: int, command: str, tracker: Command, toured: Path) -> None:
    now = () if command.startswith("history") else ("--now", NOW)

    whole = tracker(*command.split(), *now, "--db", toured)
    lines = shown(tracker(*command.split(), *now, "--db", toured, terminal=width))

    assert max(map(len, lines)) <= width
    assert words(lines) == words(whole.text.splitlines())


def words(lines: list[str]) -> list[str]:
    """All words of a report in no order, without what a terminal gets in another form: a head, moments in a table."""
    table = next((place for place, text in enumerate(lines) if text.startswith("provider ")), None)
    return sorted(word for text in lines[:table] for word in text.split() if word != "moves")


def test_machines_fit_a_terminal(tracker: Command) -> None:
    for command in (["list"], *(["show", name] for name in ("agora", "enablex", "bandwidth"))):
        assert max(map(len, shown(tracker("machines", *command, terminal=80)))) <= 80


@pytest.mark.parametrize("width", [40, 80])
def test_every_name_in_a_list_leads_to_its_recording(width: int, tracker: Command, toured: Path) -> None:
    ids = [value["recording_id"] or value["group_id"] for value in tracker("list", "--db", toured, "--json").lines]

    names = [row.split()[0 if width < 60 else 1] for row in shown(tracker("list", "--db", toured, terminal=width))[1:]]

    found = [tracker("status", name.partition("…")[0], "--db", toured, "--json").lines for name in names]
    told = [[value["recording_id"] or value["group_id"] for value in lines] for lines in found]
    ambiguous = [place for place, lines in enumerate(told) if ids[place] not in lines]
    # Two recordings of one sid begin alike.
    assert [ids[place].partition("/")[0] for place in ambiguous] == ["fcefe89de18057239e4f33c53a0c9f41"] * 2


def test_a_pipe_gets_everything_in_full(tracker: Command, toured: Path) -> None:
    run = tracker("list", "--db", toured, "--now", NOW)

    assert "http://recorder.example:8080/recording/1793542500000-0-16" in run.text
    assert "missing-event,sequence-gap" in run.text
    assert "\x1b" not in run.text
    assert "…" not in run.text


def test_a_terminal_gets_colours_unless_they_are_not_wanted(
    tracker: Command, toured: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    colourful = tracker("audit", "--db", toured, terminal=80).text
    monkeypatch.setenv("NO_COLOR", "1")
    plain = [
        tracker(*command, terminal=80).text
        for command in (
            ["audit", "--db", toured],
            ["status", "demo-app/conf-3", "--db", toured],
            ["list", "--db", toured],
            ["machines", "show", "agora"],
            ["demo", "--db", tmp_path / "demo.db"],
        )
    ]

    assert "\x1b[" in colourful
    assert [text for text in plain if "\x1b" in text] == []


def test_a_complete_recording_shows_no_progress_of_an_upload(tracker: Command, toured: Path) -> None:
    assert "25%" not in tracker("status", "a400bdbef", "--db", toured).text


# Time zones


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A local zone with a summer and a winter."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("command", ["status conf-3", "history conf-3", "explain conf-3", "list --provider enablex"])
def test_times_are_local_on_request_only(command: str, tracker: Command, toured: Path) -> None:
    now = () if command.startswith("history") else ("--now", NOW)

    usual = tracker(*command.split(), *now, "--db", toured).text
    local = tracker(*command.split(), *now, "--local", "--db", toured).text
    told = tracker(*command.split(), *now, "--local", "--json", "--db", toured)

    assert ("12:20:20" in usual, "12:20:20" in local) == (True, False)
    assert "13:20:20" in local
    assert "+01:00" in local
    assert "+01:00" not in usual
    assert re.findall(r"\d\d:\d\d[.:\d]*Z", local) == []
    assert told.out == tracker(*command.split(), *now, "--json", "--db", toured).out


@pytest.mark.usefixtures("berlin")
def test_each_time_has_the_offset_of_its_own_day(tracker: Command, tmp_path: Path) -> None:
    """The night in which the clock is put back has one hour twice."""
    db = tmp_path / "night.db"
    for hour, event in (("00:30", "recording-started"), ("01:30", "recording-stopped")):
        body = aircore(1, event) | {"timestamp": moment_ms(f"2026-10-25T{hour}:00Z")}
        log = write_log(tmp_path / "log", [line("aircore", body, received_at=f"2026-10-25T{hour}:01Z")])
        tracker("ingest", "--db", db, log)
    name = "http://recorder.example/recording/1"

    history = tracker("history", name, "--local", "--db", db).text
    story = tracker("explain", name, "--local", "--db", db).text

    assert re.findall(r"2026-10-25 02:30:00\+0\d:00", history) == [
        "2026-10-25 02:30:00+02:00",
        "2026-10-25 02:30:00+01:00",
    ]
    assert re.findall(r"2026-10-25 \(UTC\+0\d:00\)", story) == ["2026-10-25 (UTC+02:00)", "2026-10-25 (UTC+01:00)"]


def test_the_history_of_a_group_tells_its_recordings_apart(tracker: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [line("aircore", aircore(n), query={"id": "room-9"}) for n in range(2)])
    tracker("ingest", log, "--db", tmp_path / "r.db")

    lines = shown(tracker("history", "room-9", "--db", tmp_path / "r.db"))

    assert [text.split()[0] for text in lines if text] == ["aircore", "occurred", "2026-11-01"] * 2
    assert {f"aircore http://recorder.example/recording/{number}" for number in range(2)} < set(lines)
    assert lines.count("") == 1


def test_a_narrow_history_shows_whole_times(tracker: Command, toured: Path) -> None:
    _, head, below, *lines = shown(tracker("history", "conf-3", "--db", toured, terminal=50))

    assert max(map(len, (head, *lines))) <= 50
    assert below == "    moves"
    assert [text.split()[:2] for text in lines[::2]] == [
        ["11-01", "12:00:00"], ["11-01", "12:20:00"], ["11-01", "12:20:20"]
    ]  # fmt: skip


@pytest.mark.parametrize("width", [50, 80])
@pytest.mark.parametrize("name", ["conf-3", "64add4", "a400bd", "1793538900000-0-15", "c-demo-7", "r-demo-6", "b3e0d"])
def test_a_story_is_no_wider_than_the_terminal(width: int, name: str, tracker: Command, toured: Path) -> None:
    lines = shown(tracker("explain", name, "--now", NOW, "--db", toured, terminal=width))

    # An id is not taken apart, nor is a command.
    assert [text for text in lines[1:] if len(text) > width and not re.search("//|^    tracker ", text)] == []


def test_a_command_that_a_story_names_can_be_copied(tracker: Command, toured: Path) -> None:
    lines = shown(tracker("explain", "1793538900000-0-15", "--now", NOW, "--db", toured, terminal=80))

    name = "http://recorder.example:8080/recording/1793538900000-0-15"
    assert lines[lines.index("  - When you know how it ended, settle it:") + 1] == (
        f"    tracker resolve --outcome OUTCOME --note TEXT {name}"
    )


# Exit status


@pytest.mark.parametrize("form", FORMS)
def test_an_audit_of_a_healthy_database_is_fine(form: str, tracker: Command, tmp_path: Path) -> None:
    tracker("expect", "agora", "abcd", "--within", "10m", "--at", RECEIVED, "--db", tmp_path / "new.db")

    early = tracker("audit", "--db", tmp_path / "new.db", "--format", form, "--now", "2026-11-01T09:10:01Z")
    late = tracker("audit", "--db", tmp_path / "new.db", "--format", form, "--now", "2026-11-01T09:10:01.002Z")

    assert (early.status, late.status) == (0, 1)


def test_an_audit_alarms_for_what_has_been_quarantined_since(tracker: Command, tmp_path: Path) -> None:
    tracker("ingest", "--db", tmp_path / "new.db", stdin=line("aircore", {"event": "?"}).encode())

    soon = tracker("audit", "--db", tmp_path / "new.db", "--now", "2026-11-01T10:00:00Z")
    later = tracker("audit", "--db", tmp_path / "new.db", "--now", "2026-11-03T10:00:00Z")
    since = tracker("audit", "--db", tmp_path / "new.db", "--now", "2026-11-03T10:00:00Z", "--since", "7d")

    assert [run.status for run in (soon, later, since)] == [1, 0, 1]


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_an_audit_tells_of_what_nothing_has_opened(form: str, tracker: Command, tmp_path: Path) -> None:
    events = [aircore(1, "paused"), aircore(2, "paused"), aircore(3, "broken"), aircore(4, "lost"), aircore(5, "torn")]
    log = "\n".join(line("aircore", event) for event in events)
    assert "; 5 flags raised" in tracker("ingest", "--db", tmp_path / "new.db", stdin=log.encode()).text

    run = tracker("audit", "--db", tmp_path / "new.db", "--format", form, "--now", "2026-11-01T10:00:00Z")

    assert run.status == 0
    told = re.sub(r"<[^>]*>|\\", "", run.text)
    assert "aircore: 5 ids are in no list, for nothing has opened them; what came last: paused 2, " in told
    assert " and 1 other" in told
    assert "he newest is http://recorder.example/recording/5; see what the provider says of it" in told


def test_json_of_a_report_is_the_same_by_both_options(tracker: Command, toured: Path, tmp_path: Path) -> None:
    tracker("audit", "--db", toured, "--now", NOW, "--json", "-o", tmp_path / "report.json")

    assert (
        json.loads((tmp_path / "report.json").read_text())
        == tracker("audit", "--db", toured, "--now", NOW, "--json").json
    )


@pytest.mark.parametrize("form", ["text", "csv", "md"])
def test_a_silent_provider_is_said_before_all_else(tracker: Command, toured: Path, tmp_path: Path, form: str) -> None:
    (tmp_path / "agora.toml").write_text('extends = "agora"\n[limits]\nsilent_after = "1h"\n')
    audit = ("audit", "--db", toured, "--now", NOW, "--format", form)

    told = tracker(*audit, "--machines", tmp_path).text.splitlines()
    usual = tracker(*audit).text.splitlines()

    head = told[1:2] if form == "csv" else told[:2]
    assert [line for line in head if line.lower().startswith(("silent", "**silent"))] == head[:1]
    assert "agora" in head[0]
    assert "receiver deaf" in " ".join(head)
    assert [line for line in told if line not in head and line] == [line for line in usual if line]


# Ages

AGE = re.compile(r"(20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ) \(([^)]+) ago\)")


@pytest.mark.parametrize("now", [NOW, "2026-11-01T18:00:00.999Z"])
@pytest.mark.parametrize(
    "command", [["list"], ["audit"], ["audit", "--format", "md"], ["status", "r-demo-6"]], ids=" ".join
)
def test_an_age_is_that_of_the_moment_that_is_written(
    tracker: Command, toured: Path, command: list[str], now: str
) -> None:
    found = AGE.findall(tracker(*command, "--db", toured, "--now", now).text)

    assert found
    for moment, age in found:
        assert age == short(from_ms(moment_ms(NOW)) - from_ms(moment_ms(moment))), moment


def test_a_list_and_the_status_tell_one_age(tracker: Command, toured: Path) -> None:
    listed = tracker("list", "--db", toured, "--now", NOW).text.splitlines()[1:]
    ages = {line.split()[1]: match[2] for line in listed if (match := AGE.search(line))}

    assert len(ages) == 29
    for name, age in ages.items():
        [last] = [
            line
            for line in tracker("status", name, "--db", toured, "--now", NOW).text.splitlines()
            if line.startswith("  last event")
        ]
        assert f"({age} ago);" in last or f"heard {age} ago;" in last
