"""Limits: how long complete recordings took, and a machine, in; what its limits could be, and why, out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, sqrt

from recording_tracker.machine import Machine
from recording_tracker.observed import Observed
from recording_tracker.times import MILLISECOND, short

FEWEST = 100
"""Observations below which nothing is proposed: of a hundred without a false alarm one in thirty may still be one."""
MARGIN = 1.5
"""What is proposed is so many times what 999 of 1000 stayed below: the slowest there will be has not been seen yet."""
CLOSE = 0.2
"""A limit that is off by no more than this share of what would be proposed is left as it is."""
_Z = 1.96
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
_STEPS = ((10 * MINUTE, MINUTE), (HOUR, 5 * MINUTE), (6 * HOUR, 15 * MINUTE), (2 * DAY, HOUR), (10 * DAY, 6 * HOUR))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One limit beside the times that it is for; every time is in milliseconds."""

    key: str
    """``stall_after`` or ``complete_within`` of a state; those of the machine, and ``lost_after``, ``start_within``."""
    region: str | None
    state: str | None
    times: tuple[int, ...]
    """In ascending order: what was waited for, and came by itself."""
    limit_ms: int | None
    proposed_ms: int | None = None
    """None where there are too few observations, where the limit fits, and where the machine sets none."""

    @property
    def is_enough(self) -> bool:
        """Whether there are observations enough to propose anything."""
        return len(self.times) >= FEWEST

    @property
    def sooner_ms(self) -> int | None:
        """How much sooner what hangs would be found; below nothing where it would be later."""
        return None if self.proposed_ms is None or self.limit_ms is None else self.limit_ms - self.proposed_ms

    def percentile(self, share: float) -> int | None:
        """Return the least of the times that so large a *share* of them does not exceed; None where there are none."""
        return self.times[max(ceil(share * len(self.times)), 1) - 1] if self.times else None

    def false_alarms(self, limit_ms: int) -> int:
        """Count the times that are longer than a limit: it would have raised its flag, and what it missed came."""
        return sum(time > limit_ms for time in self.times)


def suggest(observed: Observed, machine: Machine) -> list[Suggestion]:
    """Suggest limits for *machine*: those of its states in lifecycle order, then its own."""
    found = [*_of_states(observed, machine), *_of_the_machine(observed, machine)]
    return [_proposed(suggestion) for suggestion in found]


def _of_states(observed: Observed, machine: Machine) -> Iterator[Suggestion]:
    """Yield the limits of states; of a state that has none how long it was stayed in."""
    for region in machine.regions:
        for state, rule in region.rule.states.items():
            place = (region.name, state)
            stays = tuple(sorted(observed.stays.get(place, ())))
            if rule.stall_after is not None:
                silences = tuple(sorted(observed.silences.get(place, ())))
                yield Suggestion("stall_after", *place, silences, _ms(rule.stall_after))
            if rule.complete_within is not None or (rule.stall_after is None and stays):
                yield Suggestion("complete_within", *place, stays, _ms(rule.complete_within))


def _of_the_machine(observed: Observed, machine: Machine) -> Iterator[Suggestion]:
    for key, times, limit in (
        ("complete_within", observed.lives_ms, machine.limits.complete_within),
        ("lost_after", observed.lateness_ms, machine.limits.lost_after),
        ("start_within", observed.starts_ms, machine.limits.start_within),
    ):
        yield Suggestion(key, None, None, tuple(sorted(times)), _ms(limit))


def _ms(length: timedelta | None) -> int | None:
    return None if length is None else length // MILLISECOND


def _proposed(found: Suggestion) -> Suggestion:
    """
    Propose a limit where the machine has one that does not fit.

    Where it has none, its author wanted none: how long a meeting lasts is nothing that a provider is late with.
    """
    if found.limit_ms is None or not found.is_enough:
        return found
    longest = found.percentile(0.999)
    assert longest is not None
    proposed_ms = rounded_up(ceil(longest * MARGIN))
    if abs(proposed_ms - found.limit_ms) <= CLOSE * proposed_ms:
        return found
    return Suggestion(found.key, found.region, found.state, found.times, found.limit_ms, proposed_ms)


def rounded_up(ms: int) -> int:
    """Round up to a time that people would set: whole minutes, 5, 15, hours, a quarter of a day, days."""
    step = next((step for below, step in _STEPS if ms <= below), DAY)
    return max(ceil(ms / step), 1) * step


def interval(count: int, of: int) -> tuple[float, float]:
    """
    Return the 95 % Wilson interval of a share that was seen *count* times in *of*.

    Of a share that was never seen its upper end is near the rule of three, 3 / *of*.
    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    share, square = count / of, _Z * _Z
    middle = share + square / (2 * of)
    half = _Z * sqrt(share * (1 - share) / of + square / (4 * of * of))
    whole = 1 + square / of
    return max((middle - half) / whole, 0.0), min((middle + half) / whole, 1.0)


def machine_file(base: str, found: Sequence[Suggestion], *, also: Sequence[str] = ()) -> Iterator[str]:
    """Write the proposals as the lines of a machine file that extends *base*; *also* are remarks at its head."""
    yield f"# Limits from the recordings that are complete: {MARGIN} times the p99.9 of what was observed."
    yield from (f"# {remark}" for remark in also)
    yield f"extends = {_quoted(base)}"
    proposed = [suggestion for suggestion in found if suggestion.proposed_ms is not None]
    own = [suggestion for suggestion in proposed if suggestion.state is None]
    if own:
        yield from ("", "[limits]")
        for suggestion in own:
            yield f"# {_reason(suggestion)}"
            yield f"{suggestion.key} = {_quoted(written(suggestion.proposed_ms or 0))}"
    for region, state in dict.fromkeys((each.region, each.state) for each in proposed):
        if region is None or state is None:
            continue
        yield from ("", f"[regions.{_quoted(region)}.states.{_quoted(state)}]")
        for suggestion in proposed:
            if (suggestion.region, suggestion.state) == (region, state):
                yield f"# {_reason(suggestion)}"
                yield f"{suggestion.key} = {_quoted(written(suggestion.proposed_ms or 0))}"


def _reason(found: Suggestion) -> str:
    p50, p99, p999 = (written(found.percentile(share) or 0) for share in (0.5, 0.99, 0.999))
    before = written(found.limit_ms or 0)
    return f"was {before}; n = {len(found.times)}, p50 {p50}, p99 {p99}, p99.9 {p999}"


def _quoted(text: str) -> str:
    # A JSON string is a TOML string.
    return json.dumps(text, ensure_ascii=False)


def written(ms: int) -> str:
    """Write a duration as machine files have it, with its two largest units: ``1h30m``."""
    return short(timedelta(milliseconds=ms)).replace(" ", "")
