"""What `import loadgen` offers: these names and no others, each of them there, in the README and with a docstring."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import loadgen

NAMES = [
    "Level",
    "LevelError",
    "LoadgenError",
    "ServerUnreachable",
    "WorkerFailed",
    "claim",
    "dask_runner",
    "find_max_rate",
    "hold",
    "passport",
]
README = Path(loadgen.__file__).with_name("README.md").read_text()


def test_exported_members_are_these():
    assert loadgen.__all__ == NAMES


def test_exported_members_are_all_there_documented_and_in_the_readme():
    for name in NAMES:
        member = getattr(loadgen, name)
        assert member.__module__.startswith("loadgen."), name
        assert inspect.getdoc(member), name
        assert f"`{name}`" in README or f"`{name}(" in README, name


def test_nothing_of_the_package_is_public_that_is_not_exported():
    """In a fresh process: what a first import leaves in the package, modules aside."""
    code = (
        "import json, loadgen, types\n"
        "own = {n: o for n, o in vars(loadgen).items() if getattr(o, '__module__', '').startswith('loadgen')}\n"
        "print(json.dumps([n for n, o in own.items() if not n.startswith('_')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    early = set(json.loads(done.stdout))
    assert early == {"Level", "LevelError", "LoadgenError", "ServerUnreachable", "WorkerFailed"}


def test_a_name_that_is_not_exported_is_an_attribute_error_that_says_so():
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = loadgen.nothing_of_the_kind
