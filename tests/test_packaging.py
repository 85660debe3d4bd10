"""The package as people get it: the wheel holds all that it needs, and runs where nothing else of the checkout is."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from recording_tracker.adapters import SHIPPED
from recording_tracker.machine import shipped_folder

ROOT = Path(__file__).resolve().parents[1]
CACHES = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "*.db*")
SHOWN_BY_THE_DEMO = ("tracker list", "tracker status", "tracker audit", *SHIPPED)


def contents(folder: Path, pattern: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob(pattern)}


def names(folder: str, pattern: str) -> set[str]:
    """The files below a folder of the checkout, by their place in the checkout."""
    return {str(path.relative_to(ROOT)) for path in (ROOT / folder).glob(pattern) if path.is_file()}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command in *cwd*, knowing nothing of this environment; return what it shows."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TRACKER_", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# One function makes and tries them all, so that parallel runs build once.
def test_the_sdist_and_the_wheel_made_of_it_are_whole(tmp_path: Path) -> None:
    source, dist, elsewhere = tmp_path / "source", tmp_path / "dist", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(ROOT, source, ignore=lambda folder, found: {".git", ".venv", *CACHES(folder, found)})

    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, source, cwd=elsewhere)
    [sdist], [wheel] = dist.glob("*.tar.gz"), dist.glob("*.whl")
    check_sdist(sdist)
    check_wheel(wheel)
    check_installed(wheel, elsewhere, tmp_path / "venv")


def check_sdist(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}

    wanted = (
        names("machines", "*.toml") | names("examples", "**/*.*") | names("tests", "**/*.*") | names("src", "**/*.py")
    )
    wanted = {name for name in wanted if "_cache" not in name and "__pycache__" not in name}
    assert wanted | {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", ".ci/run"} <= held


def check_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        [metadata] = [archive.read(name).decode() for name in held if name.endswith(".dist-info/METADATA")]

    package = {name for name in held if ".dist-info/" not in name}
    modules = {name.removeprefix("src/") for kind in ("py", "pyi") for name in names("src", f"**/*.{kind}")}
    machines = {f"recording_tracker/{name}" for name in names("machines", "*.toml")}
    examples = {
        name.replace("examples/deliveries", "recording_tracker/examples") for name in names("examples", "*/*.jsonl")
    }
    beside = {"recording_tracker/__init__.pyi", "recording_tracker/py.typed"}
    page = {f"recording_tracker/report/page.{end}" for end in ("css", "js")}
    assert package == modules | machines | examples | beside | page
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)
    assert (ROOT / "README.md").read_text(encoding="utf-8") in metadata


def check_installed(wheel: Path, elsewhere: Path, venv: Path) -> None:
    """Install the wheel beside the dependencies of this environment, and run it where no checkout is."""
    run(sys.executable, "-m", "venv", venv, cwd=elsewhere)
    python, tracker = venv / "bin" / "python", venv / "bin" / "tracker"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=elsewhere)
    own = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=elsewhere).strip())
    # A path file in a folder that a path file names is not read, so an editable install stays unseen.
    (own / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")

    shown = run(tracker, "demo", "--db", "demo.db", cwd=elsewhere)
    further = run("env", "PATH=/usr/bin:/bin", "sh", "-c", "\n".join(shown.splitlines()[-2:]), cwd=elsewhere)
    listed = run(python, "-m", "recording_tracker", "machines", "list", "--json", cwd=elsewhere)
    found = run(
        python,
        "-c",
        "import recording_tracker.cli.demo as d, recording_tracker.machine as m; "
        "print(d.__file__, m.shipped_folder(), d.examples_folder(), sep='\\n')",
        cwd=elsewhere,
    )

    assert [word for word in SHOWN_BY_THE_DEMO if word not in shown] == []
    assert [name for name in SHIPPED if name not in further] == []
    assert tuple(json.loads(line)["provider"] for line in listed.splitlines()) == SHIPPED
    assert [place for place in found.splitlines() if not Path(place).is_relative_to(own / "recording_tracker")] == []


def test_the_machines_are_found_where_the_tests_run() -> None:
    assert contents(shipped_folder(), "*.toml") == contents(ROOT / "machines", "*.toml")


@pytest.mark.parametrize("name", ["build", "hatchling"])
def test_what_builds_the_package_comes_with_the_extra_for_tests(name: str) -> None:
    assert f'"{name}>=' in (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("\ntest = [")[2]
