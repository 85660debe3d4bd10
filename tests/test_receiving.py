"""Receiving: what is answered for each outcome, which bodies are whole, who is let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import (
    BusyError,
    DamagedError,
    InDoubtError,
    PermissionDeniedError,
    QuarantineFullError,
    QuarantineLimits,
    Receipt,
    RequestError,
    SignatureError,
    StorageError,
    Tracker,
    TrackerError,
    UnknownProviderError,
    UsageError,
    VersionError,
)
from recording_tracker.adapters import SHIPPED
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.receiving import IncomingBody, Senders, answer, health
from recording_tracker.signatures import BasicAuth, UrlToken

OURS = (
    BusyError("/srv/recordings.db: busy"),
    StorageError("/srv/recordings.db: the disk is full"),
    InDoubtError("/srv/recordings.db: in doubt"),
    QuarantineFullError("the quarantine is full"),
    DamagedError("/srv/recordings.db: damaged"),
    PermissionDeniedError("/srv/recordings.db: may not be written"),
    VersionError("/srv/recordings.db: newer"),
    UsageError("this tracker was opened read-only"),
    TrackerError("anything else"),
)
FRAMED = [("Host", "here"), ("Content-Length", "4")]


# Answers


@pytest.mark.parametrize("result", ["accepted", "duplicate", "ignored", "quarantined"])
@pytest.mark.parametrize("provider", SHIPPED)
def test_what_is_kept_or_known_is_answered_so_that_the_provider_stops(provider: str, result: str) -> None:
    expected = (204, {}, b"") if provider == "bandwidth" else (200, {"Content-Type": "application/json"}, b"{}")

    assert answer(provider, Receipt(result, "why")) == expected


@pytest.mark.parametrize("provider", SHIPPED)
def test_what_is_rejected_is_answered_with_the_reason(provider: str) -> None:
    found = answer(provider, Receipt("rejected", "the body is not JSON"))

    assert (found.status, json.loads(found.body)) == (400, {"error": "the body is not JSON"})


@pytest.mark.parametrize("error", OURS, ids=lambda error: type(error).__name__)
def test_what_is_wrong_on_our_side_asks_for_the_callback_again_and_tells_nothing(error: TrackerError) -> None:
    found = answer("agora", error)

    assert (found.status, found.headers["Retry-After"]) == (503, "10")
    assert json.loads(found.body) == {"error": "not stored; send it again"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SignatureError("the url has no token of ours"), 401),
        (UnknownProviderError("zoom", []), 404),
        (RequestError(413, "too large"), 413),
        (RequestError(415, "compressed"), 415),
    ],
    ids=str,
)
def test_what_is_wrong_with_the_request_is_told(error: TrackerError, expected: int) -> None:
    found = answer("agora", error)

    assert found.status == expected
    assert "Retry-After" not in found.headers


def test_no_answer_can_be_taken_for_bxml() -> None:
    outcomes: list[Receipt | TrackerError] = [*OURS, SignatureError("<Response/>"), Receipt("rejected", "<Response/>")]

    for found in (answer("bandwidth", outcome) for outcome in outcomes):
        assert found.headers["Content-Type"] == "application/json"
        assert isinstance(json.loads(found.body), dict)


class FailingJournal(MemoryJournal):
    """A journal on a disk that fails."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        raise BusyError("busy")
        yield


def test_a_tracker_that_cannot_write_raises_what_is_answered_with_503() -> None:
    with Tracker(FailingJournal()) as tracker, pytest.raises(BusyError) as raised:
        tracker.ingest("aircore", "{}")

    assert answer("aircore", raised.value).status == 503


def test_a_full_quarantine_is_answered_with_503() -> None:
    with Tracker(MemoryJournal(), quarantine=QuarantineLimits(bodies=1)) as tracker:
        tracker.ingest("agora", {"number": 1})
        with pytest.raises(QuarantineFullError) as raised:
            tracker.ingest("agora", {"number": 2})

    assert answer("agora", raised.value).status == 503


