"""The generator reports what a script implies: a freezing server, and a queue whose theory is known."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import duckdb
import numpy as np
import pytest
from loadgen import Level, hold
from loadgen.arrivals import schedule
from loadgen.fitness import replay
from loadgen.queueing import md1_quantile, single_queue
from loadgen.script import Script
from loadgen.scripted import running

PERCENTILES = (0.50, 0.90, 0.95, 0.99, 0.999)
ATTEMPTS = 3  # the machine may be busy with something else; a generator that is wrong is wrong every time


def rows(folder):
    """Times due and latencies in ms of the good answers in `folder`, in order of due time."""
    path = folder / "requests.parquet"
    found = duckdb.sql(
        f"SELECT scheduled_ns, (done_ns - scheduled_ns) / 1e6 AS ms FROM '{path}' WHERE error IS NULL ORDER BY 1"
    ).fetchnumpy()
    return found["scheduled_ns"], found["ms"]


def body(folder):
    path = folder / "00000.body"
    path.write_text(json.dumps({"instances": [[0.0] * 784]}))
    return path


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_every_percentile_of_a_stall_is_within_two_percent_of_the_replayed_schedule(protocol, tmp_path):
    script = Script(delay_s=0.04, freeze_s=0.5, period_s=2.0)
    seen = []
    for _ in range(ATTEMPTS):
        with running(protocol, script, cpu=0) as server:
            level = Level(
                server.url,
                protocol,
                body(tmp_path),
                arrival="poisson",
                rate_rps=500.0,
                duration_s=10.0,
                ramp_up_s=0.5,
                seed=4,
            )
            summary = hold(level, tmp_path)
        assert summary["errors"] == 0
        due_ns, latency_ms = rows(tmp_path)
        implied = np.quantile(replay(due_ns, script, server.epoch_ns), PERCENTILES)
        seen.append(np.abs(np.quantile(latency_ms, PERCENTILES) / implied - 1))
        if seen[-1].max() <= 0.02:
            return
    pytest.fail(f"relative errors at {PERCENTILES}: {seen}")


SERVICE_S = 0.006
SHARES = (0.50, 0.95, 0.99)
WINDOW_S = 16.0
# load: a seed whose own schedule, sent through the recursion of a single queue, gives the percentiles of the theory.
# A window of two thousand requests is one draw of a heavy-tailed process: most seeds lie further than 5 % from the
# theory at p99 by chance alone, whatever measures them. These were found by trying seeds from 0 on.
SEEDS = {0.50: 4, 0.70: 4, 0.85: 2442}


def theory_ms(load):
    return 1e3 * np.array([md1_quantile(load, SERVICE_S, share) for share in SHARES])


def level_at(load, url, bodies):
    rate = load / SERVICE_S
    return Level(
        url,
        bodies=bodies,
        arrival="poisson",
        rate_rps=rate,
        duration_s=WINDOW_S,
        ramp_up_s=1.0,
        connections=200,
        seed=SEEDS[load],
    )


@pytest.mark.parametrize("load", SEEDS)
def test_the_schedules_chosen_are_representative_of_the_theory(load, tmp_path):
    due_s = schedule(level_at(load, "http://127.0.0.1:1/", tmp_path)) / 1e9
    implied_ms = 1e3 * np.quantile(single_queue(due_s, SERVICE_S)[due_s >= 0], SHARES)
    assert implied_ms == pytest.approx(theory_ms(load), rel=0.01)


def test_a_queue_of_fixed_service_time_shows_the_percentiles_of_the_theory(tmp_path):
    errors = dict.fromkeys(SEEDS, 1.0)
    for _ in range(ATTEMPTS):
        with ExitStack() as stack, ThreadPoolExecutor(len(SEEDS)) as pool:
            jobs = {}
            for load in [x for x in SEEDS if errors[x] > 0.05]:
                server = stack.enter_context(running("rest", Script(service_s=SERVICE_S), cpu=0))
                jobs[load] = pool.submit(hold, level_at(load, server.url, body(tmp_path)), tmp_path / str(load))
            for load, job in jobs.items():
                assert job.result()["errors"] == 0
                _, latency_ms = rows(tmp_path / str(load))
                errors[load] = np.abs(np.quantile(latency_ms, SHARES) / theory_ms(load) - 1).max()
        if max(errors.values()) <= 0.05:
            return
    pytest.fail(f"largest relative error of p50, p95, p99 by load: {errors}")
