"""Machine files: where they are, how one extends another, and the error that names file, place, fault and remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from recording_tracker.errors import MachineError
from recording_tracker.machine.checks import CHECKS
from recording_tracker.machine.definition import Adjustment, Definition, not_among, place, read
from recording_tracker.machine.table import Machine


@cache
def shipped_folder() -> Path:
    """Find the shipped machine files: inside the wheel, else beside the sources of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "machines", package.parents[1] / "machines"):
        if any(folder.glob("*.toml")):
            return folder
    raise MachineError(f"{package / 'machines'}: the shipped machine files are not there; install the package again")


@cache
def _shipped(provider: str) -> Machine:
    return load_machine(shipped_folder() / f"{provider}.toml")


def _shipped_names() -> list[str]:
    return sorted(path.stem for path in shipped_folder().glob("*.toml"))


def find_machines(folder: Path | None = None) -> dict[str, Machine]:
    """
    Load every machine by its provider: the shipped ones, replaced or adjusted by the files of *folder*.

    Raises MachineError for a file that cannot be used.
    """
    found = {name: _shipped(name) for name in _shipped_names()}
    own: dict[str, Path] = {}
    for path in _files(folder) if folder else ():
        machine = load_machine(path)
        if machine.provider in own:
            other = own[machine.provider].name
            raise MachineError(
                _line(f"{path}: provider: {machine.provider!r} is that of {other!r} too; keep one of them")
            )
        own[machine.provider] = path
        found[machine.provider] = machine
    return found


def _files(folder: Path) -> list[Path]:
    """List the machine files of *folder*, without the hidden ones that editors leave there."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    except OSError as error:
        reason = _lowered(error.strerror or "cannot be read")
        raise MachineError(_line(f"{folder}: {reason}; a folder of machine files is expected")) from error


def load_machine(path: Path) -> Machine:
    """Load the machine file *path*; raises MachineError with file, place, what is wrong and what would be right."""
    try:
        tables = _parsed(path)
        machine = Machine(_definition(tables))
        _check_name(path, machine.provider, "extends" if "extends" in tables else "provider")
    except MachineError as error:
        raise MachineError(_line(f"{path}: {error}")) from error
    return machine


def _check_name(path: Path, provider: str, key: str) -> None:
    """Refuse a file that changes another machine than it is named after; any other name will do."""
    if path.stem != provider and path.stem in _shipped_names():
        raise MachineError(
            f"{key}: {provider!r} is not {path.stem!r}, after which the file is named; name it {provider}.toml"
        )


def _definition(tables: dict[str, Any]) -> Definition:
    definition = read(Definition, _extended(tables) if "extends" in tables else tables)
    for problem in (problem for check in CHECKS for problem in check(definition)):
        raise MachineError(problem)
    return definition


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MachineError(f"{_lowered(error.strerror or 'cannot be read')}; a machine file is expected") from error
    except UnicodeDecodeError as error:
        raise MachineError(f"byte {error.start}: is not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise MachineError(_not_toml(str(error))) from error
    except (ValueError, RecursionError) as error:
        raise MachineError("is not TOML: a number or a nesting without end; see https://toml.io") from error


def _not_toml(message: str) -> str:
    """Turn "What (at line 1, column 2)" round."""
    what, _, where = message.removesuffix(")").rpartition(" (at ")
    again = re.match("Cannot (overwrite|declare|mutate|redefine)|Duplicate", what)
    remedy = "a key or table is given once" if again else "see https://toml.io"
    return f"{where}: is not TOML: {_lowered(what)}; {remedy}"


def _extended(tables: dict[str, Any]) -> dict[str, Any]:
    """Lay what a file may adjust over the shipped machine that it names."""
    adjustment = read(Adjustment, tables)
    if adjustment.extends not in _shipped_names():
        raise MachineError(f"extends: {not_among(adjustment.extends, 'shipped machine', _shipped_names())}")
    shipped = shipped_folder() / f"{adjustment.extends}.toml"
    base = _parsed(shipped)
    if "extends" in base:
        raise MachineError(
            f"extends: {shipped} is a shipped machine and must be whole; put it back as it was, "
            "and what extends it into a folder of your own, which --machines names"
        )
    for problem in _new_names(adjustment, read(Definition, base)):
        raise MachineError(problem)
    return _merged(base, {key: value for key, value in tables.items() if key != "extends"})


def _new_names(adjustment: Adjustment, base: Definition) -> Iterator[str]:
    if adjustment.provider not in (None, base.provider):
        yield f"provider: {adjustment.provider!r} is not {base.provider!r}, which the file extends; take it out"
    yield from _new("events", "event", adjustment.events, base.events)
    yield from _new("regions", "region", adjustment.regions, base.regions)
    for name, region in base.regions.items():
        if name in adjustment.regions:
            states = adjustment.regions[name].states
            yield from _new(place("regions", name, "states"), "state", states, region.states)
    yield from _new("codes", "code table", adjustment.codes, base.codes)


def _new(where: str, kind: str, names: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    note = "; a file that extends adds none, another structure needs a whole file"
    yield from (f"{where}: {not_among(name, kind, known, note)}" for name in names if name not in known)


def _merged(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overlay.items():
        both_tables = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both_tables else value
    return merged


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _line(text: str) -> str:
    """Keep *text* on one line, and harmless: whatever cannot be printed is written as an escape."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
