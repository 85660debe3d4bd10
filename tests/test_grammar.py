"""Grammar: one is not many."""

from __future__ import annotations

import pytest

from recording_tracker.grammar import counted


@pytest.mark.parametrize(("number", "told"), [(0, "0 bodies"), (1, "1 body"), (2, "2 bodies")])
def test_a_number_goes_with_its_word(number: int, told: str) -> None:
    assert counted(number, "body", "bodies") == told


@pytest.mark.parametrize(("number", "told"), [(0, "0 others"), (1, "1 other"), (2, "2 others")])
def test_most_words_get_an_s(number: int, told: str) -> None:
    assert counted(number, "other") == told
