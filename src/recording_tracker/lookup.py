"""Look-ups: what a person types in, the recordings that it names out."""

from __future__ import annotations

from collections.abc import Iterator

from recording_tracker.adapters import find_adapters
from recording_tracker.errors import AmbiguousError
from recording_tracker.journal import Journal

SHORTEST_PREFIX = 4
MOST_CANDIDATES = 50


def find(journal: Journal, text: str) -> list[int]:
    """
    Find recordings by recording id, else alias, else group id, else a prefix of one of them that is unique.

    Returns their numbers, none where nothing fits; raises AmbiguousError for a prefix of several.
    """
    for ids in _spellings(journal, text):
        for look_up in (journal.find_ids, journal.find_aliases, journal.find_groups):
            if found := look_up(ids):
                return found
    return _by_prefix(journal, text) if len(text) >= SHORTEST_PREFIX else []


def _spellings(journal: Journal, text: str) -> Iterator[list[tuple[str, str]]]:
    """Yield (provider, id) pairs: *text* as it is, and only if that finds nothing as each provider spells it."""
    providers = journal.providers()
    yield [(provider, text) for provider in providers]
    adapters = find_adapters()
    spelled = [(name, adapters[name].canonical_id(text)) for name in providers if name in adapters]
    yield [pair for pair in spelled if pair[1] != text]


def _by_prefix(journal: Journal, prefix: str) -> list[int]:
    found = journal.find_prefix(prefix, limit=MOST_CANDIDATES)
    numbers = list(dict.fromkeys(number for _, number in found))
    names = sorted({text for text, _ in found})
    # All that begin so are one id: one recording by two names, or the recordings of one group.
    if len(numbers) > 1 and len(names) > 1:
        raise AmbiguousError(prefix, names)
    return numbers
