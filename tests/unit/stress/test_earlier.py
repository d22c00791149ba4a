"""Stress goes on behind the whole levels of an attempt that was ended, and says which those are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

import loadgen
from playbook import progress
from playbook.errors import LoadFailed
from playbook.records import record, run_folder
from playbook.serve.handle import Handle
from playbook.stress import earlier, levels, stress
from playbook.stress.load import Load

HANDLE = Handle("attach", "digits", "/m", "http://127.0.0.1:9", "", "", ["--port=1", "--x=2"], [0])
LOAD = Load(duration_s=1.0, ramp_up_s=0.0)


@pytest.fixture
def attempt(tmp_path: Path) -> Path:
    """A run folder in which two levels were held and a third was cut short."""
    run = tmp_path / "run"
    assert earlier.levels(run, HANDLE, LOAD) == []
    fake = json.loads((Path(__file__).parents[3] / "outputs" / "example" / "stress.json").read_text())
    rows = [row | {"warnings": []} for row in fake["results"]["levels"][:2]]
    for number in range(3):
        folder = run / "data" / "requests" / f"stress_{number:03d}"
        record.write_parquet(folder / "requests.parquet", pd.DataFrame({"level": [number]}))
    run_folder.keep_levels(run, rows)
    return run


def test_levels_of_another_load_server_or_of_the_scratch_run_are_not_taken_over(attempt: Path) -> None:
    assert len(earlier.levels(attempt, HANDLE, LOAD)) == 2
    other_port = Handle(**{**HANDLE.__dict__, "flags": ["--port=7", "--x=2"]})
    assert len(earlier.levels(attempt, other_port, LOAD)) == 2
    other_flags = Handle(**{**HANDLE.__dict__, "flags": ["--port=1", "--x=3"]})
    for handle, load in ((HANDLE, Load(duration_s=2.0, ramp_up_s=0.0)), (other_flags, LOAD)):
        again = attempt.with_name("again")
        shutil.copytree(attempt, again)
        assert earlier.levels(again, handle, load) == []
        shutil.rmtree(again)
    scratch = attempt.with_name(record.SCRATCH)
    shutil.copytree(attempt, scratch)
    assert earlier.levels(scratch, HANDLE, LOAD) == []


def test_a_level_is_taken_over_with_words_and_the_next_is_held(attempt: Path, monkeypatch) -> None:
    kept = run_folder.kept_levels(attempt)
    held = []

    def hold(level: loadgen.Level, folder: Path, *_: object, **__: object) -> dict:
        held.append((level.level, folder.name))
        raise loadgen.LoadgenError("held")

    monkeypatch.setattr(stress, "check_alive", lambda _: None)
    monkeypatch.setattr(stress, "check_unmeasured", lambda _: None)
    monkeypatch.setattr(loadgen, "hold", hold)
    monkeypatch.setattr(stress, "write_mix", lambda *_, **__: "bodies")
    bar = progress.Stretch(None, 0.0, 1.0)
    with stress.bench(HANDLE, attempt, LOAD) as under:
        under.hold({"arrival": "closed", "concurrency": kept[0]["concurrency"]}, bar)
        with pytest.raises(LoadFailed):
            under.hold({"arrival": "closed", "concurrency": 77}, bar)
    assert held == [(1, "stress_001")]
    assert under.rows[0]["throughput_rps"] == kept[0]["throughput_rps"]
    assert levels.warnings({"levels": under.rows[:1]}) == [f"{levels.described(kept[0])}: {earlier.WORDS}"]
    left = sorted(path.name for path in (attempt / "data" / "requests").iterdir())
    assert left == ["stress_000"], "the rows of other levels are put aside"
