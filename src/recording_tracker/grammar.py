"""Grammar: a number in, the form of the word that goes with it out."""

from __future__ import annotations


def noun(number: int, one: str, many: str | None = None) -> str:
    """Return *one*, or for any other number *many*, else *one* with an s."""
    return one if number == 1 else many or f"{one}s"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Write a number of things."""
    return f"{number} {noun(number, one, many)}"
