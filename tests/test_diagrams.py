"""Diagrams and what they leave out: a machine in, pictures that tell of its regions, limits and promises out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recording_tracker.adapters import SHIPPED
from recording_tracker.errors import StorageError
from recording_tracker.machine import Machine, find_machines, load_machine
from recording_tracker.machine.diagrams import MOST_EVENTS, draw
from recording_tracker.machine.sketch import People, Step, steps

MACHINES = find_machines(None)
ODD = """
provider = "odd"
title = 'Odd "one"; <b>'

[limits]
complete_within = "1d"

[events]
"go: on" = { promised = true }
"say \\"x\\"; <i>" = {}
end = {}

[regions."the region"]
initial = "not yet"
transitions = [
    { trigger = "go: on", source = "not yet", dest = "on__its way" },
    { trigger = 'say "x"; <i>', source = "on__its way", dest = "a-b" },
    { trigger = "end", source = "a-b", dest = "done" },
]

[regions."the region".states]
"not yet" = {}
"on__its way" = { stall_after = "5m" }
"a-b" = {}
done = { final = true, outcome = "available" }
"""


def named(machine: Machine, region: str) -> set[tuple[str, str, tuple[str, ...]]]:
    [found] = [each for each in machine.regions if each.name == region]
    return {(found.states[step.source], found.states[step.dest], step.triggers) for step in steps(found)}


def drawn(machine: Machine, *, all_of_them: bool = False, peopled: dict[tuple[str, str], People] | None = None) -> str:
    return draw(machine, "mermaid", all_of_them=all_of_them, peopled=peopled).decode()


def test_a_linear_machine_is_sketched_whole() -> None:
    assert named(MACHINES["aircore"], "recording") == {
        ("requested", "recording", ("recording-started",)),
        ("recording", "stopped", ("recording-stopped",)),
        ("stopped", "uploaded", ("recording-uploaded",)),
        ("stopped", "upload_failed", ("recording-upload-failed",)),
    }


def test_of_many_ways_to_a_state_the_nearest_are_sketched_and_those_past_what_may_not_be_passed_unseen() -> None:
    ways = {(source, dest) for source, dest, _ in named(MACHINES["agora"], "service") if dest == "recording_stopped"}

    # Before a fatal error the recording is in progress, and nothing says that there was one.
    assert ways == {("in_progress", "recording_stopped"), ("fatal", "recording_stopped")}


def test_of_few_ways_to_a_state_all_are_sketched() -> None:
    sources = {source for source, dest, _ in named(MACHINES["bandwidth"], "recording") if dest == "available"}

    assert sources == {"expected", "processing"}


@pytest.mark.parametrize("provider", SHIPPED)
def test_every_state_is_reached_and_left_in_the_sketch_as_in_the_machine(provider: str) -> None:
    for region in MACHINES[provider].regions:
        found, whole = steps(region), steps(region, all_of_them=True)
        moving = [step for step in whole if step.source != step.dest]

        assert {step.dest for step in found} == {step.dest for step in moving}
        assert {step.source for step in found} <= {step.source for step in moving}
        assert _reached(found, region.initial) == set(range(len(region.states)))


def _reached(found: list[Step], initial: int) -> set[int]:
    reached, before = {initial}, set[int]()
    while reached != before:
        before = set(reached)
        reached |= {step.dest for step in found if step.source in reached}
    return reached


@pytest.mark.parametrize("provider", SHIPPED)
def test_all_of_a_machine_has_every_transition(provider: str) -> None:
    for region in MACHINES[provider].regions:
        whole = steps(region, all_of_them=True)
        told = {(trigger, step.source, step.dest) for step in whole for trigger in step.triggers}

        assert told == {(t, source, dest) for t, dests in region.dests.items() for source, dest in dests.items()}


@pytest.mark.parametrize("provider", SHIPPED)
def test_mermaid_tells_of_regions_states_finals_limits_and_promises(provider: str) -> None:
    machine = MACHINES[provider]
    text = drawn(machine)

    assert text.startswith(f'---\ntitle: "{machine.title}"\n---\nstateDiagram-v2\n')
    assert re.findall(r"^  state (\w+) \{$", text, re.MULTILINE) == [region.name for region in machine.regions]
    for region in machine.regions:
        assert f"[*] --> {region.name}__{region.rule.initial}\n" in text
        for name, rule in region.rule.states.items():
            [label] = re.findall(rf'state "([^"]+)" as {region.name}__{name}\n', text)
            assert label.split("<br>")[0] == name
            assert (f"{region.name}__{name} --> [*]" in text) == rule.final
            assert ("silent at most" in label, "complete within" in label) == (
                bool(rule.stall_after),
                bool(rule.complete_within),
            )
    arrows = re.findall(r"^  \w+ --> \w+: (.+)$", text, re.MULTILINE)
    names = {name for label in arrows for name in label.split("<br>")}
    assert {name.removesuffix("!") for name in names if name.endswith("!")} <= set(machine.promised)
    assert not names & set(machine.promised)


def test_an_arrow_names_some_events_and_counts_the_others() -> None:
    labels = re.findall(r"uploader_ready --> service__recorder_ready: (.+)", drawn(MACHINES["agora"]))

    [names] = [label.split("<br>") for label in labels]
    assert len(names) == MOST_EVENTS
    assert names[-1] == "7 others"


def test_all_of_it_is_drawn_when_asked_for() -> None:
    assert "line_planet" not in drawn(MACHINES["line_planet"])
    assert "recording__completed --> recording__completed" not in drawn(MACHINES["line_planet"])
    assert "recording__completed --> recording__completed" in drawn(MACHINES["line_planet"], all_of_them=True)


def test_states_are_coloured_by_the_recordings_in_them() -> None:
    peopled = {("recording", "stopped"): People(3, 1), ("recording", "recording"): People(2)}
    text = drawn(MACHINES["aircore"], peopled=peopled)

    assert "complete within 30m<br>3 open, 1 stuck" in text
    assert "silent at most 12h<br>2 open" in text
    assert "  class recording__stopped s_stuck\n" in text
    assert "  class recording__recording s_open\n" in text
    assert "  class recording__uploaded s_final\n" in text
    assert "open" not in drawn(MACHINES["aircore"])


def test_odd_names_stay_labels(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text(ODD, encoding="utf-8")

    text = drawn(load_machine(tmp_path / "odd.toml"))

    assert 'title: "Odd  one    b "' in text
    states = ["region0__state0", "region0__state1", "region0__state2", "region0__done"]
    assert re.findall(r" as (\w+)\n", text) == ["region0", *states]
    assert "region0__state1 --> region0__state2: say #34;x#34;#59; #60;i#62;\n" in text
    # A colon ends the name of a state and begins a text; inside the text it is one.
    assert "region0__state0 --> region0__state1: go: on!\n" in text


# With Graphviz


needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


@needs_dot
@pytest.mark.parametrize(("form", "begin"), [("dot", b"digraph"), ("svg", b"<?xml"), ("png", b"\x89PNG\r\n")])
def test_graphviz_draws_too(form: str, begin: bytes) -> None:
    pytest.importorskip("graphviz")

    assert draw(MACHINES["agora"], form).startswith(begin)


@needs_dot
def test_an_svg_has_the_words_of_the_machine_and_its_people(tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    picture = draw(MACHINES["aircore"], "svg", peopled={("recording", "stopped"): People(3, 1)}).decode()
    words = re.findall(r"<text[^>]*>([^<]*)</text>", picture)

    assert {"Aircore Cloud Recording", "! always sent"} <= set(words)
    assert {"stopped", "complete within 30m", "3 open, 1 stuck"} <= set(words)
    assert {"recording&#45;started!", "recording&#45;uploaded"} <= set(words)


def test_without_the_program_dot_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("graphviz")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StorageError, match=r"^svg needs the program dot; install graphviz$"):
        draw(MACHINES["aircore"], "svg")


def test_without_the_extra_mermaid_is_drawn_and_the_others_say_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "graphviz.py").write_text("raise ImportError('no')\n", encoding="utf-8")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from recording_tracker.cli import main\n"
        "sys.argv = ['tracker', 'machines', 'draw', 'aircore', *sys.argv[1:]]; main()\n"
    )
    asked = [[sys.executable, "-c", program, "--format", form] for form in ("mermaid", "dot")]

    mermaid, dot = (subprocess.run(each, capture_output=True, text=True, timeout=60, check=False) for each in asked)

    assert (mermaid.returncode, mermaid.stderr) == (0, "")
    assert mermaid.stdout == drawn(MACHINES["aircore"])
    assert dot.returncode == 74
    assert dot.stderr == "error: dot needs the package graphviz: pip install graphviz\n"
