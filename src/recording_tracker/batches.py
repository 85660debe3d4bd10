"""Batches: parsed callbacks in, through an Intake whose transaction the caller holds; what became of each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recording_tracker.errors import QuarantineFullError
from recording_tracker.events import Callback
from recording_tracker.intake import Intake
from recording_tracker.parsing import Parsed
from recording_tracker.results import Receipt, Summary


def take_one(intake: Intake, parsed: Parsed) -> Receipt | QuarantineFullError:
    """Take one callback in; an error is returned, because others share the transaction and what they sent is good."""
    if parsed.result == "quarantined":
        try:
            intake.set_aside(parsed)
        except QuarantineFullError as error:
            return error
    if parsed.result != "accepted":
        return Receipt(parsed.result, parsed.detail)
    at_ms = parsed.callback.received_ms
    changes, any_new = [], False
    for event in parsed.events:
        change, is_new = intake.take(
            parsed.callback.provider, event.recording_id, [(event, parsed.callback)], at_ms=at_ms
        )
        changes.append(change)
        any_new = any_new or is_new[0]
    return Receipt(
        "accepted" if any_new else "duplicate",
        raised=tuple(flag for change in changes for flag in change.raised),
        cleared=tuple(flag for change in changes for flag in change.cleared),
        _standings=tuple((change.standing, at_ms) for change in changes if change.standing.exists),
    )


def take_many(intake: Intake, bodies: Sequence[Parsed], summary: Summary) -> list[tuple[int, str]]:
    """
    Take bodies in recording by recording, so that each recording is written once.

    Returns (place, reason) for each that could not even be kept aside.
    """
    refused: dict[int, str] = {}
    groups: dict[tuple[str, str], list[tuple[int, Any, Callback]]] = {}
    new = [False] * len(bodies)
    for place, parsed in enumerate(bodies):
        if parsed.result == "quarantined":
            try:
                intake.set_aside(parsed)
            except QuarantineFullError as error:
                refused[place] = str(error)
        for event in parsed.events:
            key = (parsed.callback.provider, event.recording_id)
            groups.setdefault(key, []).append((place, event, parsed.callback))
    for (provider, recording_id), arrivals in groups.items():
        at_ms = max(event.received_ms for _, event, _ in arrivals)
        pairs = [(event, callback) for _, event, callback in arrivals]
        change, is_new = intake.take(provider, recording_id, pairs, at_ms=at_ms)
        for (place, _, _), found in zip(arrivals, is_new, strict=True):
            new[place] = new[place] or found
        if change.standing.exists:
            summary.touch(change.entry_number, change.standing)
        summary.raised += len(change.raised)
        summary.cleared += len(change.cleared)
    results = [
        "rejected" if place in refused else _result(parsed, is_new=new[place]) for place, parsed in enumerate(bodies)
    ]
    for result in results:
        summary.add(result)
    intake.count(zip(bodies, results, strict=True))
    return list(refused.items())


def _result(parsed: Parsed, *, is_new: bool) -> str:
    return "duplicate" if parsed.result == "accepted" and not is_new else parsed.result
