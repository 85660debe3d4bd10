"""Simulation: recordings with a known fate, told through weather; a machine in, the lines of a delivery log out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from importlib import import_module
from itertools import accumulate
from math import cos, pi
from random import Random
from types import ModuleType
from typing import Any, Final

from recording_tracker.errors import UsageError
from recording_tracker.machine import Machine
from recording_tracker.simulation.declared import Declared
from recording_tracker.simulation.life import Clocks, Life, Play, Plays, Stage, Told
from recording_tracker.simulation.shown import Passage, walk
from recording_tracker.simulation.truth import truth
from recording_tracker.simulation.weather import DAY_MS, Sky, Weather
from recording_tracker.times import LATEST_MS, iso

PROVIDERS: Final = ("agora", "aircore", "bandwidth", "enablex", "line_planet")
ASTRAY_MS: Final = (360_000, 1_200_000)

Line = tuple[int, str]
"""When a line of the log is received, in milliseconds since 1970, and its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is simulated: so many *recordings*, or as many as it takes for so many *events*."""

    start_ms: int
    seed: int
    recordings: int | None
    events: int | None
    per_hour: float

    def goes_on(self, recordings: int, events: int) -> bool:
        """Tell whether one more recording is wanted."""
        if self.recordings is not None:
            return recordings < self.recordings
        return self.events is not None and events < self.events


def simulate(
    machine: Machine, weather: Weather, plan: Plan, tell: Callable[[dict[str, Any]], None] | None = None
) -> Iterator[Line]:
    """
    Yield the lines of a delivery log in the order in which they are received; *tell* is given each truth.

    Only what is on its way is held in memory.
    """
    return _Simulation(machine, weather, plan, tell).lines()


class _Simulation:
    """One provider's recordings, one after the other, and what is on its way."""

    def __init__(
        self, machine: Machine, weather: Weather, plan: Plan, tell: Callable[[dict[str, Any]], None] | None
    ) -> None:
        self._provider = _module(machine.provider)
        self._declared = Declared(machine)
        self._weather = weather
        self._plan = plan
        self._tell = tell
        self._rng = Random(f"{plan.seed}/{machine.provider}")  # noqa: S311  dice, not secrets
        self._sky = Sky(weather, self._provider.RETRIES_S, self._rng, plan.start_ms)
        self._clocks = Clocks(self._rng, weather.skew_s * 1000)
        self._waiting: list[tuple[int, int, str]] = []
        self._named = f'"provider": {json.dumps(machine.provider)}'
        self._number = 0
        self._events = 0
        self._chosen = {
            name: _weighted(getattr(self._provider, name)) for name in ("HEALTHY", "FAILED", "ABSENT", "ODD")
        }

    def lines(self) -> Iterator[Line]:
        recordings, start_ms = 0, self._plan.start_ms
        while self._plan.goes_on(recordings, self._events):
            if start_ms > LATEST_MS:
                raise UsageError("the simulation goes on beyond the year 9799; let it have more recordings an hour")
            yield from self._due(start_ms)
            self._begin(start_ms)
            recordings += 1
            start_ms += self._pause_ms(start_ms)
        yield from self._due(None)

    def _due(self, now_ms: int | None) -> Iterator[Line]:
        waiting = self._waiting
        while waiting and (now_ms is None or waiting[0][0] < now_ms):
            received_ms, _, text = heappop(waiting)
            yield received_ms, text

    def _pause_ms(self, now_ms: int) -> int:
        """Return how long it is until the next recording begins: few do at night."""
        busy = 1 - 0.8 * cos(2 * pi * (now_ms % DAY_MS) / DAY_MS)
        return int(self._rng.expovariate(self._plan.per_hour * busy / 3_600_000))

    def _begin(self, start_ms: int) -> None:
        rng, weather = self._rng, self._weather
        astray = rng.random() < weather.astray
        stage = Stage(start_ms, rng, self._clocks, rng.randint(*ASTRAY_MS) if astray else 0)
        life = self._live(stage)
        life.told = [self._as_subscribed(told) for told in life.told]
        if life.fate == "never" or rng.random() < weather.announced:
            life.announced_ms = start_ms
            self._push(start_ms, json.dumps(self._announcement(life)))
        passages = [self._travel(life, told) for told in life.told]
        if self._tell is not None:
            self._tell(truth(self._declared, life, passages))

    def _as_subscribed(self, told: Told) -> Told:
        return told if self._declared.sends(told.name) else told._replace(is_sent=False)

    def _live(self, stage: Stage) -> Life:
        """Choose the fate of a recording, and play it."""
        draw, weather = self._rng.random(), self._weather
        for share, fate in (
            (weather.hung, "hung"), (weather.failed, "failed"), (weather.absent, "absent"), (weather.odd, "odd"),
        ):  # fmt: skip
            if draw < share:
                return self._fated(stage, fate)
            draw -= share
        return self._fated(stage, "healthy")

    def _fated(self, stage: Stage, fate: str) -> Life:
        if fate == "absent" and (not self._provider.ABSENT or stage.chance(0.5)):
            life = self._play(stage, "HEALTHY")
            life.told, life.outcome, life.fate = [], None, "never"
            return life
        life = self._play(stage, "HEALTHY" if fate == "hung" else fate.upper())
        life.fate = fate
        if fate == "hung":
            self._hang(life)
        return life

    def _play(self, stage: Stage, name: str) -> Life:
        plays, weights = self._chosen[name]
        [play] = self._rng.choices(plays, cum_weights=weights)
        return play(stage)

    def _hang(self, life: Life) -> None:
        """Let nothing more happen from some moment on before it is complete."""
        told, declared = life.told, self._declared
        ends = (place for place, states in enumerate(walk(declared, told)) if declared.is_complete(states))
        # By a machine that requires more than a provider does, none of its lives may end.
        last = next(ends, len(told) - 1)
        place = self._rng.randint(min(1, last), last)
        before_ms = told[place - 1].at_ms if place else told[0].at_ms
        life.hung_ms = self._rng.randint(before_ms, told[place].at_ms)
        life.told, life.outcome = told[:place], None

    def _announcement(self, life: Life) -> dict[str, Any]:
        expected = {"provider": self._declared.provider, **life.announced_as}
        return {"expect": expected, "received_at": iso(life.announced_ms or 0)}

    def _travel(self, life: Life, told: Told) -> Passage:
        """Let one callback travel, and note how it came."""
        came: list[tuple[int, int | None]] = []
        body, stated_ms = told.body, told.stated_ms
        if not told.is_sent:
            return Passage(told, ())
        for received_ms in self._sky.arrivals(told.at_ms, surely=life.fate == "odd"):
            if came:
                body, again_ms = self._provider.resent(body, received_ms, self._rng)
                stated_ms = stated_ms if again_ms is None else again_ms
            came.append((received_ms, stated_ms))
            query = f'"query": {_written(life.query)}, ' if life.query else ""
            received = f'"received_at": "{iso(received_ms)}"'
            self._push(received_ms, f'{{{self._named}, {received}, {query}"body": {_written(body)}}}')
            self._events += 1
        return Passage(told, came)

    def _push(self, received_ms: int, text: str) -> None:
        # The number keeps what comes in the same millisecond in the order in which it was sent.
        self._number += 1
        heappush(self._waiting, (received_ms, self._number, text))


_written = json.JSONEncoder().encode


def _module(provider: str) -> ModuleType:
    return import_module(f"{__name__}.{provider}")


def _weighted(plays: Plays) -> tuple[list[Play], list[float]]:
    return [play for _, play in plays], list(accumulate(weight for weight, _ in plays))
