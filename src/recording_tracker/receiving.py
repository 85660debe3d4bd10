"""
Receiving: what every receiver does, whatever its web framework.

A request's headers and body in, the answer that the provider expects out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from os import PathLike
from typing import NamedTuple, Self

from recording_tracker.body import MAX_BODY_BYTES
from recording_tracker.errors import (
    RejectedBodyError,
    RequestError,
    SignatureError,
    TrackerError,
    UnknownProviderError,
    UsageError,
)
from recording_tracker.results import Receipt
from recording_tracker.signatures import AgoraSignature, BasicAuth, Headers, UrlToken
from recording_tracker.tracker import Tracker

RETRY_AFTER_S = 10
_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)
_JSON = {"Content-Type": "application/json"}


class Answer(NamedTuple):
    """An answer to one request; the server adds the length of the body."""

    status: int
    headers: dict[str, str]
    body: bytes


class IncomingBody:
    """
    The body of one request, put together from its pieces, never more of it than a callback can have.

    Made from the request's headers, before its body is read. All raise RequestError for what cannot
    be a callback, with the status to answer.
    """

    def __init__(self, headers: Headers, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if any(coding.lower() != "identity" for coding in _values(pairs, "content-encoding")):
            raise RequestError(415, "the body must not be compressed")
        self._length = self._told_length(pairs)

    def _told_length(self, headers: list[tuple[str, str]]) -> int | None:
        told = _values(headers, "content-length")
        if not told:
            return None
        # Where two of these disagree, a proxy and a server see different bodies.
        # https://www.rfc-editor.org/rfc/rfc9112#section-6.3
        if len(told) > 1 or not _LENGTH.fullmatch(told[0]) or _values(headers, "transfer-encoding"):
            raise RequestError(400, "the request does not tell one length of its body")
        self._check_size(int(told[0]))
        return int(told[0])

    def add(self, piece: bytes) -> None:
        """Take one more piece."""
        self._size += len(piece)
        self._check_size(self._size)
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """Return the body, all of it: some servers hand on what was cut short as if it were whole."""
        if self._length not in (None, self._size):
            raise RequestError(400, f"the body has {self._size} bytes, and {self._length} were told")
        return b"".join(self._pieces)

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise RequestError(413, f"the body has more than {self._max_bytes} bytes")


class Senders:
    """
    Checks who sent a request: a provider by the check that is given for it, every other by the token in its url.

    ``Senders(UrlToken("…"), agora=AgoraSignature("…"), bandwidth=BasicAuth(("user", "password")))``
    """

    def __init__(self, token: UrlToken, **checks: AgoraSignature | BasicAuth) -> None:
        self._token = token
        self._checks = checks

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Make the checks of CALLBACK_TOKEN and, where they are set, AGORA_SECRET, BANDWIDTH_LOGIN and ENABLEX_LOGIN.

        A login is ``user:password``. Several of a kind, with blanks between them, hold at once, so that one
        can be changed without a gap. Raises UsageError where CALLBACK_TOKEN is not set, or any of them is empty.
        """
        checks: dict[str, AgoraSignature | BasicAuth] = {}
        if "AGORA_SECRET" in environment:
            checks["agora"] = AgoraSignature(*_several(environment, "AGORA_SECRET"))
        for provider in ("bandwidth", "enablex"):
            if (name := f"{provider.upper()}_LOGIN") in environment:
                checks[provider] = BasicAuth(*(_login(name, text) for text in _several(environment, name)))
        return cls(UrlToken(*_several(environment, "CALLBACK_TOKEN")), **checks)

    def check(self, provider: str, headers: Headers, query: Mapping[str, str], body: bytes) -> dict[str, str]:
        """
        Return the *query* without its ``token``, which no journal should keep.

        Raises SignatureError unless the request shows that it comes from *provider*.
        """
        found = self._checks.get(provider)
        if isinstance(found, AgoraSignature):
            found.verify(body, headers)
        elif found is not None:
            found.verify(headers)
        else:
            self._token.verify(query.get("token"))
        return {name: value for name, value in query.items() if name != "token"}


def _several(environment: Mapping[str, str], name: str) -> list[str]:
    found = environment.get(name, "").split()
    if not found:
        what = "is empty" if name in environment else "is not set"
        raise UsageError(f"{name}: {what}; without it, anybody could send callbacks")
    return found


def _login(name: str, text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    if not user or not password:
        raise UsageError(f"{name}: is no login; one is user:password")
    return user, password


def answer(provider: str, outcome: Receipt | TrackerError) -> Answer:
    """
    Return what *provider* expects to hear of a receipt, or of the error that came in its place.

    Agora takes status 200 with JSON for an answer and sends everything else up to three times more; Bandwidth takes
    204, and executes BXML if it gets any, so it gets no content; of the others only LINE Planet says something: 200.
    What is quarantined is kept, so the sender has done its part. Whatever is wrong on our side is 503.
    https://docs.agora.io/en/cloud-recording/develop/receive-notifications
    https://dev.bandwidth.com/docs/voice/webhooks/recordingAvailable
    """
    if isinstance(outcome, TrackerError):
        return _refusal(outcome)
    if outcome.result == "rejected":
        return _error(400, outcome.detail)
    return Answer(204, {}, b"") if provider == "bandwidth" else Answer(200, dict(_JSON), b"{}")


def _refusal(error: TrackerError) -> Answer:
    match error:
        case RequestError():
            return _error(error.status, str(error))
        case RejectedBodyError():
            return _error(400, str(error))
        case SignatureError():
            # Some clients send a login only when asked for it. https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
            return _error(401, str(error), **{"WWW-Authenticate": 'Basic realm="callbacks"'})
        case UnknownProviderError():
            return _error(404, "there is no such provider")
    # Busy, disk full, damaged, in doubt: not stored, or not surely, and the sender need not know why.
    return _error(503, "not stored; send it again", **{"Retry-After": str(RETRY_AFTER_S)})


def health(db: str | PathLike[str]) -> Answer:
    """Return 200 if the database *db* is there and can be read, else 503; blocks while it looks."""
    try:
        with Tracker(db, readonly=True) as tracker:
            next(tracker.recordings(), None)
    except TrackerError:
        return _error(503, "the database cannot be read")
    return Answer(200, dict(_JSON), b'{"status": "ok"}')


def _error(status: int, text: str, **headers: str) -> Answer:
    return Answer(status, _JSON | headers, json.dumps({"error": text}).encode())


def _values(headers: list[tuple[str, str]], name: str) -> list[str]:
    return [value.strip() for key, value in headers if key.lower() == name and value]
