"""Stories: scenario files in, the deliveries that they tell of and the verdict that they expect out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from recording_tracker.adapters import find_adapters, parse
from recording_tracker.events import Callback, Ignored
from recording_tracker.times import iso, moment_ms

HERE = Path(__file__).parent
PAYLOADS = HERE / "payloads"
SCENARIOS = HERE / "scenarios"
DAY = "2026-03-01T"


@dataclass(frozen=True)
class Story:
    """One scenario file: what is delivered and announced, and what is expected of it at *now*."""

    path: Path
    now: datetime
    deliveries: list[dict[str, Any]]
    """As in a delivery log."""
    ids: dict[str, str]
    """Label → recording id."""
    verdict: dict[str, dict[str, Any]]
    absent: list[str] = field(default_factory=list)

    @property
    def provider(self) -> str:
        return self.path.parent.name


def story_files() -> list[Path]:
    return sorted(SCENARIOS.glob("*/*.toml"))


def read_story(path: Path) -> Story:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    provider, start_ms = path.parent.name, _ms(told.get("start", "10:00:00"))
    ids: dict[str, str] = {}
    deliveries = []
    for number, delivery in enumerate(told.get("deliveries", [])):
        label = delivery.get("recording", "a")
        line = _delivery(provider, delivery, label, number, start_ms)
        deliveries.append(line)
        for found in _recording_ids(line):
            ids.setdefault(label, found)
    for expected in told.get("expect", []):
        label = expected["recording"]
        ids.setdefault(label, _announced_id(provider, label, start_ms))
        deliveries.append(
            {
                "expect": {"provider": provider, "recording_id": ids[label], "within": expected["within"]},
                "received_at": iso(_ms(expected["at"])),
            }
        )
    return Story(path, _moment(told["now"]), deliveries, ids, told.get("verdict", {}), told.get("absent", []))


def _ms(text: str) -> int:
    return moment_ms(text if "T" in text else DAY + text)


def _moment(text: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=_ms(text))


def _delivery(provider: str, delivery: dict[str, Any], label: str, number: int, start_ms: int) -> dict[str, Any]:
    payload = json.loads((PAYLOADS / provider / f"{delivery['payload']}.json").read_text(encoding="utf-8"))
    body = deepcopy(payload["body"])
    if delivery.get("raw"):
        received_ms = _ms(delivery["received"])
    else:
        at_ms = _ms(delivery["at"])
        received_ms = _ms(delivery["received"]) if "received" in delivery else at_ms + 1000
        start = _ms(delivery["start"]) if "start" in delivery else start_ms
        STAMPS[provider](body, label, at_ms=at_ms, start_ms=start, number=number)
    for place, value in delivery.get("set", {}).items():
        *parents, last = place.split(".")
        _inside(body, parents)[last] = value
    for place in delivery.get("remove", []):
        *parents, last = place.split(".")
        _inside(body, parents).pop(last, None)
    line = {"provider": provider, "received_at": iso(received_ms), "body": body}
    return line | ({"query": payload["query"]} if "query" in payload else {})


def _inside(body: dict[str, Any], parents: list[str]) -> dict[str, Any]:
    for parent in parents:
        body = body.setdefault(parent, {})
    return body


def _recording_ids(line: dict[str, Any]) -> Iterator[str]:
    callback = Callback(line["provider"], json.dumps(line["body"]).encode(), 0, line.get("query", {}))
    found = parse(find_adapters(), callback)
    if not isinstance(found, Ignored):
        yield from (event.recording_id for event in found)


def _hex(label: str) -> str:
    return uuid5(NAMESPACE_URL, f"story/{label}").hex


def _stamp_agora(body: dict[str, Any], label: str, *, at_ms: int, start_ms: int, number: int) -> None:
    body |= {"notifyMs": at_ms + 50, "noticeId": _hex(f"{label}{number}")}
    body.pop("sid", None)
    body["payload"] |= {"sid": _hex(label), "sendts": at_ms, "sequence": number}


def _stamp_aircore(body: dict[str, Any], label: str, *, at_ms: int, start_ms: int, number: int) -> None:
    body["timestamp"] = at_ms
    body["recording"]["url"] = f"http://recorder.example:8080/recording/{_hex(label)}"


def _stamp_bandwidth(body: dict[str, Any], label: str, *, at_ms: int, start_ms: int, number: int) -> None:
    body |= {"recordingId": f"r-{label}", "callId": f"c-{label}", "eventTime": iso(at_ms)}


def _stamp_enablex(body: dict[str, Any], label: str, *, at_ms: int, start_ms: int, number: int) -> None:
    body |= {"app_id": "app", "room_id": f"room-{label}", "conf_num": f"conf-{label}", "trans_date": iso(at_ms)}
    if body["type"].startswith("room-"):
        body["relayed_at"] = body.pop("trans_date")


def _stamp_line_planet(body: dict[str, Any], label: str, *, at_ms: int, start_ms: int, number: int) -> None:
    body |= {"sid": _hex(label), "recording_start_time": start_ms}


STAMPS = {
    "agora": _stamp_agora,
    "aircore": _stamp_aircore,
    "bandwidth": _stamp_bandwidth,
    "enablex": _stamp_enablex,
    "line_planet": _stamp_line_planet,
}


def _announced_id(provider: str, label: str, start_ms: int) -> str:
    return {
        "agora": _hex(label),
        "aircore": f"http://recorder.example:8080/recording/{_hex(label)}",
        "bandwidth": f"r-{label}",
        "enablex": f"app/conf-{label}",
        "line_planet": f"{_hex(label)}/{start_ms // 1000}",
    }[provider]
