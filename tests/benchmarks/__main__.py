"""Run benchmarks, and print a line a figure: what was reached, of how many rounds, and the goal."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import bulk, chart, cold, durable, receivers, scale, trusting
from tests.benchmarks.figure import Figure, write

SLOW_FSYNC = Path(__file__).with_name("slow_fsync.c")


class Sizes:
    """How much of everything; *small* is for a look, and for continuous integration."""

    def __init__(self, *, small: bool) -> None:
        self.events = 600 if small else 4_000
        self.rounds = 3 if small else 7
        self.history = 8_000 if small else 100_000
        self.history_rounds = 3 if small else 5
        self.part = 8_000 if small else 250_000
        self.memory = 40_000 if small else 1_000_000
        self.recordings = 200_000 if small else 10_000_000
        self.stuck = 200 if small else 10_000
        self.load_s = 2 if small else 8


def is_slow() -> bool:
    """Tell whether time is added to each fsync."""
    return bool(os.environ.get("SLOW_FSYNC_US"))


def one(folder: Path, sizes: Sizes) -> list[Figure]:
    what = "of the floor, one durable ingest after the other"
    return [
        durable.measure("one", what, 0.85, durable.send_one_by_one, folder, events=sizes.events, rounds=sizes.rounds)
    ]


def tasks(folder: Path, sizes: Sizes) -> list[Figure]:
    what = "times the floor, 64 callers of aingest"
    goal = 15 if is_slow() else 4
    return [
        durable.measure("tasks", what, goal, durable.send_from_tasks, folder, events=sizes.events, rounds=sizes.rounds)
    ]


def threads(folder: Path, sizes: Sizes) -> list[Figure]:
    what = "times the floor, 64 threads that call ingest"
    return [
        durable.measure(
            "threads", what, 2.5, durable.send_from_threads, folder, events=sizes.events, rounds=sizes.rounds
        )
    ]


def trust(folder: Path, sizes: Sizes) -> list[Figure]:
    return trusting.measure(folder, events=sizes.events, rounds=sizes.rounds)


def history(folder: Path, sizes: Sizes) -> list[Figure]:
    return [
        *bulk.against_the_floor(folder, events=sizes.history, rounds=sizes.history_rounds),
        bulk.out_of_order(folder, events=sizes.history, rounds=sizes.history_rounds),
    ]


def growth(folder: Path, sizes: Sizes) -> list[Figure]:
    figure, curve = bulk.growth(folder, events=sizes.part)
    if path := os.environ.get("BENCHMARK_CHART"):
        chart.write(curve, Path(path))
    return [figure]


def memory(folder: Path, sizes: Sizes) -> list[Figure]:
    return [bulk.memory(folder, events=sizes.memory)]


def start(folder: Path, sizes: Sizes) -> list[Figure]:
    return cold.measure(folder, rounds=sizes.rounds * 3)


def large(folder: Path, sizes: Sizes) -> list[Figure]:
    return scale.measure(folder, recordings=sizes.recordings, stuck=sizes.stuck, rounds=sizes.rounds)


def receiver(folder: Path, sizes: Sizes) -> list[Figure]:
    return receivers.measure(folder, seconds=sizes.load_s, rounds=3, slow=is_slow())


BENCHMARKS: dict[str, Callable[[Path, Sizes], Iterable[Figure]]] = {
    found.__name__: found for found in (one, trust, tasks, threads, history, growth, memory, start, large, receiver)
}
SLOWED = ("tasks", "receiver")
"""Those that are measured once more with a millisecond added to each fsync."""


def main() -> None:
    """Read the command line and run what it names."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all of them if none")
    parser.add_argument("--small", action="store_true", help="less of everything, for a look")
    parser.add_argument("--slow-fsync", type=int, metavar="US", help="add so many microseconds to each fsync")
    parser.add_argument("--folder", type=Path, help="where the databases are made; a temporary folder if none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add the figures to this file as JSON Lines")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {min(unknown)!r}; there are {', '.join(BENCHMARKS)}")
    if chosen.slow_fsync:
        _again_with_slow_fsync(chosen.slow_fsync)
    for name in chosen.names or BENCHMARKS:
        with TemporaryDirectory(dir=chosen.folder) as folder:
            figures = list(BENCHMARKS[name](Path(folder), Sizes(small=chosen.small)))
        for figure in figures:
            print(figure.line(), flush=True)
        if chosen.json:
            write(f"{name} --small" if chosen.small else name, figures, chosen.json)


def _again_with_slow_fsync(added_us: int) -> None:
    """Run this command again with a library loaded first that sleeps in each fsync."""
    with TemporaryDirectory() as folder:
        library = Path(folder) / "slow_fsync.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, SLOW_FSYNC, "-ldl"], check=True)
        arguments = [word for word in sys.argv[1:] if word not in ("--slow-fsync", str(added_us))]
        environment = os.environ | {"LD_PRELOAD": str(library), "SLOW_FSYNC_US": str(added_us)}
        ran = subprocess.run([sys.executable, "-m", "tests.benchmarks", *arguments], env=environment, check=False)
    sys.exit(ran.returncode)


if __name__ == "__main__":
    main()
