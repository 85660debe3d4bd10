"""Panel: what there is to show of one provider in, its part of a page out: diagram, times, callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from recording_tracker.machine import Machine, Region
from recording_tracker.machine.definition import StateRule
from recording_tracker.machine.sketch import Peopled, Step, steps
from recording_tracker.observed import Observed
from recording_tracker.report.chart import distribution_svg, percentile, scale_svg
from recording_tracker.report.diagram import region_svg
from recording_tracker.report.markup import Markup, spaced, tag
from recording_tracker.results import RESULTS, ProviderReport
from recording_tracker.survey import ProviderSurvey, people
from recording_tracker.times import MILLISECOND, short


def panel(name: str, report: ProviderReport, survey: ProviderSurvey, *, anchor: str) -> Markup:
    """Write all that is known of the provider *name*, unfolded where something of it is stuck."""
    stuck = sum(total.recordings for total in survey.open if total.overdue)
    head = [
        tag("b", name),
        tag("span", survey.machine.title, class_="soft") if survey.machine else None,
        tag("span", f"{report.open} open", class_="soft"),
        tag("span", f"{stuck} stuck", class_="bad") if stuck else None,
        tag("span", "silent", class_="chip error") if report.silent else None,
    ]
    machine, observed = survey.machine, survey.observed
    inside = [
        *(_diagram(machine, survey) if machine else [tag("p", "No machine file is in use for it any more.")]),
        *(_times(machine, observed) if machine and observed else []),
        *_callbacks(survey.bodies, observed),
    ]
    return tag(
        "details",
        tag("summary", *head),
        tag("div", *inside, class_="inside"),
        class_="card provider",
        id=anchor,
        open=stuck > 0,
    )


def _diagram(machine: Machine, survey: ProviderSurvey) -> Iterator[Markup]:
    peopled = people(survey.open)
    yield tag("h3", "Where open recordings are")
    # On a phone the regions stand beside one another, and whoever looks should see the stuck ones first.
    regions = sorted(machine.regions, key=lambda region: not _is_stuck(region, peopled))
    figures = [
        tag(
            "figure",
            tag("figcaption", region.name, tag("span", " required", class_="soft") if region.required else None),
            region_svg(region, peopled),
            _steps(region, machine),
        )
        for region in regions
    ]
    yield tag("div", *figures, class_="regions", tabindex="0")
    command = f"tracker machines draw {machine.provider} --all"
    yield tag("p", "Short cuts past several states are left out; ", tag("code", command), " shows all.", class_="soft")


def _is_stuck(region: Region, peopled: Peopled) -> bool:
    return any(here.stuck for (name, _), here in peopled.items() if name == region.name)


def _steps(region: Region, machine: Machine) -> Markup:
    """List the arrows of a region with the events that lead along them, those that are always sent in bold."""
    lines = [
        tag("li", f"{region.states[step.source]} → {region.states[step.dest]}: ", *spaced(_events(step, machine)))
        for step in steps(region)
    ]
    return tag("details", tag("summary", "Events along the arrows"), tag("ul", *lines), class_="steps")


def _events(step: Step, machine: Machine) -> list[object]:
    return [tag("b", name) if name in machine.promised else name for name in step.triggers]


def _times(machine: Machine, observed: Observed) -> Iterator[Markup]:
    yield tag("h3", "Time in each state, and its limit")
    yield tag(
        "p",
        f"Of the newest {observed.recordings} complete recordings; the dashed line is the limit, and what passed it "
        "is red. The scale is logarithmic.",
        class_="soft",
    )
    charts = [
        _chart(f"{region.name}: {state}, {what}", sorted(values), limit)
        for region in machine.regions
        for state, rule in region.rule.states.items()
        for what, values, limit in _measured(observed, (region.name, state), rule, initial=state == region.rule.initial)
    ]
    yield tag("div", *charts, class_="spreads")


def _measured(
    observed: Observed, place: tuple[str, str], rule: StateRule, *, initial: bool
) -> Iterator[tuple[str, list[int], timedelta | None]]:
    """Yield what was measured in one state, against what; where nothing limits it only if it is passed through."""
    stays, silences = observed.stays.get(place), observed.silences.get(place)
    if stays and (rule.complete_within or not (initial or rule.final)):
        yield "time", stays, rule.complete_within
    if silences and rule.stall_after:
        yield "silence", silences, rule.stall_after


def _chart(title: str, values: list[int], limit: timedelta | None) -> Markup:
    limit_ms = limit // MILLISECOND if limit else None
    figures = f"median {_long(values, 0.5)}, 95% {_long(values, 0.95)}, longest {_long(values, 1)}"
    limited = f" of {short(limit)}" if limit else ""
    over = sum(value > limit_ms for value in values) if limit_ms is not None else 0
    return tag(
        "div",
        tag(
            "p",
            tag("b", title),
            f" ({len(values)})",
            tag("span", f" {over} over the limit", class_="bad") if over else None,
        ),
        tag("p", f"{figures}{limited}", class_="soft"),
        distribution_svg(values, limit_ms),
        scale_svg(),
    )


def _long(values: list[int], part: float) -> str:
    return _duration(percentile(values, part))


def _duration(ms: int) -> str:
    """Write milliseconds, below ten seconds with tenths."""
    if abs(ms) < 10_000:
        return f"{ms / 1_000:.1f}s"
    return f"{'-' if ms < 0 else ''}{short(timedelta(milliseconds=abs(ms)))}"


def _callbacks(bodies: dict[str, int], observed: Observed | None) -> Iterator[Markup]:
    yield tag("h3", "What its callbacks did")
    yield _figures([(f"{result}, ever", str(bodies.get(result, 0))) for result in RESULTS])
    if observed is None:
        return
    events = max(observed.events, 1)
    delays = sorted(observed.delays_ms)
    yield _figures([
        (f"events of the newest {observed.recordings} complete", str(observed.events)),
        ("doubled", f"{observed.duplicates} ({observed.duplicates / events:.1%})"),
        ("late, after one that implies them", f"{observed.late} ({observed.late / events:.1%})"),
        ("lost, promised and never received", f"{observed.missing} ({observed.missing / events:.1%})"),
        *(
            (f"delay, {word}", _long(delays, part))
            for word, part in (("median", 0.5), ("95%", 0.95), ("99%", 0.99), ("longest", 1))
            if delays
        ),
    ])  # fmt: skip


def _figures(pairs: list[tuple[str, str]]) -> Markup:
    cells = [tag("div", tag("dt", label), tag("dd", value)) for label, value in pairs]
    return tag("dl", *cells, class_="figures")
