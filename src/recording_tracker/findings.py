"""Findings: what the fold meets that is wrong, in, the flags that say so out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from recording_tracker.events import Event
from recording_tracker.flags import ERROR, INFO, SEVERITIES, WARNING, Flag
from recording_tracker.machine import Code, Machine, Region
from recording_tracker.times import short
from recording_tracker.urls import without_credentials_inside

CLOCK_TOLERANCE_MS = 300_000
MAX_QUOTE = 100
_CLASSES = ("progress", "hint", "degraded", "failed")


def of_body(machine: Machine, event: Event) -> Sequence[Flag]:
    """Return what is wrong with an event in itself, wherever it stands in the lifecycle."""
    is_ahead = event.occurred_ms is not None and event.occurred_ms > event.received_ms + CLOCK_TOLERANCE_MS
    contradicts = event.problems or event.differs_ms is not None
    if not (is_ahead or contradicts or event.codes):
        return ()
    found = [_clock_skew(event)] if is_ahead else []
    if contradicts:
        found.append(_mismatch(event))
    if not machine.harmless.issuperset(event.codes):
        found.extend(_provider_error(machine, event))
    return found


def _clock_skew(event: Event) -> Flag:
    assert event.occurred_ms is not None
    ahead = short(timedelta(milliseconds=event.occurred_ms - event.received_ms))
    return _of_event("clock-skew", event, f"{event.name!r} is dated {ahead} after it was received")


def _mismatch(event: Event) -> Flag:
    words = list(event.problems)
    if event.differs_ms is not None:
        words.append(f"{event.name!r} was delivered again with other content")
    raised_ms = max(event.received_ms, event.differs_ms or 0)
    return _of_event("payload-mismatch", event, "; ".join(words))._replace(raised_ms=raised_ms)


def _provider_error(machine: Machine, event: Event) -> Iterator[Flag]:
    found = [(table, code, machine.code(table, code)) for table, code in event.codes]
    worst = max((_CLASSES.index(row.severity_class) for _, _, row in found if row), default=0)
    if _CLASSES[worst] not in ("degraded", "failed"):
        return
    words = [_meaning(table, code, row) for table, code, row in found]
    if event.remark:
        words.append(repr(quote(without_credentials_inside(event.remark))))
    hints = dict.fromkeys(row.hint for _, _, row in found if row and row.hint)
    message = f"{event.name!r}: " + ", ".join(words) + "".join(f"; {hint}" for hint in hints)
    severity = ERROR if _CLASSES[worst] == "failed" else WARNING
    yield _of_event("provider-error", event, message)._replace(severity=severity)


def _meaning(table: str, code: str, row: Code | None) -> str:
    return row.meaning if row else f"{table.replace('_', ' ')} {quote(code)!r}, which is not documented"


def unknown_event(event: Event) -> Flag:
    """Return the flag of an event that no region knows."""
    return _of_event("unknown-event", event, f"{event.name!r} is no event that the machine knows; it changes nothing")


def misfit(region: Region, state: int, event: Event, verdict: str) -> Flag:
    """Return the flag of an event that fits *region* in no way: a ``conflict``, or ``illegal``."""
    here = region.states[state]
    if verdict == "conflict":
        message = f"{event.name!r} contradicts {here!r}, in which {region.name} had ended; the first counts"
        return _of_event("conflicting-outcome", event, message)._replace(region=region.name)
    message = f"{event.name!r} cannot happen while {region.name} is {here!r}; it changes nothing"
    return _of_event("illegal-transition", event, message)._replace(region=region.name)


def missing_event(region: str, names: tuple[str, ...], implied_by: str, deadline_ms: int) -> Flag:
    """Return the flag of an event that was surely sent and has not come by *deadline_ms*."""
    wanted = " or ".join(repr(name) for name in names)
    message = f"{wanted} must have been sent and was not received; {implied_by!r} implies it"
    return Flag("missing-event", WARNING, message, region, names, deadline_ms)


def sequence_gap(holes: list[str], raised_ms: int) -> Flag:
    """Return the flag of numbers that the provider has left out or that have not come."""
    shown = ", ".join(holes[:10]) + (f" and {len(holes) - 10} more" if len(holes) > 10 else "")
    message = f"sequence numbers not received: {shown}; event types not subscribed leave holes too"
    return Flag("sequence-gap", INFO, message, None, (), raised_ms)


def more(code: str, severity: str, count: int, raised_ms: int) -> Flag:
    """Return the flag that stands for *count* more of one kind than are kept."""
    return Flag(code, severity, f"{count} more events like those above", None, (), raised_ms)


def _of_event(code: str, event: Event, message: str) -> Flag:
    return Flag(code, SEVERITIES[code], message, None, (event.event_id,), event.received_ms)


def quote(text: str) -> str:
    """Cut provider text to a length that a line can take."""
    return text if len(text) <= MAX_QUOTE else text[: MAX_QUOTE - 1] + "…"
