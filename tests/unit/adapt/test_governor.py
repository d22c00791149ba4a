"""Policies and their governor in simulated time: hysteresis, cool-down, rollback, and no swinging."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from playbook.adapt.controller import Adapted
from playbook.adapt.demonstration import Choice, ChoiceRun
from playbook.adapt.governor import Governor, Rules
from playbook.adapt.policies import Bounds, Wish, aimd, model, threshold
from playbook.adapt.views import timeline
from playbook.drawing.canvas import LIGHT
from playbook.errors import ParameterError
from playbook.monitor.sensor import SensorWindow
from playbook.promise import Promise
from playbook.tfserving.config import Config
from playbook.tune.request_path import RequestPath

LIMIT, BOUNDS = Promise(50.0), Bounds((8, 128), (0, 8000))
START = Config(enable_batching=True, max_batch_size=32, batch_timeout_micros=2000)


def window(rate: float, p99: float | None, errors: float = 0.0) -> SensorWindow:
    return SensorWindow(5.0, rate, errors, p99, p99, 1.0, 4.0)


@pytest.mark.parametrize(
    ("rate", "p99", "size"),
    [(500, 20.0, 48), (80, 20.0, 32), (500, 70.0, 32), (500, 120.0, 16), (80, 120.0, 16), (500, None, 32)],
)
def test_threshold_grows_when_busy_and_fast_and_shrinks_above_twice_the_limit(rate, p99, size):
    assert threshold(LIMIT, BOUNDS)(window(rate, p99), START).config.max_batch_size == size


def test_aimd_adds_a_step_and_halves():
    policy = aimd(LIMIT, BOUNDS)
    assert policy(window(500, 10.0), START).config.max_batch_size == 40
    assert policy(window(500, 60.0), START).config.max_batch_size == 16
    assert policy(window(500, 45.0), START).config == START


def test_policies_stay_inside_their_bounds():
    for policy in (threshold(LIMIT, BOUNDS), aimd(LIMIT, BOUNDS)):
        config = START
        for _ in range(30):
            config = policy(window(900, 5.0), config).config
        assert (config.max_batch_size, config.batch_timeout_micros) == (128, 8000)
        for _ in range(30):
            config = policy(window(900, 500.0), config).config
        assert (config.max_batch_size, config.batch_timeout_micros) == (8, 0)


def test_bounds_that_cross_are_refused():
    with pytest.raises(ParameterError, match="max_batch_size"):
        Bounds(max_batch_size=(64, 8))


def test_model_waits_for_larger_batches_only_when_the_rate_needs_them():
    path = RequestPath(0.4, 0.002, 0.02, 0.01, batch_fixed_ms=0.05, cores=1, spread=0.1)
    waiting = Config(enable_batching=True, max_batch_size=64, batch_timeout_micros=8000, rest_api_num_threads=300)
    policy = model(LIMIT, BOUNDS, path, waiting)
    assert policy(window(100, 9.0), waiting).config.batch_timeout_micros == 0
    quick = Config(enable_batching=True, max_batch_size=8, batch_timeout_micros=0, rest_api_num_threads=300)
    busy = policy(window(14_000, 90.0), quick).config
    assert busy.max_batch_size > 8


def test_the_governor_waits_for_a_second_window_and_then_cools_down():
    governor = Governor(threshold(LIMIT, BOUNDS), LIMIT, Rules(confirm=2, cool_down_s=20))
    config, actions = START, []
    for at in range(0, 60, 5):
        decision = governor.decide(float(at), window(500, 20.0), config)
        config, actions = decision.config, [*actions, decision.action]
    changed = [5 * place for place, action in enumerate(actions) if action == "change"]
    assert changed == [5, 25, 45]


def test_a_change_that_made_it_worse_is_taken_back_and_not_tried_again_soon():
    wide = Config(enable_batching=True, max_batch_size=64, batch_timeout_micros=8000)
    governor = Governor(lambda seen, now: Wish(wide, "wish"), LIMIT, Rules(confirm=1, cool_down_s=5, distrust_s=100))
    config, backs, tries = START, [], []
    for at in range(0, 100, 5):
        decision = governor.decide(float(at), window(500, 80.0 if config == wide else 30.0), config)
        backs += [at] * (decision.action == "back")
        tries += [at] * (decision.action == "change")
        config = decision.config
    assert tries == [0]
    assert backs == [10]
    assert config == START


def test_more_errors_are_taken_back_even_when_latency_is_fine():
    other = Config(enable_batching=True, max_batch_size=16)
    governor = Governor(lambda seen, now: Wish(other, "wish"), LIMIT, Rules(confirm=1, cool_down_s=0))
    governor.decide(0.0, window(500, 30.0), START)
    governor.decide(5.0, window(500, 20.0, errors=0.1), other)
    assert governor.decide(10.0, window(500, 20.0, errors=0.1), other).action == "back"


def test_a_rise_of_the_rate_is_no_reason_to_take_a_change_back():
    other = Config(enable_batching=True, max_batch_size=64)
    governor = Governor(lambda seen, now: Wish(other, "wish"), LIMIT, Rules(confirm=1, cool_down_s=0))
    governor.decide(0.0, window(500, 30.0), START)
    governor.decide(5.0, window(900, 70.0), other)
    assert governor.decide(10.0, window(900, 70.0), other).action == "stay"


def test_a_policy_that_oscillates_is_held_still():
    low, high = (Config(enable_batching=True, max_batch_size=size) for size in (8, 64))
    swinging = Governor(
        lambda seen, now: Wish(low if now == high else high, "swing"), LIMIT, Rules(confirm=1, cool_down_s=5)
    )
    config, changes = low, 0
    for at in range(0, 600, 5):
        decision = swinging.decide(float(at), window(500, 20.0), config)
        changes += decision.action == "change"
        config = decision.config
    free = 600 / 10
    assert changes < free / 3


def test_noise_around_the_limit_changes_nothing():
    governor = Governor(aimd(LIMIT, BOUNDS), LIMIT, Rules(confirm=2, cool_down_s=5))
    actions = {governor.decide(5.0 * i, window(500, 51.0 if i % 2 else 45.0), START).action for i in range(100)}
    assert actions == {"stay"}


def test_the_timeline_names_each_change_by_its_batch_size_and_its_waiting_time():
    changed = (
        "max_batch_size 8, max_enqueued_batches 1000",
        "max_batch_size 64, batch_timeout_micros 2500",
        "batching off",
    )
    changes = [{"at_ns": int(at * 1e9), "after": words} for at, words in enumerate(changed)]
    seconds = pd.DataFrame(
        {
            "second": [0, 1],
            "offered": [100, 200],
            "p99_ms": [2.0, 60.0],
            "slowest_ms": [3.0, 70.0],
            "kept": [True, False],
        }
    )
    choice = Choice("policy aimd", Config(), lambda: None)
    picture = timeline([ChoiceRun(choice, seconds, Adapted(Config(), changes=changes), {}, 0)], 50.0)
    figure = Figure()
    picture.draw(figure, LIGHT)
    told = [text.get_text().strip() for axes in figure.axes for text in axes.texts]
    assert [text for text in told if "limit" not in text] == ["8", "64, 2.5 ms", "off"]
    assert "policy aimd kept 1 of 2 seconds" in picture.alt
