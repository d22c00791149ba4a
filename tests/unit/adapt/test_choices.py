"""What 70_adapt is asked for is checked before a server is started, and who plays follows from what was tuned."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from playbook.adapt import choices, demonstration, expense, findings, views, words
from playbook.chain import params
from playbook.errors import ParameterError
from playbook.records import record
from playbook.records.runs import NOTEBOOK_DIR
from playbook.serve.expense import START_S
from playbook.stage_plan import stretch
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
    stage = choices.prepare(settings)
    low, high, policy = stage.choices
    assert stage.highest_rps == 0.0
    assert (low.config.max_batch_size, high.config.max_batch_size) == (8, 64)
    assert low.config.rest_api_num_threads == high.config.rest_api_num_threads == 65
    assert (policy.name, policy.config) == ("policy aimd", low.config)


def test_a_probe_is_planned_with_its_last_answers_and_the_change_that_the_first_choice_then_needs(settings):
    parts = dict(expense.stage(prepared := choices.prepare(settings)).parts)
    known = dict(expense.stage(choices.prepare(settings | {"highest_rps": 50.0})).parts)
    assert parts["changing the server"] == pytest.approx(known["changing the server"] * 4 / 3)
    times = demonstration.probe_times(prepared)
    assert parts["a probe of what it carries"] > times["duration_s"] + 2 * times["ramp_up_s"]
    assert "a probe of what it carries" not in known


def test_a_slow_load_is_planned_for_every_change_and_what_is_still_answered_for_every_choice(settings, tmp_path):
    quick = dict(expense.stage(choices.prepare(settings)).parts)
    record.save(tmp_path, "serve", params={}, results={"start_s": 61.0}, verdict="")
    stressed = {"levels": [{"concurrency": 1, "latency_mean_ms": 900.0}], "request_ms": 1500.0}
    record.save(tmp_path, "stress", params={}, results=stressed, verdict="")
    prepared = choices.prepare(settings)
    assert prepared.request_ms == 900.0  # of its level of one client, not of the few requests before
    slow = dict(expense.stage(prepared).parts)
    assert slow["changing the server"] == pytest.approx(4 * (61.0 - START_S * stretch()))
    name = next(words for words in slow if "choices of" in words)
    assert slow[name] - quick[name] == pytest.approx(3 * expense.LATE * (0.9 - 0.001))


def test_after_a_tuning_its_winner_is_the_fixed_choice_for_throughput_and_its_threads_are_shared(tuned):
    stage = choices.prepare(tuned)
    low, high, _ = (choice.config for choice in stage.choices)
    assert stage.highest_rps == 9000.0
    assert high == WINNER
    assert (low.max_batch_size, low.rest_api_num_threads, low.num_batch_threads) == (8, 33, 2)


def test_the_load_is_of_the_requests_that_were_asked_for(settings):
    stage = choices.prepare(settings | {"protocol": "grpc", "rows_per_request": 8})
    assert (stage.load.protocol, stage.load.rows_per_request) == ("grpc", 8)
    assert stage.choices[0].config.grpc_max_threads == 65


def test_the_policy_model_asks_the_simulator_of_its_protocol(tuned):
    assert choices.prepare(tuned | {"policies": ["model"]}).choices[-1].name == "policy model"
    with pytest.raises(ParameterError, match="fitted to rest; the requests are grpc"):
        choices.prepare(tuned | {"policies": ["model"], "protocol": "grpc"})


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
        choices.prepare(settings | change)


SLOW = {"batch_curve": {"fit": {"a_ms": 80.0, "b_ms": 7.0}}}
FIXED = {"signature": "s", "signatures": [{"name": "s", "inputs": [{"alias": "image", "shape": [1, -1, -1, 3]}]}]}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (SLOW, "one row takes 87 ms alone on one core"),
        (FIXED, "the first dimension of input 'image' is fixed ([1, ?, ?, 3])"),
    ],
)
def test_what_is_pointless_is_skipped_with_the_reason_and_the_notebook_runs_through(settings, tmp_path, more, told):
    exported = {"model_name": "digits", "base_path": "models/digits"} | more
    other = tmp_path / "other"
    record.save(other, "export", params={}, results=exported, verdict="exported")
    prepared = choices.prepare(settings | {"run_dir": str(other), "policies": ["aimd", "model"][:1]})
    played = demonstration.play(prepared)
    results = findings.results(prepared, played)
    demonstration.keep_seconds(other, played)
    assert told in words.verdict(results)
    assert words.verdict(results).startswith("Adapting was not tried on 'digits'")
    for shown in (views.choices_table(prepared), views.table(played), views.changes_table(played)):
        assert shown
    assert "Nothing was held" in views.timeline(played, 50.0).alt


def test_where_tune_was_skipped_the_policy_model_is_left_out_and_said(settings, tmp_path):
    results = {"best": None, "skipped": "even the default takes 9 min", "simulator": {"paths": {}}}
    record.save(tmp_path, "tune", params={}, results=results, verdict="not tuned")
    prepared = choices.prepare(settings | {"policies": ["aimd", "model"]})
    assert [choice.name for choice in prepared.choices][-1] == "policy aimd"
    assert "policy model is left out" in prepared.notes[0]
    assert prepared.highest_rps == 0.0
