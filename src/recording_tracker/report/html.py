"""HTML of an audit: one page that a person reads in the morning, or on a phone at night; a survey in, lines out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from recording_tracker.flags import INFO, Flag
from recording_tracker.grammar import counted, noun
from recording_tracker.recording import Recording
from recording_tracker.report import remarks
from recording_tracker.report.clock import Clock
from recording_tracker.report.items import acknowledged, commands, listed, since, to_do, when
from recording_tracker.report.markup import Markup, join, spaced, tag
from recording_tracker.report.page import page
from recording_tracker.report.panel import panel
from recording_tracker.results import AuditReport
from recording_tracker.survey import Survey

MOST_TO_DO = 8
"""Things to do that the top of the page names."""


def audit_html(survey: Survey) -> Iterator[str]:
    """Write an audit as the lines of one HTML file: the answer, what to do, the recordings, then each provider."""
    report = survey.report
    return page(f"{len(report.stuck)} stuck of {report.open} open recordings", _parts(survey))


def _parts(survey: Survey) -> Iterator[Markup]:
    report, now = survey.report, survey.report.now
    yield _header(report)
    yield tag("main", *_main(survey))
    yield tag("footer", f"recording-tracker, at {now:%Y-%m-%d %H:%M:%S}Z; times are UTC")


def _main(survey: Survey) -> Iterator[Markup]:
    report, now = survey.report, survey.report.now
    yield from _to_do(report)
    for name, title, recordings in (
        ("stuck", "Stuck, the longest first", report.stuck),
        ("flagged", "Not stuck, but flagged", report.flagged),
    ):
        if recordings:
            yield tag("h2", f"{title} ({len(recordings)})")
            yield from listed(name, recordings, Clock(now))
    yield from _acknowledged(report)
    yield tag("h2", "Providers", id="providers")
    yield _providers(report)
    for number, (name, found) in enumerate(survey.providers.items()):
        yield panel(name, report.providers[name], found, anchor=f"provider-{number}")


def _header(report: AuditReport) -> Markup:
    color = "bad" if report.stuck else "warn" if report.needs_attention else "good"
    oldest = min(map(since, report.stuck), default=None)
    clock = Clock(report.now)
    first = join(("The first of them since ", when(oldest, clock), ". ")) if oldest else None
    said = [
        first or "Every open recording is in time. ",
        f"{report.acknowledged} of them acknowledged. " if report.acknowledged else "",
        f"{counted(report.recordings, 'recording')} in all, at ",
        tag("span", clock.full(report.now), class_="whole"),
        ".",
    ]
    return tag(
        "header",
        *_silent(report),
        tag("h1", f"{len(report.stuck)} stuck of {report.open} open recordings", class_=color),
        tag("p", *said, class_="soft"),
        _numbers(report),
        _flags(report),
        *_alerts(report),
        _links(report),
    )


def _silent(report: AuditReport) -> Iterator[Markup]:
    for name in report.silent:
        last = report.providers[name].last_received_at
        since_when = Clock(report.now).when(last) if last else "ever"
        yield tag(
            "div",
            tag("strong", f"Silent: nothing has come from {name} since {since_when}"),
            "Its recordings may be well and our receiver deaf; look there first.",
            class_="alert silent",
            role="alert",
        )


def _numbers(report: AuditReport) -> Markup:
    numbers = {
        "stuck": len(report.stuck),
        "flagged": len(report.flagged),
        "open": report.open,
        "complete": report.complete,
        "recordings": report.recordings,
        "quarantined": report.quarantined,
        "ignored": report.ignored,
    }
    cells = [tag("div", tag("dt", name), tag("dd", count), data_number=name) for name, count in numbers.items()]
    return tag("dl", *cells, class_="numbers")


def _flags(report: AuditReport) -> Markup | None:
    """Name every flag with how many there are of it."""
    if not report.flags:
        return None
    parts = [tag("span", f"{code} {count}", data_flag=code, class_="chip") for code, count in report.flags.items()]
    return tag("p", *spaced(parts), class_="flags")


def _alerts(report: AuditReport) -> Iterator[Markup]:
    if report.quarantine_full:
        yield _alert("The quarantine is full", "What else cannot be attributed is refused.", "tracker quarantine list")
    elif report.quarantined:
        yield _alert(remarks.unattributed(report), "Kept aside, whole.", "tracker quarantine list")
    for what, more in remarks.unopened(report):
        yield _alert(what, f"{more[0].upper()}{more[1:]}.")
    for name in report.never_received:
        what, shown = remarks.never_sent(report, name)
        yield _alert(what, f"{shown[0].upper()}{shown[1:]}.")
    if report.outdated:
        more = "Check --machines or TRACKER_MACHINES first; then replay brings that to the one in use."
        yield _alert(remarks.outdated(report), more, "tracker replay")


def _alert(what: str, more: str, command: str | None = None) -> Markup:
    return tag("div", tag("strong", what), f"{more} ", tag("code", command) if command else None, class_="alert")


def _links(report: AuditReport) -> Markup:
    wanted = (("stuck", "Stuck", report.stuck), ("flagged", "Flagged", report.flagged))
    links = [tag("a", f"{title} {len(found)}", href=f"#{name}") for name, title, found in wanted if found]
    providers = [tag("a", name, href=f"#provider-{number}") for number, name in enumerate(report.providers)]
    return tag("nav", *links, *providers, aria_label="On this page")


class _Trouble(NamedTuple):
    """What several recordings of a provider have in common that is wrong with them."""

    provider: str
    code: str
    where: str
    section: str


def _to_do(report: AuditReport) -> Iterator[Markup]:
    """Write what is wrong, by what is to be done about it, the longest first; what is acknowledged needs nothing."""
    found: dict[_Trouble, list[tuple[Flag, Recording]]] = {}
    for section, recordings in (("stuck", report.stuck), ("flagged", report.flagged)):
        for recording in recordings:
            for trouble, flag in _troubles(recording, section).items():
                found.setdefault(trouble, []).append((flag, recording))
    if not found:
        return
    yield tag("h2", "What to do next")
    items = [_item(trouble, recordings, report.now) for trouble, recordings in list(found.items())[:MOST_TO_DO]]
    yield tag("ol", *items, class_="card todo")
    if len(found) > MOST_TO_DO:
        more = sum(len(recordings) for recordings in list(found.values())[MOST_TO_DO:])
        yield tag("p", f"And {more} more of other kinds, below.", class_="soft")


def _troubles(recording: Recording, section: str) -> dict[_Trouble, Flag]:
    """Return what is to be done about one recording, with the flags that say so; one stuck twice is looked at once."""
    flags = sorted((flag for flag in recording.flags if _matters(flag, section)), key=lambda flag: flag.raised_ms)
    found: dict[_Trouble, Flag] = {}
    for flag in flags[:1] if section == "stuck" else flags:
        found.setdefault(_Trouble(recording.provider, flag.code, _where(recording, flag), section), flag)
    return found


def _matters(flag: Flag, section: str) -> bool:
    return not flag.acknowledged and (flag.is_clocks if section == "stuck" else flag.severity != INFO)


def _where(recording: Recording, flag: Flag) -> str:
    if flag.code == "never-started":
        return "announced, and nothing came"
    state = recording.state.get(flag.region or "")
    return f"{flag.region} is {state}" if state else ""


def _item(trouble: _Trouble, recordings: list[tuple[Flag, Recording]], now: datetime) -> Markup:
    flag, worst = min(recordings, key=lambda each: each[0].raised_ms)
    command = next(iter(commands(worst)), "tracker list --stuck")
    where = f", {trouble.where}" if trouble.where else ""
    return tag(
        "li",
        tag("div", len(recordings), tag("small", Clock(now).away(flag.raised_at)), class_="count"),
        tag("div", tag("b", f"{trouble.provider}: {trouble.code}"), where),
        # What a provider reports has a remedy of its own, by its code.
        tag("div", flag.message if trouble.code == "provider-error" else _remedy(trouble.code, worst)),
        tag("div", tag("code", command), Markup(" "), _pick(trouble, len(recordings))),
    )


def _remedy(code: str, recording: Recording) -> str:
    """Return the first thing to do about a flag of *recording*."""
    return next((text for about, text in to_do(recording) if about == code), f"look at it: {code}")


def _pick(trouble: _Trouble, number: int) -> Markup:
    return tag(
        "button",
        noun(number, "show it", "show them"),
        type="button",
        class_="pick",
        hidden=True,
        data_of=trouble.section,
        data_provider=trouble.provider,
        data_flags=trouble.code,
    )


def _acknowledged(report: AuditReport) -> Iterator[Markup]:
    rows = list(acknowledged((*report.stuck, *report.flagged), Clock(report.now)))
    if rows:
        yield tag("h2", f"Acknowledged ({len(rows)})", id="acknowledged")
        heads = tag("tr", *(tag("th", head) for head in ("provider", "recording", "flag", "note", "for")))
        yield tag("div", tag("table", tag("thead", heads), tag("tbody", *rows), class_="wide"), class_="card")


def _providers(report: AuditReport) -> Markup:
    heads = ("provider", "recordings", "open", "phases", "outcomes", "last heard")
    rows, clock = [], Clock(report.now)
    for name, found in report.providers.items():
        last = found.last_received_at
        cells = (
            ("", tag("b", name)),
            ("recordings", found.recordings),
            ("open", found.open),
            ("phases", _counted(found.phases)),
            ("outcomes", _counted(found.outcomes)),
            ("last heard", join((when(last, clock) if last else "-", ", silent" if found.silent else None))),
        )
        rows.append(tag("tr", *(tag("td", value, data_head=head or None) for head, value in cells)))
    head = tag("tr", *(tag("th", name) for name in heads))
    return tag("div", tag("table", tag("thead", head), tag("tbody", *rows), class_="wide", id="totals"), class_="card")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "-"
