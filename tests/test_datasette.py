"""Datasette over the database: its queries show the numbers of the commands, and nothing secret can be reached."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from datasette.app import Datasette
from datasette.utils import parse_metadata

from recording_tracker import AuditReport, Tracker
from recording_tracker.cli import cli

METADATA = Path(__file__).resolve().parents[1] / "examples" / "datasette" / "metadata.yaml"
CONFIGURED = parse_metadata(METADATA.read_text(encoding="utf-8"))["databases"]["recordings"]
NOW = datetime.fromisoformat("2026-11-01T18:00:00Z")
SECRET = "hush-hush"
Page = tuple[int, str]


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's database, with a body kept aside and a file whose url holds a credential."""
    path = tmp_path_factory.mktemp("datasette") / "recordings.db"
    assert CliRunner().invoke(cli, ["demo", "--db", str(path)]).exit_code == 0
    with Tracker(path) as tracker:
        tracker.ingest("agora", {"sid": SECRET})
        body = {"eventType": "recordingAvailable", "recordingId": "r-secret", "callId": "c-1", "status": "complete"}
        tracker.ingest(
            "bandwidth", body | {"mediaUrl": f"https://user:{SECRET}@h.example/f.wav?token={SECRET}", "tag": SECRET}
        )
    return path


@pytest.fixture(scope="module")
def report(db: Path) -> AuditReport:
    with Tracker(db, readonly=True) as tracker:
        return tracker.audit(NOW)


def get_all(db: Path, asked: Iterable[tuple[str, dict[str, str]]]) -> list[Page]:
    """Get each path with its parameters from one Datasette."""

    async def ask() -> list[Page]:
        datasette = Datasette([str(db)], metadata={"databases": {"recordings": CONFIGURED}})
        try:
            urls = [f"{path}?{urllib.parse.urlencode(parameters)}" for path, parameters in asked]
            responses = [await datasette.client.get(url) for url in urls]
            return [(response.status_code, response.text) for response in responses]
        finally:
            for database in datasette.databases.values():
                database.close()

    return asyncio.run(ask())


def get(db: Path, path: str, **parameters: str) -> Page:
    [page] = get_all(db, [(path, parameters)])
    return page


def rows(db: Path, query: str, **parameters: str) -> list[dict[str, Any]]:
    status, text = get(db, f"/recordings/{query}.json", _shape="array", **parameters)
    assert status == 200, text
    found: list[dict[str, Any]] = json.loads(text)
    return found


def test_what_is_stuck_is_what_the_audit_says(db: Path, report: AuditReport) -> None:
    found = rows(db, "stuck_at", now="2026-11-01 18:00")

    assert [row["recording"] for row in found] == [recording.id for recording in report.stuck]
    for row, recording in zip(found, report.stuck, strict=True):
        assert row["flag"] in [flag.code for flag in recording.flags]


@pytest.mark.parametrize("parameters", [{}, {"now": ""}], ids=str)
def test_without_a_moment_it_is_the_present(db: Path, parameters: dict[str, str]) -> None:
    with Tracker(db, readonly=True) as tracker:
        expected = len(tracker.audit().stuck)

    assert len(rows(db, "stuck_at", **parameters)) == expected


def test_the_providers_are_those_of_the_audit(db: Path, report: AuditReport) -> None:
    found = {row.pop("provider"): row for row in rows(db, "providers")}

    assert list(found) == list(report.providers)
    for provider, told in report.providers.items():
        numbers = {name: number for name, number in found[provider].items() if isinstance(number, int) and number}
        expected = {"recordings": told.recordings, "open": told.open} | told.outcomes
        assert numbers == {name: number for name, number in expected.items() if number}
        assert found[provider]["last_received_at"] == f"{told.last_received_at:%Y-%m-%d %H:%M:%S}"


