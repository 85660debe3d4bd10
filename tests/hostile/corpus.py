"""
The hostile corpus: bodies over all classes of hostile input and all providers, and what must become of each.

``python -m tests.hostile.corpus`` prints it as a table. Nothing here asks the tracker anything: what is
expected stands beside each body, by the rule of the three outcomes.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any

PROVIDERS = ("agora", "aircore", "bandwidth", "enablex", "line_planet")
ACCEPTED, DUPLICATE, QUARANTINED, REJECTED, IGNORED = "accepted", "duplicate", "quarantined", "rejected", "ignored"

RECEIVED = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
STAMP_MS = 1_772_359_195_000  # five seconds before RECEIVED
STAMP = "2026-03-01T09:59:55.000Z"
MEGABYTE = 1_048_576

Object = dict[str, Any]


@dataclass(frozen=True)
class HostileBody:
    """One body: where it is sent, why it is here, and what is expected of it."""

    name: str
    provider: str
    family: str
    why: str
    raw: bytes
    result: str
    query: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    """Codes of all flags that its recording has then, sorted; of an accepted one and of a duplicate."""
    event: str | None = None
    """The name of its event, where that is the point."""
    before: bytes | None = None
    """A body of the same recording that has come already."""
    received_at: datetime = RECEIVED

    def __str__(self) -> str:
        return f"{self.provider}: {self.name}"


# A good body of each provider


def good(provider: str, label: str) -> Object:
    """Return a good body about a recording of its own."""
    key = md5(label.encode()).hexdigest()
    bodies: dict[str, Object] = {
        "agora": {
            "noticeId": key,
            "productId": 3,
            "eventType": 40,
            "notifyMs": STAMP_MS + 100,
            "payload": {
                "cname": f"room-{key[:8]}",
                "uid": "1001",
                "sid": key,
                "sequence": 0,
                "sendts": STAMP_MS,
                "serviceType": 1,
                "details": {"msgName": "recorder_started", "status": 0},
            },
        },
        "aircore": {
            "event": "recording-started",
            "timestamp": STAMP_MS,
            "recording": {"url": f"http://recorder.example:8080/recording/{key}", "state": "started"},
        },
        "bandwidth": {
            "eventType": "recordingAvailable",
            "eventTime": STAMP,
            "callId": f"c-{key[:8]}",
            "recordingId": f"r-{key}",
            "startTime": "2026-03-01T09:59:00.000Z",
            "endTime": "2026-03-01T09:59:30.000Z",
            "mediaUrl": "https://media.example/1",
            "fileFormat": "wav",
            "status": "complete",
        },
        "enablex": {
            "type": "recording",
            "trans_date": STAMP,
            "app_id": "app",
            "room_id": f"room-{key[:8]}",
            "conf_num": key,
            "recording": [{"url": "https://files.example/1.mp4"}],
        },
        "line_planet": {
            "sid": key,
            "recording_start_time": STAMP_MS,
            "recording_status": "COMPLETED",
            "from_recordings": [{"object_id": "a", "hash": "h", "order": 1}],
            "to_recordings": [{"object_id": "b", "hash": "h", "order": 1}],
        },
    }
    return bodies[provider]


ID = {
    "agora": "payload.sid",
    "aircore": "recording.url",
    "bandwidth": "recordingId",
    "enablex": "conf_num",
    "line_planet": "sid",
}
KIND = {
    "agora": "eventType",
    "aircore": "event",
    "bandwidth": "eventType",
    "enablex": "type",
    "line_planet": "recording_status",
}
TIME = {
    "agora": "payload.sendts",
    "aircore": "timestamp",
    "bandwidth": "eventTime",
    "enablex": "trans_date",
    "line_planet": "recording_start_time",
}
NUMERIC_TIME = ("agora", "aircore", "line_planet")
MISSING = object()


def changed(body: Object, changes: Mapping[str, object]) -> Object:
    """Return *body* with the fields at these dotted places set, or taken out where MISSING."""
    body = deepcopy(body)
    for place, value in changes.items():
        *parents, last = place.split(".")
        inner = body
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if value is MISSING:
            inner.pop(last, None)
        else:
            inner[last] = value
    return body


def encoded(body: Object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def spliced(provider: str, label: str, fragment: bytes, place: str = "x") -> bytes:
    """Return a good body that holds *fragment*, as it is, as the value of a field."""
    raw = encoded(changed(good(provider, label), {place: "@@"}))
    assert raw.count(b'"@@"') == 1
    return raw.replace(b'"@@"', fragment)


def filled(provider: str, label: str, unit: bytes, size: int = MEGABYTE, place: str = "x") -> bytes:
    """Return a good body of *size* bytes at most whose field is an array of as many *unit* as go in."""
    room = size - len(spliced(provider, label, b"[]", place))
    return spliced(provider, label, b"[" + b",".join([unit] * ((room + 1) // (len(unit) + 1))) + b"]", place)


# What each generator yields has a name of its own within its provider

Made = Iterator[HostileBody]


def _made(
    family: str, provider: str, name: str, why: str, raw: bytes | Object, result: str, **more: Any
) -> HostileBody:
    content = raw if isinstance(raw, bytes) else encoded(raw)
    return HostileBody(name, provider, family, why, content, result, **more)


def _changed(family: str, provider: str, name: str, why: str, changes: Object, result: str, **more: Any) -> HostileBody:
    return _made(family, provider, name, why, changed(good(provider, f"{family}/{name}"), changes), result, **more)


def _accepted(family: str, provider: str, name: str, why: str, changes: Object, **more: Any) -> HostileBody:
    return _changed(family, provider, name, why, changes, ACCEPTED, **more)


def _later(family: str, provider: str, name: str, why: str, changes: Object, **more: Any) -> HostileBody:
    """Make a body that opens nothing by itself, so that a good one of its recording has to come before."""
    before = encoded(good(provider, f"{family}/{name}"))
    return _changed(family, provider, name, why, changes, ACCEPTED, before=before, **more)


NOT_JSON: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "an empty request must not become a recording"),
    "blanks": (b" \r\n\t ", "blanks alone are no value"),
    "a form": (b"event=recording-started&id=1", "a form is what many webhooks send by mistake"),
    "XML": (b'<?xml version="1.0"?><event/>', "another format, as some gateways rewrite to"),
    "an undefined value": (b'{"a":undefined}', "JavaScript that is no JSON"),
    "single quotes": (b"{'a':1}", "what Python's repr writes"),
    "a comment": (b'{"a":1/*b*/}', "JSON5 is no JSON"),
    "a trailing comma": (b'{"a":1,}', "as in the provider's own page"),
    "a key without quotes": (b"{a:1}", "JavaScript that is no JSON"),
    "two objects": (b'{"a":1}{"a":2}', "which of them would count is not certain"),
    "a line of each": (b'{"a":1}\n{"a":2}\n', "a log is no body"),
    "cut off": (b'{"a":{"b":[1,2', "a connection that broke"),
    "a line break in a text": (b'{"a":"b\nc"}', "raw control characters are not allowed in a text"),
    "a NUL behind": (b'{"a":1}\x00', "a C string's end is not JSON"),
    "a leading zero": (b'{"a":01}', "read as octal by some"),
    "a bare fraction": (b'{"a":.5}', "not a number by RFC 8259"),
    "a plus sign": (b'{"a":+1}', "not a number by RFC 8259"),
    "a hexadecimal number": (b'{"a":0x1}', "not a number by RFC 8259"),
    "an unknown escape": (b'{"a":"\\x41"}', "not an escape by RFC 8259"),
    "half an escape": (b'{"a":"\\u00"}', "not an escape by RFC 8259"),
    "compressed": (gzip.compress(b'{"a":1}', mtime=0), "nothing unpacks a body, or a bomb could be one"),
    "a key twice, then cut off": (b'{"a":{"b":1,"b":2},', "what is no JSON is not kept, whatever else is wrong"),
}
NOT_AN_OBJECT: dict[str, bytes] = {
    "null": b"null",
    "a boolean": b"true",
    "a number": b"31",
    "a text": b'"recording-started"',
    "an empty array": b"[]",
    "an array of an object": b'[{"event":"recording-started"}]',
    "an array with a key twice": b'[{"a":1,"a":2}]',
}


def not_json(provider: str) -> Made:
    for name, (raw, why) in NOT_JSON.items():
        yield _made("not JSON", provider, name, why, raw, REJECTED)


def not_an_object(provider: str) -> Made:
    for name, raw in NOT_AN_OBJECT.items():
        yield _made("not an object", provider, name, "a body is one object, nothing else", raw, REJECTED)


def encodings(provider: str) -> Made:
    def body(name: str) -> str:
        return json.dumps(good(provider, f"encoding/{name}"))

    for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"):
        why = "a parser that guesses would read it; only UTF-8 is agreed on"
        yield _made("encoding", provider, codec, why, body(codec).encode(codec), REJECTED)
    cases: dict[str, tuple[bytes, str, str]] = {
        "a byte order mark": (b"\xef\xbb\xbf", ACCEPTED, "some editors and proxies put it there; it is dropped"),
        "two byte order marks": (b"\xef\xbb\xbf" * 2, REJECTED, "the second one is no JSON"),
    }
    for name, (mark, result, why) in cases.items():
        yield _made("encoding", provider, name, why, mark + body(name).encode(), result)
    for name, fragment, result, why in (
        ("Latin-1", b'"\xe9"', REJECTED, "not UTF-8"),
        ("an encoded surrogate", b'"\xed\xa0\x80"', REJECTED, "json.loads takes it from bytes, and SQLite fails on it"),
        ("an overlong NUL", b'"\xc0\x80"', REJECTED, "Java's UTF-8; a way around filters"),
        ("a cut character", b'"\xe2\x82"', REJECTED, "not UTF-8"),
        ("half a pair", b'"\\ud800"', QUARANTINED, "passes the parser, and fails in hashes, SQLite and print"),
        ("the other half", b'"a\\uDFFFb"', QUARANTINED, "the same in capitals"),
        ("a pair the wrong way round", b'"\\udc00\\ud800"', QUARANTINED, "two halves are no whole"),
        ("half a pair in a key", b'{"\\udbff":1}', QUARANTINED, "keys are texts too"),
        ("a whole pair", b'"\\ud83d\\ude00"', ACCEPTED, "what is right must not be refused with what is wrong"),
        ("an escaped NUL", b'"\\u0000"', ACCEPTED, "a field that nothing reads may hold it"),
    ):
        yield _made("encoding", provider, name, why, spliced(provider, f"encoding/{name}", fragment), result)


def bombs(provider: str) -> Made:
    def made(name: str, why: str, raw: bytes, result: str, **more: Any) -> HostileBody:
        return _made("bomb", provider, name, why, raw, result, **more)

    def around(name: str, fragment: bytes) -> bytes:
        return spliced(provider, f"bomb/{name}", fragment)

    for name, depth, result in (("64 deep", 63, ACCEPTED), ("65 deep", 64, REJECTED)):
        why = "the limit, exactly: the body itself is one level"
        yield made(name, why, around(name, b"[" * depth + b"]" * depth), result)
    deep = around("objects deep", b'{"a":' * 64 + b"1" + b"}" * 64)
    yield made("65 objects deep", "objects count like arrays", deep, REJECTED)
    yield made("100,000 deep", "recursion without end", around("deep", b"[" * 100_000 + b"]" * 100_000), REJECTED)
    yield made("a million open", "nothing but openings", b"[" * MEGABYTE, REJECTED)
    brackets = b'"' + b"[{" * 5_000 + b'"'
    yield made("brackets in a text", "what stands in a text is not nested", around("text", brackets), ACCEPTED)
    columns = b"[" + b",".join([b"[" * 62 + b"]" * 62] * 2_000) + b"]"
    yield made("64 deep everywhere", "the cost of looking must not be the depth", around("columns", columns), ACCEPTED)
    unclosed = b"[" * 65 + b'"' + b'\\"' * 500_000
    yield made("an open text of quotes", "each quote tried as a beginning takes hours", unclosed, REJECTED)
    runs = b'"' + b" ".join([b"1" * 100] * 10_000) + b'"'
    yield made(
        "almost long numbers", "a text of what is nearly refused must not be slow", around("runs", runs), ACCEPTED
    )
    for name, digits, result in (("100 digits", 100, ACCEPTED), ("101 digits", 101, REJECTED)):
        yield made(name, "the limit, exactly", around(name, b"1" * digits), result)
    yield made("5,000 digits", "int() takes quadratic time", around("5000", b"9" * 5_000), REJECTED)
    yield made("a long exponent", "a number of 10^99 places", around("exponent", b"1e" + b"9" * 99), REJECTED)
    yield made(
        "5,000 digits in a text", "digits in a text are no number", around("t", b'"%s"' % (b"9" * 5_000)), ACCEPTED
    )
    arrays = around("arrays", b"[" + b",".join([b"[]"] * 50_000) + b"]")
    yield made("50,000 arrays", "many small values", arrays, ACCEPTED)
    keys = around("keys", b"{" + b",".join(b'"%d":1' % key for key in range(10_000)) + b"}")
    yield made("10,000 keys", "keys that may meet in a hash table", keys, ACCEPTED)
    for unit in (b"[]", b'{"":{}}', b'""'):
        raw = filled(provider, f"bomb/{unit!r}", unit)
        yield made(f"a megabyte of {unit.decode()}", "as many values as a body can hold", raw, ACCEPTED)
    for name, size, result in (("1 MiB", MEGABYTE, ACCEPTED), ("1 MiB and a byte", MEGABYTE + 1, REJECTED)):
        text = b'"' + b"a" * (size - len(around(name, b'""'))) + b'"'
        yield made(name, "the limit, exactly", around(name, text), result)


def numbers(provider: str) -> Made:
    def made(name: str, why: str, fragment: bytes, result: str, place: str = "x", **more: Any) -> HostileBody:
        raw = spliced(provider, f"number/{name}", fragment, place)
        return _made("number", provider, name, why, raw, result, **more)

    for word in (b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400"):
        yield made(word.decode(), "json.loads takes it, and no other reader does", word, REJECTED)
    yield made("2^63 aside", "a number that nothing reads may be of any size", b"9223372036854775808", ACCEPTED)
    yield made("minus zero aside", "a number that nothing reads", b"-0", ACCEPTED)
    for name, fragment in (
        ("2^63", b"9223372036854775808"),
        ("-2^63-1", b"-9223372036854775809"),
        ("a boolean", b"true"),
        ("a fraction", b"1.5"),
        ("a whole fraction", b"1772359195000.0"),
        ("an exponent", b"1e12"),
        ("an array", b"[1772359195000]"),
        ("below nothing", b"-1"),
        ("10^18", b"1000000000000000000"),
    ):
        why = "the tracker reads this field, so it must be what it is said to be"
        yield made(f"the time is {name}", why, fragment, QUARANTINED, TIME[provider])
    if provider in NUMERIC_TIME:
        for name, text in (
            ("full-width digits", "１７７２３５９１９５０００"),
            ("an underscore", "1_772_359_195_000"),
            ("hexadecimal", "0x19c93"),
            ("a plus sign", "+1772359195000"),
            ("blanks", " 1772359195000 "),
            ("20 digits", "17723591950001772359"),
        ):
            why = "int() takes it, and it is no decimal number"
            yield made(f"the time as text with {name}", why, json.dumps(text).encode(), QUARANTINED, TIME[provider])
        yield made("the time as text", "the same number in a text", b'"1772359195000"', ACCEPTED, TIME[provider])


def times(provider: str) -> Made:
    def made(name: str, why: str, value: object, result: str, **more: Any) -> HostileBody:
        return _changed("time", provider, name, why, {TIME[provider]: value}, result, **more)

    # What has no time of its own is not dated, and its start is none of the clock's business.
    skew = ("clock-skew",) if provider != "line_planet" else ()
    if provider in NUMERIC_TIME:
        yield made(
            "the year 2100", "a clock ahead of ours puts no deadline off", 4_102_444_800_000, ACCEPTED, flags=skew
        )
        yield made(
            "the last moment", "deadlines lie behind what a date can hold", 253_402_300_799_999, ACCEPTED, flags=skew
        )
        yield made("the first moment behind it", "no date holds it", 253_402_300_800_000, QUARANTINED)
        yield made("a date as text", "not how this provider writes a time", STAMP, QUARANTINED)
        return
    yield made(
        "the year 2100", "a clock ahead of ours puts no deadline off", "2100-01-01T00:00:00Z", ACCEPTED, flags=skew
    )
    last = "9999-12-31T23:59:59.999Z"
    yield made("the last moment", "deadlines lie behind what a date can hold", last, ACCEPTED, flags=skew)
    yield made("nanoseconds", "more decimals than a date holds", "2026-03-01T09:59:55.123456789Z", ACCEPTED)
    yield made("no zone", "local time must not be taken for it", "2026-03-01T09:59:55", ACCEPTED)
    # Of EnableX the format is documented in three ways, with words in place of values: a text that is no time is told.
    odd = (ACCEPTED, ("payload-mismatch",)) if provider == "enablex" else (QUARANTINED, ())
    for name, text in (
        ("30 February", "2026-02-30T10:00:00Z"),
        ("a zone of 25 hours", "2026-03-01T09:59:55+25:00"),
        ("a week date", "2026-W09-7"),
        ("an hour 24", "2026-03-01T24:00:00Z"),
        ("full-width digits", "２０２６-03-01T10:00:00Z"),
        ("behind the last moment", "9999-12-31T23:59:59-14:00"),
        ("before the first", "0001-01-01T00:00:00+14:00"),
        ("a script", "<script>alert(1)</script>"),
    ):
        yield made(name, "fromisoformat takes some of these, or fails", text, odd[0], flags=odd[1])


def duplicate_keys(provider: str) -> Made:
    def raw_of(name: str, find: bytes, put: bytes) -> bytes:
        raw = encoded(good(provider, f"key twice/{name}"))
        assert find in raw
        return raw.replace(find, put, 1)

    def made(name: str, why: str, raw: bytes) -> HostileBody:
        return _made("key twice", provider, name, why, raw, QUARANTINED)

    last = ID[provider].rpartition(".")[2].encode()
    kind = KIND[provider].encode()
    hidden = b'"\\u%04x%s":' % (last[0], last[1:])
    why = "the parser keeps the last one in silence"
    yield made("the id", why, raw_of("the id", b'"%s":' % last, b'"%s":"other","%s":' % (last, last)))
    yield made(
        "the id, escaped", "an escape is the same key", raw_of("esc", b'"%s":' % last, hidden + b'"o","%s":' % last)
    )
    yield made("the kind", why, raw_of("the kind", b'"%s":' % kind, b'"%s":1,"%s":' % (kind, kind)))
    for name, fragment in (
        ("with one value", b'{"a":1,"a":1}'),
        ("far inside", b'[[{"b":{"a":1,"\\u0061":2}}]]'),
        ("the empty key", b'{"":1,"":2}'),
    ):
        yield made(f"aside, {name}", "anywhere in the body, read or not", spliced(provider, f"twice/{name}", fragment))


INVISIBLE = {
    "NUL": "\x00",
    "a line break": "\n",
    "a tab": "\t",
    "ESC": "\x1b",
    "DEL": "\x7f",
    "NEL": "\x85",
    "a soft hyphen": "\xad",
    "an Arabic sign of number": "\u0600",
    "a zero width blank": "\u200b",
    "a right-to-left override": "\u202e",
    "a right-to-left isolate": "\u2067",
    "a line separator": "\u2028",
    "a paragraph separator": "\u2029",
    "a byte order mark": "\ufeff",
    "an Arabic mark above": "\u0890",
    "an Egyptian joiner": "\U00013430",
    "a tag": "\U000e0041",
}


def ids(provider: str) -> Made:
    place = ID[provider]

    def made(name: str, why: str, value: object, result: str, **more: Any) -> HostileBody:
        return _changed("id", provider, name, why, {place: value}, result, **more)

    for name, value in (
        ("missing", MISSING),
        ("null", None),
        ("empty", ""),
        ("blank", "   "),
        ("a boolean", True),
        ("a fraction", 1.5),
        ("an array", ["a"]),
        ("an object", {"a": 1}),
    ):
        yield made(name, "without an id it belongs to nothing", value, QUARANTINED)
    if provider == "enablex":
        yield made("a number", "documented as text and sent as number", 7_001_002, ACCEPTED)
        yield _changed("id", provider, "a slash", "two sessions could share an id", {"app_id": "a/b"}, QUARANTINED)
    else:
        yield made("a number", "an id is text", 7_001_002, QUARANTINED)
    # A recording id that is put together is limited as a whole.
    beside = {"enablex": len("app/"), "line_planet": len(f"/{STAMP_MS // 1000}")}.get(provider, 0)
    whole = f"{provider.replace('_', '')}{'i' * 1024}"[: 1024 - beside]
    yield made("1,024 characters", "the limit, exactly", whole, ACCEPTED)
    yield made("1,025 characters", "the limit, exactly", f"{whole}i", QUARANTINED)
    for name, sign in INVISIBLE.items():
        yield made(name, "two ids that look the same, or a line of its own", f"a{sign}b-{provider}", QUARANTINED)
    yield made("a Cyrillic letter", "looks like another id, and is a lawful letter", f"\u0430bc-{provider}", ACCEPTED)
    yield made("an emoji", "lawful, and not in the first plane", f"\U0001f600-{provider}", ACCEPTED)


INJECTIONS = {
    "SQL": "x'; DROP TABLE events; --",
    "SQL in brackets": 'x"]; drop table e; --',
    "LIKE": "%_%",
    "a pattern": "*",
    "a path": "../../../../etc/passwd",
    "an option": "--help",
    "a format": "%s%n%x{0.__class__}",
    "a template": "{{7*7}}${7*7}#{7*7}",
    "a formula": '=HYPERLINK("http://evil.example","x")',
    "a formula behind blanks": "  @SUM(1+1)*cmd|' /C calc'!A0",
    "a full-width formula": "＝1+1",
    "a table": "a | b | [x](javascript:alert(1)) |",
    "a link": "[click](http://evil.example)",
    "a bare link": "http://evil.example/x www.evil.example evil@evil.example",
    "an image": "![x](http://evil.example/x.png)",
    "a reference": "<http://evil.example> @everyone #1 `code` **bold** ~~gone~~",
    "a script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "an entity": "&lt;b&gt;&#x202e;&amp;",
    "a shell": "$(reboot) `reboot`; reboot | sh",
    "an escape in words": "\\x1b[31m\\u202e\\n",
    "quotes": "\"'`\u00b4\u201c",
    "a styled console": "[red]x[/red] [link=http://evil.example]y[/link]",
}


def injections(provider: str) -> Made:
    for name, text in INJECTIONS.items():
        value = f"{text} {provider}"
        why = "an id is data in every place it is put: SQL, shell, format, table, page"
        yield _changed("injection", provider, name, why, {ID[provider]: value}, ACCEPTED)


TEXTS = {
    "colours": "\x1b[38;5;213mred\x1b[0m",
    "a cleared screen": "\x1b[2J\x1b[1;1H",
    "a hyperlink of a terminal": "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "a clipboard": "\x1b]52;c;cmVib290\x07",
    "a title": "\x9d0;evil\x9c",
    "an overwritten line": "all is well\rEVIL",
    "a backspace": "evil\b\b\b\bgood",
    "a line of a log": "x\n2026-03-01T10:00:00Z INFO recording complete",
    "a row of a table": "x\n| forged | row |\n",
    "a row of a sheet": 'x\r\nstuck,"forged",=1+1',
    "a separator": "x\u2028forged line\u2029\x85\x0b\x0c\x1c",
    "right to left": "\u202etxt.exe\u202c",
    "a script": "<script>alert(1)</script>",
    "an event": '"><img src=x onerror=alert(1)>',
    "a DDE formula": "=cmd|' /C calc'!A0",
    "a javascript: url": "javascript:alert(1)",
    "a data: url": "data:text/html,<script>alert(1)</script>",
    "a file: url": "file:///etc/passwd",
    "Markdown": "![x](http://evil.example/x.png) [y](javascript:1) | z |",
    "100,000 characters": "long " * 20_000,
}
PUT_TEXT: dict[str, Callable[[str], tuple[Object, tuple[str, ...]]]] = {
    # Where each provider's own free text ends up in a message, and the flags of that body.
    "agora": lambda text: (
        {
            "eventType": 1,
            "payload.cname": text[:1024],
            "payload.details": {"module": 0, "errorLevel": 5, "errorCode": 1, "errorMsg": text, "msgName": text[:60]},
        },
        ("payload-mismatch", "provider-error"),
    ),
    "aircore": lambda text: (
        {"event": "recording-upload-failed", "recording.state": text, "recording.reason": text},
        ("payload-mismatch", "provider-error"),
    ),
    "bandwidth": lambda text: (
        {"mediaUrl": text, "recordingName": text, "callId": text[:1024], "fileFormat": text, "status": text},
        ("unknown-event",),
    ),
    "enablex": lambda text: (
        {
            "type": "room-live-recording-failed",
            "room_id": text,
            "trans_date": text,
            "data": {"status": {"success": False, "error": {"errorCode": 7000, "errorDesc": text}}},
        },
        ("payload-mismatch", "provider-error"),
    ),
    "line_planet": lambda text: (
        {"recording_status": "FAILED", "error_code": text, "from_recordings": [{"object_id": text, "order": 3}]},
        ("payload-mismatch", "provider-error"),
    ),
}


def texts(provider: str) -> Made:
    for name, text in TEXTS.items():
        changes, flags = PUT_TEXT[provider](text)
        query = {"id": text[:1024]} if provider == "aircore" else {}
        why = "a provider's free text is shown to people, and must stay text"
        make = _later if provider == "bandwidth" else _accepted
        yield make("text", provider, name, why, changes, flags=flags, query=query)


WORDS = {
    "a trigger of transitions": "to_COMPLETED",
    "a method": "__class__",
    "a word of the tracker": "operator.resolved",
    "a superseded event": "recording.superseded",
    "a Cyrillic letter": "\u0421OMPLETED",
    "full-width letters": "\uff23\uff2f\uff2d\uff30\uff2c\uff25\uff34\uff25\uff24",
    "a dot": "recordingAvailable.complete",
    "a blank behind": "COMPLETED ",
    "another case": "completed",
    "an injection": "x'; DROP TABLE events; --",
    "a formula": "=1+1",
    "a link": "[x](javascript:alert(1))",
}


def kinds(provider: str) -> Made:
    place = KIND[provider]

    def made(name: str, why: str, value: object, result: str, **more: Any) -> HostileBody:
        return _changed("kind", provider, name, why, {place: value}, result, **more)

    # The first version of LINE Planet's callback has no status, and tells of a completed recording.
    first_version = provider == "line_planet"
    why = "what it tells of is not known"
    yield made("missing", why, MISSING, ACCEPTED if first_version else QUARANTINED)
    for name, value in (
        ("null", None),
        ("empty", ""),
        ("blank", " "),
        ("a boolean", True),
        ("a fraction", 40.0),
        ("an array", ["COMPLETED"]),
        ("an object", {"a": 1}),
    ):
        yield made(name, why, value, QUARANTINED)
    if provider == "agora":
        new = {"flags": ("unknown-event",), "event": "event.999"}
        yield _later("kind", provider, "unknown", "a new event is no fault", {place: 999}, **new)
        yield made("below nothing", "no event has such a number", -1, QUARANTINED)
        yield made("2^63", "no number of 64 bits", 2**63, QUARANTINED)
        yield made("a word of the tracker", "the kind is a number", "operator.resolved", QUARANTINED)
        yield made("a number as text", "a dialect", "40", ACCEPTED, event="recorder_started")
        return
    yield made("a number", "a kind is a word", 31, QUARANTINED)
    unknown = {"flags": ("unknown-event",)}
    yield _later("kind", provider, "100 characters", "the limit, exactly", {place: "k" * 100}, **unknown)
    yield made("101 characters", "the limit, exactly", "k" * 101, QUARANTINED)
    for name, sign in (("NUL", "\x00"), ("ESC", "\x1b"), ("right to left", "\u202e"), ("a line separator", "\u2028")):
        yield made(name, "control and format characters have no place in a kind", f"COMPLETED{sign}", QUARANTINED)
    for name, word in WORDS.items():
        why = "no word of a sender may pose as an event it is not"
        yield _later("kind", provider, name, why, {place: word}, **unknown)


def strangers(provider: str) -> Made:
    """Yield bodies of others: of another provider, of another product, of a console."""
    for other in PROVIDERS:
        if other != provider:
            why = "a url that was mixed up, or a guess"
            yield _made("stranger", provider, f"a body of {other}", why, good(other, f"to {provider}"), QUARANTINED)
    yield _made("stranger", provider, "an empty object", "says nothing", b"{}", QUARANTINED)
    yield _made("stranger", provider, "a log in of a scanner", "what scanners send", b'{"user":"admin"}', QUARANTINED)
    more: dict[str, tuple[tuple[str, str, Object | bytes, str], ...]] = {
        "agora": (
            ("another product", "one service for all products", changed(good("agora", "p"), {"productId": 1}), IGNORED),
            (
                "no product",
                "the highest number that could be one",
                changed(good("agora", "q"), {"productId": 10_000}),
                QUARANTINED,
            ),
            (
                "the console's test",
                "sent by the button",
                changed(good("agora", "c"), {"payload.cname": "test_webhook", "payload.uid": "12121212"}),
                IGNORED,
            ),
        ),
        "line_planet": (
            ("the end of a call", "another callback", b'{"sid":"a","terminate":"x","rel_code":"y"}', IGNORED),
        ),
        "bandwidth": (("an event of a call", "sent to the same url", b'{"eventType":"hangup","callId":"c"}', IGNORED),),
    }
    for name, why, raw, result in more.get(provider, ()):
        yield _made("stranger", provider, name, why, raw, result)
    if provider == "bandwidth":
        for kind, status in (("operator", "resolved"), ("recordingAvailable2", "superseded")):
            why = "a kind and a status must not make one of our names together"
            told = {"flags": ("unknown-event",), "event": kind}
            yield _later(
                "stranger", provider, f"{status} in two halves", why, {"eventType": kind, "status": status}, **told
            )


CONTRADICTIONS: dict[str, dict[str, Object]] = {
    "agora": {
        "two sids": {"sid": "another"},
        "a sid that is none": {"sid": {"a": ["b"]}},
        "the name of another event": {"payload.details.msgName": "uploaded"},
        "two exits": {"eventType": 11, "payload.details": {"exitStatus": 0, "leaveStatus": 1}},
        "a gap": {
            "eventType": 42,
            "payload.details": {"startUtcMs": STAMP_MS, "discontinueUtcMs": STAMP_MS - 60_000},
        },
    },
    "aircore": {
        "another state": {"recording.state": "stopped"},
        "a state of another type": {"recording.state": {"a": 1}},
        "uploaded to nowhere": {"event": "recording-uploaded", "recording.state": "stopped"},
    },
    "bandwidth": {"an end before the start": {"endTime": "2026-03-01T09:00:00Z"}},
    "enablex": {
        "two sessions": {"conf_key": "another"},
        "no file": {"recording": []},
        "one stage, two files": {"stage": "1", "recording": ["https://a.example/1", "https://a.example/2"]},
        "an odd size": {"file_size": "large"},
        "on, with an error": {
            "type": "room-live-recording-on",
            "data": {"status": {"success": True, "error": {"errorCode": 7000}}},
        },
    },
    "line_planet": {
        "completed without files": {"from_recordings": [], "to_recordings": None},
        "a hole": {"from_recordings": [{"order": 1}, {"order": 3}]},
        "a number twice": {"from_recordings": [{"order": 1}, {"order": 1}]},
        "absent with files": {"recording_status": "ABSENT"},
        "completed with an error": {"error_code": "E1"},
    },
}


def contradictions(provider: str) -> Made:
    for name, changes in CONTRADICTIONS[provider].items():
        flags = ["payload-mismatch"]
        why = "a body that contradicts itself is taken in, and told"
        yield _changed("contradiction", provider, name, why, changes, ACCEPTED, flags=tuple(sorted(flags)))


ODD_KEYS = {
    "a class": "__class__",
    "a prototype": "__proto__",
    "a constructor": "constructor",
    "the model's settings": "model_config",
    "a column": 'x"]; drop table e; --',
    "nothing": "",
    "ESC": "\x1b[31m",
    "NUL": "\x00",
    "a name of the tracker": "recording_id",
    "an outcome": "outcome",
}


def odd_keys(provider: str) -> Made:
    for name, key in ODD_KEYS.items():
        body = good(provider, f"odd key/{name}") | {key: {"a": "available", "__init__": "operator.resolved"}}
        why = "a key of a payload names nothing of ours: no attribute, no column"
        yield _made("unknown key", provider, name, why, body, ACCEPTED)


def too_many_files(provider: str) -> Made:
    """Yield bodies that name as many files as are read, and one more."""
    lists: dict[str, Callable[[int], Object]] = {
        "agora": lambda count: {
            "eventType": 31,
            "payload.details": {"status": 0, "fileList": [{"fileName": f"{n}.ts"} for n in range(count)]},
        },
        "enablex": lambda count: {"recording": [f"https://a.example/{n}" for n in range(count)]},
        "line_planet": lambda count: {"from_recordings": [{"order": n + 1} for n in range(count)]},
    }
    if provider in lists:
        for count, result in ((2_000, ACCEPTED), (10_001, QUARANTINED)):
            changes = lists[provider](count)
            why = "each file is read one by one, and kept"
            yield _changed("bomb", provider, f"{count:,} files", why, changes, result)
    if provider == "agora":
        users = {"eventType": 31, "payload.details": {"status": 0, "uids": [{"fileList": ["a", "b"]}] * 5_001}}
        yield _changed("bomb", provider, "10,002 files of users", "files of all users count", users, QUARANTINED)


def redeliveries(provider: str) -> Made:
    """Yield bodies that come a second time, spelled otherwise or with other content."""

    def made(name: str, why: str, respell: Callable[[Object], Object | bytes], **more: Any) -> HostileBody:
        first = good(provider, f"redelivery/{name}")
        again = respell(deepcopy(first))
        result = more.pop("result", DUPLICATE)
        return _made("redelivery", provider, name, why, again, result, before=encoded(first), **more)

    same = "the same event, spelled otherwise"
    yield made("the same", "sent again", lambda body: body)
    yield made("keys the other way round", same, _reversed)
    yield made("blanks", same, lambda body: json.dumps(body, indent=3).encode())
    yield made("escapes", same, _escaped)
    yield made("a byte order mark", same, lambda body: b"\xef\xbb\xbf" + encoded(body))
    volatile: dict[str, Object] = {
        "agora": {"notifyMs": STAMP_MS + 9_000, "noticeId": "other"},
        "aircore": {"timestamp": STAMP_MS + 9_000},
        "bandwidth": {"eventTime": "2026-03-01T10:00:04Z"},
        "enablex": {"trans_date": STAMP_MS},
        "line_planet": {"recording_start_time": STAMP_MS // 1000},
    }
    yield made("another time of sending", "it changes on every resend", lambda body: changed(body, volatile[provider]))
    dialects: dict[str, Object] = {
        "agora": {"productId": "3", "eventType": "40", "payload.sequence": "0", "payload.details.status": "0"},
        "bandwidth": {"status": "completed"},
        "enablex": {"recording": "https://user:password@files.example/1.mp4"},
    }
    if provider in dialects:
        yield made("another dialect", same, lambda body: changed(body, dialects[provider]))
    if provider == "line_planet":
        yield made("dashes and capitals in the id", same, lambda body: body | {"sid": _dashed(body["sid"])})
    if provider == "aircore":
        yield made(
            "another spelling of the url",
            same,
            lambda body: changed(body, {ID["aircore"]: body["recording"]["url"].replace("http://r", "HTTP://R") + "/"}),
        )
    # A result of LINE Planet that says something else is another event, which amends the first.
    told: Object = {"result": ACCEPTED} if provider == "line_planet" else {"flags": ("payload-mismatch",)}
    yield made(
        "other content",
        "an id that comes twice with two contents",
        lambda body: changed(body, {"payload.extra" if provider == "agora" else "extra": "\x1b[31mother"}),
        **told,
    )


def _reversed(value: Any) -> Any:
    return {key: _reversed(inner) for key, inner in reversed(value.items())} if isinstance(value, dict) else value


def _escaped(body: Object) -> bytes:
    """Spell every letter of a key's beginning as an escape."""
    raw = encoded(body).decode()
    for key in list(body):
        raw = raw.replace(f'"{key}":', f'"\\u{ord(key[0]):04X}{key[1:]}":', 1)
    return raw.encode()


