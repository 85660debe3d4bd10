"""Which machines a command means: those in use, a provider's, or that of a file."""

from __future__ import annotations

from pathlib import Path

import click

from recording_tracker.errors import UnknownProviderError
from recording_tracker.machine import Machine, find_machines, load_machine

folder_option = click.option(
    "--machines",
    "machines_folder",
    metavar="DIR",
    envvar="TRACKER_MACHINES",
    help="A folder of machine files that replace or adjust the shipped ones; else TRACKER_MACHINES.",
)


def machines_in_use(folder: str | None) -> dict[str, Machine]:
    """Load every machine by its provider."""
    return find_machines(Path(folder) if folder else None)


def machine_of(provider: str, folder: str | None) -> Machine:
    """Load the machine of *provider*; raises UnknownProviderError where there is none."""
    machines = machines_in_use(folder)
    if provider not in machines:
        raise UnknownProviderError(provider, sorted(machines), lacks="machine")
    return machines[provider]


def machine_meant(machine: str, folder: str | None) -> Machine:
    """Return the machine of a provider, or that of a file, whichever *machine* names."""
    if machine.endswith(".toml") or "/" in machine:
        return load_machine(Path(machine))
    return machine_of(machine, folder)
