"""A slow model on a real server: told at once where it is hopeless, tuned inside its budget where it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from playbook.promise import Promise
from playbook.records import record
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stage_plan import stretch
from playbook.stress.load import Load
from playbook.tune import findings, tuner, views
from playbook.tune.objective import Objective
from playbook.tune.plan import TuningPlan, TuningPoint
from playbook.tune.search import Budget

HELPER = Path(__file__).parents[2] / "helpers" / "slow_model.py"
SPACE = {"enable_batching": [True], "max_batch_size": [4, 8], "num_batch_threads": [1], "rest_api_num_threads": [33]}
ROW_MS = 5.0


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a model of some milliseconds a row published in it."""
    run, model = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("model") / "saved"
    subprocess.run([sys.executable, HELPER, model, str(ROW_MS), run], check=True, capture_output=True)
    return run


def point_of(run: Path, limit_ms: float, minutes: float, curve_ms: float) -> TuningPoint:
    curve = {"fit": {"a_ms": 0.5, "b_ms": curve_ms}}
    (run / "export.json").unlink(missing_ok=True)
    record.save(run, "export", params={}, results={"batch_curve": curve}, verdict="exported")
    spec = ServerSpec("slow", (run / "models" / "slow").resolve(), cpus=split_cpus()[0])
    objective = Objective(Promise(limit_ms), windows=3, tolerance=0.1)
    plan = TuningPlan(SPACE, objective, budget=Budget(trials=3, minutes=minutes), frontier=1, repeats=0, ablation=1)
    return TuningPoint("slow", run, spec, plan)


def load() -> Load:
    return Load(duration_s=0.5, ramp_up_s=0.2, client_cpus=split_cpus()[1])


def test_a_request_that_alone_takes_longer_than_the_limit_on_the_server_ends_the_stage_at_once(
    run_dir: Path, tmp_path: Path
) -> None:
    point = point_of(run_dir, limit_ms=2.0, minutes=3.0, curve_ms=1.3)  # export was on a faster machine, it says
    (tuned,), _ = tuner.tune([point], load(), tmp_path)
    results = findings.results([point], [tuned])
    assert "ms on the server, and the limit is 2 ms" in results["skipped"]
    assert views.verdict(results).startswith("'slow' on the embedded server was not tuned: one request alone took")
    assert (results["best"], results["gain"], results["trials"]) == (None, None, 0)
    assert tuned.measured_s < 3
    assert views.table(findings.trials_frame([point], [tuned]))


def test_a_slow_model_is_tuned_inside_its_budget_and_says_what_it_left_out(run_dir: Path, tmp_path: Path) -> None:
    budget_s = 36.0
    point = point_of(run_dir, limit_ms=4000.0, minutes=budget_s / 60, curve_ms=ROW_MS)
    (tuned,), _ = tuner.tune([point], load(), tmp_path)
    results = findings.results([point], [tuned])
    if results["skipped"] and "max_minutes allows" in results["skipped"]:
        pytest.skip(f"this machine has no time for the least: {results['skipped']}")
    assert tuned.took_s < 1.25 * budget_s * max(stretch(), stretch.__wrapped__())  # by what else runs here
    assert results["left_out"]
    assert all(text in " ".join(findings.warnings(results)) for text in results["left_out"])
    assert results["default"]["p99_ms"] is None  # not enough for one, and not called one
    if not results["default"]["score"]:
        pytest.skip("others used this machine so much that no window kept the limit")
    assert results["default"]["requests"] >= 100
    told = findings.figure(results["kind"], results["default"])
    assert f"of {results['default']['requests']:.0f} requests beyond the limit" in told
    assert findings.figure(results["kind"], results["best"]) in views.verdict(results)
