"""Fixtures that tests of every folder use."""

from tests.figures import figures_fixture

__all__ = ["figures_fixture"]
