"""
Aircore cloud recording: four callbacks, one event each.

https://docs.aircore.io/services/recording/callbacks
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from pydantic import Field

from recording_tracker.adapters.fields import MAX_ID_LENGTH, Identifier, Kind, Millis, Payload, read
from recording_tracker.adapters.words import quoted, word
from recording_tracker.events import Callback, Event, File

PROVIDER: Final = "aircore"
API_HOST = "services.aircore.io"
DEFAULT_PORTS = {"http": 80, "https": 443}
GROUP_PARAMETERS = ("group", "channel", "room", "id")

# `state` says nothing of the upload: it is `stopped` from the second callback on.
STATES = {
    "recording-started": "started",
    "recording-stopped": "stopped",
    "recording-uploaded": "stopped",
    "recording-upload-failed": "stopped",
}
# What S3 says of a failed upload, by the words in it: its message has the code of the error only now and then.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
UPLOAD_ERRORS = {
    "Inaccessible host": "wrong_region",
    "may not be available in the": "wrong_region",
    "is wrong; expecting": "wrong_region",
    "must be addressed using the specified endpoint": "wrong_region",
    "Access Denied": "access_denied",
    "AccessDenied": "access_denied",
    "does not exist in our records": "access_denied",
    "NoSuchBucket": "no_such_bucket",
    "specified bucket does not exist": "no_such_bucket",
}


class Location(Payload):
    """``recording.location``: where the file is."""

    address: str


class Recording(Payload):
    """``recording``: the part that all callbacks have in common."""

    url: Identifier | None = None
    state: object = None
    startTime: Millis | None = None
    reason: str | None = None
    location: Location | None = None


class Body(Payload):
    """One callback."""

    event: Kind
    timestamp: Millis
    recording: Recording


class Address(Payload):
    """The url alone, where it must be there."""

    url: Identifier


class Addressed(Payload):
    """The part of a callback that must name the recording."""

    recording: Address


class Parameters(Payload):
    """What the callback url says beside the recording; a group's name may hold odd characters."""

    group: Annotated[str | None, Field(max_length=MAX_ID_LENGTH)] = None


def parse(body: dict[str, Any], callback: Callback) -> list[Event]:
    """Turn one callback into its event."""
    found = read(Body, body)
    recording, name = found.recording, word(found.event)
    # One page shows a body without url; then the callback url that we chose has to name it.
    # https://docs.aircore.io/services/api-reference/recording.html
    recording_id = _recording_id(recording.url or callback.query.get("recording"))
    failed = found.event == "recording-upload-failed"
    return [
        Event(
            recording_id=recording_id,
            # There is no event id, and each of the four happens once to a recording.
            event_id=name,
            name=name,
            received_ms=callback.received_ms,
            occurred_ms=found.timestamp,
            group_id=_group(callback.query),
            aliases=_aliases(recording_id),
            files=_files(recording),
            codes=tuple(_codes(found)),
            problems=tuple(_problems(found)),
            remark=recording.reason if failed else None,
            started_ms=recording.startTime,
            # `timestamp` is the current time, so it changes when a callback is sent again.
            content=body | {"timestamp": None, "recording": body["recording"] | {"url": recording_id}},
        )
    ]


def canonical_id(text: str) -> str:
    """
    Spell the url of a recording as callbacks do.

    The REST API gives it percent-encoded behind its own host; that is decoded once and no more.
    """
    text = text.strip()
    parts = _split(text)
    if parts is not None and parts.hostname == API_HOST:
        text = unquote(parts.path.rstrip("/").rpartition("/")[2])
        inner = _split(text.strip())
        parts = parts if inner is None or inner.hostname == API_HOST else inner
    # Splitting a url drops line breaks without a word, which would make two ids one.
    if parts is None or not text.isprintable():
        return text
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return urlunsplit((parts.scheme, host + port, parts.path.rstrip("/"), parts.query, ""))


def _group(query: Mapping[str, str]) -> str | None:
    given = next((query[key] for key in GROUP_PARAMETERS if query.get(key)), None)
    return read(Parameters, {"group": given}).group


def _recording_id(url: str | None) -> str:
    """Return the canonical id, which has to be one, decoded or not."""
    given = read(Addressed, {"recording": {} if url is None else {"url": url}}).recording.url
    return read(Addressed, {"recording": {"url": canonical_id(given)}}).recording.url


def _split(text: str) -> SplitResult | None:
    """Split a url with a host; None for anything else, a port that is no number included."""
    try:
        parts = urlsplit(text)
        usable = bool(parts.scheme and parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if usable else None


def _aliases(recording_id: str) -> tuple[str, ...]:
    """Return the last path segment, which also ends the file's name and is what people copy."""
    segment = _last_segment(recording_id)
    return (segment,) if segment and segment != recording_id else ()


def _last_segment(url: str) -> str | None:
    """Return the last segment of the path: what is before it or behind it may hold credentials."""
    parts = _split(url)
    return None if parts is None else parts.path.rpartition("/")[2] or None


def _files(recording: Recording) -> tuple[File, ...]:
    if recording.location is None:
        return ()
    address = recording.location.address
    return (File(name=_last_segment(address), url=address, kind="m4a"),)


def _codes(found: Body) -> Iterator[tuple[str, str]]:
    reason = found.recording.reason or ""
    if found.event == "recording-stopped" and reason:
        yield "stop_reason", reason
    if found.event == "recording-upload-failed":
        yield "upload_error", next((code for words, code in UPLOAD_ERRORS.items() if words in reason), "other")


def _problems(found: Body) -> Iterator[str]:
    state, expected = found.recording.state, STATES.get(found.event)
    if state is not None and expected is not None and state != expected:
        yield f"state is {quoted(state)} in {found.event!r}, where it is {expected!r}"
    if found.event == "recording-uploaded" and found.recording.location is None:
        yield "'recording-uploaded' names no file"
