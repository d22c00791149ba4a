"""Beside a process that takes half a core at random, a run claims nothing that a quiet run contradicts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from command import playbook

from playbook.records import record, runs

NEIGHBOUR = Path(__file__).parents[1] / "helpers" / "busy_neighbour.py"
LOAD = {"concurrency": [4], "rate_shares": [0.5], "duration_s": 1.0, "ramp_up_s": 0.3, "monitor_every_s": 0.3}
PROOF = {"prove_level_s": 1.0, "prove_s": 5.0, "target_rate_rps": 400.0, "p99_limit_ms": 50.0, "seed": 7}


@pytest.fixture
def proven(exported: Path, tmp_path: Path) -> Callable[[], Path]:
    """proven(): serve and prove once more from the same model; the run it made."""
    base = shutil.copytree(exported, tmp_path / "20260101T000000Z-noisy")
    note = {"run_id": base.name, "params_name": "noisy", "params": {}, "verbs": [], "started_utc": "2026-01-01"}
    (base / "run.json").write_text(json.dumps(note))
    (tmp_path / "noisy.yml").write_text(yaml.safe_dump(LOAD | PROOF))

    def run() -> Path:
        only = [word for verb in ("serve", "prove") for word in ("--only", verb)]
        words = ["run", tmp_path / "noisy.yml", *only, "--outputs", tmp_path, "--resume", base.name]
        done = playbook(*words, timeout_s=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return runs.find(tmp_path, "latest")

    return run


def test_no_claim_of_a_disturbed_run_is_one_that_a_quiet_run_contradicts(proven) -> None:
    quiet = record.load(proven(), "prove")["results"]
    neighbour = subprocess.Popen([sys.executable, NEIGHBOUR], stdin=subprocess.PIPE)
    try:
        noisy = record.load(proven(), "prove")["results"]
    finally:
        neighbour.communicate(timeout=10)
    assert {quiet["answer"], noisy["answer"]} != {"KEPT", "NOT KEPT"}, (quiet["why"], noisy["why"])
    if noisy["answer"] == "NOT PROVEN":
        assert noisy["why"], "what kept it from a proof is said"
        assert noisy["next_step"]
    most = max(level["throughput_rps"] for results in (quiet, noisy) for level in results["levels"])
    assert (noisy["carried_rps"] or 0.0) <= 2.0 * most
