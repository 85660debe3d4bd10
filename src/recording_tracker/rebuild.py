"""Rebuild: every recording folded again from its raw bodies, to bring what is stored up to date or to check it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from recording_tracker.adapters import Adapter
from recording_tracker.audit import open_flags
from recording_tracker.conclusion import conclude
from recording_tracker.fold import Course
from recording_tracker.groups import groups_to_settle, settle_group
from recording_tracker.journal import Entry, EventRow, Expectation, Journal, latest
from recording_tracker.machine import Machine
from recording_tracker.parsing import reread_all
from recording_tracker.recording import Recording
from recording_tracker.results import Difference, ReplayReport, VerifyReport
from recording_tracker.standing import Standing
from recording_tracker.timeline import Line, Timeline

BATCH = 200
"""Recordings that a replay commits at once."""
Watch = Callable[[int, int], None]
"""Told every so often how many recordings are done, and of how many; the second is no more than a good guess."""


def folded(
    journal: Journal, entry: Entry, machine: Machine, adapter: Adapter, *, by_ms: int | None = None
) -> tuple[Timeline, Standing]:
    """Fold a recording from its journaled bodies and its announcements alone, those received *by_ms* if it is given."""
    kept = entry.standing
    timeline = Timeline(machine)
    duplicates = 0
    if kept.recording_id is None:
        timeline.course.group_id = kept.group_id
    else:
        rows = _received(journal.events(entry.number), by_ms)
        events, deliveries = reread_all(adapter, kept.recording_id, rows)
        duplicates = sum(deliveries.values()) - len(events)
        timeline.insert(events)
    counts = latest_announcement(journal, kept, by_ms=by_ms)
    until_ms = None if counts is None else counts.until_ms
    standing = conclude(machine, timeline.course, kept.recording_id, announced_until_ms=until_ms, duplicates=duplicates)
    return timeline, standing


def latest_announcement(journal: Journal, standing: Standing, *, by_ms: int | None = None) -> Expectation | None:
    """Return the announcement that counts for a recording: by its id, or by its group where nothing else is known."""
    if standing.recording_id is None:
        announced = journal.expectations(standing.provider, group_id=standing.group_id)
    else:
        announced = journal.expectations(standing.provider, recording_id=standing.recording_id)
    return latest(known for known in announced if by_ms is None or known.expected_ms <= by_ms)


def _received(rows: Iterable[EventRow], by_ms: int | None) -> Iterator[EventRow]:
    """Yield the events that had come by then; the delivery of one that counts is the first, and so counted then too."""
    for row in rows:
        if by_ms is None or (row.received_ms <= by_ms and (row.differs_ms is None or row.differs_ms <= by_ms)):
            yield row
        elif row.received_ms <= by_ms:
            yield row._replace(differs_ms=None)


def replay(
    journal: Journal,
    adapters: Mapping[str, Adapter],
    machines: Mapping[str, Machine],
    *,
    now_ms: int,
    dry_run: bool,
    watch: Watch | None = None,
    tell: Callable[[Difference], None] | None = None,
) -> ReplayReport:
    """Fold every recording with today's adapters and machines; write what changes, unless *dry_run*."""
    report = ReplayReport()
    last = done = total = 0
    while True:
        found: list[Difference] = []
        with journal.reading() if dry_run else journal.writing():
            # Asked inside the transaction: somebody may have erased one in between.
            batch = journal.numbers(after=last, limit=BATCH)
            total = total or _size(journal)
            unsettled: set[tuple[str, str]] = set()
            for number in batch:
                entry = journal.entry(number)
                machine, adapter = machines.get(entry.standing.provider), adapters.get(entry.standing.provider)
                if machine is None or adapter is None:
                    report.left += entry.standing.exists
                    continue
                report.recordings += entry.standing.exists
                timeline, standing = folded(journal, entry, machine, adapter)
                difference = _difference(entry.standing, standing, now_ms)
                found += [difference] if difference else []
                if not dry_run:
                    _write(journal, entry, timeline, standing, machine, now_ms)
                    moved = groups_to_settle(entry.standing, standing)
                    unsettled |= {(machine.provider, group_id) for group_id in moved}
            # Not before all of the batch have been read: a placeholder in it may go.
            for provider, group_id in sorted(unsettled):
                settle_group(journal, machines[provider], group_id)
        # After the commit: whoever is told may be slow, and what fails has changed nothing.
        for difference in found:
            report.add(difference)
            if tell is not None:
                tell(difference)
        if not batch:
            return report
        last, done = batch[-1], done + len(batch)
        if watch is not None:
            watch(done, total)


def _size(journal: Journal) -> int:
    return sum(total.recordings for total in journal.totals())


