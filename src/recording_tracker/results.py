"""Results: what the calls of a Tracker return, in types and in JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from recording_tracker.audit import open_flags
from recording_tracker.differences import KINDS, OTHER, kinds
from recording_tracker.flags import ERROR, Flag
from recording_tracker.recording import Recording, text_of
from recording_tracker.standing import Standing

PARTS = ("standing", "problem", "remedy", "announced", "event", "missing", "awaited")
"""In this order, but for announced, event and missing, which are in the order of what happened."""
Words = tuple[str | datetime, ...]
"""A text in pieces; moments stay moments, so that each reader sees them in its own zone."""
MOST_CHANGED = 1_000
"""Differences that a report keeps; of a large journal with another machine every recording may be one."""
MOST_EXAMPLES = 3
RESULTS = ("accepted", "duplicate", "quarantined", "rejected", "ignored")


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    What became of one body.

    *result* is one of accepted, duplicate, quarantined, rejected, ignored; *detail* says why it is
    quarantined or rejected, or what is ignored.
    """

    result: str
    detail: str = ""
    raised: tuple[Flag, ...] = ()
    cleared: tuple[Flag, ...] = ()
    _standings: tuple[tuple[Standing, int], ...] = ()

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The recordings that it changed, as they are when it was received."""
        seen = (Recording.seen(standing, open_flags(standing, at_ms)) for standing, at_ms in self._standings)
        return tuple(seen)


@dataclass(slots=True)
class Summary:
    """What became of many deliveries; the six counts after *deliveries* add up to it."""

    deliveries: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rejected: int = 0
    ignored: int = 0
    expected: int = 0
    raised: int = 0
    cleared: int = 0
    touched: set[int] = field(default_factory=set)
    awaited: dict[tuple[str, str | None], int] = field(default_factory=dict)
    """Provider and group → the number of what stands in the list until something of the group opens."""

    @property
    def recordings(self) -> int:
        """How many recordings changed."""
        return len(self.touched)

    def touch(self, number: int, standing: Standing) -> None:
        """Count a recording that changed, once; what stood in the list for its group until it opened is no other."""
        self.touched.add(number)
        if standing.recording_id is None:
            self.awaited[standing.provider, standing.group_id] = number
        elif standing.opened and self.awaited:
            self.touched -= {self.awaited.pop((standing.provider, standing.group_id), None)}

    def add(self, result: str) -> None:
        """Count one delivery by its result."""
        name = "duplicates" if result == "duplicate" else result
        setattr(self, name, getattr(self, name) + 1)
        self.deliveries += 1

    def to_json(self) -> dict[str, int]:
        """Return it as the JSON output has it."""
        counts = {name: getattr(self, name) for name in ("deliveries", "accepted", "duplicates", *RESULTS[2:])}
        return counts | {
            "expected": self.expected,
            "recordings": self.recordings,
            "raised": self.raised,
            "cleared": self.cleared,
        }


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event of a recording in lifecycle order; moments are aware UTC."""

    provider: str
    recording_id: str
    event_id: str
    name: str
    occurred_at: datetime | None
    received_at: datetime
    verdict: str
    regions: dict[str, tuple[str, str]]
    """Region → its state before and after, for each that knows the event."""
    deliveries: int

    @property
    def delay(self) -> timedelta | None:
        """How long after it occurred it was received."""
        return None if self.occurred_at is None else self.received_at - self.occurred_at

    def to_json(self) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return {
            "provider": self.provider,
            "recording_id": self.recording_id,
            "event_id": self.event_id,
            "name": self.name,
            "occurred_at": text_of(self.occurred_at),
            "received_at": text_of(self.received_at),
            "delay_ms": None if self.delay is None else self.delay // timedelta(milliseconds=1),
            "verdict": self.verdict,
            "regions": {name: {"from": before, "to": after} for name, (before, after) in self.regions.items()},
            "deliveries": self.deliveries,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """
    Some sentences of a story.

    *events* are the ids of the events and *machine* the places in the machine file that they rest on;
    one of kind announced rests on the announcement of the moment *at*.
    """

    kind: str
    words: Words
    at: datetime | None = None
    flag: str | None = None
    severity: str | None = None
    acknowledged: bool = False
    events: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The sentences, with moments in UTC."""
        return "".join(word if isinstance(word, str) else text_of(word) or "" for word in self.words)

    def to_json(self) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return {
            "kind": self.kind,
            "text": self.text,
            "at": text_of(self.at),
            "flag": self.flag,
            "events": list(self.events),
            "machine": list(self.machine),
        }


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to one recording, as seen at *now*: first what is wrong and what to do, then event by event."""

    recording: Recording
    now: datetime
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return {
            "provider": self.recording.provider,
            "recording_id": self.recording.recording_id,
            "group_id": self.recording.group_id,
            "now": text_of(self.now),
            "parts": [part.to_json() for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Tally:
    """How many bodies have ever come, and what is kept aside now."""

    bodies: dict[str, dict[str, int]]
    """Provider → result → how many."""
    quarantined: int
    quarantined_bytes: int


@dataclass(slots=True)
class ProviderReport:
    """What an audit says of one provider."""

    recordings: int = 0
    open: int = 0
    phases: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    last_received_at: datetime | None = None
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Hindsight:
    """How a recording that a past audit tells of stands now, and the identities of the flags that have gone since."""

    phase: str
    complete: bool
    outcome: str | None
    settled: frozenset[tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All checks over all open recordings at one moment."""

    now: datetime
    since: datetime
    recordings: int
    open: int
    stuck: Sequence[Recording]
    """The worst first: the one whose deadline passed first."""
    flagged: Sequence[Recording]
    """Not stuck, with an open error or warning, open themselves or flagged after *since*."""
    providers: dict[str, ProviderReport]
    quarantined: int
    """Bodies kept aside after *since*."""
    ignored: int | None
    """None where nobody can know: how many had come by a moment in the past."""
    quarantine_full: bool = False
    """Whether no more bodies are kept aside, so that senders are told to try again."""
    outdated: int = 0
    """Recordings that rest on another version of their machine than the one in use."""
    never_received: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """Provider → promised events that have never once come; probably they are not subscribed."""

    unopened: Sequence[Recording] = ()
    """What is no recording, for nothing has opened it, and got an error or a warning after *since*."""
    hindsight: Mapping[tuple[str, str | None, str | None], Hindsight] | None = None
    """Of a past audit, by ``Recording.key``; None where it was not asked for."""

    @property
    def complete(self) -> int:
        """How many recordings are complete."""
        return self.recordings - self.open

    @property
    def acknowledged(self) -> int:
        """How many of the stuck an operator has acknowledged."""
        return sum(all(flag.acknowledged for flag in recording.flags if flag.is_clocks) for recording in self.stuck)

    @property
    def flags(self) -> dict[str, int]:
        """How many open flags of each code the listed recordings have."""
        counts = Counter(flag.code for recording in (*self.stuck, *self.flagged) for flag in recording.flags)
        return dict(sorted(counts.items()))

    @property
    def silent(self) -> list[str]:
        """The providers of which nothing has come for too long."""
        return [name for name, report in self.providers.items() if report.silent]

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look: something unacknowledged is stuck or in error, quarantined, or silent."""
        stuck = any(not flag.acknowledged for recording in self.stuck for flag in recording.flags if flag.is_clocks)
        errors = any(
            flag.severity == ERROR and not flag.acknowledged for recording in self.flagged for flag in recording.flags
        )
        return stuck or errors or self.quarantined > 0 or self.quarantine_full or bool(self.silent)

    def to_json(self, *, secrets: bool = False) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return {
            "now": text_of(self.now),
            "since": text_of(self.since),
            "recordings": self.recordings,
            "open": self.open,
            "complete": self.complete,
            "stuck": [self._recording_json(recording, secrets=secrets) for recording in self.stuck],
            "flagged": [self._recording_json(recording, secrets=secrets) for recording in self.flagged],
            "flags": self.flags,
            "providers": {
                name: asdict(report) | {"last_received_at": text_of(report.last_received_at)}
                for name, report in self.providers.items()
            },
            "quarantined": self.quarantined,
            "ignored": self.ignored,
        }

    def _recording_json(self, recording: Recording, *, secrets: bool) -> dict[str, object]:
        told = recording.to_json(secrets=secrets)
        if self.hindsight is None:
            return told
        later = self.hindsight.get(recording.key)
        settled = later.settled if later else frozenset()
        flags = [flag.to_json() | {"settled": flag.identity in settled} for flag in recording.flags]
        now = later and {"phase": later.phase, "complete": later.complete, "outcome": later.outcome}
        return told | {"flags": flags, "later": now}


@dataclass(frozen=True, slots=True)
class Difference:
    """A recording that is another before and after; None where it is not there."""

    id: str
    before: dict[str, object] | None
    after: dict[str, object] | None


@dataclass(slots=True)
class ReplayReport:
    """What folding everything again has changed, or would change."""

    recordings: int = 0
    left: int = 0
    """How many recordings more there are, whose machine or adapter is not there; they are as they were."""
    differences: int = 0
    """How many recordings are others; of all of them *changed* has the first ones only."""
    changed: list[Difference] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*KINDS, OTHER), 0))
    """Kind of change → how many recordings; one may have changed in several ways."""
    examples: dict[str, list[Difference]] = field(default_factory=dict)
    """Kind of change → the first recordings that have changed so."""

    def add(self, difference: Difference) -> None:
        """Count a difference, and keep it if it is one of the first."""
        self.differences += 1
        if len(self.changed) < MOST_CHANGED:
            self.changed.append(difference)
        for kind in kinds(difference.before, difference.after):
            self.counts[kind] += 1
            if self.counts[kind] <= MOST_EXAMPLES:
                self.examples.setdefault(kind, []).append(difference)


@dataclass(slots=True)
class VerifyReport:
    """Whether what is stored is what the journal says, and the journal what was received."""

    recordings: int = 0
    differences: list[Difference] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.differences and not self.damaged

    def to_json(self) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return {
            "recordings": self.recordings,
            "differences": [asdict(found) for found in self.differences],
            "damaged": self.damaged,
        }
