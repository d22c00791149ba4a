"""For pytest: which tests run beside others and which alone, the notebooks' scratch run, a model that tests share."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from xdist.scheduler import LoadScopeScheduling

from playbook.imports import GRAMMARS, without

with without(GRAMMARS):  # which nbformat would have compiled for 1.6 s in every worker
    import nbval.plugin

pytest_plugins = [nbval.plugin.__name__]  # pyproject.toml holds its own entrance shut
ROOT = Path(__file__).parent
SCRATCH = ROOT / ".pytest_cache" / "outputs" / "dev"  # a scratch run of the tests' own: outputs/dev is somebody's
USES_SCRATCH = pytest.StashKey[bool]()
# Of these nbval checks every cell at the parameters of the tests' whole chain; of the others at the defaults.
SHORT = tuple(f"notebooks/{name}.ipynb" for name in ("60_tune", "65_prove", "70_adapt", "75_drill"))
SMOKE = ROOT / "tests" / "helpers" / "smoke.yml"
# What measures must not be measured beside other tests: with -n it comes last, on one worker, with the others gone.
# Notebooks and whole chains run beside others: they are to end and to be read. A rehearsal beside them refutes nothing.
ALONE = (
    "tests/unit/analyze/test_ledger.py",
    "tests/unit/loadgen/test_cluster.py",
    "tests/unit/loadgen/test_truth.py",
    "tests/unit/tune/test_slow_live.py",
)
# On one worker, in order: they share what they start.
TOGETHER = ("tests/docker/", "tests/conformance/", "tests/browser/", "notebooks/")
# What takes long begins before what is short: no worker is left with a file of half a minute at the end, as those of
# tune and warmup would be, whose servers start one after another.
LONG = (
    "tests/notebooks/",
    "tests/zoo/",
    *(f"tests/unit/{name}.py" for name in ("adapt/test_dead_server", "drill/test_drills", "loadgen/test_stood_still")),
    *("tests/unit/lint/test_law.py", "tests/unit/tune/", "tests/unit/verify/test_verify.py", "tests/unit/warmup/"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """For tests that go through a table (`tables.each_row`)."""
    parser.addoption("--row", default="", metavar="WORDS", help="of tables judge only the rows that hold these words")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs alone comes last, what takes long first."""
    for item in items:
        if hasattr(item.parent, "skip_compare"):  # nbval: figures carry their numbers as words, tables as Markdown
            item.parent.skip_compare = (*item.parent.skip_compare, "image/svg+xml", "text/html")
            if item.nodeid.startswith(SHORT) and "parameters" in item.cell.metadata.get("tags", []):
                item.cell.source = shortened(item.cell.source)
    items.sort(
        key=lambda item: [item.nodeid.startswith(ALONE), *(not item.nodeid.startswith(n) for n in (TOGETHER, LONG))]
    )


def shortened(parameters: str) -> str:
    """A cell of parameters that ends with the values of the tests' whole chain, where it declares them."""
    declared = re.findall(r"^(\w+): \w+ = ", parameters, re.MULTILINE)
    values = yaml.safe_load(SMOKE.read_text())
    return "\n".join([parameters, *(f"{name} = {values[name]!r}" for name in declared if name in values)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """No cell of a notebook says anything in red."""
    yield
    outputs = getattr(item, "test_outputs", None) or []
    red = [output.text for output in outputs if output.get("name") == "stderr"]
    assert red == [], "on stderr"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin the notebooks (which run in order, each reading what the one before wrote) on an empty scratch run."""
    os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)  # set by whoever imported TensorFlow; servers would log nothing
    if item.nodeid.startswith("notebooks/") and not item.config.stash.get(USES_SCRATCH, False):
        item.config.stash[USES_SCRATCH] = True
        os.environ |= {"PLAYBOOK_SCRATCH": str(SCRATCH), "PLAYBOOK_RUN_DIR": "../outputs/example"}
        _stop_scratch_servers()
        shutil.rmtree(SCRATCH, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """With -n: files go to the workers in the order above."""
    config.option.loadscopereorder = False
    return _ThenAlone(config, log)


class _ThenAlone(LoadScopeScheduling):
    """Files beside one another on all workers; when they are done and one worker is left, those that run alone."""

    def _split_scope(self, nodeid: str) -> str:
        alone = "alone " if nodeid.startswith(ALONE) else ""
        return alone + next((top for top in TOGETHER if nodeid.startswith(top)), nodeid.partition("::")[0])

    def _assign_work_unit(self, node: object) -> None:
        if next(iter(self.workqueue)).startswith("alone ") and len(self.nodes) > 1:
            if sum(not other.shutting_down for other in self.nodes) > 1:
                node.shutdown()  # it ends what it has
            return
        super()._assign_work_unit(node)

    def remove_node(self, node: object) -> str | None:
        crashed = super().remove_node(node)
        for left in self.nodes:
            self._reschedule(left)
        return crashed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the server that 20_serve started; one that another session runs meanwhile is left alone."""
    if session.config.stash.get(USES_SCRATCH, False):
        _stop_scratch_servers()


def _stop_scratch_servers() -> None:
    if (SCRATCH / "servers").is_dir():
        from playbook.serve import serve

        serve.stop_all(SCRATCH)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A run folder with the default model exported and published, made once for all workers; copy it to change it."""
    base = tmp_path_factory.getbasetemp()
    run_dir = (base if worker_id == "master" else base.parent) / "exported" / "run"
    run_dir.parent.mkdir(exist_ok=True)
    with (run_dir.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not run_dir.exists():
            _export(run_dir)
    return run_dir


def _export(run_dir: Path) -> None:
    """Export into a draft first: a folder that stands is whole."""
    draft = run_dir.with_name("draft") / "run"
    shutil.rmtree(draft.parent, ignore_errors=True)
    draft.parent.mkdir()
    code = (
        "import sys; from pathlib import Path; from playbook.chain import pipeline; from playbook.records import runs; "
        "run = pipeline.Run(Path(sys.argv[1]), ['export'], {'export': {}}); run.run_dir.mkdir(); "
        "pipeline.run_stage(run, 'export')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(draft)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    draft.rename(run_dir)


@pytest.fixture
def run_dir(exported: Path, tmp_path: Path) -> Iterator[Path]:
    """A run folder of the test's own, with the default model exported; its servers are ended afterwards."""
    from playbook.serve import serve

    folder = tmp_path / "run"
    shutil.copytree(exported, folder)
    yield folder
    serve.stop_all(folder)