def _write(
    journal: Journal, entry: Entry, timeline: Timeline, standing: Standing, machine: Machine, now_ms: int
) -> None:
    before = entry.standing
    journal.register_machine(machine.digest, machine.provider, machine.to_json(), now_ms)
    course = "" if before.recording_id is None else timeline.course.dump()
    journal.update(entry.number, before, standing, course)
    identities = {flag.identity for flag in standing.flags}
    gone = [flag for flag in before.flags if flag.identity not in identities]
    journal.write_flags(entry.number, standing.flags, gone, now_ms)
    journal.retell_events(entry.number, [again for _, again in _retold(journal, entry, timeline)])


def verify(
    journal: Journal,
    adapters: Mapping[str, Adapter],
    machines: Mapping[str, Machine],
    *,
    watch: Watch | None = None,
) -> VerifyReport:
    """Compare what is stored with the fold of the journal, each recording by the machine that it rests on."""
    report = VerifyReport()
    known = {machine.digest: machine for machine in machines.values()}
    with journal.reading():
        report.damaged.extend(journal.damages())
        total = _size(journal)
        for done, number in enumerate(journal.numbers()):
            if watch is not None and done % BATCH == 0:
                watch(done, total)
            entry = journal.entry(number)
            report.recordings += entry.standing.exists
            machine = machine_of(journal, entry.standing.machine, known)
            adapter = adapters.get(entry.standing.provider)
            if machine is None or adapter is None:
                report.damaged.append(f"{_id(entry.standing)}: its machine or its adapter is not there")
                continue
            timeline, standing = folded(journal, entry, machine, adapter)
            if _comparable(standing) != _comparable(entry.standing) or _goes_on_otherwise(entry, timeline):
                before, after = _plain(entry.standing), _plain(standing)
                report.differences.append(Difference(_id(standing), before, after))
            report.differences.extend(_event_differences(journal, entry, timeline))
    return report


def _event_differences(journal: Journal, entry: Entry, timeline: Timeline) -> Iterator[Difference]:
    """Compare what stands in columns beside the bodies with what the bodies say."""
    for row, again in _retold(journal, entry, timeline):
        yield Difference(_id(entry.standing), _columns(row), _columns(again))


def _retold(journal: Journal, entry: Entry, timeline: Timeline) -> list[tuple[EventRow, EventRow]]:
    """Return the events that would be written otherwise today, as they are and as they would be, without bodies."""
    rows = {row.event_id: row._replace(body=b"") for row in journal.events(entry.number)}
    pairs = [(row := rows[line.event.event_id], _told_again(row, line)) for line in timeline.lines]
    return [(row, again) for row, again in pairs if row != again]


def _columns(row: EventRow) -> dict[str, object]:
    return {"event_id": row.event_id, "name": row.name, "occurred_ms": row.occurred_ms, "verdict": row.verdict}


def _told_again(row: EventRow, line: Line) -> EventRow:
    """Return *row* as it would be written today."""
    event = line.event
    return row._replace(name=event.name, occurred_ms=event.occurred_ms, verdict=line.verdict)


def _goes_on_otherwise(entry: Entry, timeline: Timeline) -> bool:
    """Tell whether the next event would be folded from another place than the journal leads to."""
    if entry.standing.recording_id is None or Course.is_of_another_version(entry.course):
        return False
    try:
        return Course.load(entry.course, entry.standing) != timeline.course
    except (TypeError, IndexError):
        return True


def machine_of(journal: Journal, digest: str, known: dict[str, Machine]) -> Machine | None:
    """Return the machine of *digest*, from *known* or else as the journal has kept it; None where neither has it."""
    if digest not in known and (definition := journal.machine(digest)) is not None:
        machine = Machine.from_json(definition)
        if machine.digest == digest:
            known[digest] = machine
    return known.get(digest)


def _comparable(standing: Standing) -> tuple[object, ...]:
    return (*standing[: Standing._fields.index("flags")], sorted(_told(standing)))


def _told(standing: Standing) -> list[tuple[str, ...]]:
    return [(*flag.identity, flag.severity, flag.message, str(flag.raised_ms)) for flag in standing.flags]


def _difference(before: Standing, after: Standing, now_ms: int) -> Difference | None:
    """Compare what people see of a recording; the machine's version alone is no change."""
    seen_before = _json(before, now_ms) if before.exists else None
    seen_after = _json(after, now_ms) if after.exists else None
    return None if seen_before == seen_after else Difference(_id(after), seen_before, seen_after)


def _json(standing: Standing, now_ms: int) -> dict[str, object]:
    return Recording.seen(standing, open_flags(standing, now_ms)).to_json()


def _plain(standing: Standing) -> dict[str, object]:
    return standing._asdict() | {"files": [file._asdict() for file in standing.files], "flags": _told(standing)}


def _id(standing: Standing) -> str:
    return standing.recording_id or standing.group_id or ""
