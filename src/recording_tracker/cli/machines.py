"""``machines``: the lifecycles, as tables and checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from recording_tracker.cli.completion import complete_provider
from recording_tracker.cli.groups import Group
from recording_tracker.cli.options import json_option, print_json, print_lines, width
from recording_tracker.errors import UnknownProviderError
from recording_tracker.machine import Machine, find_machines, load_machine
from recording_tracker.report.text import columns
from recording_tracker.times import short

folder_option = click.option(
    "--machines",
    "machines_folder",
    metavar="DIR",
    envvar="TRACKER_MACHINES",
    help="A folder of machine files that replace or adjust the shipped ones; else TRACKER_MACHINES.",
)


@click.group("machines", cls=Group)
def machines_command() -> None:
    """
    See and check the machines: each provider's lifecycle as data.

    \b
    tracker machines list
    tracker machines show aircore
    """


def _found(folder: str | None) -> dict[str, Machine]:
    return find_machines(Path(folder) if folder else None)


@machines_command.command("list")
@folder_option
@json_option
def list_machines(*, machines_folder: str | None, as_json: bool) -> None:
    """
    List the machines in use.

    \b
    tracker machines list
    tracker machines list --machines my-machines
    """
    machines = _found(machines_folder).values()
    if as_json:
        for machine in machines:
            print_json(_summary(machine))
        return
    rows = [
        (
            machine.provider,
            machine.title,
            ", ".join(region.name for region in machine.regions),
            str(sum(len(region.states) for region in machine.regions)),
            str(len(machine.places)),
            machine.digest[:8],
        )
        for machine in machines
    ]
    print_lines(columns(("provider", "title", "regions", "states", "events", "digest"), rows, width(), flexible=2))


def _summary(machine: Machine) -> dict[str, object]:
    return {
        "provider": machine.provider,
        "title": machine.title,
        "regions": [region.name for region in machine.regions],
        "states": sum(len(region.states) for region in machine.regions),
        "events": len(machine.places),
        "digest": machine.digest,
    }


@machines_command.command("show")
@click.argument("provider", shell_complete=complete_provider)
@folder_option
@json_option
def show_machine(provider: str, *, machines_folder: str | None, as_json: bool) -> None:
    """
    Show one machine: its limits, events, states and transitions.

    \b
    tracker machines show aircore
    """
    machines = _found(machines_folder)
    if provider not in machines:
        raise UnknownProviderError(provider, sorted(machines))
    machine = machines[provider]
    if as_json:
        click.echo(machine.to_json())
    else:
        print_lines(_tables(machine))


def _tables(machine: Machine) -> Iterator[str]:
    definition = machine.definition
    yield click.style(f"{machine.title} ({machine.provider})", bold=True)
    limits = definition.limits
    yield (
        f"start within {short(limits.start_within)}, complete within {short(limits.complete_within)}, "
        f"lost after {short(limits.lost_after)}"
    )
    yield ""
    events = [
        (name, "yes" if name in machine.promised else "", "" if rule.opens else "no", "" if rule.assumable else "no")
        for name, rule in definition.events.items()
    ]
    yield from columns(("event", "promised", "opens", "assumable"), events, width(), flexible=0)
    for region in machine.regions:
        yield ""
        required = ", required" if region.required else ""
        yield click.style(f"{region.name}{required}; begins in {region.rule.initial}", bold=True)
        states = [
            (
                name,
                rule.phase or "",
                (rule.outcome or "final") if rule.final else "",
                short(rule.stall_after) if rule.stall_after else "",
                short(rule.complete_within) if rule.complete_within else "",
            )
            for name, rule in region.rule.states.items()
        ]
        yield from columns(("state", "phase", "ends", "stalls after", "complete within"), states, width(), flexible=0)
        yield ""
        moves = [
            (trigger, region.states[source], "" if dest == source else region.states[dest])
            for trigger, dests in region.dests.items()
            for source, dest in dests.items()
        ]
        yield from columns(("event", "from", "to"), moves, width(), flexible=0)


@machines_command.command("check")
@click.argument("machine", required=False, metavar="[PROVIDER|FILE]")
@folder_option
@json_option
def check_machines(machine: str | None, *, machines_folder: str | None, as_json: bool) -> None:
    """
    Check machine files: all in use, one provider's, or a file; a broken one is named with its fault.

    \b
    tracker machines check
    tracker machines check agora
    tracker machines check my-machines/acme.toml
    """
    if machine is not None and (machine.endswith(".toml") or "/" in machine):
        machines = [load_machine(Path(machine))]
    else:
        found = _found(machines_folder)
        if machine is not None and machine not in found:
            raise UnknownProviderError(machine, sorted(found))
        machines = [found[machine]] if machine else list(found.values())
    for checked in machines:
        if as_json:
            print_json(_summary(checked) | {"ok": True})
        else:
            transitions = sum(len(dests) for region in checked.regions for dests in region.dests.values())
            print_lines([f"{checked.provider}: ok; {len(checked.places)} events, {transitions} transitions"])
