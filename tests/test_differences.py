"""What kinds of change there are between a recording before and after."""

from __future__ import annotations

from typing import Any

import pytest

from recording_tracker.differences import kinds


def told(**more: Any) -> dict[str, Any]:
    return {
        "phase": "recording",
        "complete": False,
        "outcome": None,
        "stuck": False,
        "state": {"recording": "recording"},
        "stall_at": None,
        "due_at": None,
        "progress": None,
        "flags": [],
    } | more


def flag(code: str, event: str = "e1") -> dict[str, Any]:
    return {"code": code, "region": "recording", "events": [event]}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (told(), told(stuck=True, flags=[flag("stalled")]), ["newly_stuck", "flags"]),
        (told(stuck=True, flags=[flag("stalled")]), told(), ["no_longer_stuck", "flags"]),
        (told(), told(flags=[flag("illegal-transition")]), ["newly_illegal", "flags"]),
        (
            told(flags=[flag("illegal-transition")]),
            told(flags=[flag("illegal-transition"), flag("conflicting-outcome", "e2")]),
            ["newly_illegal", "flags"],
        ),
        (told(flags=[flag("illegal-transition")]), told(), ["flags"]),
        (told(), told(state={"recording": "stopped"}), ["state"]),
        (told(), told(complete=True, outcome="failed"), ["outcome"]),
        (told(), told(due_at="x"), ["deadlines"]),
        (told(), told(progress=0.5), ["other"]),
        (None, told(), ["state", "outcome", "flags"]),
        (told(stuck=True), None, ["no_longer_stuck", "state", "outcome", "flags"]),
    ],
)
def test_a_change_is_of_its_kinds(
    before: dict[str, Any] | None, after: dict[str, Any] | None, expected: list[str]
) -> None:
    assert list(kinds(before, after)) == expected
