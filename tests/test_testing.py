"""What people's own tests call: a machine file proves, or fails with its counterexamples."""

from __future__ import annotations

from pathlib import Path

import pytest

from recording_tracker.errors import MachineError
from recording_tracker.machine import shipped_folder
from recording_tracker.testing import check_machine

HERE = Path(__file__).parent


def test_a_machine_that_proves_is_told_with_what_was_looked_at() -> None:
    proofs = check_machine(shipped_folder() / "aircore.toml", seconds=0.5)

    assert [proof.holds for proof in proofs] == [True] * 6


def test_a_machine_that_does_not_is_an_assertion_with_the_counterexample() -> None:
    path = HERE / "planted" / "promised-and-not-always-sent.toml"

    with pytest.raises(AssertionError) as caught:
        check_machine(str(path), seconds=0.5)

    assert str(caught.value) == (
        "promised-and-not-always-sent.toml:\n"
        "no false alarm: recording: missing-event of started: (armed not sent), (joined not sent), uploaded"
    )


def test_a_broken_file_is_an_error_of_its_own() -> None:
    with pytest.raises(MachineError):
        check_machine(HERE / "machines" / "unknown-dest.toml")
