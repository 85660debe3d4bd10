"""Power cuts: what was acknowledged is on the disk, whatever the disk made of what nobody had it sync."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.aftermath import Aftermath, aftermath
from tests.faults.disk_images import Disk, Image
from tests.faults.jobs import Job, callbacks, run, said, started, wait_until
from tests.faults.strace import calls, needs_strace, recording
from tests.figures import Figures

LIFE = (
    *("open", "ingest 0", "ingest 1", "checkpoint PASSIVE", "ingest 2", "ingest 3 4"),
    *("checkpoint TRUNCATE", "ingest 5", "close", "open", "ingest 6", "checkpoint RESTART", "ingest 7", "close"),
)
BODIES = callbacks(8)


@dataclass
class Cuts:
    """What the images of one recorded run have shown."""

    points: int = 0
    states: int = 0
    images: int = 0
    """Those of the states that differ, in content or in what was acknowledged by then."""
    lost: int = 0
    corrupted: int = 0


def cut_everywhere(folder: Path, variant: str = "sound", *, more: int, every: int = 1) -> Cuts:
    """Live the life once, and start a tracker on what the disk may hold after each of its calls."""
    disk_folder = folder / "disk"
    disk_folder.mkdir()
    job = Job(db=disk_folder / "recordings.db", log=folder / "log", bodies=BODIES, steps=LIFE, variant=variant)
    assert run([job], recording(folder / "trace")) == [0], said(job.log)

    chance, disk, found = random.Random(20_261_101), Disk(disk_folder), Cuts()
    acknowledged: list[int] = []
    seen: set[bytes] = set()
    for call in calls(folder / "trace"):
        if call.path == str(job.log) and call.name == "write":
            acknowledged += [int(place) for place in call.data.split()[1:]]
        elif Path(call.path).is_relative_to(disk_folder):
            disk.happened(call)
        else:
            continue
        found.points += 1
        if call.name == "pwrite64" and found.points % every:
            continue
        for image in disk.images(chance, more):
            found.states += 1
            key = _digest(image, len(acknowledged))
            if key not in seen:
                seen.add(key)
                _look(image, folder / "image", [BODIES[place] for place in acknowledged], found)
    assert len(acknowledged) == len(BODIES)
    return found


def _digest(image: Image, acknowledged: int) -> bytes:
    digest = hashlib.sha256(b"%d" % acknowledged)
    for path, content in sorted(image.items()):
        digest.update(f"{path} {len(content)} ".encode() + content)
    return digest.digest()


def _look(image: Image, folder: Path, acknowledged: list[str], found: Cuts) -> None:
    folder.mkdir()
    for path, content in image.items():
        (folder / Path(path).name).write_bytes(content)
    left = aftermath(folder / "recordings.db", BODIES, acknowledged)
    shutil.rmtree(folder)
    found.images += 1
    found.lost += bool(left.lost)
    found.corrupted += bool(left.corrupted)


@needs_strace
@pytest.mark.parametrize(("more", "every"), [(1, 6), pytest.param(12, 1, marks=pytest.mark.slow)])
def test_a_power_cut_after_any_call_loses_nothing_acknowledged(
    more: int, every: int, tmp_path: Path, figures: Figures
) -> None:
    found = cut_everywhere(tmp_path, more=more, every=every)

    figures.add(fault="F3", what="points of a power cut", tried=found.points)
    figures.add(
        fault="F3",
        what="different disk images opened",
        tried=found.images,
        states=found.states,
        lost=found.lost,
        corrupted=found.corrupted,
    )
    assert found.points > 200
    assert found.images > 150
    assert (0, 0) == (found.lost, found.corrupted)


CONTROLS = {
    "normal": "control: synchronous=NORMAL",
    "delete": "control: journal_mode=DELETE with synchronous=FULL",
    "early": "control: acknowledged before the commit",
}


@needs_strace
@pytest.mark.parametrize("variant", CONTROLS)
def test_a_commit_that_does_not_wait_for_the_disk_is_caught_by_the_images(
    variant: str, tmp_path: Path, figures: Figures
) -> None:
    found = cut_everywhere(tmp_path, variant, more=0, every=50)

    figures.add(fault="F3", what=CONTROLS[variant], tried=found.images, lost=found.lost, corrupted=found.corrupted)
    assert found.lost


@needs_strace
def test_writes_without_any_order_are_caught_by_the_images(tmp_path: Path, figures: Figures) -> None:
    found = cut_everywhere(tmp_path, "off", more=4, every=10)

    figures.add(
        fault="F3", what="control: synchronous=OFF", tried=found.images, lost=found.lost, corrupted=found.corrupted
    )
    assert found.corrupted


SHUTDOWN = 0x8004587D
"""EXT4_IOC_SHUTDOWN: from then on, nothing reaches the disk any more."""
WITHOUT_LOG = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: nor what the file system's own log still has in memory."""


