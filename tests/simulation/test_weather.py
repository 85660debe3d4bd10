"""What the weather does to callbacks on their way."""

from __future__ import annotations

from random import Random

import pytest

from recording_tracker.simulation import agora, bandwidth
from recording_tracker.simulation.weather import WEATHERS, Sky, Weather
from tests.simulation.lives import START_MS

MINUTE_MS = 60_000
STILL = Weather(delay_s=0.001)


def arrived(weather: Weather, *, retries_s: tuple[float, ...] = (0.0,), count: int = 2000) -> list[list[int]]:
    """How long after they happened callbacks came, one happening a minute."""
    sky = Sky(weather, retries_s, Random(7), START_MS)
    moments = [START_MS + number * MINUTE_MS for number in range(count)]
    return [[came_ms - at_ms for came_ms in sky.arrivals(at_ms)] for at_ms in moments]


def share(found: list[list[int]], number: int) -> float:
    return sum(len(one) == number for one in found) / len(found)


def test_in_still_air_everything_comes_once_and_at_once() -> None:
    assert {len(one) for one in arrived(STILL)} == {1}
    assert max(delay for [delay] in arrived(STILL)) < 100


def test_as_many_are_lost_as_is_asked_for() -> None:
    assert share(arrived(Weather(loss=0.1)), 0) == pytest.approx(0.1, abs=0.02)


def test_as_many_come_again_as_is_asked_for() -> None:
    assert share(arrived(Weather(duplicates=0.2)), 2) == pytest.approx(0.2, abs=0.03)


def test_what_comes_again_comes_later() -> None:
    assert all(first <= second for first, second in arrived(Weather(duplicates=1.0)))


def test_a_failed_attempt_is_made_again_where_the_provider_does_so() -> None:
    found = arrived(Weather(failures=0.5, delay_s=0.001), retries_s=agora.RETRIES_S)

    assert share(found, 0) == pytest.approx(0.5**4, abs=0.02)
    assert {round(delay / 1000) for [delay] in filter(None, found)} == {0, 10, 40, 130}


def test_a_provider_that_tries_once_more_loses_what_fails_twice() -> None:
    assert share(arrived(Weather(failures=0.5), retries_s=bandwidth.RETRIES_S), 0) == pytest.approx(0.25, abs=0.03)


def test_in_an_outage_everything_is_lost_or_comes_when_it_ends() -> None:
    found = arrived(Weather(delay_s=0.001, outages=48, outage_s=900), count=20_000)
    lost, held = share(found, 0), sum(bool(one) and one[0] > MINUTE_MS for one in found) / len(found)

    assert lost > 0.1
    assert held > 0.1
    runs = "".join("x" if not one else "." for one in found).split(".")
    assert max(len(run) for run in runs) > 20


def test_late_ones_are_late_by_as_much_as_is_asked_for() -> None:
    late = [delay for [delay] in arrived(Weather(delay_s=0.001, late=1.0, late_by_s=600))]

    assert sum(late) / len(late) == pytest.approx(600_000, rel=0.1)


def test_what_is_told_surely_comes_through_any_weather() -> None:
    sky = Sky(Weather(loss=1.0, failures=1.0), (0.0,), Random(1), START_MS)

    assert len(sky.arrivals(START_MS, surely=True)) == 1


def test_each_weather_is_worse_than_the_one_before() -> None:
    fair, rough, storm = WEATHERS.values()

    for name in ("loss", "failures", "duplicates", "delay_s", "late", "skew_s", "outages", "hung", "failed", "odd"):
        assert getattr(fair, name) < getattr(rough, name) < getattr(storm, name)
