"""Mounts: places that are small, full or read-only, each undone at the end of its block."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

MIB = 2**20


@cache
def why_no_mounts() -> str:
    """Return why nothing can be mounted here; nothing where it can."""
    if os.geteuid() != 0:
        return "needs root, to mount"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tmpfs(Path(folder), size=MIB):
                return ""
        except subprocess.CalledProcessError as error:
            return f"may not mount here: {error.stderr.decode().strip()}"


@cache
def why_no_chattr() -> str:
    """Return why no file can be made immutable here; nothing where it can."""
    if os.geteuid() != 0 or not shutil.which("chattr"):
        return "needs root and chattr (Debian package e2fsprogs)"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with immutable(Path(folder)):
                return ""
        except subprocess.CalledProcessError as error:
            return f"chattr +i does not work here: {error.stderr.decode().strip()}"


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def tmpfs(place: Path, *, size: int, files: int | None = None) -> Iterator[Path]:
    """Mount a file system in memory of *size* bytes on *place*, for at most so many *files*."""
    options = f"size={size}" + (f",nr_inodes={files}" if files else "")
    _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", place)
    with _unmounted(place):
        yield place


@contextmanager
def ext4(place: Path, image: Path, *, size: int) -> Iterator[Path]:
    """Mount a new ext4 file system of *size* bytes, made in the file *image*, on *place*."""
    with image.open("wb") as stream:
        stream.truncate(size)
    # With blocks of less than 4 KiB, the default of so small a disk, a full one kills whoever reads by SIGBUS.
    _run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", image)
    _run("mount", "-o", "loop", image, place)
    with _unmounted(place):
        yield place


@contextmanager
def read_only_view(source: Path, place: Path) -> Iterator[Path]:
    """Show the folder *source* at *place* too, where nothing of it can be changed."""
    _run("mount", "--bind", source, place)
    with _unmounted(place):
        _run("mount", "-o", "remount,ro,bind", place)
        yield place


@contextmanager
def single_file(source: Path, place: Path) -> Iterator[Path]:
    """Show the file *source* at *place* too, without what lies beside it, as a container may be given it."""
    place.touch()
    _run("mount", "--bind", source, place)
    with _unmounted(place):
        yield place


@contextmanager
def passed_on(source: Path, place: Path) -> Iterator[Path]:
    """Show the folder *source* at *place* too, by a program behind the kernel, as network file systems are."""
    _run("bindfs", source, place)
    with _unmounted(place):
        yield place


@contextmanager
def _unmounted(place: Path) -> Iterator[None]:
    try:
        yield
    finally:
        done = subprocess.run(["umount", place], check=False, capture_output=True)
        if done.returncode != 0:
            # Something still has a file open in there; it goes with the last of them.
            _run("umount", "-l", place)


@contextmanager
def immutable(path: Path) -> Iterator[Path]:
    """Let nobody change *path*, not even root."""
    _run("chattr", "+i", path)
    try:
        yield path
    finally:
        _run("chattr", "-i", path)


def fill(folder: Path, *, but: int = 0) -> Path:
    """Fill the disk that *folder* lies on, all but so many bytes; return the file that does."""
    filler = folder / "filler"
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (MIB, 4096):
            _fill(handle, size)
        os.truncate(filler, max(0, os.fstat(handle).st_size - but))
    finally:
        os.close(handle)
    return filler


def _fill(handle: int, size: int) -> None:
    chunk = b"x" * size
    try:
        while os.write(handle, chunk) == size:
            pass
    except OSError:
        pass


needs_mounts = pytest.mark.skipif(bool(why_no_mounts()), reason=why_no_mounts() or "mounts work")
needs_mkfs = pytest.mark.skipif(not shutil.which("mkfs.ext4"), reason="needs the Debian package e2fsprogs")
needs_chattr = pytest.mark.skipif(bool(why_no_chattr()), reason=why_no_chattr() or "chattr works")
needs_bindfs = pytest.mark.skipif(not shutil.which("bindfs"), reason="needs the Debian package bindfs")
