"""
Bandwidth's lives, and its webhooks in the dialects of its documentations.

https://dev.bandwidth.com/docs/voice/webhooks/
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from recording_tracker.simulation.life import Life, Plays, Stage, Told
from recording_tracker.times import iso

PROVIDER: Final = "bandwidth"
RETRIES_S: Final = (0.0, 1.0)
"""One more attempt, where there was no connection."""

CONFERENCE: Final = "conferenceRecordingAvailable"
CALL: Final = "recordingAvailable"
TRANSCRIBED: Final = "transcriptionAvailable"
# The outcome of a transcription, as part of the event's name, by its status.
TRANSCRIPTIONS: Final = {
    "available": "available",
    "error": "failed",
    "timeout": "failed",
    "file-size-too-small": "impossible",
}
DIALECTS: Final = ("current", "current", "current", "sdk", "2019", "get")
NOT_IN_2019: Final = ("eventTime", "accountId")
ACCOUNT: Final = "55555555"


def resent(body: dict[str, Any], at_ms: int, rng: Random) -> tuple[dict[str, Any], int | None]:
    """Return the webhook as it is sent again, and its new time, which is approximate."""
    return (body | {"eventTime": iso(at_ms)}, at_ms) if "eventTime" in body else (body, None)


class _Recording:
    """One recording of a call or a conference, which tells of itself."""

    def __init__(self, stage: Stage, *, conference: bool = False) -> None:
        self.stage = stage
        self.conference = conference
        self.recording_id = f"r-{stage.uuid()}"
        self.group_id = f"{'conf' if conference else 'c'}-{stage.uuid()}"
        self.dialect = stage.rng.choice(DIALECTS)
        self.clock_ms = stage.clock("voice")
        self.length_s = stage.length_s(240, 3 * 3600)
        self.end_s = 2 + self.length_s
        self.told: list[Told] = []
        self._common = self._fields()

    def _fields(self) -> dict[str, Any]:
        stage = self.stage
        kind = "conferences" if self.conference else "calls"
        address = f"https://voice.bandwidth.com/api/v2/accounts/{ACCOUNT}/{kind}/{self.group_id}"
        fields: dict[str, Any] = {
            "accountId": ACCOUNT,
            "recordingId": self.recording_id,
            "channels": "1" if self.dialect == "get" else 1,
            "startTime": iso(stage.ms(2) + self.clock_ms),
            "endTime": iso(stage.ms(self.end_s) + self.clock_ms),
            "duration": f"PT{self.length_s:.3f}S",
            "fileFormat": "wav",
            "mediaUrl": f"{address}/recordings/{self.recording_id}/media",
        }
        if self.conference:
            return fields | {"conferenceId": self.group_id, "name": "weekly"}
        blank = " " if self.dialect == "get" else "+"
        call = {"callId": self.group_id, "applicationId": "7fc9698a-b04a-468b-9e8f-91238c0d0086", "callUrl": address}
        leg = {"parentCallId": f"c-{stage.uuid()}", "transferTo": f"{blank}15556667777"} if stage.chance(0.1) else {}
        return (
            fields | call | leg | {"to": f"{blank}15553334444", "from": f"{blank}15551112222", "direction": "outbound"}
        )

    def tell(
        self,
        at_s: float,
        name: str,
        *,
        trouble: bool = False,
        odd: bool = False,
        misfit: str | None = None,
        **more: Any,
    ) -> None:
        """Tell of one event."""
        at_ms = self.stage.ms(at_s)
        stated_ms: int | None = at_ms + self.clock_ms
        kind = name.partition(".")[0]
        body = {"eventType": kind, "eventTime": iso(at_ms + self.clock_ms), **self._common, **more}
        if self.dialect == "sdk" and kind == "recordComplete":
            body["eventType"] = "recordingComplete"
        if self.dialect == "2019":
            body, stated_ms = {key: body[key] for key in body if key not in NOT_IN_2019}, None
        elif self.stage.chance(0.1):
            body["eventTime"] = body["eventTime"][:-1]
        self.told.append(Told(at_ms, name, body, stated_ms, trouble, odd, misfit))

    def record_complete(self) -> None:
        self.tell(self.end_s + 0.02, "recordComplete", answerTime=iso(self.stage.ms(0.5) + self.clock_ms))

    def processing(self, at_s: float) -> None:
        """Let the file be processed, and say nothing of it."""
        self.told.append(Told(self.stage.ms(at_s), f"{CALL}.processing", {}, None, is_sent=False))

    def available(self, at_s: float, status: str = "complete", **more: Any) -> None:
        """Tell the status of the file."""
        said = "completed" if status == "complete" and self.dialect == "sdk" else status
        self.tell(at_s, f"{CONFERENCE if self.conference else CALL}.{status}", status=said, **more)

    def transcribed(self, at_s: float, status: str = "available") -> None:
        which = f"t-{self.stage.uuid()}"
        completed = iso(self.stage.ms(at_s - 4) + self.clock_ms)
        transcription = {
            "id": which,
            "url": f"{self._common['mediaUrl'].removesuffix('media')}transcription",
            "status": status,
            "completedTime": completed,
        }
        name, trouble = f"{TRANSCRIBED}.{TRANSCRIPTIONS[status]}", status in ("error", "timeout")
        self.tell(at_s, name, trouble=trouble, transcription=transcription)

    def over(self, kind: str, outcome: str) -> Life:
        return Life(
            kind=kind,
            recording_id=self.recording_id,
            group_id=self.group_id,
            told=self.told,
            outcome=outcome,
            announced_as={"group_id": self.group_id},
        )


def _processed_s(recording: _Recording) -> float:
    """Return when the file has been processed."""
    return recording.end_s + recording.stage.length_s(50, 1800)


def whole_call(stage: Stage) -> Life:
    """The whole call: the first webhook is the last."""
    recording = _Recording(stage)
    recording.available(_processed_s(recording))
    return recording.over("whole call", "available")


def passage(stage: Stage) -> Life:
    """A passage, of which the end is told while the call goes on."""
    recording = _Recording(stage)
    recording.record_complete()
    at_s = _processed_s(recording)
    if stage.chance(0.2):
        recording.available(recording.end_s + 1, "processing")
    recording.available(at_s + 2)
    return recording.over("passage", "available")


def transcribed(stage: Stage) -> Life:
    """Transcribed, which is told before the recording or after it, and once again if it fails."""
    recording = _Recording(stage)
    at_s = _processed_s(recording)
    recording.processing(recording.end_s + 1)
    recording.available(at_s)
    if stage.chance(0.1):
        recording.transcribed(at_s + 200, stage.rng.choice(("error", "timeout", "file-size-too-small")))
    recording.transcribed(at_s + 300 if stage.chance(0.8) else recording.end_s + 5)
    return recording.over("transcribed", "available")


def conference(stage: Stage) -> Life:
    """A conference."""
    recording = _Recording(stage, conference=True)
    recording.available(_processed_s(recording))
    return recording.over("conference", "available")


def deleted(stage: Stage) -> Life:
    """The file is removed after 30 days."""
    recording = _Recording(stage)
    recording.available(_processed_s(recording))
    recording.available(recording.end_s + 30 * 86_400, "deleted")
    return recording.over("deleted", "available")


def in_part(stage: Stage) -> Life:
    """Parts of the recording are missing."""
    recording = _Recording(stage)
    recording.available(_processed_s(recording), "partial", trouble=True)
    return recording.over("in part", "partial")


def failed(stage: Stage) -> Life:
    """The file cannot be processed."""
    recording = _Recording(stage)
    if stage.chance(0.3):
        recording.record_complete()
    recording.available(_processed_s(recording), "error", trouble=True, mediaUrl=None)
    return recording.over("failed", "failed")


def undocumented(stage: Stage) -> Life:
    """A status that no documentation has."""
    recording = _Recording(stage)
    at_s = _processed_s(recording)
    recording.available(at_s)
    recording.available(at_s + 3600, "archived")
    return recording.over("undocumented status", "available")


def backwards(stage: Stage) -> Life:
    """It ends before it begins."""
    recording = _Recording(stage)
    recording.available(_processed_s(recording), odd=True, endTime=iso(stage.ms(-60) + recording.clock_ms))
    return recording.over("ends before it begins", "available")


def failed_after_all(stage: Stage) -> Life:
    """A file that is there is said to have failed."""
    recording = _Recording(stage)
    # Without a time of the event, what has come first counts, whichever it is.
    recording.dialect = "current"
    at_s = _processed_s(recording)
    recording.available(at_s)
    recording.available(at_s + 3600, "error", trouble=True, misfit="conflicting-outcome")
    return recording.over("failed after all", "available")


HEALTHY: Plays = ((50, whole_call), (20, passage), (15, transcribed), (14, conference), (1, deleted))
FAILED: Plays = ((2, failed), (1, in_part))
ABSENT: Plays = ()
ODD: Plays = ((1, undocumented), (1, backwards), (1, failed_after_all))
