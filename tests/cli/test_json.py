"""What other programs read: the JSON that commands print."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from recording_tracker.differences import KINDS
from tests.cli.conftest import EXAMPLES, NOW, Command, Run
from tests.cli.deliveries import aircore, line, started, write_log

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
COUNTS = ["deliveries", "accepted", "duplicates", "quarantined", "rejected", "ignored", "expected"]


def moment(value: object) -> bool:
    return isinstance(value, str) and MOMENT.fullmatch(value) is not None


def optional(kind: Any) -> Any:
    return lambda value: value is None or fits(value, kind)


def fits(value: Any, kind: Any) -> bool:
    """Tell whether *value* has exactly the keys and the types of *kind*."""
    if isinstance(kind, dict):
        return (
            isinstance(value, dict) and list(value) == list(kind) and all(fits(value[key], kind[key]) for key in kind)
        )
    if isinstance(kind, list):
        return isinstance(value, list) and all(fits(item, kind[0]) for item in value)
    return type(value) is kind if isinstance(kind, type) else bool(kind(value))


def each(kind: Any) -> Any:
    return lambda value: isinstance(value, dict) and all(fits(item, kind) for item in value.values())


FILE = {
    "name": optional(str), "url": optional(str), "kind": optional(str), "track": optional(str),
    "order": optional(int), "hash": optional(str), "size": optional(int),
}  # fmt: skip
FLAG = {
    "code": str, "severity": lambda value: value in ("error", "warning", "info"), "message": str,
    "region": optional(str), "events": [str], "raised_at": moment, "acknowledged": bool,
}  # fmt: skip
RECORDING = {
    "provider": str, "recording_id": optional(str), "group_id": optional(str), "aliases": [str],
    "phase": lambda value: value in ("expected", "starting", "recording", "processing", "finished"),
    "complete": bool,
    "outcome": lambda value: value in (None, "available", "backed_up", "partial", "absent", "failed"),
    "stuck": bool, "state": each(str),
    "started_at": optional(moment), "ended_at": optional(moment), "completed_at": optional(moment),
    "stall_at": optional(moment), "due_at": optional(moment), "progress": optional(float),
    "last_event": optional({"name": str, "occurred_at": optional(moment), "received_at": moment}),
    "events": int, "duplicates": int, "files": [FILE], "flags": [FLAG],
}  # fmt: skip
PROVIDER = {
    "recordings": int, "open": int, "phases": each(int), "outcomes": each(int),
    "last_received_at": optional(moment), "silent": bool,
}  # fmt: skip
AUDIT = {
    "now": moment, "since": moment, "recordings": int, "open": int, "complete": int,
    "stuck": [RECORDING], "flagged": [RECORDING], "flags": each(int), "providers": each(PROVIDER),
    "quarantined": int, "ignored": int,
}  # fmt: skip
HISTORY = {
    "provider": str, "recording_id": str,
    "event_id": str, "name": str, "occurred_at": optional(moment), "received_at": moment, "delay_ms": optional(int),
    "verdict": lambda value: value in ("taken", "late", "implied", "conflict", "illegal", "unknown"),
    "regions": each({"from": str, "to": str}), "deliveries": int,
}  # fmt: skip
SUMMARY = dict.fromkeys([*COUNTS, "recordings", "raised", "cleared"], int)


def test_list_prints_one_recording_a_line(tracker: Command, toured: Path) -> None:
    found = tracker("list", "--db", toured, "--now", NOW, "--json").lines

    assert len(found) == 30
    assert [value for value in found if not fits(value, RECORDING)] == []


def test_status_prints_each_recording_of_a_group(tracker: Command, toured: Path) -> None:
    group = "fcefe89de18057239e4f33c53a0c9f41"

    found = tracker("status", group, "--db", toured, "--now", NOW, "--json").lines

    assert [value["recording_id"] for value in found] == [f"{group}/1793539800", f"{group}/1793540640"]
    assert all(fits(value, RECORDING) for value in found)


def test_an_announced_group_has_no_recording_id_yet(tracker: Command, toured: Path) -> None:
    found = tracker("status", "c-demo-7", "--db", toured, "--now", NOW, "--json").json

    assert fits(found, RECORDING)
    assert (found["recording_id"], found["group_id"], found["last_event"]) == (None, "c-demo-7", None)


def test_audit_prints_one_object(tracker: Command, toured: Path) -> None:
    run = tracker("audit", "--db", toured, "--now", NOW, "--json")

    assert fits(run.json, AUDIT)
    assert (run.json["recordings"], run.json["open"] + run.json["complete"], run.status) == (30, 30, 1)
    assert run.out == tracker("audit", "--db", toured, "--now", NOW, "--format", "json").out


def test_history_prints_one_event_a_line(tracker: Command, toured: Path) -> None:
    found = tracker("history", "demo-app/conf-1", "--db", toured, "--json").lines

    assert [value for value in found if not fits(value, HISTORY)] == []
    assert [value["name"] for value in found][:3] == ["room-record-on", "room-record-off", "roomdrop"]
    assert found[0]["regions"]["capture"] == {"from": "off", "to": "on"}
    assert found[0]["delay_ms"] == 700


def test_each_event_of_a_group_names_its_recording(tracker: Command, tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.jsonl", [line("aircore", aircore(n), query={"id": "room-9"}) for n in range(2)])
    tracker("ingest", log, "--db", tmp_path / "r.db")

    found = tracker("history", "room-9", "--db", tmp_path / "r.db", "--json").lines

    assert [("aircore", f"http://recorder.example/recording/{number}") for number in range(2)] == sorted(
        (value["provider"], value["recording_id"]) for value in found
    )


def test_the_counts_of_ingest_add_up(tracker: Command, tmp_path: Path) -> None:
    log = write_log(
        tmp_path / "log.jsonl",
        [
            *started(3),
            line("aircore", aircore(0)),
            line("aircore", {"event": "recording-started"}),
            line("aircore", "no JSON"),
            "no JSON either",
            line("bandwidth", {"eventType": "answer", "callId": "c-1"}),
            '{"expect": {"provider": "agora", "recording_id": "abcdef"}}',
        ],
    )

    run = tracker("ingest", "--db", tmp_path / "new.db", log, "--json")

    assert fits(run.json, SUMMARY)
    assert [run.json[count] for count in COUNTS] == [9, 3, 1, 1, 2, 1, 1]
    assert (run.json["recordings"], run.status) == (4, 1)


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_the_counts_of_every_example_add_up(file: Path, tracker: Command, tmp_path: Path) -> None:
    found = tracker("ingest", "--db", tmp_path / "new.db", file, "--json").json

    assert found["deliveries"] == sum(found[count] for count in COUNTS[1:])
    assert found["deliveries"] == len(file.read_text(encoding="utf-8").splitlines())


def test_expect_prints_the_recording_that_is_expected(tracker: Command, tmp_path: Path) -> None:
    at = ("--at", "2026-11-01T10:00:00Z", "--within", "10m")

    found = tracker("expect", "agora", "abcdef", *at, "--db", tmp_path / "new.db", "--json").json

    assert fits(found, RECORDING)
    assert (found["phase"], found["due_at"]) == ("expected", "2026-11-01T10:10:00.000Z")


def test_ack_prints_the_flags_that_it_has_acknowledged(tracker: Command, db: Path) -> None:
    found = tracker("ack", "r-demo-5", "--note", "seen", "--db", db, "--now", NOW, "--json").json

    assert fits(found, FLAG)
    assert (found["code"], found["acknowledged"]) == ("stalled", True)


def test_resolve_prints_the_recording(tracker: Command, db: Path) -> None:
    outcome = ("--outcome", "failed", "--note", "asked them")

    found = tracker("resolve", "r-demo-5", *outcome, "--db", db, "--now", NOW, "--json").json

    assert fits(found, RECORDING)
    assert (found["complete"], found["outcome"]) == (True, "failed")


def test_verify_prints_what_differs_and_what_is_damaged(tracker: Command, toured: Path) -> None:
    assert tracker("verify", "--db", toured, "--json").json == {"recordings": 30, "differences": [], "damaged": []}


def test_replay_prints_what_changes(tracker: Command, db: Path) -> None:
    counts = dict.fromkeys((*KINDS, "other"), 0)

    run = tracker("replay", "--db", db, "--now", NOW, "--json")

    assert run.json == {"recordings": 30, "left": 0, "changed": [], "counts": counts}


def test_replay_prints_before_and_after(tracker: Command, db: Path, tmp_path: Path) -> None:
    run = tracker("replay", "--dry-run", "--db", db, "--machines", hasty(tmp_path), "--now", NOW, "--json")

    changed = {"id": str, "before": each(lambda _: True), "after": each(lambda _: True)}
    counts = dict.fromkeys((*KINDS, "other"), int)
    assert fits(run.json, {"changed": [changed], "recordings": int, "left": int, "counts": counts})
    assert (len(run.json["changed"]) > 0, run.status) == (True, 1)


def hasty(folder: Path) -> Path:
    """A folder of machines in which Aircore has less time."""
    machines = folder / "machines"
    machines.mkdir()
    adjusted = 'provider = "aircore"\nextends = "aircore"\n[limits]\ncomplete_within = "10m"\n'
    (machines / "aircore.toml").write_text(adjusted, encoding="utf-8")
    return machines


def test_quarantine_prints_what_is_kept(tracker: Command, db: Path) -> None:
    tracker("ingest", "--db", db, stdin=line("aircore", {"event": "?"}).encode())
    kept = {"number": int, "provider": str, "received_at": moment, "reason": str, "bytes": int}

    listed = tracker("quarantine", "list", "--db", db, "--json").json
    shown = tracker("quarantine", "show", str(listed["number"]), "--db", db, "--json").json
    retried = tracker("quarantine", "retry", "--db", db, "--json")
    dropped = tracker("quarantine", "drop", str(listed["number"]), "--db", db, "--json")

    assert fits(listed, kept)
    assert fits(shown, kept | {"body_b64": str})
    assert (fits(retried.json, SUMMARY), retried.status) == (True, 1)
    assert (dropped.json, dropped.status) == ({"dropped": listed["number"]}, 0)


def test_the_commands_that_look_after_the_file_print_json(tracker: Command, db: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"

    backed = tracker("backup", copy, "--db", db, "--json").json
    erased = tracker("erase", "r-demo-1", "--db", db, "--json").json
    pruned = tracker("prune", "--complete-before", "1s", "--db", db, "--now", NOW, "--json").json

    assert backed == {"file": str(copy), "recordings": 30, "differences": [], "damaged": []}
    assert (erased, list(pruned), pruned["pruned"] > 0) == ({"erased": "r-demo-1"}, ["pruned"], True)


def test_machines_print_json(tracker: Command) -> None:
    listed = tracker("machines", "list", "--json").lines
    checked = tracker("machines", "check", "--seconds", "1", "--json").lines
    shown = tracker("machines", "show", "agora", "--json").json

    assert [value["provider"] for value in listed] == ["agora", "aircore", "bandwidth", "enablex", "line_planet"]
    assert [value["ok"] for value in checked] == [True] * 30
    assert shown["provider"] == "agora"


def test_demo_prints_where_it_put_things_and_counts(tracker: Command, tmp_path: Path) -> None:
    found = tracker("demo", "--db", tmp_path / "demo.db", "--json").json

    assert fits(found, {"database": str, "report": str} | SUMMARY)
    assert Path(found["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")


def everything(tracker: Command, db: Path) -> list[Run]:
    """Every command that reads, with --json."""
    reading = [
        "list",
        "status room",
        "history room",
        "explain room",
        "audit",
        "verify",
        "quarantine list",
        "quarantine show 1",
    ]
    return [tracker(*command.split(), "--db", db, "--json") for command in reading]


def test_json_is_ascii_and_strict_whatever_the_payload_holds(tracker: Command, tmp_path: Path) -> None:
    odd = "ü\u202e\x1b[31m\x85\u2028\0\ud83d\ude00"
    body = aircore(1) | {"id": odd}
    log = [line("aircore", body, query={"channel": "room", "x": odd}), line("aircore", {"event": odd})]
    tracker("ingest", "--db", tmp_path / "new.db", stdin="\n".join(log).encode())

    runs = everything(tracker, tmp_path / "new.db")

    assert [run.err for run in runs] == [b""] * len(runs)
    assert all(run.lines for run in runs)
