"""strace: command lines that watch, strike or slow down the system calls of a process, and the logs that come of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

WRITE_SIDE = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "link", "unlink", "openat")
"""The calls by which a tracker changes files; ``openat`` because it also creates them."""
RECORDED = (
    *WRITE_SIDE,
    "rename",
    "renameat",
    "renameat2",
    "linkat",
    "fallocate",
    "pwritev",
    "writev",
    "sync_file_range",
)
STRIKE_AT = {"pwrite64": 400, "openat": 900, "pread64": 400}
STRIKE_OTHERS_AT = 100
"""More than any child, or the worker that has them, makes of one call; padding takes its time."""


@cache
def why_not() -> str:
    """Return why strace cannot be used here; nothing where it can."""
    program = shutil.which("strace")
    if program is None:
        return "needs the Debian package strace"
    tried = subprocess.run(
        [program, "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], capture_output=True, check=False
    )
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.decode().strip()}"


needs_strace = pytest.mark.skipif(bool(why_not()), reason=why_not() or "strace works")


def striking(call: str, what: str, *, for_good: bool = False) -> list[str]:
    """Return the prefix that has *what* happen to each process at its call of a fixed number, or from there on."""
    when = f"{_strike_at(call)}{'+' if for_good else ''}"
    # Without --seccomp-bpf, under which strace 6.1 sends no signals.
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{what}:when={when}"]


def padding(call: str, nth: int) -> tuple[str, int]:
    """Return what a job has to pad, so that its *nth* call of this name is the one that is struck."""
    # Opening what the padding is written to is a call itself.
    times = _strike_at(call) - nth - (call == "openat")
    assert times >= 0, f"{call} is made more often than STRIKE_AT knows"
    return (call, times)


def _strike_at(call: str) -> int:
    return STRIKE_AT.get(call, STRIKE_OTHERS_AT)


def delaying(call: str, milliseconds: int) -> list[str]:
    """Return the prefix that has every such call take so much longer."""
    inject = f"inject={call}:delay_enter={milliseconds * 1000}"
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]


def recording(log: Path, calls: Sequence[str] = RECORDED) -> list[str]:
    """Return the prefix that writes *calls* to *log*, whole and with the paths of their descriptors."""
    # A call that is refused changes nothing, and some kernels lack some of them.
    chosen = ",".join(f"?{call}" for call in calls)
    return [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-y",
        "-xx",
        "-s",
        "1048576",
        "-o",
        str(log),
        "-e",
        f"trace={chosen}",
    ]


@dataclass(frozen=True, eq=False)
class Call:
    """One system call: who made it, the how-manieth of its name by that process, its arguments, and its result."""

    process: int
    name: str
    nth: int
    path: str
    """Of the descriptor that it is about, or of its path argument."""
    arguments: list[str]
    result: int

    def path_of(self, place: int) -> str:
        """Return a path argument."""
        return _text(self.arguments[place]).decode()

    @property
    def data(self) -> bytes:
        """What was written; the second argument."""
        return _text(self.arguments[1])


_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+|\?)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_DESCRIPTOR = re.compile(r"(?:\d+|AT_FDCWD)<(.*)>(?:\(deleted\))?")


def calls(log: Path) -> Iterator[Call]:
    """Read a log of ``recording``."""
    counted: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(encoding="ascii").splitlines():
        assert "<unfinished" not in line, "calls of several processes are mixed; record one at a time"
        match = _LINE.match(line)
        if match is None:
            continue
        counted[match[1], match[2]] += 1
        arguments = match[3].split(", ")
        result = -1 if match[4] == "?" else int(match[4])
        yield Call(int(match[1]), match[2], counted[match[1], match[2]], _path(arguments), arguments, result)


def points(log: Path, folder: Path) -> list[Call]:
    """Return the calls that changed or would have changed something in *folder*, in their order."""
    return [call for call in calls(log) if Path(call.path).is_relative_to(folder) and _changes(call)]


def _changes(call: Call) -> bool:
    if call.name == "openat":
        return "O_CREAT" in call.arguments[2]
    return call.name != "close"


def _path(arguments: list[str]) -> str:
    if arguments[0].startswith("AT_FDCWD"):
        return _text(arguments[1]).decode()
    if _TEXT.fullmatch(arguments[0]):
        return _text(arguments[0]).decode()
    descriptor = _DESCRIPTOR.fullmatch(arguments[0])
    return "" if descriptor is None else _unescaped(descriptor[1]).decode()


def _text(argument: str) -> bytes:
    match = _TEXT.fullmatch(argument)
    assert match is not None, f"cut off: {argument[:40]}"
    return _unescaped(match[1])


def _unescaped(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
