"""Jobs: what workers are told to do, and what they have said when they ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

ROOT = Path(__file__).parents[2]
LIVES = ROOT / "examples" / "deliveries" / "agora.jsonl"
LENGTH = 8
"""Callbacks of one recording."""
PATIENCE_S = 240
"""After which what has not come, on a machine however busy, will not come."""
PATIENT = timedelta(seconds=60)
"""How long one of many writers waits for the others, where how long is not what is tested."""


def callbacks(count: int, *, writer: int = 0, filler: int = 0) -> list[str]:
    """Return bodies of healthy recordings, one recording after another; no two alike, nor those of two writers."""
    lines = LIVES.read_text(encoding="utf-8").splitlines()[1 : 1 + LENGTH]
    found = []
    for number in range(count):
        body = json.loads(lines[number % LENGTH])["body"]
        body["payload"]["sid"] = uuid5(NAMESPACE_URL, f"{writer}/{number // LENGTH}").hex
        if filler:
            body["payload"]["filler"] = "x" * filler
        found.append(json.dumps(body))
    return found


@dataclass(frozen=True, kw_only=True)
class Job:
    """One process: its database, its log, and the steps of its life, or a command line."""

    db: Path
    log: Path
    bodies: Sequence[str] = ()
    steps: Sequence[str] = ()
    command: Sequence[str] = ()
    variant: str = "sound"
    pad: tuple[str, int] | None = None
    beside: bool = False
    """Whether the next begins before it has ended."""
    killed_at: float | None = None
    """The lines of its log at which it is killed, with those beside it; a fraction is a moment between two."""

    def line(self) -> str:
        """Return it as a worker reads it."""
        job: dict[str, object] = {"db": str(self.db), "log": str(self.log)}
        if self.command:
            job["command"] = self.command
        else:
            job |= {"bodies": self.bodies, "steps": self.steps, "variant": self.variant}
        if self.pad:
            job["pad"] = self.pad
        return json.dumps(job | {"beside": self.beside, "killed_at": self.killed_at})


@dataclass(frozen=True)
class Said:
    """What a worker has written to its log."""

    acknowledged: list[int]
    errors: list[str]
    """The class and the words of each error that it told of."""
    crashes: list[str]


def said(log: Path) -> Said:
    """Read a worker's log; of a line that was cut off nothing was said."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    lines = [line.split(" ", 1) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    told: dict[str, list[str]] = {"ack": [], "error": [], "crash": []}
    for word, rest in lines:
        told[word].append(rest.rstrip("\n"))
    return Said([int(place) for places in told["ack"] for place in places.split()], told["error"], told["crash"])


def command(prefix: Iterable[str] = ()) -> list[str]:
    """Return the command line of a worker, under the program that *prefix* names."""
    return [*prefix, sys.executable, "-m", "tests.faults.worker"]


def environment() -> dict[str, str]:
    """Return the environment that a worker needs to find the tests and the package."""
    paths = [str(ROOT), str(ROOT / "src")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}


@contextmanager
def started(jobs: Iterable[Job], prefix: Iterable[str] = (), *, timeout: float = PATIENCE_S) -> Iterator[None]:
    """Have a worker begin *jobs*, and wait at the end of the block until all have ended by themselves."""
    with subprocess.Popen(
        command(prefix), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as worker:
        assert worker.stdin is not None
        worker.stdin.write("".join(f"{job.line()}\n" for job in jobs))
        worker.stdin.close()
        try:
            yield
            assert worker.wait(timeout) == 0
        except BaseException:
            worker.kill()
            raise


def wait_until(condition: Callable[[], bool], *, timeout: float = PATIENCE_S) -> None:
    """Look again and again whether *condition* holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@contextmanager
def late() -> Iterator[list[float]]:
    """Measure meanwhile how much too long sleeps of 100 ms are, in which SQLite waits: a busy machine wakes late."""
    found: list[float] = []
    over = threading.Event()

    def measure() -> None:
        while not over.is_set():
            begun = time.monotonic()
            time.sleep(0.1)
            found.append(time.monotonic() - begun - 0.1)

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def run(jobs: Iterable[Job], prefix: Iterable[str] = (), *, timeout: float = 5 * PATIENCE_S) -> list[int]:
    """Have a worker do all *jobs*, and return how each process ended: a status, or a signal below zero."""
    lines = "".join(f"{job.line()}\n" for job in jobs)
    done = subprocess.run(
        command(prefix), input=lines, capture_output=True, text=True, timeout=timeout, env=environment(), check=False
    )
    assert done.returncode == 0, f"the worker itself ended with {done.returncode}: {done.stderr}"
    return [os.waitstatus_to_exitcode(int(line)) for line in done.stdout.split()]
