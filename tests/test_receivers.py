"""The example receivers, run by real servers and asked over HTTP: who is believed, what is answered, what is kept."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker, UsageError
from recording_tracker.deliveries import Delivery, log_lines, read_delivery
from recording_tracker.delivery_log import DeliveryLog
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import find_machines
from recording_tracker.times import from_ms
from tests.servers import (
    COMMANDS,
    EXAMPLES,
    OLD_SECRET,
    OLD_TOKEN,
    PASSWORD,
    SECRET,
    SENDERS,
    TOKEN,
    USER,
    Server,
    serving,
)

PAYLOADS = Path(__file__).parent / "payloads"
FIRST = {
    "agora": "recorder_started",
    "aircore": "recording-started",
    "bandwidth": "recordingAvailable.complete",
    "enablex": "recording",
    "line_planet": "IN_PROGRESS",
}
"""Provider → a payload that opens a recording."""
AIRCORE = f"/callbacks/aircore?token={TOKEN}"
NUMBERS = count(1)
MOMENT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def payload(provider: str, name: str | None = None) -> bytes:
    told = json.loads((PAYLOADS / provider / f"{name or FIRST[provider]}.json").read_text(encoding="utf-8"))
    return json.dumps(told["body"]).encode()


def login(text: str | bytes = f"{USER}:{PASSWORD}") -> str:
    raw = text.encode() if isinstance(text, str) else text
    return f"Basic {base64.b64encode(raw).decode()}"


def signed(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def agora() -> tuple[str, bytes]:
    """A recording id that is new, and a callback of it."""
    sid = f"{next(NUMBERS):032x}"
    body = json.loads(payload("agora"))
    return sid, json.dumps(body | {"sid": sid, "payload": body["payload"] | {"sid": sid}}).encode()


def aircore(number: int | None = None) -> tuple[str, bytes]:
    url = f"https://recorder.example/{next(NUMBERS) if number is None else f'load-{number}'}"
    body = {"event": "recording-started", "timestamp": 1793527200000, "recording": {"url": url}}
    return url, json.dumps(body).encode()


def raw(body: bytes, *headers: bytes, path: str = AIRCORE, method: str = "POST") -> bytes:
    """A request, byte by byte; with the length of *body* where no header tells another."""
    framing = b"\n".join(headers).lower()
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", b"Connection: close", *headers]
    if b"content-length" not in framing and b"transfer-encoding" not in framing:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


# What is answered


@pytest.mark.parametrize("provider", FIRST)
def test_a_callback_is_kept_and_answered_as_its_provider_expects(server: Server, provider: str) -> None:
    body = payload(provider)
    headers = {"Content-Type": "application/json", "Agora-Signature-V2": signed(body), "Authorization": login()}

    found = server.ask(f"/callbacks/{provider}?token={TOKEN}", body, headers)

    content = found.headers.get("content-type"), found.headers.get("content-length"), found.body
    if provider == "bandwidth":
        assert (found.status, found.body) == (204, b"")
        assert found.headers.get("content-length", "0") == "0"
    else:
        assert (found.status, *content) == (200, "application/json", "2", b"{}")
    with Tracker(server.db, readonly=True) as tracker:
        assert list(tracker.recordings(provider=provider)) != []


def test_there_is_a_route_for_every_provider() -> None:
    assert set(FIRST) == set(find_machines())


def test_a_duplicate_an_ignored_and_a_quarantined_body_are_answered_alike(server: Server) -> None:
    _, body = agora()
    bodies = [body, body, payload("agora", "console-test"), payload("agora", "without-sid")]

    found = [server.ask("/callbacks/agora", body, {"Agora-Signature-V2": signed(body)}) for body in bodies]

    assert [(one.status, one.body) for one in found] == [(200, b"{}")] * 4
    with Tracker(server.db, readonly=True) as tracker:
        assert body not in [kept.body for kept in tracker.quarantined()]
        assert bodies[-1] in [kept.body for kept in tracker.quarantined()]


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(server: Server, body: bytes) -> None:
    found = server.ask(AIRCORE, body)

    assert found.status == 400
    assert list(json.loads(found.body)) == ["error"]


@pytest.mark.parametrize(("size", "expected"), [(1_048_576, 400), (1_048_577, 413)])
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_body_has_at_most_so_many_bytes(server: Server, size: int, expected: int, chunked: bool) -> None:
    body = b" " * size
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:-1], body[-1:])) + b"0\r\n\r\n"

    sent = raw(pieces, b"Transfer-Encoding: chunked") if chunked else raw(body)

    assert server.send(sent) == expected


def test_a_body_may_come_in_pieces(server: Server) -> None:
    recording, body = aircore()
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:9], body[9:])) + b"0\r\n\r\n"

    assert server.send(raw(pieces, b"Transfer-Encoding: chunked")) == 200
    assert server.knows(recording)


def test_the_token_is_not_kept_and_what_else_the_url_says_is(server: Server) -> None:
    recording, body = aircore()

    server.ask(f"{AIRCORE}&id=room-7", body)
    server.ask(f"{AIRCORE}&id=room-8", b'{"event": "recording-started"}')

    with Tracker(server.db, readonly=True) as tracker:
        assert [found.group_id for found in tracker.status(recording)] == ["room-7"]
        assert {"id": "room-8"} in [json.loads(kept.query) for kept in tracker.quarantined()]
    kept_bytes = b"".join(path.read_bytes() for path in server.db.parent.glob("recordings.db*"))
    assert TOKEN.encode() not in kept_bytes
    assert PASSWORD.encode() not in kept_bytes


def test_an_address_that_leads_nowhere_is_told(server: Server) -> None:
    paths = [
        "/",
        f"/callbacks/?token={TOKEN}",
        f"/callbacks/zoom?token={TOKEN}",
        f"/callbacks/agora%0Afine?token={TOKEN}",
    ]

    assert [server.ask(path, b"{}").status for path in paths] == [404] * 4


# Who is believed


def agora_headers(body: bytes) -> dict[str, tuple[list[bytes], bytes]]:
    """Fault → the headers and the body that are sent for *body*."""
    good, name = signed(body).encode(), b"Agora-Signature-V2: "
    return {
        "H1 no signature": ([], body),
        "H2 empty": ([name], body),
        "H3 wrong": ([name + signed(body, "theirs").encode()], body),
        "H4 SHA-1 in the field of SHA-256": ([name + signed(body, algorithm="sha1").encode()], body),
        "H6 not ASCII": ([name + "é".encode() * 32], body),
        "H6 not UTF-8": ([name + b"\xff" * 64], body),
        "H7 two lines": ([name + good, name + good], body),
        "H7 a good and a bad one": ([name + good, name + b"0" * 64], body),
        "H8 one byte changed": ([name + good], body.replace(b"1", b"2", 1)),
        "H9 written anew": ([name + good], json.dumps(json.loads(body), indent=1).encode()),
        "the token in its place": ([b"Token: " + TOKEN.encode()], body),
    }


@pytest.mark.parametrize("fault", agora_headers(b"{}"))
def test_agora_is_not_believed_without_its_signature(server: Server, fault: str) -> None:
    sid, body = agora()
    headers, sent = agora_headers(body)[fault]

    assert server.send(raw(sent, *headers, path=f"/callbacks/agora?token={TOKEN}")) == 401
    assert not server.knows(sid)


@pytest.mark.parametrize(
    "header",
    [b"x" * 1_000_000, b"abc\r\n folded", b"abc\ninjected: yes", b"abc\x00"],
    ids=["long", "folded", "line", "nul"],
)
def test_a_header_that_is_none_is_refused(server: Server, header: bytes) -> None:
    sid, body = agora()

    assert server.send(raw(body, b"Agora-Signature-V2: " + header, path="/callbacks/agora")) in (400, 401, 431, None)
    assert not server.knows(sid)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Agora-Signature-V2", signed),
        ("Agora-Signature-V2", lambda body: signed(body).upper()),
        ("Agora-Signature-V2", lambda body: signed(body, OLD_SECRET)),
        ("agora-signature", lambda body: signed(body, algorithm="sha1")),
    ],
    ids=["plain", "H5 upper case", "H10 the old key", "SHA-1"],
)
def test_agora_is_believed_by_its_signature(server: Server, name: str, value: Any) -> None:
    sid, body = agora()

    assert server.ask("/callbacks/agora", body, {name: value(body)}).status == 200
    assert server.knows(sid)


@pytest.mark.parametrize(
    "authorization",
    [
        [],
        [b"Authorization: "],
        [b"Authorization: " + login(f"{USER}:guessed").encode()],
        [b"Authorization: " + login(f"guessed:{PASSWORD}").encode()],
        [b"Authorization: " + login("nocolon").encode()],
        [b"Authorization: " + login(b"\xff\xfe:\xff").encode()],
        [b"Authorization: Basic ???"],
        [b"Authorization: Basic " + "é".encode()],
        [b"Authorization: Bearer " + TOKEN.encode()],
        [b"Authorization: " + login().encode(), b"Authorization: " + login("other:one").encode()],
    ],
    ids=str,
)
def test_bandwidth_is_not_believed_without_its_login(server: Server, authorization: list[bytes]) -> None:
    body = json.loads(payload("bandwidth")) | {"recordingId": f"r-{next(NUMBERS)}"}
    sent = raw(json.dumps(body).encode(), *authorization, path=f"/callbacks/bandwidth?token={TOKEN}")

    assert server.send(sent) == 401
    assert not server.knows(body["recordingId"])


def test_who_is_refused_is_told_how_to_log_in(server: Server) -> None:
    found = server.ask("/callbacks/bandwidth", payload("bandwidth"))

    assert (found.status, found.headers["www-authenticate"]) == (401, 'Basic realm="callbacks"')


@pytest.mark.parametrize("query", ["", "token=", "token=guessed", f"Token={TOKEN}", "token=%FF%00é"])
def test_others_are_not_believed_without_the_token(server: Server, query: str) -> None:
    recording, body = aircore()

    assert server.send(raw(body, path=f"/callbacks/aircore?{query}".replace("é", "%C3%A9"))) == 401
    assert not server.knows(recording)


def test_an_old_token_holds_as_long_as_it_is_given(server: Server) -> None:
    recording, body = aircore()

    assert server.ask(f"/callbacks/aircore?token={OLD_TOKEN}", body).status == 200
    assert server.knows(recording)


# Requests that are no callbacks


def test_the_type_of_the_content_does_not_matter(server: Server) -> None:
    recording, body = aircore()

    assert server.ask(AIRCORE, body, {"Content-Type": "text/plain; charset=latin-1"}).status == 200
    assert server.knows(recording)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "identity, gzip"])
def test_a_compressed_body_is_refused(server: Server, coding: str) -> None:
    recording, body = aircore()

    assert server.ask(AIRCORE, body, {"Content-Encoding": coding}).status == 415
    assert not server.knows(recording)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_another_method_is_told_the_right_one(server: Server, method: str) -> None:
    recording, body = aircore()

    found = server.ask(AIRCORE, body, method=method)

    assert found.status == 405
    assert "POST" in found.headers["allow"]
    assert not server.knows(recording)


FRAMINGS: dict[str, tuple[list[bytes], int]] = {
    "10 GB": ([b"Content-Length: 10737418240"], 413),
    "negative": ([b"Content-Length: -5"], 400),
    "signed": ([b"Content-Length: +5"], 400),
    "no number": ([b"Content-Length: five"], 400),
    "20 digits": ([b"Content-Length: 99999999999999999999"], 400),
    "double": ([b"Content-Length: 5", b"Content-Length: 6"], 400),
    "chunked and a length": ([b"Transfer-Encoding: chunked", b"Content-Length: 5"], 400),
}


@pytest.mark.parametrize("fault", FRAMINGS)
def test_a_body_without_one_length_is_refused(server: Server, fault: str) -> None:
    recording, body = aircore()
    headers, expected = FRAMINGS[fault]
    if "chunked" in fault:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    found = server.send(raw(body, *headers))

    assert found == expected
    assert not server.knows(recording)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_a_body_that_was_cut_short_is_not_kept(server: Server, chunked: bool) -> None:
    recording, body = aircore()
    # What arrives is a whole JSON object, so that nothing but the length shows that there was more.
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % (len(body) + 100)
    sent = b"%x\r\n%s" % (len(body) + 100, body) if chunked else body

    assert server.send(raw(sent, framing), cut=True) in (400, None)
    # An answer on another connection shows that the receiver has gone on.
    assert server.ask("/health", method="GET").status == 200
    assert not server.knows(recording)


# Living


def test_health_tells_nothing_but_whether_the_database_can_be_read(server: Server) -> None:
    found = server.ask("/health", method="GET")

    assert (found.status, json.loads(found.body)) == (200, {"status": "ok"})
    assert server.ask("/health", method="HEAD").status == 200


@pytest.mark.parametrize("receiver", COMMANDS)
def test_health_says_when_the_database_is_gone_and_callbacks_are_asked_for_again(receiver: str, tmp_path: Path) -> None:
    with serving(receiver, tmp_path) as server:
        for path in server.db.parent.glob("recordings.db*"):
            path.unlink()
        health = server.ask("/health", method="GET")
        callback = server.ask(AIRCORE, aircore()[1])

    assert (health.status, callback.status, callback.headers["retry-after"]) == (503, 503, "10")
    for found in (health, callback):
        assert str(tmp_path) not in found.body.decode()


@pytest.mark.parametrize("receiver", COMMANDS)
def test_every_callback_that_was_answered_is_kept_though_a_worker_is_killed(receiver: str, tmp_path: Path) -> None:
    killed: list[int] = []

    with serving(receiver, tmp_path) as server:

        def ask(number: int) -> str | None:
            """Send one callback; return the recording that was acknowledged."""
            if number == 100:
                killed.append(server.workers()[0])
                os.kill(killed[0], signal.SIGKILL)
            recording, body = aircore(number)
            try:
                return recording if server.send(raw(body)) == 200 else None
            except OSError:
                return None

        with ThreadPoolExecutor(8) as threads:
            answered = [recording for recording in threads.map(ask, range(240)) if recording]
        assert server.stop() == 0

    with Tracker(server.db, readonly=True) as tracker:
        kept = {recording.id for recording in tracker.recordings()}
        assert tracker.verify().sound
    assert [recording for recording in answered if recording not in kept] == []
    assert len(killed) == 1
    assert len(answered) > 150, "the other worker goes on"


@pytest.mark.parametrize("receiver", COMMANDS)
def test_a_receiver_that_is_told_to_stop_answers_first(receiver: str, tmp_path: Path) -> None:
    with serving(receiver, tmp_path) as server, ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(server.ask, AIRCORE, aircore(number)[1]) for number in range(16)]
        statuses = {one.result().status for one in asked}
        status = server.stop()

    assert (statuses, status) == ({200}, 0)
    assert "Traceback" not in server.log.read_text(encoding="utf-8")
    # The last to close moves what is committed into the file; of two workers that close at once none may be the last.
    if receiver != "flask":
        assert not server.db.with_name("recordings.db-wal").exists()


def test_the_log_tells_what_was_refused_and_never_the_token(server: Server) -> None:
    server.ask(f"/callbacks/line_planet?token={TOKEN}", b"not JSON")
    server.ask("/callbacks/line_planet?token=guessed", b"{}")

    log = server.log.read_text(encoding="utf-8")
    for told in ("rejected: the body is not JSON", "not taken in: the url has no token of ours"):
        assert re.search(f"^{MOMENT} WARNING receiver: 'line_planet': {told}", log, re.MULTILINE)
    assert TOKEN not in log
    assert "Traceback" not in log


@pytest.mark.parametrize(("method", "path"), [("GET", "/callbacks/aircore"), ("POST", "/callback/aircore")])
def test_the_log_tells_what_came_to_a_wrong_address_or_by_a_wrong_method(
    server: Server, method: str, path: str
) -> None:
    found = server.ask(f"{path}?token={TOKEN}", b"{}", method=method)

    assert found.status in (404, 405)
    log = server.log.read_text(encoding="utf-8")
    assert re.search(f"^{MOMENT} WARNING receiver: '{path}': {method}: not taken in: .*", log, re.MULTILINE)
    assert TOKEN not in log


# Starting


@pytest.mark.parametrize("receiver", COMMANDS)
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CALLBACK_TOKEN", None),
        ("CALLBACK_TOKEN", ""),
        ("CALLBACK_TOKEN", " "),
        ("AGORA_SECRET", ""),
        ("BANDWIDTH_LOGIN", ""),
        ("BANDWIDTH_LOGIN", "user"),
        ("BANDWIDTH_LOGIN", "user:"),
        ("ENABLEX_LOGIN", ":password"),
    ],
)
def test_a_receiver_does_not_start_without_its_secrets(
    receiver: str,
    variable: str,
    value: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in SENDERS:
        monkeypatch.setenv(name, SENDERS[name])
    monkeypatch.setenv("TRACKER_DB", str(tmp_path / "recordings.db"))
    monkeypatch.delenv(variable, raising=False)
    if value is not None:
        monkeypatch.setenv(variable, value)
    create = runpy.run_path(str(EXAMPLES / f"receiver_{receiver}.py"))["create"]

    with pytest.raises(SystemExit) as ended:
        create()

    assert ended.value.code == 3
    [message] = caplog.messages
    assert message.startswith(f"does not start: {variable}: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("receiver", COMMANDS)
@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"CALLBACK_TOKEN": ""}, "CALLBACK_TOKEN: is empty; without it, anybody could send callbacks"),
        ({"TRACKER_DB": "none/r.db"}, "none/r.db: "),
        ({"TRACKER_LOG": "none/log.jsonl"}, "none/log.jsonl: cannot be written: no such file or directory"),
        ({"TRACKER_LOG": "/dev/null"}, "/dev/null: is no regular file"),
    ],
    ids=["token", "database", "log", "device"],
)
def test_a_server_says_in_one_line_why_its_receiver_does_not_start(
    receiver: str, environment: dict[str, str], fault: str, tmp_path: Path
) -> None:
    program, *arguments = COMMANDS[receiver]

    done = subprocess.run(
        [sys.executable, "-m", program, *arguments, "--log-level=critical"],
        cwd=EXAMPLES,
        env={**os.environ, **SENDERS, "TRACKER_DB": str(tmp_path / "r.db"), "HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 3
    [line] = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    assert re.fullmatch(MOMENT + " CRITICAL receiver: does not start: .*", line)
    assert fault in line


# The delivery log


@pytest.mark.parametrize("receiver", COMMANDS)
def test_all_that_came_can_be_taken_in_again_from_the_delivery_log(receiver: str, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    bodies = [aircore(number)[1] for number in range(60)]
    with serving(receiver, tmp_path, TRACKER_LOG=str(log)) as server:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda body: server.ask(f"{AIRCORE}&id=room-7", body), bodies))
        found = [server.ask(AIRCORE, body).status for body in (b"[]", "é\u2028\x7f".encode(), b"\xff\n")]
        server.ask("/callbacks/aircore?token=guessed", b"{}")
        for path in tmp_path.glob("recordings.db*"):
            path.unlink()
        lost, body = aircore()
        found.append(server.ask(AIRCORE, body).status)

    assert found == [400, 400, 400, 503]
    assert TOKEN not in log.read_text(encoding="utf-8")
    with Tracker(MemoryJournal()) as tracker, log.open("rb") as stream:
        lines = [line for _, line in log_lines(stream) if isinstance(line, dict)]
        summary = tracker.ingest_many(lines)
        assert (summary.accepted, summary.rejected) == (61, 3)
        assert {recording.group_id for recording in tracker.recordings()} == {"room-7", None}
        assert tracker.status(lost) != []


def test_a_delivery_log_gives_back_each_body_byte_for_byte(tmp_path: Path) -> None:
    bodies = [
        b'{"a": "\xc3\xa9 \xe2\x80\xa8"}', b"\xff\xfe", b"", b"one\ntwo\r\n", b'"' * 1_048_576, b"\0" * 1_048_576,
        "\ufeff[]".encode(), "会".encode() * 349_525,
    ]  # fmt: skip
    log = DeliveryLog(tmp_path / "log.jsonl")

    for number, body in enumerate(bodies):
        log.append("acme", body, query={"id": "é\n"}, received_at=from_ms(1_000 * number))

    with (tmp_path / "log.jsonl").open("rb") as stream:
        read = [read_delivery(line, lambda: 0) for _, line in log_lines(stream) if isinstance(line, dict)]
    callbacks = [found.callback for found in read if isinstance(found, Delivery)]
    assert [found.body for found in callbacks] == bodies
    assert [found.received_ms for found in callbacks] == [1_000 * number for number in range(len(bodies))]
    assert {(found.provider, found.query["id"]) for found in callbacks} == {("acme", "é\n")}


def test_a_delivery_log_that_is_the_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "recordings.db"
    with Tracker(path):
        pass
    before = path.read_bytes()

    with pytest.raises(UsageError, match="is a database; name another file"):
        DeliveryLog(path)

    assert before == path.read_bytes()


def test_a_line_that_was_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"provider": "acme", "bo')

    for body in (b"1", b"2"):
        DeliveryLog(path).append("acme", body, query={}, received_at=from_ms(0))

    assert [json.loads(line)["body"] for line in path.read_text().splitlines()[1:]] == ["1", "2"]


def test_a_delivery_log_that_was_moved_away_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = DeliveryLog(path)
    log.append("acme", b"1", query={}, received_at=from_ms(0))
    path.rename(tmp_path / "log.jsonl.1")

    log.append("acme", b"2", query={}, received_at=from_ms(0))

    assert [json.loads(line)["body"] for line in path.read_text().splitlines()] == ["2"]


def test_a_callback_is_taken_in_though_the_delivery_log_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "logs" / "log.jsonl"
    path.parent.mkdir()
    log = DeliveryLog(path)
    path.unlink()
    path.parent.rmdir()

    log.append("acme", b"1", query={}, received_at=from_ms(0))

    assert caplog.messages == [f"{path}: a callback of 'acme' is not kept: No such file or directory"]
