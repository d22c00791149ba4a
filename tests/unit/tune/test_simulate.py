"""The simulated request path against queueing theory and against TensorFlow Serving's batching rules."""

from dataclasses import replace

import numpy as np
import pytest

from playbook.promise import Promise
from playbook.tfserving.config import DEFAULT, Config
from playbook.tune import laws
from playbook.tune.fit import at_rate, fit, predict
from playbook.tune.guess import Probe
from playbook.tune.probing import BUSY, CALM, FEW_CLIENTS
from playbook.tune.request_path import LOOK_MS, RequestPath, slots, wakeup_of
from playbook.tune.simulate import Outcome, poisson, simulate

LEAN = RequestPath(run_fixed_ms=1.0, run_row_ms=0.0, shell_in_ms=1e-6, shell_out_ms=1e-6, wire_ms=0.0, spread=0.0)
REAL = RequestPath(
    *(0.08, 0.004, 0.04, 0.02),
    batch_fixed_ms=0.05,
    spread=0.2,
    turn_ms=0.03,
    cold_ms=0.1,
    client_ms=0.02,
    client_cold_ms=0.01,
)
ROOMY = Config(rest_api_num_threads=1000)
BATCHED = Config(enable_batching=True, max_batch_size=32, rest_api_num_threads=200, max_enqueued_batches=1000)


@pytest.mark.parametrize("load", [0.5, 0.7])
def test_short_time_slices_are_processor_sharing(load):
    sliced = replace(LEAN, slice_ms=0.05)
    seen = simulate(sliced, ROOMY, poisson(1000 * load, 30_000))
    assert seen.latency_ms.mean() == pytest.approx(1 / (1 - load), rel=0.05)


def test_a_thread_that_wakes_to_read_does_not_wait_for_a_batch_to_end():
    """Requests that come while a batch runs are read one by one, a turn of the loop each, and not all in one turn."""
    waits = replace(LEAN, run_fixed_ms=4.0, turn_ms=0.05, slice_ms=1e9, wake_ms=1e9)
    patient, woken = (
        simulate(path, BATCHED, poisson(2000, 4000).tolist()) for path in (waits, replace(waits, wake_ms=0.1))
    )
    turns_ms = [seen.core_ms_per_request - 4.0 / seen.mean_batch_rows for seen in (patient, woken)]
    assert turns_ms[1] > 3 * turns_ms[0]


def test_the_laws_of_queues_hold_within_a_twentieth():
    found = laws.checks()
    assert {check.law for check in found} == {"M/D/1", "dynamic batching (arXiv 1912.06322)"}
    assert laws.within(found), found


def test_a_simulator_that_breaks_a_law_is_seen(monkeypatch):
    slower = lambda *args, **more: replace(simulate(*args, **more), latency_ms=np.full(9, 5.0))  # noqa: E731
    monkeypatch.setattr(laws, "simulate", slower)
    monkeypatch.setattr(laws, "_REQUESTS", 500)
    assert not laws.within(laws.checks())


@pytest.mark.parametrize("load", [0.5, 0.7, 0.85])
def test_one_slot_is_a_queue_with_fixed_service_time(load):
    one_slot = Config(rest_api_num_threads=2)
    seen = simulate(LEAN, one_slot, poisson(1000 * load, 60_000))
    assert seen.latency_ms.mean() == pytest.approx(1 + load / (2 * (1 - load)), rel=0.05)


def test_a_closed_loop_obeys_littles_law():
    seen = simulate(REAL, BATCHED, concurrency=16, requests=20_000)
    assert seen.throughput_rps * seen.latency_ms.mean() / 1000 == pytest.approx(16, rel=0.01)


def test_a_core_that_has_rested_is_cold_and_gets_no_colder_after_ten_milliseconds():
    alone = {gap_ms: simulate(replace(REAL, spread=0.0), BATCHED, np.arange(200) * gap_ms) for gap_ms in (5, 20, 80)}
    warm = simulate(replace(REAL, spread=0.0, cold_ms=0.0), BATCHED, np.arange(200) * 5.0).percentile(50)
    more_ms = {gap_ms: seen.percentile(50) - warm for gap_ms, seen in alone.items()}
    assert more_ms[5] == pytest.approx(0.1 * np.sqrt(5), rel=0.1)
    assert more_ms[20] == pytest.approx(0.1 * np.sqrt(10), rel=0.01)
    assert more_ms[80] == pytest.approx(more_ms[20], rel=1e-6)


def test_on_a_second_core_batches_run_beside_the_event_loop():
    one, two = (simulate(replace(REAL, cores=cores), BATCHED, concurrency=64, requests=20_000) for cores in (1, 2))
    assert 1.1 < two.throughput_rps / one.throughput_rps <= 2.0


