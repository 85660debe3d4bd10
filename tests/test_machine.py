"""Machines: broken files and their messages, the table against its engine, extends, digests, paths and situations."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transitions

import recording_tracker
from recording_tracker.errors import MachineError
from recording_tracker.machine import Machine, Region, Situation, find_machines, load_machine, shipped_folder

BROKEN = sorted((Path(__file__).parent / "machines").glob("*.toml"))
SHIPPED = find_machines()

TAPE = """
provider = "tape"
title = "Tape"
incarnation_switch = "switched"

[limits]
lost_after = "5m"
complete_within = "3d"
subscribed = ["started", "switched"]

[events]
started = { promised = true }
switched = { assumable = false }
ended = {}

[regions.deck]
initial = "idle"
transitions = [
    { trigger = "started", source = "idle", dest = "running" },
    { trigger = ["started", "switched"], source = "running", dest = "=" },
    { trigger = "ended", source = "running", dest = "done" },
]

[regions.deck.states]
idle = {}
running = { phase = "recording", stall_after = "12h" }
done = { phase = "finished", final = true, outcome = "available" }

[regions.cover]
initial = "none"
transitions = [{ trigger = "ended", source = "none", dest = "printed" }]

[regions.cover.states]
none = {}
printed = { phase = "finished", final = true }

[codes.reason]
0 = { meaning = "stopped", class = "progress" }
"""


def load(folder: Path, text: str) -> Machine:
    path = folder / "tape.toml"
    path.write_text(text, encoding="utf-8")
    return load_machine(path)


def message(folder: Path, text: str) -> str:
    with pytest.raises(MachineError) as caught:
        load(folder, text)
    return str(caught.value).removeprefix(f"{folder / 'tape.toml'}: ")


# Broken files


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_is_an_error_with_place_fault_and_remedy(path: Path) -> None:
    expected = path.read_bytes().splitlines()[0].decode().removeprefix("# error: ")

    with pytest.raises(MachineError) as caught:
        load_machine(path)

    assert f"{path}: {expected}" == str(caught.value)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_message_is_one_line_without_a_full_stop(path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        load_machine(path)

    said = str(caught.value)
    assert (True, False, True) == (said.isprintable(), said.endswith("."), "; " in said)


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000])
def test_a_number_or_a_nesting_without_end_is_an_error(tmp_path: Path, value: str) -> None:
    said = message(tmp_path, f"provider = {value}")

    assert said.startswith(("is not TOML", "line 1", "end of document", "at end of document"))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "tape.toml"

    with pytest.raises(MachineError) as caught:
        load_machine(path)

    assert f"{path}: no such file or directory; a machine file is expected" == str(caught.value)


def test_a_control_character_in_a_path_does_not_break_the_line(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        load_machine(tmp_path / "two\nlines.toml")

    assert f"{tmp_path}/two\\nlines.toml: no such file or directory; a machine file is expected" == str(caught.value)


def test_a_byte_order_mark_and_line_ends_of_windows_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TAPE.replace("\n", "\r\n").encode())

    assert load(tmp_path, TAPE).digest == load_machine(path).digest


# Shipped machines and the engine


def test_five_machines_are_shipped() -> None:
    assert ["agora", "aircore", "bandwidth", "enablex", "line_planet"] == list(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_machine_is_in_the_file_of_its_provider(name: str) -> None:
    assert name == load_machine(shipped_folder() / f"{name}.toml").provider


class Model:
    """What the engine drives."""

    state: str


def driven(region: Region, trigger: str, state: str) -> str | None:
    """Trigger the engine itself; None where it refuses."""
    model = Model()
    region.engine.add_model(model, initial=state)
    try:
        region.engine.events[trigger].trigger(model)
    except transitions.MachineError:
        return None
    finally:
        region.engine.remove_model(model)
    return model.state


def cases(machine: Machine) -> Iterator[tuple[Region, str, int]]:
    for region in machine.regions:
        for trigger in machine.places:
            for state in range(len(region.states)):
                yield region, trigger, state


@pytest.mark.parametrize("name", SHIPPED)
def test_the_table_and_the_engine_agree_on_every_state_and_trigger(name: str) -> None:
    machine = SHIPPED[name]
    for region, trigger, state in cases(machine):
        table = dict(machine.moves[trigger]).get(machine.regions.index(region))
        said = region.states[table[state].dest] if table and table[state].verdict == "taken" else None

        expected = driven(region, trigger, region.states[state]) if trigger in region.engine.events else None

        assert (region.name, trigger, region.states[state], expected) == (
            region.name,
            trigger,
            region.states[state],
            said,
        )


@pytest.mark.parametrize("name", SHIPPED)
def test_the_engine_has_the_transitions_of_the_file_and_no_others(name: str) -> None:
    for region in SHIPPED[name].regions:
        written = {
            (trigger, source, source if rule.dest == "=" else rule.dest)
            for rule in region.rule.transitions
            for trigger in rule.trigger
            for source in rule.source
        }

        built = {
            (trigger, source, found.dest)
            for trigger, event in region.engine.events.items()
            for source, all_found in event.transitions.items()
            for found in all_found
        }

        assert written == built


@pytest.mark.parametrize("name", SHIPPED)
def test_no_state_is_left_by_a_word_that_the_engine_made_up(name: str) -> None:
    machine = SHIPPED[name]

    assert set() == {trigger for region in machine.regions for trigger in region.engine.events} - machine.places.keys()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_machine_kept_as_json_is_the_same_machine(name: str) -> None:
    machine = SHIPPED[name]

    again = Machine.from_json(machine.to_json())

    assert (machine.digest, machine.moves, machine.places) == (again.digest, again.moves, again.places)


# Extends


def differences(before: Any, after: Any, where: str = "") -> dict[str, Any]:
    """Return place → new value for all that is not the same in two nested tables."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return {} if before == after else {where: after}
    assert [key for key in after if key in before] == list(before)
    found: dict[str, Any] = {}
    for key, value in after.items():
        found |= differences(before.get(key), value, f"{where}/{key}" if where else str(key))
    return found


