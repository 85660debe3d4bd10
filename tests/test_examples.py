"""The examples do what they say; the receivers are in test_receivers."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from recording_tracker.machine import find_machines

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


def test_the_library_is_embedded_in_ten_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["embed.py", str(tmp_path / "recordings.db")])

    runpy.run_path(str(EXAMPLES / "embed.py"))

    assert capsys.readouterr().out.splitlines() == [
        "accepted https://recorder.example/recording/42",
        "recording {'recording': 'recording'} 2026-11-04 10:00:00+00:00",
    ]


@pytest.mark.parametrize("path", sorted((EXAMPLES / "machines").glob("*.toml")), ids=lambda path: path.stem)
def test_an_example_machine_adjusts_a_shipped_one(path: Path) -> None:
    adjusted = find_machines(path.parent)[path.stem]

    assert adjusted.digest != find_machines()[path.stem].digest


def test_the_examples_are_all_described() -> None:
    told = (EXAMPLES / "README.md").read_text(encoding="utf-8")

    assert [name for name in (path.name for path in EXAMPLES.glob("*.py")) if f"`{name}`" not in told] == []
    assert [path.name for path in EXAMPLES.iterdir() if path.is_dir() and f"`{path.name}/`" not in told] == []
