"""Differences: a recording before and after as its JSON has it in; what kinds of change that is out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Told = Mapping[str, Any]

MISFITS = frozenset({"illegal-transition", "conflicting-outcome"})


def _differs(*keys: str) -> Callable[[Told, Told], bool]:
    return lambda before, after: any(before.get(key) != after.get(key) for key in keys)


def _misfits(told: Told) -> set[tuple[str, str | None, tuple[str, ...]]]:
    flags = told.get("flags", ())
    return {(flag["code"], flag["region"], tuple(flag["events"])) for flag in flags if flag["code"] in MISFITS}


KINDS: Mapping[str, Callable[[Told, Told], bool]] = {
    "newly_stuck": lambda before, after: bool(after.get("stuck")) and not before.get("stuck"),
    "no_longer_stuck": lambda before, after: bool(before.get("stuck")) and not after.get("stuck"),
    "newly_illegal": lambda before, after: bool(_misfits(after) - _misfits(before)),
    "state": _differs("state", "phase"),
    "outcome": _differs("complete", "outcome"),
    "flags": _differs("flags"),
    "deadlines": _differs("stall_at", "due_at"),
}
"""What is asked first comes first; a recording may have changed in several ways."""
OTHER = "other"


def kinds(before: Told | None, after: Told | None) -> Iterator[str]:
    """Yield the kinds of change, ``other`` where it is none of them; None stands for a recording that is not there."""
    found = [kind for kind, is_of in KINDS.items() if is_of(before or {}, after or {})]
    yield from found or [OTHER]
