"""A configuration that answers wrongly has no rate: it is named, and the run fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from playbook.chain import outcome
from playbook.errors import WrongAnswers
from playbook.records import record
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.tfserving.config import Config
from playbook.tfserving.reference import Reference
from playbook.tune.workbench import Workbench

HELPER = Path(__file__).parents[2] / "helpers" / "batch_bound_model.py"
BATCHED = Config.of({"enable_batching": True, "max_batch_size": 16, "batch_timeout_micros": 5000})


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run")
    version = run / "models" / "bound" / "1"
    subprocess.run([sys.executable, HELPER, version], check=True, capture_output=True)
    rows = np.random.default_rng(7).random((32, 4), np.float32)
    Reference("serving_default", {"inputs": rows}, {"y": rows.mean(axis=1)}).save(run)
    return run


def test_an_answer_that_depends_on_its_company_is_found_where_requests_share_a_batch(run_dir: Path) -> None:
    server, client = split_cpus()
    spec = ServerSpec("bound", run_dir / "models" / "bound", cpus=server)
    load = Load(duration_s=0.5, ramp_up_s=0.2, client_cpus=client)
    with Workbench(spec, run_dir, load) as bench:
        alone = bench.hold(bench.start("plain", Config()), arrival="closed", concurrency=8)
        assert alone["answers"]["checked"] > 100
        assert bench.wrong == []
        with pytest.raises(WrongAnswers, match="checked replies were not the expected answer"):
            bench.hold(bench.start("batched", BATCHED), arrival="closed", concurrency=8)
        assert bench.wrong[0].startswith("with enable_batching=on, max_batch_size=16, batch_timeout_micros=5000")


@pytest.mark.parametrize(
    ("verb", "results"),
    [
        ("tune", {"failures": ["with enable_batching=on: 3 of 900 checked replies were not the expected answer"]}),
        ("adapt", {"contenders": [{"name": "fixed low latency", "failed_checks": ["wrong_answers"]}]}),
        ("deploy", {"refuted": ["2 of 900 checked replies of the rehearsal were wrong answers"]}),
    ],
)
def test_wrong_answers_of_any_stage_end_the_run_with_1(tmp_path: Path, verb: str, results: dict) -> None:
    record.save(tmp_path, verb, params={}, results=results, verdict="said")
    ended = outcome.outcome(tmp_path)
    assert ended.code == 1
    assert ended.why.startswith(f"{verb}: ")
