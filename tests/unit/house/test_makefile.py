"""make: what there is, and a clear word where Python is too old."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def make(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *words], cwd=cwd, capture_output=True, text=True, timeout=60, env=environment)


def test_make_alone_lists_the_targets() -> None:
    shown = make().stdout
    for target in ("run", "test", "lab", "bench", "lint", "stop", "clean"):
        assert f"make {target} " in shown


def test_params_and_args_are_passed_on() -> None:
    shown = make("--dry-run", "run", "PARAMS=params/docker.yml", "ARGS=--set seed=1").stdout
    assert "playbook run params/docker.yml --set seed=1" in shown


def test_an_install_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    assert "-m venv --clear .venv" in make("--dry-run", "run", cwd=tmp_path).stdout
    (tmp_path / ".venv" / "complete").touch()
    assert "-m venv" not in make("--dry-run", "run", cwd=tmp_path).stdout


def test_a_python_that_is_too_old_is_refused_by_name(tmp_path: Path) -> None:
    places = [shutil.which(name) for name in ("python3.9", "python3.8", "python2.7")]
    places += glob.glob(os.path.expanduser("~/.pyenv/versions/[23].[6789]*/bin/python"))
    old = next((place for place in places if place and "shims" not in place), None)  # a shim is no interpreter
    if old is None:
        pytest.skip("no Python below 3.10 on this machine")
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    done = make(".venv", f"PYTHON={old}", cwd=tmp_path)
    assert done.returncode != 0
    assert "Python 3.10 or newer is expected" in done.stderr
    assert not (tmp_path / ".venv").exists()
