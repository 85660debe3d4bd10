"""Figures: what the fault and corpus tests have tried, a JSON line each, for the table in the README."""

from __future__ import annotations

import json
import os

import pytest


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