@pytest.mark.parametrize(
    ("adjustment", "expected"),
    [
        ('[limits]\nlost_after = "1h"', {"limits/lost_after": "PT3600.000S"}),
        ('[limits]\ncomplete_within = "8d"', {"limits/complete_within": "PT691200.000S"}),
        ('[limits]\nsubscribed = ["uploaded"]', {"limits/subscribed": ["uploaded"]}),
        ("[events]\nuploaded = { promised = false }", {"events/uploaded/promised": False}),
        ('[events]\n"status.5" = { promised = true }', {"events/status.5/promised": True}),
        ("[regions.vod]\nrequired = true", {"regions/vod/required": True}),
        (
            '[regions.recorder.states]\nrecording = { stall_after = "2h" }',
            {"regions/recorder/states/recording/stall_after": "PT7200.000S"},
        ),
        (
            '[regions.uploader.states]\nuploading = { complete_within = "2h" }',
            {"regions/uploader/states/uploading/complete_within": "PT7200.000S"},
        ),
        ('[codes.exit]\n1 = { class = "hint" }', {"codes/exit/1/severity_class": "hint"}),
        (
            '[codes.exit]\n2 = { meaning = "new", class = "hint" }',
            {"codes/exit/2": {"meaning": "new", "severity_class": "hint", "hint": None}},
        ),
    ],
)
def test_extends_changes_what_it_says_and_the_digest(
    tmp_path: Path, adjustment: str, expected: dict[str, object]
) -> None:
    base = SHIPPED["agora"]

    machine = load(tmp_path, f'extends = "agora"\n{adjustment}')

    assert expected == differences(base.definition.model_dump(), machine.definition.model_dump())
    assert base.digest != machine.digest


