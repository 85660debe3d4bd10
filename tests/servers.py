"""Servers: the example receivers, run as their docstrings say, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from recording_tracker import Tracker

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
TIMEOUT_S = 30
WORKERS = 2
COMMANDS = {
    "asgi": ("uvicorn", "--factory", "receiver_asgi:create", "--no-access-log"),
    "fastapi": ("uvicorn", "--factory", "receiver_fastapi:create", "--no-access-log"),
    "flask": ("gunicorn", "receiver_flask:create()", "--preload", "--threads=4"),
}
"""Receiver → how it is run, but for its workers, of which one can be killed."""
TOKEN, OLD_TOKEN = "s3cret", "s3cret-of-yesterday"
SECRET, OLD_SECRET = "agora-secret", "agora-secret-of-yesterday"
USER, PASSWORD = "bandwidth", "pass:word"
SENDERS = {
    "CALLBACK_TOKEN": f"{TOKEN} {OLD_TOKEN}",
    "AGORA_SECRET": f"{SECRET} {OLD_SECRET}",
    "BANDWIDTH_LOGIN": f"{USER}:{PASSWORD}",
}
PLAIN = {"PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Server:
    """A receiver that runs, and the database that it writes to."""

    port: int
    db: Path
    process: subprocess.Popen[bytes]
    log: Path
    is_forked: bool
    """Whether its workers are forks of a process that had the receiver already."""

    def ask(
        self,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            found = connection.getresponse()
            return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        finally:
            connection.close()

    def send(self, raw: bytes, *, cut: bool = False) -> int | None:
        """Send bytes as they are; return the status of the answer, None where there is no answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as stream:
            # A server may close before all of a refused request has been sent.
            with suppress(OSError):
                stream.sendall(raw)
            if cut:
                stream.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                line = stream.makefile("rb").readline()
                return int(line.split()[1]) if line.endswith(b"\n") else None
        return None

    def knows(self, recording_id: str) -> bool:
        with Tracker(self.db, readonly=True) as tracker:
            return any(found.recording_id == recording_id for found in tracker.recordings())

    def workers(self) -> list[int]:
        """The processes below the server's that serve."""
        below = _below(self.process.pid)
        # A fork opens the database when it is used; of other servers some children are no workers.
        return list(below) if self.is_forked else [pid for pid in below if _has_open(pid, self.db)]

    def wait(self) -> None:
        """Wait until every worker serves: one that comes later would make a database that a test has removed."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self._is_complete():
            if time.monotonic() >= deadline:
                raise TimeoutError(f"not every worker serves; see {self.log}")
            self.ask("/health", method="GET")

    def _is_complete(self) -> bool:
        # A fork has the receiver from the first; every other worker makes its own, and says when it has.
        if self.is_forked:
            return len(self.workers()) == WORKERS
        return self.log.read_text(encoding="utf-8").count("Application startup complete.") >= WORKERS

    def stop(self) -> int:
        """Ask it to stop; return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT_S)


@contextmanager
def serving(receiver: str, folder: Path, **environment: str) -> Iterator[Server]:
    """Run a receiver of COMMANDS on a new database in *folder*, with more of an *environment*."""
    db, log = folder / "recordings.db", folder / "log.txt"
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening, log.open("wb") as output:
        number = listening.fileno()
        program, *arguments = COMMANDS[receiver]
        place = f"--bind=fd://{number}" if program == "gunicorn" else f"--fd={number}"
        process = subprocess.Popen(
            [sys.executable, "-m", program, *arguments, f"--workers={WORKERS}", place],
            cwd=EXAMPLES,
            env={**os.environ, **SENDERS, **PLAIN, "TRACKER_DB": str(db), "HOME": str(folder), **environment},
            stdout=output,
            stderr=output,
            pass_fds=[number],
            start_new_session=True,
        )
        try:
            server = Server(listening.getsockname()[1], db, process, log, is_forked="--preload" in arguments)
            server.wait()
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(TIMEOUT_S)


def _below(pid: int) -> Iterator[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    for child in map(int, children.split()):
        yield child
        yield from _below(child)


def _has_open(pid: int, path: Path) -> bool:
    for place in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            if place.readlink() == path:
                return True
    return False
