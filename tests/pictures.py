"""
Pictures: the shipped machines as the README shows them.

    python -m tests.pictures README.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from recording_tracker.machine import find_machines
from recording_tracker.machine.diagrams import draw

BEGIN, END = "<!-- machines: begin -->", "<!-- machines: end -->"


def pictures() -> Iterator[str]:
    """Write each machine below its name, folded up."""
    for provider, machine in find_machines(None).items():
        drawn = draw(machine, "mermaid").decode()
        yield f"<details><summary><code>{provider}</code>, {machine.title}</summary>\n"
        yield f"```mermaid\n{drawn}```\n\n</details>\n"


def main(readme: Path) -> None:
    """Put the pictures between the marks in *readme*."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text("\n".join([before + BEGIN, *pictures(), END + after]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
