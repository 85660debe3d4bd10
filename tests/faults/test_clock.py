"""Clocks: ours wrong, or jumping while a process runs; what is told of recordings must not depend on it for long."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from recording_tracker import Tracker
from recording_tracker.journal.memory import MemoryJournal
from tests.faults.aftermath import aftermath
from tests.faults.jobs import LENGTH, callbacks
from tests.faults.surroundings import lost, tracker
from tests.faults.surroundings_worker import acknowledged, worker
from tests.figures import Figures

PROVIDER = "agora"
BODIES = callbacks(LENGTH)
RIGHT = datetime(2026, 11, 1, 9, 50, tzinfo=UTC)
"""Our clock, when it is right, as the last callback of the recording comes."""
MEANWHILE = datetime(2026, 11, 1, 9, 1, 30, tzinfo=UTC)
"""And half a minute after the fifth."""
YEAR_1970 = datetime(1970, 1, 2, tzinfo=UTC)
YEAR_2038 = datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)
YEAR_2099 = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
BACK, AHEAD = RIGHT - timedelta(hours=2), RIGHT + timedelta(days=30)
CLOCKS = {
    "right": [RIGHT] * 8,
    "two hours back in the middle": [RIGHT] * 4 + [BACK] * 4,
    "two hours back and right again": [BACK] * 4 + [RIGHT] * 4,
    "30 days ahead in the middle": [RIGHT] * 3 + [AHEAD] * 5,
    "30 days ahead and right again": [RIGHT] * 2 + [AHEAD] * 3 + [RIGHT] * 3,
    "1970, then right": [YEAR_1970] * 5 + [RIGHT] * 3,
    "right, then 1970": [RIGHT] * 5 + [YEAR_1970] * 3,
    "2038": [YEAR_2038] * 8,
    "2099": [YEAR_2099] * 8,
    "to and fro": [RIGHT, AHEAD, YEAR_1970, YEAR_2099, BACK, YEAR_2038, RIGHT, YEAR_1970],
}
OF_THE_CLOCK = {"flags", "last_event", "completed_at"}
"""What may tell when a callback was received."""
AGE_BELOW_ZERO = re.compile(r"-\d+ ?[dhms]\b")


def taken(received: Sequence[datetime], bodies: Sequence[str] = BODIES, order: Sequence[int] = range(8)) -> Tracker:
    """Take bodies in, each received when our clock showed so, in the order in which they came."""
    found = Tracker(MemoryJournal())
    for place in order:
        if place < len(bodies):
            found.ingest(PROVIDER, bodies[place], received_at=received[place])
    return found


def told(asked: Tracker, now: datetime = RIGHT) -> dict[str, Any]:
    """Return what is told of the one recording, but for what is the clock's own."""
    (recording,) = asked.recordings(now=now)
    return {key: value for key, value in recording.to_json().items() if key not in OF_THE_CLOCK}


def names(asked: Tracker) -> list[str]:
    (recording,) = asked.recordings(now=RIGHT)
    return [line.name for line in asked.history(recording.id)]


@pytest.mark.parametrize("clock", CLOCKS)
def test_where_a_recording_stands_does_not_depend_on_our_clock(clock: str, figures: Figures) -> None:
    orders = [range(8), range(7, -1, -1), [3, 0, 7, 1, 6, 2, 5, 4]]
    found = [taken(CLOCKS[clock], order=order) for order in orders]

    expected = taken(CLOCKS["right"])
    figures.add(fault="F23", what="clocks and orders", tried=len(orders))
    assert [told(expected)] * 3 == [told(each) for each in found]
    assert [names(expected)] * 3 == [names(each) for each in found]
    assert told(expected)["complete"]


def test_whatever_order_five_callbacks_come_in_and_whatever_our_clock_says(figures: Figures) -> None:
    bodies, received = BODIES[:5], CLOCKS["to and fro"]
    expected = told(taken(CLOCKS["right"], bodies))
    wrong = [
        order for order in permutations(range(5)) if told(taken(received, bodies, order))["state"] != expected["state"]
    ]

    figures.add(fault="F23", what="clocks and orders", tried=120, lost=len(wrong))
    assert [] == wrong


def test_an_order_by_our_clock_is_caught(figures: Figures) -> None:
    """The positive control: the moment of receipt in place of the provider's."""
    bodies = []
    for body, received in zip(BODIES, CLOCKS["to and fro"], strict=True):
        changed = json.loads(body)
        changed["payload"]["sendts"] = int(received.timestamp() * 1000)
        bodies.append(json.dumps(changed))

    caught = names(taken(CLOCKS["to and fro"], bodies)) != names(taken(CLOCKS["right"]))
    figures.add(fault="F23", what="control: ordered by our clock", tried=1, caught=int(caught))
    assert caught


@pytest.mark.parametrize("clock", ["two hours back in the middle", "1970, then right", "right, then 1970"])
def test_a_clock_of_ours_that_went_back_shows(clock: str) -> None:
    (recording,) = taken(CLOCKS[clock]).recordings(now=RIGHT)

    assert {("clock-skew", "info")} == {(flag.code, flag.severity) for flag in recording.flags}


@pytest.mark.parametrize("clock", CLOCKS)
def test_no_jump_leaves_a_recording_that_ended_well_stuck(clock: str, figures: Figures) -> None:
    asked = taken(CLOCKS[clock])

    stuck = [now for now in (BACK, RIGHT, AHEAD, YEAR_2099) for found in asked.recordings(now=now) if found.stuck]
    report = asked.audit(RIGHT)

    figures.add(fault="F23", what="clocks and moments of asking", tried=4, lost=len(stuck))
    assert [] == stuck
    assert [] == list(report.stuck)


