"""Every error that is raised on purpose, and the exit status that the command line gives it."""

from __future__ import annotations

from typing import ClassVar


class TrackerError(Exception):
    """Whatever the tracker refuses or cannot do, told in one line: where, what, and what would be right."""

    exit_status: ClassVar[int] = 1


class UsageError(TrackerError):
    """A call, flag or value that cannot mean anything."""

    exit_status = 2


class UnknownProviderError(UsageError):
    """A provider without an adapter and a machine; *kind* says which of them is looked for."""

    def __init__(self, provider: str, known: list[str], *, lacks: str = "adapter") -> None:
        # Loads slowly, and is for the mistyped only.
        from difflib import get_close_matches

        like = get_close_matches(provider[:100], known, n=1)
        unset = "; check --machines or TRACKER_MACHINES" if lacks == "machine" else ""
        remedy = f"; did you mean {like[0]!r}?" if like else unset
        super().__init__(f"no {lacks} for {provider!r}; there are {lacks}s for {', '.join(known)}{remedy}")
        self.provider = provider


class NotFoundError(TrackerError):
    """No recording, quarantined body or flag answers to what was asked for."""


class AmbiguousError(TrackerError):
    """A text that names several recordings where one is meant, or a prefix that several ids share."""

    def __init__(self, text: str, candidates: list[str]) -> None:
        # Whoever looks may have stopped looking after some, so a count of many would be too low.
        few = len(candidates) <= 10
        count, more = (str(len(candidates)), "") if few else ("more than 10", ", …")
        super().__init__(f"{text!r} names {count} of them; give one of: {', '.join(candidates[:10])}{more}")
        self.candidates = candidates


class DamagedError(TrackerError):
    """The database, or what is in it, cannot be what was written."""

    exit_status = 65


class StorageError(TrackerError):
    """The operating system or SQLite could not read or write: no such file, disk full, input/output error."""

    exit_status = 74


class InDoubtError(StorageError):
    """A commit that failed: what it held may be stored or not; taking the same in again settles it."""


class QuarantineFullError(StorageError):
    """A body that should be kept aside, where no more are kept; answer 503 and look at the quarantine."""


class BusyError(TrackerError):
    """Another process held the database for longer than the time-out; the same call may succeed later."""

    exit_status = 75


class PermissionDeniedError(TrackerError):
    """The file, its folder or its mount may not be read or written."""

    exit_status = 77


class VersionError(TrackerError):
    """The database has a newer schema than this version of the tracker."""

    exit_status = 78


class MachineError(TrackerError):
    """A machine file that cannot be used: file, place, what is wrong, what would be right."""

    exit_status = 78


class RejectedBodyError(TrackerError):
    """A body that cannot be read safely as one JSON object; nothing of it is kept."""


class QuarantinedBodyError(TrackerError):
    """A JSON object that cannot be attributed with certainty; it is kept whole, aside."""


class SignatureError(TrackerError):
    """A request that does not show that it comes from the provider; answer it with 401 and take nothing in."""


class RequestError(TrackerError):
    """A request that cannot be a callback: compressed, too large, cut short; *status* is the answer to it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
