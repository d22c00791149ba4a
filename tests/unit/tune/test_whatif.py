"""What if: the simulator behind sliders; what it says is marked as predicted, and refused requests are told."""

from __future__ import annotations

import json

import pytest

from playbook.promise import Promise
from playbook.records import runs
from playbook.tfserving.config import Config
from playbook.tune import maps, whatif
from playbook.tune.objective import Objective
from playbook.tune.plan import Tuned, TuningPlan
from playbook.tune.request_path import RequestPath
from playbook.tune.search import SearchResult, Trial


@pytest.fixture(scope="module")
def path() -> RequestPath:
    """The path that tune fitted for the committed example."""
    tune = json.loads((runs.ROOT / "outputs" / "example" / "tune.json").read_text())["results"]
    return RequestPath(**tune["points"][0]["simulator"]["paths"]["rest"])


@pytest.fixture(scope="module")
def asked(path: RequestPath) -> whatif.WhatIf:
    best = Config(
        enable_batching=True, max_batch_size=64, batch_timeout_micros=1000, num_batch_threads=1, rest_api_num_threads=65
    )
    return whatif.WhatIf(path, Config(), best, 50.0)


def test_more_rate_gives_more_latency_and_a_larger_batch_more_rate(asked: whatif.WhatIf, path: RequestPath) -> None:
    slow, fast = (whatif.predict(path, asked.best, 50.0, rate) for rate in (2_000.0, 26_000.0))
    assert slow.p99_ms < fast.p99_ms
    assert slow.inside_rps > 2 * whatif.predict(path, asked.default, 50.0).inside_rps


def test_what_is_said_is_marked_as_predicted(asked: whatif.WhatIf) -> None:
    said = asked.told(limit_ms=50.0, rate_rps=2_000.0, batch=64, timeout=1000, threads=1)
    assert said.startswith("predicted, not measured: p99 <b>")
    assert "inside the limit" in said
    assert 'aria-label="Predicted p99 over rate' in said
    assert asked.picture().alt.startswith("Predicted p99 over rate")


def test_beyond_what_it_carries_no_p99_is_claimed(path: RequestPath) -> None:
    asked = whatif.WhatIf(path, Config(), Config(), 1000.0)
    assert "60,000/s is more than it carries" in asked.told(1000.0, 60_000.0, 1, 0, 1)


def test_refused_requests_are_told() -> None:
    seen = whatif.Predicted(100.0, 1000.0, 3.0, 0.02, ())
    assert whatif._at_the_rate(seen, 50.0, 500.0) == "2.0% of 500/s are refused, the queue being full"


def test_without_a_fitted_simulator_nothing_is_predicted() -> None:
    asked = whatif.WhatIf(None, Config(), Config(), 50.0)
    assert asked.told(50.0, 10.0, 8, 0, 1).startswith("No prediction")
    assert "no simulator was fitted" in asked.picture().alt
    assert asked.picture().svg()


def test_the_sliders_predict_anew_when_one_is_moved(asked: whatif.WhatIf) -> None:
    box = asked.sliders()
    controls, out = box.children
    before = out.value
    batch = next(control for control in controls.children if control.description == "max_batch_size")
    batch.value = 1
    assert out.value != before


def test_the_map_tells_predictions_and_measurements_knob_by_knob() -> None:
    space = {"max_batch_size": [16, 64], "enable_batching": [True], "batch_timeout_micros": [0, 1000]}
    plan = TuningPlan(space, Objective(Promise(50.0)))
    predicted = {config: {"score": 100.0 * (config.max_batch_size or 1)} for config in plan.configs}
    trials = [Trial(0, plan.configs[0], "frontier", 1500.0, {})]
    picture = maps.search_map(Tuned(plan, {}, SearchResult(trials, "done", 4), {}, predicted))
    assert picture.alt.startswith("Score by knob, 4 predicted and 1 measured.")
    assert "max_batch_size: 16 up to 1,600, 64 up to 6,400" in picture.alt
    assert "enable_batching" not in picture.alt
    assert picture.svg().count(">batch_timeout_micros</text>") == 1


def test_a_search_that_was_left_out_has_a_map_without_points() -> None:
    skipped = Tuned.skip(TuningPlan({"max_batch_size": [1, 2]}, Objective(Promise(50.0))), "too slow")
    assert maps.search_map(skipped).alt.startswith("Score by knob, 0 predicted and 0 measured")
    assert maps.default_beside_tuned(skipped).svg()
    assert whatif.what_if(skipped).path is None