def test_a_shipped_machine_that_extends_is_told_where_to_put_it(tmp_path: Path) -> None:
    shutil.copytree(Path(recording_tracker.__file__).parent, tmp_path / "src" / "recording_tracker")
    shutil.copytree(shipped_folder(), tmp_path / "machines")
    (tmp_path / "machines" / "agora.toml").write_text('extends = "agora"\n', encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "recording_tracker", "machines", "show", "agora"],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    path = tmp_path / "machines" / "agora.toml"
    whole = (
        "is a shipped machine and must be whole; put it back as it was, and what extends it into a folder of your own"
    )
    assert done.returncode == 78
    assert done.stderr == f"error: {path}: extends: {path} {whole}, which --machines names\n"


@pytest.mark.parametrize("adjustment", ["", 'title = "Ours"', '[limits]\nstart_within = "1h"\nsilent_after = "1d"'])
def test_extends_may_change_what_the_fold_does_not_read(tmp_path: Path, adjustment: str) -> None:
    machine = load(tmp_path, f'extends = "agora"\nprovider = "agora"\n{adjustment}')

    assert SHIPPED["agora"].digest == machine.digest


def test_a_subscription_brings_the_variants_behind_a_dot(tmp_path: Path) -> None:
    machine = load(tmp_path, 'extends = "agora"\n[limits]\nsubscribed = ["session_exit"]')

    assert ["session_exit.normal"] == machine.promised


# Digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('provider = "tape"', 'provider = "reel"'),
        ('lost_after = "5m"', 'lost_after = "6m"'),
        ('complete_within = "3d"', 'complete_within = "4d"'),
        ('["started", "switched"]\n', '["started"]\n'),
        ('incarnation_switch = "switched"\n', ""),
        ("switched = { assumable = false }\nended = {}", "ended = {}\nswitched = { assumable = false }"),
        ("ended = {}", "ended = { promised = true }"),
        ("ended = {}", "ended = { opens = false }"),
        ("ended = {}", "ended = { assumable = false }"),
        ('stall_after = "12h"', 'stall_after = "13h"'),
        ('stall_after = "12h"', 'stall_after = "12h", complete_within = "1d"'),
        ('outcome = "available"', 'outcome = "partial"'),
        ("final = true }", 'final = true, outcome = "absent" }'),
        ('phase = "recording"', 'phase = "starting"'),
        ('initial = "none"\n', 'initial = "none"\nrequired = true\n'),
        ('source = "running", dest = "done"', 'source = ["idle", "running"], dest = "done"'),
        ('class = "progress"', 'class = "failed"'),
        ('meaning = "stopped"', 'meaning = "halted"'),
    ],
)
def test_the_digest_changes_with_what_the_fold_reads(tmp_path: Path, old: str, new: str) -> None:
    assert old in TAPE

    assert load(tmp_path, TAPE).digest != load(tmp_path, TAPE.replace(old, new)).digest


@pytest.mark.parametrize("first", ["idle = {}", '    { trigger = "started", source = "idle", dest = "running" },'])
def test_the_digest_changes_with_the_order_of_states_and_of_transitions(tmp_path: Path, first: str) -> None:
    lines = TAPE.splitlines()
    place = lines.index(first)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]

    assert load(tmp_path, TAPE).digest != load(tmp_path, "\n".join(lines)).digest


def test_the_digest_changes_with_the_order_of_regions(tmp_path: Path) -> None:
    head, deck, cover = TAPE[: TAPE.index("[regions.deck]")], "[regions.deck]", "[regions.cover]"
    first = TAPE[TAPE.index(deck) : TAPE.index(cover)]
    second, codes = TAPE[TAPE.index(cover) : TAPE.index("[codes")], TAPE[TAPE.index("[codes") :]

    assert load(tmp_path, TAPE).digest != load(tmp_path, head + second + first + codes).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Tape"', 'title = "Reel"'),
        ("[limits]", '[limits]\nstart_within = "1h"'),
        ("[limits]", '[limits]\nsilent_after = "1h"'),
        ("[limits]", "# Limits of a tape\n\n   [ limits ]"),
        ('"12h"', '"PT12H"'),
        ('trigger = "ended"', 'trigger = ["ended"]'),
        ("ended = {}", "ended = { promised = false, opens = true }"),
    ],
)
def test_the_digest_stays_with_what_the_fold_does_not_read(tmp_path: Path, old: str, new: str) -> None:
    assert old in TAPE

    assert load(tmp_path, TAPE).digest == load(tmp_path, TAPE.replace(old, new)).digest


