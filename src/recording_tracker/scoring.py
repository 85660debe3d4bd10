"""Scoring: the truth of simulated recordings and a tracker that took their deliveries in; how often it is right out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from recording_tracker.errors import DamagedError
from recording_tracker.flags import INFO, SEVERITIES, STUCK, Flag
from recording_tracker.recording import Recording
from recording_tracker.times import from_ms, moment_ms, to_ms
from recording_tracker.tracker import Tracker

MOST_SHOWN = 20
KEYS = {"provider", "recording_id", "fate", "state", "outcome", "hung_at", "lost", "shown", "flags", "settled_at"}
"""What a line of a truth file has, that is read here."""


@dataclass(slots=True)
class Tally:
    """How often one thing was told rightly, falsely, or not at all."""

    right: int = 0
    false: int = 0
    missed: int = 0
    unknowable: int = 0
    """How often it was told falsely or not at all because nothing that was delivered shows it."""

    @property
    def precision(self) -> float | None:
        """Which part of what was told is true; None where nothing was told."""
        return self.right / (self.right + self.false) if self.right + self.false else None

    @property
    def recall(self) -> float | None:
        """Which part of what is true, and can be known, was told; None where there is nothing."""
        return self.right / (self.right + self.missed) if self.right + self.missed else None

    def add(self, *, is_true: bool, is_told: bool, is_shown: bool) -> bool:
        """Count one case; *is_shown* is what the deliveries say. Returns whether it is wrong."""
        if is_told == is_true:
            self.right += is_true
            return False
        if is_told == is_shown:
            self.unknowable += 1
            return False
        self.false += is_told
        self.missed += is_true
        return True

    def to_json(self) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return asdict(self) | {"precision": self.precision, "recall": self.recall}


@dataclass(slots=True)
class Losses:
    """Callbacks that never came, by how they can be known, and how many of them were found."""

    implied: int = 0
    implied_found: int = 0
    deadline: int = 0
    deadline_found: int = 0
    never: int = 0


@dataclass(slots=True)
class Score:
    """How often a tracker was right about recordings whose truth is known."""

    recordings: int = 0
    unsettled: int = 0
    """Recordings that were left out, because a deadline of theirs could still pass."""
    callbacks: int = 0
    healthy: int = 0
    """Recordings that went well, and of which nothing was lost."""
    alarmed: int = 0
    """Those of them that were given an error or a warning."""
    hung: int = 0
    uncertain: int = 0
    """Recordings of which the deliveries show something else than what happened; then any verdict is as good."""
    losses: Losses = field(default_factory=Losses)
    state: Tally = field(default_factory=Tally)
    outcomes: dict[str, Tally] = field(default_factory=dict)
    stuck: Tally = field(default_factory=Tally)
    flags: dict[str, Tally] = field(default_factory=lambda: {code: Tally() for code in SEVERITIES})
    delays_ms: list[int] = field(default_factory=list)
    """Of each recording that really hung and was found stuck: from that to the deadline that told it."""
    wrong: list[dict[str, str]] = field(default_factory=list)
    """The first of what was wrong."""

    @property
    def is_right(self) -> bool:
        """Whether nothing was told falsely or missed that could be known."""
        return not self.wrong

    @property
    def delays(self) -> dict[str, int | None]:
        """How long it took to find the stuck ones: half of them, nine of ten, all; in milliseconds."""
        found = sorted(self.delays_ms)
        places = {"p50_ms": 0.5, "p90_ms": 0.9, "max_ms": 1.0}
        return {
            name: found[min(int(share * len(found)), len(found) - 1)] if found else None
            for name, share in places.items()
        }

    def to_json(self) -> dict[str, object]:
        """Return it as the JSON output has it."""
        return {
            "recordings": self.recordings,
            "unsettled": self.unsettled,
            "callbacks": self.callbacks,
            "healthy": self.healthy,
            "alarmed": self.alarmed,
            "hung": self.hung,
            "uncertain": self.uncertain,
            "lost": asdict(self.losses),
            "state": self.state.to_json(),
            "outcomes": {name: tally.to_json() for name, tally in sorted(self.outcomes.items())},
            "stuck": self.stuck.to_json(),
            "flags": {code: tally.to_json() for code, tally in self.flags.items()},
            "delay": {"recordings": len(self.delays_ms), **self.delays},
            "wrong": self.wrong,
        }


def truth_lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Read a truth file; raises DamagedError for a line that is none of one."""
    for number, text in enumerate(stream, 1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise DamagedError(f"line {number}: is not JSON; a truth file of 'tracker simulate' is expected") from error
        if not isinstance(line, dict) or KEYS - line.keys():
            raise DamagedError(f"line {number}: is no truth about a recording, as 'tracker simulate --truth' writes it")
        yield line


def score(tracker: Tracker, truths: Iterable[Mapping[str, Any]], *, now: datetime | None = None) -> Score:
    """
    Compare what *tracker* says with the truth.

    Each recording is looked at when all its deadlines have passed; at *now*, if that is given, and then
    those are left out of which one has not.
    """
    found = Score()
    for line in truths:
        settled_ms = moment_ms(line["settled_at"])
        if now is not None and to_ms(now) < settled_ms:
            found.unsettled += 1
        else:
            _score_one(found, line, _recording(tracker, line, now or from_ms(settled_ms)))
    return found


def _recording(tracker: Tracker, line: Mapping[str, Any], at: datetime) -> Recording | None:
    """Find the recording; one that was announced by its group, and has never begun, has no id."""
    names = [line["recording_id"], (line["announced_as"] or {}).get("group_id")]
    for name in filter(None, names):
        for recording in tracker.status(name, at):
            if recording.provider == line["provider"] and recording.recording_id in (line["recording_id"], None):
                return recording
    return None


def _score_one(score: Score, line: Mapping[str, Any], recording: Recording | None) -> None:
    score.recordings += 1
    score.callbacks += line["callbacks"]
    score.hung += line["hung_at"] is not None
    score.uncertain += not line["shown"]["certain"]
    wrong = [
        *_score_outcome(score, line, recording),
        *_score_state(score, line, recording),
        *_score_stuck(score, line, recording),
        *_score_flags(score, line, recording),
    ]
    _score_losses(score, line, recording)
    _score_healthy(score, line, recording)
    if len(score.wrong) < MOST_SHOWN:
        score.wrong += [
            {"provider": line["provider"], "recording_id": line["recording_id"], "life": line["life"], "what": what}
            for what in wrong
        ]


def _score_outcome(score: Score, line: Mapping[str, Any], recording: Recording | None) -> Iterator[str]:
    really, shown = line["outcome"], line["shown"]
    told = recording.outcome if recording else None
    for outcome in {really, told} - {None}:
        tally = score.outcomes.setdefault(outcome, Tally())
        # Where the deliveries leave it open what has happened, whatever is told is as good as they are.
        is_shown = told == outcome if not shown["certain"] else shown["outcome"] == outcome
        if tally.add(is_true=really == outcome, is_told=told == outcome, is_shown=is_shown):
            yield f"outcome {told}, and it is {really}"


def _score_state(score: Score, line: Mapping[str, Any], recording: Recording | None) -> Iterator[str]:
    really, shown = line["state"], line["shown"]
    told = recording.state if recording else None
    if told == really:
        score.state.right += 1
    elif told is None or not shown["certain"] or told == shown["state"]:
        score.state.unknowable += 1
    else:
        score.state.false += 1
        differing = ", ".join(
            f"{name} {told[name]!r}, not {state!r}" for name, state in shown["state"].items() if told[name] != state
        )
        yield f"state {differing}"


def _score_stuck(score: Score, line: Mapping[str, Any], recording: Recording | None) -> Iterator[str]:
    shown = line["shown"]
    told = recording is not None and recording.stuck
    should = not shown["complete"] and (shown["known"] or line["hung_at"] is not None)
    is_shown = told if not shown["certain"] else shown["known"] and not shown["complete"]
    if score.stuck.add(is_true=should, is_told=told, is_shown=is_shown):
        yield "stuck, and it is complete" if told else "not stuck, and it never ends"
    if told and recording is not None and line["hung_at"] is not None:
        raised_ms = min(flag.raised_ms for flag in recording.flags if flag.code in STUCK)
        score.delays_ms.append(raised_ms - moment_ms(line["hung_at"]))


def _score_flags(score: Score, line: Mapping[str, Any], recording: Recording | None) -> Iterator[str]:
    """Count each code once a recording, and ``missing-event`` once for each event that should have come."""
    shown = {(flag["code"], *flag["events"]) for flag in line["flags"]}
    # What was lost is rightly missed, also where nothing that was delivered makes it certain.
    true = shown | {("missing-event", lost["name"]) for lost in line["lost"] if lost["known"] != "deadline"}
    told = {_case(flag, true) for flag in recording.flags} if recording else set()
    for case in sorted(true | told):
        is_shown = case in (shown if line["shown"]["certain"] else told)
        if score.flags[case[0]].add(is_true=case in true, is_told=case in told, is_shown=is_shown):
            yield f"{'false' if case in told else 'no'} flag {' '.join(case)}"


def _case(flag: Flag, true: Collection[tuple[str, ...]]) -> tuple[str, ...]:
    """Name what a flag is about: of several events of which one must have been sent, the one that was lost."""
    names = flag.events if flag.code == "missing-event" else ()
    return (flag.code, *([name for name in names if (flag.code, name) in true] or list(names))[:1])


def _score_losses(score: Score, line: Mapping[str, Any], recording: Recording | None) -> None:
    missing = (
        {name for flag in recording.flags if flag.code == "missing-event" for name in flag.events}
        if recording
        else set()
    )
    for lost in line["lost"]:
        setattr(score.losses, lost["known"], getattr(score.losses, lost["known"]) + 1)
        if lost["known"] == "implied":
            score.losses.implied_found += lost["name"] in missing
        elif lost["known"] == "deadline":
            score.losses.deadline_found += recording is not None and recording.stuck


def _score_healthy(score: Score, line: Mapping[str, Any], recording: Recording | None) -> None:
    if line["fate"] != "healthy" or line["lost"]:
        return
    score.healthy += 1
    should = {flag["code"] for flag in line["flags"]}
    alarms = (flag for flag in recording.flags if flag.severity != INFO) if recording else ()
    score.alarmed += any(flag.code not in should for flag in alarms)
