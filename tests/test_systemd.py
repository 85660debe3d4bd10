"""The units in examples/systemd: systemd takes them, and the mails go out when they should."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from recording_tracker.cli import COMMANDS

UNITS = Path(__file__).resolve().parents[1] / "examples" / "systemd"
PLACE = "/opt/recordings"


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def value(unit: str, key: str) -> str:
    """The one value of *key*, its lines joined."""
    text = (UNITS / unit).read_text(encoding="utf-8").replace("\\\n", " ")
    [found] = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    return str(found)


def arguments(unit: str, key: str) -> list[str]:
    """A command as systemd hands it on, by its rules for quotes and for $$."""
    return [word.replace("$$", "$") for word in shlex.split(value(unit, key).lstrip("+-"))]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_has_nothing_to_say_of_the_units(tmp_path: Path) -> None:
    for name in ("uvicorn", "tracker"):
        executable(tmp_path / ".venv" / "bin" / name, "")
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(text.replace(PLACE, str(tmp_path)), encoding="utf-8")

    units = [tmp_path / unit.name for unit in UNITS.iterdir()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_unit_that_is_named_is_there() -> None:
    names = {unit.name for unit in UNITS.iterdir()}

    assert {"recording-receiver.service", "recording-audit.service", "recording-audit.timer"} < names
    assert value("recording-audit.service", "OnFailure").replace("%n", "") in names


def test_the_audit_is_a_command_and_its_findings_are_no_failure() -> None:
    program, command, *_ = arguments("recording-audit.service", "ExecStart")

    assert (program, command in COMMANDS) == (f"{PLACE}/.venv/bin/tracker", True)
    assert value("recording-audit.service", "SuccessExitStatus") == "1"


@pytest.mark.parametrize(("status", "mailed"), [("0", False), ("1", True), ("74", False), ("TERM", False)])
def test_the_report_is_mailed_where_somebody_should_look(tmp_path: Path, status: str, mailed: bool) -> None:
    report, mail = tmp_path / "audit.txt", tmp_path / "mail"
    report.write_text("2 stuck of 3 open recordings, 5 in all\n\nagora `id` $(id)\n", encoding="utf-8")
    executable(tmp_path / "bin" / "mail", f'printf "%s\\n" "$@" > {mail}; cat >> {mail}')
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "EXIT_STATUS": status, "MAILTO": "ops@example.com"}

    subprocess.run(
        arguments("recording-audit.service", "ExecStopPost"), env=environment | {"REPORT": str(report)}, check=True
    )

    head = "-s\nrecordings: 2 stuck of 3 open recordings, 5 in all\nops@example.com\n"
    assert mail.exists() == mailed
    assert not mailed or mail.read_text(encoding="utf-8") == head + report.read_text(encoding="utf-8")


def test_a_failure_is_mailed_with_the_log_of_its_unit(tmp_path: Path) -> None:
    mail = tmp_path / "mail"
    executable(tmp_path / "bin" / "journalctl", 'echo "log of $*"')
    executable(tmp_path / "bin" / "mail", f'printf "%s\\n" "$@" > {mail}; cat >> {mail}')
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "MAILTO": "ops@example.com"}
    command = [
        word.replace("%i", "recording-audit.service") for word in arguments("recording-failed@.service", "ExecStart")
    ]

    subprocess.run(command, env=environment, check=True)

    subject, log = "recording-audit.service has failed", "log of --unit recording-audit.service --lines 50 --no-pager"
    assert mail.read_text(encoding="utf-8").splitlines() == ["-s", subject, "ops@example.com", log]