# Folders


def test_a_folder_replaces_adjusts_and_adds(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text('extends = "agora"\n[limits]\nlost_after = "1h"\n', encoding="utf-8")
    (tmp_path / "aircore.toml").write_text(TAPE.replace('"tape"', '"aircore"'), encoding="utf-8")
    (tmp_path / "tape.toml").write_text(TAPE, encoding="utf-8")

    found = find_machines(tmp_path)

    assert sorted([*SHIPPED, "tape"]) == sorted(found)
    assert {"agora", "aircore", "tape"} == {name for name in found if found[name] is not SHIPPED.get(name)}
    assert "Tape" == found["aircore"].title


def test_the_example_folder_adjusts_and_adds_nothing() -> None:
    found = find_machines(shipped_folder().parent / "examples" / "machines")

    assert list(SHIPPED) == list(found)
    assert ["recorder_started", "session_failover", "uploaded", "session_exit.normal"] == found["agora"].promised


def test_other_and_hidden_files_in_the_folder_are_no_machines(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not TOML", encoding="utf-8")
    (tmp_path / ".#tape.toml").symlink_to("nobody@nowhere")

    assert SHIPPED == find_machines(tmp_path)


def test_two_files_for_one_provider_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TAPE, encoding="utf-8")
    (tmp_path / "b.toml").write_text(TAPE, encoding="utf-8")

    with pytest.raises(MachineError) as caught:
        find_machines(tmp_path)

    assert f"{tmp_path / 'b.toml'}: provider: 'tape' is that of 'a.toml' too; keep one of them" == str(caught.value)


@pytest.mark.parametrize("content", ['extends = "enablex"\n', None], ids=["adjusts", "replaces"])
def test_a_file_that_is_named_after_another_provider_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "agora.toml"
    path.write_text(content or (shipped_folder() / "enablex.toml").read_text(encoding="utf-8"), encoding="utf-8")
    key = "extends" if content else "provider"

    with pytest.raises(MachineError) as caught:
        find_machines(tmp_path)

    assert str(caught.value) == (
        f"{path}: {key}: 'enablex' is not 'agora', after which the file is named; name it enablex.toml"
    )
    path.rename(tmp_path / "ours.toml")
    assert set(find_machines(tmp_path)) == set(SHIPPED)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        find_machines(tmp_path / "none")

    expected = f"{tmp_path / 'none'}: no such file or directory; a folder of machine files is expected"
    assert expected == str(caught.value)


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tape.toml").write_text(TAPE, encoding="utf-8")

    with pytest.raises(MachineError) as caught:
        find_machines(tmp_path / "tape.toml")

    expected = f"{tmp_path / 'tape.toml'}: not a directory; a folder of machine files is expected"
    assert expected == str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tape.toml").mkdir()

    with pytest.raises(MachineError) as caught:
        find_machines(tmp_path)

    assert f"{tmp_path / 'tape.toml'}: is a directory; a machine file is expected" == str(caught.value)


# Implied paths


def line(folder: Path, events: str, states: str, moves: list[str], *, subscribed: list[str] | None = None) -> Machine:
    """
    Load a machine of one region from a short form.

    Events and states are words in order: ``start!`` is promised, ``fail?`` is not assumable, ``done.`` is final.
    A move is "trigger source dest".
    """
    listed = f"subscribed = {subscribed}" if subscribed is not None else ""
    rules = {"!": "{ promised = true }", "?": "{ assumable = false }", "#": "{ promised = true, assumable = false }"}
    return load(
        folder,
        "\n".join(
            [
                f'provider = "tape"\ntitle = "Tape"\n[limits]\ncomplete_within = "1d"\n{listed}\n[events]',
                *(f"{word.rstrip('!?#')} = {rules.get(word[-1], '{}')}" for word in events.split()),
                f'[regions.deck]\ninitial = "{states.split(maxsplit=1)[0]}"\ntransitions = [',
                *('{{ trigger = "{}", source = "{}", dest = "{}" }},'.format(*move.split()) for move in moves),
                "]\n[regions.deck.states]",
                *(
                    f"{word[:-1]} = {{ final = true, outcome = 'available' }}" if word[-1] == "." else f"{word} = {{}}"
                    for word in states.split()
                ),
            ]
        ),
    )


def moved(machine: Machine, trigger: str, state: str = "idle") -> tuple[str, str, tuple[tuple[str, ...], ...]]:
    (_, table), region = machine.moves[trigger][0], machine.regions[0]
    move = table[region.number[state]]
    return move.verdict, region.states[move.dest], move.assumed


STEPS = ["start idle running", "stop running stopped", "upload stopped done"]


def test_promised_events_on_the_way_are_assumed(tmp_path: Path) -> None:
    machine = line(tmp_path, "start! stop! upload", "idle running stopped done.", STEPS)

    assert ("implied", "done", (("start",), ("stop",))) == moved(machine, "upload")


def test_events_on_the_way_that_are_not_promised_are_not_assumed(tmp_path: Path) -> None:
    machine = line(tmp_path, "start stop! upload", "idle running stopped done.", STEPS)

    assert ("implied", "done", (("stop",),)) == moved(machine, "upload")


def test_the_event_itself_may_be_one_that_is_not_assumable(tmp_path: Path) -> None:
    machine = line(tmp_path, "start! stop! upload?", "idle running stopped done.", STEPS)

    assert ("implied", "done", (("start",), ("stop",))) == moved(machine, "upload")


def test_the_shortest_path_counts(tmp_path: Path) -> None:
    moves = ["start idle running", "stop running stopped", "skip idle stopped", "upload stopped done"]
    machine = line(tmp_path, "start! stop! skip! upload", "idle running stopped done.", moves)

    assert ("implied", "done", (("skip",),)) == moved(machine, "upload")


@pytest.mark.parametrize(("first", "second"), [("low", "high"), ("high", "low")])
def test_of_two_shortest_paths_the_first_in_the_file_counts(tmp_path: Path, first: str, second: str) -> None:
    moves = [f"{first} idle {first}s", f"{second} idle {second}s", "upload lows done", "upload highs done"]
    machine = line(tmp_path, "low! high! upload", "idle lows highs done.", moves)

    assert ("implied", "done", ((first,),)) == moved(machine, "upload")


def test_a_path_never_goes_back(tmp_path: Path) -> None:
    moves = [*STEPS, "again stopped running", "note running running"]
    machine = line(tmp_path, "start stop again note upload", "idle running stopped done.", moves)

    assert ("illegal", "stopped", ()) == moved(machine, "note", "stopped")


def test_a_path_never_leaves_a_final_state(tmp_path: Path) -> None:
    moves = [*STEPS, "reopen done again", "note again again", "upload again done"]
    machine = line(tmp_path, "start stop reopen note upload", "idle running stopped done. again", moves)

    assert ("illegal", "stopped", ()) == moved(machine, "note", "stopped")


def test_a_path_never_uses_an_event_that_is_not_assumable(tmp_path: Path) -> None:
    machine = line(tmp_path, "start! stop? upload", "idle running stopped done.", STEPS)

    assert ("illegal", "idle", ()) == moved(machine, "upload")


def test_the_last_step_may_stay(tmp_path: Path) -> None:
    moves = [*STEPS, "note stopped stopped"]
    machine = line(tmp_path, "start! stop! note upload", "idle running stopped done.", moves)

    assert ("implied", "stopped", (("start",), ("stop",))) == moved(machine, "note")


def test_the_last_step_may_stay_in_a_final_state(tmp_path: Path) -> None:
    moves = [*STEPS, "note done done"]
    machine = line(tmp_path, "start stop note upload!", "idle running stopped done.", moves)

    assert ("implied", "done", (("upload",),)) == moved(machine, "note")


def test_the_last_step_never_goes_back(tmp_path: Path) -> None:
    moves = [*STEPS, "again stopped running"]
    machine = line(tmp_path, "start stop again upload", "idle running stopped done.", moves)

    assert ("illegal", "idle", ()) == moved(machine, "again")


def test_a_transition_from_where_it_is_goes_before_a_path(tmp_path: Path) -> None:
    moves = [*STEPS, "upload idle idle"]
    machine = line(tmp_path, "start! stop! upload", "idle running stopped done.", moves)

    assert ("taken", "idle", ()) == moved(machine, "upload")


def test_a_region_has_no_part_in_an_event_that_it_does_not_know(tmp_path: Path) -> None:
    machine = load(tmp_path, TAPE)

    assert [0] == [number for number, _ in machine.moves["started"]]


@pytest.mark.parametrize(
    ("events", "subscribed", "expected"),
    [
        ("start! begin! stop", None, (("start", "begin"),)),
        ("start! begin stop", None, ()),
        ("start begin stop", None, ()),
        ("start! begin? stop", None, (("start",),)),
        ("start! begin# stop", None, (("start",),)),
        ("start! begin! stop", ["start", "stop"], (("start",),)),
        ("start! begin stop", ["start", "stop"], (("start",),)),
        ("start! begin stop", ["begin", "stop"], ()),
        ("start! begin! stop", ["stop"], ()),
        ("start! begin! stop", [], ()),
    ],
)
def test_of_several_events_between_two_states_one_is_assumed_if_all_subscribed_ones_are_promised(
    tmp_path: Path, events: str, subscribed: list[str] | None, expected: tuple[tuple[str, ...], ...]
) -> None:
    moves = ["start idle running", "begin idle running", "stop running done"]
    machine = line(tmp_path, events, "idle running done.", moves, subscribed=subscribed)

    assert ("implied", "done", expected) == moved(machine, "stop")


def test_an_event_that_leads_only_to_other_final_states_conflicts_with_a_final_one(tmp_path: Path) -> None:
    moves = ["upload idle done", "fail idle failed", "fail failed failed"]
    machine = line(tmp_path, "upload fail", "idle done. failed.", moves)

    assert ("conflict", "done", ()) == moved(machine, "fail", "done")


def test_an_event_that_leads_elsewhere_too_is_illegal_in_a_final_state(tmp_path: Path) -> None:
    moves = [*STEPS, "upload running stopped"]
    machine = line(tmp_path, "start stop upload", "idle running stopped done.", moves)

    assert ("illegal", "done", ()) == moved(machine, "upload", "done")


def test_an_event_that_leads_nowhere_is_illegal_in_a_final_state(tmp_path: Path) -> None:
    moves = [*STEPS, "note running running"]
    machine = line(tmp_path, "start stop note upload", "idle running stopped done.", moves)

    assert ("illegal", "done", ()) == moved(machine, "note", "done")


# Situations

SIDES = """
provider = "tape"
title = "Tape"

[limits]
complete_within = "3d"

[events]
go = {}
"""
SIDE = """
[regions.{name}]
initial = "idle"
required = {required}
transitions = [
    {{ trigger = "go", source = "idle", dest = "running" }},
    {{ trigger = "go", source = "running", dest = "silent" }},
    {{ trigger = "go", source = "silent", dest = "processing" }},
    {{ trigger = "go", source = "processing", dest = "ended" }},
    {{ trigger = "go", source = "ended", dest = "failed" }},
    {{ trigger = "go", source = "failed", dest = "absent" }},
    {{ trigger = "go", source = "absent", dest = "partial" }},
    {{ trigger = "go", source = "partial", dest = "backed_up" }},
    {{ trigger = "go", source = "backed_up", dest = "available" }},
]

[regions.{name}.states]
idle = {{}}
running = {{ phase = "recording", stall_after = "{stall}" }}
silent = {{}}
processing = {{ phase = "processing", stall_after = "2h", complete_within = "30m" }}
ended = {{ phase = "finished", final = true, complete_within = "1h" }}
failed = {{ phase = "finished", final = true, outcome = "failed" }}
absent = {{ phase = "finished", final = true, outcome = "absent" }}
partial = {{ phase = "finished", final = true, outcome = "partial" }}
backed_up = {{ phase = "finished", final = true, outcome = "backed_up" }}
available = {{ phase = "finished", final = true, outcome = "available" }}
"""


def situation(folder: Path, left: str, right: str, *, required: str = "") -> Situation:
    sides = (
        SIDE.format(name=name, required=str(name == required).lower(), stall=stall)
        for name, stall in (("left", "1h"), ("right", "3h"))
    )
    machine = load(folder, SIDES + "".join(sides))
    numbers = machine.regions[0].number
    return machine.situation((numbers[left], numbers[right]))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("idle", "idle", "starting"),
        ("silent", "idle", "starting"),
        ("silent", "processing", "processing"),
        ("running", "idle", "recording"),
        ("running", "processing", "recording"),
        ("running", "available", "recording"),
        ("processing", "available", "processing"),
        ("ended", "ended", "processing"),
        ("ended", "silent", "processing"),
        ("available", "idle", "finished"),
        ("available", "ended", "finished"),
    ],
)
def test_the_phase_is_the_earliest_of_the_regions_that_have_begun(
    tmp_path: Path, left: str, right: str, expected: str
) -> None:
    assert expected == situation(tmp_path, left, right).phase


