"""Chart: durations and a limit in, their distribution on a common scale of time as SVG out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import ceil, log

from recording_tracker.report.markup import Markup, tag

WIDTH, HEIGHT = 360, 26
SECOND = 1_000
FIRST_MS, LAST_MS = SECOND, 10 * 86_400 * SECOND
"""The ends of the scale; what is shorter or longer stands at its ends."""
TICKS = (("1s", SECOND), ("10s", 10 * SECOND), ("1m", 60 * SECOND), ("10m", 600 * SECOND), ("1h", 3_600 * SECOND),
         ("6h", 21_600 * SECOND), ("1d", 86_400 * SECOND), ("5d", 432_000 * SECOND))  # fmt: skip
_BINS = 60
_BAR = WIDTH / _BINS


def percentile(values: Sequence[int], part: float) -> int:
    """Return the least of the sorted *values* that at least this *part* of them, 0 to 1, does not exceed."""
    return values[max(ceil(part * len(values)), 1) - 1]


def distribution_svg(values: Sequence[int], limit_ms: int | None) -> Markup:
    """Draw how often durations, in milliseconds, were how long, and where the limit is."""
    counted = Counter(min(int(_place(value) / _BAR), _BINS - 1) for value in values)
    most = max(counted.values(), default=1)
    bars = [_bar(number, count / most, limit_ms) for number, count in sorted(counted.items())]
    limit = None
    if limit_ms is not None:
        limit = tag("path", d=f"M{_place(limit_ms):.1f} 0V{HEIGHT}", class_="limit")
    base = tag("path", d=f"M0 {HEIGHT - 0.5}H{WIDTH}", class_="base")
    return tag("svg", base, *bars, limit, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="spread", aria_hidden="true")


def scale_svg() -> Markup:
    """Draw the scale that all distributions share."""
    marks = [
        tag("text", name, x=f"{_place(ms):.1f}", y="10", text_anchor="start" if number == 0 else "middle")
        for number, (name, ms) in enumerate(TICKS)
    ]
    return tag("svg", *marks, viewBox=f"0 0 {WIDTH} 13", class_="scale", aria_hidden="true")


def _bar(number: int, part: float, limit_ms: int | None) -> Markup:
    height = max(2.0, part * (HEIGHT - 2))
    x = number * _BAR
    over = limit_ms is not None and x >= _place(limit_ms)
    return tag(
        "rect",
        x=f"{x:.1f}",
        y=f"{HEIGHT - height:.1f}",
        width=f"{_BAR - 1:.1f}",
        height=f"{height:.1f}",
        class_="over" if over else "bar",
    )


def _place(ms: int) -> float:
    """Return where a duration stands on the scale, which is logarithmic."""
    within = min(max(ms, FIRST_MS), LAST_MS)
    return WIDTH * log(within / FIRST_MS) / log(LAST_MS / FIRST_MS)
