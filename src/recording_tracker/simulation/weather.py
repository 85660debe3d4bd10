"""Weather: how often what goes wrong, and how each callback travels through it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

DAY_MS: Final = 86_400_000
DOWN_SHARE: Final = 0.5
"""How many of the outages are ours: nothing can be delivered. In the others the provider holds everything back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What goes wrong and how often; shares are chances from 0 to 1, moments and lengths seconds."""

    loss: float = 0.0
    """That a callback is never delivered."""
    failures: float = 0.0
    """That an attempt to deliver fails: a provider that tries again does so, with another it is lost."""
    duplicates: float = 0.0
    """That what has been delivered is delivered again."""
    delay_s: float = 0.3
    """How long a delivery takes, in the middle."""
    late: float = 0.0
    """That a delivery is held up."""
    late_by_s: float = 600.0
    """For how long, on average."""
    skew_s: float = 0.0
    """By how much the clocks of a provider's servers differ, as a standard deviation."""
    astray: float = 0.0
    """That a recording is on servers whose clocks are 6 to 20 minutes ahead."""
    outages: float = 0.0
    """How many a day, in which everything is held back or lost."""
    outage_s: float = 600.0
    """How long one takes, on average."""
    hung: float = 0.0
    """That a recording stops on its way, and nothing more happens."""
    failed: float = 0.0
    """That it fails."""
    absent: float = 0.0
    """That there is nothing to record, or that an announced one never begins."""
    odd: float = 0.0
    """That its provider contradicts itself, or sends what no documentation has; such a one is told whole."""
    announced: float = 0.0
    """That it is announced before it begins."""


WEATHERS: Final = {
    "fair": Weather(
        loss=0.0005, failures=0.001, duplicates=0.005, skew_s=0.05, late=0.001,
        hung=0.002, failed=0.005, absent=0.005, odd=0.001, announced=0.5,
    ),
    "rough": Weather(
        loss=0.01, failures=0.02, duplicates=0.05, delay_s=1.0, skew_s=0.5, late=0.02, astray=0.002,
        outages=1.0, hung=0.02, failed=0.03, absent=0.02, odd=0.01, announced=0.5,
    ),
    "storm": Weather(
        loss=0.05, failures=0.1, duplicates=0.2, delay_s=5.0, skew_s=2.0, late=0.1, late_by_s=1800.0, astray=0.02,
        outages=4.0, outage_s=1800.0, hung=0.05, failed=0.05, absent=0.05, odd=0.03, announced=0.5,
    ),
}  # fmt: skip


class Outage(NamedTuple):
    """A time in which nothing is delivered."""

    begin_ms: int
    end_ms: int
    is_held: bool
    """Whether everything is delivered when it ends."""


class Sky:
    """The weather over one provider as time goes on."""

    def __init__(self, weather: Weather, retries_s: Sequence[float], rng: Random, start_ms: int) -> None:
        self.weather = weather
        self._retries_ms = [round(retry_s * 1000) for retry_s in retries_s]
        self._rng = rng
        self._known_ms = start_ms
        self._outages: list[Outage] = []
        self._ends_ms: list[int] = []

    def arrivals(self, at_ms: int, *, surely: bool = False) -> list[int]:
        """Return the moments at which a callback of *at_ms* is delivered; none for one that is lost."""
        weather, rng = self.weather, self._rng
        lost = rng.random() < weather.loss
        if lost and not surely:
            return []
        for retry_ms in self._retries_ms:
            came_ms = self._attempt(at_ms + retry_ms)
            if came_ms is not None:
                break
        else:
            if not surely:
                return []
            came_ms = at_ms + self._delay_ms()
        if rng.random() >= weather.duplicates:
            return [came_ms]
        return [came_ms, came_ms + int(rng.expovariate(1 / 20_000))]

    def _attempt(self, at_ms: int) -> int | None:
        came_ms = at_ms + self._delay_ms()
        outage = self._outage(came_ms) if self.weather.outages else None
        if outage is not None and not outage.is_held:
            return None
        if self._rng.random() < self.weather.failures:
            return None
        return came_ms if outage is None else outage.end_ms + int(self._rng.random() * 30_000)

    def _delay_ms(self) -> int:
        rng, weather = self._rng, self.weather
        delay_ms = weather.delay_s * 1000 * rng.lognormvariate(0, 0.8)
        if rng.random() < weather.late:
            delay_ms += rng.expovariate(1 / (weather.late_by_s * 1000))
        return int(delay_ms)

    def _outage(self, at_ms: int) -> Outage | None:
        """Find the outage at that moment; outages are made as far as anybody asks."""
        while self._known_ms <= at_ms:
            self._make_outage()
        place = bisect_right(self._ends_ms, at_ms)
        found = self._outages[place] if place < len(self._outages) else None
        return found if found is not None and found.begin_ms <= at_ms else None

    def _make_outage(self) -> None:
        rng = self._rng
        begin_ms = self._known_ms + int(rng.expovariate(self.weather.outages / DAY_MS))
        end_ms = begin_ms + int(rng.expovariate(1 / (self.weather.outage_s * 1000)))
        self._outages.append(Outage(begin_ms, end_ms, rng.random() >= DOWN_SHARE))
        self._ends_ms.append(end_ms)
        self._known_ms = end_ms
