"""Agora's ``details``, the part of a notification that differs from event to event: what the tracker reads of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from recording_tracker.adapters.fields import (
    Identifier,
    Kind,
    Millis,
    Natural,
    Number,
    Payload,
    number,
    text_or_number,
)


def fraction(value: object) -> float:
    """Take a number of ten-thousandths, and return what part of one they are."""
    found = number(value)
    if not 0 <= found <= 10_000:
        raise ValueError("a number from 0 to 10000 is expected")
    return found / 10_000


def label(value: object) -> str | None:
    """Take text that nothing depends on; whatever else is not looked at."""
    return value if isinstance(value, str) else None


Fraction = Annotated[float, BeforeValidator(fraction)]
Label = Annotated[str | None, BeforeValidator(label)]
# Text in `uid`, a number in `newUid`.
Uid = Annotated[Identifier, BeforeValidator(text_or_number)]


class Error(Payload):
    """Of 1; ``stat`` is left out, for it may be 0 on a fatal error."""

    errorLevel: Natural
    module: Number | None = None
    errorCode: Number | None = None
    errorMsg: Label = None


class Caution(Payload):
    """Of 2."""

    module: Number | None = None
    warnCode: Number | None = None


class StatusUpdate(Payload):
    """Of 3; which ``recordingMode`` is which differs between Agora's own pages, so nothing depends on it."""

    status: Natural
    recordingMode: Number | None = None


class Exit(Payload):
    """Of 11, in the dialect of the first documentation and in that of all others."""

    exitStatus: Number | None = None
    leaveStatus: Number | None = None


class UnclearExit(Payload):
    """Of 11 that says in neither dialect how it ended."""

    exitStatus: Number


class Failover(Payload):
    """Of 12."""

    newUid: Uid


class Condition(Payload):
    """Of 30, 31, 32 and 40."""

    status: Number


class Progress(Payload):
    """Of 33."""

    progress: Fraction


class Leave(Payload):
    """Of 41."""

    leaveCode: Natural


class Slice(Payload):
    """Of 42."""

    startUtcMs: Millis | None = None
    discontinueUtcMs: Millis | None = None
    trackType: Kind | None = None


class Stream(Payload):
    """Of 43 and 44; when the state changed is told as ``UtcMs`` or ``utcMs``, and ``sendts`` is enough."""

    state: Number | None = None


class WebStart(Payload):
    """Of 70."""

    recorderStartTime: Millis | None = None


class WebStop(Payload):
    """Of 71."""

    code: Natural
    message: Label = None
    details: Label = None


class WebLimit(Payload):
    """Of 72."""

    limitType: Kind


class WebReload(Payload):
    """Of 73."""

    reason: Kind


class Transcoded(Payload):
    """Of 81 and 1001."""

    result: Kind


class Download(Payload):
    """Of 90; it names files that are lost, not files that are there."""

    fileName: Label = None
    filename: Label = None


class Publishing(Payload):
    """Of 100; ``rtmpUrl`` may hold a stream key and is not looked at."""

    status: Annotated[Kind, BeforeValidator(text_or_number)]
