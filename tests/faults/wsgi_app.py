"""
A receiver as a plain WSGI app, with one tracker that is opened before the workers are forked.

``WSGI_VARIANT=early`` answers before it takes in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from recording_tracker import Tracker
from recording_tracker.errors import TrackerError
from tests.faults.worker import PROVIDER, RECEIVED_AT

Answer = Callable[[str, list[tuple[str, str]]], object]
EARLY = os.environ.get("WSGI_VARIANT") == "early"
PUT_OFF = 10

tracker = Tracker(os.environ["WSGI_DB"])
# So that the connection is in use, and has a reader beside it, when the workers are forked.
tracker.ingest(PROVIDER, {}, received_at=RECEIVED_AT)
list(tracker.recordings())
_put_off: list[bytes] = []


def app(environ: Mapping[str, Any], answer: Answer) -> Iterable[bytes]:
    """Take one callback in."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    headers = [("Content-Length", "0"), ("X-Worker", str(os.getpid()))]
    try:
        _take(body)
    except TrackerError:
        answer("503 Service Unavailable", [*headers, ("Retry-After", "1")])
    else:
        answer("200 OK", headers)
    return []


def _take(body: bytes) -> None:
    if not EARLY:
        tracker.ingest(PROVIDER, body, received_at=RECEIVED_AT)
        return
    _put_off.append(body)
    if len(_put_off) == PUT_OFF:
        for each in _put_off:
            tracker.ingest(PROVIDER, each, received_at=RECEIVED_AT)
        _put_off.clear()
