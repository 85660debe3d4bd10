"""Disk images: what a disk may hold after a power cut, rebuilt from the system calls that a process has made."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.strace import Call

SECTOR = 512
"""What a disk writes whole or not at all."""

Image = dict[str, bytes]
"""Path → content, of every file that is there."""


@dataclass(frozen=True)
class Write:
    """A write that no sync has made durable yet."""

    offset: int
    data: bytes

    def apply(self, content: bytearray) -> None:
        if len(content) < self.offset:
            content.extend(bytes(self.offset - len(content)))
        content[self.offset : self.offset + len(self.data)] = self.data

    def sectors(self) -> list[Write]:
        """Return it sector by sector, which is how it reaches the disk."""
        found, begin = [], 0
        while begin < len(self.data):
            end = begin + SECTOR - (self.offset + begin) % SECTOR
            found.append(Write(self.offset + begin, self.data[begin:end]))
            begin = end
        return found

    def lost_in(self, content: bytearray) -> None:
        """Apply only that the file has become longer: its size reached the disk, and its data did not."""
        content.extend(bytes(max(0, self.offset + len(self.data) - len(content))))


@dataclass(frozen=True)
class Resize:
    """A truncation that no sync has made durable yet."""

    size: int

    def apply(self, content: bytearray) -> None:
        content.extend(bytes(max(0, self.size - len(content))))
        del content[self.size :]


@dataclass(eq=False)
class File:
    """What a sync has made durable, and what has come since."""

    durable: bytes = b""
    pending: list[Write | Resize] = field(default_factory=list)

    def sync(self) -> None:
        self.durable = self.content(self.pending)
        self.pending = []

    def content(self, chosen: Iterable[Write | Resize]) -> bytes:
        content = bytearray(self.durable)
        for change in chosen:
            change.apply(content)
        return bytes(content)


@dataclass
class Disk:
    """
    A folder on a disk that keeps what was synced, and of all else what it likes.

    A name is durable when its folder was synced; which is less than what file systems in use promise.
    """

    folder: Path
    names: dict[str, File] = field(default_factory=dict)
    durable_names: dict[str, File] = field(default_factory=dict)

    def happened(self, call: Call) -> None:
        """Do what *call* has done."""
        path = Path(call.path)
        if call.result < 0 or not path.is_relative_to(self.folder):
            return
        match call.name:
            case "openat":
                if "O_CREAT" in call.arguments[2]:
                    self.names.setdefault(call.path, File())
                assert "O_TRUNC" not in call.arguments[2]
            case "pwrite64":
                assert call.result == len(call.data)
                self.names[call.path].pending.append(Write(int(call.arguments[3]), call.data))
            case "ftruncate":
                self.names[call.path].pending.append(Resize(int(call.arguments[1])))
            case "write":
                # Where it goes to is not in the call; what the tracker writes so, it writes from the beginning on.
                file = self.names[call.path]
                file.pending.append(Write(len(file.content(file.pending)), call.data[: call.result]))
            case "link":
                self.names[call.path_of(1)] = self.names[call.path]
            case "unlink":
                del self.names[call.path]
            case "fsync" | "fdatasync":
                if path == self.folder:
                    self.durable_names = dict(self.names)
                else:
                    self.names[call.path].sync()
            case _:
                raise AssertionError(f"{call.name} is not understood here")

    def images(self, chance: random.Random, more: int) -> Iterator[Image]:
        """Yield what the disk may hold if the power goes now: the extremes, and *more* by chance."""
        for names in (self.durable_names, self.names):
            yield self._image(names, lambda file: file.durable)
            yield self._image(names, lambda file: file.content(file.pending))
        yield self._image(self.names, lambda file: file.content(file.pending[-1:]))
        yield self._image(self.names, lambda file: file.content(file.pending[1:]))
        yield self._image(self.names, _only_sizes)
        yield self._image(self.names, _last_torn)
        for _ in range(more):
            names = chance.choice([self.durable_names, self.names, self.names])
            yield self._image(names, lambda file: _torn(file, chance))

    def _image(self, names: dict[str, File], content: Callable[[File], bytes]) -> Image:
        # Shared memory is no more after a power cut; what is in its file, SQLite does not believe.
        return {path: content(file) for path, file in names.items() if not path.endswith("-shm")}


def _only_sizes(file: File) -> bytes:
    content = bytearray(file.durable)
    for change in file.pending:
        if isinstance(change, Write):
            change.lost_in(content)
        else:
            change.apply(content)
    return bytes(content)


def _last_torn(file: File) -> bytes:
    """Keep all, of the last write its first half only."""
    changes = file.pending
    if changes and isinstance(changes[-1], Write):
        sectors = changes[-1].sectors()
        return file.content([*changes[:-1], *sectors[: len(sectors) // 2]])
    return file.content(changes)


def _torn(file: File, chance: random.Random) -> bytes:
    """Keep each change, lose it, or keep some of its sectors; a truncation is whole or not at all."""
    chosen: list[Write | Resize] = []
    for change in file.pending:
        fate = chance.randrange(3)
        if fate == 0 or (fate == 1 and isinstance(change, Resize)):
            chosen.append(change)
        elif fate == 1 and isinstance(change, Write):
            chosen += [sector for sector in change.sectors() if chance.randrange(2)]
    return file.content(chosen)
