"""What 70_adapt is asked for is checked before a server is started, and who plays follows from what was tuned."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from playbook.adapt import contest
from playbook.chain import params
from playbook.errors import ParameterError
from playbook.records import record
from playbook.records.runs import NOTEBOOK_DIR
from playbook.tfserving.config import Config
from playbook.tune.request_path import RequestPath

WINNER = Config(
    enable_batching=True, max_batch_size=64, batch_timeout_micros=500, rest_api_num_threads=33, num_batch_threads=2
)


@pytest.fixture
def settings(tmp_path):
    """The notebook's own defaults, on a run folder with an export in it."""
    results = {"model_name": "digits", "base_path": "models/digits"}
    record.save(tmp_path, "export", params={}, results=results, verdict="exported")
    defaults = {name: value for name, (_, value) in params.declared(NOTEBOOK_DIR / "70_adapt.ipynb").items()}
    return defaults | {"run_dir": str(tmp_path)}


@pytest.fixture
def tuned(settings, tmp_path):
    """The same after a tuning over REST."""
    path = asdict(RequestPath(0.1, 0.004, 0.03, 0.02))
    best = {"config": WINNER.plain(), "rate_rps": 9000.0}
    results = {"best": best, "simulator": {"paths": {"rest": path}}}
    record.save(tmp_path, "tune", params={}, results=results, verdict="tuned")
    return settings


def test_without_a_tuning_the_load_is_probed_and_the_fixed_choices_differ_in_batching_alone(settings):
    stage = contest.stage(settings)
    low, high, policy = stage.contenders
    assert stage.highest_rps == 0.0
    assert (low.config.max_batch_size, high.config.max_batch_size) == (8, 64)
    assert low.config.rest_api_num_threads == high.config.rest_api_num_threads == 65
    assert (policy.name, policy.config) == ("policy aimd", low.config)


def test_after_a_tuning_its_winner_is_the_fixed_choice_for_throughput_and_its_threads_are_shared(tuned):
    stage = contest.stage(tuned)
    low, high, _ = (contender.config for contender in stage.contenders)
    assert stage.highest_rps == 9000.0
    assert high == WINNER
    assert (low.max_batch_size, low.rest_api_num_threads, low.num_batch_threads) == (8, 33, 2)


def test_the_load_is_of_the_requests_that_were_asked_for(settings):
    stage = contest.stage(settings | {"protocol": "grpc", "rows_per_request": 8})
    assert (stage.load.protocol, stage.load.rows_per_request) == ("grpc", 8)
    assert stage.contenders[0].config.grpc_max_threads == 65


def test_the_policy_model_asks_the_simulator_of_its_protocol(tuned):
    assert contest.stage(tuned | {"policies": ["model"]}).contenders[-1].name == "policy model"
    with pytest.raises(ParameterError, match="fitted to rest; the requests are grpc"):
        contest.stage(tuned | {"policies": ["model"], "protocol": "grpc"})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"server": "attach"}, "playbook adapt --url"),
        ({"policies": ["threshhold"]}, "policy is 'threshhold'"),
        ({"policies": ["model"]}, "run the 'tune' notebook first"),
        ({"batch_size_bounds": [64, 8]}, "bounds of max_batch_size are 64 to 8"),
        ({"rows_per_request": 16}, "rows_per_request is 16; it must be 1 to 8"),
        ({"rows_per_request": 0}, "rows_per_request is 0"),
    ],
)
def test_what_cannot_be_played_is_refused_by_name(settings, change, named):
    with pytest.raises(ParameterError, match=named):
        contest.stage(settings | change)
