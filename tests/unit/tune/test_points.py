"""What 60_tune is asked for is checked before any server is started, and told in words afterwards."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from playbook.chain import params
from playbook.errors import ParameterError
from playbook.tfserving.config import DEFAULT, Config
from playbook.tune import findings, outlook, points, tuner, views
from playbook.tune.fit import Fit
from playbook.tune.plan import Tuned
from playbook.tune.request_path import RequestPath
from playbook.tune.search import SearchResult, Trial

BATCHED = Config(enable_batching=True, max_batch_size=32, rest_api_num_threads=65)


@pytest.fixture
def settings(tmp_path):
    """The notebook's own defaults, on a run folder with an export in it."""
    from playbook.records.runs import NOTEBOOK_DIR

    results = {"model_name": "digits", "base_path": "models/digits", "warmup_sizes": [1, 8]}
    (tmp_path / "export.json").write_text(json.dumps({"schema_version": 1, "params": {}, "results": results}))
    defaults = {name: value for name, (_, value) in params.declared(NOTEBOOK_DIR / "60_tune.ipynb").items()}
    return defaults | {"run_dir": str(tmp_path)}


def test_every_model_and_every_limit_is_a_point(settings):
    several = points.points_of(settings | {"slo_points": [10.0, 25.0]})
    assert [point.name for point in several] == ["digits-50ms", "digits-10ms", "digits-25ms"]
    assert [point.plan.objective.promise.p99_limit_ms for point in several] == [50.0, 10.0, 25.0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"server": "attach"}, "attach"),
        ({"space": {"enable_batching": [True], "max_batch_size": [4, 16]}}, "warm-up records have up to 8 rows"),
        ({"space": {"rest_api_num_threads": [1]}}, "freezes REST"),
        ({"objective": "min_cost_at_rate"}, "objective_rate_rps"),
        ({"p99_limit_ms": -5.0}, "p99_limit_ms"),
        ({"rows_per_request": 32}, "max_batch_size 16, and a request has rows_per_request 32"),
        ({"rows_per_request": 0}, "rows_per_request is 0"),
        ({"protocol": "http"}, "protocol='http' must be rest or grpc"),
    ],
)
def test_what_cannot_be_tuned_is_refused_by_name(settings, change, named):
    with pytest.raises(ParameterError, match=named):
        points.points_of(settings | change)


def test_what_is_tuned_is_the_requests_that_stress_sends(settings):
    asked = settings | {"protocol": "grpc", "rows_per_request": 4, "timeout_s": 2.0}
    (point,), load = points.points_of(asked), points.load_of(asked)
    assert (load.protocol, load.rows_per_request, load.timeout_s) == ("grpc", 4, 2.0)
    assert point.plan.base == Config(protocol="grpc")
    assert {config.protocol for config in point.plan.configs} == {"grpc"}


@pytest.mark.parametrize(
    ("server", "wakeup"), [("embedded", "fast"), ("docker", "tensorflow"), ("binary", "tensorflow")]
)
def test_the_simulator_wakes_batch_threads_as_the_server_does(settings, server, wakeup):
    (point,) = points.points_of(settings | {"server": server})
    assert point.spec.batch_wakeup == wakeup
    assert replace(point.spec, extra_flags=("--batch_wakeup=tensorflow",)).batch_wakeup == "tensorflow"


def test_a_record_says_what_a_timeout_costs_in_the_simulator_and_there():
    said = {wakeup: views.wakeup_words({"simulator": {"batch_wakeup": wakeup}}) for wakeup in ("fast", "tensorflow")}
    assert "(`batch_wakeup=fast`). TensorFlow Serving's look every millisecond" in said["fast"]
    assert "look every 1.06 ms, as TensorFlow Serving's do (`batch_wakeup=tensorflow`)" in said["tensorflow"]
    assert views.wakeup_words({}) == views.wakeup_words({"simulator": {"batch_wakeup": None}}) == ""


def test_protocols_do_not_compete_where_one_is_without_its_compiled_loops(settings, monkeypatch):
    space = {"space": settings["space"] | {"protocol": ["rest", "grpc"]}}
    both = lambda change: {c.protocol for c in points.points_of(settings | space | change)[0].plan.configs}  # noqa: E731
    monkeypatch.setattr("playbook.records.environment.READER", "model_server.never_built")
    with pytest.raises(ParameterError, match="lets REST and gRPC compete"):
        both({})
    assert points.points_of(settings)
    assert both({"server": "docker"}) == {"rest", "grpc"}


