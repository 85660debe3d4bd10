"""Lives: what happens to a simulated recording at its provider, and what the provider tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log
from random import Random
from typing import Any, NamedTuple

CLOCKS = 8
"""How many servers of one role a provider has; each has a clock of its own."""


class Told(NamedTuple):
    """One thing that happens to a recording, and the callback that tells of it, if one does."""

    at_ms: int
    """When it really happens."""
    name: str
    """The event name, as the machine has it."""
    body: dict[str, Any]
    stated_ms: int | None
    """When the body says that it happened, by the clock of the server that sends it; None where it says nothing."""
    trouble: bool = False
    """Whether it reports an error or a warning."""
    odd: bool = False
    """Whether the body contradicts itself."""
    misfit: str | None = None
    """The code of the flag of what cannot follow on what happened before."""
    worker: str | None = None
    """Which of the workers that a recording can move between sends it."""
    sequence: int | None = None
    is_sent: bool = True
    """False for what happens and is not told: the account does not get it, or the provider never says it."""
    superseded: bool = False
    """Whether the recording has moved on to another worker."""


@dataclass(slots=True, kw_only=True)
class Life:
    """A recording as its provider's module plays it, all that happens in its order."""

    kind: str
    recording_id: str
    group_id: str | None
    told: list[Told]
    outcome: str | None
    """How it really ends; None where it does not."""
    announced_as: Mapping[str, str]
    """The ``recording_id`` or ``group_id`` by which an application can announce it, before anything has come."""
    query: Mapping[str, str] = field(default_factory=dict)
    fate: str = "healthy"
    hung_ms: int | None = None
    announced_ms: int | None = None
    """When an application has announced it; None if none has."""

    def __post_init__(self) -> None:
        self.told.sort(key=lambda told: told.at_ms)


class Clocks:
    """The clocks of a provider's servers, none of which is quite right."""

    def __init__(self, rng: Random, skew_ms: float) -> None:
        self._rng = rng
        self._skew_ms = skew_ms
        self._offsets: dict[tuple[str, int], int] = {}

    def offset_ms(self, role: str) -> int:
        """Return how far some server of that role is ahead."""
        server = (role, self._rng.randrange(CLOCKS))
        if server not in self._offsets:
            self._offsets[server] = round(self._rng.gauss(0, self._skew_ms))
        return self._offsets[server]


@dataclass(slots=True)
class Stage:
    """Where a life is played: the moment at which it begins, the dice, and the clocks."""

    start_ms: int
    rng: Random
    clocks: Clocks
    ahead_ms: int = 0
    """How far the clocks of all of the provider's servers that this recording meets are astray."""

    def ms(self, at_s: float) -> int:
        """Return the moment *at_s* seconds after the beginning."""
        return self.start_ms + round(at_s * 1000)

    def clock(self, role: str) -> int:
        """Return how many milliseconds the clock of a server is ahead."""
        return self.clocks.offset_ms(role) + self.ahead_ms

    def chance(self, share: float) -> bool:
        """Throw the dice."""
        return self.rng.random() < share

    def length_s(self, median_s: float, most_s: float, *, spread: float = 1.0) -> float:
        """Return a length as recordings and uploads have: most are near the median, and some much longer."""
        return min(most_s, self.rng.lognormvariate(log(median_s), spread))

    def hex(self, digits: int) -> str:
        """Return an id of so many hexadecimal digits."""
        return f"{self.rng.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """Return an id in the form of a UUID."""
        found = self.hex(32)
        return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}"


Play = Callable[[Stage], Life]
Plays = tuple[tuple[float, Play], ...]
"""Lives with the weights by which one is chosen."""
