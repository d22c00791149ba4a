"""A run that ended early is finished as it was meant, from wherever it is named."""

from __future__ import annotations

from pathlib import Path

from playbook.chain import pipeline
from playbook.records import record, runs

QUICK = Path(__file__).parents[3] / "params" / "quick.yml"


def prepared(only: list[str], resume: str | None = None) -> pipeline.Run:
    return pipeline.prepare(QUICK, Path("outputs"), {}, only, None, resume)


def test_a_part_of_the_chain_is_finished_as_that_part_then_the_rest_of_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun = prepared(["export", "tune"])
    record.save(begun.run_dir, "export", params={}, results={}, verdict="exported")
    again = prepared([], begun.run_dir.name)
    assert (again.run_dir, again.verbs) == (begun.run_dir, ["tune"])
    record.save(begun.run_dir, "tune", params={}, results={}, verdict="tuned")
    assert prepared([], "latest").verbs == [verb for verb in runs.NOTEBOOKS if verb not in ("export", "tune")]
    assert again.run_dir == tmp_path / "outputs" / begun.run_dir.name


def test_the_whole_chain_is_finished_on_a_new_server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun = prepared([])
    for verb in ("export", "serve", "warmup"):
        record.save(begun.run_dir, verb, params={}, results={}, verdict=verb)
    again = prepared([], "latest")
    assert again.verbs == ["serve", *(verb for verb in runs.NOTEBOOKS if verb not in ("export", "serve", "warmup"))]
    assert record.has(again.run_dir, "export")
    assert not record.has(again.run_dir, "serve")
