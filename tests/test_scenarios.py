"""Scenario files are stories with a verdict; adding one needs no Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Recording, Tracker
from tests.stories import Story, read_story, story_files

STORIES = pytest.mark.parametrize("path", story_files(), ids=lambda path: f"{path.parent.name}/{path.stem}")


def told(tracker: Tracker, story: Story) -> dict[str, Recording]:
    found = {}
    for label, recording_id in story.ids.items():
        for recording in tracker.status(recording_id, now=story.now):
            found[label] = recording
    return found


def seen(recording: Recording, keys: Sequence[str]) -> dict[str, Any]:
    shown = recording.to_json(secrets=True) | {"flags": sorted(flag.code for flag in recording.flags)}
    return {key: shown[key] for key in keys}


@STORIES
def test_a_story_ends_in_its_verdict(path: Path, tmp_path: Path) -> None:
    story = read_story(path)

    with Tracker(tmp_path / "story.db") as tracker:
        summary = tracker.ingest_many(story.deliveries)
        found = told(tracker, story)

        assert {label: seen(found[label], list(keys)) for label, keys in story.verdict.items()} == story.verdict
        assert not set(story.absent) & set(found)
        assert summary.rejected == 0
        assert tracker.verify().sound


@STORIES
def test_a_story_ends_the_same_however_it_arrives(path: Path, tmp_path: Path) -> None:
    story = read_story(path)
    with Tracker(tmp_path / "in-order.db") as tracker:
        tracker.ingest_many(story.deliveries)
        expected = [(r.id, without_duplicates(r)) for r in told(tracker, story).values()]
    mixed = [*story.deliveries, *random.Random(path.name).choices(story.deliveries, k=3)]
    random.Random(path.stem).shuffle(mixed)

    with Tracker(tmp_path / "mixed.db") as tracker:
        for delivery in mixed:
            tracker.ingest_many([delivery])

        assert [(r.id, without_duplicates(r)) for r in told(tracker, story).values()] == expected
        assert tracker.verify().sound
        assert tracker.replay(now=story.now).changed == []


def without_duplicates(recording: Recording) -> dict[str, object]:
    return recording.to_json(secrets=True) | {"duplicates": None}
