"""The schema, step by step; imported only where a step is due, for the library that applies it loads slowly."""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database, Migrations

TABLES = """
CREATE TABLE database (
    id TEXT PRIMARY KEY              -- random; a backup has its own
) STRICT, WITHOUT ROWID;

CREATE TABLE recordings (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    recording_id TEXT,               -- NULL: announced by its group only
    group_id TEXT,
    aliases TEXT NOT NULL,           -- JSON array
    opened INTEGER NOT NULL,
    announced INTEGER NOT NULL,
    phase TEXT NOT NULL,
    complete INTEGER NOT NULL,
    outcome TEXT,
    state TEXT NOT NULL,             -- JSON object, region -> state
    started_ms INTEGER,
    ended_ms INTEGER,
    completed_ms INTEGER,
    stall_ms INTEGER,
    stall_region TEXT,
    due_ms INTEGER,
    due_region TEXT,
    progress REAL,
    last_name TEXT,
    last_occurred_ms INTEGER,
    last_received_ms INTEGER,
    events INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    awaits TEXT NOT NULL,            -- JSON array of event names
    machine TEXT NOT NULL,           -- digest, see machines
    file_count INTEGER NOT NULL,
    flag_count INTEGER NOT NULL,     -- open flags of the fold, missing-event before its moment included
    deadline_ms INTEGER,             -- the earlier of stall_ms and due_ms
    course TEXT NOT NULL,            -- where the fold goes on from
    UNIQUE (provider, recording_id)
) STRICT;
CREATE INDEX recordings_by_provider ON recordings (provider);
CREATE INDEX recordings_by_group ON recordings (provider, group_id) WHERE group_id IS NOT NULL;
CREATE INDEX recordings_by_deadline ON recordings (deadline_ms) WHERE deadline_ms IS NOT NULL;
CREATE INDEX recordings_open_flagged ON recordings (id) WHERE complete = 0 AND flag_count > 0;

CREATE TABLE aliases (
    provider TEXT NOT NULL,
    alias TEXT NOT NULL,
    recording INTEGER NOT NULL REFERENCES recordings (id),
    PRIMARY KEY (provider, alias, recording)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    recording INTEGER NOT NULL REFERENCES recordings (id),
    event_id TEXT NOT NULL,
    name TEXT NOT NULL,
    occurred_ms INTEGER,             -- NULL: the provider gives no time
    received_ms INTEGER NOT NULL,    -- the least over all deliveries
    verdict TEXT NOT NULL,
    deliveries INTEGER NOT NULL,
    differs_ms INTEGER,              -- when other content under this id was first received
    sha256 BLOB NOT NULL,
    body BLOB NOT NULL,
    query TEXT NOT NULL,             -- JSON object
    UNIQUE (recording, event_id)
) STRICT;

CREATE TABLE deliveries (
    recording INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    content TEXT NOT NULL,           -- digest without the fields that change on a resend
    received_ms INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    body BLOB NOT NULL,
    query TEXT NOT NULL,
    PRIMARY KEY (recording, event_id, content)
) STRICT;

CREATE TABLE flags (
    recording INTEGER NOT NULL REFERENCES recordings (id),
    code TEXT NOT NULL,
    region TEXT NOT NULL,            -- '': of no region
    evidence TEXT NOT NULL,          -- event ids or names by line, or the deadline that passed
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    raised_ms INTEGER NOT NULL,
    cleared_ms INTEGER,
    acknowledged_ms INTEGER,
    note TEXT,
    PRIMARY KEY (recording, code, region, evidence)
) STRICT, WITHOUT ROWID;
CREATE INDEX flags_open ON flags (raised_ms) WHERE cleared_ms IS NULL;

CREATE TABLE files (
    recording INTEGER NOT NULL REFERENCES recordings (id),
    position INTEGER NOT NULL,
    name TEXT,
    url TEXT,
    kind TEXT,
    track TEXT,
    "order" INTEGER,
    hash TEXT,
    size INTEGER,
    PRIMARY KEY (recording, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE expectations (
    id INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    recording_id TEXT,
    group_id TEXT,
    expected_ms INTEGER NOT NULL,
    within_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX expectations_by_id ON expectations (provider, recording_id) WHERE recording_id IS NOT NULL;
CREATE INDEX expectations_by_group ON expectations (provider, group_id) WHERE group_id IS NOT NULL;

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- a number that was dropped never means another body
    provider TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL,
    query TEXT NOT NULL,
    UNIQUE (provider, sha256, query)
) STRICT;
CREATE INDEX quarantine_by_time ON quarantine (received_ms, bytes);

CREATE TABLE machines (
    digest TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    definition TEXT NOT NULL,        -- JSON, after extends
    first_used_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE totals (
    provider TEXT NOT NULL,
    phase TEXT NOT NULL,
    outcome TEXT NOT NULL,           -- '': none
    machine TEXT NOT NULL,
    recordings INTEGER NOT NULL,
    PRIMARY KEY (provider, phase, outcome, machine)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
    provider TEXT NOT NULL,          -- '': the database itself
    result TEXT NOT NULL,            -- accepted, duplicate, quarantined, rejected or ignored; or commits
    kind TEXT NOT NULL,              -- of what is ignored; or the database's id
    number INTEGER NOT NULL,
    last_received_ms INTEGER NOT NULL,
    PRIMARY KEY (provider, result, kind)
) STRICT, WITHOUT ROWID;

CREATE VIEW counts AS
SELECT provider, result, kind, number AS bodies, last_received_ms FROM tallies WHERE provider <> '';

CREATE TABLE event_names (
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (provider, name)
) STRICT, WITHOUT ROWID;

CREATE VIEW stuck AS
SELECT provider, recording_id, group_id, phase, state,
       strftime('%Y-%m-%dT%H:%M:%fZ', deadline_ms / 1000.0, 'unixepoch') AS deadline_at,
       -- The flag of the deadline shown, the first that passed; a later one that has passed too opens a second flag.
       -- At one moment it is missing-terminal, which a status lists first.
       CASE WHEN opened = 0 THEN 'never-started'
            WHEN deadline_ms = due_ms THEN 'missing-terminal'
            ELSE 'stalled' END AS flag,
       strftime('%Y-%m-%dT%H:%M:%fZ', last_received_ms / 1000.0, 'unixepoch') AS last_received_at
FROM recordings
WHERE deadline_ms < (julianday('now') - 2440587.5) * 86400000
ORDER BY deadline_ms;

CREATE VIEW timeline AS
SELECT r.provider, r.recording_id, r.group_id, e.name, e.verdict,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.occurred_ms / 1000.0, 'unixepoch') AS occurred_at,
       strftime('%Y-%m-%dT%H:%M:%fZ', e.received_ms / 1000.0, 'unixepoch') AS received_at,
       e.received_ms - e.occurred_ms AS delay_ms, e.deliveries, e.event_id
FROM events AS e JOIN recordings AS r ON r.id = e.recording
ORDER BY r.id, coalesce(e.occurred_ms, e.received_ms), e.rowid;
"""


migrations = Migrations("recording_tracker")


@migrations(name="1_tables")
def tables(db: Database) -> None:
    """Make every table, index and view."""
    for statement in _statements(TABLES):
        db.conn.execute(statement)
    db.conn.execute("INSERT INTO database VALUES (lower(hex(randomblob(16))))")
    db.conn.execute("INSERT INTO tallies SELECT '', 'commits', id, 0, 0 FROM database")


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the steps that are due, inside the transaction that the caller has begun."""
    migrations.apply(Database(connection, execute_plugins=False))


def _statements(script: str) -> list[str]:
    """Split *script*; ``executescript`` would commit the transaction first."""
    statements, lines = [], ""
    for line in script.splitlines():
        lines += line + "\n"
        if lines.strip() and sqlite3.complete_statement(lines):
            statements.append(lines)
            lines = ""
    return statements
