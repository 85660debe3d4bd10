"""The README is true: its blocks run and show what they show, its tables name what there is and nothing else."""

from __future__ import annotations

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

import recording_tracker
from recording_tracker import errors
from recording_tracker.adapters import SHIPPED
from recording_tracker.adapters.fields import MAX_ID_LENGTH, MAX_KIND_LENGTH
from recording_tracker.body import MAX_BODY_BYTES, MAX_DEPTH, MAX_NUMBER_LENGTH
from recording_tracker.cli import cli
from recording_tracker.deliveries import MAX_LINE_BYTES
from recording_tracker.flags import SEVERITIES, STUCK
from recording_tracker.intake import QuarantineLimits
from recording_tracker.machine.definition import (
    Code,
    Definition,
    EventRule,
    Limits,
    RegionRule,
    StateRule,
    TransitionRule,
)
from recording_tracker.phases import OUTCOMES, PHASES
from recording_tracker.tracker import Tracker
from tests import pictures

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOW = "2026-11-01T18:00:00Z"
WITHOUT_DATABASE = {"tracker simulate"}
SHARED_OPTIONS = {"--db", "--json", "--help", "-h", "--now", "--machines"}


class Block(NamedTuple):
    language: str
    file: str
    """The name behind the language, of a block that is a file."""
    text: str


def blocks() -> list[Block]:
    found = re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [Block(*block) for block in found]


