"""A provider's own words, made safe: as part of an event's name or id, and inside a message."""

from __future__ import annotations

import re

from recording_tracker.body import digest

LONGEST_WORD = 60
LONGEST_QUOTE = 60

_WORD = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_WORD}}}", re.ASCII)
_ODD = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)


def word(text: str) -> str:
    """
    Return *text* where it is one plain word, else a plain word that tells it from all others.

    Without this, a word with a dot in it could pose as the name of another event.
    """
    if _WORD.fullmatch(text):
        return text
    return f"{_ODD.sub('_', text)[:40]}-{digest(text)[:8]}"


def quoted(value: object) -> str:
    """Quote *value* for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