def test_what_is_flagged_is_what_the_list_says(db: Path) -> None:
    with Tracker(db, readonly=True) as tracker:
        flags = [
            (recording.id, flag.code)
            for recording in tracker.recordings()
            for flag in recording.flags
            if not flag.is_clocks
        ]

    assert Counter((row["recording"], row["code"]) for row in rows(db, "flagged")) == Counter(flags)


def test_a_history_is_that_of_the_command(db: Path) -> None:
    with Tracker(db, readonly=True) as tracker:
        expected = [(line.name, line.verdict) for line in tracker.history("design-review")]

    found = rows(db, "history_of", recording="design-review")

    assert [(row["name"], row["verdict"]) for row in found] == expected


def test_bodies_are_counted_as_in_the_metrics(db: Path) -> None:
    with Tracker(db, readonly=True) as tracker:
        bodies = tracker.tally().bodies

    found = {(row["provider"], row["result"]): row["bodies"] for row in rows(db, "bodies")}
    assert found == {
        (provider, result): count for provider, counts in bodies.items() for result, count in counts.items()
    }


def test_what_is_kept_aside_is_listed_without_its_body(db: Path) -> None:
    with Tracker(db, readonly=True) as tracker:
        expected = [(kept.number, kept.reason, len(kept.body)) for kept in tracker.quarantined()]

    assert [(row["number"], row["reason"], row["bytes"]) for row in rows(db, "quarantined")] == expected


def test_files_are_listed_without_what_opens_them(db: Path) -> None:
    [row] = rows(db, "files_of", recording="r-secret")

    assert {"url", "hash"}.isdisjoint(row)


def pages() -> Iterator[tuple[str, dict[str, str]]]:
    yield "/", {}
    yield "/-/databases.json", {}
    for suffix in ("", ".json"):
        yield f"/recordings{suffix}", {}
        for name in ("recordings", "aliases", "flags", "totals", "counts", "timeline", "stuck", "machines"):
            yield f"/recordings/{name}{suffix}", {"_size": "max"}
        for name in CONFIGURED["queries"]:
            yield f"/recordings/{name}{suffix}", {"recording": "r-secret", "now": ""}


def test_no_page_shows_a_secret(db: Path) -> None:
    asked = list(pages())
    found = zip(asked, get_all(db, asked), strict=True)

    assert [path for (path, _), (status, text) in found if status != 200 or SECRET in text] == []


@pytest.mark.parametrize("table", ["events", "deliveries", "quarantine", "files"])
def test_what_holds_secrets_is_closed(db: Path, table: str) -> None:
    paths = [f"/recordings/{table}", f"/recordings/{table}.json", f"/recordings/{table}.csv", f"/recordings/{table}/1"]

    assert [get(db, path)[0] for path in paths] == [403] * 4


def test_nobody_can_ask_with_sql_of_his_own(db: Path) -> None:
    assert get(db, "/recordings.json", sql="SELECT body FROM events")[0] == 403
    status, text = get(db, "/recordings/recordings.json", _where="1 IN (SELECT 1 FROM files)")
    assert (status, SECRET in text) == (403, False)
    assert get(db, "/recordings.db")[0] in (403, 404)


def test_every_table_that_keeps_bytes_or_credentials_is_closed(db: Path) -> None:
    closed = {name for name, told in CONFIGURED["tables"].items() if told.get("allow") is False}
    schema = re.findall(r"^CREATE TABLE (\w+) \((.*?)^\)", _schema(db), re.MULTILINE | re.DOTALL)

    secret = {name for name, columns in schema if re.search(r"^\s+(body|query|url|hash) ", columns, re.MULTILINE)}

    assert secret == closed


def _schema(db: Path) -> str:
    connection = sqlite3.connect(db)
    try:
        found = connection.execute("SELECT sql || ';' FROM sqlite_master WHERE type = 'table'").fetchall()
    finally:
        connection.close()
    return "\n".join(sql for (sql,) in found if sql)
