"""``quarantine``: bodies kept aside because they could not be attributed."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import click

from recording_tracker.cli.groups import Group
from recording_tracker.cli.options import print_json, print_lines, reading, writing
from recording_tracker.cli.terminal import talk, width
from recording_tracker.errors import NotFoundError
from recording_tracker.grammar import counted
from recording_tracker.journal import Quarantined
from recording_tracker.report.safe import printable
from recording_tracker.report.summary import by_result
from recording_tracker.report.text import columns
from recording_tracker.times import iso
from recording_tracker.tracker import Tracker

SHOWN_BYTES = 10_000


@click.group("quarantine", cls=Group)
def quarantine_command() -> None:
    """
    See, retry and drop the bodies that could not be attributed.

    \b
    tracker quarantine list
    tracker quarantine show 1
    """


@quarantine_command.command("list")
@reading
def list_quarantined(tracker: Tracker, *, as_json: bool) -> None:
    """
    List them, the oldest first.

    \b
    tracker quarantine list
    """
    kept = tracker.quarantined()
    if as_json:
        for body in kept:
            print_json(_told(body))
        return
    rows = [
        (str(body.number), iso(body.received_ms), printable(body.provider), printable(body.reason)) for body in kept
    ]
    print_lines(columns(("number", "received", "provider", "reason"), rows, width(), flexible=3))


@quarantine_command.command("show")
@click.argument("number", type=int)
@reading
def show_quarantined(tracker: Tracker, number: int, *, as_json: bool) -> None:
    """
    Show one, body and all.

    \b
    tracker quarantine show 1
    """
    found = next((body for body in tracker.quarantined() if body.number == number), None)
    if found is None:
        raise NotFoundError(f"no quarantined body {number}; 'tracker quarantine list' shows those there are")
    if as_json:
        print_json(_told(found) | {"body_b64": base64.b64encode(found.body).decode()})
    else:
        print_lines(_shown(found), whole=True)


@quarantine_command.command("retry")
@writing
def retry_quarantined(tracker: Tracker, *, as_json: bool) -> int:
    """
    Read all of them again, and take in what is understood now.

    \b
    tracker quarantine retry
    """
    summary = tracker.retry_quarantined()
    if as_json:
        print_json(summary.to_json())
    else:
        read = f"{counted(summary.deliveries, 'body', 'bodies')} read again"
        talk(f"{read}: {by_result(summary, briefly=True)}" if summary.deliveries else read)
    return 1 if summary.quarantined else 0


@quarantine_command.command("drop")
@click.argument("number", type=int)
@writing
def drop_quarantined(tracker: Tracker, number: int, *, as_json: bool) -> None:
    """
    Throw one away.

    \b
    tracker quarantine drop 1
    """
    tracker.drop_quarantined(number)
    if as_json:
        print_json({"dropped": number})
    else:
        talk(f"dropped {number}")


def _told(body: Quarantined) -> dict[str, object]:
    return {
        "number": body.number,
        "provider": body.provider,
        "received_at": iso(body.received_ms),
        "reason": body.reason,
        "bytes": len(body.body),
    }


def _shown(body: Quarantined) -> Iterator[str]:
    yield f"{body.number}  {printable(body.provider)}  received {iso(body.received_ms)}  {len(body.body)} bytes"
    yield f"reason: {printable(body.reason)}"
    text = body.body[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    # Other signs that end a line may stand in a text of the body, and would begin lines that look like ours.
    yield from (printable(line) for line in text.split("\n"))
    if len(body.body) > SHOWN_BYTES:
        yield f"and {len(body.body) - SHOWN_BYTES} bytes more; --json has them all"
