"""Recording: a standing seen at one moment, in the types and the JSON that callers get."""

# Named tuples, for to make a dataclass of so many fields is a twentieth of what a status takes; and annotations that
# are not postponed, for a named tuple would compile each of them.

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from recording_tracker.events import File
from recording_tracker.flags import STUCK, Flag
from recording_tracker.standing import Standing
from recording_tracker.times import from_ms
from recording_tracker.urls import without_credentials


class LastEvent(NamedTuple):
    """The last event in lifecycle order; moments are aware UTC, *occurred_at* None where the provider gives none."""

    name: str
    occurred_at: datetime | None
    received_at: datetime


class Recording(NamedTuple):
    """What the fold makes of one recording's events, with the flags open at one moment; moments are aware UTC."""

    provider: str
    recording_id: str | None
    group_id: str | None
    aliases: tuple[str, ...]
    phase: str
    complete: bool
    outcome: str | None
    stuck: bool
    state: dict[str, str]
    started_at: datetime | None
    ended_at: datetime | None
    completed_at: datetime | None
    stall_at: datetime | None
    due_at: datetime | None
    progress: float | None
    last_event: LastEvent | None
    events: int
    duplicates: int | None
    """None where nobody can know: how many had come by a moment in the past."""
    files: tuple[File, ...]
    flags: tuple[Flag, ...]
    awaits: tuple[str, ...]
    """The events that would bring it nearer to being complete."""

    @property
    def id(self) -> str:
        """The recording id, or the group id of one that was announced by its group only."""
        return self.recording_id or self.group_id or ""

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What tells it from every other, also where it was announced by its group only."""
        return (self.provider, self.recording_id, self.group_id if self.recording_id is None else None)

    @classmethod
    def seen(cls, standing: Standing, flags: Iterable[Flag]) -> "Recording":
        """Dress *standing* with the *flags* open at the moment of looking."""
        found = tuple(flags)
        last = None
        if standing.last_name is not None and standing.last_received_ms is not None:
            last = LastEvent(standing.last_name, _moment(standing.last_occurred_ms), from_ms(standing.last_received_ms))
        return cls(
            provider=standing.provider,
            recording_id=standing.recording_id,
            group_id=standing.group_id,
            aliases=standing.aliases,
            phase=standing.phase,
            complete=standing.complete,
            outcome=standing.outcome,
            stuck=any(flag.code in STUCK for flag in found),
            state=dict(standing.state),
            started_at=_moment(standing.started_ms),
            ended_at=_moment(standing.ended_ms),
            completed_at=_moment(standing.completed_ms),
            stall_at=_moment(standing.stall_ms),
            due_at=_moment(standing.due_ms),
            progress=standing.progress,
            last_event=last,
            events=standing.events,
            duplicates=standing.duplicates,
            files=standing.files,
            flags=found,
            awaits=standing.awaits,
        )

    def to_json(self, *, secrets: bool = False) -> dict[str, object]:
        """Return it as the JSON output has it; without *secrets* hashes are null and urls have no credentials."""
        last = self.last_event
        return {
            "provider": self.provider,
            "recording_id": self.recording_id,
            "group_id": self.group_id,
            "aliases": list(self.aliases),
            "phase": self.phase,
            "complete": self.complete,
            "outcome": self.outcome,
            "stuck": self.stuck,
            "state": self.state,
            "started_at": text_of(self.started_at),
            "ended_at": text_of(self.ended_at),
            "completed_at": text_of(self.completed_at),
            "stall_at": text_of(self.stall_at),
            "due_at": text_of(self.due_at),
            "progress": self.progress,
            "last_event": last
            and {
                "name": last.name,
                "occurred_at": text_of(last.occurred_at),
                "received_at": text_of(last.received_at),
            },
            "events": self.events,
            "duplicates": self.duplicates,
            "files": [(file if secrets else without_secrets(file))._asdict() for file in self.files],
            "flags": [flag.to_json() for flag in self.flags],
        }


def without_secrets(file: File) -> File:
    """Return *file* without its hash and without credentials in its url."""
    return file._replace(hash=None, url=without_credentials(file.url) if file.url else None)


def text_of(moment: datetime | None) -> str | None:
    """Write *moment* as ISO 8601 with milliseconds and Z."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
