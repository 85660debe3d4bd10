"""Remedies: a flag or a recording in, what to do about it and the commands to type out."""

from __future__ import annotations

import shlex

from recording_tracker.recording import Recording

REMEDIES = {
    "never-started": "See whether the start request succeeded and whether the provider knows the receiver's address; "
    "resolve it if it was never started.",
    "missing-terminal": "Ask the provider's API how it ended and look for its files; if they are there, resolve it, "
    "else look at the storage settings.",
    "stalled": "Ask the provider's API whether it still runs; if it does, a callback was lost or the limit is too "
    "short.",
    "illegal-transition": "Read its history; if the provider really sends this, the machine file must learn it.",
    "conflicting-outcome": "Ask the provider which of the two outcomes is true; if it is the second, resolve it so.",
    "missing-event": "See whether the receiver answered at that time; if the event never comes, it is probably not "
    "subscribed.",
    "unknown-event": "Upgrade the tracker or add the event to the machine file, then replay.",
    "payload-mismatch": "Look at the files before you use them; the body contradicts itself or an earlier one.",
    "provider-error": "Do what the message says; where it says nothing, ask the provider, with the recording id.",
    "sequence-gap": "Nothing, unless a promised event is missing too.",
    "clock-skew": "Check the clock of the receiver.",
}
"""What to do about a flag, by its code."""


def commands(recording: Recording) -> list[str]:
    """Return what to type to learn more, to acknowledge and to settle; nothing where the id cannot be typed."""
    if not recording.id.isprintable():
        return []
    name = shlex.quote(recording.id)
    wanted = f"-- {name}" if recording.id.startswith("-") else name
    found = [f"tracker explain {wanted}", f"tracker ack --note '…' {wanted}"]
    if not recording.complete:
        found.append(f"tracker resolve --outcome available --note '…' {wanted}")
    return found
