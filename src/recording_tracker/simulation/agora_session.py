"""
Agora's notifications, in the dialects of its documentations: what happens to a recording in, what is told of it out.

https://docs.agora.io/en/realtime-media/cloud-recording/build/handle-events/receive-notifications
"""

from __future__ import annotations

from typing import Any, Final

from recording_tracker.simulation.life import Life, Stage, Told

SERVICE, RECORDER, UPLOADER, VOD, WEB, TRANSCODER, DOWNLOAD = 0, 1, 2, 4, 6, 7, 8
# Event name → eventType, serviceType.
EVENTS: Final = {
    "cloud_recording_error": (1, SERVICE),
    "cloud_recording_error.fatal": (1, SERVICE),
    "cloud_recording_warning": (2, SERVICE),
    "status.1": (3, SERVICE),
    "status.3": (3, SERVICE),
    "status.4": (3, SERVICE),
    "status.5": (3, SERVICE),
    "status.6": (3, SERVICE),
    "status.8": (3, SERVICE),
    "cloud_recording_file_infos": (4, SERVICE),
    "session_exit.normal": (11, SERVICE),
    "session_exit.postponed": (11, SERVICE),
    "session_exit.abnormal": (11, SERVICE),
    "session_failover": (12, SERVICE),
    "high_availability_registered": (13, SERVICE),
    "uploader_started": (30, UPLOADER),
    "uploaded": (31, UPLOADER),
    "backuped": (32, UPLOADER),
    "uploading_progress": (33, UPLOADER),
    "recorder_started": (40, RECORDER),
    "recorder_leave": (41, RECORDER),
    "recorder_leave.init_failed": (41, RECORDER),
    "recorder_slice_start": (42, RECORDER),
    "recorder_audio_stream_state_changed": (43, RECORDER),
    "recorder_video_stream_state_changed": (44, RECORDER),
    "recorder_snapshot_file": (45, RECORDER),
    "vod_started": (60, VOD),
    "vod_triggered": (61, VOD),
    "web_recorder_started": (70, WEB),
    "web_recorder_stopped": (71, WEB),
    "web_recorder_stopped.failed": (71, WEB),
    "web_recorder_reload": (73, WEB),
    "transcoder_started": (80, TRANSCODER),
    "transcoder_completed": (81, TRANSCODER),
    "postpone_transcode_final_result.success": (1001, SERVICE),
    "rtmp_publish_status": (100, WEB),
    "event.120": (120, SERVICE),
}
# Which module's clock dates what a service sends.
MODULES: Final = {RECORDER: "recorder", WEB: "recorder", UPLOADER: "uploader", VOD: "uploader"}
POSTPONED: Final = "postpone_transcode::rtc_record"
STOPPED, NOBODY, INIT_FAILED = 24, 4, 0
STREAMS: Final = ("recorder_audio_stream_state_changed", "recorder_video_stream_state_changed")
DIALECTS: Final = ("current", "current", "current", "first", "chinese")


