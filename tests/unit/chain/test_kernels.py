"""Kernels that start warm: the imports are there, each kernel is a process of its own, and none is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from playbook.chain import executing, kernels, pipeline
from playbook.chain.kernels import WarmStarter, WarmStarters
from playbook.cli import chain
from playbook.errors import NotWritten, StageFailed
from playbook.records import runs
from playbook.report import report

SEEN = "import os, sys\nprint(os.getpid(), os.getppid(), os.getcwd(), os.environ.get('TOLD'), 'wave' in sys.modules)"


@pytest.fixture(scope="module")
def starter() -> Iterator[WarmStarter]:
    """It has imported `wave`, which nothing else does, and failed to import one that is not there."""
    made = WarmStarter(["wave", "no_such_module"])
    yield made
    made.close()


def executed(tmp_path: Path, starter: WarmStarter | None, *sources: str) -> list[list[str]]:
    """The words that each cell printed."""
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    page.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nbformat.write(page, tmp_path / "given.ipynb")
    executing.execute(tmp_path / "given.ipynb", tmp_path / "done.ipynb", {}, {"TOLD": "so"}, starter)
    cells = json.loads((tmp_path / "done.ipynb").read_text())["cells"]
    return [" ".join(out["text"] for out in map(_joined, cell["outputs"])).split() for cell in cells]


def _joined(output: dict) -> dict:
    return {"text": "".join(output["text"])}


def test_each_kernel_is_a_process_of_its_own_with_everything_imported(starter, tmp_path: Path) -> None:
    first, second = (executed(tmp_path, starter, SEEN)[0] for _ in range(2))
    assert first[1:] == second[1:]
    assert first[0] != second[0]
    assert first[2:] == [str(runs.NOTEBOOK_DIR), "so", "True"]
    assert int(first[1]) != os.getpid(), "it is the starter's child"
    assert not psutil.pid_exists(int(first[0])), "it ended with its notebook"


def test_a_name_of_one_notebook_is_not_seen_in_the_next(starter, tmp_path: Path) -> None:
    executed(tmp_path, starter, "left = 1")
    assert executed(tmp_path, starter, "print('left' in globals())") == [["False"]]


def test_a_kernel_starts_the_ordinary_way_when_its_starter_has_died(tmp_path: Path) -> None:
    dead = WarmStarter([])
    os.kill(dead._process.pid, signal.SIGKILL)
    dead._process.wait()
    pid, parent, *_, warm = executed(tmp_path, dead, SEEN)[0]
    assert (int(parent), warm) == (os.getpid(), "False")
    assert pid != str(dead._process.pid)
    dead.close()


def test_a_starter_for_one_kernel_becomes_it(tmp_path: Path) -> None:
    once = WarmStarter(["wave"], once=True)
    try:
        pid, parent, *_, warm = executed(tmp_path, once, SEEN)[0]
        assert (int(pid), int(parent), warm) == (once._process.pid, os.getpid(), "True")
        assert executed(tmp_path, once, SEEN)[0][-1] == "False", "it is used up: an ordinary kernel comes next"
    finally:
        once.close()


def test_a_cell_that_raises_is_told_as_ever(starter, tmp_path: Path) -> None:
    with pytest.raises(executing.PapermillExecutionError, match="no such thing") as raised:
        executed(tmp_path, starter, "x = 1", "raise ValueError('no such thing')")
    assert raised.value.exec_count == 2


def test_nothing_lives_after_the_chain() -> None:
    with kernels.warm_starters(["serve", "export"]) as made:
        pids = [made.of(verb)._process.pid for verb in ("serve", "export")]
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_only_export_gets_tensorflow_and_verbs_share_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = []
    monkeypatch.setattr(
        kernels, "WarmStarter", lambda modules, once=False: plans.append((set(modules), once)) or len(plans)
    )
    made = WarmStarters(list(runs.NOTEBOOKS))
    assert [once for _, once in plans] == [True, False]
    assert kernels.TENSORFLOW in plans[0][0] - plans[1][0]
    assert {"playbook", "playbook.chain", "pandas"} <= plans[1][0]
    assert [made.of(verb) for verb in runs.NOTEBOOKS] == [1] + [2] * (len(runs.NOTEBOOKS) - 1)


def test_a_kernel_that_dies_ends_its_cell_and_not_the_starter(starter, tmp_path: Path) -> None:
    with pytest.raises(executing.DeadKernelError):
        executed(tmp_path, starter, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert executed(tmp_path, starter, "print('alive')") == [["alive"]]


def test_a_stage_whose_kernel_dies_fails_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = nbformat.read(runs.NOTEBOOK_DIR / "20_serve.ipynb", as_version=4)
    page.cells.insert(2, nbformat.v4.new_code_cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"))
    nbformat.write(page, tmp_path / "20_serve.ipynb")
    monkeypatch.setattr(runs, "NOTEBOOK_DIR", tmp_path)
    with pytest.raises(StageFailed, match="Stage 'serve' failed: its kernel died"):
        pipeline.run_stage(pipeline.Run(tmp_path, ["serve"], {"serve": {}}), "serve")


def test_a_kernel_killed_before_it_says_that_it_is_there_is_told_as_dead(starter, tmp_path: Path) -> None:
    class Dying:
        """Its kernels are killed as soon as they are there."""

        once = False

        def kernel(self, *order: object) -> kernels.Kernel | None:
            made = starter.kernel(*order)
            made.send_signal(signal.SIGKILL)
            return made

    with pytest.raises(executing.DeadKernelError):
        executed(tmp_path, Dying(), "print('never')")


def test_a_notebook_that_cannot_be_written_is_said_in_a_sentence_and_hides_no_failure(starter, tmp_path: Path) -> None:
    (tmp_path / "done.ipynb").mkdir()
    with pytest.raises(NotWritten, match=r"done\.ipynb could not be written \(.*\); what stood there is unchanged"):
        executed(tmp_path, starter, "x = 1")
    with pytest.raises(executing.PapermillExecutionError, match="the reason"):
        executed(tmp_path, starter, "raise ValueError('the reason')")


def test_what_failed_is_printed_before_any_page_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    told = []

    def fails(*_: object) -> None:
        raise StageFailed("Stage 'export' failed: no such model")

    monkeypatch.setattr(pipeline, "run_stage", fails)
    monkeypatch.setattr(report, "write", lambda _: told.append(capfd.readouterr().err))
    params = tmp_path / "mine.yml"
    params.write_text("seed: 1\n")
    assert chain.run(chain.Asked(params, tmp_path / "outputs", only=["export"]), told.append) == 1
    assert told == ["Stage 'export' failed: no such model\n"]


def test_a_page_that_cannot_be_made_hides_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    def fails(run: pipeline.Run, *_: object) -> None:
        (run.run_dir / "record.md").mkdir()
        raise StageFailed("Stage 'export' failed: the disk is full")

    monkeypatch.setattr(pipeline, "run_stage", fails)
    params, told = tmp_path / "mine.yml", []
    params.write_text("seed: 1\n")
    assert chain.run(chain.Asked(params, tmp_path / "outputs", only=["export"]), told.append) == 1
    assert capfd.readouterr().err == "Stage 'export' failed: the disk is full\n"
    (page,) = told
    assert page.startswith("Its page is not up to date: ")
    assert "record.md could not be written" in page


def test_a_kernel_whose_chain_has_ended_before_it_began_ends_too(tmp_path: Path) -> None:
    order = {"argv": [], "cwd": str(tmp_path), "env": {}}
    words = f"from playbook.chain import warm; warm.become_kernel({order!r}, parent={os.getppid()})"
    assert subprocess.run([sys.executable, "-c", words], check=False, timeout=60).returncode == 1
