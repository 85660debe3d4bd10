"""
LINE Planet's lives, and the one callback in which it tells of them.

The page of `on_call_rec_cb` is no longer public; https://docs.lineplanet.me has the calls around it.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from recording_tracker.simulation.life import Life, Plays, Stage, Told

PROVIDER: Final = "line_planet"
RETRIES_S: Final = (0.0,)
"""Nothing is documented, so one attempt is made."""


def resent(body: dict[str, Any], at_ms: int, rng: Random) -> tuple[dict[str, Any], int | None]:
    """Return the callback as it is sent again: nothing in it changes."""
    return body, None


class _Recording:
    """One recording of a call, which tells of itself."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sid = stage.uuid()
        self.begin_ms = stage.ms(1) + stage.clock("recorder")
        # The description has seconds and dashes, the example milliseconds and none.
        self.in_seconds, self.dashed = stage.chance(0.2), stage.chance(0.5)
        self.told: list[Told] = []

    def tell(self, at_s: float, status: str, *, trouble: bool = False, odd: bool = False, **more: Any) -> None:
        """Tell the status; the first version of the callback has none, and tells of files only."""
        body: dict[str, Any] = {
            "sid": self.sid if self.dashed else self.sid.replace("-", ""),
            "from_service_id": "planetkit",
            "from_user_id": f"caller-{self.sid[:4]}",
            "to_service_id": "planetkit",
            "to_user_id": f"callee-{self.sid[4:8]}",
            "recording_start_time": self.begin_ms // 1000 if self.in_seconds else self.begin_ms,
            "recording_status": status,
            **more,
        }
        stated_ms = (self.begin_ms // 1000 * 1000 if self.in_seconds else self.begin_ms) if status == RUNS else None
        self.told.append(Told(self.stage.ms(at_s), status, body, stated_ms, trouble, odd))

    def completed(self, at_s: float, caller: int, callee: int | None, **more: Any) -> None:
        """Tell that so many files of each side are uploaded."""
        sides: dict[str, Any] = {"from_recordings": self._files("from", caller)}
        if callee is not None:
            sides["to_recordings"] = self._files("to", callee)
        self.tell(at_s, "COMPLETED", **sides, **more)

    def _files(self, side: str, count: int) -> list[dict[str, Any]]:
        numbers = range(1, count + 1)
        return [
            {"object_id": f"{side}-{self.sid}-{number}", "hash": f"h{number}{self.sid[:8]}", "order": number}
            for number in numbers
        ]

    def over(self, kind: str, outcome: str) -> Life:
        sid = self.sid.replace("-", "")
        return Life(
            kind=kind,
            recording_id=f"{sid}/{self.begin_ms // 1000}",
            group_id=sid,
            told=self.told,
            outcome=outcome,
            announced_as={"group_id": sid},
        )


RUNS: Final = "IN_PROGRESS"


def _recorded(stage: Stage) -> tuple[_Recording, float]:
    """Record a call; return the recording and when its upload ends."""
    recording = _Recording(stage)
    recording.tell(1.2, RUNS)
    return recording, 1 + stage.length_s(300, 3 * 3600) + stage.length_s(10, 600)


def recorded(stage: Stage) -> Life:
    """Both sides."""
    recording, end_s = _recorded(stage)
    recording.completed(end_s, stage.rng.randint(1, 2), stage.rng.randint(1, 2))
    if stage.chance(0.1):
        del recording.told[-1].body["recording_status"]
    return recording.over("recorded", "available")


def one_side(stage: Stage) -> Life:
    """The files of the other side are not there."""
    recording, end_s = _recorded(stage)
    recording.completed(end_s, 1, None)
    return recording.over("one side", "available")


def amended(stage: Stage) -> Life:
    """The result is told again with more files."""
    recording, end_s = _recorded(stage)
    recording.completed(end_s, 1, 1)
    recording.completed(end_s + 600, 1, 2)
    return recording.over("amended", "available")


def too_short(stage: Stage) -> Life:
    """Too short to record, and perhaps to tell of a start."""
    recording = _Recording(stage)
    if stage.chance(0.5):
        recording.tell(1.2, RUNS)
    recording.tell(4, "ABSENT", error_code="460")
    return recording.over("too short", "absent")


def failed(stage: Stage) -> Life:
    """The server or the object store fails, perhaps at once."""
    recording = _Recording(stage)
    at_s = 2.0
    if stage.chance(0.7):
        recording, at_s = _recorded(stage)
    recording.tell(at_s, "FAILED", trouble=True, error_code=stage.rng.choice(("500", 520)))
    return recording.over("failed", "failed")


def undocumented(stage: Stage) -> Life:
    """A status that no documentation has."""
    recording, end_s = _recorded(stage)
    recording.tell(end_s / 2, "PAUSED")
    recording.completed(end_s, 1, 1)
    return recording.over("undocumented status", "available")


def hole(stage: Stage) -> Life:
    """A file is missing between two others."""
    recording, end_s = _recorded(stage)
    recording.completed(end_s, 3, 1, odd=True)
    del recording.told[-1].body["from_recordings"][1]
    return recording.over("hole in the files", "available")


HEALTHY: Plays = ((88, recorded), (6, one_side), (6, amended))
FAILED: Plays = ((1, failed),)
ABSENT: Plays = ((1, too_short),)
ODD: Plays = ((1, undocumented), (1, hole))
