"""Tracker: the one place where adapters, journal, fold and audit meet."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from recording_tracker import asking, forks, lookup, mending, past, rebuild, survey
from recording_tracker.adapters import Adapter, find_adapters
from recording_tracker.audit import open_flags
from recording_tracker.batches import take_many, take_one
from recording_tracker.body import MAX_BODY_BYTES, MAX_PLAIN_BYTES
from recording_tracker.commits import Commits
from recording_tracker.deliveries import (
    Announcement,
    Delivery,
    body_bytes,
    compact,
    expectation,
    fill,
    read_delivery,
    weight,
)
from recording_tracker.errors import (
    DamagedError,
    NotFoundError,
    RejectedBodyError,
    StorageError,
    TrackerError,
    UnknownProviderError,
    UsageError,
)
from recording_tracker.events import Callback
from recording_tracker.flags import SEVERITIES, Flag
from recording_tracker.intake import Intake, QuarantineLimits
from recording_tracker.journal import BUSY_TIMEOUT, Expectation, Journal, Quarantined
from recording_tracker.large_bodies import LargeBodies
from recording_tracker.machine import Machine, find_machines
from recording_tracker.observed import NEWEST, Observed, observe
from recording_tracker.parsing import Parsed, read
from recording_tracker.phases import OUTCOMES, check_word
from recording_tracker.readers import Readers
from recording_tracker.recording import Recording
from recording_tracker.results import (
    AuditReport,
    Difference,
    HistoryLine,
    Receipt,
    ReplayReport,
    Story,
    Summary,
    Tally,
    VerifyReport,
)
from recording_tracker.survey import Survey
from recording_tracker.times import MILLISECOND, to_ms

DAY = timedelta(days=1)
_TRACKERS: WeakSet[Tracker] = WeakSet()


class Tracker:
    """
    Takes callbacks in, and tells where recordings stand.

    *path* is a database file, made or brought up to date unless *readonly*, or a journal. *machines*
    is a folder of machine files that replace or adjust the shipped ones, else what TRACKER_MACHINES
    names. Many threads may use one tracker, and many processes one file. Raises errors under
    TrackerError.
    """

    def __init__(
        self,
        path: str | PathLike[str] | Journal,
        *,
        machines: str | PathLike[str] | None = None,
        readonly: bool = False,
        create: bool = True,
        max_body_bytes: int = MAX_BODY_BYTES,
        quarantine: QuarantineLimits | None = None,
        busy_timeout: timedelta = BUSY_TIMEOUT,
    ) -> None:
        self.readonly = readonly
        folder = machines or os.environ.get("TRACKER_MACHINES")
        self._machines_folder = Path(folder) if folder else None
        self._max_body_bytes = max_body_bytes
        self._quarantine = quarantine or QuarantineLimits()
        self._journal = self._open(path, create=create, busy_timeout=busy_timeout)
        self._loaded: tuple[Mapping[str, Adapter], Mapping[str, Machine], Intake] | None = None
        self.begin_process()
        _TRACKERS.add(self)

    def begin_process(self) -> None:
        """Begin without what belongs to threads; after a fork those of the parent, and their locks, are not here."""
        self._lock = threading.Lock()
        self._commits = Commits(self._flush)
        self._large_bodies = LargeBodies()
        self._readers = Readers(self._journal, readonly=self.readonly)
        if self._loaded is not None:
            self._loaded[2].forget()

    def _open(self, path: str | PathLike[str] | Journal, *, create: bool, busy_timeout: timedelta) -> Journal:
        if not isinstance(path, (str, PathLike)):
            return path
        with forks.loading():
            from recording_tracker.journal.sqlite import SqliteJournal

        return SqliteJournal(Path(path), readonly=self.readonly, create=create, busy_timeout=busy_timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; the tracker cannot be used after."""
        self._large_bodies.close()
        self._commits.close()
        self._readers.close()
        self._journal.close()

    # Taking in

    def ingest(
        self,
        provider: str,
        body: bytes | str | Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        received_at: datetime | None = None,
    ) -> Receipt:
        """
        Take one callback in; what it holds is durable when this returns.

        Never raises for anything that a provider can send. Raises UnknownProviderError, BusyError,
        StorageError and other errors under TrackerError for what is wrong on our side.
        """
        arrived = self._arrived(provider, body, query, received_at)
        return self._commits.commit(self._parsed(arrived) if isinstance(arrived, Callback) else arrived)

    async def aingest(
        self,
        provider: str,
        body: bytes | str | Mapping[str, Any],
        *,
        query: Mapping[str, str] | None = None,
        received_at: datetime | None = None,
    ) -> Receipt:
        """Do what ``ingest`` does, without blocking the event loop."""
        arrived = self._arrived(provider, body, query, received_at)
        if isinstance(arrived, Parsed):
            parsed = arrived
        elif len(arrived.body) > MAX_PLAIN_BYTES:
            # One that is made for it takes some tenths of a second to read.
            parsed = await self._large_bodies.read(partial(self._parsed, arrived))
        else:
            parsed = self._parsed(arrived)
        return await self._commits.acommit(parsed)

    def _arrived(
        self,
        provider: str,
        body: bytes | str | Mapping[str, Any],
        query: Mapping[str, str] | None,
        received_at: datetime | None,
    ) -> Callback | Parsed:
        received_ms = _now_ms() if received_at is None else to_ms(received_at)
        try:
            raw = body_bytes(body)
        except RejectedBodyError as error:
            return Parsed(Callback(provider, b"", received_ms), "rejected", detail=str(error))
        return Callback(provider, raw, received_ms, query or {})

    def _parsed(self, callback: Callback, *, max_bytes: int | None = None) -> Parsed:
        adapters, machines, _ = self._parts
        if callback.provider not in machines:
            raise UnknownProviderError(callback.provider, sorted(set(adapters) & set(machines)))
        return read(adapters, callback, max_bytes=self._max_body_bytes if max_bytes is None else max_bytes)

    def _flush(self, batch: Sequence[Parsed]) -> Sequence[Receipt | BaseException]:
        """Commit *batch* in one transaction, or each by itself where one of their recordings is damaged."""
        try:
            return self._flush_at_once(batch)
        except DamagedError:
            return [outcome for parsed in batch for outcome in self._flush_alone(parsed)]

    def _flush_alone(self, parsed: Parsed) -> Sequence[Receipt | BaseException]:
        try:
            return self._flush_at_once([parsed])
        except TrackerError as error:
            return [error]

    def _flush_at_once(self, batch: Sequence[Parsed]) -> Sequence[Receipt | BaseException]:
        with self._lock, self._transaction() as intake:
            outcomes = [take_one(intake, parsed) for parsed in batch]
            counted = zip(batch, outcomes, strict=True)
            intake.count((parsed, found.result) for parsed, found in counted if isinstance(found, Receipt))
        return outcomes

    def ingest_many(self, deliveries: Iterable[Mapping[str, Any]], *, summary: Summary | None = None) -> Summary:
        """
        Take many deliveries in, dicts as in a delivery log, in batches that are durable one by one.

        A delivery that cannot be read counts as rejected and keeps nothing else from being taken in.
        """
        total = Summary() if summary is None else summary
        lines = map(compact, deliveries)
        while True:
            batch: list[Mapping[str, Any]] = []
            fill(batch, lines, weight)
            if not batch:
                return total
            self.ingest_batch(batch, total)

    def ingest_batch(self, deliveries: Sequence[Mapping[str, Any]], summary: Summary) -> list[tuple[int, str]]:
        """
        Take deliveries in and commit them once; add to *summary*.

        Returns (place, reason) for each that is quarantined or rejected.
        """
        problems: list[tuple[int, str]] = []
        bodies: list[tuple[int, Parsed]] = []
        announced: list[Expectation] = []
        for place, line in enumerate(deliveries):
            try:
                found = self._delivery(line)
            except (UsageError, RejectedBodyError) as error:
                summary.add("rejected")
                problems.append((place, str(error)))
                continue
            if isinstance(found, Expectation):
                announced.append(found)
            else:
                bodies.append((place, found))
                if found.result in ("quarantined", "rejected"):
                    problems.append((place, f"{found.result}: {found.detail}"))
        with self._lock, self._transaction() as intake:
            refused = take_many(intake, [parsed for _, parsed in bodies], summary)
            problems += [(bodies[place][0], reason) for place, reason in refused]
            for expected in announced:
                change = intake.announce(expected, at_ms=expected.expected_ms)
                summary.add("expected")
                if change is not None:
                    summary.touch(change.entry_number, change.standing)
        return sorted(problems)

    def _delivery(self, line: Mapping[str, Any]) -> Parsed | Expectation:
        found = read_delivery(line, _now_ms)
        if isinstance(found, Announcement):
            return self._expectation(found)
        parsed = self._parsed(found.callback)
        return parsed if found.dated else _dated_by_itself(found, parsed)

    def expect(
        self,
        provider: str,
        recording_id: str | None = None,
        *,
        group: str | None = None,
        within: timedelta | None = None,
        at: datetime | None = None,
    ) -> None:
        """
        Announce a recording whose callbacks should come, by its id or by its *group*.

        Without *within* it is the machine's ``start_within``; *at* is the moment of announcing, else now.
        Raises UsageError unless exactly one of the two ids is given, and UnknownProviderError.
        """
        announced = Announcement(provider, recording_id, group, within, None if at is None else to_ms(at))
        expected = self._expectation(announced)
        with self._lock, self._transaction() as intake:
            intake.announce(expected, at_ms=expected.expected_ms)

    def _expectation(self, announced: Announcement) -> Expectation:
        adapters, machines, _ = self._parts
        if announced.provider not in adapters or announced.provider not in machines:
            raise UnknownProviderError(announced.provider, sorted(set(adapters) & set(machines)))
        return expectation(
            announced,
            canonical=adapters[announced.provider].canonical_id,
            start_within=machines[announced.provider].limits.start_within,
            now_ms=_now_ms(),
        )

    # Asking

    def status(self, text: str, now: datetime | None = None) -> list[Recording]:
        """
        Return the recordings that *text* names: a recording id, an alias, a group id or a unique prefix.

        None where nothing fits; raises AmbiguousError for a prefix of several.
        """
        with self._readers.reading() as journal:
            return lookup.status(journal, text, now_ms=_ms(now))

    def not_found(self, text: str) -> NotFoundError:
        """Return the error to raise where *text* names no recording; it says which one may be meant."""
        with self._readers.reading() as journal:
            return lookup.not_found(journal, text)

    def recordings(
        self,
        *,
        provider: str | None = None,
        phase: str | None = None,
        outcome: str | None = None,
        flag: str | None = None,
        stuck: bool = False,
        since: datetime | None = None,
        now: datetime | None = None,
    ) -> Iterator[Recording]:
        """
        Return recordings, the newest first; flags are those open at *now*, else at the present moment.

        *since* asks for those that something has come of since then.
        """
        return lookup.recordings(
            self._readers.own,
            provider=provider,
            phase=phase,
            outcome=outcome,
            flag=flag,
            stuck=stuck,
            since_ms=None if since is None else to_ms(since),
            now_ms=_ms(now),
        )

    def history(self, text: str) -> list[HistoryLine]:
        """
        Return the events of the recordings that *text* names, in lifecycle order, with their verdicts.

        Raises AmbiguousError for a prefix of several, and UnknownProviderError where a recording's provider
        has no adapter or no machine.
        """
        adapters, machines, _ = self._parts
        with self._readers.reading() as journal:
            return list(asking.history(journal, text, adapters, machines))

    def explain(self, text: str, now: datetime | None = None) -> list[Story]:
        """
        Tell the stories of the recordings that *text* names, as seen at *now*, else at the present moment.

        None where nothing fits; raises AmbiguousError for a prefix of several.
        """
        adapters, machines, _ = self._parts
        with self._readers.reading() as journal:
            return list(asking.explain(journal, text, adapters, machines, now_ms=_ms(now)))

    def audit(
        self, now: datetime | None = None, *, since: timedelta = DAY, as_of: bool = False, hindsight: bool = False
    ) -> AuditReport:
        """
        Check all open recordings at *now*, else at the present; look back over *since* for what is complete.

        With *as_of* only what had been received by *now* counts, as ``past.audit`` has it; *hindsight* then
        says beside it what has been settled by what came later.
        """
        adapters, machines, _ = self._parts
        limits, now_ms = self._quarantine, _ms(now)
        with self._readers.reading() as journal:
            if not as_of:
                return asking.audit(journal, machines, now_ms=now_ms, since=since, quarantine_limits=limits)
            report = past.audit(journal, adapters, machines, now_ms=now_ms, since=since, quarantine_limits=limits)
            return past.with_hindsight(journal, adapters, machines, report) if hindsight else report

    def survey(self, now: datetime | None = None, *, since: timedelta = DAY) -> Survey:
        """Do what ``audit`` does, and tell beside it in which states recordings are and what providers have done."""
        now_ms = _ms(now)
        adapters, machines, _ = self._parts
        limits = self._quarantine
        return survey.conduct(self._readers, adapters, machines, now_ms=now_ms, since=since, quarantine_limits=limits)

    def tally(self) -> Tally:
        """Count the bodies that have come, by provider and result, and those that are kept aside."""
        with self._readers.reading() as journal:
            return asking.tally(journal)

    def observe(self, provider: str | None = None, *, limit: int = NEWEST) -> list[Observed]:
        """
        Return how long the newest *limit* complete recordings took, of *provider* or of each that anything is kept of.

        Raises UnknownProviderError.
        """
        adapters, machines, _ = self._parts
        known = adapters.keys() & machines.keys()
        if provider is not None and provider not in known:
            raise UnknownProviderError(provider, sorted(known))
        with self._readers.reading() as journal:
            wanted = [provider] if provider else [name for name in journal.providers() if name in known]
            return [observe(journal, adapters, machines, provider=name, limit=limit) for name in wanted]

    # Mending

    def resolve(self, text: str, *, outcome: str, note: str, now: datetime | None = None) -> Recording:
        """
        Complete a recording by hand with *outcome*, for what was settled outside.

        Raises NotFoundError, AmbiguousError where *text* names several, and UsageError for no outcome or note.
        """
        check_word("outcome", outcome, OUTCOMES)
        mending.check_note(note)
        now_ms = _ms(now)
        event, callback = mending.resolved(self._readers.own, text, outcome=outcome, note=note, now_ms=now_ms)
        with self._lock, self._transaction() as intake:
            change, _ = intake.take(callback.provider, event.recording_id, [(event, callback)], at_ms=now_ms)
        return Recording.seen(change.standing, open_flags(change.standing, now_ms))

    def ack(self, text: str, *, flag: str | None = None, note: str, now: datetime | None = None) -> list[Flag]:
        """
        Acknowledge the open flags of a recording, all or those of code *flag*; return them.

        Raises NotFoundError where there is no such recording or flag, and AmbiguousError where *text* names several.
        """
        mending.check_note(note)
        now_ms = _ms(now)
        check_word("flag", flag, tuple(SEVERITIES))
        with self._lock, self._transaction():
            return mending.acknowledge(self._journal, text, flag=flag, note=note, at_ms=now_ms)

    def quarantined(self) -> list[Quarantined]:
        """Return the bodies kept aside, the oldest first."""
        return list(self._readers.own.quarantined())

    def retry_quarantined(self) -> Summary:
        """Read every body kept aside again, with today's adapters, and take in what is understood now."""
        summary = Summary()
        for kept in self.quarantined():
            self._retry(kept, summary)
        return summary

    def _retry(self, kept: Quarantined, summary: Summary) -> None:
        callback = Callback(kept.provider, kept.body, kept.received_ms, json.loads(kept.query))
        try:
            # It was not too large when it was kept aside, whatever the limit was then.
            parsed = self._parsed(callback, max_bytes=len(kept.body))
        except UnknownProviderError:
            # Its adapter or its machine is not there today, which is no reason to leave those after it aside.
            parsed = Parsed(callback, "quarantined")
        if parsed.result in ("quarantined", "rejected"):
            summary.add("quarantined")
            return
        with self._lock, self._transaction() as intake:
            # Somebody else may have taken it in since it was read, or dropped it.
            if self._journal.release(kept.number):
                take_many(intake, [parsed], summary)

    def drop_quarantined(self, number: int) -> None:
        """Throw a body kept aside away; raises NotFoundError where there is none of that number."""
        with self._lock, self._transaction():
            if not self._journal.release(number):
                raise NotFoundError(f"no quarantined body {number}; 'tracker quarantine list' shows those there are")

    def replay(
        self,
        *,
        dry_run: bool = False,
        now: datetime | None = None,
        watch: rebuild.Watch | None = None,
        tell: Callable[[Difference], None] | None = None,
    ) -> ReplayReport:
        """
        Parse and fold everything again with today's adapters and machines; say which recordings change.

        *watch* is told now and then how many recordings are done, and of about how many. The report counts
        all that change and keeps the first; *tell* is called with each as it is found.
        """
        adapters, machines, _ = self._parts
        replay = partial(
            rebuild.replay,
            adapters=adapters,
            machines=machines,
            now_ms=_ms(now),
            dry_run=dry_run,
            watch=watch,
            tell=tell,
        )
        if dry_run:
            return replay(self._readers.own)
        self._check_writable()
        with self._lock:
            self._parts[2].forget()
            return replay(self._journal)

    def verify(self, *, watch: rebuild.Watch | None = None) -> VerifyReport:
        """Check that what is stored is the fold of the journal, and that hashes and pages are sound; as ``replay``."""
        adapters, machines, _ = self._parts
        return rebuild.verify(self._readers.own, adapters, machines, watch=watch)

    def backup(self, path: str | PathLike[str]) -> None:
        """Write a copy that is right under load to *path*; raises UsageError where something is there already."""
        if Path(path).exists():
            raise UsageError(f"{path}: is there already; name a new file")
        self._readers.own.backup(str(path))

    def prune(self, *, complete_before: timedelta, now: datetime | None = None) -> int:
        """
        Forget recordings that were complete *complete_before* the moment *now* or earlier; return how many.

        What came that long ago of an id that nothing has opened is forgotten, and counted, too.
        """
        before_ms = _ms(now) - complete_before // MILLISECOND
        pruned = 0
        while True:
            with self._lock, self._transaction() as intake:
                # Asked inside the transaction: a callback may just have opened one of them again.
                found = mending.prune(self._journal, before_ms, limit=mending.BATCH)
                intake.forget()
            pruned += found
            if found < mending.BATCH:
                return pruned

    def erase(self, text: str) -> str:
        """
        Forget one recording, its events and announcements; return its id.

        Raises NotFoundError, AmbiguousError, and BusyError where the -wal still holds what it has forgotten.
        """
        with self._lock:
            with self._transaction() as intake:
                erased = mending.erase(self._journal, text)
                intake.forget()
            self._journal.cut_log()
        return erased

    @property
    def machines(self) -> Mapping[str, Machine]:
        """The machines in use, by provider."""
        return self._parts[1]

    # Inside

    @property
    def _parts(self) -> tuple[Mapping[str, Adapter], Mapping[str, Machine], Intake]:
        """Adapters, machines and intake, loaded when they are first needed: a look-up by exact id needs none."""
        if self._loaded is None:
            with forks.loading():
                self._loaded = self._loaded or self._load()
        return self._loaded

    def _load(self) -> tuple[Mapping[str, Adapter], Mapping[str, Machine], Intake]:
        try:
            adapters, machines = find_adapters(), find_machines(self._machines_folder)
        except OSError as error:
            # The process may have no descriptor left, long after it was started.
            raise StorageError(f"{error.filename}: cannot be read: {(error.strerror or '').lower()}") from error
        return (adapters, machines, Intake(self._journal, adapters, machines, self._quarantine))

    def _check_writable(self) -> None:
        if self.readonly:
            raise UsageError("this tracker was opened read-only; open it without readonly to write")

    @contextmanager
    def _transaction(self) -> Iterator[Intake]:
        """Hold a write transaction; what the intake remembers of one that fails is dropped."""
        self._check_writable()
        intake = self._parts[2]
        with self._journal.writing():
            intake.begin()
            yield intake
        intake.end()


def _begin_process() -> None:
    for tracker in _TRACKERS:
        tracker.begin_process()


os.register_at_fork(after_in_child=_begin_process)


def _now_ms() -> int:
    return to_ms(datetime.now(UTC))


def _ms(now: datetime | None) -> int:
    return _now_ms() if now is None else to_ms(now)


def _dated_by_itself(delivery: Delivery, parsed: Parsed) -> Parsed:
    """Let a delivery that does not say when it was received have been so when its event occurred."""
    occurred_ms = next((event.occurred_ms for event in parsed.events if event.occurred_ms is not None), None)
    if occurred_ms is None:
        return parsed
    # Of an event that is dated ahead, our own time is the better guess.
    occurred_ms = min(occurred_ms, delivery.callback.received_ms)
    events = [event._replace(received_ms=occurred_ms) for event in parsed.events]
    return Parsed(delivery.callback._replace(received_ms=occurred_ms), parsed.result, events, parsed.detail)
