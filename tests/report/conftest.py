"""Journals to report on: a rich one with everything that a report can tell of, and one with very many stuck."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from recording_tracker import Tracker
from recording_tracker.cli import cli

EXAMPLES = Path(__file__).parents[2] / "examples" / "deliveries"
NOW = datetime(2026, 11, 1, 18, tzinfo=UTC)
"""A moment after the example deliveries."""
MACHINES = {
    "enablex": 'extends = "enablex"\n[limits]\nsilent_after = "2h"\n',
    "aircore": 'extends = "aircore"\n[limits]\ncomplete_within = "4d"\n',
}
NOTE = "asked <b>support</b> & waiting"


@dataclass(frozen=True)
class Audited:
    """A database, the machines it is looked at with, and what the audit of it says in each form."""

    db: Path
    machines: Path

    @cache  # noqa: B019  there are as many as journals
    def audit(self, form: str) -> str:
        options = ["--db", str(self.db), "--machines", str(self.machines), "--now", NOW.isoformat(), "--since", "30d"]
        done = CliRunner().invoke(cli, ["audit", *options, "--format", form], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done.stdout


def take_examples(tracker: Tracker) -> None:
    for file in sorted(EXAMPLES.glob("*.jsonl")):
        with file.open(encoding="utf-8") as stream:
            tracker.ingest_many(json.loads(line) for line in stream)


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Stuck, flagged, acknowledged and resolved recordings, a silent provider, a quarantine, an older machine."""
    folder = tmp_path_factory.mktemp("rich")
    for provider, content in MACHINES.items():
        (folder / f"{provider}.toml").write_text(content, encoding="utf-8")
    with Tracker(folder / "recordings.db") as tracker:
        take_examples(tracker)
        for number in range(3):
            tracker.ingest("agora", {"sid": str(number)}, received_at=NOW - timedelta(hours=number))
        tracker.ingest("agora", b"no JSON", received_at=NOW)
        tracker.ack("r-demo-5", note=NOTE, now=NOW)
        tracker.resolve("c-demo-7", outcome="absent", note="never started", now=NOW)
    return Audited(folder / "recordings.db", folder)


MANY = 10_000


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """Ten thousand recordings that are stuck."""
    folder = tmp_path_factory.mktemp("crowd")
    began = NOW - timedelta(days=2)
    with Tracker(folder / "recordings.db") as tracker:
        tracker.ingest_many(
            {
                "provider": "aircore",
                "received_at": (began + timedelta(seconds=number)).isoformat(),
                "body": {
                    "event": "recording-started",
                    "timestamp": int((began + timedelta(seconds=number)).timestamp()) * 1000,
                    "recording": {"url": f"https://recorder.example/recording/{number:05}"},
                },
            }
            for number in range(MANY)
        )
    return Audited(folder / "recordings.db", folder)
