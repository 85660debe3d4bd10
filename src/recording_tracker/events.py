"""What comes in: a callback as it arrived, and the events that it tells of."""

# Annotations are not postponed: a named tuple would compile each of them, at every start of the program.

from collections.abc import Mapping
from typing import Final, NamedTuple

OPERATOR: Final = "operator."
RESOLVED: Final = "operator.resolved"
SUPERSEDED: Final = ".superseded"
"""Behind the name of an event that comes from a worker after another has taken over."""


class Callback(NamedTuple):
    """One HTTP request as it arrived; *query* holds the parameters of the url it was sent to."""

    provider: str
    body: bytes
    received_ms: int
    query: Mapping[str, str] = {}


class File(NamedTuple):
    """One media file that a provider names; whatever it does not tell is None."""

    name: str | None
    url: str | None = None
    kind: str | None = None
    track: str | None = None
    order: int | None = None
    hash: str | None = None
    size: int | None = None


class Event(NamedTuple):
    """
    One thing that happened to one recording, as one callback says it.

    A named tuple, because an import makes millions of them and a frozen dataclass takes five times as long.
    """

    recording_id: str
    event_id: str
    """What stays the same when the same event is delivered again; unique within its recording."""
    name: str
    received_ms: int
    """Our time of its first delivery, milliseconds since 1970."""
    occurred_ms: int | None = None
    """The provider's time of the event, milliseconds since 1970; None where it gives none."""
    group_id: str | None = None
    aliases: tuple[str, ...] = ()
    sequence: int | None = None
    incarnation: str | None = None
    """The worker that sent it, where a provider moves a recording from one to another."""
    successor: str | None = None
    """The worker that goes on, named by the event that switches."""
    progress: float | None = None
    """How much of it has been uploaded, 0 to 1."""
    files: tuple[File, ...] = ()
    codes: tuple[tuple[str, str], ...] = ()
    """(table, code) pairs; the machine's code tables say what they mean."""
    problems: tuple[str, ...] = ()
    """What the body contradicts itself in; each becomes part of a ``payload-mismatch``."""
    remark: str | None = None
    """The provider's own free text about an error, for the message of a flag; or an operator's note."""
    started_ms: int | None = None
    ended_ms: int | None = None
    """Start and end of the recording itself, where the body gives them."""
    outcome: str | None = None
    """Only of ``operator.resolved``: how the operator says it ended."""
    content: object = None
    """The body, or a digest of it, without the fields that change on a resend; two of them under one id contradict."""
    differs_ms: int | None = None
    """When a delivery with this id but another content was first received; None where all agree."""

    def without_content(self) -> "Event":
        """Return it as the fold needs it: its content is the body, which is in the journal."""
        # A fifth of the time that ``_replace`` takes, for each event.
        return Event._make((*self[:_CONTENT], None, *self[_CONTENT + 1 :]))


_CONTENT: Final = Event._fields.index("content")


class Ignored(NamedTuple):
    """A body that is recognised and is not about a recording: another product, a console test, a call event."""

    kind: str
