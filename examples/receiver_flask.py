"""
A receiver with Flask: a request to /callbacks/<provider> in, an answer that the provider understands out.

With gunicorn, behind TLS:

    pip install flask gunicorn
    CALLBACK_TOKEN=... AGORA_SECRET=... BANDWIDTH_LOGIN=user:password TRACKER_DB=recordings.db \
        gunicorn --preload --workers 2 --threads 8 'receiver_flask:create()'

Give each provider the address https://.../callbacks/<provider>?token=<CALLBACK_TOKEN>; where Agora signs, and where
Bandwidth and EnableX have a login, it needs no token. /health says whether the database can be read. With
TRACKER_LOG=FILE each body is kept in a delivery log too. An access log would show the token.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from datetime import UTC, datetime

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from recording_tracker import RequestError, Tracker, TrackerError
from recording_tracker.delivery_log import DeliveryLog
from recording_tracker.receiving import Answer, IncomingBody, Senders, answer, health

PIECE_BYTES = 65_536

log = logging.getLogger("receiver")


def create() -> Flask:
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
    # A worker that is told to stop ends its requests first.
    atexit.register(tracker.close)
    app = Flask("receiver")

    @app.post("/callbacks/<provider>")
    def callback(provider: str) -> Response:
        try:
            body, received_at = _read(), datetime.now(UTC)
            query = senders.check(provider, request.headers, request.args, body)
            if deliveries is not None:
                deliveries.append(provider, body, query=query, received_at=received_at)
            receipt = tracker.ingest(provider, body, query=query, received_at=received_at)
        except TrackerError as error:
            log.warning("%r: not taken in: %s", provider, error)
            return _response(answer(provider, error))
        if receipt.result in ("quarantined", "rejected"):
            log.warning("%r: %s: %s", provider, receipt.result, receipt.detail)
        return _response(answer(provider, receipt))

    @app.errorhandler(HTTPException)
    def astray(error: HTTPException) -> HTTPException:
        # With access logs off, nothing else would show that a provider was given a wrong address.
        log.warning("%r: %s: not taken in: %s", request.path, request.method, error.name)
        return error

    @app.get("/health")
    def healthy() -> Response:
        return _response(health(db))

    return app


def _read() -> bytes:
    body = IncomingBody(request.headers)
    try:
        while piece := request.stream.read(PIECE_BYTES):
            body.add(piece)
    except (ClientDisconnected, OSError) as error:
        raise RequestError(400, "the sender has gone") from error
    return body.whole()


def _response(found: Answer) -> Response:
    return Response(found.body, found.status, found.headers)
