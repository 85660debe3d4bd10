"""
Agora Cloud Recording: one notification, one event.

https://docs.agora.io/en/realtime-media/cloud-recording/build/handle-events/receive-notifications
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from json.encoder import encode_basestring_ascii
from operator import itemgetter
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from recording_tracker.adapters.agora_details import Label, Uid
from recording_tracker.adapters.agora_events import EVENTS, Reading
from recording_tracker.adapters.fields import (
    MAX_FILES,
    MAX_ID_LENGTH,
    Identifier,
    Millis,
    Natural,
    Payload,
    number,
    read,
)
from recording_tracker.adapters.words import quoted
from recording_tracker.body import digest_of_text, sorted_json
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Callback, Event, File, Ignored

PROVIDER: Final = "agora"

# The notification service is one for all products, and small event numbers mean other things in others.
PRODUCT: Final = 3
MAX_PRODUCT: Final = 9999
# The console's "Check" button sends one notification of each type that is subscribed to.
CONSOLE_CHANNEL, CONSOLE_UID = "test_webhook", "12121212"

# Only the exit tells that a transcoding is to follow, and it says so in the scene.
# https://docs.agora.io/cn/cloud-recording/cloud_recording_callback_rest
POSTPONED_SCENE: Final = "postpone_transcode::rtc_record"

# Sent by services beside the recording, so their uid is not taken for that of the bot that records.
ASIDE: Final = {80, 81, 90, 110, 111, 112, 113, 1001}
# Which name event 13 has in a body is not documented, and that of event 3 is no good event name.
MESSAGES: Final = {kind: name for kind, (name, _) in EVENTS.items() if kind != 13} | {
    3: "cloud_recording_status_update"
}
# What changes when a notification is sent again.
UNTOLD: Final = {"noticeId": None, "notificationId": None, "notifyMs": None}
# What two documentations call one thing.
SPELLINGS: Final = {"filename": "fileName", "UtcMs": "utcMs", "leaveStatus": "exitStatus"}
EXIT, SNAPSHOT = 11, 45
NAMES_FILES: Final = {3, 4, 31, 32, 71, 81, 1001, SNAPSHOT}

# A value, not a key, that is a number or a boolean as text; inside of a text a quote has a backslash before it.
# What comes before the quote is looked at behind it: a pattern that begins with a sign is searched for faster.
_QUOTED = re.compile(r'"(?<=[:\[,]")(-?(?:0|[1-9][0-9]{0,18})|true|false)"(?!:)', re.ASCII)
_RESPELLED = re.compile(f'"(?:{"|".join(SPELLINGS)})":')
_EXTENSION = re.compile(r"[^/]\.([A-Za-z0-9]{1,8})\Z", re.ASCII)
_CONSTANTS = {None: "null", True: "true", False: "false"}


def product(value: object) -> int:
    """Take the number of a product."""
    found = number(value)
    if not 0 <= found <= MAX_PRODUCT:
        raise ValueError("the number of a product is expected")
    return found


def channel(value: object) -> str | None:
    """Take the name of a channel, which may hold odd characters; whatever is no text is not looked at."""
    if isinstance(value, str) and len(value) > MAX_ID_LENGTH:
        raise ValueError(f"text of at most {MAX_ID_LENGTH} characters is expected")
    return value if isinstance(value, str) and value else None


class Envelope(Payload):
    """What every notification has, whichever product it is of."""

    productId: Annotated[int, BeforeValidator(product)]
    eventType: Natural
    payload: dict[str, Any]


class FirstEnvelope(Payload):
    """The same up to REST API 1.2.0, when the service was that of cloud recording alone."""

    notificationId: Identifier
    eventMs: Millis


class Common(Payload):
    """``payload``: what all events of cloud recording have in common."""

    sid: Identifier
    sendts: Millis
    uid: Uid | None = None
    sequence: Natural | None = None
    cname: Annotated[str | None, BeforeValidator(channel)] = None
    serviceScene: Label = None
    details: dict[str, Any] = {}  # noqa: RUF012  a frozen model's default, never changed


class Notification(Payload):
    """A notification of cloud recording."""

    productId: Annotated[int, BeforeValidator(product)]
    eventType: Natural
    payload: Common


class Outer(Payload):
    """The sid that is given a second time, beside the payload."""

    sid: Identifier | None = None


def parse(body: dict[str, Any], callback: Callback) -> list[Event] | Ignored:
    """Turn one notification into its event; other products and the console's test are ignored."""
    body_ = _of_cloud_recording(body)
    if body_.get("productId") != PRODUCT or _is_console_test(body_.get("payload")):
        envelope = read(Envelope, body_)
        if _is_console_test(envelope.payload):
            return Ignored("console test")
        if envelope.productId != PRODUCT:
            return Ignored(f"product {envelope.productId}")
    found = read(Notification, body_)
    return [_event(found.eventType, body, found.payload, callback.received_ms)]


def canonical_id(text: str) -> str:
    """Spell a sid or a channel as events do; both are opaque and compared exactly."""
    return text


def _event(kind: int, body: dict[str, Any], found: Common, received_ms: int) -> Event:
    name, reading = _read_details(kind, found)
    details = digest_of_text(_canonical(found.details))
    sequence = "-" if found.sequence is None else found.sequence
    return Event(
        recording_id=found.sid,
        event_id=f"{kind}.{sequence}.{found.sendts}.{found.uid or '-'}.{details[:12]}",
        name=name + reading.suffix,
        received_ms=received_ms,
        occurred_ms=found.sendts,
        group_id=found.cname,
        aliases=_aliases(body, found) if "sid" in body else (),
        sequence=found.sequence,
        incarnation=found.uid if kind in EVENTS and kind not in ASIDE else None,
        successor=reading.successor,
        progress=reading.progress,
        files=_files(kind, found.details) if kind in NAMES_FILES else (),
        codes=reading.codes,
        problems=tuple(_problems(kind, body, found, reading)),
        remark=reading.remark,
        started_ms=reading.started_ms,
        content=_content(body, kind, found, details),
    )


