"""The README's table of accuracy is what the commands make, and says that nothing that can be known was wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from recording_tracker.scoring import Score
from recording_tracker.simulation import PROVIDERS
from tests.accuracy import HEADS, RECORDINGS, measured, row

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
every_provider = pytest.mark.parametrize("provider", PROVIDERS)


def assert_nothing_is_wrong(found: Score) -> None:
    assert found.wrong == []
    assert found.state.false == 0
    assert [name for name, tally in found.outcomes.items() if tally.false or tally.missed] == []
    assert [code for code, tally in found.flags.items() if tally.false or tally.missed] == []
    assert (found.stuck.false, found.stuck.missed, found.alarmed) == (0, 0, 0)
    assert found.losses.implied == found.losses.implied_found
    assert found.losses.deadline == found.losses.deadline_found


@every_provider
def test_the_table_is_what_the_commands_make_and_nothing_in_it_is_wrong(provider: str) -> None:
    found = measured(provider)

    assert_nothing_is_wrong(found)
    assert found.recordings == RECORDINGS
    assert row(provider, found) in README.splitlines()


def test_the_table_has_its_heads() -> None:
    assert f"| {' | '.join(HEADS)} |" in README.splitlines()


@every_provider
@pytest.mark.parametrize("weather", ["fair", "storm"])
def test_in_other_weather_nothing_that_can_be_known_is_wrong_either(provider: str, weather: str) -> None:
    assert_nothing_is_wrong(measured(provider, recordings=150, weather=weather, seed=9))


@pytest.mark.slow
@every_provider
@pytest.mark.parametrize("seed", range(100, 104))
def test_in_no_weather_is_anything_wrong_that_can_be_known(provider: str, seed: int) -> None:
    assert_nothing_is_wrong(measured(provider, recordings=3000, weather="storm", seed=seed))
