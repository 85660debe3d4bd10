"""
A receiver as a plain ASGI app: a request to /callbacks/<provider> in, an answer that the provider understands out.

Any ASGI server runs it, behind TLS; with uvicorn:

    CALLBACK_TOKEN=... AGORA_SECRET=... TRACKER_DB=recordings.db uvicorn --factory receiver:create

Give each provider the address https://.../callbacks/<provider>?token=<CALLBACK_TOKEN>.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from recording_tracker import SignatureError, Tracker, TrackerError, UnknownProviderError
from recording_tracker.signatures import AgoraSignature, UrlToken

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ROUTE = "/callbacks/"
MAX_BODY_BYTES = 1_048_576
RETRY_AFTER = "10"

log = logging.getLogger("receiver")


class RequestError(Exception):
    """A request that gets no further; *status* is the answer."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def create() -> Receiver:
    """Make the app from the environment; without a token it does not start."""
    secret = os.environ.get("AGORA_SECRET")
    return Receiver(
        Tracker(os.environ.get("TRACKER_DB", "recordings.db")),
        token=UrlToken(os.environ.get("CALLBACK_TOKEN", "")),
        agora=AgoraSignature(secret) if secret else None,
    )


class Receiver:
    """The app; *agora* checks Agora's signature in place of the token."""

    def __init__(self, tracker: Tracker, *, token: UrlToken, agora: AgoraSignature | None = None) -> None:
        self._tracker = tracker
        self._token = token
        self._agora = agora

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                provider = _provider(scope)
                await self._take(provider, scope, receive)
            except RequestError as error:
                log.warning("%r: %d %s", scope["path"], error.status, error)
                await _answer(send, error.status, {"error": str(error)}, error.headers)
            else:
                # Bandwidth wants an answer without content, Agora one in JSON; the others take what they get.
                await (_answer(send, 204) if provider == "bandwidth" else _answer(send, 200, {}))

    async def _live(self, receive: Receive, send: Send) -> None:
        phase = ""
        while phase != "lifespan.shutdown":
            phase = (await receive())["type"]
            if phase == "lifespan.shutdown":
                self._tracker.close()
            await send({"type": f"{phase}.complete"})

    async def _take(self, provider: str, scope: Scope, receive: Receive) -> None:
        """Take a callback in, or raise RequestError; a quarantined body is kept too, so it is no error."""
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        # The journal keeps the query, and must not keep the token.
        token = query.pop("token", None)
        body = await _read(receive, dict(headers))
        try:
            if provider == "agora" and self._agora is not None:
                self._agora.verify(body, headers)
            else:
                self._token.verify(token)
            receipt = await self._tracker.aingest(provider, body, query=query)
        except SignatureError as error:
            raise RequestError(401, str(error)) from error
        except UnknownProviderError as error:
            raise RequestError(404, str(error)) from error
        except TrackerError as error:
            # Busy, disk full, damaged: it is not stored, or not surely, so the sender has to send it again.
            log.exception("%s: not stored", provider)
            raise RequestError(503, "not stored; send it again", retry_after=RETRY_AFTER) from error
        if receipt.result == "rejected":
            raise RequestError(400, receipt.detail)


def _provider(scope: Scope) -> str:
    path: str = scope["path"]
    if not path.startswith(ROUTE):
        raise RequestError(404, f"callbacks go to {ROUTE}<provider>")
    if scope["method"] != "POST":
        raise RequestError(405, "callbacks are sent by POST", allow="POST")
    return path.removeprefix(ROUTE)


async def _read(receive: Receive, headers: dict[str, str]) -> bytes:
    """Read the body, and no more of it than a callback can have."""
    if headers.get("content-encoding", "identity") != "identity":
        raise RequestError(415, "the body must not be compressed")
    length = headers.get("content-length", "")
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError(400, "the sender has gone")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise RequestError(413, f"the body has more than {MAX_BODY_BYTES} bytes")
    # Some servers hand on a body that was cut short.
    if length and length != str(len(body)):
        raise RequestError(400, f"the body has {len(body)} bytes, not {length}")
    return body


async def _answer(send: Send, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
    content = b"" if status == 204 else json.dumps(body).encode()
    named = {"content-type": "application/json", "content-length": str(len(content))} if content else {}
    sent = [(name.encode(), value.encode()) for name, value in {**named, **(headers or {})}.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": content})
