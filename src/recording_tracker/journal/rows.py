"""Rows: what the cells of a row can hold; a row in, whether it can have been written by us out."""

# Annotations are not postponed: a named tuple would compile each of them, at every start of the program.

from collections.abc import Sequence
from functools import cached_property
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args

from recording_tracker.events import File
from recording_tracker.journal import Count, EventRow, Expectation, OpenTotal, Total
from recording_tracker.standing import Standing

FIRST_MS = -62_135_596_800_000
"""0001-01-01, the first moment that datetime can hold."""
_STORED: dict[Any, type] = {str: str, bytes: bytes, int: int, bool: int, float: float, NoneType: NoneType}
FIELDS = Standing._fields[: Standing._fields.index("files")]
"""The columns of a recording that are fields of a Standing, in its order."""
ALIASES, STATE, AWAITS = (FIELDS.index(name) for name in ("aliases", "state", "awaits"))


class FlagRow(NamedTuple):
    """A row of the table ``flags``."""

    code: str
    severity: str
    message: str
    region: str
    evidence: str
    raised_ms: int
    cleared_ms: int | None
    acknowledged_ms: int | None
    note: str | None


class Shape:
    """What rows that hold the *fields* of *record* look like, by its annotations; what is compound is kept as JSON."""

    def __init__(self, record: type[Any], fields: Sequence[str]) -> None:
        self._record = record
        self._fields = fields

    # When a row is first looked at, for a start of the program looks at few kinds of them.

    @cached_property
    def _types(self) -> tuple[tuple[type, ...], ...]:
        return tuple(_types(self._record.__annotations__[name]) for name in self._fields)

    @cached_property
    def _moments(self) -> tuple[int, ...]:
        return tuple(place for place, name in enumerate(self._fields) if name.endswith("_ms"))

    def fits(self, row: Sequence[Any]) -> bool:
        """Tell whether *row* can have been written by us; STRICT tables hold to types only as they are written."""
        return all(map(isinstance, row, self._types)) and all(
            row[place] is None or row[place] >= FIRST_MS for place in self._moments
        )


def _types(hint: Any) -> tuple[type, ...]:
    found = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(_STORED.get(each, str) for each in found)


STANDINGS = Shape(Standing, FIELDS)
EVENTS = Shape(EventRow, EventRow._fields)
FILES = Shape(File, File._fields)
FLAGS = Shape(FlagRow, FlagRow._fields)
EXPECTATIONS = Shape(Expectation, Expectation._fields)
COUNTS = Shape(Count, Count._fields)
TOTALS = Shape(Total, Total._fields)
OPEN_TOTALS = Shape(OpenTotal, OpenTotal._fields)
