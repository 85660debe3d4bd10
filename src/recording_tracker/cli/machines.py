"""``machines``: the lifecycles, as tables, as pictures and checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from recording_tracker.cli.chosen import folder_option, machine_of, machines_in_use
from recording_tracker.cli.completion import complete_provider
from recording_tracker.cli.groups import Group
from recording_tracker.cli.options import database, json_option, now_option, present, print_json, print_lines
from recording_tracker.cli.output import write_bytes
from recording_tracker.cli.proving import check_machines, diff_machines
from recording_tracker.cli.terminal import width
from recording_tracker.errors import UsageError
from recording_tracker.machine import Machine, Region
from recording_tracker.machine.sketch import FORMATS, People, Peopled, steps
from recording_tracker.report.text import columns, folded_columns
from recording_tracker.times import short, to_ms


@click.group("machines", cls=Group)
def machines_command() -> None:
    """
    See and check the machines: each provider's lifecycle as data.

    \b
    tracker machines list
    tracker machines show aircore
    """


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
    machines = machines_in_use(machines_folder).values()
    if as_json:
        for machine in machines:
            print_json(_summary(machine))
        return
    rows = [
        (
            machine.provider,
            machine.title,
            str(sum(len(region.states) for region in machine.regions)),
            str(len(machine.places)),
            machine.digest[:8],
            ", ".join(region.name for region in machine.regions),
        )
        for machine in machines
    ]
    heads = ("provider", "title", "states", "events", "digest", "regions")
    print_lines(folded_columns(heads, rows, width(), flexible=1, indent=4))


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
    machine = machine_of(provider, machines_folder)
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
        yield from folded_columns(("event", "to", "from"), list(_moves(region)), width(), flexible=0, indent=4)


def _moves(region: Region) -> Iterator[tuple[str, str, str]]:
    """Write each event with a state that it leads to, and all those from where it does."""
    for trigger, dests in region.dests.items():
        sources: dict[str, list[str]] = {}
        for source, dest in dests.items():
            sources.setdefault("(stays)" if dest == source else region.states[dest], []).append(region.states[source])
        for dest_name, names in sources.items():
            yield trigger, dest_name, "every state" if len(names) == len(region.states) else ", ".join(names)


@machines_command.command("draw")
@click.argument("provider")
@click.option("--format", "form", type=click.Choice(FORMATS), help="mermaid, dot, svg or png; else as FILE ends.")
@click.option("-o", "--output", metavar="FILE", help="Write the picture to a file, whole or not at all.")
@click.option("--all", "all_of_them", is_flag=True, help="Short cuts and what stays in its state too.")
@click.option("--db", metavar="PATH", help="Show the open recordings of this database; else of TRACKER_DB.")
@now_option
@folder_option
@json_option
@click.pass_context
def draw_machine(
    ctx: click.Context,
    /,
    provider: str,
    *,
    form: str | None,
    output: str | None,
    all_of_them: bool,
    db: str | None,
    now: datetime | None,
    machines_folder: str | None,
    as_json: bool,
) -> None:
    """
    Draw one machine: its regions, states, limits, and how events lead through them.

    Mermaid needs nothing more; dot, svg and png need the extra 'diagrams' and Graphviz. Behind an event
    ! says that it is always sent.

    \b
    tracker machines draw aircore
    tracker machines draw agora --db recordings.db -o agora.svg
    """
    from recording_tracker.machine.diagrams import draw

    machine = machine_of(provider, machines_folder)
    peopled = _peopled(ctx, provider, db, now)
    if as_json:
        print_json(_drawn(machine, peopled, all_of_them=all_of_them))
        return
    picture = draw(machine, form or _format_of(output), peopled=peopled, all_of_them=all_of_them)
    if output is not None:
        write_bytes(output, picture, database(ctx, db))
    elif form == "png" and sys.stdout.isatty():
        raise UsageError("a png is not for a terminal; name a file with -o")
    else:
        click.echo(picture, nl=False)


def _format_of(output: str | None) -> str:
    ending = Path(output or "").suffix.removeprefix(".").lower()
    return ending if ending in FORMATS else "mermaid"


def _peopled(
    ctx: click.Context, provider: str, db: str | None, now: datetime | None
) -> dict[tuple[str, str], People] | None:
    """Count the recordings of the database that is named; None where none is, for a machine is no recording."""
    if db is None and not (ctx.obj or {}).get("db") and not os.environ.get("TRACKER_DB"):
        return None
    from recording_tracker.journal.questions import Questions
    from recording_tracker.survey import people

    with closing(Questions(database(ctx, db), readonly=True, create=False)) as journal:
        totals = journal.open_totals(to_ms(now or present()))
    return people(total for total in totals if total.provider == provider)


def _drawn(machine: Machine, peopled: Peopled | None, *, all_of_them: bool) -> dict[str, object]:
    return {
        "provider": machine.provider,
        "title": machine.title,
        "regions": [
            {
                "name": region.name,
                "states": [
                    {"name": state, **(peopled or {}).get((region.name, state), People())._asdict()}
                    for state in region.states
                ],
                "steps": [
                    {"from": region.states[step.source], "to": region.states[step.dest], "events": step.triggers}
                    for step in steps(region, all_of_them=all_of_them)
                ],
            }
            for region in machine.regions
        ],
    }


for command in (check_machines, diff_machines):
    machines_command.add_command(command)
