"""The recording lifecycle tracker: knows which cloud recordings are stuck, and which callbacks were lost."""

from importlib import import_module

# Each name is loaded when it is first asked for: whoever only looks a recording up needs no payload models.
_MODULES = {
    "errors": (
        "AmbiguousError",
        "BusyError",
        "DamagedError",
        "InDoubtError",
        "MachineError",
        "NotFoundError",
        "PermissionDeniedError",
        "QuarantinedBodyError",
        "QuarantineFullError",
        "RejectedBodyError",
        "RequestError",
        "SignatureError",
        "StorageError",
        "TrackerError",
        "UnknownProviderError",
        "UsageError",
        "VersionError",
    ),
    "events": ("Callback", "Event", "File", "Ignored"),
    "flags": ("Flag",),
    "intake": ("QuarantineLimits",),
    "recording": ("Recording",),
    "results": (
        "AuditReport",
        "HistoryLine",
        "Part",
        "Receipt",
        "ReplayReport",
        "Story",
        "Summary",
        "VerifyReport",
    ),
    "tracker": ("Tracker",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOMES)  # noqa: PLE0605  type checkers read the names in the stub beside this file


def __getattr__(name: str) -> object:
    """Load a public name; https://peps.python.org/pep-0562/."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