# Bodies


@pytest.mark.parametrize("headers", [FRAMED, dict(FRAMED), [("Host", "here")], [("CONTENT-LENGTH", " 4 ")]], ids=str)
def test_a_body_is_put_together(headers: Any) -> None:
    body = IncomingBody(headers)
    body.add(b"ab")
    body.add(b"cd")

    assert body.whole() == b"abcd"


def test_headers_may_be_had_only_once() -> None:
    body = IncomingBody(pair for pair in FRAMED)
    body.add(b"abc")

    with pytest.raises(RequestError, match="3 bytes, and 4 were told"):
        body.whole()


@pytest.mark.parametrize("pieces", [[], [b"abc"], [b"abc", b"de"]], ids=str)
def test_a_body_that_is_not_as_long_as_told_is_refused(pieces: list[bytes]) -> None:
    body = IncomingBody(FRAMED)
    for piece in pieces:
        body.add(piece)

    with pytest.raises(RequestError) as raised:
        body.whole()

    assert raised.value.status == 400


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("content-encoding", "gzip")], 415),
        ([("content-encoding", "identity"), ("content-encoding", "br")], 415),
        ([("content-length", "4"), ("content-length", "4")], 400),
        ([("content-length", "4, 4")], 400),
        ([("content-length", "-4")], 400),
        ([("content-length", "４")], 400),
        ([("content-length", "0x4")], 400),
        ([("content-length", "4"), ("transfer-encoding", "chunked")], 400),
        ([("content-length", "1048577")], 413),
        ([("content-length", "10737418240")], 413),
    ],
    ids=str,
)
def test_a_request_is_refused_before_its_body_is_read(headers: list[tuple[str, str]], expected: int) -> None:
    with pytest.raises(RequestError) as raised:
        IncomingBody(headers)

    assert raised.value.status == expected


def test_no_more_of_a_body_is_kept_than_a_callback_can_have() -> None:
    body = IncomingBody([], max_bytes=4)
    body.add(b"abcd")

    with pytest.raises(RequestError) as raised:
        body.add(b"e")

    assert raised.value.status == 413


# Senders


def test_a_provider_with_a_check_of_its_own_needs_no_token_and_gets_in_by_none() -> None:
    senders = Senders(UrlToken("t"), bandwidth=BasicAuth(("user", "password")))
    basic = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}

    assert senders.check("bandwidth", basic, {"id": "7"}, b"") == {"id": "7"}
    assert senders.check("enablex", {}, {"token": "t"}, b"") == {}
    with pytest.raises(SignatureError):
        senders.check("bandwidth", {}, {"token": "t"}, b"")
    with pytest.raises(SignatureError):
        senders.check("enablex", basic, {}, b"")


def test_the_token_is_taken_out_of_the_query_of_everybody() -> None:
    senders = Senders(UrlToken("t"), bandwidth=BasicAuth(("user", "password")))
    basic = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}

    assert senders.check("bandwidth", basic, {"token": "t", "id": "7"}, b"") == {"id": "7"}


def test_each_variable_may_hold_several_secrets() -> None:
    senders = Senders.from_environment({"CALLBACK_TOKEN": "new old", "ENABLEX_LOGIN": "user:password user:later:on"})

    senders.check("aircore", {}, {"token": "old"}, b"")
    senders.check("enablex", {"Authorization": "Basic dXNlcjpsYXRlcjpvbg=="}, {}, b"")


# Health


def test_a_database_that_can_be_read_is_well(tmp_path: Path) -> None:
    with Tracker(tmp_path / "recordings.db"):
        pass

    assert health(tmp_path / "recordings.db").status == 200


@pytest.mark.parametrize("content", [None, b"", b"no database at all " * 100])
def test_a_database_that_cannot_be_read_is_not(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "recordings.db").write_bytes(content)

    found = health(tmp_path / "recordings.db")

    assert (found.status, json.loads(found.body)) == (503, {"error": "the database cannot be read"})
