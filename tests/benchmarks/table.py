"""
The table of the README: figures as JSON Lines in, one row each out, between the marks.

    rm -f speed.jsonl; python -m tests.benchmarks --json speed.jsonl
    python -m tests.benchmarks tasks receiver --slow-fsync 1000 --json speed.jsonl
    python -m tests.benchmarks.table speed.jsonl README.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- speed: begin -->", "<!-- speed: end -->"


def table(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Write what was reached beside the goal, and the command that measures it; of one measured twice the last."""
    found = {(line["name"], line["slow_fsync_us"]): line for line in lines}
    yield "| measured | goal | reached | rounds | with `python -m tests.benchmarks` |"
    yield "| --- | ---: | ---: | --- | --- |"
    for (_, slow), line in found.items():
        goal = "" if line["goal"] is None else f"{'≥' if line['at_least'] else '≤'} {line['goal']:g}"
        rounds = f"{min(line['rounds']):.2f} to {max(line['rounds']):.2f}" if line["rounds"] else ""
        what = line["what"] + (f", {int(slow) / 1000:g} ms added to each fsync" if slow else "")
        command = line["benchmark"] + (f" --slow-fsync {slow}" if slow else "")
        mark = "" if line["is_reached"] else " (not reached)"
        yield f"| {what} | {goal} | {line['reached']:.2f}{mark} | {rounds} | `{command}` |"


def main(figures: Path, readme: Path) -> None:
    """Put the table of *figures* between the marks in *readme*."""
    lines = [json.loads(line) for line in figures.read_text(encoding="utf-8").splitlines()]
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text("\n".join([before + BEGIN, *table(lines), END + after]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