@pytest.mark.parametrize(
    ("left", "right", "required", "expected"),
    [
        ("available", "idle", "", True),
        ("available", "idle", "left", True),
        ("available", "idle", "right", False),
        ("available", "ended", "right", True),
        ("available", "running", "", False),
        ("ended", "ended", "", False),
        ("ended", "idle", "", False),
        ("idle", "idle", "", False),
    ],
)
def test_it_is_complete_when_all_that_counts_is_final_and_one_has_an_outcome(
    tmp_path: Path, left: str, right: str, required: str, expected: bool
) -> None:
    assert expected is situation(tmp_path, left, right, required=required).complete


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("available", "ended", "available"),
        ("available", "idle", "available"),
        ("available", "available", "available"),
        ("available", "backed_up", "backed_up"),
        ("available", "partial", "partial"),
        ("backed_up", "partial", "partial"),
        ("available", "absent", "partial"),
        ("backed_up", "absent", "partial"),
        ("partial", "absent", "partial"),
        ("available", "failed", "partial"),
        ("backed_up", "failed", "partial"),
        ("partial", "failed", "partial"),
        ("absent", "failed", "failed"),
        ("absent", "ended", "absent"),
        ("failed", "ended", "failed"),
        ("running", "available", None),
        ("ended", "ended", None),
    ],
)
def test_the_outcome_is_the_worst_but_partial_where_files_were_delivered(
    tmp_path: Path, left: str, right: str, expected: str | None
) -> None:
    assert [expected, expected] == [
        situation(tmp_path, left, right).outcome,
        situation(tmp_path, right, left).outcome,
    ]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("idle", "idle", None),
        ("running", "idle", (3_600_000, "left")),
        ("running", "running", (3_600_000, "left")),
        ("processing", "running", (7_200_000, "left")),
    ],
)
def test_the_shortest_silence_limit_counts(
    tmp_path: Path, left: str, right: str, expected: tuple[int, str] | None
) -> None:
    assert expected == situation(tmp_path, left, right).stall_after


