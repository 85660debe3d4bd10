"""
Fuzz: payloads changed with knowledge of their structure, and nothing but the outcomes of the rule comes of them.

``TRACKER_FUZZ_SECONDS`` says for how long, 10 by default, over all tests here. Each round has a seed of its
own, which a failure names.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click import unstyle
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from recording_tracker import Callback, Event, Ignored, QuarantinedBodyError, RejectedBodyError, Tracker
from recording_tracker.adapters import find_adapters, parse
from recording_tracker.body import digest
from recording_tracker.journal.memory import MemoryJournal
from recording_tracker.report.clock import Clock
from recording_tracker.report.markdown import audit_markdown
from recording_tracker.report.text import status_lines
from recording_tracker.results import RESULTS
from recording_tracker.times import END_OF_TIME_MS
from tests.figures import Figures
from tests.hostile import readers
from tests.hostile.corpus import INJECTIONS, INVISIBLE, PROVIDERS, RECEIVED, TEXTS, WORDS

SECONDS = float(os.environ.get("TRACKER_FUZZ_SECONDS", "10"))
TESTS = 2
ROUND = settings(
    max_examples=100, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
NAME = re.compile(r"[A-Za-z0-9_.\-]{1,130}", re.ASCII)
ADAPTERS = find_adapters()

PAYLOADS = [
    (path.parent.name, payload["body"])
    for path in sorted((Path(__file__).parents[1] / "payloads").glob("*/*.json"))
    if isinstance((payload := json.loads(path.read_text(encoding="utf-8"))).get("body"), dict)
]

LONG = [text_ for text_ in TEXTS.values() if len(text_) < 1_000]
ODD_TEXTS = st.sampled_from([*INJECTIONS.values(), *INVISIBLE.values(), *WORDS.values(), *LONG])
ODD_NUMBERS = st.sampled_from(
    [
        *(0, -1, 1, 2, 3, 4, 5, 11, 12, 31, 40, 99, 1001, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**18, 10**99),
        *(END_OF_TIME_MS - 1, END_OF_TIME_MS, 1_772_359_200, 1_772_359_200_000, 0.5, -0.0, 1e308, 5e-324),
    ]
)
ODD_MOMENTS = st.sampled_from(
    [
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-02-30T00:00:00Z",
        "2026-03-01",
        "1772359200000",
        "٣",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    ODD_TEXTS,
    ODD_NUMBERS,
    ODD_MOMENTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | ODD_TEXTS, inner, max_size=4),
    max_leaves=8,
)
QUERIES = st.dictionaries(
    st.sampled_from(["id", "group", "recording", "channel", "x"]), st.text(max_size=30) | ODD_TEXTS, max_size=3
)

Place = tuple[Any, Any]


def places(value: Any) -> list[Place]:
    """Return every (container, key or index) inside *value*."""
    if isinstance(value, dict):
        here: list[Place] = [(value, key) for key in value]
        return here + [place for inner in value.values() for place in places(inner)]
    if isinstance(value, list):
        return [(value, index) for index in range(len(value))] + [place for inner in value for place in places(inner)]
    return []


@st.composite
def changed_payloads(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw a payload file's body, and change some of its fields as a broken or a hostile sender could."""
    provider, body = draw(st.sampled_from(PAYLOADS))
    body = deepcopy(body)
    for _ in range(draw(st.integers(0, 4))):
        found = places(body)
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        match draw(st.sampled_from(["replace", "replace", "take out", "add", "copy", "wrap", "as text"])):
            case "replace":
                container[key] = draw(VALUES)
            case "take out":
                del container[key]
            case "add" if isinstance(container, dict):
                container[draw(st.text(max_size=8) | ODD_TEXTS)] = draw(VALUES)
            case "copy":
                other, name = draw(st.sampled_from(found))
                container[key] = deepcopy(other[name])
            case "wrap":
                container[key] = draw(st.sampled_from([[container[key]], {"url": container[key]}, [[container[key]]]]))
            case "as text":
                container[key] = str(container[key])
    other = draw(st.sampled_from(PROVIDERS))
    return (other if draw(st.integers(0, 9)) == 0 else provider), body


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a changed payload as bytes, sometimes with a few of them changed too."""
    provider, body = draw(changed_payloads())
    raw = bytearray(json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        place = draw(st.integers(0, max(len(raw) - 1, 0)))
        match draw(st.sampled_from(["flip", "put in", "cut", "double"])):
            case "flip" if raw:
                raw[place] = draw(st.integers(0, 255))
            case "put in":
                raw[place:place] = draw(
                    st.sampled_from([b'"', b"\\", b"{", b"[", b",", b"\x00", b"\xff", b"NaN", b"\\ud800", b"1e999"])
                )
            case "cut":
                del raw[place:]
            case "double":
                length = draw(st.integers(1, 40))
                raw[place:place] = raw[place : place + length]
    return provider, bytes(raw)


def for_a_while(check: Callable[[], None]) -> int:
    """Run *check* with one seed after another for this test's part of the time; return how many rounds that were."""
    end, rounds = time.monotonic() + SECONDS / TESTS, 0
    while time.monotonic() < end:
        seed(rounds)(check)()
        rounds += 1
    return rounds


