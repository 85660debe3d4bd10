"""Past: a journal and a moment in, the audit as it could have been made at that moment out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from math import inf

from recording_tracker.adapters import Adapter
from recording_tracker.asking import is_flagged, never_received, provider_reports
from recording_tracker.audit import open_flags
from recording_tracker.errors import UnknownProviderError
from recording_tracker.flags import INFO
from recording_tracker.intake import QuarantineLimits
from recording_tracker.journal import Entry, Journal, Quarantined, Total
from recording_tracker.lookup import seen
from recording_tracker.machine import Machine
from recording_tracker.rebuild import folded
from recording_tracker.recording import Recording
from recording_tracker.results import AuditReport, Hindsight
from recording_tracker.standing import Standing
from recording_tracker.times import MILLISECOND, from_ms, to_ms


def audit(
    journal: Journal,
    adapters: Mapping[str, Adapter],
    machines: Mapping[str, Machine],
    *,
    now_ms: int,
    since: timedelta,
    quarantine_limits: QuarantineLimits,
) -> AuditReport:
    """
    Say what an audit could have known at *now_ms*, from the deliveries received, and what was told us, by then.

    It is the same whenever it is asked for under the same machines, unless something of that time is erased,
    pruned or dropped from quarantine since. What is counted and not kept cannot be known of the past: how many
    duplicates had come (``duplicates`` is None), how many bodies were ignored (``ignored`` is None), and when
    the last of either came, so ``last_received_at`` is that of events and of what is in quarantine. Of several
    acknowledgements of one flag only the last is kept, and none of an announced group that has opened since.
    Raises UnknownProviderError where recordings have to be folded whose machine or adapter is not there.
    """
    since_ms = max(0, now_ms - since // MILLISECOND)
    past = _Past(journal, adapters, machines, now_ms, since_ms)
    flagged = [_undoubled(seen(entry, now_ms)) for entry in past.flagged()]
    names = journal.heard(now_ms)
    quarantined = [kept for kept in journal.quarantined() if kept.received_ms <= now_ms]
    totals = list(past.totals())
    providers = provider_reports(totals, _last_heard(names, quarantined), machines, now_ms)
    return AuditReport(
        now=from_ms(now_ms),
        since=from_ms(since_ms),
        recordings=sum(total.recordings for total in totals),
        open=sum(total.recordings for total in totals if total.outcome is None),
        stuck=[_undoubled(seen(entry, now_ms)) for entry in past.stuck()],
        flagged=[recording for recording in flagged if not recording.stuck and is_flagged(recording)],
        providers=providers,
        quarantined=sum(kept.received_ms >= since_ms for kept in quarantined),
        quarantine_full=quarantine_limits.full(len(quarantined), sum(len(kept.body) for kept in quarantined)),
        ignored=None,
        never_received=never_received({provider: set(found) for provider, found in names.items()}, machines, providers),
        unopened=[_undoubled(seen(entry, now_ms)) for entry in past.unopened],
    )


def _last_heard(names: Mapping[str, Mapping[str, int]], quarantined: Iterable[Quarantined]) -> dict[str, int]:
    last_ms = {provider: max(found.values()) for provider, found in names.items()}
    for kept in quarantined:
        last_ms[kept.provider] = max(kept.received_ms, last_ms.get(kept.provider, kept.received_ms))
    return last_ms


def _undoubled(recording: Recording) -> Recording:
    return recording._replace(duplicates=None)


def with_hindsight(
    journal: Journal, adapters: Mapping[str, Adapter], machines: Mapping[str, Machine], report: AuditReport
) -> AuditReport:
    """Say beside each recording of *report* how it stands now, and which of its flags have gone by themselves."""
    now_ms = to_ms(report.now)
    found = {}
    for recording in (*report.stuck, *report.flagged):
        entry = _found_again(journal, recording)
        if entry is None:
            continue
        _, standing = folded(journal, entry, machines[recording.provider], adapters[recording.provider])
        same = entry.standing.recording_id == recording.recording_id
        left = {flag.identity for flag in open_flags(standing, now_ms)} if same else set()
        settled = frozenset({flag.identity for flag in recording.flags} - left)
        found[recording.key] = Hindsight(standing.phase, standing.complete, standing.outcome, settled)
    return replace(report, hindsight=found)


def _found_again(journal: Journal, recording: Recording) -> Entry | None:
    """Find what has become of a recording; of one that was announced by its group only, the first that opened."""
    if recording.recording_id is not None:
        return journal.load(recording.provider, recording.recording_id)
    group_id = recording.group_id or ""
    entries = [journal.entry(number) for number in journal.find_groups([(recording.provider, group_id)])]
    opened = sorted(entry.number for entry in entries if entry.standing.opened)
    return journal.entry(opened[0]) if opened else journal.load_announced_group(recording.provider, group_id)


class _Past:
    """The recordings as they stood at *at_ms*: those that may have stood otherwise are folded again."""

    def __init__(
        self,
        journal: Journal,
        adapters: Mapping[str, Adapter],
        machines: Mapping[str, Machine],
        at_ms: int,
        since_ms: int,
    ) -> None:
        self._journal = journal
        self._adapters = adapters
        self._machines = machines
        self._at_ms = at_ms
        self._since_ms = since_ms
        self._unsettled = set(journal.unsettled(at_ms, [machine.digest for machine in machines.values()]))
        self._changes = Counter[tuple[str, str, str]]()
        """(provider, phase, outcome) → how many recordings there were more then than are now; all cancel out."""
        self._entries: list[Entry] = []
        """Of the recordings that are folded again those that are to be told of, as they stood."""
        self.unopened: list[Entry] = []
        """What had got a flag lately and was no recording, for nothing had opened it."""
        self._fold_all()

    def _fold_all(self) -> None:
        groups: dict[tuple[str, str], bool] = {}
        for number in sorted(self._unsettled):
            entry = self._journal.entry(number)
            now = entry.standing
            self._changes[_key(now)] -= now.exists
            then = now if now.recording_id is None else self._folded(entry)
            for group_id in {now.group_id, then.group_id} - {None}:
                group = (now.provider, str(group_id))
                opened = then.recording_id is not None and then.opened and then.group_id == group_id
                groups[group] = groups.get(group, False) or opened
            if then.recording_id is not None:
                self._keep(number, then)
        for group, opened in groups.items():
            if not opened and not self._stays_open(*group):
                self._await(*group)

    def _folded(self, entry: Entry) -> Standing:
        provider = entry.standing.provider
        if provider not in self._machines or provider not in self._adapters:
            raise UnknownProviderError(provider, sorted(self._machines.keys() & self._adapters.keys()))
        machine, adapter = self._machines[provider], self._adapters[provider]
        _, standing = folded(self._journal, entry, machine, adapter, by_ms=self._at_ms)
        flags = {flag.identity: flag for flag in standing.flags}
        return standing._replace(flags=tuple(flags.values()))

    def _keep(self, number: int, standing: Standing) -> None:
        found = [flag for flag in open_flags(standing, self._at_ms) if flag.severity != INFO]
        if not standing.exists:
            if any(flag.raised_ms > self._since_ms for flag in found):
                self.unopened.append(Entry(number, standing, "", {}))
            return
        self._changes[_key(standing)] += 1
        if any(not standing.complete or flag.raised_ms > self._since_ms for flag in found):
            notes = self._journal.acknowledgements(number, self._at_ms)
            self._entries.append(Entry(number, standing, "", notes))

    def _stays_open(self, provider: str, group_id: str) -> bool:
        """Tell whether a recording of the group is not folded again: it was complete then, and so had opened."""
        return bool(set(self._journal.find_groups([(provider, group_id)])) - self._unsettled)

    def _await(self, provider: str, group_id: str) -> None:
        """Put the placeholder of a group of which nothing had opened back, if it was announced."""
        # The placeholder goes when the group opens; what was acknowledged of it goes with it.
        kept = self._journal.load_announced_group(provider, group_id)
        entry = kept or Entry(0, Standing(provider, None, group_id), "", {})
        self._keep(entry.number, self._folded(entry))

    def stuck(self) -> list[Entry]:
        """Return what was stuck, the one whose deadline passed first before others; nothing complete has one."""
        found = [entry for entry in self._entries if _deadline_ms(entry.standing) < self._at_ms]
        return sorted(found, key=lambda entry: (_deadline_ms(entry.standing), *_place(entry)))

    def flagged(self) -> list[Entry]:
        """Return what had a flag and was open, or had got it lately; stuck ones too."""
        settled = (
            entry for entry in self._journal.flagged(self._since_ms, self._at_ms) if entry.number not in self._unsettled
        )
        noted = [
            entry._replace(acknowledged=self._journal.acknowledgements(entry.number, self._at_ms)) for entry in settled
        ]
        return sorted([*self._entries, *noted], key=_place)

    def totals(self) -> Iterator[Total]:
        """Yield how many recordings stood alike, in the order of the journal; of no machine, for all are today's."""
        counts = Counter[tuple[str, str, str]]()
        for total in self._journal.totals():
            counts[(total.provider, total.phase, total.outcome or "")] += total.recordings
        counts.update(self._changes)
        for (provider, phase, outcome), recordings in sorted(counts.items()):
            if recordings:
                yield Total(provider, phase, outcome or None, "", recordings)


def _key(standing: Standing) -> tuple[str, str, str]:
    return (standing.provider, standing.phase, standing.outcome or "")


def _deadline_ms(standing: Standing) -> float:
    return min((ms for ms in (standing.stall_ms, standing.due_ms) if ms is not None), default=inf)


def _place(entry: Entry) -> tuple[bool, int, str, str]:
    """Sort in the order of the journal, placeholders last: their numbers do not last."""
    standing = entry.standing
    is_placeholder = standing.recording_id is None
    return (is_placeholder, 0 if is_placeholder else entry.number, standing.provider, standing.group_id or "")
