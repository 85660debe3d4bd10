"""Redelivery: the same event delivered again; which delivery counts, and what contradicts it."""

from __future__ import annotations

from collections.abc import Mapping

from recording_tracker.journal import EventRow, Variant

# All of them are read and written with each delivery that contradicts; where nothing is signed, anybody may send those.
MAX_VARIANTS = 16


def merge(row: EventRow, variants: Mapping[str, Variant], other: EventRow) -> tuple[EventRow, dict[str, Variant]]:
    """
    Join a kept event and its *variants*, by content, with one more delivery of it.

    The delivery received first counts, then the one with the smaller hash. Of each other content the
    first delivery is a variant, up to the first MAX_VARIANTS of them. So the result does not depend on
    the order in which they come.
    """
    first, second = sorted((row, other), key=_precedence)
    merged = dict(variants)
    if second.content != first.content:
        variant = Variant(second.content, second.received_ms, second.sha256, second.body, second.query)
        kept = merged.get(second.content, variant)
        merged[second.content] = min(kept, variant, key=_precedence)
    merged.pop(first.content, None)
    merged = dict(sorted(merged.items(), key=lambda item: _precedence(item[1]))[:MAX_VARIANTS])
    differs_ms = min((variant.received_ms for variant in merged.values()), default=None)
    return first._replace(deliveries=row.deliveries + 1, verdict=row.verdict, differs_ms=differs_ms), merged


def adds_nothing(row: EventRow, other: EventRow) -> bool:
    """Tell whether *other* is only to be counted, so that no variants need be read."""
    return other.content == row.content and _precedence(other) >= _precedence(row)


def _precedence(kept: EventRow | Variant) -> tuple[int, bytes, str]:
    return (kept.received_ms, kept.sha256, kept.query)
