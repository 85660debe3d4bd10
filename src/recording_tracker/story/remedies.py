"""Remedies: a recording with its open flags in; what somebody on call can do about them, out."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from recording_tracker.recording import Recording

NOWHERE: Mapping[str, str] = MappingProxyType({})

# How to find out what has become of a recording; as the providers document it.
QUESTIONS = {
    "agora": "ask Agora's query API with the sid; if that knows it no more, look for its files in your storage",
    "aircore": "look for its file in your bucket, and ask Aircore with the url of the recording",
    "bandwidth": "ask Bandwidth's API: GET /accounts/{accountId}/recordings",
    "enablex": "ask the archive API: GET /video/v2/archive/conf/{conf_num}",
    "line_planet": "ask the LINE Planet team, with the sid and the start time",
}

# Recording ids that are easily announced by a part of them, which no callback meets.
IDS = {
    "aircore": "the url of the recording",
    "enablex": "app_id/conf_num",
    "line_planet": "sid/start, or announce the sid as a group",
}


class Remedy(NamedTuple):
    """What to do about a flag, where the rest of the row fits the recording."""

    flag: str
    text: str
    """``{ask}`` is how to ask the provider, ``{id}`` the recording as an argument of a command."""
    provider: str | None = None
    phases: tuple[str, ...] = ()
    """The phases of which it must be in one, if any are named."""
    state: Mapping[str, str] = NOWHERE
    """Region → the state that it must be in."""
    never: tuple[str, ...] = ()
    """Events of which none may have come."""


# What tells that somebody was heard or seen, so that there is something to upload.
SPOKEN = (
    "recorder_slice_start",
    "recorder_snapshot_file",
    "recorder_audio_stream_state_changed",
    "recorder_video_stream_state_changed",
)
# 'uploaded' says that all recorded files are in the storage; what is still awaited is the end, or a transcoding.
UPLOADED = {"recorder": "left", "uploader": "uploaded"}
IN_STORAGE = "all that was recorded has been uploaded to your storage; look there first"
RESOLVE = "when you know how it ended, settle it: tracker resolve --outcome OUTCOME --note TEXT {id}"

REMEDIES = (
    Remedy(
        "missing-terminal",
        "either nobody ever spoke in the room, so that there was nothing to upload, or the upload was lost with its "
        "callback; the callbacks alone cannot tell which: look for files in your storage",
        provider="agora",
        state={"service": "exited", "recorder": "left", "uploader": "waiting"},
        never=SPOKEN,
    ),
    Remedy("stalled", IN_STORAGE, provider="agora", state=UPLOADED),
    Remedy("missing-terminal", IN_STORAGE, provider="agora", state=UPLOADED),
    Remedy(
        "missing-terminal",
        "check the storage settings: vendor, region, bucket and keys, and the rights on the bucket",
        provider="agora",
        state={"uploader": "uploading"},
    ),
    Remedy(
        "missing-terminal",
        "if its storage was out of reach, wait for the backup: Agora delivers it later, after 24 hours or more",
        provider="agora",
        state={"uploader": "uploading"},
    ),
    Remedy(
        "missing-terminal",
        "check the storage settings of the start request: region, bucket and its policy",
        provider="aircore",
        state={"recording": "stopped"},
    ),
    Remedy("stalled", "find out whether it still runs: {ask}", phases=("starting", "recording")),
    Remedy("stalled", "find out what has become of its files: {ask}", phases=("processing",)),
    Remedy("missing-terminal", "find out how it ended: {ask}"),
    Remedy("stalled", RESOLVE),
    Remedy("missing-terminal", RESOLVE),
    Remedy("never-started", "see in your application whether it was started at all"),
    Remedy("never-started", "check the callback address, and that the account has subscribed to the events"),
    *(
        Remedy(
            "never-started",
            f"compare its id with those that callbacks give, {form}: tracker list --provider {name}",
            name,
        )
        for name, form in IDS.items()
    ),
    Remedy("never-started", "find out whether it runs or has run: {ask}"),
    Remedy("never-started", RESOLVE),
    Remedy("conflicting-outcome", "two results contradict each other; find out which one holds: {ask}"),
    Remedy("provider-error", "find out what has become of it: {ask}"),
    Remedy("illegal-transition", "see what it contradicts: tracker history {id}"),
    Remedy("unknown-event", "see what the provider says of it; when a machine file knows it: tracker replay"),
    Remedy("payload-mismatch", "look at its files before use, and compare what the provider says of them: {ask}"),
    Remedy(
        "missing-event",
        "if other recordings miss it at about the same time, your receiver was out of reach; if all miss it, the "
        "account has probably not subscribed to it: say so in limits.subscribed",
    ),
    Remedy("clock-skew", "check that your own clock is right"),
)
"""In the order in which they are to be tried."""

OUTCOMES = {
    "backed_up": "its files are in the provider's backup; see that they arrive in your storage",
    "partial": "a part of it failed or is missing; look at its files before use",
}


def remedies(recording: Recording, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """
    Yield (flag code, what to do) for the open flags that nobody has acknowledged; asks the provider once.

    *names* are those of the recording's events.
    """
    codes = {flag.code for flag in recording.flags if not flag.acknowledged}
    asked = False
    for remedy in REMEDIES:
        asks = "{ask}" in remedy.text
        if remedy.flag in codes and _fits(remedy, recording, names) and not (asks and asked):
            yield remedy.flag, _filled(remedy.text, recording)
            asked = asked or asks


def ending(recording: Recording) -> str | None:
    """Return what to do about the outcome of a complete recording, if anything."""
    return OUTCOMES.get(recording.outcome or "")


def _fits(remedy: Remedy, recording: Recording, names: Collection[str]) -> bool:
    return (
        remedy.provider in (None, recording.provider)
        and (not remedy.phases or recording.phase in remedy.phases)
        and all(recording.state.get(region) == state for region, state in remedy.state.items())
        and not any(name in names for name in remedy.never)
    )


def _filled(text: str, recording: Recording) -> str:
    """Put the recording, and how to ask its provider, into *text*."""
    ask = QUESTIONS.get(recording.provider, "ask the provider")
    return text.replace("{ask}", ask).replace("{id}", argument(recording.id))


def argument(name: str) -> str:
    """Write *name* as an argument that a shell takes as it is; one that cannot be shown stands for itself as ID."""
    if not name.isprintable():
        return "ID"
    return f"-- {shlex.quote(name)}" if name.startswith("-") else shlex.quote(name)
