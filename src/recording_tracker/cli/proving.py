"""``machines check`` and ``machines diff``: what holds for machines, and where two of them differ."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

import click

from recording_tracker.cli.chosen import folder_option, machine_meant, machines_in_use
from recording_tracker.cli.options import json_option, print_json, print_lines
from recording_tracker.cli.progress import Search
from recording_tracker.cli.terminal import width
from recording_tracker.machine import Machine
from recording_tracker.machine.differences import Difference, differences
from recording_tracker.proofs import SECONDS, Proof, prove
from recording_tracker.report.safe import printable

_HEAD = 25
"""Columns before the number of cases."""


@click.command("check")
@click.argument("machine", required=False, metavar="[PROVIDER|FILE]")
@click.option(
    "--seconds",
    type=click.IntRange(1, 86_400),
    default=int(SECONDS),
    show_default=True,
    help="How long to search, over all machines, in seconds of the processor.",
)
@folder_option
@json_option
def check_machines(machine: str | None, *, seconds: int, machines_folder: str | None, as_json: bool) -> int:
    """
    Prove machines: all in use, one provider's, or a file; a broken file is named with its fault.

    \b
    tracker machines check
    tracker machines check agora
    tracker machines check my-machines/acme.toml --seconds 60
    """
    machines = (
        [machine_meant(machine, machines_folder)]
        if machine is not None
        else list(machines_in_use(machines_folder).values())
    )
    weights = [_weight(checked) for checked in machines]
    holds = True
    with Search(most=seconds) as search:
        for checked, weight in zip(machines, weights, strict=True):
            search.show(checked.provider)
            if not as_json:
                with search.aside():
                    print_lines([click.style(f"{checked.provider}: {checked.title}", bold=True)])
            for proof in prove(checked, seconds=seconds * weight / sum(weights)):
                holds = holds and proof.holds
                with search.aside():
                    _print(checked, proof, as_json=as_json)
    return 0 if holds else 1


def _print(machine: Machine, proof: Proof, *, as_json: bool) -> None:
    if as_json:
        print_json(_told(machine, proof))
    else:
        print_lines(_lines(proof))


def _weight(machine: Machine) -> float:
    """Say how much time a machine gets: a search grows with its transitions, and small machines deserve some too."""
    return float(sum(len(dests) for region in machine.regions for dests in region.dests.values()) ** 0.5)


def _lines(proof: Proof) -> Iterator[str]:
    result = "holds" if proof.holds else click.style("fails", fg="red")
    looked_at = f"{proof.cases:>7} {proof.scope}"
    columns_there = width()
    first, *others = [looked_at] if columns_there is None else wrap(looked_at, max(40, columns_there) - _HEAD)
    yield f"  {proof.name:<14}  {result}  {first}"
    yield from (f"{' ' * (_HEAD + 8)}{line}" for line in others)
    for said in (*(f"fails: {one}" for one in proof.failures), *(f"note: {one}" for one in proof.notes)):
        yield from _indented(said)


def _indented(text: str) -> list[str]:
    columns_there = width()
    if columns_there is None:
        return [f"    {printable(text)}"]
    return wrap(printable(text), max(40, columns_there), initial_indent=" " * 4, subsequent_indent=" " * 6)


def _told(machine: Machine, proof: Proof) -> dict[str, object]:
    return {
        "provider": machine.provider,
        "digest": machine.digest,
        "proof": proof.name,
        "ok": proof.holds,
        "cases": proof.cases,
        "scope": proof.scope,
        "failures": list(proof.failures),
        "notes": list(proof.notes),
    }


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@folder_option
@json_option
def diff_machines(before: str, after: str, *, machines_folder: str | None, as_json: bool) -> int:
    """
    Tell what differs between machines A and B, each a provider or a file, from limits to codes.

    \b
    tracker machines diff agora my-machines/agora.toml
    """
    one, other = (machine_meant(name, machines_folder).definition for name in (before, after))
    found = list(differences(one, other))
    for difference in found:
        if as_json:
            print_json(difference._asdict())
        else:
            print_lines(_change(difference))
    return 1 if found else 0


def _change(difference: Difference) -> Iterator[str]:
    yield click.style(printable(difference.place), bold=True)
    if difference.before is not None:
        yield from (click.style(line, fg="red") for line in _indented(f"- {difference.before}"))
    if difference.after is not None:
        yield from (click.style(line, fg="green") for line in _indented(f"+ {difference.after}"))
