"""CPU, memory, waits and GPU are sampled for a process with its children, whatever comes and goes."""

import os
import select
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from playbook.monitor import resources, usage
from playbook.monitor.resources import ProcessTree

BURN = "import time; end = time.monotonic() + {0}\nwhile time.monotonic() < end: pass"


def test_cpu_of_a_child_counts_also_after_it_ended():
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    code = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\nprint('ended', flush=True)\ninput()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    tree, seen = ProcessTree("server", parent.pid), []
    try:
        while not select.select([parent.stdout], [], [], 0.1)[0]:
            seen.append(tree.sample())
        seen += [tree.sample(), tree.sample()]
    finally:
        parent.communicate(b"\n")
    assert max(one.rss_bytes for one in seen) > 5_000_000
    assert 0.1 < seen[-1].cpu_s < 1.5
    assert [one.cpu_s for one in seen] == sorted(one.cpu_s for one in seen)
    assert tree.sample() is None


def test_waiting_for_a_core_is_counted():
    if not resources.run_delays(os.getpid()):
        pytest.skip("this kernel does not tell how long a thread waited")
    core = min(os.sched_getaffinity(0))
    pinned = f"import os; os.sched_setaffinity(0, {{{core}}})\n" + BURN.format(1.2)
    both = [subprocess.Popen([sys.executable, "-c", pinned]) for _ in range(2)]
    tree = ProcessTree("server", both[0].pid)
    time.sleep(0.2)
    first = tree.sample()
    time.sleep(0.8)
    last = tree.sample()
    for process in both:
        process.wait()
    assert last.run_delay_s - first.run_delay_s > 0.1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("usage_usec 5\nnr_throttled 3\nthrottled_usec 1500000\n", 1.5),
        ("nr_periods 9\nnr_throttled 3\nthrottled_time 2500000000\n", 2.5),
        ("usage_usec 5\n", None),
    ],
)
def test_throttling_is_read_from_either_kind_of_cgroup(tmp_path, monkeypatch, text, seconds):
    path = tmp_path / "cpu.stat"
    path.write_text(text)
    monkeypatch.setattr(resources, "cgroup_stat", lambda pid: str(path))
    assert resources.throttled_s(1) == seconds


def test_a_gpu_is_sampled_where_nvidia_smi_answers_and_left_out_where_it_does_not(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert resources.gpu() is None
    in_parts = ("echo '[N/A], 2048'", (None, 2048 * 2**20))  # as a GPU cut into parts answers
    whole = ("echo '37, 2048'", (0.37, 2048 * 2**20))
    for answer, wanted in (whole, in_parts, ("echo broken", None), ("echo", None), ("exit 9", None)):
        tool.write_text(f"#!/bin/sh\n{answer}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        seen = resources.gpu()
        assert (seen and (seen.gpu_share, seen.gpu_memory_bytes)) == wanted


def test_a_process_that_is_not_there_is_none():
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert ProcessTree("server", gone.pid).sample() is None
    assert resources.container_pid("no-such-container") is None


def samples(**columns):
    length = len(next(iter(columns.values())))
    base = {name: np.full(length, np.nan) for name in usage.COLUMNS}
    return usage.Resources({"server": base | {name: np.asarray(values, float) for name, values in columns.items()}})


def test_use_over_a_window_is_a_difference_of_its_samples():
    second = 1e9
    kept = samples(
        at_ns=np.arange(6) * second,
        cpu_s=[10, 10.5, 11, 11.5, 12, 12.5],
        run_delay_s=[0, 0.1, 0.2, 0.3, 0.4, 0.5],
        throttled_s=[0, 0, 0.5, 1.0, 1.5, 1.5],
        rss_bytes=(100 + 2 * np.arange(6)) * 2**20,
    )
    used = kept.used("server", 1e9, 5e9)
    assert (used.seconds, used.cpu_s, used.cores) == (4.0, 2.0, 0.5)
    assert used.run_delay_share == pytest.approx(0.2)
    assert used.throttled_share == pytest.approx(1.5 / 4)
    assert used.memory_growth_mib_s == pytest.approx(2.0)
    assert used.memory_growth_share == pytest.approx(8 / 102)
    assert kept.used("client", 1e9, 5e9) is None


def test_what_was_not_sampled_stays_unknown():
    used = samples(at_ns=[0, 1e9], cpu_s=[0, 1]).used("server", 0, 1e9)
    assert (used.run_delay_share, used.throttled_share, used.memory_growth_mib_s) == (None, None, None)


def test_dockers_proxies_pass_the_loads_own_bytes_and_are_no_other_processes():
    def used(cores):
        column = np.arange(6) * cores
        rest = dict.fromkeys(("rss_bytes", "run_delay_s", "throttled_s"), np.zeros(6))
        return {"at_ns": np.arange(6) * 1e9, "cpu_s": column, **rest}

    seen = {"machine": used(1.7), "server": used(0.9), "client": used(0.3), "proxy_rest": used(0.4)}
    assert usage.Resources(seen).others_cores(0, 5 * 10**9) == pytest.approx(0.1)
    del seen["machine"]
    assert usage.Resources(seen).others_cores(0, 5 * 10**9) is None