def why_no_image() -> str:
    """Return why no image can be mounted here; nothing where it can."""
    if os.geteuid() != 0:
        return "needs root, to mount an ext4 image and to cut it off"
    if shutil.which("mkfs.ext4") is None:
        return "needs the Debian package e2fsprogs"
    return ""


needs_image = pytest.mark.skipif(bool(why_no_image()), reason=why_no_image() or "an image can be mounted")


def mount(image: Path, folder: Path) -> None:
    done = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"an ext4 image cannot be mounted here: {done.stderr.strip()}")


def unmount(folder: Path) -> None:
    subprocess.run(["umount", folder], check=True)


def cut_off(folder: Path) -> None:
    """Have the file system of *folder* lose all that is not on its disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, SHUTDOWN, WITHOUT_LOG.to_bytes(4, "little"))
    finally:
        os.close(handle)


@contextmanager
def image_of_a_disk(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Make an ext4 image and a place to mount it."""
    image, place = folder / "disk.img", folder / "mounted"
    place.mkdir()
    with image.open("wb") as stream:
        stream.truncate(48 * 2**20)
    # Blocks of a page: on smaller ones, a full disk kills readers of shared memory.
    subprocess.run(["mkfs.ext4", "-q", "-b", "4096", image], check=True)
    mount(image, place)
    try:
        yield image, place
    finally:
        if place.is_mount():
            unmount(place)


def cut_off_under_load(folder: Path, writers: int, after: int, variant: str = "sound") -> tuple[int, Aftermath]:
    """Cut the disk off under writers, *after* so many acknowledgements; tell how many there were, and what is left."""
    with image_of_a_disk(folder) as (image, place):
        bodies = callbacks(400 * writers, filler=2_000)
        steps = [["open", *(f"ingest {body}" for body in range(w, len(bodies), writers))] for w in range(writers)]
        jobs = [
            Job(
                db=place / "recordings.db",
                log=folder / f"log{writer}",
                bodies=bodies,
                steps=steps[writer],
                variant=variant,
                beside=writer < writers - 1,
            )
            for writer in range(writers)
        ]
        with started(jobs):
            wait_until(lambda: sum(len(said(job.log).acknowledged) for job in jobs) >= after)
            # An acknowledgement after the cut would reach nobody, and is worth nothing: a sync that is under
            # way while an ext4 is shut down may return as if it had succeeded.
            acknowledged = [number for job in jobs for number in said(job.log).acknowledged]
            cut_off(place)
        unmount(place)
        mount(image, place)
        left = aftermath(place / "recordings.db", bodies, [bodies[number] for number in acknowledged])
    return len(acknowledged), left


@needs_image
@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("writers", [1, 4])
def test_a_disk_that_is_cut_off_under_writers_has_what_was_acknowledged(
    writers: int, rounds: int, tmp_path: Path, figures: Figures
) -> None:
    chance, found, acknowledged = random.Random(writers), Aftermath(), 0
    for number in range(rounds):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        count, left = cut_off_under_load(folder, writers, chance.randrange(1, 120))
        acknowledged += count
        found.lost += left.lost
        found.corrupted += left.corrupted

    figures.add(
        fault="F4" if writers > 1 else "F3",
        what=f"ext4 images cut off under {writers} writer{'s' if writers > 1 else ''}",
        tried=rounds,
        acknowledged=acknowledged,
        lost=len(found.lost),
        corrupted=len(found.corrupted),
    )
    assert found.fine, found.corrupted or f"{len(found.lost)} lost"


@needs_image
@pytest.mark.parametrize("writers", [1, 4])
def test_a_commit_that_does_not_wait_for_the_disk_is_caught_by_cutting_it_off(
    writers: int, tmp_path: Path, figures: Figures
) -> None:
    # Where a checkpoint has just synced the log when the disk is cut off, nothing is lost by chance.
    for attempt in range(3):
        (folder := tmp_path / str(attempt)).mkdir()
        count, left = cut_off_under_load(folder, writers, 40, "normal")
        if left.lost:
            break

    what = f"control: synchronous=NORMAL, ext4 image, {writers} writers"
    figures.add(fault="F4" if writers > 1 else "F3", what=what, tried=1, acknowledged=count, lost=len(left.lost))
    assert left.lost
