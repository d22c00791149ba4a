"""A notebook run by itself: what it needs is taken over or made, and said; the tests' scratch run is their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from pathlib import Path

import psutil
import pytest

from playbook import progress
from playbook.chain import alone, params
from playbook.errors import ParameterError, StageFailed
from playbook.records import record, runs, stale
from playbook.serve import alive, serve
from playbook.serve.handle import Handle


@pytest.fixture
def outputs(exported: Path, tmp_path: Path) -> Path:
    """An outputs folder with one run of the user's own that has exported, and a copy of it named example."""
    for name in ("20260101T000000Z-quick", "example"):
        shutil.copytree(exported, tmp_path / "outputs" / name)
    return tmp_path / "outputs"


def test_a_missing_server_is_started_and_a_dead_one_again_with_what_it_had(
    exported: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "dev"
    shutil.copytree(exported, run)
    try:
        assert alone.ready("stress", {"run_dir": str(run), "p99_limit_ms": 50.0}) == run
        assert "dev lacks serve: made now with the smoke profile." in capfd.readouterr().out
        assert "AVAILABLE" in (run / "20_serve.md").read_text(), "its page was written beside what came next"
        first = Handle.load(run)
        alive.check_alive(first)  # it outlives the process that made it
        serve.stop_all(run)
        alone.ready("stress", {"run_dir": str(run), "p99_limit_ms": 50.0})
        alive.check_alive(Handle.load(run))
        assert Handle.load(run).pid != first.pid
        assert stale.told(run) == {}
        alone.ready("stress", {"run_dir": str(run), "p99_limit_ms": 50.0})
        assert capfd.readouterr().out.count("lacks") == 1
    finally:
        serve.stop_all(run)


def test_the_newest_run_is_built_on_and_never_the_example(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = alone.ready("tune", {"run_dir": str(outputs / "dev")})
    assert "Built on 20260101T000000Z-quick, the newest run: export taken over into dev." in capsys.readouterr().out
    assert record.has(run, "export")
    assert runs.has_model(run)


def _command_lines(seen: set[str], until: threading.Event) -> None:
    """Add the command lines of this process's children, and of theirs, until it is told to end."""
    while not until.wait(0.02):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                seen.add(" ".join(child.cmdline()))


def test_what_cannot_be_made_is_one_sentence_that_names_the_cell_and_no_command_line_holds_a_secret(
    tmp_path: Path,
) -> None:
    seen, until = set[str](), threading.Event()
    looking = threading.Thread(target=_command_lines, args=(seen, until), daemon=True)
    looking.start()
    given = {"model_name": "../up", "headers": {"Authorization": "Bearer s3cr"}}
    with pytest.raises(StageFailed, match=r"Stage 'serve' failed in cell \d+ of 20_serve.ipynb") as caught:
        alone._make(tmp_path / "run", ["serve"], given)
    until.set()
    looking.join()
    assert "model_name is '../up'" in str(caught.value)
    assert caught.value._render_traceback_() == [f"StageFailed: {caught.value}"]
    assert any("playbook.chain.making" in line for line in seen)
    assert not [line for line in seen if "s3cr" in line]


def test_one_that_says_much_on_stderr_is_not_held_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a pipe holds; here of an interpreter that tells every import, and of an order that it refuses."""
    monkeypatch.setenv("PYTHONVERBOSE", "1")
    code, said = alone._ordered({"run_dir": str(tmp_path), "verbs": ["none"], "given": {}, "again": {}})
    assert (code, len(said) > 100_000) == (1, True)
    assert "KeyError: 'none'" in said


def test_in_the_chain_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(progress.CHANNEL, str(tmp_path / "progress"))
    assert alone.ready("stress", {"run_dir": str(tmp_path / "nothing")}) == tmp_path / "nothing"
    assert not (tmp_path / "nothing").exists()


def test_an_empty_run_folder_means_the_newest_run_with_levels(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(runs.NEWEST_CHANNEL, raising=False)
    (outputs.parent / "notebooks").mkdir()
    monkeypatch.chdir(outputs.parent / "notebooks")
    shutil.copy(runs.ROOT / "outputs" / "example" / "stress.json", outputs / "example")
    assert runs.meant("") == "../outputs/dev"
    shutil.copy(outputs / "example" / "stress.json", outputs / "20260101T000000Z-quick")
    assert runs.meant("") == "../outputs/20260101T000000Z-quick"
    monkeypatch.setenv(runs.NEWEST_CHANNEL, "../outputs/example")
    assert runs.meant("") == "../outputs/example"


def test_the_scratch_run_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runs.SCRATCH_CHANNEL, "/somewhere/dev")
    assert runs.meant("../outputs/dev") == "/somewhere/dev"
    assert runs.meant("../outputs/mine") == "../outputs/mine"


@pytest.mark.parametrize(
    ("line", "refused"),
    [("duration_s = 2.0", None), ("variant_s = 2.0", None), ("concurency = [1]", "Did you mean 'concurrency'")],
)
def test_a_slip_in_a_papermill_file_is_told_apart_from_another_notebooks_parameter(
    line: str, refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(os.getcwd())
    cells = ["", "run_dir = ...", f"# Parameters\n{line}\n", "settings = ..."]
    namespace = {**params.defaults("stress"), "In": cells, "levels": [1, 2], "my_own": {"a": 1}}
    if refused:
        with pytest.raises(ParameterError, match=refused):
            params.resolved("stress", namespace)
    else:
        assert "concurrency" in params.resolved("stress", namespace)


def test_parameters_in_common_hold_for_what_is_made(tmp_path: Path) -> None:
    given = {**params.defaults("tune"), "model_name": "other", "run_dir": "x"}
    assert json.loads(json.dumps(alone._in_common("tune", given))) == {"model_name": "other"}
