"""
A receiver with FastAPI: a request to /callbacks/<provider> in, an answer that the provider understands out.

With uvicorn, behind TLS, and without its access log, which would show the token:

    pip install fastapi 'uvicorn[standard]'
    CALLBACK_TOKEN=... AGORA_SECRET=... BANDWIDTH_LOGIN=user:password TRACKER_DB=recordings.db \
        uvicorn --factory receiver_fastapi:create --no-access-log

Give each provider the address https://.../callbacks/<provider>?token=<CALLBACK_TOKEN>; where Agora signs, and where
Bandwidth and EnableX have a login, it needs no token. /health says whether the database can be read. With
TRACKER_LOG=FILE each body is kept in a delivery log too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from recording_tracker import RequestError, Tracker, TrackerError
from recording_tracker.delivery_log import DeliveryLog
from recording_tracker.receiving import Answer, IncomingBody, Senders, answer, health

log = logging.getLogger("receiver")


def create() -> FastAPI:
    """Make the app from the environment; without a token it does not start."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")
    db = os.environ.get("TRACKER_DB", "recordings.db")
    try:
        senders = Senders.from_environment(os.environ)
        deliveries = DeliveryLog(os.environ["TRACKER_LOG"]) if os.environ.get("TRACKER_LOG") else None
        tracker = Tracker(db)
    except TrackerError as error:
        log.critical("does not start: %s", error)
        # For uvicorn and gunicorn: no other worker would start either.
        sys.exit(3)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        # The server stops when the last answer has been sent.
        tracker.close()

    # Nobody needs the documentation of an address that is called by machines.
    app = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)

    @app.post("/callbacks/{provider}")
    async def callback(provider: str, request: Request) -> Response:
        try:
            body, received_at = await _read(request), datetime.now(UTC)
            query = senders.check(provider, request.headers, request.query_params, body)
            if deliveries is not None:
                await asyncio.to_thread(deliveries.append, provider, body, query=query, received_at=received_at)
            receipt = await tracker.aingest(provider, body, query=query, received_at=received_at)
        except TrackerError as error:
            log.warning("%r: not taken in: %s", provider, error)
            return _response(answer(provider, error))
        if receipt.result in ("quarantined", "rejected"):
            log.warning("%r: %s: %s", provider, receipt.result, receipt.detail)
        return _response(answer(provider, receipt))

    @app.exception_handler(HTTPException)
    async def astray(request: Request, error: HTTPException) -> Response:
        # With access logs off, nothing else would show that a provider was given a wrong address.
        log.warning("%r: %s: not taken in: %s", request.url.path, request.method, error.detail)
        return Response(status_code=error.status_code, headers=error.headers)

    @app.api_route("/health", methods=["GET", "HEAD"])
    async def healthy() -> Response:
        return _response(await asyncio.to_thread(health, db))

    return app


async def _read(request: Request) -> bytes:
    body = IncomingBody(request.headers)
    try:
        async for piece in request.stream():
            body.add(piece)
    except ClientDisconnect as error:
        raise RequestError(400, "the sender has gone") from error
    return body.whole()


def _response(found: Answer) -> Response:
    return Response(found.body, found.status, found.headers)
