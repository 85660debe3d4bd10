"""``simulate`` and ``score``: deliveries of recordings whose truth is known, and how often the tracker is right."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from pathlib import Path
from typing import Any, TypeVar

import click

from recording_tracker.cli.completion import complete_among
from recording_tracker.cli.options import as_duration, as_moment, print_json, print_lines, reading
from recording_tracker.cli.output import line_writer
from recording_tracker.cli.terminal import width
from recording_tracker.errors import DamagedError, StorageError, UsageError
from recording_tracker.machine import find_machines
from recording_tracker.report.accuracy import score_lines
from recording_tracker.scoring import score, truth_lines
from recording_tracker.simulation import PROVIDERS, Line, Plan, simulate
from recording_tracker.simulation.weather import WEATHERS, Weather
from recording_tracker.times import to_ms
from recording_tracker.tracker import Tracker

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
DEFAULT_RECORDINGS = 100
FATES = ("hung", "failed", "absent", "odd")
SHARES = {
    "loss": "Chance that a callback never comes.",
    "failures": "Chance that an attempt fails; a provider that documents retries tries again.",
    "duplicates": "Chance that what has come comes again.",
    "late": "Chance that one is held up.",
    "astray": "Chance that a recording's servers are 6 to 20 minutes ahead.",
    "hung": "Chance that a recording stops on its way.",
    "failed": "Chance that it fails.",
    "absent": "Chance that nothing is recorded.",
    "odd": "Chance that the provider contradicts itself, or sends what is not documented.",
    "announced": "Chance that a recording is announced.",
}
LENGTHS = {
    "delay": "How long a delivery takes, in the middle.",
    "late_by": "How long one is held up, on average.",
    "skew": "How far the clocks of a provider's servers differ: standard deviation.",
    "outage": "How long an outage takes, on average.",
}


_SECONDS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


def as_share(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read an option's value as a chance: 0.02 or 2%."""
    if value is None:
        return None
    try:
        found = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:
        raise click.BadParameter(f"{value!r} is no chance; write it as 0.02 or 2%")
    return found