def test_every_limit_to_be_complete_is_told_with_its_region(tmp_path: Path) -> None:
    found = situation(tmp_path, "ended", "processing")

    assert ((0, 3_600_000, "left"), (1, 1_800_000, "right")) == found.complete_within


ACME = """
provider = "acme"
title = "Acme"
limits.complete_within = "3d"

[events]
started = {}
stopped = {}
uploaded = {}
failed = { assumable = false }

[regions.recording]
initial = "requested"
transitions = [
    { trigger = "started", source = "requested", dest = "recording" },
    { trigger = "stopped", source = "recording", dest = "stopped" },
    { trigger = "uploaded", source = "stopped", dest = "uploaded" },
    { trigger = "failed", source = ["requested", "recording", "stopped"], dest = "failed" },
]

[regions.recording.states]
requested = {}
recording = { phase = "recording" }
stopped = { phase = "processing" }
uploaded = { phase = "finished", final = true, outcome = "available" }
failed = { phase = "finished", final = true, outcome = "failed" }
"""

RESULTS = [
    f"{of}Available.{status}"
    for status in ("complete", "partial", "error")
    for of in ("recording", "conferenceRecording")
]


def awaited(machine: Machine, state: dict[str, str]) -> list[str]:
    found = {region.name: region.number[state.get(region.name, region.rule.initial)] for region in machine.regions}
    return list(machine.situation(tuple(found.values())).awaits)