def test_the_loop_reads_a_burst_before_a_batch_gets_the_core():
    together = np.repeat(np.arange(100) * 50.0, 16)
    greedy, fair = (simulate(replace(REAL, burst_ms=ms), BATCHED, together) for ms in (5.0, 0.2))
    assert greedy.mean_batch_rows == pytest.approx(16, abs=0.5)
    assert fair.mean_batch_rows < 10


def test_calm_requests_pay_a_turn_of_the_loop_each():
    calm, busy = (simulate(REAL, BATCHED, poisson(rate, 5000)).core_ms_per_request for rate in (500, 8000))
    assert calm > busy + REAL.turn_ms


def test_one_client_thread_caps_the_closed_loop():
    slow = replace(REAL, client_ms=1.0)
    assert simulate(slow, BATCHED, concurrency=32, requests=5000).throughput_rps == pytest.approx(1000, rel=0.02)


def test_batches_never_exceed_max_batch_size_and_fill_under_load():
    seen = simulate(REAL, Config(**{**BATCHED.plain(), "batch_timeout_micros": 5000}), concurrency=128, requests=20_000)
    assert 25 < seen.mean_batch_rows <= 32


def test_threads_cap_the_batch_as_in_tensorflow_serving():
    default_threads = Config(enable_batching=True, batch_timeout_micros=1000)
    seen = simulate(REAL, default_threads, concurrency=64, requests=5000)
    assert slots(default_threads, cpus=1) == 3
    assert seen.mean_batch_rows <= 3


def test_a_lone_request_waits_for_the_timeout():
    waiting = Config(**{**BATCHED.plain(), "batch_timeout_micros": 4000})
    apart = np.arange(50) * 100.0
    late, prompt = simulate(LEAN, waiting, apart), simulate(LEAN, BATCHED, apart)
    assert late.percentile(50) - prompt.percentile(50) == pytest.approx(4.0, abs=0.01)


WAITING = {us: Config(**{**BATCHED.plain(), "batch_timeout_micros": us, "num_batch_threads": 1}) for us in (500, 2000)}


@pytest.mark.parametrize("timeout", [500, 2000])
def test_threads_that_look_every_millisecond_make_a_timeout_cost_half_a_millisecond_more(timeout):
    looking = replace(LEAN, look_ms=LOOK_MS["tensorflow"], shell_threads=0)
    apart = np.arange(500) * 20.37
    seen = simulate(looking, WAITING[timeout], apart).latency_ms - simulate(LEAN, BATCHED, apart).percentile(50)
    assert np.median(seen) == pytest.approx(timeout / 1000 + 0.53, abs=0.06)
    assert seen.min() >= timeout / 1000 - 0.001
    assert seen.max() <= timeout / 1000 + LOOK_MS["tensorflow"] + 0.001


def test_a_batch_that_is_full_or_needs_no_wait_is_not_looked_for():
    looking = replace(LEAN, look_ms=LOOK_MS["tensorflow"], shell_threads=0)
    apart = np.arange(200) * 20.37
    assert simulate(looking, BATCHED, apart).percentile(99) == pytest.approx(1.0, abs=0.01)
    small = replace(WAITING[2000], max_batch_size=2)
    pairs = np.repeat(apart, 2)
    assert simulate(looking, small, pairs).percentile(99) == pytest.approx(1.0, abs=0.01)


def test_more_idle_threads_look_more_often():
    looking = replace(LEAN, look_ms=LOOK_MS["tensorflow"], shell_threads=0)
    waits = [
        simulate(looking, replace(WAITING[2000], num_batch_threads=n), np.arange(500) * 20.37).latency_ms.mean()
        for n in (1, 4)
    ]
    assert waits[0] - waits[1] == pytest.approx(1.06 / 2 - 1.06 / 5, abs=0.12)


def test_a_fit_remembers_when_batch_threads_look(monkeypatch):
    monkeypatch.setattr("playbook.tune.fit.FIT_STEPS", 1)
    monkeypatch.setattr("playbook.tune.fit.FIT_REQUESTS", 50)
    told = [*probes(REAL, ROOMY), *probes(REAL, BATCHED)]
    for wakeup, look_ms in LOOK_MS.items():
        path = fit(0.08, 0.004, told, 1.0, shell_threads=0, batch_wakeup=wakeup).path
        assert (path.look_ms, wakeup_of(path)) == (look_ms, wakeup)


def test_padding_costs_what_the_padded_batch_costs():
    rows = RequestPath(0.0, 1.0, 1e-6, 1e-6, wire_ms=0.0, spread=0.0)
    padded = Config(enable_batching=True, max_batch_size=8, allowed_batch_sizes=(8,), rest_api_num_threads=99)
    assert simulate(rows, padded, np.arange(20) * 100.0).percentile(50) == pytest.approx(8.0, abs=0.01)


def test_a_full_queue_refuses():
    short = Config(enable_batching=True, max_batch_size=2, max_enqueued_batches=1, rest_api_num_threads=500)
    seen = simulate(LEAN, short, poisson(20_000, 5000))
    assert seen.error_share > 0.3
    assert seen.requests == 5000


