"""Tuning on the embedded server: several points, killed between two of them, over both protocols."""

import json
from dataclasses import replace

import pytest
from published_run import published

from playbook.errors import LoadFailed, PlaybookError
from playbook.promise import Promise
from playbook.records import record
from playbook.serve.cores import split_cpus
from playbook.serve.spec import ServerSpec
from playbook.stress.load import Load
from playbook.tune import fit, tuner
from playbook.tune.objective import Objective
from playbook.tune.plan import TuningPlan
from playbook.tune.search import Budget

SPACE = {
    "enable_batching": [True],
    "max_batch_size": [16, 64],
    "num_batch_threads": [1],
    "rest_api_num_threads": [65],
    "grpc_max_threads": [65],
    "protocol": ["rest", "grpc"],
}


@pytest.fixture(scope="module")
def point(tmp_path_factory):
    """A promise for the default model: two trials in short windows."""
    run = tmp_path_factory.mktemp("run")
    base_path = published(run)
    curve = {"fit": {"a_ms": 0.3, "b_ms": 0.003}}
    record.save(run, "export", params={}, results={"batch_curve": curve}, verdict="exported")
    spec = ServerSpec("digits", base_path, cpus=split_cpus()[0])
    objective = Objective(Promise(200.0), windows=1, tolerance=0.3)
    plan = TuningPlan(SPACE, objective, budget=Budget(trials=2), frontier=1, probe_clients=8, repeats=0, ablation=0)
    return tuner.TuningPoint("digits-200ms", run, spec, plan)


@pytest.fixture(scope="module")
def resumed(point, tmp_path_factory):
    """What was kept of a run whose second point could not be measured, and what its first point is when it goes on.

    The simulator is fitted four times, each in fewer simulated requests than usual: how well is not asked here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "FIT_REQUESTS", 250)
        yield _resumed(point, tmp_path_factory)


def _resumed(point, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    load = Load(duration_s=0.3, ramp_up_s=0.1, client_cpus=split_cpus()[1], rows_per_request=4)
    spec = replace(point.spec, model_base_path=folder / "nowhere")
    with pytest.raises(PlaybookError):
        tuner.tune([point, replace(point, name="digits-100ms", spec=spec)], load, folder)
    values = json.loads((folder / "data" / "tune-digits-200ms.json").read_text())["values"]
    (tuned,), _ = tuner.tune([point], load, folder)
    return values, tuned


def test_a_point_that_was_done_when_the_run_was_killed_is_not_measured_again(resumed):
    values, tuned = resumed
    assert tuned.default == values["default"]
    assert tuned.searched.resumed == len(tuned.searched.trials) == 2
    assert tuned.measured_s == 0.0
    assert tuned.best.score > 0


def test_each_protocol_of_the_space_is_probed_and_simulated_by_its_own_costs(resumed):
    _, tuned = resumed
    assert [probe.config.protocol for probe in tuned.probes] == ["rest"] * 5 + ["grpc"] * 5
    assert {protocol: fitted.path.rows for protocol, fitted in tuned.fits.items()} == {"rest": 4, "grpc": 4}
    closed = [probe for probe in tuned.probes if not probe.rate_rps and not probe.config.enable_batching]
    rate_rps = {probe.config.protocol: probe.throughput_rps for probe in closed}
    shell_ms = {name: fitted.path.shell_in_ms + fitted.path.shell_out_ms for name, fitted in tuned.fits.items()}
    assert rate_rps["rest"] != rate_rps["grpc"]
    assert shell_ms["rest"] != shell_ms["grpc"]  # each by its own probes; which is dearer depends on the machine


def test_a_probe_that_nothing_answers_is_told_with_its_errors(point, tmp_path):
    small = replace(point.plan, space=SPACE | {"max_batch_size": [16], "protocol": ["rest"]})
    load = Load(duration_s=0.3, ramp_up_s=0.1, client_cpus=split_cpus()[1], rows_per_request=32)
    with pytest.raises(
        LoadFailed, match=r"No request was answered with enable_batching=on, max_batch_size=16.*http_400"
    ):
        tuner.tune([replace(point, plan=small)], load, tmp_path)
