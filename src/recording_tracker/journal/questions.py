"""Questions to the journal: which recordings there are, by what is asked for, and what is kept beside them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from recording_tracker.journal import Count, Entry, Filter, OpenTotal, Quarantined, Total
from recording_tracker.journal.entries import SELECT, Entries
from recording_tracker.journal.failures import damaged
from recording_tracker.journal.rows import COUNTS, OPEN_TOTALS, TOTALS

IS_RECORDING = "(opened = 1 OR announced = 1)"
PAGE = 500
"""Rows that a listing reads at a time, so that no reader holds up the checkpoint of a writer for long."""
_EVER_MS = -(2**63)


class Questions(Entries):
    """A session that looks recordings up; it asks, and writes nothing."""

    def find_ids(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._found("SELECT id FROM recordings WHERE provider = ? AND recording_id = ?", ids)

    def find_aliases(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._found("SELECT recording FROM aliases WHERE provider = ? AND alias = ?", ids)

    def find_groups(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        return self._found("SELECT id FROM recordings WHERE provider = ? AND group_id = ?", ids)

    def find_unopened(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        found = self._kept("SELECT id FROM recordings WHERE provider = ? AND recording_id = ?", ids)
        return sorted(number for number in found if not self._is_recording(number))

    def _found(self, sql: str, ids: Sequence[tuple[str, str]]) -> list[int]:
        return [number for number in self._kept(sql, ids) if self._is_recording(number)]

    def _kept(self, sql: str, ids: Sequence[tuple[str, str]]) -> list[int]:
        known = (pair for pair in dict.fromkeys(ids) if _is_unicode(pair[1]))
        return list(dict.fromkeys(row[0] for pair in known for row in self._all(sql, *pair)))

    def _is_recording(self, number: int) -> bool:
        return self._one(f"SELECT 1 FROM recordings WHERE id = ? AND {IS_RECORDING}", number) is not None

    def find_prefix(self, prefix: str, *, limit: int, provider: str | None = None) -> list[tuple[str, int]]:
        found: dict[tuple[str, int], None] = {}
        bounds = (prefix, prefix + "\U0010ffff", limit)
        providers = self.providers() if provider is None else [provider]
        for whose in providers if _is_unicode(prefix) else ():
            for name, number, table in (
                ("recording_id", "id", "recordings"),
                ("alias", "recording", "aliases"),
                ("group_id", "id", "recordings"),
            ):
                sql = (
                    f"SELECT {name}, {number} FROM {table} WHERE provider = ? AND {name} >= ? AND {name} < ? "
                    f"AND EXISTS (SELECT 1 FROM recordings AS r WHERE r.id = {table}.{number} AND {IS_RECORDING}) "
                    f"ORDER BY {name}, {number} LIMIT ?"
                )
                found |= dict.fromkeys((text, place) for text, place in self._all(sql, whose, *bounds))
        return list(found)

    def providers(self) -> list[str]:
        return [row[0] for row in self._all("SELECT DISTINCT provider FROM totals WHERE recordings > 0 ORDER BY 1")]

    def entries(self, wanted: Filter) -> Iterator[Entry]:
        conditions, values = [IS_RECORDING], list[Any]()
        for column, value in (("provider", wanted.provider), ("phase", wanted.phase), ("outcome", wanted.outcome)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        if wanted.since_ms is not None:
            conditions.append("last_received_ms >= ?")
            values.append(wanted.since_ms)
        where = " AND ".join(conditions)
        if wanted.overdue_ms is not None:
            sql = f"SELECT id FROM recordings INDEXED BY recordings_by_deadline WHERE deadline_ms < ? AND {where}"
            numbers = self._all(f"{sql} ORDER BY id DESC", wanted.overdue_ms, *values)
            yield from self._entries([row[0] for row in numbers])
            return
        # Those of a provider by an index of theirs; without it SQLite would sort all of them for each page.
        sql, last = f"{SELECT} WHERE id < ? AND {where} ORDER BY id DESC LIMIT {PAGE}", 2**63 - 1
        while rows := self._all(sql, last, *values):
            self._check_order([-last, *(-row[0] for row in rows)])
            last = rows[-1][0]
            yield from (self._entry(row) for row in rows)

    def _check_order(self, numbers: Iterable[int]) -> None:
        """Refuse numbers that do not go up: pages that have changed places would be read round and round."""
        if any(low >= high for low, high in pairwise(numbers)):
            raise damaged(self.path)

    def overdue(self, now_ms: int) -> Iterator[Entry]:
        numbers = self._all("SELECT id FROM recordings WHERE deadline_ms < ? ORDER BY deadline_ms, id", now_ms)
        yield from self._entries([row[0] for row in numbers])

    def open_totals(self, now_ms: int) -> list[OpenTotal]:
        # An open recording always has a deadline, and a complete one none. Asked for as a range, for otherwise SQLite
        # goes through all recordings in the order of their providers.
        rows = self._all(
            "SELECT provider, state, CASE WHEN stall_ms = deadline_ms THEN stall_region ELSE due_region END, "
            "deadline_ms < ?, count(*) FROM recordings WHERE deadline_ms >= ? GROUP BY 1, 2, 3, 4",
            now_ms,
            _EVER_MS,
        )
        for row in rows:
            self._check(OPEN_TOTALS, row)
        return [OpenTotal(row[0], self._state(row[1]), row[2], bool(row[3]), row[4]) for row in rows]

    def _state(self, text: str) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(text)
        except json.JSONDecodeError as error:
            raise damaged(self.path) from error
        return found

    def _entries(self, numbers: Sequence[int]) -> Iterator[Entry]:
        """Read recordings by their numbers, in that order; one that is there no more is left out."""
        for start in range(0, len(numbers), PAGE):
            page = numbers[start : start + PAGE]
            found = self._all(f"{SELECT} WHERE id IN (SELECT value FROM json_each(?))", json.dumps(page))
            rows = {row[0]: row for row in found}
            yield from (self._entry(rows[number]) for number in page if number in rows)

    def flagged(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        # To merge the two halves in the order of their ids SQLite would read all flags, the cleared ones too.
        numbers = self._all(
            "SELECT id FROM recordings WHERE id IN ("
            "SELECT id FROM recordings AS r WHERE complete = 0 AND flag_count > 0 AND EXISTS (SELECT 1 FROM flags AS f "
            "WHERE f.recording = r.id AND f.cleared_ms IS NULL AND f.severity <> 'info' AND f.raised_ms < ?2) UNION "
            "SELECT recording FROM flags WHERE cleared_ms IS NULL AND severity <> 'info' "
            f"AND raised_ms > ?1 AND (code <> 'missing-event' OR raised_ms < ?2)) AND {IS_RECORDING} ORDER BY id",
            since_ms,
            now_ms,
        )
        yield from self._entries([row[0] for row in numbers])

    def unopened(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        numbers = self._all(
            "SELECT DISTINCT recording FROM flags WHERE cleared_ms IS NULL AND severity <> 'info' "
            "AND raised_ms > ?1 AND (code <> 'missing-event' OR raised_ms < ?2) "
            f"AND NOT EXISTS (SELECT 1 FROM recordings AS r WHERE r.id = recording AND {IS_RECORDING}) ORDER BY 1",
            since_ms,
            now_ms,
        )
        yield from self._entries([row[0] for row in numbers])

    def unsettled(self, at_ms: int, machines: Collection[str]) -> list[int]:
        rows = self._all(
            "SELECT id FROM recordings WHERE complete = 0 OR machine NOT IN (SELECT value FROM json_each(?2)) "
            "UNION SELECT recording FROM events WHERE received_ms > ?1 OR differs_ms > ?1 ORDER BY 1",
            at_ms,
            json.dumps(list(machines)),
        )
        return [row[0] for row in rows]

    def heard(self, until_ms: int) -> dict[str, dict[str, int]]:
        rows = self._all(
            "SELECT r.provider, e.name, max(e.received_ms) FROM events AS e JOIN recordings AS r ON r.id = e.recording "
            "WHERE e.received_ms <= ? GROUP BY 1, 2",
            until_ms,
        )
        found: dict[str, dict[str, int]] = {}
        for provider, name, last_ms in rows:
            found.setdefault(provider, {})[name] = last_ms
        return found

    def over_before(self, before_ms: int, *, limit: int) -> list[int]:
        # The provider's clock says when it was complete, ours when something last came.
        was_complete = f"complete = 1 AND completed_ms < ?1 OR NOT {IS_RECORDING}"
        is_over = f"({was_complete}) AND coalesce(last_received_ms, 0) < ?1"
        sql = f"SELECT id FROM recordings WHERE {is_over} ORDER BY id LIMIT ?2"
        return [row[0] for row in self._all(sql, before_ms, limit)]

    def numbers(self, *, after: int = 0, limit: int | None = None) -> list[int]:
        rows = self._all(
            "SELECT id FROM recordings WHERE id > ? ORDER BY id LIMIT ?", after, -1 if limit is None else limit
        )
        found = [row[0] for row in rows]
        self._check_order([after, *found])
        return found

    # What stands beside the recordings

    def quarantined(self, *, since_ms: int | None = None) -> Iterator[Quarantined]:
        last = 0
        while rows := self._all(
            "SELECT id, provider, received_ms, reason, body, query FROM quarantine "
            f"WHERE id > ? AND received_ms >= ? ORDER BY id LIMIT {PAGE}",
            last,
            _EVER_MS if since_ms is None else since_ms,
        ):
            self._check_order([last, *(row[0] for row in rows)])
            last = rows[-1][0]
            yield from (Quarantined(*row) for row in rows)

    def quarantine_size(self) -> tuple[int, int]:
        rows, size = self._one("SELECT count(*), coalesce(sum(bytes), 0) FROM quarantine")
        return rows, size

    def count_quarantined(self, *, since_ms: int | None = None) -> int:
        since = _EVER_MS if since_ms is None else since_ms
        return int(self._one("SELECT count(*) FROM quarantine WHERE received_ms >= ?", since)[0])

    def totals(self) -> list[Total]:
        rows = self._all(
            "SELECT provider, phase, outcome, machine, recordings FROM totals WHERE recordings > 0 ORDER BY 1, 2, 3, 4"
        )
        for row in rows:
            self._check(TOTALS, row)
        return [Total(row[0], row[1], row[2] or None, *row[3:]) for row in rows]

    def counts(self) -> list[Count]:
        rows = self._all("SELECT provider, result, kind, bodies, last_received_ms FROM counts ORDER BY 1, 2, 3")
        for row in rows:
            self._check(COUNTS, row)
        return [Count(*row) for row in rows]

    def machine(self, digest: str) -> str | None:
        row = self._one("SELECT definition FROM machines WHERE digest = ?", digest)
        return row and str(row[0])

    def seen_events(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for provider, name in self._all("SELECT provider, name FROM event_names"):
            found.setdefault(provider, set()).add(name)
        return found


def _is_unicode(text: str) -> bool:
    # What the command line could not decode holds lone surrogates, which SQLite cannot be asked for.
    return text.encode(errors="ignore").decode() == text
