"""A run folder that lies elsewhere and is linked, or is moved while a chain works in it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from command import SMOKE
from rich.console import Console

from playbook.chain import pipeline, unfinished
from playbook.chain.terminal import StageLine
from playbook.errors import ParameterError, StageFailed
from playbook.records import lock, record, runs, whole_file
from playbook.report import catalogue, report

LINE = StageLine(Console(file=io.StringIO()))


def prepared(outputs: Path, resume: str | None = None) -> pipeline.Run:
    return pipeline.prepare(SMOKE, outputs, {}, [] if resume else ["export", "tune"], None, resume)


@pytest.fixture(params=["outputs", "run folder"])
def linked(request, tmp_path: Path) -> tuple[Path, Path, Path]:
    """A run that has exported, through a link: its outputs folder, its own folder, and where it really lies."""
    disk, outputs = tmp_path / "disk", tmp_path / "outputs"
    disk.mkdir()
    if request.param == "outputs":
        outputs.symlink_to(disk)
    begun = prepared(outputs)
    real = disk / begun.run_dir.name
    if request.param == "run folder":
        begun.run_dir.rename(real)
        (outputs / real.name).symlink_to(real)
    record.save(outputs / real.name, "export", params={}, results={}, verdict="exported")
    return outputs, outputs / real.name, real


def test_a_run_is_one_run_by_whichever_way_it_is_named(linked) -> None:
    outputs, link, real = linked
    assert runs.find(outputs, "latest").resolve() == real
    for held, asked in ((link, real), (real, link)):
        with lock.held(held):
            assert lock.holder(asked) is not None
            with pytest.raises(ParameterError, match="still runs"):
                prepared(outputs, real.name)
    assert prepared(outputs, "latest").verbs == ["tune"]


def test_a_chain_that_ends_early_behind_a_link_is_finished_and_its_page_lies_where_the_run_does(linked) -> None:
    outputs, link, real = linked
    with unfinished.marked(link, "tune"):
        record.save(link, "tune", params={}, results={}, verdict="tuned")
        whole_file.write_text(link / unfinished.FILE, "tune")
        again = prepared(outputs, "latest")
    assert (again.verbs, again.aside) == (["tune"], ["tune"])
    (real / ".tune-left").mkdir()
    pipeline.execute(pipeline.Run(again.run_dir, [], {}), LINE)
    assert not (real / ".tune-left").exists()
    assert report.write(again.run_dir).resolve() == real / "record.md"
    assert real.name in (outputs / "index.md").read_text()
    assert real.name in catalogue.listing(outputs)
    assert (real.parent / "index.md").exists() == outputs.is_symlink(), "no index where a run merely lies"


def test_a_run_that_is_renamed_while_a_stage_runs_says_what_to_do_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    begun = prepared(tmp_path)
    record.save(begun.run_dir, "export", params={}, results={}, verdict="exported")
    moved = begun.run_dir.rename(tmp_path / "renamed")
    with pytest.raises(StageFailed, match="was removed or moved away") as told:
        pipeline._check_there(begun)
    assert "remove first" not in str(told.value)
    whole_file.write_text(begun.run_dir / "data" / "levels.json", json.dumps([]))  # a writer makes the folder anew
    with pytest.raises(StageFailed, match="remove first what was written to the old place since"):
        pipeline._check_there(begun)
    (begun.run_dir / "data" / "levels.json").unlink()
    (begun.run_dir / "data").rmdir()
    begun.run_dir.rmdir()
    moved.rename(begun.run_dir)
    pipeline._check_there(begun)
    assert prepared(tmp_path, begun.run_dir.name).verbs == ["tune"]
