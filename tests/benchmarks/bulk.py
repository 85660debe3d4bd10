"""A history taken in at once: against raw sqlite3 by thousands, out of order, as it grows, and what memory it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from recording_tracker import Tracker
from recording_tracker.times import from_ms, iso
from tests.benchmarks.durable import check
from tests.benchmarks.figure import Figure, ratio, seconds
from tests.benchmarks.floor import Floor, rows_of
from tests.benchmarks.load import PROVIDER, Delivery, deliveries, disordered


def lines(load: Sequence[Delivery]) -> Iterator[dict[str, Any]]:
    """Give deliveries the form that ``ingest_many`` takes."""
    for delivery in load:
        yield {"provider": PROVIDER, "received_at": from_ms(delivery.received_ms), "body": delivery.body}


def write_log(load: Sequence[Delivery], path: Path) -> None:
    """Write deliveries as a delivery log."""
    with path.open("w", encoding="utf-8") as stream:
        for delivery in load:
            line = {"provider": PROVIDER, "received_at": iso(delivery.received_ms), "body": json.loads(delivery.body)}
            stream.write(json.dumps(line) + "\n")


def ingest_file(log: Path, db: Path) -> None:
    """Run ``tracker ingest FILE``."""
    subprocess.run(
        [sys.executable, "-m", "recording_tracker", "--db", db, "ingest", log], check=True, capture_output=True
    )


def against_the_floor(folder: Path, *, events: int, rounds: int) -> list[Figure]:
    """Take *events* in by the library and by the command; write their rows 1,000 an execution."""
    load = list(deliveries(events))
    rows = rows_of(load)
    write_log(load, log := folder / "log.jsonl")
    library, command = [], []
    for number in range(rounds):
        floor = Floor(folder / f"bulk-floor-{number}.db")
        below = seconds(lambda: floor.commit_batches(rows))  # noqa: B023
        floor.close()
        with Tracker(folder / f"bulk-{number}.db") as tracker:
            library.append((below, seconds(lambda: tracker.ingest_many(lines(load)))))
            if number == 0:
                check(tracker, events)
        command.append((below, seconds(lambda: ingest_file(log, folder / f"file-{number}.db"))))  # noqa: B023
    many = f"of the bulk floor, ingest_many of {events:,} events"
    file = f"of the bulk floor, tracker ingest FILE of {events:,} events, start of the program included"
    return [ratio("bulk", many, 0.5, library), ratio("file", file, 0.5, command)]


def out_of_order(folder: Path, *, events: int, rounds: int) -> Figure:
    """Take the same in with one in five before the one that precedes it, and one in ten twice."""
    load = list(deliveries(events))
    mixed = disordered(load)
    pairs = []
    for number in range(rounds):
        with Tracker(folder / f"order-{number}.db") as tracker:
            calm = seconds(lambda: tracker.ingest_many(lines(load))) / len(load)
        with Tracker(folder / f"mixed-{number}.db") as tracker:
            wild = seconds(lambda: tracker.ingest_many(lines(mixed))) / len(mixed)
            if number == 0:
                check(tracker, events)
        pairs.append((wild, calm))
    what = "times the cost of a delivery in order, 20 % out of order and 10 % doubled"
    return ratio("disorder", what, 1.2, pairs, at_least=False)


def growth(folder: Path, *, events: int, parts: int = 6) -> tuple[Figure, list[tuple[int, float]]]:
    """Take *parts* times *events* in; return the last part against the first, and (events so far, µs an event)."""
    load = deliveries(events * parts)
    curve = []
    with Tracker(folder / "growth.db") as tracker:
        for part in range(parts):
            some = [next(load) for _ in range(events)]
            took = seconds(lambda: tracker.ingest_many(lines(some)))  # noqa: B023
            curve.append(((part + 1) * events, took / events * 1e6))
    what = f"times the cost of the first {events:,} events, the sixth {events:,}"
    return ratio("growth", what, 1.5, [(curve[-1][1], curve[0][1])], at_least=False), curve


def memory(folder: Path, *, events: int) -> Figure:
    """Take *events* in by the command, and ask the system how much memory it had at most, in MB."""
    log = folder / "memory.jsonl"
    with log.open("w", encoding="utf-8") as stream:
        for delivery in deliveries(events):
            head = f'{{"provider": "{PROVIDER}", "received_at": "{iso(delivery.received_ms)}", "body": '
            stream.write(f"{head}{delivery.body.decode()}}}\n")
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'recording_tracker', '--db', sys.argv[1], 'ingest', sys.argv[2]], "
        "check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    ran = subprocess.run([sys.executable, "-c", code, folder / "memory.db", log], check=True, capture_output=True)
    reached = int(ran.stdout) * (1 if sys.platform == "darwin" else 1024) / 1e6
    return Figure("memory", f"MB at most, tracker ingest FILE of {events:,} events", 150, reached, at_least=False)