@pytest.mark.parametrize(
    ("state", "expected"), [("requested", "started"), ("recording", "stopped"), ("stopped", "uploaded")]
)
def test_what_leads_on_is_awaited_rather_than_a_failure(tmp_path: Path, state: str, expected: str) -> None:
    assert [expected] == awaited(load(tmp_path, ACME), {"recording": state})


@pytest.mark.parametrize(
    ("provider", "state", "expected"),
    [
        ("agora", {}, ["recorder_started", "web_recorder_started", "uploaded", "session_exit.normal"]),
        (
            "agora",
            {"service": "in_progress", "recorder": "recording", "uploader": "uploading"},
            ["recorder_leave", "web_recorder_stopped", "uploaded", "session_exit.normal"],
        ),
        ("agora", {"service": "exited", "recorder": "left", "uploader": "uploading"}, ["uploaded"]),
        (
            "agora",
            {
                "service": "exited_to_transcode",
                "recorder": "left",
                "uploader": "uploaded",
                "transcoding": "awaited",
            },
            [f"postpone_transcode_final_result.{result}" for result in ("success", "partial", "failed")],
        ),
        ("aircore", {}, ["recording-started"]),
        ("aircore", {"recording": "recording"}, ["recording-stopped"]),
        ("aircore", {"recording": "stopped"}, ["recording-uploaded", "recording-upload-failed"]),
        ("bandwidth", {"recording": "processing"}, RESULTS),
        (
            "enablex",
            {},
            [
                *("room-record-on", "room-live-recording-updated", "room-live-recording-on"),
                *("recording", "transcoded", "file-transfer", "chatdata"),
            ],
        ),
        ("enablex", {"live": "queued"}, ["room-live-recording-on", "roomdrop"]),
        ("enablex", {"live": "switched_off"}, ["recording", "transcoded"]),
        ("enablex", {"live": "ended"}, ["recording", "transcoded"]),
        ("enablex", {"capture": "ended"}, ["recording", "transcoded", "file-transfer"]),
        ("enablex", {"capture": "ended", "live": "fallback"}, ["recording", "transcoded", "file-transfer"]),
        ("line_planet", {}, ["IN_PROGRESS"]),
        ("line_planet", {"recording": "in_progress"}, ["COMPLETED", "ABSENT", "FAILED"]),
    ],
)
def test_each_provider_awaits_what_usually_comes_next(
    provider: str, state: dict[str, str], expected: list[str]
) -> None:
    assert expected == awaited(SHIPPED[provider], state)
