"""Two receivers to compare with: one as it is built in an afternoon, and one that commits each row with raw sqlite3."""

from __future__ import annotations

import json
import os
import sqlite3
from hashlib import sha256

import sqlite_utils
import transitions
from fastapi import FastAPI, Request, Response

STATES = ["idle", "started", "recording", "left", "uploaded", "exited"]
STEPS = {40: "started", 42: "recording", 41: "left", 31: "uploaded", 11: "exited"}
EVENT = "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?)"
RECORDING = (
    "INSERT INTO recordings VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, at = excluded.at"
)


class _Recording:
    state = "idle"


def afternoon() -> FastAPI:
    """A new machine for each callback, sqlite-utils, a commit for each statement."""
    app, database = FastAPI(), sqlite_utils.Database(sqlite3.connect(os.environ["DB"], check_same_thread=False))
    database.conn.execute("PRAGMA journal_mode = wal")
    database.conn.execute("PRAGMA synchronous = FULL")
    database["recordings"].create({"id": str, "state": str, "at": int}, pk="id")  # type: ignore[union-attr]
    columns = {"id": str, "recording": str, "kind": int, "at": int, "body": str}
    database["events"].create(columns, pk="id")  # type: ignore[union-attr]

    @app.post("/callbacks/agora")
    async def take(request: Request) -> dict[str, str]:
        body = await request.json()
        payload, kind = body["payload"], body["eventType"]
        kept = next(iter(database["recordings"].rows_where("id = ?", [payload["sid"]])), None)
        recording = _Recording()
        recording.state = kept["state"] if kept else "idle"
        machine = transitions.Machine(recording, states=STATES, initial=recording.state)
        for state in STATES:
            machine.add_transition(f"enter_{state}", "*", state)
        if kind in STEPS:
            recording.trigger(f"enter_{STEPS[kind]}")  # type: ignore[attr-defined]
        event = {"id": body["noticeId"], "recording": payload["sid"], "kind": kind, "at": payload["sendts"]}
        database["events"].insert(event | {"body": json.dumps(body)}, ignore=True)  # type: ignore[union-attr]
        row = {"id": payload["sid"], "state": recording.state, "at": payload["sendts"]}
        database["recordings"].upsert(row, pk="id")  # type: ignore[union-attr]
        return {}

    return app


def raw() -> FastAPI:
    """What is known beforehand is written, by two statements and one commit, with nothing checked."""
    app = FastAPI()
    database = sqlite3.connect(os.environ["DB"], isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE recordings (id TEXT PRIMARY KEY, state TEXT, at INTEGER)")
    database.execute("CREATE TABLE events (recording, id, kind, at, sha256, body, UNIQUE (recording, id))")

    @app.post("/callbacks/agora")
    async def take(request: Request) -> Response:
        content = await request.body()
        body = json.loads(content)
        payload, kind = body["payload"], body["eventType"]
        event = f"{kind}.{payload['sequence']}.{payload['sendts']}"
        database.execute("BEGIN IMMEDIATE")
        row = (payload["sid"], event, kind, payload["sendts"], sha256(content).digest(), content)
        database.execute(EVENT, row)
        database.execute(RECORDING, (payload["sid"], STEPS.get(kind, "recording"), payload["sendts"]))
        database.execute("COMMIT")
        return Response(b"{}", media_type="application/json")

    return app
