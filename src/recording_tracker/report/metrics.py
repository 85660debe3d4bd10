"""
Metrics for Prometheus: an audit and the counts of bodies in, its text format out.

Moments are given as such, so that what is derived from them stays right while nobody measures. Names and
units: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from recording_tracker.errors import StorageError
from recording_tracker.recording import Recording
from recording_tracker.results import AuditReport, Tally

PREFIX = "recording_tracker_"
STUCK_FLAGS = ("never-started", "missing-terminal", "stalled")
"""What is stuck counts under the first of these that it has, so that the sum is the number of recordings."""
TRUTHS = ("false", "true")

Sample = tuple[tuple[str, ...], float]


def metrics(report: AuditReport, tally: Tally, *, database_bytes: int) -> list[Any]:
    """Return the metric families; raises StorageError where prometheus_client is not installed."""
    try:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    except ImportError as error:
        raise StorageError("metrics need the extra: pip install 'recording-tracker[metrics]'") from error

    def gauge(name: str, help_: str, labels: Sequence[str], samples: Iterable[Sample]) -> Any:
        return _filled(GaugeMetricFamily(PREFIX + name, help_, labels=labels), samples)

    bodies = [
        ((provider, result), count) for provider, counts in tally.bodies.items() for result, count in counts.items()
    ]
    return [
        gauge("audit_timestamp_seconds", "The moment that the others are of.", (), _single(report.now.timestamp())),
        gauge("needs_attention", "Whether somebody should look.", (), _single(report.needs_attention)),
        gauge("silent", "Whether nothing has come for longer than silent_after.", ("provider",), _silent(report)),
        gauge(
            "last_callback_timestamp_seconds", "When something last came that was not rejected.", ("provider",),
            _last_callbacks(report),
        ),
        gauge("stuck_recordings", "Recordings past a deadline.", ("provider", "flag", "acknowledged"), _stuck(report)),
        gauge(
            "oldest_stuck_timestamp_seconds", "When the first deadline passed of what is stuck.", ("provider",),
            _oldest_stuck(report),
        ),
        gauge(
            "open_flags", "Open flags of what the audit lists.", ("provider", "flag", "severity", "acknowledged"),
            _flags(report),
        ),
        gauge(
            "recordings", "All recordings; those that are not complete have no outcome.",
            ("provider", "phase", "outcome"), _recordings(report),
        ),
        gauge("outdated_recordings", "Recordings that rest on an older machine.", (), _single(report.outdated)),
        gauge("quarantined_bodies", "Bodies kept aside.", (), _single(tally.quarantined)),
        gauge("quarantined_bytes", "The size of the bodies kept aside.", (), _single(tally.quarantined_bytes)),
        gauge("quarantine_full", "Whether no more bodies are kept aside.", (), _single(report.quarantine_full)),
        gauge("database_bytes", "The size of the database and its log.", (), _single(database_bytes)),
        _filled(
            CounterMetricFamily(
                f"{PREFIX}bodies", "Bodies that have come, by what became of them.", labels=("provider", "result")
            ),
            bodies,
        ),
    ]  # fmt: skip


def metrics_text(families: Sequence[Any]) -> str:
    """Write metric families as Prometheus reads them."""
    from prometheus_client import generate_latest

    class Collector:
        def collect(self) -> Sequence[Any]:
            return families

    return generate_latest(Collector()).decode("utf-8", "backslashreplace")


def _filled(family: Any, samples: Iterable[Sample]) -> Any:
    for labels, value in samples:
        family.add_metric([label.encode("utf-8", "backslashreplace").decode() for label in labels], value)
    return family


def _single(value: float) -> list[Sample]:
    return [((), float(value))]


def _silent(report: AuditReport) -> Iterator[Sample]:
    for provider, told in report.providers.items():
        yield (provider,), float(told.silent)


def _last_callbacks(report: AuditReport) -> Iterator[Sample]:
    for provider, told in report.providers.items():
        if told.last_received_at is not None:
            yield (provider,), told.last_received_at.timestamp()


def _stuck(report: AuditReport) -> Iterator[Sample]:
    # A series that is not there is no 0, and an alert on it would not resolve.
    counts: Counter[tuple[str, ...]] = Counter(dict.fromkeys(product(report.providers, STUCK_FLAGS, TRUTHS), 0))
    counts.update((recording.provider, *_why_stuck(recording)) for recording in report.stuck)
    yield from counts.items()


def _why_stuck(recording: Recording) -> tuple[str, str]:
    found = [flag for flag in recording.flags if flag.is_clocks]
    code = min((flag.code for flag in found), key=STUCK_FLAGS.index)
    return code, TRUTHS[all(flag.acknowledged for flag in found)]


def _oldest_stuck(report: AuditReport) -> Iterator[Sample]:
    oldest: dict[str, float] = {}
    for recording in report.stuck:
        first = min(flag.raised_at for flag in recording.flags if flag.is_clocks).timestamp()
        oldest[recording.provider] = min(first, oldest.get(recording.provider, first))
    for provider, moment in oldest.items():
        yield (provider,), moment


def _flags(report: AuditReport) -> Iterator[Sample]:
    yield from Counter(
        (recording.provider, flag.code, flag.severity, TRUTHS[flag.acknowledged])
        for recording in (*report.stuck, *report.flagged)
        for flag in recording.flags
    ).items()


def _recordings(report: AuditReport) -> Iterator[Sample]:
    for provider, told in report.providers.items():
        yield from (((provider, phase, ""), count) for phase, count in told.phases.items() if phase != "finished")
        yield from (((provider, "finished", outcome), count) for outcome, count in told.outcomes.items())
