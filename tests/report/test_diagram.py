"""The picture of a region: a box a state, an arrow a step, no line over another, no word past its box."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from recording_tracker.machine import Region, find_machines
from recording_tracker.machine.sketch import People, steps
from recording_tracker.report.diagram import WIDTH, region_svg

REGIONS = {f"{name}.{region.name}": region for name, found in find_machines(None).items() for region in found.regions}
EACH = pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)


def numbers(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]


@EACH
def test_every_state_has_its_box_below_the_one_before(region: Region) -> None:
    drawn = str(region_svg(region, {}))
    boxes = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="(\d+)"', drawn)
    height = float(re.findall(r'viewBox="0 0 \d+ ([\d.]+)"', drawn)[0])

    assert re.findall(r'data-state="(\w+)"', drawn) == region.states
    assert all(float(x) >= 0 and float(x) + float(width) <= WIDTH for x, _, width, _ in boxes)
    assert all(float(low[1]) > float(high[1]) + float(high[3]) for high, low in pairwise(boxes))
    assert float(boxes[-1][1]) + float(boxes[-1][3]) <= height


@EACH
def test_every_step_has_an_arrow_into_its_state(region: Region) -> None:
    drawn = str(region_svg(region, {}))

    arrows = len(re.findall('class="head"', drawn))
    found = steps(region)
    straight = sum(step.dest == step.source + 1 for step in found)
    bent = {(step.dest, step.dest < step.source) for step in found if step.dest != step.source + 1}
    assert arrows == straight + len(bent)


@EACH
def test_no_line_beside_the_boxes_lies_on_another(region: Region) -> None:
    drawn = str(region_svg(region, {}))
    upright: dict[float, list[tuple[float, float]]] = {}
    for way in re.findall(r'd="(M[^"]*H[^"]*V[^"]*)"', drawn):
        spans = [(numbers(part)[1], numbers(part)[3], numbers(part)[2]) for part in way.split("M")[1:]]
        x = spans[0][2]
        ends = [y for span in spans for y in span[:2]]
        upright.setdefault(x, []).append((min(ends), max(ends)))

    for lines in upright.values():
        assert all(high < low for (_, high), (low, _) in pairwise(sorted(lines)))
        assert all(0 <= x <= WIDTH for x in upright)


@EACH
def test_no_name_is_wider_than_its_box(region: Region) -> None:
    peopled = {(region.name, state): People(10_000, 10_000) for state in region.states}
    drawn = str(region_svg(region, peopled))
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', drawn)]
    names = re.findall(r'class="name">([^<]*)<', drawn)

    # How wide signs of these sizes usually are; the browser's test measures them.
    assert all(
        len(name) * 8 + len("10000 open, 10000 stuck") * 7 <= width for name, width in zip(names, widths, strict=True)
    )


def test_boxes_are_coloured_by_the_recordings_in_them() -> None:
    region = REGIONS["aircore.recording"]
    peopled = {
        ("recording", "stopped"): People(3, 1),
        ("recording", "recording"): People(2),
        ("recording", "requested"): People(1),
    }

    drawn = str(region_svg(region, peopled))

    found = re.findall(r'class="state (\w+)" data-state="(\w+)" data-open="(\d+)" data-stuck="(\d+)"', drawn)
    assert found == [
        ("empty", "requested", "1", "0"),
        ("open", "recording", "2", "0"),
        ("stuck", "stopped", "3", "1"),
        ("final", "uploaded", "0", "0"),
        ("final", "upload_failed", "0", "0"),
    ]
    assert ">3 open, 1 stuck<" in drawn
