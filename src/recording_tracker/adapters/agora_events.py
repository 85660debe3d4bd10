"""Agora's events: which name an event number has, and what the details of each add to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, NamedTuple

from recording_tracker.adapters import agora_details as details
from recording_tracker.adapters.fields import read
from recording_tracker.adapters.words import quoted
from recording_tracker.times import short

Code = tuple[str, str]

FATAL: Final = 5
ERROR_LEVELS: Final = range(1, 6)
# Not the numbers of `serviceType`, and the same code means something else in each.
# https://docs.agora.io/en/realtime-media/cloud-recording/build/handle-events/receive-notifications
ERROR_TABLES: Final = {0: "recorder_error", 1: "upload_error", 2: "service_error", 6: "web_error"}
WARNING_TABLES: Final = {0: "recorder_warning", 1: "upload_warning"}
EXITS: Final = {0: ".normal", 1: ".abnormal"}
WEB_STOPS: Final = {
    0: "ok",
    1: "max_recording_hour",
    2: "capability_limit",
    3: "start_engine_failed",
    4: "page_load_timeout",
    5: "access_url_failed",
    6: "recorder_error",
}
WEB_STOPS_WELL: Final = {0, 1}
RESULTS: Final = {"total_success": ".success", "partial_success": ".partial", "failed": ".failed"}


class Reading(NamedTuple):
    """What the details add to their event; *suffix* makes its name unambiguous."""

    suffix: str = ""
    codes: tuple[Code, ...] = ()
    problems: tuple[str, ...] = ()
    remark: str | None = None
    progress: float | None = None
    successor: str | None = None
    started_ms: int | None = None


Reader = Callable[[dict[str, Any]], Reading]


def _error(raw: dict[str, Any]) -> Reading:
    found = read(details.Error, raw)
    level = found.errorLevel
    codes = [("error_level", str(level)), *_in_module(found.module, found.errorCode, ERROR_TABLES)]
    suffix = ".fatal" if level == FATAL else "" if level in ERROR_LEVELS else f".{level}"
    return Reading(suffix, tuple(codes), remark=found.errorMsg or None)


def _warning(raw: dict[str, Any]) -> Reading:
    found = read(details.Caution, raw)
    return Reading(codes=tuple(_in_module(found.module, found.warnCode, WARNING_TABLES)))


def _in_module(module: int | None, code: int | None, tables: dict[int, str]) -> list[Code]:
    where = [] if module is None else [("module", str(module))]
    table = "code" if module is None else tables.get(module, "code")
    return where if code is None else [*where, (table, str(code))]


def _status_update(raw: dict[str, Any]) -> Reading:
    found = read(details.StatusUpdate, raw)
    mode = () if found.recordingMode is None else (("recording_mode", str(found.recordingMode)),)
    return Reading(f".{found.status}", (("status", str(found.status)), *mode))


def _exit(raw: dict[str, Any]) -> Reading:
    found = read(details.Exit, raw)
    new, old = found.exitStatus, found.leaveStatus
    status = new if new is not None else old if old is not None else read(details.UnclearExit, raw).exitStatus
    problems = (f"'exitStatus' is {new} and 'leaveStatus' is {old}",) if None not in (new, old) and new != old else ()
    return Reading(EXITS.get(status, f".{status}"), (("exit", str(status)),), problems)


def _failover(raw: dict[str, Any]) -> Reading:
    return Reading(successor=read(details.Failover, raw).newUid)


def _condition(raw: dict[str, Any]) -> Reading:
    return Reading(codes=(("stat", "0" if read(details.Condition, raw).status == 0 else "abnormal"),))


def _uploaded(raw: dict[str, Any]) -> Reading:
    found = _condition(raw)
    return found if found.codes == (("stat", "0"),) else found._replace(suffix=".abnormal")


def _progress(raw: dict[str, Any]) -> Reading:
    return Reading(progress=read(details.Progress, raw).progress)


def _leave(raw: dict[str, Any]) -> Reading:
    code = read(details.Leave, raw).leaveCode
    if code == 0:
        return Reading(".init_failed", (("leave_code", "0"),))
    # A mask: 6 is 2 and 4 at once.
    bits = (1 << place for place in range(code.bit_length()))
    return Reading(codes=tuple(("leave_code", str(bit)) for bit in bits if code & bit))


def _slice(raw: dict[str, Any]) -> Reading:
    found = read(details.Slice, raw)
    codes = () if found.trackType is None else (("track_type", found.trackType),)
    lost_ms = (found.startUtcMs or 0) - (found.discontinueUtcMs or found.startUtcMs or 0)
    return Reading(codes=codes, problems=(_gap(lost_ms),) if lost_ms > 0 else ())


def _gap(lost_ms: int) -> str:
    length = f"{lost_ms} ms" if lost_ms < 1000 else short(timedelta(milliseconds=lost_ms))
    return f"the recording has a gap of {length}: 'discontinueUtcMs' is before 'startUtcMs'"


def _stream(raw: dict[str, Any]) -> Reading:
    state = read(details.Stream, raw).state
    return Reading(codes=() if state is None else (("stream_state", str(state)),))


def _web_start(raw: dict[str, Any]) -> Reading:
    return Reading(started_ms=read(details.WebStart, raw).recorderStartTime)


def _web_stop(raw: dict[str, Any]) -> Reading:
    found = read(details.WebStop, raw)
    code, message = found.code, (found.message or "").strip()
    suffix = "" if code in WEB_STOPS_WELL else ".failed" if code in WEB_STOPS else f".{code}"
    contradicts = message in WEB_STOPS.values() and message != WEB_STOPS.get(code)
    problems = (f"'code' is {code} and 'message' is {quoted(message)}",) if contradicts else ()
    return Reading(suffix, (("web_stop", str(code)),), problems, remark=found.details or message or None)


def _web_limit(raw: dict[str, Any]) -> Reading:
    return Reading(codes=(("limit_type", read(details.WebLimit, raw).limitType),))


def _web_reload(raw: dict[str, Any]) -> Reading:
    return Reading(codes=(("reload_reason", read(details.WebReload, raw).reason),))


def _transcoded(raw: dict[str, Any]) -> Reading:
    return Reading(codes=(("transcode_result", read(details.Transcoded, raw).result),))


def _transcoded_at_last(raw: dict[str, Any]) -> Reading:
    found = _transcoded(raw)
    return found._replace(suffix=RESULTS.get(found.codes[0][1], ".other"))


def _download_failed(raw: dict[str, Any]) -> Reading:
    found = read(details.Download, raw)
    return Reading(codes=(("storage", "download_failed"),), remark=found.fileName or found.filename or None)


def _publishing(raw: dict[str, Any]) -> Reading:
    return Reading(codes=(("rtmp_status", read(details.Publishing, raw).status),))


PLAIN: Final = Reading()
TOKEN_EXPIRED: Final = Reading(codes=(("storage", "STSExpired"),))

# eventType -> name, and what its details add or how they are read. The name is never taken from the body.
EVENTS: Final[dict[int, tuple[str, Reader | Reading]]] = {
    1: ("cloud_recording_error", _error),
    2: ("cloud_recording_warning", _warning),
    3: ("status", _status_update),
    4: ("cloud_recording_file_infos", PLAIN),
    11: ("session_exit", _exit),
    12: ("session_failover", _failover),
    13: ("high_availability_registered", PLAIN),
    30: ("uploader_started", _condition),
    31: ("uploaded", _uploaded),
    32: ("backuped", _condition),
    33: ("uploading_progress", _progress),
    34: ("STSExpired", TOKEN_EXPIRED),
    40: ("recorder_started", _condition),
    41: ("recorder_leave", _leave),
    42: ("recorder_slice_start", _slice),
    43: ("recorder_audio_stream_state_changed", _stream),
    44: ("recorder_video_stream_state_changed", _stream),
    45: ("recorder_snapshot_file", PLAIN),
    46: ("recorder_audio_info_changed", PLAIN),
    47: ("recorder_video_info_changed", PLAIN),
    60: ("vod_started", PLAIN),
    61: ("vod_triggered", PLAIN),
    70: ("web_recorder_started", _web_start),
    71: ("web_recorder_stopped", _web_stop),
    72: ("web_recorder_capability_limit", _web_limit),
    73: ("web_recorder_reload", _web_reload),
    80: ("transcoder_started", PLAIN),
    81: ("transcoder_completed", _transcoded),
    90: ("download_failed", _download_failed),
    100: ("rtmp_publish_status", _publishing),
    110: ("cloud_transcoder_started", PLAIN),
    111: ("cloud_transcoder_stopped", PLAIN),
    112: ("cloud_transcoder_status", PLAIN),
    113: ("cloud_transcoder_updated", PLAIN),
    1001: ("postpone_transcode_final_result", _transcoded_at_last),
}
