"""
Accuracy: how often the tracker is right about simulated recordings, one row a provider, for the table in the README.

    python -m tests.accuracy README.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recording_tracker import Tracker
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import find_machines
from recording_tracker.scoring import Score, score
from recording_tracker.simulation import PROVIDERS, Plan, simulate
from recording_tracker.simulation.weather import WEATHERS
from recording_tracker.times import moment_ms

BEGIN, END = "<!-- accuracy: begin -->", "<!-- accuracy: end -->"
RECORDINGS, SEED, WEATHER = 1000, 1, "rough"
HEADS = (
    "provider", "recordings", "callbacks", "lost", "knowable losses found", "healthy ones falsely alarmed",
    "outcomes and states wrong", "flags false or missed", "stuck found", "really hung found",
)  # fmt: skip


def measured(provider: str, *, recordings: int = RECORDINGS, weather: str = WEATHER, seed: int = SEED) -> Score:
    """Simulate, take in and score, as ``tracker simulate``, ``ingest`` and ``score`` with these options do."""
    truths: list[dict[str, Any]] = []
    plan = Plan(start_ms=moment_ms("2026-11-01T00:00:00Z"), seed=seed, recordings=recordings, events=None, per_hour=120)
    lines = simulate(find_machines()[provider], WEATHERS[weather], plan, truths.append)
    with Tracker(MemoryJournal()) as tracker:
        tracker.ingest_many(json.loads(text) for _, text in lines)
        return score(tracker, truths)


def row(provider: str, found: Score) -> str:
    """Write one row of the table."""
    losses, outcomes, flags = found.losses, found.outcomes.values(), found.flags.values()
    knowable = losses.implied + losses.deadline
    cells = (
        f"`{provider}`", found.recordings, found.callbacks, knowable + losses.never,
        f"{losses.implied_found + losses.deadline_found} of {knowable}", f"{found.alarmed} of {found.healthy}",
        found.state.false + sum(tally.false + tally.missed for tally in outcomes),
        sum(tally.false + tally.missed for tally in flags),
        f"{found.stuck.right} of {found.stuck.right + found.stuck.missed}", f"{len(found.delays_ms)} of {found.hung}",
    )  # fmt: skip
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def table() -> Iterator[str]:
    """Write the table, a row for each provider."""
    yield f"| {' | '.join(HEADS)} |"
    yield f"| --- |{' ---: |' * (len(HEADS) - 1)}"
    for provider in PROVIDERS:
        yield row(provider, measured(provider))


def main(readme: Path) -> None:
    """Put the table between the marks in *readme*."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text("\n".join([before + BEGIN, *table(), END + after]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
