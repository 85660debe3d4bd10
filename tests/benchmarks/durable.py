"""One durable event at a time, and many callers at once, against raw sqlite3 with one commit each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from recording_tracker import Tracker
from recording_tracker.times import from_ms
from tests.benchmarks.figure import Figure, ratio, seconds
from tests.benchmarks.floor import Floor, rows_of
from tests.benchmarks.load import PROVIDER, Delivery, deliveries

CALLERS = 64
Sent = tuple[bytes, datetime]
Send = Callable[[Tracker, Sequence[Sent]], None]


def send_one_by_one(tracker: Tracker, sent: Sequence[Sent]) -> None:
    for body, received_at in sent:
        tracker.ingest(PROVIDER, body, received_at=received_at)


def send_from_tasks(tracker: Tracker, sent: Sequence[Sent]) -> None:
    async def caller(waiting: Iterator[Sent]) -> None:
        for body, received_at in waiting:
            await tracker.aingest(PROVIDER, body, received_at=received_at)

    async def all_callers() -> None:
        waiting = iter(sent)
        await asyncio.gather(*(caller(waiting) for _ in range(CALLERS)))

    asyncio.run(all_callers())


def send_from_threads(tracker: Tracker, sent: Sequence[Sent]) -> None:
    waiting, taking = iter(sent), threading.Lock()

    def caller() -> None:
        while True:
            with taking:
                found = next(waiting, None)
            if found is None:
                return
            tracker.ingest(PROVIDER, found[0], received_at=found[1])

    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check(tracker: Tracker, events: int) -> None:
    """Hold what was written to a fold of the journal from scratch."""
    report = tracker.verify()
    assert report.sound, report
    assert sum(recording.events for recording in tracker.recordings()) == events


def measure(name: str, what: str, goal: float, send: Send, folder: Path, *, events: int, rounds: int) -> Figure:
    """Send *events* by *send*, and write their rows one commit each, *rounds* times in turn."""
    load: list[Delivery] = list(deliveries(events, side_by_side=min(500, events // 5)))
    sent = [(delivery.body, from_ms(delivery.received_ms)) for delivery in load]
    rows = rows_of(load)

    def one_round(number: int) -> tuple[float, float]:
        floor = Floor(folder / f"floor-{number}.db")
        statements = floor.statements(rows)
        below = seconds(lambda: floor.commit_each(statements))
        floor.close()
        with Tracker(folder / f"ours-{number}.db") as tracker:
            tracker.expect(PROVIDER, "warm")
            ours = seconds(lambda: send(tracker, sent))
            if number == 0:
                check(tracker, events)
        return below, ours

    return ratio(name, what, goal, (one_round(number) for number in range(rounds)))
