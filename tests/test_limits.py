"""Limits from history: what is proposed, how it is justified, and when nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from recording_tracker.limits import Suggestion, interval, machine_file, rounded_up, suggest
from recording_tracker.machine import find_machines, load_machine
from recording_tracker.observed import Observed
from recording_tracker.times import MILLISECOND

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
RECORDING, STOPPED = ("recording", "recording"), ("recording", "stopped")
AIRCORE = find_machines()["aircore"]


def observed(
    *,
    silences: dict[tuple[str, str], list[int]] | None = None,
    stays: dict[tuple[str, str], list[int]] | None = None,
    lateness_ms: list[int] | None = None,
) -> Observed:
    return Observed(
        provider="aircore",
        recordings=0,
        stays=stays or {},
        silences=silences or {},
        delays_ms=[],
        events=0,
        duplicates=0,
        late=0,
        missing=0,
        lateness_ms=lateness_ms or [],
        lives_ms=[],
        starts_ms=[],
    )


def found(seen: Observed, key: str, state: str | None) -> Suggestion:
    (suggestion,) = [each for each in suggest(seen, AIRCORE) if (each.key, each.state) == (key, state)]
    return suggestion


def test_a_limit_that_is_far_too_long_is_shortened() -> None:
    silences = {RECORDING: [*range(MINUTE, 21 * MINUTE, MINUTE)] * 50}

    suggestion = found(observed(silences=silences), "stall_after", "recording")

    assert (suggestion.limit_ms, suggestion.proposed_ms) == (12 * HOUR, 30 * MINUTE)
    assert suggestion.sooner_ms == 11 * HOUR + 30 * MINUTE
    assert [suggestion.percentile(share) for share in (0.5, 0.99, 0.999)] == [10 * MINUTE, 20 * MINUTE, 20 * MINUTE]
    assert suggestion.false_alarms(30 * MINUTE) == 0


def test_a_limit_that_has_made_false_alarms_is_lengthened() -> None:
    suggestion = found(observed(stays={STOPPED: [MINUTE] * 150 + [HOUR] * 50}), "complete_within", "stopped")

    assert (suggestion.limit_ms, suggestion.proposed_ms) == (30 * MINUTE, 90 * MINUTE)
    assert suggestion.sooner_ms == -HOUR
    assert (suggestion.false_alarms(30 * MINUTE), suggestion.false_alarms(90 * MINUTE)) == (50, 0)


def test_one_in_a_thousand_does_not_set_the_limit() -> None:
    suggestion = found(observed(stays={STOPPED: [MINUTE] * 1_999 + [DAY]}), "complete_within", "stopped")

    assert suggestion.proposed_ms == 2 * MINUTE
    assert suggestion.false_alarms(2 * MINUTE) == 1


@pytest.mark.parametrize(("times", "proposed"), [(99, None), (100, 2 * MINUTE)])
def test_of_few_observations_nothing_is_proposed(times: int, proposed: int | None) -> None:
    suggestion = found(observed(stays={STOPPED: [MINUTE] * times}), "complete_within", "stopped")

    assert (suggestion.is_enough, suggestion.proposed_ms) == (proposed is not None, proposed)


def test_a_limit_that_fits_stays() -> None:
    suggestion = found(observed(stays={STOPPED: [18 * MINUTE] * 100}), "complete_within", "stopped")

    assert suggestion.is_enough
    assert suggestion.proposed_ms is None


def test_a_limit_that_the_machine_does_not_set_is_not_proposed() -> None:
    suggestion = found(observed(stays={("recording", "requested"): [MINUTE] * 100}), "complete_within", "requested")

    assert (suggestion.limit_ms, suggestion.proposed_ms) == (None, None)


def test_how_late_the_late_ones_were_says_when_one_is_lost() -> None:
    suggestion = found(observed(lateness_ms=[20 * MINUTE] * 100), "lost_after", None)

    assert (suggestion.limit_ms, suggestion.proposed_ms) == (5 * MINUTE, 30 * MINUTE)


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (1, MINUTE),
        (61 * SECOND, 2 * MINUTE),
        (11 * MINUTE, 15 * MINUTE),
        (61 * MINUTE, 75 * MINUTE),
        (6 * HOUR + 1, 7 * HOUR),
        (49 * HOUR, 54 * HOUR),
        (11 * DAY + 1, 12 * DAY),
    ],
)
def test_limits_are_times_that_people_would_set(ms: int, expected: int) -> None:
    assert rounded_up(ms) == expected


@pytest.mark.parametrize(
    ("count", "of", "expected"),
    [(0, 100, (0.0, 0.0370)), (1, 100, (0.0018, 0.0545)), (50, 100, (0.4038, 0.5962)), (100, 100, (0.9630, 1.0))],
)
def test_the_interval_is_wilsons(count: int, of: int, expected: tuple[float, float]) -> None:
    assert interval(count, of) == pytest.approx(expected, abs=0.0001)


def test_the_file_loads_and_holds_what_is_proposed(tmp_path: Path) -> None:
    seen = observed(
        silences={RECORDING: [20 * MINUTE] * 100},
        stays={STOPPED: [HOUR] * 100, ("recording", "requested"): [MINUTE] * 100},
        lateness_ms=[20 * MINUTE] * 100,
    )
    path = tmp_path / "aircore.toml"

    path.write_text("\n".join(machine_file("aircore", suggest(seen, AIRCORE), also=["a remark"])), encoding="utf-8")

    machine = load_machine(path)
    states = dict(zip(machine.regions[0].states, machine.regions[0].rules, strict=True))
    changed = (states["recording"].stall_after, states["stopped"].complete_within, machine.limits.lost_after)
    assert [length // MILLISECOND for length in changed if length] == [30 * MINUTE, 90 * MINUTE, 30 * MINUTE]
    assert machine.limits.complete_within == AIRCORE.limits.complete_within
    text = path.read_text(encoding="utf-8")
    assert "# a remark\n" in text
    assert "# was 12h; n = 100, p50 20m, p99 20m, p99.9 20m\n" in text


@pytest.mark.parametrize("provider", find_machines())
def test_a_file_for_every_state_of_a_shipped_machine_loads(provider: str, tmp_path: Path) -> None:
    machine = find_machines()[provider]
    places = [(region.name, state) for region in machine.regions for state in region.states]
    seen = observed(silences=dict.fromkeys(places, [MINUTE] * 100), stays=dict.fromkeys(places, [MINUTE] * 100))
    path = tmp_path / "machine.toml"

    path.write_text("\n".join(machine_file(provider, suggest(seen, machine))), encoding="utf-8")

    proposed = sum(each.proposed_ms is not None for each in suggest(seen, machine))
    assert proposed > 0
    assert load_machine(path).digest != machine.digest
