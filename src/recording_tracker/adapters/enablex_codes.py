"""What the EnableX client SDK says of a live recording: a body in, its error code and what that makes of it out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator

from recording_tracker.adapters.fields import Payload, read, text_or_number
from recording_tracker.adapters.words import quoted

MAX_LABEL_LENGTH = 1024
MAX_CODE_LENGTH = 100

FAILED = "room-live-recording-failed"
UPDATED = "room-live-recording-updated"
SUCCESSES = ("room-live-recording-on", "room-live-recording-off")

_CODE = re.compile(r"[0-9]{1,19}", re.ASCII)
_MOVE = re.compile(r"\bmove")

# What a code makes of `room-live-recording-failed`, which is not always a failure.
# 50xx: https://developer.enablex.io/video/sdk/android-session.html
# 7xxx: https://doc.smartflomeet.ttns.in/developer/video-api/client-api/web-toolkit/recording/
FAILURES = {
    "queued": (5033, 7012, 7207, 7208),
    "already_on": (5034, 7019),
    "fallback": (7014, 7205),
    "start_failed": (
        7000, 7011, 7013, 7018, 7020, 7024, 7025, 7026, 7027, 7028, 7029, 7080, 7081, 7203, 7204,
    ),
    "refused": (
        5007, 7001, 7015, 7016, 7017, 7021, 7036, 7039, 7061, 7071, 7073, 7074, 7075, 7079, 7201, 7202,
    ),
    "stop_trouble": (7031, 7032, 7033, 7035),
    "file_trouble": (7051, 7052),
    "streaming": (
        7002, 7003, 7004, 7005, 7006, 7007, 7008, 7009, 7022, 7023, 7041, 7042, 7043, 7044, 7045, 7046,
        7072, 7078, 7101, 7102, 7103, 7104, 7105,
    ),
    "notice": (7034, 7037, 7076, 7077),
}  # fmt: skip
_FAILURE = {str(code): suffix for suffix, codes in FAILURES.items() for code in codes}


def label(value: object) -> str | None:
    """Take text or a number where it can be had; a label that is neither is as good as none."""
    text = str(value).strip() if isinstance(value, str) or type(value) is int else ""
    return text if 0 < len(text) <= MAX_LABEL_LENGTH else None


def code(value: object) -> str:
    """Take an error code, as a number or its text; 0 is none and becomes no text."""
    text = text_or_number(value).strip()
    text = str(int(text)) if _CODE.fullmatch(text) else text
    return "" if text == "0" else text


Label = Annotated[str | None, BeforeValidator(label)]
ErrorCode = Annotated[str, BeforeValidator(code)]


class Error(Payload):
    """``data.status.error``."""

    errorCode: ErrorCode | None = None
    errorDesc: Label = None


class Status(Payload):
    """``data.status``."""

    resultCode: ErrorCode | None = None
    success: Any = None
    error: Error | None = None


class Data(Status):
    """``data`` of an event of the SDK, which listeners get as ``message``."""

    status: Status | None = None
    stoppedBy: Label = None


class Said(Payload):
    """The part of the body that holds it, under one name for both."""

    data: Data


class Answer(NamedTuple):
    """What an event of the SDK says of a live recording that was to start or stop."""

    code: str | None
    text: str | None
    success: object
    stopped: bool


def read_answer(kind: str, body: dict[str, Any]) -> Answer | None:
    """
    Read what an event of *kind* says of a live recording; None where it is not about one.

    Raises QuarantinedBodyError where that has another form.
    """
    if kind not in (FAILED, UPDATED, *SUCCESSES):
        return None
    said = body.get("data") if body.get("data") is not None else body.get("message")
    if said is None or isinstance(said, str):
        return Answer(None, label(said), None, stopped=False)
    data = read(Said, {"data": said}).data
    status = data.status or data
    error = status.error or Error()
    found = error.errorCode or status.resultCode or None
    return Answer(found, error.errorDesc, status.success, bool(data.stoppedBy))


def failure(answer: Answer | None) -> str:
    """Say what failed, or did not; two codes mean several things, which the text tells apart."""
    if answer is None or answer.code is None:
        return "unknown"
    text = (answer.text or "").lower()
    if answer.code == "7000" and (answer.stopped or "stop" in text):
        return "stop_trouble"
    if answer.code == "7000" and _MOVE.search(text):
        return "file_trouble"
    # Documented for streaming, and sent by the SDK for any live recording that is refused.
    # https://github.com/EnableX/One-to-One-Video-Chat-Sample-Web-Application (public/js/EnxRtc.js)
    if answer.code == "7001" and "streaming" in text and "recording" not in text:
        return "streaming"
    return _FAILURE.get(answer.code, "unknown")


def error_codes(kind: str, answer: Answer | None) -> Iterator[tuple[str, str]]:
    """Yield the row that explains what went wrong; a failed stop says less of the recording than a failed start."""
    if answer is None or answer.code is None or kind in SUCCESSES:
        return
    stopping = answer.code == "7000" and failure(answer) == "stop_trouble"
    yield "stop_error" if stopping else "error", answer.code[:MAX_CODE_LENGTH]


def contradictions(kind: str, answer: Answer) -> Iterator[str]:
    """Yield where the answer and the kind of the event say different things."""
    if kind in SUCCESSES and answer.code is not None:
        yield f"{kind!r} has the error code {quoted(answer.code)}"
    if kind in SUCCESSES and answer.success is False:
        yield f"{kind!r} has 'success' false"
    if kind == FAILED and answer.success is True:
        yield f"{kind!r} has 'success' true"
    if kind == FAILED and answer.code is None:
        yield f"{kind!r} has no error code"
