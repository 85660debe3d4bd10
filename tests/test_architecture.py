"""The shape of the package: imports point one way, each library has one door, each provider its files."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from recording_tracker.adapters import SHIPPED

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "recording_tracker"
NAME = PACKAGE.name

# From the bottom to the top: a module imports only from lines above its own, or from its own package.
LAYERS = (
    ("differences", "errors", "events", "garbage", "grammar", "times", "urls"),
    ("body", "flags", "forks", "phases"),
    ("machine", "standing"),
    ("findings",),
    ("fold",),
    ("conclusion", "timeline"),
    ("audit", "journal", "recording", "signatures", "steps"),
    ("adapters", "deliveries", "readers", "redelivery"),
    ("delivery_log", "groups", "lookup", "parsing", "proofs", "results", "simulation"),
    ("intake", "observed", "rebuild", "story", "testing"),
    ("asking", "batches", "commits", "large_bodies", "limits", "mending"),
    ("past", "survey"),
    ("tracker",),
    ("receiving", "scoring"),
    ("report",),
    ("cli",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
# The public names and the program are above everything.
TOP = ("", "__main__")

# Library → the packages or modules that may import it.
DOORS = {
    "click": (
        "cli",
        "report.accuracy",
        "report.hindsight",
        "report.history",
        "report.limits",
        "report.nightly",
        "report.story",
        "report.text",
    ),
    "graphviz": ("machine.diagrams",),
    "prometheus_client": ("report.metrics",),
    "pydantic": ("adapters", "machine"),
    "pydantic_core": ("adapters", "body", "fold", "machine"),
    "rich": ("cli",),
    "sqlite3": ("journal",),
    "sqlite_utils": ("journal",),
    "transitions": ("machine",),
}
SHAPELESS = {"utils", "util", "helpers", "common", "core", "manager", "base", "misc"}


def module_name(path: Path) -> str:
    """The dotted name below the package; '' is the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


PATHS = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
EACH_MODULE = pytest.mark.parametrize("module", list(PATHS), ids=lambda module: module or NAME)


def tree(module: str) -> ast.Module:
    return ast.parse(PATHS[module].read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[str]:
    """Every dotted name that *module* imports, inside functions too."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: an import is written in full"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = whole.removeprefix(f"{NAME}.") in PATHS
                yield whole if is_module else str(node.module)


def own_imports(module: str) -> set[str]:
    return {name.removeprefix(NAME).lstrip(".") for name in imported(module) if name.partition(".")[0] == NAME}


def libraries(module: str) -> set[str]:
    tops = {name.partition(".")[0] for name in imported(module)}
    return {top for top in tops - {NAME} if top not in sys.stdlib_module_names or top in DOORS}


@EACH_MODULE
def test_imports_point_down(module: str) -> None:
    here = module.partition(".")[0]
    assert here in RANK or here in TOP, f"{here}: has no place in LAYERS"
    if here in TOP:
        return

    tops = {name.partition(".")[0] for name in own_imports(module)} - {here}
    upward = {top for top in tops if top not in RANK or RANK[top] >= RANK[here]}

    assert upward == set()


def test_no_imports_go_round_in_a_circle() -> None:
    left = {module: own_imports(module) - {module} for module in PATHS}
    while free := [module for module, needed in left.items() if not needed & left.keys()]:
        for module in free:
            del left[module]

    assert left == {}


def test_every_layer_is_there() -> None:
    assert set(RANK) == {module.partition(".")[0] for module in PATHS} - set(TOP)


def test_the_truth_of_a_simulation_does_not_come_from_what_it_is_compared_with() -> None:
    judged = {"audit", "conclusion", "fold", "parsing", "standing", "timeline", "tracker"}
    used = {module: own_imports(module) for module in PATHS if module.partition(".")[0] == "simulation"}

    assert {module for module, names in used.items() if {name.partition(".")[0] for name in names} & judged} == set()
    assert used


@EACH_MODULE
def test_a_library_comes_in_by_its_door(module: str) -> None:
    elsewhere = {
        library
        for library in libraries(module)
        if not any(module == door or module.startswith(f"{door}.") for door in DOORS.get(library, ()))
    }

    assert elsewhere == set()


def test_every_dependency_is_imported_and_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for name, lines in project["optional-dependencies"].items() if name != "test" for line in lines]
    names = {line.partition(">")[0].replace("-", "_") for line in (*project["dependencies"], *extras)}
    used = {library for module in PATHS for library in libraries(module)}

    # pydantic brings pydantic_core, and Python sqlite3.
    assert names == used - {"pydantic_core", "sqlite3"}


@EACH_MODULE
def test_a_module_is_named_after_what_it_is_about(module: str) -> None:
    assert not SHAPELESS & set(module.split("."))


@EACH_MODULE
def test_a_module_begins_with_a_sentence(module: str) -> None:
    parsed = tree(module)
    first = (ast.get_docstring(parsed) or "").partition("\n")[0]
    words = [word for word in first.split() if not word.startswith("https://")]

    assert parsed.body[0].lineno == 1
    assert words[-1:], "a module says what it is"
    assert words[-1].endswith(".")


@EACH_MODULE
def test_no_module_catches_whatever_comes(module: str) -> None:
    caught = [
        name.id if isinstance(name, ast.Name) else ""
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ExceptHandler)
        for name in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])
        if name is None or isinstance(name, ast.Name)
    ]

    assert {"", "Exception"}.isdisjoint(caught)


@EACH_MODULE
def test_no_import_hides_from_the_order(module: str) -> None:
    assert "TYPE_CHECKING" not in PATHS[module].read_text(encoding="utf-8")


@pytest.mark.parametrize("provider", SHIPPED)
def test_a_search_for_a_provider_finds_all_its_files(provider: str) -> None:
    places = [
        f"machines/{provider}.toml",
        f"src/{NAME}/adapters/{provider}.py",
        f"tests/adapters/test_{provider}.py",
        f"tests/payloads/{provider}",
        f"tests/scenarios/{provider}",
        f"examples/deliveries/{provider}.jsonl",
    ]

    assert [place for place in places if not (ROOT / place).exists()] == []
