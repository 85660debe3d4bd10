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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
CONTROL = "control: "


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


def table(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write one row for each fault and what was counted, the controls aside: those are meant to lose and corrupt."""
    rows: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        counts = rows.setdefault((line["fault"], line["what"]), [0, 0, 0])
        for place, name in enumerate(("tried", "lost", "corrupted")):
            counts[place] += line[name]
    yield "| fault | tried | times | lost | corrupted |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for (fault, what), (tried, lost, corrupted) in sorted(rows.items(), key=_by_number):
        if not what.startswith(CONTROL):
            yield f"| {fault} | {what.replace('|', ' ')} | {tried} | {lost} | {corrupted} |"
    controls = sorted(
        {(fault, what) for fault, what in rows if what.startswith(CONTROL)}, key=lambda row: _number(row[0])
    )
    yield ""
    yield f"{len(controls)} controls, each a worker that is broken on purpose, were caught by the same checks:"
    yield "; ".join(f"{fault} {what.removeprefix(CONTROL)}" for fault, what in controls) + "."


def _by_number(row: tuple[tuple[str, str], list[int]]) -> tuple[str, int, str]:
    return (*_number(row[0][0]), row[0][1])


def _number(fault: str) -> tuple[str, int]:
    found = re.fullmatch(r"([A-Za-z ]*)(\d*).*", fault)
    assert found is not None
    return (found.group(1), int(found.group(2) or 0))


def main(figures: Path, readme: Path) -> None:
    """Put the table of *figures* between the marks in *readme*."""
    lines = [json.loads(line) for line in figures.read_text(encoding="utf-8").splitlines()]
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text("\n".join([before + BEGIN, *table(lines), END + after]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
