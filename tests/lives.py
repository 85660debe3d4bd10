"""Lives: healthy recordings of each provider as data, and the deliveries that tell of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from recording_tracker.times import from_ms, moment_ms
from tests.stories import PAYLOADS, STAMPS

START_MS = moment_ms("2026-03-01T10:00:00Z")
EXAMPLE_MACHINES = Path(__file__).parents[1] / "examples" / "machines"
OTHER_UID = {"payload.uid": "2002"}
THIRD_FILE = {"stage": "3", "recording": "https://files.example.com/c1/3.mp4"}
AGAIN = {"transcription.id": "t-again"}

Changes = Mapping[str, object]


class Happening(NamedTuple):
    """One callback of a life: its payload file, when it happened, and the fields that are set in it."""

    payload: str
    at_s: float
    changes: Changes = {}  # noqa: RUF012  a named tuple's default, never changed


@dataclass(frozen=True)
class Life:
    """A recording to which nothing bad happens, in the order in which it happens."""

    provider: str
    name: str
    happenings: tuple[Happening, ...]
    outcome: str = "available"
    machines: Path | None = None
    """A folder of machine files where the account is not the one that the shipped machines are for."""
    calm: bool = True
    """Whether no event of it would be bad news by itself, without those before or after it."""

    def __str__(self) -> str:
        return f"{self.provider}: {self.name}"

    @property
    def stamps_ms(self) -> list[int]:
        return [START_MS + round(happening.at_s * 1000) for happening in self.happenings]

    @property
    def end(self) -> datetime:
        return from_ms(max(self.stamps_ms))


def _life(provider: str, name: str, *happenings: Happening | tuple[Any, ...], **more: Any) -> Life:
    return Life(provider, name, tuple(Happening(*happening) for happening in happenings), **more)


STREAMS = ("recorder_video_stream_state_changed", "recorder_audio_stream_state_changed")

AGORA = (
    _life(
        "agora",
        "as it was captured",
        ("recorder_started.plain", 0),
        ("recorder_slice_start.boolean", 1),
        (STREAMS[0], 2),
        (STREAMS[1], 2.1),
        (STREAMS[1], 2.2),
        (STREAMS[0], 2.3),
        ("cloud_recording_file_infos", 20),
        ("cloud_recording_file_infos", 20.05),
        (STREAMS[0], 30),
        (STREAMS[1], 31),
        (STREAMS[0], 300),
        (STREAMS[1], 301),
        ("recorder_leave", 1200),
        (STREAMS[1], 1200.1),
        (STREAMS[0], 1200.2),
        (STREAMS[0], 1200.3),
        ("uploaded", 1225),
        ("session_exit.normal", 1230),
        (STREAMS[1], 1230.1),
    ),
    _life(
        "agora",
        "by the first documentation",
        ("status.1", -3),
        ("uploader_started", -2),
        ("status.3", -1.9),
        ("status.4", -0.1),
        ("recorder_started.plain", 0),
        ("recorder_slice_start", 1),
        (STREAMS[1], 2),
        (STREAMS[0], 2),
        ("cloud_recording_file_infos", 20),
        ("status.5", 21),
        ("uploading_progress", 60),
        ("uploading_progress", 120, {"payload.details.progress": 2000}),
        ("recorder_leave.stopped", 150),
        ("status.6", 150.2),
        ("status.7", 150.3),
        ("uploading_progress.done", 180),
        ("uploaded.web", 181),
        ("status.8", 182),
        ("session_exit.normal.leaveStatus", 183),
    ),
    _life(
        "agora",
        "what is recommended to subscribe to",
        ("recorder_started.plain", 0),
        ("uploaded", 1220),
        ("session_exit.normal", 1220.1),
        machines=EXAMPLE_MACHINES,
    ),
    _life(
        "agora",
        "the exit before the upload",
        ("high_availability_registered", -1),
        ("recorder_started.plain", 0),
        ("recorder_leave", 1200),
        ("session_exit.normal", 1201),
        ("uploaded", 1500),
    ),
    _life(
        "agora",
        "each user by himself",
        ("recorder_started.plain", 0),
        ("recorder_slice_start", 1, {"payload.details.streamUid": "7"}),
        ("recorder_slice_start", 1.05, {"payload.details.streamUid": "8"}),
        ("recorder_audio_info_changed", 1.1),
        ("recorder_video_info_changed", 1.2),
        ("cloud_recording_file_infos", 15),
        ("recorder_slice_start", 600, {"payload.details.streamUid": "9"}),
        ("recorder_leave.mask", 1200),
        ("uploaded.individual", 1220),
        ("session_exit.normal", 1220.1),
    ),
    _life(
        "agora",
        "snapshots, the last of them after the leave",
        ("recorder_started.plain", 0),
        ("recorder_snapshot_file", 10),
        ("recorder_snapshot_file", 20),
        ("recorder_leave", 1200),
        ("recorder_snapshot_file", 1200.2),
        ("uploaded.web", 1220),
        ("session_exit.normal", 1220.1),
    ),
    _life(
        "agora",
        "everybody goes",
        ("recorder_started.plain", 0),
        ("cloud_recording_file_infos", 20),
        ("recorder_leave.nobody", 630),
        ("uploaded", 640),
        ("session_exit.normal", 641),
    ),
    _life(
        "agora",
        "a web page",
        ("web_recorder_started", 0),
        ("rtmp_publish_status", 5, {"payload.details.status": "publishing"}),
        ("web_recorder_stopped.ok", 1200),
        ("uploaded.web", 1220),
        ("session_exit.normal", 1220.1),
    ),
    _life(
        "agora",
        "a web page until the longest time allowed",
        ("web_recorder_started.plain", 0),
        ("uploading_progress", 60),
        ("uploading_progress", 120, {"payload.details.progress": 5000}),
        ("web_recorder_stopped", 150),
        ("uploaded.web-list", 170),
        ("session_exit.normal", 171),
    ),
    _life(
        "agora",
        "a backup",
        ("recorder_started.plain", 0),
        ("cloud_recording_file_infos", 20),
        ("recorder_leave", 1200),
        ("backuped.plain", 1220),
        ("session_exit.normal", 1220.1),
        outcome="backed_up",
    ),
    _life(
        "agora",
        "a backup that is delivered later",
        ("recorder_started.plain", 0),
        ("recorder_leave", 1200),
        ("backuped", 1220),
        ("session_exit.normal", 1220.1),
        ("uploaded", 28800),
    ),
    _life(
        "agora",
        "transcoding after the exit",
        ("recorder_started.plain", 0),
        ("recorder_leave", 1200),
        ("uploaded.hls", 1220),
        ("session_exit.postponed", 1220.1),
        ("transcoder_started", 43200),
        ("transcoder_completed.success", 86400),
        ("postpone_transcode_final_result.success", 86405),
    ),
    _life(
        "agora",
        "transcoding that no exit announced",
        ("recorder_started.plain", 0),
        ("recorder_leave", 1200),
        ("uploaded.hls", 1220),
        ("session_exit.normal", 1220.1),
        ("transcoder_started", 43200),
        ("postpone_transcode_final_result.success", 86405),
    ),
    _life(
        "agora",
        "ApsaraVideo for VoD as the storage",
        ("recorder_started.plain", 0),
        ("vod_started", 5),
        ("recorder_leave", 1200),
        ("vod_triggered", 1220),
        ("session_exit.normal", 1220.1),
    ),
    _life(
        "agora",
        "a failover",
        ("recorder_started.plain", 0),
        ("cloud_recording_file_infos", 20),
        ("session_failover", 600),
        ("recorder_started.plain", 602, OTHER_UID),
        ("recorder_leave", 630),
        ("session_exit.abnormal", 631),
        ("recorder_leave", 1200, OTHER_UID),
        ("uploaded", 1220, OTHER_UID),
        ("session_exit.normal", 1220.1, OTHER_UID),
        calm=False,
    ),
    _life(
        "agora",
        "a failover after which the old uid is silent",
        ("recorder_started.plain", 0),
        ("session_failover", 600),
        ("recorder_leave", 1200, OTHER_UID),
        ("uploaded", 1220, OTHER_UID),
        ("session_exit.normal", 1220.1, OTHER_UID),
    ),
)

AIRCORE = (
    _life(
        "aircore",
        "stopped by the client",
        ("recording-started.life", 0),
        ("recording-stopped.life", 60),
        ("recording-uploaded.life", 63),
    ),
    _life(
        "aircore",
        "all publishers left",
        ("recording-started", 0),
        ("recording-stopped", 3600),
        ("recording-uploaded", 3600.2),
    ),
    _life(
        "aircore",
        "stopped for a reason that is not documented",
        ("recording-started", 0),
        ("recording-stopped.undocumented", 60),
        ("recording-uploaded", 63),
    ),
)

BANDWIDTH = (
    _life("bandwidth", "the whole call", ("recordingAvailable.complete", 52)),
    _life(
        "bandwidth",
        "a passage",
        ("recordComplete", 0.02),
        ("recordingAvailable.complete", 52),
    ),
    _life(
        "bandwidth",
        "a passage, transcribed",
        ("recordComplete", 0.02),
        ("recordingAvailable.complete", 52),
        ("transcriptionAvailable.available", 285),
    ),
    _life(
        "bandwidth",
        "the transcription first",
        ("transcriptionAvailable.available", 40),
        ("recordingAvailable.complete", 52),
    ),
    _life(
        "bandwidth",
        "processing, then complete",
        ("recordingAvailable.processing", 10),
        ("recordingAvailable.complete", 52),
    ),
    _life("bandwidth", "a conference", ("conferenceRecordingAvailable.complete", 65)),
    _life(
        "bandwidth",
        "as the SDK spells it",
        ("recordComplete.sdk", 0.02),
        ("recordingAvailable.complete.sdk", 52),
    ),
    _life(
        "bandwidth",
        "transcribed twice, and removed in the end",
        ("recordingAvailable.complete", 52),
        ("transcriptionAvailable.processing", 53),
        ("transcriptionAvailable.available", 285),
        ("transcriptionAvailable.available", 86_400, AGAIN),
        ("recordingAvailable.deleted", 2_592_000),
    ),
)

ENABLEX = (
    _life(
        "enablex",
        "streams in two segments",
        ("room-record-on", 0),
        ("room-record-off", 600),
        ("room-record-on", 1200),
        ("room-record-off", 1799),
        ("roomdrop", 1800),
        ("recording.two", 1920),
        ("chatdata.string", 1920),
        ("transcoded.second", 3000),
        ("transcoded.second", 3900, THIRD_FILE),
        ("file-transfer.delivered", 10800),
    ),
    _life(
        "enablex",
        "streams, on until the session ends",
        ("room-record-on", 0),
        ("roomdrop", 1800),
        ("recording", 1920),
        ("transcoded", 3000),
    ),
    _life(
        "enablex",
        "streams, a file before the next segment",
        ("room-record-on", 0),
        ("room-record-off", 600),
        ("recording.object", 660),
        ("room-record-on", 1200),
        ("room-record-off", 1799),
        ("roomdrop", 1800),
        ("recording.string", 1920),
    ),
    _life(
        "enablex",
        "live",
        ("room-live-recording-updated", 0),
        ("room-live-recording-on", 2),
        ("room-live-recording-on", 300),
        ("room-live-recording-off", 1798),
        ("room-live-recording-failed.notice", 1799),
        ("roomdrop", 1800),
        ("transcoded.second", 1980),
    ),
    _life(
        "enablex",
        "live, on until the session ends",
        ("room-live-recording-failed.queued", 0),
        ("room-live-recording-on", 5),
        ("roomdrop", 1800),
        ("recording.string", 1980),
    ),
    _life(
        "enablex",
        "live, switched off long before the session ends",
        ("room-live-recording-on", 0),
        ("room-live-recording-off", 600),
        ("transcoded.one-string", 900),
        ("roomdrop", 7200),
    ),
    _life(
        "enablex",
        "webhooks alone",
        ("recording.strings", 1920),
        ("chatdata", 1930),
        ("transcoded.second", 3000),
        ("transcoded.second", 3900, THIRD_FILE),
    ),
    _life("enablex", "nothing but a transcoded file", ("transcoded", 3000)),
    _life("enablex", "nothing but the delivery", ("file-transfer", 10800)),
    _life(
        "enablex",
        "streams in place of a live recording",
        ("room-live-recording-failed.queued", 0),
        ("room-live-recording-failed.fallback", 5),
        ("roomdrop", 1800),
        ("recording.string", 2700),
        ("transcoded.second", 4200),
        calm=False,
    ),
    _life(
        "enablex",
        "streams and a live recording, with a relay that is promised",
        ("room-record-on", 0),
        ("room-live-recording-on", 60),
        ("room-live-recording-off", 1500),
        ("room-record-off", 1600),
        ("roomdrop", 1800),
        ("recording.two", 1920),
        ("transcoded.second", 1980),
        machines=EXAMPLE_MACHINES,
    ),
)

LINE_PLANET = (
    _life("line_planet", "recorded", ("IN_PROGRESS", 0), ("COMPLETED.plain", 3600)),
    _life("line_planet", "recorded, by the first version", ("IN_PROGRESS", 0), ("COMPLETED.first-version", 3600)),
    _life(
        "line_planet",
        "amended",
        ("IN_PROGRESS", 0),
        ("COMPLETED.plain", 3600),
        ("COMPLETED.more-files", 4200),
    ),
    _life("line_planet", "one side alone", ("IN_PROGRESS", 0), ("COMPLETED.one-side", 3600)),
    _life("line_planet", "too short", ("IN_PROGRESS", 0), ("ABSENT", 3), outcome="absent"),
    _life("line_planet", "too short even for a start", ("ABSENT", 3), outcome="absent"),
)

LIVES = (*AGORA, *AIRCORE, *BANDWIDTH, *ENABLEX, *LINE_PLANET)


def stamped(
    provider: str,
    payload: str,
    *,
    at_ms: int = START_MS,
    label: str = "a",
    number: int = 0,
    start_ms: int = START_MS,
    changes: Changes | None = None,
) -> dict[str, Any]:
    """Return the body of a payload file as if it told of recording *label*, with *changes* set in it by their place."""
    path = PAYLOADS / provider / f"{payload}.json"
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["body"]
    STAMPS[provider](body, label, at_ms=at_ms, start_ms=start_ms, number=number)
    for place, value in (changes or {}).items():
        *parents, last = place.split(".")
        inside = body
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[last] = value
    return body


def bodies(life: Life, *, stamps_ms: Sequence[int] | None = None, label: str = "a") -> list[dict[str, Any]]:
    """Return the body of each happening of *life*, dated as the life says or by *stamps_ms*."""
    times_ms = life.stamps_ms if stamps_ms is None else stamps_ms
    return [
        stamped(life.provider, told.payload, at_ms=at_ms, label=label, number=number, changes=told.changes)
        for number, (told, at_ms) in enumerate(zip(life.happenings, times_ms, strict=True))
    ]


def deliveries(
    life: Life,
    *,
    stamps_ms: Sequence[int] | None = None,
    received_ms: Sequence[int] | None = None,
    only: Iterable[int] | None = None,
    label: str = "a",
) -> list[dict[str, Any]]:
    """
    Return the deliveries of *life*, those numbered in *only* if it is given, as ingest and ingest_many take them.

    Each is received a second after it happened, or as *received_ms* says.
    """
    arrivals_ms = [at_ms + 1000 for at_ms in life.stamps_ms] if received_ms is None else received_ms
    told = [
        {"provider": life.provider, "body": body, "received_at": from_ms(at_ms)}
        for body, at_ms in zip(bodies(life, stamps_ms=stamps_ms, label=label), arrivals_ms, strict=True)
    ]
    return told if only is None else [told[number] for number in only]


def life_of(name: str) -> Life:
    """Return the life of that name."""
    (found,) = (life for life in LIVES if life.name == name)
    return found