def _dashed(sid: str) -> str:
    return "-".join((sid[:8], sid[8:12], sid[12:16], sid[16:20], sid[20:])).upper()


def queries(provider: str) -> Made:
    """Yield good bodies that were sent to odd urls; only Aircore's adapter reads what is in one."""
    for name, query, result, why in (
        ("half a pair", {"id": "\ud800"}, QUARANTINED, "what a server could not decode"),
        ("a long group", {"id": "g" * 1_025}, QUARANTINED, "a group's name has a limit too"),
        ("an odd group", {"id": "\x1b[31m\x00|=1+1"}, ACCEPTED, "a group's name may hold anything"),
        ("dunder", {"__class__": "x", "": ""}, ACCEPTED, "a parameter names nothing of ours"),
    ):
        outcome = result if provider == "aircore" else ACCEPTED
        yield _made("query", provider, name, why, good(provider, f"query/{name}"), outcome, query=query)
    if provider == "aircore":
        unnamed = changed(good("aircore", "unnamed"), {ID["aircore"]: MISSING})
        for name, query, result in (
            ("an id in the url", {"recording": "http://r.example/1"}, ACCEPTED),
            ("an odd id in the url", {"recording": "http://r.example/\x1b"}, QUARANTINED),
            ("half a pair for an id", {"recording": "\udfff"}, QUARANTINED),
            ("an encoded line break", {"recording": "https://services.aircore.io/recordings/a%0Ab"}, QUARANTINED),
        ):
            yield _made("query", provider, name, "then the url that we chose names it", unnamed, result, query=query)


