"""Proofs: they hold for the shipped machines, and each planted fault is found, in the words of its first line."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import pytest

from recording_tracker.errors import MachineError
from recording_tracker.machine import find_machines, load_machine
from recording_tracker.proofs import PROOFS, Proof, prove
from recording_tracker.proofs.alarms import prove_no_false_alarm
from recording_tracker.proofs.lives import Lives
from recording_tracker.proofs.proof import Budget
from tests.inventions import invent

PLANTED = sorted((Path(__file__).parent / "planted").glob("*.toml"))
EXAMPLES = Path(__file__).parents[1] / "examples" / "machines"
SHIPPED = find_machines()


def found(path: Path) -> set[str]:
    """What the proofs say of a machine file, each with the word that the first line of a planted fault begins with."""
    try:
        machine = load_machine(path)
    except MachineError as error:
        return {f"error: {str(error).removeprefix(f'{path}: ')}"}
    proofs = list(prove(machine, seconds=0.3))
    fails = {f"fails: {proof.name}: {failure}" for proof in proofs for failure in proof.failures}
    return fails | {f"note: {proof.name}: {note}" for proof in proofs for note in proof.notes}


@pytest.mark.parametrize("path", PLANTED, ids=lambda path: path.stem)
def test_a_planted_fault_is_found(path: Path) -> None:
    expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")

    assert expected in found(path)


@cache
def by_name(provider: str) -> dict[str, Proof]:
    seconds = {"agora": 3, "enablex": 2}.get(provider, 1)
    return {proof.name: proof for proof in prove(SHIPPED[provider], seconds=seconds)}


@pytest.mark.parametrize("provider", SHIPPED)
def test_every_proof_holds_for_a_shipped_machine(provider: str) -> None:
    proofs = by_name(provider)

    assert dict.fromkeys(proofs, ()) == {name: proof.failures for name, proof in proofs.items()}
    assert len(proofs) == len(PROOFS)
    assert min(proof.cases for name, proof in proofs.items() if name != "no silent loss") > 0


@pytest.mark.parametrize("provider", [name for name in SHIPPED if name != "agora"])
def test_all_declared_paths_of_a_small_machine_are_covered(provider: str) -> None:
    proofs = by_name(provider)

    assert proofs["no false alarm"].scope == "events on declared paths of any length"
    assert proofs["no silent loss"].scope == "losses on declared paths of any length"
    assert proofs["order-free"].scope.startswith("any number of events in a row")


def test_what_cannot_be_known_is_told() -> None:
    notes = by_name("line_planet")["no silent loss"].notes

    assert notes == ("'IN_PROGRESS' can be lost unknown: (IN_PROGRESS lost), ABSENT",)


def test_a_promise_that_not_all_subscribed_recordings_keep_is_a_false_alarm() -> None:
    lives = Lives(load_machine(EXAMPLES / "agora.toml"), Budget(60))

    proof = prove_no_false_alarm(lives, Budget(60))

    assert "(web_recorder_started not sent)" in proof.failures[0]


def test_a_machine_that_nobody_would_write_is_explainable_and_does_not_depend_on_arrival() -> None:
    random = Random(3)
    for _ in range(20):
        proofs = {proof.name: proof for proof in prove(invent(random), seconds=0.1)}

        assert proofs["explainable"].failures == ()
        assert [said for said in proofs["order-free"].failures if "at one moment" not in said] == []
