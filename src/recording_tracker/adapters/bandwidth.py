"""
Bandwidth Voice recording: one webhook, one event.

https://dev.bandwidth.com/docs/voice/webhooks/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field

from recording_tracker.adapters.fields import MAX_ID_LENGTH, Identifier, IsoMoment, Kind, Payload, read
from recording_tracker.adapters.words import word
from recording_tracker.events import Callback, Event, File, Ignored

PROVIDER: Final = "bandwidth"
MAX_CODE_LENGTH = 100

AVAILABLE = ("recordingAvailable", "conferenceRecordingAvailable")
TRANSCRIBED = "transcriptionAvailable"
# The SDK's list of event types says recordingComplete; what is sent says recordComplete.
# https://github.com/Bandwidth/python-sdk/blob/main/bandwidth.yml
KIND_ALIASES = {"recordingComplete": "recordComplete"}
STATUS_ALIASES = {"completed": "complete"}

TRANSCRIPTION_RUNNING = {"none", "processing"}
TRANSCRIPTION_READY = {"available"}
TRANSCRIPTION_IMPOSSIBLE = {"file-size-too-big", "file-size-too-small"}

# Live transcription is of a call too, and not of a recording.
CALL_EVENTS = {
    "answer",
    "bridgeComplete",
    "bridgeTargetComplete",
    "conferenceCompleted",
    "conferenceCreated",
    "conferenceMemberExit",
    "conferenceMemberJoin",
    "conferenceRedirect",
    "disconnect",
    "dtmf",
    "gather",
    "hangup",
    "initiate",
    "machineDetectionComplete",
    "mediaStreamRejected",
    "mediaStreamStarted",
    "mediaStreamStopped",
    "realTimeTranscriptionAvailable",
    "realTimeTranscriptionRejected",
    "realTimeTranscriptionStarted",
    "realTimeTranscriptionStopped",
    "redirect",
    "transferAnswer",
    "transferComplete",
    "transferDisconnect",
}

Label = Annotated[str, Field(max_length=MAX_ID_LENGTH)]
Text = Annotated[str, Field(min_length=1)]


class Kinded(Payload):
    """What every webhook has."""

    eventType: Kind


class Body(Kinded):
    """A webhook about a recording; ``enqueuedTime``, ``tag`` and the like are labels and are not looked at."""

    recordingId: Identifier
    callId: Label | None = None
    conferenceId: Label | None = None
    parentCallId: Label | None = None
    eventTime: IsoMoment | None = None
    startTime: IsoMoment | None = None
    endTime: IsoMoment | None = None
    mediaUrl: str | None = None
    fileFormat: object = None
    recordingName: object = None
    status: object = None


class AvailableBody(Body):
    """A webhook about the file, which tells its status."""

    status: Text


class Transcription(Payload):
    """``transcription``: which one, and what has become of it."""

    id: Identifier | None = None
    status: Text


class TranscribedBody(Body):
    """A webhook about a transcription."""

    transcription: Transcription


class Reading(NamedTuple):
    """What the kind and the status of a webhook make of it."""

    name: str
    event_id: str
    codes: tuple[tuple[str, str], ...] = ()


def parse(body: dict[str, Any], callback: Callback) -> list[Event] | Ignored:
    """Turn one webhook into its event; those about the call alone are ignored."""
    # Optional fields are absent today and null in older pages, and an empty parameter when sent by GET.
    stated = {key: value for key, value in body.items() if value is not None and value != ""}
    kind = read(Kinded, stated).eventType
    if kind in CALL_EVENTS:
        return Ignored(kind)
    kind = KIND_ALIASES.get(kind, kind)
    found, reading = _read(kind, stated)
    recording_id = canonical_id(found.recordingId)
    parent, group_id = found.parentCallId, _group(found)
    return [
        Event(
            recording_id=recording_id,
            event_id=reading.event_id,
            name=reading.name,
            received_ms=callback.received_ms,
            occurred_ms=found.eventTime,
            group_id=group_id,
            # On the B leg of a transfer this is the call that the application knows.
            aliases=(parent,) if parent and parent != group_id else (),
            files=_files(found),
            codes=reading.codes,
            problems=tuple(_problems(found)),
            started_ms=found.startTime,
            ended_ms=found.endTime,
            content=_content(stated, kind, recording_id),
        )
    ]


def canonical_id(text: str) -> str:
    """Spell a recording, call or conference id as events do; they are opaque."""
    return text.strip()


def _read(kind: str, stated: dict[str, Any]) -> tuple[Body, Reading]:
    if kind in AVAILABLE:
        available = read(AvailableBody, stated)
        return available, _available(kind, available)
    if kind == TRANSCRIBED:
        transcribed = read(TranscribedBody, stated)
        return transcribed, _transcribed(kind, transcribed)
    found = read(Body, stated)
    base = word(kind)
    # The first generation's `recording` has a status too, and nothing else to tell two of them apart.
    # https://old.dev.bandwidth.com/ap-docs/apiCallbacks/recording.html
    suffix = f".{word(found.status)}" if isinstance(found.status, str) else ""
    return found, Reading(base, base if kind == "recordComplete" else base + suffix)


def _available(kind: str, found: AvailableBody) -> Reading:
    status = STATUS_ALIASES.get(found.status, found.status)
    name = f"{kind}.{word(status)}"
    return Reading(name, name, (("recording_status", status[:MAX_CODE_LENGTH]),))


def _transcribed(kind: str, found: TranscribedBody) -> Reading:
    # A recording can be transcribed again, so the id of the transcription is part of the event's.
    status, which = found.transcription.status, found.transcription.id
    return Reading(
        name=f"{kind}.{_transcription_outcome(status)}",
        event_id=f"{kind}.{word(status)}" + (f":{which}" if which else ""),
        codes=(("transcription_status", status[:MAX_CODE_LENGTH]),),
    )


def _transcription_outcome(status: str) -> str:
    if status in TRANSCRIPTION_READY:
        return "available"
    if status in TRANSCRIPTION_RUNNING:
        return "processing"
    return "impossible" if status in TRANSCRIPTION_IMPOSSIBLE else "failed"


def _group(found: Body) -> str | None:
    if found.eventType == "conferenceRecordingAvailable":
        return found.conferenceId or found.callId
    return found.callId or found.conferenceId


def _files(found: Body) -> tuple[File, ...]:
    if not found.mediaUrl:
        return ()
    return (File(name=_text(found.recordingName), url=found.mediaUrl, kind=_text(found.fileFormat)),)


def _text(label: object) -> str | None:
    return label if isinstance(label, str) else None


def _problems(found: Body) -> Iterator[str]:
    # `duration` leaves pauses out and is longer than end - start in the provider's own example: no check.
    # https://dev.bandwidth.com/docs/voice/webhooks/recordingAvailable
    if found.startTime is not None and found.endTime is not None and found.endTime < found.startTime:
        yield "'endTime' is before 'startTime'"


def _content(stated: dict[str, Any], kind: str, recording_id: str) -> dict[str, Any]:
    """Return the body without its time, which is approximate and may be renewed when it is sent again."""
    status = stated.get("status")
    canonical: dict[str, Any] = {"eventType": kind, "recordingId": recording_id, "eventTime": None}
    if isinstance(status, str):
        canonical["status"] = STATUS_ALIASES.get(status, status)
    return stated | canonical
