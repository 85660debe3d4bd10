"""Load: callbacks as Agora sends them, 0.5 to 1 KB each, fifteen of a recording, five hundred recordings at once."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

PROVIDER = "agora"
START_MS = 1_793_523_600_000
SIDE_BY_SIDE = 500
STEP_MS = 20_000
"""Between two events of a recording."""
DELAY_MS = 350


class Delivery(NamedTuple):
    """One callback; milliseconds since 1970."""

    received_ms: int
    body: bytes


def _details(sid: str, start_ms: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (event type, details) of a healthy life in the order in which it happens."""
    name = f"recordings/2026/11/{sid}_town-hall"
    pieces = [{"fileName": f"{name}_{number}.ts", "trackType": "audio_and_video", "uid": "0"} for number in range(3)]
    yield 40, {"msgName": "recorder_started", "status": 0}
    yield 30, {"msgName": "uploader_started", "status": 0}
    for uid, state in (("57297", 0), ("57298", 0)):
        kind = {"msgName": "recorder_audio_stream_state_changed", "streamUid": uid, "state": state, "UtcMs": start_ms}
        yield 43, kind
        yield 44, kind | {"msgName": "recorder_video_stream_state_changed"}
    for number in range(2):
        cut_ms = start_ms + number * STEP_MS
        times = {"startUtcMs": cut_ms, "discontinueUtcMs": cut_ms}
        yield 42, {"msgName": "recorder_slice_start", "streamUid": "0", **times}
    yield 4, {"msgName": "cloud_recording_file_infos", "fileList": [{"fileName": f"{name}.m3u8"}]}
    for progress in (2_500, 5_000, 7_500):
        yield 33, {"msgName": "uploading_progress", "progress": progress}
    yield 41, {"msgName": "recorder_leave", "leaveCode": 2}
    yield 31, {"msgName": "uploaded", "status": 0, "fileList": [{"fileName": f"{name}.m3u8"}, *pieces]}
    yield 11, {"msgName": "session_exit", "exitStatus": 0}


EVENTS_EACH = sum(1 for _ in _details("", 0))


def _life(random_: random.Random, start_ms: int) -> Iterator[Delivery]:
    sid, cname = f"{random_.getrandbits(128):032x}", f"town-hall-{random_.getrandbits(64):016x}"
    for sequence, (kind, details) in enumerate(_details(sid, start_ms)):
        sent_ms = start_ms + sequence * STEP_MS
        common = {"cname": cname, "uid": "1001", "sid": sid, "sequence": sequence, "sendts": sent_ms, "serviceType": 1}
        body = {
            "noticeId": f"{random_.getrandbits(64)}:{random_.getrandbits(32)}:{kind}",
            "productId": 3,
            "eventType": kind,
            "notifyMs": sent_ms + 40,
            # What a product adds to its bodies without saying so; here it makes them as long as real ones get.
            "trace": f"{random_.getrandbits(640):0160x}",
            "payload": common | {"details": details},
        }
        yield Delivery(sent_ms + DELAY_MS, json.dumps(body, separators=(",", ":")).encode())


def deliveries(events: int, *, seed: int = 1, side_by_side: int = SIDE_BY_SIDE) -> Iterator[Delivery]:
    """Yield that many callbacks of recordings that run side by side, each recording's in order."""
    random_ = random.Random(seed)
    return islice(_endless(random_, side_by_side), events)


def _endless(random_: random.Random, side_by_side: int) -> Iterator[Delivery]:
    start_ms = START_MS
    while True:
        lives = [_life(random_, start_ms + random_.randrange(STEP_MS)) for _ in range(side_by_side)]
        for together in zip(*lives, strict=True):
            yield from random_.sample(together, len(together))
        start_ms += EVENTS_EACH * STEP_MS


def disordered(events: list[Delivery], *, seed: int = 2) -> list[Delivery]:
    """Let one in five of them come before the one that precedes it in its recording, and one in ten twice."""
    random_ = random.Random(seed)
    found = list(events)
    last: dict[bytes, int] = {}
    for place, delivery in enumerate(found):
        sid = json.loads(delivery.body)["payload"]["sid"]
        before = last.get(sid)
        if before is not None and random_.random() < 0.2:
            found[before], found[place] = (
                found[place]._replace(received_ms=found[before].received_ms),
                found[before]._replace(received_ms=found[place].received_ms),
            )
        last[sid] = place
    twice = [found[place] for place in random_.sample(range(len(found)), len(found) // 10)]
    doubled = set(twice)
    return [copy for delivery in found for copy in ([delivery, delivery] if delivery in doubled else [delivery])]
