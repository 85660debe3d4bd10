"""Asking: a journal and the machines in, histories and audits out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from recording_tracker.adapters import Adapter
from recording_tracker.errors import UnknownProviderError
from recording_tracker.flags import ERROR, WARNING
from recording_tracker.intake import QuarantineLimits
from recording_tracker.journal import Count, Entry, Expectation, Journal, Total, latest
from recording_tracker.lookup import find, seen
from recording_tracker.machine import Machine
from recording_tracker.parsing import reread_all
from recording_tracker.rebuild import latest_announcement, machine_of
from recording_tracker.recording import Recording
from recording_tracker.results import AuditReport, HistoryLine, ProviderReport, Story, Tally
from recording_tracker.standing import Standing
from recording_tracker.steps import Step, walk
from recording_tracker.story import tell
from recording_tracker.timeline import Timeline
from recording_tracker.times import MILLISECOND, from_ms


def history(
    journal: Journal, text: str, adapters: Mapping[str, Adapter], machines: Mapping[str, Machine]
) -> Iterator[HistoryLine]:
    """Return the events of the recordings that *text* names, folded once more by today's machines."""
    for number in find(journal, text):
        entry = journal.entry(number)
        provider, recording_id = entry.standing.provider, entry.standing.recording_id
        if provider not in machines or provider not in adapters:
            raise _unknown(provider, adapters, machines)
        if recording_id is not None:
            yield from _history(journal, entry, recording_id, machines[provider], adapters[provider])


def _unknown(provider: str, adapters: Mapping[str, Adapter], machines: Mapping[str, Machine]) -> UnknownProviderError:
    lacks = "machine" if provider in adapters else "adapter"
    return UnknownProviderError(provider, sorted(set(adapters) & set(machines)), lacks=lacks)


def _history(
    journal: Journal, entry: Entry, recording_id: str, machine: Machine, adapter: Adapter
) -> Iterator[HistoryLine]:
    for step in _steps(journal, entry, machine, adapter):
        event = step.event
        before, after = machine.state_names(step.before), machine.state_names(step.after)
        known = [machine.regions[number].name for number, _ in machine.moves.get(event.name, ())]
        yield HistoryLine(
            provider=machine.provider,
            recording_id=recording_id,
            event_id=event.event_id,
            name=event.name,
            occurred_at=None if event.occurred_ms is None else from_ms(event.occurred_ms),
            received_at=from_ms(event.received_ms),
            verdict=step.verdict,
            regions={name: (before[name], after[name]) for name in known},
            deliveries=step.deliveries,
        )


def _steps(journal: Journal, entry: Entry, machine: Machine, adapter: Adapter) -> Iterator[Step]:
    """Read the events of a recording again, and take them through *machine* one by one."""
    recording_id = entry.standing.recording_id
    rows = () if recording_id is None else journal.events(entry.number)
    events, deliveries = reread_all(adapter, recording_id or "", rows)
    timeline = Timeline(machine)
    timeline.insert(events)
    for step in walk(machine, timeline.lines):
        yield step._replace(deliveries=deliveries[step.event.event_id])


def explain(
    journal: Journal, text: str, adapters: Mapping[str, Adapter], machines: Mapping[str, Machine], *, now_ms: int
) -> Iterator[Story]:
    """Tell the stories of the recordings that *text* names, each by the machine that it rests on."""
    known = {machine.digest: machine for machine in machines.values()}
    for number in find(journal, text):
        entry = journal.entry(number)
        standing = entry.standing
        machine, adapter = machine_of(journal, standing.machine, known), adapters.get(standing.provider)
        if machine is None or adapter is None:
            raise _unknown(standing.provider, adapters, machines)
        steps = list(_steps(journal, entry, machine, adapter))
        announced = _announced(journal, standing)
        yield tell(machine, seen(entry, now_ms), steps, announced=announced, now=from_ms(now_ms))


def _announced(journal: Journal, standing: Standing) -> Expectation | None:
    """Return how a recording was announced: by its id, else by its group."""
    found = latest_announcement(journal, standing)
    if found is None and standing.group_id is not None:
        return latest(journal.expectations(standing.provider, group_id=standing.group_id))
    return found


