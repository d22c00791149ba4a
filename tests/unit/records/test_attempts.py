"""What a killed attempt left is put aside when its verb begins again, and mixes with nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import psutil

from playbook.records import attempts, record, run_folder, store


def level(run: Path, verb: str, number: int, answers: int) -> None:
    """The raw rows of one level."""
    rows = {"level": number, "worker": 0, "scheduled_ns": 1, "sent_ns": 1, "done_ns": 2, "status": 200, "error": None}
    folder = run / "data" / "requests" / f"{verb}_{number:03d}"
    record.write_parquet(folder / "requests.parquet", pd.DataFrame([rows | {"bytes": 1}] * answers))


def counted(run: Path) -> dict[tuple[str, int], int]:
    frame = store.query("SELECT stage, level, count(*) AS n FROM requests GROUP BY ALL", run.parent, run.name)
    return {(row.stage, row.level): row.n for row in frame.itertuples()}


def test_sql_counts_no_request_of_a_killed_attempt_and_none_is_lost(tmp_path: Path) -> None:
    run = tmp_path / "run"
    level(run, "prove", 0, 3)
    level(run, "prove", 1, 4)
    level(run, "stress", 0, 5)
    assert len(attempts.begin(run, "prove")) == 2
    level(run, "prove", 0, 7)
    assert counted(run) == {("prove", 0): 7, ("stress", 0): 5}
    assert len(list((run / "data" / "attempts" / "prove-1").rglob("*.parquet"))) == 2


def test_stress_goes_on_behind_its_whole_levels_unless_the_machine_was_started_anew(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for number in range(3):
        level(run, "stress", number, number + 1)
    run_folder.keep_levels(run, [{"level": 0}, {"level": 1}])
    attempts.begin(run, "stress")
    assert counted(run) == {("stress", 0): 1, ("stress", 1): 2}, "the third was cut short"
    before = psutil.boot_time() - 60
    os.utime(run / "data" / "levels.json", (before, before))
    attempts.begin(run, "stress")
    assert len(counted(run)) == 2, "the clock was set, and nothing else happened"
    (run / attempts.BOOT).write_text("another start of the machine")
    attempts.begin(run, "stress")
    assert counted(run) == {}
    assert run_folder.kept_levels(run) == []


def test_a_run_that_names_no_start_of_the_machine_is_judged_by_the_age_of_its_files(tmp_path: Path) -> None:
    run = tmp_path / "run"
    level(run, "stress", 0, 1)
    run_folder.keep_levels(run, [{"level": 0}])
    before = psutil.boot_time() - 60
    os.utime(run / "data" / "levels.json", (before, before))
    attempts.begin(run, "stress")
    assert counted(run) == {}


def test_a_recorded_verb_and_the_scratch_run_are_left_as_they_are(tmp_path: Path) -> None:
    recorded, scratch = tmp_path / "run", tmp_path / "dev"
    for run in (recorded, scratch):
        level(run, "prove", 0, 1)
    record.save(recorded, "prove", params={}, results={}, verdict="")
    assert attempts.begin(recorded, "prove") == attempts.begin(scratch, "prove") == []


def test_a_model_that_no_record_knows_goes_before_it_is_exported_anew(tmp_path: Path) -> None:
    (tmp_path / "models" / "digits" / "1").mkdir(parents=True)
    attempts.begin(tmp_path, "export")
    assert not (tmp_path / "models").exists()
    (tmp_path / "models").mkdir()
    record.save(tmp_path, "export", params={}, results={}, verdict="")
    attempts.begin(tmp_path, "export")
    assert (tmp_path / "models").exists()


def test_what_is_half_written_counts_as_no_record(tmp_path: Path) -> None:
    text = json.dumps({"schema_version": 1, "results": {}})
    (tmp_path / "tune.json").write_text(text[: len(text) // 2])
    assert record.is_broken(tmp_path, "tune")
    assert not record.is_broken(tmp_path, "prove")
