"""
A receiver with Flask: a request to /callbacks/<provider> in, an answer that the provider understands out.

With gunicorn, behind TLS:

    pip install flask gunicorn
    CALLBACK_TOKEN=... AGORA_SECRET=... BANDWIDTH_LOGIN=user:password TRACKER_DB=recordings.db \
        gunicorn --workers 2 --threads 8 'receiver_flask:create()'

Give each provider the address https://.../callbacks/<provider>?token=<CALLBACK_TOKEN>; where Agora signs, and where
Bandwidth and EnableX have a login, it needs no token. /health says whether the database can be read. An access log
would show the token.
"""

from __future__ import annotations

import atexit
import logging
import os

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected

from recording_tracker import RequestError, Tracker, TrackerError
from recording_tracker.receiving import Answer, IncomingBody, Senders, answer, health

PIECE_BYTES = 65_536

log = logging.getLogger("receiver")


def create() -> Flask:
    """Make the app from the environment; without a token it does not start."""
    db = os.environ.get("TRACKER_DB", "recordings.db")
    senders = Senders.from_environment(os.environ)
    tracker = Tracker(db)
    # A worker that is told to stop ends its requests first.
    atexit.register(tracker.close)
    app = Flask("receiver")

    @app.post("/callbacks/<provider>")
    def callback(provider: str) -> Response:
        try:
            body = _read()
            query = senders.check(provider, request.headers, request.args, body)
            receipt = tracker.ingest(provider, body, query=query)
        except TrackerError as error:
            log.warning("%r: not taken in: %s", provider, error)
            return _response(answer(provider, error))
        if receipt.result in ("quarantined", "rejected"):
            log.warning("%r: %s: %s", provider, receipt.result, receipt.detail)
        return _response(answer(provider, receipt))

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