def _of_cloud_recording(body: dict[str, Any]) -> dict[str, Any]:
    """Add the product that bodies of the first dialect leave out."""
    if "productId" in body or "notificationId" not in body:
        return body
    read(FirstEnvelope, body)
    return body | {"productId": PRODUCT}


def _is_console_test(payload: object) -> bool:
    if not isinstance(payload, dict):
        return False
    named = CONSOLE_CHANNEL in (payload.get("cname"), payload.get("channelName"))
    return named and payload.get("uid") in (CONSOLE_UID, int(CONSOLE_UID))


def _read_details(kind: int, found: Common) -> tuple[str, Reading]:
    if kind not in EVENTS:
        return f"event.{kind}", Reading()
    name, reader = EVENTS[kind]
    try:
        reading = reader if isinstance(reader, Reading) else reader(found.details)
    except QuarantinedBodyError as error:
        raise QuarantinedBodyError(f"payload.details.{error}") from error
    if kind == EXIT and reading.suffix == ".normal" and (found.serviceScene or "").startswith(POSTPONED_SCENE):
        return name, reading._replace(suffix=".postponed")
    return name, reading


def _aliases(body: dict[str, Any], found: Common) -> tuple[str, ...]:
    """Return the sid beside the payload where it is another one, and could be an id at all."""
    try:
        outer = read(Outer, body).sid
    except QuarantinedBodyError:
        return ()
    return () if outer is None or outer == found.sid else (outer,)


def _problems(kind: int, body: dict[str, Any], found: Common, reading: Reading) -> Iterator[str]:
    yield from reading.problems
    if body.get("sid") not in (None, found.sid):
        yield f"the outer 'sid' is {quoted(body['sid'])}, not that of the payload"
    said = found.details.get("msgName")
    if said is not None and kind in MESSAGES and said != MESSAGES[kind]:
        yield f"'msgName' is {quoted(said)} in event {kind}, which is {MESSAGES[kind]!r}"


def _files(kind: int, details: dict[str, Any]) -> tuple[File, ...]:
    files = tuple(islice(_named(kind, details), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise QuarantinedBodyError(f"payload.details: at most {MAX_FILES} files are expected")
    return files


def _named(kind: int, details: dict[str, Any]) -> Iterator[File]:
    """Yield the files that are there; a list may be a single name, and hold names or objects."""
    if kind == SNAPSHOT:
        yield _file(details, "payload.details")
        return
    users = details.get("uids")
    for user in users if isinstance(users, list) else []:
        yield from _listed(user.get("fileList") if isinstance(user, dict) else None)
    yield from _listed(details.get("fileList"))


def _listed(names: object) -> Iterator[File]:
    entries = [names] if isinstance(names, str) and names else names or []
    if not isinstance(entries, list) or len(entries) > MAX_FILES:
        raise QuarantinedBodyError(f"payload.details.fileList: a name or at most {MAX_FILES} files are expected")
    for place, entry in enumerate(entries):
        yield _file(entry, f"payload.details.fileList[{place}]")


def _file(entry: object, place: str) -> File:
    found = entry if isinstance(entry, dict) else {"fileName": entry}
    name, track = found.get("fileName", found.get("filename")), found.get("trackType")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ID_LENGTH:
        raise QuarantinedBodyError(f"{place}: the name of a file is expected")
    extension = _EXTENSION.search(name)
    return File(
        name=name,
        kind=extension.group(1).lower() if extension else None,
        track=track if isinstance(track, str) else None,
    )


def _canonical(details: dict[str, Any]) -> str:
    """Write the details as JSON, what two documentations spell differently in one way, so that a digest is the same."""
    text = sorted_json(details)
    if _RESPELLED.search(text):
        # A key that is spelled anew has another place among the sorted ones.
        text = sorted_json({_key(key, details): value for key, value in details.items()})
        if _RESPELLED.search(text):
            return _spelled(details)
    return _QUOTED.sub(_unquoted, text)


def _unquoted(match: re.Match[str]) -> str:
    return "0" if match[1] == "-0" else match[1]


def _spelled(value: Any) -> str:
    """Write *value* as text at once: a respelled copy of the largest details would take as much memory as the body."""
    if isinstance(value, dict):
        pairs = sorted([(_key(key, value), inner) for key, inner in value.items()], key=itemgetter(0))
        return "{" + ",".join([f"{encode_basestring_ascii(key)}:{_spelled(inner)}" for key, inner in pairs]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([_spelled(inner) for inner in value]) + "]"
    if isinstance(value, str):
        # Before it stands what stands before a value.
        return _QUOTED.sub(_unquoted, f":{encode_basestring_ascii(value)}")[1:]
    return _CONSTANTS[value] if value is None or isinstance(value, bool) else repr(value)


def _key(key: str, siblings: dict[str, Any]) -> str:
    spelled = SPELLINGS.get(key, key)
    return key if spelled in siblings else spelled


def _content(body: dict[str, Any], kind: int, found: Common, details: str) -> dict[str, Any]:
    """Return the body without what a resend, and the second lane of the redundant mode, may change."""
    told = {"uid": found.uid, "sequence": found.sequence, "sendts": found.sendts, "details": details}
    payload = {**body["payload"], **told}
    return {**body, **UNTOLD, "productId": PRODUCT, "eventType": kind, "payload": payload}
