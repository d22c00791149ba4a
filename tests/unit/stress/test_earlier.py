"""Stress goes on behind the whole levels of an attempt that was ended, and says which those are."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from loadgen.scripted.server import running
from playbook import progress
from playbook.records import record, run_folder
from playbook.serve.handle import Handle
from playbook.stress import earlier, levels, stress
from playbook.stress.load import Load
from playbook.tfserving.reference import Reference

HANDLE = Handle("embedded", "digits", "/m", "http://127.0.0.1:9", "", "", ["--port=1", "--x=2"], [0])
LOAD = Load(duration_s=0.5, ramp_up_s=0.0)


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


def test_a_level_is_taken_over_with_words_and_the_next_is_held(attempt: Path) -> None:
    rows = np.arange(4, dtype=np.float32)[:, None]
    Reference("serving_default", {"x": rows}, {"y": np.zeros((4, 1), np.float32)}).save(attempt)
    kept, earlier_rows = run_folder.kept_levels(attempt), attempt / "data" / "requests" / "stress_000"
    whole = (earlier_rows / "requests.parquet").read_bytes()
    bar = progress.Stretch(SimpleNamespace(update=lambda *_: None), 0.0, 1.0)
    with running("rest") as server:
        handle = replace(HANDLE, rest_url=server.url.removesuffix(urlsplit(server.url).path), metrics_url="")
        with stress.bench(handle, attempt, LOAD) as under:
            under.hold({"arrival": "closed", "concurrency": kept[0]["concurrency"]}, bar)
            under.hold({"arrival": "closed", "concurrency": 2}, bar)
    taken, held = under.rows
    assert taken["throughput_rps"] == kept[0]["throughput_rps"]
    assert levels.warnings({"levels": [taken]}) == [f"{levels.described(kept[0])}: {earlier.WORDS}"]
    assert (earlier_rows / "requests.parquet").read_bytes() == whole, "nothing was sent for it"
    assert (held["level"], held["errors"], held["answers"]["wrong"]) == (1, 0, 0)
    assert len(run_folder.read(attempt).rows(1)) == held["requests"] > 10
    left = sorted(path.name for path in (attempt / "data" / "requests").iterdir())
    assert left == ["stress_000", "stress_001"]
    aside = sorted(path.parent.name for path in (attempt / "data" / "attempts").rglob("requests.parquet"))
    assert aside == ["stress_001", "stress_002"], "the rows of other levels are put aside"