def test_an_audit_by_a_clock_that_is_ahead_leaves_nothing_behind(tmp_path: Path, figures: Figures) -> None:
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        for body in BODIES[:5]:
            taker.ingest(PROVIDER, body, received_at=MEANWHILE)
        before = told(taker, MEANWHILE), taker.audit(MEANWHILE).to_json()

        ahead = [taker.audit(moment) for moment in (AHEAD, YEAR_2038, YEAR_2099)]
        after = told(taker, MEANWHILE), taker.audit(MEANWHILE).to_json()

    figures.add(fault="F23", what="audits by a clock that is ahead", tried=3)
    assert [1, 1, 1] == [len(list(report.stuck)) for report in ahead]
    assert not before[0]["stuck"]
    assert before == after


def test_a_callback_received_by_a_clock_that_was_ahead_puts_no_deadline_off(figures: Figures) -> None:
    ahead, right = taken([AHEAD] * 8, BODIES[:5]), taken([RIGHT] * 8, BODIES[:5])

    figures.add(fault="F23", what="clocks and moments of asking", tried=1)
    assert told(right)["stall_at"] == told(ahead)["stall_at"]
    assert told(right)["due_at"] == told(ahead)["due_at"]


# The program, by a clock that is not ours to set


def test_ages_are_never_below_zero(tmp_path: Path, figures: Figures) -> None:
    db = tmp_path / "recordings.db"
    with Tracker(db) as taker:
        for body, received in zip(BODIES[:6], CLOCKS["to and fro"], strict=False):
            taker.ingest(PROVIDER, body, received_at=received)
        taker.expect(PROVIDER, "announced", at=AHEAD)
        (name, *_) = [found.id for found in taker.recordings(now=RIGHT) if found.events]
    runs = [
        tracker(*words, f"--now={now:%Y-%m-%dT%H:%M:%SZ}", db=db)
        for now in (YEAR_1970, BACK, AHEAD)
        for words in (("status", name), ("status", "announced"), ("list",), ("audit",))
    ]

    below = [line for ran in runs for line in ran.out.splitlines() if AGE_BELOW_ZERO.search(line)]
    figures.add(fault="F23", what="outputs by a wrong clock", tried=len(runs), lost=len(below))
    assert [""] * len(runs) == [ran.err for ran in runs]
    assert {0, 1} >= {ran.status for ran in runs}
    assert [] == below
    assert AGE_BELOW_ZERO.search("last heard -3d 4h ago")


def libfaketime() -> str | None:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return str(found[0]) if found else None


needs_faketime = pytest.mark.skipif(libfaketime() is None, reason="needs the Debian package faketime")


def faked(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the clock shows what the file ``clock`` says, from one look to the next."""
    (tmp_path / "clock").write_text("+0\n", encoding="ascii")
    return {
        "LD_PRELOAD": libfaketime() or "",
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


SETTINGS = ["+0", "-2h", "+30d", "@1970-01-02 00:00:00", "@2038-01-19 03:14:08", "@2099-12-31 23:59:59", "-2h", "+0"]


@needs_faketime
def test_a_clock_that_jumps_under_a_running_process_changes_nothing_but_times_of_receipt(
    tmp_path: Path, figures: Figures
) -> None:
    db = tmp_path / "recordings.db"
    env = faked(tmp_path) | {"CLOCK_SETTINGS": ",".join(SETTINGS)}

    ended = worker("take_by_a_clock_that_jumps", db, tmp_path / "acks", bodies=BODIES, env=env)

    acks = acknowledged(tmp_path / "acks")
    with Tracker(db, readonly=True) as asked:
        years = [line.received_at.year for line in asked.history(next(asked.recordings(now=RIGHT)).id)]
        found, order, report = told(asked), names(asked), asked.verify()
    missing = lost(db, acks)
    figures.add(fault="F23", what="jumps under a running process", tried=len(SETTINGS), lost=len(missing))
    assert (0, "", "") == (ended.status, ended.out, ended.err)
    # That the clock did jump shows in what it has dated.
    assert [1970, 2038, 2099] == years[3:6]
    expected = taken(CLOCKS["right"])
    assert told(expected) == found
    assert names(expected) == order
    assert BODIES == acks
    assert [] == missing
    assert report.sound
    assert aftermath(db, BODIES, BODIES).lost == []


@needs_faketime
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/St_Johns", "nonsense"])
@pytest.mark.parametrize(
    "setting",
    ["@1970-01-02 00:00:00", "@2038-01-19 03:14:08", "@2099-12-31 23:59:59", "-2h"],
    ids=lambda text: text[:5],
)
def test_the_program_works_in_any_year_and_zone(setting: str, zone: str, tmp_path: Path, figures: Figures) -> None:
    db = tmp_path / "recordings.db"
    env = faked(tmp_path) | {"TZ": zone}
    (tmp_path / "clock").write_text(f"{setting}\n", encoding="ascii")

    into = tracker("ingest", "--provider=agora", db=db, env=env, stdin="\n".join(BODIES).encode())
    report = tracker("audit", db=db, env=env)

    with Tracker(db, readonly=True) as asked:
        found = told(asked)
    figures.add(fault="F23", what="programs in other years and zones", tried=2)
    assert (0, "") == (into.status, into.err)
    assert report.status in (0, 1)
    assert "" == report.err
    assert not AGE_BELOW_ZERO.search(report.out)
    assert told(taken(CLOCKS["right"])) == found
