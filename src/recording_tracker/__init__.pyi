"""The recording lifecycle tracker: knows which cloud recordings are stuck, and which callbacks were lost."""

from recording_tracker.errors import (
    AmbiguousError,
    BusyError,
    DamagedError,
    InDoubtError,
    MachineError,
    NotFoundError,
    PermissionDeniedError,
    QuarantinedBodyError,
    QuarantineFullError,
    RejectedBodyError,
    RequestError,
    SignatureError,
    StorageError,
    TrackerError,
    UnknownProviderError,
    UsageError,
    VersionError,
)
from recording_tracker.events import Callback, Event, File, Ignored
from recording_tracker.flags import Flag
from recording_tracker.intake import QuarantineLimits
from recording_tracker.recording import Recording
from recording_tracker.results import (
    AuditReport,
    HistoryLine,
    Part,
    Receipt,
    ReplayReport,
    Story,
    Summary,
    VerifyReport,
)
from recording_tracker.tracker import Tracker

__all__ = [
    "AmbiguousError",
    "AuditReport",
    "BusyError",
    "Callback",
    "DamagedError",
    "Event",
    "File",
    "Flag",
    "HistoryLine",
    "Ignored",
    "InDoubtError",
    "MachineError",
    "NotFoundError",
    "Part",
    "PermissionDeniedError",
    "QuarantineFullError",
    "QuarantineLimits",
    "QuarantinedBodyError",
    "Receipt",
    "Recording",
    "RejectedBodyError",
    "ReplayReport",
    "RequestError",
    "SignatureError",
    "StorageError",
    "Story",
    "Summary",
    "Tracker",
    "TrackerError",
    "UnknownProviderError",
    "UsageError",
    "VerifyReport",
    "VersionError",
]
