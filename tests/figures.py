"""
Figures: what the fault and corpus tests have tried, a JSON line each, for the table in the README.

    rm -f figures.jsonl; TRACKER_FIGURES=$PWD/figures.jsonl pytest -m 'slow or not slow' tests/faults tests/hostile
    python -m tests.figures figures.jsonl README.md
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import pytest

RESULTS = ("accepted", "duplicate", "quarantined", "rejected", "ignored")
OUTCOME = f" bodies, ({'|'.join(RESULTS)})$"
COUNTED = ("tried", "lost", "corrupted")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
CONTROL = "control: "
WIDTH = 120


class Figures:
    """Appends to the file that TRACKER_FIGURES names; does nothing where it names none."""

    def add(
        self, *, fault: str, what: str, tried: int, lost: int = 0, corrupted: int = 0, **more: int | float | str
    ) -> None:
        """Note that *fault* was tried so often, counted as *what*, and what came of it."""
        path = os.environ.get("TRACKER_FIGURES")
        if not path:
            return
        line = {"fault": fault, "what": what, "tried": tried, "lost": lost, "corrupted": corrupted, **more}
        # One write, so that lines of tests that run side by side do not mix.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, f"{json.dumps(line)}\n".encode())
        finally:
            os.close(handle)


@pytest.fixture(name="figures")
def figures_fixture() -> Figures:
    return Figures()


def table(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Write what was tried, fault by fault, class by class, and which controls were caught; end where one was not."""
    bodies = [line for line in lines if re.search(OUTCOME, line["what"])]
    controls = [line for line in lines if line["what"].startswith(CONTROL)]
    yield from faults(line for line in lines if line not in bodies and line not in controls)
    yield ""
    yield from outcomes(bodies)
    yield ""
    yield from caught(controls)


def faults(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write one row for each fault and what was counted."""
    rows: dict[tuple[str, str], Counter[str]] = {}
    for line in lines:
        rows.setdefault((line["fault"], line["what"]), Counter()).update({key: line[key] for key in COUNTED})
    yield "| fault | tried | times | lost | corrupted |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for (fault, what), counts in sorted(rows.items(), key=lambda row: (_number(row[0][0]), row[0][1])):
        yield f"| {fault} | {what.replace('|', ' ')} | " + " | ".join(f"{counts[key]:,}" for key in COUNTED) + " |"


def outcomes(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write one row for each class of hostile bodies: how many came to what."""
    rows: dict[str, Counter[str]] = {}
    for line in lines:
        family, _, result = line["what"].partition(" bodies, ")
        for each in (family, "all"):
            rows.setdefault(each, Counter())[result] += line["tried"]
    yield "| hostile bodies | " + " | ".join(RESULTS) + " |"
    yield "| --- |" + " ---: |" * len(RESULTS)
    for family in sorted(rows, key=lambda family: (family == "all", family)):
        yield f"| {family} | " + " | ".join(f"{rows[family][result]:,}" for result in RESULTS) + " |"


def caught(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write which controls were caught."""
    rows: dict[tuple[str, str], int] = {}
    for line in lines:
        key = (line["fault"], line["what"].removeprefix(CONTROL))
        rows[key] = rows.get(key, 0) + sum(line.get(count, 0) for count in ("caught", "lost", "corrupted"))
    missed = [" ".join(key) for key, count in rows.items() if not count]
    if missed:
        raise SystemExit(f"controls that nothing has caught: {'; '.join(missed)}")
    told = sorted(rows, key=lambda key: (_number(key[0]), key[1]))
    listed = "; ".join(f"{fault} {what}" for fault, what in told)
    yield from wrap(f"All {len(told)} controls were caught: {listed}.", WIDTH, break_on_hyphens=False)


def _number(fault: str) -> tuple[str, int]:
    found = re.fullmatch(r"([A-Za-z ]*)(\d*).*", fault)
    assert found is not None
    return (found.group(1), int(found.group(2) or 0))


def main(figures: Path, readme: Path) -> None:
    """Put the table of *figures* between the marks in *readme*."""
    lines = [json.loads(line) for line in figures.read_text(encoding="utf-8").splitlines()]
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    told = [before + BEGIN, "", *table(lines), "", END + after]
    readme.write_text("\n".join(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
