"""
Aircore's lives, and its callbacks.

https://docs.aircore.io/services/recording/callbacks
"""

from __future__ import annotations

from random import Random
from typing import Any, Final
from urllib.parse import quote

from recording_tracker.simulation.life import Life, Plays, Stage, Told

PROVIDER: Final = "aircore"
RETRIES_S: Final = (0.0,)
"""Nothing is documented, so one attempt is made."""

# What S3 says of an upload that fails.
UPLOAD_ERRORS: Final = (
    "Inaccessible host: This service may not be available in the `us-east-1111' region.",
    "Access Denied",
    "NoSuchBucket: The specified bucket does not exist",
    "SlowDown",
)


def resent(body: dict[str, Any], at_ms: int, rng: Random) -> tuple[dict[str, Any], int | None]:
    """Return the callback as it is sent again, and its new time; ``timestamp`` is the current time."""
    return body | {"timestamp": at_ms}, at_ms


class _Recording:
    """One recording of a channel, which tells of itself."""

    def __init__(self, stage: Stage) -> None:
        rng = stage.rng
        self.stage = stage
        name = f"{stage.start_ms}-{rng.randrange(10)}-{rng.randrange(100_000, 999_999)}"
        self.url = f"http://recorder-{rng.randrange(40)}.example:8080/recording/{name}"
        self.name = name
        # The REST API spells the url of its recordings so.
        api = stage.chance(0.1)
        self.spelled = f"https://services.aircore.io:443/recording/{quote(self.url, safe='')}" if api else self.url
        self.unnamed = stage.chance(0.05)
        self.clock_ms = stage.clock("recorder")
        self.told: list[Told] = []

    def tell(self, at_s: float, name: str, elapsed_s: float, *, trouble: bool = False, **more: Any) -> None:
        """Tell of one event, *elapsed_s* seconds of recording after the start."""
        at_ms = self.stage.ms(at_s)
        stated_ms = at_ms + self.clock_ms
        recording: dict[str, Any] = {
            "url": self.spelled,
            "state": "started" if name == "recording-started" else "stopped",
            "startTime": self.stage.ms(1) + self.clock_ms,
            "elapsedTime": round(elapsed_s * 1000),
            **more,
        }
        if self.unnamed:
            del recording["url"]
        body = {"event": name, "timestamp": stated_ms, "recording": recording}
        misfit = "conflicting-outcome" if any(told.name.startswith("recording-upload") for told in self.told) else None
        self.told.append(Told(at_ms, name, body, stated_ms, trouble, misfit=misfit))

    def uploaded(self, at_s: float, length_s: float) -> None:
        address = f"https://account.s3.amazonaws.com/record_{self.name}.m4a"
        location = {"address": address, "region": "us-east-1"}
        self.tell(at_s, "recording-uploaded", length_s, location=location)

    def upload_failed(self, at_s: float, length_s: float) -> None:
        reason = self.stage.rng.choice(UPLOAD_ERRORS)
        self.tell(at_s, "recording-upload-failed", length_s, trouble=True, reason=reason)

    def over(self, kind: str, outcome: str) -> Life:
        query = {"id": f"room-{self.stage.rng.randrange(300)}"}
        return Life(
            kind=kind,
            recording_id=self.url,
            group_id=query["id"],
            told=self.told,
            outcome=outcome,
            announced_as={"recording_id": self.url},
            query=query | ({"recording": self.spelled} if self.unnamed else {}),
        )


def _stopped(stage: Stage, reason: str, *, trouble: bool = False) -> tuple[_Recording, float, float]:
    """Record for a while; return the recording, its length, and when the upload ends."""
    recording = _Recording(stage)
    length_s = stage.length_s(1200, 8 * 3600)
    recording.tell(1, "recording-started", 0)
    recording.tell(1 + length_s, "recording-stopped", length_s, reason=reason, trouble=trouble)
    return recording, length_s, 1 + length_s + stage.length_s(3, 600)


def stopped(stage: Stage) -> Life:
    """Stopped by a client, or because everybody has left."""
    reason = stage.rng.choice(("clientStopped", "allPublishersLeft"))
    recording, length_s, end_s = _stopped(stage, reason)
    recording.uploaded(end_s, length_s)
    return recording.over(reason, "available")


def stopped_by_quota(stage: Stage) -> Life:
    """Stopped for a reason that is not documented."""
    recording, length_s, end_s = _stopped(stage, "quotaExceeded")
    recording.uploaded(end_s, length_s)
    return recording.over("undocumented reason", "available")


def stopped_by_error(stage: Stage) -> Life:
    """Stopped by a server error, and uploaded as far as it goes."""
    recording, length_s, end_s = _stopped(stage, "serverError", trouble=True)
    recording.uploaded(end_s, length_s)
    return recording.over("server error", "available")


def upload_failed(stage: Stage) -> Life:
    """The bucket cannot be written to."""
    recording, length_s, end_s = _stopped(stage, "clientStopped")
    recording.upload_failed(end_s, length_s)
    return recording.over("upload failed", "failed")


def uploaded_after_all(stage: Stage) -> Life:
    """An upload that has failed is said to have ended well."""
    recording, length_s, end_s = _stopped(stage, "clientStopped")
    recording.upload_failed(end_s, length_s)
    recording.uploaded(end_s + 3600, length_s)
    return recording.over("uploaded after all", "failed")


def paused(stage: Stage) -> Life:
    """An event that no documentation has."""
    recording, length_s, end_s = _stopped(stage, "clientStopped")
    recording.tell(1 + length_s / 2, "recording-paused", length_s / 2)
    recording.uploaded(end_s, length_s)
    return recording.over("undocumented event", "available")


def without_file(stage: Stage) -> Life:
    """An upload that names no file."""
    recording, length_s, end_s = _stopped(stage, "clientStopped")
    recording.tell(end_s, "recording-uploaded", length_s)
    recording.told[-1] = recording.told[-1]._replace(odd=True)
    return recording.over("upload without a file", "available")


HEALTHY: Plays = ((95, stopped), (2, stopped_by_quota), (3, stopped_by_error))
FAILED: Plays = ((1, upload_failed),)
ABSENT: Plays = ()
ODD: Plays = ((1, uploaded_after_all), (1, paused), (1, without_file))