def section(title: str) -> str:
    """The text below a heading, up to the next one as high."""
    _, head, rest = README.partition(f"\n{title}\n")
    assert head, f"the README has no section {title!r}"
    return re.split(rf"^#{{1,{title.count('#')}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(text: str) -> list[list[list[str]]]:
    """Each table as rows of cells, its head first."""
    found: list[list[list[str]]] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        if not inside:
            found.append([])
        inside = True
        if not re.fullmatch(r"[|\-: ]+", line):
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            found[-1].append([cell.strip().replace("\\|", "|") for cell in cells])
    return found


def table(text: str, *heads: str) -> list[list[str]]:
    """The rows of the table whose heads begin with *heads*."""
    [found] = [rows for rows in tables(text) if rows[0][: len(heads)] == list(heads)]
    return found[1:]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# Blocks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which the README's files lie."""
    for block in blocks():
        if block.file:
            path = tmp_path / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """An environment in which ``tracker`` is this one, and the README's adapter is installed."""
    shim = folder / "bin" / "tracker"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m recording_tracker "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    package = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    package.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (package / "METADATA").write_text(metadata, encoding="utf-8")
    [(group, entries)] = project["entry-points"].items()
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (package / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    return inherited | {
        "PATH": os.pathsep.join([str(shim.parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(folder), str(Path(recording_tracker.__file__).parents[1])]),
        "PYTHONWARNINGS": "error",
    }


def commands() -> list[tuple[str, list[str]]]:
    """Every command of the console blocks, with the lines that it shows."""
    found: list[tuple[str, list[str]]] = []
    for block in blocks():
        if block.language == "console":
            for line in block.text.splitlines():
                if line.startswith("$ "):
                    found.append((line[2:], []))
                else:
                    found[-1][1].append(line)
    return found


def run_in_one_shell(lines: list[str], folder: Path, environment: dict[str, str]) -> list[list[str]]:
    """Run commands one after another; return what each shows, on either output."""
    script = "".join(f"s=$?; printf '\\n@@@\\n'; (exit $s)\n{line}\n" for line in lines)
    done = subprocess.run(
        ["bash"],
        input=script,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return [shown.removesuffix("\n").splitlines() for shown in done.stdout.split("\n@@@\n")[1:]]


def elided(shown: list[str], expected: list[str]) -> list[str]:
    """Return *shown* with what a line "…" of *expected* stands for left out, if all else is the same."""
    pattern = "".join(r"(?:.*\n)*?" if line == "…" else re.escape(f"{line}\n") for line in expected)
    return expected if re.fullmatch(pattern, "".join(f"{line}\n" for line in shown)) else shown


def test_every_command_shows_what_the_readme_shows(folder: Path, environment: dict[str, str]) -> None:
    expected = commands()

    shown = run_in_one_shell([command for command, _ in expected], folder, environment)

    found = [(command, elided(lines, told)) for (command, told), lines in zip(expected, shown, strict=True)]
    assert found == expected


def programs() -> list[tuple[str, str]]:
    """Every Python block that is no file, with the text block behind it."""
    found = blocks()
    pairs = zip(found, [*found[1:], Block("", "", "")], strict=True)
    return [
        (block.text, after.text if after.language == "text" else "")
        for block, after in pairs
        if block.language == "python" and not block.file
    ]


@pytest.mark.parametrize("place", range(len(programs())))
def test_a_program_shows_what_the_readme_shows(folder: Path, environment: dict[str, str], place: int) -> None:
    program, expected = programs()[place]
    assert CliRunner().invoke(cli, ["demo", "--db", str(folder / "demo.db")]).exit_code == 0

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.stdout, done.stderr) == (expected, "")


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    kinds = {block.language for block in blocks()}

    assert kinds == {"sh", "console", "python", "text", "toml", "json", "cron", "mermaid"}
    assert [block.file for block in blocks() if block.language in ("toml", "json") and not block.file] == []
    assert README.count("```") == 2 * len(blocks())


def test_every_shown_command_of_cron_is_one() -> None:
    [crontab] = [block.text for block in blocks() if block.language == "cron"]
    called = re.findall(r"tracker (\w+) --db \S+", crontab)

    assert [name for name in called if name not in cli.list_commands(click.Context(cli))] == []
    assert len(called) == sum(line[0].isdigit() for line in crontab.splitlines())


def test_the_two_lines_for_a_fresh_machine_stand_as_they_are() -> None:
    assert [block.text for block in blocks() if block.language == "sh"] == [
        "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/tracker demo\n",
        "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest\n",
    ]


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", README))
def test_a_link_leads_to_a_file(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/.]+\.py|[\w/]+/)`", README))))
def test_a_file_that_is_named_is_there(path: str) -> None:
    place = path.replace("NAME", "agora")

    shown = {block.file for block in blocks()}
    assert path in shown or any((base / place).exists() for base in (ROOT, ROOT / "src" / "recording_tracker"))


@pytest.mark.parametrize("block", [block for block in blocks() if block.file], ids=lambda block: block.file)
def test_a_file_that_is_shown_is_named_before_it(block: Block) -> None:
    """Where the page is read, what stands behind the fence is not to be seen."""
    before = README[: README.index(f"```{block.language} {block.file}\n")].rstrip().rpartition("\n\n")[2]

    assert f"`{block.file}`" in before


# Words, machines


def test_every_flag_is_told_with_its_severity() -> None:
    rows = table(section("## Words"), "flag", "severity")

    assert {names(code)[0]: severity for code, severity, _ in rows} == SEVERITIES


@pytest.mark.parametrize(
    ("word", "told"),
    [("provider", SHIPPED), ("phase", PHASES), ("outcome", OUTCOMES), ("stuck", STUCK)],
)
def test_a_word_is_told_with_all_that_it_may_be(word: str, told: Iterable[str]) -> None:
    rows = table(section("## Words"), "word", "meaning")

    assert [set(names(meaning)) for name, meaning in rows if name == word] == [set(told)]


def test_every_limit_is_told() -> None:
    [text] = [row[1] for row in table(section("## Operating it"), "not promised") if row[0] == "more than so much"]
    limits = QuarantineLimits()

    assert re.findall(r"\d+(?: MiB)?", text) == [
        f"{MAX_BODY_BYTES // 2**20} MiB",
        *map(str, (MAX_DEPTH, MAX_NUMBER_LENGTH, MAX_ID_LENGTH, MAX_KIND_LENGTH)),
        f"{MAX_LINE_BYTES // 2**20} MiB",
        str(limits.bodies),
        f"{limits.bytes // 2**20} MiB",
    ]


def test_every_method_of_a_tracker_is_told() -> None:
    # What the command line, ``with`` and a fork call is for nobody else.
    methods = {name for name in vars(Tracker) if not name.startswith("_")} - {"ingest_batch", "close", "begin_process"}

    assert [name for name in sorted(methods) if not re.search(rf"\b{name}\b", section("## The library"))] == []


def test_every_key_of_a_machine_file_is_told() -> None:
    tables_of_a_file: list[type[BaseModel]] = [
        Definition,
        Limits,
        EventRule,
        RegionRule,
        TransitionRule,
        StateRule,
        Code,
    ]
    rows = table(section("## Machine files"), "table", "keys")

    for (_, told), model in zip(rows, tables_of_a_file, strict=True):
        keys = {field.alias or name for name, field in model.model_fields.items()}
        assert keys - set(names(told)) == set()


def test_the_machines_are_drawn_as_they_are() -> None:
    """Otherwise: python -m tests.pictures README.md."""
    shown = README.partition(pictures.BEGIN)[2].partition(pictures.END)[0]

    assert shown.strip() == "\n".join(pictures.pictures()).strip()
    assert [block.language for block in blocks()].count("mermaid") == len(SHIPPED)


# Commands


def leaves(group: click.Group = cli, path: str = "tracker") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


LEAVES = dict(leaves())


def rows_of_commands() -> dict[str, list[str]]:
    """Command → its row; what is written behind the command are its arguments."""
    rows = table(section("## Commands"), "command", "does")
    found = {}
    for row in rows:
        [name] = [known for known in LEAVES if re.match(rf"{known}( [A-Z\[]|$)", names(row[0])[0])]
        found[name] = row
    return found


def test_every_command_has_its_row() -> None:
    assert set(rows_of_commands()) == set(LEAVES)
    assert len(table(section("## Commands"), "command", "does")) == len(LEAVES)


@pytest.mark.parametrize("name", LEAVES)
def test_a_row_names_the_arguments_and_options_of_its_command(name: str) -> None:
    arguments = [param for param in LEAVES[name].params if isinstance(param, click.Argument)]
    options = {text for param in LEAVES[name].params if isinstance(param, click.Option) for text in param.opts}
    row = rows_of_commands()[name]
    shown = " ".join(names(" ".join(row)))

    assert names(row[0])[0].removeprefix(name).split() == [
        str(param.metavar or (param.name or "").upper()) for param in arguments
    ]
    assert set(re.findall(r"(?<![\w-])--?\w[\w-]*", shown)) - {"-"} == options - SHARED_OPTIONS


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_has_help(name: str) -> None:
    done = CliRunner().invoke(cli, [*name.split()[1:], "--help"])

    usage, blank, sentence, *_ = done.output.splitlines()
    assert done.exit_code == 0
    assert usage.startswith(f"Usage: cli {name.removeprefix('tracker ')}")
    assert blank == ""
    assert re.match(r"  [A-Z].+", sentence)


@pytest.mark.parametrize(
    "name", [name for name in LEAVES if not name.startswith("tracker machines") and name not in WITHOUT_DATABASE]
)
def test_a_command_takes_the_shared_options(name: str) -> None:
    options = {text for param in LEAVES[name].params for text in param.opts}

    assert {"--db", "--json"} - options == set()


def test_every_exit_status_is_that_of_its_errors() -> None:
    raised: dict[int, set[str]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.TrackerError):
            raised.setdefault(kind.exit_status, set()).add(kind.__name__)
    rows = table(section("## Commands"), "exit status")
    told = {int(number): set(names(row[2])) for row in rows for number in row[0].split(", ")}

    assert told == {0: set(), **raised, 130: set(), 143: set()}


# JSON


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's database, with a body in quarantine."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    assert CliRunner().invoke(cli, ["demo", "--db", str(path)]).exit_code == 0
    with Tracker(path) as tracker:
        for _ in range(2):
            tracker.ingest("agora", json.dumps({"sid": str(_)}))
    return path


ASKED = {
    "status": ["status", "board", "--now", NOW],
    "list": ["list", "--now", NOW],
    "expect": ["expect", "bandwidth", "r-9", "--at", NOW],
    "resolve": ["resolve", "conf-3", "--outcome", "failed", "--note", "checked", "--now", NOW],
    "ack": ["ack", "r-demo-5", "--note", "seen", "--now", NOW],
    "history": ["history", "board"],
    "explain": ["explain", "conf-3", "--now", NOW],
    "audit": ["audit", "--now", NOW],
    "metrics": ["metrics", "--now", NOW],
    "ingest": ["ingest", os.devnull],
    "quarantine retry": ["quarantine", "retry"],
    "verify": ["verify"],
    "replay": ["replay", "--dry-run", "--now", NOW],
    "quarantine list": ["quarantine", "list"],
    "quarantine show": ["quarantine", "show", "1"],
    "quarantine drop": ["quarantine", "drop", "2"],
    "machines list": ["machines", "list"],
    "machines show": ["machines", "show", "aircore"],
    "machines check": ["machines", "check", "aircore", "--seconds", "1"],
    "machines diff": ["machines", "diff", "aircore", "bandwidth"],
    "machines draw": ["machines", "draw", "agora"],
    "limits suggest": ["limits", "suggest", "aircore"],
    "prune": ["prune", "--complete-before", "36500d", "--now", NOW],
    "erase": ["erase", "c-demo-7"],
}
"""Command → how it is called on the demo's database."""


def asked(command: list[str], database: Path) -> dict[str, Any]:
    """The first object that a command prints as JSON."""
    db = [] if command[0] == "machines" else ["--db", str(database)]
    done = CliRunner().invoke(cli, [*command, *db, "--json"])
    assert done.stdout.isascii()
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found


def told_keys() -> dict[str, list[str]]:
    """Command, or place in another's output → the keys that the README tells of it."""
    told: dict[str, list[str]] = {}
    for of, _, keys in table(section("### JSON"), "of", "one for each"):
        parts = re.findall(r"those of `([^`]+)`|`([^`]+)`", keys)
        found = [key for other, own in parts for key in (told[other] if other else [own])]
        for name in names(of):
            told[f"{name}/" if "in it" in of and name != "ack" else name] = found
    told |= {name: [key] for name, key in zip(("prune", "erase", "quarantine drop"), told["prune"], strict=True)}
    return told


@pytest.mark.parametrize("name", ASKED)
def test_json_has_the_keys_that_are_told(demo: Path, name: str) -> None:
    assert list(asked(ASKED[name], demo)) == told_keys()[name]


def test_json_has_the_keys_that_are_told_inside(demo: Path) -> None:
    told = told_keys()
    complete = asked(ASKED["status"], demo)
    report = asked(ASKED["audit"], demo)

    assert list(complete["last_event"]) == told["last_event/"]
    assert list(complete["files"][0]) == told["files/"]
    assert list(asked(ASKED["explain"], demo)["parts"][0]) == told["parts/"]
    assert list(report["stuck"][0]["flags"][0]) == told["flags/"]
    assert list(report["providers"]["agora"]) == told["providers/"]
    assert list(asked(ASKED["limits suggest"], demo)["limits"][0]) == told["limits/"]


def test_json_has_the_keys_that_are_told_where_files_are_made(demo: Path, tmp_path: Path) -> None:
    told = told_keys()

    assert list(asked(["demo"], tmp_path / "new.db")) == told["demo"]
    assert list(asked(["backup", str(tmp_path / "copy.db")], demo)) == told["backup"]

    truth = tmp_path / "truth.jsonl"
    assert CliRunner().invoke(cli, ["simulate", "aircore", "--truth", str(truth)]).exit_code == 0
    assert list(json.loads(truth.read_text("utf-8").splitlines()[0])) == told["simulate"]
    assert list(asked(["score", str(truth)], demo)) == told["score"]


def test_every_command_with_json_is_told() -> None:
    assert {f"tracker {name}" for name in told_keys() if not name.endswith("/")} == set(LEAVES)


# The schema


def told_schema() -> dict[str, set[str]]:
    headings = re.split(r"^### `(\w+)`$", section("## The schema"), flags=re.MULTILINE)
    parts = zip(headings[1::2], headings[2::2], strict=True)
    return {name: {column for row in table(text, "column") for column in names(row[0])} for name, text in parts}


def test_the_schema_is_the_one_that_is_told(tmp_path: Path) -> None:
    with Tracker(tmp_path / "new.db"):
        pass
    with sqlite3.connect(tmp_path / "new.db") as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        columns = {
            name: {column for (column,) in database.execute("SELECT name FROM pragma_table_info(?)", (name,))}
            for (name,) in found
        }
        lax = database.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict").fetchall()
    database.close()

    assert told_schema() == columns
    assert [name for (name,) in lax if not name.startswith("sqlite_")] == list(told_schema())[:1]
