"""
A receiver as a plain ASGI app: a request to /callbacks/<provider> in, an answer that the provider understands out.

Any ASGI server runs it, behind TLS; with uvicorn, and without its access log, which would show the token:

    pip install 'uvicorn[standard]'
    CALLBACK_TOKEN=... AGORA_SECRET=... BANDWIDTH_LOGIN=user:password TRACKER_DB=recordings.db \
        uvicorn --factory receiver_asgi:create --no-access-log

Give each provider the address https://.../callbacks/<provider>?token=<CALLBACK_TOKEN>; where Agora signs, and where
Bandwidth and EnableX have a login, it needs no token. /health says whether the database can be read. With
TRACKER_LOG=FILE each body is kept in a delivery log too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from recording_tracker import RequestError, Tracker, TrackerError
from recording_tracker.delivery_log import DeliveryLog
from recording_tracker.receiving import Answer, IncomingBody, Senders, answer, health

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ROUTE = "/callbacks/"

log = logging.getLogger("receiver")


def create() -> Receiver:
    """Make the app from the environment; without a token it does not start."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")
    db = os.environ.get("TRACKER_DB", "recordings.db")
    try:
        senders = Senders.from_environment(os.environ)
        deliveries = DeliveryLog(os.environ["TRACKER_LOG"]) if os.environ.get("TRACKER_LOG") else None
        return Receiver(db, senders, deliveries)
    except TrackerError as error:
        log.critical("does not start: %s", error)
        # For uvicorn: no other worker would start either.
        sys.exit(3)


class Receiver:
    """The app; every worker process has one of its own."""

    def __init__(self, db: str, senders: Senders, deliveries: DeliveryLog | None) -> None:
        self._db = db
        self._senders = senders
        self._deliveries = deliveries
        self._tracker = Tracker(db)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await _send(send, await self._answer(scope, receive))

    async def _live(self, receive: Receive, send: Send) -> None:
        # The server stops when the last answer has been sent.
        phase = ""
        while phase != "lifespan.shutdown":
            phase = (await receive())["type"]
            if phase == "lifespan.shutdown":
                self._tracker.close()
            await send({"type": f"{phase}.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if scope["path"] == "/health":
            return await asyncio.to_thread(health, self._db)
        if not scope["path"].startswith(ROUTE):
            return _astray(scope, Answer(404, {}, b""))
        if scope["method"] != "POST":
            return _astray(scope, Answer(405, {"Allow": "POST"}, b""))
        return await self._take(scope["path"].removeprefix(ROUTE), scope, receive)

    async def _take(self, provider: str, scope: Scope, receive: Receive) -> Answer:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        try:
            body, received_at = await _read(headers, receive), datetime.now(UTC)
            query = self._senders.check(provider, headers, query, body)
            if self._deliveries is not None:
                await asyncio.to_thread(self._deliveries.append, provider, body, query=query, received_at=received_at)
            receipt = await self._tracker.aingest(provider, body, query=query, received_at=received_at)
        except TrackerError as error:
            log.warning("%r: not taken in: %s", provider, error)
            return answer(provider, error)
        if receipt.result in ("quarantined", "rejected"):
            log.warning("%r: %s: %s", provider, receipt.result, receipt.detail)
        return answer(provider, receipt)


def _astray(scope: Scope, found: Answer) -> Answer:
    # With access logs off, nothing else would show that a provider was given a wrong address.
    log.warning("%r: %s: not taken in: %s", scope["path"], scope["method"], HTTPStatus(found.status).phrase)
    return found


async def _read(headers: list[tuple[str, str]], receive: Receive) -> bytes:
    body, more = IncomingBody(headers), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError(400, "the sender has gone")
        body.add(message.get("body", b""))
        more = message.get("more_body", False)
    return body.whole()


async def _send(send: Send, found: Answer) -> None:
    # Without content, 204 must have no length either. https://www.rfc-editor.org/rfc/rfc9110#section-8.6
    length = {} if found.status == 204 else {"Content-Length": str(len(found.body))}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (found.headers | length).items()]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body})
