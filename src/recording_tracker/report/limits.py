"""Text of suggested limits: the times of each state as a table, then what is proposed in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from click import style

from recording_tracker.grammar import counted
from recording_tracker.limits import FEWEST, Suggestion, interval, written
from recording_tracker.observed import Observed
from recording_tracker.report.safe import printable
from recording_tracker.report.text import columns

HEADS = ("state", "limit", "n", "p50", "p99", "p99.9", "now", "proposed")


def limits_lines(observed: Observed, found: Sequence[Suggestion], width: int | None) -> Iterator[str]:
    """Tell what was observed of one provider, and which limits would fit it; in no more columns than *width*."""
    yield style(
        f"{printable(observed.provider)}: the newest {counted(observed.recordings, 'complete recording')}", bold=True
    )
    yield (
        f"{counted(observed.events, 'event')}, {counted(observed.duplicates, 'duplicate')}, "
        f"{observed.late} late, {observed.missing} missing"
    )
    yield ""
    seen = [suggestion for suggestion in found if suggestion.times]
    yield from columns(HEADS, [_row(suggestion) for suggestion in seen], width, flexible=0)
    for suggestion in found:
        if suggestion.proposed_ms is not None:
            yield ""
            yield from _lines(_sentence(suggestion), width)
    few = sum(not suggestion.is_enough for suggestion in found if suggestion.limit_ms is not None)
    if few:
        yield ""
        have = f"{counted(few, 'limit')} {'has' if few == 1 else 'have'}"
        yield from _lines(f"{have} been met less than {FEWEST} times, too few to propose anything", width)


def _row(found: Suggestion) -> tuple[str, ...]:
    times = [found.percentile(share) for share in (0.5, 0.99, 0.999)]
    return (
        _place(found),
        found.key,
        str(len(found.times)),
        *("-" if time is None else written(time) for time in times),
        "-" if found.limit_ms is None else written(found.limit_ms),
        "-" if found.proposed_ms is None else written(found.proposed_ms),
    )


def _place(found: Suggestion) -> str:
    return "(whole)" if found.state is None else f"{printable(found.region)}.{printable(found.state)}"


def _sentence(found: Suggestion) -> str:
    assert found.proposed_ms is not None
    assert found.limit_ms is not None
    change = found.limit_ms - found.proposed_ms
    when = f"{written(change)} sooner" if change > 0 else f"{written(-change)} later"
    n, alarms, before = len(found.times), found.false_alarms(found.proposed_ms), found.false_alarms(found.limit_ms)
    low, high = interval(alarms, n)
    return (
        f"{_place(found)} {found.key} = {written(found.proposed_ms)}: finds what hangs {when}; in {n} times it would "
        f"have raised {counted(alarms, 'false alarm')}, where the present one would have raised {before} "
        f"(true share {low:.2%} to {high:.2%}; 95 %, Wilson)"
    )


def _lines(text: str, width: int | None) -> list[str]:
    return [text] if width is None else wrap(text, max(width, 20), break_on_hyphens=False)
