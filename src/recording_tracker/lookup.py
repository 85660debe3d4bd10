"""Look-ups: what a person types in, the recordings that it names out."""

from __future__ import annotations

from collections.abc import Iterator

from recording_tracker.audit import open_flags
from recording_tracker.errors import AmbiguousError, NotFoundError
from recording_tracker.flags import SEVERITIES
from recording_tracker.grammar import noun
from recording_tracker.journal import Entry, Filter, Reader
from recording_tracker.phases import OUTCOMES, PHASES, check_word
from recording_tracker.recording import Recording

SHORTEST_PREFIX = 4
MOST_CANDIDATES = 50
MOST_BETWEEN_ENDS = 100_000
CUT = "…"
"""Where a list leaves out the middle of an id that is too long for its line."""
DOTS = "..."
"""What becomes of that where somebody types it, or a chat without the sign shows it."""


def status(journal: Reader, text: str, *, now_ms: int) -> list[Recording]:
    """Return the recordings that *text* names; raises AmbiguousError for a prefix of several."""
    return [seen(journal.entry(number), now_ms) for number in find(journal, text)]


def recordings(
    journal: Reader,
    *,
    provider: str | None,
    phase: str | None,
    outcome: str | None,
    flag: str | None,
    stuck: bool,
    since_ms: int | None,
    now_ms: int,
) -> Iterator[Recording]:
    """
    Return recordings, the newest first; None stands for all.

    Raises UsageError for a phase, outcome or flag that there is not.
    """
    check_word("phase", phase, PHASES)
    check_word("outcome", outcome, OUTCOMES)
    check_word("flag", flag, tuple(SEVERITIES))
    overdue_ms = now_ms if stuck else None
    wanted = Filter(provider=provider, phase=phase, outcome=outcome, since_ms=since_ms, overdue_ms=overdue_ms)
    return _matching(journal, wanted, flag=flag, stuck=stuck, now_ms=now_ms)


def _matching(journal: Reader, wanted: Filter, *, flag: str | None, stuck: bool, now_ms: int) -> Iterator[Recording]:
    for entry in journal.entries(wanted):
        recording = seen(entry, now_ms)
        if stuck and not recording.stuck:
            continue
        if flag is None or any(found.code == flag for found in recording.flags):
            yield recording


def seen(entry: Entry, now_ms: int) -> Recording:
    """Dress a kept recording with the flags open at *now_ms* and the operator's notes on them."""
    found = []
    for flag in open_flags(entry.standing, now_ms):
        note = entry.acknowledged.get(flag.identity)
        found.append(flag if note is None else flag._replace(acknowledged=True, note=note))
    return Recording.seen(entry.standing, found)


def find(journal: Reader, text: str) -> list[int]:
    """
    Find recordings by recording id, else alias, else group id, else a prefix of one of them that is unique.

    An id whose middle a list has left out is found by both of its ends.

    Returns their numbers, none where nothing fits; raises AmbiguousError for a prefix of several.
    """
    for ids in _spellings(journal, text):
        for look_up in (journal.find_ids, journal.find_aliases, journal.find_groups):
            if found := look_up(ids):
                return found
    return _by_ends(journal, text)


def _spellings(journal: Reader, text: str) -> Iterator[list[tuple[str, str]]]:
    """Yield (provider, id) pairs: *text* as it is, and only if that finds nothing as each provider spells it."""
    providers = journal.providers()
    yield [(provider, text) for provider in providers]
    # What is typed in as events spell it, as most is, needs no adapter; and they load slowly.
    from recording_tracker.adapters import find_adapters

    adapters = find_adapters()
    spelled = [(name, adapters[name].canonical_id(text)) for name in providers if name in adapters]
    yield [pair for pair in spelled if pair[1] != text]


def _ends(text: str) -> tuple[str, str]:
    """Return the beginning and the end that *text* gives of an id; the end is empty where nothing is left out."""
    head, _, tail = text.strip().replace(DOTS, CUT).partition(CUT)
    return head, tail


def _by_ends(journal: Reader, text: str) -> list[int]:
    head, tail = _ends(text)
    # All ids of an application or a server may begin alike, and the one with this end be far behind.
    limit = MOST_BETWEEN_ENDS if tail else MOST_CANDIDATES
    for pairs in _spellings(journal, head):
        found = {
            (name, number)
            for provider, spelled in pairs
            if len(spelled) >= SHORTEST_PREFIX
            for name, number in journal.find_prefix(spelled, limit=limit, provider=provider)
            if name.endswith(tail)
        }
        if found:
            return _the_one(text, found)
    return []


def _the_one(text: str, found: set[tuple[str, int]]) -> list[int]:
    """Return the numbers of ids that begin alike; they are of one id: by two names, or a group's recordings."""
    numbers = sorted({number for _, number in found})
    names = sorted({name for name, _ in found})
    if len(numbers) > 1 and len(names) > 1:
        raise AmbiguousError(text, names)
    return numbers


def not_found(journal: Reader, text: str) -> NotFoundError:
    """Return the error of a *text* that names no recording, with the one that it may mean."""
    if (entry := unopened(journal, text)) is not None:
        kept = entry.standing
        came = noun(kept.events, "1 event of it has come", f"{kept.events} events of it have come")
        return NotFoundError(f"no recording {text!r}; {came}, {kept.last_name!r} the last, and none that opens one")
    short = len(_ends(text)[0]) < SHORTEST_PREFIX
    needed = f"the beginning of an id has at least {SHORTEST_PREFIX} characters, and " if short else ""
    meant = _in_another_case(journal, text)
    hint = f"did you mean {meant!r}? " if meant else needed
    return NotFoundError(f"no recording {text!r}; {hint}'tracker list' shows those there are")


def unopened(journal: Reader, text: str) -> Entry | None:
    """Return what is kept of a recording id that nothing has opened, so that it names no recording."""
    from recording_tracker.adapters import find_adapters

    # Of a provider that no recording is of yet, too.
    adapters = find_adapters()
    ids = [(name, spelled) for name in adapters for spelled in (text, adapters[name].canonical_id(text))]
    found = journal.find_unopened(ids)
    return journal.entry(found[0]) if found else None


def _in_another_case(journal: Reader, text: str) -> str | None:
    """Return the id of the only recording that *text* would name in small or in capital letters."""
    try:
        found = {number for other in {text.lower(), text.upper()} - {text} for number in find(journal, other)}
    except AmbiguousError:
        return None
    standing = journal.entry(found.pop()).standing if len(found) == 1 else None
    return standing and (standing.recording_id or standing.group_id)
