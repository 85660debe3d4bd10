"""Differences of two definitions: every place that the fold, the audit or a reader sees, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from recording_tracker.machine import find_machines
from recording_tracker.machine.definition import Definition
from recording_tracker.machine.differences import differences

AIRCORE = find_machines()["aircore"].definition
AGORA = find_machines()["agora"].definition


def changed(definition: Definition, *place: str, value: Any) -> Definition:
    tables = definition.model_dump(mode="json", by_alias=True)
    inside = tables
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    return Definition.model_validate(tables)


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        (("title",), "Other", ("title", "Aircore Cloud Recording", "Other")),
        (("limits", "complete_within"), "5d", ("limits.complete_within", "3d", "5d")),
        (("limits", "subscribed"), ["recording-started"], ("limits.subscribed", None, "recording-started")),
        (
            ("events", "recording-started", "promised"),
            False,
            ("events.recording-started", "promised = true", "as if left out"),
        ),
        (("regions", "recording", "required"), True, ("regions.recording.required", "false", "true")),
        (
            ("regions", "recording", "states", "recording", "stall_after"),
            "1h",
            (
                "regions.recording.states.recording",
                "phase = recording, stall_after = 12h",
                "phase = recording, stall_after = 1h",
            ),
        ),
        (
            ("codes", "stop_reason", "clientStopped", "class"),
            "hint",
            (
                "codes.stop_reason.clientStopped",
                "meaning = stopped by the client, class = progress",
                "meaning = stopped by the client, class = hint",
            ),
        ),
        (("incarnation_switch",), "recording-stopped", ("incarnation_switch", None, "recording-stopped")),
    ],
)
def test_a_change_is_told_with_its_place(place: tuple[str, ...], value: object, expected: tuple[str, ...]) -> None:
    after = changed(AIRCORE, *place, value=value)

    assert list(differences(AIRCORE, after)) == [expected]
    assert [tuple(found) for found in differences(after, AIRCORE)] == [(expected[0], expected[2], expected[1])]


def test_a_transition_that_leads_elsewhere_is_told() -> None:
    rules = AIRCORE.model_dump(mode="json")["regions"]["recording"]["transitions"]
    rules[0]["dest"] = "stopped"

    found = list(differences(AIRCORE, changed(AIRCORE, "regions", "recording", "transitions", value=rules)))

    assert found == [("regions.recording: recording-started from requested", "to recording", "to stopped")]


def test_an_order_that_decides_is_told() -> None:
    events = dict(reversed(AIRCORE.model_dump(mode="json")["events"].items()))

    (found,) = differences(AIRCORE, changed(AIRCORE, "events", value=events))

    assert (found.place, found.after) == ("events", "in the order " + ", ".join(events))


def test_how_transitions_are_grouped_does_not_matter() -> None:
    tables = AGORA.model_dump(mode="json")
    for region in tables["regions"].values():
        region["transitions"] = [
            {"trigger": trigger, "source": source, "dest": rule["dest"]}
            for rule in region["transitions"]
            for trigger in rule["trigger"]
            for source in rule["source"]
        ]

    assert list(differences(AGORA, changed(AGORA, "regions", value=tables["regions"]))) == []
