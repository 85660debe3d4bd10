"""
Agora's lives: a recording as its three modules tell of it.

https://docs.agora.io/en/realtime-media/cloud-recording/build/handle-events/receive-notifications
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from recording_tracker.simulation.agora_session import NOBODY, STOPPED, Session
from recording_tracker.simulation.life import Life, Plays, Stage

PROVIDER: Final = "agora"
RETRIES_S: Final = (0.0, 10.0, 40.0, 130.0)
"""Seconds after which an attempt is made: again after 10 s without an answer, then at growing gaps, three times."""


def resent(body: dict[str, Any], at_ms: int, rng: Random) -> tuple[dict[str, Any], int | None]:
    """Return the notification as it is sent again; the other lane of the redundant mode gives it another id."""
    again = body | {"notifyMs": at_ms}
    if rng.random() < 0.3:
        again["noticeId"] = f"{rng.getrandbits(128):032x}"
    return again, None


def _begun(stage: Stage, *, median_s: float = 1500) -> tuple[Session, float]:
    """Begin to record a channel; return the session and when it will be stopped."""
    session = Session(stage)
    if stage.chance(0.3):
        session.tell(1, "high_availability_registered")
    session.started(3)
    return session, 3 + stage.length_s(median_s, 6 * 3600) + 30


def composite(stage: Stage) -> Life:
    """All users in one file."""
    session, end_s = _begun(stage)
    session.slice(4)
    session.users(5, end_s)
    for more_s in (0.0, 0.05)[: stage.rng.randint(1, 2)]:
        session.tell(20 + more_s, "cloud_recording_file_infos", fileList=f"{session.sid}_{session.cname}.m3u8")
    session.leave(end_s, STOPPED if stage.chance(0.8) else NOBODY)
    session.ending(end_s + 1, ".m3u8", "_0.mp4")
    return session.over("composite", "available")


def by_first_documentation(stage: Stage) -> Life:
    """With the status of the service, and the progress of the upload once a minute."""
    session, end_s = _begun(stage, median_s=600)
    for at_s, status in ((0.5, 1), (1.2, 3), (2.5, 4), (24, 5), (end_s + 0.2, 6), (end_s + 1, 8)):
        playlist: dict[str, Any] = {"fileList": f"{session.sid}.m3u8"} if status == 5 else {}
        session.tell(at_s, f"status.{status}", status=session.number(status), recordingMode=1, **playlist)
    session.tell(1, "uploader_started", status=session.number(0))
    session.slice(4)
    session.progress(3, end_s)
    session.leave(end_s, 8)
    session.ending(end_s + 2, ".m3u8")
    return session.over("by the first documentation", "available")


def individual(stage: Stage) -> Life:
    """Each user in a file of his own."""
    session, end_s = _begun(stage)
    users = session.users(5, end_s)
    for place, uid in enumerate(users):
        session.slice(6 + place / 10, uid, "audio")
    session.leave(end_s)
    session.ending(end_s + 1, *(f"__uid_s_{uid}__uid_e_audio.m3u8" for uid in users))
    return session.over("individual", "available")


def snapshots(stage: Stage) -> Life:
    """Pictures, the last of which comes after the end."""
    session, end_s = _begun(stage, median_s=300)
    for number in range(min(20, int(end_s / 10))):
        session.tell(8 + number * 10, "recorder_snapshot_file", fileName=f"shots/{session.sid}_{number}.jpg")
    session.leave(end_s)
    session.tell(end_s + 0.2, "recorder_snapshot_file", fileName=f"shots/{session.sid}_last.jpg")
    session.ending(end_s + 1)
    return session.over("snapshots", "available")


def web_page(stage: Stage) -> Life:
    """A web page, streamed at the same time."""
    session = Session(stage)
    end_s = 3 + stage.length_s(1200, 4 * 3600)
    session.tell(3, "web_recorder_started", scene="web_record", recorderStartTime=stage.ms(2.8))
    session.tell(5, "rtmp_publish_status", rtmpUrl="rtmp://live.example.com/app/key", status="publishing")
    if stage.chance(0.1):
        session.tell(end_s / 2, "web_recorder_reload", trouble=True, reason="audio_silence")
    session.progress(3, end_s)
    code, message = (0, "ok") if stage.chance(0.9) else (1, "max_recording_hour")
    files = [{"filename": f"{session.sid}_{session.cname}_0.mp4", "sliceStartTime": stage.ms(3)}]
    session.tell(end_s, "web_recorder_stopped", code=code, message=message, details="", fileList=files)
    session.ending(end_s + 1)
    return session.over("web page", "available")


def failover(stage: Stage) -> Life:
    """A second bot goes on, and the first still speaks."""
    session, end_s = _begun(stage)
    new, moved_s = str(stage.rng.randrange(10_000, 20_000)), 30 + (end_s - 30) / 2
    session.slice(4)
    session.tell(20, "cloud_recording_file_infos", fileList=f"{session.sid}.m3u8")
    session.tell(moved_s, "session_failover", newUid=int(new))
    session.started(moved_s + 2, uid=new)
    if stage.chance(0.5):
        session.leave(moved_s + 30, superseded=True)
        session.exit(moved_s + 31, "abnormal", superseded=True)
    end_s = max(end_s, moved_s + 40)
    session.leave(end_s, uid=new)
    session.uploaded(end_s + 15, ".m3u8", "bak0_0.mp4", uid=new)
    session.exit(end_s + 15.1, uid=new)
    return session.over("failover", "available")


def backup(stage: Stage) -> Life:
    """The storage is slow, so Agora keeps the files; sometimes it delivers them later."""
    session, end_s = _begun(stage)
    session.slice(4)
    session.tell(end_s - 5, "cloud_recording_warning", trouble=True, module=1, warnCode=32)
    session.leave(end_s)
    session.ending(end_s + 1, ".m3u8", name="backuped")
    delivered = stage.chance(0.3)
    if delivered:
        session.uploaded(end_s + 3600 * stage.rng.uniform(2, 10), ".m3u8")
    return session.over("backup", "available" if delivered else "backed_up")


def postponed(stage: Stage) -> Life:
    """Transcoded hours after the session has ended."""
    session, end_s = _begun(stage)
    session.leave(end_s)
    upload_s = stage.length_s(12, 900)
    session.uploaded(end_s + upload_s, ".m3u8")
    session.exit(end_s + upload_s + 0.1, "postponed")
    begin_s = end_s + 3600 * stage.rng.uniform(2, 20)
    files = [{"fileName": f"{session.sid}_{session.cname}.mp4"}]
    aside: dict[str, Any] = {"uid": "90001", "scene": "postpone_transcode::transcode"}
    session.tell(begin_s, "transcoder_started", **aside)
    done = [{"uid": "0", "result": "success", "fileList": files}]
    session.tell(begin_s + 900, "transcoder_completed", result="all_success", uids=done, **aside)
    session.tell(
        begin_s + 905, "postpone_transcode_final_result.success", result="total_success", fileList=files, uid="90001"
    )
    return session.over("postponed transcoding", "available")


def vod(stage: Stage) -> Life:
    """ApsaraVideo for VoD as the storage."""
    session, end_s = _begun(stage)
    session.tell(8, "vod_started", scene="rtc_vod", aliVodInfo={"videoId": f"v-{session.sid[:8]}"})
    session.leave(end_s)
    session.tell(end_s + 20, "vod_triggered", scene="rtc_vod")
    session.exit(end_s + 20.1)
    return session.over("vod", "available")


def wrong_storage(stage: Stage) -> Life:
    """Nothing can be uploaded."""
    session, end_s = _begun(stage)
    error: dict[str, Any] = {
        "module": 1,
        "errorLevel": 4,
        "errorCode": 32,
        "stat": 1,
        "errorMsg": "the bucket cannot be reached",
    }
    session.tell(25, "cloud_recording_error", trouble=True, **error)
    session.leave(end_s)
    session.exit(end_s + 1, "abnormal")
    return session.over("wrong storage", "failed")


def wrong_token(stage: Stage) -> Life:
    """The recorder never joins."""
    session = Session(stage)
    error: dict[str, Any] = {"module": 0, "errorLevel": 5, "errorCode": 110, "stat": 0, "errorMsg": ""}
    session.tell(2, "cloud_recording_error.fatal", trouble=True, **error)
    session.exit(12, "abnormal")
    return session.over("wrong token", "failed")


def page_not_loaded(stage: Stage) -> Life:
    """The page takes too long."""
    session = Session(stage)
    session.tell(3, "web_recorder_started", scene="web_record", recorderStartTime=stage.ms(2.8))
    session.tell(40, "web_recorder_stopped.failed", trouble=True, code=4, message="page_load_timeout", details="")
    session.exit(42, "abnormal")
    return session.over("page not loaded", "failed")


def empty_room(stage: Stage) -> Life:
    """Nobody ever speaks, so there is no file, and no word of it."""
    session = Session(stage)
    session.started(3)
    session.leave(40, NOBODY)
    session.exit(41)
    return session.over("empty room", "absent")


def undocumented(stage: Stage) -> Life:
    """An event that no documentation has."""
    session, end_s = _begun(stage)
    session.tell(end_s / 2, "event.120")
    session.leave(end_s)
    session.ending(end_s + 1, ".m3u8")
    return session.over("undocumented event", "available")


def interrupted(stage: Stage) -> Life:
    """A slice that begins later than the one before it has ended."""
    session, end_s = _begun(stage)
    session.slice(4)
    session.slice(end_s / 2, gap_ms=8_000)
    session.told[-1] = session.told[-1]._replace(odd=True)
    session.leave(end_s)
    session.ending(end_s + 1, ".m3u8")
    return session.over("interrupted", "available")


def backup_after_all(stage: Stage) -> Life:
    """Files that are where they belong are said to be kept in their place."""
    session, end_s = _begun(stage)
    session.leave(end_s)
    session.uploaded(end_s + 10, ".m3u8")
    session.uploaded(end_s + 60, ".m3u8", name="backuped", misfit="conflicting-outcome")
    session.exit(end_s + 61)
    return session.over("backup after all", "available")


def started_again(stage: Stage) -> Life:
    """A recorder that has left starts, and nothing says why."""
    session, end_s = _begun(stage)
    session.leave(end_s)
    session.started(end_s + 60, misfit="illegal-transition")
    session.uploaded(end_s + 90, ".m3u8")
    session.exit(end_s + 91)
    return session.over("started again", "available")


HEALTHY: Plays = (
    (50, composite),
    (10, by_first_documentation),
    (10, individual),
    (4, snapshots),
    (10, web_page),
    (4, failover),
    (5, backup),
    (4, postponed),
    (3, vod),
)
FAILED: Plays = ((2, wrong_storage), (2, wrong_token), (1, page_not_loaded))
ABSENT: Plays = ((1, empty_room),)
ODD: Plays = ((2, undocumented), (2, interrupted), (1, backup_after_all), (1, started_again))
