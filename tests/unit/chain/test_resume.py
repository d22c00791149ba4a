"""A run that ended early is finished as it was meant, from wherever it is named."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from rich.console import Console

from playbook.chain import pipeline, unfinished
from playbook.chain.terminal import StageLine
from playbook.errors import ParameterError, RecordUnreadable
from playbook.records import lock, record, runs

QUICK = Path(__file__).parents[3] / "params" / "quick.yml"


def prepared(only: list[str], resume: str | None = None, params: Path = QUICK, **overrides: Any) -> pipeline.Run:
    return pipeline.prepare(params, Path("outputs"), overrides, only, None, resume)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_part_of_the_chain_is_finished_as_that_part_then_the_rest_of_it(tmp_path):
    begun = prepared(["export", "tune"])
    record.save(begun.run_dir, "export", params={}, results={}, verdict="exported")
    again = prepared([], begun.run_dir.name)
    assert (again.run_dir, again.verbs) == (begun.run_dir, ["tune"])
    record.save(begun.run_dir, "tune", params={}, results={}, verdict="tuned")
    assert prepared([], "latest").verbs == [verb for verb in runs.NOTEBOOKS if verb not in ("export", "tune")]
    assert again.run_dir == tmp_path / "outputs" / begun.run_dir.name


def test_the_whole_chain_is_finished_on_a_new_server():
    begun = prepared([])
    for verb in ("export", "serve", "warmup"):
        record.save(begun.run_dir, verb, params={}, results={}, verdict=verb)
    again = prepared([], "latest")
    assert again.verbs == ["serve", *(verb for verb in runs.NOTEBOOKS if verb not in ("export", "serve", "warmup"))]
    assert again.aside == ["serve"]


def test_it_is_finished_with_the_parameters_it_was_begun_with_and_others_are_refused(tmp_path):
    mine = tmp_path / "mine.yml"
    mine.write_text("seed: 3\nduration_s: 2.0\n")
    begun = prepared([], params=mine, seed=5, concurrency=[1, 2])
    again = prepared([], begun.run_dir.name, mine)
    assert again.parameters["stress"] == {"seed": 5, "duration_s": 2.0, "concurrency": [1, 2]}
    assert prepared([], "latest", mine, seed=5).parameters == again.parameters
    with pytest.raises(ParameterError, match=r"(?s)begun with others:\n  seed: 5 then, 6 now\nNothing.*--from VERB"):
        prepared([], "latest", mine, seed=6)
    mine.write_text("seed: 3\nduration_s: 4.0\nmodel_name: other\n")
    with pytest.raises(ParameterError, match=r"(?s)duration_s: 2\.0 then, 4\.0 now\n  model_name: not given then"):
        prepared([], "latest", mine)
    assert runs.note(begun.run_dir)["params"] == {"seed": 5, "duration_s": 2.0, "concurrency": [1, 2]}
    assert len(list((tmp_path / "outputs").iterdir())) == 1


def test_a_run_that_still_runs_is_not_resumed():
    begun = prepared([])
    with lock.held(begun.run_dir), pytest.raises(ParameterError, match="still runs"):
        prepared([], "latest")
    assert prepared([], "latest").run_dir == begun.run_dir


def test_a_record_that_is_half_written_is_made_again_and_one_of_a_newer_playbook_is_not():
    begun = prepared(["export", "serve", "tune"])
    for verb in ("export", "serve", "tune"):
        record.save(begun.run_dir, verb, params={}, results={}, verdict=verb)
    path = begun.run_dir / "tune.json"
    whole = path.read_text()
    path.write_text(whole[:70])
    again = prepared([], "latest")
    assert (again.verbs, again.aside) == (["tune"], ["tune"])
    path.write_text(whole.replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.raises(RecordUnreadable, match="schema 9"):
        prepared([], "latest")


def ended_in(run_dir: Path, verb: str) -> None:
    """A chain ends in this stage when its record is written and nothing else yet."""
    with contextlib.suppress(KeyboardInterrupt), unfinished.marked(run_dir, verb):
        record.save(run_dir, verb, params={}, results={}, verdict=verb)
        raise KeyboardInterrupt


def a_notebook(run_dir: Path, name: str, **told: Any) -> Path:
    """What papermill leaves: a notebook that says when it ended, and whether a cell failed."""
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Tune")])
    page.metadata["papermill"] = {"parameters": {}, "exception": None, "end_time": "2026-11-27T09:00:00", **told}
    path = run_dir / f"{name}.ipynb"
    nbformat.write(page, path)
    return path


def test_a_record_without_its_notebook_is_not_taken_for_done():
    begun = prepared(["export", "tune"])
    for verb in ("export", "tune"):
        record.save(begun.run_dir, verb, params={}, results={}, verdict=verb)
    assert prepared([], "latest").verbs[0] == "serve", "recorded by hand, its notebook elsewhere: done"
    (begun.run_dir / "tune.json").unlink()
    a_notebook(begun.run_dir, "60_tune")  # of an attempt that was killed earlier
    ended_in(begun.run_dir, "tune")
    again = prepared([], "latest")
    assert (again.verbs, again.aside) == (["tune"], ["tune"])


@pytest.mark.parametrize("told", [{"end_time": None}, {"exception": True}], ids=["ended half way", "failed"])
def test_a_notebook_that_did_not_come_to_its_end_is_not_that_of_a_record(told):
    begun = prepared(["export"])
    ended_in(begun.run_dir, "export")
    a_notebook(begun.run_dir, "10_export", **told)
    assert prepared([], "latest").verbs == ["export"]


def test_a_page_that_is_missing_is_written_from_its_notebook_and_nothing_is_run_again():
    begun = prepared(["export"])
    ended_in(begun.run_dir, "export")
    a_notebook(begun.run_dir, "10_export")
    again = pipeline.Run(begun.run_dir, [], {})
    assert prepared([], "latest").verbs == [], "what was begun is finished before the rest of the chain is"
    pipeline.execute(again, StageLine(Console(file=io.StringIO())))
    assert (begun.run_dir / "10_export.md").read_text().startswith("# Tune")
    assert unfinished.without_page(begun.run_dir) == []


def test_private_copies_of_the_model_and_temporary_folders_of_killed_chains_go(tmp_path, monkeypatch):
    for copy in (".tune-abc", ".drill-abc"):
        (tmp_path / copy / "digits").mkdir(parents=True)
    pipeline.clear(tmp_path)
    assert not list(tmp_path.glob(".tune-*")) + list(tmp_path.glob(".drill-*"))
    dead, others = tmp_path / "playbook-x", tmp_path / "playbook-mine"
    for folder in (dead / "kernel", others):
        folder.mkdir(parents=True)
    (dead / ".held").touch()  # nobody holds it
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pipeline.temporary.folder() as own:
        assert own.parent == tmp_path
        assert not dead.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["playbook-mine"]


def test_a_run_whose_folder_was_removed_says_so():
    begun = prepared([])
    shutil.rmtree(begun.run_dir)
    assert not runs.is_there(begun.run_dir)
    assert "was removed or moved away" in pipeline._gone(begun)