GENERATORS = (
    not_json,
    not_an_object,
    encodings,
    bombs,
    too_many_files,
    numbers,
    times,
    duplicate_keys,
    ids,
    injections,
    texts,
    kinds,
    strangers,
    contradictions,
    odd_keys,
    redeliveries,
    queries,
)


def corpus() -> list[HostileBody]:
    """Return all bodies, each received a millisecond after the one before."""
    made = [body for generator in GENERATORS for provider in PROVIDERS for body in generator(provider)]
    names = Counter((body.provider, body.family, body.name) for body in made)
    assert max(names.values()) == 1, names.most_common(1)
    return [replace(body, received_at=RECEIVED + timedelta(milliseconds=n)) for n, body in enumerate(made)]


def tally(bodies: list[HostileBody]) -> Iterator[str]:
    """Yield a table of how many bodies there are, by class and outcome."""
    results = (ACCEPTED, DUPLICATE, QUARANTINED, REJECTED, IGNORED)
    counts = Counter((body.family, body.result) for body in bodies)
    yield "| class | bodies | " + " | ".join(results) + " |"
    yield "| --- |" + " ---: |" * (len(results) + 1)
    for family in (*dict.fromkeys(body.family for body in bodies), "all"):
        row = [
            sum(counts[key] for key in counts if family in (key[0], "all") and key[1] == result) for result in results
        ]
        yield f"| {family} | {sum(row)} | " + " | ".join(map(str, row)) + " |"


def main() -> None:
    bodies = corpus()
    lines = [
        f"{body.provider:12}{body.family:14}{body.result:12}{','.join(body.flags):34}{len(body.raw):>8} bytes"
        f"  {body.name}: {body.why}"
        for body in bodies
    ]
    sys.stdout.write("\n".join([*lines, "", *tally(bodies), ""]))


if __name__ == "__main__":
    main()
