"""
EnableX Video: a webhook of the portal, or an event of the client SDK that an application relays; each is one event.

https://developer.enablex.io/solutions/video-service-notification-webhook/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator

from recording_tracker.adapters.enablex_codes import (
    FAILED,
    Answer,
    Label,
    contradictions,
    error_codes,
    failure,
    label,
    read_answer,
)
from recording_tracker.adapters.fields import (
    MAX_FILES,
    Identifier,
    Kind,
    Payload,
    TextOrNumber,
    number,
    read,
    text_or_number,
)
from recording_tracker.adapters.words import quoted, word
from recording_tracker.body import digest
from recording_tracker.errors import QuarantinedBodyError
from recording_tracker.events import Callback, Event, File
from recording_tracker.times import END_OF_TIME_MS, iso, moment_ms

PROVIDER: Final = "enablex"

FILE_KINDS = ("recording", "transcoded", "chatdata", "file-transfer")
RELAYED = "room-"
NOTICE_TIMES = ("trans_date", "relayed_at")
# The documentation's own examples have these words in place of values.
PLACEHOLDERS = ("Datetime", "Unix Timestamp", "String")

# Below this a Unix time is in seconds, up to the year 5138.
FIRST_MILLIS = 100_000_000_000
# Files need a password, which users write into the url.
# https://github.com/Mayur-Metapercept/EnablexProject1 (content/Video/recording-file-security.md)
_USERINFO = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)[^/?#]*@")
_LAST_SEGMENT = re.compile(r"(?:(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*)?(?:[^?#]*/)?([^?#]*)")
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)


def moment(value: object) -> int | str:
    """
    Take a Unix time in seconds or milliseconds, or ISO 8601 text, and return milliseconds.

    Text that is no time stays as it is: the format is documented in three ways and certain in none.
    """
    if isinstance(value, str) and not _INTEGER.fullmatch(value.strip()):
        try:
            found = moment_ms(value)
        except ValueError:
            return value
        return found if 0 < found < END_OF_TIME_MS else value
    found = number(value.strip() if isinstance(value, str) else value)
    if not 0 < found < END_OF_TIME_MS:
        raise ValueError("a time from 1970 to the end of 9999 is expected")
    return found * 1000 if found < FIRST_MILLIS else found


def size(value: object) -> int | str:
    """Take a number of bytes; text that is no number stays as it is."""
    if isinstance(value, str) and not _INTEGER.fullmatch(value.strip()):
        return value
    found = number(value.strip() if isinstance(value, str) else value)
    if found < 0:
        raise ValueError("a number of bytes is expected")
    return found


def _without_slash(text: str) -> str:
    if "/" in text:
        raise ValueError("text without a slash is expected")
    return text


Moment = Annotated[int | str, BeforeValidator(moment)]
Size = Annotated[int | str, BeforeValidator(size)]
SessionId = Annotated[Identifier, BeforeValidator(text_or_number), AfterValidator(str.strip)]


class Body(Payload):
    """What webhooks have in common, and what a relay has to add to an event of the SDK."""

    type: Kind
    # With a slash in it, two sessions could share a recording id.
    app_id: Annotated[SessionId, AfterValidator(_without_slash)]
    conf_num: SessionId
    room_id: Label = None
    trans_date: Moment | None = None
    relayed_at: Moment | None = None


class Recording(Payload):
    """The recording id, which is limited like every other."""

    recording_id: Identifier


class FileBody(Payload):
    """What a webhook says of its files beside their urls."""

    stage: TextOrNumber | None = None
    file_size: Size | None = None


class Listed(NamedTuple):
    """The files of a webhook: the *key* they stand under, their urls without credentials, and what is said of them."""

    key: str | None
    urls: tuple[str, ...]
    stage: str | None
    size: int | str | None


def parse(body: dict[str, Any], callback: Callback) -> list[Event]:
    """Turn one callback into its event."""
    found = read(Body, _with_conf_num(body))
    listed = _listed(found.type, body)
    answer = read_answer(found.type, body)
    content = digest(_canonical(found, listed, body))
    return [
        Event(
            recording_id=read(Recording, {"recording_id": f"{found.app_id}/{found.conf_num}"}).recording_id,
            event_id=_event_id(found, listed, content),
            name=f"{FAILED}.{failure(answer)}" if found.type == FAILED else word(found.type),
            received_ms=callback.received_ms,
            occurred_ms=_occurred_ms(found),
            group_id=found.room_id,
            aliases=(found.conf_num,),
            files=tuple(_files(found.type, listed)),
            codes=tuple(error_codes(found.type, answer)),
            problems=tuple(_problems(found, listed, answer, body)),
            remark=answer.text if answer and found.type == FAILED else None,
            content=content,
        )
    ]


def canonical_id(text: str) -> str:
    """Spell a recording id, ``app_id/conf_num``, a conference number or a room id as events do."""
    return text.strip()


def _with_conf_num(body: dict[str, Any]) -> dict[str, Any]:
    """Give the conference number its usual name; one page of the documentation calls it ``conf_key``."""
    if body.get("conf_num") is not None or "conf_key" not in body:
        return body
    return body | {"conf_num": body["conf_key"]}


def _occurred_ms(found: Body) -> int | None:
    """Return the time of the notice; an event of the SDK has none but the relay's."""
    return next((time for time in _times(found) if isinstance(time, int)), None)


