"""A FastAPI receiver under load, 64 connections, against two others; the load is made by wrk."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_server

from tests.benchmarks.figure import Figure, ratio
from tests.benchmarks.load import deliveries

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "load"
CONNECTIONS = 64
APPS = {
    "ours": ("receiver_fastapi:create", ROOT / "examples"),
    "raw": ("tests.benchmarks.apps:raw", ROOT),
    "afternoon": ("tests.benchmarks.apps:afternoon", ROOT),
}
# Each of the two threads of wrk sends bodies of its own, every one once.
_SCRIPT = """
local thread_number = 0
function setup(thread) thread:set("number", thread_number); thread_number = thread_number + 1 end
function init()
   bodies = {}; place = 0; local line_number = 0
   for line in io.lines(os.getenv("BODIES")) do
      if line_number % 2 == number then bodies[#bodies + 1] = line end
      line_number = line_number + 1
   end
end
function request()
   place = place + 1
   return wrk.format("POST", "/callbacks/agora?token=load", {["Content-Type"] = "application/json"}, bodies[place])
end
"""


def measure(folder: Path, *, seconds: int, rounds: int, slow: bool) -> list[Figure]:
    """Load each receiver for *seconds*, *rounds* times in turn; nothing where wrk is not there."""
    if shutil.which("wrk") is None:
        return []
    bodies, script = folder / "bodies.txt", folder / "load.lua"
    bodies.write_bytes(b"".join(delivery.body + b"\n" for delivery in deliveries(seconds * 16_000)))
    script.write_text(_SCRIPT, encoding="utf-8")
    rates: dict[str, list[float]] = {name: [] for name in APPS}
    for number in range(rounds):
        for name in APPS:
            rates[name].append(_rate(name, folder / f"{name}-{number}.db", script, bodies, seconds))
    ours = rates["ours"]
    return [
        ratio("afternoon", "times the receiver built in an afternoon", 8, zip(ours, rates["afternoon"], strict=True)),
        ratio(
            "raw", "times a receiver with a raw sqlite3 commit a request", 8 if slow else 1.5,
            zip(ours, rates["raw"], strict=True),
        ),
    ]  # fmt: skip


def _rate(name: str, db: Path, script: Path, bodies: Path, seconds: int) -> float:
    """Return the requests a second that were answered; all of them must be in the database."""
    with _serving(name, db) as url:
        command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url]
        ran = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            env=os.environ | {"BODIES": str(bodies), "LD_PRELOAD": ""},
        )
    assert "Non-2xx" not in ran.stdout, ran.stdout
    answered = re.search(r"(\d+) requests in ", ran.stdout)
    rate = re.search(r"Requests/sec: +([\d.]+)", ran.stdout)
    assert answered is not None, ran.stdout
    assert rate is not None, ran.stdout
    with closing(sqlite3.connect(db)) as database:
        kept = database.execute("SELECT count(*) FROM events").fetchone()[0]
    assert kept >= int(answered[1]), f"{name}: {answered[1]} answered, {kept} kept"
    return float(rate[1])


@contextmanager
def _serving(name: str, db: Path) -> Iterator[str]:
    app, place = APPS[name]
    with create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    environment = os.environ | {"DB": str(db), "TRACKER_DB": str(db), "CALLBACK_TOKEN": TOKEN}
    command = [
        sys.executable, "-m", "uvicorn", "--factory", app, "--port", str(port), "--log-level", "critical",
        "--no-access-log", "--app-dir", str(place),
    ]  # fmt: skip
    server = subprocess.Popen(command, env=environment)
    try:
        _wait_for(f"http://127.0.0.1:{port}/", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} does not answer")
