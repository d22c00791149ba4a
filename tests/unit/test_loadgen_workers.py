"""Worker processes are kept from level to level, and no level can tell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import duckdb
import numpy as np
import psutil
import pytest

from loadgen import Level, WorkerFailed, hold, processes
from loadgen.script import Script
from loadgen.scripted import running

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="without fork every level has a process of its own")


@pytest.fixture(scope="module")
def bodies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bodies")
    for number in range(5):
        (folder / f"{number:05d}.body").write_text(json.dumps({"instances": [[float(number)]]}))
        (folder / f"{number:05d}.expect").write_text(json.dumps({"predictions": [[number * 2.0]]}))
    return folder


@pytest.fixture(scope="module")
def server(bodies):
    with running("rest", Script(bodies=str(bodies))) as found:
        yield found


@pytest.fixture(autouse=True)
def no_worker_from_before():
    processes.stop_idle()
    yield
    processes.stop_idle()


def level_of(server, bodies, **changes):
    base = {"arrival": "poisson", "rate_rps": 2000.0, "duration_s": 0.4, "ramp_up_s": 0.1, "check_share": 0.3}
    return Level(server.url, bodies=bodies, **{**base, **changes})


def due(folder):
    """When each request of a level was due, in ns since the first."""
    rows = duckdb.sql(
        f"SELECT scheduled_ns - min(scheduled_ns) OVER () AS d FROM '{folder}/requests.parquet' ORDER BY 1"
    )
    return rows.fetchnumpy()["d"]


def told_apart(summary):
    """What must be the same whoever holds the level."""
    exact = {name: summary[name] for name in ("requests", "errors", "connections_opened", "refusals", "client_cpus")}
    return exact | summary["answers"]


def test_the_next_level_is_held_by_the_same_process_and_begins_sooner(server, bodies, tmp_path):
    seconds, pids = [], []
    for number in range(3):
        began = time.monotonic()
        hold(level_of(server, bodies), tmp_path / str(number))
        seconds.append(time.monotonic() - began)
        pids.append([worker.process.pid for worker in processes._idle])
    assert pids[0] == pids[1] == pids[2]
    assert len(pids[0]) == 1
    assert min(seconds[1:]) < seconds[0] - 0.1


def test_a_kept_worker_does_what_a_fresh_one_does(server, bodies, tmp_path):
    level = level_of(server, bodies)
    fresh = hold(level, tmp_path / "fresh")
    hold(level_of(server, bodies, arrival="closed", concurrency=40, rate_rps=None), tmp_path / "between")
    kept = hold(level, tmp_path / "kept")
    assert told_apart(kept) == told_apart(fresh)
    assert np.array_equal(due(tmp_path / "kept"), due(tmp_path / "fresh"))
    assert kept["connections_opened"] == level.connection_count()


def test_memory_of_a_large_level_is_gone_in_the_next(server, bodies, tmp_path):
    small, large = level_of(server, bodies), level_of(server, bodies, rate_rps=400_000.0, duration_s=1.0, timeout_s=0.5)
    first = hold(small, tmp_path)["worker_memory_mb"]
    swollen = hold(large, tmp_path)["worker_memory_mb"]
    again = hold(small, tmp_path)["worker_memory_mb"]
    assert swollen > first + 10
    assert again < first + 2


def test_a_level_of_another_protocol_on_other_cores_follows(server, bodies, tmp_path):
    hold(level_of(server, bodies), tmp_path)
    cores = sorted(os.sched_getaffinity(0))
    with running("grpc") as other:
        level = Level(other.url, "grpc", bodies, concurrency=4, duration_s=0.3, cpus=(cores[0],), check_share=0.0)
        summary = hold(level, tmp_path)
    assert summary["errors"] == 0
    assert summary["client_cpus"] == [[cores[0]]]
    assert hold(level_of(server, bodies, cpus=(cores[-1],)), tmp_path)["client_cpus"] == [[cores[-1]]]


def test_a_kept_worker_that_has_died_is_replaced(server, bodies, tmp_path):
    hold(level_of(server, bodies), tmp_path)
    os.kill(processes._idle[0].process.pid, signal.SIGKILL)
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 500


def test_a_kept_worker_that_dies_as_its_level_begins_is_replaced(server, bodies, tmp_path, monkeypatch):
    hold(level_of(server, bodies), tmp_path)
    dying = processes._idle[0]
    monkeypatch.setattr(dying.process, "poll", lambda: None)  # it is taken for alive: it dies a moment later
    os.kill(dying.process.pid, signal.SIGKILL)
    dying.process.wait()
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 500


def test_a_worker_killed_in_its_level_fails_that_level_only(server, bodies, tmp_path):
    hold(level_of(server, bodies), tmp_path)
    child = []

    def kill(_):
        child[:] = child or psutil.Process(held[0]).children()
        child[0].kill()

    held = [worker.process.pid for worker in processes._idle]
    with pytest.raises(WorkerFailed, match="ended before its 'result'"):
        hold(level_of(server, bodies, duration_s=5.0), tmp_path, kill)
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 500
    assert held != [worker.process.pid for worker in processes._idle]


def test_the_last_words_are_those_of_the_level_that_failed(server, bodies, tmp_path):
    hold(level_of(server, bodies), tmp_path)
    nowhere = level_of(server, bodies).with_(url="http://no-such-host.invalid:1/x")
    with pytest.raises(WorkerFailed, match=r"Traceback(.|\n)*gaierror"):
        hold(nowhere, tmp_path)


def test_a_level_given_up_half_way_leaves_no_process(server, bodies, tmp_path):
    def interrupt(_):
        children[:] = psutil.Process().children(recursive=True)
        raise KeyboardInterrupt

    children: list[psutil.Process] = []
    before = psutil.Process().children(recursive=True)
    with pytest.raises(KeyboardInterrupt):
        hold(level_of(server, bodies, duration_s=5.0), tmp_path, interrupt)
    workers = [child for child in children if child not in before]
    assert len(workers) == 2  # the worker and the child that held the level
    assert psutil.wait_procs(workers, timeout=3)[1] == []


HOLD_AND = """
import sys, time, psutil
from pathlib import Path
from loadgen import Level, hold
hold(Level(sys.argv[1], bodies=Path(sys.argv[2]), rate_rps=500.0, arrival="poisson", duration_s=0.3), Path(sys.argv[3]))
print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
"""


@pytest.mark.parametrize("end", ["sys.exit()", "__import__('os').kill(__import__('os').getpid(), 9)"])
def test_workers_end_with_the_process_that_started_them(end, server, bodies, tmp_path):
    command = [sys.executable, "-c", HOLD_AND + end, server.url, str(bodies), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 1, done.stderr
    until = time.monotonic() + 3
    while psutil.pid_exists(pids[0]) and psutil.Process(pids[0]).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the worker outlived its parent"
        time.sleep(0.02)


def test_a_fork_of_this_process_has_workers_of_its_own(server, bodies, tmp_path):
    hold(level_of(server, bodies), tmp_path)
    mine = processes._idle[0].process.pid
    child = os.fork()
    if child == 0:
        ok = hold(level_of(server, bodies), tmp_path / "fork")["requests"] > 500
        theirs = [worker.process.pid for worker in processes._idle]
        processes.stop_idle()
        os._exit(0 if ok and mine not in theirs else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 500
    assert [worker.process.pid for worker in processes._idle] == [mine]
