"""Audit: the checks that ask for the time; a standing and a moment in, the flags open at that moment out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from recording_tracker.flags import ERROR, INFO, WARNING, Flag
from recording_tracker.grammar import counted
from recording_tracker.standing import Standing

MOST_AWAITED = 6
SEVERITY_ORDER = (ERROR, WARNING, INFO)

Check = Callable[[Standing, int], Iterator[Flag]]


def check_fold(standing: Standing, now_ms: int) -> Iterator[Flag]:
    """Yield what the fold says, of ``missing-event`` only those whose moment has passed."""
    for flag in standing.flags:
        if flag.code != "missing-event" or now_ms > flag.raised_ms:
            yield flag


def check_stalled(standing: Standing, now_ms: int) -> Iterator[Flag]:
    """Nothing has come for longer than a state tolerates."""
    if standing.stall_ms is not None and now_ms > standing.stall_ms:
        yield _deadline("stalled", standing, standing.stall_ms, standing.stall_region, "nothing has come for too long")


def check_missing_terminal(standing: Standing, now_ms: int) -> Iterator[Flag]:
    """It has opened and is not complete in time."""
    if standing.opened and standing.due_ms is not None and now_ms > standing.due_ms:
        yield _deadline(
            "missing-terminal", standing, standing.due_ms, standing.due_region, "it is not complete in time"
        )


def check_never_started(standing: Standing, now_ms: int) -> Iterator[Flag]:
    """It was announced and has not opened in time."""
    if not standing.opened and standing.due_ms is not None and now_ms > standing.due_ms:
        message = "it was announced, and nothing has come in time that opens it"
        yield Flag("never-started", ERROR, message, None, (), standing.due_ms)


CHECKS: tuple[Check, ...] = (check_never_started, check_missing_terminal, check_stalled, check_fold)


def open_flags(standing: Standing, now_ms: int) -> tuple[Flag, ...]:
    """Return every flag open at *now_ms*, milliseconds since 1970; the worst first, then the oldest."""
    if not standing.flags and not _passed(standing.stall_ms, now_ms) and not _passed(standing.due_ms, now_ms):
        return ()
    found = [flag for check in CHECKS for flag in check(standing, now_ms)]
    found.sort(key=lambda flag: (SEVERITY_ORDER.index(flag.severity), flag.raised_ms, flag.identity))
    return tuple(found)


def _passed(deadline_ms: int | None, now_ms: int) -> bool:
    return deadline_ms is not None and now_ms > deadline_ms


def _deadline(code: str, standing: Standing, deadline_ms: int, region: str | None, what: str) -> Flag:
    # The moment stands beside the message, in the zone of whoever reads it.
    where = f"{region} is {standing.state[region]!r}" if region else _everywhere(standing)
    others = standing.awaits[MOST_AWAITED:]
    more = f" and {counted(len(others), 'other')}" if others else ""
    awaited = f"; awaited: {', '.join(standing.awaits[:MOST_AWAITED])}{more}" if standing.awaits else ""
    return Flag(code, ERROR, f"{where}, and {what}{awaited}", region, (), deadline_ms)


def _everywhere(standing: Standing) -> str:
    return ", ".join(f"{region} is {state!r}" for region, state in standing.state.items())