class Session:
    """One recording of a channel, which tells of itself."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sid = stage.hex(32)
        self.cname = f"channel-{stage.rng.randrange(500)}"
        self.uid = str(stage.rng.randrange(1000, 10_000))
        self.dialect = stage.rng.choice(DIALECTS)
        self.told: list[Told] = []
        self._clocks = {role: stage.clock(role) for role in ("service", "recorder", "uploader")}

    def tell(
        self,
        at_s: float,
        name: str,
        *,
        uid: str | None = None,
        scene: str | None = None,
        trouble: bool = False,
        misfit: str | None = None,
        superseded: bool = False,
        **details: Any,
    ) -> None:
        """Tell of one event; sequence numbers are given at the end."""
        kind, service = EVENTS[name]
        at_ms = self.stage.ms(at_s)
        stated_ms = at_ms + self._clocks[MODULES.get(service, "service")]
        payload: dict[str, Any] = {
            "cname": self.cname,
            "uid": uid or self.uid,
            "sid": self.sid,
            "sequence": 0,
            "sendts": stated_ms,
            "serviceType": service,
            "details": {"msgName": "cloud_recording_status_update" if kind == 3 else name.partition(".")[0], **details},
        }
        if scene:
            payload["serviceScene"] = scene
        body = {
            "noticeId": self.stage.hex(32),
            "productId": 3,
            "eventType": kind,
            "notifyMs": at_ms + 30,
            "payload": payload,
        }
        self.told.append(
            Told(at_ms, name, body, stated_ms, trouble, misfit=misfit, worker=payload["uid"], superseded=superseded)
        )

    def number(self, value: int) -> int | str:
        """Spell a number as the dialect does."""
        return str(value) if self.dialect == "chinese" else value

    def started(self, at_s: float, **more: Any) -> None:
        """Tell that the recorder has started."""
        self.tell(at_s, "recorder_started", status=self.number(0), **more)

    def slice(self, at_s: float, uid: str = "0", track: str = "audio_and_video", *, gap_ms: int = 0) -> None:
        """Tell that a file begins, of one stream or of all, *gap_ms* after the one before it was broken off."""
        at_ms = self.stage.ms(at_s)
        mixed: Any = uid == "0"
        self.tell(
            at_s,
            "recorder_slice_start",
            startUtcMs=at_ms,
            discontinueUtcMs=at_ms - gap_ms,
            mixedAllUser=str(mixed).lower() if self.dialect == "first" else mixed,
            streamUid=uid,
            trackType=track,
        )

    def stream(self, at_s: float, name: str, uid: str, state: int) -> None:
        """Tell that a stream is received, 0, or no longer is, 1."""
        moment: dict[str, Any] = {"UtcMs" if self.dialect == "first" else "utcMs": self.stage.ms(at_s)}
        self.tell(at_s, name, streamUid=uid, state=state, **moment)

    def users(self, begin_s: float, end_s: float) -> list[str]:
        """Let users come, and go when it ends."""
        rng = self.stage.rng
        found = [str(rng.randrange(10_000, 99_999)) for _ in range(rng.randint(1, 4))]
        for uid in found:
            come_s, go_s = begin_s + rng.random() * (end_s - begin_s) / 2, end_s + rng.random() / 2
            for name in STREAMS[: rng.randint(1, 2)]:
                self.stream(come_s, name, uid, 0)
                self.stream(go_s, name, uid, 1)
        return found

    def progress(self, begin_s: float, end_s: float) -> None:
        """Report once a minute how much of what has been recorded is uploaded."""
        for minute in range(1, int((end_s - begin_s) / 60) + 1):
            at_s = begin_s + minute * 60
            self.tell(at_s, "uploading_progress", progress=self.stage.rng.randrange(7000, 9900))

    def leave(self, at_s: float, code: int = STOPPED, **more: Any) -> None:
        """Tell that the recorder leaves."""
        self.tell(at_s, "recorder_leave", leaveCode=code, **more)

    def uploaded(self, at_s: float, *files: str, name: str = "uploaded", **more: Any) -> None:
        """Tell that these files are uploaded, each by its ending."""
        key = "filename" if self.dialect == "chinese" else "fileName"
        listed = [
            {
                key: f"{self.sid}_{self.cname}{file}",
                "trackType": "audio_and_video",
                "uid": "0",
                "mixedAllUser": True,
                "isPlayable": True,
                "sliceStartTime": self.stage.start_ms,
            }
            for file in files
        ]
        details: dict[str, Any] = {"fileList": listed} if listed and self.dialect != "first" else {}
        self.tell(at_s, name, status=self.number(0), **details, **more)

    def exit(self, at_s: float, how: str = "normal", **more: Any) -> None:
        """Tell that the session has ended, and how."""
        bad = how == "abnormal"
        status: dict[str, Any] = {"leaveStatus" if self.dialect == "first" else "exitStatus": self.number(int(bad))}
        scene = POSTPONED if how == "postponed" else None
        self.tell(at_s, f"session_exit.{how}", scene=scene, trouble=bad, **status, **more)

    def ending(self, at_s: float, *files: str, name: str = "uploaded", **more: Any) -> None:
        """Upload what is left and exit; the two are told in either order."""
        upload_s = self.stage.length_s(12, 900)
        self.uploaded(at_s + upload_s, *files, name=name, **more)
        self.exit(at_s + (upload_s + 0.1 if self.stage.chance(0.7) else self.stage.rng.random() * upload_s))

    def over(self, kind: str, outcome: str) -> Life:
        """Number what has been told, each worker's by itself, and end."""
        self.told.sort(key=lambda told: told.at_ms)
        numbers: dict[str | None, int] = {}
        for place, told in enumerate(self.told):
            number = numbers[told.worker] = numbers.get(told.worker, -1) + 1
            told.body["payload"]["sequence"] = number
            # What is sent beside the recording is not of the worker that records.
            aside = told.body["eventType"] in (80, 81, 1001, 120)
            self.told[place] = told._replace(worker=None if aside else told.worker, sequence=None if aside else number)
        return Life(
            kind=kind,
            recording_id=self.sid,
            group_id=self.cname,
            told=self.told,
            outcome=outcome,
            announced_as={"recording_id": self.sid},
        )