def test_every_signature_has_its_own_queue():
    waiting = Config(**{**BATCHED.plain(), "batch_timeout_micros": 2000})
    mixed = simulate(REAL, waiting, concurrency=32, requests=10_000, shares=(0.5, 0.5))
    single = simulate(REAL, waiting, concurrency=32, requests=10_000)
    assert mixed.mean_batch_rows < 0.7 * single.mean_batch_rows


def test_the_same_seed_gives_the_same_answer():
    first, again = (simulate(REAL, BATCHED, poisson(5000, 3000, seed=3), seed=3) for _ in range(2))
    assert np.array_equal(first.latency_ms, again.latency_ms)


def test_a_request_larger_than_a_batch_is_refused_before_it_is_simulated():
    with pytest.raises(ValueError, match="larger than max_batch_size=32"):
        simulate(replace(REAL, rows=33), BATCHED, concurrency=1)


def test_a_batch_of_requests_with_many_rows_has_as_many_fewer_of_them():
    eight = simulate(replace(REAL, rows=8), BATCHED, concurrency=64, requests=10_000)
    assert 25 < eight.mean_batch_rows <= 32
    rows = RequestPath(0.0, 1.0, 1e-6, 1e-6, wire_ms=0.0, spread=0.0, rows=3)
    assert simulate(rows, DEFAULT, np.arange(20) * 100.0).percentile(50) == pytest.approx(3.0, abs=0.01)
    padded = Config(enable_batching=True, max_batch_size=8, allowed_batch_sizes=(4, 8), rest_api_num_threads=99)
    assert simulate(rows, padded, np.arange(20) * 100.0).percentile(50) == pytest.approx(4.0, abs=0.01)


def probes(path: RequestPath, config: Config, clients: int = 32) -> list[Probe]:
    """What a closed loop and an open one below its rate show of a server that has this path, and one of few clients."""
    closed = simulate(path, config, concurrency=clients, requests=10_000, seed=11)
    rate = (BUSY if config.enable_batching else CALM) * closed.throughput_rps
    calm = simulate(path, config, poisson(rate, 10_000, seed=12), seed=12)
    cold, few = path.client_ms + path.client_cold_ms, round(FEW_CLIENTS * clients)
    seen = [told(config, clients, closed, None, path.client_ms), told(config, 0, calm, rate, cold)]
    if not config.enable_batching:
        return seen
    small = simulate(path, config, concurrency=few, requests=10_000, seed=13)
    return [*seen, told(config, few, small, None, path.client_ms)]


def told(config: Config, clients: int, seen: Outcome, rate: float | None, client_ms: float) -> Probe:
    rows = seen.mean_batch_rows if config.enable_batching else None
    figures = seen.throughput_rps, seen.percentile(50), seen.percentile(99), rows
    return Probe(config, clients, *figures, rate, client_ms, seen.core_ms_per_request)


@pytest.mark.parametrize("rows", [1, 4])
def test_probes_of_two_configurations_are_enough_to_predict_configurations_that_were_not_probed(rows):
    server, batched = replace(REAL, rows=rows), replace(BATCHED, max_batch_size=32 * rows)
    fitted = fit(0.07, 0.0045, [*probes(server, DEFAULT), *probes(server, batched)], cores=1.0, rows=rows).path
    for config in (
        replace(batched, max_batch_size=8 * rows, batch_timeout_micros=2000),
        replace(batched, batch_timeout_micros=2000),
        replace(batched, num_batch_threads=2),
    ):
        said, true = (predict(path, config, Promise(20.0)) for path in (fitted, server))
        assert said.rate_rps == pytest.approx(true.rate_rps, rel=0.08)
        calm = 0.6 * true.rate_rps
        seen = [at_rate(path, config, calm, 40_000).percentile(99) for path in (fitted, server)]
        assert seen[0] == pytest.approx(seen[1], rel=0.25)


def test_rows_that_were_timed_on_a_busier_machine_make_no_batch_dear(monkeypatch):
    """A row that costs more by export's curve than a request costs in a batch is not believed."""
    monkeypatch.setattr("playbook.tune.fit.FIT_STEPS", 40)
    monkeypatch.setattr("playbook.tune.fit.FIT_REQUESTS", 800)
    server = replace(REAL, run_fixed_ms=1.5, run_row_ms=0.1)
    seen = [*probes(server, DEFAULT), *probes(server, BATCHED)]
    paths = {busier: fit(1.5, 0.1 * busier, seen, cores=1.0).path for busier in (1, 3)}
    config = replace(BATCHED, max_batch_size=8)
    true, *said = (simulate(path, config, concurrency=32).throughput_rps for path in (server, *paths.values()))
    assert paths[3].run_row_ms < 0.2
    assert said == pytest.approx([true, true], rel=0.08)
