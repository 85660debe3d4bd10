"""``metrics``: what Prometheus gathers, read back by its own parser, with the numbers of the audit."""

from __future__ import annotations

import builtins
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from recording_tracker import Tracker
from tests.cli.conftest import NOW, Command
from tests.cli.deliveries import aircore

PREFIX = "recording_tracker_"
FALSE = "false"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Read the text format strictly: each sample has a type and help before it, and is there once."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("gauge", "counter")
        for sample in family.samples:
            assert sample.name == family.name + ("_total" if family.type == "counter" else "")
            key = (sample.name.removeprefix(PREFIX), tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def labelled(found: Samples, name: str) -> dict[tuple[str, ...], float]:
    """The samples of one metric by the values of its labels, in the order of their names, those that are 0 left out."""
    return {
        tuple(value for _, value in labels): number for (one, labels), number in found.items() if one == name and number
    }


@pytest.fixture(scope="module")
def report(toured: Path) -> Any:
    with Tracker(toured, readonly=True) as library:
        return library.audit(datetime.fromisoformat(NOW)).to_json()


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_numbers_are_those_of_the_audit(tracker: Command, toured: Path, report: Any) -> None:
    found = samples(tracker("metrics", "--db", toured, "--now", NOW).text)

    flags = Counter(
        (FALSE, flag["code"], recording["provider"], flag["severity"])
        for recording in (*report["stuck"], *report["flagged"])
        for flag in recording["flags"]
    )
    assert labelled(found, "open_flags") == flags
    stuck = labelled(found, "stuck_recordings")
    by_provider = Counter(recording["provider"] for recording in report["stuck"])
    assert {provider for _, _, provider in stuck} == set(by_provider)
    assert sum(stuck.values()) == by_provider.total()
    assert labelled(found, "last_callback_timestamp_seconds") == {
        (provider,): seconds(told["last_received_at"]) for provider, told in report["providers"].items()
    }
    assert labelled(found, "recordings") == {
        key: number
        for provider, told in report["providers"].items()
        for key, number in (
            *((("", phase, provider), number) for phase, number in told["phases"].items() if phase != "finished"),
            *(((outcome, "finished", provider), number) for outcome, number in told["outcomes"].items()),
        )
    }
    assert sum(labelled(found, "recordings").values()) == report["recordings"]
    assert labelled(found, "oldest_stuck_timestamp_seconds")["agora",] == min(
        seconds(flag["raised_at"])
        for recording in report["stuck"] if recording["provider"] == "agora"
        for flag in recording["flags"]
    )  # fmt: skip
    assert (found["needs_attention", ()], found["audit_timestamp_seconds", ()]) == (1, seconds(NOW))


def test_bodies_are_counted_by_what_became_of_them(tracker: Command, db: Path) -> None:
    before = samples(tracker("metrics", "--db", db, "--now", NOW).text)
    with Tracker(db) as library:
        for body in ("no JSON", {"event": "recording-started"}, {"event": "recording-started"}, aircore(1), aircore(1)):
            library.ingest("aircore", body)

    after = samples(tracker("metrics", "--db", db, "--now", NOW).text)

    counts = [labelled(found, "bodies_total") for found in (before, after)]
    assert {key: counts[1][key] - counts[0].get(key, 0) for key in counts[1] if key[0] == "aircore"} == {
        ("aircore", "accepted"): 1,
        ("aircore", "duplicate"): 1,
        ("aircore", "quarantined"): 2,
        ("aircore", "rejected"): 1,
    }
    assert (before["quarantined_bodies", ()], after["quarantined_bodies", ()]) == (0, 1)
    assert after["quarantined_bytes", ()] == len('{"event":"recording-started"}')
    assert after["database_bytes", ()] >= db.stat().st_size


def test_what_an_operator_has_acknowledged_is_told_apart(tracker: Command, db: Path) -> None:
    with Tracker(db) as library:
        library.ack("conf-3", note="known", now=datetime.fromisoformat(NOW))

    stuck = labelled(samples(tracker("metrics", "--db", db, "--now", NOW).text), "stuck_recordings")

    assert {key for key in stuck if key[2] == "enablex"} == {("true", "missing-terminal", "enablex")}


def test_a_provider_with_nothing_stuck_is_told_to_have_none(tracker: Command, toured: Path) -> None:
    found = samples(tracker("metrics", "--db", toured, "--now", NOW).text)

    labels = (("acknowledged", FALSE), ("flag", "stalled"), ("provider", "line_planet"))
    assert found["stuck_recordings", labels] == 0


def test_a_silent_provider_is_told(tracker: Command, toured: Path, tmp_path: Path) -> None:
    (tmp_path / "agora.toml").write_text('extends = "agora"\n[limits]\nsilent_after = "1h"\n')

    found = samples(tracker("metrics", "--db", toured, "--now", NOW, "--machines", tmp_path).text)

    assert labelled(found, "silent") == {("agora",): 1}


def test_names_and_units_follow_the_conventions(tracker: Command, toured: Path) -> None:
    text = tracker("metrics", "--db", toured, "--now", NOW).text

    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        assert re.fullmatch(r"recording_tracker_[a-z]+(_[a-z]+)*", name)
        assert (kind == "counter") == name.endswith("_total")
        assert not re.search(r"_(count|sum|bucket|created|info|ms|milliseconds|minutes|hours|kb|mb|ratio)$", name)
        assert kind not in name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say(tracker: Command, toured: Path) -> None:
    text = tracker("metrics", "--db", toured, "--now", NOW).text

    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_database_without_anything_has_metrics_too(tracker: Command, tmp_path: Path) -> None:
    with Tracker(tmp_path / "new.db"):
        pass

    found = samples(tracker("metrics", "--db", tmp_path / "new.db").text)

    assert (found["needs_attention", ()], found["quarantined_bodies", ()]) == (0, 0)


def test_json_has_the_same_samples(tracker: Command, toured: Path) -> None:
    text = samples(tracker("metrics", "--db", toured, "--now", NOW).text)

    lines = tracker("metrics", "--db", toured, "--now", NOW, "--json").lines

    assert text == {
        (line["name"].removeprefix(PREFIX), tuple(sorted(line["labels"].items()))): line["value"] for line in lines
    }


def test_a_file_is_written_whole(tracker: Command, toured: Path, tmp_path: Path) -> None:
    path = tmp_path / "recordings.prom"
    path.write_text("of yesterday\n")

    run = tracker("metrics", "--db", toured, "--now", NOW, "-o", path)

    assert (run.status, run.out) == (0, b"")
    assert samples(path.read_text("utf-8")) == samples(tracker("metrics", "--db", toured, "--now", NOW).text)
    # The collector reads whatever ends in .prom, so nothing else may lie there.
    assert [one.name for one in tmp_path.iterdir()] == ["recordings.prom"]


def test_no_file_is_touched_where_the_database_cannot_be_read(tracker: Command, tmp_path: Path) -> None:
    path = tmp_path / "recordings.prom"
    path.write_text("of yesterday\n")

    run = tracker("metrics", "--db", tmp_path / "missing.db", "-o", path)

    assert run.status == 74
    assert path.read_text() == "of yesterday\n"


def test_without_the_library_one_line_says_what_to_install(
    tracker: Command, toured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("prometheus_client"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return imports(name, *rest, **more)

    for name in [name for name in sys.modules if name.startswith("prometheus_client")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)

    run = tracker("metrics", "--db", toured)

    assert (run.status, run.out) == (74, b"")
    assert run.talk == "error: metrics need prometheus_client: pip install prometheus_client\n"
