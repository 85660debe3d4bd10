"""``machines``: what its commands print, and the status with which they end."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Command

PLANTED = Path(__file__).parents[1] / "planted"
BROKEN = Path(__file__).parents[1] / "machines"


@pytest.mark.parametrize("columns", [60, 80])
def test_a_list_of_machines_has_whole_titles_and_regions(tracker: Command, columns: int) -> None:
    shown = click.unstyle(tracker("machines", "list", terminal=columns).text)

    lines = shown.splitlines()
    assert max(map(len, lines)) <= columns
    providers = [line.split()[0] for line in lines[2:] if not line.startswith(" ")]
    assert providers == ["agora", "aircore", "bandwidth", "enablex", "line_planet"]
    for told in ("Agora Cloud Recording", "service, recorder, uploader, transcoding, vod", "capture, live, files,"):
        assert told in shown


@pytest.mark.parametrize("provider", ["agora", "enablex"])
def test_a_machine_fits_and_tells_each_event_with_all_the_states_that_it_leads_from(
    provider: str, tracker: Command
) -> None:
    shown = click.unstyle(tracker("machines", "show", provider, terminal=80).text)
    whole = click.unstyle(tracker("machines", "show", provider).text)

    assert max(map(len, shown.splitlines())) <= 80
    assert sorted(shown.split()) == sorted(whole.split())
    if provider == "agora":
        assert re.search(r"^status\.2 +recorder_starting +not_started, initialized$", whole, re.MULTILINE)
        assert re.search(r"^session_failover +recorder_ready +fatal, .*, exited_abnormally$", whole, re.MULTILINE)
        assert re.search(r"^STSExpired +\(stays\) +every state$", whole, re.MULTILINE)


def test_a_proof_that_does_not_hold_ends_with_1_and_its_counterexample(tracker: Command) -> None:
    run = tracker("machines", "check", PLANTED / "not-promised-and-needed.toml", "--seconds", "1")

    assert run.status == 1
    assert "  no false alarm  fails        7 events on declared paths of any length\n" in run.text
    assert "    fails: recording: illegal-transition: started, (paused not sent), resumed\n" in run.text


def test_notes_alone_end_with_0(tracker: Command) -> None:
    run = tracker("machines", "check", PLANTED / "promised-and-gone-around.toml", "--seconds", "1")

    assert run.status == 0
    assert "    note: 'stopped' can be lost unknown: started, (stopped lost), uploaded\n" in run.text


def test_a_broken_file_ends_with_78(tracker: Command) -> None:
    assert tracker("machines", "check", BROKEN / "unknown-dest.toml").status == 78
    assert tracker("machines", "diff", "agora", BROKEN / "unknown-dest.toml").status == 78


def test_a_proof_is_one_object_a_line(tracker: Command) -> None:
    lines = tracker("machines", "check", PLANTED / "order-dependent-pair.toml", "--seconds", "1", "--json").lines

    assert [line["proof"] for line in lines if not line["ok"]] == ["order-free"]
    assert all(line["provider"] == "planted" and line["cases"] >= 0 for line in lines)


def test_proofs_fit_a_terminal(tracker: Command) -> None:
    run = tracker("machines", "check", "agora", "--seconds", "1", terminal=80)

    assert max(map(len, run.text.splitlines())) <= 80 + len("\x1b[1m\x1b[0m")


def test_machines_that_are_the_same_do_not_differ(tracker: Command) -> None:
    run = tracker("machines", "diff", "agora", "agora")

    assert (run.status, run.out) == (0, b"")


def test_what_a_file_changes_is_told_place_by_place(tracker: Command, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'extends = "aircore"\n[limits]\nlost_after = "10m"\n'
        '[regions.recording.states]\nstopped = { stall_after = "1h" }\n'
    )

    run = tracker("machines", "diff", "aircore", own)

    assert run.status == 1
    assert run.text.splitlines() == [
        "limits.lost_after",
        "    - 5m",
        "    + 10m",
        "regions.recording.states.stopped",
        "    - phase = processing, complete_within = 30m",
        "    + phase = processing, stall_after = 1h, complete_within = 30m",
    ]


def test_a_difference_is_one_object_a_line(tracker: Command, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('extends = "aircore"\n[limits]\nsilent_after = "6h"\n')

    run = tracker("machines", "diff", "aircore", own, "--json")

    assert run.json == {"place": "limits.silent_after", "before": None, "after": "6h"}


@pytest.mark.parametrize("value", ["0", "-1", "0.5", "nan", "x"])
def test_a_time_to_search_that_is_none_is_refused(value: str, tracker: Command) -> None:
    assert tracker("machines", "check", "aircore", "--seconds", value).status == 2
