"""Journal: what keeps every event and where each recording stands; the interface, and the records it speaks in."""

# Annotations are not postponed: a named tuple would compile each of them, at every start of the program.

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Final, NamedTuple, Protocol

from recording_tracker.flags import Flag
from recording_tracker.standing import Standing

BUSY_TIMEOUT = timedelta(seconds=5)
"""How long to wait for another process; less than the senders of callbacks wait for an answer."""


class EventRow(NamedTuple):
    """One event as it is kept: the delivery that counts, how often it came, and what became of it."""

    event_id: str
    name: str
    occurred_ms: int | None
    received_ms: int
    verdict: str
    deliveries: int
    differs_ms: int | None
    """When a delivery with other content was first received; None where all agree."""
    sha256: bytes
    body: bytes
    query: str
    """The callback url's parameters as a JSON object."""

    def with_verdict(self, verdict: str) -> "EventRow":
        """Return it with another verdict."""
        # A fifth of the time that ``_replace`` takes, for each event.
        return EventRow._make((*self[:_VERDICT], verdict, *self[_VERDICT + 1 :]))


_VERDICT: Final = EventRow._fields.index("verdict")


class Variant(NamedTuple):
    """A delivery under an event's id whose content is another than the one that counts."""

    content: str
    """Digest without the fields that change on a resend."""
    received_ms: int
    sha256: bytes
    body: bytes
    query: str


class Entry(NamedTuple):
    """A recording as it is kept: its number in the journal, where it stands, and its course to go on from."""

    number: int
    standing: Standing
    course: str
    acknowledged: Mapping[tuple[str, str, str], str]
    """Flag identity → the operator's note."""


class Expectation(NamedTuple):
    """An announced recording, by its id or by its group; one of the two is None."""

    provider: str
    recording_id: str | None
    group_id: str | None
    expected_ms: int
    within_ms: int

    @property
    def until_ms(self) -> int:
        """The moment by which it should have opened."""
        return self.expected_ms + self.within_ms


def latest(announced: Iterable[Expectation]) -> Expectation | None:
    """Return the announcement that counts of several of one recording or group: the last, then the most patient."""
    return max(announced, key=lambda known: (known.expected_ms, known.within_ms), default=None)


class Quarantined(NamedTuple):
    """A body kept aside, whole, because it could not be attributed."""

    number: int
    provider: str
    received_ms: int
    reason: str
    body: bytes
    query: str


class Total(NamedTuple):
    """How many recordings of a provider stand alike."""

    provider: str
    phase: str
    outcome: str | None
    machine: str
    recordings: int


class Count(NamedTuple):
    """How many bodies of a provider had one result, of what kind where it is ignored, and when the last came."""

    provider: str
    result: str
    kind: str
    bodies: int
    last_received_ms: int


class OpenTotal(NamedTuple):
    """How many open recordings of a provider are in the same states, and have the same deadline before them."""

    provider: str
    state: Mapping[str, str]
    """Region → state."""
    region: str | None
    """The one that the deadline is of; None where it is of the whole recording."""
    overdue: bool
    """Whether the deadline has passed."""
    recordings: int


class Filter(NamedTuple):
    """Which recordings are asked for; None stands for all."""

    provider: str | None = None
    phase: str | None = None
    outcome: str | None = None
    since_ms: int | None = None
    """Only recordings with an event received since."""
    overdue_ms: int | None = None
    """Only recordings of which a deadline had passed by then."""


class Writer(Protocol):
    """What may be done inside one write transaction; every recording goes by its number."""

    def insert(self, standing: Standing, course: str) -> int:
        """Add a recording and return its number."""

    def update(self, number: int, before: Standing, standing: Standing, course: str) -> None:
        """Replace where a recording stands; flags are left to ``write_flags``."""

    def write_flags(self, number: int, raised: Iterable[Flag], cleared: Iterable[Flag], cleared_ms: int) -> None:
        """Open flags, and close others; a flag that clears and comes again keeps its acknowledgement."""

    def delete(self, number: int) -> None:
        """Take out a recording with all that belongs to it, its announcements aside."""

    def withdraw(self, provider: str, *, recording_id: str | None = None, group_id: str | None = None) -> None:
        """Forget the announcements of one id, or of one group."""

    def add_events(self, number: int, rows: Iterable[EventRow]) -> None:
        """Append events."""

    def replace_event(self, number: int, row: EventRow) -> None:
        """Let another delivery count for an event, or count one more."""

    def set_verdicts(self, number: int, verdicts: Iterable[tuple[str, str]]) -> None:
        """Change the verdicts of events, given as (event id, verdict)."""

    def retell_events(self, number: int, rows: Iterable[EventRow]) -> None:
        """Change of events what is told by their bodies and the fold: name, time and verdict."""

    def put_variants(self, number: int, event_id: str, variants: Iterable[Variant]) -> None:
        """Replace an event's variants."""

    def announce(self, expectation: Expectation) -> bool:
        """Keep an expectation; False where the same one is kept already."""

    def acknowledge(self, number: int, flag: Flag, *, note: str, at_ms: int) -> None:
        """Keep an operator's note on a flag."""

    def quarantine(self, provider: str, received_ms: int, reason: str, body: bytes, query: str) -> None:
        """Keep a body aside."""

    def is_quarantined(self, provider: str, body: bytes, query: str) -> bool:
        """Tell whether this very body is kept aside."""

    def release(self, number: int) -> bool:
        """Take a body out of quarantine; tell whether it was there."""

    def count(self, provider: str, result: str, kind: str, received_ms: int) -> None:
        """Add one to the counts of bodies by their result."""

    def register_machine(self, digest: str, provider: str, definition: str, at_ms: int) -> None:
        """Keep a machine version that recordings are folded with."""

    def saw_events(self, provider: str, names: Iterable[str]) -> None:
        """Remember that events of these names have been received."""


