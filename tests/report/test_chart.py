"""Charts: where durations stand on the common scale, and what is over the limit."""

from __future__ import annotations

import re

import pytest

from recording_tracker.report.chart import FIRST_MS, LAST_MS, WIDTH, distribution_svg, percentile, scale_svg

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("part", "expected"), [(0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.95, 95), (0.99, 99), (1, 100)]
)
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(part: float, expected: int) -> None:
    assert percentile(range(1, 101), part) == expected


def test_the_percentiles_of_one_value_are_that_value() -> None:
    assert [percentile([7], part) for part in (0, 0.5, 0.99, 1)] == [7, 7, 7, 7]


def bars(values: list[int], limit_ms: int | None) -> list[tuple[str, float]]:
    drawn = distribution_svg(values, limit_ms)
    return [(kind, float(x)) for x, kind in re.findall(r'<rect x="([\d.]+)"[^>]*class="(\w+)"', drawn)]


def test_what_is_over_the_limit_is_drawn_so() -> None:
    kinds = [kind for kind, _ in bars([60_000, 2 * HOUR_MS, 20 * HOUR_MS], HOUR_MS)]

    assert kinds == ["bar", "over", "over"]


def test_without_a_limit_nothing_is_over_it() -> None:
    drawn = distribution_svg([60_000, 20 * HOUR_MS], None)

    assert "over" not in drawn
    assert "limit" not in drawn


def test_what_is_off_the_scale_stands_at_its_ends() -> None:
    places = [x for _, x in bars([-5, 0, FIRST_MS, LAST_MS, 100 * LAST_MS], None)]

    assert places == [0, pytest.approx(WIDTH - WIDTH / 60)]


def test_the_scale_grows_evenly_with_the_logarithm() -> None:
    marks = dict(re.findall(r'x="([\d.]+)"[^>]*>(\w+)<', scale_svg()))
    place = {name: float(x) for x, name in marks.items()}

    assert place["10s"] - place["1s"] == pytest.approx(place["10m"] - place["1m"], abs=0.2)
    assert list(place.values()) == sorted(place.values())
