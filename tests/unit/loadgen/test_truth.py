"""The generator reports what a script implies: a freezing server, and a queue whose theory is known.

All five levels are held at the same time: each takes a few percent of a core. A level outside its tolerance is held
again, twice at most: the machine may have been busy with something else, while a wrong generator is wrong every time.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import duckdb
import numpy as np
import pytest
from queueing import md1_quantile, single_queue

from loadgen import Level, hold
from loadgen.arrivals import schedule
from loadgen.fitness import replay
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.workers.runner import available_cpus

ATTEMPTS = 3
STALL = Script(delay_s=0.04, freeze_s=0.5, period_s=2.0)
STALL_SHARES, STALL_TOLERANCE = (0.50, 0.90, 0.95, 0.99, 0.999), 0.02
SERVICE_S = 0.012
QUEUE_SHARES, QUEUE_TOLERANCE = (0.50, 0.95, 0.99), 0.05
# At 50 % load just half of the requests do not wait: p50 stands at the edge of a jump, where any delay at all, or one
# request more on the other side, moves it. There the measured value may be any the theory has between p47 and p53.
EDGE = 0.03
# load: a seed whose own schedule, sent through the recursion of a single queue, gives the percentiles of the theory.
# A window of a thousand requests is one draw of a heavy-tailed process: most seeds lie further than 5 % from the
# theory at p99 by chance alone, whatever measures them. These were found by trying seeds from 0 on.
SEEDS = {0.50: 1098, 0.70: 385, 0.85: 160}


def stall_level(protocol, url, bodies):
    return Level(url, protocol, bodies, arrival="poisson", rate_rps=500.0, duration_s=10.0, ramp_up_s=0.5, seed=4)


def queue_level(load, url, bodies):
    rate = load / SERVICE_S
    timing = {"duration_s": 20.0, "ramp_up_s": 1.0}
    return Level(
        url, bodies=bodies, arrival="poisson", rate_rps=rate, connections=200, seed=SEEDS[load], timer="auto", **timing
    )


def theory_ms(load, edge=0.0):
    """Percentiles of the theory; one that stands at the edge of the atom (no wait at all) is moved by `edge`."""
    shares = [share + edge * (abs(share - (1 - load)) < EDGE) for share in QUEUE_SHARES]
    return 1e3 * np.array([md1_quantile(load, SERVICE_S, share) for share in shares])


def measured(protocol, script, level_of, folder):
    """Hold a level against a scripted server: times due, latencies in ms, and since when the script played."""
    with running(protocol, script, cpu=available_cpus()[0]) as server:
        summary = hold(level_of(server.url), folder)
    assert summary["errors"] == 0
    rows = duckdb.connect().sql(
        f"SELECT scheduled_ns, (done_ns - scheduled_ns) / 1e6 AS ms FROM '{folder}/requests.parquet' ORDER BY 1"
    )
    found = rows.fetchnumpy()
    return found["scheduled_ns"], found["ms"], server.epoch_ns


def stall_errors(protocol, bodies, folder):
    due_ns, latency_ms, epoch_ns = measured(protocol, STALL, lambda url: stall_level(protocol, url, bodies), folder)
    implied = np.quantile(replay(due_ns, STALL, epoch_ns), STALL_SHARES)
    return np.abs(np.quantile(latency_ms, STALL_SHARES) / implied - 1)


def queue_errors(load, bodies, folder):
    script = Script(service_s=SERVICE_S)
    _, latency_ms, _ = measured("rest", script, lambda url: queue_level(load, url, bodies), folder)
    latency_ms -= latency_ms.min() - 1e3 * SERVICE_S  # the quickest way through the sockets: no part of the theory
    found = np.quantile(latency_ms, QUEUE_SHARES)
    low, high = (theory_ms(load, edge) for edge in (-EDGE, EDGE))
    return np.abs(found / np.clip(found, low, high) - 1)


@pytest.fixture(scope="module")
def errors(tmp_path_factory):
    """Relative error of each percentile, by case, after as many attempts as it took."""
    folder = tmp_path_factory.mktemp("truth")
    (folder / "00000.body").write_text(json.dumps({"instances": [[0.0] * 784]}))
    body = folder / "00000.body"
    cases = {name: (partial(stall_errors, name, body), STALL_TOLERANCE) for name in ("rest", "grpc")}
    cases |= {load: (partial(queue_errors, load, body), QUEUE_TOLERANCE) for load in SEEDS}
    found = {}
    for _ in range(ATTEMPTS):
        open_cases = [name for name, (_, allowed) in cases.items() if name not in found or found[name].max() > allowed]
        with ThreadPoolExecutor(len(cases)) as pool:
            jobs = {name: pool.submit(cases[name][0], folder / str(name)) for name in open_cases}
            found |= {name: job.result() for name, job in jobs.items()}
    return found


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_every_percentile_of_a_stall_is_within_two_percent_of_the_replayed_schedule(protocol, errors):
    assert errors[protocol].max() <= STALL_TOLERANCE, dict(zip(STALL_SHARES, errors[protocol], strict=True))


@pytest.mark.parametrize("load", SEEDS)
def test_a_queue_of_fixed_service_time_shows_the_percentiles_of_the_theory(load, errors):
    assert errors[load].max() <= QUEUE_TOLERANCE, dict(zip(QUEUE_SHARES, errors[load], strict=True))


@pytest.mark.parametrize("load", SEEDS)
def test_the_schedules_chosen_are_representative_of_the_theory(load, tmp_path):
    due_s = schedule(queue_level(load, "http://127.0.0.1:1/", tmp_path)) / 1e9
    implied_ms = 1e3 * np.quantile(single_queue(due_s, SERVICE_S)[due_s >= 0], QUEUE_SHARES)
    assert implied_ms == pytest.approx(theory_ms(load), rel=0.015)


@pytest.mark.parametrize("load", [0.5, 0.7, 0.85])
def test_the_theory_agrees_with_a_long_simulation(load):
    due_s = np.cumsum(np.random.default_rng(1).exponential(SERVICE_S / load, 4_000_000))
    assert 1e3 * np.quantile(single_queue(due_s, SERVICE_S), QUEUE_SHARES) == pytest.approx(theory_ms(load), rel=0.02)
