"""Standing: where a recording stands after its events, whatever the time is now."""

# Annotations are not postponed: a named tuple would compile each of them, at every start of the program.

from typing import NamedTuple

from recording_tracker.events import File
from recording_tracker.flags import Flag


class Standing(NamedTuple):
    """All that is known of one recording without asking for the time; moments are milliseconds since 1970."""

    provider: str
    recording_id: str | None
    """None for one that was announced by its group only."""
    group_id: str | None = None
    aliases: tuple[str, ...] = ()
    opened: bool = False
    announced: bool = False
    phase: str = "expected"
    complete: bool = False
    outcome: str | None = None
    state: dict[str, str] = {}  # noqa: RUF012  a named tuple's default, never changed
    started_ms: int | None = None
    ended_ms: int | None = None
    completed_ms: int | None = None
    stall_ms: int | None = None
    stall_region: str | None = None
    due_ms: int | None = None
    due_region: str | None = None
    progress: float | None = None
    last_name: str | None = None
    last_occurred_ms: int | None = None
    last_received_ms: int | None = None
    events: int = 0
    duplicates: int = 0
    awaits: tuple[str, ...] = ()
    machine: str = ""
    """The digest of the machine that the events were folded with."""
    files: tuple[File, ...] = ()
    flags: tuple[Flag, ...] = ()
    """What the fold says; the clock's flags are not among them, but ``missing-event`` is, before its moment too."""

    @property
    def exists(self) -> bool:
        """Whether it is a recording at all: opened, or announced; else its events wait for one that opens it."""
        return self.opened or self.announced
