"""All forms of the audit tell the same: each is read back by a strict reader and compared with the JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from recording_tracker import Tracker
from recording_tracker.flags import INFO, SEVERITIES
from recording_tracker.report.markdown import cell
from recording_tracker.report.nightly import MOST_LISTED
from recording_tracker.report.safe import printable
from tests.hostile.corpus import corpus
from tests.hostile.readers import csv_rows, html_page, long_json_lines, markdown_tables, plain, text_lines
from tests.report.conftest import NOW, Audited

FORMS = ["text", "md", "csv", "html"]


class Told(NamedTuple):
    """What one form tells; None where it does not tell that."""

    silent: list[str]
    numbers: dict[str, int] | None
    flags: dict[str, int]
    listed: list[tuple[str, str, str, tuple[str, ...]]]
    """Section, provider, recording and the codes of its flags, of each in order."""
    providers: dict[str, tuple[int, int]] | None
    """Provider → recordings, and how many of them are open."""


def of_json(audit: dict[str, Any]) -> Told:
    providers = audit["providers"]
    sections = [(name, recording) for name in ("stuck", "flagged") for recording in audit[name]]
    counts = ("stuck", "flagged")
    return Told(
        [name for name, found in providers.items() if found["silent"]],
        {name: len(audit[name]) for name in counts}
        | {name: audit[name] for name in ("open", "complete", "recordings", "quarantined", "ignored")},
        audit["flags"],
        [(name, found["provider"], _id(found), _codes(found)) for name, found in sections],
        {name: (found["recordings"], found["open"]) for name, found in providers.items()},
    )


def _id(recording: dict[str, Any]) -> str:
    return _squeezed(recording["recording_id"] or recording["group_id"])


def _squeezed(name: str) -> str:
    """Leave out what a form may do with blanks, which none of them keeps to the sign."""
    return re.sub(r"\s", "", printable(name))


def _codes(recording: dict[str, Any]) -> tuple[str, ...]:
    return tuple(flag["code"] for flag in recording["flags"])


def of_text(written: str) -> Told:
    lines = text_lines(written.encode())
    whole = "\n".join(lines)
    silent = re.findall(r"^SILENT: nothing has come from (\S+) since", whole, re.MULTILINE)
    listed: list[tuple[str, str, str, tuple[str, ...]]] = []
    section = ""
    for line in lines:
        section = {"Stuck,": "stuck", "Not": "flagged"}.get(line.partition(" ")[0], section if line else "")
        if section and re.match(r"  \S", line) and not line.startswith("  and "):
            provider, rest = line.split(maxsplit=1)
            listed.append((section, provider, _squeezed(rest.rpartition("  ")[0]), ()))
        elif section and (found := re.match(r"    (?:error|warning) +([a-z-]+)[ ,]", line)):
            listed[-1] = (*listed[-1][:3], (*listed[-1][3], found[1]))
    rows = lines[next(place for place, line in enumerate(lines) if line.startswith("provider ")) + 1 :]
    providers = {row.split()[0]: (int(row.split()[1]), int(row.split()[2])) for row in rows}
    return Told(silent, _numbers(whole), _counted(whole), listed, providers)


def _numbers(whole: str) -> dict[str, int]:
    patterns = {
        "stuck": r"^(?:# )?(\d+) stuck of",
        "open": r"stuck of (\d+) open",
        "recordings": r"(?:[,;] |^)(\d+) (?:recordings )?in all, at",
        "quarantined": r"^(\d+) bodies could not be attributed",
        "complete": r"; complete: (\d+);",
        "ignored": r"ignored bodies: (\d+)$",
    }
    found = {name: re.search(pattern, whole, re.MULTILINE) for name, pattern in patterns.items()}
    return {name: int(match[1]) if match else 0 for name, match in found.items()}


def _counted(whole: str) -> dict[str, int]:
    [told] = re.findall(r"^flags: ([^;]*);", whole, re.MULTILINE)
    return {code: int(count) for code, count in re.findall(r"([a-z-]+) (\d+)", told)}


def of_markdown(written: str) -> Told:
    rows = markdown_tables(written.encode())
    whole = "\n".join(plain(line.lstrip("# ")) for line in written.splitlines() if not line.startswith("|"))
    listed: list[tuple[str, str, str, tuple[str, ...]]] = []
    stuck = written.partition("\n## Flagged")[0]
    first = stuck.count("\n| ") - 2 if "\n## Stuck" in stuck else 0
    for number, row in enumerate(row for row in rows if "recording" in row):
        key = ("stuck" if number < first else "flagged", row["provider"], _squeezed(row["recording"]))
        code = row["flag"].removesuffix(" (acknowledged)")
        if listed and listed[-1][:3] == key:
            listed[-1] = (*key, (*listed[-1][3], code))
        else:
            listed.append((*key, (code,)))
    providers = {row["provider"]: (int(row["recordings"]), int(row["open"])) for row in rows if "recordings" in row}
    silent = re.findall(r"^\*\*Silent:\*\* nothing has come from (\S+) since", whole, re.MULTILINE)
    return Told(silent, _numbers(whole), _counted(whole), listed, providers)


def of_csv(written: str) -> Told:
    rows = csv_rows(written.encode())
    listed: list[tuple[str, str, str, tuple[str, ...]]] = []
    for row in rows:
        key = (row["section"], row["provider"], _squeezed((row["recording_id"] or row["group_id"]).removeprefix("'")))
        if row["section"] == "silent":
            continue
        if listed and listed[-1][:3] == key:
            listed[-1] = (*key, (*listed[-1][3], row["flag"]))
        else:
            listed.append((*key, (row["flag"],)))
    flags = Counter(row["flag"] for row in rows if row["flag"])
    return Told([row["provider"] for row in rows if row["section"] == "silent"], None, dict(flags), listed, None)


def of_html(written: str) -> Told:
    page = html_page(written.encode())
    numbers = {node.attributes["data-number"]: int(node.one("dd").text) for node in page.having("data-number")}
    flags = {node.attributes["data-flag"]: int(node.text.split()[1]) for node in page.having("data-flag")}
    listed = [
        (
            section,
            item.of_class("provider-name")[0].text,
            _squeezed(item.of_class("id")[0].text),
            tuple(chip.text for chip in item.of_class("codes")[0].of_class("chip")),
        )
        for section in ("stuck", "flagged")
        for whole in page.having("id", section)
        for item in whole.of_class("item")
    ]
    rows = [[cell.text for cell in row.all("td")] for row in page.having("id", "totals")[0].all("tr")]
    providers = {row[0]: (int(row[1]), int(row[2])) for row in rows if row}
    silent = [node.one("strong").text.split()[5] for node in page.of_class("silent")]
    return Told(silent, numbers, flags, listed, providers)


READ: dict[str, Callable[[str], Told]] = {"text": of_text, "md": of_markdown, "csv": of_csv, "html": of_html}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """A journal of all hostile bodies, each received in the time that the audit looks at."""
    folder = tmp_path_factory.mktemp("hostile")
    with Tracker(folder / "recordings.db") as tracker:
        for body in corpus():
            for raw in (body.raw,) if body.before is None else (body.before, body.raw):
                tracker.ingest(body.provider, raw, received_at=NOW.replace(month=10, day=20))
    return Audited(folder / "recordings.db", folder)


@pytest.fixture(params=["rich", "hostile"])
def audited(request: pytest.FixtureRequest) -> Audited:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Audited)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_a_form_tells_what_the_json_tells(audited: Audited, form: str) -> None:
    [audit] = long_json_lines(audited.audit("json").encode())
    told = READ[form](audited.audit(form))

    expected = of_json(audit)
    listed = expected.listed
    if form == "text":
        # For a person it leaves out what needs nothing, and of very many all but the first.
        listed = [found for name in ("stuck", "flagged") for found in _first(expected, name)]
    assert told.silent == expected.silent
    assert told.flags == expected.flags
    assert told.listed == listed
    assert told.providers in (None, expected.providers)
    assert expected.numbers is not None
    assert {name: expected.numbers[name] for name in told.numbers or ()} == (told.numbers or {})


def _first(told: Told, section: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    found = [each for each in told.listed if each[0] == section][:MOST_LISTED]
    return [(*each[:3], tuple(code for code in each[3] if SEVERITIES[code] != INFO)) for each in found]


def test_a_form_tells_every_number(rich: Audited) -> None:
    html = of_html(rich.audit("html"))

    assert set(html.numbers or ()) == {"stuck", "flagged", "open", "complete", "recordings", "quarantined", "ignored"}
    assert set(of_text(rich.audit("text")).numbers or ()) == set(html.numbers or ()) - {"flagged"}


@pytest.mark.parametrize("form", FORMS)
def test_a_silent_provider_is_said_before_anything_is_called_stuck(rich: Audited, form: str) -> None:
    written = rich.audit(form)
    body = written.partition("<body>")[2] if form == "html" else written

    # The names of the columns are in every sheet, whatever is in it.
    said = body.partition("\n")[2] if form == "csv" else body
    assert "enablex" in said.partition("stuck")[0]
    assert READ[form](written).silent == ["enablex"]


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_it_is_said_how_many_of_the_stuck_are_acknowledged(rich: Audited, crowd: Audited, form: str) -> None:
    told = [
        re.findall(r"stuck of.{0,400}?(\d+) of them acknowledged", found.audit(form), re.DOTALL)
        for found in (rich, crowd)
    ]

    assert [["1"], []] == told


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_who_looks_without_the_machines_in_use_is_told_so_before_to_replay(rich: Audited, form: str) -> None:
    written = rich.audit(form).replace("\\", "")

    told = written.partition("6 recordings rest on another version of their machine")[2][:200]
    assert "heck --machines or TRACKER_MACHINES first; then" in told
    assert "replay" in told.partition("; then")[2]


def test_json_says_which_provider_is_silent(rich: Audited) -> None:
    audit = json.loads(rich.audit("json"))

    assert {name for name, found in audit["providers"].items() if found["silent"]} == {"enablex"}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("r-demo-5", "r-demo-5"),
        ("by 2026-11-01T15:20:00.000Z", "by 2026-11-01T15:20:00.000Z"),
        ("nothing has come; awaited: stopped", "nothing has come; awaited: stopped"),
        ("- a", r"\- a"),
        ("http://a.example", r"http\://a.example"),
        ("www.a.example", r"www\.a.example"),
        ("mailto:a", r"mailto\:a"),
        (":tada:", r"\:tada:"),
        (":-1:", r"\:-1:"),
    ],
)
def test_markdown_escapes_only_what_would_mean_something(text: str, written: str) -> None:
    assert written == cell(text)