class Reader(Protocol):
    """What may be asked, by one thread at a time."""

    def reading(self) -> AbstractContextManager[None]:
        """Begin a block whose queries all see the journal at one moment."""

    def close(self) -> None:
        """Let go of files; the journal cannot be used after."""

    def load(self, provider: str, recording_id: str) -> Entry | None:
        """Return a recording by its id."""

    def load_announced_group(self, provider: str, group_id: str) -> Entry | None:
        """Return the placeholder of a recording announced by its group."""

    def entry(self, number: int) -> Entry:
        """Return a recording by its number."""

    def events(self, number: int) -> Iterator[EventRow]:
        """
        Yield a recording's events, in no order.

        Their bodies may be large, and are read one by one: inside a transaction, in which none is written meanwhile.
        """

    def event(self, number: int, event_id: str) -> EventRow | None:
        """Return one event of a recording."""

    def variants(self, number: int, event_id: str) -> list[Variant]:
        """Return the deliveries of an event that contradict the one that counts."""

    def expectations(
        self, provider: str, *, recording_id: str | None = None, group_id: str | None = None
    ) -> list[Expectation]:
        """Return the expectations of one id, or of one group."""

    def group_opened(self, provider: str, group_id: str) -> bool:
        """Tell whether some recording of the group has opened."""

    def find_ids(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        """Return the recordings with one of these (provider, recording id)."""

    def find_aliases(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        """Return the recordings with one of these (provider, alias)."""

    def find_groups(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        """Return the recordings in one of these (provider, group id)."""

    def find_unopened(self, ids: Sequence[tuple[str, str]]) -> list[int]:
        """Return what is kept of these (provider, recording id) and is no recording, for nothing has opened it."""

    def find_prefix(self, prefix: str, *, limit: int, provider: str | None = None) -> list[tuple[str, int]]:
        """Return (id, recording) where recording id, alias or group id begins with *prefix*; None for all providers."""

    def providers(self) -> list[str]:
        """Return the providers that anything is kept of."""

    def entries(self, wanted: Filter) -> Iterator[Entry]:
        """Return the recordings that exist, the newest first; not all at once."""

    def overdue(self, now_ms: int) -> Iterator[Entry]:
        """Return the recordings of which a deadline has passed, by an index of deadlines."""

    def open_totals(self, now_ms: int) -> list[OpenTotal]:
        """Count the open recordings by their states and their earlier deadline, by the index of deadlines."""

    def flagged(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        """Return the recordings with an open error or warning that are open themselves, or got it after *since_ms*."""

    def unopened(self, since_ms: int, now_ms: int) -> Iterator[Entry]:
        """Return what got an open error or warning after *since_ms* and is no recording: nothing has opened it."""

    def unsettled(self, at_ms: int, machines: Collection[str]) -> list[int]:
        """
        Return the recordings that may not have stood at *at_ms* as they stand now, in order; reads every event.

        They are those that are not complete, those of which anything was received later, and those that rest on
        none of *machines*, digests.
        """

    def heard(self, until_ms: int) -> dict[str, dict[str, int]]:
        """Return provider → name of an event → when one of that name was last received; reads every event."""

    def acknowledgements(self, number: int, until_ms: int) -> dict[tuple[str, str, str], str]:
        """Return flag identity → note of what was acknowledged by then; of several the last is kept."""

    def over_before(self, before_ms: int, *, limit: int) -> list[int]:
        """Return what was complete at that moment, or has never opened, and of which nothing has come since."""

    def numbers(self, *, after: int = 0, limit: int | None = None) -> list[int]:
        """Return the numbers above *after*, at most *limit*, in order; of those too that nothing has opened."""

    def totals(self) -> list[Total]:
        """Return the kept counts."""

    def counts(self) -> list[Count]:
        """Return how many bodies had which result."""

    def machine(self, digest: str) -> str | None:
        """Return the definition of a machine version, as it was registered."""

    def seen_events(self) -> dict[str, set[str]]:
        """Return provider → the names of events ever received."""

    def quarantined(self, *, since_ms: int | None = None) -> Iterator[Quarantined]:
        """Return the bodies kept aside, the oldest first."""

    def count_quarantined(self, *, since_ms: int | None = None) -> int:
        """Return how many bodies are kept aside."""

    def quarantine_size(self) -> tuple[int, int]:
        """Return how many bodies are kept aside, and how many bytes they have."""


class Journal(Writer, Reader, Protocol):
    """Where everything is kept. All failures of storage are errors under TrackerError."""

    def writing(self) -> AbstractContextManager[None]:
        """Begin a write transaction that is durable when the block ends, and undone when it raises."""

    def reader(self) -> "Journal":
        """Return a journal on the same events for one more thread, which only reads."""

    def changed_elsewhere(self) -> bool:
        """Tell whether anybody else has written since this was last asked, inside the transaction that asks."""

    def damages(self) -> Iterator[str]:
        """Yield what is damaged: pages, bodies that no longer have their hash, counts that do not add up."""

    def cut_log(self) -> None:
        """
        Move what is committed out of the write-ahead log, so that what was deleted is not left in there.

        Raises BusyError where it is, because somebody still reads what was before.
        """

    def backup(self, path: str) -> None:
        """Write a copy that is right under load to *path*, which must not exist."""
