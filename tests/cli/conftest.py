"""Running the command line in this process: arguments in, exit status and the bytes of both outputs out."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from recording_tracker import Tracker
from recording_tracker.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "deliveries"
NOW = "2026-11-01T18:00:00Z"
"""A moment after the example deliveries."""


@dataclass(frozen=True)
class Run:
    """What one run of ``tracker`` did."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def talk(self) -> str:
        return self.err.decode()

    @property
    def lines(self) -> list[Any]:
        """Standard output as one JSON value a line, read strictly."""
        return [json.loads(line, parse_constant=_refuse) for line in self.out.decode("ascii").splitlines()]

    @property
    def json(self) -> Any:
        """Standard output as the one JSON value that it must be."""
        (value,) = self.lines
        return value


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


class Given(io.RawIOBase):
    """Standard input that holds these bytes."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def at_end(self) -> None:
        """Do nothing more."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self.at_end()
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


class Command(Protocol):
    """Runs ``tracker`` with arguments; *terminal* is the width of a terminal that output goes to."""

    def __call__(self, *args: str | Path, stdin: bytes | Given = b"", terminal: int | None = None) -> Run: ...


class Output(io.TextIOWrapper):
    """A standard stream over a file, so that it has a descriptor as the real ones have."""

    def __init__(self, path: Path, *, terminal: bool) -> None:
        super().__init__(path.open("w+b"), encoding="utf-8")
        self._path, self._terminal = path, terminal

    def isatty(self) -> bool:
        return self._terminal

    def close_and_read(self) -> bytes:
        self.close()
        return self._path.read_bytes()


@pytest.fixture
def tracker(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Command:
    streams = tmp_path_factory.mktemp("streams")
    for name in ("TRACKER_DB", "TRACKER_MACHINES", "NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*args: str | Path, stdin: bytes | Given = b"", terminal: int | None = None) -> Run:
        before = signal.getsignal(signal.SIGTERM)
        given = Given(stdin) if isinstance(stdin, bytes) else stdin
        out = Output(streams / "out", terminal=terminal is not None)
        err = Output(streams / "err", terminal=False)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["tracker", *map(str, args)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(given)))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            if terminal is not None:
                patch.setenv("COLUMNS", str(terminal))
            try:
                with pytest.raises(SystemExit) as ended:
                    main()
            finally:
                signal.signal(signal.SIGTERM, before)
        status = ended.value.code
        assert isinstance(status, int)
        return Run(status, out.close_and_read(), err.close_and_read())

    return run


def at_a_terminal(*arguments: str, columns: int = 80) -> tuple[str, str]:
    """Run a command whose standard error alone is a terminal; return both outputs."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "recording_tracker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        env=os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color"},
    )
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65_536):
            shown += chunk
    except OSError:
        pass  # what Linux says when nobody is at the other end any more
    finally:
        os.close(master)
    out, _ = process.communicate(timeout=60)
    return out.decode(), re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())


@pytest.fixture(scope="session")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the example deliveries, which nobody writes to."""
    path = tmp_path_factory.mktemp("toured") / "recordings.db"
    with Tracker(path) as tracker:
        for file in sorted(EXAMPLES.glob("*.jsonl")):
            with file.open(encoding="utf-8") as stream:
                tracker.ingest_many(json.loads(line) for line in stream)
    return path


@pytest.fixture
def db(toured: Path, tmp_path: Path) -> Path:
    """A database with the example deliveries, for this test alone."""
    return Path(shutil.copy(toured, tmp_path / "recordings.db"))
