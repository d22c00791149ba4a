"""For pytest: the scratch run that nbval's notebooks share, and programs that a test may need."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
SCRATCH = ROOT / "outputs" / "dev"


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Begin the notebooks (which run in order, each reading what the one before wrote) on an empty scratch run."""
    if any(item.nodeid.startswith("notebooks/") for item in items) and not session.config.option.collectonly:
        _stop_scratch_servers()
        shutil.rmtree(SCRATCH, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the server that 20_serve started."""
    _stop_scratch_servers()


def _stop_scratch_servers() -> None:
    if (SCRATCH / "servers").is_dir():
        from playbook import serve

        serve.stop_all(SCRATCH)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with the default model exported and published, made once; copy it before changing it."""
    run_dir = tmp_path_factory.mktemp("exported") / "run"
    code = (
        "import sys; from pathlib import Path; from playbook import pipeline, runs; "
        "run = pipeline.Run(Path(sys.argv[1]), ['export'], {'export': {}}); run.run_dir.mkdir(); "
        "pipeline.run_stage(run, 'export')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run_dir)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return run_dir


@pytest.fixture
def run_dir(exported: Path, tmp_path: Path) -> Iterator[Path]:
    """A run folder of the test's own, with the default model exported; its servers are ended afterwards."""
    from playbook import serve

    folder = tmp_path / "run"
    shutil.copytree(exported, folder)
    yield folder
    serve.stop_all(folder)