@pytest.mark.parametrize(("server", "doubted"), [("embedded", True), ("docker", False)])
def test_protocols_compared_on_the_embedded_server_are_doubted(settings, server, doubted):
    asked = settings | {"server": server, "space": settings["space"] | {"protocol": ["rest", "grpc"]}}
    point, result = tuned(asked, 2000.0)
    said = findings.warnings(findings.results([point], [result]))
    assert any("compare them with server: docker or binary" in text for text in said) is doubted


def test_two_models_of_one_name_are_refused(settings):
    with pytest.raises(ParameterError, match="other_runs leads to digits-50ms more than once"):
        points.points_of(settings | {"other_runs": [settings["run_dir"]]})


def tuned(settings, best_rate: float, default_rate: float = 1000.0, **measured):
    (point,) = points.points_of(settings)
    told = {"kept": True, "valid": True, "p99_ms": 30.0, "p50_ms": 5.0, "nearest_rate_rps": 100.0} | measured
    default, best = ({**told, "rate_rps": rate, "score": rate} for rate in (default_rate, best_rate))
    trials = [Trial(0, DEFAULT, "default", default_rate, default), Trial(1, BATCHED, "frontier", best_rate, best)]
    path = RequestPath(0.2, 0.005, 0.05, 0.05)
    found = SearchResult(trials, "every chosen configuration was measured", 0)
    return point, Tuned(point.plan, default, found, {"rest": Fit(path, [])}, {})


def test_the_configuration_for_all_is_the_one_that_costs_the_worst_point_least():
    quick, both = replace(BATCHED, max_batch_size=8), replace(BATCHED, max_batch_size=16)
    strict = {DEFAULT: 100.0, quick: 1000.0, BATCHED: 0.0, both: 800.0}
    loose = {DEFAULT: 400.0, quick: 500.0, BATCHED: 4000.0, both: 3000.0}
    assert tuner.compromise({"strict": strict, "loose": loose}) == (both, {"strict": 0.8, "loose": 0.75})


def test_points_are_told_apart_in_the_table_and_one_that_nothing_keeps_is_left_out_of_the_one_for_all(settings):
    point, result = tuned(settings, 4000.0)
    other = replace(point, name="digits-0.2ms")
    shared = {"words": "batching", "share_of_best": {point.name: 1.0}, "unreached": [other.name]}
    text = views.verdict(findings.results([point, other], [result, result], shared))
    assert (
        "for all (digits-0.2ms left out, which nothing keeps): batching, with 100% of the best at digits-50ms" in text
    )
    assert "| digits-0.2ms | 1 | frontier |" in views.table(findings.trials_frame([point, other], [result, result]))


def repeats(*pairs):
    """Default and winner measured again in turns, at these rates."""
    return [tuple({"score": rate, "rate_rps": rate, "p99_ms": 30.0, "valid": True} for rate in pair) for pair in pairs]


def test_the_verdict_names_the_change_the_gain_and_what_earned_it(settings):
    point, result = tuned(settings, 4000.0)
    result.repeats = repeats((1000.0, 4100.0), (1000.0, 4000.0), (1010.0, 4050.0))
    result.ablation = [{"knobs": "rest_api_num_threads", "score": 1000.0, "factor": 1.0}]
    result.ablation += [{"knobs": "enable_batching", "score": 4000.0, "factor": 4.0}]
    told = findings.results([point], [result])
    text = views.verdict(told)
    assert "4,050 requests/s" in text
    assert "max_batch_size=32" in text
    assert "4.04 × the default flags' 1,003 requests/s" in text
    assert "4.0 × from enable_batching" in text
    assert told["gain_low"] < told["gain"] < told["gain_high"]


def test_a_limit_nothing_keeps_is_told_with_the_nearest_and_what_limits_it(settings):
    point, result = tuned(settings, 0.0, 0.0, kept=False, p99_ms=80.0)
    text = views.verdict(findings.results([point], [result]))
    assert "no configuration of 2 gives the highest rate" in text
    assert "p99 80 ms at 100/s" in text
    path = result.fits["rest"].path
    assert f"a request alone takes 0.35 ms ({path.run_fixed_ms + path.run_row_ms:.2g} ms of it the graph)" in text


def test_what_was_not_measured_is_not_said_to_break_the_limit(settings):
    wider = settings | {"space": settings["space"] | {"max_batch_size": [8, 16, 32, 64]}}
    point, result = tuned(wider, 0.0, 0.0, kept=False, p99_ms=80.0)
    text = views.verdict(findings.results([point], [result]))
    assert "none of the 2 configurations measured (of 4) gives the highest rate" in text
    found = result.searched
    result.searched = replace(found, trials=found.trials[:1], stopped="the budget of 1 minutes is spent")
    text = views.verdict(findings.results([point], [result]))
    assert "the default flags, which alone were measured of 4 configurations (the budget of 1 minutes is spent)" in text


