"""The table of providers: a callback in, its events out, each provider by the module of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from recording_tracker.body import MAX_BODY_BYTES, MAX_PLAIN_BYTES, read_object
from recording_tracker.errors import QuarantinedBodyError, UnknownProviderError
from recording_tracker.events import OPERATOR, SUPERSEDED, Callback, Event, Ignored
from recording_tracker.garbage import left_alone

ENTRY_POINTS = "recording_tracker.adapters"
SHIPPED = ("agora", "aircore", "bandwidth", "enablex", "line_planet")


class Adapter(Protocol):
    """What a provider's module has: the name of the provider, and how to read its callbacks and ids."""

    @property
    def PROVIDER(self) -> str:
        """The provider's name, which its machine file has too."""

    def parse(self, body: dict[str, Any], callback: Callback, /) -> Sequence[Event] | Ignored:
        """
        Turn *body*, the object that ``callback.body`` holds, into events.

        Raises QuarantinedBodyError where it cannot be attributed with certainty. No input or output, no clock.
        """

    def canonical_id(self, text: str, /) -> str:
        """Spell a recording or group id as events do, whichever of its spellings *text* is."""


def find_adapters() -> dict[str, Adapter]:
    """Find every adapter by its provider: the shipped ones, and those that installed packages register."""
    # Takes longer to load than a look-up by an exact id, which needs no adapter.
    from importlib.metadata import entry_points

    found: dict[str, Adapter] = {name: import_module(f"{__name__}.{name}") for name in SHIPPED}
    for entry in entry_points(group=ENTRY_POINTS):
        found[entry.name] = entry.load()
    return dict(sorted(found.items()))


def parse(
    adapters: Mapping[str, Adapter], callback: Callback, *, max_bytes: int = MAX_BODY_BYTES
) -> Sequence[Event] | Ignored:
    """
    Read *callback* by the adapter of its provider.

    Raises UnknownProviderError, RejectedBodyError for what is no JSON object, and
    QuarantinedBodyError for what cannot be attributed.
    """
    adapter = adapters.get(callback.provider)
    if adapter is None:
        raise UnknownProviderError(callback.provider, list(adapters))
    if len(callback.body) <= MAX_PLAIN_BYTES:
        return _parsed(adapter, callback, max_bytes)
    with left_alone():
        return _parsed(adapter, callback, max_bytes)


def _parsed(adapter: Adapter, callback: Callback, max_bytes: int) -> Sequence[Event] | Ignored:
    found = adapter.parse(read_object(callback.body, max_bytes=max_bytes), callback)
    if not isinstance(found, Ignored):
        for event in found:
            # The fold tells its own events by name; no sender may speak for the operator.
            if event.name.startswith(OPERATOR) or event.name.endswith(SUPERSEDED):
                raise QuarantinedBodyError(f"the event's name {event.name!r} is one that only the tracker gives")
    return found