def audit(
    journal: Journal,
    machines: Mapping[str, Machine],
    *,
    now_ms: int,
    since: timedelta,
    quarantine_limits: QuarantineLimits,
) -> AuditReport:
    """Check all open recordings at *now_ms*; what is complete is looked at where it was flagged in the time *since*."""
    since_ms = max(0, now_ms - since // MILLISECOND)
    stuck = [seen(entry, now_ms) for entry in journal.overdue(now_ms)]
    others = (seen(entry, now_ms) for entry in journal.flagged(since_ms, now_ms))
    flagged = [recording for recording in others if not recording.stuck and is_flagged(recording)]
    totals, counts = journal.totals(), journal.counts()
    providers = provider_reports(totals, _last_heard(counts), machines, now_ms)
    digests = {machine.digest for machine in machines.values()}
    return AuditReport(
        now=from_ms(now_ms),
        since=from_ms(since_ms),
        recordings=sum(total.recordings for total in totals),
        open=sum(total.recordings for total in totals if total.outcome is None),
        stuck=stuck,
        flagged=flagged,
        providers=providers,
        quarantined=journal.count_quarantined(since_ms=since_ms),
        quarantine_full=quarantine_limits.full(*journal.quarantine_size()),
        ignored=sum(count.bodies for count in counts if count.result == "ignored"),
        outdated=sum(total.recordings for total in totals if total.machine not in digests),
        never_received=never_received(journal.seen_events(), machines, providers),
        unopened=[seen(entry, now_ms) for entry in journal.unopened(since_ms, now_ms)],
    )


def tally(journal: Journal) -> Tally:
    """Count bodies by provider and result, and what is kept aside."""
    bodies: dict[str, dict[str, int]] = {}
    for count in journal.counts():
        results = bodies.setdefault(count.provider, {})
        results[count.result] = results.get(count.result, 0) + count.bodies
    return Tally(bodies, *journal.quarantine_size())


def is_flagged(recording: Recording) -> bool:
    """Tell whether a recording has an open error or warning."""
    return any(flag.severity in (ERROR, WARNING) for flag in recording.flags)


def _last_heard(counts: Iterable[Count]) -> dict[str, int]:
    """Return provider → when something last came of it."""
    last_ms: dict[str, int] = {}
    for count in counts:
        # What is rejected may come from anybody, so it does not show that the provider still sends.
        if count.result != "rejected":
            last_ms[count.provider] = max(count.last_received_ms, last_ms.get(count.provider, count.last_received_ms))
    return last_ms


def provider_reports(
    totals: Iterable[Total], last_heard_ms: Mapping[str, int], machines: Mapping[str, Machine], now_ms: int
) -> dict[str, ProviderReport]:
    """Say of each provider how many recordings stand where, and whether it is silent."""
    reports: dict[str, ProviderReport] = {}
    for total in totals:
        report = reports.setdefault(total.provider, ProviderReport())
        report.recordings += total.recordings
        report.phases[total.phase] = report.phases.get(total.phase, 0) + total.recordings
        if total.outcome is None:
            report.open += total.recordings
        else:
            report.outcomes[total.outcome] = report.outcomes.get(total.outcome, 0) + total.recordings
    for provider, last_ms in last_heard_ms.items():
        report = reports.setdefault(provider, ProviderReport())
        report.last_received_at = from_ms(last_ms)
        silent_after = machines[provider].limits.silent_after if provider in machines else None
        if silent_after is not None:
            report.silent = from_ms(now_ms) > report.last_received_at + silent_after
    return dict(sorted(reports.items()))


def never_received(
    received: Mapping[str, set[str]], machines: Mapping[str, Machine], providers: Iterable[str]
) -> dict[str, list[tuple[str, ...]]]:
    """Find the sets of promised events of which not one has ever come, though the provider has sent others."""
    found = {}
    for provider in providers:
        names = received.get(provider, set[str]())
        if provider in machines and any(name in machines[provider].places for name in names):
            surely_sent = machines[provider].surely_sent
            found[provider] = [wanted for wanted in surely_sent if not names.intersection(wanted)]
    return {provider: wanted for provider, wanted in found.items() if wanted}