def test_the_adapters_say_events_or_one_of_the_outcomes_and_nothing_else(figures: Figures) -> None:
    outcomes: Counter[str] = Counter()

    @ROUND
    @given(bodies(), QUERIES)
    def check(sent: tuple[str, bytes], query: dict[str, str]) -> None:
        provider, raw = sent
        callback = Callback(provider, raw, 1_772_359_200_000, query)
        try:
            found = parse(ADAPTERS, callback)
        except (QuarantinedBodyError, RejectedBodyError) as error:
            outcomes[type(error).__name__] += 1
            assert 0 < len(str(error)) < 400
            return
        outcomes[type(found).__name__] += 1
        if isinstance(found, Ignored):
            assert NAME.fullmatch(found.kind.replace(" ", "_"))
        else:
            (event,) = found
            check_event(provider, event, callback)

    assert for_a_while(check) > 0
    assert {"list", "QuarantinedBodyError", "RejectedBodyError"} <= set(outcomes)
    figures.add(fault="fuzz", what="bodies parsed", tried=outcomes.total())


def check_event(provider: str, event: Event, callback: Callback) -> None:
    """Hold an event to what the rest of the tracker takes for granted."""
    assert 0 < len(event.recording_id) <= 1024
    assert event.recording_id.strip()
    assert ADAPTERS[provider].canonical_id(event.recording_id) == event.recording_id
    assert NAME.fullmatch(event.name), event.name
    assert not event.name.startswith("operator.")
    assert not event.name.endswith(".superseded")
    assert 0 < len(event.event_id) < 1_300
    for moment in (event.occurred_ms, event.started_ms, event.ended_ms):
        assert moment is None or 0 <= moment < END_OF_TIME_MS
    assert event.sequence is None or 0 <= event.sequence < 2**63
    assert event.progress is None or 0 <= event.progress <= 1
    assert all(len(problem) < 400 for problem in event.problems)
    assert len(digest(event.content)) == 32
    # What is read again, on a replay, is read as it was.
    assert parse(ADAPTERS, callback) == [event]


def test_the_tracker_takes_anything_in_and_tells_of_it(figures: Figures) -> None:
    outcomes: Counter[str] = Counter()

    @ROUND
    @given(st.lists(st.tuples(bodies(), QUERIES), min_size=1, max_size=6))
    def check(sent: list[tuple[tuple[str, bytes], dict[str, str]]]) -> None:
        with Tracker(MemoryJournal()) as tracker:
            for (provider, raw), query in sent:
                first = tracker.ingest(provider, raw, query=query, received_at=RECEIVED)
                again = tracker.ingest(provider, raw, query=query, received_at=RECEIVED)
                outcomes[first.result] += 1
                assert first.result in RESULTS
                assert again.result == ("duplicate" if first.result == "accepted" else first.result)
            check_reports(tracker)

    assert for_a_while(check) > 0
    assert {"accepted", "quarantined", "rejected"} <= set(outcomes)
    figures.add(fault="fuzz", what="bodies taken in", tried=outcomes.total())


def check_reports(tracker: Tracker) -> None:
    """Tell all there is in all ways there are, and read it back."""
    for recording in tracker.recordings(now=RECEIVED):
        told = json.dumps(recording.to_json(), allow_nan=False)
        assert readers.long_json_lines(f"{told}\n".encode())
        lines = [unstyle(line) for line in status_lines(recording, Clock(RECEIVED))]
        assert all(line.isprintable() for line in lines)
    report = tracker.audit(RECEIVED)
    readers.markdown_tables("".join(f"{line}\n" for line in audit_markdown(report)).encode())
    assert tracker.replay(dry_run=True, now=RECEIVED).changed == []
    assert tracker.verify().sound


def test_the_fuzzing_finds_an_adapter_that_raises(figures: Figures) -> None:
    """An adapter that takes a field for granted is what the fuzzing is there to find."""

    class Careless:
        PROVIDER = "agora"

        def parse(self, body: dict[str, Any], callback: Callback) -> list[Event]:
            return [Event(body["payload"]["sid"], "e", "uploaded", callback.received_ms)]

        def canonical_id(self, text: str) -> str:
            return text

    @settings(ROUND, max_examples=300)
    @given(bodies())
    def check(sent: tuple[str, bytes]) -> None:
        with suppress(QuarantinedBodyError, RejectedBodyError):
            parse({provider: Careless() for provider in PROVIDERS}, Callback(sent[0], sent[1], 0))

    with pytest.raises((KeyError, TypeError, ExceptionGroup)):
        seed(0)(check)()
    figures.add(fault="fuzz", what="control: an adapter that takes a field for granted", tried=1, caught=1)
