"""A chart: what an event costs against the size of the journal, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 60, 32, 44, 44


def write(curve: Sequence[tuple[int, float]], path: Path) -> None:
    """Draw (events so far, µs an event) to the file *path*."""
    path.write_text("\n".join(_lines(curve)) + "\n", encoding="utf-8")


def _lines(curve: Sequence[tuple[int, float]]) -> list[str]:
    most_events, most_us = curve[-1][0], max(cost for _, cost in curve) * 1.25
    across, down = (WIDTH - LEFT - RIGHT) / most_events, (HEIGHT - TOP - BOTTOM) / most_us
    floor = HEIGHT - BOTTOM
    points = [(LEFT + events * across, floor - cost * down) for events, cost in curve]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#2563eb"/>' for x, y in points]
    costs = [
        f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{cost:.0f}</text>'
        for (x, y), (_, cost) in zip(points, curve, strict=True)
    ]
    events = [
        f'<text x="{x:.1f}" y="{floor + 18}" text-anchor="middle">{count / 1000:,.0f}k</text>'
        for (x, _), (count, _) in zip(points, curve, strict=True)
    ]
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        '<g font-family="sans-serif" font-size="12" fill="#475569">',
        "<title>Cost of an event against the size of the journal</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="14" fill="#0f172a">µs an event, by events in the journal</text>',
        f'<path d="M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}" fill="none" stroke="#cbd5e1"/>',
        f'<polyline points="{path}" fill="none" stroke="#2563eb" stroke-width="2"/>',
        *marks,
        *costs,
        *events,
        "</g></svg>",
    ]