def _times(found: Body) -> tuple[int | str | None, ...]:
    times = (found.trans_date, found.relayed_at)
    return times[::-1] if found.type.startswith(RELAYED) else times


def _listed(kind: str, body: dict[str, Any]) -> Listed | None:
    """
    Find the files of a webhook.

    They stand under the webhook's type, under ``recording`` whatever the type, or under ``files``; as one
    text, one object with a url, or an array of either.
    """
    if kind not in FILE_KINDS:
        return None
    about = read(FileBody, body)
    key = next((key for key in (kind, "recording", "files") if body.get(key) not in (None, "", [], {})), None)
    value = body[key] if key else []
    items = value if isinstance(value, list) else [value]
    if len(items) > MAX_FILES:
        raise QuarantinedBodyError(f"{key}: at most {MAX_FILES} files are expected")
    addresses = (_address(key, item) for item in items)
    urls = dict.fromkeys(url for url in addresses if url)
    return Listed(key, tuple(urls), (about.stage or "").strip() or None, about.file_size)


def _address(key: str | None, item: object) -> str:
    url = item.get("url") if isinstance(item, dict) else item
    if not isinstance(url, str):
        raise QuarantinedBodyError(f"{key}: a url, an object with a 'url', or an array of them is expected")
    return _USERINFO.sub(r"\1", url.strip()) if "@" in url else url.strip()


def _files(kind: str, listed: Listed | None) -> Iterator[File]:
    if listed is None:
        return
    bytes_each = listed.size if isinstance(listed.size, int) and len(listed.urls) == 1 else None
    order = _order(listed.stage)
    for url in listed.urls:
        segment = _LAST_SEGMENT.match(url)
        yield File(segment[1] if segment and segment[1] else None, url, kind, order=order, size=bytes_each)


def _order(stage: str | None) -> int | None:
    try:
        return number(stage)
    except ValueError:
        return None


def _problems(found: Body, listed: Listed | None, answer: Answer | None, body: dict[str, Any]) -> Iterator[str]:
    other = label(body.get("conf_key"))
    if other is not None and other != found.conf_num:
        yield f"'conf_key' is {quoted(other)} and 'conf_num' {quoted(found.conf_num)}"
    for name in NOTICE_TIMES:
        time = getattr(found, name)
        if isinstance(time, str) and time.strip() not in PLACEHOLDERS:
            yield f"{name!r} is {quoted(time)}, which is no time"
    if listed is not None:
        yield from _file_problems(found.type, listed)
    if answer is not None:
        yield from contradictions(found.type, answer)


def _file_problems(kind: str, listed: Listed) -> Iterator[str]:
    if not listed.urls:
        yield f"{kind!r} names no file"
    if listed.stage and len(listed.urls) > 1:
        yield f"'stage' {quoted(listed.stage)} is one file, and {len(listed.urls)} are named"
    if isinstance(listed.size, str) and listed.size.strip() not in PLACEHOLDERS:
        yield f"'file_size' is {quoted(listed.size)}, which is no number of bytes"


def _canonical(found: Body, listed: Listed | None, body: dict[str, Any]) -> dict[str, Any]:
    """Spell the body in one way, without the time of the notice, which nothing says to stay on a resend."""
    stated = {key: value for key, value in body.items() if value is not None and key not in NOTICE_TIMES}
    if body.get("conf_num") is None:
        stated.pop("conf_key", None)
    if "data" not in stated and "message" in stated:
        stated["data"] = stated.pop("message")
    stated |= {"app_id": found.app_id, "conf_num": found.conf_num, "room_id": found.room_id}
    if listed is not None:
        stated.pop(listed.key or "", None)
        stated |= {"files": sorted(listed.urls), "stage": listed.stage, "file_size": listed.size}
    return stated


def _event_id(found: Body, listed: Listed | None, content: str) -> str:
    """
    Name the event by its type, its time if it was relayed, and its files or else its whole body.

    Recording can be switched on twice in one session, and only the time tells the two events apart.
    """
    parts = [word(found.type)]
    time = _occurred_ms(found)
    if found.type.startswith(RELAYED) and time is not None:
        parts.append(iso(time))
    if listed is None or not listed.urls:
        return ":".join([*parts, content])
    if listed.stage:
        parts.append(word(listed.stage))
    return ":".join([*parts, digest(sorted(listed.urls))])
