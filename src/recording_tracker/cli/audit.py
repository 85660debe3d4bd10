"""``audit``: the nightly report."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from io import StringIO

import click

from recording_tracker.cli.options import as_since, database, now_option, present, print_lines, reading
from recording_tracker.cli.output import write_file
from recording_tracker.cli.terminal import width
from recording_tracker.errors import UsageError
from recording_tracker.report import check as plugin
from recording_tracker.report import html, markdown, nightly, sheets
from recording_tracker.report.hindsight import hindsight_lines
from recording_tracker.results import AuditReport
from recording_tracker.tracker import Tracker

FORMATS = ("text", "json", "csv", "md", "html")


@click.command("audit")
@click.option(
    "--since",
    callback=as_since,
    default="24h",
    metavar="TIME|DURATION",
    help="How far to look back for what is complete; 24h.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="text, json, csv, md or html; text.")
@click.option("-o", "--output", metavar="FILE", help="Write the report to a file, whole or not at all.")
@click.option(
    "--check", is_flag=True, help="Print one line, and exit with 0 to 3, as a plugin of Nagios or Icinga does."
)
@now_option
@click.option("--as-of", is_flag=True, help="Only what had been received, announced and acknowledged by --now.")
@click.option("--hindsight", is_flag=True, help="With --as-of: say too what later callbacks have settled.")
@reading
@click.pass_context
def audit_command(
    ctx: click.Context,
    /,
    tracker: Tracker,
    *,
    since: datetime | timedelta,
    form: str | None,
    output: str | None,
    check: bool,
    now: datetime | None,
    as_of: bool,
    hindsight: bool,
    as_json: bool,
) -> int:
    """
    Check all open recordings, and report what is stuck and what is wrong.

    Exits with 1 if somebody should look: something stuck, an error that nobody has acknowledged, a
    body that could not be attributed, a silent provider.

    \b
    tracker audit
    tracker audit --format html -o audit.html
    tracker audit --now 2026-11-01T03:15:00Z --as-of --hindsight
    """
    _check_apart({
        "--check": check,
        "--json": as_json,
        f"--format {form}": form is not None and not (as_json and form == "json"),
        "-o": check and output is not None,
        "--hindsight": check and hindsight,
    })  # fmt: skip
    form = form or ("json" if as_json else "text")
    if as_of and form == "html":
        raise UsageError("--as-of is told as text, json, csv or md; a page shows the present beside the past")
    if hindsight and (not as_of or form not in ("text", "json")):
        raise UsageError("--hindsight needs --as-of, and is told as text or json")
    if isinstance(since, datetime):
        now = now or present()
        if since >= now:
            raise UsageError("--since is not before --now, or the present; what is to be looked back to lies before")
        since = now - since
    audit = partial(tracker.audit, now, since=since, as_of=as_of, hindsight=hindsight)
    if check:
        status, line = plugin.check(audit())
        print_lines([line], whole=True)
        return status
    if form == "html":
        # Only a page shows more than an audit says, and it alone waits for that.
        survey = tracker.survey(now, since=since)
        report, lines = survey.report, list(html.audit_html(survey))
    else:
        report = audit()
        lines = written(report, form, columns=width() if output is None else None)
    if output is None:
        print_lines(lines, whole=form != "text")
    else:
        write_file(output, [click.unstyle(line) for line in lines], database(ctx))
    return 1 if report.needs_attention else 0


def _check_apart(options: dict[str, bool]) -> None:
    """Refuse two *options* that ask for different forms of a report."""
    given = [name for name, is_given in options.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]}: give one of them")


def written(report: AuditReport, form: str, *, columns: int | None = None) -> list[str]:
    """Write *report* as lines in one of FORMATS but html, text in no more than *columns*."""
    if form == "json":
        return [json.dumps(report.to_json(), ensure_ascii=True, allow_nan=False)]
    if form == "csv":
        return StringIO(sheets.audit_csv(report)).read().splitlines()
    if form == "md":
        return list(markdown.audit_markdown(report))
    return [*nightly.audit_lines(report, columns), *hindsight_lines(report, columns)]
