"""What `playbook adapt` takes of its server and of a tuned run, before it asks either anything."""

from __future__ import annotations

from dataclasses import replace

from playbook.adapt import command
from playbook.adapt.policies import Bounds, model
from playbook.monitor.sensor import SensorWindow
from playbook.promise import Promise
from playbook.records import record
from playbook.tune.request_path import RequestPath, slots


def test_threads_that_are_not_told_are_the_servers_defaults_so_that_the_policy_model_can_simulate_it(tmp_path):
    told = command.threads_of(command.Settings("http://localhost:8501", tmp_path), None)
    assert (slots(told, 2), told.effective("num_batch_threads", 2)) == (7, 2)
    batched = replace(told, enable_batching=True, max_batch_size=16)
    policy = model(Promise(50.0), Bounds((8, 16), (0, 1000)), RequestPath(0.1, 0.01, 0.03, 0.02), batched)
    assert policy(SensorWindow(1.0, 200.0, 0.0, 2.0, 5.0, None, None), batched).config.enable_batching


def test_threads_that_are_told_are_taken(tmp_path):
    asked = command.Settings("http://localhost:8501", tmp_path, rest_api_num_threads=33, num_batch_threads=2)
    told = command.threads_of(asked, {"best": {"config": {"protocol": "grpc"}}})
    assert (told.rest_api_num_threads, told.num_batch_threads, told.protocol) == (33, 2, "grpc")


def test_a_run_whose_tuning_was_skipped_counts_as_not_tuned(tmp_path):
    assert command.tuned_of(None) is None
    record.save(tmp_path, "tune", params={}, results={"skipped": "a limit nothing keeps", "best": None}, verdict="none")
    assert command.tuned_of(tmp_path) is None
