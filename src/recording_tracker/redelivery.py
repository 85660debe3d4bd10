"""Redelivery: the same event delivered again; which delivery counts, and what contradicts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from recording_tracker.journal import EventRow, Variant

# All of them are read and written with each delivery that contradicts; where nothing is signed, anybody may send those.
MAX_VARIANTS = 16


class Delivery(NamedTuple):
    """An event as one delivery has it; *content* is a digest without the fields that change on a resend."""

    row: EventRow
    content: str


def merge(kept: Delivery, variants: Mapping[str, Variant], other: Delivery) -> tuple[Delivery, dict[str, Variant]]:
    """
    Join a *kept* event and its *variants*, by content, with one more delivery of it.

    The delivery received first counts, then the one with the smaller hash. Of each other content the
    first delivery is a variant, up to the first MAX_VARIANTS of them. So the result does not depend on
    the order in which they come.
    """
    first, second = sorted((kept, other), key=lambda delivery: _precedence(delivery.row))
    merged = dict(variants)
    if second.content != first.content:
        row = second.row
        variant = Variant(second.content, row.received_ms, row.sha256, row.body, row.query)
        merged[second.content] = min(merged.get(second.content, variant), variant, key=_precedence)
    merged.pop(first.content, None)
    merged = dict(sorted(merged.items(), key=lambda item: _precedence(item[1]))[:MAX_VARIANTS])
    differs_ms = min((variant.received_ms for variant in merged.values()), default=None)
    row = first.row._replace(deliveries=kept.row.deliveries + 1, verdict=kept.row.verdict, differs_ms=differs_ms)
    return Delivery(row, first.content), merged


def adds_nothing(kept: Delivery, other: Delivery) -> bool:
    """Tell whether *other* is only to be counted, so that no variants need be read."""
    return other.content == kept.content and _precedence(other.row) >= _precedence(kept.row)


def _precedence(kept: EventRow | Variant) -> tuple[int, bytes, str]:
    return (kept.received_ms, kept.sha256, kept.query)
