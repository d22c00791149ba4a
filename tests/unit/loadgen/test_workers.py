"""Worker processes are kept from level to level, and no level can tell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import psutil
import pytest

from loadgen import Level, WorkerFailed, hold
from loadgen.scripted.script import Script
from loadgen.scripted.server import running
from loadgen.workers import processes

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


@pytest.fixture(scope="module", autouse=True)
def none_from_elsewhere():
    processes.stop_idle()
    yield
    processes.stop_idle()


@pytest.fixture
def kept(server, bodies, tmp_path):
    """The one worker that stands ready, kept after a level."""
    if len(processes._idle) != 1 or not processes._idle[0].used:
        processes.stop_idle()
        hold(level_of(server, bodies), tmp_path)
        hold(level_of(server, bodies), tmp_path)
    return processes._idle[0]


def level_of(server, bodies, **changes):
    base = {"arrival": "poisson", "rate_rps": 2000.0, "duration_s": 0.3, "ramp_up_s": 0.05, "check_share": 0.3}
    base["connections"] = 40
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
    processes.stop_idle()
    seconds, pids = [], []
    for number in range(5):  # one of them may find the machine busy
        began = time.monotonic()
        hold(level_of(server, bodies), tmp_path / str(number))
        seconds.append(time.monotonic() - began)
        pids.append([worker.process.pid for worker in processes._idle])
    assert pids == [pids[0]] * 5
    assert len(pids[0]) == 1
    assert min(seconds[1:]) < seconds[0]


def test_a_kept_worker_does_what_a_fresh_one_does(server, bodies, tmp_path):
    processes.stop_idle()
    level = level_of(server, bodies)
    fresh = hold(level, tmp_path / "fresh")
    hold(level_of(server, bodies, arrival="closed", concurrency=40, rate_rps=None), tmp_path / "between")
    kept = hold(level, tmp_path / "kept")
    assert told_apart(kept) == told_apart(fresh)
    assert np.array_equal(due(tmp_path / "kept"), due(tmp_path / "fresh"))
    assert kept["connections_opened"] == level.connection_count()


def test_memory_of_a_large_level_is_gone_in_the_next(kept, server, bodies, tmp_path):
    small, large = level_of(server, bodies), level_of(server, bodies, rate_rps=800_000.0, timeout_s=0.3)
    first = hold(small, tmp_path)["worker_memory_mb"]
    swollen = hold(large, tmp_path)["worker_memory_mb"]
    again = hold(small, tmp_path)["worker_memory_mb"]
    assert swollen > first + 10
    assert again < first + 2


def test_a_level_of_another_protocol_on_other_cores_follows(kept, server, bodies, tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    with running("grpc") as other:
        level = Level(other.url, "grpc", bodies, concurrency=4, duration_s=0.3, ramp_up_s=0.1, cpus=(cores[0],))
        summary = hold(level.with_(check_share=0.0), tmp_path)
    assert summary["errors"] == 0
    assert summary["client_cpus"] == [[cores[0]]]
    assert hold(level_of(server, bodies, cpus=(cores[-1],)), tmp_path)["client_cpus"] == [[cores[-1]]]
    assert processes._idle == [kept]


def may_be_realtime():
    """Whether this user may start real-time processes."""
    script = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not hasattr(os, "SCHED_FIFO"), reason="there is no real-time scheduling here")
def test_a_pinned_worker_goes_before_all_others_on_its_core_unless_it_is_the_only_one(server, bodies, tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    summary = hold(level_of(server, bodies, cpus=(cores[-1],)), tmp_path)
    assert summary["client_realtime"] == [may_be_realtime() and len(cores) > 1]
    flags = f"--url {server.url} --bodies {bodies} --rate 500 --duration 0.3 --ramp-up 0 --cpus {cores[0]}"
    alone = subprocess.run(
        [sys.executable, "-m", "loadgen", *flags.split(), "--out", str(tmp_path / "alone")],
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[0]}),
        capture_output=True,
        check=True,
    )
    assert json.loads(alone.stdout)["client_realtime"] == [False]


def test_several_threads_hold_levels_at_once_each_with_workers_of_its_own(kept, server, bodies, tmp_path):
    def held(number):
        level = level_of(server, bodies, rate_rps=300.0, processes=1 + number % 2, seed=number)
        return [hold(level, tmp_path / str(number)) for _ in range(2)]

    with ThreadPoolExecutor(4) as pool:
        summaries = list(pool.map(held, range(4)))
    for number, (first, second) in enumerate(summaries):
        assert first["errors"] == second["errors"] == 0
        assert first["requests"] == second["requests"] == len(due(tmp_path / str(number))), "rows of another level"
    assert len({worker.process.pid for worker in processes._idle}) == len(processes._idle) <= processes.MOST_IDLE


def test_a_kept_worker_that_has_died_is_replaced(kept, server, bodies, tmp_path):
    os.kill(kept.process.pid, signal.SIGKILL)
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 400


def test_a_kept_worker_that_dies_as_its_level_begins_is_replaced(kept, server, bodies, tmp_path, monkeypatch):
    monkeypatch.setattr(kept.process, "poll", lambda: None)  # it is taken for alive: it dies a moment later
    os.kill(kept.process.pid, signal.SIGKILL)
    kept.process.wait()
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 400


def test_a_worker_killed_in_its_level_fails_that_level_only(kept, server, bodies, tmp_path):
    def kill(_):
        for child in psutil.Process(kept.process.pid).children():
            child.kill()

    with pytest.raises(WorkerFailed, match=r"ended before its 'result': it was killed by SIGKILL while it "):
        hold(level_of(server, bodies, duration_s=5.0), tmp_path, kill)
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 400
    assert kept not in processes._idle


def test_the_last_words_are_those_of_the_level_that_failed(kept, server, bodies, tmp_path):
    nowhere = level_of(server, bodies).with_(url="http://no-such-host.invalid:1/x")
    with pytest.raises(WorkerFailed, match=r"ended before its 'ready': gaierror: "):
        hold(nowhere, tmp_path)


def test_a_level_given_up_half_way_leaves_no_process(server, bodies, tmp_path):
    def interrupt(_):
        children[:] = psutil.Process().children(recursive=True)
        raise KeyboardInterrupt

    processes.stop_idle()
    children: list[psutil.Process] = []
    before = psutil.Process().children(recursive=True)
    with pytest.raises(KeyboardInterrupt):
        hold(level_of(server, bodies, duration_s=5.0), tmp_path, interrupt)
    workers = [child for child in children if child not in before]
    assert len(workers) == 2  # the worker and the child that held the level
    assert psutil.wait_procs(workers, timeout=20)[1] == []


HOLD_AND = """
import os, sys, threading, time, psutil
from pathlib import Path
from loadgen import Level, hold

