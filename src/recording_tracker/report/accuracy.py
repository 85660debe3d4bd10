"""Accuracy: a score in, the lines that tell it out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from click import style

from recording_tracker.grammar import counted
from recording_tracker.report.safe import printable
from recording_tracker.report.text import columns
from recording_tracker.scoring import MOST_SHOWN, Score, Tally
from recording_tracker.times import short

HEADS = ("what", "right", "false", "missed", "unknowable", "precision", "recall")


def score_lines(score: Score, width: int | None) -> Iterator[str]:
    """Tell how often the tracker was right, in no more columns than *width*."""
    losses = score.losses
    lost = losses.implied + losses.deadline + losses.never
    callbacks = counted(score.callbacks, "callback")
    yield f"{counted(score.recordings, 'recording')} with {callbacks}, of which {lost} were lost"
    yield f"  {losses.implied} implied by later ones, of which {losses.implied_found} were found"
    yield f"  {losses.deadline} known by a deadline, of which {losses.deadline_found} were found"
    yield f"  {losses.never} that nothing shows"
    yield f"{counted(score.healthy, 'healthy recording')}, of which {score.alarmed} had a false error or warning"
    yield f"{score.hung} really hung, of which {len(score.delays_ms)} were found"
    yield from _delays(score)
    if score.uncertain:
        yield f"{counted(score.uncertain, 'recording')} of which the deliveries tell another story than happened"
    if score.unsettled:
        yield f"{counted(score.unsettled, 'recording')} left out, because a deadline of theirs has not passed"
    yield ""
    yield from columns(HEADS, [_row(name, tally) for name, tally in _tallies(score)], width, flexible=0)
    if score.wrong:
        yield ""
        yield style("wrong", fg="red", bold=True)
        for wrong in score.wrong[:MOST_SHOWN]:
            yield f"  {wrong['provider']} {printable(wrong['recording_id'])}"
            yield f"    {printable(wrong['life'])}: {printable(wrong['what'])}"


def _delays(score: Score) -> Iterator[str]:
    told = zip(("half of them within", "nine of ten", "all"), score.delays.values(), strict=True)
    words = [f"{of} {short(timedelta(milliseconds=delay_ms))}" for of, delay_ms in told if delay_ms is not None]
    if words:
        yield f"  {', '.join(words)}"


def _tallies(score: Score) -> Iterator[tuple[str, Tally]]:
    """Yield what there is to tell; of a flag that was neither right nor wrong there is nothing."""
    yield "final state", score.state
    yield from ((f"outcome {name}", tally) for name, tally in sorted(score.outcomes.items()))
    yield "stuck", score.stuck
    for code, tally in score.flags.items():
        if tally.right or tally.false or tally.missed or tally.unknowable:
            yield f"flag {code}", tally


def _row(name: str, tally: Tally) -> tuple[str, ...]:
    counts = (tally.right, tally.false, tally.missed, tally.unknowable)
    return (name, *(str(count) for count in counts), _part(tally.precision), _part(tally.recall))


def _part(part: float | None) -> str:
    """Write a part of one; all is only said where it is all."""
    if part is None:
        return "-"
    return "1" if part == 1 else f"{min(part, 0.9999):.4f}"
