"""
EnableX's lives: the webhooks of the portal, and events of the client SDK that an application relays.

https://developer.enablex.io/solutions/video-service-notification-webhook/
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from recording_tracker.simulation.life import Life, Plays, Stage, Told
from recording_tracker.times import iso

PROVIDER: Final = "enablex"
RETRIES_S: Final = (0.0,)
"""Nothing is documented, so one attempt is made."""

LIVE_ON, LIVE_OFF = "room-live-recording-on", "room-live-recording-off"
LIVE_FAILED: Final = "room-live-recording-failed"
# What failed, or did not → error code, its text, and whether it is trouble.
CODES: Final = {
    "queued": (7207, "Live Recording request is in waiting, will be started soon", False),
    "fallback": (7014, "Recording will be made available post-session with a delay", True),
    "start_failed": (7018, "Can't start Live Recording, Internal Server Error", True),
    "refused": (7015, "Live Recording can't be started now, please try after 2 minutes", False),
    "file_trouble": (7051, "Recording File Movement failed", True),
    "notice": (7037, "Room is disconnecting, Live Recording will be stopped", False),
}


def resent(body: dict[str, Any], at_ms: int, rng: Random) -> tuple[dict[str, Any], int | None]:
    """Return the callback as it is sent again; the time of a notice is renewed, that of a relayed event is not."""
    if "relayed_at" in body:
        return body, None
    return body | {"trans_date": iso(at_ms)}, at_ms


class _Room:
    """One session of a room, which tells of itself."""

    def __init__(self, stage: Stage, *, relayed: bool = True) -> None:
        rng = stage.rng
        self.stage = stage
        self.relayed = relayed
        self.conf = f"{rng.randrange(10**9, 10**10)}"
        self.ids = {"app_id": f"app-{rng.randrange(3)}", "room_id": f"room-{rng.randrange(200)}", "conf_num": self.conf}
        # The time of a notice is documented as three things.
        self.form = rng.choice(("seconds", "seconds", "millis", "iso"))
        self.portal_ms = stage.clock("portal")
        self.relay_ms = stage.clocks.offset_ms("relay")
        self.strings = stage.chance(0.6)
        self.end_s = 60 + stage.length_s(2400, 6 * 3600)
        self.told: list[Told] = []
        self._files = 0

    def relay(
        self, at_s: float, kind: str, name: str | None = None, *, trouble: bool = False, misfit: str | None = None,
        **said: Any,
    ) -> None:  # fmt: skip
        """Tell of an event of the SDK, which only a relay sends on."""
        if not self.relayed:
            return
        at_ms = self.stage.ms(at_s)
        stated_ms = at_ms + self.relay_ms
        body = {"type": kind, **said, **self.ids, "relayed_at": iso(stated_ms)}
        self.told.append(Told(at_ms, name or kind, body, stated_ms, trouble, misfit=misfit))

    def record(self, at_s: float, way: str, **more: Any) -> None:
        """Tell that the recording of streams is switched on or off."""
        said: dict[str, Any] = {"message" if self.stage.chance(0.5) else "data": {"moderatorId": "m-1"}}
        self.relay(at_s, f"room-record-{way}", **said, **more)

    def live(self, at_s: float, kind: str) -> None:
        """Tell that the live recording is on or off."""
        status = {"resultCode": 0, "success": True, "error": {"errorCode": 0, "errorDesc": ""}}
        by = "startedBy" if kind == LIVE_ON else "stoppedBy"
        self.relay(at_s, kind, data={"status": status, by: "u-1"})

    def answer(self, at_s: float, what: str) -> None:
        """Tell by an error code what becomes of a live recording."""
        code, text, trouble = CODES[what]
        status = {"resultCode": code, "success": False, "error": {"errorCode": code, "errorDesc": text}}
        self.relay(at_s, LIVE_FAILED, f"{LIVE_FAILED}.{what}", trouble=trouble, data={"status": status})

    def post(self, at_s: float, kind: str, *, odd: bool = False, **more: Any) -> None:
        """Tell by a webhook of the portal."""
        at_ms = self.stage.ms(at_s)
        ms = at_ms + self.portal_ms
        stated_ms = ms // 1000 * 1000 if self.form == "seconds" else ms
        date: Any = iso(ms) if self.form == "iso" else ms if self.form == "millis" else ms // 1000
        body = {"type": kind, "trans_date": date, **self.ids, **more}
        self.told.append(Told(at_ms, kind, body, stated_ms, odd=odd))

    def _url(self, ending: str) -> str:
        self._files += 1
        return f"https://files.example.com/{self.conf}/{self._files}.{ending}"

    def recording(self, at_s: float, count: int = 1) -> None:
        """Tell that files of streams are ready."""
        urls = [self._url("mkv") for _ in range(count)]
        self.post(at_s, "recording", recording=urls if self.strings else [{"url": url} for url in urls])

    def transcoded(self, at_s: float, stage: int = 1) -> None:
        """Tell that one segment is ready; under whose name its file stands is documented in two ways."""
        url = self._url("mp4")
        if self.strings:
            size = str(self.stage.rng.randrange(10**6, 10**9))
            self.post(at_s, "transcoded", recording=url, stage=str(stage), file_size=size)
        else:
            self.post(at_s, "transcoded", transcoded=[{"url": url}])

    def delivered(self, at_s: float) -> None:
        destination = {"name": "awss3", "host": "", "account": ""}
        self.post(at_s, "file-transfer", destination=destination, files=[{"url": f"s3://store/{self.conf}/1.mp4"}])

    def chat(self) -> None:
        if self.stage.chance(0.3):
            self.post(self.end_s + 120, "chatdata", chatdata=f"https://files.example.com/{self.conf}/chat.json")

    def drop(self) -> None:
        self.post(self.end_s, "roomdrop")

    def over(self, kind: str, outcome: str) -> Life:
        recording_id = f"{self.ids['app_id']}/{self.conf}"
        return Life(
            kind=kind,
            recording_id=recording_id,
            group_id=self.ids["room_id"],
            told=self.told,
            outcome=outcome,
            announced_as={"recording_id": recording_id},
        )

    def ready_s(self) -> float:
        """Return when the first file is ready, "within minutes post session"."""
        return self.end_s + self.stage.length_s(120, 1200, spread=0.5)


def streams(stage: Stage) -> Life:
    """Streams in one segment or more, transcoded afterwards and perhaps delivered."""
    room = _Room(stage)
    segments = stage.rng.randint(1, 3)
    length_s = (room.end_s - 20) / segments
    for number in range(segments):
        room.record(10 + number * length_s, "on")
        if number < segments - 1 or stage.chance(0.5):
            room.record(10 + number * length_s + length_s * 0.9, "off")
    room.drop()
    ready_s = room.ready_s()
    room.recording(ready_s, stage.rng.randint(1, 3))
    for number in range(segments if stage.chance(0.7) else 0):
        room.transcoded(ready_s + 600 + number * 300, number + 1)
    if stage.chance(0.2):
        room.delivered(ready_s + 7200)
    room.chat()
    return room.over("streams", "available")


def live(stage: Stage) -> Life:
    """Composed while the session runs; whoever joins late is told of it again."""
    room = _Room(stage)
    if stage.chance(0.5):
        room.answer(5, "queued")
    room.live(12, LIVE_ON)
    for _ in range(stage.rng.randint(0, 3)):
        room.live(stage.rng.uniform(15, room.end_s * 0.8), LIVE_ON)
    if stage.chance(0.7):
        room.live(room.end_s * 0.95, LIVE_OFF)
    elif stage.chance(0.5):
        room.answer(room.end_s - 1, "notice")
    room.drop()
    tell = room.transcoded if stage.chance(0.5) else room.recording
    tell(room.ready_s())
    room.chat()
    return room.over("live", "available")


def webhooks_alone(stage: Stage) -> Life:
    """Without a relay only files are told of."""
    room = _Room(stage, relayed=False)
    ready_s = room.ready_s()
    room.drop()
    room.recording(ready_s, 2)
    if stage.chance(0.6):
        room.transcoded(ready_s + 900)
    room.chat()
    return room.over("webhooks alone", "available")


def fallback(stage: Stage) -> Life:
    """Streams are recorded in place of a live recording."""
    room = _Room(stage)
    room.answer(5, "queued")
    room.answer(10, "fallback")
    room.drop()
    room.recording(room.ready_s())
    return room.over("fallback", "available")


def start_failed(stage: Stage) -> Life:
    """The live recording does not start."""
    room = _Room(stage)
    room.answer(5, "queued")
    room.answer(15, "start_failed")
    room.drop()
    return room.over("start failed", "failed")


def move_failed(stage: Stage) -> Life:
    """The files cannot be moved."""
    room = _Room(stage)
    room.record(10, "on")
    room.drop()
    room.answer(room.ready_s(), "file_trouble")
    return room.over("files not moved", "failed")


def refused(stage: Stage) -> Life:
    """A live recording waits, and is refused in the end."""
    room = _Room(stage)
    room.answer(5, "queued")
    room.answer(200, "refused")
    room.drop()
    return room.over("refused", "absent")


def undocumented(stage: Stage) -> Life:
    """A webhook that no documentation has."""
    room = _Room(stage)
    room.record(10, "on")
    room.drop()
    ready_s = room.ready_s()
    room.recording(ready_s)
    room.post(ready_s + 60, "metadata", metadata=[{"url": "https://files.example.com/metadata.json"}])
    return room.over("undocumented webhook", "available")


def without_file(stage: Stage) -> Life:
    """Files are ready, and none is named."""
    room = _Room(stage)
    room.record(10, "on")
    room.drop()
    ready_s = room.ready_s()
    room.post(ready_s, "recording", odd=True, recording=[])
    room.recording(ready_s + 60)
    return room.over("no file named", "available")


def on_after_the_end(stage: Stage) -> Life:
    """It is switched on after the session has ended."""
    room = _Room(stage)
    room.record(10, "on")
    room.drop()
    room.record(room.end_s + 60, "on", misfit="illegal-transition")
    room.recording(room.ready_s() + 60)
    return room.over("on after the end", "available")


HEALTHY: Plays = ((45, streams), (30, live), (20, webhooks_alone), (5, fallback))
FAILED: Plays = ((1, start_failed), (1, move_failed))
ABSENT: Plays = ((1, refused),)
ODD: Plays = ((1, undocumented), (1, without_file), (1, on_after_the_end))
