"""
Metrics for Prometheus: an audit and the counts of bodies in, its text format out.

Moments are given as such, so that what is derived from them stays right while nobody measures. Names and
units: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from recording_tracker.errors import StorageError
from recording_tracker.recording import Recording
from recording_tracker.results import AuditReport, Tally

PREFIX = "recording_tracker_"
STUCK_FLAGS = ("never-started", "missing-terminal", "stalled")
"""What is stuck counts under the first of these that it has, so that the sum is the number of recordings."""
TRUTHS = ("false", "true")

Sample = tuple[tuple[str, ...], float]


class Seen(NamedTuple):
    """What the metrics are of."""

    report: AuditReport
    tally: Tally
    database_bytes: int


class Metric(NamedTuple):
    """One metric: its name without the prefix, its labels, and its samples, which have the labels in that order."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: Callable[[Seen], Iterable[Sample]]


def metrics(seen: Seen) -> list[Any]:
    """Return the metric families; raises StorageError where prometheus_client is not installed."""
    try:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    except ImportError as error:
        raise StorageError("metrics need prometheus_client: pip install prometheus_client") from error
    families = []
    for metric in METRICS:
        kind = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
        family = kind(PREFIX + metric.name, metric.help, labels=metric.labels)
        for labels, value in metric.samples(seen):
            family.add_metric([label.encode("utf-8", "backslashreplace").decode() for label in labels], value)
        families.append(family)
    return families


def metrics_text(families: Sequence[Any]) -> str:
    """Write metric families as Prometheus reads them."""
    from prometheus_client import generate_latest

    class Collector:
        def collect(self) -> Sequence[Any]:
            return families

    return generate_latest(Collector()).decode("utf-8", "backslashreplace")


def _single(value: Callable[[Seen], float]) -> Callable[[Seen], list[Sample]]:
    return lambda seen: [((), float(value(seen)))]


def _silent(seen: Seen) -> Iterator[Sample]:
    for provider, told in seen.report.providers.items():
        yield (provider,), float(told.silent)


def _last_callbacks(seen: Seen) -> Iterator[Sample]:
    for provider, told in seen.report.providers.items():
        if told.last_received_at is not None:
            yield (provider,), told.last_received_at.timestamp()


def _stuck(seen: Seen) -> Iterator[Sample]:
    # A series that is not there is no 0, and an alert on it would not resolve.
    counts: Counter[tuple[str, ...]] = Counter(dict.fromkeys(product(seen.report.providers, STUCK_FLAGS, TRUTHS), 0))
    counts.update((recording.provider, *_why_stuck(recording)) for recording in seen.report.stuck)
    yield from counts.items()


def _why_stuck(recording: Recording) -> tuple[str, str]:
    found = [flag for flag in recording.flags if flag.is_clocks]
    code = min((flag.code for flag in found), key=STUCK_FLAGS.index)
    return code, TRUTHS[all(flag.acknowledged for flag in found)]


def _oldest_stuck(seen: Seen) -> Iterator[Sample]:
    oldest: dict[str, float] = {}
    for recording in seen.report.stuck:
        first = min(flag.raised_at for flag in recording.flags if flag.is_clocks).timestamp()
        oldest[recording.provider] = min(first, oldest.get(recording.provider, first))
    for provider, moment in oldest.items():
        yield (provider,), moment


def _flags(seen: Seen) -> Iterator[Sample]:
    yield from Counter(
        (recording.provider, flag.code, flag.severity, TRUTHS[flag.acknowledged])
        for recording in (*seen.report.stuck, *seen.report.flagged)
        for flag in recording.flags
    ).items()


def _unopened(seen: Seen) -> Iterator[Sample]:
    counts = Counter(each.provider for each in seen.report.unopened)
    yield from (((provider,), counts[provider]) for provider in seen.report.providers)


def _recordings(seen: Seen) -> Iterator[Sample]:
    for provider, told in seen.report.providers.items():
        yield from (((provider, phase, ""), count) for phase, count in told.phases.items() if phase != "finished")
        yield from (((provider, "finished", outcome), count) for outcome, count in told.outcomes.items())


def _bodies(seen: Seen) -> Iterator[Sample]:
    for provider, counts in seen.tally.bodies.items():
        yield from (((provider, result), count) for result, count in counts.items())


METRICS = (
    Metric("audit_timestamp_seconds", "The moment that the others are of.", (),
           _single(lambda seen: seen.report.now.timestamp())),
    Metric("needs_attention", "Whether somebody should look.", (), _single(lambda seen: seen.report.needs_attention)),
    Metric("silent", "Whether nothing has come for longer than silent_after.", ("provider",), _silent),
    Metric("last_callback_timestamp_seconds", "When something last came that was not rejected.", ("provider",),
           _last_callbacks),
    Metric("stuck_recordings", "Recordings past a deadline.", ("provider", "flag", "acknowledged"), _stuck),
    Metric("oldest_stuck_timestamp_seconds", "When the first deadline passed of what is stuck.", ("provider",),
           _oldest_stuck),
    Metric("open_flags", "Open flags of what the audit lists.", ("provider", "flag", "severity", "acknowledged"),
           _flags),
    Metric("recordings", "All recordings; those that are not complete have no outcome.",
           ("provider", "phase", "outcome"), _recordings),
    Metric("unopened", "What is no recording, for nothing has opened it, and got a flag in the last 24 hours.",
           ("provider",), _unopened),
    Metric("outdated_recordings", "Recordings that rest on another version of their machine.", (),
           _single(lambda seen: seen.report.outdated)),
    Metric("quarantined_bodies", "Bodies kept aside.", (), _single(lambda seen: seen.tally.quarantined)),
    Metric("quarantined_bytes", "The size of the bodies kept aside.", (),
           _single(lambda seen: seen.tally.quarantined_bytes)),
    Metric("quarantine_full", "Whether no more bodies are kept aside.", (),
           _single(lambda seen: seen.report.quarantine_full)),
    Metric("database_bytes", "The size of the database and its log.", (), _single(lambda seen: seen.database_bytes)),
    Metric("bodies_total", "Bodies that have come, by what became of them.", ("provider", "result"), _bodies),
)  # fmt: skip
