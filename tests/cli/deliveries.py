"""Deliveries to give to ``tracker ingest``, made for the purpose."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RECEIVED = "2026-11-01T09:00:01.000Z"
MOMENT_MS = 1_793_523_600_000


def aircore(number: int, event: str = "recording-started", **recording: Any) -> dict[str, Any]:
    """One callback of Aircore about recording *number*."""
    found = {"url": f"http://recorder.example/recording/{number}", "state": "started", "startTime": MOMENT_MS}
    return {"event": event, "timestamp": MOMENT_MS, "recording": found | recording}


def line(provider: str, body: Any, **more: Any) -> str:
    """One line of a delivery log."""
    return json.dumps({"provider": provider, "received_at": RECEIVED, "body": body} | more)


def write_log(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    return path


def started(count: int) -> list[str]:
    """A log of *count* recordings that have started."""
    return [line("aircore", aircore(number)) for number in range(count)]
