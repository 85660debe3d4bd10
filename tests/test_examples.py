"""The examples do what they say: the receiver is asked as an ASGI server asks it, the scripts are run."""

from __future__ import annotations

import asyncio
import hmac
import json
import runpy
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import BusyError, StorageError, Tracker, TrackerError, UsageError
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.machine import find_machines
from recording_tracker.signatures import AgoraSignature, UrlToken

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
PAYLOADS = ROOT / "tests" / "payloads"
RECEIVER = runpy.run_path(str(EXAMPLES / "receiver.py"))
TOKEN = "s3cret"
FIRST = {
    "agora": "recorder_started",
    "aircore": "recording-started",
    "bandwidth": "recordingAvailable.complete",
    "enablex": "recording",
    "line_planet": "IN_PROGRESS",
}
"""Provider → a payload that opens a recording."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def payload(provider: str, name: str | None = None) -> bytes:
    told = json.loads((PAYLOADS / provider / f"{name or FIRST[provider]}.json").read_text(encoding="utf-8"))
    return json.dumps(told["body"]).encode()


def ask(
    app: Any,
    provider: str,
    body: bytes,
    *,
    method: str = "POST",
    path: str | None = None,
    query: str = f"token={TOKEN}",
    headers: Mapping[str, str] | None = None,
    chunk: int = 65_536,
    cut: bool = False,
) -> Answer:
    """Send one request as an ASGI server does, the body in pieces of *chunk* bytes."""
    pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)] or [b""]
    incoming = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
        for place, piece in enumerate(pieces)
    ]
    if cut:
        incoming[-1:] = [{"type": "http.disconnect"}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path or f"/callbacks/{provider}",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    asyncio.run(app(scope, receive, send))
    start, content = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, content["body"])


@contextmanager
def receiver(tracker: Tracker, **checks: Any) -> Iterator[Any]:
    with tracker:
        yield RECEIVER["Receiver"](tracker, token=UrlToken(TOKEN), **checks)


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(MemoryJournal())


@pytest.mark.parametrize("provider", FIRST)
def test_a_callback_is_taken_in_and_answered_as_its_provider_expects(tracker: Tracker, provider: str) -> None:
    expected = (204, b"") if provider == "bandwidth" else (200, b"{}")

    with receiver(tracker) as app:
        answer = ask(app, provider, payload(provider), chunk=100)

        assert (answer.status, answer.body) == expected
        assert [recording.provider for recording in tracker.recordings()] == [provider]


def test_there_is_a_route_for_every_provider() -> None:
    assert set(FIRST) == set(find_machines())


def test_a_duplicate_an_ignored_and_a_quarantined_body_are_answered_alike(tracker: Tracker) -> None:
    bodies = [payload("agora"), payload("agora"), payload("agora", "console-test"), payload("agora", "without-sid")]

    with receiver(tracker) as app:
        answers = [ask(app, "agora", body).status for body in bodies]

        assert answers == [200, 200, 200, 200]
        assert len(tracker.quarantined()) == 1
        assert [(recording.events, recording.duplicates) for recording in tracker.recordings()] == [(1, 1)]


def test_what_the_address_says_of_a_recording_is_kept_and_the_token_is_not(tracker: Tracker) -> None:
    with receiver(tracker) as app:
        ask(app, "aircore", payload("aircore"), query=f"id=room-7&token={TOKEN}")
        ask(app, "aircore", b'{"event": "recording-started"}', query=f"id=room-8&token={TOKEN}")

        assert [recording.group_id for recording in tracker.recordings()] == ["room-7"]
        assert [json.loads(body.query) for body in tracker.quarantined()] == [{"id": "room-8"}]


@pytest.mark.parametrize("body", [b"", b"not JSON", b"[]", b'{"a": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(tracker: Tracker, body: bytes) -> None:
    with receiver(tracker) as app:
        assert ask(app, "agora", body).status == 400


@pytest.mark.parametrize(("size", "expected"), [(1_048_576, 400), (1_048_577, 413)])
def test_a_body_that_is_too_large_is_not_read_to_its_end(tracker: Tracker, size: int, expected: int) -> None:
    with receiver(tracker) as app:
        assert ask(app, "agora", b" " * size).status == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"method": "GET"}, 405),
        ({"path": "/"}, 404),
        ({"path": "/callbacks/zoom"}, 404),
        ({"path": "/callbacks/"}, 404),
        ({"path": "/callbacks/agora\nall is well"}, 404),
        ({"query": ""}, 401),
        ({"query": "token=guessed"}, 401),
        ({"headers": {"content-encoding": "gzip"}}, 415),
        ({"headers": {"content-length": "1000000"}}, 400),
        ({"cut": True}, 400),
    ],
    ids=str,
)
def test_a_request_that_is_no_callback_is_refused_in_one_line(
    tracker: Tracker, caplog: pytest.LogCaptureFixture, request_: dict[str, Any], expected: int
) -> None:
    with receiver(tracker) as app:
        answer = ask(app, "agora", payload("agora"), **request_)

        assert answer.status == expected
        assert list(json.loads(answer.body)) == ["error"]
        assert list(tracker.recordings()) == []
    assert ["\n" in record.getMessage() for record in caplog.records] == [False]


def test_a_wrong_method_is_told_the_right_one(tracker: Tracker) -> None:
    with receiver(tracker) as app:
        assert ask(app, "agora", b"", method="PUT").headers["allow"] == "POST"


@pytest.mark.parametrize(("secret", "expected"), [(b"ours", 200), (b"theirs", 401)])
def test_agora_is_known_by_its_signature(tracker: Tracker, secret: bytes, expected: int) -> None:
    body = payload("agora")
    headers = {"agora-signature-v2": hmac.new(secret, body, "sha256").hexdigest()}

    with receiver(tracker, agora=AgoraSignature("ours")) as app:
        assert ask(app, "agora", body, query="", headers=headers).status == expected


class FailingJournal(MemoryJournal):
    """A journal on a disk that fails."""

    def __init__(self, error: TrackerError) -> None:
        super().__init__()
        self._error = error

    @contextmanager
    def writing(self) -> Iterator[None]:
        raise self._error
        yield


@pytest.mark.parametrize("error", [BusyError("busy"), StorageError("the disk is full")], ids=["busy", "full"])
def test_a_callback_that_is_not_stored_is_asked_for_again(error: TrackerError) -> None:
    with receiver(Tracker(FailingJournal(error))) as app:
        answer = ask(app, "agora", payload("agora"))

    assert (answer.status, answer.headers["retry-after"]) == (503, "10")


def test_the_receiver_starts_and_ends_with_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_DB", str(tmp_path / "recordings.db"))
    monkeypatch.setenv("CALLBACK_TOKEN", TOKEN)
    monkeypatch.delenv("AGORA_SECRET", raising=False)
    app = RECEIVER["create"]()
    phases = ["lifespan.startup", "lifespan.shutdown"]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": phases[len(sent)]}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    answer = ask(app, "agora", payload("agora"))
    asyncio.run(app({"type": "lifespan"}, receive, send))

    assert answer.status == 200
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert ask(app, "agora", payload("agora")).status == 503


def test_the_receiver_does_not_start_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_DB", str(tmp_path / "recordings.db"))
    monkeypatch.delenv("CALLBACK_TOKEN", raising=False)

    with pytest.raises(UsageError, match="token"):
        RECEIVER["create"]()


def test_the_library_is_embedded_in_ten_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["embed.py", str(tmp_path / "recordings.db")])

    runpy.run_path(str(EXAMPLES / "embed.py"))

    assert capsys.readouterr().out.splitlines() == [
        "accepted https://recorder.example/recording/42",
        "recording {'recording': 'recording'} 2026-11-04 10:00:00+00:00",
    ]


@pytest.mark.parametrize("path", sorted((EXAMPLES / "machines").glob("*.toml")), ids=lambda path: path.stem)
def test_an_example_machine_adjusts_a_shipped_one(path: Path) -> None:
    adjusted = find_machines(path.parent)[path.stem]

    assert adjusted.digest != find_machines()[path.stem].digest


def test_the_examples_are_all_described() -> None:
    told = (EXAMPLES / "README.md").read_text(encoding="utf-8")

    assert [name for name in (path.name for path in EXAMPLES.glob("*.py")) if f"`{name}`" not in told] == []
    assert [path.name for path in EXAMPLES.iterdir() if path.is_dir() and f"`{path.name}/`" not in told] == []
