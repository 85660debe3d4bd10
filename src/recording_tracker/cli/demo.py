"""``demo``: the tour on a fresh machine."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

import click

from recording_tracker.cli.options import json_option, print_json, print_lines
from recording_tracker.cli.output import write_file
from recording_tracker.cli.terminal import width
from recording_tracker.deliveries import log_lines
from recording_tracker.errors import StorageError, UsageError
from recording_tracker.grammar import counted
from recording_tracker.report import html, nightly, text
from recording_tracker.report.clock import Clock
from recording_tracker.report.summary import by_result
from recording_tracker.results import Summary
from recording_tracker.tracker import Tracker

NOW = datetime(2026, 11, 1, 18, 0, tzinfo=UTC)
"""The moment at which the tour looks at its recordings of that day."""


def examples_folder() -> Path:
    """Find the bundled example deliveries: inside the wheel, else beside the sources of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "examples", package.parents[1] / "examples" / "deliveries"):
        if any(folder.glob("*.jsonl")):
            return folder
    raise StorageError(f"{package / 'examples'}: the example deliveries are not there; install the package again")


@click.command("demo")
@click.option("--db", metavar="PATH", help="Where to make the database; else in a new temporary folder.")
@json_option
@click.pass_context
def demo_command(ctx: click.Context, /, *, db: str | None, as_json: bool) -> None:
    """
    Take the bundled example deliveries of all five providers in, and show what the tracker makes of them.

    \b
    tracker demo
    tracker demo --db demo.db
    """
    db = db or ctx.obj.get("db")
    path = Path(db) if db else Path(tempfile.mkdtemp(prefix="tracker-demo-")) / "recordings.db"
    report_path = path.with_name(f"{path.name.removesuffix('.db')}.html")
    for made in (path, report_path):
        if made.exists():
            raise UsageError(f"{made}: is there already; the demo makes a new database and a new report")
    summary = Summary()
    with Tracker(path) as tracker:
        for file in sorted(examples_folder().glob("*.jsonl")):
            with file.open("rb") as stream:
                tracker.ingest_many((line for _, line in log_lines(stream) if isinstance(line, dict)), summary=summary)
        write_file(str(report_path), html.audit_html(tracker.survey(NOW)), path)
        if as_json:
            print_json({"database": str(path), "report": str(report_path), **summary.to_json()})
            return
        _tour(tracker, summary)
    print_lines(["", f"The database is {path}", f"The report is {report_path}; look at it in a browser"])
    print_lines(["", f"Look further, the recordings being of {NOW:%Y-%m-%d}:"])
    print_lines(
        [f"  export TRACKER_DB={quote(str(path))}", f"  {_program()} list --now {NOW:%Y-%m-%dT%H:%M:%SZ}"], whole=True
    )


def _program() -> str:
    """Return what a shell knows this program by: its name if that is on the PATH, else as it was called."""
    called, known = Path(sys.argv[0]), shutil.which("tracker")
    if called.name != "tracker":
        return f"{quote(sys.executable)} -m recording_tracker"
    return "tracker" if known and Path(known).resolve() == called.resolve() else quote(str(called))


def _tour(tracker: Tracker, summary: Summary) -> None:
    _step("tracker ingest examples/deliveries/*.jsonl", "a day of five providers")
    deliveries = counted(summary.deliveries, "delivery", "deliveries")
    found = counted(summary.recordings, "recording")
    print_lines([f"{deliveries}: {by_result(summary, briefly=True)}; {found}"])
    _step("tracker list", "every recording, the newest first")
    recordings = list(tracker.recordings(now=NOW))
    print_lines(text.list_lines(recordings, Clock(NOW), width()))
    worst = next((recording for recording in recordings if recording.stuck and recording.events > 1), recordings[0])
    _step(f"tracker status {worst.id}", "all of one")
    print_lines(text.status_lines(worst, Clock(NOW), width=width()))
    _step("tracker audit", "the nightly report")
    print_lines(nightly.audit_lines(tracker.audit(NOW), width()))


def _step(command: str, what: str) -> None:
    print_lines(["", f"{click.style(f'$ {command}', fg='cyan')}   # {what}"])