def as_length(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Read an option's value as a duration, which may be part of a second, or none at all."""
    found = _SECONDS.fullmatch(value or "")
    return timedelta(seconds=float(found[1])) if found else as_duration(ctx, param, value)


def as_rate(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Read an option's value as how often something happens in a time."""
    if value is not None and not 0 <= value <= 1_000_000:
        raise click.BadParameter(f"{value} is no rate; it must be from 0 to 1000000")
    return value


def weather_options(command: CommandT) -> CommandT:
    """Give *command* the preset, and each part of it by itself."""
    for name, text in reversed(LENGTHS.items()):
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, f"{name}_s", callback=as_length, metavar="DURATION", help=text)(command)
    command = click.option(
        "--outages", type=float, callback=as_rate, metavar="N", help="Outages a day; in one all is held back or lost."
    )(command)
    for name, text in reversed(SHARES.items()):
        command = click.option(f"--{name}", callback=as_share, metavar="CHANCE", help=text)(command)
    return click.option(
        "--weather", "preset", type=click.Choice(list(WEATHERS)), default="fair", help="fair, rough or storm; fair."
    )(command)


@click.command("simulate")
@click.argument("provider", shell_complete=complete_among((*PROVIDERS, "all")))
@click.option(
    "--recordings", type=click.IntRange(1, 10**9), metavar="N", help=f"So many recordings; {DEFAULT_RECORDINGS}."
)
@click.option(
    "--events", type=click.IntRange(1, 10**10), metavar="N", help="As many recordings as make so many deliveries."
)
@click.option("--seed", type=int, default=1, metavar="S", help="The same seed makes the same bytes; 1.")
@click.option("--start", callback=as_moment, default="2026-11-01T00:00:00Z", metavar="TIME", help="When it begins.")
@click.option(
    "--per-hour", type=click.FloatRange(0.01, 1_000_000), default=120, metavar="N", help="Recordings an hour; 120."
)
@click.option("--truth", metavar="FILE", help="Write what really happened, for 'tracker score'.")
@click.option("-o", "--output", metavar="FILE", help="Write the deliveries to a file.")
@weather_options
@click.option(
    "--machines",
    "machines_folder",
    metavar="DIR",
    envvar="TRACKER_MACHINES",
    help="A folder of machine files that replace or adjust the shipped ones; else TRACKER_MACHINES.",
)
def simulate_command(
    provider: str,
    *,
    recordings: int | None,
    events: int | None,
    seed: int,
    start: datetime,
    per_hour: float,
    truth: str | None,
    output: str | None,
    preset: str,
    machines_folder: str | None,
    **parts: Any,
) -> None:
    """
    Make a delivery log of recordings whose truth is known; PROVIDER is one, or 'all'.

    \b
    tracker simulate agora --weather rough --truth truth.jsonl | tracker ingest -
    tracker simulate all --events 1000000 -o load.jsonl
    """
    if recordings is not None and events is not None:
        raise UsageError("--recordings and --events: give one of them")
    names = _providers(provider)
    weather = _weather(preset, parts)
    wanted = (DEFAULT_RECORDINGS if events is None else None) if recordings is None else recordings
    machines = find_machines(Path(machines_folder) if machines_folder else None)
    _check_apart(truth, output)
    with ExitStack() as files:
        write = files.enter_context(line_writer(output))
        write_truth = files.enter_context(line_writer(truth)) if truth is not None else None
        tell = _teller(write_truth) if write_truth is not None else None
        lines: list[Iterator[Line]] = []
        for place, name in enumerate(names):
            plan = Plan(
                start_ms=to_ms(start),
                seed=seed,
                recordings=_part(wanted, place, len(names)),
                events=_part(events, place, len(names)),
                per_hour=per_hour / len(names),
            )
            lines.append(simulate(machines[name], weather, plan, tell))
        for _, text in merge(*lines, key=lambda line: line[0]) if len(lines) > 1 else lines[0]:
            write(text)


def _teller(write: Callable[[str], object]) -> Callable[[dict[str, Any]], None]:
    def tell(line: dict[str, Any]) -> None:
        write(json.dumps(line))

    return tell


def _providers(provider: str) -> tuple[str, ...]:
    if provider == "all":
        return PROVIDERS
    if provider not in PROVIDERS:
        raise UsageError(f"no simulation of {provider!r}; there are simulations of {', '.join(PROVIDERS)}, and all")
    return (provider,)


def _part(whole: int | None, place: int, parts: int) -> int | None:
    """Return the share of one of several providers."""
    return None if whole is None else whole // parts + (place < whole % parts)


def _weather(preset: str, parts: dict[str, Any]) -> Weather:
    given = {name: value for name, value in parts.items() if value is not None}
    lengths = {name: value.total_seconds() for name, value in given.items() if isinstance(value, timedelta)}
    weather = replace(WEATHERS[preset], **(given | lengths))
    if sum(getattr(weather, fate) for fate in FATES) > 1:
        raise UsageError(f"the chances of {', '.join(FATES)} add up to more than 1")
    return weather


def _check_apart(truth: str | None, output: str | None) -> None:
    if truth is not None and (
        truth == "-" or (output is not None and os.path.realpath(truth) == os.path.realpath(output))
    ):
        raise UsageError("--truth: name a file of its own")


@click.command("score")
@click.argument("truth")
@click.option(
    "--now", callback=as_moment, metavar="TIME", help="Look at this moment; else when all deadlines have passed."
)
@reading
def score_command(tracker: Tracker, truth: str, *, now: datetime | None, as_json: bool) -> int:
    """
    Compare what the tracker says of simulated recordings with what really happened.

    Each is looked at when all its deadlines have passed; with --now at that moment, without those of
    which one has not. Exits with 1 if anything was told falsely, or missed though it can be known.

    \b
    tracker score truth.jsonl
    """
    try:
        with Path(truth).open("rb") as stream:
            found = score(tracker, truth_lines(stream), now=now)
    except DamagedError as error:
        raise DamagedError(f"{truth}: {error}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(f"{truth}: cannot be read: {reason.lower()}") from error
    if as_json:
        print_json(found.to_json())
    else:
        print_lines(score_lines(found, width()))
    return 0 if found.is_right else 1
