"""Several processes and several Dask workers hold one level from a common start."""

from __future__ import annotations

import json
import os
import time

import duckdb
import numpy as np
import pytest

from loadgen import Level, WorkerFailed, dask_runner, hold
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.store import merge_shares, write_share
from loadgen.workers import cluster
from loadgen.workers.runner import available_cpus


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bodies")
    (folder / "00000.body").write_text(json.dumps({"instances": [[0.0]]}))
    (folder / "00000.expect").write_text(Script().reply)
    return folder


@pytest.fixture(scope="module")
def server():
    with running("rest") as found:
        yield found


def held(server, bodies, out, **changes):
    base = {
        "arrival": "poisson",
        "rate_rps": 1600.0,
        "duration_s": 1.0,
        "ramp_up_s": 0.2,
        "connections": 64,
        "check_share": 1.0,
    }
    runner = changes.pop("runner", None)
    level = Level(server.url, bodies=bodies, metrics_url=server.metrics_url, **{**base, **changes})
    return hold(level, out, **({"runner": runner} if runner else {}))


def by_worker(out):
    """Requests, first and last due time by worker."""
    query = f"SELECT worker, count(*), min(scheduled_ns), max(scheduled_ns) FROM '{out}/requests.parquet' GROUP BY 1"
    return {worker: rest for worker, *rest in duckdb.sql(query).fetchall()}


def assert_one_level(summary, shares, workers):
    assert set(shares) == set(range(workers))
    assert sum(count for count, _, _ in shares.values()) == summary["requests"]
    assert summary["requests"] == pytest.approx(1600, rel=0.12)
    firsts = [first for _, first, _ in shares.values()]
    assert max(firsts) - min(firsts) < 0.1e9, "the workers did not start together"
    assert summary["errors"] == 0
    assert summary["balance"]["balanced"]
    assert summary["little"]["error"] < 0.02
    assert summary["processes"] == workers


def test_workers_are_pinned_and_leave_the_first_core_to_the_server(server, bodies, tmp_path):
    cores = available_cpus()
    if len(cores) < 2 or not hasattr(os, "sched_setaffinity"):
        pytest.skip("needs two cores and a platform that pins")
    summary = held(server, bodies, tmp_path / "out", processes=2, duration_s=0.2)
    named = held(server, bodies, tmp_path / "out", cpus=(cores[0],), duration_s=0.2)
    assert all(len(pinned) == 1 and pinned[0] in cores[1:] for pinned in summary["client_cpus"])
    assert named["client_cpus"] == [[cores[0]]]


def test_processes_share_one_arrival_process(server, bodies, tmp_path):
    summary = held(server, bodies, tmp_path / "out", processes=2)
    assert_one_level(summary, by_worker(tmp_path / "out"), 2)


def test_processes_share_the_clients_of_a_closed_loop(bodies, tmp_path):
    with running("grpc", Script(delay_s=0.02)) as server:
        level = Level(server.url, "grpc", bodies, concurrency=9, processes=2, duration_s=0.8, ramp_up_s=0.1)
        summary = hold(level, tmp_path / "out")
    assert summary["mean_in_flight"] == pytest.approx(9, rel=0.05)
    assert summary["throughput_rps"] == pytest.approx(9 / 0.02, rel=0.1)


def test_more_processes_than_clients_leave_some_idle(server, bodies, tmp_path):
    level = Level(server.url, bodies=bodies, concurrency=1, processes=2, duration_s=0.3, ramp_up_s=0.1)
    summary = hold(level, tmp_path / "out")
    assert 0.5 < summary["mean_in_flight"] < 1.05
    assert summary["errors"] == 0


def test_shares_written_elsewhere_are_merged_by_their_own_clocks(tmp_path):
    rng = np.random.default_rng(3)
    shares, files, by_ns = [], [], [-(10**15), 0, 7 * 10**14]
    for number in range(3):
        words = rng.integers(2 * 10**15, 3 * 10**15, (1000 - number, 4))
        words[::7, 1] = 0  # never sent
        words = words[words[:, 2].argsort()]
        files.append(tmp_path / f"it's {number}.parquet")
        write_share(files[-1], words.reshape(-1), number)
        words[:, [0, 2]] += by_ns[number]
        words[words[:, 1] > 0, 1] += by_ns[number]
        shares.append(words)
    merged = merge_shares(files, by_ns)
    assert np.array_equal(merged.words, np.concatenate(shares))
    assert merged.worker.tolist() == [0] * 1000 + [1] * 999 + [2] * 998


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    distributed = pytest.importorskip("distributed")
    folder = str(tmp_path_factory.mktemp("dask"))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "local_directory": folder}
    with distributed.LocalCluster(processes=True, **options) as cluster:
        yield cluster.scheduler_address


def test_two_dask_workers_hold_one_level(scheduler, server, bodies, tmp_path):
    summary = held(server, bodies, tmp_path / "out", runner=dask_runner(scheduler))
    assert_one_level(summary, by_worker(tmp_path / "out"), 2)


def test_a_level_that_a_dask_worker_cannot_hold_says_why_at_once(scheduler, server, bodies, tmp_path):
    began = time.monotonic()
    with pytest.raises(WorkerFailed, match=r"Dask worker .*cpus names \[4096\]"):
        held(server, bodies, tmp_path / "out", runner=dask_runner(scheduler), cpus=(4096,))
    assert time.monotonic() - began < 20


def test_a_scheduler_that_is_not_there_is_named(server, bodies, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_WITHIN_S", 0.3)
    with pytest.raises(WorkerFailed, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        held(server, bodies, tmp_path / "out", runner=dask_runner("tcp://127.0.0.1:9"))
