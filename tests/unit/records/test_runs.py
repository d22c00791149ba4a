"""Runs are found by when they were started, and the committed example is never taken for the user's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbook.errors import ParameterError
from playbook.records import record, runs


def a_run(outputs: Path, name: str, started: str, params: str = "quick", model: bool = True) -> Path:
    """A run folder with an export in it."""
    run = outputs / name
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"params_name": params, "started_utc": started}))
    record.save(run, "export", params={}, results={"base_path": "models/digits"}, verdict="exported")
    if model:
        (run / "models" / "digits" / "1").mkdir(parents=True)
        (run / "models" / "digits" / "1" / "saved_model.pb").write_bytes(b"x")
    return run


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Two runs and the example, which has the last name and the latest date."""
    a_run(tmp_path, "20260102T000000Z-quick", "2026-01-02")
    a_run(tmp_path, "20260101T000000Z-renamed-later", "2026-01-03")
    a_run(tmp_path, "example", "2026-12-31", model=False)
    return tmp_path


def test_the_newest_is_the_one_started_last_whatever_its_name(outputs: Path) -> None:
    names = [run.name for run in runs.newest_first(outputs)]
    assert names == ["20260101T000000Z-renamed-later", "20260102T000000Z-quick", "example"]
    assert runs.find(outputs, "latest").name == names[0]


def test_the_example_is_found_by_its_name_alone(outputs: Path, tmp_path: Path) -> None:
    assert runs.find(outputs, "example").name == "example"
    alone = tmp_path / "alone"
    a_run(alone, "example", "2026-12-31")
    with pytest.raises(ParameterError, match="none fit"):
        runs.find(alone, "latest")


def test_a_part_of_a_name_does_not_do_where_the_whole_is_asked_for(outputs: Path) -> None:
    assert runs.find(outputs, "20260102").name == "20260102T000000Z-quick"
    with pytest.raises(ParameterError, match="none fit"):
        runs.find(outputs, "20260102", whole=True)


def test_a_part_of_the_chain_builds_on_the_newest_run_that_has_its_model(outputs: Path) -> None:
    a_run(outputs, "20260109T000000Z-quick", "2026-01-09", model=False)
    assert runs.base_for(outputs, Path("quick.yml"), ["export"]).name == "20260101T000000Z-renamed-later"


def test_the_example_is_no_base_to_build_on(tmp_path: Path) -> None:
    a_run(tmp_path, "example", "2026-12-31")
    with pytest.raises(ParameterError, match="Run the whole chain first"):
        runs.base_for(tmp_path, Path("quick.yml"), ["export"])
