"""Every payload file says what it tells of; adding one needs no Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recording_tracker.adapters import find_adapters, parse
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Callback, File, Ignored

PAYLOADS = Path(__file__).parents[1] / "payloads"
FILES = sorted(PAYLOADS.glob("*/*.json"))
SOURCES = {"captured", "documentation", "constructed"}


def plain(value: object) -> object:
    if isinstance(value, File):
        return {name: told for name, told in value._asdict().items() if told is not None}
    return [plain(part) for part in value] if isinstance(value, tuple) else value


def told(provider: str, payload: dict[str, Any]) -> dict[str, object]:
    body = payload["body"]
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    callback = Callback(provider, raw, payload.get("received_ms", 0), payload.get("query", {}))
    try:
        found = parse(find_adapters(), callback)
    except QuarantinedBodyError as error:
        return {"quarantined": str(error)}
    if isinstance(found, Ignored):
        return {"ignored": found.kind}
    (event,) = found
    return {name: plain(value) for name, value in event._asdict().items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_payload_is_read_as_its_file_says(path: Path) -> None:
    payload = json.loads(path.read_text(encoding="utf-8"))

    found = told(path.parent.name, payload)

    assert payload["source"] in SOURCES
    assert {name: found.get(name) for name in payload["expect"]} == payload["expect"]
    assert set(payload["expect"]) & {"recording_id", "ignored", "quarantined"}
