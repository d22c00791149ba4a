"""Who else used the machine while the levels of a run were held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from fake_run import make

from playbook.records import record, run_folder
from playbook.stress import neighbours

CORES = int(record.environment()["cores"])


def beside(run: Path, share: float) -> Path:
    """The run on a machine of which this share of the cores was used while its first level was held."""
    rows = run_folder.read(run).rows(0)
    at_ns = np.linspace(rows.scheduled_ns.min(), rows.done_ns.max(), 8).astype(np.int64)
    used_s = np.linspace(0, share * CORES * float(at_ns[-1] - at_ns[0]) / 1e9, 8)
    samples = pd.DataFrame({"at_ns": at_ns}).assign(who="machine", cpu_s=used_s, rss_bytes=2**30)
    record.write_parquet(run / "data" / "resources" / "part-00009.parquet", samples)
    return run


def test_processes_beside_server_and_load_are_told(tmp_path: Path) -> None:
    run = beside(make(tmp_path / "run"), 2.0)
    told = neighbours.disturbance(run, run_folder.read(run).levels)
    assert told is not None
    assert told.startswith("other processes used ")
    assert told.endswith(f" of {CORES} cores")


def test_a_quiet_machine_and_one_that_was_not_sampled_disturb_nothing(tmp_path: Path) -> None:
    quiet = beside(make(tmp_path / "quiet"), 0.05)
    assert neighbours.disturbance(quiet, run_folder.read(quiet).levels) is None
    unseen = make(tmp_path / "unseen", metrics=False)
    assert neighbours.disturbance(unseen, run_folder.read(unseen).levels) is None


def test_beside_an_attached_server_nothing_is_said(tmp_path: Path) -> None:
    run = beside(make(tmp_path / "run", server="attach"), 2.0)
    assert neighbours.disturbance(run, run_folder.read(run).levels) is None