def test_trials_become_a_table_with_failures_marked(settings):
    point, result = tuned(settings, 4000.0)
    dead = Trial(2, replace(BATCHED, max_batch_size=64), "frontier", None, {"score": None}, "the server ended")
    result.searched.trials.append(dead)
    trials = findings.trials_frame([point], [result])
    table = views.table(trials)
    assert "| 1 | frontier |" in table
    assert "failed" in table
    assert findings.warnings(findings.results([point], [result])) == [
        "enable_batching=on, max_batch_size=64, rest_api_num_threads=65: the server ended"
    ]
    assert "Predicted against measured" in views.predicted_against_measured(trials).alt


def test_a_default_that_breaks_the_limit_is_said_to(settings):
    point, result = tuned(settings, 4000.0, 0.0)
    text = views.verdict(findings.results([point], [result]))
    assert "4,000 requests/s" in text
    assert "the default flags do not keep the limit" in text


def test_a_point_that_was_skipped_is_told_with_the_reason_and_everything_else_is_empty(settings, tmp_path):
    (point,) = points.points_of(settings)
    result = Tuned.skip(point.plan, "one row takes 87 ms alone on one core; the limit is 50 ms.")
    told = findings.results([point], [result])
    trials = findings.trials_frame([point], [result])
    findings.keep_trials(tmp_path, trials)
    assert not (tmp_path / "data" / "trials.parquet").exists()
    assert views.verdict(told) == (
        "'digits' on the embedded server was not tuned: one row takes 87 ms alone on one core; the limit is 50 ms."
    )
    assert (told["best"], told["gain"], told["gain_shown"]) == (None, None, False)
    assert findings.warnings(told) == []
    assert "Nothing was tuned" in views.table(trials)
    assert views.ablation_table(result)
    assert "0 trials" in views.predicted_against_measured(trials).alt


def exported_with(settings, **more):
    """The run's export.json with further results."""
    path = Path(settings["run_dir"]) / "export.json"
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"results": kept["results"] | more}))


MERGING = {"shapes": 9, "padded_rows": 20, "changed_rows": 0, "outputs": [], "worst": 0.0, "refused": None}


def test_lengths_that_only_padding_merges_are_padded_wherever_they_are_batched(settings):
    exported_with(settings, merging=MERGING)
    (point,) = points.points_of(settings)
    assert all(config.pad_variable_length_inputs for config in point.plan.configs if config.enable_batching)
    assert any(config.enable_batching for config in point.plan.configs)
    assert "9 shapes" in views.plan_table([point], points.load_of(settings))


def test_batching_leaves_the_space_where_padding_changes_answers_and_the_record_warns(settings):
    exported_with(settings, merging=MERGING | {"changed_rows": 20, "outputs": ["logits"]})
    (point,) = points.points_of(settings)
    assert not any(config.enable_batching for config in point.plan.configs)
    assert "20 of 20 reference rows (logits)" in point.plan.unbatched
    result = Tuned.skip(point.plan, "no time")
    assert any(
        "Batching left the space: requests come in 9" in w
        for w in findings.warnings(findings.results([point], [result]))
    )


def test_grpc_calls_join_the_space_where_requests_may_come_by_grpc(settings):
    def calls(**change):
        (point,) = points.points_of(settings | change)
        return point.plan.space.get("grpc_max_threads")

    assert calls() is None
    assert calls(protocol="grpc") == [65]  # as many as the space has HTTP threads
    assert calls(protocol="grpc", probe_clients=200) == [200]
    assert calls(space=settings["space"] | {"protocol": ["rest", "grpc"]}) == [65]
    assert calls(protocol="grpc", space={"enable_batching": [True]}) == [64]
    assert calls(protocol="grpc", space=settings["space"] | {"grpc_max_threads": [8, 16]}) == [8, 16]


def test_what_stress_timed_on_the_server_is_what_tuning_is_planned_by(settings):
    run = Path(settings["run_dir"])
    curve = {"batch_sizes": [1], "latency_ms": [0.7], "fit": {"a_ms": 0.0, "b_ms": 0.7}}
    exported = json.loads((run / "export.json").read_text())
    exported["results"]["batch_curve"] = curve
    (run / "export.json").write_text(json.dumps(exported))
    (point,), load = points.points_of(settings), points.load_of(settings)
    by_graph = outlook.planned(point, load, 3600.0).planned_s
    stressed = {"schema_version": 1, "params": {}, "results": {"request_ms": 14.7}}
    (run / "stress.json").write_text(json.dumps(stressed))  # pictures as JSON: twenty times what the graph takes
    assert outlook.planned(point, load, 3600.0).planned_s > 2 * by_graph
