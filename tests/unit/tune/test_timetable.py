"""The time of a tuning is planned from the time of one request, fits its budget, and says what it leaves out."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from playbook.promise import Promise
from playbook.records.batch_curve import request_ms
from playbook.stress.load import Load
from playbook.tfserving.mergeable import unbatchable
from playbook.tune.hopeless import hopeless
from playbook.tune.objective import Objective
from playbook.tune.outlook import in_batch
from playbook.tune.plan import TuningPlan
from playbook.tune.probing import Probing
from playbook.tune.rates import FEWEST
from playbook.tune.search import Budget
from playbook.tune.timetable import LONGEST, SAMPLES, timetable
from playbook.tune.timing import OPEN_SHARE, BudgetClock, Timing

SPACE = {"enable_batching": [True], "max_batch_size": [16, 32, 64], "batch_timeout_micros": [0, 1000, 3000]}
PLAN = TuningPlan(SPACE, Objective(Promise(1000.0), windows=4), budget=Budget(trials=10), repeats=4)
LOAD = Load(duration_s=1.0, ramp_up_s=0.2)


def table_of(request_ms: float, minutes: float = 10.0, plan: TuningPlan = PLAN):
    return timetable(plan, LOAD, Timing(request_ms, 1, 2.0), 60 * minutes)


def test_a_fast_model_is_tuned_as_asked_for() -> None:
    table = table_of(0.2)
    assert table.plan == PLAN
    assert table.left_out == ()
    assert table.fits
    assert (table.samples, table.probe_clients) == (SAMPLES, PLAN.probe_clients)


@pytest.mark.parametrize("ms", [5.0, 20.0, 90.0])
def test_a_slow_model_fits_the_budget_and_what_is_left_out_is_said(ms: float) -> None:
    table = table_of(ms)
    assert table.planned_s <= 600
    assert table.left_out
    assert all(text in table.words() for text in table.left_out)
    assert table.plan.budget.trials >= 2  # something is compared with the default


def test_the_windows_of_a_slow_model_are_shorter_before_configurations_go() -> None:
    table = table_of(10.0)
    assert (table.plan.repeats, table.plan.budget.trials) == (PLAN.repeats, PLAN.budget.trials)
    assert table.samples < SAMPLES
    assert any("judged by those beyond the limit" in text for text in table.left_out)
    assert table_of(5.0).samples == SAMPLES, "what is measured again goes before"


def test_no_window_is_longer_than_its_cap_however_low_the_rate() -> None:
    table = table_of(90.0)
    assert table.longest_s <= LONGEST * table.samples * 0.09 / OPEN_SHARE + 1e-6


def test_a_probe_is_as_long_as_its_clients_are_served_in_turns() -> None:
    slow = table_of(90.0, minutes=20.0)
    assert slow.probe_s >= 3 * slow.probe_clients * 0.09 - 1e-9
    assert slow.probe_ramp_up_s >= slow.probe_clients * 0.09 - 1e-9
    assert table_of(0.2).probe_s == LOAD.duration_s


def test_a_budget_that_does_not_carry_the_least_is_said_not_to_fit() -> None:
    table = table_of(900.0, minutes=2.0)
    assert not table.fits
    assert table.plan.budget.trials == 2


def test_windows_that_are_just_long_enough_to_judge_a_p99_by_its_misses_are_taken_before_nothing_is() -> None:
    slow = {minutes: table_of(165.0, minutes, replace(PLAN, probe_clients=8)) for minutes in (3.0, 3.6)}
    assert (slow[3.6].fits, slow[3.6].samples) == (True, 150)
    assert (slow[3.0].fits, slow[3.0].samples) == (True, 130)
    assert slow[3.0].samples - 3 * slow[3.0].samples ** 0.5 > 0.95 * FEWEST  # by chance three sigma less


def test_a_budget_that_the_least_passes_by_a_little_is_taken_and_by_more_is_not() -> None:
    least = table_of(900.0, minutes=2.0)
    a_little, more = (replace(least, budget_s=least.planned_s / share) for share in (1.05, 1.3))
    assert (a_little.fits, a_little.nearly_fits) == (False, True)
    assert (more.fits, more.nearly_fits) == (False, False)


@pytest.mark.parametrize(("gone", "first", "later"), [(0.5, True, True), (1.0, True, False), (1.3, False, False)])
def test_the_first_configuration_beside_the_default_may_end_a_little_late_and_no_later_one(
    gone: float, first: bool, later: bool
) -> None:
    table = replace(table_of(20.0, plan=replace(PLAN, repeats=0)), measurement_s=10.0)
    clock = BudgetClock(100.0)
    clock._began -= 100.0 * gone
    probing = Probing(SimpleNamespace(), table, None, None, clock)  # type: ignore[arg-type]
    probing.known = {PLAN.base: {}, PLAN.configs[0]: {}}
    assert probing.affords_next() is later
    assert clock.budget_s == 100.0
    del probing.known[PLAN.configs[0]]
    assert probing.affords_next() is first
    assert clock.budget_s >= 110.0 if first and not later else clock.budget_s == 100.0


def test_time_that_is_gone_counts() -> None:
    whole = table_of(20.0)
    late = timetable(PLAN, LOAD, Timing(20.0, 1, 2.0), 600.0, spent_s=240.0)
    assert late.planned_s <= 600.0
    assert len(late.left_out) > len(whole.left_out) or late.samples < whole.samples


EXPORTED = {
    "batch_curve": {"batch_sizes": [1, 8], "latency_ms": [87.0, 600.0], "fit": {"a_ms": 13.0, "b_ms": 73.0}},
    "variants": [{"name": "int8", "latency_ms": {"1": 31.0}}, {"name": "xla", "latency_ms": None}],
}


def test_a_request_that_alone_takes_longer_than_the_limit_is_hopeless_with_what_would_help() -> None:
    why = hopeless(EXPORTED, Promise(50.0), rows=1, cores=1)
    assert "one row takes 87 ms alone on one core" in why
    assert "the limit is 50 ms" in why
    for help_ in ("2 cores or more", "publish_variant int8, which took 31 ms", "a smaller model", "180 or more"):
        assert help_ in why


def test_what_several_cores_may_carry_is_not_called_hopeless() -> None:
    assert not hopeless(EXPORTED, Promise(50.0), rows=1, cores=2)
    assert not hopeless(EXPORTED, Promise(100.0), rows=1, cores=1)
    assert not hopeless({}, Promise(50.0), rows=1, cores=1)


def test_the_time_of_a_request_comes_from_the_curve_at_its_rows_or_from_its_line() -> None:
    assert request_ms(EXPORTED, 8) == 600.0
    assert request_ms(EXPORTED, 4) == pytest.approx(13 + 4 * 73)
    assert request_ms({}, 1) is None


def test_only_the_served_signature_says_whether_requests_can_be_merged() -> None:
    fixed = {"name": "detect", "inputs": [{"alias": "image", "shape": [1, -1, -1, 3]}]}
    free = {"name": "classify", "inputs": [{"alias": "x", "shape": [-1, 4]}]}
    assert "input 'image' is fixed ([1, ?, ?, 3])" in unbatchable({"signature": "detect", "signatures": [fixed, free]})
    assert unbatchable({"signature": "classify", "signatures": [fixed, free]}) == ""


def test_an_objective_at_one_rate_needs_one_window() -> None:
    at_rate = replace(PLAN, objective=Objective(Promise(1000.0), "min_p99_at_rate", rate_rps=5.0, windows=4))
    assert table_of(20.0, plan=at_rate).measurement_s < table_of(20.0).measurement_s


def test_every_start_of_a_server_is_planned_by_what_one_took() -> None:
    plan = replace(PLAN, repeats=2, ablation=2, finalists=1, budget=Budget(trials=3))
    quick, slow = (timetable(plan, LOAD, Timing(0.2, 1, start_s), 600.0).planned_s for start_s in (0.0, 10.0))
    assert slow - quick == pytest.approx(40.0)  # the default, the live one, the winner's own, a live one again
    begun = timetable(plan, LOAD, Timing(0.2, 1, 10.0, begun=1), 600.0)
    assert begun.planned_s <= slow - 10.0
    threads = replace(plan, space={**SPACE, "rest_api_num_threads": [17, 65]})
    assert timetable(threads, LOAD, Timing(0.2, 1, 10.0), 600.0).planned_s > slow  # no live change reaches those


def test_the_default_leaves_the_time_that_one_configuration_more_takes() -> None:
    table = table_of(20.0)
    assert table.least_s > table.measurement_s
    assert table_of(20.0, plan=replace(PLAN, budget=Budget(trials=1))).least_s == 0.0


def test_a_model_that_gains_by_batches_is_planned_with_shorter_windows_of_them() -> None:
    alike, cheaper = (
        timetable(PLAN, LOAD, Timing(5.0, 1, 2.0, in_batch=share), 3600.0).planned_s for share in (1.0, 0.2)
    )
    assert cheaper < 0.6 * alike


def test_what_a_request_costs_in_a_batch_is_the_graphs_part_of_it_made_smaller() -> None:
    exported = {"batch_curve": {"batch_sizes": [1, 64], "latency_ms": [2.0, 12.8], "fit": {"a_ms": 1.8, "b_ms": 0.17}}}
    assert in_batch(exported, PLAN, LOAD, 2.0) == pytest.approx(0.1)
    assert in_batch(exported, PLAN, LOAD, 4.0) == pytest.approx(0.55)  # half of it is reading and writing
    unbatched = replace(PLAN, space={"enable_batching": [False]})
    assert in_batch(exported, unbatched, LOAD, 2.0) == in_batch({}, PLAN, LOAD, 2.0) == 1.0
