"""``status``, ``list``: where recordings stand."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import click

from recording_tracker import lookup
from recording_tracker.cli.completion import (
    complete_flag,
    complete_outcome,
    complete_phase,
    complete_provider,
    id_argument,
)
from recording_tracker.cli.options import as_since, local_option, looking, now_option, present, print_json, print_lines
from recording_tracker.cli.terminal import width
from recording_tracker.errors import UnknownProviderError
from recording_tracker.journal import Reader
from recording_tracker.report import text
from recording_tracker.report.clock import Clock
from recording_tracker.times import to_ms

secrets_option = click.option("--secrets", is_flag=True, help="Show hashes and credentials of files too.")


@click.command("status")
@id_argument
@secrets_option
@now_option
@local_option
@looking
def status_command(
    journal: Reader, name: str, *, secrets: bool, now: datetime | None, local: bool, as_json: bool
) -> None:
    """
    Tell all of one recording: state, deadlines, files, what is wrong, what is awaited.

    ID is a recording id, an alias, a group id or the beginning of one, of at least 4 characters.

    \b
    tracker status d12fdce9024d37862a8f3a88e387c817
    """
    now = now or present()
    with journal.reading():
        found = lookup.status(journal, name, now_ms=to_ms(now))
        if not found:
            raise lookup.not_found(journal, name)
    for number, recording in enumerate(found):
        if as_json:
            print_json(recording.to_json(secrets=secrets))
        else:
            print_lines([""] if number else [])
            print_lines(text.status_lines(recording, Clock(now, local=local), secrets=secrets, width=width()))


@click.command("list")
@click.option("--provider", metavar="NAME", shell_complete=complete_provider, help="Only this provider's.")
@click.option(
    "--phase",
    metavar="PHASE",
    shell_complete=complete_phase,
    help="Only in this phase: expected, starting, recording, processing, finished.",
)
@click.option(
    "--outcome",
    metavar="OUTCOME",
    shell_complete=complete_outcome,
    help="Only with this outcome: available, backed_up, partial, absent, failed.",
)
@click.option("--flag", metavar="CODE", shell_complete=complete_flag, help="Only with an open flag of this code.")
@click.option("--stuck", is_flag=True, help="Only stuck ones.")
@click.option(
    "--since", callback=as_since, metavar="TIME|DURATION", help="Only those that something has come of since."
)
@click.option("--limit", type=click.IntRange(min=1, max=sys.maxsize), metavar="N", help="At most so many.")
@secrets_option
@now_option
@local_option
@looking
def list_command(
    journal: Reader,
    *,
    provider: str | None,
    phase: str | None,
    outcome: str | None,
    flag: str | None,
    stuck: bool,
    since: datetime | timedelta | None,
    limit: int | None,
    secrets: bool,
    now: datetime | None,
    local: bool,
    as_json: bool,
) -> None:
    """
    List recordings, the newest first.

    \b
    tracker list --stuck
    tracker list --provider agora --outcome failed --json
    """
    now = now or present()
    since = now - since if isinstance(since, timedelta) else since
    if provider is not None:
        _check_provider(provider, click.get_current_context().params["machines_folder"])
    recordings = lookup.recordings(
        journal,
        provider=provider,
        phase=phase,
        outcome=outcome,
        flag=flag,
        stuck=stuck,
        since_ms=None if since is None else to_ms(since),
        now_ms=to_ms(now),
    )
    found = islice(recordings, limit)
    if as_json:
        for recording in found:
            print_json(recording.to_json(secrets=secrets))
    else:
        print_lines(text.list_lines(list(found), Clock(now, local=local), width()))


def _check_provider(provider: str, machines_folder: str | None) -> None:
    from recording_tracker.machine import find_machines

    machines = find_machines(Path(machines_folder) if machines_folder else None)
    if provider not in machines:
        raise UnknownProviderError(provider, sorted(machines))
