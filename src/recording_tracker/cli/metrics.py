"""``metrics``: what Prometheus gathers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from recording_tracker.cli.options import database, now_option, print_json, print_lines, reading
from recording_tracker.cli.output import write_file
from recording_tracker.report.metrics import Seen, metrics, metrics_text
from recording_tracker.tracker import Tracker


@click.command("metrics")
@click.option("-o", "--output", metavar="FILE", help="Write them to a file, whole or not at all.")
@now_option
@reading
@click.pass_context
def metrics_command(
    ctx: click.Context, /, tracker: Tracker, *, output: str | None, now: datetime | None, as_json: bool
) -> None:
    """
    Print metrics in the text format of Prometheus, for the textfile collector of its node exporter.

    \b
    tracker metrics
    tracker metrics -o /var/lib/node_exporter/textfile/recordings.prom
    """
    path = database(ctx)
    families = metrics(Seen(tracker.audit(now), tracker.tally(), _size(path)))
    if as_json:
        for sample in (sample for family in families for sample in family.samples):
            print_json({"name": sample.name, "labels": sample.labels, "value": sample.value})
        return
    lines = metrics_text(families).splitlines()
    if output is None:
        print_lines(lines, whole=True)
    else:
        write_file(output, lines, path)


def _size(path: Path) -> int:
    files = (path, Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