def end():
    print(*[child.pid for child in psutil.Process().children(recursive=True)], flush=True)
    os.kill(os.getpid(), {signal}) if {signal} else sys.exit()

def fork():
    if os.fork() == 0:
        os.closerange(0, 3)  # it outlives its parent, with copies of all that the parent had open
        time.sleep(15)
        os._exit(0)

ramp_up_s = {ramp_up_s}
def leave():
    while len(psutil.Process().children(recursive=True)) < 2:  # the worker, and its child that holds the level
        time.sleep(0.05)
    time.sleep(0.5)
    fork()
    end()

if ramp_up_s:
    threading.Thread(target=leave).start()
level = Level(sys.argv[1], bodies=Path(sys.argv[2]), rate_rps=200.0, arrival="poisson", ramp_up_s=ramp_up_s)
hold(level.with_(duration_s=30.0 if ramp_up_s else 0.3), Path(sys.argv[3]))
end()
"""
ENDS = {
    "it exits": {"signal": 0, "ramp_up_s": 0.0},
    "it is killed between levels": {"signal": 9, "ramp_up_s": 0.0},
    "it is terminated in a window": {"signal": 15, "ramp_up_s": 0.1},
    "it is killed in a ramp-up": {"signal": 9, "ramp_up_s": 20.0},
}


def a_worker(pid):
    """The load worker of this number, while there is one."""
    try:
        process = psutil.Process(pid)
        return process if "loadgen.workers.worker" in process.cmdline() else None
    except psutil.Error:  # it has ended, which is what they are to do
        return None


@pytest.fixture(scope="module")
def left_alone(server, bodies, tmp_path_factory):
    """How many workers each process had as it ended, and which of them outlive it by more than 8 s."""
    begun = {}
    for name, how in ENDS.items():
        out = str(tmp_path_factory.mktemp("out"))
        command = [sys.executable, "-c", HOLD_AND.format(**how), server.url, str(bodies), out]
        own = os.environ | {"TMPDIR": out}  # what a killed process leaves there goes when the next level is held there
        begun[name] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own)
    found = {}
    for name, process in begun.items():
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.wait(30)
        found[name] = len(pids), psutil.wait_procs([w for w in map(a_worker, pids) if w], timeout=8)[1]
        process.stdout.close()
    return found


@pytest.mark.parametrize("name", ENDS)
def test_workers_end_with_the_process_that_started_them_when(name, left_alone):
    count, alive = left_alone[name]
    for worker in alive:
        worker.kill()
    assert count >= 1
    assert alive == []


def test_a_fork_of_this_process_has_workers_of_its_own(kept, server, bodies, tmp_path):
    mine = kept.process.pid
    child = os.fork()
    if child == 0:
        ok = hold(level_of(server, bodies), tmp_path / "fork")["requests"] > 400
        theirs = [worker.process.pid for worker in processes._idle]
        processes.stop_idle()
        os._exit(0 if ok and mine not in theirs else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert hold(level_of(server, bodies), tmp_path)["requests"] > 400
    assert [worker.process.pid for worker in processes._idle] == [mine]
