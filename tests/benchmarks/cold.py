"""``tracker status ID`` from a cold start, against the least click program that reads a row, and against everything."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from recording_tracker import Tracker
from tests.benchmarks.bulk import lines
from tests.benchmarks.figure import Figure, ratio
from tests.benchmarks.load import deliveries

LEAST = '''
import sqlite3
import click

@click.command()
@click.option("--db")
@click.argument("name")
def status(db, name):
    """Print a row."""
    sql = "SELECT provider, recording_id, phase, outcome, state FROM recordings WHERE recording_id = ?"
    click.echo(sqlite3.connect(db).execute(sql, (name,)).fetchone())

status()
'''
EVERYTHING = """
import click, pydantic, rich.progress, rich.table, sqlite_utils, transitions
import recording_tracker.tracker, recording_tracker.journal.sqlite, recording_tracker.journal.migrations
import recording_tracker.cli.intake, recording_tracker.cli.audit
from recording_tracker.adapters import find_adapters
from recording_tracker.machine import find_machines
find_adapters(), find_machines()
"""


def _cpu_seconds(command: Sequence[object]) -> float:
    """Run *command* as a process; its own time is measured, for to wait for the machine says nothing of it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(part) for part in command], check=True, capture_output=True, env=_environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment() -> dict[str, str]:
    """Return the environment of a program that is installed: its modules are compiled once."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measure(folder: Path, *, rounds: int) -> list[Figure]:
    """Start each *rounds* times in turn."""
    db, least = folder / "cold.db", folder / "least.py"
    with Tracker(db) as tracker:
        tracker.ingest_many(lines(list(deliveries(1_000))))
        name = next(tracker.recordings()).id
    least.write_text(LEAST, encoding="utf-8")
    python = sys.executable
    cold, all_of_it = [], []
    for _ in range(rounds):
        ours = _cpu_seconds([python, "-m", "recording_tracker", "--db", db, "status", name])
        cold.append((ours, _cpu_seconds([python, least, "--db", db, name])))
        all_of_it.append((_cpu_seconds([python, "-c", EVERYTHING]), ours))
    return [
        ratio(
            "status", "times the least click program that reads one row, tracker status ID", 1.4, cold, at_least=False
        ),
        ratio("import", "times tracker status ID, to import everything", 5, all_of_it),
    ]
