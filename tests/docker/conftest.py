"""One export, one image and one engine for all tests of this folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import embedded_image
import pytest
from command import DOCKER, playbook

from playbook.errors import DockerUnavailable
from playbook.records import runs
from playbook.serve import containers


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Path:
    """A run folder with the digits model exported, and nothing else yet.

    PLAYBOOK_EXPORTED_RUN names one that is there already, for who repeats these tests.
    """
    outputs = tmp_path_factory.mktemp("outputs")
    if there := os.environ.get("PLAYBOOK_EXPORTED_RUN"):
        kept = shutil.ignore_patterns("deploy", "serve.json", "stress.json", "tune.json", "deploy.json", "servers")
        return Path(shutil.copytree(there, outputs / Path(there).name, ignore=kept))
    done = playbook("run", DOCKER, "--only", "export", "--set", "curve_s=0.2", "--outputs", outputs)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = runs.newest_first(outputs)
    return folder


@pytest.fixture(scope="session")
def engine():
    """A client of the engine. PLAYBOOK_DOCKER=required makes its absence a failure, as CI does."""
    try:
        return containers.engine()
    except DockerUnavailable as missing:
        if os.environ.get("PLAYBOOK_DOCKER") == "required":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def image(engine) -> str:
    """`playbook-embedded/serving:test`, built here: no image can be pulled where the tests run."""
    if not embedded_image.can_build():
        pytest.skip("the test image needs root, debootstrap and Debian's own Python version")
    return embedded_image.build()
