"""The library in ten lines: take a callback in, then ask where its recording stands. The argument is a database."""

# ruff: noqa: T201

import sys

from recording_tracker import Tracker

BODY = {
    "event": "recording-started",
    "timestamp": 1793527200000,
    "recording": {"url": "https://recorder.example/recording/42"},
}

with Tracker(sys.argv[1]) as tracker:
    receipt = tracker.ingest("aircore", BODY, query={"id": "room-7"})
    print(receipt.result, *(recording.id for recording in receipt.recordings))
    for recording in tracker.status("room-7"):
        print(recording.phase, recording.state, recording.due_at)
