"""The words that hold for every provider: where a recording is, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from recording_tracker.errors import UsageError

PHASES = ("expected", "starting", "recording", "processing", "finished")
OUTCOMES = ("failed", "absent", "partial", "backed_up", "available")
"""From the worst to the best."""


def check_word(what: str, word: str | None, words: Sequence[str]) -> None:
    """Raise UsageError where *word* is given and none of *words*."""
    if word is not None and word not in words:
        raise UsageError(f"{what}: {word!r} is none; there are {', '.join(words)}")
