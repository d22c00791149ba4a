"""What the doctor says of a machine, and of one that lacks something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

MARKS = {"ok", "note", "missing"}
PARTS = ["python", "tensorflow", "cores", "priority", "noise", "docker", "binary", "prometheus", "browser", "kubectl"]


def told(environment=None, prefix=(), **how):
    """Mark and text by part, as `playbook doctor` prints them."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", "from playbook import doctor; print(doctor.report())"],
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=True,
        **how,
    )
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return {name: (mark, text) for mark, name, text in lines}


def test_every_part_has_a_mark_and_words():
    seen = told()
    assert list(seen) == PARTS
    assert {mark for mark, _ in seen.values()} <= MARKS


def test_what_is_missing_says_how_to_get_it(tmp_path):
    seen = told({"PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"})
    missing = {name: text for name, (mark, text) in seen.items() if mark == "missing"}
    assert list(missing) == PARTS[5:]
    assert "then start dockerd" in missing["docker"]
    assert "apt-get install chromium" in missing["browser"]


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="there is no setpriv to take the right away")
def test_a_user_whose_load_workers_share_their_core_is_told_what_it_takes():
    without = ("setpriv", "--bounding-set=-sys_nice") if os.geteuid() == 0 else ()
    mark, text = told(prefix=without)["priority"]
    assert mark == "note"
    assert "CAP_SYS_NICE" in text


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away here")
def test_one_core_for_server_and_client_is_noted():
    core = min(os.sched_getaffinity(0))
    mark, text = told(preexec_fn=lambda: os.sched_setaffinity(0, {core}))["cores"]
    assert (mark, text.partition(":")[0]) == ("note", "one core")


def test_tensorflow_by_its_other_name_is_tensorflow(monkeypatch):
    """tensorflow-cpu is a package of its own name; neither is said to be missing with the remedy."""
    from importlib import metadata

    from playbook import doctor

    def version(name):
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return "2.21.0"

    monkeypatch.setattr(metadata, "version", version)
    installed = {"tensorflow-cpu"}
    assert next(part for part in doctor.examine() if part[1] == "tensorflow")[2].startswith("2.21.0 ")
    installed = set()
    mark, _, text = next(part for part in doctor.examine() if part[1] == "tensorflow")
    assert mark == "missing"
    assert "make .venv" in text
