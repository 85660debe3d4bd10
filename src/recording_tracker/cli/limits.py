"""``limits``: limits from one's own history."""

from __future__ import annotations

import click

from recording_tracker.cli.groups import Group
from recording_tracker.cli.options import database, print_json, print_lines, reading
from recording_tracker.cli.output import write_file
from recording_tracker.cli.terminal import talk, width
from recording_tracker.errors import UnknownProviderError, UsageError
from recording_tracker.limits import Suggestion, interval, machine_file, suggest
from recording_tracker.machine import Machine, find_machines
from recording_tracker.observed import Observed
from recording_tracker.report.limits import limits_lines
from recording_tracker.tracker import Tracker


@click.group("limits", cls=Group)
def limits_command() -> None:
    """
    See how long recordings really take, and which limits would fit.

    \b
    tracker limits suggest agora
    """


@limits_command.command("suggest")
@click.argument("provider", required=False, metavar="[PROVIDER]")
@click.option(
    "--newest",
    type=click.IntRange(min=1, max=1_000_000),
    default=1_000,
    metavar="N",
    help="How many complete recordings to look at; 1000.",
)
@click.option("--write", "file", metavar="FILE", help="Write what is proposed as a machine file, whole or not at all.")
@reading
@click.pass_context
def suggest_limits(
    ctx: click.Context, /, tracker: Tracker, *, provider: str | None, newest: int, file: str | None, as_json: bool
) -> int:
    """
    Suggest limits from the times that complete recordings have taken.

    \b
    tracker limits suggest agora
    tracker limits suggest agora --write my-machines/agora.toml
    """
    if provider is not None and provider not in tracker.machines:
        raise UnknownProviderError(provider, sorted(tracker.machines))
    if file is not None and provider is None:
        raise UsageError("--write needs a provider: a machine file is of one")
    for number, observed in enumerate(tracker.observe(provider, limit=newest)):
        machine = tracker.machines[observed.provider]
        found = suggest(observed, machine)
        if as_json:
            print_json(_json(observed, found))
        else:
            print_lines([""] if number else [])
            print_lines(limits_lines(observed, found, width()))
        if file is not None:
            return _write(ctx, file, machine, found)
    return 0


def _write(ctx: click.Context, file: str, machine: Machine, found: list[Suggestion]) -> int:
    """Write a machine file, if there is anything to propose; return the exit status."""
    if all(suggestion.proposed_ms is None for suggestion in found):
        talk(f"{file}: not written, because nothing is proposed")
        return 1
    shipped = find_machines().get(machine.provider)
    if shipped is None or not _fits(shipped, found):
        raise UsageError(f"{machine.provider}: its machine extends no shipped one; set the limits in its own file")
    adjusted = "The machine in use adjusts the shipped one already: join this with its file."
    also = [] if shipped.to_json() == machine.to_json() else [adjusted]
    write_file(file, machine_file(machine.provider, found, also=also), database(ctx))
    talk(f"{file}: written; 'tracker replay --dry-run --machines DIR' says what it would change")
    return 0


def _fits(shipped: Machine, found: list[Suggestion]) -> bool:
    states = {(region.name, state) for region in shipped.regions for state in region.states}
    return all(suggestion.state is None or (suggestion.region, suggestion.state) in states for suggestion in found)


def _json(observed: Observed, found: list[Suggestion]) -> dict[str, object]:
    return {
        "provider": observed.provider,
        "recordings": observed.recordings,
        "events": observed.events,
        "duplicates": observed.duplicates,
        "late": observed.late,
        "missing": observed.missing,
        "limits": [_limit_json(suggestion) for suggestion in found],
    }


def _limit_json(found: Suggestion) -> dict[str, object]:
    n, proposed_ms = len(found.times), found.proposed_ms
    alarms = None if proposed_ms is None else found.false_alarms(proposed_ms)
    return {
        "limit": found.key,
        "region": found.region,
        "state": found.state,
        "n": n,
        "p50_ms": found.percentile(0.5),
        "p99_ms": found.percentile(0.99),
        "p999_ms": found.percentile(0.999),
        "present_ms": found.limit_ms,
        "present_false_alarms": None if found.limit_ms is None else found.false_alarms(found.limit_ms),
        "proposed_ms": proposed_ms,
        "sooner_ms": found.sooner_ms,
        "false_alarms": alarms,
        "false_alarm_share": None if alarms is None else list(interval(alarms, n)),
    }
